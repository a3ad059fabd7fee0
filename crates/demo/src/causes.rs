//! Why an issuer was asked: each request has one cause, or shouldn't have been made.
//!
//! It knows only what the issuer sees, and the vendor's rules. It doesn't ask the facade.

use std::fmt;
use std::time::{Duration, SystemTime};

use freshtoken::{Lifetime, Policy, Refresh, Renew};

/// Why an issuer was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// There was no token yet.
    First,
    /// The token had come to this part of its life, at which it is renewed.
    Due(f64),
    /// The token had ended so long before.
    Expired(Duration),
    /// The request before had failed, so.
    Again(String),
    /// A call had got 401.
    Rejected,
    /// The clock of this machine was set.
    ClockSet,
    /// The demo ended the token.
    Revoke,
    /// None.
    Unexplained,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("the first"),
            Self::Due(part) => write!(f, "due at {:.0} % of its life", part * 100.0),
            Self::Expired(ago) => write!(f, "{:.1} s after its end", ago.as_secs_f64()),
            Self::Again(failure) => write!(f, "after {failure}"),
            Self::Rejected => f.write_str("after a 401"),
            Self::ClockSet => f.write_str("this machine's clock was set"),
            Self::Revoke => f.write_str("the end"),
            Self::Unexplained => f.write_str("NOTHING EXPLAINS IT"),
        }
    }
}

/// What became of a request.
#[derive(Clone, Debug)]
pub enum FetchResult {
    /// The client got a token.
    Token {
        /// When it expires, as the response says.
        expires_at: Option<SystemTime>,
        /// Whether it isn't the live one once more.
        is_new: bool,
    },
    /// The client got none.
    Failed(String),
}

/// What an issuer was asked so far, and why.
pub struct Causes {
    policy: Policy,
    /// Of an access token that is issued now.
    life: Duration,
    current: Option<Current>,
    /// What the last request failed of, and when.
    failed: Option<(String, SystemTime)>,
    /// When the vendor ended the current token.
    ended: Option<SystemTime>,
    /// Whether a call has got 401 since.
    is_rejected: bool,
    is_clock_set: bool,
    is_ending: bool,
    counted: Counted,
}

/// The token that the client has.
#[derive(Clone, Copy)]
struct Current {
    /// When a response brought it. An issuer that repeats its live token brings it again.
    since: SystemTime,
    /// When it expires, as the client knows it: the response says, or else the documented lifetime does.
    known_end: Option<SystemTime>,
    /// When the issuer refuses it.
    end: SystemTime,
}

/// How many requests had which cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub first: u64,
    /// Due or expired.
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

/// Nobody asks again sooner after a failure, but for how exactly times are known.
const LEAST_WAIT: Duration = Duration::from_millis(900);

/// The facade's jitter is a twentieth of a life; the rest is for how exactly times are known.
const EARLIEST: f64 = 0.06;

/// How exactly times are known.
const SLACK: Duration = Duration::from_millis(500);

/// A token is not handed out in its last second, or in the second half of its life if that is shorter.
const MARGIN: Duration = Duration::from_secs(1);

/// The facade leaves so long between two grants, however short tokens live.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

impl Causes {
    pub fn new(policy: Policy, life: Duration) -> Self {
        Self {
            policy,
            life,
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

    /// The vendor has ended the current token before its time.
    pub fn ended(&mut self, at: SystemTime) {
        self.ended = Some(at);
    }

    /// A call got 401. True if it was the first with a token that the vendor has ended; a late one with the token before
    /// explains nothing.
    pub fn rejected(&mut self) -> bool {
        let is_first = self.ended.is_some() && !self.is_rejected;
        self.is_rejected |= is_first;
        is_first
    }

    /// Whether the client does not know when its token expires: nobody says, or the documented lifetime is longer.
    fn is_end_unknown(&self) -> bool {
        self.current.is_some_and(|current| current.known_end.is_none_or(|known| known > current.end + SLACK))
    }

    /// The clock of this machine was set.
    pub fn clock_set(&mut self) {
        self.is_clock_set = true;
    }

    /// All that comes now is a revocation.
    pub fn ending(&mut self) {
        self.is_ending = true;
    }

    /// Why a request to the issuer was made, at this time of the issuer's, and what became of it.
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
            Lifetime::For(life) => Some(at + life),
            _ => None,
        };
        let old_end = self.current.filter(|_| !is_new).map(|current| current.end);
        let end = old_end.unwrap_or(at + self.life);
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
            // What takes the place of a single-use refresh token whose answer was lost may come at once.
            let logs_in_instead = self.policy.refresh == Refresh::SingleUse && self.policy.login;
            return if wait < LEAST_WAIT && !logs_in_instead { Cause::Unexplained } else { Cause::Again(failed) };
        }
        let Some(current) = self.current else {
            // Only once: a second one would be a herd.
            return if self.counted.all() == 0 { Cause::First } else { Cause::Unexplained };
        };
        let late = at.duration_since(current.end).ok();
        match current.known_end {
            _ if self.is_rejected => Cause::Rejected,
            Some(known) if at >= current.since + self.earliest(current, known) => self.due(at, current, known),
            // A call got 401 with a token that the client took for good.
            _ if self.is_end_unknown() && late.is_some() => Cause::Expired(late.unwrap_or_default()),
            _ if self.is_clock_set => Cause::ClockSet,
            _ => Cause::Unexplained,
        }
    }

    /// The age at which a token may be renewed at the earliest.
    fn earliest(&self, current: Current, known_end: SystemTime) -> Duration {
        let life = known_end.duration_since(current.since).unwrap_or_default();
        let unserved = life - MARGIN.min(life / 2);
        match self.policy.renew {
            // A refresh before the expiry loses the token; a login doesn't.
            Renew::AtExpiry if self.policy.refresh == Refresh::None => unserved,
            Renew::Early(part) => life.mul_f64((part - EARLIEST).max(0.0)).min(unserved),
            Renew::Before(margin) => (life - margin.min(life / 2).mul_f64(1.0 + EARLIEST).min(life)).min(unserved),
            _ => life,
        }
    }

    /// A renewal that isn't too early. One in the background must not be too late either.
    fn due(&self, at: SystemTime, current: Current, known_end: SystemTime) -> Cause {
        let age = at.duration_since(current.since).unwrap_or_default();
        let life = known_end.duration_since(current.since).unwrap_or_default();
        let Some(ago) = age.checked_sub(life) else {
            return Cause::Due(age.as_secs_f64() / life.as_secs_f64());
        };
        let is_late = self.policy.renew != Renew::AtExpiry && age > life.max(LEAST_INTERVAL) + SLACK;
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

    /// A new token of a hundred seconds, issued at this second.
    fn token(second: u64) -> FetchResult {
        FetchResult::Token { expires_at: Some(at(second) + LIFE), is_new: true }
    }

    /// The causes of requests at these seconds; a text is what one failed of.
    fn causes(policy: Policy, requests: &[(u64, Option<&str>)]) -> Vec<Cause> {
        let mut causes = Causes::new(policy, LIFE);
        let response = |second: u64, failure: Option<&str>| {
            failure.map_or_else(|| token(second), |failure| FetchResult::Failed(failure.to_owned()))
        };
        requests.iter().map(|(second, failure)| causes.request(at(*second), response(*second, *failure))).collect()
    }

    fn early() -> Policy {
        Policy::new("acme").renew(Renew::Early(0.75))
    }

    fn at_expiry() -> Policy {
        Policy::new("acme").refresh(Refresh::SingleUse)
    }

    #[test]
    fn the_first_request_has_its_reason_and_a_herd_has_none() {
        assert_eq!(causes(early(), &[(0, None), (0, None)]), [Cause::First, Cause::Unexplained]);
        // Nobody waited for the one that failed, and nobody had its token.
        let failed = [(0, Some("a")), (1, None), (2, None)];
        assert_eq!(causes(early(), &failed), [Cause::First, Cause::Again("a".to_owned()), Cause::Unexplained]);
        // Nor may it be made again at once, unless a login takes the place of a refresh that was lost.
        let hasty = [(0, None), (102, Some("a")), (102, None)];
        assert_eq!(causes(early(), &[(0, None), (75, Some("a")), (75, None)])[2], Cause::Unexplained);
        assert_eq!(causes(at_expiry(), &hasty)[2], Cause::Again("a".to_owned()));
    }

    #[test]
    fn a_renewal_has_its_reason_when_it_is_due_and_none_before() {
        assert_eq!(causes(early(), &[(0, None), (75, None)]), [Cause::First, Cause::Due(0.75)]);
        assert_eq!(causes(early(), &[(0, None), (70, None)]), [Cause::First, Cause::Due(0.7)]);
        assert_eq!(causes(early(), &[(0, None), (60, None)]), [Cause::First, Cause::Unexplained]);
        assert_eq!(causes(at_expiry(), &[(0, None), (99, None)]), [Cause::First, Cause::Unexplained]);
        let expired = Cause::Expired(Duration::from_secs(2));
        assert_eq!(causes(at_expiry(), &[(0, None), (102, None)]), [Cause::First, expired]);
        assert_eq!(causes(early(), &[(0, None), (102, None)]), [Cause::First, Cause::Unexplained]);
        let before = Policy::new("acme").renew(Renew::Before(Duration::from_secs(20)));
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
        assert!(!causes.rejected(), "fifty callers have one token");
        assert_eq!(causes.request(at(50), token(50)), Cause::Rejected);
        assert!(!causes.rejected(), "a late one");
        assert_eq!(causes.request(at(50), token(50)), Cause::Unexplained);
        causes.ending();
        assert_eq!(causes.request(at(50), token(50)), Cause::Revoke);
        let expected = Counted { first: 1, rejected: 1, unexplained: 1, revokes: 1, ..Counted::default() };
        assert_eq!(causes.counted(), expected);
    }

    #[test]
    fn a_repeated_token_is_due_by_what_is_left_of_it() {
        let mut causes = Causes::new(early(), LIFE);
        let repeated = FetchResult::Token { expires_at: Some(at(100)), is_new: false };
        assert_eq!(causes.request(at(0), token(0)), Cause::First);
        assert_eq!(causes.request(at(75), repeated.clone()), Cause::Due(0.75));
        assert_eq!(causes.request(at(80), repeated.clone()), Cause::Unexplained);
        assert_eq!(causes.request(at(95), token(95)), Cause::Due(0.75));
        // With less than a second left, the next request comes after the least interval.
        assert_eq!(
            causes.request(at(194), FetchResult::Token { expires_at: Some(at(195)), is_new: false }),
            Cause::Due(0.99)
        );
        assert_eq!(causes.request(at(195), token(195)), Cause::Expired(Duration::ZERO));
    }

    #[test]
    fn a_token_is_renewed_in_its_last_second_though_it_is_due_later() {
        let late = Policy::new("acme").renew(Renew::Early(0.95));
        for (second, is_explained) in [(5, true), (4, false)] {
            let mut causes = Causes::new(late, Duration::from_secs(6));
            causes.request(at(0), FetchResult::Token { expires_at: Some(at(6)), is_new: true });
            assert_eq!(causes.request(at(second), token(second)) != Cause::Unexplained, is_explained);
        }
        let login = Policy::new("acme").renew(Renew::AtExpiry);
        assert_eq!(causes(login, &[(0, None), (99, None)])[1], Cause::Due(0.99), "a login harms no token");
        assert_eq!(causes(at_expiry(), &[(0, None), (99, None)])[1], Cause::Unexplained);
    }

    #[test]
    fn a_401_explains_a_renewal_where_no_expiry_is_known() {
        for policy in [early(), early().lifetime(Lifetime::For(24 * LIFE))] {
            let mut causes = Causes::new(policy, LIFE);
            let endless = FetchResult::Token { expires_at: None, is_new: true };
            assert_eq!(causes.request(at(0), endless.clone()), Cause::First);
            assert_eq!(causes.request(at(101), endless.clone()), Cause::Expired(Duration::from_secs(1)));
            assert_eq!(causes.request(at(150), endless), Cause::Unexplained);
        }
    }
}
