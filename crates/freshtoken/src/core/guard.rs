//! Calls into code that isn't ours: the user's store, callback and vendor. Each has a time limit, and a panic in it is a
//! failure.

use std::cell::Cell;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tracing::warn;

use crate::clock::{AnyClock, Deadline, Now, TICK, system_time};
use crate::core::cell::TokenCell;
use crate::event::EventKind;
use crate::grant_error::GrantError;
use crate::store::StoreError;
use crate::store::any::AnyLease;
use crate::store::entry::{ClockPair, Entry};
use crate::store::record::Record;
use crate::sync::lock;

/// How long a callback may take, or a request that doesn't end in time by itself.
const GRANT: Duration = Duration::from_secs(60);

/// How long the store may take to load or to store.
const STORE: Duration = Duration::from_secs(5);

/// How long a process that continues may take to read a response that arrived while it was stopped.
const AWAKE: Duration = Duration::from_secs(1);

/// How often a process loads again that was stopped while it did.
const LOADS: usize = 3;

impl TokenCell {
    /// The result of a request to the vendor.
    pub(crate) async fn granted<T>(&self, grant: impl Future<Output = Result<T, GrantError>>) -> Result<T, GrantError> {
        let lost = |why: &str| Err(GrantError::transient(why));
        let limit = (!self.grants().are_timed()).then_some(GRANT);
        match within(&self.shared().clock, limit, caught(grant)).await {
            Some(Some(result)) => result,
            Some(None) => lost("a callback or a custom vendor panicked"),
            None => lost("the vendor took longer than a minute"),
        }
    }

    /// The record in the store, if there are a store and a record.
    pub(crate) async fn load(&self) -> Result<Option<Arc<Record>>, StoreError> {
        for _ in 0..LOADS {
            let sent = self.now();
            let record = self.load_once(sent).await?;
            // Otherwise this process was stopped meanwhile, and both the record and the store's time are old.
            if !Deadline::after(sent, STORE + TICK).has_passed(self.now()) {
                return Ok(record);
            }
        }
        Err("the store took longer than 5 s".into())
    }

    async fn load_once(&self, sent: Now) -> Result<Option<Arc<Record>>, StoreError> {
        let Some(store) = &self.shared().store else { return Ok(None) };
        let record = self.stored(async {
            let loaded = store.load(&self.key()).await?;
            let (sent, received) = (system_time(sent.wall), system_time(self.now().wall));
            let clock = loaded.now.map(|there| ClockPair { sent, received, there });
            if let Some(store) = &mut lock(self.locked()).store {
                store.clock = clock;
            }
            let seal = self.seal();
            loaded.entry.map(|entry| entry.open(&self.key(), seal, clock)).transpose()
        });
        record.await
    }

    /// Stores a record in place of the expected generation. Returns whether it did.
    pub(crate) async fn compare_and_store(&self, expected: u64, record: Arc<Record>) -> Result<bool, StoreError> {
        let Some(store) = &self.shared().store else { return Ok(true) };
        let clock = lock(self.locked()).store.as_ref().and_then(|store| store.clock);
        let entry = Entry::of(record, self.key(), self.seal().clone(), clock, system_time(self.now().wall));
        self.stored(async { store.compare_and_store(&self.key(), expected, entry).await }).await
    }

    /// Takes the lease; `None`: someone else holds it.
    pub(crate) async fn try_lease(&self, owner: &str, ttl: Duration) -> Result<Option<AnyLease>, StoreError> {
        let Some(store) = &self.shared().store else { return Ok(Some(Box::new(()))) };
        self.stored(async { store.try_lease(&self.key(), owner, ttl).await }).await
    }

    /// Extends the lease. Returns whether it was still held.
    pub(crate) async fn renew_lease(&self, lease: &AnyLease, ttl: Duration) -> Result<bool, StoreError> {
        let Some(store) = &self.shared().store else { return Ok(true) };
        self.stored(async { store.renew_lease(&self.key(), lease, ttl).await }).await
    }

    pub(crate) async fn release_lease(&self, lease: AnyLease) -> Result<(), StoreError> {
        let Some(store) = &self.shared().store else { return Ok(()) };
        self.stored(async { store.release_lease(&self.key(), lease).await }).await
    }

    /// Limits the time of a call of the store, catches its panics, and counts its failures.
    async fn stored<T>(&self, result: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        // In a box: most sources have no store, and the fetch of each would be twice as large.
        let result = match Box::pin(within(&self.shared().clock, STORE, caught(result))).await {
            Some(Some(result)) => result,
            Some(None) => Err("the store panicked".into()),
            None => Err("the store took longer than 5 s".into()),
        };
        let mut locked = lock(self.locked());
        if let Some(store) = &mut locked.store {
            store.is_failing = result.is_err();
        }
        if let Err(error) = &result {
            locked.counters.store_failures = locked.counters.store_failures.saturating_add(1);
            drop(locked);
            self.emit(EventKind::StoreFailed(error.to_string()));
        }
        result
    }

    /// Notifies the callback of a change, and says whether it succeeded in time.
    pub(crate) async fn notify(&self, record: Arc<Record>) -> Result<(), StoreError> {
        let Some(on_change) = &self.shared().on_change else { return Ok(()) };
        let notified = caught(async { on_change(self.key(), record).await });
        let result = match within(&self.shared().clock, GRANT, notifying(self.id(), notified)).await {
            Some(Some(result)) => result,
            Some(None) => Err("on_change panicked".into()),
            None => Err("on_change took longer than a minute".into()),
        };
        if let Err(error) = &result {
            warn!(vendor = self.vendor(), account = self.account(), %error, "on_change failed");
        }
        result
    }

    /// Whether this is called by the cell's own callback, which would wait for itself.
    pub(crate) fn is_notifying(&self) -> bool {
        NOTIFYING.get() == self.id()
    }
}

thread_local! {
    /// The cell whose callback is being polled on this thread; 0: none.
    static NOTIFYING: Cell<usize> = const { Cell::new(0) };
}

/// Lets [`TokenCell::is_notifying`] recognise calls that a callback makes to its own cell.
async fn notifying<T>(cell: usize, callback: impl Future<Output = T>) -> T {
    let mut callback = pin!(callback);
    std::future::poll_fn(|context| {
        let outer = NOTIFYING.replace(cell);
        let poll = callback.as_mut().poll(context);
        NOTIFYING.set(outer);
        poll
    })
    .await
}

/// The output of a future, or `None` if it takes longer than the limit, where there is one.
pub(crate) async fn within<T>(
    clock: &AnyClock,
    limit: impl Into<Option<Duration>>,
    future: impl Future<Output = T>,
) -> Option<T> {
    let limit = limit.into();
    let (mut future, mut too_long) = (pin!(future), pin!(clock.sleep(limit.unwrap_or_default())));
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if limit.is_none() => Poll::Pending,
        Poll::Pending => too_long.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// Like [`within`], but gives the future a moment more if this process was stopped until after the limit: the response may have
/// arrived, but the timer may fire before the future is polled.
pub(crate) async fn within_if_awake<T>(
    clock: &AnyClock,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    let end = Deadline::after(clock.now(), limit + TICK);
    let mut future = pin!(future);
    match within(clock, limit, future.as_mut()).await {
        None if end.has_passed(clock.now()) => within(clock, AWAKE, future).await,
        output => output,
    }
}

/// The output of a future, or `None` if it panics.
pub(crate) async fn caught<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        // It isn't polled again after a panic.
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}
