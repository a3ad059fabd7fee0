//! An HTTP client whose calls carry a fresh token: reqwest's own, and no more around it than a token needs.
//!
//! It isn't for token requests: those have rules of their own, in `freshtoken-wire`. What a call is beside its token,
//! its time-outs, retries and body, stays reqwest's business.

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
use crate::source::{Seen, TokenSource};
use crate::status::Rejection;
use crate::token::Token;

/// As many redirects are followed as reqwest does.
const REDIRECTS: usize = 10;

/// A [`reqwest::Client`] whose calls carry a fresh token. Clones share everything and are cheap.
///
/// A call is put together and [sent](RequestBuilder::send) as with reqwest:
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
/// - **A 401** has the token renewed, once for all calls that carried it, and the call is sent once more with the new
///   one. The 401 is the caller's response where that can't help: the second time, where the token came from a renewal for
///   a 401 and never worked ([`Rejection::PermissionProblem`], see [`TokenSource::rejected`]), where `WWW-Authenticate`
///   says `insufficient_scope`, where the body is a stream and is spent, and after a redirect of a `POST` or `PATCH`,
///   which the server may have carried out before it redirected.
/// - **Every other answer** is the caller's as it is. Only a call without an answer is an error.
/// - **The token goes to the host that was asked and no other**: see [`redirect_policy`]. Over plain `http://` it goes
///   to loopback only, and not through a proxy of the environment. Names below `localhost` are this machine, whatever the
///   system's resolver says. With a [builder](HttpClient::from_builder) of your own, name lookup and proxies are that
///   builder's: then plain `http://` is for loopback addresses and `localhost` only.
/// - **Headers**: the token's replace what the call has under their names, a user and password in the URL included.
/// - **Of many accounts** each has a client of its own, and all share one's connections:
///   [`with_tokens`](HttpClient::with_tokens).
/// - **Time-outs** of a call are reqwest's, and count from each sending. Waiting for a token isn't part of them.
#[derive(Clone)]
pub struct HttpClient {
    http: reqwest::Client,
    tokens: TokenSource,
    /// Where plain HTTP may go.
    is_loopback: fn(&Url) -> bool,
}

impl HttpClient {
    /// Creates a client with the settings of [`reqwest::Client::new`], but for redirects, and for calls to this machine.
    ///
    /// # Errors
    ///
    /// [`HttpError::Client`] where TLS can't be set up now, for want of CA certificates for example.
    pub fn new(tokens: TokenSource) -> Result<Self, HttpError> {
        Self::build(with_direct_loopback(reqwest::Client::builder()), tokens, is_loopback)
    }

    /// Creates a client with settings of your own, but for the redirects: they are always [`redirect_policy`]'s.
    ///
    /// # Errors
    ///
    /// [`HttpError::Client`], as [`ClientBuilder::build`].
    pub fn from_builder(builder: ClientBuilder, tokens: TokenSource) -> Result<Self, HttpError> {
        // How that one resolves names below `localhost` is unknown.
        Self::build(builder, tokens, is_loopback_address)
    }

    fn build(builder: ClientBuilder, tokens: TokenSource, is_loopback: fn(&Url) -> bool) -> Result<Self, HttpError> {
        let http = builder.redirect(redirect_policy()).build();
        let http = http.map_err(|error| HttpError::Client(TransportError::new(error)))?;
        Ok(Self { http, tokens, is_loopback })
    }

    /// The same client, and the same connections, with the tokens of another account.
    pub fn with_tokens(&self, tokens: TokenSource) -> Self {
        Self { tokens, ..self.clone() }
    }

    /// A `GET` to fill and to [`send`](RequestBuilder::send).
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.get(url))
    }

    /// A `POST` to fill and to [`send`](RequestBuilder::send).
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.post(url))
    }

    /// A `PUT` to fill and to [`send`](RequestBuilder::send).
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.put(url))
    }

    /// A `PATCH` to fill and to [`send`](RequestBuilder::send).
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.patch(url))
    }

    /// A `DELETE` to fill and to [`send`](RequestBuilder::send).
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.delete(url))
    }

    /// A `HEAD` to fill and to [`send`](RequestBuilder::send).
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.head(url))
    }

    /// A request to fill and to [`send`](RequestBuilder::send).
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.request(method, url))
    }

    /// Sends a call that something else made, such as a builder of reqwest's, with a fresh token. It is sent through this
    /// client, whichever made it.
    ///
    /// # Errors
    ///
    /// As [`RequestBuilder::send`].
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
            let answer = self.http.execute(request).await?;
            request = match call.answered(answer).await? {
                ControlFlow::Break(answer) => return Ok(answer),
                ControlFlow::Continue(again) => again,
            };
        }
    }

    /// Where the tokens come from.
    pub fn tokens(&self) -> &TokenSource {
        &self.tokens
    }
}

/// No token, and none of the headers that each call has.
impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// Follows a redirect only to where the token may go: the scheme, host and port that were asked; at most 10 in a row,
/// and none to a URL of the same call. Any other redirect is the caller's answer, to follow or not.
///
/// reqwest by itself drops `authorization` where a redirect leaves the host, but no other header that carries a token.
/// An [`HttpClient`] is always built with it, and a client under `TokenMiddleware` (feature `middleware`) must be.
pub fn redirect_policy() -> Policy {
    Policy::custom(|attempt| match may_follow(attempt.url(), attempt.previous()) {
        true => attempt.follow(),
        false => attempt.stop(),
    })
}

/// `asked` is what the call has asked so far, its own URL first.
fn may_follow(next: &Url, asked: &[Url]) -> bool {
    // A URL that was asked already would hide that there was a redirect: see `Call::was_carried_out`.
    let is_new = !asked.contains(next);
    is_new && asked.len() <= REDIRECTS && asked.iter().all(|url| url.origin() == next.origin())
}

/// A call on its way: what [`HttpClient`] and [`TokenMiddleware`](crate::TokenMiddleware) have in common. They send what
/// it gives them, and give it the answer.
pub(crate) struct Call<'a> {
    tokens: &'a TokenSource,
    /// The one that was sent last.
    token: Token,
    /// To be sent once more, without a token yet.
    again: Option<Request>,
}

impl<'a> Call<'a> {
    /// The request with its token, ready to be sent.
    pub(crate) async fn begin(
        tokens: &'a TokenSource,
        mut request: Request,
        is_loopback: fn(&Url) -> bool,
    ) -> Result<(Self, Request), HttpError> {
        let url = request.url_mut();
        if url.scheme() == "http" && !is_loopback(url) {
            return Err(HttpError::PlainHttp);
        }
        // The builder made them a header, which the token's replaces; here they would be no more than a risk. A URL that
        // can't have them has none.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let again = request.try_clone();
        let token = tokens.token().await?;
        carry(tokens, &token, &mut request);
        Ok((Self { tokens, token, again }, request))
    }

    /// What to do after an answer: hand it to the caller, or send another request.
    pub(crate) async fn answered(&mut self, answer: Response) -> Result<ControlFlow<Response, Request>, HttpError> {
        if answer.status().is_success() {
            self.token.accept();
        }
        if answer.status() != StatusCode::UNAUTHORIZED || lacks_scope(&answer) {
            return Ok(ControlFlow::Break(answer));
        }
        let Rejected { rejection, checks_store } = self.tokens.reject(Seen::Token(&self.token));
        let Some(mut request) = self.again.take() else {
            return Ok(ControlFlow::Break(answer));
        };
        if rejection == Rejection::PermissionProblem || was_carried_out(&request, &answer) {
            return Ok(ControlFlow::Break(answer));
        }
        let token = if checks_store {
            let token = self.tokens.token().await?;
            if token.generation() == self.token.generation() {
                return Ok(ControlFlow::Break(answer));
            }
            token
        } else {
            beside(drain(answer), self.tokens.token()).await?
        };
        self.token = token;
        carry(self.tokens, &self.token, &mut request);
        Ok(ControlFlow::Continue(request))
    }
}

/// Whether a 401 says that the token lacks a scope (RFC 6750, section 3.1): another one would lack it too.
fn lacks_scope(answer: &Response) -> bool {
    let challenges = answer.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    challenges.map(str::to_ascii_lowercase).any(|challenge| {
        let mut parameters = challenge.split([',', ' ']).filter_map(|parameter| parameter.split_once('='));
        parameters.any(|(name, value)| name == "error" && value.trim_matches('"') == "insufficient_scope")
    })
}

/// Puts the token into a request, in place of what is there.
fn carry(tokens: &TokenSource, token: &Token, request: &mut Request) {
    let headers = request.headers_mut();
    headers.insert(tokens.header_name().clone(), token.header().clone());
    for (name, value) in token.also() {
        headers.insert(name.clone(), value.clone());
    }
}

/// Whether the server may have acted on the request, though a 401 came in the end: it redirected first, as after a
/// `POST` that worked, and only the page it led to asked for another token.
fn was_carried_out(request: &Request, answer: &Response) -> bool {
    if request.method().is_idempotent() {
        return false;
    }
    let mut asked = request.url().clone();
    asked.set_fragment(None);
    *answer.url() != asked
}

/// Reads an answer that nobody wants to its end, so that its connection can carry the next call. A long one isn't worth
/// it.
async fn drain(mut answer: Response) {
    let mut left = MAX_BODY;
    while let Ok(Some(chunk)) = answer.chunk().await {
        match left.checked_sub(chunk.len()) {
            Some(less) => left = less,
            None => return,
        }
    }
}

/// Drives both, but waits for the second only.
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
