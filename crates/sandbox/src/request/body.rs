//! Parses the body of a request.

use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::refusal::{Reason, Refusal};
use crate::request::incoming::Incoming;
use crate::request::{decode, schema_check};
use crate::spec::document::Document;
use crate::spec::name::snake;
use crate::spec::operation::{MediaType, Operation, essence, is_json};
use crate::spec::resolve::Branch;
use crate::spec::schema::Schema;
use crate::spec::value::as_text;

/// A body that matches the spec.
pub(super) struct Body<'a> {
    pub(super) branch: Branch<'a>,
    pub(super) value: Value,
}

/// Parses and checks a body.
pub(super) fn read<'a>(
    document: &'a Document,
    operation: &'a Operation,
    incoming: &Incoming<'_>,
) -> Result<Option<Body<'a>>, Refusal> {
    let Some((wanted, media, is_required)) = operation.body(document) else { return Ok(None) };
    if incoming.body.is_empty() && !is_required {
        return Ok(None);
    }
    let content_type = incoming.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if essence(content_type) != essence(wanted) {
        return Err(Refusal::about(Reason::ContentType, "content-type", &format!("is not {}", essence(wanted))));
    }
    if is_json(wanted) {
        let value = serde_json::from_slice(incoming.body)
            .map_err(|_| Refusal::new(Reason::Malformed, "the body is not JSON"))?;
        return found(schema_check::branch(document, &media.schema, &value, "").map(|branch| (branch, value)));
    }
    form(document, media, incoming.body)
}

/// Returns the names of the fields in the query and the body, in snake case. Empty fields count as absent.
pub(super) fn names(incoming: &Incoming<'_>) -> Vec<String> {
    let content_type = incoming.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut pairs = decode::pairs(incoming.query.as_bytes()).unwrap_or_default();
    if is_json(content_type) {
        let members = serde_json::from_slice::<Map<String, Value>>(incoming.body).unwrap_or_default();
        pairs.extend(
            members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name, as_text(&value))),
        );
    } else {
        pairs.extend(decode::pairs(incoming.body).unwrap_or_default());
    }
    pairs.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| snake(&name)).collect()
}

/// Parses a form. Its values are strings, so their types depend on the `oneOf` branch.
fn form<'a>(document: &'a Document, media: &'a MediaType, bytes: &[u8]) -> Result<Option<Body<'a>>, Refusal> {
    let pairs = decode::pairs(bytes)?;
    let mut kinds = Vec::new();
    for kind in media.schema.branches(document) {
        kinds.push(as_kind(document, media, kind.schema, &pairs).map(|value| (kind, value)));
    }
    // Use the branch that matches. Otherwise, checking against all of them finds the likeliest, and what is wrong with
    // it.
    let fits = |kind: &Result<(Branch<'a>, Value), Refusal>| {
        let checked =
            kind.as_ref().ok().map(|(kind, value)| schema_check::check_schema(document, kind.schema, value, ""));
        checked.is_some_and(|violations| violations.is_empty())
    };
    let agrees = |kind: &Result<(Branch<'a>, Value), Refusal>| {
        kind.as_ref().is_ok_and(|(kind, value)| schema_check::agrees(document, kind.schema, value))
    };
    let found_kind = kinds.iter().position(fits).or_else(|| kinds.iter().position(agrees)).unwrap_or_default();
    let (_, value) =
        kinds.into_iter().nth(found_kind).ok_or(Refusal::new(Reason::Malformed, "the spec documents no body"))??;
    found(schema_check::branch(document, &media.schema, &value, "").map(|branch| (branch, value)))
}

fn as_kind(
    document: &Document,
    media: &MediaType,
    schema: &Schema,
    pairs: &[(String, String)],
) -> Result<Value, Refusal> {
    let fields = schema.fields(document);
    // RFC 6749, section 3.2: an empty parameter counts as absent, unless the spec lists the empty string.
    let is_listed = |name: &str| {
        let listed = fields.properties.get(name).and_then(|schema| schema.values(document));
        listed.is_some_and(|listed| listed.iter().any(|value| value == ""))
    };
    let pairs = || pairs.iter().filter(|(name, text)| !text.is_empty() || is_listed(name));
    let mut value = Map::new();
    for (name, _) in pairs() {
        if value.contains_key(name) {
            continue;
        }
        let texts: Vec<String> = pairs().filter(|(key, _)| key == name).map(|(_, text)| text.clone()).collect();
        let encoding = media.encoding.get(name);
        let style = encoding.and_then(|encoding| encoding.style.as_deref()).unwrap_or("form");
        let explode = encoding.and_then(|encoding| encoding.explode).unwrap_or(style == "form");
        let read = match fields.properties.get(name.as_str()) {
            Some(schema) => decode::read(document, schema, &texts, decode::Style { name: style, explode }),
            None => Ok(Value::String(texts.into_iter().next().unwrap_or_default())),
        };
        value.insert(name.clone(), read.map_err(|why| Refusal::about(Reason::Invalid, name, &why))?);
    }
    Ok(Value::Object(value))
}

fn found(checked: Result<(Branch<'_>, Value), Vec<schema_check::Violation>>) -> Result<Option<Body<'_>>, Refusal> {
    match checked {
        Ok((branch, value)) => Ok(Some(Body { branch, value })),
        Err(violations) => Err(schema_check::first(violations)
            .unwrap_or_else(|| Refusal::new(Reason::Invalid, "the body matches no variant"))),
    }
}
