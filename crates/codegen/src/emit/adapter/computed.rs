//! What the grants compute for each request, and the credentials that it needs.

use indexmap::IndexMap;

use crate::emit::adapter::grants::Grant;
use crate::emit::adapter::sent::{CredentialUse, all_uses};
use crate::emit::settings::settings;
use crate::ident;
use crate::lower::model::{Model, Ty};
use crate::read::x_token::compute::{BASE, Claim, Compute, Jwt, Named, THUMBPRINTS, TextPart, TimeForm, parts};

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

pub fn capital(text: &str) -> String {
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
