//! Early renewal even if no caller asks: for tokens that can be renewed only while they are valid.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::core::cell::{Locked, TokenCell};
use crate::core::fetch;
use crate::core::state::Reply;
use crate::sync::{lock, spawn};

/// The minimum sleep of the task, whatever is due.
const LEAST_SLEEP: Duration = Duration::from_millis(100);

/// How often a process looks at the record in the store, so that it puts back what the store has lost: only where a lost record
/// would cost a person's consent.
const LOOK: Duration = Duration::from_secs(15);

/// How often it looks while a refresh token may be sent again, so that it knows for how long the record has not changed.
const LOOK_OFTEN: Duration = Duration::from_secs(2);

/// Starts the background work of this cell, if it is enabled and not running.
pub(crate) fn ensure(cell: &Arc<TokenCell>) {
    ensure_watcher(cell);
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

/// Starts to look at the record in the store now and then.
fn ensure_watcher(cell: &Arc<TokenCell>) {
    if cell.shared().store.is_none() || cell.shared().policy.login || !cell.is_single_use() {
        return;
    }
    let is_running = |locked: &Locked| {
        let watcher = locked.store.as_ref().and_then(|store| store.watcher.as_ref());
        locked.is_abandoned || watcher.is_some_and(|task| !task.is_finished())
    };
    if is_running(&lock(cell.locked())) {
        return;
    }
    // A runtime that is shutting down drops the task within `spawn`, so no lock may be held here.
    let Some(task) = spawn(watch(Arc::downgrade(cell))) else { return };
    let mut locked = lock(cell.locked());
    if is_running(&locked) {
        task.abort();
    } else if let Some(store) = &mut locked.store {
        store.watcher = Some(task);
    }
}

async fn watch(cell: Weak<TokenCell>) {
    loop {
        let Some((clock, wait)) = cell.upgrade().map(|cell| {
            let is_ambiguous = lock(cell.locked()).state.is_ambiguous();
            (cell.shared().clock.clone(), if is_ambiguous { LOOK_OFTEN } else { LOOK })
        }) else {
            return;
        };
        clock.sleep(wait).await;
        let Some(cell) = cell.upgrade() else { return };
        if lock(cell.locked()).state.is_fetching() {
            continue;
        }
        // A failure is counted, and the next look is soon.
        let Ok(stored) = cell.load().await else { continue };
        let now = cell.now();
        let put_back = {
            let mut locked = lock(cell.locked());
            if locked.state.is_fetching() {
                continue;
            }
            let put_back = locked.state.looked(stored.clone(), now);
            locked.state.adopt_if_newer(stored, now, &*cell.shared().random);
            cell.publish(&locked, now);
            put_back
        };
        if let Some(record) = put_back {
            let _ = cell.put_back(record).await;
        }
    }
}
