//! Valid requests, as `curl` commands for a person to copy.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::account::Credentials;
use crate::request::incoming::parameters;
use crate::request::input::{inputs, leaves};
use crate::request::schema_check::check_schema;
use crate::request::security::credential_names;
use crate::response::fill::fill;
use crate::spec::document::Document;
use crate::spec::name::snake;
use crate::spec::operation::{MediaType, Operation, Parameter, Place, is_json};
use crate::spec::value::as_text;
use crate::spec::x_token::action::Action;
use crate::spec::x_token::basic::BasicEncoding;

/// Characters that need no encoding in a form, a query or a path.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The caller of a request.
pub(crate) struct Caller<'a> {
    pub(crate) document: &'a Document,
    pub(crate) url: &'a str,
    pub(crate) credentials: &'a Credentials,
    pub(crate) settings: &'a Credentials,
    /// The token for an action that takes one.
    pub(crate) token: Option<&'a str>,
}

impl Caller<'_> {
    /// Returns a `curl` command for an action.
    pub(crate) fn curl(&self, action: &Action) -> Option<String> {
        let found = self.document.operations().find(|(_, _, _, operation)| operation.operation_id == action.operation);
        let (path, method, shared, operation) = found?;
        let mut request = Request { url: String::new(), query: Vec::new(), headers: Vec::new() };
        let mut path = path.to_owned();
        for parameter in parameters(self.document, shared, operation).filter(|p| p.required) {
            self.parameter(parameter, action, &mut path, &mut request);
        }
        self.security(operation, &mut request);
        let body = self.body(shared, operation, action);
        request.url = format!("{}{path}", self.url);
        for (index, (name, value)) in request.query.iter().enumerate() {
            let _ = write!(request.url, "{}{}={}", if index == 0 { '?' } else { '&' }, encoded(name), encoded(value));
        }

        let mut curl = "curl -sS".to_owned();
        // With a body, curl's default method is POST.
        if method != if body.is_some() { "POST" } else { "GET" } {
            let _ = write!(curl, " -X {method}");
        }
        let _ = write!(curl, " {}", quoted(&request.url));
        for (name, value) in &request.headers {
            let _ = write!(curl, " -H {}", quoted(&format!("{name}: {value}")));
        }
        if let Some((media_type, body)) = body {
            let _ = write!(curl, " -H {} -d {}", quoted(&format!("content-type: {media_type}")), quoted(&body));
        }
        Some(curl)
    }

    fn parameter(&self, parameter: &Parameter, action: &Action, path: &mut String, request: &mut Request) {
        let is_token = action.token.as_ref() == Some(&parameter.name);
        let token = self.token.filter(|_| is_token).map(ToOwned::to_owned);
        let name = snake(parameter.label());
        let known = || self.settings.get(&name).or_else(|| self.credentials.get(&name)).cloned();
        // curl drops a header without a value.
        let constant = || parameter.schema.values(self.document)?.iter().map(as_text).find(|value| !value.is_empty());
        let texts = token.or_else(known).or_else(constant).map(|text| vec![text]);
        let texts = texts.unwrap_or_else(|| self.example(parameter));
        let name = || parameter.name.clone();
        match parameter.place {
            Place::Path => *path = path.replace(&format!("{{{}}}", parameter.name), &encoded(&texts.join(","))),
            Place::Query => request.query.extend(texts.into_iter().map(|text| (name(), text))),
            Place::Header => request.headers.extend(texts.into_iter().map(|text| (name(), text))),
            Place::Cookie => {}
        }
    }

    /// Returns an example of a parameter: one string, or several for an exploded list in the query.
    fn example(&self, parameter: &Parameter) -> Vec<String> {
        let example = parameter.example(self.document).cloned();
        let mut items = match example.unwrap_or_else(|| fill(self.document, &parameter.schema)) {
            Value::Array(items) => items,
            other => return vec![as_text(&other)],
        };
        if items.is_empty() {
            items.extend(parameter.schema.items(self.document).map(|schema| fill(self.document, schema)));
        }
        if parameter.place == Place::Query && parameter.explode.unwrap_or(true) {
            items.iter().map(as_text).collect()
        } else {
            vec![joined(&items, parameter.style.as_deref())]
        }
    }

    fn security(&self, operation: &Operation, request: &mut Request) {
        let Some(alternative) = self.document.security(operation).into_iter().next() else { return };
        for name in alternative.keys() {
            let Some(scheme) = self.document.security_scheme(name) else { continue };
            let values: Vec<&str> = credential_names(self.document, operation, name)
                .iter()
                .map(|name| self.credentials.get(name).map(String::as_str).unwrap_or_default())
                .collect();
            match (values.as_slice(), scheme.kind.as_str(), scheme.place) {
                ([value], "apiKey", Place::Header) => request.headers.push((scheme.name.clone(), (*value).to_owned())),
                ([value], "apiKey", _) => request.query.push((scheme.name.clone(), (*value).to_owned())),
                ([id, secret], ..) => {
                    let basic = self.document.token.as_ref().map(|token| token.basic.clone()).unwrap_or_default();
                    let (id, secret) = match basic.encode {
                        BasicEncoding::Raw => ((*id).to_owned(), (*secret).to_owned()),
                        BasicEncoding::Form => (encoded(id), encoded(secret)),
                    };
                    let value = format!("{} {}", basic.word(), STANDARD.encode(format!("{id}:{secret}")));
                    request.headers.push(("authorization".to_owned(), value));
                }
                ([value], ..) => {
                    request.headers.push(("authorization".to_owned(), format!("{} {value}", scheme.scheme)))
                }
                _ => {
                    let token = self.token.unwrap_or("TOKEN");
                    request.headers.push(("authorization".to_owned(), format!("{} {token}", scheme.scheme)));
                }
            }
        }
    }

    fn body(&self, shared: &[Parameter], operation: &Operation, action: &Action) -> Option<(String, String)> {
        let (media_type, media, _) = operation.body(self.document)?;
        let branches = media.schema.branches(self.document);
        let branch = branches.iter().find(|branch| action.body.is_none() || branch.name == action.body.as_deref())?;
        let fits = |value: &&Value| check_schema(self.document, branch.schema, value, "").is_empty();
        let example = media.examples(self.document).map(|(_, _, value)| value).find(fits);
        let mut body = example.cloned().unwrap_or_else(|| {
            let mut made = fill(self.document, branch.schema);
            // An empty list would be an empty form field, which counts as absent.
            for leaf in leaves(self.document, branch.schema) {
                let empty =
                    made.pointer_mut(&leaf.pointer()).and_then(Value::as_array_mut).filter(|list| list.is_empty());
                if let (Some(list), Some(items)) = (empty, leaf.schema.items(self.document)) {
                    list.push(fill(self.document, items));
                }
            }
            made
        });
        let required: Vec<String> = inputs(self.document, shared, operation, action.body.as_deref())
            .into_iter()
            .filter(|input| input.is_required)
            .map(|input| input.name)
            .collect();
        for leaf in leaves(self.document, branch.schema) {
            let is_token = action.token.as_deref() == Some(leaf.key());
            let value = self.token.filter(|_| is_token).or(self.credentials.get(&leaf.name).map(String::as_str));
            let place = body.pointer_mut(&leaf.pointer());
            if let (Some(place), Some(value)) = (place, value.filter(|_| required.contains(&leaf.name))) {
                let number = value.parse::<i64>().ok().filter(|_| place.is_number());
                *place = number.map_or_else(|| Value::from(value), Value::from);
            }
        }
        let text = if is_json(media_type) { body.to_string() } else { form(media, &body) };
        Some((media_type.to_owned(), text))
    }
}

struct Request {
    url: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

fn form(media: &MediaType, body: &Value) -> String {
    let pairs = body.as_object().into_iter().flatten().map(|(name, value)| {
        let text = match value {
            Value::Array(items) => {
                joined(items, media.encoding.get(name).and_then(|encoding| encoding.style.as_deref()))
            }
            other => as_text(other),
        };
        format!("{}={}", encoded(name), encoded(&text))
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn joined(items: &[Value], style: Option<&str>) -> String {
    let delimiter = match style {
        Some("spaceDelimited") => " ",
        Some("pipeDelimited") => "|",
        _ => ",",
    };
    items.iter().map(as_text).collect::<Vec<_>>().join(delimiter)
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Quotes an argument for a POSIX shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:%@".contains(c);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
