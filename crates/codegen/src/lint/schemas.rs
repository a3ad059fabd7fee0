//! Schemas: their types and formats, and where a property may be used.

use std::collections::HashSet;

use serde_json::Value;

use crate::diagnostic::{distance, list, nearest};
use crate::lint::compositions::{all_of, one_of, tags};
use crate::lint::document::{At, Lint, Node};
use crate::lint::enums::{enums, variant_names};
use crate::lint::keys::Nodes;
use crate::lint::keys::table::Kind;
use crate::lint::objects::{objects, rust_names};
use crate::lint::rule::rule;
use crate::lint::secrets::{is_secret_name, secret_types, secrets};

pub const TYPES: [&str; 6] = ["string", "integer", "number", "boolean", "array", "object"];

/// Keys that belong to one type.
const KEYS_OF: [(&str, &[&str]); 5] = [
    ("string", &["pattern", "minLength", "maxLength"]),
    ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ("array", &["items", "minItems", "maxItems", "uniqueItems"]),
    ("object", &["properties", "required", "additionalProperties", "minProperties", "maxProperties"]),
    ("", &["format"]),
];

/// The formats that have a meaning here.
const FORMATS: [&str; 9] = ["password", "date-time", "date", "int32", "int64", "float", "double", "byte", "binary"];

/// Formats of OpenAPI's registry that look like a typo of one of [`FORMATS`].
const OTHER_FORMATS: [&str; 7] = ["int8", "int16", "uint8", "uint16", "uint32", "uint64", "time"];

/// Checks every schema of the document.
pub fn check<'a>(lint: &mut Lint<'a>, nodes: &Nodes<'a>) {
    let is_schema =
        |(kind, node): &&(Kind, Node<'a>)| *kind == Kind::Schema && !node.has("$ref") && node.value.is_object();
    let schemas: Vec<&Node<'a>> = nodes.iter().filter(is_schema).map(|(_, node)| node).collect();
    // A branch of an `allOf` is a part of its object, and may say less than a schema of its own.
    let mut parts: HashSet<At> = HashSet::new();
    for schema in &schemas {
        parts.extend(schema.items("allOf").into_iter().filter(|node| !node.has("$ref")).map(|node| node.at()));
    }
    for schema in &schemas {
        let is_part = parts.contains(&schema.at());
        rule!(schema_types(lint, schema, is_part));
        rule!(formats(lint, schema));
        rule!(enums(lint, schema));
        rule!(variant_names(lint, schema));
        rule!(all_of(lint, schema));
        rule!(one_of(lint, schema));
        if !is_part {
            rule!(objects(lint, schema));
        }
        for (name, property) in schema.named("properties") {
            if is_secret_name(name) {
                rule!(secrets(lint, name, &property));
            }
            rule!(rust_names(lint, &property));
        }
        rule!(secret_types(lint, schema));
    }
    rule!(misplaced_x_name(lint, &schemas));
    for (_, parameter) in nodes.iter().filter(|(kind, _)| *kind == Kind::Parameter) {
        rule!(rust_names(lint, parameter));
        if let (Some(name), Some(schema)) = (parameter.text("name"), parameter.get("schema"))
            && is_secret_name(name)
        {
            rule!(secrets(lint, name, &schema));
        }
    }
    rule!(read_and_write_only(lint));
    rule!(tags(lint));
}

/// A schema has one type that Rust can have, and only the keys of that type.
fn schema_types<'a>(lint: &mut Lint<'a>, schema: &Node<'a>, is_part: bool) {
    let is_composed = schema.has("allOf") || schema.has("oneOf");
    if schema.has("allOf") && schema.has("oneOf") {
        let help = "write `oneOf` of objects, each with its own `allOf`";
        lint.error(schema, "a schema can't have both `allOf` and `oneOf`", help);
    }
    let Some(node) = schema.get("type") else {
        if !is_composed && !is_part {
            untyped(lint, schema);
        }
        return;
    };
    let Some(name) = node.value.as_str() else { return };
    if !TYPES.contains(&name) {
        return unknown_type(lint, &node, name);
    }
    if is_composed && name != "object" {
        let message = format!("`type: {name}` beside `allOf` or `oneOf` is dropped");
        return lint.error(&node, message, "remove it, and write it in the branches");
    }
    if name == "array" && !schema.has("items") {
        lint.error(schema, "the list has no `items`", "add `items: { type: … }`, the type of its elements");
    }
    for (owner, keys) in KEYS_OF {
        let fits = match owner {
            "number" => matches!(name, "number" | "integer"),
            "" => !matches!(name, "object" | "array"),
            owner => owner == name,
        };
        for key in keys.iter().filter(|key| !fits && schema.has(key)) {
            let message = format!("`{key}` has no meaning beside `type: {name}`");
            let help = match owner {
                "" => "remove it".to_owned(),
                owner => format!("remove it, or write `type: {owner}`"),
            };
            lint.error(&(schema.at(), *key), message, help);
        }
    }
    if schema.has("enum") && matches!(name, "object" | "array") {
        let message = format!("an {name} can't have an `enum`");
        lint.error(&(schema.at(), "enum"), message, "write the `enum` in the schema of its parts");
    }
}

/// A schema without a type is any JSON. One with a key of some type was meant to have that.
fn untyped<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    if schema.has("properties") || schema.has("required") {
        lint.error(schema, "the schema has properties and no type", "add `type: object`");
    } else if schema.has("items") {
        lint.error(schema, "the schema has `items` and no type", "add `type: array`");
    } else if schema.has("enum") {
        let help = match schema.items("enum").first().map(|first| first.value) {
            Some(Value::Number(_)) => "add `type: integer`",
            Some(Value::Bool(_)) => "add `type: boolean`",
            _ => "add `type: string`",
        };
        lint.error(schema, "the schema has `enum` and no type", help);
    } else if schema.has("format") {
        lint.error(schema, "the schema has `format` and no type", "add `type: string`, `integer` or `number`");
    } else if schema.flag("nullable") {
        let message = "`nullable` has no meaning without a type: any JSON may be null";
        lint.error(&(schema.at(), "nullable"), message, "add `type`, or remove `nullable`");
    }
}

fn unknown_type<'a>(lint: &mut Lint<'a>, node: &Node<'a>, name: &str) {
    let help = match (name, nearest(name, TYPES)) {
        ("file", _) => "write `type: string` and `format: binary`".to_owned(),
        ("null", _) => "write the type that it has otherwise, and `nullable: true`".to_owned(),
        ("str" | "text" | "date" | "datetime" | "uuid", _) => {
            "write `string`, with a `format` if it has one".to_owned()
        }
        ("int" | "long" | "int32" | "int64", _) => "write `integer`".to_owned(),
        ("float" | "double" | "decimal", _) => "write `number`".to_owned(),
        ("dict" | "map", _) => "write `object`".to_owned(),
        ("list", _) => "write `array`".to_owned(),
        (_, Some(meant)) => format!("write `{meant}`"),
        _ => format!("write {}", list(TYPES)),
    };
    lint.error(node, format!("`{name}` isn't a type"), help);
}

/// An `x-name` renames a property, not a schema.
fn misplaced_x_name<'a>(lint: &mut Lint<'a>, schemas: &[&Node<'a>]) {
    let properties: HashSet<At> =
        schemas.iter().flat_map(|schema| schema.named("properties")).map(|(_, property)| property.at()).collect();
    for schema in schemas.iter().filter(|schema| schema.has("x-name") && !properties.contains(&schema.at())) {
        let message = "`x-name` names a property, and this schema isn't one";
        let help = "move it to the parameter, or to the property that has this schema";
        lint.error(&(schema.at(), "x-name"), message, help);
    }
}

/// A format is known, or far from any known one: a typo would be silent, and would print a secret.
fn formats<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    let Some(name) = schema.text("format").filter(|name| !FORMATS.contains(name) && !OTHER_FORMATS.contains(name))
    else {
        return;
    };
    let lower = name.to_lowercase();
    let near =
        FORMATS.into_iter().map(|format| (distance(&lower, format), format)).filter(|(distance, _)| *distance <= 2);
    if let Some((_, meant)) = near.min() {
        let message = format!("`{name}` isn't a format, and would be ignored silently");
        let help = match meant {
            "password" => "write `password`, or the secret would be printed".to_owned(),
            meant => format!("write `{meant}`; if another is meant, mention it in `description`"),
        };
        lint.error(&(schema.at(), "format"), message, help);
    }
}

/// Nothing is `readOnly` in a request, or `writeOnly` in a response.
fn read_and_write_only(lint: &mut Lint) {
    let (mut sent, mut received) = (HashSet::new(), HashSet::new());
    for operation in lint.operations() {
        let request = lint.request(&operation).and_then(|(_, media)| media.get("schema"));
        for schema in request.iter().flat_map(|schema| lint.reach(schema, &mut sent)).collect::<Vec<_>>() {
            if schema.flag("readOnly") {
                let message = "a `readOnly` property is part of a request body, and would be sent";
                lint.error(&(schema.at(), "readOnly"), message, "write another schema for the request");
            }
        }
        for (_, response) in lint.responses(&operation) {
            let body = lint.json_schema(&response);
            for schema in body.iter().flat_map(|schema| lint.reach(schema, &mut received)).collect::<Vec<_>>() {
                if schema.flag("writeOnly") {
                    let message = "a `writeOnly` property is part of a response, and would be expected";
                    lint.error(&(schema.at(), "writeOnly"), message, "write another schema for the response");
                }
            }
        }
    }
}
