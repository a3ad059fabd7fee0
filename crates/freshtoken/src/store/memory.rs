//! A store in the memory of this process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::core::sync::{Mutex, lock};
use crate::store::record::Record;
use crate::store::{Key, Lease, Store, StoreError};

/// A store in this process's memory, without a limit, for sources that are created separately and share their tokens.
///
/// ```no_run
/// # use freshtoken::{TokenSource, Vendor};
/// # use freshtoken::store::MemoryStore;
/// # use std::sync::Arc;
/// # fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) {
/// let tokens = TokenSource::builder(endpoint, credentials).store(Arc::new(MemoryStore::new()), "tenant-17").build();
/// # }
/// ```
#[derive(Default)]
pub struct MemoryStore(Arc<Mutex<HashMap<Key, Entry>>>);

#[derive(Default)]
struct Entry {
    record: Option<Arc<Record>>,
    lease: Weak<tokio::sync::Mutex<()>>,
}

impl MemoryStore {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of keys with a record.
    pub fn len(&self) -> usize {
        lock(&self.0).values().filter(|entry| entry.record.is_some()).count()
    }

    /// Returns whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Store for MemoryStore {
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

/// Frees the lease's entry if there is no waiter.
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

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("len", &self.len()).finish()
    }
}
