//! Where a response has its values.

use std::time::Duration;

use indexmap::IndexMap;
use jiff::Zoned;
use jiff::fmt::strtime;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::spec::x_token::list::one_or_many;

/// The places of values in a response. Without a grant, there is none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ResponsePointers {
    pub(crate) access_token: AccessToken,
    pub(crate) token_type: Option<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) expires_in: Vec<TimedPointer>,
    #[serde(default)]
    pub(crate) never: Vec<i64>,
    pub(crate) expires_at: Option<TimedPointer>,
    pub(crate) renew_in: Option<TimedPointer>,
    pub(crate) refresh_token: Option<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) refresh_expires_in: Vec<TimedPointer>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) refresh_expires_at: Vec<TimedPointer>,
    pub(crate) scope: Option<TimedPointer>,
    pub(crate) error: Option<String>,
    pub(crate) ok: Option<SuccessMarker>,
    /// A response has the values of its example.
    #[serde(default, rename = "keep")]
    _keep: IndexMap<String, String>,
}

/// The places of the access token.
#[derive(Clone, Debug)]
pub(crate) enum AccessToken {
    /// Places in the body; an empty pointer is the whole body.
    Body(Vec<String>),
    Header(String),
}

impl Default for AccessToken {
    fn default() -> Self {
        Self::Body(Vec::new())
    }
}

impl AccessToken {
    /// Returns the places in the body.
    pub(crate) fn pointers(&self) -> &[String] {
        match self {
            Self::Body(pointers) => pointers,
            Self::Header(_) => &[],
        }
    }
}

impl<'de> Deserialize<'de> for AccessToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Header {
            header: String,
        }
        match Value::deserialize(deserializer)? {
            header @ Value::Object(_) => {
                serde_json::from_value(header).map(|Header { header }| Self::Header(header)).map_err(de::Error::custom)
            }
            places => one_or_many(places).map(Self::Body).map_err(de::Error::custom),
        }
    }
}

/// A pointer, and the format of the value there.
#[derive(Clone, Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(crate) struct TimedPointer {
    #[serde(rename = "at")]
    pub(crate) pointer: String,
    #[serde(default)]
    pub(crate) unit: TimeUnit,
    pub(crate) delimiter: Option<String>,
    /// The format of a time, in `strptime` notation, or `words` for a duration.
    pub(crate) format: Option<String>,
    /// Numbers that mean "never".
    #[serde(default)]
    pub(crate) never: Vec<i64>,
}

impl TimedPointer {
    /// Whether it is a duration in words.
    pub(crate) fn is_in_words(&self) -> bool {
        self.format.as_deref() == Some("words")
    }
}

impl<'de> Deserialize<'de> for TimedPointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(pointer) => {
                Ok(Self { pointer, unit: TimeUnit::Seconds, delimiter: None, format: None, never: Vec::new() })
            }
            // The error of an untagged enum would not name the keyword.
            other => {
                let at = Self::deserialize(other).map_err(de::Error::custom)?;
                if let Some(Err(error)) = at.format.as_ref().map(|format| strtime::format(format, &Zoned::default())) {
                    return Err(de::Error::custom(format!("`format` cannot be used: {error}")));
                }
                Ok(at)
            }
        }
    }
}

/// The unit of a numeric time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum TimeUnit {
    #[default]
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "ms")]
    Milliseconds,
}

impl TimeUnit {
    /// Converts a duration to this unit.
    pub(crate) fn of(self, time: Duration) -> u128 {
        match self {
            Self::Seconds => u128::from(time.as_secs()),
            Self::Milliseconds => time.as_millis(),
        }
    }

    /// Converts a number of this unit to a duration.
    pub(crate) fn times(self, number: u64) -> Duration {
        match self {
            Self::Seconds => Duration::from_secs(number),
            Self::Milliseconds => Duration::from_millis(number),
        }
    }
}

/// The value that marks a success.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuccessMarker {
    pub(crate) at: String,
    pub(crate) is: Value,
}
