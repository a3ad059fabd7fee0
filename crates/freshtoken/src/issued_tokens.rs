//! The response to a grant.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderName;

use freshtoken_wire::Secret;

/// The response to a grant, as the vendor sent it: nothing is measured against a clock yet.
///
/// ```
/// use freshtoken::IssuedTokens;
/// use std::time::Duration;
///
/// let issued = IssuedTokens::new("an access token").expires_in(Duration::from_secs(900)).refresh_token("a refresh token");
/// assert!(!format!("{issued:?}").contains("access token"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct IssuedTokens {
    /// The access token.
    pub access_token: Secret,
    /// What precedes the token in a call's header, as the vendor spells it.
    pub token_type: Option<String>,
    /// The lifetime, counted from the arrival of the response. Zero: the token arrives expired.
    pub expires_in: Option<Duration>,
    /// Whether the vendor says that the token never expires. An expiry that is set too is used.
    pub never_expires: bool,
    /// The expiry by the issuer's clock. If [`IssuedTokens::expires_in`] is set too, the earlier expiry is used.
    pub expires_at: Option<SystemTime>,
    /// When to renew the token in the background, counted from the arrival of the response. `None`: as the policy says.
    pub renew_in: Option<Duration>,
    /// The response's `Date`, which shows how far the issuer's clock is off.
    pub date: Option<SystemTime>,
    /// The refresh token.
    pub refresh_token: Option<Secret>,
    /// The refresh token's lifetime, counted from the arrival of the response.
    pub refresh_expires_in: Option<Duration>,
    /// The refresh token's expiry by the issuer's clock.
    pub refresh_expires_at: Option<SystemTime>,
    /// The granted scopes; empty if the vendor does not say.
    pub scopes: Vec<String>,
    /// Additional headers for each call.
    pub extra_headers: Vec<(HeaderName, Secret)>,
    /// The two halves of HTTP Basic, if calls carry the token as one of them.
    pub basic: Option<(Secret, Secret)>,
    /// Values of the response that belong to the token, by name: see [`Token::kept`](crate::Token::kept).
    pub kept: Vec<(String, Secret)>,
    /// The vendor's typed response, for fields beyond the token: see [`Token::response`](crate::Token::response).
    pub response: Option<Arc<dyn Any + Send + Sync>>,
}

impl IssuedTokens {
    /// Creates a response with an access token and nothing else.
    pub fn new(access_token: impl Into<Secret>) -> Self {
        Self {
            access_token: access_token.into(),
            token_type: None,
            expires_in: None,
            never_expires: false,
            expires_at: None,
            renew_in: None,
            date: None,
            refresh_token: None,
            refresh_expires_in: None,
            refresh_expires_at: None,
            scopes: Vec::new(),
            extra_headers: Vec::new(),
            basic: None,
            kept: Vec::new(),
            response: None,
        }
    }

    /// Sets [`IssuedTokens::token_type`].
    pub fn token_type(mut self, token_type: impl Into<String>) -> Self {
        self.token_type = Some(token_type.into());
        self
    }

    /// Sets [`IssuedTokens::expires_in`].
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.expires_in = Some(lifetime);
        self
    }

    /// Sets [`IssuedTokens::never_expires`].
    pub fn never_expires(mut self) -> Self {
        self.never_expires = true;
        self
    }

    /// Sets [`IssuedTokens::renew_in`].
    pub fn renew_in(mut self, wait: Duration) -> Self {
        self.renew_in = Some(wait);
        self
    }

    /// Sets [`IssuedTokens::expires_at`].
    pub fn expires_at(mut self, expiry: SystemTime) -> Self {
        self.expires_at = Some(expiry);
        self
    }

    /// Sets [`IssuedTokens::date`].
    pub fn date(mut self, date: SystemTime) -> Self {
        self.date = Some(date);
        self
    }

    /// Sets [`IssuedTokens::refresh_token`].
    pub fn refresh_token(mut self, refresh_token: impl Into<Secret>) -> Self {
        self.refresh_token = Some(refresh_token.into());
        self
    }

    /// Sets [`IssuedTokens::refresh_expires_in`].
    pub fn refresh_expires_in(mut self, lifetime: Duration) -> Self {
        self.refresh_expires_in = Some(lifetime);
        self
    }

    /// Sets [`IssuedTokens::refresh_expires_at`].
    pub fn refresh_expires_at(mut self, expiry: SystemTime) -> Self {
        self.refresh_expires_at = Some(expiry);
        self
    }

    /// Sets [`IssuedTokens::scopes`].
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`IssuedTokens::basic`]: the user name and the password, one of which is the token.
    pub fn basic(mut self, user: impl Into<Secret>, password: impl Into<Secret>) -> Self {
        self.basic = Some((user.into(), password.into()));
        self
    }

    /// Adds a header to [`IssuedTokens::extra_headers`].
    pub fn extra_header(mut self, header: HeaderName, value: impl Into<Secret>) -> Self {
        self.extra_headers.push((header, value.into()));
        self
    }

    /// Adds a value to [`IssuedTokens::kept`].
    pub fn keep(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.kept.push((name.into(), value.into()));
        self
    }

    /// Sets [`IssuedTokens::response`].
    pub fn response(mut self, response: impl Any + Send + Sync) -> Self {
        self.response = Some(Arc::new(response));
        self
    }
}

/// Prints no token, and no string that could contain one.
impl fmt::Debug for IssuedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedTokens")
            .field("expires_in", &self.expires_in)
            .field("never_expires", &self.never_expires)
            .field("expires_at", &self.expires_at)
            .field("renew_in", &self.renew_in)
            .field("has_refresh_token", &self.refresh_token.is_some())
            .finish_non_exhaustive()
    }
}
