//! Checks a request against the spec, and returns the values in it.
//!
//! This module knows neither tokens nor accounts: whether a value is the *right* one is checked by `account` and
//! `grants`.

mod body;
pub(crate) mod decode;
pub(crate) mod incoming;
pub(crate) mod input;
pub(crate) mod schema_check;
pub(crate) mod security;
pub(crate) mod values;

use serde_json::Value;

use crate::refusal::{Reason, Refusal};
use crate::request::incoming::{Incoming, header_texts, parameters};
use crate::request::input::leaves;
use crate::request::schema_check::check_schema;
use crate::request::values::{Field, RequestValues};
use crate::spec::document::Document;
use crate::spec::name::snake;
use crate::spec::operation::{Operation, Parameter, Place};

/// Checks everything except the values of credentials and tokens. Authentication comes first, as at a real vendor: a
/// refusal of the rest is kept until the credentials in the security scheme have been checked.
pub(crate) fn check(
    document: &Document,
    shared: &[Parameter],
    operation: &Operation,
    incoming: &Incoming<'_>,
) -> Result<RequestValues, Refusal> {
    security::only_one_way(document, shared, operation, incoming)?;
    let presented = security::presented(document, operation, incoming)?;
    match rest(document, shared, operation, incoming) {
        Ok(values) => Ok(RequestValues { presented, ..values }),
        // Without `x-token` there are no accounts.
        Err(refusal) if document.token.is_none() => Err(refusal),
        Err(refusal) => Ok(RequestValues { presented, refusal: Some(refusal), ..RequestValues::default() }),
    }
}

/// Parses the parameters and the body.
fn rest(
    document: &Document,
    shared: &[Parameter],
    operation: &Operation,
    incoming: &Incoming<'_>,
) -> Result<RequestValues, Refusal> {
    let mut values = RequestValues::default();
    let body = body::read(document, operation, incoming)?;
    for parameter in parameters(document, shared, operation) {
        if let Some(value) = parameter_value(document, parameter, incoming)? {
            values.fields.push(Field {
                key: parameter.name.clone(),
                name: snake(parameter.label()),
                value,
                is_in_path: parameter.place == Place::Path,
            });
        }
    }
    if let Some(body) = body {
        values.branch = body.branch.name.map(ToOwned::to_owned);
        for leaf in leaves(document, body.branch.schema) {
            if let Some(value) = body.value.pointer(&leaf.pointer()) {
                values.fields.push(Field {
                    key: leaf.key().to_owned(),
                    name: leaf.name.clone(),
                    value: value.clone(),
                    is_in_path: false,
                });
            }
        }
    }
    Ok(values)
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
        Place::Query => (decode::values(incoming.query.as_bytes(), name)?, "form", true),
        Place::Header => (header_texts(incoming.headers, name, Reason::Invalid)?, "simple", false),
        Place::Cookie => return Ok(None),
    };
    if texts.is_empty() {
        return if parameter.required { Err(Refusal::about(Reason::Missing, name, "is missing")) } else { Ok(None) };
    }
    let style = decode::Style {
        name: parameter.style.as_deref().unwrap_or(default_style),
        explode: parameter.explode.unwrap_or(default_explode || parameter.style.as_deref() == Some("form")),
    };
    let value = decode::read(document, &parameter.schema, &texts, style)
        .map_err(|why| Refusal::about(Reason::Invalid, name, &why))?;
    let violations = check_schema(document, &parameter.schema, &value, name);
    match schema_check::first(violations) {
        Some(refusal) if parameter.place == Place::Path => Err(Refusal { reason: Reason::NotFound, ..refusal }),
        Some(refusal) => Err(refusal),
        None => Ok(Some(value)),
    }
}
