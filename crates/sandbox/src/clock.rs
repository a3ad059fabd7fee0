//! The sandbox's clock: it can be moved, and whoever waits on it wakes when it is.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// The last moment that dates can tell, those of HTTP and those in bodies alike: 9999-12-30T22:00:00Z.
const LAST: Duration = Duration::from_secs(253_402_207_200);

/// Whether a date can tell this moment.
pub(crate) fn is_representable(time: SystemTime) -> bool {
    time.duration_since(UNIX_EPOCH).is_ok_and(|since| since <= LAST)
}

/// A date of HTTP. A moment that none can tell becomes the nearest that one can.
pub(crate) fn http_date(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    httpdate::fmt_http_date(UNIX_EPOCH + since.min(LAST))
}

/// A moment so many seconds later, or earlier.
pub(crate) fn shift(time: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let shifted = if seconds < 0 { time.checked_sub(by) } else { time.checked_add(by) };
    shifted.unwrap_or(time)
}

/// Tells an issuer the time. Clones are one clock.
///
/// It is read once from the system when it is made and goes on by the monotonic clock, so that an issuer doesn't jump
/// when the machine's clock is set, no more than a vendor's would. A test moves it, and never sleeps.
#[derive(Clone)]
pub struct Clock(Arc<Hands>);

struct Hands {
    start: SystemTime,
    /// None: it stands still until it is moved.
    running_since: Option<Instant>,
    moved: Mutex<Duration>,
    changed: watch::Sender<()>,
}

impl Clock {
    /// A clock that runs, from the system's time on.
    pub fn running() -> Self {
        Self::new(SystemTime::now(), Some(Instant::now()))
    }

    /// A clock that stands still until it is moved.
    pub fn stopped(at: SystemTime) -> Self {
        Self::new(at, None)
    }

    fn new(start: SystemTime, running_since: Option<Instant>) -> Self {
        Self(Arc::new(Hands { start, running_since, moved: Mutex::default(), changed: watch::Sender::new(()) }))
    }

    /// What the time is.
    pub fn now(&self) -> SystemTime {
        let run = self.0.running_since.map(|since| since.elapsed()).unwrap_or_default();
        let moved = *self.0.moved.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.start.checked_add(run.saturating_add(moved)).unwrap_or(self.0.start)
    }

    /// Moves it ahead. It stays where it is instead of leaving the years that a date can tell, 1970 to 9999.
    pub fn advance(&self, by: Duration) {
        self.try_advance(by);
    }

    /// Moves it ahead. False if it stayed where it is.
    pub(crate) fn try_advance(&self, by: Duration) -> bool {
        let mut moved = self.0.moved.lock().unwrap_or_else(PoisonError::into_inner);
        let run = self.0.running_since.map(|since| since.elapsed()).unwrap_or_default();
        let longer = moved.saturating_add(by);
        let is_told = self.0.start.checked_add(run.saturating_add(longer)).is_some_and(is_representable);
        if is_told {
            *moved = longer;
        }
        drop(moved);
        self.0.changed.send_replace(());
        is_told
    }

    /// Ends when it has come so far, by running or by being moved.
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

/// One that runs.
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
    async fn who_waits_wakes_when_the_clock_is_moved() {
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
    fn a_clock_moved_beyond_all_time_stands_still() {
        let clock = Clock::stopped(UNIX_EPOCH);
        for by in [Duration::MAX, LAST + Duration::from_secs(1)] {
            clock.advance(by);
            assert_eq!(clock.now(), UNIX_EPOCH);
        }
        clock.advance(LAST);
        assert_eq!(clock.now(), UNIX_EPOCH + LAST);
    }

    #[test]
    fn a_date_that_can_t_be_told_is_the_nearest_that_can() {
        assert_eq!(http_date(UNIX_EPOCH - Duration::from_secs(1)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(UNIX_EPOCH + LAST * 2), "Thu, 30 Dec 9999 22:00:00 GMT");
    }
}
