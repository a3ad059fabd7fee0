//! The keywords of `refresh`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::read::x_token::alternatives::Alternatives;
use crate::read::x_token::compute::Computes;
use crate::read::x_token::values::Span;

/// The operation that trades a refresh token for a new access token.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Refresh {
    /// The operation's `operationId`. Example: `create_token`.
    pub operation: String,
    /// Which variant of the body, by the name of its schema in `components`. Needed if the body is a `oneOf`.
    /// Example: `RefreshGrant`.
    pub body: Option<String>,
    /// The property or parameter that takes the refresh token. Absent: the operation's bearer scheme carries it.
    /// Example: `refresh_token`.
    pub token: Option<String>,
    /// Whether the refresh token is good for one use, so that it must never be sent twice; or `{ setting: rotation, default:
    /// true }` if each user's tenant decides that. Default: `false`.
    #[serde(default)]
    pub single_use: SingleUse,
    /// Whether the response has no token, because the old one stays valid, for its whole lifetime again. Default: `false`.
    #[serde(default)]
    pub keeps: bool,
    /// What the bearer scheme of an operation carries that the login shares: `refresh`, the refresh token, where the login has a
    /// credential. Default: the same as in the login.
    pub bearer: Option<Bearer>,
    /// Which token it takes: `refresh`, or `access`, if a token is renewed with itself and there is no refresh token. Default:
    /// `refresh`.
    #[serde(default)]
    pub with: With,
    /// How often in a row a token can be renewed; then the source logs in. Default: any number. Example: `7`.
    #[schemars(range(min = 1))]
    pub at_most: Option<u16>,
    /// For how long after its use the vendor takes a single-use refresh token once more, in case the response was lost.
    /// Default: not at all. Example: `30s`.
    pub grace: Option<Span>,
    /// Which of several `security` alternatives, by the name of a scheme in it. Default: the first. Example: `appKey`.
    pub security: Option<String>,
    /// Values that are computed for each request, besides those of the login, or instead of one of them. Default: none.
    /// Example: `{ request_id: uuid }`.
    #[serde(default)]
    pub compute: Computes,
    /// What is special about the alternatives of the login, by their names. Default: nothing. Example: `{ secret: { body:
    /// SecretBody }, assertion: { body: AssertionBody } }`.
    #[serde(default)]
    pub one_of: Alternatives,
}

/// Which token a refresh takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum With {
    /// A refresh token.
    #[default]
    Refresh,
    /// The access token itself.
    Access,
}

/// What a bearer scheme carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Bearer {
    /// The refresh token.
    Refresh,
}

/// Whether a refresh token is good for one use.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SingleUse {
    /// For every user.
    Always(bool),
    /// As the user's tenant is set up.
    Tenant(TenantSetting),
}

/// A choice of the user's tenant, which the user repeats as a setting of the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TenantSetting {
    /// The name of the setting, in snake_case. Example: `rotation`.
    pub setting: String,
    /// The choice that is assumed if the user doesn't set it. `true` is safe, because the vendor may take a second use for a
    /// theft. Example: `true`.
    pub default: bool,
    /// What it is and where the tenant's administrator finds it. Default: none.
    pub description: Option<String>,
}

impl Default for SingleUse {
    fn default() -> Self {
        Self::Always(false)
    }
}

impl SingleUse {
    /// Returns the choice for a user who sets nothing.
    pub fn by_default(&self) -> bool {
        match self {
            Self::Always(is_single_use) => *is_single_use,
            Self::Tenant(setting) => setting.default,
        }
    }

    /// Whether some user's refresh token is good for one use.
    pub fn is_possible(&self) -> bool {
        *self != Self::Always(false)
    }

    /// Returns the setting of the tenant.
    pub fn setting(&self) -> Option<&TenantSetting> {
        match self {
            Self::Always(_) => None,
            Self::Tenant(setting) => Some(setting),
        }
    }
}

impl TenantSetting {
    /// Returns the method of the endpoint that makes the other choice: `without_rotation`.
    pub fn method(&self) -> String {
        format!("{}_{}", if self.default { "without" } else { "with" }, self.setting)
    }
}
