//! Many accounts of one vendor: a source for each, made when it is asked for.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use std::sync::{Mutex, PoisonError, RwLock, RwLockWriteGuard};

use tracing::debug;

use crate::core::cell::{Shared, TokenCell};
use crate::core::clock::{AnyClock, Clock, Random};
use crate::credentials::CredentialSource;
use crate::record::Record;
use crate::record::RefreshToken;
use crate::source::Options;
use crate::source::Persisted;
use crate::source::TokenSource;
use crate::store::Key;
use crate::store::Store;
use crate::vendor::Bound;
use crate::vendor::Vendor;
use freshtoken_wire::Secret;

/// How many sources a set holds where nobody says: enough for most, and no leak.
const MOST: usize = 100_000;

/// How long a source is kept that nobody asks for, where nobody says.
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);

/// Token sources of one vendor and server by account and scopes, with a bound.
///
/// A source costs less than 1 KiB beyond what its token and credentials take. One that has been idle for long, or that is
/// too many, is evicted: the least recently used first, never one that is renewing its token, that someone holds, or
/// whose refresh token nothing could bring back. Where all of them are such, the set grows beyond its bound.
///
/// ```no_run
/// # use freshtoken::{Accounts, Vendor};
/// # async fn example<V: Vendor>(endpoint: V, load_credentials: fn(&str) -> V::Credentials) -> Result<(), freshtoken::Error> {
/// let accounts = Accounts::new(endpoint);
/// let tokens = accounts.get("tenant-17", || load_credentials("tenant-17"));
/// let header = tokens.header().await?;
/// # let _ = header;
/// # Ok(())
/// # }
/// ```
pub struct Accounts<V: Vendor> {
    vendor: Arc<V>,
    /// Those of the newest key: most accounts have the same.
    scopes: Mutex<Arc<str>>,
    shared: Arc<Shared>,
    sources: RwLock<HashMap<Name, Entry>>,
    most: usize,
    idle: Duration,
}

/// Account and scopes.
type Name = (Arc<str>, Arc<str>);

struct Entry {
    source: TokenSource,
    /// By the monotonic clock, in nanoseconds.
    used: AtomicU64,
}

impl<V: Vendor> Accounts<V> {
    /// A set with the usual bounds: 100,000 sources, and a day idle.
    pub fn new(vendor: V) -> Self {
        Self::builder(vendor).build()
    }

    /// A set with other bounds, a shared store, …
    pub fn builder(vendor: V) -> AccountsBuilder<V> {
        AccountsBuilder {
            vendor,
            options: Options { forget_answer: true, ..Options::default() },
            most: MOST,
            idle: IDLE,
        }
    }

    /// The source of an account; `credentials` is called where there is none yet, and, where the vendor has scopes, each
    /// time: the same account with other scopes is another source.
    ///
    /// The scopes of a [callback](CredentialSource::ask) aren't known: name them with [`Accounts::get_scoped`].
    pub fn get<C>(&self, account: &str, credentials: impl FnOnce() -> C) -> TokenSource
    where
        C: Into<CredentialSource<V::Credentials>>,
    {
        self.get_or_start(account, credentials, || "".into())
    }

    /// The source of an account that starts from a refresh token, unless there is one already.
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
        let scopes = credentials.value().map(V::scopes).unwrap_or_default();
        self.obtain(account, &scopes, || credentials, refresh_token)
    }

    /// The source of an account for certain scopes, in a text of one's own: it is only compared. `credentials` is called
    /// where there is none yet.
    pub fn get_scoped<C>(&self, account: &str, scopes: &str, credentials: impl FnOnce() -> C) -> TokenSource
    where
        C: Into<CredentialSource<V::Credentials>>,
    {
        self.obtain(account, scopes, credentials, || "".into())
    }

    fn obtain<C>(
        &self,
        account: &str,
        scopes: &str,
        credentials: impl FnOnce() -> C,
        refresh_token: impl FnOnce() -> Secret,
    ) -> TokenSource
    where
        C: Into<CredentialSource<V::Credentials>>,
    {
        self.find(account, scopes)
            .unwrap_or_else(|| self.insert(account, scopes, credentials().into(), RefreshToken::start(refresh_token())))
    }

    fn find(&self, account: &str, scopes: &str) -> Option<TokenSource> {
        let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner);
        // Two pointers and two lengths; the texts aren't copied to be looked up.
        let entry = sources.get(&(account, scopes) as &dyn Named)?;
        let now = self.shared.clock.now().monotonic;
        // Written only when it moves on noticeably: many threads read it.
        if now.saturating_sub(entry.used.load(Ordering::Relaxed)) > USED_PRECISION {
            entry.used.store(now, Ordering::Relaxed);
        }
        Some(entry.source.clone())
    }

    fn insert(
        &self,
        account: &str,
        scopes: &str,
        credentials: CredentialSource<V::Credentials>,
        start: Option<RefreshToken>,
    ) -> TokenSource {
        let account: Arc<str> = account.into();
        let scopes = self.shared_scopes(scopes);
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = sources.get(&(&*account, &*scopes) as &dyn Named) {
            return entry.source.clone();
        }
        // A tenth at once, so that a full set isn't swept at every new account.
        let evicted = match sources.len() >= self.most {
            true => self.evict(&mut sources, self.most - (self.most / 10).max(1)),
            false => 0,
        };
        let grants = Box::new(Bound::new(self.vendor.clone(), credentials));
        let source = TokenSource::of_cell(TokenCell::new(
            self.shared.clone(),
            grants,
            account.clone(),
            scopes.clone(),
            None,
            start,
        ));
        let used = AtomicU64::new(self.shared.clock.now().monotonic);
        sources.insert((account, scopes), Entry { source: source.clone(), used });
        tell_evicted::<V>(evicted, sources);
        source
    }

    fn shared_scopes(&self, scopes: &str) -> Arc<str> {
        let mut newest = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        if **newest != *scopes {
            *newest = scopes.into();
        }
        newest.clone()
    }

    /// Evicts what has been idle for too long. It happens by itself as the set fills; a long-lived, half-full set may call
    /// it now and then.
    pub fn evict_idle(&self) {
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        let evicted = self.evict(&mut sources, usize::MAX);
        tell_evicted::<V>(evicted, sources);
    }

    /// Evicts the idle, and then the least recently used until `most` are left.
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

    /// How many sources there are.
    pub fn len(&self) -> usize {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every source with its account, for a health check.
    pub fn sources(&self) -> Vec<(Arc<str>, TokenSource)> {
        let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner);
        sources.iter().map(|((account, _), entry)| (account.clone(), entry.source.clone())).collect()
    }

    /// Drops the source of an account, for all scopes. Who holds it keeps it.
    pub fn remove(&self, account: &str) {
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        sources.retain(|(name, _), _| **name != *account);
    }
}

/// Without the lock: a subscriber may ask the set something.
fn tell_evicted<V: Vendor>(evicted: usize, sources: RwLockWriteGuard<'_, HashMap<Name, Entry>>) {
    let left = sources.len();
    drop(sources);
    if evicted > 0 {
        debug!(vendor = V::POLICY.vendor, evicted, left, "evicted token sources");
    }
}

/// How exactly it is known when a source was used last.
const USED_PRECISION: u64 = 1_000_000_000;

impl<V: Vendor> fmt::Debug for Accounts<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("vendor", &V::POLICY.vendor).field("len", &self.len()).finish_non_exhaustive()
    }
}

/// A name, borrowed or not, to be looked up.
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

/// As the tuple of the two texts hashes.
impl std::hash::Hash for dyn Named + '_ {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

/// Bounds and store of a set; [`Accounts::builder`] makes one.
pub struct AccountsBuilder<V: Vendor> {
    vendor: V,
    options: Options,
    most: usize,
    idle: Duration,
}

impl<V: Vendor> AccountsBuilder<V> {
    /// How many sources there may be; 100,000 where nobody says.
    pub fn at_most(mut self, sources: usize) -> Self {
        self.most = sources.max(1);
        self
    }

    /// How long a source is kept that nobody asks for; a day where nobody says.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Keeps all records in this store: an account that was evicted finds its token there again, and sets of one store
    /// share theirs. Without one, a token goes with its source.
    pub fn store(mut self, store: Arc<impl Store>) -> Self {
        self.options.store = Some(store);
        self
    }

    /// Tells of each change of an account before anyone is given the new token: to persist a rotated refresh token, say.
    /// As [`TokenSourceBuilder::on_change`](crate::TokenSourceBuilder::on_change).
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

    /// Has every token renewed whenever that is due, as [`TokenSourceBuilder::keep_alive`](crate::TokenSourceBuilder::keep_alive):
    /// a task for each account that has been asked for.
    pub fn keep_alive(mut self) -> Self {
        self.options.keep_alive = true;
        self
    }

    /// Keeps the vendor's typed answers in memory, for [`Token::answer`](crate::Token::answer).
    pub fn keep_answers(mut self) -> Self {
        self.options.forget_answer = false;
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

    /// The set, empty.
    pub fn build(self) -> Accounts<V> {
        Accounts {
            scopes: Mutex::new("".into()),
            shared: Arc::new(self.options.shared::<V>(self.vendor.server().into())),
            vendor: Arc::new(self.vendor),
            sources: RwLock::default(),
            most: self.most,
            idle: self.idle,
        }
    }
}
