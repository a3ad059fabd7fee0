//! What a store promises.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::store::entry::Entry;
use crate::store::error::StoreError;
use crate::store::key::Key;
use crate::store::sealing::Sealing;

/// Keeps one record per [`Key`], for one process or for many.
///
/// Every renewal goes through the store. A fresh token does not: it is served from memory.
///
/// # What is called when
///
/// ```text
/// load                     a newer, valid record: it is served, and that is all
/// try_lease                taken: watch with load, 1 to 10 times a second, until there is a newer record or the lease is free
///   renew_lease            every 3 s, for as long as the lease is held
///   load                   the decision is made on this record
///   compare_and_store      the mark: this single-use refresh token is about to be sent
///   - the request -        only if the lease was renewed less than 8 s ago
///   compare_and_store      the new pair
/// release_lease
/// ```
///
/// A renewal is 6 calls, and 5 where the refresh token is not single-use. A call that takes more than 5 s has failed.
///
/// # What a store promises
///
/// - **Compare and store** is atomic. It is the fence of the protocol: what a process does after it lost its lease is harmless,
///   because its record is not stored over another one.
/// - **An error or a time-out means "unknown"**, not "it did not happen", and it may still happen later. The caller loads to find
///   out.
/// - **No cache.** A `load` returns what was stored last, by any process. The mark is stored before a refresh token is sent, and
///   a process that does not see it sends the token again.
/// - **Durable.** A store that reports success and then loses the record, after a failover for example, can cost the refresh
///   token. If your database can wait for a replica, wait.
/// - **A lease expires.** Its holder may be killed at any time. It keeps other processes from doing the same work. It is
///   no fence: before the request, a holder that lost its lease stops, and after it, it stores the pair by compare-and-store.
/// - **Reconnects.** A store recovers from a broken connection on its own. Until then it fails, and a token that is valid is
///   served meanwhile.
/// - **Keeps records** at least for as long as [`Entry::keep_for`] says, and leases for as long as `ttl` says. A record without a
///   limit stays: it can say that a refresh token was used, refused or revoked. A store may ignore `keep_for` and delete
///   nothing.
///
/// The suite in `freshtoken::testing` (feature `testing`) checks these promises, and names the one that is broken.
///
/// # Blocking databases
///
/// A method that blocks its thread delays every other task of that thread, and no time limit applies to it. If your
/// database's client blocks, as SQLite's does, call it in `tokio::task::spawn_blocking`.
///
/// # Keys
///
/// [`Key::digest`] is one name for the four fields of a key, safe as a file name or a column. Joining the fields by hand is
/// not: an account may be named `a:b`.
///
/// # Errors of a store
///
/// An unreachable store is a miss and not an outage: the source logs in and continues in memory. Only a single-use refresh
/// token is never sent without its mark in the store. If the vendor has no login, that is an error. A valid token is served
/// in any case.
///
/// # Examples
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use std::time::{Duration, Instant};
///
/// use freshtoken::store::{Entry, Key, Loaded, Store, StoreError};
///
/// /// For one process. For several, replace the maps by two tables of a database: `records (key, generation, text)` and
/// /// `leases (key, owner, until)`.
/// #[derive(Default)]
/// struct MyStore {
///     records: Mutex<HashMap<String, Entry>>,
///     leases: Mutex<HashMap<String, (String, Instant)>>,
/// }
///
/// impl Store for MyStore {
///     /// The owner of the lease.
///     type Lease = String;
///
///     // SELECT generation, text, now() FROM records WHERE key = …
///     async fn load(&self, key: &Key) -> Result<Loaded, StoreError> {
///         Ok(Loaded::from(self.records.lock().unwrap().get(&key.digest()).cloned()))
///     }
///
///     // UPDATE records SET generation = …, text = … WHERE key = … AND generation = …, or INSERT if `expected` is 0
///     async fn compare_and_store(&self, key: &Key, expected: u64, entry: Entry) -> Result<bool, StoreError> {
///         let mut records = self.records.lock().unwrap();
///         let is_expected = records.get(&key.digest()).map_or(0, Entry::generation) == expected;
///         if is_expected {
///             records.insert(key.digest(), entry); // a database stores `entry.generation()` and `entry.text()`
///         }
///         Ok(is_expected)
///     }
///
///     // INSERT … ON CONFLICT (key) DO UPDATE SET owner = …, until = … WHERE until < now()
///     async fn try_lease(&self, key: &Key, owner: &str, ttl: Duration) -> Result<Option<String>, StoreError> {
///         let mut leases = self.leases.lock().unwrap();
///         if leases.get(&key.digest()).is_some_and(|(_, until)| *until > Instant::now()) {
///             return Ok(None);
///         }
///         leases.insert(key.digest(), (owner.to_owned(), Instant::now() + ttl));
///         Ok(Some(owner.to_owned()))
///     }
///
///     // UPDATE leases SET until = … WHERE key = … AND owner = … AND until > now()
///     async fn renew_lease(&self, key: &Key, lease: &String, ttl: Duration) -> Result<bool, StoreError> {
///         let mut leases = self.leases.lock().unwrap();
///         let held = leases.get_mut(&key.digest());
///         let held = held.filter(|(owner, until)| owner == lease && *until > Instant::now());
///         Ok(held.map(|(_, until)| *until = Instant::now() + ttl).is_some())
///     }
///
///     // DELETE FROM leases WHERE key = … AND owner = …
///     async fn release_lease(&self, key: &Key, lease: String) -> Result<(), StoreError> {
///         let mut leases = self.leases.lock().unwrap();
///         if leases.get(&key.digest()).is_some_and(|(owner, _)| *owner == lease) {
///             leases.remove(&key.digest());
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Store: Send + Sync + 'static {
    /// What a holder keeps of its lease: the owner's id, an open file, a row. If it is dropped without
    /// [`release_lease`](Store::release_lease), because the task was aborted, the lease may last for its `ttl`, but not
    /// longer.
    type Lease: Send + Sync + 'static;

    /// Returns the record, if there is one, and the store's time.
    ///
    /// # Errors
    ///
    /// If the store is unreachable, or what it holds was not written by it.
    fn load(&self, key: &Key) -> impl Future<Output = Result<Loaded, StoreError>> + Send;

    /// Stores `entry` if the [generation](Entry::generation) of the stored one is `expected`, where 0 means that there is
    /// none. Returns whether it was stored.
    ///
    /// # Errors
    ///
    /// If it is unknown whether it was stored.
    fn compare_and_store(
        &self,
        key: &Key,
        expected: u64,
        entry: Entry,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Takes the lease of the key for `ttl`, unless someone holds it: then it returns `None` at once. `owner` is random, and
    /// new for each attempt.
    ///
    /// # Errors
    ///
    /// If it is unknown whether it was taken. The caller then assumes that it was not.
    fn try_lease(
        &self,
        key: &Key,
        owner: &str,
        ttl: Duration,
    ) -> impl Future<Output = Result<Option<Self::Lease>, StoreError>> + Send;

    /// Extends a lease to `ttl` from now. Returns whether it was still held; a lease that has expired or that someone else
    /// holds is not taken back.
    ///
    /// # Errors
    ///
    /// If it is unknown whether it was extended.
    fn renew_lease(
        &self,
        key: &Key,
        lease: &Self::Lease,
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Releases a lease, unless someone else holds it by now.
    ///
    /// # Errors
    ///
    /// If the store is unreachable. The lease then expires.
    fn release_lease(&self, key: &Key, lease: Self::Lease) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Completes when the record may have changed or the lease may be free, so that those who wait look at once. By default it
    /// never completes, and they look again after 100 to 250 ms.
    fn changed(&self, key: &Key) -> impl Future<Output = ()> + Send {
        let _ = key;
        std::future::pending()
    }

    /// Returns whether records may be stored without a [`Seal`](crate::store::Seal). By default they may.
    fn sealing(&self) -> Sealing {
        Sealing::Optional
    }
}

impl<S: Store> Store for Arc<S> {
    type Lease = S::Lease;

    fn load(&self, key: &Key) -> impl Future<Output = Result<Loaded, StoreError>> + Send {
        S::load(self, key)
    }

    fn compare_and_store(
        &self,
        key: &Key,
        expected: u64,
        entry: Entry,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        S::compare_and_store(self, key, expected, entry)
    }

    fn try_lease(
        &self,
        key: &Key,
        owner: &str,
        ttl: Duration,
    ) -> impl Future<Output = Result<Option<S::Lease>, StoreError>> + Send {
        S::try_lease(self, key, owner, ttl)
    }

    fn renew_lease(
        &self,
        key: &Key,
        lease: &S::Lease,
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        S::renew_lease(self, key, lease, ttl)
    }

    fn release_lease(&self, key: &Key, lease: S::Lease) -> impl Future<Output = Result<(), StoreError>> + Send {
        S::release_lease(self, key, lease)
    }

    fn changed(&self, key: &Key) -> impl Future<Output = ()> + Send {
        S::changed(self, key)
    }

    fn sealing(&self) -> Sealing {
        S::sealing(self)
    }
}

/// What [`Store::load`] returns.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Loaded {
    /// The record; `None`: there is none.
    pub entry: Option<Entry>,
    /// The time by the store's clock, for a store that several machines share: expiries are kept by it, so the machines'
    /// clocks may differ. `None`: the store has no clock, and this machine's wall clock is used.
    pub now: Option<SystemTime>,
}

impl From<Option<Entry>> for Loaded {
    fn from(entry: Option<Entry>) -> Self {
        Self { entry, now: None }
    }
}

impl Loaded {
    /// Sets [`Loaded::now`].
    pub fn at(self, now: SystemTime) -> Self {
        Self { now: Some(now), ..self }
    }
}
