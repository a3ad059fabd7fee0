//! Why a call has no response.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use freshtoken_wire::{Cause, NO_CERTIFICATES, lacks_certificates, write_chain};
use reqwest::Url;

use crate::error::Error;

/// Why a call has no response.
///
/// No text of it, or of its sources, has a token, or more of a URL than scheme, host and port. `{:#}` and `{:?}` print it with
/// its causes, on one line.
#[non_exhaustive]
pub enum HttpError {
    /// There is no token; the call wasn't sent, or got a 401 that only another token could help.
    Token(Error),
    /// The call couldn't be sent, or its response didn't arrive. Unless it [can't connect](reqwest::Error::is_connect) or
    /// [isn't a call](reqwest::Error::is_builder), the server may have acted on it.
    ///
    /// With `?` it also takes the errors of reading a response, and of
    /// [`error_for_status`](reqwest::Response::error_for_status).
    Http(TransportError),
    /// The HTTP client can't be built now: the system has no CA certificates, or they can't be read.
    Client(TransportError),
    /// The URL is `http://` to a host that isn't loopback, which would send the token in the clear. Nothing was sent: use
    /// `https://`.
    PlainHttp,
}

impl HttpError {
    /// Whether the call may work later without any change. It doesn't say that the server hasn't acted on it.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Token(error) => error.is_transient(),
            Self::Http(error) => match error.status() {
                Some(status) => matches!(status.as_u16(), 408 | 425 | 429 | 500..=599),
                None => error.is_timeout() || error.is_connect() || error.is_request() || error.is_body(),
            },
            Self::Client(_) => true,
            Self::PlainHttp => false,
        }
    }

    /// How long no token will be asked for: an earlier call gets this error again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Token(error) => error.retry_after(),
            _ => None,
        }
    }

    fn message(&self) -> &'static str {
        match self {
            Self::Token(_) => "cannot send the call: no token",
            Self::Http(error) if error.is_builder() => "cannot send the call: check its URL, headers and body",
            Self::Http(error) if error.is_connect() => {
                "cannot connect: check the network, the proxy, the host name and the certificate"
            }
            Self::Http(error) if error.is_timeout() => {
                "timed out before the response was complete; the server may have processed the call"
            }
            Self::Http(error) if error.is_status() => "the server responded with an error status",
            Self::Http(error) if error.is_decode() => "cannot decode the response",
            Self::Http(_) => "the connection broke; the server may have processed the call",
            Self::Client(_) => "the HTTP client cannot be built",
            Self::PlainHttp => "http:// would expose the token on the network; use https:// for all hosts but loopback",
        }
    }
}

/// The message; `{:#}` adds the causes, on one line.
impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return write_chain(f, self);
        }
        f.write_str(self.message())?;
        match self {
            Self::Client(error) if lacks_certificates(&error.error) => write!(f, ": {NO_CERTIFICATES}"),
            _ => Ok(()),
        }
    }
}

/// The message and its causes, on one line: it is what `main` prints of an error.
impl fmt::Debug for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_chain(f, self)
    }
}

impl StdError for HttpError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Token(error) => Some(error),
            Self::Http(error) | Self::Client(error) => Some(error),
            Self::PlainHttp => None,
        }
    }
}

impl From<Error> for HttpError {
    fn from(error: Error) -> Self {
        Self::Token(error)
    }
}

/// What its URL has beyond scheme, host and port goes.
impl From<reqwest::Error> for HttpError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(TransportError::new(error))
    }
}

/// A [`reqwest::Error`] whose texts are safe to print: they consist of known messages, and the origin of its URL. Whatever
/// else it knows is behind `Deref`, such as [`reqwest::Error::is_timeout`].
pub struct TransportError {
    error: reqwest::Error,
    cause: Cause,
}

impl TransportError {
    pub(crate) fn new(error: reqwest::Error) -> Self {
        Self { cause: Cause::of(&error), error: without_path(error) }
    }

    /// Returns reqwest's own error. Its texts, and those of its sources, can quote what a server sent.
    pub fn into_inner(self) -> reqwest::Error {
        self.error
    }
}

impl Deref for TransportError {
    type Target = reqwest::Error;

    fn deref(&self) -> &reqwest::Error {
        &self.error
    }
}

/// The message; `{:#}` adds the causes, on one line.
impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return write_chain(f, self);
        }
        write!(f, "{}", self.cause)?;
        match self.error.url() {
            // An origin only.
            Some(url) => write!(f, " for {url}"),
            None => Ok(()),
        }
    }
}

/// The message and its causes, on one line.
impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_chain(f, self)
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.source()
    }
}

/// The error with the origin of its URL for a URL: paths and queries can hold secrets.
pub(crate) fn without_path(error: reqwest::Error) -> reqwest::Error {
    let origin = error.url().and_then(|url| Url::parse(&url.origin().ascii_serialization()).ok());
    match origin {
        Some(origin) => error.with_url(origin),
        None => error.without_url(),
    }
}
