//! When a token is due, stale and expired, on both clocks.
//!
//! It isn't for failures: when to try again is decided in `backoff`.

use std::time::Duration;

use crate::clock::{Deadline, Now, Random, TICK};
use crate::store::record::Record;
use crate::token::Token;
use crate::vendor::{Renewal, TokenPolicy};

/// How long before its expiry a token is no longer served, so that a call arrives in time. Less for a short-lived token.
const MARGIN: Duration = Duration::from_secs(5);

/// The least margin, and the one where nothing can be done before the expiry anyway; at most half a token's lifetime. An
/// issuer's `Date` cuts off up to a second.
const LEAST_MARGIN: Duration = Duration::from_secs(1);

/// How long after its expiry a token has definitely expired by the issuer's clock, so that refreshing it isn't early.
const GUARD: Duration = Duration::from_secs(2);

/// By which part of the lifetime, at most, a renewal comes earlier than the policy says, so that tokens issued at one moment
/// aren't renewed at one moment.
const JITTER: f64 = 0.05;

/// The deadlines of the current record.
#[derive(Clone, Copy)]
pub(crate) struct Schedule {
    /// When the token is renewed in the background.
    due: Deadline,
    /// When it is no longer served.
    stale: Deadline,
    /// When it expires.
    expiry: Deadline,
    /// When the refresh token expires.
    refresh_expiry: Deadline,
}

impl Schedule {
    /// No token, and nothing to wait for.
    pub(crate) const NEVER: Self =
        Self { due: Deadline::NEVER, stale: Deadline::NEVER, expiry: Deadline::NEVER, refresh_expiry: Deadline::NEVER };

    /// Takes over the deadlines of `new`, which replaces `old`.
    pub(crate) fn update(
        &mut self,
        old: Option<&Record>,
        new: &Record,
        policy: &TokenPolicy,
        now: Now,
        random: &dyn Random,
    ) {
        let secret = |record: &Record| record.refresh.as_ref().map(|refresh| refresh.secret.clone());
        // The deadline of a known refresh token stays: a wall clock that was set since then says nothing about it.
        let is_known = old.and_then(secret) == secret(new) && !self.refresh_expiry.is_never();
        let refresh_expiry = if is_known {
            self.refresh_expiry
        } else {
            let expires_at = new.refresh.as_ref().and_then(|refresh| refresh.expires_at);
            expires_at.map_or(Deadline::NEVER, |at| Deadline::at_wall(at, now))
        };
        let schedule = new.token.as_ref().and_then(|token| Self::of_token(token, policy, now, random));
        *self = Self { refresh_expiry, ..schedule.unwrap_or(Self::NEVER) };
    }

    /// The deadlines of a token; `None` where neither its expiry nor the time to renew it is known.
    fn of_token(token: &Token, policy: &TokenPolicy, now: Now, random: &dyn Random) -> Option<Self> {
        let age = token.age(now);
        // A token from a store may have expired long ago. How long matters to a refresh that must not be early.
        let at_age = |then: Duration| match then.checked_sub(age) {
            Some(wait) => Deadline::after(now, wait),
            None => Deadline::before(now, age - then),
        };
        let renew_in = token.renew_in().filter(|_| policy.renew != Renewal::AtExpiry);
        let Some(lifetime) = token.lifetime() else {
            return renew_in.map(|due| Self { due: at_age(due), ..Self::NEVER });
        };
        // The vendor says from when on, so the jitter makes it later.
        let stated = renew_in.and_then(|due| Some(due + lifetime.checked_sub(due)?.mul_f64(JITTER * random.unit())));
        let due = match policy.renew {
            Renewal::AtExpiry => None,
            _ if stated.is_some_and(|due| due < lifetime) => stated,
            Renewal::Early(part) => Some(lifetime.mul_f64((part - JITTER * random.unit()).clamp(0.0, 1.0))),
            Renewal::Before(margin) => {
                let early = margin.min(lifetime / 2);
                Some(lifetime - early.mul_f64(1.0 + JITTER * random.unit()).min(lifetime))
            }
        };
        // Half of the time between due and expiry is for the renewal: short-lived tokens don't block callers meanwhile.
        let margin = match due {
            None => LEAST_MARGIN,
            Some(due) => MARGIN.min(lifetime.saturating_sub(due) / 2).max(LEAST_MARGIN),
        };
        Some(Self {
            due: due.map_or(Deadline::NEVER, at_age),
            stale: at_age((lifetime - margin.min(lifetime / 2)).saturating_sub(token.late_by())),
            expiry: at_age(lifetime),
            refresh_expiry: Deadline::NEVER,
        })
    }

    /// A start token takes the refresh token's place: its expiry is unknown.
    pub(crate) fn forget_refresh_expiry(&mut self) {
        self.refresh_expiry = Deadline::NEVER;
    }

    pub(crate) fn is_due(&self, now: Now) -> bool {
        self.due.has_passed(now)
    }

    pub(crate) fn is_stale(&self, now: Now) -> bool {
        self.stale.has_passed(now)
    }

    /// When the token is no longer served.
    pub(crate) fn stale(&self) -> Deadline {
        self.stale
    }

    /// When the token is due or stale, whichever comes first.
    pub(crate) fn next(&self) -> Deadline {
        self.due.earlier(self.stale)
    }

    /// Whether the token has expired on one of the clocks.
    pub(crate) fn may_have_expired(&self, now: Now) -> bool {
        self.expiry.has_passed(now)
    }

    /// Whether the token has expired on both clocks.
    pub(crate) fn has_expired(&self, now: Now) -> bool {
        self.expiry.has_passed_on_both(now)
    }

    /// Whether the token has expired by the issuer's clock too, as far as can be known.
    pub(crate) fn has_definitely_expired(&self, now: Now) -> bool {
        self.expiry.plus(GUARD - TICK).has_passed_on_both(now)
    }

    /// How long until the token has definitely expired.
    pub(crate) fn until_definitely_expired(&self, now: Now) -> Duration {
        if self.has_definitely_expired(now) || self.expiry.is_never() {
            return Duration::ZERO;
        }
        self.expiry.plus(GUARD).remaining_on_both(now)
    }

    /// How long until the token has definitely expired, or `None` if that is further off than the guard: then the clocks
    /// disagree, or a call got 401 long before the expiry.
    pub(crate) fn wait_for_expiry(&self, now: Now) -> Option<Duration> {
        let wait = self.expiry.plus(GUARD).remaining_on_both(now);
        // How long before its expiry the token is no longer served.
        let margin = Duration::from_nanos(self.expiry.monotonic.saturating_sub(self.stale.monotonic)).max(LEAST_MARGIN);
        (wait <= GUARD + margin && !self.has_definitely_expired(now)).then_some(wait)
    }

    /// Whether the refresh token has expired on both clocks.
    pub(crate) fn has_refresh_token_expired(&self, now: Now) -> bool {
        self.refresh_expiry.has_passed_on_both(now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::issued_tokens::IssuedTokens;

    /// The least or the most jitter.
    struct Fixed(f64);

    impl Random for Fixed {
        fn unit(&self) -> f64 {
            self.0
        }
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Whether a token of a response is due this long after its arrival.
    fn is_due(issued: IssuedTokens, policy: &TokenPolicy, after: u64, jitter: f64) -> bool {
        let at = |after| Now::new(seconds(after), UNIX_EPOCH + seconds(1_000_000_000 + after));
        let token = Token::of(issued, policy, 1, at(0)).unwrap();
        let schedule = Schedule::of_token(&token, policy, at(0), &Fixed(jitter)).unwrap();
        schedule.is_due(at(after))
    }

    #[test]
    fn a_token_is_due_when_the_response_says_and_not_before() {
        const POLICY: TokenPolicy = TokenPolicy::new("acme");
        let issued = || IssuedTokens::new("t").expires_in(seconds(1_000)).renew_in(seconds(400));
        for (after, jitter, due) in [(399, 0.0, false), (401, 0.0, true), (425, 0.99, false), (431, 0.99, true)] {
            assert_eq!(is_due(issued(), &POLICY, after, jitter), due, "{after} s, jitter {jitter}");
        }
        assert!(is_due(IssuedTokens::new("t").renew_in(seconds(400)), &POLICY, 401, 0.0), "without an expiry");
    }

    #[test]
    fn a_token_whose_expiry_may_be_too_late_is_not_served_until_then_and_not_refreshed_before() {
        const POLICY: TokenPolicy = TokenPolicy::new("acme").renew(Renewal::AtExpiry);
        let at = |after| Now::new(seconds(after), UNIX_EPOCH + seconds(1_000_000_000 + after));
        let token = Token::of(IssuedTokens::new("t").expires_in(seconds(100)), &POLICY, 1, at(0)).unwrap();
        // It expires after 100 s, or after 104.
        let token = token.shifted(|time| time + 4_000_000_000, 4_000_000_000);
        let schedule = Schedule::of_token(&token, &POLICY, at(10), &Fixed(0.5)).unwrap();
        assert!(!schedule.is_stale(at(98)) && schedule.is_stale(at(99)));
        assert!(!schedule.has_definitely_expired(at(105)) && schedule.has_definitely_expired(at(106)));
        assert_eq!(schedule.wait_for_expiry(at(99)), Some(seconds(7)), "it is waited for, not refreshed early");
    }

    #[test]
    fn a_time_to_renew_after_the_expiry_is_ignored() {
        const POLICY: TokenPolicy = TokenPolicy::new("acme");
        let issued = || IssuedTokens::new("t").expires_in(seconds(1_000)).renew_in(seconds(2_000));
        assert!(!is_due(issued(), &POLICY, 749, 0.0) && is_due(issued(), &POLICY, 751, 0.0));
    }
}
