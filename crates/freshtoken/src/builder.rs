//! How a [`TokenSource`] is created: what it starts from, and its settings.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use freshtoken_wire::Secret;
use http::HeaderName;

use crate::clock::{AnyClock, Clock, Now, Random, SystemRandom};
use crate::core::background;
use crate::core::cell::{OnChange, Shared, TokenCell};
use crate::credentials::CredentialSource;
use crate::event::{Event, OnEvent};
use crate::issued_tokens::IssuedTokens;
use crate::source::TokenSource;
use crate::store::record::{Record, RefreshToken};
use crate::store::{AnyStore, Seal, Store, StoreError};
use crate::token::Token;
use crate::vendor::{Bound, RefreshTokens, TokenPolicy, Vendor};

impl TokenSource {
    /// Creates a source for one account that keeps its token in memory only. It sends no request before the first call.
    pub fn new<V: Vendor>(vendor: V, credentials: impl Into<CredentialSource<V::Credentials>>) -> Self {
        Self::builder(vendor, credentials).build()
    }

    /// Returns a builder for a source that starts from a token, uses a store, or notifies you of changes.
    ///
    /// ```no_run
    /// # use freshtoken::{TokenSource, Vendor};
    /// # use freshtoken::store::Record;
    /// # fn example<V: Vendor>(endpoint: V, credentials: V::Credentials, record: Record) {
    /// let tokens = TokenSource::builder(endpoint, credentials).record(record).build();
    /// # }
    /// ```
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
}

/// Configures a [`TokenSource`]. Created by [`TokenSource::builder`].
///
/// # Examples
///
/// ```no_run
/// # use freshtoken::{TokenSource, Vendor};
/// # use freshtoken::store::MemoryStore;
/// # use std::sync::Arc;
/// # fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) {
/// let store = Arc::new(MemoryStore::new());
/// let tokens = TokenSource::builder(endpoint, credentials).store(store, "tenant-17").refresh_in_background().build();
/// # }
/// ```
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
    token: Option<Box<IssuedTokens>>,
    refresh_token: Option<Secret>,
}

impl Start {
    /// Returns the record to start with, and the start token.
    fn split(self, policy: &TokenPolicy, now: Now) -> (Option<Record>, Option<RefreshToken>) {
        let configured = self.refresh_token.and_then(RefreshToken::start);
        if let Some(record) = self.record {
            return (Some(Record { generation: 0, pair: 0, ..record }), configured);
        }
        let Some(mut issued) = self.token else { return (None, configured) };
        let refresh = configured.or_else(|| RefreshToken::of(&mut issued, now));
        // An expired access token may still come with a refresh token.
        let token = Token::of(*issued, policy, 0, now).ok();
        let own = token.as_ref().filter(|_| policy.refresh == RefreshTokens::AccessToken);
        let refresh = refresh.or_else(|| own.map(RefreshToken::of_access_token));
        (token.map(|token| Record { token: Some(token), ..Record::empty(0) }), refresh)
    }
}

impl<V: Vendor> TokenSourceBuilder<V> {
    /// Starts from a refresh token, such as the one from a person's consent. An empty one is ignored.
    ///
    /// It can stay in the configuration permanently. It is sent if the account's record, from
    /// [`record`](TokenSourceBuilder::record) or the [`store`](TokenSourceBuilder::store), has no usable refresh token: none
    /// yet, or one that was refused, lost or revoked. It is never sent twice, because the record remembers its fingerprint.
    /// To replace a working pair by a new consent, call [`TokenSource::new_consent`].
    pub fn refresh_token(mut self, refresh_token: impl Into<Secret>) -> Self {
        self.start.refresh_token = Some(refresh_token.into());
        self
    }

    /// Starts from a persisted record: see [`on_change`](TokenSourceBuilder::on_change) and [`Record::from_json`].
    pub fn record(mut self, record: Record) -> Self {
        self.start.record = Some(record);
        self
    }

    /// Starts from a token that was obtained elsewhere. Set [`IssuedTokens::expires_at`], and the refresh token if there is one.
    pub fn token(mut self, token: IssuedTokens) -> Self {
        self.start.token = Some(Box::new(token));
        self
    }

    /// Keeps the records in a store, under a name for the account.
    ///
    /// Sources with the same store, vendor, server and account share one token, if their credentials ask for the same: see
    /// [`Vendor::requested`]. Give each account its own name. What the credentials of a [callback](CredentialSource::ask) ask
    /// for is unknown to the source, so include it in the name.
    pub fn store(mut self, store: impl Store, account: impl Into<String>) -> Self {
        self.options.store = Some(Arc::new(store));
        self.account = account.into().into();
        self
    }

    /// Encrypts the records before they are stored. Without it, a store has the tokens in plain text; a store for several
    /// machines requires the choice.
    pub fn seal(mut self, seal: Seal) -> Self {
        self.options.seal = Some(seal);
        self
    }

    /// Calls back with each changed record before a caller receives the new token, so that you can persist it
    /// ([`Record::to_json`]).
    ///
    /// The callback also runs before a single-use refresh token is sent. If it returns an error, panics, or takes longer than
    /// a minute, that refresh token is not sent: the source logs in, or fails with
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the vendor has no login. So if you persist every record, a refresh
    /// token is never sent twice by accident, even across a crash. A new token is served even if the callback fails; the
    /// error is logged.
    ///
    /// After a revocation the record is [empty](Record::is_empty). The callback does not run for a token that another process
    /// stored. Within the callback, this source returns the current token, or fails with
    /// [`ErrorKind::InCallback`](crate::ErrorKind::InCallback).
    ///
    /// # Examples
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

    /// Calls back with what happens to the token: renewed, adopted, failed, refused, consent needed, store failed.
    ///
    /// The callback runs on the task that makes the request, before its callers continue, so it should be quick: count, log, or
    /// send to a channel. It may ask the source for its status. A panic in it is logged.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use freshtoken::{TokenSource, Vendor};
    /// # fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) -> TokenSource {
    /// use freshtoken::event::EventKind;
    ///
    /// TokenSource::builder(endpoint, credentials)
    ///     .on_event(|event| match &event.kind {
    ///         EventKind::ConsentNeeded(_) => eprintln!("ask the person behind {} to consent again", event.account),
    ///         EventKind::Refused(error) => eprintln!("{error:#}"),
    ///         _ => {}
    ///     })
    ///     .build()
    /// # }
    /// ```
    pub fn on_event(mut self, callback: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.options.on_event = Some(Arc::new(callback));
        self
    }

    /// Never logs in: the source only refreshes, and asks for consent where the refresh token no longer works.
    ///
    /// Use it for a person's tokens at a vendor whose login is for the application itself, such as `client_credentials` at
    /// Microsoft Entra ID. Otherwise, a login after a refused refresh token would continue with another identity.
    ///
    /// ```no_run
    /// # use freshtoken::{TokenSource, Vendor};
    /// # fn example<V: Vendor>(endpoint: V, credentials: V::Credentials, received: String) {
    /// let tokens = TokenSource::builder(endpoint, credentials).refresh_token(received).without_login().build();
    /// # }
    /// ```
    pub fn without_login(mut self) -> Self {
        self.options.without_login = true;
        self
    }

    /// Renews the token whenever a renewal is due, even without callers. Use it for tokens that can be renewed only while
    /// they are valid.
    ///
    /// It begins with the first token. A token that the source starts from is renewed only if the source is built on a tokio
    /// runtime.
    pub fn refresh_in_background(mut self) -> Self {
        self.options.refresh_in_background = true;
        self
    }

    /// Replaces the clock, for tests. See `examples/own_clock.rs`.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.options.clock = AnyClock::Own(Arc::new(clock));
        self
    }

    /// Replaces the randomness of the jitter, for tests.
    pub fn random(mut self, random: impl Random) -> Self {
        self.options.random = Some(Arc::new(random));
        self
    }

    /// Builds the source. It sends no request before the first call.
    pub fn build(self) -> TokenSource {
        let requested = || self.credentials.value().map(V::requested).unwrap_or_default();
        debug_assert!(
            V::POLICY.scoped || requested().is_empty(),
            "a vendor with `requested` needs `.scoped(true)` in its policy"
        );
        // Only a store needs them.
        let (server, requested) = match self.options.store {
            Some(_) => (self.vendor.server().into(), requested().into()),
            None => Default::default(),
        };
        let shared = Arc::new(self.options.shared(&self.vendor, server));
        let now = shared.clock.now();
        let (record, start) = self.start.split(shared.policy, now);
        let has_token = record.as_ref().is_some_and(|record| record.token.is_some());
        let grants = Box::new(Bound::new(Arc::new(self.vendor), self.credentials));
        let cell = TokenCell::new(shared, grants, self.account, requested, record, start);
        if has_token {
            background::ensure(&cell);
        }
        TokenSource::of_cell(cell)
    }
}

/// The result of an `on_change` callback: nothing, or a `Result` whose error says that the record was not persisted.
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

/// Settings that one source and a set of accounts have in common.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) store: Option<Arc<dyn AnyStore>>,
    pub(crate) seal: Option<Seal>,
    pub(crate) on_change: Option<OnChange>,
    pub(crate) on_event: Option<OnEvent>,
    pub(crate) refresh_in_background: bool,
    pub(crate) without_login: bool,
    pub(crate) forget_answer: bool,
    pub(crate) clock: AnyClock,
    pub(crate) random: Option<Arc<dyn Random>>,
}

impl Options {
    pub(crate) fn shared<V: Vendor>(self, vendor: &V, server: Arc<str>) -> Shared {
        Shared {
            policy: if self.without_login { without_login(vendor.policy()) } else { vendor.policy() },
            server,
            base_url: vendor.base_url().map(String::into_boxed_str),
            header: const { HeaderName::from_static(V::POLICY.header) },
            store: self.store,
            seal: self.seal,
            clock: self.clock,
            random: self.random.unwrap_or_else(|| Arc::new(SystemRandom)),
            on_change: self.on_change,
            on_event: self.on_event,
            refresh_in_background: self.refresh_in_background,
            keep_response: !self.forget_answer,
        }
    }
}

/// Returns the policy without a login. Each one is made once, so that sources can share it.
fn without_login(policy: &TokenPolicy) -> &'static TokenPolicy {
    static MADE: Mutex<Vec<&'static TokenPolicy>> = Mutex::new(Vec::new());
    let policy = policy.login(false);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let known = made.iter().find(|known| ***known == policy).copied();
    known.unwrap_or_else(|| {
        made.push(Box::leak(Box::new(policy)));
        made[made.len() - 1]
    })
}
