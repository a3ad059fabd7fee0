//! Descriptions from a spec, including the constraints that no type can express.

use serde_json::{Map, Value};

use crate::docs;

/// Returns the members of an object, or none.
pub fn object(value: &Value) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&EMPTY)
}

/// Returns the `x-name` of a property or a parameter, or else its name.
pub fn label(node: &Value, name: &str) -> String {
    node["x-name"].as_str().unwrap_or(name).to_owned()
}

/// Returns a string of the spec without control characters.
pub fn text(value: &Value) -> String {
    docs::cleaned(value.as_str().unwrap_or_default()).trim().to_owned()
}

/// Returns the text on one line.
pub fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a scalar as a string.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Returns the description of a node, or else its title.
pub fn documented(value: &Value) -> String {
    let docs = match text(&value["description"]) {
        docs if docs.is_empty() => text(&value["title"]),
        docs => docs,
    };
    if value["deprecated"] == Value::Bool(true) { joined(&docs, "Deprecated by the vendor.") } else { docs }
}

/// Returns two texts as paragraphs.
pub fn joined(first: &str, second: &str) -> String {
    match (first.is_empty(), second.is_empty()) {
        (_, true) => first.to_owned(),
        (true, _) => second.to_owned(),
        _ => format!("{first}\n\n{second}"),
    }
}

/// Returns the constraints of a schema. They are only documented, because the vendor enforces them.
pub fn constraints(schema: &Value) -> String {
    let words = [
        ("default", "The vendor's default"),
        ("minimum", "Minimum"),
        ("maximum", "Maximum"),
        ("minLength", "Minimum length"),
        ("maxLength", "Maximum length"),
        ("minItems", "Minimum number of items"),
        ("maxItems", "Maximum number of items"),
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

/// Returns a sentence with the values of an `enum`.
pub fn one_of(values: &Value) -> String {
    let values: Vec<String> =
        values.as_array().into_iter().flatten().map(|value| format!("`{}`", plain(value))).collect();
    if values.len() < 2 { String::new() } else { format!("One of {}.", values.join(", ")) }
}
