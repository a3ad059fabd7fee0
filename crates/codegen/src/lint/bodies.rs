//! Request bodies: one media type, JSON or a form, and what a form can carry.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serde_json::Value;

use crate::diagnostic::list;
use crate::diagnostic::nearest;
use crate::lint::document::{At, Fields, Lint, Node, Operation, Resolved};
use crate::lint::rule::rule;
use crate::lint::syntax::unsendable;
use crate::read::media_type::{essence, is_form, is_json};
use crate::read::spec::delimiter;

/// Checks the request body of every operation.
pub fn check<'a>(lint: &mut Lint<'a>, operations: &[Operation<'a>]) {
    for operation in operations {
        let Some(body) = operation.node.get("requestBody") else { continue };
        rule!(request_bodies(lint, operation, &body));
        for (media_type, media) in lint.dereference(&body).named("content") {
            rule!(media_types(lint, media_type, &media));
            if is_form(media_type) {
                form(lint, &media);
            }
        }
    }
    rule!(delimited_lists(lint, operations));
}

/// Checks each property of a form once.
fn form<'a>(lint: &mut Lint<'a>, media: &Node<'a>) {
    let encodings = media.named("encoding");
    let mut seen = HashSet::new();
    for fields in media.get("schema").iter().flat_map(|schema| objects(lint, schema)).collect::<Vec<_>>() {
        for (name, node) in &fields.properties {
            if seen.insert(node.at()) {
                let encoding = encodings.iter().find(|(other, _)| other == name).map(|(_, node)| node);
                rule!(form_properties(lint, name, node, encoding, media));
            }
        }
    }
}

/// Returns the objects that a body can be.
fn objects<'a>(lint: &Lint<'a>, schema: &Node<'a>) -> Vec<Rc<Fields<'a>>> {
    let object = |(_, variant)| match lint.resolved(&variant) {
        Resolved::Object(fields) => Some(fields),
        _ => None,
    };
    lint.variants(schema).into_iter().filter_map(object).collect()
}

/// A request with a body has one media type, and a method that can carry it.
fn request_bodies<'a>(lint: &mut Lint<'a>, operation: &Operation<'a>, node: &Node<'a>) {
    if matches!(operation.method, "get" | "head" | "options") {
        let message = format!("a {} request has no body", operation.method.to_uppercase());
        lint.error(node, message, "remove it, and write its properties as parameters with `in: query`");
    }
    let body = lint.dereference(node);
    if !body.flag("required") && body.value.is_object() && !body.has("$ref") {
        let message = format!("the request body of {} isn't required, but it is always sent", operation.name());
        lint.warn(&body, message, "add `required: true`");
    }
    let content = body.named("content");
    let at = (body.at(), "content");
    if content.is_empty() && body.get("content").is_some_and(|content| content.value.is_object()) {
        lint.error(
            &at,
            "the request body has no media type",
            "add `application/json` or `application/x-www-form-urlencoded`",
        );
    }
    if content.len() > 1 {
        let types: Vec<String> = content.iter().map(|(media_type, _)| essence(media_type)).collect();
        let types = list(types.iter().map(String::as_str)).replace(" or ", " and ");
        let message = format!("the request body has several media types, {types}, and only one can be sent");
        lint.error(&at, message, "keep the one that the vendor documents best");
    }
}

/// A body is JSON or a form, of an object with named properties.
fn media_types<'a>(lint: &mut Lint<'a>, media_type: &str, media: &Node<'a>) {
    if !is_json(media_type) && !is_form(media_type) {
        return unsupported(lint, media_type, media);
    }
    if let Some((message, help)) = unsendable("header", media_type) {
        lint.error(media, format!("the media type {message}"), help);
    }
    let Some(schema) = media.get("schema") else {
        let help = "add `schema`, an object with the properties that are sent";
        return lint.error(media, "the request body has no schema", help);
    };
    for (_, variant) in lint.variants(&schema) {
        let resolved = lint.resolved(&variant);
        if !matches!(resolved, Resolved::Object(_)) {
            let message =
                format!("the request body is {}, and must be an object with named properties", resolved.kind());
            lint.error(&variant, message, "write `type: object` and `properties`, or a `oneOf` of such objects");
        }
    }
    if is_form(media_type) {
        return form_encodings(lint, media, &objects(lint, &schema));
    }
    for (property, encoding) in media.named("encoding") {
        lint.error(&encoding, format!("`encoding` of `{property}` has no meaning in JSON"), "remove it");
    }
}

fn unsupported<'a>(lint: &mut Lint<'a>, media_type: &str, media: &Node<'a>) {
    let (not, help) = match essence(media_type) {
        essence if essence.starts_with("multipart/") => {
            (", not multipart", "write `application/x-www-form-urlencoded`, which most vendors take too")
        }
        essence if essence.starts_with("text/") => (
            ", not plain text",
            "write `application/json` or `application/x-www-form-urlencoded`, if the vendor takes one",
        ),
        essence if essence.ends_with("xml") => (", not XML", "write `application/json`, if the vendor takes it"),
        essence if essence == "application/octet-stream" => (
            ", not bytes",
            "write `application/json`, with the bytes as `type: string`, `format: byte`, if the vendor takes it",
        ),
        _ => ("", "write `application/json` or `application/x-www-form-urlencoded`"),
    };
    let message = format!("`{media_type}` can't be sent: a request body is JSON or a form{not}");
    lint.error(media, message, help);
}

/// A form has the properties that it names, and each `encoding` is of a list among them.
fn form_encodings<'a>(lint: &mut Lint<'a>, media: &Node<'a>, forms: &[Rc<Fields<'a>>]) {
    for more in forms.iter().filter_map(|fields| fields.more) {
        let help = "name them under `properties`, and remove `additionalProperties`";
        lint.error(&more, "a form can't have further properties", help);
    }
    for (name, encoding) in media.named("encoding") {
        let properties: Vec<&Node> = forms.iter().filter_map(|fields| fields.property(name)).collect();
        if properties.is_empty() && !forms.is_empty() {
            let help = match nearest(name, forms.iter().flat_map(|fields| fields.names())) {
                Some(meant) => format!("write `{meant}`"),
                None => "remove it".to_owned(),
            };
            lint.error(&encoding, format!("`encoding` names `{name}`, and the form has no such property"), help);
        } else if !properties.is_empty()
            && !properties.iter().any(|node| matches!(lint.resolved(node), Resolved::List(_)))
        {
            let message = format!("`encoding` of `{name}` has no meaning: the property isn't a list");
            lint.error(&encoding, message, "remove it, or write `type: array`");
        }
    }
}

/// A form can write a property.
fn form_properties<'a>(
    lint: &mut Lint<'a>,
    name: &str,
    node: &Node<'a>,
    encoding: Option<&Node<'a>>,
    media: &Node<'a>,
) {
    match lint.resolved(node) {
        Resolved::Scalar(..) => {}
        Resolved::List(items) => {
            let advice = format!(
                "write `encoding: {{ {name}: {{ style: spaceDelimited, explode: false }} }}` beside the form's `schema`; \
                 `pipeDelimited` for a `|`, `form` for a comma"
            );
            let Some(encoding) = encoding else {
                let message = format!("`{name}` is a list, and nothing says how a form writes it");
                return lint.error(media, message, advice);
            };
            list_style(lint, name, encoding, advice);
            list_items(lint, name, node, items.as_ref());
        }
        Resolved::Object(_) | Resolved::Map(_) => {
            let message = format!("`{name}` is an object, and a form is flat");
            let help = "write a property for each field, named as it is sent, such as `user[name]`";
            lint.error(node, message, help);
        }
        Resolved::Union(_) | Resolved::Any => {
            let message = format!("`{name}` has no single type, and a form writes strings");
            lint.error(node, message, "write `type: string`, `integer`, `number` or `boolean`");
        }
    }
}

fn list_style<'a>(lint: &mut Lint<'a>, name: &str, encoding: &Node<'a>, advice: String) {
    let style = encoding.text("style").unwrap_or("form");
    let explode = encoding.value.get("explode").and_then(Value::as_bool).unwrap_or(style == "form");
    match style {
        "form" | "spaceDelimited" | "pipeDelimited" if explode => {
            let message = format!("`{name}` would be sent as several fields of one name, which is unsupported");
            lint.error(encoding, message, format!("add `explode: false`: {advice}"));
        }
        "form" | "spaceDelimited" | "pipeDelimited" => {}
        "deepObject" => lint.error(encoding, "`deepObject` is unsupported", advice),
        other => {
            let message = format!("`{other}` isn't a style of a form");
            lint.error(&(encoding.at(), "style"), message, "write `spaceDelimited`, `pipeDelimited` or `form`");
        }
    }
}

fn list_items<'a>(lint: &mut Lint<'a>, name: &str, node: &Node<'a>, items: Option<&Node<'a>>) {
    if let Some(items) = items.filter(|items| lint.is_nullable(items)) {
        let message = format!("an element of `{name}` may be null, which a form can't express");
        lint.error(items, message, "remove `nullable`");
    }
    let is_plain = match items.map(|items| lint.resolved(items)) {
        Some(Resolved::Scalar("string", schema)) => schema.text("format") != Some("password"),
        Some(Resolved::Scalar("integer", _)) | None => true,
        _ => false,
    };
    if !is_plain {
        let message = format!("the elements of `{name}` can't be joined to one string");
        lint.error(node, message, "write `items` with the type string, with or without `enum`, or integer");
    }
}

/// A schema's list is joined in one way: a form makes it one string, so no other body can have it as a list.
fn delimited_lists<'a>(lint: &mut Lint<'a>, operations: &[Operation<'a>]) {
    let forms = joined(lint, operations);
    if forms.is_empty() {
        return;
    }
    let mut seen = HashSet::new();
    for operation in operations {
        let responses = lint.responses(operation).into_iter().filter_map(|(_, response)| lint.json_schema(&response));
        let request = lint.request(operation).filter(|(media_type, _)| !is_form(media_type));
        let mut queue: Vec<Node> = responses.chain(request.and_then(|(_, media)| media.get("schema"))).collect();
        while let Some(schema) = queue.pop() {
            let schema = lint.schema(&schema);
            if !seen.insert(schema.at()) {
                continue;
            }
            match lint.resolved(&schema) {
                Resolved::Object(fields) => {
                    for (name, node) in &fields.properties {
                        if let Some((_, form)) = forms.get(&(schema.at(), *name)) {
                            let message = format!(
                                "`{name}` is one string in the form of {form}, and a list in the JSON of {}",
                                operation.name()
                            );
                            lint.error(node, message, "give the form a schema of its own");
                        }
                        queue.push(*node);
                    }
                }
                Resolved::Union(branches) => queue.extend(branches),
                Resolved::List(inner) | Resolved::Map(inner) => queue.extend(inner),
                Resolved::Scalar(..) | Resolved::Any => {}
            }
        }
    }
}

/// The lists that forms join: by the object and the property's name, the delimiter and the form's operation.
type Joined<'a> = HashMap<(At, &'a str), (char, String)>;

fn joined<'a>(lint: &mut Lint<'a>, operations: &[Operation<'a>]) -> Joined<'a> {
    let mut forms = Joined::new();
    for operation in operations {
        let Some((_, media)) = lint.request(operation).filter(|(media_type, _)| is_form(media_type)) else { continue };
        let Some(schema) = media.get("schema") else { continue };
        for (_, variant) in lint.variants(&schema) {
            let at = lint.schema(&variant).at();
            for (name, encoding) in media.named("encoding") {
                let Some(delimiter) = delimiter(encoding.value) else { continue };
                match forms.get(&(at, name)) {
                    Some((other, operation)) if *other != delimiter => {
                        let message = format!("`{name}` of the same schema is joined in another way by {operation}");
                        lint.error(&encoding, message, "give one of the two forms a schema of its own");
                    }
                    _ => {
                        forms.insert((at, name), (delimiter, operation.name()));
                    }
                }
            }
        }
    }
    forms
}
