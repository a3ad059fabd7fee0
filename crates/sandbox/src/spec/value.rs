//! JSON values as strings.

use serde_json::Value;

/// Formats a value as a form or a header would.
pub(crate) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
