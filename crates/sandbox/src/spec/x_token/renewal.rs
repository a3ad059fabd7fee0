//! How long a token is valid, and when it is renewed.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::spec::duration::duration;
use crate::spec::value::as_text;

/// The documented lifetime of an access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lifetime {
    #[default]
    Unknown,
    Unlimited,
    For(Duration),
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = as_text(&Value::deserialize(deserializer)?);
        match text.as_str() {
            "unknown" => Ok(Self::Unknown),
            "none" => Ok(Self::Unlimited),
            _ => duration(&text).map(Self::For).map_err(de::Error::custom),
        }
    }
}

/// When a token is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renew {
    /// Before it expires.
    InTime,
    /// Once it has expired, and never before.
    AtExpiry,
}

impl<'de> Deserialize<'de> for Renew {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::String(word) if word == "at-expiry" => Self::AtExpiry,
            Value::Object(words) if ["early", "before"].iter().any(|word| words.keys().eq([word])) => Self::InTime,
            other => return Err(de::Error::custom(format!("`renew` cannot be {other}"))),
        })
    }
}
