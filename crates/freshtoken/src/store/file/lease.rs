//! A lease: a line in the guard's file says whose it is and until when, and a locked file shows that its holder lives.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::file::access;
use crate::store::file::account::Account;
use crate::store::file::error::FileStoreError;
use crate::store::file::guard::{Guard, Lease};

/// A lease of a [`FileStore`](crate::store::FileStore). Dropping it releases it.
pub struct FileLease {
    id: String,
    account: Account,
    held: PathBuf,
    /// Locked for as long as it is open.
    _lock: File,
}

impl FileLease {
    /// Takes the lease, if it is free, its holder is dead, or it has expired.
    pub(crate) fn take(account: Account, observed: &Observed, ttl: Duration) -> Result<Option<Self>, FileStoreError> {
        let mut guard = Guard::take(&account)?;
        if let Some(current) = guard.lease()? {
            let held = account.held(&current.id);
            if !is_dead(&held)? && !observed.has_expired(&account.digest, &current) {
                return Ok(None);
            }
            // A holder that is only stalled keeps its lock, on a file without a name.
            let _ = std::fs::remove_file(held);
        }
        let id = access::unique_id();
        let held = account.held(&id);
        let lock = access::create(&held)?;
        lock.try_lock().map_err(|error| FileStoreError::io("lock", &held)(error.into()))?;
        let lease = Self { id, account, held, _lock: lock };
        guard.set_lease(&lease.renewed(ttl))?;
        observed.forget(&lease.account.digest);
        Ok(Some(lease))
    }

    fn renewed(&self, ttl: Duration) -> Lease {
        Lease { id: self.id.clone(), renewed: access::boot_nanos(), ttl }
    }

    /// What extends the lease, on another thread.
    pub(crate) fn renewal(&self, ttl: Duration) -> Renewal {
        Renewal { id: self.id.clone(), account: self.account.clone(), ttl }
    }
}

impl Drop for FileLease {
    fn drop(&mut self) {
        // The name is this lease's alone. Without the file, the lease is free, whatever the guard's file says.
        let _ = std::fs::remove_file(&self.held);
    }
}

/// See [`Store::renew_lease`](crate::store::Store::renew_lease).
pub(crate) struct Renewal {
    id: String,
    account: Account,
    ttl: Duration,
}

impl Renewal {
    pub(crate) fn run(self) -> Result<bool, FileStoreError> {
        let mut guard = Guard::take(&self.account)?;
        let current = guard.lease()?.filter(|current| current.id == self.id && !has_expired(current));
        if current.is_none() {
            return Ok(false);
        }
        guard.set_lease(&Lease { id: self.id, renewed: access::boot_nanos(), ttl: self.ttl })?;
        Ok(true)
    }
}

/// Whether the process that held this file is gone, or has released it.
pub(crate) fn is_dead(held: &Path) -> Result<bool, FileStoreError> {
    let Some(file) = access::open(held)? else { return Ok(true) };
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(FileStoreError::io("lock", held)(error)),
    }
}

fn has_expired(lease: &Lease) -> bool {
    let elapsed = access::boot_nanos().checked_sub(lease.renewed).map(Duration::from_nanos);
    elapsed.is_some_and(|elapsed| elapsed >= lease.ttl)
}

/// Since when this process has seen each lease unchanged. A lease ends after its time by this too, in case the clocks of two
/// processes are not one.
#[derive(Clone, Default)]
pub(crate) struct Observed(Arc<Mutex<HashMap<String, (Lease, Instant)>>>);

impl Observed {
    fn has_expired(&self, digest: &str, current: &Lease) -> bool {
        if has_expired(current) {
            return true;
        }
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get(digest) {
            Some((lease, since)) if lease == current => since.elapsed() >= current.ttl,
            _ => {
                seen.insert(digest.to_owned(), (current.clone(), Instant::now()));
                false
            }
        }
    }

    fn forget(&self, digest: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(digest);
    }
}
