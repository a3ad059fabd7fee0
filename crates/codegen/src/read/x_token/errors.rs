//! The keywords of `x-token` that say what the vendor's error codes mean.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::read::x_token::values::{Pointer, Span};

/// What the vendor's errors mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Errors {
    /// Where the vendor's machine-readable code is: a pointer into the error body, or several, of which the first that
    /// finds a string or a number is used; or `{ any: [/error, /error_codes] }`, of which every value found is looked up, and
    /// `transient` decides before `permanent`, and that before `relogin`. Default: none. Example: `[/error, /errorCode]`.
    #[serde(default)]
    pub code: Codes,
    /// Where the vendor's message for a person is, as `code`. Default: none. Example: `/error_description`.
    #[serde(default)]
    pub message: Pointers,
    /// Codes, or statuses, that end all retries until the credentials change. Default: none. Example:
    /// `[invalid_client]`.
    #[serde(default)]
    pub permanent: Vec<Code>,
    /// Codes, or statuses, of a refresh token that no longer works. Default: none. Example: `[invalid_grant]`.
    #[serde(default)]
    pub relogin: Vec<Code>,
    /// Codes, or statuses, that are worth a retry although they look permanent. Default: none. Example:
    /// `[unknown_error, 423]`.
    #[serde(default)]
    pub transient: Vec<Code>,
    /// How long to wait after a code, or a status, before the next request, if the response doesn't say. Default: none.
    /// Example: `{ access_denied: 10m }`.
    #[serde(default)]
    pub wait: BTreeMap<String, Span>,
    /// The vendor's own header for when to retry, read if there is no `Retry-After`. Default: none.
    /// Example: `{ header: X-Rate-Limit-Retry, unit: unix }`.
    pub retry_after: Option<RetryAfter>,
    /// What identifies the request to the vendor's support: a pointer into the error body, or `{ header: NAME }`. Default:
    /// none. Example: `/request_id`.
    pub request_id: Option<RequestId>,
}

/// Where the vendor's codes are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "CodesForm")]
pub enum Codes {
    /// The first place that has one is used.
    First(Vec<Pointer>),
    /// Every value found is looked up.
    Any(Vec<Pointer>),
}

/// A pointer, a list of them, or `{ any: [POINTER] }`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum CodesForm {
    /// One pointer.
    One(Pointer),
    /// Several, of which the first that finds something is used.
    Many(Vec<Pointer>),
    /// Several, and every value found is looked up.
    Any(AnyCode),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AnyCode {
    /// Pointers to codes, or to lists of them. Example: `[/error, /error_codes]`.
    #[schemars(length(min = 1))]
    any: Vec<Pointer>,
}

impl From<CodesForm> for Codes {
    fn from(form: CodesForm) -> Codes {
        match form {
            CodesForm::One(pointer) => Codes::First(vec![pointer]),
            CodesForm::Many(pointers) => Codes::First(pointers),
            CodesForm::Any(AnyCode { any }) => Codes::Any(any),
        }
    }
}

impl Default for Codes {
    fn default() -> Codes {
        Codes::First(Vec::new())
    }
}

impl Codes {
    /// Returns the places, in order.
    pub fn pointers(&self) -> &[Pointer] {
        match self {
            Codes::First(pointers) | Codes::Any(pointers) => pointers,
        }
    }

    /// Whether every value found is looked up.
    pub fn is_any(&self) -> bool {
        matches!(self, Codes::Any(_))
    }
}

/// A pointer, or several, of which the first that finds something is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "PointersForm")]
pub struct Pointers(pub Vec<Pointer>);

/// A pointer, or a list of them.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum PointersForm {
    /// One pointer.
    One(Pointer),
    /// Several, of which the first that finds something is used.
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

/// A vendor's error code, as a string: codes are compared as strings, numbers too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(from = "CodeForm")]
pub struct Code(pub String);

/// A string or a whole number.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum CodeForm {
    /// A number, such as `4023` or the status `423`.
    Number(i64),
    /// A string, such as `invalid_client`.
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

/// The vendor's own header for when to retry.
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

/// What identifies a request to the vendor's support.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "RequestIdForm")]
pub enum RequestId {
    /// A place in the error body.
    Body(Pointer),
    /// A header of the response.
    Header(String),
}

/// A pointer into the error body, or `{ header: NAME }`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum RequestIdForm {
    /// A place in the error body.
    Body(Pointer),
    /// A header of the response.
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
