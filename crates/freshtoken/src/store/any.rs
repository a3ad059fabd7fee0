//! [`Store`] as a trait object, for the sources that share it.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::store::contract::{Loaded, Store};
use crate::store::entry::Entry;
use crate::store::error::StoreError;
use crate::store::key::Key;
use crate::store::sealing::Sealing;

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The lease of any store.
pub(crate) type AnyLease = Box<dyn Any + Send + Sync>;

pub(crate) trait AnyStore: Send + Sync {
    fn load<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Loaded, StoreError>>;
    fn compare_and_store<'a>(
        &'a self,
        key: &'a Key,
        expected: u64,
        entry: Entry,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;
    fn try_lease<'a>(
        &'a self,
        key: &'a Key,
        owner: &'a str,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Option<AnyLease>, StoreError>>;
    fn renew_lease<'a>(
        &'a self,
        key: &'a Key,
        lease: &'a AnyLease,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;
    fn release_lease<'a>(&'a self, key: &'a Key, lease: AnyLease) -> BoxFuture<'a, Result<(), StoreError>>;
    fn changed<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()>;
    fn sealing(&self) -> Sealing;
}

impl<S: Store> AnyStore for S {
    fn load<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Loaded, StoreError>> {
        Box::pin(Store::load(self, key))
    }

    fn compare_and_store<'a>(
        &'a self,
        key: &'a Key,
        expected: u64,
        entry: Entry,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(Store::compare_and_store(self, key, expected, entry))
    }

    fn try_lease<'a>(
        &'a self,
        key: &'a Key,
        owner: &'a str,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Option<AnyLease>, StoreError>> {
        Box::pin(async move {
            let lease = Store::try_lease(self, key, owner, ttl).await?;
            Ok(lease.map(|lease| Box::new(lease) as AnyLease))
        })
    }

    fn renew_lease<'a>(
        &'a self,
        key: &'a Key,
        lease: &'a AnyLease,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let lease = lease.downcast_ref().ok_or("the lease is another store's")?;
            Store::renew_lease(self, key, lease, ttl).await
        })
    }

    fn release_lease<'a>(&'a self, key: &'a Key, lease: AnyLease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let lease = lease.downcast().map_err(|_| "the lease is another store's")?;
            Store::release_lease(self, key, *lease).await
        })
    }

    fn changed<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()> {
        Box::pin(Store::changed(self, key))
    }

    fn sealing(&self) -> Sealing {
        Store::sealing(self)
    }
}
