//! Parameters: declared as the path has them, and of a form that a request can carry.

use std::collections::HashMap;

use crate::diagnostic::nearest;
use crate::ident;
use crate::lint::document::{At, Lint, Node, Operation, Resolved};
use crate::lint::objects::label;
use crate::lint::rule::rule;
use crate::lint::syntax::{is_header, is_ragged, own_header, placeholders, unsendable};

/// Checks the parameters of every operation.
pub fn check<'a>(lint: &mut Lint<'a>, operations: &[Operation<'a>]) {
    for operation in operations {
        let used = placeholders(operation.path).unwrap_or_default();
        for parameter in rule!(parameters(lint, operation, &used)) {
            let Some(name) = parameter.text("name") else { continue };
            rule!(parameter_forms(lint, &parameter, name, &used));
            rule!(parameter_constants(lint, &parameter, name));
        }
    }
}

/// How an operation declares its parameters. Returns those that have a usable name.
fn parameters<'a>(lint: &mut Lint<'a>, operation: &Operation<'a>, used: &[&str]) -> Vec<Node<'a>> {
    for place in [&operation.item, &operation.node] {
        declared_twice(lint, place);
    }
    let mut parameters = lint.parameters(operation);
    of_path(lint, operation, &parameters, used);
    parameters.retain(|parameter| is_named(lint, parameter));

    let mut arguments: HashMap<String, &str> = HashMap::new();
    if operation.node.has("requestBody") {
        arguments.insert("body".to_owned(), "the request body");
    }
    for parameter in &parameters {
        let Some(name) = parameter.text("name") else { continue };
        match arguments.insert(ident::snake(label(name, parameter)), name) {
            Some("the request body") => {
                let message = format!("the parameter `{name}` would have the name of the request body's argument");
                lint.error(parameter, message, "add `x-name`, another name for the argument, in snake_case");
            }
            Some(other) => {
                let message =
                    format!("the parameters `{other}` and `{name}` of {} would have one name", operation.name());
                let help = "add `x-name` to one of them, another name for the argument, in snake_case";
                lint.error(parameter, message, help);
            }
            None => {}
        }
    }
    parameters
}

fn declared_twice<'a>(lint: &mut Lint<'a>, place: &Node<'a>) {
    let mut seen: Vec<(String, String)> = Vec::new();
    for node in place.items("parameters") {
        let parameter = lint.dereference(&node);
        let (Some(name), Some(position)) = (parameter.text("name"), parameter.text("in")) else { continue };
        let key = (position.to_owned(), if position == "header" { name.to_lowercase() } else { name.to_owned() });
        if seen.contains(&key) {
            let message = format!("the {position} parameter `{name}` is declared twice");
            lint.error(&node, message, "remove one of the two");
        }
        seen.push(key);
    }
}

/// The placeholders of the path, each of which is a parameter.
fn of_path<'a>(lint: &mut Lint<'a>, operation: &Operation<'a>, parameters: &[Node<'a>], used: &[&str]) {
    for (index, name) in used.iter().enumerate() {
        if used[..index].contains(name) {
            lint.error(&operation.item, format!("the path has `{{{name}}}` twice"), "give each its own name");
        }
    }
    let declared: Vec<&str> =
        parameters.iter().filter(|node| node.text("in") == Some("path")).filter_map(|node| node.text("name")).collect();
    for name in used.iter().filter(|name| !declared.contains(name)) {
        let message = format!("the path's `{{{name}}}` isn't declared as a parameter of {}", operation.name());
        let help = match nearest(name, declared.iter().copied().filter(|name| !used.contains(name))) {
            Some(meant) => format!("write `{{{meant}}}` in the path"),
            None => {
                format!(
                    "add `{{ name: {name}, in: path, required: true, schema: {{ type: string }} }}` to `parameters`"
                )
            }
        };
        lint.error(&operation.node, message, help);
    }
}

/// Reports a name that can't be sent. Returns whether there is one to check further.
fn is_named<'a>(lint: &mut Lint<'a>, parameter: &Node<'a>) -> bool {
    let at = (parameter.at(), "name");
    let is_header = parameter.text("in") == Some("header");
    match parameter.text("name") {
        None => return false,
        Some("") => lint.error(&at, "a parameter's name is empty", "write its name"),
        Some(name) if is_ragged(name) && !is_header => {
            let message = format!("the name {name:?} begins or ends with a space, or has a control character in it");
            lint.error(&at, message, "write it as the vendor does, without");
        }
        Some(name) if !name.is_ascii() && !is_header => {
            let message = format!("the name of the parameter `{name}` isn't ASCII");
            let help = match parameter.text("in") {
                Some("path") => "write another here and in the path: it is never sent",
                _ => "remove it, if the vendor does without",
            };
            lint.error(&at, message, help);
            return true;
        }
        Some(_) => return true,
    }
    false
}

/// Whether a request can carry a parameter: by its place, its style and its type.
fn parameter_forms<'a>(lint: &mut Lint<'a>, parameter: &Node<'a>, name: &str, used: &[&str]) {
    let place = parameter.text("in").unwrap_or_default();
    let Some(default_style) = default_style(lint, parameter, place, name, used) else { return };
    let Some(schema) = parameter.get("schema") else { return };
    let resolved = lint.resolved(&schema);
    style(lint, parameter, place, &resolved, default_style);
    match &resolved {
        Resolved::Scalar(..) => {}
        Resolved::List(_) if place != "query" => {
            let message = format!("the {place} parameter `{name}` is a list");
            let help = "write `type: string`, and say in `description` how its parts are joined";
            lint.error(&schema, message, help);
        }
        Resolved::List(items) => query_list(lint, &schema, items.as_ref(), name),
        Resolved::Object(_) | Resolved::Map(_) => {
            let message = format!("the {place} parameter `{name}` is an object");
            let help = "write a parameter for each of its properties, or `type: string` for a JSON string";
            lint.error(&schema, message, help);
        }
        Resolved::Union(_) | Resolved::Any => {
            let message = format!("the {place} parameter `{name}` has no single type");
            lint.error(&schema, message, "write `type: string`, `integer`, `number` or `boolean`");
        }
    }
}

/// Checks the place of a parameter. Returns the style of such parameters, if they can be sent.
fn default_style<'a>(
    lint: &mut Lint<'a>,
    parameter: &Node<'a>,
    place: &str,
    name: &str,
    used: &[&str],
) -> Option<&'static str> {
    let at = parameter.at();
    match place {
        "path" => {
            path_parameter(lint, parameter, name, used);
            return Some("simple");
        }
        "query" => return Some("form"),
        "header" => {
            header_parameter(lint, at, name);
            return Some("simple");
        }
        "cookie" => {
            let help = "write `in: header`, if the vendor takes one";
            lint.error(&(at, "in"), "requests for tokens have no cookies", help);
        }
        "body" | "formData" => {
            let message = format!("`in: {place}` belongs to Swagger 2.0");
            lint.error(&(at, "in"), message, "write `requestBody` with the media type and the schema");
        }
        "" => {}
        other => {
            let message = format!("`{other}` isn't a place for a parameter");
            lint.error(&(at, "in"), message, "write `path`, `query` or `header`");
        }
    }
    None
}

fn path_parameter<'a>(lint: &mut Lint<'a>, parameter: &Node<'a>, name: &str, used: &[&str]) {
    if !used.contains(&name) {
        let message = format!("the path parameter `{name}` isn't in the path");
        lint.error(parameter, message, format!("write `{{{name}}}` in the path, or remove it"));
    }
    if !parameter.flag("required") {
        lint.error(parameter, format!("the path parameter `{name}` isn't required"), "add `required: true`");
    }
}

fn header_parameter(lint: &mut Lint, at: At, name: &str) {
    if let Some(why) = own_header(name) {
        lint.error(&at, format!("the client itself writes the header `{name}`"), format!("remove it: {why}"));
    } else if !is_header(name) {
        lint.error(&(at, "name"), format!("`{name}` can't name a header"), "write letters, digits and `-`");
    }
}

fn style<'a>(lint: &mut Lint<'a>, parameter: &Node<'a>, place: &str, resolved: &Resolved<'a>, default_style: &str) {
    let style = parameter.text("style").unwrap_or(default_style);
    let at = (parameter.at(), "style");
    match (resolved, place, style) {
        (Resolved::List(_), "query", "spaceDelimited" | "pipeDelimited") if parameter.flag("explode") => {
            let message = format!("`{style}` and `explode: true` exclude each other");
            lint.error(&(parameter.at(), "explode"), message, "write `explode: false`");
        }
        (Resolved::List(_), "query", "spaceDelimited" | "pipeDelimited") => {}
        (_, "query", "spaceDelimited" | "pipeDelimited") => {
            lint.error(&at, format!("`{style}` is for lists only"), "remove it, or write `type: array` in `schema`");
        }
        (_, _, style) if style != default_style => {
            let help = match (place, style) {
                ("query", "deepObject") => {
                    "write a parameter for each property, named as it is sent, such as `filter[name]`"
                }
                ("query", _) => "write `form`, or for lists `spaceDelimited` or `pipeDelimited`",
                _ => "write `simple`, or remove it",
            };
            lint.error(&at, format!("the style `{style}` is unsupported in a {place} parameter"), help);
        }
        _ => {}
    }
}

fn query_list<'a>(lint: &mut Lint<'a>, schema: &Node<'a>, items: Option<&Node<'a>>, name: &str) {
    if let Some(items) = items.filter(|items| lint.is_nullable(items)) {
        let message = format!("an element of the query parameter `{name}` may be null, which a query can't express");
        lint.error(items, message, "remove `nullable`");
    }
    let items = items.map(|items| lint.resolved(items));
    if let Some(Resolved::Scalar("string", items)) = &items
        && items.text("format") == Some("password")
    {
        let message = format!("the query parameter `{name}` is a list of secrets, and secrets can't be joined");
        let help = "write one `type: string` with `format: password`, the whole list as one string";
        lint.error(schema, message, help);
    }
    if !matches!(items, Some(Resolved::Scalar(..))) {
        let message = format!("the elements of the query parameter `{name}` can't be written in a query");
        lint.error(schema, message, "write `items` with the type string, integer, number or boolean");
    }
}

/// A constant that its path or header can't carry.
fn parameter_constants<'a>(lint: &mut Lint<'a>, parameter: &Node<'a>, name: &str) {
    let place = parameter.text("in").unwrap_or_default();
    let Some(schema) = parameter.get("schema") else { return };
    let Some(text) = lint.constant(&schema).and_then(|value| value.as_str()) else { return };
    if let Some((message, help)) = unsendable(place, text) {
        lint.error(&schema, format!("the only value of the {place} parameter `{name}` {message}"), help);
    }
}
