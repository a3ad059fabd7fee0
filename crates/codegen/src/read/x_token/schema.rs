//! The JSON Schema of the block, made from its types.

use crate::read::x_token::XToken;
use serde_json::Value;
use std::sync::LazyLock;

/// The JSON Schema of the block, for editors: the content of `specs/x-token.schema.json`. Made once, and asked for each
/// spec.
pub static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(XToken).to_value();
    tidy(&mut schema);
    schema
});

/// An optional word is absent, never null: a key without a value is a slip. And a description is one line.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            // The lines of a doc comment are those of the source, not of the reader's window.
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            if map.get("default").is_some_and(Value::is_null) {
                map.shift_remove("default");
            }
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|word| word != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(any)) = map.get_mut("anyOf") {
                any.retain(|branch| branch.get("type").is_none_or(|word| word != "null"));
                if let [Value::Object(only)] = any.as_slice() {
                    let only = only.clone();
                    map.shift_remove("anyOf");
                    map.extend(only);
                }
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(list) => list.iter_mut().for_each(tidy),
        _ => {}
    }
}
