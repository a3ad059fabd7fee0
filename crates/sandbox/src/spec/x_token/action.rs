//! The actions: login, refresh and revocation.

use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::spec::duration::duration;
use crate::spec::value::as_text;
use crate::spec::x_token::alternatives::Alternatives;
use crate::spec::x_token::compute::Computes;
use crate::spec::x_token::response::SuccessMarker;

/// One of the three actions.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Action {
    pub(crate) operation: String,
    pub(crate) body: Option<String>,
    pub(crate) token: Option<String>,
    /// The alternative of the operation's security, by the name of one of its schemes.
    pub(crate) security: Option<String>,
    #[serde(default)]
    pub(crate) single_use: SingleUse,
    /// Whether a refresh has no token in its response, and prolongs the old one.
    #[serde(default)]
    pub(crate) keeps: bool,
    /// That the bearer scheme carries the refresh token, on an operation where it carries a credential in a login.
    pub(crate) bearer: Option<TokenKind>,
    /// The token that a refresh takes.
    pub(super) with: Option<TokenKind>,
    /// How often in a row a token can be refreshed.
    pub(crate) at_most: Option<u16>,
    /// For how long after its use a refresh token works once more.
    #[serde(default, deserialize_with = "span")]
    pub(crate) grace: Option<Duration>,
    #[serde(default)]
    pub(crate) takes: TokenKind,
    pub(crate) error: Option<String>,
    pub(crate) ok: Option<SuccessMarker>,
    #[serde(default)]
    pub(crate) compute: Computes,
    #[serde(default)]
    pub(super) one_of: Alternatives,
    /// The further requests of a login.
    #[serde(default)]
    pub(crate) then: Vec<Action>,
    /// What a further request takes of the response before, by the names of what takes it.
    #[serde(default)]
    pub(crate) from: IndexMap<String, String>,
    /// The place of its base URL in the response before.
    pub(crate) server: Option<String>,
    /// The sandbox names itself, which a client accepts because it has its credentials.
    #[allow(dead_code, reason = "a client checks them")]
    #[serde(default)]
    pub(super) hosts: Vec<String>,
    /// The credential with the client's certificate of an alternative.
    #[serde(skip)]
    pub(crate) certificate: Option<String>,
}

/// Whether a refresh token works only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SingleUse {
    Always(bool),
    /// The tenant decides; this is the default.
    Tenant(bool),
}

impl Default for SingleUse {
    fn default() -> Self {
        Self::Always(false)
    }
}

impl<'de> Deserialize<'de> for SingleUse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Tenant {
            #[serde(rename = "setting")]
            _setting: String,
            default: bool,
            #[serde(rename = "description")]
            _description: Option<String>,
        }
        match Value::deserialize(deserializer)? {
            Value::Bool(always) => Ok(Self::Always(always)),
            tenant => serde_json::from_value(tenant)
                .map(|Tenant { default, .. }| Self::Tenant(default))
                .map_err(de::Error::custom),
        }
    }
}

/// The token that a revocation takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TokenKind {
    #[default]
    Access,
    Refresh,
}

/// Reads a duration.
fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = as_text(&Value::deserialize(deserializer)?);
    duration(&text).map(Some).map_err(de::Error::custom)
}
