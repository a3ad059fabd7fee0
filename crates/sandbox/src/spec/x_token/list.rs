//! Lists that may be a single item.

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

/// Reads a list, or its only item.
pub(super) fn one_or_many<'de, T: de::DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let read = |value| serde_json::from_value(value).map_err(de::Error::custom);
    match Value::deserialize(deserializer)? {
        Value::Array(items) => items.into_iter().map(read).collect(),
        one => Ok(vec![read(one)?]),
    }
}
