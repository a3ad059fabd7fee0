//! Shuttle's locks and tasks, in the place of `src/sync.rs`.

pub(crate) use shuttle::sync::atomic::{AtomicUsize, Ordering};
pub(crate) use shuttle::sync::{Mutex, MutexGuard};

use std::future::Future;
use std::sync::PoisonError;

pub(crate) type Task = shuttle::future::JoinHandle<()>;

pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Option<Task> {
    Some(shuttle::future::spawn(future))
}

pub(crate) type RuntimeId = ();

pub(crate) fn runtime_id() -> Option<RuntimeId> {
    Some(())
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
