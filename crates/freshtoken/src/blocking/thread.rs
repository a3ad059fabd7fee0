//! The background thread, and how other threads wait for it.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::task::{Context, Waker};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::task::coop::consume_budget;

/// Why nothing can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CannotWait {
    /// Async code runs on this thread.
    AsyncContext,
    /// The thread cannot be started, or what it ran has panicked.
    NoThread,
}

/// Returns the runtime of the background thread, and starts it if needed. After a failure, the next call tries again.
pub(super) fn handle() -> Option<&'static Handle> {
    static HANDLE: OnceLock<Handle> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    if let Some(handle) = HANDLE.get() {
        return Some(handle);
    }
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = HANDLE.get() {
        return Some(handle);
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    // Built on its thread: a runtime must not be dropped in async code, which happens if there is no thread for it.
    let run = move || {
        let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
        if sender.send(runtime.handle().clone()).is_ok() {
            runtime.block_on(pending::<()>());
        }
    };
    thread::Builder::new().name("freshtoken".to_owned()).spawn(run).ok()?;
    let handle = receiver.recv().ok()?;
    Some(HANDLE.get_or_init(|| handle))
}

/// Runs a future on the background thread and waits for it.
pub(super) fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Result<T, CannotWait> {
    if is_async_context() {
        return Err(CannotWait::AsyncContext);
    }
    let handle = handle().ok_or(CannotWait::NoThread)?;
    let (sender, receiver) = mpsc::sync_channel(1);
    handle.spawn(async move {
        let _ = sender.send(future.await);
    });
    receiver.recv().map_err(|_| CannotWait::NoThread)
}

/// More than the budget of a task, which is 128 now.
const MORE_THAN_THE_BUDGET: usize = 1_024;

/// Whether this thread polls a task of tokio now.
///
/// Only tasks have a budget: neither `spawn_blocking`, `block_in_place` nor a thread that merely entered a runtime has one, and
/// all three may wait. tokio's own check panics, so it is of no use here.
fn is_async_context() -> bool {
    let mut context = Context::from_waker(Waker::noop());
    Handle::try_current().is_ok()
        && (0..MORE_THAN_THE_BUDGET).any(|_| pin!(consume_budget()).poll(&mut context).is_pending())
}
