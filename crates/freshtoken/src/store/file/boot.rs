//! When the machine started, by the wall clock as it is now: a file system has no clock of its own, and a wall clock can be set.
//!
//! A record has this moment too. If it is another one when the record is read, the wall clock was set in between: then the
//! machine's uptime says how old the record is. It is known on Linux, and until the machine starts again.

use std::fs::read_to_string;
use std::time::{Duration, SystemTime};

use crate::clock::{system_time, unix_nanos};
use crate::store::file::access;

/// By how much the two moments differ if the clock was set, and less if it was only adjusted. In nanoseconds.
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
    /// The last start of this machine. `None`: it is unknown.
    pub(crate) fn current() -> Option<Self> {
        let uptime = uptime()?;
        // Some containers show how long they run themselves.
        if uptime.abs_diff(access::boot_nanos()) > SET {
            return None;
        }
        let at = unix_nanos(SystemTime::now()).checked_sub(uptime)?;
        // Otherwise this process was stopped between the two clocks.
        (self::uptime()?.abs_diff(uptime) < SET).then_some(Self { id: id()?, at })
    }

    /// The time now by the clock as it was in that moment, if it was set since then.
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

/// How long the machine has run, asleep or not, in nanoseconds and exact to 10 ms.
fn uptime() -> Option<u64> {
    let text = read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split(' ').next()?.parse().ok()?;
    u64::try_from(Duration::try_from_secs_f64(seconds).ok()?.as_nanos()).ok()
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
