//! The words of `x-token` as types: what a vendor's block at the root of its spec may say.
//!
//! The types are the one list of the words. From them come the reader, which reports every problem of a block at once,
//! and the JSON Schema with which an editor completes and checks it; their doc comments are that schema's descriptions.
//! Whether the operations, properties and schemas that a block names exist is the business of `lint`.

mod check;
pub mod errors;
mod reader;
pub mod response;
pub mod schema;
pub mod values;

use crate::read::x_token::errors::Errors;
use crate::read::x_token::response::{Flag, Response};
use crate::read::x_token::values::{Lifetime, Part, Pointer, Span};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The key of the block at the root of a spec.
pub const KEY: &str = "x-token";

/// What turns a typed client into a token source: which operations log in, refresh and revoke, where in an answer the
/// token and its expiry lie, when to renew, how a call carries the token, and what the vendor's error codes mean.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct XToken {
    /// The operation that gets a first token. Absent where a user must consent first: such a source starts from a
    /// refresh token. Example: `{ operation: create_token, body: PasswordGrant }`.
    pub login: Option<Login>,
    /// The operation that trades a refresh token for a new access token. Default: none, a renewal logs in again.
    /// Example: `{ operation: create_token, body: RefreshGrant, token: refresh_token, single-use: true }`.
    pub refresh: Option<Refresh>,
    /// The operation that ends a token. Default: none. Example: `{ operation: revoke_token, token: access_token }`.
    pub revoke: Option<Revoke>,
    /// Where in a success body the token and what belongs to it lie.
    #[serde(default)]
    pub response: Response,
    /// The documented life of an access token, for an answer that names none: a duration such as `24h`; `none` for a
    /// token that never expires; `unknown` for one that is used until a call gets 401. Default: `unknown`.
    #[serde(default)]
    pub lifetime: Lifetime,
    /// When to renew a token: `at-expiry`, never before and never in the background; or in the background, `{ early:
    /// 0.75 }` at that part of its life or `{ before: 60s }` its end. Default: `{ early: 0.75 }`, but `at-expiry`
    /// where the refresh is `single-use`.
    pub renew: Option<Renew>,
    /// How a call carries the token. Default: `{ header: Authorization }`.
    #[serde(rename = "use", default)]
    pub use_: Use,
    /// How an operation with HTTP Basic sends its two halves. Default: `{ encode: form, names: [client_id,
    /// client_secret] }`.
    #[serde(default)]
    pub basic: Basic,
    /// What the vendor's errors mean.
    #[serde(default)]
    pub errors: Errors,
}

/// The operation that gets a first token.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Login {
    /// The operation's `operationId`. Example: `create_token`.
    pub operation: String,
    /// Which variant of the body, by the name of its schema in `components`. Needed where the body is a `oneOf`.
    /// Example: `PasswordGrant`.
    pub body: Option<String>,
    /// Which of several `security` alternatives, by the name of a scheme in it. Default: the first. Example: `appKey`.
    pub security: Option<String>,
}

/// The operation that trades a refresh token for a new access token.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Refresh {
    /// The operation's `operationId`. Example: `create_token`.
    pub operation: String,
    /// Which variant of the body, by the name of its schema in `components`. Needed where the body is a `oneOf`.
    /// Example: `RefreshGrant`.
    pub body: Option<String>,
    /// The property or parameter that takes the refresh token. Absent: it goes where the operation's bearer scheme puts
    /// it. Example: `refresh_token`.
    pub token: Option<String>,
    /// Whether one use spends the refresh token, so that it must never be sent twice. Default: `false`.
    #[serde(default)]
    pub single_use: bool,
    /// Which of several `security` alternatives, by the name of a scheme in it. Default: the first. Example: `appKey`.
    pub security: Option<String>,
}

/// The operation that ends a token.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Revoke {
    /// The operation's `operationId`. Example: `revoke_token`.
    pub operation: String,
    /// Which variant of the body, by the name of its schema in `components`. Needed where the body is a `oneOf`.
    /// Example: `RevokeRequest`.
    pub body: Option<String>,
    /// The property or parameter that takes the token. Absent: it goes where the operation's bearer scheme puts it.
    /// Example: `access_token`.
    pub token: Option<String>,
    /// Which token it takes: `access` or `refresh`. Default: `access`.
    #[serde(default)]
    pub takes: Takes,
    /// Where a failure stands in an answer at 2xx: present and not empty is a failure. Default: none. Example:
    /// `/error`.
    pub error: Option<Pointer>,
    /// What an answer at 2xx must say to be none but a success. Default: nothing. Example: `{ at: /ok, is: true }`.
    pub ok: Option<Flag>,
    /// Which of several `security` alternatives, by the name of a scheme in it. Default: the first. Example: `appKey`.
    pub security: Option<String>,
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
    /// In the background, at this part of its life, between 0 and 1.
    Early(f64),
    /// In the background, so long before its end.
    Before(Duration),
}

/// `at-expiry`, `{ early: 0.75 }` or `{ before: 60s }`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum RenewForm {
    /// Once it has expired, never before and never in the background.
    AtExpiry(AtExpiry),
    /// In the background, at a part of its life.
    Early(Early),
    /// In the background, some time before its end.
    Before(Before),
}

/// The word `at-expiry`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum AtExpiry {
    /// Once it has expired, never before and never in the background.
    AtExpiry,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Early {
    /// The part of its life after which it is renewed, between 0 and 1. Example: `0.75`.
    early: Part,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Before {
    /// How long before its end it is renewed. Example: `60s`.
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

/// How a call carries the token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Use {
    /// The header. Default: `Authorization`. Example: `X-Access-Token`.
    #[serde(default = "Use::usual_header")]
    pub header: String,
    /// What stands before the token, sent as written; `none` for the bare token. Default: the answer's token type, else
    /// `Bearer` on `Authorization` and the bare token on another header. Example: `Bearer`.
    pub prefix: Option<String>,
    /// Further headers of each call, each from a credential of that name. Default: none. Example: `{ X-Site: site_id
    /// }`.
    #[serde(default)]
    pub also: BTreeMap<String, String>,
}

impl Use {
    fn usual_header() -> String {
        "Authorization".to_owned()
    }
}

impl Default for Use {
    fn default() -> Self {
        Use { header: Use::usual_header(), prefix: None, also: BTreeMap::new() }
    }
}

/// What stands before the token in a call's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix<'a> {
    /// The answer's token type; without one `Bearer` on `Authorization`, nothing on another header.
    TokenType,
    /// Nothing.
    None,
    /// This text and a space.
    Text(&'a str),
}

impl Use {
    /// What `prefix` says.
    pub fn prefix(&self) -> Prefix<'_> {
        match self.prefix.as_deref() {
            None => Prefix::TokenType,
            Some("none" | "") => Prefix::None,
            Some(text) => Prefix::Text(text),
        }
    }
}

/// How an operation with HTTP Basic sends its two halves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Basic {
    /// How each half is written: `form`, form-encoded first as RFC 6749 has it, or `raw`. Default: `form`.
    #[serde(default)]
    pub encode: Encode,
    /// The names of the two credentials; an empty name is an empty half. Default: `[client_id, client_secret]`.
    #[serde(default = "Basic::usual_names")]
    pub names: [String; 2],
}

impl Basic {
    fn usual_names() -> [String; 2] {
        ["client_id".to_owned(), "client_secret".to_owned()]
    }
}

impl Default for Basic {
    fn default() -> Self {
        Basic { encode: Encode::default(), names: Basic::usual_names() }
    }
}

/// How each half of HTTP Basic is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encode {
    /// Form-encoded first, as RFC 6749, section 2.3.1, has it.
    #[default]
    Form,
    /// As it is.
    Raw,
}

impl XToken {
    /// When to renew, defaults applied.
    pub fn renew(&self) -> Renew {
        self.renew.unwrap_or(if self.is_single_use() { Renew::AtExpiry } else { Renew::Early(0.75) })
    }

    /// Whether one use spends a refresh token.
    pub fn is_single_use(&self) -> bool {
        self.refresh.as_ref().is_some_and(|refresh| refresh.single_use)
    }
}
