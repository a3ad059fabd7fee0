//! The locks and tasks of a source: tokio's, or shuttle's under `--cfg shuttle`, with which `tests/driver.rs` explores their
//! orders.

use std::sync::PoisonError;

#[cfg(shuttle)]
pub(crate) use self::explored::*;
#[cfg(not(shuttle))]
pub(crate) use self::real::*;

/// Locks. A panic elsewhere leaves what our mutexes guard sound: each change of it is one call.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(not(shuttle))]
mod real {
    use std::future::Future;
    pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};
    pub(crate) use std::sync::{Mutex, MutexGuard, OnceLock};

    /// A task that can be aborted.
    pub(crate) type Task = tokio::task::JoinHandle<()>;

    /// Runs a future as a task of this runtime; `None`: there is no runtime here.
    pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Option<Task> {
        Some(tokio::runtime::Handle::try_current().ok()?.spawn(future))
    }

    /// Which runtime a task is on.
    pub(crate) type RuntimeId = tokio::runtime::Id;

    /// The runtime of the caller, if there is one.
    pub(crate) fn runtime_id() -> Option<RuntimeId> {
        Some(tokio::runtime::Handle::try_current().ok()?.id())
    }
}

#[cfg(shuttle)]
mod explored {
    use std::future::Future;

    pub(crate) use shuttle::sync::atomic::{AtomicUsize, Ordering};
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};

    /// A cell to be filled once. Shuttle has none: others may come between a look into it and what follows, and before and
    /// after it is filled.
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
}
