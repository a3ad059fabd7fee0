//! The credentials of a vendor's grants. Each is one field of the adapter's `Credentials`, even if several requests
//! send it.

use indexmap::IndexMap;

use crate::emit::adapter::computed::inputs;
use crate::emit::adapter::conversions::{converts, field_type};
use crate::emit::adapter::grants::{Grant, GrantKind, grants};
use crate::emit::adapter::sent::{CredentialUse, all_uses};
use crate::ident;
use crate::lower::model::{Model, Ty};
use crate::read::x_token::XToken;
use crate::read::x_token::usage::UseBasic;

/// A credential with the same name but incompatible types in two operations.
#[derive(Debug, PartialEq)]
pub struct Conflict {
    pub name: String,
    /// One operation, and the type of the credential there.
    pub first: (String, String),
    /// Another operation, and the other type.
    pub second: (String, String),
}

/// Returns all conflicts, one for each name.
pub fn conflicts(model: &Model) -> Vec<Conflict> {
    let Some(x_token) = &model.x_token else { return Vec::new() };
    let Ok(grants) = grants(model, x_token) else { return Vec::new() };
    let credentials = merged(credential_set(model, x_token, &grants));
    let places = grants.iter().flat_map(|grant| uses(model, grant).into_iter().map(move |used| (grant, used)));
    let places: Vec<(&Grant<'_>, CredentialUse)> = places.collect();
    let described = |(grant, used): &(&Grant<'_>, CredentialUse)| (grant.operation.id.clone(), field_type(&used.ty));
    let mut found: Vec<Conflict> = Vec::new();
    for place in &places {
        let name = &place.1.name;
        let Some(credential) = credentials.get(name) else { continue };
        if converts(model, &credential.ty, &place.1.ty) || found.iter().any(|found| found.name == *name) {
            continue;
        }
        let other = places.iter().find(|(_, other)| other.name == *name && other.ty != place.1.ty).unwrap_or(place);
        found.push(Conflict { name: name.clone(), first: described(other), second: described(place) });
    }
    found
}

/// Returns the credentials of a vendor, or `None` without an adapter.
pub fn all_credentials(model: &Model) -> Option<IndexMap<String, Credential>> {
    let x_token = model.x_token.as_ref()?;
    Some(merged(credential_set(model, x_token, &grants(model, x_token).ok()?)))
}

/// Returns all credentials by name. Of one that several alternatives have, the first counts.
fn merged(set: CredentialSet) -> IndexMap<String, Credential> {
    let mut all = set.shared;
    for (name, credential) in set.alternatives.into_values().flatten() {
        all.entry(name).or_insert(credential);
    }
    all
}

/// Returns pairs of different paths with the same name, such as `client.secret` and `client_secret`, of which one is a
/// secret. Equal paths are the same credential.
pub fn confused(model: &Model) -> Vec<(Vec<String>, Vec<String>)> {
    let Some(x_token) = &model.x_token else { return Vec::new() };
    let Ok(grants) = grants(model, x_token) else { return Vec::new() };
    let uses: Vec<CredentialUse> = grants.iter().flat_map(|grant| uses(model, grant)).collect();
    let mut found: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for (index, second) in uses.iter().enumerate() {
        let is_other = |first: &&CredentialUse| {
            first.name == second.name
                && first.path != second.path
                && (first.ty == Ty::Secret || second.ty == Ty::Secret)
        };
        let first = uses[..index].iter().find(is_other);
        let is_known = found.iter().any(|(_, known)| known.concat() == second.path.concat());
        found.extend(first.filter(|_| !is_known).map(|first| (first.path.clone(), second.path.clone())));
    }
    found
}

/// A field of the facade's `Credentials`, or of a variant of its `Authentication`.
#[derive(Clone)]
pub struct Credential {
    pub ty: Ty,
    pub optional: bool,
    pub docs: String,
    /// Whether it is in a variant.
    pub is_of_alternative: bool,
}

impl Credential {
    /// Returns where a method of the adapter has it. A variant is matched, so that its fields are references.
    pub fn place(&self, name: &str) -> String {
        if self.is_of_alternative { format!("given_{name}") } else { format!("credentials.{name}") }
    }

    /// Returns a reference to it.
    pub fn reference(&self, name: &str) -> String {
        if self.is_of_alternative { format!("given_{name}") } else { format!("&credentials.{name}") }
    }

    /// Returns the expression of an optional one that a grant requires: a reference to the value.
    pub fn needed(&self, name: &str) -> String {
        format!("adapter::needed({name:?}, {})?", self.reference(name))
    }
}

/// The fields of the facade's `Credentials`, and those of the variants of its `Authentication`.
pub struct CredentialSet {
    /// Those that all alternatives have, or all without alternatives.
    pub shared: IndexMap<String, Credential>,
    /// The others of each alternative of `one-of`.
    pub alternatives: IndexMap<String, IndexMap<String, Credential>>,
}

/// Returns the credentials of these grants.
pub fn credential_set(model: &Model, x_token: &XToken, grants: &[Grant<'_>]) -> CredentialSet {
    let of = |alternative: Option<&str>| {
        let grants: Vec<&Grant<'_>> = grants.iter().filter(|grant| grant.alternative == alternative).collect();
        credentials(model, x_token, &grants)
    };
    let mut alternatives: IndexMap<String, IndexMap<String, Credential>> =
        x_token.alternatives().map(|name| (name.to_owned(), of(Some(name)))).collect();
    let Some(first) = alternatives.values().next() else {
        return CredentialSet { shared: of(None), alternatives };
    };
    let is_shared = |name: &&String| alternatives.values().all(|of| of.contains_key(*name));
    let names: Vec<String> = first.keys().filter(is_shared).cloned().collect();
    let mut shared: IndexMap<String, Credential> = IndexMap::new();
    for name in names {
        for found in alternatives.values_mut().filter_map(|of| of.shift_remove(&name)) {
            let known = shared.entry(name.clone()).or_insert_with(|| found.clone());
            if found.ty == Ty::Secret {
                known.ty = Ty::Secret;
            }
            known.optional |= found.optional;
        }
    }
    for credential in alternatives.values_mut().flat_map(IndexMap::values_mut) {
        credential.is_of_alternative = true;
    }
    CredentialSet { shared, alternatives }
}

/// Returns the credentials of one alternative in order: first those of the login, or of the refresh without a login. Those that
/// only other grants need are optional.
fn credentials(model: &Model, x_token: &XToken, grants: &[&Grant<'_>]) -> IndexMap<String, Credential> {
    let mut found: IndexMap<String, Credential> = IndexMap::new();
    for (index, grant) in grants.iter().enumerate() {
        for used in uses(model, grant) {
            // What gets a token. Without that, a source starts from one, and nothing is required.
            let is_first = index == 0 && grant.kind != GrantKind::Revoke || matches!(grant.kind, GrantKind::Then(_));
            let note = match grant.kind {
                _ if is_first => "",
                GrantKind::Revoke => "Only a revocation needs it.",
                _ => "Only a refresh needs it.",
            };
            match found.get_mut(&used.name) {
                Some(credential) => {
                    // A secret in one place is a secret in all places.
                    if used.ty == Ty::Secret {
                        credential.ty = Ty::Secret;
                    }
                    credential.optional &= !(is_first && used.required);
                }
                None => {
                    let docs = if note.is_empty() { used.docs } else { format!("{}\n\n{note}", used.docs) };
                    let optional = !(is_first && used.required);
                    found.insert(used.name, Credential { ty: used.ty, optional, docs, is_of_alternative: false });
                }
            }
        }
    }
    for (header, name) in x_token.use_.also_credentials() {
        let docs = format!("Sent with each call, in the header `{header}`.");
        let name = ident::snake(name);
        let credential = Credential { ty: Ty::Secret, optional: false, docs, is_of_alternative: false };
        found.entry(name).or_insert(credential);
    }
    if let Some(name) = x_token.use_.basic.as_ref().and_then(UseBasic::credential) {
        let docs = "Sent with each call, as the other half of HTTP Basic.".to_owned();
        let credential = Credential { ty: Ty::Secret, optional: false, docs, is_of_alternative: false };
        found.entry(ident::snake(name)).or_insert(credential);
    }
    found
}

/// Returns the credentials that a grant needs, in the order of the spec: what it computes needs others instead.
pub fn uses(model: &Model, grant: &Grant<'_>) -> Vec<CredentialUse> {
    let uses = all_uses(model, grant).into_iter();
    let needed = uses.flat_map(|used| match grant.computes.get(&used.name) {
        Some(compute) => inputs(model, &used, compute),
        None => vec![used],
    });
    let certificate = grant.certificate.iter().map(|name| CredentialUse {
        name: name.clone(),
        path: vec![name.clone()],
        ty: Ty::Secret,
        required: true,
        docs: "The client's certificate and its private key in PEM, for TLS client authentication.".to_owned(),
    });
    needed.chain(certificate).collect()
}
