//! How many tokens the vendor issues: whether one more may be requested.
//!
//! The record has the times of the last grants, so all processes that share it stay below the limits together.

use std::time::Duration;

use crate::clock::Now;
use crate::vendor::TokenPolicy;

/// The times of the last grants, with one more now, as far as a limit needs them.
pub(crate) fn with_grant(times: &[u64], policy: &TokenPolicy, now: Now) -> Vec<u64> {
    let most = policy.grant_limit.map_or(0, |(most, _)| most).max(policy.live_limit.unwrap_or(0));
    if most == 0 {
        return Vec::new();
    }
    let kept = &times[times.len().saturating_sub(most - 1)..];
    kept.iter().copied().chain([now.wall]).collect()
}

/// The times in two records of an account.
pub(crate) fn merged(ours: &[u64], theirs: &[u64]) -> Vec<u64> {
    let mut times = [ours, theirs].concat();
    times.sort_unstable();
    times.dedup();
    times
}

/// How long the vendor grants nothing more.
pub(crate) fn wait_for_grant(times: &[u64], policy: &TokenPolicy, now: Now) -> Duration {
    let Some((most, window)) = policy.grant_limit else { return Duration::ZERO };
    wait(times, most, window, now)
}

/// How long until there is room for one more live token, each with this lifetime.
pub(crate) fn wait_for_room(times: &[u64], lifetime: Option<Duration>, policy: &TokenPolicy, now: Now) -> Duration {
    match (policy.live_limit, lifetime) {
        (Some(most), Some(lifetime)) => wait(times, most, lifetime, now),
        _ => Duration::ZERO,
    }
}

/// How long until one of the last `most` times is longer ago than the window. A clock that was set back prolongs nothing.
fn wait(times: &[u64], most: usize, window: Duration, now: Now) -> Duration {
    let Some(first) = times.len().checked_sub(most).and_then(|first| times.get(first)) else { return Duration::ZERO };
    let ago = Duration::from_nanos(now.wall.saturating_sub(*first));
    window.saturating_sub(ago)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: TokenPolicy = TokenPolicy::new("acme").grant_limit(3, Duration::from_secs(60));

    fn at(seconds: u64) -> Now {
        Now { monotonic: 0, wall: seconds * 1_000_000_000 }
    }

    #[test]
    fn a_fourth_grant_waits_until_the_first_is_a_minute_ago() {
        let mut times = Vec::new();
        for (second, wait) in [(100, 0), (110, 0), (120, 40), (160, 10), (170, 10)] {
            times = with_grant(&times, &POLICY, at(second));
            assert_eq!(wait_for_grant(&times, &POLICY, at(second)), Duration::from_secs(wait), "{second}");
        }
        assert_eq!(times.len(), 3);
        assert_eq!(wait_for_grant(&times, &POLICY, at(0)), Duration::from_secs(60), "the clock was set back");
        assert_eq!(wait_for_grant(&times, &TokenPolicy::new("acme"), at(170)), Duration::ZERO);
    }

    #[test]
    fn the_times_of_two_records_are_merged() {
        assert_eq!(merged(&[1, 3, 4], &[1, 2, 4]), [1, 2, 3, 4]);
    }
}
