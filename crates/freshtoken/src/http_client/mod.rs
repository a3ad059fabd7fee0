//! An HTTP client whose calls carry a fresh token: reqwest's client, plus what a token needs.
//!
//! It is not for token requests, which `freshtoken-wire` sends. Timeouts, retries and the body of a call stay reqwest's job.

pub(crate) mod call;
pub(crate) mod origins;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use freshtoken_wire::{is_loopback, is_loopback_address, with_transport};
use reqwest::{ClientBuilder, Request, Response, Url};

use self::call::{Call, check_plain, redirect_policy};
use self::origins::Origins;
use crate::http_error::{HttpError, TransportError};
use crate::source::TokenSource;

/// A [`reqwest::Client`] whose calls carry a fresh token. Clones are cheap and share everything.
///
/// A call is built and [sent](crate::RequestBuilder::send) as with reqwest:
///
/// ```no_run
/// # use freshtoken::{HttpClient, HttpError, TokenSource, Vendor};
/// # async fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) -> Result<(), HttpError> {
/// let api = HttpClient::new(TokenSource::new(endpoint, credentials))?.base_url("https://api.example.com/v1")?;
///
/// let order = [("article", "1")];
/// let response = api.post("orders").form(&order).send().await?.error_for_status()?;
/// println!("{}", response.text().await?);
/// # Ok(())
/// # }
/// ```
///
/// - **After a 401**, the token is renewed, once for all calls that carried it, and the call is sent once more with the new
///   token. The 401 is returned if that cannot help:
///   - at the second 401;
///   - if the token came from a renewal after a 401 and never worked: see [`TokenSource::rejected`];
///   - if `WWW-Authenticate` says `insufficient_scope`;
///   - if the body is a stream, which was consumed;
///   - after a redirect of a `POST` or `PATCH`, which the server may have processed before it redirected.
/// - **Any other response** is returned unchanged. Only a call without a response is an error.
/// - **The token goes to the origins that you name only**: with [`base_url`](HttpClient::base_url) and
///   [`allow_origin`](HttpClient::allow_origin), or [for one call](crate::RequestBuilder::allow_origin). An absolute URL in a
///   response, or one that a user passes in, cannot take it elsewhere: such a call fails and sends nothing. If the vendor's calls
///   go to the server that issues its tokens, as with Zenoti, that server is the base URL from the start.
/// - **A redirect is followed within the requested origin only**: see [`redirect_policy`](crate::redirect_policy). Over plain
///   `http://` the token goes to loopback only, and not through a proxy of the environment. Names below `localhost` are this
///   machine, whatever the system's resolver says. With a [custom builder](HttpClient::from_builder), name resolution and proxies
///   are the builder's; plain `http://` is then allowed for loopback addresses and `localhost` only.
/// - **Headers**: the token's headers replace the call's headers of the same names, and a user and password in the URL.
/// - **Many accounts** have one client each, and all share one connection pool: [`with_tokens`](HttpClient::with_tokens).
/// - **Timeouts** of a call are reqwest's, and start anew each time the call is sent. Waiting for a token does not count.
#[derive(Clone)]
pub struct HttpClient {
    pub(crate) http: reqwest::Client,
    tokens: TokenSource,
    /// Which hosts plain HTTP is allowed for.
    is_loopback: fn(&Url) -> bool,
    pub(crate) origins: Arc<Origins>,
}

impl HttpClient {
    /// Creates a client with the settings of [`reqwest::Client::new`], except for redirects and for calls to this machine.
    ///
    /// # Errors
    ///
    /// [`HttpError::Client`] if TLS cannot be set up now, because of missing CA certificates for example.
    pub fn new(tokens: TokenSource) -> Result<Self, HttpError> {
        Self::build(with_transport(reqwest::Client::builder()), tokens, is_loopback)
    }

    /// Creates a client with custom settings, except for redirects, which always follow
    /// [`redirect_policy`](crate::redirect_policy).
    ///
    /// # Errors
    ///
    /// [`HttpError::Client`], as [`ClientBuilder::build`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(tokens: freshtoken::TokenSource) -> Result<(), freshtoken::HttpError> {
    /// use std::time::Duration;
    ///
    /// use freshtoken::{HttpClient, reqwest};
    ///
    /// let api = HttpClient::from_builder(reqwest::Client::builder().timeout(Duration::from_secs(30)), tokens)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_builder(builder: ClientBuilder, tokens: TokenSource) -> Result<Self, HttpError> {
        // How that one resolves names below `localhost` is unknown.
        Self::build(builder, tokens, is_loopback_address)
    }

    pub(crate) fn build(
        builder: ClientBuilder,
        tokens: TokenSource,
        is_loopback: fn(&Url) -> bool,
    ) -> Result<Self, HttpError> {
        let http = builder.redirect(redirect_policy()).build();
        let http = http.map_err(|error| HttpError::Client(TransportError::new(error)))?;
        let mut origins = Origins::default();
        if let Some(base) = tokens.own_base_url() {
            origins.set_base(base)?;
        }
        Ok(Self { http, tokens, is_loopback, origins: Arc::new(origins) })
    }

    /// Names the API: relative paths are joined to this URL, and the token may go to its origin.
    ///
    /// A path is always below the base URL, with and without a leading slash: with the base `https://api.example.com/v1`, both
    /// `orders` and `/orders` stand for `https://api.example.com/v1/orders`.
    ///
    /// # Errors
    ///
    /// [`HttpError::BaseUrl`] if it is not an absolute `https://` URL, or has a user, a query or a fragment.
    /// [`HttpError::PlainHttp`] if it is `http://` and not loopback.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(tokens: freshtoken::TokenSource) -> Result<(), freshtoken::HttpError> {
    /// use freshtoken::{HttpClient, HttpError};
    ///
    /// let api = HttpClient::new(tokens)?.base_url("https://api.example.com/v1")?;
    /// api.get("orders?limit=10").send().await?;
    /// api.get("https://api.example.com/v2/orders").send().await?; // the same origin
    /// let elsewhere = api.get("https://evil.example.com/").send().await;
    /// assert!(matches!(elsewhere, Err(HttpError::ForeignOrigin(_))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn base_url(mut self, url: impl AsRef<str>) -> Result<Self, HttpError> {
        Arc::make_mut(&mut self.origins).set_base(url.as_ref())?;
        Ok(self)
    }

    /// Lets the token go to the origin of this URL (scheme, host and port) too.
    ///
    /// # Errors
    ///
    /// As [`base_url`](HttpClient::base_url).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(tokens: freshtoken::TokenSource) -> Result<(), freshtoken::HttpError> {
    /// use freshtoken::HttpClient;
    ///
    /// let api = HttpClient::new(tokens)?.base_url("https://api.example.com")?.allow_origin("https://files.example.com")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_origin(mut self, url: impl AsRef<str>) -> Result<Self, HttpError> {
        Arc::make_mut(&mut self.origins).allow(url.as_ref())?;
        Ok(self)
    }

    /// Returns a client with the same connections, base URL and origins, and the tokens of another account.
    ///
    /// ```no_run
    /// # fn example(api: freshtoken::HttpClient, other: freshtoken::TokenSource) {
    /// let other_api = api.with_tokens(other);
    /// # }
    /// ```
    pub fn with_tokens(&self, tokens: TokenSource) -> Self {
        Self { tokens, ..self.clone() }
    }

    /// Sends a request with a fresh token. Its URL must be of an allowed origin: see [`base_url`](HttpClient::base_url).
    ///
    /// # Errors
    ///
    /// As [`RequestBuilder::send`](crate::RequestBuilder::send).
    pub async fn execute(&self, request: Request) -> Result<Response, HttpError> {
        self.execute_to(request, None).await
    }

    /// `allowed` is a URL whose origin this call may go to as well.
    pub(crate) async fn execute_to(&self, request: Request, allowed: Option<&str>) -> Result<Response, HttpError> {
        check_plain(request.url(), self.is_loopback)?;
        self.origins.check(request.url(), allowed)?;
        let (mut call, mut request) = Call::begin(&self.tokens, request, self.is_loopback).await?;
        loop {
            let response = self.http.execute(request).await?;
            request = match call.on_response(response).await? {
                ControlFlow::Break(response) => return Ok(response),
                ControlFlow::Continue(again) => again,
            };
        }
    }

    /// Returns the token source.
    pub fn tokens(&self) -> &TokenSource {
        &self.tokens
    }
}

/// Prints no token, and none of the client's default headers.
impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
