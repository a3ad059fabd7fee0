//! The same as [`HttpClient`](crate::HttpClient), for those whose client is one of `reqwest-middleware`.
//!
//! What becomes of a call is decided in `http_client`; here is only how it gets there and back.

use std::ops::ControlFlow;

use freshtoken_wire::is_loopback_address;
use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};

use crate::http_client::Call;
use crate::http_error::{HttpError, without_path};
use crate::source::TokenSource;

/// Puts a fresh token into each call of a `reqwest-middleware` client, and mends a 401, just as
/// [`HttpClient`](crate::HttpClient) does.
///
/// **Build the client under it with [`redirect_policy`](crate::redirect_policy).** A middleware sees no redirects, and
/// without that policy the token would follow one to any host.
///
/// Add it last. Then a retry before it gets the token of its time, and a log before it sees no token.
///
/// ```no_run
/// # use freshtoken::{TokenMiddleware, TokenSource, Vendor, redirect_policy};
/// # async fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) -> Result<(), Box<dyn std::error::Error>> {
/// let tokens = TokenSource::new(endpoint, credentials);
/// let http = reqwest::Client::builder().redirect(redirect_policy()).build()?;
/// let api = reqwest_middleware::ClientBuilder::new(http).with(TokenMiddleware::new(tokens)).build();
///
/// let answer = api.get("https://api.example.com/orders").send().await?;
/// # let _ = answer;
/// # Ok(())
/// # }
/// ```
///
/// Over plain `http://` the token goes to loopback addresses and `localhost` only: how the client under it resolves other
/// names, and which proxies it uses, is that client's business.
///
/// Where there is no token, or none may be sent, the error is a [`reqwest_middleware::Error::Middleware`] that holds an
/// [`HttpError`]. An error of the client under it goes through, with the origin of its URL for a URL.
#[derive(Clone, Debug)]
pub struct TokenMiddleware {
    tokens: TokenSource,
}

impl TokenMiddleware {
    /// With tokens of this source.
    pub fn new(tokens: TokenSource) -> Self {
        Self { tokens }
    }

    /// Where the tokens come from.
    pub fn tokens(&self) -> &TokenSource {
        &self.tokens
    }
}

#[async_trait::async_trait]
impl Middleware for TokenMiddleware {
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        let (mut call, mut request) =
            Call::begin(&self.tokens, request, is_loopback_address).await.map_err(of_token)?;
        loop {
            let answer = next.clone().run(request, extensions).await.map_err(of_client)?;
            request = match call.answered(answer).await.map_err(of_token)? {
                ControlFlow::Break(answer) => return Ok(answer),
                ControlFlow::Continue(again) => again,
            };
        }
    }
}

fn of_token(error: HttpError) -> Error {
    Error::middleware(error)
}

fn of_client(error: Error) -> Error {
    match error {
        Error::Reqwest(error) => Error::Reqwest(without_path(error)),
        error => error,
    }
}
