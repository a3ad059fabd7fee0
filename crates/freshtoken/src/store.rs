//! Where records are kept: in the source, in a [`Memory`] that several share, or wherever a [`Store`] of one's own keeps
//! them.
//!
//! A source without a store needs none: its state machine knows the newest record, and has one flight at a time. A memory of
//! its own would be a copy to look up, at a fifth of what an account takes.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::core::sync::{Mutex, lock};
use crate::record::Record;

/// Keeps one record per [`Key`], for one process or for many.
///
/// Every renewal goes through it: lease, load, grant, store, and only then is the token given out. Two sources with one
/// store and one key share their token, wherever they run.
///
/// A store that can't be reached is a miss, never an outage: the source logs in and goes on in memory. Only a single-use
/// refresh token is never sent without lease and store; where a login isn't possible, that is an error.
///
/// A store of several processes keeps [`Record::to_json`] under the four fields of the key, and makes records with
/// [`Record::from_json`].
pub trait Store: Send + Sync + 'static {
    /// The record, if there is one.
    fn load(&self, key: &Key) -> impl Future<Output = Result<Option<Arc<Record>>, StoreError>> + Send;

    /// Stores `record` if the stored one's [generation](Record::generation) is `expected`, 0 standing for none, and
    /// says whether it did.
    fn compare_and_store(
        &self,
        key: &Key,
        expected: u64,
        record: Arc<Record>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Waits until nobody else holds the lease of the key, and takes it. A holder that dies loses it after `at_most`.
    fn lease(&self, key: &Key, at_most: Duration) -> impl Future<Output = Result<Lease, StoreError>> + Send;
}

/// Whose token it is. `Debug` shows of the server's URL no more than scheme, host and port.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Key {
    /// The vendor's name.
    pub vendor: &'static str,
    /// Which of its servers.
    pub server: Arc<str>,
    /// The user's name for the account; empty where there is one only.
    pub account: Arc<str>,
    /// The scopes that are asked for.
    pub scopes: Arc<str>,
}

/// A path can hold a tenant, or worse.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = reqwest::Url::parse(&self.server).ok().map(|url| url.origin().ascii_serialization());
        f.debug_struct("Key")
            .field("vendor", &self.vendor)
            .field("server", &origin.unwrap_or_default())
            .field("account", &self.account)
            .field("scopes", &self.scopes)
            .finish()
    }
}

/// The right to renew the token of a key. It is given back when it is dropped.
pub struct Lease(#[allow(dead_code, reason = "held for its drop")] Option<Box<dyn Send + Sync>>);

impl Lease {
    /// A lease that is given back by dropping `guard`.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Some(Box::new(guard)))
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease")
    }
}

/// Why a store can't be used. Its text must hold no secret.
pub type StoreError = Box<dyn StdError + Send + Sync>;

/// This process's memory, without a limit: for sources that are made apart and share their tokens.
#[derive(Default)]
pub struct Memory(Arc<Mutex<HashMap<Key, Entry>>>);

#[derive(Default)]
struct Entry {
    record: Option<Arc<Record>>,
    lease: Weak<tokio::sync::Mutex<()>>,
}

impl Memory {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many keys it holds a record of.
    pub fn len(&self) -> usize {
        lock(&self.0).values().filter(|entry| entry.record.is_some()).count()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Store for Memory {
    async fn load(&self, key: &Key) -> Result<Option<Arc<Record>>, StoreError> {
        Ok(lock(&self.0).get(key).and_then(|entry| entry.record.clone()))
    }

    async fn compare_and_store(&self, key: &Key, expected: u64, record: Arc<Record>) -> Result<bool, StoreError> {
        let mut entries = lock(&self.0);
        let entry = entries.entry(key.clone()).or_default();
        let stored = entry.record.as_ref().map_or(0, |record| record.generation());
        if stored != expected {
            return Ok(false);
        }
        entry.record = Some(record);
        Ok(true)
    }

    async fn lease(&self, key: &Key, _at_most: Duration) -> Result<Lease, StoreError> {
        let mutex = {
            let mut entries = lock(&self.0);
            let entry = entries.entry(key.clone()).or_default();
            entry.lease.upgrade().unwrap_or_else(|| {
                let mutex = Arc::default();
                entry.lease = Arc::downgrade(&mutex);
                mutex
            })
        };
        // A holder in this process can't die without dropping it.
        let held = Some(mutex.lock_owned().await);
        Ok(Lease::new(MemoryLease { held, key: key.clone(), entries: self.0.clone() }))
    }
}

struct MemoryLease {
    held: Option<tokio::sync::OwnedMutexGuard<()>>,
    key: Key,
    entries: Arc<Mutex<HashMap<Key, Entry>>>,
}

/// What nobody waits for takes no memory.
impl Drop for MemoryLease {
    fn drop(&mut self) {
        drop(self.held.take());
        let mut entries = lock(&self.entries);
        let Some(entry) = entries.get_mut(&self.key) else { return };
        if entry.lease.strong_count() == 0 {
            entry.lease = Weak::new();
            if entry.record.as_ref().is_none_or(|record| record.is_worthless()) {
                entries.remove(&self.key);
            }
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("len", &self.len()).finish()
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// [`Store`] as a trait object.
pub(crate) trait AnyStore: Send + Sync {
    fn load<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Arc<Record>>>;
    fn compare_and_store<'a>(&'a self, key: &'a Key, expected: u64, record: Arc<Record>) -> Answer<'a, bool>;
    fn lease<'a>(&'a self, key: &'a Key, at_most: Duration) -> Answer<'a, Lease>;
}

impl<S: Store> AnyStore for S {
    fn load<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Arc<Record>>> {
        Box::pin(Store::load(self, key))
    }

    fn compare_and_store<'a>(&'a self, key: &'a Key, expected: u64, record: Arc<Record>) -> Answer<'a, bool> {
        Box::pin(Store::compare_and_store(self, key, expected, record))
    }

    fn lease<'a>(&'a self, key: &'a Key, at_most: Duration) -> Answer<'a, Lease> {
        Box::pin(Store::lease(self, key, at_most))
    }
}
