//! What the requests of the grants send besides constants and tokens: the places of the credentials.

use crate::emit::adapter::grants::Grant;
use crate::emit::client;
use crate::emit::types::or;
use crate::ident;
use crate::lower::model::{Model, Param, Part, Property, SchemeKind, Ty};

/// A place in a request that sends a credential.
pub struct CredentialUse {
    pub name: String,
    /// The names of the objects around it, then its own name, in snake case.
    pub path: Vec<String>,
    pub ty: Ty,
    pub required: bool,
    pub docs: String,
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
fn named(name: &str) -> String {
    format!("`{name}`. The spec has no description.")
}

/// Whether a parameter is a credential, and not a setting, a constant or a token.
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

/// Adds what a body sends besides constants and tokens.
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
fn prefix(around: &[&str]) -> String {
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
