//! An HTTP client whose calls carry a fresh token: reqwest's client, plus what a token needs.
//!
//! It is not for token requests, which `freshtoken-wire` sends. Timeouts, retries and the body of a call stay reqwest's job.

use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::pin::pin;

use freshtoken_wire::{MAX_BODY, is_loopback, is_loopback_address, with_direct_loopback};
use reqwest::header::WWW_AUTHENTICATE;
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, IntoUrl, Method, Request, Response, StatusCode, Url};

use crate::core::cell::Rejected;
use crate::http_error::{HttpError, TransportError};
use crate::request::{RequestBuilder, Sendable};
use crate::source::{TokenSource, UsedToken};
use crate::status::RejectionOutcome;
use crate::token::Token;

/// The maximum number of redirects, as in reqwest.
const REDIRECTS: usize = 10;

/// A [`reqwest::Client`] whose calls carry a fresh token. Clones are cheap and share everything.
///
/// A call is built and [sent](RequestBuilder::send) as with reqwest:
///
/// ```no_run
/// # use freshtoken::{HttpClient, HttpError, TokenSource, Vendor};
/// # async fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) -> Result<(), HttpError> {
/// let api = HttpClient::new(TokenSource::new(endpoint, credentials))?;
///
/// let order = [("article", "1")];
/// let response = api.post("https://api.example.com/orders").form(&order).send().await?.error_for_status()?;
/// println!("{}", response.text().await?);
/// # Ok(())
/// # }
/// ```
///
/// - **After a 401**, the token is renewed, once for all calls that carried it, and the call is sent once more with the new
///   token. The 401 is returned if that cannot help:
///   - at the second 401;
///   - if the token came from a renewal after a 401 and never worked ([`RejectionOutcome::PermissionProblem`], see
///     [`TokenSource::rejected`]);
///   - if `WWW-Authenticate` says `insufficient_scope`;
///   - if the body is a stream, which was consumed;
///   - after a redirect of a `POST` or `PATCH`, which the server may have processed before it redirected.
/// - **Any other response** is returned unchanged. Only a call without a response is an error.
/// - **The token goes to the requested host only**: see [`redirect_policy`]. Over plain `http://` it goes to loopback only,
///   and not through a proxy of the environment. Names below `localhost` are this machine, whatever the system's resolver
///   says. With a [custom builder](HttpClient::from_builder), name resolution and proxies are the builder's; plain `http://`
///   is then allowed for loopback addresses and `localhost` only.
/// - **Headers**: the token's headers replace the call's headers of the same names, and a user and password in the URL.
/// - **Many accounts** have one client each, and all share one connection pool: [`with_tokens`](HttpClient::with_tokens).
/// - **Timeouts** of a call are reqwest's, and start anew each time the call is sent. Waiting for a token does not count.
#[derive(Clone)]
pub struct HttpClient {
    http: reqwest::Client,
    tokens: TokenSource,
    /// Which hosts plain HTTP is allowed for.
    is_loopback: fn(&Url) -> bool,
}

impl HttpClient {
    /// Creates a client with the settings of [`reqwest::Client::new`], except for redirects and for calls to this machine.
    ///
    /// # Errors
    ///
    /// [`HttpError::Client`] if TLS cannot be set up now, because of missing CA certificates for example.
    pub fn new(tokens: TokenSource) -> Result<Self, HttpError> {
        Self::build(with_direct_loopback(reqwest::Client::builder()), tokens, is_loopback)
    }

    /// Creates a client with custom settings, except for redirects, which always follow [`redirect_policy`].
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

    fn build(builder: ClientBuilder, tokens: TokenSource, is_loopback: fn(&Url) -> bool) -> Result<Self, HttpError> {
        let http = builder.redirect(redirect_policy()).build();
        let http = http.map_err(|error| HttpError::Client(TransportError::new(error)))?;
        Ok(Self { http, tokens, is_loopback })
    }

    /// Returns a client with the same connections and the tokens of another account.
    ///
    /// ```no_run
    /// # fn example(api: freshtoken::HttpClient, other: freshtoken::TokenSource) {
    /// let other_api = api.with_tokens(other);
    /// # }
    /// ```
    pub fn with_tokens(&self, tokens: TokenSource) -> Self {
        Self { tokens, ..self.clone() }
    }

    /// Starts a `GET`, to be sent with [`send`](RequestBuilder::send).
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.get(url))
    }

    /// Starts a `POST`, to be sent with [`send`](RequestBuilder::send).
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.post(url))
    }

    /// Starts a `PUT`, to be sent with [`send`](RequestBuilder::send).
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.put(url))
    }

    /// Starts a `PATCH`, to be sent with [`send`](RequestBuilder::send).
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.patch(url))
    }

    /// Starts a `DELETE`, to be sent with [`send`](RequestBuilder::send).
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.delete(url))
    }

    /// Starts a `HEAD`, to be sent with [`send`](RequestBuilder::send).
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.head(url))
    }

    /// Starts a request with any method, to be sent with [`send`](RequestBuilder::send).
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.request(method, url))
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
        let Sendable(request) = call.into();
        self.execute(request?).await
    }

    /// Sends a request with a fresh token.
    ///
    /// # Errors
    ///
    /// As [`RequestBuilder::send`].
    pub async fn execute(&self, request: Request) -> Result<Response, HttpError> {
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

/// Returns a policy that follows a redirect only to the requested scheme, host and port.
///
/// It follows at most 10 redirects in a row, and none to a URL that the call has already visited. Any other redirect is
/// returned to the caller. reqwest itself removes `authorization` from a redirect to another host, but no other header that
/// carries a token. An [`HttpClient`] always uses this policy, and a client under `TokenMiddleware` (feature `middleware`)
/// must be built with it.
///
/// ```no_run
/// let http = reqwest::Client::builder().redirect(freshtoken::redirect_policy()).build();
/// ```
pub fn redirect_policy() -> Policy {
    Policy::custom(
        |attempt| {
            if may_follow(attempt.url(), attempt.previous()) { attempt.follow() } else { attempt.stop() }
        },
    )
}

/// `asked` is what the call has requested so far, its own URL first.
fn may_follow(next: &Url, asked: &[Url]) -> bool {
    // A URL that was already visited would hide that there was a redirect: see `was_carried_out`.
    let is_new = !asked.contains(next);
    is_new && asked.len() <= REDIRECTS && asked.iter().all(|url| url.origin() == next.origin())
}

/// A call in progress, shared by [`HttpClient`] and [`TokenMiddleware`](crate::TokenMiddleware): they send its requests, and
/// pass it the responses.
pub(crate) struct Call<'a> {
    tokens: &'a TokenSource,
    /// The token that was sent last.
    token: Token,
    /// The request to send once more, without a token yet.
    again: Option<Request>,
}

impl<'a> Call<'a> {
    /// Returns the request with its token, ready to be sent.
    pub(crate) async fn begin(
        tokens: &'a TokenSource,
        mut request: Request,
        is_loopback: fn(&Url) -> bool,
    ) -> Result<(Self, Request), HttpError> {
        let url = request.url_mut();
        if url.scheme() == "http" && !is_loopback(url) {
            return Err(HttpError::PlainHttp);
        }
        // The builder has turned them into a header, which the token's header replaces. In the URL they would only be a risk.
        // The result does not matter: a URL that cannot have them has none.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let again = request.try_clone();
        let token = tokens.token().await?;
        carry(tokens, &token, &mut request);
        Ok((Self { tokens, token, again }, request))
    }

    /// Decides what to do after a response: return it to the caller, or send another request.
    pub(crate) async fn on_response(
        &mut self,
        response: Response,
    ) -> Result<ControlFlow<Response, Request>, HttpError> {
        if response.status().is_success() {
            self.token.accept();
        }
        if response.status() != StatusCode::UNAUTHORIZED || lacks_scope(&response) {
            return Ok(ControlFlow::Break(response));
        }
        let Rejected { rejection, checks_store } = self.tokens.reject(UsedToken::Token(&self.token));
        let Some(mut request) = self.again.take() else {
            return Ok(ControlFlow::Break(response));
        };
        if rejection == RejectionOutcome::PermissionProblem || was_carried_out(&request, &response) {
            return Ok(ControlFlow::Break(response));
        }
        let token = if checks_store {
            let token = self.tokens.token().await?;
            if token.generation() == self.token.generation() {
                return Ok(ControlFlow::Break(response));
            }
            token
        } else {
            beside(drain(response), self.tokens.token()).await?
        };
        self.token = token;
        carry(self.tokens, &self.token, &mut request);
        Ok(ControlFlow::Continue(request))
    }
}

/// Whether a 401 says that the token lacks a scope (RFC 6750, section 3.1). A new token would lack it too.
fn lacks_scope(response: &Response) -> bool {
    let challenges = response.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    challenges.map(str::to_ascii_lowercase).any(|challenge| {
        let mut parameters = challenge.split([',', ' ']).filter_map(|parameter| parameter.split_once('='));
        parameters.any(|(name, value)| name == "error" && value.trim_matches('"') == "insufficient_scope")
    })
}

/// Puts the token into a request, in place of existing headers.
fn carry(tokens: &TokenSource, token: &Token, request: &mut Request) {
    let headers = request.headers_mut();
    headers.insert(tokens.header_name().clone(), token.header().clone());
    for (name, value) in token.extra_headers() {
        headers.insert(name.clone(), value.clone());
    }
}

/// Whether the server may have processed the request in spite of the 401: it may redirect after a `POST` that worked, and
/// only the page that the redirect points to wants another token.
fn was_carried_out(request: &Request, response: &Response) -> bool {
    if request.method().is_idempotent() {
        return false;
    }
    let mut asked = request.url().clone();
    asked.set_fragment(None);
    *response.url() != asked
}

/// Reads a discarded response to its end, so that its connection can be reused, unless it is long.
async fn drain(mut response: Response) {
    let mut left = MAX_BODY;
    while let Ok(Some(chunk)) = response.chunk().await {
        match left.checked_sub(chunk.len()) {
            Some(less) => left = less,
            None => return,
        }
    }
}

/// Drives both futures, but waits for the second only.
async fn beside<T>(aside: impl Future<Output = ()>, main: impl Future<Output = T>) -> T {
    let (mut aside, mut main) = (pin!(aside), pin!(main));
    let mut is_done = false;
    poll_fn(|context| {
        is_done = is_done || aside.as_mut().poll(context).is_ready();
        main.as_mut().poll(context)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follows(next: &str, asked: &[&str]) -> bool {
        let url = |text: &str| Url::parse(text).unwrap();
        may_follow(&url(next), &asked.iter().map(|text| url(text)).collect::<Vec<_>>())
    }

    #[test]
    fn a_redirect_is_followed_only_within_scheme_host_and_port() {
        let asked = ["https://api.example.com/a"];
        assert!(follows("https://api.example.com/b?c", &asked));
        assert!(follows("https://API.example.com:443/b", &asked));
        for next in [
            "http://api.example.com/b",
            "https://api.example.com:8443/b",
            "https://example.com/b",
            "https://api.example.com.evil.example/b",
            "https://api.example.com@evil.example/b",
            "https://api.example.com./b",
            "ftp://api.example.com/b",
            "data:,b",
        ] {
            assert!(!follows(next, &asked), "{next}");
        }
        assert!(!follows("http://api.example.com/b", &["http://127.0.0.1/a"]));
        assert!(!follows("https://localhost/b", &["http://localhost/a"]), "its port is another");
    }

    #[test]
    fn ten_redirects_are_followed_and_no_loop() {
        let asked: Vec<String> = (0..11).map(|i| format!("https://api.example.com/{i}")).collect();
        let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
        assert!(follows("https://api.example.com/next", &asked[..10]));
        assert!(!follows("https://api.example.com/next", &asked));
        assert!(!follows("https://api.example.com/0", &asked[..2]));
    }
}
