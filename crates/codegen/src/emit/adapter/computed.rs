//! What the grants compute for each request: the credentials that it needs, and the code that computes it.

use indexmap::IndexMap;

use crate::emit::adapter::Adapter;
use crate::emit::adapter::credentials::{CredentialUse, Grant, all_uses, converted, is_enum};
use crate::emit::layout::Code;
use crate::emit::settings::settings;
use crate::ident;
use crate::lower::model::{Model, Ty};
use crate::read::x_token::compute::{
    Algorithm, BASE, Claim, Compute, Jwt, Named, THUMBPRINTS, TextPart, Time, TimeForm, parts,
};

/// A value that a grant computes.
pub struct Computed<'a> {
    /// The credential that it replaces.
    pub name: String,
    pub compute: &'a Compute,
    /// The type of the variable.
    pub ty: Ty,
}

impl Computed<'_> {
    /// Returns the variable with the value.
    pub fn variable(&self) -> String {
        format!("computed_{}", self.name)
    }
}

/// Returns what a grant computes: only what its request sends.
pub fn computed<'a>(model: &Model, grant: &Grant<'a>) -> Vec<Computed<'a>> {
    let mut found: IndexMap<String, Computed<'a>> = IndexMap::new();
    if grant.computes.is_empty() {
        return Vec::new();
    }
    for used in all_uses(model, grant) {
        if let Some(compute) = grant.computes.get(&used.name) {
            let ty = computed_type(compute, &used.ty);
            found.entry(used.name.clone()).or_insert(Computed { name: used.name, compute, ty });
        }
    }
    found.into_values().collect()
}

/// Returns the type of a computed value, for a place of this type.
pub fn computed_type(compute: &Compute, place: &Ty) -> Ty {
    match compute {
        Compute::Jwt(_) => Ty::Secret,
        Compute::Time(time) if time.format.is_none() => match (time.as_, place) {
            (Some(TimeForm::Unix | TimeForm::Ms), _) | (None, Ty::Integer) => Ty::Integer,
            _ => Ty::Timestamp { utc: matches!(place, Ty::Timestamp { utc: true }) },
        },
        Compute::Uuid | Compute::Time(_) => Ty::Text,
        // So that no part of a secret stays in memory.
        Compute::Text(_) | Compute::Received(_) => Ty::Secret,
    }
}

/// Returns the credentials that a computed value needs in place of the one that it replaces.
pub fn inputs(model: &Model, replaced: &CredentialUse, compute: &Compute) -> Vec<CredentialUse> {
    let settings: Vec<String> = settings(model).into_iter().map(|setting| setting.name).collect();
    let mut uses: Vec<CredentialUse> = Vec::new();
    let mut add = |name: String, ty: Ty, required: bool, docs: String| {
        if !settings.contains(&name) {
            uses.push(CredentialUse { path: vec![name.clone()], name, ty, required, docs });
        }
    };
    let target = &replaced.name;
    let texts = |add: &mut dyn FnMut(String, Ty, bool, String), text: &str, place: &str| {
        for part in parts(text).unwrap_or_default() {
            match part {
                TextPart::Name(BASE) | TextPart::Plain(_) => {}
                TextPart::Name(name) => {
                    add(ident::snake(name), Ty::Text, true, format!("A part of {place}."));
                }
            }
        }
    };
    match compute {
        Compute::Uuid | Compute::Time(_) | Compute::Received(_) => {}
        Compute::Text(text) => texts(&mut add, text, &format!("`{target}`, which is `{text}`")),
        Compute::Jwt(jwt) => {
            add(jwt.key.name.clone(), Ty::Secret, true, documented(&jwt.key, &key_docs(jwt, target)));
            let header = jwt.header.iter().map(|(name, value)| (name, value, "header"));
            let claims = jwt.claims.iter().map(|(name, value)| (name, value, "claim"));
            for (name, value, kind) in header.chain(claims) {
                let place = format!("the {kind} `{name}` of `{target}`");
                let is_certificate = kind == "header" && THUMBPRINTS.contains(&name.as_str());
                match value {
                    Claim::Named(named) if is_certificate => {
                        let docs =
                            format!("The certificate of the key, in PEM. {} is its thumbprint.", capital(&place));
                        add(named.name.clone(), Ty::Secret, true, documented(named, &docs));
                    }
                    Claim::Named(named) => {
                        let docs = documented(named, &format!("{}.", capital(&place)));
                        add(named.name.clone(), Ty::Text, !named.optional, docs);
                    }
                    Claim::Text(text) => texts(&mut add, text, &place),
                    Claim::Uuid | Claim::Time(_) | Claim::Flag(_) | Claim::Number(_) => {}
                }
            }
        }
    }
    uses
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn documented(named: &Named, docs: &str) -> String {
    named.description.clone().unwrap_or_else(|| docs.to_owned())
}

fn key_docs(jwt: &Jwt, target: &str) -> String {
    if jwt.algorithm.0.iter().any(|algorithm| algorithm.is_shared()) {
        format!("The secret that signs `{target}`.")
    } else {
        format!("The private key that signs `{target}`: a PEM (PKCS#8, PKCS#1 or SEC1) or a JWK.")
    }
}

/// Returns the names of the credentials with a private key or a certificate. They have line breaks.
pub fn with_lines(model: &Model, grants: &[Grant<'_>]) -> Vec<String> {
    let jwts = grants.iter().flat_map(|grant| computed(model, grant)).filter_map(|computed| match computed.compute {
        Compute::Jwt(jwt) => Some(jwt),
        _ => None,
    });
    let names = jwts.flat_map(|jwt| {
        let certificates = jwt.header.iter().filter(|(name, _)| THUMBPRINTS.contains(&name.as_str()));
        let certificates = certificates.filter_map(|(_, value)| match value {
            Claim::Named(named) => Some(named.name.clone()),
            _ => None,
        });
        let is_shared = jwt.algorithm.0.iter().any(|algorithm| algorithm.is_shared());
        certificates.chain((!is_shared).then(|| jwt.key.name.clone())).collect::<Vec<_>>()
    });
    names.chain(grants.iter().filter_map(|grant| grant.certificate.clone())).collect()
}

impl Adapter<'_> {
    /// Returns the statements that compute the values of a grant.
    pub fn compute(&self, grant: &Grant<'_>) -> Vec<Code> {
        computed(self.model, grant)
            .into_iter()
            .map(|computed| {
                let value = match computed.compute {
                    Compute::Uuid => Code::text("adapter::computed(compute::uuid())?"),
                    Compute::Time(time) => Code::text(moment(time, &computed.ty)),
                    Compute::Text(text) => Code::list("Secret::new(", vec![self.text(text)]),
                    Compute::Received(place) => self.received(grant, place),
                    Compute::Jwt(jwt) => {
                        Code::row([Code::list("adapter::computed(", vec![self.jwt(jwt)]), Code::text("?")])
                    }
                };
                Code::row([Code::text(format!("let {} = ", computed.variable())), value])
            })
            .collect()
    }

    fn jwt(&self, jwt: &Jwt) -> Code {
        let algorithms = jwt.algorithm.0.iter().map(|of| Code::text(format!("compute::Algorithm::{}", variant(*of))));
        let mut chain = vec![Code::list("compute::Jwt::new(", vec![Code::list("&[", algorithms.collect())])];
        for (name, value) in &jwt.header {
            match value {
                Claim::Named(named) if THUMBPRINTS.contains(&name.as_str()) => {
                    let inputs = vec![Code::string(name), Code::string(&named.name), self.secret(&named.name)];
                    chain.push(Code::list(".thumbprint(", inputs));
                }
                value => chain.push(Code::list(".header(", vec![Code::string(name), self.claim(value)])),
            }
        }
        for (name, value) in &jwt.claims {
            chain.push(Code::list(".claim(", vec![Code::string(name), self.claim(value)]));
        }
        chain.push(Code::list(".sign(", vec![Code::string(&jwt.key.name), self.secret(&jwt.key.name)]));
        Code::chain(chain)
    }

    /// Returns a credential as a reference to a secret.
    pub fn secret(&self, name: &str) -> Code {
        Code::text(match self.credentials.get(name) {
            Some(credential) if credential.optional => credential.needed(name),
            Some(credential) => credential.reference(name),
            None => format!("&credentials.{name}"),
        })
    }

    fn claim(&self, claim: &Claim) -> Code {
        match claim {
            Claim::Uuid => Code::text("adapter::computed(compute::uuid())?"),
            Claim::Time(time) => Code::text(match (&time.format, time.as_) {
                (None, None | Some(TimeForm::Unix | TimeForm::Ms)) => moment(time, &Ty::Integer),
                (None, Some(TimeForm::DateTime)) => format!("{}.to_string()", moment(time, &Ty::Text)),
                _ => moment(time, &Ty::Text),
            }),
            Claim::Text(text) => self.text(text),
            Claim::Flag(flag) => Code::text(flag.to_string()),
            Claim::Number(number) => Code::text(format!("{number}_i64")),
            Claim::Named(named) => Code::text(self.named(named)),
        }
    }

    fn named(&self, named: &Named) -> String {
        let name = &named.name;
        let Some(credential) = self.credentials.get(name) else { return setting(name) };
        let is_text = matches!(credential.ty, Ty::Text | Ty::Secret);
        match (credential.optional, named.optional, is_text) {
            (true, true, true) | (false, _, true) => credential.reference(name),
            (true, true, false) => {
                let value = converted(self.model, &credential.ty, &Ty::Text, "value", true);
                format!("&{}.as_ref().map(|value| {value})", credential.place(name))
            }
            (true, false, true) => credential.needed(name),
            (_, _, false) => format!("&{}", self.owned_text(name)),
        }
    }

    /// Returns a credential that is not optional here as an owned string.
    fn owned_text(&self, name: &str) -> String {
        let Some(credential) = self.credentials.get(name) else { return String::new() };
        if credential.optional {
            converted(self.model, &credential.ty, &Ty::Text, &credential.needed(name), true)
        } else {
            let place = credential.place(name);
            converted(self.model, &credential.ty, &Ty::Text, &place, credential.is_of_alternative)
        }
    }

    /// Returns a string with its parts filled in.
    fn text(&self, text: &str) -> Code {
        let parts = parts(text).unwrap_or_default();
        if let [TextPart::Plain(_)] | [] = &parts[..] {
            return Code::string(text);
        }
        let parts = parts.into_iter().map(|part| match part {
            TextPart::Plain(text) => Code::string(text),
            TextPart::Name(BASE) => Code::text("self.text_base()?.as_str()"),
            TextPart::Name(name) => Code::text(self.part(&ident::snake(name))),
        });
        Code::row([Code::list("[", parts.collect()), Code::text(".concat()")])
    }

    /// Returns a credential or a setting as a `&str`.
    fn part(&self, name: &str) -> String {
        let Some(credential) = self.credentials.get(name) else { return setting(name) };
        let place = if credential.optional { credential.needed(name) } else { credential.place(name) };
        match &credential.ty {
            Ty::Secret => format!("{place}.expose()"),
            ty if *ty == Ty::Text || is_enum(self.model, ty) => format!("{place}.as_str()"),
            _ => format!("{}.as_str()", self.owned_text(name)),
        }
    }
}

/// Returns the read of a setting.
fn setting(name: &str) -> String {
    format!("self.text_setting({name:?})?")
}

/// Returns a time in the form that its type needs.
fn moment(time: &Time, ty: &Ty) -> String {
    let moment = format!("compute::Moment::after({})", time.now.0);
    match (&time.format, ty) {
        (Some(format), _) => format!("{moment}.format({format:?})"),
        (None, Ty::Integer) if time.as_ == Some(TimeForm::Ms) => format!("{moment}.millis()"),
        (None, Ty::Integer) => format!("{moment}.unix()"),
        _ => format!("{moment}.date_time()"),
    }
}

/// Returns the name of an algorithm in the runtime: `Rs256`.
fn variant(algorithm: Algorithm) -> String {
    match algorithm {
        Algorithm::EdDSA => "EdDsa".to_owned(),
        other => capital(&format!("{other:?}").to_ascii_lowercase()),
    }
}

/// Returns the features of the runtime that a model needs besides `client`.
pub fn features(model: &Model) -> Vec<&'static str> {
    let Some(x_token) = &model.x_token else { return Vec::new() };
    if x_token.computes().any(|compute| matches!(compute, Compute::Jwt(_))) {
        vec!["jwt"]
    } else if x_token.computes().any(Compute::is_random) {
        vec!["uuid"]
    } else {
        Vec::new()
    }
}
