//! Early renewal even if no caller asks: for grants that can be renewed only while their token is alive.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::core::cell::TokenCell;
use crate::core::fetch;
use crate::core::state::Reply;
use crate::core::sync::{lock, spawn};

/// The task sleeps at least this long, whatever there seems to be to do.
const LEAST_SLEEP: Duration = Duration::from_millis(100);

/// Makes sure that the token of this cell is renewed in the background, where that is wanted.
pub(crate) fn ensure(cell: &Arc<TokenCell>) {
    if !cell.shared().refresh_in_background {
        return;
    }
    if lock(cell.locked()).background.as_ref().is_some_and(|task| !task.is_finished()) {
        return;
    }
    // A runtime that is shutting down drops the task within `spawn`; so no lock is held.
    let Some(task) = spawn(run(Arc::downgrade(cell))) else { return };
    let mut locked = lock(cell.locked());
    if locked.is_abandoned {
        task.abort();
    } else {
        locked.background = Some(task);
    }
}

/// Ends with the last source, which aborts it. It also ends where there is nothing to wait for; the next fetch starts another.
async fn run(cell: Weak<TokenCell>) {
    loop {
        let weak = &cell;
        let Some(cell) = weak.upgrade() else { return };
        let completion = lock(cell.locked()).fetch.as_ref().map(|fetch| fetch.completion.clone());
        if let Some(completion) = completion {
            drop(cell);
            let _ = completion.wait().await;
            continue;
        }
        let Some(wait) = lock(cell.locked()).state.next_renewal(cell.now()) else { return };
        let clock = cell.shared().clock.clone();
        drop(cell);
        clock.sleep(wait.max(LEAST_SLEEP)).await;
        let Some(cell) = weak.upgrade() else { return };
        let now = cell.now();
        let locked = lock(cell.locked());
        if matches!(locked.state.ask(now), Reply::Fetch | Reply::ServeAndFetch(_)) {
            fetch::start(&cell, locked, now);
        }
    }
}
