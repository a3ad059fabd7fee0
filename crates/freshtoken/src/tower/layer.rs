//! The layer, and where it lets tokens go.

use std::fmt;
use std::sync::Arc;

use crate::http_client::origins::Origins;
use crate::http_error::HttpError;
use crate::source::TokenSource;
use crate::tower::body::{Cloned, SendOnce};

/// Adds a fresh token to each request of a service: see the [module](crate::tower).
///
/// `C` is how a body is copied for a retry.
#[derive(Clone)]
pub struct TokenLayer<C = SendOnce> {
    pub(super) tokens: TokenSource,
    pub(super) origins: Arc<Origins>,
    pub(super) clone_body: C,
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

/// Prints no token.
impl<C> fmt::Debug for TokenLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenLayer").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
