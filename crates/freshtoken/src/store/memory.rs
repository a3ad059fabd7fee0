//! A store in the memory of this process.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::store::contract::{Loaded, Store};
use crate::store::entry::Entry;
use crate::store::error::StoreError;
use crate::store::key::Key;
use crate::sync::{Mutex, lock};

/// A store in this process's memory, without a limit, for sources that are created separately and share their tokens.
///
/// ```no_run
/// # use freshtoken::store::MemoryStore;
/// # use freshtoken::{TokenSource, Vendor};
/// # use std::sync::Arc;
/// # fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) {
/// let store = Arc::new(MemoryStore::new());
/// let tokens = TokenSource::builder(endpoint, credentials).store(store.clone(), "tenant-17").build();
/// # }
/// ```
#[derive(Default)]
pub struct MemoryStore(Arc<Mutex<HashMap<Key, Slot>>>);

/// What is known of a key.
#[derive(Default)]
struct Slot {
    entry: Option<Entry>,
    lease: Option<Held>,
    /// For those who wait for the lease or a record.
    changed: Option<Arc<Notify>>,
}

struct Held {
    owner: String,
    until: Instant,
}

impl Slot {
    /// The lease of this owner, unless it has expired.
    fn held_by(&mut self, owner: &str) -> Option<&mut Held> {
        self.lease.as_mut().filter(|held| held.owner == owner && held.until > Instant::now())
    }

    fn notify(&mut self) {
        if let Some(changed) = self.changed.take() {
            changed.notify_waiters();
        }
    }
}

impl MemoryStore {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of keys with a record.
    pub fn len(&self) -> usize {
        lock(&self.0).values().filter(|slot| slot.entry.is_some()).count()
    }

    /// Returns whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Store for MemoryStore {
    type Lease = MemoryLease;

    async fn load(&self, key: &Key) -> Result<Loaded, StoreError> {
        Ok(Loaded::from(lock(&self.0).get(key).and_then(|slot| slot.entry.clone())))
    }

    async fn compare_and_store(&self, key: &Key, expected: u64, entry: Entry) -> Result<bool, StoreError> {
        let mut slots = lock(&self.0);
        let slot = slots.entry(key.clone()).or_default();
        if slot.entry.as_ref().map_or(0, Entry::generation) != expected {
            return Ok(false);
        }
        slot.entry = Some(entry);
        slot.notify();
        Ok(true)
    }

    async fn try_lease(&self, key: &Key, owner: &str, ttl: Duration) -> Result<Option<MemoryLease>, StoreError> {
        let mut slots = lock(&self.0);
        let slot = slots.entry(key.clone()).or_default();
        if slot.lease.as_ref().is_some_and(|held| held.until > Instant::now()) {
            return Ok(None);
        }
        slot.lease = Some(Held { owner: owner.to_owned(), until: Instant::now() + ttl });
        Ok(Some(MemoryLease { key: key.clone(), owner: owner.to_owned(), slots: self.0.clone() }))
    }

    async fn renew_lease(&self, key: &Key, lease: &MemoryLease, ttl: Duration) -> Result<bool, StoreError> {
        let mut slots = lock(&self.0);
        let held = slots.get_mut(key).and_then(|slot| slot.held_by(&lease.owner));
        Ok(held.map(|held| held.until = Instant::now() + ttl).is_some())
    }

    async fn release_lease(&self, _key: &Key, lease: MemoryLease) -> Result<(), StoreError> {
        drop(lease);
        Ok(())
    }

    async fn changed(&self, key: &Key) {
        let changed = lock(&self.0).entry(key.clone()).or_default().changed.get_or_insert_default().clone();
        changed.notified().await;
    }
}

/// The lease of a [`MemoryStore`]. Dropping it releases it.
pub struct MemoryLease {
    key: Key,
    owner: String,
    slots: Arc<Mutex<HashMap<Key, Slot>>>,
}

/// Frees a slot without a record.
impl Drop for MemoryLease {
    fn drop(&mut self) {
        let mut slots = lock(&self.slots);
        let Some(slot) = slots.get_mut(&self.key) else { return };
        if slot.lease.as_ref().is_some_and(|held| held.owner == self.owner) {
            slot.lease = None;
            slot.notify();
        }
        if slot.entry.is_none() && slot.lease.is_none() && slot.changed.is_none() {
            slots.remove(&self.key);
        }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("len", &self.len()).finish()
    }
}
