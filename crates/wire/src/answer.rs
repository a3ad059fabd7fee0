//! What came of a request: what progenitor's operations get, and what they give on.
//!
//! In names and forms it is progenitor-client's, so that what an operation does with an answer stays as progenitor writes
//! it. Around progenitor-client's own, an answer that has been read would have to be made one of reqwest's again, and
//! where its body doesn't parse, status and headers would be lost.

use std::fmt;
use std::time::SystemTime;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, InvalidHeaderValue};
use serde::de::DeserializeOwned;

use crate::cause::Cause;
use crate::{BodyProblem, ErrorKind, retry_after};

/// An answer that has been read.
pub struct Response {
    pub(crate) head: Head,
    /// Without a byte order mark, which serde_json would refuse.
    pub(crate) body: Result<Vec<u8>, BodyProblem>,
}

/// What an answer says beside its body.
pub struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) arrived: SystemTime,
}

/// A success that the spec lists. Of the body nothing is kept: there is no second copy of a token.
pub struct ResponseValue<T> {
    pub(crate) value: T,
    pub(crate) head: Head,
}

/// Why an operation has no success that the spec lists.
pub enum Error {
    /// A value can't be encoded, so nothing was sent.
    NotSent,
    /// There is no whole answer, or it is none of the vendor's.
    Unanswered(Unanswered),
    /// A success whose body isn't the type's.
    InvalidResponsePayload(Head, BodyProblem),
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

impl<T: DeserializeOwned> ResponseValue<T> {
    /// The typed body. It waits for nothing, but progenitor's does.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidResponsePayload`]
    pub async fn from_response(Response { head, body }: Response) -> Result<Self, Error> {
        let value =
            body.and_then(|body| serde_json::from_slice(&body).map_err(|error| BodyProblem::of_json(&body, &error)));
        match value {
            Ok(value) => Ok(Self { value, head }),
            Err(problem) => Err(Error::InvalidResponsePayload(head, problem)),
        }
    }
}

impl ResponseValue<()> {
    /// Of a success that says nothing, whatever its body.
    pub fn empty(response: Response) -> Self {
        Self { value: (), head: response.head }
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
