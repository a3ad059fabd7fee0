//! The response types that progenitor's operations receive and return.
//!
//! They have the names and signatures of progenitor-client's types, so that the code that progenitor generates compiles
//! unchanged. progenitor-client's own types would need a response that was read to be converted back to reqwest's, and
//! would lose the status and the headers if the body could not be parsed.

use std::fmt;
use std::marker::PhantomData;
use std::time::SystemTime;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, InvalidHeaderValue};

use crate::body::Text;
use crate::body_problem::BodyProblem;
use crate::cause::Cause;
use crate::error::ErrorKind;
use crate::retry_after;
use crate::tokens::Tokens;

/// A response whose body has been read.
pub struct Response {
    pub(crate) head: Head,
    pub(crate) body: Result<Text, BodyProblem>,
}

/// The status and the headers of a response.
pub struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) arrived: SystemTime,
}

/// A success that the spec lists. [`Call::finish`](crate::Call::finish) or [`Outcome`](crate::Outcome) decodes its body as
/// a `T`, because a body that doesn't match the spec may still have tokens.
pub struct ResponseValue<T> {
    pub(crate) response: Response,
    ty: PhantomData<fn() -> T>,
}

/// A success with tokens, for the facade.
#[non_exhaustive]
pub struct Granted<T> {
    /// The tokens.
    pub tokens: Tokens,
    /// The typed body. Its tokens are empty strings, and optional fields that don't match the spec are absent. `None` if a
    /// required field doesn't match, or a key occurs twice.
    pub body: Option<T>,
    /// The places that don't match the spec, without duplicates: a pointer without secrets, or a line and column.
    pub misfits: Vec<String>,
    /// The status and the headers of the response.
    pub head: Head,
}

/// Why an operation did not have a success that the spec lists.
pub enum Error {
    /// A value cannot be encoded; nothing was sent.
    NotSent,
    /// The vendor's response did not arrive completely.
    IncompleteResponse(IncompleteResponse),
    /// Any other status.
    UnexpectedResponse(Response),
}

/// What is known if the vendor's response did not arrive completely.
pub struct IncompleteResponse {
    pub(crate) kind: ErrorKind,
    /// The head of a success whose body did not arrive.
    pub(crate) head: Option<Head>,
    pub(crate) cause: Option<Cause>,
}

impl Response {
    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }
}

impl Head {
    /// Returns the `Date` of the response, which its absolute times are relative to.
    pub fn date(&self) -> Option<SystemTime> {
        retry_after::date(&self.headers)
    }
}

/// Only the status.
impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head").field("status", &self.status).finish_non_exhaustive()
    }
}

impl From<IncompleteResponse> for Error {
    fn from(reason: IncompleteResponse) -> Self {
        Self::IncompleteResponse(reason)
    }
}

impl<T> ResponseValue<T> {
    /// Wraps a success whose body is decoded later. It is async because progenitor's function is.
    ///
    /// # Errors
    ///
    /// Never fails. It returns a `Result` because progenitor's function does.
    pub async fn from_response(response: Response) -> Result<Self, Error> {
        Ok(Self { response, ty: PhantomData })
    }
}

impl ResponseValue<()> {
    /// Wraps a success without a body in the spec. The body is ignored.
    pub fn empty(response: Response) -> Self {
        Self { response, ty: PhantomData }
    }
}

/// A form that cannot be encoded.
impl From<progenitor_client::Error<()>> for Error {
    fn from(_: progenitor_client::Error<()>) -> Self {
        Self::NotSent
    }
}

/// A header value that cannot be sent.
impl From<InvalidHeaderValue> for Error {
    fn from(_: InvalidHeaderValue) -> Self {
        Self::NotSent
    }
}

/// A request that cannot be built. Failures of a request that is sent are [`IncompleteResponse`].
impl From<reqwest::Error> for Error {
    fn from(_: reqwest::Error) -> Self {
        Self::NotSent
    }
}
