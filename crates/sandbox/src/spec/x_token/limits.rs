//! How many tokens an account gets.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::spec::duration::duration;

/// How many tokens an account gets.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    #[serde(deserialize_with = "rate")]
    pub(crate) grants: Option<(usize, Duration)>,
    /// One more ends the oldest.
    pub(crate) live: Option<usize>,
}

/// Reads `10/10m`.
fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(usize, Duration)>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let refuse = || de::Error::custom(format!("`{text}` is not a number, a slash and a duration"));
    let (most, window) = text.split_once('/').ok_or_else(refuse)?;
    Ok(Some((most.parse().map_err(|_| refuse())?, duration(window).map_err(de::Error::custom)?)))
}
