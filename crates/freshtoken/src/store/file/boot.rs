//! When the machine started, by its wall clock. A file system has no clock of its own, and the wall clock can be set.
//!
//! A record contains the start as it was computed when the record was written. If it differs when the record is read, the wall
//! clock was set in between. Then the machine's uptime says how old the record is. This works on Linux, until the machine
//! restarts.

use std::fs::read_to_string;
use std::time::{Duration, SystemTime};

use crate::clock::{system_time, unix_nanos};
use crate::store::file::access;

/// If two computed starts differ by more than this, the clock was set; if by less, it was only adjusted. In nanoseconds.
const SET: u64 = 1_000_000_000;

/// A start of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Boot {
    /// The kernel's random name for it.
    pub(super) id: String,
    /// When it was, in nanoseconds since 1970 by the wall clock.
    pub(super) at: u64,
}

impl Boot {
    /// Returns the last start of this machine, if it is known.
    pub(crate) fn current() -> Option<Self> {
        let uptime = uptime()?;
        let at = unix_nanos(SystemTime::now()).checked_sub(uptime)?;
        // If the uptime has moved on, this process was stopped between reading the two clocks.
        (self::uptime()?.abs_diff(uptime) < SET).then_some(Self { id: id()?, at })
    }

    /// If the wall clock was set since this start was computed, returns the time that the clock would show otherwise.
    pub(crate) fn now_if_clock_was_set(&self) -> Option<SystemTime> {
        if id()? != self.id {
            return None;
        }
        let now = self.at.checked_add(uptime()?)?;
        (now.abs_diff(unix_nanos(SystemTime::now())) > SET).then(|| system_time(now))
    }
}

fn id() -> Option<String> {
    let id = read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let id = id.trim_end();
    // It becomes a word in the file of a record.
    (!id.is_empty() && !id.contains(char::is_whitespace)).then(|| id.to_owned())
}

/// How long the machine has run, asleep or not, in nanoseconds and exact to 10 ms. `None`: it is unknown.
fn uptime() -> Option<u64> {
    let text = read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split(' ').next()?.parse().ok()?;
    let uptime = u64::try_from(Duration::try_from_secs_f64(seconds).ok()?.as_nanos()).ok()?;
    // In some containers, the file says how long the container has run.
    (uptime.abs_diff(access::boot_nanos()) <= SET).then_some(uptime)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn a_clock_that_was_set_is_noticed_and_one_that_was_not_is_used() {
        let Some(boot) = Boot::current() else { return };
        assert_eq!(boot.now_if_clock_was_set(), None);
        // The clock is a day ahead of what it was.
        let before = Boot { at: boot.at - DAY.as_nanos() as u64, ..boot.clone() };
        let then = before.now_if_clock_was_set().unwrap();
        let ahead = SystemTime::now().duration_since(then).unwrap();
        assert!(ahead.abs_diff(DAY) < Duration::from_secs(1), "{ahead:?}");
        let other = Boot { id: "another-start".to_owned(), ..before };
        assert_eq!(other.now_if_clock_was_set(), None, "nothing is known about another start");
    }
}
