//! The end of a token before its expiry: at the vendor, in memory and in the store.

use std::sync::Arc;
use std::time::Duration;

use freshtoken_wire::Secret;
use tracing::{info, warn};

use crate::clock::Deadline;
use crate::core::cell::TokenCell;
use crate::core::guard::within;
use crate::core::lease::{Keeper, keeping};
use crate::error::{Error, ErrorKind};
use crate::grant_error::{GrantError, GrantErrorKind};
use crate::store::record::Record;
use crate::store::{StoreError, UnreadableRecord};
use crate::sync::lock;
use crate::vendor::TokenKind;

/// How long a revocation waits for a fetch in progress.
const FETCH: Duration = Duration::from_secs(300);

/// How long a revocation waits for the lease.
const LEASE_WAIT: Duration = Duration::from_secs(100);

/// How long it does not ask for the lease again.
const LEASE_RETRY: Duration = Duration::from_millis(200);

/// How often it starts over when other processes change the record under it.
const CONFLICTS: usize = 3;

const ACTION: &str = "revoke a token";

/// What becomes of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is revoked at the vendor and forgotten.
    Revoke,
    /// It is forgotten.
    Forget,
}

/// Revokes or forgets the token.
pub(crate) async fn end(cell: Arc<TokenCell>, ending: Ending) -> Result<(), Error> {
    if ending == Ending::Revoke && cell.shared().policy.revoke.is_none() {
        return Err(cell.error(ErrorKind::Unsupported, ACTION));
    }
    let completion = lock(cell.locked()).fetch.as_ref().map(|fetch| fetch.completion.clone());
    if let Some(completion) = completion {
        let _ = within(&cell.shared().clock, FETCH, completion.wait()).await;
    }
    if cell.shared().store.is_none() {
        return end_here(&cell, ending).await.unwrap_or(Ok(()));
    }
    let keeper = Keeper::new(cell.clone());
    let result = Box::pin(keeping(&keeper, end_everywhere(&cell, &keeper, ending))).await;
    keeper.release().await;
    result
}

/// Ends the token that is in the store, for all processes.
async fn end_everywhere(cell: &TokenCell, keeper: &Keeper, ending: Ending) -> Result<(), Error> {
    let failed = |error: StoreError| Error::caused(ErrorKind::Store, cell.vendor(), ACTION, Arc::from(error));
    let since = cell.now();
    while !keeper.try_take().await.map_err(failed)? {
        if Deadline::after(since, LEASE_WAIT).has_passed(cell.now()) {
            return Err(failed("timed out waiting for another process".into()));
        }
        cell.shared().clock.sleep(LEASE_RETRY).await;
    }
    for _ in 0..CONFLICTS {
        let stored = match cell.load().await {
            Ok(stored) => stored,
            Err(error) => match error.downcast_ref::<UnreadableRecord>() {
                Some(unreadable) if ending == Ending::Forget => {
                    forget_unreadable(cell, unreadable).await.map_err(failed)?;
                    continue;
                }
                _ => return Err(failed(error)),
            },
        };
        let put_back = {
            let mut locked = lock(cell.locked());
            let put_back = locked.state.looked(stored.clone(), cell.now());
            locked.state.adopt_if_newer(stored, cell.now(), &*cell.shared().random);
            put_back
        };
        if let Some(record) = put_back {
            cell.put_back(record).await.map_err(failed)?;
            continue;
        }
        if let Some(result) = end_here(cell, ending).await {
            return result;
        }
    }
    Err(failed("other processes keep changing the record".into()))
}

/// Replaces a record that cannot be read by an empty one, unless another process has replaced it.
async fn forget_unreadable(cell: &TokenCell, unreadable: &UnreadableRecord) -> Result<(), StoreError> {
    let revoked = Record::empty(0).revoked(cell.next_generation(unreadable.generation));
    cell.compare_and_store(unreadable.generation, Arc::new(revoked)).await.map(drop)
}

/// Ends the current token; `None`: another process has changed the record meanwhile.
async fn end_here(cell: &TokenCell, ending: Ending) -> Option<Result<(), Error>> {
    let failed = |error: StoreError| Error::caused(ErrorKind::Store, cell.vendor(), ACTION, Arc::from(error));
    let Some((suspended, marked)) = suspend(cell) else { return Some(Ok(())) };
    let has_store = cell.shared().store.is_some();
    let suspended = if has_store { marked.generation } else { suspended };
    // From here on, no process serves it.
    if has_store {
        let expected = lock(cell.locked()).state.stored_generation();
        match cell.compare_and_store(expected, marked.clone()).await {
            Ok(true) => lock(cell.locked()).state.mark_stored(marked.clone()),
            Ok(false) => {
                resume(cell);
                return None;
            }
            Err(error) => {
                resume(cell);
                return Some(Err(failed(error)));
            }
        }
    }
    let result = match ending {
        Ending::Revoke => cell.revoke_at_vendor(&marked).await,
        Ending::Forget => Ok(()),
    };
    let is_unusable = result.as_ref().is_err_and(|failure| failure.kind == GrantErrorKind::Unusable);
    let is_over = is_over(cell, &result);
    if is_over {
        let revoked = lock(cell.locked()).state.revoked(cell.now());
        match cell.compare_and_store(marked.generation, revoked.clone()).await {
            Ok(true) => {}
            Ok(false) => {
                resume(cell);
                return None;
            }
            Err(error) => {
                warn!(vendor = cell.vendor(), account = cell.account(), %error, "cannot store the revocation");
                forget(cell, suspended, &revoked);
                return Some(Err(failed(error)));
            }
        }
        forget(cell, suspended, &revoked);
        let _ = cell.notify(revoked).await;
        info!(vendor = cell.vendor(), account = cell.account(), "token revoked");
    } else {
        unmark(cell, &marked).await;
    }
    Some(match result {
        // The second time in a row.
        Err(failure) if is_unusable && is_over => {
            Err(Error::caused(ErrorKind::Unusable, cell.vendor(), ACTION, failure.cause))
        }
        Err(failure) if !failure.is_gone() => Err(Error::of(failure, cell.vendor(), ACTION)),
        _ => Ok(()),
    })
}

/// Stops serving the current token. Returns its generation and its record, marked for revocation, or `None` if there is none.
fn suspend(cell: &TokenCell) -> Option<(u64, Arc<Record>)> {
    let now = cell.now();
    let mut locked = lock(cell.locked());
    let generation = locked.state.record()?.generation;
    let marked = locked.state.marked_for_revocation(now);
    locked.state.suspend();
    cell.publish(&locked, now);
    Some((generation, marked))
}

/// Serves the token again.
fn resume(cell: &TokenCell) {
    let mut locked = lock(cell.locked());
    locked.state.resume();
    cell.publish(&locked, cell.now());
}

/// Forgets the token, unless a fetch has replaced it meanwhile.
fn forget(cell: &TokenCell, suspended: u64, revoked: &Arc<Record>) {
    let mut locked = lock(cell.locked());
    match locked.state.record().map(|record| record.generation) {
        Some(generation) if generation == suspended => locked.state.forget(revoked.clone()),
        _ => locked.state.resume(),
    }
    cell.publish(&locked, cell.now());
}

/// The revocation failed, and the token is served again.
async fn unmark(cell: &TokenCell, marked: &Record) {
    if cell.shared().store.is_some() {
        let unmarked = lock(cell.locked()).state.unmarked(cell.now());
        match cell.compare_and_store(marked.generation, unmarked.clone()).await {
            Ok(true) => lock(cell.locked()).state.mark_stored(unmarked),
            Ok(false) => {}
            Err(error) => {
                warn!(vendor = cell.vendor(), account = cell.account(), %error, "cannot store that a revocation failed")
            }
        }
    }
    resume(cell);
}

/// Whether the revocation has completed.
fn is_over(cell: &TokenCell, result: &Result<(), GrantError>) -> bool {
    match result {
        Ok(()) => true,
        // The token isn't there, or the vendor won't end it, however often it is asked.
        Err(failure) if failure.kind == GrantErrorKind::Bare => failure.is_gone(),
        Err(failure) if failure.kind == GrantErrorKind::Unusable => lock(cell.locked()).state.is_unusable_again(),
        Err(failure) => !failure.is_transient(),
    }
}

impl TokenCell {
    /// Revokes the tokens of a record at the vendor.
    pub(crate) async fn revoke_at_vendor(&self, record: &Record) -> Result<(), GrantError> {
        let Some(takes) = self.shared().policy.revoke else { return Ok(()) };
        let now = self.now();
        let access_token = record.token().filter(|token| !lock(self.locked()).state.has_expired(token, now));
        let access_token = access_token.map(|token| Secret::new(token.expose()));
        let token = match takes {
            TokenKind::Access => access_token.clone(),
            TokenKind::Refresh => record.refresh.as_ref().map(|refresh| refresh.secret.clone()),
        };
        let Some(token) = token else { return Ok(()) };
        {
            let mut locked = lock(self.locked());
            locked.counters.revokes = locked.counters.revokes.saturating_add(1);
        }
        self.granted(async { self.grants().revoke(&token, access_token.as_ref()).await }).await
    }
}
