//! Enums: their values, and the names of their variants.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::diagnostic::nearest;
use crate::ident;
use crate::lint::document::{Lint, Node};
use crate::vendor::is_keyword;

/// The values of an `enum` fit its type and are different.
pub fn enums<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    let values = schema.items("enum");
    let name = schema.text("type");
    let mut seen = HashSet::new();
    for node in &values {
        let value = node.value;
        if value.is_null() {
            lint.error(node, "null can't be a value of an `enum`", "remove it, and add `nullable: true`");
            continue;
        }
        if !seen.insert(value.to_string()) {
            lint.error(node, format!("`{}` is listed twice", lint.plain(node)), "remove one of the two");
            continue;
        }
        let (written, sent) = (lint.plain(node), value.to_string());
        // A form and JSON write an exponent differently.
        if values.len() == 1 && value.is_number() && (written != sent || sent.contains('e')) {
            let message = if written == sent {
                format!("`{written}` has an exponent, which a form and JSON write differently")
            } else {
                format!("`{written}` is a number, and would be sent as `{sent}`")
            };
            let help = format!(
                "write it as it is sent; or, if the digits matter, `type: string` and `\"{written}\"`, in quotes"
            );
            lint.error(node, message, help);
            continue;
        }
        if value.as_str().is_some_and(|text| text.contains(char::is_control)) {
            let message = format!("the value {value} has a line break or another control character in it");
            lint.error(node, message, "remove the character; or remove `enum`, and list the values in `description`");
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
                Some(name) => format!("`{text}` isn't of the type {name}"),
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
            lint.error(node, message, help);
        }
    }
}

/// The names of an enum's variants are different. Each depends on its own value only.
pub fn variant_names<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    let values = schema.items("enum");
    let known: Vec<&str> = values.iter().filter_map(|node| node.value.as_str()).collect();
    // An enum of one value is a constant, and other types have no variants.
    let is_enum = known.len() > 1 && schema.text("type") == Some("string");
    if schema.has("x-names") && !is_enum {
        let message = "`x-names` names the variants of an `enum` of several strings, and there are none";
        return lint.error(&(schema.at(), "x-names"), message, "remove it");
    }
    for (value, name) in schema.named("x-names") {
        if !known.contains(&value) {
            let help = match nearest(value, known.iter().copied()) {
                Some(meant) => format!("write `{meant}`"),
                None => "remove it, or add the value to `enum`".to_owned(),
            };
            lint.error(&name, format!("`{value}` isn't a value of the `enum`"), help);
        }
        let is_name = |name: &str| {
            let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
            name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(is_letter) && !is_keyword(name)
        };
        if let Some(text) = name.value.as_str().filter(|text| !is_name(text)) {
            let message = format!("`{text}` can't name a variant");
            lint.error(&name, message, format!("write it in PascalCase, such as `{}`", ident::variant(text)));
        }
    }
    let mut taken: HashMap<String, &str> = HashMap::new();
    for node in values.iter().filter(|_| is_enum) {
        let Some(value) = node.value.as_str() else { continue };
        let given = schema.get("x-names").and_then(|names| names.text(value));
        let name = given.map_or_else(|| ident::variant(value), str::to_owned);
        if let Some(other) = taken.insert(name.clone(), value).filter(|other| *other != value) {
            let message = format!("the values `{other}` and `{value}` would both be the variant `{name}`");
            let help = format!("add `x-names: {{ {value:?}: … }}` beside `enum`: another name, in PascalCase");
            lint.error(node, message, help);
        }
    }
}
