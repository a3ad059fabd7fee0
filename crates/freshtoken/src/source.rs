//! The token source, the main type that users hold.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use freshtoken_wire::Secret;
use http::{HeaderName, HeaderValue};

#[cfg(feature = "blocking")]
use crate::core::background;
use crate::core::cell::{Rejected, TokenCell};
use crate::core::fast_path::{Lookup, Output};
use crate::core::revoke::Ending;
use crate::core::{lookup, persist, revoke};
use crate::error::{Error, ErrorKind};
use crate::status::{RejectionOutcome, Status};
use crate::sync::spawn;
use crate::token::Token;
use crate::used_token::UsedToken;
use crate::vendor::TokenPolicy;

/// Keeps the access token of one account fresh and serves it.
///
/// Clones are cheap and share everything. A source is `Send` and `Sync`, and works on any tokio runtime, even after the
/// runtime that it was first used on has ended. Nothing runs without callers, unless
/// [`refresh_in_background`](crate::TokenSourceBuilder::refresh_in_background) is set. Dropping the last clone stops all background work. Only a
/// single-use refresh in progress completes first, so that its token is not lost.
///
/// # Examples
///
/// ```no_run
/// # use freshtoken::{TokenSource, Vendor};
/// # async fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) -> Result<(), freshtoken::Error> {
/// let tokens = TokenSource::new(endpoint, credentials);
/// let header = tokens.header().await?; // the value of `authorization`, or of `tokens.header_name()`
/// # let _ = header;
/// # Ok(())
/// # }
/// ```
pub struct TokenSource(Arc<TokenCell>);

impl TokenSource {
    pub(crate) fn is_disposable(&self) -> bool {
        self.0.is_disposable()
    }

    pub(crate) fn is_held_by_one(&self) -> bool {
        self.0.has_one_source()
    }

    /// Continues [`refresh_in_background`](crate::TokenSourceBuilder::refresh_in_background) on this runtime.
    #[cfg(feature = "blocking")]
    pub(crate) fn ensure_background(&self) {
        background::ensure(&self.0);
    }

    #[cfg(feature = "blocking")]
    pub(crate) fn error(&self, kind: ErrorKind, action: &'static str) -> Error {
        self.0.error(kind, action)
    }

    pub(crate) fn of_cell(cell: Arc<TokenCell>) -> Self {
        cell.add_source();
        Self(cell)
    }

    /// Returns the header value that a call carries, such as `Bearer …`. Waits only if there is no fresh token.
    ///
    /// Cancel-safe: dropping the future does not cancel the request. It waits for at most one fetch, which usually is one
    /// request; the generated vendors time out after 30 s. The upper bound is five minutes, if a store, a callback and a
    /// vendor all hang. If a single-use token is refreshed at its expiry, the wait is up to 3 s longer.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`]. [`ErrorKind::InQuery`] if the vendor takes the token in the query. Concurrent callers share the error. Until [`Error::retry_after`] has elapsed, later callers get the
    /// same error at once.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(tokens: freshtoken::TokenSource) -> Result<(), freshtoken::Error> {
    /// let header = tokens.header().await?;
    /// println!("{} has a value that is marked as sensitive: {header:?}", tokens.header_name());
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn header(&self) -> impl Future<Output = Result<HeaderValue, Error>> + Send + '_ {
        Asking::of(&self.0)
    }

    /// Returns the header value without waiting, or `None` if there is no token now, or if the vendor takes it in the query.
    ///
    /// If a renewal is due, and this is called on a tokio runtime, the token is renewed in the background, so that a later
    /// call gets the new one.
    ///
    /// ```no_run
    /// # fn example(tokens: freshtoken::TokenSource) {
    /// match tokens.try_header() {
    ///     Some(header) => { /* make the call */ }
    ///     None => { /* try again later, or wait with `header` */ }
    /// }
    /// # }
    /// ```
    #[inline]
    pub fn try_header(&self) -> Option<HeaderValue> {
        match self.fresh() {
            Some(header) => Some(header),
            None => self.renewed().and_then(|token| HeaderValue::of(&token)),
        }
    }

    /// Returns the token with everything known about it: its scopes, its expiry and the vendor's typed response. Waits like
    /// [`TokenSource::header`].
    ///
    /// # Errors
    ///
    /// As [`TokenSource::header`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(tokens: freshtoken::TokenSource) -> Result<(), freshtoken::Error> {
    /// let token = tokens.token().await?;
    /// println!("expires at {:?}, scopes {:?}", token.expires_at(), token.scopes());
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn token(&self) -> impl Future<Output = Result<Token, Error>> + Send + '_ {
        Asking::of(&self.0)
    }

    /// Returns the token without waiting, as [`TokenSource::try_header`] does the header value.
    #[inline]
    pub fn try_token(&self) -> Option<Token> {
        match self.fresh() {
            Some(token) => Some(token),
            None => self.renewed(),
        }
    }

    #[inline(always)]
    pub(crate) fn fresh<T: Output>(&self) -> Option<T> {
        self.0.fast_path().get(&self.0.shared().clock)
    }

    #[cold]
    #[inline(never)]
    fn renewed(&self) -> Option<Token> {
        lookup::try_token(&self.0)
    }

    pub(crate) fn policy(&self) -> &'static TokenPolicy {
        self.0.shared().policy
    }

    /// See [`Vendor::base_url`](crate::Vendor::base_url).
    pub(crate) fn endpoint_url(&self) -> Option<&str> {
        self.0.shared().base_url.as_deref()
    }

    /// Whether the status of a call means that the token is no longer valid.
    pub(crate) fn is_expired_by(&self, status: http::StatusCode) -> bool {
        self.policy().expired.contains(&status.as_u16())
    }

    /// Obtains a token if there is none, for a readiness probe.
    ///
    /// It returns at once while a token is served, even if its renewal fails, and does not request more than any other caller:
    /// until [`Error::retry_after`], a failure is returned without a request. So a probe may call it as often as it likes.
    ///
    /// # Errors
    ///
    /// As [`TokenSource::header`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(tokens: freshtoken::TokenSource) -> http::StatusCode {
    /// match tokens.warm_up().await {
    ///     Ok(()) => http::StatusCode::OK,
    ///     Err(_) => http::StatusCode::SERVICE_UNAVAILABLE,
    /// }
    /// # }
    /// ```
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.token().await.map(drop)
    }

    /// Returns the name of the header that carries the token, usually `authorization`.
    pub fn header_name(&self) -> &HeaderName {
        &self.0.shared().header
    }

    /// Returns the name of the query parameter that carries the token, if the vendor takes it there and not in a header.
    ///
    /// [`HttpClient`](crate::HttpClient) and the middlewares put it there. With another client, add it yourself:
    ///
    /// ```no_run
    /// # async fn example(tokens: freshtoken::TokenSource) -> Result<(), freshtoken::Error> {
    /// let token = tokens.token().await?;
    /// if let Some(name) = tokens.query_name() {
    ///     let query = [(name, token.expose())]; // for `reqwest::RequestBuilder::query`, which encodes it
    ///     # let _ = query;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn query_name(&self) -> Option<&'static str> {
        self.policy().query
    }

    /// Reports that a call with this token, or with this header value, got 401.
    ///
    /// - An older token than the current one changes nothing: [`RejectionOutcome::Superseded`].
    /// - The current token is discarded, and the next caller waits for a new one: [`RejectionOutcome::Renewing`]. All callers that
    ///   report it share one request.
    /// - The current token stays if it came from a renewal after a 401 and no call has [succeeded](TokenSource::accepted)
    ///   with it: [`RejectionOutcome::PermissionProblem`]. A third token would not help either. Before that, the source looks into
    ///   the store for a newer token. The next renewal after a 401 comes 1 s after the last one, then 2 s, 4 s … up to an
    ///   hour, until a call succeeds. So a permanent 401 costs at most 40 logins a day.
    ///
    /// A token that has expired in the meantime does not count. Do not report a response with `error="insufficient_scope"` in
    /// `WWW-Authenticate`: another token would have no more scopes.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use freshtoken::TokenSource;
    /// # async fn example(tokens: &TokenSource, call: fn(&http::HeaderValue) -> u16) -> Result<(), freshtoken::Error> {
    /// use freshtoken::status::RejectionOutcome;
    ///
    /// let header = tokens.header().await?;
    /// if call(&header) == 401 && tokens.rejected(&header) != RejectionOutcome::PermissionProblem {
    ///     call(&tokens.header().await?); // once more, with the new token
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn rejected<'a>(&self, token: impl Into<UsedToken<'a>>) -> RejectionOutcome {
        self.reject(token.into()).rejection
    }

    pub(crate) fn reject(&self, token: UsedToken<'_>) -> Rejected {
        match token {
            // A removed source of the same account may have had another token of the same generation.
            UsedToken::Token(seen) => {
                self.0.rejected(|current| current.generation() == seen.generation() && current.is_in(seen.header()))
            }
            UsedToken::Header(seen) => self.0.rejected(|current| current.is_in(seen)),
        }
    }

    /// Reports that a call with this token, or with this header value, succeeded.
    ///
    /// A later 401 then means that the token was revoked, and never a permission problem: see
    /// [`rejected`](TokenSource::rejected). [`HttpClient`](crate::HttpClient) reports every success for you. Reporting
    /// costs one comparison, so report each success.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use freshtoken::TokenSource;
    /// # async fn example(tokens: &TokenSource, call: fn(&http::HeaderValue) -> u16) -> Result<(), freshtoken::Error> {
    /// let header = tokens.header().await?;
    /// match call(&header) {
    ///     200..=299 => tokens.accepted(&header),
    ///     401 => drop(tokens.rejected(&header)),
    ///     _ => {}
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn accepted<'a>(&self, token: impl Into<UsedToken<'a>>) {
        match token.into() {
            UsedToken::Token(seen) => seen.accept(),
            UsedToken::Header(seen) => self.0.accepted(|current| current.is_in(seen)),
        }
    }

    /// Revokes the token at the vendor, and forgets it and its refresh token here and in the store. The next caller causes a
    /// login.
    ///
    /// Cancel-safe: dropping the future does not cancel the request. Does nothing if there is no token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] if the vendor has no such operation. After [`ErrorKind::Unavailable`] the token is kept, so
    /// that you can try again. After [`ErrorKind::Refused`] it is forgotten.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(tokens: freshtoken::TokenSource) {
    /// if let Err(error) = tokens.revoke().await {
    ///     eprintln!("cannot revoke the token: {error:#}");
    /// }
    /// # }
    /// ```
    pub async fn revoke(&self) -> Result<(), Error> {
        self.end(Ending::Revoke).await
    }

    async fn end(&self, ending: Ending) -> Result<(), Error> {
        if self.0.is_notifying() {
            return Err(self.0.error(ErrorKind::InCallback, "revoke a token"));
        }
        let (sender, revoked) = tokio::sync::oneshot::channel();
        let cell = self.0.clone();
        let task = spawn(async move {
            let _ = sender.send(revoke::end(cell, ending).await);
        });
        let no_runtime = || self.0.error(ErrorKind::NoRuntime, "revoke a token");
        match task {
            Some(_) => revoked.await.unwrap_or_else(|_| Err(no_runtime())),
            None => Err(no_runtime()),
        }
    }

    /// Forgets the token and its refresh token here and in the store, and sends no request. The next caller causes a login. A
    /// record in the store that [cannot be read](crate::store::UnreadableRecord) is replaced.
    ///
    /// At the vendor, the token stays valid until it expires: see [`TokenSource::revoke`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`] if the store fails.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(tokens: freshtoken::TokenSource) -> Result<(), freshtoken::Error> {
    /// tokens.forget().await?; // the next caller logs in
    /// # Ok(())
    /// # }
    /// ```
    pub async fn forget(&self) -> Result<(), Error> {
        self.end(Ending::Forget).await
    }

    /// Loads the record from the store and uses it if it is newer. Sends no request.
    ///
    /// A source does this before each request. Call it to show the [status](TokenSource::status) of an account, or
    /// for a token of another process without a runtime: a `FileStore` needs none, and the future completes at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`] if the store is unreachable, or holds a record that cannot be used.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(tokens: freshtoken::TokenSource) -> Result<(), freshtoken::Error> {
    /// tokens.load_stored().await?;
    /// println!("{}", tokens.status());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn load_stored(&self) -> Result<(), Error> {
        persist::load_stored(&self.0).await
    }

    /// Replaces the account's token pair by a person's new consent. The next caller waits for its token, and the old pair is no
    /// longer served.
    ///
    /// A refresh token that was configured and sent before is ignored. If no pair works, the
    /// [configured](crate::TokenSourceBuilder::refresh_token) refresh token is used without this call.
    ///
    /// ```no_run
    /// # fn example(tokens: freshtoken::TokenSource, refresh_token: String) {
    /// tokens.new_consent(refresh_token); // from the vendor's redirect to your consent page
    /// # }
    /// ```
    pub fn new_consent(&self, refresh_token: impl Into<Secret>) {
        self.0.new_consent(refresh_token.into());
    }

    /// Returns the state of the source, for a health check or a live view. Sends no request.
    ///
    /// ```no_run
    /// # fn example(tokens: freshtoken::TokenSource) {
    /// let status = tokens.status();
    /// println!("{:?}, serving: {}, logins: {}", status.state, status.is_serving, status.counters.logins);
    /// # }
    /// ```
    pub fn status(&self) -> Status {
        self.0.status()
    }

    /// Reports that the credentials behind the [`CredentialSource`](crate::CredentialSource) have changed. After
    /// [`ErrorKind::Refused`], the next caller has them tried.
    ///
    /// ```no_run
    /// # fn example(tokens: freshtoken::TokenSource) {
    /// tokens.credentials_changed(); // after the secret was rotated
    /// # }
    /// ```
    pub fn credentials_changed(&self) {
        self.0.credentials_changed();
    }
}

/// The future of [`TokenSource::header`] and [`TokenSource::token`].
struct Asking<'a, T>(Lookup<'a, TokenCell>, PhantomData<fn() -> T>);

impl<'a, T> Asking<'a, T> {
    #[inline]
    fn of(cell: &'a Arc<TokenCell>) -> Self {
        Self(Lookup::new(cell), PhantomData)
    }
}

impl<T: Output> Future for Asking<'_, T> {
    type Output = Result<T, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context)
    }
}

impl Clone for TokenSource {
    fn clone(&self) -> Self {
        Self::of_cell(self.0.clone())
    }
}

impl Drop for TokenSource {
    fn drop(&mut self) {
        self.0.remove_source();
    }
}

/// Prints the key and the status, and no token.
impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("key", &self.0.key())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

#[allow(dead_code, reason = "a compile-time proof")]
fn a_source_can_go_anywhere() {
    fn anywhere<T: Any + Send + Sync + Clone>() {}
    anywhere::<TokenSource>();
}
