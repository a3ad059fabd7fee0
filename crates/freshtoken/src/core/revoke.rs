//! The revocation of a token: at the vendor, in memory and in the store.

use std::sync::Arc;
use std::time::Duration;

use freshtoken_wire::Secret;
use tracing::{info, warn};

use crate::core::cell::TokenCell;
use crate::core::guard::within;
use crate::core::sync::lock;
use crate::error::{Error, ErrorKind};
use crate::grant_error::{GrantError, GrantErrorKind};
use crate::store::record::Record;
use crate::vendor::TokenKind;

/// How long a revocation waits for a fetch in progress.
const FETCH: Duration = Duration::from_secs(300);

const ACTION: &str = "revoke a token";

/// Revokes the token at the vendor and forgets it.
pub(crate) async fn revoke(cell: Arc<TokenCell>) -> Result<(), Error> {
    let Some(takes) = cell.shared().policy.revoke else {
        return Err(cell.error(ErrorKind::Unsupported, ACTION));
    };
    let completion = lock(cell.locked()).fetch.as_ref().map(|fetch| fetch.completion.clone());
    if let Some(completion) = completion {
        let _ = within(&cell.shared().clock, FETCH, completion.wait()).await;
    }
    let stored = cell.load().await.unwrap_or_default();
    let Some(Suspended { record, token, access_token }) = suspend(&cell, stored, takes) else { return Ok(()) };
    let result = match &token {
        Some(token) => cell.granted(async { cell.grants().revoke(token, access_token.as_ref()).await }).await,
        None => Ok(()),
    };
    let is_unusable = result.as_ref().is_err_and(|failure| failure.kind == GrantErrorKind::Unusable);
    let (is_over, empty) = settle(&cell, &record, &result);
    if let Some(empty) = empty {
        if let Err(error) = cell.compare_and_store(record.generation(), empty.clone()).await {
            warn!(vendor = cell.vendor(), account = cell.account(), %error, "cannot store the revocation");
        }
        let _ = cell.notify(empty).await;
        info!(vendor = cell.vendor(), account = cell.account(), "token revoked");
    }
    match result {
        // The second time in a row.
        Err(failure) if is_unusable && is_over => {
            Err(Error::caused(ErrorKind::Unusable, cell.vendor(), ACTION, failure.cause))
        }
        Err(failure) if !failure.is_gone() => Err(Error::of(failure, cell.vendor(), ACTION)),
        _ => Ok(()),
    }
}

/// A record whose token is no longer served.
struct Suspended {
    record: Arc<Record>,
    /// The token to revoke, if there is one.
    token: Option<Secret>,
    /// The live access token, which may authorize the revocation.
    access_token: Option<Secret>,
}

/// Stops serving the newest token that is known.
fn suspend(cell: &TokenCell, stored: Option<Arc<Record>>, takes: TokenKind) -> Option<Suspended> {
    let now = cell.now();
    let mut locked = lock(cell.locked());
    locked.state.adopt_if_newer(stored, now, &*cell.shared().random);
    let record = locked.state.record().cloned()?;
    let live = record.token().filter(|_| !locked.state.has_expired(now));
    let access_token = live.map(|token| Secret::new(token.expose()));
    let token = match takes {
        TokenKind::Access => access_token.clone(),
        TokenKind::Refresh => record.refresh_token().cloned(),
    };
    locked.state.suspend();
    locked.counters.revokes = locked.counters.revokes.saturating_add(u32::from(token.is_some()));
    cell.publish(&locked, now);
    Some(Suspended { record, token, access_token })
}

/// Forgets the token, or serves it again. Returns whether the revocation has completed, and the record that replaces the token.
fn settle(cell: &TokenCell, record: &Record, result: &Result<(), GrantError>) -> (bool, Option<Arc<Record>>) {
    let now = cell.now();
    let mut locked = lock(cell.locked());
    let is_over = match result {
        Ok(()) => true,
        // The token isn't there, or the vendor won't end it, however often it is asked.
        Err(failure) if failure.kind == GrantErrorKind::Bare => failure.is_gone(),
        Err(failure) if failure.kind == GrantErrorKind::Unusable => locked.state.is_unusable_again(),
        Err(failure) => !failure.is_transient(),
    };
    let is_current = locked.state.record().is_some_and(|now| now.generation() == record.generation());
    let empty = (is_current && is_over).then(|| locked.state.forget());
    if is_current {
        locked.state.resume();
    }
    cell.publish(&locked, now);
    (is_over, empty)
}
