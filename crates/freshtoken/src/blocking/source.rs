//! The blocking token source.

use std::fmt;

use freshtoken_wire::Secret;
use http::{HeaderName, HeaderValue};

use crate::blocking::thread::{CannotWait, handle, wait};
use crate::core::fast_path::Output;
use crate::credentials::CredentialSource;
use crate::env::{EnvError, FromEnv};
use crate::error::{Error, ErrorKind};
use crate::status::{RejectionOutcome, Status};
use crate::token::Token;
use crate::used_token::UsedToken;
use crate::vendor::Vendor;

const GET_A_TOKEN: &str = "get a token";

/// A [`TokenSource`](crate::TokenSource) for threads that may block. Clones are cheap and share everything.
///
/// ```no_run
/// # use freshtoken::Vendor;
/// # fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) -> Result<(), freshtoken::Error> {
/// let tokens = freshtoken::blocking::TokenSource::new(endpoint, credentials);
/// let header = tokens.header()?;
/// # let _ = header;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TokenSource(crate::TokenSource);

impl TokenSource {
    /// Creates a source for one account that keeps its token in memory only. It sends no request before the first call.
    ///
    /// For a source with a store or a callback, convert one from [`builder`](crate::TokenSource::builder).
    pub fn new<V: Vendor>(vendor: V, credentials: impl Into<CredentialSource<V::Credentials>>) -> Self {
        crate::TokenSource::new(vendor, credentials).into()
    }

    /// Creates a source from environment variables: see [`TokenSource::from_env`](crate::TokenSource::from_env).
    ///
    /// # Errors
    ///
    /// [`EnvError`] names the missing variables.
    pub fn from_env<V: FromEnv>() -> Result<Self, EnvError> {
        Ok(crate::TokenSource::from_env::<V>()?.into())
    }

    /// Returns the header value that a call carries, such as `Bearer …`. Waits only if there is no fresh token.
    ///
    /// # Errors
    ///
    /// As [`TokenSource::header`](crate::TokenSource::header), and [`ErrorKind::AsyncContext`].
    pub fn header(&self) -> Result<HeaderValue, Error> {
        match self.0.fresh() {
            Some(header) => Ok(header),
            None => HeaderValue::of(&self.token()?).ok_or_else(|| self.0.error(ErrorKind::InQuery, "return a header")),
        }
    }

    /// Returns the header value without waiting, or `None` if there is no token now. Async code may call it.
    ///
    /// If a renewal is due, the background thread renews the token.
    pub fn try_header(&self) -> Option<HeaderValue> {
        match self.0.fresh() {
            Some(header) => Some(header),
            None => self.try_token().and_then(|token| HeaderValue::of(&token)),
        }
    }

    /// Returns the token with everything known about it. Waits like [`TokenSource::header`].
    ///
    /// # Errors
    ///
    /// As [`TokenSource::header`].
    pub fn token(&self) -> Result<Token, Error> {
        if let Some(token) = self.0.fresh() {
            return Ok(token);
        }
        let tokens = self.0.clone();
        match wait(async move { tokens.token().await }) {
            Ok(result) => result,
            // A token that is due is served nevertheless.
            Err(why) => self.try_token().ok_or_else(|| self.error(why, GET_A_TOKEN)),
        }
    }

    /// Returns the token without waiting, as [`TokenSource::try_header`] does the header value.
    pub fn try_token(&self) -> Option<Token> {
        // Whoever asks first starts the renewal, and it must run on the background thread.
        let _background = handle().map(|handle| handle.enter());
        self.0.try_token()
    }

    /// Obtains a token if there is none, for a readiness probe: see [`TokenSource::warm_up`](crate::TokenSource::warm_up).
    ///
    /// # Errors
    ///
    /// As [`TokenSource::header`].
    pub fn warm_up(&self) -> Result<(), Error> {
        self.token().map(drop)
    }

    /// Returns the name of the header that carries the token, usually `authorization`.
    pub fn header_name(&self) -> &HeaderName {
        self.0.header_name()
    }

    /// Returns the name of the query parameter that carries the token, if the vendor takes it there: see
    /// [`TokenSource::query_name`](crate::TokenSource::query_name).
    pub fn query_name(&self) -> Option<&'static str> {
        self.0.query_name()
    }

    /// Reports that a call with this token, or with this header value, got 401: see
    /// [`TokenSource::rejected`](crate::TokenSource::rejected). Does not wait.
    pub fn rejected<'a>(&self, token: impl Into<UsedToken<'a>>) -> RejectionOutcome {
        self.0.rejected(token)
    }

    /// Reports that a call with this token, or with this header value, succeeded: see
    /// [`TokenSource::accepted`](crate::TokenSource::accepted). Does not wait.
    pub fn accepted<'a>(&self, token: impl Into<UsedToken<'a>>) {
        self.0.accepted(token);
    }

    /// Revokes the token at the vendor and forgets it: see [`TokenSource::revoke`](crate::TokenSource::revoke).
    ///
    /// # Errors
    ///
    /// As [`TokenSource::revoke`](crate::TokenSource::revoke), and [`ErrorKind::AsyncContext`].
    pub fn revoke(&self) -> Result<(), Error> {
        let tokens = self.0.clone();
        wait(async move { tokens.revoke().await }).unwrap_or_else(|why| Err(self.error(why, "revoke a token")))
    }

    /// Replaces the account's token pair by a person's new consent: see
    /// [`TokenSource::new_consent`](crate::TokenSource::new_consent).
    pub fn new_consent(&self, refresh_token: impl Into<Secret>) {
        self.0.new_consent(refresh_token);
    }

    /// Reports that the credentials have changed: see
    /// [`TokenSource::credentials_changed`](crate::TokenSource::credentials_changed).
    pub fn credentials_changed(&self) {
        self.0.credentials_changed();
    }

    /// Returns the state of the source. Sends no request.
    pub fn status(&self) -> Status {
        self.0.status()
    }

    /// Returns the async source, which shares the token.
    pub fn as_async(&self) -> &crate::TokenSource {
        &self.0
    }

    fn error(&self, why: CannotWait, action: &'static str) -> Error {
        self.0.error(why.into(), action)
    }
}

impl From<CannotWait> for ErrorKind {
    fn from(why: CannotWait) -> Self {
        match why {
            CannotWait::AsyncContext => Self::AsyncContext,
            CannotWait::NoThread => Self::NoRuntime,
        }
    }
}

/// The renewals of [`refresh_in_background`](crate::TokenSourceBuilder::refresh_in_background) run on the background thread.
impl From<crate::TokenSource> for TokenSource {
    fn from(tokens: crate::TokenSource) -> Self {
        let _background = handle().map(|handle| handle.enter());
        tokens.ensure_background();
        Self(tokens)
    }
}

/// Prints the key and the status, and no token.
impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
