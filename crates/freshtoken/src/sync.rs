//! The locks and tasks of the driver. `tests/driver` has shuttle's in their place, and explores their orders.

pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard, OnceLock};

use std::future::Future;
use std::sync::PoisonError;

/// A task that can be given up.
pub(crate) type Task = tokio::task::JoinHandle<()>;

/// Runs a future as a task of this runtime; None: there is no runtime here.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Option<Task> {
    Some(tokio::runtime::Handle::try_current().ok()?.spawn(future))
}

/// Which runtime a task is on.
pub(crate) type RuntimeId = tokio::runtime::Id;

/// The runtime of the caller, if there is one.
pub(crate) fn runtime_id() -> Option<RuntimeId> {
    Some(tokio::runtime::Handle::try_current().ok()?.id())
}

/// Locks. A panic elsewhere leaves what our mutexes guard sound: each change of it is one call.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
