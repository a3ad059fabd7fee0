//! The credentials of a vendor's grants. Each is one field of the adapter's `Credentials`, even if several requests
//! send it.

use indexmap::IndexMap;

use crate::emit::adapter::computed::inputs;
use crate::emit::client;
use crate::emit::errors::body_type;
use crate::emit::types::{delimited, or};
use crate::ident;
use crate::lower::model::{Model, Operation, Param, Part, Property, SchemeKind, Shape, Ty};
use crate::read::x_token::alternatives::{Form, Parts};
use crate::read::x_token::compute::Compute;
use crate::read::x_token::usage::UseBasic;
use crate::read::x_token::{Takes, XToken};

/// Whether a vendor has an adapter. Without a login and a refresh, the block says how a token is used that a user provides.
pub fn has_adapter(x_token: Option<&XToken>) -> bool {
    x_token.is_some()
}

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
    let x_token = model.x_token.as_ref().filter(|x_token| has_adapter(Some(x_token)))?;
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

/// A request that `x-token` names.
pub struct Grant<'a> {
    pub kind: GrantKind,
    /// The alternative of `one-of`.
    pub alternative: Option<&'a str>,
    pub operation: &'a Operation,
    /// The struct of its body.
    pub body: Option<&'a str>,
    /// The name on the wire of the property or parameter for the token.
    pub token: Option<&'a str>,
    /// The name of the property or parameter for the token of another grant with the same request. It is not sent.
    pub left_out: Option<&'a str>,
    /// What is computed, by the name of the credential that it replaces.
    pub computes: IndexMap<String, &'a Compute>,
    /// The credential with the client's certificate for TLS.
    pub certificate: Option<String>,
    /// Whether its response has the token.
    pub issues: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub enum GrantKind {
    Login,
    /// The further request of a login at this position.
    Then(usize),
    Refresh,
    Revoke,
}

impl Grant<'_> {
    /// Returns the variable with the token.
    pub fn token_variable(&self) -> &'static str {
        if self.kind == GrantKind::Revoke { "token" } else { "refresh_token" }
    }

    /// Whether it revokes a refresh token in its body or a parameter, while its bearer scheme sends the access token.
    pub fn is_authorized_by_access_token(&self, x_token: &XToken) -> bool {
        let takes_refresh = x_token.revoke.as_ref().is_some_and(|revoke| revoke.takes == Takes::Refresh);
        let bears = self.operation.security.iter().any(|scheme| matches!(scheme.kind, SchemeKind::Token(_)));
        self.kind == GrantKind::Revoke && takes_refresh && self.token.is_some() && bears
    }

    /// Whether its response has no token: the old one stays.
    pub fn keeps(&self, x_token: &XToken) -> bool {
        self.kind == GrantKind::Refresh && x_token.keeps_access_token()
    }

    /// Returns the credential that the bearer scheme of a login carries, where a refresh sends its token.
    pub fn bearer_credential(&self) -> Option<String> {
        let mut schemes = self.operation.security.iter().filter(|scheme| matches!(scheme.kind, SchemeKind::Token(_)));
        let scheme = schemes.next().filter(|_| self.kind == GrantKind::Login)?;
        Some(ident::snake(&scheme.name))
    }

    pub fn is_token(&self, name: &str) -> bool {
        self.token == Some(name)
    }
}

pub fn grants<'a>(model: &'a Model, x_token: &'a XToken) -> Result<Vec<Grant<'a>>, String> {
    let alternatives: Vec<Option<&'a str>> = x_token.alternatives().map(Some).collect();
    let alternatives = if alternatives.is_empty() { vec![None] } else { alternatives };
    let grants: Result<Vec<_>, String> =
        alternatives.into_iter().map(|alternative| grants_with(model, x_token, alternative)).collect();
    Ok(grants?.into_iter().flatten().collect())
}

/// Returns the grants with an alternative of `one-of`, or those without any.
fn grants_with<'a>(
    model: &'a Model,
    x_token: &'a XToken,
    alternative: Option<&'a str>,
) -> Result<Vec<Grant<'a>>, String> {
    let mut grants = Vec::new();
    let mut add = |kind, id: &str, parts: Parts<'a>, token: Option<&'a String>| {
        let operation = model.operation_with(&ident::snake(id), alternative);
        let operation = operation.ok_or_else(|| format!("there is no operation `{id}`"))?;
        let mut forms = x_token.forms(parts).into_iter();
        let form = forms.find(|form| form.alternative == alternative);
        let Form { body, computes, certificate, .. } = form.ok_or_else(|| format!("`{id}` has no such alternative"))?;
        let keeps = kind == GrantKind::Refresh && x_token.keeps_access_token();
        if kind != GrantKind::Revoke && !keeps && operation.success.ty.is_none() {
            return Err(format!("the success of `{id}` has no body"));
        }
        let body = operation.body.as_ref().map(|of| {
            let branches = model.branches(&of.component);
            let wanted = body.map(ident::pascal);
            let named = branches.iter().find(|branch| wanted.as_deref() == Some(**branch));
            *named.or(branches.first()).unwrap_or(&of.component.as_str())
        });
        let token = token.map(String::as_str);
        let certificate = certificate.map(ident::snake);
        let issues = match (kind, &x_token.login) {
            (GrantKind::Login, Some(login)) => login.then.is_empty(),
            (GrantKind::Then(index), Some(login)) => login.then.len() == index + 1,
            _ => kind != GrantKind::Revoke,
        };
        grants.push(Grant { kind, alternative, operation, body, token, left_out: None, computes, certificate, issues });
        Ok::<(), String>(())
    };
    if let Some(login) = &x_token.login {
        add(GrantKind::Login, &login.operation, login.parts(), None)?;
        for (index, then) in login.then.iter().enumerate() {
            add(GrantKind::Then(index), &then.operation, then.parts(), None)?;
        }
    }
    if let Some(refresh) = &x_token.refresh {
        add(GrantKind::Refresh, &refresh.operation, refresh.parts(), refresh.token.as_ref())?;
    }
    if let Some(revoke) = &x_token.revoke {
        add(GrantKind::Revoke, &revoke.operation, revoke.parts(), revoke.token.as_ref())?;
    }
    let shared = match &grants[..] {
        [login, refresh, ..] if login.operation.id == refresh.operation.id && login.body == refresh.body => {
            refresh.token.filter(|_| login.kind == GrantKind::Login && refresh.kind == GrantKind::Refresh)
        }
        _ => None,
    };
    if let Some(login) = grants.first_mut() {
        login.left_out = shared;
    }
    Ok(grants)
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

/// A place in a request that sends a credential.
pub struct CredentialUse {
    pub name: String,
    /// The names of the objects around it, then its own name, in snake case.
    pub path: Vec<String>,
    pub ty: Ty,
    pub required: bool,
    pub docs: String,
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

/// Returns what a grant sends besides constants and tokens, in the order of the spec.
pub fn all_uses(model: &Model, grant: &Grant<'_>) -> Vec<CredentialUse> {
    let mut uses = Vec::new();
    for part in grant.operation.order {
        match part {
            Part::Security => {
                for scheme in &grant.operation.security {
                    let own = grant.bearer_credential().filter(|_| matches!(scheme.kind, SchemeKind::Token(_)));
                    for name in client::scheme_credentials(model, &scheme.name, &scheme.kind).into_iter().chain(own) {
                        let docs = or(&scheme.docs, &format!("`{name}`, for the scheme `{}`.", scheme.name));
                        uses.push(CredentialUse {
                            path: vec![name.clone()],
                            name,
                            ty: Ty::Secret,
                            required: true,
                            docs,
                        });
                    }
                }
            }
            Part::Params => {
                let params = grant.operation.params.iter().filter(|param| is_credential(grant, param));
                uses.extend(params.map(|param| CredentialUse {
                    name: param.field(),
                    path: vec![param.field()],
                    ty: param_type(param),
                    required: param.required,
                    docs: or(&param.docs, &named(&param.name)),
                }));
            }
            Part::Body => {
                if let Some(body) = grant.body {
                    body_uses(model, grant, body, &[], true, &mut vec![body.to_owned()], &mut uses);
                }
            }
        }
    }
    uses
}

/// Returns the docs of a field without a description in the spec.
pub fn named(name: &str) -> String {
    format!("`{name}`. The spec has no description.")
}

pub fn is_credential(grant: &Grant<'_>, param: &Param) -> bool {
    let is_left_out = grant.left_out == Some(param.name.as_str()) && !param.required;
    !param.is_setting && !matches!(param.ty, Ty::Constant(_)) && !grant.is_token(&param.name) && !is_left_out
}

/// Returns the type of a parameter's credential. It is a string wherever the client takes a string.
pub fn param_type(param: &Param) -> Ty {
    match &param.ty {
        Ty::Any | Ty::Map(_) | Ty::Nullable(_) => Ty::Text,
        ty => ty.clone(),
    }
}

/// Returns the struct of a property whose own properties are credentials. A recursive struct is none.
pub fn nested<'a>(model: &'a Model, property: &'a Property, within: &[String]) -> Option<&'a str> {
    match &property.ty {
        Ty::Ref(name) if !model.properties(name).is_empty() && !within.contains(name) => Some(name),
        _ => None,
    }
}

/// Whether a property is not a credential, because it is a constant or a token.
pub fn is_filled_in(grant: &Grant<'_>, prefix: &str, property: &Property) -> bool {
    let is_left_out = grant.left_out == Some(property.name.as_str()) && property.optional;
    matches!(property.ty, Ty::Constant(_)) || prefix.is_empty() && (grant.is_token(&property.name) || is_left_out)
}

pub fn body_uses(
    model: &Model,
    grant: &Grant<'_>,
    component: &str,
    around: &[&str],
    required: bool,
    within: &mut Vec<String>,
    uses: &mut Vec<CredentialUse>,
) {
    let prefix = prefix(around);
    for property in model.properties(component).iter().filter(|property| !is_filled_in(grant, &prefix, property)) {
        let required = required && !property.optional;
        let path = [around, &[&property.label]].concat();
        match nested(model, property, within) {
            Some(inner) => {
                within.push(inner.to_owned());
                body_uses(model, grant, inner, &path, required, within, uses);
                within.pop();
            }
            None => uses.push(CredentialUse {
                name: ident::snake(&path.join("_")),
                path: path.iter().map(|label| ident::snake(label)).collect(),
                ty: property.ty.clone(),
                required,
                docs: or(&property.docs, &named(&property.name)),
            }),
        }
    }
}

/// Returns the prefix of the credentials inside these objects.
pub fn prefix(around: &[&str]) -> String {
    around.iter().map(|label| format!("{label}_")).collect()
}

/// Whether a struct has a constant at any depth.
pub fn has_constant(model: &Model, component: &str, within: &mut Vec<String>) -> bool {
    model.properties(component).iter().any(|property| match nested(model, property, within) {
        Some(inner) => {
            within.push(inner.to_owned());
            let found = has_constant(model, inner, within);
            within.pop();
            found
        }
        None => matches!(property.ty, Ty::Constant(_)),
    })
}

pub fn is_enum(model: &Model, ty: &Ty) -> bool {
    matches!(ty, Ty::Ref(name) if matches!(model.components.get(name).map(|found| &found.shape), Some(Shape::Enum(_))))
}

/// Whether a credential of one type can be converted to another.
pub fn converts(model: &Model, from: &Ty, to: &Ty) -> bool {
    let has_text =
        matches!(from, Ty::Secret | Ty::Text | Ty::Integer | Ty::Number | Ty::Boolean | Ty::Timestamp { .. })
            || is_enum(model, from);
    from == to || has_text && (matches!(to, Ty::Text | Ty::Secret) || is_enum(model, to))
}

/// Returns the conversion of `value`, a place or a reference, from one type to another.
pub fn converted(model: &Model, from: &Ty, to: &Ty, value: &str, is_reference: bool) -> String {
    if from == to {
        return match (is_copy(from), is_reference) {
            (true, true) => format!("*{value}"),
            (true, false) => value.to_owned(),
            (false, _) => format!("{value}.clone()"),
        };
    }
    let (text, is_owned) = match from {
        Ty::Secret => (format!("{value}.expose()"), false),
        from if *from == Ty::Text || is_enum(model, from) => (format!("{value}.as_str()"), false),
        _ => (format!("{value}.to_string()"), true),
    };
    match to {
        Ty::Secret => format!("Secret::new({text})"),
        Ty::Ref(name) => format!("types::{name}::from({text})"),
        _ if is_owned => text,
        _ => format!("{text}.to_owned()"),
    }
}

pub fn is_copy(ty: &Ty) -> bool {
    matches!(ty, Ty::Integer | Ty::Number | Ty::Boolean | Ty::Timestamp { .. })
}

/// Returns a type as the adapter writes it.
pub fn field_type(ty: &Ty) -> String {
    match ty {
        Ty::Secret => "Secret".to_owned(),
        Ty::Timestamp { .. } => "Timestamp".to_owned(),
        Ty::Any => "::freshtoken_wire::private::serde_json::Value".to_owned(),
        Ty::Nullable(item) => format!("Option<{}>", field_type(item)),
        Ty::List(item) => format!("Vec<{}>", field_type(item)),
        Ty::Map(item) => format!("::std::collections::BTreeMap<String, {}>", field_type(item)),
        Ty::Delimited(delimiter, item) => format!("{}<{}>", delimited(*delimiter), field_type(item)),
        ty => body_type(ty),
    }
}
