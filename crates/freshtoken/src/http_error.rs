//! The error of a call through [`HttpClient`](crate::HttpClient).

use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use freshtoken_wire::{Cause, NO_CERTIFICATES, lacks_certificates, write_chain};
use reqwest::Url;

use crate::error::Error;

/// Why a call has no response.
///
/// No message, including those of its sources, contains a token or more of a URL than scheme, host and port. `{:#}` and `{:?}`
/// print it with its causes, on one line.
///
/// ```no_run
/// # async fn example(api: freshtoken::HttpClient) {
/// use freshtoken::HttpError;
///
/// match api.get("orders").send().await {
///     Ok(response) => println!("{}", response.status()),
///     Err(HttpError::Token(error)) => eprintln!("no token: {error:#}"),
///     Err(error) if error.is_transient() => eprintln!("try again later: {error:#}"),
///     Err(error) => eprintln!("{error:#}"),
/// }
/// # }
/// ```
#[non_exhaustive]
pub enum HttpError {
    /// There is no token. Either the call was not sent, or it got a 401 and there is no new token.
    Token(Error),
    /// The call could not be sent, or its response did not arrive. The server may have processed it, unless the client
    /// [could not connect](reqwest::Error::is_connect) or [could not build the call](reqwest::Error::is_builder).
    ///
    /// Errors of reading a response, and of [`error_for_status`](reqwest::Response::error_for_status), convert to this with
    /// `?`.
    Http(TransportError),
    /// The HTTP client cannot be built now: the system has no CA certificates, or they cannot be read.
    Client(TransportError),
    /// The URL is `http://` and its host is not loopback, which would send the token unencrypted. Nothing was sent: use
    /// `https://`.
    PlainHttp,
    /// The token may not go to this origin: neither the client nor the call names it. Nothing was sent. See
    /// [`HttpClient::base_url`](crate::HttpClient::base_url).
    ForeignOrigin(String),
    /// A base URL or an origin is not an absolute `https://` URL, or has a user, a query or a fragment.
    BaseUrl,
    /// A blocking method was called from async code, whose other tasks it would stop. Use the async
    /// [`HttpClient`](crate::HttpClient) there, or `tokio::task::spawn_blocking`.
    AsyncContext,
    /// The thread of the blocking API cannot be started.
    NoThread,
}

impl HttpError {
    /// Returns whether a later try may work without any change. The server may have processed the call anyway.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Token(error) => error.is_transient(),
            Self::Http(error) => match error.status() {
                Some(status) => matches!(status.as_u16(), 408 | 425 | 429 | 500..=599),
                None => error.is_timeout() || error.is_connect() || error.is_request() || error.is_body(),
            },
            Self::Client(_) | Self::NoThread => true,
            Self::PlainHttp | Self::ForeignOrigin(_) | Self::BaseUrl | Self::AsyncContext => false,
        }
    }

    /// Returns how long the source requests no token. Until then, calls get this error again at once.
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
            Self::ForeignOrigin(_) => {
                "nothing sent: the token may not go to this origin; name it with base_url or allow_origin"
            }
            Self::AsyncContext => "async code must not block: await the async HttpClient instead",
            Self::NoThread => "the thread of the blocking API cannot be started",
            Self::BaseUrl => {
                "a base URL or an origin is invalid: write an absolute https:// URL without user, query and fragment"
            }
        }
    }
}

/// Prints the message. `{:#}` adds the causes, on one line.
impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return write_chain(f, self);
        }
        f.write_str(self.message())?;
        match self {
            Self::Client(error) if lacks_certificates(&error.error) => write!(f, ": {NO_CERTIFICATES}"),
            Self::ForeignOrigin(origin) => write!(f, ": {origin}"),
            _ => Ok(()),
        }
    }
}

/// Prints the message and its causes on one line, as `main` does for an error that it returns.
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
            _ => None,
        }
    }
}

impl From<Error> for HttpError {
    fn from(error: Error) -> Self {
        Self::Token(error)
    }
}

/// Drops everything from the URL but scheme, host and port.
impl From<reqwest::Error> for HttpError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(TransportError::new(error))
    }
}

/// A [`reqwest::Error`] whose messages are safe to print: they consist of known phrases and the origin of the URL.
///
/// It dereferences to the [`reqwest::Error`], for methods such as [`reqwest::Error::is_timeout`].
pub struct TransportError {
    error: reqwest::Error,
    cause: Cause,
}

impl TransportError {
    pub(crate) fn new(error: reqwest::Error) -> Self {
        Self { cause: Cause::of(&error), error: without_path(error) }
    }

    /// Returns the original error. Its messages, and those of its sources, can quote what a server sent.
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

/// Prints the message. `{:#}` adds the causes, on one line.
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

/// Prints the message and its causes on one line.
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

/// Reduces the error's URL to its origin, because paths and queries can contain secrets.
pub(crate) fn without_path(error: reqwest::Error) -> reqwest::Error {
    let origin = error.url().and_then(|url| Url::parse(&url.origin().ascii_serialization()).ok());
    match origin {
        Some(origin) => error.with_url(origin),
        None => error.without_url(),
    }
}
