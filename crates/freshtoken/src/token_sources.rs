//! Many accounts of one vendor: one source per account, created on first use.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use freshtoken_wire::Secret;
use tracing::debug;

use crate::builder::{Options, Persisted};
use crate::clock::{AnyClock, Clock, Random};
use crate::core::cell::{Shared, TokenCell};
use crate::credentials::CredentialSource;
use crate::event::Event;
use crate::source::TokenSource;
use crate::store::record::{Record, RefreshToken};
use crate::store::{Key, Seal, Store};
use crate::vendor::{Bound, Vendor};

/// The default bound: enough for most services, and not a leak.
const MOST: usize = 100_000;

/// The default idle time: a day.
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);

/// Token sources of one vendor and server, by account and by what the credentials ask for, with an upper bound.
///
/// A source costs less than 1 KiB beyond its token and credentials. Sources that have been idle for too long are evicted. If
/// the set is full, the least recently used are evicted first. A source is not evicted while it renews its token, while
/// someone holds it, or if its refresh token would be lost. If that leaves no source to evict, the set grows beyond its
/// bound.
///
/// # Examples
///
/// ```no_run
/// # use freshtoken::{TokenSources, Vendor};
/// # async fn example<V: Vendor>(endpoint: V, load_credentials: fn(&str) -> V::Credentials) -> Result<(), freshtoken::Error> {
/// let accounts = TokenSources::new(endpoint);
/// let tokens = accounts.get("tenant-17", || load_credentials("tenant-17"));
/// let header = tokens.header().await?;
/// # let _ = header;
/// # Ok(())
/// # }
/// ```
pub struct TokenSources<V: Vendor> {
    vendor: Arc<V>,
    /// What the newest key requests, shared because many accounts request the same.
    requested: Mutex<Arc<str>>,
    shared: Arc<Shared>,
    sources: RwLock<HashMap<Name, Entry>>,
    most: usize,
    idle: Duration,
}

/// Account, and what is requested.
type Name = (Arc<str>, Arc<str>);

struct Entry {
    source: TokenSource,
    /// When it was last used, in nanoseconds of the monotonic clock.
    used: AtomicU64,
}

impl<V: Vendor> TokenSources<V> {
    /// Creates a set with the default bounds: 100,000 sources, and one day idle.
    pub fn new(vendor: V) -> Self {
        Self::builder(vendor).build()
    }

    /// Returns a builder for a set with other bounds or a shared store.
    ///
    /// ```no_run
    /// # use freshtoken::{TokenSources, Vendor};
    /// # use std::time::Duration;
    /// # fn example<V: Vendor>(endpoint: V) {
    /// let accounts = TokenSources::builder(endpoint).at_most(10_000).idle(Duration::from_secs(3_600)).build();
    /// # }
    /// ```
    pub fn builder(vendor: V) -> TokenSourcesBuilder<V> {
        TokenSourcesBuilder {
            vendor,
            options: Options { forget_answer: true, ..Options::default() },
            most: MOST,
            idle: IDLE,
        }
    }

    /// Returns the source of an account, and creates it on first use.
    ///
    /// `credentials` is called if there is no source yet. If the credentials decide which token is issued, it is called each
    /// time: the same account with another audience, for example, is another source. What a [callback](CredentialSource::ask)
    /// asks for is unknown: use [`TokenSources::get_scoped`].
    pub fn get<C>(&self, account: &str, credentials: impl FnOnce() -> C) -> TokenSource
    where
        C: Into<CredentialSource<V::Credentials>>,
    {
        self.get_or_start(account, credentials, || "".into())
    }

    /// Returns the source of an account, and creates it from a refresh token on first use.
    ///
    /// ```no_run
    /// # use freshtoken::{TokenSources, Secret, Vendor};
    /// # fn example<V: Vendor>(accounts: TokenSources<V>, credentials: fn() -> V::Credentials, consent: fn() -> Secret) {
    /// let tokens = accounts.get_or_start("tenant-17", credentials, consent);
    /// # }
    /// ```
    pub fn get_or_start<C>(
        &self,
        account: &str,
        credentials: impl FnOnce() -> C,
        refresh_token: impl FnOnce() -> Secret,
    ) -> TokenSource
    where
        C: Into<CredentialSource<V::Credentials>>,
    {
        if !V::POLICY.scoped {
            return self.obtain(account, "", credentials, refresh_token);
        }
        let credentials = credentials().into();
        let requested = credentials.value().map(V::requested).unwrap_or_default();
        self.obtain(account, &requested, || credentials, refresh_token)
    }

    /// Returns the source of an account for certain scopes, and creates it on first use.
    ///
    /// `scopes` is only compared, so its format is yours. `credentials` is called if there is no source yet.
    ///
    /// ```no_run
    /// # use freshtoken::{TokenSources, Vendor};
    /// # fn example<V: Vendor>(accounts: TokenSources<V>, credentials: fn() -> V::Credentials) {
    /// let tokens = accounts.get_scoped("tenant-17", "read", credentials);
    /// # }
    /// ```
    pub fn get_scoped<C>(&self, account: &str, scopes: &str, credentials: impl FnOnce() -> C) -> TokenSource
    where
        C: Into<CredentialSource<V::Credentials>>,
    {
        self.obtain(account, scopes, credentials, || "".into())
    }

    fn obtain<C>(
        &self,
        account: &str,
        requested: &str,
        credentials: impl FnOnce() -> C,
        refresh_token: impl FnOnce() -> Secret,
    ) -> TokenSource
    where
        C: Into<CredentialSource<V::Credentials>>,
    {
        self.find(account, requested).unwrap_or_else(|| {
            self.insert(account, requested, credentials().into(), RefreshToken::start(refresh_token()))
        })
    }

    fn find(&self, account: &str, requested: &str) -> Option<TokenSource> {
        let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner);
        let entry = sources.get(&(account, requested) as &dyn Named)?;
        let now = self.shared.clock.now().monotonic;
        // Many threads read it, so it is written about once per second.
        if now.saturating_sub(entry.used.load(Ordering::Relaxed)) > USED_PRECISION {
            entry.used.store(now, Ordering::Relaxed);
        }
        Some(entry.source.clone())
    }

    fn insert(
        &self,
        account: &str,
        requested: &str,
        credentials: CredentialSource<V::Credentials>,
        start: Option<RefreshToken>,
    ) -> TokenSource {
        let account: Arc<str> = account.into();
        let requested = self.shared_requested(requested);
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = sources.get(&(&*account, &*requested) as &dyn Named) {
            return entry.source.clone();
        }
        // Evict a tenth at once, so that a full set is not swept for every new account.
        let evicted =
            if sources.len() >= self.most { self.evict(&mut sources, self.most - (self.most / 10).max(1)) } else { 0 };
        let grants = Box::new(Bound::new(self.vendor.clone(), credentials));
        let source = TokenSource::of_cell(TokenCell::new(
            self.shared.clone(),
            grants,
            account.clone(),
            requested.clone(),
            None,
            start,
        ));
        let used = AtomicU64::new(self.shared.clock.now().monotonic);
        sources.insert((account, requested), Entry { source: source.clone(), used });
        log_evicted::<V>(evicted, sources);
        source
    }

    fn shared_requested(&self, requested: &str) -> Arc<str> {
        let mut newest = self.requested.lock().unwrap_or_else(PoisonError::into_inner);
        if **newest != *requested {
            *newest = requested.into();
        }
        newest.clone()
    }

    /// Evicts the sources that have been idle for too long.
    ///
    /// A full set does this on its own. Call it now and then for a long-lived set that may never fill up.
    pub fn evict_idle(&self) {
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        let evicted = self.evict(&mut sources, usize::MAX);
        log_evicted::<V>(evicted, sources);
    }

    /// Evicts the idle sources, then the least recently used ones until `most` are left.
    fn evict(&self, sources: &mut HashMap<Name, Entry>, most: usize) -> usize {
        let now = self.shared.clock.now().monotonic;
        let idle = u64::try_from(self.idle.as_nanos()).unwrap_or(u64::MAX);
        let mut by_use: Vec<(u64, Name)> = sources
            .iter()
            .filter(|(_, entry)| entry.source.is_held_by_one() && entry.source.is_disposable())
            .map(|(name, entry)| (entry.used.load(Ordering::Relaxed), name.clone()))
            .collect();
        by_use.sort_unstable_by_key(|(used, _)| *used);
        let too_many = sources.len().saturating_sub(most);
        let mut evicted = 0;
        for (index, (used, name)) in by_use.iter().enumerate() {
            if index >= too_many && now.saturating_sub(*used) < idle {
                break;
            }
            evicted += usize::from(sources.remove(name).is_some());
        }
        evicted
    }

    /// Returns the number of sources.
    pub fn len(&self) -> usize {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Returns whether there are no sources.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns every source with its account, for a health check.
    ///
    /// ```no_run
    /// # use freshtoken::{TokenSources, Vendor};
    /// # fn example<V: Vendor>(accounts: TokenSources<V>) {
    /// let failing = accounts.sources().into_iter().filter(|(_, tokens)| !tokens.status().is_serving);
    /// # let _ = failing.count();
    /// # }
    /// ```
    pub fn sources(&self) -> Vec<(Arc<str>, TokenSource)> {
        let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner);
        sources.iter().map(|((account, _), entry)| (account.clone(), entry.source.clone())).collect()
    }

    /// Removes the sources of an account, whatever they request. A caller that holds one keeps it.
    pub fn remove(&self, account: &str) {
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        sources.retain(|(name, _), _| **name != *account);
    }
}

/// Logs after the lock is released, because a subscriber may call the set.
fn log_evicted<V: Vendor>(evicted: usize, sources: RwLockWriteGuard<'_, HashMap<Name, Entry>>) {
    let left = sources.len();
    drop(sources);
    if evicted > 0 {
        debug!(vendor = V::POLICY.vendor, evicted, left, "evicted token sources");
    }
}

/// The precision of [`Entry::used`]: one second, in nanoseconds.
const USED_PRECISION: u64 = 1_000_000_000;

impl<V: Vendor> fmt::Debug for TokenSources<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSources")
            .field("vendor", &V::POLICY.vendor)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// A borrowed or owned [`Name`], for look-ups without a copy.
trait Named {
    fn name(&self) -> (&str, &str);
}

impl Named for Name {
    fn name(&self) -> (&str, &str) {
        (&self.0, &self.1)
    }
}

impl Named for (&str, &str) {
    fn name(&self) -> (&str, &str) {
        *self
    }
}

impl<'a> std::borrow::Borrow<dyn Named + 'a> for Name {
    fn borrow(&self) -> &(dyn Named + 'a) {
        self
    }
}

impl PartialEq for dyn Named + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn Named + '_ {}

/// Hashes like the tuple of the two strings.
impl std::hash::Hash for dyn Named + '_ {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

/// Configures a set of [`TokenSources`]. Created by [`TokenSources::builder`].
pub struct TokenSourcesBuilder<V: Vendor> {
    vendor: V,
    options: Options,
    most: usize,
    idle: Duration,
}

impl<V: Vendor> TokenSourcesBuilder<V> {
    /// Sets the upper bound of sources; the default is 100,000.
    pub fn at_most(mut self, sources: usize) -> Self {
        self.most = sources.max(1);
        self
    }

    /// Sets how long an unused source is kept; the default is a day.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Keeps all records in this store.
    ///
    /// An evicted account finds its token there again, and sets with the same store share their tokens. Without a store, a
    /// token is lost with its source.
    pub fn store(mut self, store: impl Store) -> Self {
        self.options.store = Some(Arc::new(store));
        self
    }

    /// Encrypts the records before they are stored. See [`TokenSourceBuilder::seal`](crate::TokenSourceBuilder::seal).
    pub fn seal(mut self, seal: Seal) -> Self {
        self.options.seal = Some(seal);
        self
    }

    /// Calls back with each changed record of an account before a caller receives the new token, to persist a rotated refresh
    /// token for example. See [`TokenSourceBuilder::on_change`](crate::TokenSourceBuilder::on_change).
    pub fn on_change<F, A>(mut self, callback: F) -> Self
    where
        F: Fn(Key, Arc<Record>) -> A + Send + Sync + 'static,
        A: Future<Output: Persisted> + Send + 'static,
    {
        self.options.on_change = Some(Arc::new(move |key, record| {
            let persisting = callback(key, record);
            Box::pin(async { persisting.await.into_result() })
        }));
        self
    }

    /// Calls back with what happens to the token of any account: see
    /// [`TokenSourceBuilder::on_event`](crate::TokenSourceBuilder::on_event).
    pub fn on_event(mut self, callback: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.options.on_event = Some(Arc::new(callback));
        self
    }

    /// Renews every token whenever a renewal is due, as
    /// [`TokenSourceBuilder::refresh_in_background`](crate::TokenSourceBuilder::refresh_in_background) does. This costs one task per account in use.
    pub fn refresh_in_background(mut self) -> Self {
        self.options.refresh_in_background = true;
        self
    }

    /// Keeps the vendor's typed responses in memory, for [`Token::response`](crate::Token::response).
    pub fn keep_responses(mut self) -> Self {
        self.options.forget_answer = false;
        self
    }

    /// Replaces the clock, for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.options.clock = AnyClock::Own(Arc::new(clock));
        self
    }

    /// Replaces the randomness of the jitter, for tests.
    pub fn random(mut self, random: impl Random) -> Self {
        self.options.random = Some(Arc::new(random));
        self
    }

    /// Builds the set, which is empty.
    pub fn build(self) -> TokenSources<V> {
        TokenSources {
            requested: Mutex::new("".into()),
            shared: Arc::new(self.options.shared(&self.vendor, self.vendor.server().into())),
            vendor: Arc::new(self.vendor),
            sources: RwLock::default(),
            most: self.most,
            idle: self.idle,
        }
    }
}
