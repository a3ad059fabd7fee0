//! Shuttle's locks and tasks, in the place of `src/sync.rs`.

pub(crate) use shuttle::sync::atomic::{AtomicUsize, Ordering};
pub(crate) use shuttle::sync::{Mutex, MutexGuard};

use std::future::Future;
use std::sync::PoisonError;

/// A cell to be filled once. Shuttle has none: others may come between a look into it and what follows, and before and after
/// it is filled.
pub(crate) struct OnceLock<T> {
    cell: std::sync::OnceLock<T>,
    step: AtomicUsize,
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self { cell: std::sync::OnceLock::new(), step: AtomicUsize::new(0) }
    }
}

impl<T> OnceLock<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        let value = self.cell.get();
        self.step.load(Ordering::SeqCst);
        value
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        self.step.store(1, Ordering::SeqCst);
        let set = self.cell.set(value);
        self.step.store(2, Ordering::SeqCst);
        set
    }
}

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
