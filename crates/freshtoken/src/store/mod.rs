//! Where records are kept: in the source, in a [`MemoryStore`] that several sources share, or in your own [`Store`].
//!
//! A source without a store keeps the newest record itself and has one fetch at a time. A memory store of its own would be a
//! copy that costs a fifth of an account's memory.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use self::memory::MemoryStore;
pub use self::record::{Record, RecordError};

mod memory;
pub(crate) mod record;

/// Keeps one record per [`Key`], for one process or for many.
///
/// Every renewal goes through the store: lease, load, grant, store, and only then is the token served. Two sources with the
/// same store and key share their token, in whichever process they run.
///
/// An unreachable store is a miss and not an outage: the source logs in and continues in memory. Only a single-use refresh
/// token is never sent without a lease and a store. If the vendor has no login, that is an error.
///
/// A store for several processes keeps [`Record::to_json`] under the four fields of the key, and restores records with
/// [`Record::from_json`].
///
/// # Examples
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::{Arc, Mutex};
/// use std::time::Duration;
///
/// use freshtoken::store::{Key, Lease, Record, Store, StoreError};
///
/// /// For one process. For several, replace the map by a database and the mutex by a lock there.
/// #[derive(Default)]
/// struct MyStore {
///     records: Mutex<HashMap<Key, Arc<Record>>>,
///     lease: Arc<tokio::sync::Mutex<()>>,
/// }
///
/// impl Store for MyStore {
///     async fn load(&self, key: &Key) -> Result<Option<Arc<Record>>, StoreError> {
///         Ok(self.records.lock().unwrap().get(key).cloned())
///     }
///
///     async fn compare_and_store(&self, key: &Key, expected: u64, record: Arc<Record>) -> Result<bool, StoreError> {
///         let mut records = self.records.lock().unwrap();
///         let is_expected = records.get(key).map_or(0, |record| record.generation()) == expected;
///         if is_expected {
///             records.insert(key.clone(), record);
///         }
///         Ok(is_expected)
///     }
///
///     async fn lease(&self, _: &Key, _at_most: Duration) -> Result<Lease, StoreError> {
///         Ok(Lease::new(self.lease.clone().lock_owned().await))
///     }
/// }
/// ```
pub trait Store: Send + Sync + 'static {
    /// Returns the record, if there is one.
    ///
    /// # Errors
    ///
    /// If the store is unreachable, or its content is not a record.
    fn load(&self, key: &Key) -> impl Future<Output = Result<Option<Arc<Record>>, StoreError>> + Send;

    /// Stores `record` if the [generation](Record::generation) of the stored one is `expected`, where 0 means that there is
    /// none. Returns whether it was stored.
    ///
    /// # Errors
    ///
    /// If the store is unreachable.
    fn compare_and_store(
        &self,
        key: &Key,
        expected: u64,
        record: Arc<Record>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Waits until no one else holds the lease of the key, and takes it. A holder that crashes loses it after `at_most`.
    ///
    /// # Errors
    ///
    /// If the store is unreachable.
    fn lease(&self, key: &Key, at_most: Duration) -> impl Future<Output = Result<Lease, StoreError>> + Send;
}

/// Identifies the account that a record belongs to. `Debug` prints only scheme, host and port of the server's URL.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Key {
    /// The vendor's name.
    pub vendor: &'static str,
    /// The vendor's server.
    pub server: Arc<str>,
    /// Your name for the account; empty if there is only one.
    pub account: Arc<str>,
    /// The requested scopes.
    pub scopes: Arc<str>,
}

impl Key {
    /// Creates a key, to test a store. A source makes its own.
    pub fn new(
        vendor: &'static str,
        server: impl Into<Arc<str>>,
        account: impl Into<Arc<str>>,
        scopes: impl Into<Arc<str>>,
    ) -> Self {
        Self { vendor, server: server.into(), account: account.into(), scopes: scopes.into() }
    }
}

/// A path can contain a tenant's name or a secret.
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

/// The right to renew the token of a key. Dropping it releases it.
pub struct Lease(#[allow(dead_code, reason = "held for its drop")] Option<Box<dyn Send + Sync>>);

impl Lease {
    /// Creates a lease that is released when `guard` is dropped.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Some(Box::new(guard)))
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease")
    }
}

/// The error of a store. Its message must not contain a secret.
pub type StoreError = Box<dyn StdError + Send + Sync>;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// [`Store`] as a trait object.
pub(crate) trait AnyStore: Send + Sync {
    fn load<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Option<Arc<Record>>>;
    fn compare_and_store<'a>(&'a self, key: &'a Key, expected: u64, record: Arc<Record>) -> BoxFuture<'a, bool>;
    fn lease<'a>(&'a self, key: &'a Key, at_most: Duration) -> BoxFuture<'a, Lease>;
}

impl<S: Store> AnyStore for S {
    fn load<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Option<Arc<Record>>> {
        Box::pin(Store::load(self, key))
    }

    fn compare_and_store<'a>(&'a self, key: &'a Key, expected: u64, record: Arc<Record>) -> BoxFuture<'a, bool> {
        Box::pin(Store::compare_and_store(self, key, expected, record))
    }

    fn lease<'a>(&'a self, key: &'a Key, at_most: Duration) -> BoxFuture<'a, Lease> {
        Box::pin(Store::lease(self, key, at_most))
    }
}
