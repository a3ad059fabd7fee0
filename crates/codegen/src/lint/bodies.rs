//! Request bodies: one media type, JSON or a form, and what a form can carry.

use crate::diagnostic::list;
use crate::diagnostic::nearest;
use crate::lint::document::Lint;
use crate::lint::document::{At, Node, Operation, Shape};
use crate::lint::operations::unsendable;
use crate::read::media_type::{essence, is_form, is_json};
use crate::read::spec::delimiter;
use std::collections::{HashMap, HashSet};

/// Checks those of every operation.
pub fn check(lint: &mut Lint) {
    for operation in lint.operations() {
        if let Some(body) = operation.node.get("requestBody") {
            request(lint, &operation, &body);
        }
    }
    delimiters(lint);
}

/// A list in a form is one text, and so is a type's own: elsewhere the same type can't be another text, or a list.
fn delimiters(lint: &mut Lint) {
    // By the object and the property's name, what stands between the items, and whose form it is.
    let mut forms: HashMap<(At, &str), (char, String)> = HashMap::new();
    let operations = lint.operations();
    for operation in &operations {
        let Some((_, media)) = lint.request(operation).filter(|(media_type, _)| is_form(media_type)) else { continue };
        let Some(schema) = media.get("schema") else { continue };
        for (_, variant) in lint.variants(&schema) {
            let at = lint.schema(&variant).at();
            for (name, encoding) in media.named("encoding") {
                let Some(delimiter) = delimiter(encoding.value) else { continue };
                match forms.get(&(at, name)) {
                    Some((other, whose)) if *other != delimiter => {
                        let message = format!("`{name}` of the same schema is joined in another way by {whose}");
                        lint.error(
                            "delimited-lists",
                            &encoding,
                            message,
                            "give one of the two forms a schema of its own",
                        );
                    }
                    _ => {
                        forms.insert((at, name), (delimiter, operation.name()));
                    }
                }
            }
        }
    }
    if forms.is_empty() {
        return;
    }
    let mut seen = HashSet::new();
    for operation in &operations {
        let answers = lint.responses(operation).into_iter().filter_map(|(_, response)| lint.json_schema(&response));
        let request = lint.request(operation).filter(|(media_type, _)| !is_form(media_type));
        let mut queue: Vec<Node> = answers.chain(request.and_then(|(_, media)| media.get("schema"))).collect();
        while let Some(schema) = queue.pop() {
            let schema = lint.schema(&schema);
            if !seen.insert(schema.at()) {
                continue;
            }
            match lint.shape(&schema) {
                Shape::Object(fields) => {
                    for (name, node) in &fields.properties {
                        if let Some((_, form)) = forms.get(&(schema.at(), *name)) {
                            let whose = operation.name();
                            let message = format!(
                                "`{name}` is one text in the form of {form}, and a list in the JSON of {whose}"
                            );
                            lint.error("delimited-lists", node, message, "give the form a schema of its own");
                        }
                        queue.push(*node);
                    }
                }
                Shape::Union(branches) => queue.extend(branches),
                Shape::List(inner) | Shape::Map(inner) => queue.extend(inner),
                Shape::Scalar(..) | Shape::Any => {}
            }
        }
    }
}

fn request<'a>(lint: &mut Lint<'a>, operation: &Operation<'a>, node: &Node<'a>) {
    if matches!(operation.method, "get" | "head" | "options") {
        let message = format!("a {} request has no body", operation.method.to_uppercase());
        lint.error(
            "request-bodies",
            node,
            message,
            "remove it, and write its properties as parameters with `in: query`",
        );
    }
    let body = lint.resolve(node);
    if !body.flag("required") && body.value.is_object() && !body.has("$ref") {
        let message = format!("the request body of {} isn't required, and is always sent", operation.name());
        lint.warn("request-bodies", &body, message, "add `required: true`");
    }
    let content = body.named("content");
    let at = (body.at(), "content");
    if content.is_empty() && body.get("content").is_some_and(|content| content.value.is_object()) {
        lint.error(
            "request-bodies",
            &at,
            "the request body has no media type",
            "add `application/json` or `application/x-www-form-urlencoded`",
        );
    }
    if content.len() > 1 {
        let types: Vec<String> = content.iter().map(|(media_type, _)| essence(media_type)).collect();
        let types = list(types.iter().map(String::as_str)).replace(" or ", " and ");
        let message = format!("the request body has several media types, {types}, and only one can be sent");
        lint.error("request-bodies", &at, message, "keep the one that the vendor documents best");
    }
    for (media_type, media) in &content {
        media_type_at(lint, media_type, media);
    }
}

fn media_type_at<'a>(lint: &mut Lint<'a>, media_type: &str, media: &Node<'a>) {
    if !is_json(media_type) && !is_form(media_type) {
        let (kind, help) = match essence(media_type) {
            essence if essence.starts_with("multipart/") => {
                ("multipart", "write `application/x-www-form-urlencoded`, which most vendors take too")
            }
            essence if essence.starts_with("text/") => (
                "plain text",
                "write `application/json` or `application/x-www-form-urlencoded`, if the vendor takes one",
            ),
            essence if essence.ends_with("xml") => ("XML", "write `application/json`, if the vendor takes it"),
            essence if essence == "application/octet-stream" => (
                "bytes",
                "write `application/json`, with the bytes as `type: string`, `format: byte`, if the vendor takes it",
            ),
            _ => ("that", "write `application/json` or `application/x-www-form-urlencoded`"),
        };
        let message = format!("`{media_type}` can't be sent: a request body is JSON or a form, not {kind}");
        let message = if kind == "that" {
            format!("`{media_type}` can't be sent: a request body is JSON or a form")
        } else {
            message
        };
        lint.error("media-types", media, message, help);
        return;
    }
    if let Some((message, help)) = unsendable("header", media_type) {
        lint.error("media-types", media, format!("the media type {message}"), help);
    }
    let Some(schema) = media.get("schema") else {
        lint.error(
            "media-types",
            media,
            "the request body has no schema",
            "add `schema`, an object with the properties that are sent",
        );
        return;
    };
    let mut forms = Vec::new();
    for (_, variant) in lint.variants(&schema) {
        match lint.shape(&variant) {
            Shape::Object(fields) => forms.push(fields),
            shape => {
                let message =
                    format!("the request body is {}, and must be an object with named properties", shape.kind());
                lint.error(
                    "media-types",
                    &variant,
                    message,
                    "write `type: object` and `properties`, or a `oneOf` of such",
                );
            }
        }
    }

    let encodings = media.named("encoding");
    if !is_form(media_type) {
        for (property, encoding) in encodings {
            let message = format!("`encoding` of `{property}` has no meaning in JSON");
            lint.error("media-types", &encoding, message, "remove it");
        }
        return;
    }
    let mut seen = HashSet::new();
    for fields in &forms {
        for (name, node) in &fields.properties {
            if seen.insert(node.at()) {
                let encoding = encodings.iter().find(|(other, _)| other == name).map(|(_, node)| node);
                form_property(lint, name, node, encoding, media);
            }
        }
        if let Some(more) = &fields.more {
            lint.error(
                "media-types",
                more,
                "a form can't have further properties",
                "name them under `properties`, and remove `additionalProperties`",
            );
        }
    }
    for (name, encoding) in &encodings {
        let properties: Vec<&Node> = forms.iter().filter_map(|fields| fields.property(name)).collect();
        if properties.is_empty() && !forms.is_empty() {
            let known = forms.iter().flat_map(|fields| fields.names());
            let help = match nearest(name, known) {
                Some(meant) => format!("write `{meant}`"),
                None => "remove it".to_owned(),
            };
            lint.error(
                "media-types",
                encoding,
                format!("`encoding` names `{name}`, and the form has no such property"),
                help,
            );
        } else if !properties.is_empty() && !properties.iter().any(|node| matches!(lint.shape(node), Shape::List(_))) {
            let message = format!("`encoding` of `{name}` has no meaning: the property isn't a list");
            lint.error("media-types", encoding, message, "remove it, or write `type: array`");
        }
    }
}

fn form_property<'a>(lint: &mut Lint<'a>, name: &str, node: &Node<'a>, encoding: Option<&Node<'a>>, media: &Node<'a>) {
    let advice = "write `encoding: { NAME: { style: spaceDelimited, explode: false } }` beside the form's `schema`; \
                  `pipeDelimited` for a `|`, `form` for a comma"
        .replace("NAME", name);
    match lint.shape(node) {
        Shape::Scalar(..) => {}
        Shape::List(items) => {
            let Some(encoding) = encoding else {
                let message = format!("`{name}` is a list, and nothing says how a form writes it");
                return lint.error("form-properties", media, message, advice);
            };
            let style = encoding.text("style").unwrap_or("form");
            let explode = encoding.value.get("explode").and_then(serde_json::Value::as_bool).unwrap_or(style == "form");
            match style {
                "form" | "spaceDelimited" | "pipeDelimited" if explode => {
                    let message =
                        format!("`{name}` would be sent as several fields of one name, which a form can't write here");
                    lint.error("form-properties", encoding, message, format!("add `explode: false`: {advice}"));
                }
                "form" | "spaceDelimited" | "pipeDelimited" => {}
                "deepObject" => lint.error("form-properties", encoding, "`deepObject` can't be honoured", advice),
                other => {
                    let message = format!("`{other}` is no style of a form");
                    lint.error(
                        "form-properties",
                        &(encoding.at(), "style"),
                        message,
                        "write `spaceDelimited`, `pipeDelimited` or `form`",
                    );
                }
            }
            if let Some(items) = items.as_ref().filter(|items| lint.is_nullable(items)) {
                let message = format!("an element of `{name}` may be null, which a form can't say");
                lint.error("form-properties", items, message, "remove `nullable`");
            }
            let items = items.map(|items| lint.shape(&items));
            let is_plain = match &items {
                Some(Shape::Scalar("string", schema)) => schema.text("format") != Some("password"),
                Some(Shape::Scalar("integer", _)) | None => true,
                _ => false,
            };
            if !is_plain {
                let message = format!("the elements of `{name}` can't be joined to one text");
                lint.error(
                    "form-properties",
                    node,
                    message,
                    "write `items` with the type string, with or without `enum`, or integer",
                );
            }
        }
        Shape::Object(_) | Shape::Map(_) => {
            let message = format!("`{name}` is an object, and a form is flat");
            lint.error(
                "form-properties",
                node,
                message,
                "write a property for each field, named as it is sent, such as `user[name]`",
            );
        }
        Shape::Union(_) | Shape::Any => {
            let message = format!("`{name}` has no single type, and a form writes text");
            lint.error("form-properties", node, message, "write `type: string`, `integer`, `number` or `boolean`");
        }
    }
}
