//! Schemas: types that can be made of them, and the secrets among them.

use crate::diagnostic::list;
use crate::diagnostic::{distance, nearest};
use crate::ident;
use crate::lint::document::Lint;
use crate::lint::document::{Fields, Node, Shape};
use crate::lint::keys::{Kind, Nodes};
use crate::read::spec::is_alone;
use crate::vendor::is_keyword;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

const TYPES: [&str; 6] = ["string", "integer", "number", "boolean", "array", "object"];

/// Keys that go with one type alone.
const KEYS_OF: [(&str, &[&str]); 5] = [
    ("string", &["pattern", "minLength", "maxLength"]),
    ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ("array", &["items", "minItems", "maxItems", "uniqueItems"]),
    ("object", &["properties", "required", "additionalProperties", "minProperties", "maxProperties"]),
    ("", &["format"]),
];

/// The formats that have a meaning here.
const FORMATS: [&str; 9] = ["password", "date-time", "date", "int32", "int64", "float", "double", "byte", "binary"];

/// Formats of OpenAPI's registry that look like one of [`FORMATS`] and are another.
const OTHER_FORMATS: [&str; 7] = ["int8", "int16", "uint8", "uint16", "uint32", "uint64", "time"];

/// Checks all of them.
pub fn check<'a>(lint: &mut Lint<'a>, nodes: &Nodes<'a>) {
    let schemas =
        || nodes.iter().filter(|(kind, node)| *kind == Kind::Schema && !node.has("$ref")).map(|(_, node)| node);
    // A branch of an `allOf` is a part of its object, and may say less than a schema of its own.
    let mut branches = HashSet::new();
    for schema in schemas() {
        branches.extend(schema.items("allOf").into_iter().filter(|node| !node.has("$ref")).map(|node| node.at()));
    }
    let mut properties = HashSet::new();
    for schema in schemas() {
        if !schema.value.is_object() {
            continue;
        }
        let is_part = branches.contains(&schema.at());
        type_of(lint, schema, is_part);
        format(lint, schema);
        values(lint, schema);
        variants(lint, schema);
        if schema.has("allOf") {
            all_of(lint, schema);
        }
        if schema.has("oneOf") {
            one_of(lint, schema);
        }
        if !is_part {
            object(lint, schema);
        }
        for (name, property) in schema.named("properties") {
            secret_by_name(lint, name, &property);
            rust_name(lint, &property);
            properties.insert(property.at());
        }
        if schema.text("format") == Some("password") {
            secret(lint, schema);
        }
    }
    for schema in schemas().filter(|schema| schema.has("x-name") && !properties.contains(&schema.at())) {
        let message = "`x-name` names a property, and this schema is none";
        let help = "move it to the parameter, or to the property that has this schema";
        lint.error("misplaced-x-name", &(schema.at(), "x-name"), message, help);
    }
    for (_, parameter) in nodes.iter().filter(|(kind, _)| *kind == Kind::Parameter) {
        rust_name(lint, parameter);
        if let (Some(name), Some(schema)) = (parameter.text("name"), parameter.get("schema")) {
            secret_by_name(lint, name, &schema);
        }
    }
    directions(lint);
    answers(lint);
}

fn type_of<'a>(lint: &mut Lint<'a>, schema: &Node<'a>, is_part: bool) {
    let composed = schema.has("allOf") || schema.has("oneOf");
    if schema.has("allOf") && schema.has("oneOf") {
        lint.error(
            "schema-types",
            schema,
            "a schema can't have both `allOf` and `oneOf`",
            "write `oneOf` of objects, each with its own `allOf`",
        );
    }
    let Some(node) = schema.get("type") else {
        if composed || is_part {
            return;
        }
        if schema.has("properties") || schema.has("required") {
            let message = "the schema has properties and no type";
            lint.error("schema-types", schema, message, "add `type: object`");
        } else if schema.has("items") {
            lint.error("schema-types", schema, "the schema has `items` and no type", "add `type: array`");
        } else if schema.has("enum") {
            let help = match schema.items("enum").first().map(|first| first.value) {
                Some(Value::Number(_)) => "add `type: integer`",
                Some(Value::Bool(_)) => "add `type: boolean`",
                _ => "add `type: string`",
            };
            lint.error("schema-types", schema, "the schema has `enum` and no type", help);
        } else if schema.has("format") {
            lint.error(
                "schema-types",
                schema,
                "the schema has `format` and no type",
                "add `type: string`, `integer` or `number`",
            );
        } else if schema.flag("nullable") {
            let message = "`nullable` has no meaning without a type: any JSON may be null";
            lint.error("schema-types", &(schema.at(), "nullable"), message, "add `type`, or remove `nullable`");
        }
        return;
    };
    let Some(name) = node.value.as_str() else { return };
    if !TYPES.contains(&name) {
        let help = match (name, nearest(name, TYPES)) {
            ("file", _) => "write `type: string` and `format: binary`".to_owned(),
            ("null", _) => "write the type that it has otherwise, and `nullable: true`".to_owned(),
            ("str" | "text" | "date" | "datetime" | "uuid", _) => {
                "write `string`, with a `format` where need be".to_owned()
            }
            ("int" | "long" | "int32" | "int64", _) => "write `integer`".to_owned(),
            ("float" | "double" | "decimal", _) => "write `number`".to_owned(),
            ("dict" | "map", _) => "write `object`".to_owned(),
            ("list", _) => "write `array`".to_owned(),
            (_, Some(meant)) => format!("write `{meant}`"),
            _ => format!("write {}", list(TYPES)),
        };
        lint.error("schema-types", &node, format!("`{name}` is no type"), help);
        return;
    }
    if composed && name != "object" {
        let message = format!("`type: {name}` beside `allOf` or `oneOf` is dropped");
        lint.error("schema-types", &node, message, "remove it, and write it in the branches");
        return;
    }
    if name == "array" && !schema.has("items") {
        lint.error(
            "schema-types",
            schema,
            "the list has no `items`",
            "add `items: { type: … }`, the type of its elements",
        );
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
            lint.error("schema-types", &(schema.at(), *key), message, help);
        }
    }
    if schema.has("enum") && matches!(name, "object" | "array") {
        let message = format!("an {name} can't have an `enum`");
        lint.error("schema-types", &(schema.at(), "enum"), message, "write the `enum` in the schema of its parts");
    }
}

/// A slip in a format would be silent: of a secret it would make plain text.
fn format<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    let Some(name) = schema.text("format").filter(|name| !FORMATS.contains(name) && !OTHER_FORMATS.contains(name))
    else {
        return;
    };
    let lower = name.to_lowercase();
    let near =
        FORMATS.into_iter().map(|format| (distance(&lower, format), format)).filter(|(distance, _)| *distance <= 2);
    if let Some((_, meant)) = near.min() {
        let message = format!("`{name}` is no format, and would be dropped without a word");
        let help = match meant {
            "password" => "write `password`: else the secret would be printed".to_owned(),
            meant => format!("write `{meant}`; if another is meant, tell of it in `description`"),
        };
        lint.error("formats", &(schema.at(), "format"), message, help);
    }
}

/// The values of an `enum`, against each other and the type.
fn values<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    let values = schema.items("enum");
    let name = schema.text("type");
    let mut seen = HashSet::new();
    for node in &values {
        let value = node.value;
        if value.is_null() {
            lint.error("enums", node, "null can't be a value of an `enum`", "remove it, and add `nullable: true`");
            continue;
        }
        if !seen.insert(value.to_string()) {
            lint.error("enums", node, format!("`{}` is listed twice", lint.plain(node)), "remove one of the two");
            continue;
        }
        let (written, sent) = (lint.plain(node), value.to_string());
        // With an exponent a form writes it otherwise than JSON.
        if values.len() == 1 && value.is_number() && (written != sent || sent.contains('e')) {
            let message = match written == sent {
                true => format!("`{written}` has an exponent, which a form writes otherwise than JSON"),
                false => format!("`{written}` is a number, and would be sent as `{sent}`"),
            };
            let help = format!(
                "write it as it is sent; or, where the digits matter, `type: string` and `\"{written}\"`, in quotes"
            );
            lint.error("enums", node, message, help);
            continue;
        }
        if value.as_str().is_some_and(|text| text.contains(char::is_control)) {
            let message = format!("the value {value} has a line break or another control character in it");
            lint.error(
                "enums",
                node,
                message,
                "write it without; or remove `enum`, and list the values in `description`",
            );
            continue;
        }
        let fits = match name {
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some(_) => true,
            None => {
                values.first().is_none_or(|first| std::mem::discriminant(first.value) == std::mem::discriminant(value))
            }
        };
        if !fits {
            let text = lint.plain(node);
            let message = match name {
                Some(name) => format!("`{text}` is no {name}"),
                None => format!("`{text}` is of another type than the values before it"),
            };
            let help = match (name, value) {
                (Some("string") | None, Value::Number(_) | Value::Bool(_)) => {
                    format!("write `\"{text}\"`, in quotes, exactly as the vendor writes it")
                }
                (Some("integer"), Value::String(text)) if text.parse::<i64>().is_ok() => {
                    format!("write `{text}`, without quotes")
                }
                _ => "write values of one type".to_owned(),
            };
            lint.error("enums", node, message, help);
        }
    }
}

/// The names of an enum's variants, each of which depends on its value alone.
fn variants<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    let values = schema.items("enum");
    let known: Vec<&str> = values.iter().filter_map(|node| node.value.as_str()).collect();
    // An enum of one value is a constant, and other types have no variants.
    let is_enum = known.len() > 1 && schema.text("type") == Some("string");
    if schema.has("x-names") && !is_enum {
        let message = "`x-names` names the variants of an `enum` of several texts, and there are none";
        return lint.error("variant-names", &(schema.at(), "x-names"), message, "remove it");
    }
    for (value, name) in schema.named("x-names") {
        if !known.contains(&value) {
            let help = match nearest(value, known.iter().copied()) {
                Some(meant) => format!("write `{meant}`"),
                None => "remove it, or add the value to `enum`".to_owned(),
            };
            lint.error("variant-names", &name, format!("`{value}` is no value of the `enum`"), help);
        }
        let is_name = |name: &str| {
            let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
            name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(is_letter) && !is_keyword(name)
        };
        if let Some(text) = name.value.as_str().filter(|text| !is_name(text)) {
            let message = format!("`{text}` can't name a variant");
            lint.error(
                "variant-names",
                &name,
                message,
                format!("write it in PascalCase, such as `{}`", ident::variant(text)),
            );
        }
    }
    let mut taken: HashMap<String, &str> = HashMap::new();
    for node in values.iter().filter(|_| is_enum) {
        let Some(value) = node.value.as_str() else { continue };
        let given = schema.get("x-names").and_then(|names| names.text(value));
        let name = given.map_or_else(|| ident::variant(value), str::to_owned);
        if let Some(other) = taken.insert(name.clone(), value).filter(|other| *other != value) {
            let message = format!("the values `{other}` and `{value}` would both be the variant `{name}`");
            let help = format!("add `x-names: {{ {value:?}: … }}` beside `enum`: another name in PascalCase");
            lint.error("variant-names", node, message, help);
        }
    }
}

/// Whether an `x-name` is the name of a field or an argument.
pub fn rust_name<'a>(lint: &mut Lint<'a>, node: &Node<'a>) {
    let Some(name) = node.text("x-name") else { return };
    let rust = ident::snake(name);
    let is_snake = |name: &str| ident::snake(name) == name && name.starts_with(|c: char| c.is_ascii_lowercase());
    if !is_snake(name) {
        let meant = rust.trim_matches('_');
        let help = match is_snake(meant) && name.contains(|c: char| c.is_ascii_alphanumeric()) {
            true => format!("write `x-name: {meant}`"),
            false => "write another in snake_case: letters, digits and `_`, a letter first".to_owned(),
        };
        lint.error("rust-names", &(node.at(), "x-name"), format!("`{name}` can't name a field or an argument"), help);
    }
}

/// What names a property or a parameter in Rust: its `x-name`, else its name.
pub fn label<'a>(name: &'a str, node: &Node<'a>) -> &'a str {
    node.text("x-name").unwrap_or(name)
}

fn all_of<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    let branches = schema.items("allOf");
    if branches.len() == 1 && is_alone(schema.value) {
        return;
    }
    for branch in &branches {
        let is_part = lint.schema(branch).value.as_object().is_some_and(|map| {
            map.contains_key("properties") || map.contains_key("required") || map.contains_key("allOf")
        });
        let shape = lint.shape(branch);
        if !is_part && !matches!(shape, Shape::Object(_)) {
            let message =
                format!("a branch of `allOf` is {}, and only objects with properties can be merged", shape.kind());
            let help = match shape {
                Shape::Union(_) => "write `oneOf` on top, with an `allOf` in each branch",
                _ => "write `allOf` of objects; for a reference with a description, `allOf` of that one reference",
            };
            lint.error("all-of", branch, message, help);
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
                    lint.error("all-of", &node, message, "write one of them, or give both one schema in `components`");
                }
                Some(_) => {}
                None => {
                    properties.insert(name, node);
                }
            }
        }
    }
}

/// Whether two schemas differ in no more than their texts.
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

fn one_of<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    for key in ["properties", "required", "additionalProperties", "enum"] {
        if schema.has(key) {
            let message = format!("`{key}` beside `oneOf` is dropped");
            let help = match key {
                "enum" => "remove it, and write it in the branches",
                _ => "move it into each branch: `allOf` of a common object and its own",
            };
            lint.error("one-of", &(schema.at(), key), message, help);
        }
    }
    let variants = lint.variants(schema);
    if variants.len() < 2 {
        return;
    }
    let shapes: Vec<Shape> = variants.iter().map(|(_, node)| lint.shape(node)).collect();
    let scalars = shapes.iter().filter(|shape| matches!(shape, Shape::Scalar(..))).count();
    let objects: Vec<(String, &Fields)> = shapes
        .iter()
        .zip(&variants)
        .filter_map(|(shape, (name, node))| match shape {
            Shape::Object(fields) => {
                let index = || lint.key(node).parse::<usize>();
                let place = || index().map_or_else(|_| String::new(), |index| format!("branch {}", index + 1));
                Some((name.map_or_else(place, |name| format!("`{name}`")), &**fields))
            }
            _ => None,
        })
        .collect();
    if scalars != shapes.len() && objects.len() != shapes.len() {
        lint.error(
            "one-of",
            schema,
            "the branches of `oneOf` are neither all objects with properties nor all text, numbers or booleans",
            "make them alike; or write a schema with a description alone, which takes any JSON",
        );
        return;
    }
    for (index, (name, fields)) in objects.iter().enumerate() {
        for (other, others) in &objects[..index] {
            if !are_told_apart(lint, others, fields, |_| true) {
                let message = format!("nothing tells {other} and {name} apart");
                let help = "give each a required property with an `enum` of one value, or one that only it has; \
                               otherwise the first that fits is taken";
                lint.warn("one-of", schema, message, help);
            }
        }
    }
}

/// Whether a body fits one of two objects at most: by two constants, or by a required property that the first alone
/// has. `is_tag` says which constants count.
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

fn object<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    if schema.has("oneOf") || !["properties", "required", "allOf"].iter().any(|key| schema.has(key)) {
        return;
    }
    let fields = match lint.shape(schema) {
        Shape::Object(fields) => fields,
        Shape::Map(_) => Rc::default(),
        _ => return,
    };
    let mut rust: HashMap<String, &str> = HashMap::new();
    for (name, node) in &fields.properties {
        let field = ident::snake(label(name, node));
        if !label(name, node).contains(|c: char| c.is_ascii_alphanumeric()) {
            let message = format!("the property `{name}` gives no name to a field");
            lint.error("objects", node, message, "add `x-name`, the field's name in snake_case");
        } else if let Some(other) = rust.insert(field.clone(), name) {
            let message = format!("the properties `{other}` and `{name}` would both be the field `{field}`");
            lint.error("objects", node, message, "add `x-name` to one of them, another name of a field in snake_case");
        }
    }
    let parts = lint.parts(schema);
    for part in parts {
        for required in part.items("required") {
            let Some(name) = required.value.as_str() else { continue };
            if fields.property(name).is_none() {
                let help = match nearest(name, fields.names()) {
                    Some(meant) => format!("write `{meant}`"),
                    None => format!("add `{name}` to `properties`, or remove it here"),
                };
                lint.error("objects", &required, format!("`{name}` is required and is no property"), help);
            }
        }
    }
    if let Some(more) = &fields.more
        && !fields.properties.is_empty()
    {
        let message = "properties beyond the named ones are dropped";
        lint.warn("objects", more, message, "name those that matter under `properties`");
    }
}

/// Whether a name says that the value is a secret.
pub fn is_secret_name(name: &str) -> bool {
    let name = ident::snake(name);
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        // A place in a list, or a word for another purpose.
        [.., "page" | "next" | "continuation" | "cursor" | "sync" | "csrf" | "xsrf" | "cancellation", "token"] => false,
        [
            ..,
            "password" | "passwd" | "passphrase" | "passcode" | "secret" | "token" | "apikey" | "assertion" | "jwt"
            | "otp",
        ] => true,
        [.., "api" | "private" | "secret" | "signing" | "access", "key"] => true,
        ["pin"] => true,
        [only] => ["accesstoken", "refreshtoken", "idtoken", "clientsecret", "appsecret", "secretkey", "privatekey"]
            .contains(only),
        _ => false,
    }
}

fn secret_by_name<'a>(lint: &mut Lint<'a>, name: &str, node: &Node<'a>) {
    if is_secret_name(name) {
        require_secret(lint, name, node);
    }
}

/// Text under a name that tells of a secret must say that it is one.
pub fn require_secret<'a>(lint: &mut Lint<'a>, name: &str, node: &Node<'a>) {
    let schema = match lint.shape(node) {
        Shape::Scalar("string", schema) => schema,
        Shape::Scalar("integer" | "number", schema)
            if !schema.has("enum") && schema.text("format") != Some("password") =>
        {
            let message = format!("`{name}` is a secret, and a number would be printed by `Debug` and in errors");
            let help = "write `type: string` and `format: password`: a secret's digits are text";
            return lint.error("secrets", &schema, message, help);
        }
        Shape::Any => {
            let message =
                format!("`{name}` is a secret, and JSON of any type would be printed by `Debug` and in errors");
            return lint.error("secrets", node, message, "write `type: string` and `format: password`");
        }
        _ => return,
    };
    match schema.text("format") {
        Some("password" | "date" | "date-time") => return,
        _ if schema.has("enum") => return,
        _ => {}
    }
    let help = match schema.text("format") {
        Some(format) => format!("write `format: password` in place of `format: {format}`"),
        None => "add `format: password`".to_owned(),
    };
    let message = format!("`{name}` is a secret, and would be printed by `Debug` and in errors");
    lint.error("secrets", &schema, message, help);
}

/// A text that `x-token` takes for a token must be able to be any token.
pub fn require_token<'a>(lint: &mut Lint<'a>, name: &str, node: &Node<'a>) {
    let schema = match lint.shape(node) {
        Shape::Scalar("string", schema) => schema,
        _ => return require_secret(lint, name, node),
    };
    match schema.text("format") {
        // A list of a secret's values is told of at the list.
        Some("password") => {}
        _ if schema.has("enum") => {
            let message = format!("`{name}` is a token, and a token has no list of values");
            lint.error("secret-tokens", node, message, "remove `enum`, and add `format: password`");
        }
        Some(format @ ("date" | "date-time")) => {
            let message = format!("`{name}` is a token, and `format: {format}` makes a date of it");
            lint.error("secret-tokens", node, message, "write `format: password`");
        }
        _ => require_secret(lint, name, node),
    }
}

fn secret<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    let at = (schema.at(), "format");
    if let Some(name) = schema.text("type").filter(|name| *name != "string") {
        let message = format!("`format: password` is for text, and the type is {name}");
        lint.error("secret-types", &at, message, "write `type: string`: a secret's digits are text");
    }
    if schema.has("enum") {
        let message = "a secret has no list of values, and they would stand in the generated code";
        lint.error(
            "secret-types",
            &(schema.at(), "enum"),
            message,
            "remove `enum`, or `format: password` if it is no secret",
        );
    }
}

/// `readOnly` in what is sent, `writeOnly` in what is answered.
fn directions(lint: &mut Lint) {
    let (mut sent, mut answered) = (HashSet::new(), HashSet::new());
    for operation in lint.operations() {
        let request = lint.request(&operation).and_then(|(_, media)| media.get("schema"));
        for schema in request.iter().flat_map(|schema| lint.reach(schema, &mut sent)).collect::<Vec<_>>() {
            if schema.flag("readOnly") {
                let message = "a `readOnly` property is part of a request body, and would be sent";
                lint.error(
                    "read-and-write-only",
                    &(schema.at(), "readOnly"),
                    message,
                    "write a schema of its own for the request",
                );
            }
        }
        for (_, response) in lint.responses(&operation) {
            let answer = lint.json_schema(&response);
            for schema in answer.iter().flat_map(|schema| lint.reach(schema, &mut answered)).collect::<Vec<_>>() {
                if schema.flag("writeOnly") {
                    let message = "a `writeOnly` property is part of an answer, and would be asked for";
                    lint.error(
                        "read-and-write-only",
                        &(schema.at(), "writeOnly"),
                        message,
                        "write a schema of its own for the answer",
                    );
                }
            }
        }
    }
}

/// An answer is read by its tags, and those are texts: a boolean or a number lets each branch read every answer.
fn answers(lint: &mut Lint) {
    let mut seen = HashSet::new();
    for operation in lint.operations() {
        for (_, response) in lint.responses(&operation) {
            let answer = lint.json_schema(&response);
            for schema in answer.iter().flat_map(|schema| lint.reach(schema, &mut seen)).collect::<Vec<_>>() {
                if schema.has("oneOf") {
                    tags(lint, &schema);
                }
            }
        }
    }
}

fn tags<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    let variants = lint.variants(schema);
    let objects: Vec<Rc<Fields>> = variants
        .iter()
        .filter_map(|(_, node)| match lint.shape(node) {
            Shape::Object(fields) => Some(fields),
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
                    "only `{name}`, which is no text, tells the branches apart, and an answer isn't read by that"
                );
                let help =
                    "give each branch a required property that only it has, or a text with an `enum` of one value";
                return lint.error("tags", schema, message, help);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_secret_name;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in [
            "password",
            "user_password",
            "client_secret",
            "clientSecret",
            "app_secret",
            "access_token",
            "accessToken",
            "X-App-Token",
            "token",
            "id_token",
            "api_key",
            "apiKey",
            "apikey",
            "X-API-Key",
            "private_key",
            "assertion",
            "client_assertion",
            "pin",
            "secret_key",
            "accesstoken",
            "jwt",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "token_type",
            "token_id",
            "access_token_expiry",
            "client_id",
            "password_expires_at",
            "passwordexpiryreminder",
            "key",
            "error_key",
            "client_assertion_type",
            "next_page_token",
            "tokens",
            "pinned",
            "spin",
            "secretary",
            "expires_in",
            "user_name",
            "public_key",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
