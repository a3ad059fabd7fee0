//! The form of a key's value.

use serde_json::Value;

use crate::lint::document::{Lint, Node};
use crate::lint::keys::table::Form;
use crate::read::spec::kind;

/// Checks the value itself; its children are checked as the values of their own keys.
pub fn value_types<'a>(lint: &mut Lint<'a>, key: &str, node: &Node<'a>, form: Form) {
    let value = node.value;
    match form {
        Form::Any => {}
        Form::Str => string(lint, key, node),
        Form::Bool => boolean(lint, key, node),
        Form::Number if !value.is_number() => mismatch(lint, node, "a number"),
        Form::Count if !value.is_u64() => mismatch(lint, node, "a whole number, not negative"),
        Form::Number | Form::Count => {}
        Form::Values => match value.as_array() {
            Some(list) if list.is_empty() => {
                lint.error(node, format!("`{key}` is empty"), "write its values, or remove it");
            }
            Some(_) => {}
            None => mismatch(lint, node, "a list of values"),
        },
        Form::Strings => strings(lint, node),
        Form::StringMap => match value.as_object() {
            Some(map) if map.values().all(Value::is_string) => {}
            _ => mismatch(lint, node, "a map from strings to strings"),
        },
        Form::Requirements => requirements(lint, node),
        Form::List(_) => match value.as_array() {
            Some(list) if list.is_empty() && key == "servers" => {
                lint.error(node, "`servers` is empty", "list at least one server");
            }
            Some(list) if list.is_empty() && matches!(key, "allOf" | "oneOf") => {
                lint.error(node, format!("`{key}` is empty"), "write its elements, or remove it");
            }
            Some(_) => {}
            None => mismatch(lint, node, "a list"),
        },
        Form::One(_) | Form::Map(_) if !value.is_object() => mismatch(lint, node, "an object"),
        Form::One(_) | Form::Map(_) => {}
        Form::SchemaOrBool if *value == Value::Bool(false) => {
            let message =
                "`additionalProperties: false` isn't enforced: a new field of the vendor never breaks decoding";
            lint.warn(node, message, "remove it");
        }
        Form::SchemaOrBool => {}
    }
}

fn string<'a>(lint: &mut Lint<'a>, key: &str, node: &Node<'a>) {
    match node.value {
        Value::String(_) => {}
        Value::Number(_) => {
            let number = lint.plain(node);
            let message = format!("`{key}` is the number {number}, and must be a string");
            lint.error(node, message, format!("write `{key}: \"{number}\"`"));
        }
        Value::Bool(flag) => {
            let message = format!("`{key}` is a boolean, and must be a string");
            lint.error(node, message, format!("write `{key}: \"{flag}\"`"));
        }
        Value::Array(_) if key == "type" => {
            let help = "write one type, and `nullable: true` beside it for null";
            lint.error(node, "a list of types belongs to OpenAPI 3.1", help);
        }
        _ => mismatch(lint, node, "a string"),
    }
}

fn boolean<'a>(lint: &mut Lint<'a>, key: &str, node: &Node<'a>) {
    match node.value {
        Value::Bool(_) => {}
        Value::String(text)
            if matches!(text.to_lowercase().as_str(), "yes" | "no" | "on" | "off" | "true" | "false") =>
        {
            let meant = matches!(text.to_lowercase().as_str(), "yes" | "on" | "true");
            let message = format!("`{text}` is a string, and `{key}` is `true` or `false`");
            lint.error(node, message, format!("write `{key}: {meant}`"));
        }
        Value::Number(_) if key.starts_with("exclusive") => {
            let message = format!("`{key}` with a number belongs to OpenAPI 3.1");
            lint.error(node, message, "write the number as `minimum` or `maximum`, and `true` here");
        }
        _ => mismatch(lint, node, "`true` or `false`"),
    }
}

fn strings<'a>(lint: &mut Lint<'a>, node: &Node<'a>) {
    let Some(list) = node.value.as_array() else {
        // `required: true` on a property is a habit from older drafts of JSON Schema.
        if node.value.is_boolean() && lint.key(node) == "required" {
            let message = "`required` of a schema is a list of its properties";
            return lint.error(node, message, "name the property in `required` of the object that has it");
        }
        return mismatch(lint, node, "a list of strings");
    };
    for value in list {
        if !value.is_string() {
            mismatch(lint, &Node { value }, "a string");
        }
    }
}

fn requirements<'a>(lint: &mut Lint<'a>, node: &Node<'a>) {
    let Some(list) = node.value.as_array() else {
        return mismatch(lint, node, "a list of requirements, such as `[{ appKey: [] }]`");
    };
    for value in list {
        match value.as_object() {
            Some(map) => map.values().for_each(|value| strings(lint, &Node { value })),
            None => mismatch(lint, &Node { value }, "a map from a scheme to its scopes, such as `{ appKey: [] }`"),
        }
    }
}

fn mismatch<'a>(lint: &mut Lint<'a>, node: &Node<'a>, wanted: &str) {
    let key = lint.key(node);
    let message = match key.parse::<usize>() {
        Ok(_) => format!("this element is {}", kind(node.value)),
        Err(_) => format!("`{key}` is {}", kind(node.value)),
    };
    let help = match node.value {
        Value::Null => format!("write {wanted}, or remove it"),
        _ => format!("write {wanted}"),
    };
    lint.error(node, message, help);
}
