//! The response to a blocking call.

use std::fmt;
use std::future::Future;
use std::io::{self, Cursor, Read};
use std::mem;

use http::{HeaderMap, StatusCode, Version};
use reqwest::Url;
use serde::de::DeserializeOwned;

use crate::blocking::thread::{CannotWait, wait};
use crate::http_error::HttpError;

/// Runs a call, or the reading of a response, on the background thread.
pub(super) fn done<T, E>(future: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, HttpError>
where
    T: Send + 'static,
    E: Into<HttpError> + Send + 'static,
{
    match wait(future) {
        Ok(result) => result.map_err(Into::into),
        Err(CannotWait::AsyncContext) => Err(HttpError::AsyncContext),
        Err(CannotWait::NoThread) => Err(HttpError::NoThread),
    }
}

/// The response to a call. Its body is read when it is asked for: as text, JSON or bytes, or with [`Read`].
///
/// ```no_run
/// # use freshtoken::{HttpError, blocking};
/// # fn example(api: blocking::HttpClient) -> Result<(), Box<dyn std::error::Error>> {
/// let mut response = api.get("report.csv").send()?.error_for_status()?;
/// std::io::copy(&mut response, &mut std::fs::File::create("report.csv")?)?;
/// # Ok(())
/// # }
/// ```
pub struct Response {
    inner: reqwest::Response,
    /// What `read` has received and not yet returned.
    rest: Cursor<Vec<u8>>,
}

impl Response {
    pub(super) fn new(inner: reqwest::Response) -> Self {
        Self { inner, rest: Cursor::default() }
    }

    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.inner.status()
    }

    /// Returns the headers.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// Returns the HTTP version.
    pub fn version(&self) -> Version {
        self.inner.version()
    }

    /// Returns the URL, after redirects.
    pub fn url(&self) -> &Url {
        self.inner.url()
    }

    /// Returns the length of the body, if the server has sent it.
    pub fn content_length(&self) -> Option<u64> {
        self.inner.content_length()
    }

    /// Turns a 4xx and a 5xx into an error.
    ///
    /// # Errors
    ///
    /// [`HttpError::Http`], whose [`status`](reqwest::Error::status) is the response's.
    pub fn error_for_status(self) -> Result<Self, HttpError> {
        Ok(Self { inner: self.inner.error_for_status()?, rest: self.rest })
    }

    /// Reads the body as text.
    ///
    /// # Errors
    ///
    /// [`HttpError::Http`] if it does not arrive completely, and [`HttpError::AsyncContext`].
    pub fn text(self) -> Result<String, HttpError> {
        done(self.inner.text())
    }

    /// Reads the body as bytes.
    ///
    /// # Errors
    ///
    /// As [`Response::text`].
    pub fn bytes(self) -> Result<Vec<u8>, HttpError> {
        done(self.inner.bytes()).map(Vec::from)
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// As [`Response::text`], and if it is not the expected JSON.
    pub fn json<T: DeserializeOwned + Send + 'static>(self) -> Result<T, HttpError> {
        done(self.inner.json())
    }

    /// Returns the async response.
    pub fn into_async(self) -> reqwest::Response {
        self.inner
    }

    /// Receives the next part of the body; `None`: it is complete.
    fn chunk(&mut self) -> Result<Option<Vec<u8>>, HttpError> {
        // The background thread gets the response, and sends it back with what it received.
        let mut inner = mem::replace(&mut self.inner, http::Response::new("").into());
        let read = async move {
            let chunk = inner.chunk().await;
            Ok::<_, HttpError>((inner, chunk))
        };
        let (inner, chunk) = done(read)?;
        self.inner = inner;
        Ok(chunk?.map(Vec::from))
    }
}

impl Read for Response {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.rest.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.chunk().map_err(io::Error::other)? {
                Some(chunk) => self.rest = Cursor::new(chunk),
                None => return Ok(0),
            }
        }
    }
}

/// Prints the status, and no header, URL or body.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status()).finish_non_exhaustive()
    }
}
