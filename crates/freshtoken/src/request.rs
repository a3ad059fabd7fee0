//! A call in preparation: reqwest's builder, whose `send` adds the token.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Version};
use reqwest::{Body, Method, Request, Response};
use serde::Serialize;

use crate::http_client::HttpClient;
use crate::http_error::HttpError;

impl HttpClient {
    /// Starts a `GET`, to be sent with [`send`](RequestBuilder::send).
    pub fn get(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Starts a `POST`, to be sent with [`send`](RequestBuilder::send).
    pub fn post(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Starts a `PUT`, to be sent with [`send`](RequestBuilder::send).
    pub fn put(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Starts a `PATCH`, to be sent with [`send`](RequestBuilder::send).
    pub fn patch(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// Starts a `DELETE`, to be sent with [`send`](RequestBuilder::send).
    pub fn delete(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Starts a `HEAD`, to be sent with [`send`](RequestBuilder::send).
    pub fn head(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Starts a request with any method, to be sent with [`send`](RequestBuilder::send).
    ///
    /// The URL is absolute, or a path below the [base URL](HttpClient::base_url).
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> RequestBuilder {
        let url = self.origins.join(url.as_ref());
        RequestBuilder::new(self.clone(), self.http.request(method, &*url))
    }

    /// Sends a call that another builder made, such as reqwest's, with a fresh token. It is always sent through this client.
    ///
    /// # Errors
    ///
    /// As [`RequestBuilder::send`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(api: freshtoken::HttpClient, http: reqwest::Client) -> Result<(), freshtoken::HttpError> {
    /// let response = api.send(http.get("https://api.example.com/orders")).await?;
    /// # let _ = response;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send(&self, call: impl Into<Sendable>) -> Result<Response, HttpError> {
        let Sendable { request, allowed } = call.into();
        self.execute_to(request?, allowed.as_deref()).await
    }
}

/// Builds a call of an [`HttpClient`], and [`send`](RequestBuilder::send)s it. The methods are those of
/// [`reqwest::RequestBuilder`].
///
/// ```no_run
/// # use freshtoken::{HttpClient, HttpError};
/// # async fn example(api: HttpClient) -> Result<(), HttpError> {
/// let call = api.get("orders").query(&[("limit", "10")]);
/// let response = call.header("accept", "application/json").send().await?;
/// # let _ = response;
/// # Ok(())
/// # }
/// ```
#[must_use = "a call is not sent before `send`"]
pub struct RequestBuilder {
    api: HttpClient,
    inner: reqwest::RequestBuilder,
    /// A URL whose origin the call may go to as well.
    allowed: Option<String>,
}

impl RequestBuilder {
    pub(crate) fn new(api: HttpClient, inner: reqwest::RequestBuilder) -> Self {
        Self { api, inner, allowed: None }
    }

    fn map(self, change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder) -> Self {
        Self { inner: change(self.inner), ..self }
    }

    /// Adds a header. The token replaces a header of the same name.
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        HeaderName: TryFrom<K>,
        <HeaderName as TryFrom<K>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.map(|inner| inner.header(name, value))
    }

    /// Sets these headers, and replaces existing ones of the same names. The token replaces a header of the same name.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.map(|inner| inner.headers(headers))
    }

    /// Sets HTTP Basic authentication. A token in `authorization` replaces it.
    pub fn basic_auth(self, user: impl fmt::Display, password: Option<impl fmt::Display>) -> Self {
        self.map(|inner| inner.basic_auth(user, password))
    }

    /// Sets another bearer token. A token in `authorization` replaces it.
    pub fn bearer_auth(self, token: impl fmt::Display) -> Self {
        self.map(|inner| inner.bearer_auth(token))
    }

    /// Adds parameters to the URL's query.
    pub fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        self.map(|inner| inner.query(query))
    }

    /// Sets the body to a form.
    pub fn form<T: Serialize + ?Sized>(self, form: &T) -> Self {
        self.map(|inner| inner.form(form))
    }

    /// Sets the body to JSON.
    pub fn json<T: Serialize + ?Sized>(self, json: &T) -> Self {
        self.map(|inner| inner.json(json))
    }

    /// Sets the body. A stream is sent once: after a 401, the call is not repeated.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.map(|inner| inner.body(body))
    }

    /// Sets the timeout of each attempt, instead of the client's. Waiting for a token is not included.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map(|inner| inner.timeout(timeout))
    }

    /// Sets the HTTP version.
    pub fn version(self, version: Version) -> Self {
        self.map(|inner| inner.version(version))
    }

    /// Lets the token of this call go to the origin of this URL (scheme, host and port), although the client does not.
    ///
    /// ```no_run
    /// # use freshtoken::{HttpClient, HttpError};
    /// # async fn example(api: HttpClient) -> Result<(), HttpError> {
    /// let file = "https://files.example.com/report.pdf";
    /// let response = api.get(file).allow_origin("https://files.example.com").send().await?;
    /// # let _ = response;
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_origin(mut self, url: impl Into<String>) -> Self {
        self.allowed = Some(url.into());
        self
    }

    /// Returns a copy, or `None` if the body is a stream.
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self { api: self.api.clone(), inner: self.inner.try_clone()?, allowed: self.allowed.clone() })
    }

    /// Returns the request without a token, for [`HttpClient::execute`]. The origin of
    /// [`allow_origin`](RequestBuilder::allow_origin) is not a part of it.
    ///
    /// # Errors
    ///
    /// [`HttpError::Http`] if the URL, a header or the body is invalid.
    pub fn build(self) -> Result<Request, HttpError> {
        Ok(self.inner.build()?)
    }

    /// Sends the call with a fresh token. See [`HttpClient`] for what happens after a 401.
    ///
    /// # Errors
    ///
    /// See [`HttpError`]. A response is not an error, whatever its status. If a 401 needs a new token and there is none, the
    /// error is [`HttpError::Token`], which says what to do.
    pub async fn send(self) -> Result<Response, HttpError> {
        self.api.execute_to(self.inner.build()?, self.allowed.as_deref()).await
    }
}

/// Prints no header, URL or body.
impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder").finish_non_exhaustive()
    }
}

/// The argument of [`HttpClient::send`]: a [`RequestBuilder`] of any client, a [`reqwest::RequestBuilder`], or a [`Request`].
pub struct Sendable {
    pub(crate) request: reqwest::Result<Request>,
    pub(crate) allowed: Option<String>,
}

impl From<RequestBuilder> for Sendable {
    fn from(call: RequestBuilder) -> Self {
        Self { request: call.inner.build(), allowed: call.allowed }
    }
}

impl From<reqwest::RequestBuilder> for Sendable {
    fn from(call: reqwest::RequestBuilder) -> Self {
        Self { request: call.build(), allowed: None }
    }
}

impl From<Request> for Sendable {
    fn from(request: Request) -> Self {
        Self { request: Ok(request), allowed: None }
    }
}

/// Prints no header, URL or body.
impl fmt::Debug for Sendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sendable").finish_non_exhaustive()
    }
}
