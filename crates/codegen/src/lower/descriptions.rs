//! Strings of a spec as descriptions: what a schema says that no type can hold goes into the docs.

use crate::docs;
use serde_json::{Map, Value};

pub fn object(value: &Value) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&EMPTY)
}

/// What names a property's or a parameter's Rust item.
pub fn label(node: &Value, name: &str) -> String {
    node["x-name"].as_str().unwrap_or(name).to_owned()
}

pub fn text(value: &Value) -> String {
    docs::cleaned(value.as_str().unwrap_or_default()).trim().to_owned()
}

/// A text in one line.
pub fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A scalar as text.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

pub fn documented(value: &Value) -> String {
    let docs = match text(&value["description"]) {
        docs if docs.is_empty() => text(&value["title"]),
        docs => docs,
    };
    match value["deprecated"] == Value::Bool(true) {
        true => joined(&docs, "Deprecated by the vendor."),
        false => docs,
    }
}

pub fn joined(first: &str, second: &str) -> String {
    match (first.is_empty(), second.is_empty()) {
        (_, true) => first.to_owned(),
        (true, _) => second.to_owned(),
        _ => format!("{first}\n\n{second}"),
    }
}

/// What a schema asks of a value beyond its type: told, not enforced, since the vendor enforces it anyway.
pub fn constraints(schema: &Value) -> String {
    let words = [
        ("default", "The vendor's default"),
        ("minimum", "At least"),
        ("maximum", "At most"),
        ("minLength", "Least length"),
        ("maxLength", "Greatest length"),
        ("minItems", "Least count"),
        ("maxItems", "Greatest count"),
        ("pattern", "Pattern"),
    ];
    let notes = words.iter().filter_map(|(key, words)| Some(format!("{words}: `{}`.", plain(schema.get(*key)?))));
    let mut notes: Vec<String> = notes.collect();
    if schema["type"] != "string" {
        notes.push(one_of(&schema["enum"]));
    }
    notes.retain(|note| !note.is_empty());
    notes.join(" ")
}

pub fn one_of(values: &Value) -> String {
    let values: Vec<String> =
        values.as_array().into_iter().flatten().map(|value| format!("`{}`", plain(value))).collect();
    if values.len() < 2 { String::new() } else { format!("One of {}.", values.join(", ")) }
}
