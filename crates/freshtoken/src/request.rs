//! A call that is being put together: reqwest's builder, whose `send` adds the token.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Version};
use reqwest::{Body, Request, Response};
use serde::Serialize;

use crate::http_client::HttpClient;
use crate::http_error::HttpError;

/// A call of an [`HttpClient`], to fill and to [`send`](RequestBuilder::send). Its methods are those of
/// [`reqwest::RequestBuilder`].
///
/// ```no_run
/// # use freshtoken::{HttpClient, HttpError};
/// # async fn example(api: HttpClient) -> Result<(), HttpError> {
/// let call = api.get("https://api.example.com/orders").query(&[("limit", "10")]);
/// let response = call.header("accept", "application/json").send().await?;
/// # let _ = response;
/// # Ok(())
/// # }
/// ```
#[must_use = "a call is not sent before `send`"]
pub struct RequestBuilder {
    api: HttpClient,
    inner: reqwest::RequestBuilder,
}

impl RequestBuilder {
    pub(crate) fn new(api: HttpClient, inner: reqwest::RequestBuilder) -> Self {
        Self { api, inner }
    }

    fn map(self, change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder) -> Self {
        Self { api: self.api, inner: change(self.inner) }
    }

    /// Adds a header. The token replaces one of its own name.
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        HeaderName: TryFrom<K>,
        <HeaderName as TryFrom<K>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.map(|inner| inner.header(name, value))
    }

    /// Sets these headers, in place of those of the same names. The token replaces one of its own name.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.map(|inner| inner.headers(headers))
    }

    /// Sets HTTP Basic. The token replaces it where it is in `authorization` too.
    pub fn basic_auth(self, user: impl fmt::Display, password: Option<impl fmt::Display>) -> Self {
        self.map(|inner| inner.basic_auth(user, password))
    }

    /// Sets another bearer token. The token replaces it where it is in `authorization` too.
    pub fn bearer_auth(self, token: impl fmt::Display) -> Self {
        self.map(|inner| inner.bearer_auth(token))
    }

    /// Adds to the query of the URL.
    pub fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        self.map(|inner| inner.query(query))
    }

    /// Sets a form as the body.
    pub fn form<T: Serialize + ?Sized>(self, form: &T) -> Self {
        self.map(|inner| inner.form(form))
    }

    /// Sets JSON as the body.
    pub fn json<T: Serialize + ?Sized>(self, json: &T) -> Self {
        self.map(|inner| inner.json(json))
    }

    /// Sets the body. One that is a stream is sent once: after a 401, the call is not repeated.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.map(|inner| inner.body(body))
    }

    /// Sets how long one sending may take, in place of the client's time-out. Waiting for a token is not part of it.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map(|inner| inner.timeout(timeout))
    }

    /// Sets the version of HTTP.
    pub fn version(self, version: Version) -> Self {
        self.map(|inner| inner.version(version))
    }

    /// Returns a copy, unless the body is a stream.
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self { api: self.api.clone(), inner: self.inner.try_clone()? })
    }

    /// Returns the request, which has no token yet, for [`HttpClient::execute`].
    ///
    /// # Errors
    ///
    /// [`HttpError::Http`] where the URL, a header or the body is wrong.
    pub fn build(self) -> Result<Request, HttpError> {
        Ok(self.inner.build()?)
    }

    /// Sends the call with a fresh token. See [`HttpClient`] for what follows a 401.
    ///
    /// # Errors
    ///
    /// See [`HttpError`]; a response is none, whatever its status. Where a 401 asks for a new token and there is none to be
    /// had, it is [`HttpError::Token`], which says what to do.
    pub async fn send(self) -> Result<Response, HttpError> {
        self.api.execute(self.inner.build()?).await
    }
}

/// No header, URL or body.
impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder").finish_non_exhaustive()
    }
}

/// What [`HttpClient::send`] takes: a [`RequestBuilder`] of any client, one of reqwest's, or a [`Request`].
pub struct Sendable(pub(crate) reqwest::Result<Request>);

impl From<RequestBuilder> for Sendable {
    fn from(call: RequestBuilder) -> Self {
        Self(call.inner.build())
    }
}

impl From<reqwest::RequestBuilder> for Sendable {
    fn from(call: reqwest::RequestBuilder) -> Self {
        Self(call.build())
    }
}

impl From<Request> for Sendable {
    fn from(request: Request) -> Self {
        Self(Ok(request))
    }
}

/// No header, URL or body.
impl fmt::Debug for Sendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sendable").finish_non_exhaustive()
    }
}
