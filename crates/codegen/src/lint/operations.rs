//! Operations: their names, paths, parameters and answers.

use crate::diagnostic::list;
use crate::diagnostic::{distance, nearest};
use crate::ident;
use crate::lint::document::Lint;
use crate::lint::document::{Node, Operation, Shape, is_success};
use crate::lint::schemas::label;
use crate::lint::syntax::{is_header, is_ragged, leads_elsewhere, own_header, placeholders};
use crate::read::media_type::{essence, is_json};
use crate::vendor::is_keyword;
use std::collections::HashMap;

/// Methods that the generated client has already; `into` and `try_into` are everyone's.
const CLIENT_METHODS: [&str; 3] = ["into", "new", "try_into"];

/// Checks them.
pub fn check(lint: &mut Lint) {
    let operations = lint.operations();
    if operations.is_empty() && lint.root().has("paths") {
        lint.error(
            "operations",
            "/paths",
            "there is no operation",
            "add a path with one, such as `/oauth/token: { post: … }`",
        );
    }
    ids(lint, &operations);
    paths(lint);
    for operation in &operations {
        if !operation.node.has("summary") && !operation.node.has("description") {
            let message = format!("{} has neither summary nor description", operation.name());
            lint.warn(
                "operations",
                &operation.node,
                message,
                "add `summary`, one sentence: it is the method's documentation",
            );
        }
        if operation.method == "options" {
            let message = "OPTIONS asks what there is, and no client of ours sends it";
            lint.error(
                "operations",
                &operation.node,
                message,
                "remove it, or write the method that the vendor documents",
            );
        }
        parameters(lint, operation);
        responses(lint, operation);
    }
}

fn ids(lint: &mut Lint, operations: &[Operation]) {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for operation in operations {
        let Some(id) = operation.node.text("operationId") else { continue };
        let at = (operation.node.at(), "operationId");
        let rust = ident::snake(id);
        let is_name = id.starts_with(|c: char| c.is_ascii_alphabetic())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
        if !is_name {
            lint.error(
                "operation-ids",
                &at,
                format!("`{id}` can't name a method"),
                "write it in snake_case: letters, digits and `_`, a letter first, such as `create_token`",
            );
        } else if is_keyword(&id.to_lowercase()) {
            lint.error(
                "operation-ids",
                &at,
                format!("`{id}` is a keyword of Rust"),
                format!("write what it does, such as `{rust}token`"),
            );
        } else if CLIENT_METHODS.contains(&rust.as_str()) {
            let message = format!("`{rust}` is a method that every client has");
            lint.error("operation-ids", &at, message, format!("write what it does, such as `{rust}_token`"));
        } else if let Some(other) = seen.insert(rust.clone(), id) {
            let message = if other == id {
                format!("two operations have the `operationId` `{id}`")
            } else {
                format!("the operations `{other}` and `{id}` would both be the method `{rust}`")
            };
            lint.error("operation-ids", &at, message, "rename one of them");
        }
    }
}

fn paths(lint: &mut Lint) {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for (path, item) in lint.root().entries("paths") {
        if !path.starts_with('/') {
            continue;
        }
        if let Err(message) = placeholders(path) {
            lint.error("paths", &item, format!("the path `{path}` {message}"), "write each parameter as `{name}`");
            continue;
        }
        if path.contains("//") {
            let message = format!("the path `{path}` has an empty part");
            lint.error("paths", &item, message, format!("write `{}`", path.replace("//", "/")));
        }
        if let Some(c) = path.chars().find(|c| matches!(c, '?' | '#') || c.is_whitespace() || c.is_control()) {
            let help = match c {
                '?' => "remove the query, and write it as parameters with `in: query`",
                '#' => "remove the fragment",
                _ => "remove the space",
            };
            lint.error("paths", &item, format!("the path `{path}` has a `{}` in it", c.escape_default()), help);
        }
        if let Some((message, help)) = leads_elsewhere(path) {
            lint.error("paths", &item, format!("the path `{path}` {message}"), help);
        }
        let mut template = path.to_owned();
        for name in placeholders(path).unwrap_or_default() {
            template = template.replacen(&format!("{{{name}}}"), "{}", 1);
        }
        if let Some(other) = seen.insert(template, path) {
            let message = format!("`{other}` and `{path}` differ in the names of their parameters alone");
            lint.error("paths", &item, message, "write one path with the operations of both");
        }
    }
}

fn parameters<'a>(lint: &mut Lint<'a>, operation: &Operation<'a>) {
    for place in [&operation.item, &operation.node] {
        let mut seen: Vec<(String, String)> = Vec::new();
        for node in place.items("parameters") {
            let parameter = lint.resolve(&node);
            let (Some(name), Some(position)) = (parameter.text("name"), parameter.text("in")) else { continue };
            let key = (position.to_owned(), if position == "header" { name.to_lowercase() } else { name.to_owned() });
            if seen.contains(&key) {
                lint.error(
                    "parameters",
                    &node,
                    format!("the {position} parameter `{name}` is there twice"),
                    "remove one of the two",
                );
            }
            seen.push(key);
        }
    }

    let used = placeholders(operation.path).unwrap_or_default();
    for (index, name) in used.iter().enumerate() {
        if used[..index].contains(name) {
            let message = format!("the path has `{{{name}}}` twice");
            lint.error("parameters", &operation.item, message, "give each its own name");
        }
    }
    let parameters = lint.parameters(operation);
    let declared: Vec<&str> =
        parameters.iter().filter(|node| node.text("in") == Some("path")).filter_map(|node| node.text("name")).collect();
    for name in &used {
        if !declared.contains(name) {
            let message = format!("the path's `{{{name}}}` isn't declared as a parameter of {}", operation.name());
            let help = match nearest(name, declared.iter().copied().filter(|name| !used.contains(name))) {
                Some(meant) => format!("write `{{{meant}}}` in the path"),
                None => format!(
                    "add `{{ name: {name}, in: path, required: true, schema: {{ type: string }} }}` to `parameters`"
                ),
            };
            lint.error("parameters", &operation.node, message, help);
        }
    }

    let mut arguments: HashMap<String, &str> = HashMap::new();
    if operation.node.has("requestBody") {
        arguments.insert("body".to_owned(), "the request body");
    }
    for parameter in &parameters {
        let Some(name) = parameter.text("name") else { continue };
        if name.is_empty() {
            lint.error("parameters", &(parameter.at(), "name"), "a parameter's name is empty", "write its name");
            continue;
        }
        if is_ragged(name) && parameter.text("in") != Some("header") {
            let message = format!("the name {name:?} has a space around it, or a control character in it");
            lint.error("parameters", &(parameter.at(), "name"), message, "write it as the vendor does, without");
            continue;
        }
        if !name.is_ascii() && parameter.text("in") != Some("header") {
            let message = format!("the name of the parameter `{name}` isn't ASCII");
            let help = match parameter.text("in") {
                Some("path") => "write another here and in the path: it is never sent",
                _ => "remove it, if the vendor does without",
            };
            lint.error("parameters", &(parameter.at(), "name"), message, help);
        }
        match arguments.insert(ident::snake(label(name, parameter)), name) {
            Some("the request body") => {
                let message = format!("the parameter `{name}` would have the name of the request body's argument");
                lint.error("parameters", parameter, message, "add `x-name`, another name of an argument in snake_case");
            }
            Some(other) => {
                let message =
                    format!("the parameters `{other}` and `{name}` of {} would have one name", operation.name());
                lint.error(
                    "parameters",
                    parameter,
                    message,
                    "add `x-name` to one of them, another name of an argument in snake_case",
                );
            }
            None => {}
        }
        parameter_at(lint, parameter, name, &used);
    }
}

fn parameter_at<'a>(lint: &mut Lint<'a>, parameter: &Node<'a>, name: &str, used: &[&str]) {
    let place = parameter.text("in").unwrap_or_default();
    let at = parameter.at();
    let default_style = match place {
        "path" => {
            if !used.contains(&name) {
                let message = format!("the path parameter `{name}` isn't in the path");
                lint.error("parameter-forms", &at, message, format!("write `{{{name}}}` in the path, or remove it"));
            }
            if !parameter.flag("required") {
                lint.error(
                    "parameter-forms",
                    &at,
                    format!("the path parameter `{name}` isn't required"),
                    "add `required: true`",
                );
            }
            "simple"
        }
        "query" => "form",
        "header" => {
            if let Some(why) = own_header(name) {
                lint.error(
                    "parameter-forms",
                    &at,
                    format!("the header `{name}` is the client's to write"),
                    format!("remove it: {why}"),
                );
            } else if !is_header(name) {
                let message = format!("`{name}` can't name a header");
                lint.error("parameter-forms", &(at, "name"), message, "write letters, digits and `-`");
            }
            "simple"
        }
        "cookie" => {
            lint.error(
                "parameter-forms",
                &(at, "in"),
                "token traffic has no cookies",
                "write `in: header`, if the vendor takes one",
            );
            return;
        }
        "body" | "formData" => {
            let message = format!("`in: {place}` belongs to Swagger 2.0");
            lint.error(
                "parameter-forms",
                &(at, "in"),
                message,
                "write `requestBody` with the media type and the schema",
            );
            return;
        }
        "" => return,
        other => {
            let message = format!("`{other}` is no place for a parameter");
            lint.error("parameter-forms", &(at, "in"), message, "write `path`, `query` or `header`");
            return;
        }
    };
    let Some(schema) = parameter.get("schema") else { return };
    constant(lint, &schema, place, name);
    let shape = lint.shape(&schema);
    let style = parameter.text("style").unwrap_or(default_style);
    let style_at = (at, "style");
    match (&shape, place, style) {
        (Shape::List(_), "query", "spaceDelimited" | "pipeDelimited") if parameter.flag("explode") => {
            let message = format!("`{style}` and `explode: true` exclude each other");
            lint.error("parameter-forms", &(at, "explode"), message, "write `explode: false`");
        }
        (Shape::List(_), "query", "spaceDelimited" | "pipeDelimited") => {}
        (_, "query", "spaceDelimited" | "pipeDelimited") => {
            lint.error(
                "parameter-forms",
                &style_at,
                format!("`{style}` is for lists alone"),
                "remove it, or write `type: array` in `schema`",
            );
        }
        (_, _, style) if style != default_style => {
            let help = match (place, style) {
                ("query", "deepObject") => {
                    "write a parameter for each property, named as it is sent, such as `filter[name]`"
                }
                ("query", _) => "write `form`, or for lists `spaceDelimited` or `pipeDelimited`",
                _ => "write `simple`, or remove it",
            };
            lint.error(
                "parameter-forms",
                &style_at,
                format!("the style `{style}` can't be honoured in a {place} parameter"),
                help,
            );
        }
        _ => {}
    }
    match &shape {
        Shape::List(_) if place != "query" => {
            let message = format!("the {place} parameter `{name}` is a list");
            lint.error(
                "parameter-forms",
                &schema,
                message,
                "write `type: string`, and tell in `description` how its parts are joined",
            );
        }
        Shape::List(items) => {
            if let Some(items) = items.as_ref().filter(|items| lint.is_nullable(items)) {
                let message =
                    format!("an element of the query parameter `{name}` may be null, which a query can't say");
                lint.error("parameter-forms", items, message, "remove `nullable`");
            }
            let items = items.as_ref().map(|items| lint.shape(items));
            if let Some(Shape::Scalar("string", items)) = &items
                && items.text("format") == Some("password")
            {
                let message = format!("the query parameter `{name}` is a list of secrets, and secrets can't be joined");
                lint.error(
                    "parameter-forms",
                    &schema,
                    message,
                    "write one `type: string` with `format: password`, the whole list as one text",
                );
            }
            if !matches!(items, Some(Shape::Scalar(..))) {
                let message = format!("the elements of the query parameter `{name}` can't be written in a query");
                lint.error(
                    "parameter-forms",
                    &schema,
                    message,
                    "write `items` with the type string, integer, number or boolean",
                );
            }
        }
        Shape::Scalar(..) => {}
        Shape::Object(_) | Shape::Map(_) => {
            let message = format!("the {place} parameter `{name}` is an object");
            lint.error(
                "parameter-forms",
                &schema,
                message,
                "write a parameter for each of its properties, or `type: string` for a JSON text",
            );
        }
        Shape::Union(_) | Shape::Any => {
            let message = format!("the {place} parameter `{name}` has no single type");
            lint.error("parameter-forms", &schema, message, "write `type: string`, `integer`, `number` or `boolean`");
        }
    }
}

/// A constant that a path or a header can't have.
fn constant<'a>(lint: &mut Lint<'a>, schema: &Node<'a>, place: &str, name: &str) {
    let Some(text) = lint.constant(schema).and_then(|value| value.as_str()) else { return };
    if let Some((message, help)) = unsendable(place, text) {
        lint.error(
            "parameter-constants",
            schema,
            format!("the only value of the {place} parameter `{name}` {message}"),
            help,
        );
    }
}

/// Why the client refuses to send a text as a parameter.
pub fn unsendable(place: &str, text: &str) -> Option<(&'static str, &'static str)> {
    match place {
        "path" if matches!(text, "" | "." | "..") => {
            Some(("is empty or a dot segment, which makes another path of it", "write a value that stays in its place"))
        }
        "header" if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) => {
            Some(("has a character that isn't visible ASCII", "write it with ASCII alone, as a header is sent"))
        }
        _ => None,
    }
}

fn responses<'a>(lint: &mut Lint<'a>, operation: &Operation<'a>) {
    let Some(responses) = operation.node.get("responses") else { return };
    let mut has_success = false;
    for (status, _) in responses.members() {
        has_success |= is_success(status);
        if let Err((message, help)) = check_status(status) {
            lint.error("responses", &(responses.at(), status), message, help);
        }
    }
    if !has_success && responses.value.is_object() {
        let message = format!("{} has no success answer", operation.name());
        let help = match responses.has("default") {
            true => "add a 2xx response, such as \"200\": `default` stands for errors alone",
            false => "add a 2xx response, such as \"200\"",
        };
        lint.error("responses", &responses, message, help);
    }

    let mut first: Option<(&str, Option<Node>)> = None;
    for (status, response) in lint.responses(operation) {
        let content = response.named("content");
        let (json, others): (Vec<_>, Vec<_>) = content.iter().partition(|(media_type, _)| is_json(media_type));
        let at = (response.at(), "content");
        for (media_type, media) in &json {
            if let Some((message, help)) = unsendable("header", media_type).filter(|_| is_success(status)) {
                lint.error("responses", media, format!("the media type {message}"), help);
            }
            if !media.has("schema") {
                let message = format!("the `{media_type}` of status {status} has no schema");
                lint.error(
                    "responses",
                    media,
                    message,
                    "add `schema`; for any JSON, a `schema` with a description alone",
                );
            }
            for (property, encoding) in media.named("encoding") {
                let message = format!("`encoding` of `{property}` has no meaning in an answer");
                lint.error("responses", &encoding, message, "remove it");
            }
        }
        if let [(_, one), rest @ ..] = json.as_slice()
            && rest.iter().any(|(_, other)| other.value.get("schema") != one.value.get("schema"))
        {
            let message = format!("status {status} has several JSON bodies, and only the first is read");
            let help = "write one schema for them, where need be a `oneOf`";
            match is_success(status) {
                true => lint.error("responses", &at, message, help),
                false => lint.warn("responses", &at, message, help),
            }
        }
        if !is_success(status) {
            for (media_type, media) in &others {
                let essence = essence(media_type);
                // JOSE is near by chance alone.
                let is_near = distance(&essence, "application/json") <= 2 && essence != "application/jose";
                if is_near || matches!(essence.as_str(), "text/json" | "text/x-json" | "application/x-json") {
                    let message =
                        format!("`{media_type}` isn't JSON by its name, so the body of {status} would never be read");
                    lint.error("responses", media, message, "write `application/json`");
                }
            }
            continue;
        }
        if operation.method == "head" && !json.is_empty() {
            lint.error("responses", &at, "the answer to HEAD has no body", "remove `content`, or write `get`");
        }
        if json.is_empty() && !others.is_empty() {
            let types: Vec<String> = others.iter().map(|(media_type, _)| essence(media_type)).collect();
            let types = list(types.iter().map(String::as_str)).replace(" or ", " and ");
            let message = format!("the success is {types}, and only JSON can be read");
            lint.error(
                "responses",
                &at,
                message,
                "write `application/json`; where the body doesn't matter, remove `content`",
            );
        }
        let schema = lint.json_schema(&response);
        match &first {
            None => first = Some((status, schema)),
            Some((other, first)) => {
                let same = match (first, &schema) {
                    (Some(first), Some(schema)) => first.value == schema.value,
                    (None, None) => true,
                    _ => false,
                };
                if !same {
                    let message = format!("the answers to {other} and {status} differ, and a method has one result");
                    let help = "write one schema for both, with optional properties; or remove the rarer, \
                                   and tell of it in the description of the other";
                    lint.error("responses", &(responses.at(), status), message, help);
                }
            }
        }
    }
}

/// Whether a key of `responses` is one that an answer can be sorted under.
fn check_status(status: &str) -> Result<(), (String, String)> {
    let fail = |message: &str, help: &str| Err((format!("`{status}` {message}"), help.to_owned()));
    if status == "default" || matches!(status, "2XX" | "3XX" | "4XX" | "5XX") {
        return Ok(());
    }
    match status.parse::<u16>() {
        Ok(100..=199) if status.len() == 3 => {
            return fail("is no final answer", "remove it, and write the answer that follows");
        }
        Ok(200..=599) if status.len() == 3 => return Ok(()),
        Ok(_) => {
            return fail("is no status of HTTP", "write a status from 200 to 599, a range such as `4XX`, or `default`");
        }
        Err(_) => {}
    }
    let upper = status.to_uppercase();
    if matches!(upper.as_str(), "2XX" | "3XX" | "4XX" | "5XX") {
        return fail("is no range of statuses", &format!("write `{upper}`"));
    }
    if upper == "1XX" {
        return fail("is no final answer", "remove it, and write the answer that follows");
    }
    if upper == "DEFAULT" {
        return fail("is no status", "write `default`");
    }
    fail("is no status of HTTP", "write a status such as \"200\", a range such as `4XX`, or `default`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_code_a_range_or_default() {
        for status in ["200", "204", "302", "404", "599", "2XX", "4XX", "5XX", "default"] {
            assert_eq!(check_status(status), Ok(()), "{status}");
        }
        for status in ["", "99", "100", "1XX", "600", "0200", "+200", "2xx", "6XX", "20X", "ok", "Default", "200 "] {
            assert!(check_status(status).is_err(), "{status}");
        }
    }
}
