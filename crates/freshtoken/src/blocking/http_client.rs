//! The blocking HTTP client.

use std::fmt;
use std::time::Duration;

use freshtoken_wire::{is_loopback, with_transport};
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use reqwest::{Body, ClientBuilder, Method, Request};
use serde::Serialize;

use crate::blocking::response::{Response, done};
use crate::blocking::source::TokenSource;
use crate::http_error::HttpError;

/// The limit of a call, as in `reqwest::blocking`: the caller of a blocked thread cannot cancel it.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An [`HttpClient`](crate::HttpClient) for threads that may block. Clones are cheap and share everything.
///
/// ```no_run
/// # use freshtoken::{HttpError, blocking};
/// # fn example(tokens: blocking::TokenSource) -> Result<(), HttpError> {
/// let api = blocking::HttpClient::new(tokens)?.base_url("https://api.example.com/v1")?;
///
/// let response = api.post("orders").form(&[("article", "1")]).send()?.error_for_status()?;
/// println!("{}", response.text()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HttpClient(crate::HttpClient);

impl HttpClient {
    /// Creates a client. A call may take 30 s, unless it has a [timeout](RequestBuilder::timeout) of its own.
    ///
    /// # Errors
    ///
    /// As [`HttpClient::new`](crate::HttpClient::new).
    pub fn new(tokens: TokenSource) -> Result<Self, HttpError> {
        let builder = with_transport(reqwest::Client::builder().timeout(TIMEOUT));
        Ok(Self(crate::HttpClient::build(builder, tokens.as_async().clone(), is_loopback)?))
    }

    /// Creates a client with custom settings, the timeout included, of reqwest's async builder: see
    /// [`HttpClient::from_builder`](crate::HttpClient::from_builder).
    ///
    /// # Errors
    ///
    /// As [`HttpClient::from_builder`](crate::HttpClient::from_builder).
    pub fn from_builder(builder: ClientBuilder, tokens: TokenSource) -> Result<Self, HttpError> {
        Ok(Self(crate::HttpClient::from_builder(builder, tokens.as_async().clone())?))
    }

    /// Names the API: see [`HttpClient::base_url`](crate::HttpClient::base_url).
    ///
    /// # Errors
    ///
    /// As [`HttpClient::base_url`](crate::HttpClient::base_url).
    pub fn base_url(self, url: impl AsRef<str>) -> Result<Self, HttpError> {
        Ok(Self(self.0.base_url(url)?))
    }

    /// Lets the token go to one more origin: see [`HttpClient::allow_origin`](crate::HttpClient::allow_origin).
    ///
    /// # Errors
    ///
    /// As [`HttpClient::allow_origin`](crate::HttpClient::allow_origin).
    pub fn allow_origin(self, url: impl AsRef<str>) -> Result<Self, HttpError> {
        Ok(Self(self.0.allow_origin(url)?))
    }

    /// Returns a client with the same connections and the tokens of another account.
    pub fn with_tokens(&self, tokens: TokenSource) -> Self {
        Self(self.0.with_tokens(tokens.as_async().clone()))
    }

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
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> RequestBuilder {
        RequestBuilder(self.0.request(method, url))
    }

    /// Sends a request with a fresh token, and waits for the response.
    ///
    /// # Errors
    ///
    /// As [`RequestBuilder::send`].
    pub fn execute(&self, request: Request) -> Result<Response, HttpError> {
        let api = self.0.clone();
        done(async move { api.execute(request).await }).map(Response::new)
    }

    /// Returns the token source.
    pub fn tokens(&self) -> TokenSource {
        self.0.tokens().clone().into()
    }
}

/// Builds a call of an [`HttpClient`], and [`send`](RequestBuilder::send)s it. The methods are those of the async
/// [`RequestBuilder`](crate::RequestBuilder).
#[must_use = "a call is not sent before `send`"]
pub struct RequestBuilder(crate::RequestBuilder);

impl RequestBuilder {
    fn map(self, change: impl FnOnce(crate::RequestBuilder) -> crate::RequestBuilder) -> Self {
        Self(change(self.0))
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

    /// Sets the body: a string or bytes.
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

    /// Lets the token of this call go to one more origin: see
    /// [`RequestBuilder::allow_origin`](crate::RequestBuilder::allow_origin).
    pub fn allow_origin(self, url: impl Into<String>) -> Self {
        self.map(|inner| inner.allow_origin(url))
    }

    /// Returns a copy, or `None` if the body is a stream.
    pub fn try_clone(&self) -> Option<Self> {
        self.0.try_clone().map(Self)
    }

    /// Returns the request, which has no token yet, for [`HttpClient::execute`].
    ///
    /// # Errors
    ///
    /// [`HttpError::Http`] if the URL, a header or the body is invalid.
    pub fn build(self) -> Result<Request, HttpError> {
        self.0.build()
    }

    /// Sends the call with a fresh token, and waits for the response. After a 401, the call is sent once more with a new token:
    /// see [`HttpClient`](crate::HttpClient).
    ///
    /// # Errors
    ///
    /// See [`HttpError`]. A response is not an error, whatever its status.
    pub fn send(self) -> Result<Response, HttpError> {
        done(self.0.send()).map(Response::new)
    }
}

/// Prints no header, URL or body.
impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
