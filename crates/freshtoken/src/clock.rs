//! The time and the randomness of a source, for tests that move the clock.
//!
//! Time is two clocks that are read at once. Only the wall clock shows that the machine was suspended, and only the
//! monotonic one goes on if the wall clock is set back. So a deadline is on both clocks, and the earlier one is used.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::time::{ClockId, clock_gettime};

/// The time on both clocks. It covers some centuries, and saturates beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Nanoseconds.
    pub(crate) monotonic: u64,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub(crate) wall: u64,
}

impl Now {
    /// Creates a time from the monotonic clock, as the time since any fixed moment, and from the wall clock.
    pub fn new(monotonic: Duration, wall: SystemTime) -> Self {
        Self { monotonic: nanos(monotonic).saturating_add(EPOCH), wall: unix_nanos(wall) }
    }
}

/// A monotonic clock starts with the machine or the process. Starting it a century later, in nanoseconds, leaves room for
/// earlier moments.
const EPOCH: u64 = 100 * 365 * 24 * 60 * 60 * 1_000_000_000;

/// The tolerance for the coarse clock: a sleeper may wake up one tick (1 to 10 ms) early.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// Tells the time and waits. The default is the system's clock; a test can pass one that it moves.
///
/// See `examples/own_clock.rs` and [`TokenSourceBuilder::clock`](crate::TokenSourceBuilder::clock).
pub trait Clock: Send + Sync + 'static {
    /// Returns the time on both clocks. It is called for each use of a fresh token, so it should be fast. A precision of some
    /// milliseconds is enough.
    fn now(&self) -> Now;

    /// Completes when the monotonic clock has advanced by `duration`.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The clock of a source. The system's clock is not a trait object, because reading it is a large part of the cost of a fresh
/// token.
#[derive(Clone, Default)]
pub(crate) enum AnyClock {
    #[default]
    System,
    Own(Arc<dyn Clock>),
}

impl AnyClock {
    #[inline]
    pub(crate) fn now(&self) -> Now {
        match self {
            Self::System => system_now(),
            Self::Own(clock) => clock.now(),
        }
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        match self {
            Self::System => tokio::time::sleep(duration).await,
            Self::Own(clock) => clock.sleep(duration).await,
        }
    }
}

/// The coarse clocks are some 5 ns to read instead of 25, and no more than a tick of the kernel, 1 to 10 ms, behind.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn system_now() -> Now {
    Now { monotonic: coarse_monotonic(), wall: coarse_wall() }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
pub(crate) fn coarse_monotonic() -> u64 {
    coarse(ClockId::MonotonicCoarse) + EPOCH
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn coarse_wall() -> u64 {
    coarse(ClockId::RealtimeCoarse)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn coarse(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    // Neither clock is before 1970 or beyond 2554.
    (time.tv_sec as u64).wrapping_mul(NANOS_PER_SECOND).wrapping_add(time.tv_nsec as u64)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn system_now() -> Now {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    Now::new(START.get_or_init(Instant::now).elapsed(), SystemTime::now())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const NANOS_PER_SECOND: u64 = 1_000_000_000;

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A moment as nanoseconds since 1970; one before that is 1970.
pub(crate) fn unix_nanos(time: SystemTime) -> u64 {
    nanos(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// The inverse of [`unix_nanos`].
pub(crate) fn system_time(unix_nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_nanos)
}

/// A moment on both clocks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    pub(crate) monotonic: u64,
    pub(crate) wall: u64,
}

impl Deadline {
    /// It never passes.
    pub(crate) const NEVER: Self = Self { monotonic: u64::MAX, wall: u64::MAX };
    /// It has passed.
    pub(crate) const PAST: Self = Self { monotonic: 0, wall: 0 };

    /// So long from now on.
    pub(crate) fn after(now: Now, wait: Duration) -> Self {
        let wait = nanos(wait);
        Self { monotonic: now.monotonic.saturating_add(wait), wall: now.wall.saturating_add(wait) }
    }

    /// When the wall clock shows `wall`, in nanoseconds since 1970, and the monotonic clock has moved on as far.
    pub(crate) fn at_wall(wall: u64, now: Now) -> Self {
        match wall.checked_sub(now.wall) {
            Some(wait) => Self::after(now, Duration::from_nanos(wait)),
            None => Self::before(now, Duration::from_nanos(now.wall - wall)),
        }
    }

    /// So long ago.
    pub(crate) fn before(now: Now, ago: Duration) -> Self {
        let ago = nanos(ago);
        Self { monotonic: now.monotonic.saturating_sub(ago), wall: now.wall.saturating_sub(ago) }
    }

    /// On the earlier of the clocks.
    #[inline]
    pub(crate) fn has_passed(&self, now: Now) -> bool {
        now.monotonic >= self.monotonic || now.wall >= self.wall
    }

    /// On both clocks.
    pub(crate) fn has_passed_on_both(&self, now: Now) -> bool {
        now.monotonic >= self.monotonic && now.wall >= self.wall
    }

    /// Until it has passed.
    pub(crate) fn remaining(&self, now: Now) -> Duration {
        let (monotonic, wall) = self.remains(now);
        monotonic.min(wall)
    }

    /// Until it has passed on both clocks.
    pub(crate) fn remaining_on_both(&self, now: Now) -> Duration {
        let (monotonic, wall) = self.remains(now);
        monotonic.max(wall)
    }

    fn remains(&self, now: Now) -> (Duration, Duration) {
        let remains = |deadline: u64, now: u64| Duration::from_nanos(deadline.saturating_sub(now));
        (remains(self.monotonic, now.monotonic), remains(self.wall, now.wall))
    }

    /// The earlier of two.
    pub(crate) fn earlier(self, other: Self) -> Self {
        Self { monotonic: self.monotonic.min(other.monotonic), wall: self.wall.min(other.wall) }
    }

    /// Later by so much.
    pub(crate) fn plus(self, wait: Duration) -> Self {
        Self::after(Now { monotonic: self.monotonic, wall: self.wall }, wait)
    }

    pub(crate) fn is_never(&self) -> bool {
        *self == Self::NEVER
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_never() {
            f.write_str("never")
        } else {
            write!(f, "{:?} or {:?}", Duration::from_nanos(self.monotonic), system_time(self.wall))
        }
    }
}

/// A source of randomness for jitter, so that many sources do not act at the same moment.
///
/// See [`TokenSourceBuilder::random`](crate::TokenSourceBuilder::random).
pub trait Random: Send + Sync + 'static {
    /// Returns a number from 0 up to, but not including, 1. It need not be cryptographically secure.
    fn unit(&self) -> f64;
}

/// The standard library's hash seeds.
pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    fn unit(&self) -> f64 {
        use std::hash::{BuildHasher, RandomState};
        // The 53 bits that an f64 holds exactly.
        (RandomState::new().hash_one(0) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(monotonic: u64, wall: u64) -> Now {
        Now { monotonic, wall }
    }

    #[test]
    fn a_deadline_passes_on_the_earlier_clock_and_on_both_later() {
        let deadline = Deadline::after(at(100, 1_000), Duration::from_nanos(10));
        assert!(!deadline.has_passed(at(109, 1_009)));
        assert!(deadline.has_passed(at(110, 1_000)), "the wall clock was set back");
        assert!(deadline.has_passed(at(100, 1_010)), "the machine was suspended");
        assert!(!deadline.has_passed_on_both(at(110, 1_000)));
        assert!(deadline.has_passed_on_both(at(110, 1_010)));
        assert_eq!(deadline.remaining(at(105, 1_000)), Duration::from_nanos(5));
        assert_eq!(deadline.remaining_on_both(at(105, 1_000)), Duration::from_nanos(10));
    }

    #[test]
    fn far_moments_stand_still_instead_of_overflowing() {
        assert!(Deadline::after(at(5, 5), Duration::MAX).is_never());
        assert!(Deadline::NEVER.plus(Duration::from_secs(1)).is_never());
        assert!(!Deadline::NEVER.has_passed(at(1 << 62, 1 << 62)));
        assert_eq!(unix_nanos(UNIX_EPOCH - Duration::from_secs(1)), 0);
    }

    #[test]
    fn the_system_s_clocks_are_the_system_s() {
        let wall = system_time(system_now().wall);
        let off = SystemTime::now().duration_since(wall).unwrap_or_default();
        assert!(off < Duration::from_secs(1), "{off:?}");
    }

    #[test]
    fn chance_stays_below_one() {
        let rolls: Vec<f64> = (0..100).map(|_| SystemRandom.unit()).collect();
        assert!(rolls.iter().all(|roll| (0.0..1.0).contains(roll)));
        assert!(rolls.iter().any(|roll| *roll != rolls[0]));
    }
}
