//! Explains requests: each request to an issuer has a cause, or was unnecessary.
//!
//! Only uses what the issuer sees and the vendor's policy, and nothing that the facade reports.

use std::fmt;
use std::time::{Duration, SystemTime};

use freshtoken::{Lifetime, RefreshTokens, Renewal, TokenPolicy};

/// Why a request was made.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// There was no token yet.
    First,
    /// The token had reached this fraction of its lifetime and was renewed early.
    Due(f64),
    /// The token had expired this long before.
    Expired(Duration),
    /// The previous request had failed with this error.
    Again(String),
    /// A call had received a 401.
    Rejected,
    /// The clock of this machine was set.
    ClockSet,
    /// The demo revoked the token.
    Revoke,
    /// No known cause.
    Unexplained,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("first request"),
            Self::Due(part) => write!(f, "due at {:.0} % of its lifetime", part * 100.0),
            Self::Expired(ago) => write!(f, "{:.1} s after its expiry", ago.as_secs_f64()),
            Self::Again(failure) => write!(f, "after {failure}"),
            Self::Rejected => f.write_str("after a 401"),
            Self::ClockSet => f.write_str("this machine's clock was set"),
            Self::Revoke => f.write_str("end of the demo"),
            Self::Unexplained => f.write_str("UNEXPLAINED"),
        }
    }
}

/// The result of a request.
#[derive(Clone, Debug)]
pub enum FetchResult {
    /// The client received a token.
    Token {
        /// Its expiry, according to the response.
        expires_at: Option<SystemTime>,
        /// False if the live token was returned again.
        is_new: bool,
    },
    /// The client received no token.
    Failed(String),
}

/// The requests to an issuer so far, and their causes.
pub struct Causes {
    policy: TokenPolicy,
    /// The lifetime of access tokens that are issued now.
    lifetime: Duration,
    current: Option<Current>,
    /// The error of the last request, and its time, if it failed.
    failed: Option<(String, SystemTime)>,
    /// When the vendor invalidated the current token.
    ended: Option<SystemTime>,
    /// Whether a call has received a 401 since.
    is_rejected: bool,
    is_clock_set: bool,
    is_ending: bool,
    counted: Counted,
}

/// The client's token.
#[derive(Clone, Copy)]
struct Current {
    /// When a response contained it; if the issuer repeats its live token, the last time.
    since: SystemTime,
    /// Its expiry as the client knows it: from the response, or from the documented lifetime.
    known_end: Option<SystemTime>,
    /// When the issuer stops accepting it.
    end: SystemTime,
}

/// The number of requests by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub first: u64,
    /// Renewals, early or after the expiry.
    pub renewals: u64,
    pub again: u64,
    pub rejected: u64,
    pub clock_set: u64,
    pub revokes: u64,
    pub unexplained: u64,
}

impl Counted {
    pub fn all(self) -> u64 {
        let Self { first, renewals, again, rejected, clock_set, revokes, unexplained } = self;
        first + renewals + again + rejected + clock_set + revokes + unexplained
    }
}

/// The shortest backoff after a failure, minus the precision of the times. Depends on the facade's backoff.
const LEAST_WAIT: Duration = Duration::from_millis(900);

/// The facade's jitter is 5 % of the lifetime; the rest covers the precision of the times.
const EARLIEST: f64 = 0.06;

/// The precision of the times.
const SLACK: Duration = Duration::from_millis(500);

/// A token is not served in its last second, or in the second half of its lifetime if that is shorter.
const MARGIN: Duration = Duration::from_secs(1);

/// The shortest interval that the facade leaves between two grants.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

impl Causes {
    pub fn new(policy: TokenPolicy, lifetime: Duration) -> Self {
        Self {
            policy,
            lifetime,
            current: None,
            failed: None,
            ended: None,
            is_rejected: false,
            is_clock_set: false,
            is_ending: false,
            counted: Counted::default(),
        }
    }

    pub fn counted(&self) -> Counted {
        self.counted
    }

    /// Records that the vendor invalidated the current token.
    pub fn ended(&mut self, at: SystemTime) {
        self.ended = Some(at);
    }

    /// Records that a call received a 401. Returns true for the first one with a token that the vendor invalidated;
    /// later ones explain nothing.
    pub fn rejected(&mut self) -> bool {
        let is_first = self.ended.is_some() && !self.is_rejected;
        self.is_rejected |= is_first;
        is_first
    }

    /// Whether the client does not know the expiry of its token: no expiry is stated, or the documented lifetime is too
    /// long.
    fn is_end_unknown(&self) -> bool {
        self.current.is_some_and(|current| current.known_end.is_none_or(|known| known > current.end + SLACK))
    }

    /// Records that the clock of this machine was set.
    pub fn clock_set(&mut self) {
        self.is_clock_set = true;
    }

    /// Every further request is a revocation.
    pub fn ending(&mut self) {
        self.is_ending = true;
    }

    /// Records a request and its result. Returns its cause.
    pub fn request(&mut self, at: SystemTime, response: FetchResult) -> Cause {
        let cause = self.cause(at);
        let count = match cause {
            Cause::First => &mut self.counted.first,
            Cause::Due(_) | Cause::Expired(_) => &mut self.counted.renewals,
            Cause::Again(_) => &mut self.counted.again,
            Cause::Rejected => &mut self.counted.rejected,
            Cause::ClockSet => &mut self.counted.clock_set,
            Cause::Revoke => &mut self.counted.revokes,
            Cause::Unexplained => &mut self.counted.unexplained,
        };
        *count += 1;
        match response {
            _ if self.is_ending => {}
            FetchResult::Token { expires_at, is_new } => self.got(at, expires_at, is_new),
            FetchResult::Failed(failure) => self.failed = Some((failure, at)),
        }
        cause
    }

    fn got(&mut self, at: SystemTime, expires_at: Option<SystemTime>, is_new: bool) {
        let documented = match self.policy.lifetime {
            Lifetime::For(lifetime) => Some(at + lifetime),
            _ => None,
        };
        let old_end = self.current.filter(|_| !is_new).map(|current| current.end);
        let end = old_end.unwrap_or(at + self.lifetime);
        self.current = Some(Current { since: at, known_end: expires_at.or(documented), end });
        self.failed = None;
        self.is_clock_set = false;
        if self.ended.is_some_and(|ended| ended <= at) {
            (self.ended, self.is_rejected) = (None, false);
        }
    }

    fn cause(&mut self, at: SystemTime) -> Cause {
        if self.is_ending {
            return Cause::Revoke;
        }
        if let Some((failed, failed_at)) = self.failed.take() {
            let wait = at.duration_since(failed_at).unwrap_or_default();
            // A login that replaces a single-use refresh token with a lost response may be immediate.
            let logs_in_instead = self.policy.refresh == RefreshTokens::SingleUse && self.policy.login;
            return if wait < LEAST_WAIT && !logs_in_instead { Cause::Unexplained } else { Cause::Again(failed) };
        }
        let Some(current) = self.current else {
            // Only once: a second first request would be a herd.
            return if self.counted.all() == 0 { Cause::First } else { Cause::Unexplained };
        };
        let late = at.duration_since(current.end).ok();
        match current.known_end {
            _ if self.is_rejected => Cause::Rejected,
            Some(known) if at >= current.since + self.earliest(current, known) => self.due(at, current, known),
            // A call received a 401 with a token that seemed valid to the client.
            _ if self.is_end_unknown() && late.is_some() => Cause::Expired(late.unwrap_or_default()),
            _ if self.is_clock_set => Cause::ClockSet,
            _ => Cause::Unexplained,
        }
    }

    /// Returns the earliest age at which a token may be renewed.
    fn earliest(&self, current: Current, known_end: SystemTime) -> Duration {
        let lifetime = known_end.duration_since(current.since).unwrap_or_default();
        let unserved = lifetime - MARGIN.min(lifetime / 2);
        match self.policy.renew {
            // A refresh before the expiry invalidates the token; a login does not.
            Renewal::AtExpiry if self.policy.refresh == RefreshTokens::None => unserved,
            Renewal::Early(part) => lifetime.mul_f64((part - EARLIEST).max(0.0)).min(unserved),
            Renewal::Before(margin) => {
                (lifetime - margin.min(lifetime / 2).mul_f64(1.0 + EARLIEST).min(lifetime)).min(unserved)
            }
            _ => lifetime,
        }
    }

    /// Explains a renewal that is not too early. A renewal in the background must not be too late either.
    fn due(&self, at: SystemTime, current: Current, known_end: SystemTime) -> Cause {
        let age = at.duration_since(current.since).unwrap_or_default();
        let lifetime = known_end.duration_since(current.since).unwrap_or_default();
        let Some(ago) = age.checked_sub(lifetime) else {
            return Cause::Due(age.as_secs_f64() / lifetime.as_secs_f64());
        };
        let is_late = self.policy.renew != Renewal::AtExpiry && age > lifetime.max(LEAST_INTERVAL) + SLACK;
        if is_late { Cause::Unexplained } else { Cause::Expired(ago) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const LIFE: Duration = Duration::from_secs(100);

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    /// A new token with a lifetime of 100 seconds, issued at this second.
    fn token(second: u64) -> FetchResult {
        FetchResult::Token { expires_at: Some(at(second) + LIFE), is_new: true }
    }

    /// Returns the causes of requests at these seconds; a string is the error of a request that failed.
    fn causes(policy: TokenPolicy, requests: &[(u64, Option<&str>)]) -> Vec<Cause> {
        let mut causes = Causes::new(policy, LIFE);
        let response = |second: u64, failure: Option<&str>| {
            failure.map_or_else(|| token(second), |failure| FetchResult::Failed(failure.to_owned()))
        };
        requests.iter().map(|(second, failure)| causes.request(at(*second), response(*second, *failure))).collect()
    }

    fn early() -> TokenPolicy {
        TokenPolicy::new("acme").renew(Renewal::Early(0.75))
    }

    fn at_expiry() -> TokenPolicy {
        TokenPolicy::new("acme").refresh(RefreshTokens::SingleUse)
    }

    #[test]
    fn only_one_first_request_is_explained() {
        assert_eq!(causes(early(), &[(0, None), (0, None)]), [Cause::First, Cause::Unexplained]);
        // After a failure there is one retry, and no caller has the token of another.
        let failed = [(0, Some("a")), (1, None), (2, None)];
        assert_eq!(causes(early(), &failed), [Cause::First, Cause::Again("a".to_owned()), Cause::Unexplained]);
        // An immediate retry is only explained if a login replaces a lost refresh.
        let hasty = [(0, None), (102, Some("a")), (102, None)];
        assert_eq!(causes(early(), &[(0, None), (75, Some("a")), (75, None)])[2], Cause::Unexplained);
        assert_eq!(causes(at_expiry(), &hasty)[2], Cause::Again("a".to_owned()));
    }

    #[test]
    fn a_renewal_is_explained_only_once_due() {
        assert_eq!(causes(early(), &[(0, None), (75, None)]), [Cause::First, Cause::Due(0.75)]);
        assert_eq!(causes(early(), &[(0, None), (70, None)]), [Cause::First, Cause::Due(0.7)]);
        assert_eq!(causes(early(), &[(0, None), (60, None)]), [Cause::First, Cause::Unexplained]);
        assert_eq!(causes(at_expiry(), &[(0, None), (99, None)]), [Cause::First, Cause::Unexplained]);
        let expired = Cause::Expired(Duration::from_secs(2));
        assert_eq!(causes(at_expiry(), &[(0, None), (102, None)]), [Cause::First, expired]);
        assert_eq!(causes(early(), &[(0, None), (102, None)]), [Cause::First, Cause::Unexplained]);
        let before = TokenPolicy::new("acme").renew(Renewal::Before(Duration::from_secs(20)));
        assert_eq!(causes(before, &[(0, None), (79, None)]), [Cause::First, Cause::Due(0.79)]);
        assert_eq!(causes(before, &[(0, None), (70, None)]), [Cause::First, Cause::Unexplained]);
    }

    #[test]
    fn one_failure_explains_one_more_request() {
        let requests = [(0, None), (75, Some("a")), (76, Some("b")), (77, None), (78, None)];
        let expected = [
            Cause::First,
            Cause::Due(0.75),
            Cause::Again("a".to_owned()),
            Cause::Again("b".to_owned()),
            Cause::Unexplained,
        ];
        assert_eq!(causes(early(), &requests), expected);
    }

    #[test]
    fn a_401_explains_one_request() {
        let mut causes = Causes::new(at_expiry(), LIFE);
        causes.request(at(0), token(0));
        causes.ended(at(50));
        assert!(causes.rejected());
        assert!(!causes.rejected(), "all callers have the same token");
        assert_eq!(causes.request(at(50), token(50)), Cause::Rejected);
        assert!(!causes.rejected(), "a late 401");
        assert_eq!(causes.request(at(50), token(50)), Cause::Unexplained);
        causes.ending();
        assert_eq!(causes.request(at(50), token(50)), Cause::Revoke);
        let expected = Counted { first: 1, rejected: 1, unexplained: 1, revokes: 1, ..Counted::default() };
        assert_eq!(causes.counted(), expected);
    }

    #[test]
    fn a_repeated_token_is_due_by_its_remaining_lifetime() {
        let mut causes = Causes::new(early(), LIFE);
        let repeated = FetchResult::Token { expires_at: Some(at(100)), is_new: false };
        assert_eq!(causes.request(at(0), token(0)), Cause::First);
        assert_eq!(causes.request(at(75), repeated.clone()), Cause::Due(0.75));
        assert_eq!(causes.request(at(80), repeated.clone()), Cause::Unexplained);
        assert_eq!(causes.request(at(95), token(95)), Cause::Due(0.75));
        // With less than a second left, the next request comes after the shortest interval.
        assert_eq!(
            causes.request(at(194), FetchResult::Token { expires_at: Some(at(195)), is_new: false }),
            Cause::Due(0.99)
        );
        assert_eq!(causes.request(at(195), token(195)), Cause::Expired(Duration::ZERO));
    }

    #[test]
    fn a_late_renewal_may_come_in_the_last_second() {
        let late = TokenPolicy::new("acme").renew(Renewal::Early(0.95));
        for (second, is_explained) in [(5, true), (4, false)] {
            let mut causes = Causes::new(late, Duration::from_secs(6));
            causes.request(at(0), FetchResult::Token { expires_at: Some(at(6)), is_new: true });
            assert_eq!(causes.request(at(second), token(second)) != Cause::Unexplained, is_explained);
        }
        let login = TokenPolicy::new("acme").renew(Renewal::AtExpiry);
        assert_eq!(causes(login, &[(0, None), (99, None)])[1], Cause::Due(0.99), "a login invalidates no token");
        assert_eq!(causes(at_expiry(), &[(0, None), (99, None)])[1], Cause::Unexplained);
    }

    #[test]
    fn a_401_explains_a_renewal_without_a_known_expiry() {
        for policy in [early(), early().lifetime(Lifetime::For(24 * LIFE))] {
            let mut causes = Causes::new(policy, LIFE);
            let endless = FetchResult::Token { expires_at: None, is_new: true };
            assert_eq!(causes.request(at(0), endless.clone()), Cause::First);
            assert_eq!(causes.request(at(101), endless.clone()), Cause::Expired(Duration::from_secs(1)));
            assert_eq!(causes.request(at(150), endless), Cause::Unexplained);
        }
    }
}
