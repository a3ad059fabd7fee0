//! Values of JSON as text.

use serde_json::Value;

/// A value as the text that a form or a header would have.
pub(crate) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
