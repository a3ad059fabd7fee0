//! Compositions: what `allOf` merges, and how the branches of a `oneOf` are told apart.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serde_json::Value;

use crate::lint::document::{Fields, Lint, Node, Resolved};
use crate::read::spec::is_alone;

/// The branches of an `allOf` are objects, whose properties can be merged.
pub fn all_of<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    let branches = schema.items("allOf");
    if branches.is_empty() || branches.len() == 1 && is_alone(schema.value) {
        return;
    }
    for branch in &branches {
        let is_part = lint.schema(branch).value.as_object().is_some_and(|map| {
            map.contains_key("properties") || map.contains_key("required") || map.contains_key("allOf")
        });
        let resolved = lint.resolved(branch);
        if !is_part && !matches!(resolved, Resolved::Object(_)) {
            let message =
                format!("a branch of `allOf` is {}, and only objects with properties can be merged", resolved.kind());
            let help = match resolved {
                Resolved::Union(_) => "write `oneOf` on top, with an `allOf` in each branch",
                _ => "write `allOf` of objects; for a reference with a description, `allOf` of that one reference",
            };
            lint.error(branch, message, help);
        }
    }
    let mut properties: HashMap<&str, Node> = HashMap::new();
    for part in lint.parts(schema) {
        for (name, node) in part.named("properties") {
            match properties.get(name) {
                Some(other) if !same_type(other.value, node.value) => {
                    let line =
                        lint.spec.line(&lint.pointer(other)).map_or_else(String::new, |line| format!(" (line {line})"));
                    let message = format!("`allOf` merges two properties `{name}` whose schemas differ{line}");
                    lint.error(&node, message, "write one of them, or give both one schema in `components`");
                }
                Some(_) => {}
                None => {
                    properties.insert(name, node);
                }
            }
        }
    }
}

/// Whether two schemas differ in their documentation only.
fn same_type(one: &Value, other: &Value) -> bool {
    let strip = |value: &Value| {
        let mut value = value.clone();
        if let Value::Object(map) = &mut value {
            for key in ["description", "title", "example", "externalDocs"] {
                map.shift_remove(key);
            }
        }
        value
    };
    strip(one) == strip(other)
}

/// The branches of a `oneOf` are alike and can be told apart.
pub fn one_of<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    if !schema.has("oneOf") {
        return;
    }
    for key in ["properties", "required", "additionalProperties", "enum"] {
        if schema.has(key) {
            let message = format!("`{key}` beside `oneOf` is dropped");
            let help = match key {
                "enum" => "remove it, and write it in the branches",
                _ => "move it into each branch: `allOf` of a common object and its own",
            };
            lint.error(&(schema.at(), key), message, help);
        }
    }
    let variants = lint.variants(schema);
    if variants.len() < 2 {
        return;
    }
    let resolved: Vec<Resolved> = variants.iter().map(|(_, node)| lint.resolved(node)).collect();
    let scalars = resolved.iter().filter(|resolved| matches!(resolved, Resolved::Scalar(..))).count();
    let objects: Vec<(String, &Fields)> = resolved
        .iter()
        .zip(&variants)
        .filter_map(|(resolved, (name, node))| match resolved {
            Resolved::Object(fields) => {
                let index = || lint.key(node).parse::<usize>();
                let place = || index().map_or_else(|_| String::new(), |index| format!("branch {}", index + 1));
                Some((name.map_or_else(place, |name| format!("`{name}`")), &**fields))
            }
            _ => None,
        })
        .collect();
    if scalars != resolved.len() && objects.len() != resolved.len() {
        lint.error(
            schema,
            "the branches of `oneOf` are neither all objects with properties nor all strings, numbers or booleans",
            "make them alike; or write a schema with a description alone, which takes any JSON",
        );
        return;
    }
    for (index, (name, fields)) in objects.iter().enumerate() {
        for (other, others) in &objects[..index] {
            if !are_told_apart(lint, others, fields, |_| true) {
                let message = format!("nothing tells {other} and {name} apart");
                let help = "give each a required property with an `enum` of one value, or list first the one with a \
                            required property of its own; otherwise the first that fits is used";
                lint.warn(schema, message, help);
            }
        }
    }
}

/// Whether a body fits at most one of two objects: by two constants, or by a required property that only the first has.
/// `is_tag` decides which constants are used.
fn are_told_apart<'a>(
    lint: &Lint<'a>,
    first: &Fields<'a>,
    second: &Fields<'a>,
    is_tag: impl Fn(&Value) -> bool,
) -> bool {
    let differs = |(name, node): &(&'a str, Node<'a>)| match (lint.constant(node), second.property(name)) {
        (Some(one), Some(other)) => lint.constant(other).is_some_and(|other| one != other) && is_tag(one),
        (_, None) => first.required.contains(name),
        _ => false,
    };
    first.properties.iter().any(differs)
}

/// A response's `oneOf` is read by its tags, the constants that tell the branches apart. They are strings: with a boolean or a
/// number as its tag, any branch would read any response.
pub fn tags(lint: &mut Lint) {
    let mut seen = HashSet::new();
    for operation in lint.operations() {
        for (_, response) in lint.responses(&operation) {
            let body = lint.json_schema(&response);
            for schema in body.iter().flat_map(|schema| lint.reach(schema, &mut seen)).collect::<Vec<_>>() {
                if schema.has("oneOf") {
                    string_tags(lint, &schema);
                }
            }
        }
    }
}

fn string_tags<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    let variants = lint.variants(schema);
    let objects: Vec<Rc<Fields>> = variants
        .iter()
        .filter_map(|(_, node)| match lint.resolved(node) {
            Resolved::Object(fields) => Some(fields),
            _ => None,
        })
        .collect();
    let is_other = |node: &Node<'a>| lint.constant(node).is_some_and(|value| !value.is_string());
    if !objects.iter().any(|fields| fields.properties.iter().any(|(_, node)| is_other(node))) {
        return;
    }
    for (index, second) in objects.iter().enumerate() {
        for first in &objects[..index] {
            if are_told_apart(lint, first, second, |_| true) && !are_told_apart(lint, first, second, Value::is_string) {
                let named = |(name, node): &(&'a str, Node<'a>)| {
                    is_other(node).then_some(*name).filter(|name| second.property(name).is_some_and(&is_other))
                };
                let name = first.properties.iter().find_map(named).unwrap_or_default();
                let message = format!(
                    "only `{name}` tells the branches apart, and a response can't be read by it: it isn't a string"
                );
                let help =
                    "give each branch a required property that only it has, or a string with an `enum` of one value";
                return lint.error(schema, message, help);
            }
        }
    }
}
