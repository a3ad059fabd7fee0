//! What a vendor is to the facade: three grants, and the rules by which its tokens live.
//!
//! The adapters of this repository's vendors are generated from their specs. A vendor of one's own implements [`Vendor`]
//! by hand: `examples/own_vendor.rs` is a whole one. Nothing else in this crate knows which vendor it serves.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;

use crate::credentials::CredentialSource;
use crate::credentials::Refusals;
use crate::failure::Failure;
use crate::issued::Issued;
use freshtoken_wire::Secret;

/// A token endpoint: how to log in, to refresh and to revoke there.
///
/// A grant is one request and its answer. It doesn't retry, wait or keep anything: that is the token source's business.
/// It asks `credentials` only where it needs them.
pub trait Vendor: Send + Sync + 'static {
    /// What a login needs, or, where a person has to consent first, what a refresh needs beside its token.
    type Credentials: Send + Sync + 'static;

    /// How its tokens live.
    const POLICY: Policy;

    /// Whether each grant ends in time by itself, as those of generated clients do: then a source sets it no limit, unless it
    /// asks a callback for credentials.
    #[doc(hidden)]
    const IS_TIMED: bool = false;

    /// Which of its servers this is: part of the key under which a store holds a token. No secret may be in it.
    fn server(&self) -> String;

    /// The scopes that these credentials ask for, in a text of the vendor's own: part of the key as well, where
    /// [`Policy::scoped`] says so.
    fn scopes(_credentials: &Self::Credentials) -> String {
        String::new()
    }

    /// Gets a first token.
    fn login(
        &self,
        credentials: &CredentialSource<Self::Credentials>,
    ) -> impl Future<Output = Result<Issued, Failure>> + Send {
        let _ = credentials;
        async { Err(Failure::unsupported("log in")) }
    }

    /// Trades a refresh token for a new access token.
    fn refresh(
        &self,
        credentials: &CredentialSource<Self::Credentials>,
        refresh_token: &Secret,
    ) -> impl Future<Output = Result<Issued, Failure>> + Send {
        let _ = (credentials, refresh_token);
        async { Err(Failure::unsupported("refresh")) }
    }

    /// Ends a token: the access token or the refresh token, as [`Policy::revoke`] says.
    fn revoke(
        &self,
        credentials: &CredentialSource<Self::Credentials>,
        token: &Secret,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (credentials, token);
        async { Err(Failure::unsupported("revoke")) }
    }

    /// As [`revoke`](Vendor::revoke), for an operation that takes the refresh token and is authorized by the access token: the
    /// live one, if there is one.
    #[doc(hidden)]
    fn revoke_with(
        &self,
        credentials: &CredentialSource<Self::Credentials>,
        token: &Secret,
        access_token: Option<&Secret>,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = access_token;
        self.revoke(credentials, token)
    }
}

/// How a vendor's tokens live and travel. It belongs to the vendor, not to the user: who refreshes a token early that the
/// vendor wants refreshed at its expiry loses it.
///
/// Start from [`Policy::new`] and set what differs.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Policy {
    /// The vendor's name, for keys and traces.
    pub vendor: &'static str,
    /// Whether credentials alone get a token. Without it a source starts from a refresh token, or a stored token.
    pub login: bool,
    /// Whether there are refresh tokens, and how often one works.
    pub refresh: Refresh,
    /// Which token [`Vendor::revoke`] takes; None: there is no such operation.
    pub revoke: Option<Takes>,
    /// When a token is renewed.
    pub renew: Renew,
    /// The life of a token whose answer names none.
    pub lifetime: Lifetime,
    /// Whether credentials ask for scopes: see [`Vendor::scopes`].
    pub scoped: bool,
    /// The header that carries the token, in lower case.
    pub header: &'static str,
    /// What stands before the token there; `Some("")`: nothing. None: the answer's token type, or else `Bearer` on
    /// `authorization` and nothing on another header.
    pub prefix: Option<&'static str>,
}

impl Policy {
    /// A vendor where one logs in again: no refresh token, renewed in the background after three quarters of its life,
    /// carried as `authorization: Bearer …`.
    pub const fn new(vendor: &'static str) -> Self {
        Self {
            vendor,
            login: true,
            refresh: Refresh::None,
            revoke: None,
            renew: Renew::Early(0.75),
            lifetime: Lifetime::Unknown,
            scoped: false,
            header: "authorization",
            prefix: None,
        }
    }

    /// Sets [`Policy::login`].
    pub const fn login(mut self, login: bool) -> Self {
        self.login = login;
        self
    }

    /// Sets [`Policy::refresh`]. A single-use one also sets [`Policy::renew`] to [`Renew::AtExpiry`].
    pub const fn refresh(mut self, refresh: Refresh) -> Self {
        self.refresh = refresh;
        if matches!(refresh, Refresh::SingleUse) {
            self.renew = Renew::AtExpiry;
        }
        self
    }

    /// Sets [`Policy::revoke`].
    pub const fn revoke(mut self, takes: Takes) -> Self {
        self.revoke = Some(takes);
        self
    }

    /// Sets [`Policy::renew`].
    pub const fn renew(mut self, renew: Renew) -> Self {
        self.renew = renew;
        self
    }

    /// Sets [`Policy::lifetime`].
    pub const fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Sets [`Policy::scoped`].
    pub const fn scoped(mut self, scoped: bool) -> Self {
        self.scoped = scoped;
        self
    }

    /// Sets [`Policy::header`], in lower case.
    ///
    /// # Panics
    ///
    /// For what can't be a header's name, or has a capital: so a [`Vendor::POLICY`] with it doesn't compile.
    ///
    /// ```compile_fail
    /// # use freshtoken::Policy;
    /// const POLICY: Policy = Policy::new("acme").header("X Token");
    /// ```
    pub const fn header(mut self, header: &'static str) -> Self {
        // It has nothing to drop, which the compiler can't know.
        std::mem::forget(HeaderName::from_static(header));
        self.header = header;
        self
    }

    /// Sets [`Policy::prefix`]; an empty one sends the bare token.
    pub const fn prefix(mut self, prefix: &'static str) -> Self {
        self.prefix = Some(prefix);
        self
    }
}

/// Whether a vendor has refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refresh {
    /// No: a renewal logs in.
    None,
    /// Yes, and one works again and again.
    Reusable,
    /// Yes, and one use spends it: it is sent once. If the response is lost and the vendor has no login, it is sent once more
    /// after the access token has expired.
    SingleUse,
}

/// When a token is renewed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Renew {
    /// Once it has expired, never before and never in the background.
    AtExpiry,
    /// In the background, at this part of its life, between 0 and 1.
    Early(f64),
    /// In the background, so long before its end.
    Before(Duration),
}

/// The life of a token whose answer names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lifetime {
    /// So long.
    For(Duration),
    /// It never expires.
    Never,
    /// Nobody says: it is used until a call gets 401.
    Unknown,
}

/// Which token an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Takes {
    /// The access token.
    Access,
    /// The refresh token.
    Refresh,
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// A vendor's grants with their credentials, as a trait object: so a source has no type parameter.
pub(crate) trait Grants: Send + Sync {
    /// Whether each ends in time by itself. A callback that is asked for credentials may hang.
    fn are_timed(&self) -> bool;
    /// Whether a callback is asked for credentials.
    fn asks(&self) -> bool;
    /// From now on, credentials that were refused may be sent again.
    fn forget_refusal(&self);
    fn login(&self) -> Answer<'_, Issued>;
    fn refresh<'a>(&'a self, refresh_token: &'a Secret) -> Answer<'a, Issued>;
    fn revoke<'a>(&'a self, token: &'a Secret, access_token: Option<&'a Secret>) -> Answer<'a, ()>;
}

pub(crate) struct Bound<V: Vendor> {
    vendor: Arc<V>,
    credentials: CredentialSource<V::Credentials>,
    /// Of a callback's credentials.
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

    fn login(&self) -> Answer<'_, Issued> {
        let Some(refusals) = &self.refusals else { return Box::pin(self.vendor.login(&self.credentials)) };
        Box::pin(async {
            let credentials = refusals.attempt(&self.credentials);
            let result = self.vendor.login(&credentials).await;
            refusals.record(&credentials, &result);
            result
        })
    }

    fn refresh<'a>(&'a self, refresh_token: &'a Secret) -> Answer<'a, Issued> {
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

    fn revoke<'a>(&'a self, token: &'a Secret, access_token: Option<&'a Secret>) -> Answer<'a, ()> {
        Box::pin(self.vendor.revoke_with(&self.credentials, token, access_token))
    }
}
