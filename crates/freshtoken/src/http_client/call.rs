//! A call in progress, whoever sends it: the token in its request, and what its response means.

use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::pin::pin;

use freshtoken_wire::{MAX_BODY, Secret};
use http::header::{COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Request, Response, Url};

use crate::core::cell::Rejected;
use crate::http_error::HttpError;
use crate::source::TokenSource;
use crate::status::RejectionOutcome;
use crate::token::Token;
use crate::used_token::UsedToken;

/// The maximum number of redirects, as in reqwest.
const REDIRECTS: usize = 10;

/// Returns a policy that follows a redirect only to the requested scheme, host and port.
///
/// It follows at most 10 redirects in a row, and none to a URL that the call has already visited. Any other redirect is
/// returned to the caller. reqwest itself removes `authorization` from a redirect to another host, but no other header that
/// carries a token. An [`HttpClient`](crate::HttpClient) always uses this policy, and a client under `TokenMiddleware`
/// (feature `middleware`) must be built with it.
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

/// A call in progress, shared by [`HttpClient`](crate::HttpClient) and [`TokenMiddleware`](crate::TokenMiddleware): they send its requests, and
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
        check_plain(url, is_loopback)?;
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
        if !self.tokens.is_expired_by(response.status()) || lacks_scope(&response) {
            return Ok(ControlFlow::Break(response));
        }
        let Rejected { rejection, checks_store } = self.tokens.reject(UsedToken::Token(&self.token));
        let Some(mut request) = self.again.take() else {
            return Ok(ControlFlow::Break(response));
        };
        if rejection == RejectionOutcome::PermissionProblem || self.was_carried_out(&request, &response) {
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

    /// Whether the server may have processed the request in spite of the 401: it may redirect after a `POST` that worked, and
    /// only the page that the redirect points to wants another token.
    fn was_carried_out(&self, request: &Request, response: &Response) -> bool {
        if request.method().is_idempotent() {
            return false;
        }
        let mut asked = request.url().clone();
        carry_in_url(self.tokens, &self.token, &mut asked);
        asked.set_fragment(None);
        *response.url() != asked
    }
}

/// Plain HTTP is for this machine only.
pub(crate) fn check_plain(url: &Url, is_loopback: fn(&Url) -> bool) -> Result<(), HttpError> {
    if url.scheme() == "http" && !is_loopback(url) { Err(HttpError::PlainHttp) } else { Ok(()) }
}

/// Whether a 401 says that the token lacks a scope. A new token would lack it too.
fn lacks_scope(response: &Response) -> bool {
    response.headers().get_all(WWW_AUTHENTICATE).iter().any(has_insufficient_scope)
}

/// Whether a value of `WWW-Authenticate` has the error `insufficient_scope` (RFC 6750, section 3.1).
pub(crate) fn has_insufficient_scope(challenge: &HeaderValue) -> bool {
    let challenge = challenge.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parameters = challenge.split([',', ' ']).filter_map(|parameter| parameter.split_once('='));
    parameters.any(|(name, value)| name == "error" && value.trim_matches('"') == "insufficient_scope")
}

/// Puts the token into a request, and replaces existing headers.
fn carry(tokens: &TokenSource, token: &Token, request: &mut Request) {
    carry_in(tokens, token, request.headers_mut());
    carry_in_url(tokens, token, request.url_mut());
}

/// Puts the token into the query of a URL, if it goes there.
fn carry_in_url(tokens: &TokenSource, token: &Token, url: &mut Url) {
    if let Some(name) = tokens.query_name() {
        let query = with_parameter(url.query(), name, token.expose());
        url.set_query(Some(&query));
    }
}

/// Returns a query with this parameter, which replaces an existing one. The other parameters stay as they are written.
pub(crate) fn with_parameter(query: Option<&str>, name: &str, value: &str) -> String {
    let mut scratch = Url::parse("https://scratch.invalid").ok();
    let pair =
        scratch.as_mut().map(|url| url.query_pairs_mut().append_pair(name, value).finish().query().unwrap_or_default());
    let pair = pair.unwrap_or_default();
    let encoded_name = pair.split('=').next().unwrap_or_default();
    let is_other = |part: &&str| {
        let part = part.split('=').next().unwrap_or_default();
        !part.is_empty() && part != name && part != encoded_name
    };
    query.unwrap_or_default().split('&').filter(is_other).chain([pair]).collect::<Vec<_>>().join("&")
}

/// Returns the value of the header `cookie` with the token's cookie, which replaces one of its name.
fn with_cookie(headers: &HeaderMap, cookie: &HeaderValue) -> HeaderValue {
    let name_of = |cookie: &str| cookie.split('=').next().unwrap_or_default().trim().to_owned();
    let Ok(text) = cookie.to_str() else { return cookie.clone() };
    let name = name_of(text);
    let others =
        headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    let others = others.map(str::trim).filter(|other| !other.is_empty() && name_of(other) != name);
    let all = Secret::new(others.chain([text]).collect::<Vec<_>>().join("; "));
    all.into_header().unwrap_or_else(|| cookie.clone())
}

/// Puts the token into the headers of a request.
pub(crate) fn carry_in(tokens: &TokenSource, token: &Token, headers: &mut HeaderMap) {
    if *tokens.header_name() == COOKIE {
        let cookies = with_cookie(headers, token.header());
        headers.insert(COOKIE, cookies);
    } else if token.is_in_header() {
        headers.insert(tokens.header_name().clone(), token.header().clone());
    }
    for (name, value) in token.extra_headers() {
        headers.insert(name.clone(), value.clone());
    }
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
    fn a_parameter_replaces_one_of_its_name_and_leaves_the_others_as_written() {
        for (query, with) in [
            (None, "auth=t%2B1"),
            (Some(""), "auth=t%2B1"),
            (Some("a"), "a&auth=t%2B1"),
            (Some("a=%20&auth=old&b=+"), "a=%20&b=+&auth=t%2B1"),
            (Some("authority=1"), "authority=1&auth=t%2B1"),
        ] {
            assert_eq!(with_parameter(query, "auth", "t+1"), with, "{query:?}");
        }
        assert_eq!(with_parameter(Some("a%5B%5D=1&a[]=2&b=3"), "a[]", "t"), "b=3&a%5B%5D=t");
    }

    #[test]
    fn a_cookie_replaces_one_of_its_name_and_leaves_the_others() {
        let mut headers = HeaderMap::new();
        let cookie = HeaderValue::from_static("session=t");
        assert_eq!(with_cookie(&headers, &cookie), "session=t");
        headers.append(COOKIE, HeaderValue::from_static("a=b; session=old;c=d"));
        headers.append(COOKIE, HeaderValue::from_static("e=f"));
        let with = with_cookie(&headers, &cookie);
        assert_eq!(with, "a=b; c=d; e=f; session=t");
        assert!(with.is_sensitive());
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
