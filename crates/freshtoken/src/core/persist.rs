//! Storing what has happened already: a new pair, or the issuer's refusal.
//!
//! The lease no longer matters, because the compare-and-store is the fence: a record replaces only what it came from, and never
//! something newer.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::core::cell::TokenCell;
use crate::core::state::pending::{Found, Outcome, Pending};
use crate::error::{Error, ErrorKind};
use crate::store::StoreError;
use crate::store::record::Record;
use crate::sync::{lock, spawn};

/// Uses the record in the store if it is newer. A fetch in progress does that itself.
pub(crate) async fn load_stored(cell: &TokenCell) -> Result<(), Error> {
    let failed = |error: StoreError| Error::caused(ErrorKind::Store, cell.vendor(), "load a token", Arc::from(error));
    let stored = cell.load().await.map_err(failed)?;
    let now = cell.now();
    let mut locked = lock(cell.locked());
    if !locked.state.is_fetching() {
        locked.state.adopt_if_newer(stored, now, &*cell.shared().random);
        cell.publish(&locked, now);
    }
    Ok(())
}

/// How often a record is stored again when other processes change it meanwhile.
const CONFLICTS: usize = 5;

/// Stores a record in place of the one that it came of.
pub(crate) async fn persist(cell: &TokenCell, pending: &Pending, attempt: Attempt) -> Outcome {
    let mut record = pending.record.clone();
    // After a failure, the store's time is unknown too, so this process cannot know by which clock others read the expiry.
    let is_failing = lock(cell.locked()).store.as_ref().is_some_and(|store| store.is_failing);
    let mut expected = match attempt {
        Attempt::First if !is_failing => Some(pending.base.as_ref().map_or(0, |base| base.generation)),
        _ => None,
    };
    for _ in 0..CONFLICTS {
        if let Some(expected) = expected {
            match cell.compare_and_store(expected, record.clone()).await {
                Ok(true) => return Outcome::Stored(record),
                Ok(false) => {}
                #[cfg(test)]
                Err(_) if crate::core::flaw::has(crate::core::flaw::Flaw::UnknownIsNotStored) => {
                    return Outcome::Superseded(pending.base.clone().unwrap_or(record));
                }
                Err(error) => {
                    warn!(%error, "cannot store, continuing in memory");
                    return Outcome::Unknown;
                }
            }
        }
        let stored = match cell.load().await {
            Ok(stored) => stored,
            Err(error) => {
                warn!(%error, "cannot store, continuing in memory");
                return Outcome::Unknown;
            }
        };
        match pending.find(stored.as_ref()) {
            Found::Ours => return Outcome::Stored(stored.unwrap_or(record)),
            Found::Newer(newer) => return Outcome::Superseded(newer.clone()),
            Found::Revoked(revoked) => return Outcome::Revoked(revoked.clone()),
            Found::Older(found) => {
                let generation = found.map_or(0, |found| found.generation);
                expected = Some(generation);
                let next = cell.next_generation(generation.max(record.generation));
                record = Arc::new(pending.over(found.map(Arc::as_ref), next, cell.is_single_use()));
            }
        }
    }
    warn!(error = "other processes keep changing the record", "cannot store, continuing in memory");
    Outcome::Unknown
}

/// Which attempt to store a record this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    First,
    /// An earlier one may have had its effect, or may have it yet.
    Again,
}

impl TokenCell {
    /// Stores what this process remembers in place of something older. The caller loads again.
    pub(crate) async fn put_back(&self, record: Arc<Record>) -> Result<(), StoreError> {
        let expected = lock(self.locked()).state.stored_generation();
        if self.compare_and_store(expected, record.clone()).await? {
            info!(vendor = self.vendor(), account = self.account(), "put back a record that the store had lost");
            let now = self.now();
            let mut locked = lock(self.locked());
            locked.state.put_back(record, now, &*self.shared().random);
            self.publish(&locked, now);
        }
        Ok(())
    }
}

/// How long until a record is stored again after the store has failed.
const RETRY: Duration = Duration::from_secs(2);

/// Stores what could not be stored at once, as soon as the store is back: for as long as the process lives.
pub(crate) fn ensure_stored(cell: &Arc<TokenCell>) {
    let mut locked = lock(cell.locked());
    let is_needed = locked.state.has_unstored();
    let Some(store) = locked.store.as_mut().filter(|_| is_needed) else { return };
    if store.retry.as_ref().is_some_and(|task| !task.is_finished()) {
        return;
    }
    drop(locked);
    // A runtime that is shutting down drops the task within `spawn`, so no lock may be held here.
    let task = spawn(retry(cell.clone()));
    if let Some(store) = &mut lock(cell.locked()).store {
        store.retry = task;
    }
}

async fn retry(cell: Arc<TokenCell>) {
    loop {
        cell.shared().clock.sleep(RETRY).await;
        let pending = {
            let locked = lock(cell.locked());
            // A fetch stores it before anything else.
            if locked.state.is_fetching() {
                continue;
            }
            match locked.state.peek_unstored() {
                Some(pending) => pending,
                None => return,
            }
        };
        let outcome = persist(&cell, &pending, Attempt::Again).await;
        if let Outcome::Revoked(_) = outcome {
            let _ = cell.revoke_at_vendor(&pending.record).await;
        }
        let now = cell.now();
        let mut locked = lock(cell.locked());
        locked.state.stored_late(&pending, outcome, now, &*cell.shared().random);
        cell.publish(&locked, now);
    }
}
