//! [`HttpClient`](crate::HttpClient) as a middleware, for clients of `reqwest-middleware`.
//!
//! `http_client` decides what happens to a call. This module only passes requests and responses on.

use std::ops::ControlFlow;

use freshtoken_wire::is_loopback_address;
use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};

use crate::http_client::call::Call;
use crate::http_error::{HttpError, without_path};
use crate::source::TokenSource;

/// Adds a fresh token to each call of a `reqwest-middleware` client and handles a 401, as [`HttpClient`](crate::HttpClient)
/// does.
///
/// **Build the client under it with [`redirect_policy`](crate::redirect_policy).** A middleware sees no redirects, and
/// without that policy the token would follow a redirect to any host.
///
/// Add it last. A retry middleware before it then gets a fresh token for each try, and a logging middleware before it sees no
/// token.
///
/// ```no_run
/// # use freshtoken::{TokenMiddleware, TokenSource, Vendor, redirect_policy};
/// # async fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) -> Result<(), Box<dyn std::error::Error>> {
/// let tokens = TokenSource::new(endpoint, credentials);
/// let http = reqwest::Client::builder().redirect(redirect_policy()).build()?;
/// let api = reqwest_middleware::ClientBuilder::new(http).with(TokenMiddleware::new(tokens)).build();
///
/// let response = api.get("https://api.example.com/orders").send().await?;
/// # let _ = response;
/// # Ok(())
/// # }
/// ```
///
/// Over plain `http://` the token goes to loopback addresses and `localhost` only: the client under it decides how to resolve
/// other names and which proxies to use.
///
/// If there is no token, or it must not be sent, the error is a [`reqwest_middleware::Error::Middleware`] that holds an
/// [`HttpError`]. An error of the client under it passes through, with its URL reduced to the origin.
#[derive(Clone, Debug)]
pub struct TokenMiddleware {
    tokens: TokenSource,
}

impl TokenMiddleware {
    /// Creates a middleware with the tokens of this source.
    pub fn new(tokens: TokenSource) -> Self {
        Self { tokens }
    }

    /// Returns the token source.
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
            let response = next.clone().run(request, extensions).await.map_err(of_client)?;
            request = match call.on_response(response).await.map_err(of_token)? {
                ControlFlow::Break(response) => return Ok(response),
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
