//! The words of `x-token` as types: what a vendor's block at the root of its spec may say.
//!
//! The types are the one list of the words. From them come the reader, which reports every problem of a block at once,
//! and the JSON Schema with which an editor completes and checks it; their doc comments are that schema's descriptions.
//! Whether the operations, properties and schemas that a block names exist is the business of `lint`.

mod check;

use crate::problem::{Problem, join};
use crate::read::spec::Spec;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;
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

/// JSON Pointers into the success body of the login and the refresh; list indexes are allowed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Response {
    /// The access token. Needed with `login` or `refresh`. Example: `/access_token`.
    pub access_token: Option<Pointer>,
    /// What stands before the token in a call's header, such as `Bearer`. Default: none. Example: `/token_type`.
    pub token_type: Option<Pointer>,
    /// The life of the access token, counted from the arrival of the answer, in seconds; other units as
    /// `{ at: /expires_in, unit: ms }`. Default: none. Example: `/expires_in`.
    pub expires_in: Option<In>,
    /// The expiry of the access token: a date of RFC 3339 or HTTP, or Unix seconds; otherwise `{ at: /expiry, unit: ms,
    /// zone: utc, format: "%d.%m.%Y %H:%M" }`. With `expires-in` too, the earlier is used. Default: none. Example:
    /// `/expires_at`.
    pub expires_at: Option<At>,
    /// The refresh token. Default: none. Example: `/refresh_token`.
    pub refresh_token: Option<Pointer>,
    /// The life of the refresh token, as `expires-in`. Default: none. Example: `/refresh_expires_in`.
    pub refresh_expires_in: Option<In>,
    /// The end of the refresh token, as `expires-at`. Default: none. Example: `/refresh_token_expiry`.
    pub refresh_expires_at: Option<At>,
    /// The granted scopes, a list or a text with spaces between; another delimiter as `{ at: /scope, delimiter: "," }`.
    /// Default: none. Example: `/scope`.
    pub scope: Option<Scope>,
    /// Where a failure stands: present and not empty is a failure, whatever the status. Default: none. Example:
    /// `/error`.
    pub error: Option<Pointer>,
    /// What an answer must say to be a success; anything else is a failure. Default: nothing. Example:
    /// `{ at: /ok, is: true }`.
    pub ok: Option<Flag>,
}

/// A value that must be there.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Flag {
    /// Where it lies. Example: `/ok`.
    pub at: Pointer,
    /// What it must be: a boolean, a text or a number. Example: `true`.
    pub is: Scalar,
}

/// A boolean, a number or a text.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A number, whole or not.
    Number(#[schemars(with = "f64")] serde_json::Number),
    /// Text.
    Text(String),
}

impl Scalar {
    /// As text.
    pub fn text(&self) -> String {
        match self {
            Scalar::Bool(value) => value.to_string(),
            Scalar::Number(value) => value.to_string(),
            Scalar::Text(value) => value.clone(),
        }
    }
}

/// A duration in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "InForm")]
pub struct In {
    /// Where it lies.
    pub at: Pointer,
    /// What it counts.
    pub unit: Unit,
}

/// A pointer, or a pointer and a unit.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum InForm {
    /// Where a number of seconds lies.
    Plain(Pointer),
    /// Where a number lies, and what it counts.
    Full(InFull),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct InFull {
    /// Where the number lies. Example: `/expires_in`.
    at: Pointer,
    /// What it counts: `s` or `ms`. Default: `s`.
    #[serde(default)]
    unit: Unit,
}

impl From<InForm> for In {
    fn from(form: InForm) -> In {
        match form {
            InForm::Plain(at) => In { at, unit: Unit::Seconds },
            InForm::Full(InFull { at, unit }) => In { at, unit },
        }
    }
}

/// A moment in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "AtForm")]
pub struct At {
    /// Where it lies.
    pub at: Pointer,
    /// What a number counts since 1970; a date-time has no unit.
    pub unit: Unit,
    /// What a date without an offset means; without a zone it can't be read.
    pub zone: Option<Zone>,
    /// How a date is written, in the language of jiff's `strptime`.
    pub format: Option<String>,
}

/// A pointer, or a pointer and how to read what is there.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum AtForm {
    /// Where a date-time or a number of Unix seconds lies.
    Plain(Pointer),
    /// Where a moment lies, and how to read it.
    Full(AtFull),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AtFull {
    /// Where the moment lies. Example: `/expires_at`.
    at: Pointer,
    /// What a number counts since 1970: `s` or `ms`. Default: `s`.
    #[serde(default)]
    unit: Unit,
    /// What a date without an offset means: `utc`. Default: a date without an offset can't be read, and counts as not
    /// sent.
    zone: Option<Zone>,
    /// How a date is written that is neither RFC 3339 nor a date of HTTP: a format of jiff's `strptime`, with `zone: utc`
    /// where it has no offset. Default: none. Example: `"%m/%d/%Y %I:%M:%S %p %:z"`.
    format: Option<String>,
}

impl From<AtForm> for At {
    fn from(form: AtForm) -> At {
        match form {
            AtForm::Plain(at) => At { at, unit: Unit::Seconds, zone: None, format: None },
            AtForm::Full(AtFull { at, unit, zone, format }) => At { at, unit, zone, format },
        }
    }
}

/// What a number in an answer counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Unit {
    /// Seconds.
    #[default]
    #[serde(rename = "s")]
    Seconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
}

/// What a date-time without an offset means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Zone {
    /// Universal time.
    Utc,
}

/// The granted scopes in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "ScopeForm")]
pub struct Scope {
    /// Where they lie.
    pub at: Pointer,
    /// What stands between two; none: one or more spaces.
    pub delimiter: Option<String>,
}

/// A pointer, or a pointer and a delimiter.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum ScopeForm {
    /// Where a list of scopes lies, or a text with spaces between them.
    Plain(Pointer),
    /// Where a text lies, and what stands between its scopes.
    Full(ScopeFull),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ScopeFull {
    /// Where the scopes lie. Example: `/scope`.
    at: Pointer,
    /// What stands between two. Default: one or more spaces. Example: `","`.
    delimiter: Option<String>,
}

impl From<ScopeForm> for Scope {
    fn from(form: ScopeForm) -> Scope {
        match form {
            ScopeForm::Plain(at) => Scope { at, delimiter: None },
            ScopeForm::Full(ScopeFull { at, delimiter }) => Scope { at, delimiter },
        }
    }
}

/// The documented life of an access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Lifetime {
    /// So long.
    For(Duration),
    /// It never expires.
    Never,
    /// Nobody says: it is used until a call gets 401.
    #[default]
    Unknown,
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

/// What the vendor's errors mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Errors {
    /// Where the vendor's machine-readable code lies: a pointer into the error body, or several, of which the first
    /// that finds text or a number counts. Default: none. Example: `[/error, /errorCode]`.
    #[serde(default)]
    pub code: Pointers,
    /// Where the vendor's text for a person lies, as `code`. Default: none. Example: `/error_description`.
    #[serde(default)]
    pub message: Pointers,
    /// Codes, or statuses, that end all retries until the credentials change. Default: none. Example:
    /// `[invalid_client]`.
    #[serde(default)]
    pub permanent: Vec<Code>,
    /// Codes, or statuses, that say that the refresh token is spent. Default: none. Example: `[invalid_grant]`.
    #[serde(default)]
    pub relogin: Vec<Code>,
    /// Codes, or statuses, that are worth a retry in spite of what they look like. Default: none. Example:
    /// `[unknown_error, 423]`.
    #[serde(default)]
    pub transient: Vec<Code>,
    /// The vendor's own header that says when to come again, read where `Retry-After` is missing. Default: none.
    /// Example: `{ header: X-Rate-Limit-Retry, unit: unix }`.
    pub retry_after: Option<RetryAfter>,
    /// What names the request to the vendor's support: a pointer into the error body, or `{ header: NAME }`. Default:
    /// none. Example: `/request_id`.
    pub request_id: Option<RequestId>,
}

/// A pointer, or several of which the first that finds something counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "PointersForm")]
pub struct Pointers(pub Vec<Pointer>);

/// A pointer, or a list of them.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum PointersForm {
    /// One pointer.
    One(Pointer),
    /// Several, of which the first that finds something counts.
    Many(Vec<Pointer>),
}

impl From<PointersForm> for Pointers {
    fn from(form: PointersForm) -> Pointers {
        match form {
            PointersForm::One(pointer) => Pointers(vec![pointer]),
            PointersForm::Many(pointers) => Pointers(pointers),
        }
    }
}

impl Pointers {
    /// In order.
    pub fn iter(&self) -> std::slice::Iter<'_, Pointer> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A vendor's error code, kept as text: codes compare as text, numbers among them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(from = "CodeForm")]
pub struct Code(pub String);

/// Text or a whole number.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum CodeForm {
    /// A number, such as `4023` or the status `423`.
    Number(i64),
    /// Text, such as `invalid_client`.
    Text(String),
}

impl From<CodeForm> for Code {
    fn from(form: CodeForm) -> Code {
        Code(match form {
            CodeForm::Number(number) => number.to_string(),
            CodeForm::Text(text) => text,
        })
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The vendor's own header that says when to come again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RetryAfter {
    /// The header. Example: `X-Rate-Limit-Retry`.
    pub header: String,
    /// What its number counts: `seconds` from now, or `unix` seconds. Default: `seconds`.
    #[serde(default)]
    pub unit: RetryUnit,
}

/// What the number in a header counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RetryUnit {
    /// Seconds from now.
    #[default]
    Seconds,
    /// Seconds since 1970.
    Unix,
}

/// What names a request to the vendor's support.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "RequestIdForm")]
pub enum RequestId {
    /// A place in the error body.
    Body(Pointer),
    /// A header of the answer.
    Header(String),
}

/// A pointer into the error body, or `{ header: NAME }`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum RequestIdForm {
    /// A place in the error body.
    Body(Pointer),
    /// A header of the answer.
    Header(RequestIdHeader),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RequestIdHeader {
    /// The header. Example: `x-request-id`.
    header: String,
}

impl From<RequestIdForm> for RequestId {
    fn from(form: RequestIdForm) -> RequestId {
        match form {
            RequestIdForm::Body(pointer) => RequestId::Body(pointer),
            RequestIdForm::Header(RequestIdHeader { header }) => RequestId::Header(header),
        }
    }
}

/// A JSON Pointer (RFC 6901) to something inside a body.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Pointer(String);

impl Pointer {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its reference tokens, unescaped: names of properties and indexes of lists.
    pub fn segments(&self) -> Vec<String> {
        self.0.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a text in the block isn't, though it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotA {
    /// It isn't a JSON Pointer.
    Pointer,
    /// It isn't a duration.
    Duration,
    /// It isn't a lifetime.
    Lifetime,
    /// It isn't a part of a life.
    Part,
}

impl fmt::Display for NotA {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotA::Pointer => "not a JSON Pointer",
            NotA::Duration => "not a duration",
            NotA::Lifetime => "not a lifetime",
            NotA::Part => "not a part of a life",
        })
    }
}

impl std::error::Error for NotA {}

impl TryFrom<String> for Pointer {
    type Error = NotA;

    fn try_from(text: String) -> Result<Self, NotA> {
        let escapes_are_whole =
            text.match_indices('~').all(|(at, _)| matches!(text.as_bytes().get(at + 1), Some(b'0' | b'1')));
        // `""`, the whole body, is a pointer by RFC 6901, but no field.
        if text.starts_with('/') && escapes_are_whole { Ok(Pointer(text)) } else { Err(NotA::Pointer) }
    }
}

/// A whole number and its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Span(Duration);

impl TryFrom<String> for Span {
    type Error = NotA;

    fn try_from(text: String) -> Result<Self, NotA> {
        duration(&text).map(Span)
    }
}

/// A whole number and `s`, `m`, `h` or `d`, longer than nothing.
fn duration(text: &str) -> Result<Duration, NotA> {
    let unit = match text.chars().next_back() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        _ => return Err(NotA::Duration),
    };
    let digits = &text[..text.len() - 1];
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotA::Duration);
    }
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs)
        .ok_or(NotA::Duration)
}

impl TryFrom<String> for Lifetime {
    type Error = NotA;

    fn try_from(text: String) -> Result<Self, NotA> {
        match text.as_str() {
            "none" => Ok(Lifetime::Never),
            "unknown" => Ok(Lifetime::Unknown),
            text => duration(text).map(Lifetime::For).map_err(|_| NotA::Lifetime),
        }
    }
}

/// A part of a token's life, between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
struct Part(f64);

impl TryFrom<f64> for Part {
    type Error = NotA;

    fn try_from(part: f64) -> Result<Self, NotA> {
        if part > 0.0 && part < 1.0 { Ok(Part(part)) } else { Err(NotA::Part) }
    }
}

/// The schema of a type whose text has a form of its own: `title` is what a problem calls it.
macro_rules! leaf_schema {
    ($type:ty, $name:literal, $($schema:tt)+) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($($schema)+)
            }
        }
    };
}

leaf_schema!(Pointer, "Pointer", {
    "title": "a JSON Pointer",
    "type": "string",
    "pattern": "^(/([^~/]|~[01])*)+$",
    "examples": ["/access_token", "/data/0/token"]
});
leaf_schema!(Span, "Duration", {
    "title": "a duration: a whole number and s, m, h or d",
    "type": "string",
    "pattern": "^0*[1-9][0-9]*[smhd]$",
    "examples": ["60s", "24h"]
});
leaf_schema!(Lifetime, "Lifetime", {
    "title": "a duration (a whole number and s, m, h or d), none or unknown",
    "type": "string",
    "pattern": "^(0*[1-9][0-9]*[smhd]|none|unknown)$",
    "examples": ["24h", "none", "unknown"]
});
leaf_schema!(Part, "Part", {
    "title": "a number between 0 and 1",
    "type": "number",
    "exclusiveMinimum": 0,
    "exclusiveMaximum": 1,
    "examples": [0.75]
});

impl XToken {
    /// The block of a spec: `None` where there is none, and all that is wrong with its words and their forms.
    pub fn from_document(spec: &Spec) -> Result<Option<XToken>, Vec<Problem>> {
        let Some(block) = spec.document.get(KEY) else { return Ok(None) };
        let place = join("", KEY);
        let problems = check::problems(spec, &SCHEMA, block, &place);
        if !problems.is_empty() {
            return Err(problems);
        }
        // The schema is made from these types, so an error here is one of the schema.
        XToken::deserialize(block)
            .map(Some)
            .map_err(|error| vec![spec.problem(&place, format!("`{KEY}` can't be read: {error}"), "")])
    }

    /// When to renew, defaults applied.
    pub fn renew(&self) -> Renew {
        self.renew.unwrap_or(if self.is_single_use() { Renew::AtExpiry } else { Renew::Early(0.75) })
    }

    /// Whether one use spends a refresh token.
    pub fn is_single_use(&self) -> bool {
        self.refresh.as_ref().is_some_and(|refresh| refresh.single_use)
    }
}

/// The JSON Schema of the block, for editors: the content of `specs/x-token.schema.json`. Made once, and asked for each
/// spec.
pub static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(XToken).to_value();
    tidy(&mut schema);
    schema
});

/// An optional word is absent, never null: a key without a value is a slip. And a description is one line.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            // The lines of a doc comment are those of the source, not of the reader's window.
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            if map.get("default").is_some_and(Value::is_null) {
                map.shift_remove("default");
            }
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|word| word != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(any)) = map.get_mut("anyOf") {
                any.retain(|branch| branch.get("type").is_none_or(|word| word != "null"));
                if let [Value::Object(only)] = any.as_slice() {
                    let only = only.clone();
                    map.shift_remove("anyOf");
                    map.extend(only);
                }
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(list) => list.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// `a`, `b` or `c`, each in backticks.
pub fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(block: &str) -> Result<Option<XToken>, Vec<Problem>> {
        let indented: String = block.lines().map(|line| format!("  {line}\n")).collect();
        XToken::from_document(
            &Spec::parse("specs/acme.yaml", &format!("openapi: 3.0.3\nx-token:\n{indented}")).unwrap(),
        )
    }

    fn block(text: &str) -> XToken {
        read(text).unwrap().unwrap()
    }

    fn refusal(text: &str) -> String {
        read(text).unwrap_err().iter().map(|problem| format!("{problem}\n")).collect()
    }

    #[test]
    fn every_word_of_the_vocabulary_is_read() {
        let x = block(
            r#"login:
  operation: create_token
  body: PasswordGrant
  security: appKey
refresh:
  operation: create_token
  body: RefreshGrant
  token: refresh_token
  single-use: true
  security: appKey
revoke:
  operation: revoke_token
  token: access_token
  takes: refresh
  error: /error
  ok: { at: /ok, is: true }
  security: appKey
response:
  access-token: /credentials/access_token
  token-type: /credentials/token_type
  expires-in: { at: /expires_in, unit: ms }
  expires-at: { at: /a~1b/0, unit: ms, zone: utc }
  refresh-token: /credentials/refresh_token
  refresh-expires-at: /credentials/refresh_token_expiry
  refresh-expires-in: /x
  scope: { at: /scope, delimiter: "," }
  error: /error
  ok: { at: /ok, is: yes }
lifetime: 24h
renew: { before: 60s }
use:
  header: Authorization
  prefix: none
  also: { X-Site: site_id }
basic: { encode: raw, names: [client_id, ""] }
errors:
  code: [/error, /errorCode]
  message: /message
  permanent: [invalid_client, 4023]
  relogin: [invalid_grant]
  transient: [unknown_error, 423]
  retry-after: { header: X-Rate-Limit-Retry, unit: unix }
  request-id: { header: X-Request-Id }
"#,
        );
        assert!(x.is_single_use());
        assert_eq!(x.lifetime, Lifetime::For(Duration::from_secs(86_400)));
        assert_eq!(x.renew(), Renew::Before(Duration::from_secs(60)));
        assert_eq!(x.use_.prefix(), Prefix::None);
        assert_eq!(x.response.expires_at.as_ref().unwrap().at.segments(), ["a/b", "0"]);
        assert_eq!(x.response.expires_in.unwrap().unit, Unit::Milliseconds);
        assert_eq!(x.response.scope.unwrap().delimiter.as_deref(), Some(","));
        assert_eq!(x.response.ok.unwrap().is, Scalar::Text("yes".into()));
        assert_eq!(x.revoke.as_ref().unwrap().ok.as_ref().unwrap().is, Scalar::Bool(true));
        assert_eq!(x.basic.names, ["client_id".to_owned(), String::new()]);
        assert_eq!(x.errors.code.iter().map(Pointer::as_str).collect::<Vec<_>>(), ["/error", "/errorCode"]);
        assert_eq!(x.errors.permanent, [Code("invalid_client".into()), Code("4023".into())]);
        assert_eq!(x.errors.request_id, Some(RequestId::Header("X-Request-Id".into())));
    }

    #[test]
    fn defaults_are_those_of_the_vocabulary() {
        let x = block("login: { operation: a }\nresponse: { access-token: /t }");
        assert_eq!((x.renew(), x.lifetime), (Renew::Early(0.75), Lifetime::Unknown));
        assert_eq!((x.use_.header.as_str(), x.use_.prefix()), ("Authorization", Prefix::TokenType));
        assert_eq!(x.basic, Basic { encode: Encode::Form, names: ["client_id".into(), "client_secret".into()] });
        let x = block("refresh: { operation: a, token: t, single-use: true }\nerrors: { code: /e, request-id: /r }");
        assert_eq!(x.renew(), Renew::AtExpiry);
        assert_eq!(x.errors.code.0.len(), 1);
        assert!(matches!(x.errors.request_id, Some(RequestId::Body(_))));
        let x = block("renew: at-expiry\nlifetime: none");
        assert_eq!((x.renew(), x.lifetime), (Renew::AtExpiry, Lifetime::Never));
        assert_eq!(block("renew: { early: 0.5 }").renew(), Renew::Early(0.5));
        assert_eq!(block("use: { prefix: token }").use_.header, "Authorization");
        assert_eq!(block("use: {}").use_, Use::default());
    }

    #[test]
    fn all_problems_of_a_block_are_shown_with_their_place() {
        let text = refusal(
            "login: { opertion: create_token, body: 3 }\nrespone: {}\nresponse:\n  access-token: access_token\n  \
             expires-in: { at: expires_in, unit: minutes }\n  scope: { delimiter: ',' }\n  ok: { at: /ok, is: [] }\n\
             lifetime: 24\nrenew: { erly: 0.75 }\nuse: {}\nbasic: { names: [a] }\nerrors:\n  code: [error]\n  \
             permanent: invalid\n  retry-after: X\nrefresh:\nrevoke: []\n",
        );
        insta::assert_snapshot!(text, @r#"
        error: specs/acme.yaml:3: `opertion` is not a word of `login`
          at /x-token/login/opertion
          write `operation`
        error: specs/acme.yaml:3: `body` can't be `3`
          at /x-token/login/body
          write text, such as `PasswordGrant`
        error: specs/acme.yaml:4: `respone` is not a word of `x-token`
          at /x-token/respone
          write `response`
        error: specs/acme.yaml:6: `access-token` can't be `access_token`
          at /x-token/response/access-token
          write `/access_token`: a JSON Pointer starts with a slash
        error: specs/acme.yaml:7: `at` can't be `expires_in`
          at /x-token/response/expires-in/at
          write `/expires_in`: a JSON Pointer starts with a slash
        error: specs/acme.yaml:7: `unit` can't be `minutes`
          at /x-token/response/expires-in/unit
          write `s` or `ms`
        error: specs/acme.yaml:8: `scope` has no `at`
          at /x-token/response/scope
          add `at`: a JSON Pointer, such as `/access_token`
        error: specs/acme.yaml:9: `is` can't be a list
          at /x-token/response/ok/is
          write `true` or `false`, or a number, or text
        error: specs/acme.yaml:10: `lifetime` can't be `24`
          at /x-token/lifetime
          write `24s`, if seconds are meant: a duration (a whole number and s, m, h or d), none or unknown
        error: specs/acme.yaml:11: `erly` is not a word of `renew`
          at /x-token/renew/erly
          write `early`
        error: specs/acme.yaml:13: `names` can't be a list of 1
          at /x-token/basic/names
          write a list of 2, each text
        error: specs/acme.yaml:15: `error` can't stand here
          at /x-token/errors/code/0
          write `/error`: a JSON Pointer starts with a slash
        error: specs/acme.yaml:16: `permanent` can't be `invalid`
          at /x-token/errors/permanent
          write `[invalid]`, a list
        error: specs/acme.yaml:17: `retry-after` can't be `X`
          at /x-token/errors/retry-after
          write an object with `header` and `unit`
        error: specs/acme.yaml:18: `refresh` can't be empty (null)
          at /x-token/refresh
          write an object with `operation`, `body`, `token`, `single-use` and `security`
        error: specs/acme.yaml:19: `revoke` can't be a list
          at /x-token/revoke
          write an object with `operation`, `body`, `token`, `takes`, `error`, `ok` and `security`
        "#);
    }

    #[test]
    fn a_jsonpath_is_turned_into_a_pointer() {
        for (text, pointer) in [
            ("$.access_token", "/access_token"),
            ("$.data[0].token", "/data/0/token"),
            ("\"$['a']\"", "/a"),
            ("'#/token'", "/token"),
            ("a/b", "/a/b"),
        ] {
            let text = refusal(&format!("response:\n  access-token: {text}"));
            assert!(text.contains(&format!("write `{pointer}`: ")), "{text}");
        }
    }

    #[test]
    fn a_block_that_is_no_object_is_told_its_words() {
        for text in ["[]", "login", "3", "~"] {
            let text = refusal(text);
            assert!(text.contains("write an object with `login`, `refresh`, "), "{text}");
        }
    }

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        for (text, seconds) in [("1s", 1), ("60m", 3600), ("24h", 86_400), ("90d", 7_776_000), ("007s", 7)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "0s", "1", "1.5h", "-1s", "+1s", "1 s", "1H", "1ms", "99999999999999999999d", "1é", "é"]
        {
            assert_eq!(duration(text), Err(NotA::Duration), "{text}");
        }
    }

    #[test]
    fn whatever_the_block_is_nothing_panics() {
        for text in
            ["", "3", "[]", "[login]", "text", "{}", "login: []", "renew: {}", "renew: { early: .5, before: 1s }"]
        {
            let _ = read(text);
        }
        assert!(read("").is_err(), "an empty block is a slip");
    }

    #[test]
    fn every_word_has_a_description_in_the_schema() {
        fn walk(schema: &Value, place: &str) {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                for (key, property) in properties {
                    assert!(property.get("description").is_some(), "{place}/{key} has no description");
                }
            }
            if let Some(map) = schema.as_object() {
                map.iter().for_each(|(key, value)| walk(value, &format!("{place}/{key}")));
            }
        }
        let schema = SCHEMA.clone();
        walk(&schema, "");
        assert!(!schema.to_string().contains("null"), "{schema:#}");
    }
}
