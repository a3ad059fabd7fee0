//! The block `x-token`: what the operations are for.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::duration;

/// The block, with its defaults filled in.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct XToken {
    pub(crate) login: Option<Action>,
    pub(crate) refresh: Option<Action>,
    pub(crate) revoke: Option<Action>,
    pub(crate) response: Pointers,
    #[serde(default)]
    pub(crate) lifetime: Lifetime,
    renew: Option<Renew>,
    #[serde(default, rename = "use")]
    pub(crate) usage: Use,
    #[serde(default)]
    pub(crate) basic: Basic,
    #[serde(default)]
    pub(crate) errors: Errors,
}

impl XToken {
    /// Whether a refresh token is spent by one use.
    pub(crate) fn is_single_use(&self) -> bool {
        self.refresh.as_ref().is_some_and(|refresh| refresh.single_use)
    }

    /// The actions that there are.
    pub(crate) fn actions(&self) -> impl Iterator<Item = &Action> {
        [&self.login, &self.refresh, &self.revoke].into_iter().flatten()
    }

    /// When a token is to be renewed: at its expiry where the refresh is single-use and nothing else is said.
    pub(crate) fn renew(&self) -> Renew {
        self.renew.unwrap_or(if self.is_single_use() { Renew::AtExpiry } else { Renew::InTime })
    }
}

/// One of the three actions.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Action {
    pub(crate) operation: String,
    pub(crate) body: Option<String>,
    pub(crate) token: Option<String>,
    /// The alternative of the operation's security, by the name of a scheme in it.
    pub(crate) security: Option<String>,
    #[serde(default)]
    pub(crate) single_use: bool,
    #[serde(default)]
    pub(crate) takes: Takes,
    pub(crate) error: Option<String>,
    pub(crate) ok: Option<Is>,
}

/// Which token a revocation takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Takes {
    #[default]
    Access,
    Refresh,
}

/// Where an answer holds what.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Pointers {
    pub(crate) access_token: String,
    pub(crate) token_type: Option<String>,
    pub(crate) expires_in: Option<At>,
    pub(crate) expires_at: Option<At>,
    pub(crate) refresh_token: Option<String>,
    pub(crate) refresh_expires_in: Option<At>,
    pub(crate) refresh_expires_at: Option<At>,
    pub(crate) scope: Option<At>,
    pub(crate) error: Option<String>,
    pub(crate) ok: Option<Is>,
}

/// A pointer, and how what is there is written.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) pointer: String,
    pub(crate) unit: TimeUnit,
    pub(crate) delimiter: Option<String>,
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Bare(String),
            Long {
                at: String,
                #[serde(default)]
                unit: TimeUnit,
                delimiter: Option<String>,
            },
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Bare(pointer) => Self { pointer, unit: TimeUnit::Seconds, delimiter: None },
            Written::Long { at, unit, delimiter } => Self { pointer: at, unit, delimiter },
        })
    }
}

/// The unit of a time that is a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum TimeUnit {
    #[default]
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "ms")]
    Milliseconds,
}

impl TimeUnit {
    /// So many of them.
    pub(crate) fn of(self, time: Duration) -> u128 {
        match self {
            Self::Seconds => u128::from(time.as_secs()),
            Self::Milliseconds => time.as_millis(),
        }
    }

    /// So long are so many of them.
    pub(crate) fn times(self, number: u64) -> Duration {
        match self {
            Self::Seconds => Duration::from_secs(number),
            Self::Milliseconds => Duration::from_millis(number),
        }
    }
}

/// The value that says that all went well.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Is {
    pub(crate) at: String,
    pub(crate) is: Value,
}

/// The documented life of an access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lifetime {
    #[default]
    Unknown,
    Unlimited,
    For(Duration),
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "unknown" => Ok(Self::Unknown),
            "none" => Ok(Self::Unlimited),
            _ => duration(&text).map(Self::For).map_err(de::Error::custom),
        }
    }
}

/// When a token is to be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renew {
    /// While it lives.
    InTime,
    /// When it has expired, and never before.
    AtExpiry,
}

impl<'de> Deserialize<'de> for Renew {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::String(word) if word == "at-expiry" => Self::AtExpiry,
            Value::Object(_) => Self::InTime,
            other => return Err(de::Error::custom(format!("`renew` can't be {other}"))),
        })
    }
}

/// How a call carries the token.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Use {
    pub(crate) header: String,
    pub(crate) prefix: Option<String>,
    pub(crate) also: indexmap::IndexMap<String, String>,
}

impl Default for Use {
    fn default() -> Self {
        Self { header: "Authorization".to_owned(), prefix: None, also: Default::default() }
    }
}

/// How the halves of HTTP Basic are written and named.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Basic {
    pub(crate) encode: BasicEncoding,
    pub(crate) names: [String; 2],
}

impl Default for Basic {
    fn default() -> Self {
        Self { encode: BasicEncoding::Form, names: ["client_id".to_owned(), "client_secret".to_owned()] }
    }
}

/// Whether each half is form-encoded first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BasicEncoding {
    Form,
    Raw,
}

/// What the failures say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Errors {
    #[serde(deserialize_with = "one_or_many")]
    pub(crate) code: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub(crate) message: Vec<String>,
    pub(crate) permanent: Vec<Value>,
    pub(crate) relogin: Vec<Value>,
    pub(crate) transient: Vec<Value>,
    pub(crate) retry_after: Option<RetryHeader>,
}

/// The vendor's own header beside `Retry-After`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RetryHeader {
    pub(crate) header: String,
    #[serde(default)]
    pub(crate) unit: RetryUnit,
}

/// What that header counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RetryUnit {
    #[default]
    Seconds,
    Unix,
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::One(pointer) => vec![pointer],
        Written::Many(pointers) => pointers,
    })
}
