//! The token source: what users hold.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use freshtoken_wire::Secret;
use http::{HeaderName, HeaderValue};

use crate::core::cell::{OnChange, Rejected, Shared, TokenCell};
use crate::core::clock::{AnyClock, Clock, Now, Random, SystemRandom};
use crate::core::fast_path::{Lookup, Output};
use crate::core::sync::spawn;
use crate::core::{background, lookup, revoke};
use crate::credentials::CredentialSource;
use crate::error::{Error, ErrorKind};
use crate::issued::Issued;
use crate::record::{Record, RefreshToken};
use crate::status::{Rejection, Status};
use crate::store::{AnyStore, Store, StoreError};
use crate::token::Token;
use crate::vendor::{Bound, Policy, Vendor};

/// Gives out a token that is fresh, and sees to it that there is one.
///
/// Clones share everything and are cheap; it is `Send` and `Sync`, and works on any tokio runtime, also after the one it
/// was first used on has ended. Nothing runs when nobody asks, unless [`keep_alive`](TokenSourceBuilder::keep_alive) says
/// so. With the last clone, all that runs in the background ends; only a single-use refresh under way is brought to its
/// end, so that its token isn't lost.
///
/// ```no_run
/// # use freshtoken::{TokenSource, Vendor};
/// # async fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) -> Result<(), freshtoken::Error> {
/// let tokens = TokenSource::new(endpoint, credentials);
/// let header = tokens.header().await?; // for `authorization`, or for what `tokens.header_name()` says
/// # let _ = header;
/// # Ok(())
/// # }
/// ```
pub struct TokenSource(Arc<TokenCell>);

impl TokenSource {
    /// A source for one account, with its token in memory alone. No request is made before someone asks.
    pub fn new<V: Vendor>(vendor: V, credentials: impl Into<CredentialSource<V::Credentials>>) -> Self {
        Self::builder(vendor, credentials).build()
    }

    /// A source that starts from a token, shares a store, tells of changes, …
    pub fn builder<V: Vendor>(
        vendor: V,
        credentials: impl Into<CredentialSource<V::Credentials>>,
    ) -> TokenSourceBuilder<V> {
        TokenSourceBuilder {
            vendor,
            credentials: credentials.into(),
            account: Arc::default(),
            start: Start::default(),
            options: Options::default(),
        }
    }

    pub(crate) fn is_disposable(&self) -> bool {
        self.0.is_disposable()
    }

    pub(crate) fn is_held_by_one(&self) -> bool {
        self.0.has_one_source()
    }

    pub(crate) fn of_cell(cell: Arc<TokenCell>) -> Self {
        cell.add_source();
        Self(cell)
    }

    /// The value of the header that a call carries, such as `Bearer …`. It waits only when there is no fresh token.
    ///
    /// Dropping the future loses nothing: what it waited for goes on. It waits for a flight: mostly one request, which the
    /// generated vendors give up after 30 s; five minutes at the very most, with a store, a callback and a vendor that all
    /// hang. Where a single-use token is refreshed at its expiry, up to 3 s more.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`]. All who wait for one request share its failure, and who comes before
    /// [`Error::retry_after`] has passed gets it at once.
    #[inline]
    pub fn header(&self) -> impl Future<Output = Result<HeaderValue, Error>> + Send + '_ {
        Asking::of(&self.0)
    }

    /// As [`TokenSource::header`], but without waiting: None where there is no token now. If one is due, and this is a
    /// tokio runtime, it is renewed in the background, so that a later call gets it.
    #[inline]
    pub fn try_header(&self) -> Option<HeaderValue> {
        match self.fresh() {
            Some(header) => Some(header),
            None => self.renewed().map(|token| token.header().clone()),
        }
    }

    /// The token with all that is known of it: its scopes, its end, the vendor's typed answer.
    ///
    /// # Errors
    ///
    /// As [`TokenSource::header`].
    #[inline]
    pub fn token(&self) -> impl Future<Output = Result<Token, Error>> + Send + '_ {
        Asking::of(&self.0)
    }

    /// As [`TokenSource::token`], without waiting.
    #[inline]
    pub fn try_token(&self) -> Option<Token> {
        match self.fresh() {
            Some(token) => Some(token),
            None => self.renewed(),
        }
    }

    #[inline(always)]
    fn fresh<T: Output>(&self) -> Option<T> {
        self.0.fast_path().get(&self.0.shared().clock)
    }

    #[cold]
    #[inline(never)]
    fn renewed(&self) -> Option<Token> {
        lookup::try_token(&self.0)
    }

    /// The header that carries the token, `authorization` mostly.
    pub fn header_name(&self) -> &HeaderName {
        &self.0.shared().header
    }

    /// Reports that a call with this token, or with this header, got 401.
    ///
    /// - An older token than the current one changes nothing: [`Rejection::Superseded`].
    /// - The current one is discarded, and the next caller waits for a new one: [`Rejection::Renewing`]. All who report it
    ///   share one request.
    /// - It stays, and the 401 is a [`Rejection::PermissionProblem`], if it came from a renewal for a 401 and no call has
    ///   [succeeded](TokenSource::accepted) with it: a third token would not help either. Before that, the store is asked
    ///   for a newer token. The next renewal for a 401 comes 1 s after the last one, then 2 s, 4 s … up to an hour, until a
    ///   call succeeds: a permanent 401 costs at most 40 logins a day.
    ///
    /// A token that has expired meanwhile doesn't count. If the response says `error="insufficient_scope"` in
    /// `WWW-Authenticate`, don't report it: another token has no more scopes.
    pub fn rejected<'a>(&self, token: impl Into<Seen<'a>>) -> Rejection {
        self.reject(token.into()).rejection
    }

    pub(crate) fn reject(&self, token: Seen<'_>) -> Rejected {
        match token {
            // The same generation of another source, removed meanwhile, is another token.
            Seen::Token(seen) => {
                self.0.rejected(|current| current.generation() == seen.generation() && current.is_in(seen.header()))
            }
            Seen::Header(seen) => self.0.rejected(|current| current.is_in(seen)),
        }
    }

    /// Reports that a call with this token, or with this header, succeeded.
    ///
    /// A later 401 then means that the token was revoked, and never a permission problem: see
    /// [`rejected`](TokenSource::rejected). [`HttpClient`](crate::HttpClient) reports it by itself. It costs a comparison; to
    /// report each success is fine.
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
    pub fn accepted<'a>(&self, token: impl Into<Seen<'a>>) {
        match token.into() {
            Seen::Token(seen) => seen.accept(),
            Seen::Header(seen) => self.0.accepted(|current| current.is_in(seen)),
        }
    }

    /// Ends the token at the vendor, and forgets it and its refresh token here and in the store. Who asks next has the
    /// source log in again.
    ///
    /// It is a task of its own: dropping the future doesn't cancel it. Without a token there is nothing to do.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] where the vendor has no such operation. After an [`ErrorKind::Unavailable`] the token is
    /// still there, so that one can try again; after an [`ErrorKind::Refused`], it isn't.
    pub async fn revoke(&self) -> Result<(), Error> {
        if self.0.is_notifying() {
            return Err(self.0.error(ErrorKind::InCallback, "revoke a token"));
        }
        let (answer, revoked) = tokio::sync::oneshot::channel();
        let cell = self.0.clone();
        let task = spawn(async move {
            let _ = answer.send(revoke::revoke(cell).await);
        });
        let no_runtime = || self.0.error(ErrorKind::NoRuntime, "revoke a token");
        match task {
            Some(_) => revoked.await.unwrap_or_else(|_| Err(no_runtime())),
            None => Err(no_runtime()),
        }
    }

    /// Replaces the account's pair by a person's new consent: the next caller waits for its token. The old pair is not
    /// served any more.
    ///
    /// A refresh token that was configured and sent before is ignored. Where there is no pair that works, the
    /// [configured](TokenSourceBuilder::refresh_token) one is used without this call.
    pub fn new_consent(&self, refresh_token: impl Into<Secret>) {
        self.0.new_consent(refresh_token.into());
    }

    /// How the source is: for a health check, or a live view. It makes no request.
    pub fn status(&self) -> Status {
        self.0.status()
    }

    /// The credentials behind the [`CredentialSource`] have changed: after [`ErrorKind::Refused`], who asks next has them
    /// tried.
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

/// No token.
impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("key", &self.0.key())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// What a call carried that got 401: a [`Token`], or a header's value.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Seen<'a> {
    /// A token.
    Token(&'a Token),
    /// A header's value.
    Header(&'a HeaderValue),
}

impl<'a> From<&'a Token> for Seen<'a> {
    fn from(token: &'a Token) -> Self {
        Self::Token(token)
    }
}

impl<'a> From<&'a HeaderValue> for Seen<'a> {
    fn from(header: &'a HeaderValue) -> Self {
        Self::Header(header)
    }
}

/// What a source starts from and how it runs; [`TokenSource::builder`] makes one.
pub struct TokenSourceBuilder<V: Vendor> {
    vendor: V,
    credentials: CredentialSource<V::Credentials>,
    account: Arc<str>,
    start: Start,
    options: Options,
}

#[derive(Default)]
struct Start {
    record: Option<Record>,
    token: Option<Box<Issued>>,
    refresh_token: Option<Secret>,
}

impl Start {
    /// What is known at the start, and the start token.
    fn split(self, policy: &Policy, now: Now) -> (Option<Record>, Option<RefreshToken>) {
        let configured = self.refresh_token.and_then(RefreshToken::start);
        if let Some(record) = self.record {
            return (Some(Record { generation: 0, ..record }), configured);
        }
        let Some(mut issued) = self.token else { return (None, configured) };
        let refresh = configured.or_else(|| RefreshToken::of(&mut issued, now));
        // One that has expired still has its refresh token.
        let token = Token::of(*issued, policy, 0, now).ok();
        (token.map(|token| Record { token: Some(token), ..Record::empty(0) }), refresh)
    }
}

impl<V: Vendor> TokenSourceBuilder<V> {
    /// Starts from a refresh token, such as the one from a person's consent. An empty one is none.
    ///
    /// It can stay in the configuration for good: it is sent where the record of the account, from
    /// [`record`](TokenSourceBuilder::record) or the [`store`](TokenSourceBuilder::store), holds no refresh token that works
    /// (none yet, or one that was refused, lost or revoked), and never twice. The record remembers its fingerprint. To
    /// replace a pair that works by a new consent, call [`TokenSource::new_consent`].
    pub fn refresh_token(mut self, refresh_token: impl Into<Secret>) -> Self {
        self.start.refresh_token = Some(refresh_token.into());
        self
    }

    /// Starts from what was persisted: see [`on_change`](TokenSourceBuilder::on_change) and [`Record::from_json`].
    pub fn record(mut self, record: Record) -> Self {
        self.start.record = Some(record);
        self
    }

    /// Starts from a token that someone else got: give [`Issued::expires_at`], and the refresh token if there is one.
    pub fn token(mut self, token: Issued) -> Self {
        self.start.token = Some(Box::new(token));
        self
    }

    /// Keeps its records in a store, under a name for the account: sources of one store, vendor, server, account and
    /// scopes share one token. Two accounts of one name would share theirs as well, so name them apart; the scopes of a
    /// [callback](CredentialSource::ask) aren't known, so they belong into the name.
    pub fn store(mut self, store: Arc<impl Store>, account: impl Into<String>) -> Self {
        self.options.store = Some(store);
        self.account = account.into().into();
        self
    }

    /// Persists each change ([`Record::to_json`]) before a caller receives the new token.
    ///
    /// The callback is also notified when a single-use refresh token is about to be sent. If it returns an error, panics, or
    /// takes longer than a minute, that refresh token is not sent: the source logs in, or fails with [`ErrorKind::Store`]
    /// where the vendor has no login. So if you persist every record, a refresh token is never sent twice by accident, even
    /// across a crash. A new token is served all the same; the error is logged.
    ///
    /// After a revocation the record is [empty](Record::is_empty). There is no notification of a token that another process
    /// stored. Within the callback, this source returns the current token, or fails with [`ErrorKind::InCallback`].
    ///
    /// ```no_run
    /// # use freshtoken::{TokenSource, Vendor};
    /// # fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) -> TokenSource {
    /// TokenSource::builder(endpoint, credentials)
    ///     .on_change(|record| async move { std::fs::write("token.json", record.to_json().expose()) })
    ///     .build()
    /// # }
    /// ```
    pub fn on_change<F, A>(mut self, callback: F) -> Self
    where
        F: Fn(Arc<Record>) -> A + Send + Sync + 'static,
        A: Future<Output: Persisted> + Send + 'static,
    {
        self.options.on_change = Some(Arc::new(move |_, record| {
            let persisting = callback(record);
            Box::pin(async { persisting.await.into_result() })
        }));
        self
    }

    /// Has the token renewed whenever that is due, though nobody asks: for grants that can be renewed only while they
    /// live. It begins with the first token; with the one that it starts from only where it is built on a tokio runtime.
    pub fn keep_alive(mut self) -> Self {
        self.options.keep_alive = true;
        self
    }

    /// Tells the time, in tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.options.clock = AnyClock::Own(Arc::new(clock));
        self
    }

    /// Rolls the dice, in tests.
    pub fn random(mut self, random: impl Random) -> Self {
        self.options.random = Some(Arc::new(random));
        self
    }

    /// The source. No request is made before someone asks.
    pub fn build(self) -> TokenSource {
        let asked_for = || self.credentials.value().map(V::scopes).unwrap_or_default();
        debug_assert!(
            V::POLICY.scoped || asked_for().is_empty(),
            "a vendor with `scopes` says so in its policy: `.scoped(true)`"
        );
        // Without a store nobody asks for them.
        let (server, scopes) = match self.options.store {
            Some(_) => (self.vendor.server().into(), asked_for().into()),
            None => Default::default(),
        };
        let shared = Arc::new(self.options.shared::<V>(server));
        let now = shared.clock.now();
        let (record, start) = self.start.split(shared.policy, now);
        let has_token = record.as_ref().is_some_and(|record| record.token.is_some());
        let grants = Box::new(Bound::new(Arc::new(self.vendor), self.credentials));
        let cell = TokenCell::new(shared, grants, self.account, scopes, record, start);
        if has_token {
            background::ensure(&cell);
        }
        TokenSource::of_cell(cell)
    }
}

/// What an `on_change` callback returns: nothing, or a `Result` whose error says that the record was not persisted.
pub trait Persisted {
    /// Whether the record was persisted.
    #[doc(hidden)]
    fn into_result(self) -> Result<(), StoreError>;
}

impl Persisted for () {
    fn into_result(self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl<E: Into<StoreError>> Persisted for Result<(), E> {
    fn into_result(self) -> Result<(), StoreError> {
        self.map_err(Into::into)
    }
}

/// How sources run: the same for one account and for many.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) store: Option<Arc<dyn AnyStore>>,
    pub(crate) on_change: Option<OnChange>,
    pub(crate) keep_alive: bool,
    pub(crate) forget_answer: bool,
    pub(crate) clock: AnyClock,
    pub(crate) random: Option<Arc<dyn Random>>,
}

impl Options {
    pub(crate) fn shared<V: Vendor>(self, server: Arc<str>) -> Shared {
        let policy: &'static Policy = const { &V::POLICY };
        Shared {
            policy,
            server,
            header: const { HeaderName::from_static(V::POLICY.header) },
            store: self.store,
            clock: self.clock,
            random: self.random.unwrap_or_else(|| Arc::new(SystemRandom)),
            on_change: self.on_change,
            refresh_in_background: self.keep_alive,
            keep_response: !self.forget_answer,
        }
    }
}

#[allow(dead_code, reason = "a compile-time proof")]
fn a_source_can_go_anywhere() {
    fn anywhere<T: Any + Send + Sync + Clone>() {}
    anywhere::<TokenSource>();
}
