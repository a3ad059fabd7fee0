//! The keywords of `x-token` as types: the block at the root of a vendor's spec.
//!
//! The types are the only list of the keywords. The JSON Schema comes from them, with their doc comments as descriptions: an
//! editor completes and checks a block with it, and so does the reader, which reports every problem at once. Whether the
//! operations, properties and schemas that a block names exist is for `lint`.

pub mod alternatives;
mod check;
pub mod compute;
pub mod errors;
pub mod limits;
mod reader;
pub mod refresh;
pub mod requests;
pub mod response;
pub mod schema;
pub mod usage;
pub mod values;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::read::x_token::alternatives::Alternatives;
use crate::read::x_token::compute::{Computes, Received};
use crate::read::x_token::errors::{Code, Errors};
use crate::read::x_token::limits::Limits;
use crate::read::x_token::refresh::{Refresh, TenantSetting, With};
use crate::read::x_token::response::{Flag, Response};
use crate::read::x_token::usage::Use;
use crate::read::x_token::values::{Lifetime, Part, Pointer, Span};

/// The key of the block at the root of a spec.
pub const KEY: &str = "x-token";

/// What turns a typed client into a token source: which operations log in, refresh and revoke, where a response has the
/// token and its expiry, when to renew, how a call carries the token, and what the vendor's error codes mean.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct XToken {
    /// The operation that gets a first token. Absent if a user must consent first: such a source starts from a
    /// refresh token. Example: `{ operation: create_token, body: PasswordGrant }`.
    pub login: Option<Login>,
    /// The operation that trades a refresh token for a new access token. Default: none, a renewal logs in again.
    /// Example: `{ operation: create_token, body: RefreshGrant, token: refresh_token, single-use: true }`.
    pub refresh: Option<Refresh>,
    /// The operation that revokes a token. Default: none. Example: `{ operation: revoke_token, token: access_token }`.
    pub revoke: Option<Revoke>,
    /// Where a success body has the token and what belongs to it.
    #[serde(default)]
    pub response: Response,
    /// The documented lifetime of an access token, for a response without one: a duration such as `24h`; `none` for a
    /// token that never expires; `unknown` for one that is used until a call gets 401. Default: `unknown`.
    #[serde(default)]
    pub lifetime: Lifetime,
    /// When to renew a token: `at-expiry`, never before and never in the background; or in the background, `{ early:
    /// 0.75 }` at that part of its lifetime, or `{ before: 60s }` its expiry. Default: `{ early: 0.75 }`, but `at-expiry`
    /// if the refresh is `single-use`.
    pub renew: Option<Renew>,
    /// How a call carries the token. Default: `{ header: Authorization }`.
    #[serde(rename = "use", default)]
    pub use_: Use,
    /// How an operation with HTTP Basic sends its two halves. Default: `{ encode: form, names: [client_id,
    /// client_secret] }`.
    #[serde(default)]
    pub basic: Basic,
    /// The credential with the client's certificate and its private key in PEM, for TLS client authentication. Default: none.
    /// Example: `client_certificate`.
    pub certificate: Option<String>,
    /// What the vendor's errors mean.
    #[serde(default)]
    pub errors: Errors,
    /// How many tokens the vendor issues to an account. Default: any number. Example: `{ grants: 10/10m, live: 10 }`.
    #[serde(default)]
    pub limits: Limits,
}

/// The operation that gets a first token.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Login {
    /// The operation's `operationId`. Example: `create_token`.
    pub operation: String,
    /// Which variant of the body, by the name of its schema in `components`. Needed if the body is a `oneOf`.
    /// Example: `PasswordGrant`.
    pub body: Option<String>,
    /// Which of several `security` alternatives, by the name of a scheme in it. Default: the first. Example: `appKey`.
    pub security: Option<String>,
    /// Values that are computed for each request and never asked for, by the name of a property, a parameter or a security
    /// scheme. Default: none. Example: `{ assertion: { jwt: { … } } }`.
    #[serde(default)]
    pub compute: Computes,
    /// Alternatives, each with a name, and with a variant of the body, an alternative of `security` or computed values of its
    /// own. The one whose credentials are given is used. Default: none. Example: `{ secret: { body: SecretGrant }, assertion: {
    /// body: AssertionGrant } }`.
    #[serde(default)]
    pub one_of: Alternatives,
    /// Further requests, each built from the response before it. The last one's response has the token. Default: none. Example:
    /// `[{ operation: open_session, from: { code: /code } }]`.
    #[serde(default)]
    pub then: Vec<Then>,
}

/// A further request of a login.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Then {
    /// The operation's `operationId`. Example: `open_session`.
    pub operation: String,
    /// Which variant of the body, by the name of its schema in `components`. Needed if the body is a `oneOf`. Example:
    /// `CodeGrant`.
    pub body: Option<String>,
    /// Which of several `security` alternatives, by the name of a scheme in it. Default: the first. Example: `session`.
    pub security: Option<String>,
    /// The properties, parameters and security schemes that values of the response before take, as JSON Pointers into that
    /// response. Example: `{ code: /authorization_code }`.
    pub from: Received,
    /// The place of the base URL of this request in the response before. Default: the same base URL. Example: `/rest_url`.
    pub server: Option<Pointer>,
    /// The hosts of which one, or a host below one, is that of the base URL. Required with `server`. Example:
    /// `[acme.example]`.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// It has no alternatives of its own.
    #[serde(skip)]
    pub one_of: Alternatives,
}

/// The operation that revokes a token.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Revoke {
    /// The operation's `operationId`. Example: `revoke_token`.
    pub operation: String,
    /// Which variant of the body, by the name of its schema in `components`. Needed if the body is a `oneOf`.
    /// Example: `RevokeRequest`.
    pub body: Option<String>,
    /// The property or parameter that takes the token. Absent: the operation's bearer scheme carries it.
    /// Example: `access_token`.
    pub token: Option<String>,
    /// Which token it takes: `access` or `refresh`. Default: `access`.
    #[serde(default)]
    pub takes: Takes,
    /// Where a 2xx response reports a failure: any value there that isn't empty is one. Default: none. Example:
    /// `/error`.
    pub error: Option<Pointer>,
    /// What a 2xx response must have to be a success. Default: nothing. Example: `{ at: /ok, is: true }`.
    pub ok: Option<Flag>,
    /// Codes, or statuses, of a token that was no longer valid, which is a success. Default: 404 and 410. Example:
    /// `[invalid_token, 404]`.
    #[serde(default)]
    pub gone: Vec<Code>,
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

/// Which token an operation takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Takes {
    /// The access token.
    #[default]
    Access,
    /// The refresh token.
    Refresh,
}

/// When to renew a token.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(from = "RenewForm")]
pub enum Renew {
    /// Once it has expired, never before.
    AtExpiry,
    /// In the background, at this part of its lifetime, between 0 and 1.
    Early(f64),
    /// In the background, this long before it expires.
    Before(Duration),
}

/// `at-expiry`, `{ early: 0.75 }` or `{ before: 60s }`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum RenewForm {
    /// Once it has expired, never before and never in the background.
    AtExpiry(AtExpiry),
    /// In the background, at a part of its lifetime.
    Early(Early),
    /// In the background, some time before it expires.
    Before(Before),
}

/// The keyword `at-expiry`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum AtExpiry {
    /// Once it has expired, never before and never in the background.
    AtExpiry,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Early {
    /// The part of its lifetime after which it is renewed, between 0 and 1. Example: `0.75`.
    early: Part,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Before {
    /// How long before its expiry it is renewed. Example: `60s`.
    before: Span,
}

impl From<RenewForm> for Renew {
    fn from(form: RenewForm) -> Renew {
        match form {
            RenewForm::AtExpiry(AtExpiry::AtExpiry) => Renew::AtExpiry,
            RenewForm::Early(Early { early: Part(part) }) => Renew::Early(part),
            RenewForm::Before(Before { before: Span(span) }) => Renew::Before(span),
        }
    }
}

/// How an operation with HTTP Basic sends its two halves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Basic {
    /// The name of another scheme with the form of HTTP Basic, sent in place of `Basic`. Default: none. Example: `ID`.
    pub scheme: Option<String>,
    /// How each half is written: `form`, form-encoded first as in RFC 6749, or `raw`. Default: `form`.
    #[serde(default)]
    pub encode: Encode,
    /// The names of the two credentials; an empty name is an empty half. Default: `[client_id, client_secret]`.
    #[serde(default = "Basic::default_names")]
    pub names: [String; 2],
}

impl Basic {
    /// Whether an `http` scheme of this name has the form of HTTP Basic.
    pub fn is_basic(&self, scheme: &str) -> bool {
        scheme.eq_ignore_ascii_case("basic")
            || self.scheme.as_ref().is_some_and(|other| scheme.eq_ignore_ascii_case(other))
    }

    fn default_names() -> [String; 2] {
        ["client_id".to_owned(), "client_secret".to_owned()]
    }
}

impl Default for Basic {
    fn default() -> Self {
        Basic { scheme: None, encode: Encode::default(), names: Basic::default_names() }
    }
}

/// How each half of HTTP Basic is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encode {
    /// Form-encoded first, as in RFC 6749, section 2.3.1.
    #[default]
    Form,
    /// As it is.
    Raw,
}

impl XToken {
    /// Returns when to renew, with the default applied.
    pub fn renew(&self) -> Renew {
        self.renew_of(self.is_single_use())
    }

    /// Returns when to renew if a refresh token is good for one use, or is not.
    pub fn renew_of(&self, is_single_use: bool) -> Renew {
        self.renew.unwrap_or(if is_single_use { Renew::AtExpiry } else { Renew::Early(0.75) })
    }

    /// Whether there is no grant: a source starts from an access token that a person has made at the vendor.
    pub fn starts_from_token(&self) -> bool {
        self.login.is_none() && self.refresh.is_none()
    }

    /// Whether a refresh token is good for one use, unless the user's tenant is set up otherwise.
    pub fn is_single_use(&self) -> bool {
        self.refresh.as_ref().is_some_and(|refresh| refresh.single_use.by_default())
    }

    /// Whether a token is renewed with itself.
    pub fn renews_with_access_token(&self) -> bool {
        self.refresh.as_ref().is_some_and(|refresh| refresh.with == With::Access)
    }

    /// Whether a refresh has no token in its response: the old one stays.
    pub fn keeps_access_token(&self) -> bool {
        self.refresh.as_ref().is_some_and(|refresh| refresh.keeps)
    }

    /// Returns the setting of the user's tenant that decides whether a refresh token is good for one use.
    pub fn tenant_setting(&self) -> Option<&TenantSetting> {
        self.refresh.as_ref()?.single_use.setting()
    }
}
