//! What came of a request: what progenitor's operations get, and what they give on.
//!
//! In names and forms it is progenitor-client's, so that what an operation does with an answer stays as progenitor writes
//! it. Around progenitor-client's own, an answer that has been read would have to be made one of reqwest's again, and
//! where its body doesn't parse, status and headers would be lost.

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

/// An answer that has been read.
pub struct Response {
    pub(crate) head: Head,
    pub(crate) body: Result<Text, BodyProblem>,
}

/// What an answer says beside its body.
pub struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) arrived: SystemTime,
}

/// A success that the spec lists, whose body is decoded as a `T` by [`Call::finish`](crate::Call::finish) or
/// [`Answered`](crate::Answered): what doesn't fit may still have tokens.
pub struct ResponseValue<T> {
    pub(crate) response: Response,
    ty: PhantomData<fn() -> T>,
}

/// A success with tokens, for the facade.
#[non_exhaustive]
pub struct Granted<T> {
    /// The tokens.
    pub tokens: Tokens,
    /// The typed body, whose tokens are empty: a misfitting optional field is absent. None where a required field doesn't
    /// fit, or a key comes twice.
    pub body: Option<T>,
    /// What isn't as the spec says, each once: a pointer that holds no secret, or a line and column.
    pub misfits: Vec<String>,
    /// The rest of the response.
    pub head: Head,
}

/// Why an operation has no success that the spec lists.
pub enum Error {
    /// A value can't be encoded, so nothing was sent.
    NotSent,
    /// There is no whole answer, or it is none of the vendor's.
    Unanswered(Unanswered),
    /// Any other status.
    UnexpectedResponse(Response),
}

/// What is known where there is no whole answer.
pub struct Unanswered {
    pub(crate) kind: ErrorKind,
    /// Of a success whose body didn't arrive.
    pub(crate) head: Option<Head>,
    pub(crate) cause: Option<Cause>,
}

impl Response {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }
}

impl Head {
    /// The `Date` of the answer, against which its absolute times are measured.
    pub fn date(&self) -> Option<SystemTime> {
        retry_after::date(&self.headers)
    }
}

/// The status alone.
impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head").field("status", &self.status).finish_non_exhaustive()
    }
}

impl From<Unanswered> for Error {
    fn from(unanswered: Unanswered) -> Self {
        Self::Unanswered(unanswered)
    }
}

impl<T> ResponseValue<T> {
    /// Of a success whose body is read later. It waits for nothing, but progenitor's does.
    ///
    /// # Errors
    ///
    /// None, but progenitor's has some.
    pub async fn from_response(response: Response) -> Result<Self, Error> {
        Ok(Self { response, ty: PhantomData })
    }
}

impl ResponseValue<()> {
    /// Of a success that says nothing, whatever its body.
    pub fn empty(response: Response) -> Self {
        Self { response, ty: PhantomData }
    }
}

/// Of a form that can't be encoded.
impl From<progenitor_client::Error<()>> for Error {
    fn from(_: progenitor_client::Error<()>) -> Self {
        Self::NotSent
    }
}

/// Of a header's value that can't be sent.
impl From<InvalidHeaderValue> for Error {
    fn from(_: InvalidHeaderValue) -> Self {
        Self::NotSent
    }
}

/// Of a request that can't be put together. What happens to one that is sent is [`Unanswered`].
impl From<reqwest::Error> for Error {
    fn from(_: reqwest::Error) -> Self {
        Self::NotSent
    }
}
