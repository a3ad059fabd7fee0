//! The [`Vendor`] trait: three grants, and the policy for the vendor's tokens.
//!
//! The adapters of this repository's vendors are generated from their specs. For your own vendor, implement [`Vendor`] by hand:
//! `examples/own_vendor.rs` is complete. Nothing else in this crate knows which vendor it serves.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use freshtoken_wire::Secret;
use http::HeaderName;

use crate::credentials::{CredentialSource, Refusals};
use crate::grant_error::GrantError;
use crate::issued_tokens::IssuedTokens;

/// A token endpoint: how to log in, refresh and revoke.
///
/// A grant is one request and its response. It does not retry, wait or keep anything: that is the token source's job. It calls
/// [`CredentialSource::get`] only if it needs credentials.
///
/// # Examples
///
/// ```
/// use freshtoken::{CredentialSource, GrantError, IssuedTokens, TokenPolicy, Vendor};
/// use std::time::Duration;
///
/// struct Acme;
///
/// impl Vendor for Acme {
///     type Credentials = String;
///     const POLICY: TokenPolicy = TokenPolicy::new("acme");
///
///     fn server(&self) -> String {
///         "https://acme.example".to_owned()
///     }
///
///     async fn login(&self, credentials: &CredentialSource<String>) -> Result<IssuedTokens, GrantError> {
///         let password = credentials.get().await?;
///         // Send the request here. An error becomes a `GrantError`.
///         # let _ = password;
///         Ok(IssuedTokens::new("the-access-token").expires_in(Duration::from_secs(900)))
///     }
/// }
/// ```
pub trait Vendor: Send + Sync + 'static {
    /// The credentials for a login, or for a refresh if a person has to consent first.
    type Credentials: Send + Sync + 'static;

    /// When and how the vendor's tokens are renewed and sent.
    const POLICY: TokenPolicy;

    /// Whether each grant has its own timeout, as in generated clients. The source then sets none, unless it calls a callback
    /// for credentials.
    const IS_TIMED: bool = false;

    /// Returns the policy for the tokens of this endpoint.
    ///
    /// The default is [`POLICY`](Vendor::POLICY). Override it if each tenant of the vendor decides whether its refresh tokens are
    /// single-use. Both policies must send tokens in the same way.
    fn policy(&self) -> &'static TokenPolicy {
        const { &Self::POLICY }
    }

    /// Returns which of the vendor's servers this is, as a part of the key under which a store keeps a token. It must not
    /// contain a secret.
    fn server(&self) -> String;

    /// Returns the base URL of the vendor's API, if calls go to the server that issues the tokens. `None`: the response has it
    /// ([`TokenPolicy::base_url`]), or the caller knows it.
    fn base_url(&self) -> Option<String> {
        None
    }

    /// Returns what these credentials ask for, as a string in any format: the client, the user, scopes, an audience, and whatever
    /// else decides which token is issued. It is a part of the key too, if [`TokenPolicy::scoped`] is set. It must not contain a
    /// secret.
    fn requested(_credentials: &Self::Credentials) -> String {
        String::new()
    }

    /// Requests a first token.
    ///
    /// # Errors
    ///
    /// The default is a failure: the vendor has no such operation.
    fn login(
        &self,
        credentials: &CredentialSource<Self::Credentials>,
    ) -> impl Future<Output = Result<IssuedTokens, GrantError>> + Send {
        let _ = credentials;
        async { Err(GrantError::unsupported("log in")) }
    }

    /// Exchanges a refresh token for a new access token.
    ///
    /// # Errors
    ///
    /// The default is a failure: the vendor has no such operation.
    fn refresh(
        &self,
        credentials: &CredentialSource<Self::Credentials>,
        refresh_token: &Secret,
    ) -> impl Future<Output = Result<IssuedTokens, GrantError>> + Send {
        let _ = (credentials, refresh_token);
        async { Err(GrantError::unsupported("refresh")) }
    }

    /// Revokes the access token or the refresh token, as [`TokenPolicy::revoke`] says.
    ///
    /// # Errors
    ///
    /// The default is a failure: the vendor has no such operation.
    fn revoke(
        &self,
        credentials: &CredentialSource<Self::Credentials>,
        token: &Secret,
    ) -> impl Future<Output = Result<(), GrantError>> + Send {
        let _ = (credentials, token);
        async { Err(GrantError::unsupported("revoke")) }
    }

    /// Like [`revoke`](Vendor::revoke), for an operation that takes the refresh token and is authorized by the live access
    /// token, if there is one. A source calls this one.
    ///
    /// # Errors
    ///
    /// The default calls [`revoke`](Vendor::revoke).
    fn revoke_with(
        &self,
        credentials: &CredentialSource<Self::Credentials>,
        token: &Secret,
        access_token: Option<&Secret>,
    ) -> impl Future<Output = Result<(), GrantError>> + Send {
        let _ = access_token;
        self.revoke(credentials, token)
    }
}

/// When a vendor's tokens are renewed, and how they are sent. It belongs to the vendor, not to the user: refreshing early a
/// token that must be refreshed at expiry invalidates it.
///
/// Start from [`TokenPolicy::new`] and set what differs.
///
/// ```
/// use freshtoken::{TokenPolicy, RefreshTokens, TokenKind};
///
/// const POLICY: TokenPolicy = TokenPolicy::new("acme").refresh(RefreshTokens::SingleUse).revoke(TokenKind::Refresh);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TokenPolicy {
    /// The vendor's name, for keys and events.
    pub vendor: &'static str,
    /// Whether credentials alone get a token. Otherwise a source starts from a refresh token or a stored token.
    pub login: bool,
    /// Whether there are refresh tokens, and how often each works.
    pub refresh: RefreshTokens,
    /// Whether a refresh token outlives a response without a new one, even if it is single-use: the vendor rotates refresh
    /// tokens only if the tenant wants it.
    pub keeps_refresh_token: bool,
    /// Whether the response to a refresh may have no access token, because the old one stays, for its whole lifetime again.
    pub keeps_access_token: bool,
    /// How often in a row a token can be refreshed. Then the source logs in.
    pub most_refreshes: Option<u16>,
    /// For how long after its use the vendor takes a single-use refresh token once more. After a lost response, it is then sent
    /// once more at once.
    pub grace: Option<Duration>,
    /// Which token [`Vendor::revoke`] takes. `None`: the vendor has no such operation.
    pub revoke: Option<TokenKind>,
    /// When a token is renewed.
    pub renew: Renewal,
    /// The lifetime of a token if the response states none.
    pub lifetime: Lifetime,
    /// How many tokens the vendor issues to an account, and in what time. A source waits before it requests more.
    pub grant_limit: Option<(usize, Duration)>,
    /// How many access tokens of an account are valid at once: one more ends the oldest. A source renews a token that still works
    /// only if there is room.
    pub live_limit: Option<usize>,
    /// Whether the credentials decide which token is issued: see [`Vendor::requested`].
    pub scoped: bool,
    /// The header that carries the token, in lower case.
    pub header: &'static str,
    /// What precedes the token in the header, with `Some("")` for nothing. `None`: the token type of the response; without one,
    /// `Bearer` on `authorization`, and nothing on another header.
    pub prefix: Option<&'static str>,
    /// The parameter of a call's query that carries the token, instead of a header.
    pub query: Option<&'static str>,
    /// Additional headers for each call, in lower case, each with the name of a [kept value](crate::Token::kept).
    pub kept_headers: &'static [(&'static str, &'static str)],
    /// The [kept value](crate::Token::kept) that is the base URL of calls.
    pub base_url: Option<&'static str>,
    /// The statuses of a call that mean that the token is no longer valid: see [`HttpClient`](crate::HttpClient).
    pub expired: &'static [u16],
}

impl TokenPolicy {
    /// Creates the policy of a vendor that only has a login: no refresh token, renewal in the background at three quarters of
    /// the lifetime, sent as `authorization: Bearer …`.
    pub const fn new(vendor: &'static str) -> Self {
        Self {
            vendor,
            login: true,
            refresh: RefreshTokens::None,
            keeps_refresh_token: false,
            keeps_access_token: false,
            most_refreshes: None,
            grace: None,
            revoke: None,
            renew: Renewal::Early(0.75),
            lifetime: Lifetime::Unknown,
            grant_limit: None,
            live_limit: None,
            scoped: false,
            header: "authorization",
            prefix: None,
            query: None,
            kept_headers: &[],
            base_url: None,
            expired: &[401],
        }
    }

    /// Sets [`TokenPolicy::login`].
    pub const fn login(mut self, login: bool) -> Self {
        self.login = login;
        self
    }

    /// Sets [`TokenPolicy::refresh`]. [`RefreshTokens::SingleUse`] also sets [`TokenPolicy::renew`] to [`Renewal::AtExpiry`].
    pub const fn refresh(mut self, refresh: RefreshTokens) -> Self {
        self.refresh = refresh;
        if matches!(refresh, RefreshTokens::SingleUse) {
            self.renew = Renewal::AtExpiry;
        }
        self
    }

    /// Sets [`TokenPolicy::keeps_refresh_token`].
    pub const fn keeps_refresh_token(mut self) -> Self {
        self.keeps_refresh_token = true;
        self
    }

    /// Sets [`TokenPolicy::keeps_access_token`]. A refresh returns [`IssuedTokens`] with an empty access token then.
    pub const fn keeps_access_token(mut self) -> Self {
        self.keeps_access_token = true;
        self
    }

    /// Sets [`TokenPolicy::most_refreshes`].
    pub const fn most_refreshes(mut self, most: u16) -> Self {
        self.most_refreshes = Some(most);
        self
    }

    /// Sets [`TokenPolicy::grace`].
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Sets [`TokenPolicy::revoke`].
    pub const fn revoke(mut self, takes: TokenKind) -> Self {
        self.revoke = Some(takes);
        self
    }

    /// Sets [`TokenPolicy::renew`].
    pub const fn renew(mut self, renew: Renewal) -> Self {
        self.renew = renew;
        self
    }

    /// Sets [`TokenPolicy::lifetime`].
    pub const fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Sets [`TokenPolicy::grant_limit`]: at most so many tokens in this time.
    pub const fn grant_limit(mut self, most: usize, window: Duration) -> Self {
        self.grant_limit = Some((most, window));
        self
    }

    /// Sets [`TokenPolicy::live_limit`].
    pub const fn live_limit(mut self, most: usize) -> Self {
        self.live_limit = Some(most);
        self
    }

    /// Sets [`TokenPolicy::scoped`].
    pub const fn scoped(mut self, scoped: bool) -> Self {
        self.scoped = scoped;
        self
    }

    /// Sets [`TokenPolicy::header`], in lower case.
    ///
    /// # Panics
    ///
    /// If the name is not a valid header name, or not in lower case. A [`Vendor::POLICY`] with such a name does not compile:
    ///
    /// ```compile_fail
    /// # use freshtoken::TokenPolicy;
    /// const POLICY: TokenPolicy = TokenPolicy::new("acme").header("X Token");
    /// ```
    pub const fn header(mut self, header: &'static str) -> Self {
        // A static name needs no drop, but a const fn cannot drop it.
        std::mem::forget(HeaderName::from_static(header));
        self.header = header;
        self
    }

    /// Sets [`TokenPolicy::prefix`]. An empty one sends the bare token. One that ends with `=` is not followed by a space: the
    /// header `cookie` with the prefix `session=` sends the token in a cookie.
    pub const fn prefix(mut self, prefix: &'static str) -> Self {
        self.prefix = Some(prefix);
        self
    }

    /// Sets [`TokenPolicy::query`].
    pub const fn query(mut self, parameter: &'static str) -> Self {
        self.query = Some(parameter);
        self
    }

    /// Sets [`TokenPolicy::kept_headers`].
    ///
    /// # Panics
    ///
    /// If a name is not a valid header name in lower case, at compile time as for [`TokenPolicy::header`].
    pub const fn kept_headers(mut self, headers: &'static [(&'static str, &'static str)]) -> Self {
        let mut index = 0;
        while index < headers.len() {
            std::mem::forget(HeaderName::from_static(headers[index].0));
            index += 1;
        }
        self.kept_headers = headers;
        self
    }

    /// Sets [`TokenPolicy::base_url`].
    pub const fn base_url(mut self, kept: &'static str) -> Self {
        self.base_url = Some(kept);
        self
    }

    /// Sets [`TokenPolicy::expired`].
    pub const fn expired(mut self, statuses: &'static [u16]) -> Self {
        self.expired = statuses;
        self
    }
}

/// Whether a vendor issues refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefreshTokens {
    /// No: a renewal is a login.
    None,
    /// Yes, and each works any number of times.
    Reusable,
    /// Yes, and each works once, so it is sent once. If the response is lost and the vendor has no login, it is sent once
    /// more after the access token has expired.
    SingleUse,
    /// No: a token that is still valid is renewed with itself. [`Vendor::refresh`] gets the access token.
    AccessToken,
}

/// When a token is renewed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Renewal {
    /// Once it has expired, never earlier and never in the background.
    AtExpiry,
    /// In the background, at this fraction of its lifetime, between 0 and 1.
    Early(f64),
    /// In the background, this long before it expires.
    Before(Duration),
}

/// The lifetime of a token if the response states none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lifetime {
    /// A fixed lifetime.
    For(Duration),
    /// The token never expires.
    Never,
    /// Unknown: the token is used until a call gets 401.
    Unknown,
}

/// Which token a revocation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenKind {
    /// The access token.
    Access,
    /// The refresh token.
    Refresh,
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, GrantError>> + Send + 'a>>;

/// A vendor's grants with their credentials, as a trait object, so that a source has no type parameter.
pub(crate) trait Grants: Send + Sync {
    /// Whether each grant has its own timeout. A callback for credentials may hang.
    fn are_timed(&self) -> bool;
    /// Whether the credentials come from a callback.
    fn asks(&self) -> bool;
    /// Allows credentials that were refused to be sent again.
    fn forget_refusal(&self);
    fn login(&self) -> BoxFuture<'_, IssuedTokens>;
    fn refresh<'a>(&'a self, refresh_token: &'a Secret) -> BoxFuture<'a, IssuedTokens>;
    fn revoke<'a>(&'a self, token: &'a Secret, access_token: Option<&'a Secret>) -> BoxFuture<'a, ()>;
}

pub(crate) struct Bound<V: Vendor> {
    vendor: Arc<V>,
    credentials: CredentialSource<V::Credentials>,
    /// Refused credentials of a callback.
    refusals: Option<Box<Refusals<V::Credentials>>>,
}

impl<V: Vendor> Bound<V> {
    pub(crate) fn new(vendor: Arc<V>, credentials: CredentialSource<V::Credentials>) -> Self {
        let refusals = credentials.value().is_none().then(|| Box::new(Refusals::new()));
        Self { vendor, credentials, refusals }
    }
}

impl<V: Vendor> Grants for Bound<V> {
    fn are_timed(&self) -> bool {
        V::IS_TIMED && !self.asks()
    }

    fn asks(&self) -> bool {
        self.refusals.is_some()
    }

    fn forget_refusal(&self) {
        if let Some(refusals) = &self.refusals {
            refusals.forget();
        }
    }

    fn login(&self) -> BoxFuture<'_, IssuedTokens> {
        let Some(refusals) = &self.refusals else { return Box::pin(self.vendor.login(&self.credentials)) };
        Box::pin(async {
            let credentials = refusals.attempt(&self.credentials);
            let result = self.vendor.login(&credentials).await;
            refusals.record(&credentials, &result);
            result
        })
    }

    fn refresh<'a>(&'a self, refresh_token: &'a Secret) -> BoxFuture<'a, IssuedTokens> {
        let Some(refusals) = &self.refusals else {
            return Box::pin(self.vendor.refresh(&self.credentials, refresh_token));
        };
        Box::pin(async move {
            let credentials = refusals.attempt(&self.credentials);
            let result = self.vendor.refresh(&credentials, refresh_token).await;
            refusals.record(&credentials, &result);
            result
        })
    }

    fn revoke<'a>(&'a self, token: &'a Secret, access_token: Option<&'a Secret>) -> BoxFuture<'a, ()> {
        Box::pin(self.vendor.revoke_with(&self.credentials, token, access_token))
    }
}
