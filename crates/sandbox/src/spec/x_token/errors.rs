//! What failures contain.

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::spec::x_token::list::one_or_many;

/// The contents of failures.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Errors {
    #[serde(deserialize_with = "codes")]
    pub(crate) code: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub(crate) message: Vec<String>,
    pub(crate) permanent: Vec<Value>,
    pub(crate) relogin: Vec<Value>,
    pub(crate) transient: Vec<Value>,
    pub(crate) retry_after: Option<RetryHeader>,
}

/// The vendor's own header next to `Retry-After`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryHeader {
    pub(crate) header: String,
    #[serde(default)]
    pub(crate) unit: RetryUnit,
}

/// The unit of that header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RetryUnit {
    #[default]
    Seconds,
    Unix,
}

/// Reads `{ any: [POINTER] }` too: a failure has its code at the first place that its schema has.
fn codes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Any {
        any: Vec<String>,
    }
    match Value::deserialize(deserializer)? {
        any @ Value::Object(_) => serde_json::from_value(any).map(|Any { any }| any).map_err(de::Error::custom),
        places => one_or_many(places).map_err(de::Error::custom),
    }
}
