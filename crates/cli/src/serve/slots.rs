//! The connections that are served at once, and which of them ends for a new one.
//!
//! A client that sends nothing, half a request, or reads no response keeps its place only as long as no other client needs it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How many connections are served at once. More wait until one of these has no request.
const CONNECTIONS: usize = 64;

/// How long a new connection keeps its place without a request. Most requests arrive within a millisecond.
pub const GRACE: Duration = Duration::from_millis(100);

/// The places that are taken, the oldest first.
#[derive(Default)]
pub struct Slots(VecDeque<Arc<Slot>>);

/// A connection's place. It is free again once its connection drops it.
pub struct Slot {
    since: Instant,
    is_busy: AtomicBool,
    evicted: Notify,
}

impl Slots {
    /// Whether a new connection can have a place: a free one, or that of a connection without a request.
    pub fn has_room(&mut self, now: Instant) -> bool {
        self.0.retain(|slot| Arc::strong_count(slot) > 1);
        self.0.len() < CONNECTIONS || self.0.iter().any(|slot| slot.is_idle(now))
    }

    /// Takes a place for a new connection. If there is no free one, the oldest connection without a request ends.
    pub fn take(&mut self, now: Instant) -> Arc<Slot> {
        while self.0.len() >= CONNECTIONS
            && let Some(oldest) = self.0.iter().position(|slot| slot.is_idle(now))
            && let Some(slot) = self.0.remove(oldest)
        {
            slot.evicted.notify_one();
        }
        let slot = Arc::new(Slot { since: now, is_busy: AtomicBool::new(false), evicted: Notify::new() });
        self.0.push_back(slot.clone());
        slot
    }
}

impl Slot {
    fn is_idle(&self, now: Instant) -> bool {
        !self.is_busy() && now.saturating_duration_since(self.since) >= GRACE
    }

    /// Whether a request is being processed. When it no longer is, its response may not have been read yet.
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

    fn full(slots: &mut Slots, now: Instant) -> Vec<Arc<Slot>> {
        (0..CONNECTIONS).map(|_| slots.take(now)).collect()
    }

    #[test]
    fn the_oldest_connection_without_a_request_ends_for_a_new_one() {
        let (mut slots, now) = (Slots::default(), Instant::now());
        let taken = full(&mut slots, now);
        let mut request = pin!(taken[0].process(std::future::pending::<()>()));
        assert!(poll(request.as_mut()).is_pending());
        assert!(slots.has_room(now + GRACE));
        let new = slots.take(now + GRACE);
        let is_evicted = |slot: &Slot| poll(slot.evicted()).is_ready();
        assert!(!is_evicted(&taken[0]) && is_evicted(&taken[1]) && !is_evicted(&taken[2]) && !is_evicted(&new));
    }

    #[test]
    fn a_new_connection_has_time_to_send_its_request() {
        let (mut slots, now) = (Slots::default(), Instant::now());
        let _taken = full(&mut slots, now);
        assert!(!slots.has_room(now + GRACE / 2) && slots.has_room(now + GRACE));
    }

    #[test]
    fn with_a_request_on_each_connection_a_new_one_waits() {
        let (mut slots, now) = (Slots::default(), Instant::now());
        let taken = full(&mut slots, now);
        for slot in &taken {
            slot.is_busy.store(true, Ordering::Relaxed);
        }
        assert!(!slots.has_room(now + GRACE));
        assert!(poll(taken[5].process(async {})).is_ready());
        assert!(slots.has_room(now + GRACE));
    }

    #[test]
    fn a_connection_that_ended_has_left_its_place() {
        let (mut slots, now) = (Slots::default(), Instant::now());
        let mut taken = full(&mut slots, now);
        taken.truncate(1);
        assert!(slots.has_room(now));
        assert_eq!(slots.0.len(), 1);
    }
}
