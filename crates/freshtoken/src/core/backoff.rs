//! When to try again: after a failure, after a refusal, and after a call's 401.
//!
//! All waits are here. The demo expects the first one: `LEAST_WAIT` in `crates/demo/src/causes.rs`.

use std::time::Duration;

use crate::clock::{Deadline, Now, TICK};
use crate::status::RejectionOutcome;

/// The wait after a first failure. It doubles with each further one in a row.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The jitter: a wait is longer by at most this fraction, so that many sources do not return at the same moment.
const JITTER: f64 = 0.25;

/// The longest wait that a vendor may ask for; a longer one is implausible.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The wait after two unusable responses in a row, and after a redirect. The vendor has refused nothing: another server may
/// respond in its place for a while.
pub(crate) const UNUSABLE_WAIT: Duration = Duration::from_secs(10 * 60);

/// How long refused credentials are not sent again.
const REFUSED_WAIT: Duration = Duration::from_secs(60 * 60);

/// The wait after a first refusal before a callback is asked whether the credentials have changed. It doubles with each
/// further one, up to [`REFUSED_WAIT`].
const FIRST_CREDENTIALS_CHECK: Duration = Duration::from_secs(60);

/// How long the store is not asked again for a pair of another process, where only a person's consent helps.
pub(crate) const CONSENT_CHECK: Duration = Duration::from_secs(15);

/// Two fetches are at least this far apart, however short-lived the tokens are.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

/// The wait between the first renewal for a 401 and the next one, where no call succeeds with the new token. It doubles with
/// each further one, up to [`LONGEST_REJECTION_WAIT`]: a permanent 401 costs at most 40 logins a day.
const FIRST_REJECTION_WAIT: Duration = Duration::from_secs(1);

/// See [`FIRST_REJECTION_WAIT`].
const LONGEST_REJECTION_WAIT: Duration = Duration::from_secs(60 * 60);

/// How far a backoff grows.
#[derive(Clone, Copy)]
pub(crate) enum Growth {
    /// To a minute: the vendor fails, or cannot be reached.
    ToAMinute,
    /// To ten minutes: the response may not be the vendor's, or a refresh token is about to be sent once more.
    ToTenMinutes,
}

impl Growth {
    fn longest(self) -> Duration {
        Duration::from_secs(match self {
            Self::ToAMinute => 60,
            Self::ToTenMinutes => 10 * 60,
        })
    }
}

/// The backoff of one token, shared by all its callers.
pub(crate) struct Backoff {
    /// Failures in a row.
    failures: u32,
    /// Refusals in a row.
    refusals: u32,
    /// The jitter of the next wait, from 0 to 1.
    luck: f64,
    /// When the next fetch may start.
    retry_at: Deadline,
    /// When refused credentials may be sent again.
    repeat_at: Deadline,
    /// When the next fetch may start after a token was issued.
    earliest: Deadline,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self {
            failures: 0,
            refusals: 0,
            luck: 0.0,
            retry_at: Deadline::PAST,
            repeat_at: Deadline::PAST,
            earliest: Deadline::PAST,
        }
    }

    /// Forgets all failures.
    pub(crate) fn reset(&mut self) {
        *self = Self { luck: self.luck, earliest: self.earliest, ..Self::new() };
    }

    /// A fetch starts; `luck` is the jitter of the wait after it.
    pub(crate) fn start(&mut self, luck: f64) {
        self.luck = luck;
    }

    /// A token was issued.
    pub(crate) fn issued(&mut self, now: Now) {
        self.earliest = Deadline::after(now, LEAST_INTERVAL);
    }

    /// The token is gone: a new one may be fetched at once.
    pub(crate) fn allow_at_once(&mut self) {
        self.earliest = Deadline::PAST;
    }

    /// How long the next fetch has to wait after the last issued token.
    pub(crate) fn least_interval(&self, now: Now) -> Duration {
        self.earliest.remaining(now)
    }

    /// Whether no fetch may start yet.
    pub(crate) fn is_waiting(&self, now: Now) -> bool {
        !self.retry_at.has_passed(now)
    }

    /// When the next fetch may start.
    pub(crate) fn retry_at(&self) -> Deadline {
        self.retry_at
    }

    /// Returns how long until the next fetch may start, or `None` if it waits for the program.
    pub(crate) fn retry_after(&self, now: Now) -> Option<Duration> {
        (!self.retry_at.is_never()).then(|| self.retry_at.remaining(now) + TICK)
    }

    /// Waits after a failure: exponentially, with jitter, and at least as long as the vendor asks for.
    pub(crate) fn failed(&mut self, growth: Growth, retry_after: Option<Duration>, now: Now) -> Duration {
        let own = doubled(FIRST_WAIT, self.failures, growth.longest());
        self.failures = self.failures.saturating_add(1);
        let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        self.wait(own.max(asked) + own.mul_f64(JITTER * self.luck), now)
    }

    /// The vendor has refused the credentials: they are not sent again for an hour.
    pub(crate) fn refused(&mut self, now: Now) {
        self.repeat_at = Deadline::after(now, REFUSED_WAIT.saturating_sub(TICK));
    }

    /// Waits after a refusal. A callback is asked sooner whether the credentials have changed.
    pub(crate) fn wait_for_credentials(&mut self, has_callback: bool, now: Now) -> Duration {
        let until_repeat = self.repeat_at.remaining(now) + TICK;
        let check = doubled(FIRST_CREDENTIALS_CHECK, self.refusals, REFUSED_WAIT);
        self.refusals = self.refusals.saturating_add(1);
        self.wait(if has_callback { check.min(until_repeat) } else { until_repeat }, now)
    }

    /// Whether refused credentials may be sent again.
    pub(crate) fn may_repeat(&self, now: Now) -> bool {
        self.repeat_at.has_passed(now)
    }

    /// Waits for this long.
    pub(crate) fn wait(&mut self, wait: Duration, now: Now) -> Duration {
        // A caller that sleeps for exactly this long finds it elapsed, by the coarse clock as well.
        self.retry_at = Deadline::after(now, wait.saturating_sub(TICK));
        wait
    }

    /// Waits until the program reports a change.
    pub(crate) fn wait_forever(&mut self) {
        self.retry_at = Deadline::NEVER;
    }
}

/// `first`, doubled `times` times, up to `longest`.
fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(1 << times.min(16)).min(longest)
}

/// The 401s of calls: which of them a new token may help.
pub(crate) struct Rejections {
    /// Renewals for a 401 in a row, without a call that succeeded in between.
    renewals: u32,
    /// Until then, a 401 with a token that never worked is a permission problem.
    wait: Deadline,
    store_check: StoreCheck,
}

/// Whether the store is asked before a 401 counts as a permission problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StoreCheck {
    NotNeeded,
    /// The next fetch only loads.
    Wanted,
    /// The store has no newer token.
    Done,
}

impl Rejections {
    pub(crate) fn new() -> Self {
        Self { renewals: 0, wait: Deadline::PAST, store_check: StoreCheck::NotNeeded }
    }

    /// What a 401 with the current token means. `has_worked`: a call has succeeded with it.
    pub(crate) fn reject(&mut self, has_worked: bool, has_store: bool, now: Now) -> RejectionOutcome {
        if has_worked {
            self.renewals = 0;
        } else if !self.wait.has_passed(now) {
            // A new token would not help, unless another process has stored one.
            if !has_store || self.store_check == StoreCheck::Done {
                return RejectionOutcome::PermissionProblem;
            }
            self.store_check = StoreCheck::Wanted;
        }
        RejectionOutcome::Renewing
    }

    /// A rejected token was renewed.
    pub(crate) fn renewed(&mut self, now: Now) {
        self.wait = Deadline::after(now, doubled(FIRST_REJECTION_WAIT, self.renewals, LONGEST_REJECTION_WAIT));
        self.renewals = self.renewals.saturating_add(1);
    }

    /// There is another token.
    pub(crate) fn new_token(&mut self) {
        self.store_check = StoreCheck::NotNeeded;
    }

    /// Whether the next fetch only asks the store for a newer token.
    pub(crate) fn checks_store(&self) -> bool {
        self.store_check == StoreCheck::Wanted
    }

    /// The store was asked. Returns whether that was to be done.
    pub(crate) fn store_checked(&mut self) -> bool {
        let was_wanted = self.checks_store();
        if was_wanted {
            self.store_check = StoreCheck::Done;
        }
        was_wanted
    }
}
