//! The keywords of `x-token` that say what the vendor's error codes mean.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::read::x_token::values::Pointer;

/// What the vendor's errors mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Errors {
    /// Where the vendor's machine-readable code is: a pointer into the error body, or several, of which the first that
    /// finds a string or a number is used. Default: none. Example: `[/error, /errorCode]`.
    #[serde(default)]
    pub code: Pointers,
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
    /// The vendor's own header for when to retry, read if there is no `Retry-After`. Default: none.
    /// Example: `{ header: X-Rate-Limit-Retry, unit: unix }`.
    pub retry_after: Option<RetryAfter>,
    /// What identifies the request to the vendor's support: a pointer into the error body, or `{ header: NAME }`. Default:
    /// none. Example: `/request_id`.
    pub request_id: Option<RequestId>,
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

impl Pointers {
    /// Iterates in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Pointer> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
