//! What a request must be like: checks it against the spec, and says what it carries.
//!
//! It knows nothing of tokens and accounts: that a value is the *right* one is the issuer's business.

mod body;
mod input;
mod schema_check;
mod security;
mod values;

use axum::http::HeaderMap;
use serde_json::Value;

use crate::refusal::{Reason, Refusal};
use crate::spec::{Document, Operation, Parameter, Place};

pub(crate) use input::{Input, inputs, leaves, snake};
pub(crate) use schema_check::{agrees, check as check_schema};
pub(crate) use security::{Held, credential_names};

/// A request as it came.
pub(crate) struct Incoming<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// As it came, without the `?`.
    pub(crate) query: &'a str,
    pub(crate) body: &'a [u8],
    /// The values of the path's parameters.
    pub(crate) path: Vec<(String, String)>,
}

/// What a request carries, all of it as the spec wants it.
#[derive(Default)]
pub(crate) struct Given {
    /// Which kind of body, where there are several.
    pub(crate) branch: Option<String>,
    /// Properties of the body and parameters.
    pub(crate) fields: Vec<Field>,
    /// What the security scheme said.
    pub(crate) held: Vec<Held>,
    /// What is wrong with the rest. It is told to a caller whose credentials are right.
    pub(crate) refusal: Option<Refusal>,
}

/// A value that a request carries.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// As the spec calls it; of a nested property, its own name alone.
    pub(crate) key: String,
    /// As a credential: in snake case, with its path.
    pub(crate) name: String,
    pub(crate) value: Value,
    pub(crate) is_in_path: bool,
}

impl Given {
    /// The value of a property or parameter, as text.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.fields.iter().find(|field| field.key == key).map(|field| as_text(&field.value))
    }
}

/// A value as the text that a form or a header would have.
pub(crate) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Checks all but the values of credentials and tokens. Who calls comes first, as a vendor would have it: what is wrong
/// with the rest of the request is kept until whoever knows the accounts has looked at what the security scheme said.
pub(crate) fn check(
    document: &Document,
    shared: &[Parameter],
    operation: &Operation,
    incoming: &Incoming<'_>,
) -> Result<Given, Refusal> {
    security::only_one_way(document, shared, operation, incoming)?;
    let held = security::held(document, operation, incoming)?;
    match rest(document, shared, operation, incoming) {
        Ok(given) => Ok(Given { held, ..given }),
        // Without `x-token` there are no accounts.
        Err(refusal) if document.token.is_none() => Err(refusal),
        Err(refusal) => Ok(Given { held, refusal: Some(refusal), ..Given::default() }),
    }
}

/// The parameters and the body.
fn rest(
    document: &Document,
    shared: &[Parameter],
    operation: &Operation,
    incoming: &Incoming<'_>,
) -> Result<Given, Refusal> {
    let mut given = Given::default();
    let body = body::read(document, operation, incoming)?;
    for parameter in parameters(document, shared, operation) {
        if let Some(value) = parameter_value(document, parameter, incoming)? {
            given.fields.push(Field {
                key: parameter.name.clone(),
                name: snake(parameter.label()),
                value,
                is_in_path: parameter.place == Place::Path,
            });
        }
    }
    if let Some(body) = body {
        given.branch = body.branch.name.map(ToOwned::to_owned);
        for leaf in leaves(document, body.branch.schema) {
            if let Some(value) = body.value.pointer(&leaf.pointer()) {
                given.fields.push(Field {
                    key: leaf.key().to_owned(),
                    name: leaf.name.clone(),
                    value: value.clone(),
                    is_in_path: false,
                });
            }
        }
    }
    Ok(given)
}

/// The parameters of an operation, and those of its path that it doesn't override.
pub(crate) fn parameters<'a>(
    document: &'a Document,
    shared: &'a [Parameter],
    operation: &'a Operation,
) -> impl Iterator<Item = &'a Parameter> {
    let own = operation.parameters.iter().map(|parameter| document.parameter(parameter));
    let shared = shared.iter().map(|parameter| document.parameter(parameter)).filter(|shared| {
        let overrides = |own: &&Parameter| {
            let own = document.parameter(own);
            own.name == shared.name && own.place == shared.place
        };
        !operation.parameters.iter().any(|own| overrides(&own))
    });
    own.chain(shared)
}

fn parameter_value(
    document: &Document,
    parameter: &Parameter,
    incoming: &Incoming<'_>,
) -> Result<Option<Value>, Refusal> {
    let name = parameter.name.as_str();
    let (texts, default_style, default_explode) = match parameter.place {
        Place::Path => {
            let found = incoming.path.iter().filter(|(key, _)| key == name);
            (found.map(|(_, value)| value.clone()).collect(), "simple", false)
        }
        Place::Query => (values::values(incoming.query.as_bytes(), name)?, "form", true),
        Place::Header => (header_texts(incoming.headers, name, Reason::Invalid)?, "simple", false),
        Place::Cookie => return Ok(None),
    };
    if texts.is_empty() {
        return match parameter.required {
            true => Err(Refusal::about(Reason::Missing, name, "is missing")),
            false => Ok(None),
        };
    }
    let style = values::Style {
        name: parameter.style.as_deref().unwrap_or(default_style),
        explode: parameter.explode.unwrap_or(default_explode || parameter.style.as_deref() == Some("form")),
    };
    let value = values::read(document, &parameter.schema, &texts, style)
        .map_err(|why| Refusal::about(Reason::Invalid, name, &why))?;
    let breaches = check_schema(document, &parameter.schema, &value, name);
    match schema_check::first(breaches) {
        Some(refusal) if parameter.place == Place::Path => Err(Refusal { reason: Reason::NotFound, ..refusal }),
        Some(refusal) => Err(refusal),
        None => Ok(Some(value)),
    }
}

fn header_texts(headers: &HeaderMap, name: &str, unreadable: Reason) -> Result<Vec<String>, Refusal> {
    let read = |value: &axum::http::HeaderValue| {
        let text = value.to_str().map(ToOwned::to_owned);
        text.map_err(|_| Refusal::about(unreadable, name, "isn't visible ASCII"))
    };
    headers.get_all(name).iter().map(read).collect()
}
