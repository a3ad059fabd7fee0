//! The connections that are served at once, and which of them is closed for a new one.
//!
//! A client that sends nothing, half a request, or reads no response keeps its place only as long as no other client needs it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// How many connections are served at once. More wait until one of these has no request.
const CONNECTIONS: usize = 64;

/// How long a new connection keeps its place without a request. Most requests arrive within a millisecond.
pub const GRACE: Duration = Duration::from_millis(100);

/// The places that are taken, the oldest first.
#[derive(Default)]
pub struct Slots(VecDeque<Arc<Slot>>);

/// A connection's place. It is free again once its connection drops it.
#[derive(Default)]
pub struct Slot {
    /// Whether it has had its time to send a request.
    is_due: AtomicBool,
    is_busy: AtomicBool,
    evicted: Notify,
}

impl Slots {
    /// Whether a new connection can have a place: a free one, or that of a connection without a request.
    pub fn has_room(&mut self) -> bool {
        self.0.retain(|slot| Arc::strong_count(slot) > 1);
        self.0.len() < CONNECTIONS || self.0.iter().any(|slot| slot.is_idle())
    }

    /// Takes a place for a new connection. If none is free, the oldest connection without a request is closed.
    pub fn take(&mut self) -> Arc<Slot> {
        while self.0.len() >= CONNECTIONS
            && let Some(oldest) = self.0.iter().position(|slot| slot.is_idle())
            && let Some(slot) = self.0.remove(oldest)
        {
            slot.evicted.notify_one();
        }
        let slot = Arc::<Slot>::default();
        self.0.push_back(slot.clone());
        slot
    }
}

impl Slot {
    fn is_idle(&self) -> bool {
        self.is_due.load(Ordering::Relaxed) && !self.is_busy()
    }

    /// Records that the connection has had its time to send a request. Only its task knows: a clock runs on while the machine is
    /// busy.
    pub fn set_due(&self) {
        self.is_due.store(true, Ordering::Relaxed);
    }

    /// Whether a request is being processed. Afterwards, the client may not have read the response yet.
    pub fn is_busy(&self) -> bool {
        self.is_busy.load(Ordering::Relaxed)
    }

    /// Processes a request, during which the connection keeps its place.
    pub async fn process<T>(&self, request: impl Future<Output = T>) -> T {
        self.is_busy.store(true, Ordering::Relaxed);
        let output = request.await;
        self.is_busy.store(false, Ordering::Relaxed);
        output
    }

    /// Returns when another connection needs the place.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    fn full(slots: &mut Slots) -> Vec<Arc<Slot>> {
        let taken: Vec<_> = (0..CONNECTIONS).map(|_| slots.take()).collect();
        assert!(!slots.has_room(), "each of them may still send its request");
        taken
    }

    #[test]
    fn the_oldest_connection_without_a_request_ends_for_a_new_one() {
        let mut slots = Slots::default();
        let taken = full(&mut slots);
        let mut request = pin!(taken[0].process(std::future::pending::<()>()));
        assert!(poll(request.as_mut()).is_pending());
        taken[..4].iter().for_each(|slot| slot.set_due());
        assert!(slots.has_room());
        let new = slots.take();
        let is_evicted = |slot: &Slot| poll(slot.evicted()).is_ready();
        assert!(!is_evicted(&taken[0]) && is_evicted(&taken[1]) && !is_evicted(&taken[2]) && !is_evicted(&new));
    }

    #[test]
    fn with_a_request_on_each_connection_a_new_one_waits() {
        let mut slots = Slots::default();
        let taken = full(&mut slots);
        for slot in &taken {
            slot.set_due();
            slot.is_busy.store(true, Ordering::Relaxed);
        }
        assert!(!slots.has_room());
        assert!(poll(taken[5].process(async {})).is_ready());
        assert!(slots.has_room());
    }

    #[test]
    fn a_connection_that_ended_has_left_its_place() {
        let mut slots = Slots::default();
        let mut taken = full(&mut slots);
        taken.truncate(1);
        assert!(slots.has_room());
        assert_eq!(slots.0.len(), 1);
    }
}
