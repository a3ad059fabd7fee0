//! The sandbox's clock. It can be advanced, which wakes the tasks that wait on it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// The last time that both HTTP dates and RFC 3339 can represent: 9999-12-30T22:00:00Z.
const LAST: Duration = Duration::from_secs(253_402_207_200);

/// Whether dates can represent this time.
pub(crate) fn is_representable(time: SystemTime) -> bool {
    time.duration_since(UNIX_EPOCH).is_ok_and(|since| since <= LAST)
}

/// Formats an HTTP date. A time that none can represent becomes the nearest one that can be.
pub(crate) fn http_date(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    httpdate::fmt_http_date(UNIX_EPOCH + since.min(LAST))
}

/// Returns a time this many seconds later, or earlier if negative.
pub(crate) fn shift(time: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let shifted = if seconds < 0 { time.checked_sub(by) } else { time.checked_add(by) };
    shifted.unwrap_or(time)
}

/// The clock of an issuer. Clones share one clock.
///
/// It reads the system time once, when it is created, and then follows the monotonic clock: an issuer's time doesn't
/// jump when the machine's clock is set. A test advances the clock instead of sleeping.
#[derive(Clone)]
pub struct Clock(Arc<Hands>);

struct Hands {
    start: SystemTime,
    /// None: the clock only moves when it is advanced.
    running_since: Option<Instant>,
    moved: Mutex<Duration>,
    changed: watch::Sender<()>,
}

impl Clock {
    /// Returns a clock that starts at the system time and runs.
    pub fn running() -> Self {
        Self::new(SystemTime::now(), Some(Instant::now()))
    }

    /// Returns a clock that only moves when it is advanced.
    pub fn stopped(at: SystemTime) -> Self {
        Self::new(at, None)
    }

    fn new(start: SystemTime, running_since: Option<Instant>) -> Self {
        Self(Arc::new(Hands { start, running_since, moved: Mutex::default(), changed: watch::Sender::new(()) }))
    }

    /// Returns the current time.
    pub fn now(&self) -> SystemTime {
        let run = self.0.running_since.map(|since| since.elapsed()).unwrap_or_default();
        let moved = *self.0.moved.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.start.checked_add(run.saturating_add(moved)).unwrap_or(self.0.start)
    }

    /// Advances the clock. The clock does not change if the result would be outside the years 1970 to 9999.
    pub fn advance(&self, by: Duration) {
        self.try_advance(by);
    }

    /// Advances the clock. Returns false if it did not change.
    pub(crate) fn try_advance(&self, by: Duration) -> bool {
        let mut moved = self.0.moved.lock().unwrap_or_else(PoisonError::into_inner);
        let run = self.0.running_since.map(|since| since.elapsed()).unwrap_or_default();
        let longer = moved.saturating_add(by);
        let is_valid = self.0.start.checked_add(run.saturating_add(longer)).is_some_and(is_representable);
        if is_valid {
            *moved = longer;
        }
        drop(moved);
        self.0.changed.send_replace(());
        is_valid
    }

    /// Waits until the clock has reached this time, by running or by being advanced.
    pub async fn wait_until(&self, end: SystemTime) {
        let mut changes = self.0.changed.subscribe();
        while let Ok(left) = end.duration_since(self.now()) {
            if left.is_zero() {
                return;
            }
            let changed = changes.changed();
            match self.0.running_since {
                Some(_) => drop(tokio::time::timeout(left, changed).await),
                None => drop(changed.await),
            }
        }
    }
}

/// Returns a running clock.
impl Default for Clock {
    fn default() -> Self {
        Self::running()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiters_wake_when_the_clock_advances() {
        let clock = Clock::stopped(UNIX_EPOCH);
        let end = UNIX_EPOCH + Duration::from_secs(60);
        let waiter = clock.clone();
        let mut waiting = tokio::spawn(async move { waiter.wait_until(end).await });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        clock.advance(Duration::from_secs(1));
        (&mut waiting).await.unwrap();
        clock.wait_until(end).await;
    }

    #[test]
    fn a_clock_does_not_advance_past_the_last_date() {
        let clock = Clock::stopped(UNIX_EPOCH);
        for by in [Duration::MAX, LAST + Duration::from_secs(1)] {
            clock.advance(by);
            assert_eq!(clock.now(), UNIX_EPOCH);
        }
        clock.advance(LAST);
        assert_eq!(clock.now(), UNIX_EPOCH + LAST);
    }

    #[test]
    fn an_unrepresentable_date_becomes_the_nearest_one() {
        assert_eq!(http_date(UNIX_EPOCH - Duration::from_secs(1)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(UNIX_EPOCH + LAST * 2), "Thu, 30 Dec 9999 22:00:00 GMT");
    }
}
