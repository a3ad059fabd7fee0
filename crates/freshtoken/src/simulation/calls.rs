//! Messages and sleeps, as a process waits for them.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

/// Where a result arrives.
struct Slot<T> {
    result: Option<T>,
    waker: Option<Waker>,
}

/// A message's reply, or a sleep. Dropping it cancels nothing that is on its way.
pub(super) struct Call<T>(Arc<Mutex<Slot<T>>>);

/// The other end of a [`Call`].
pub(super) struct Reply<T> {
    process: usize,
    slot: Weak<Mutex<Slot<T>>>,
}

impl<T> Clone for Reply<T> {
    fn clone(&self) -> Self {
        Self { process: self.process, slot: self.slot.clone() }
    }
}

pub(super) fn call<T>(process: usize) -> (Call<T>, Reply<T>) {
    let slot = Arc::new(Mutex::new(Slot { result: None, waker: None }));
    let reply = Reply { process, slot: Arc::downgrade(&slot) };
    (Call(slot), reply)
}

impl<T> Reply<T> {
    /// Puts the result where the caller finds it; the first one counts. Returns the process, if it waits.
    pub(super) fn put(&self, result: T) -> Option<(usize, Waker)> {
        let slot = self.slot.upgrade()?;
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.result.get_or_insert(result);
        Some((self.process, slot.waker.take()?))
    }
}

impl<T> Future for Call<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
