//! Early renewal even if no caller asks: for tokens that can be renewed only while they are valid.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::core::cell::TokenCell;
use crate::core::fetch;
use crate::core::state::Reply;
use crate::core::sync::{lock, spawn};

/// The minimum sleep of the task, whatever is due.
const LEAST_SLEEP: Duration = Duration::from_millis(100);

/// Starts the background renewal of this cell's token, if it is enabled and not running.
pub(crate) fn ensure(cell: &Arc<TokenCell>) {
    if !cell.shared().refresh_in_background {
        return;
    }
    if lock(cell.locked()).background.as_ref().is_some_and(|task| !task.is_finished()) {
        return;
    }
    // A runtime that is shutting down drops the task within `spawn`, so no lock may be held here.
    let Some(task) = spawn(run(Arc::downgrade(cell))) else { return };
    let mut locked = lock(cell.locked());
    if locked.is_abandoned {
        task.abort();
    } else {
        locked.background = Some(task);
    }
}

/// Runs until the last source aborts it, or until there is nothing to wait for. The next fetch then starts another.
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
