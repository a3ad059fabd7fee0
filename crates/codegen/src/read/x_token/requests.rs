//! The requests of the actions: what each sends, with each alternative of `one-of`.

use indexmap::IndexMap;
use serde_json::Value;

use crate::ident;
use crate::read::spec::NO_SECURITY;
use crate::read::x_token::alternatives::{Alternative, Alternatives};
use crate::read::x_token::compute::{BASE, Compute, Computes, TextPart, parts};
use crate::read::x_token::refresh::Refresh;
use crate::read::x_token::{Login, Revoke, Then, XToken};

/// A request of an action: with one of the alternatives, or the only one.
#[derive(Clone, Debug, PartialEq)]
pub struct Form<'a> {
    /// The name of the alternative as the spec writes it.
    pub alternative: Option<&'a str>,
    pub body: Option<&'a str>,
    /// The alternative of `security`.
    pub security: Option<&'a str>,
    /// Whether `security` is that of the login. The operation can lack it: then its first one is used.
    pub is_security_inherited: bool,
    /// What is computed, by the name of the credential that it replaces.
    pub computes: IndexMap<String, &'a Compute>,
    /// The credential with the client's certificate.
    pub certificate: Option<&'a str>,
}

/// What the three actions have in common.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    body: Option<&'a str>,
    security: Option<&'a str>,
    compute: &'a Computes,
    one_of: &'a Alternatives,
}

impl<'a> Parts<'a> {
    fn new(
        body: &'a Option<String>,
        security: &'a Option<String>,
        compute: &'a Computes,
        one_of: &'a Alternatives,
    ) -> Self {
        Self { body: body.as_deref(), security: security.as_deref(), compute, one_of }
    }
}

impl Refresh {
    /// Returns what it has in common with the other actions.
    pub fn parts(&self) -> Parts<'_> {
        Parts::new(&self.body, &self.security, &self.compute, &self.one_of)
    }
}

impl Revoke {
    /// Returns what it has in common with the other actions.
    pub fn parts(&self) -> Parts<'_> {
        Parts::new(&self.body, &self.security, &self.compute, &self.one_of)
    }
}

impl Then {
    /// Returns what it has in common with the actions: what it takes of the response before is computed.
    pub fn parts(&self) -> Parts<'_> {
        Parts::new(&self.body, &self.security, &self.from.0, &self.one_of)
    }
}

impl Login {
    /// Returns what it has in common with the other actions.
    pub fn parts(&self) -> Parts<'_> {
        Parts::new(&self.body, &self.security, &self.compute, &self.one_of)
    }

    /// Returns the operation whose response has the token: that of the last request.
    pub fn issuing(&self) -> &String {
        self.then.last().map_or(&self.operation, |then| &then.operation)
    }
}

impl XToken {
    /// Returns the names of the alternatives.
    pub fn alternatives(&self) -> impl Iterator<Item = &str> {
        self.login.iter().flat_map(|login| login.one_of.0.keys()).map(String::as_str)
    }

    /// Returns the requests of an action: one for each alternative. What the login computes, the other actions compute too,
    /// unless they say otherwise, and without `one-of` they use the `security` of the login's alternative.
    pub fn forms<'a>(&'a self, action: Parts<'a>) -> Vec<Form<'a>> {
        let of_login = self.login.iter().flat_map(|login| &login.compute);
        let Some(login) = self.login.as_ref().filter(|login| !login.one_of.0.is_empty()) else {
            return vec![Form {
                alternative: None,
                body: action.body,
                security: action.security,
                is_security_inherited: false,
                computes: merged(of_login.chain(action.compute)),
                certificate: self.certificate.as_deref(),
            }];
        };
        let form = |(name, alternative): (&'a String, &'a Alternative)| {
            let own = action.one_of.0.get(name);
            let security = own.and_then(|own| own.security.as_deref()).or(action.security);
            let computes = of_login.clone().chain(&alternative.compute).chain(action.compute);
            Form {
                alternative: Some(name),
                body: own.and_then(|own| own.body.as_deref()).or(action.body),
                security: security.or(alternative.security.as_deref()),
                is_security_inherited: security.is_none(),
                computes: merged(computes.chain(own.into_iter().flat_map(|own| &own.compute))),
                certificate: alternative.certificate.as_deref().or(self.certificate.as_deref()),
            }
        };
        login.one_of.0.iter().map(form).collect()
    }

    /// Whether a client authenticates with a TLS certificate.
    pub fn has_certificate(&self) -> bool {
        let login = self.login.as_ref();
        let mut of_alternatives = login.into_iter().flat_map(|login| login.one_of.0.values());
        self.certificate.is_some() || of_alternatives.any(|alternative| alternative.certificate.is_some())
    }

    /// Returns the names that computed values contain, in snake case, and whether one contains the base URL.
    pub fn computed_names(&self) -> (Vec<String>, bool) {
        let mut names: Vec<String> = Vec::new();
        let mut needs_base = false;
        for compute in self.computes() {
            names.extend(compute.named().into_iter().map(|named| named.name.clone()));
            for part in compute.texts().into_iter().filter_map(parts).flatten() {
                match part {
                    TextPart::Name(BASE) => needs_base = true,
                    TextPart::Name(name) => names.push(ident::snake(name)),
                    TextPart::Plain(_) => {}
                }
            }
        }
        (names, needs_base)
    }

    /// Returns all that is computed.
    pub fn computes(&self) -> impl Iterator<Item = &Compute> {
        let actions = [
            self.login.as_ref().map(|login| (&login.compute, &login.one_of)),
            self.refresh.as_ref().map(|refresh| (&refresh.compute, &refresh.one_of)),
            self.revoke.as_ref().map(|revoke| (&revoke.compute, &revoke.one_of)),
        ];
        actions.into_iter().flatten().flat_map(|(own, one_of)| {
            own.values().chain(one_of.0.values().flat_map(|alternative| alternative.compute.values()))
        })
    }

    /// Makes each alternative of a list a scheme, if the document has one of its name.
    pub fn resolve(&mut self, document: &Value) {
        let schemes = document.pointer("/components/securitySchemes");
        let is_scheme = |name: &str| name == NO_SECURITY || schemes.is_some_and(|schemes| schemes.get(name).is_some());
        let actions = [
            self.login.as_mut().map(|login| &mut login.one_of),
            self.refresh.as_mut().map(|refresh| &mut refresh.one_of),
            self.revoke.as_mut().map(|revoke| &mut revoke.one_of),
        ];
        for (name, alternative) in actions.into_iter().flatten().flat_map(|one_of| &mut one_of.0) {
            if alternative.body.as_ref() == Some(name) && is_scheme(name) {
                *alternative = Alternative { security: Some(name.clone()), ..Alternative::default() };
            }
        }
    }
}

/// Those that come last win.
fn merged<'a>(computes: impl Iterator<Item = (&'a String, &'a Compute)>) -> IndexMap<String, &'a Compute> {
    computes.map(|(name, compute)| (ident::snake(name), compute)).collect()
}
