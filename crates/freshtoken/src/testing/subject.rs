//! The store under test, and operations on it that take at most as long as a source allows.

use std::fmt::Debug;
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::store::{Entry, Key, Loaded, Store, StoreError};

/// How long a source waits for an operation.
const LIMIT: Duration = Duration::from_secs(5);

/// For how long the records of the suite are needed.
const KEEP_FOR: Duration = Duration::from_secs(60);

/// A lease that does not expire during a check.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// The lifetimes of leases and records to try in turn, while the store or this machine is too slow for the one before.
pub(crate) const TTLS: [Duration; 3] =
    [Duration::from_millis(300), Duration::from_millis(900), Duration::from_millis(2400)];

/// How much later than promised a lease may expire: a database may count in seconds.
pub(crate) const GRACE: Duration = Duration::from_millis(1500);

/// Why a check failed.
pub(crate) enum Failure {
    /// The store did something else.
    Mismatch { expected: String, found: String },
    /// The store, or this machine, was too slow to tell.
    TooSlow,
}

/// Returns a failure unless the values are equal.
pub(crate) fn expect<T: PartialEq + Debug>(what: &str, expected: T, found: T) -> Result<(), Failure> {
    if expected == found {
        return Ok(());
    }
    Err(Failure::Mismatch { expected: format!("{what}: {expected:?}"), found: format!("{found:?}") })
}

/// Two handles to one store, and keys of this run alone.
pub(crate) struct Subject<S> {
    pub(crate) one: Arc<S>,
    pub(crate) other: Arc<S>,
    run: u64,
    count: AtomicU64,
}

impl<S: Store> Subject<S> {
    pub(crate) fn new(one: S, other: S) -> Self {
        let run = RandomState::new().build_hasher().finish();
        Self { one: Arc::new(one), other: Arc::new(other), run, count: AtomicU64::new(0) }
    }

    /// Returns a string that is new in each call.
    pub(crate) fn unique(&self) -> String {
        format!("check-{:016x}-{}", self.run, self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns a key without a record.
    pub(crate) fn key(&self) -> Key {
        Key::new("acme", "https://acme.example", self.unique(), "read write")
    }

    pub(crate) async fn load(&self, store: &S, key: &Key) -> Result<Loaded, Failure> {
        within("load", store.load(key)).await
    }

    /// Returns generation and text.
    pub(crate) async fn read(&self, store: &S, key: &Key) -> Result<Option<(u64, String)>, Failure> {
        let Some(entry) = self.load(store, key).await?.entry else { return Ok(None) };
        let text = within("text", async { entry.text() }).await?;
        Ok(Some((entry.generation(), text.expose().to_owned())))
    }

    pub(crate) async fn write(
        &self,
        store: &S,
        key: &Key,
        expected: u64,
        generation: u64,
        text: &str,
    ) -> Result<bool, Failure> {
        within("compare_and_store", store.compare_and_store(key, expected, entry(generation, text))).await
    }

    /// Takes the lease with an owner of its own.
    pub(crate) async fn lease(&self, store: &S, key: &Key, ttl: Duration) -> Result<Option<S::Lease>, Failure> {
        within("try_lease", store.try_lease(key, &self.unique(), ttl)).await
    }

    /// Takes the lease, which is free.
    pub(crate) async fn take(&self, store: &S, key: &Key, ttl: Duration) -> Result<S::Lease, Failure> {
        self.lease(store, key, ttl).await?.ok_or_else(|| Failure::Mismatch {
            expected: "try_lease for a free lease: Some".into(),
            found: "None".into(),
        })
    }

    /// Whether someone holds the lease. If not, it is taken and released.
    pub(crate) async fn is_held(&self, store: &S, key: &Key) -> Result<bool, Failure> {
        match self.lease(store, key, LONG).await? {
            None => Ok(true),
            Some(lease) => self.release(store, key, lease).await.map(|()| false),
        }
    }

    pub(crate) async fn renew(&self, store: &S, key: &Key, lease: &S::Lease, ttl: Duration) -> Result<bool, Failure> {
        within("renew_lease", store.renew_lease(key, lease, ttl)).await
    }

    pub(crate) async fn release(&self, store: &S, key: &Key, lease: S::Lease) -> Result<(), Failure> {
        within("release_lease", store.release_lease(key, lease)).await
    }
}

pub(crate) fn entry(generation: u64, text: &str) -> Entry {
    Entry::new(generation, text).with_keep_for(KEEP_FOR)
}

/// An error or a time-out is a failure: nothing is wrong with the database.
pub(crate) async fn within<T>(
    operation: &str,
    future: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, Failure> {
    let found = match tokio::time::timeout(LIMIT, future).await {
        Ok(Ok(output)) => return Ok(output),
        Ok(Err(error)) => format!("error: {error}"),
        Err(_) => format!("no result after {} s", LIMIT.as_secs()),
    };
    Err(Failure::Mismatch { expected: format!("{operation}: a result"), found })
}

/// Runs a check with longer and longer lifetimes, until it is fast enough to tell.
pub(crate) async fn with_ttl(check: impl AsyncFn(Duration) -> Result<(), Failure>) -> Result<(), Failure> {
    for ttl in TTLS {
        match check(ttl).await {
            Err(Failure::TooSlow) => {}
            result => return result,
        }
    }
    Err(Failure::TooSlow)
}
