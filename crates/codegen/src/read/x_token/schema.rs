//! The JSON Schema of the block, made from its types.

use std::sync::LazyLock;

use serde_json::Value;

use crate::read::x_token::XToken;

/// The JSON Schema of the block, for editors: the content of `specs/x-token.schema.json`. Each spec needs it, so it is made
/// once.
pub static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(XToken).to_value();
    tidy(&mut schema);
    schema
});

/// Removes null, since a key without a value is a typo of an absent one, and makes each description one line.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            // A doc comment is wrapped for the source; an editor wraps it for its window.
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
