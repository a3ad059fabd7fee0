//! A layer for tower services over [`http::Request`], such as clients of `hyper-util` and `tonic`.
//!
//! ```
//! # use freshtoken::{TokenSource, Vendor};
//! # use http::{Request, Response};
//! # use tower::{BoxError, Service};
//! # fn example<V: Vendor, S>(endpoint: V, credentials: V::Credentials, http_client: S) -> Result<(), BoxError>
//! # where S: Service<Request<String>, Response = Response<String>, Error = BoxError> + Clone + Send + 'static, S::Future: Send {
//! use freshtoken::tower::TokenLayer;
//! use tower::ServiceBuilder;
//!
//! let tokens = TokenLayer::new(TokenSource::new(endpoint, credentials)).retry().allow_origin("https://api.example.com")?;
//! let mut api = ServiceBuilder::new().layer(tokens).service(http_client);
//! let response = api.call(Request::get("https://api.example.com/orders").body(String::new())?);
//! # let _ = response;
//! # Ok(())
//! # }
//! ```
//!
//! - **Each request** gets the token's headers, in place of existing ones of the same names.
//! - **The response** is reported: a success with [`accepted`](crate::TokenSource::accepted), and a 401 with
//!   [`rejected`](crate::TokenSource::rejected), unless `WWW-Authenticate` says `insufficient_scope`. Of gRPC, it is the status
//!   in the head of the response: 0, or none yet, is a success, and 16 (`UNAUTHENTICATED`) is a 401.
//! - **After a 401**, the request is sent once more with a new token, if its body can be copied: with [`TokenLayer::retry`] if it
//!   is `Clone`, or by your own function with [`TokenLayer::retry_with`]. By default it is sent once. The 401 is returned if a new
//!   token cannot help, as [`HttpClient`](crate::HttpClient) does.
//! - **Without a token**, the error is the source's [`Error`](crate::Error) in a box. Nothing is sent.
//! - **The token goes to named origins only.** A request whose URL has a host must be allowed by [`TokenLayer::allow_origin`].
//!   If it has none, as with `tonic`, the service below decides on the host. Over plain `http://`, the token goes to loopback
//!   only.
//! - **Redirects** must be followed above this layer, or within one origin only. Add this layer last: layers above it then see
//!   no token, and retries get a fresh one for each try.
//!
//! `examples/hyper_util.rs` and `examples/tonic.rs` are complete programs.

mod body;
mod response;
mod service;

use std::fmt;
use std::sync::Arc;

use tower_layer::Layer;

pub use self::body::{CloneBody, Cloned, SendOnce};
pub use self::service::{ResponseFuture, TokenService};
use crate::http_client::origins::Origins;
use crate::http_error::HttpError;
use crate::source::TokenSource;

/// Adds a fresh token to each request of a service: see the [module](self).
///
/// `C` is how a body is copied for a retry.
#[derive(Clone)]
pub struct TokenLayer<C = SendOnce> {
    tokens: TokenSource,
    origins: Arc<Origins>,
    clone_body: C,
}

impl TokenLayer {
    /// Creates a layer that sends each request once.
    pub fn new(tokens: TokenSource) -> Self {
        Self { tokens, origins: Arc::default(), clone_body: SendOnce }
    }
}

impl<C> TokenLayer<C> {
    /// Sends a request once more after a 401. Its body must be [`Clone`], such as `http_body_util::Full`.
    pub fn retry(self) -> TokenLayer<Cloned> {
        self.retry_with_body(Cloned)
    }

    /// Sends a request once more after a 401, if the function returns a copy of its body.
    ///
    /// ```no_run
    /// # fn example(tokens: freshtoken::TokenSource) {
    /// use freshtoken::tower::TokenLayer;
    /// use reqwest::Body;
    ///
    /// let layer = TokenLayer::new(tokens).retry_with(|body: &Body| Some(Body::from(body.as_bytes()?.to_vec())));
    /// # }
    /// ```
    pub fn retry_with<B, F: Fn(&B) -> Option<B> + Clone>(self, clone_body: F) -> TokenLayer<F> {
        self.retry_with_body(clone_body)
    }

    fn retry_with_body<D>(self, clone_body: D) -> TokenLayer<D> {
        TokenLayer { tokens: self.tokens, origins: self.origins, clone_body }
    }

    /// Lets the token go to the origin of this URL (scheme, host and port).
    ///
    /// # Errors
    ///
    /// As [`HttpClient::allow_origin`](crate::HttpClient::allow_origin).
    pub fn allow_origin(mut self, url: impl AsRef<str>) -> Result<Self, HttpError> {
        Arc::make_mut(&mut self.origins).allow(url.as_ref())?;
        Ok(self)
    }

    /// Returns the token source.
    pub fn tokens(&self) -> &TokenSource {
        &self.tokens
    }
}

impl<S, C: Clone> Layer<S> for TokenLayer<C> {
    type Service = TokenService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        TokenService::new(inner, self.clone())
    }
}

/// Prints no token.
impl<C> fmt::Debug for TokenLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenLayer").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
