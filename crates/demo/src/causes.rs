//! Why an issuer was asked: each request has one cause, or shouldn't have been made.
//!
//! It knows only what the issuer sees, and the vendor's rules. It doesn't ask the facade.

use std::fmt;
use std::time::{Duration, SystemTime};

use freshtoken::{Policy, Refresh, Renew};

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

/// What an issuer was asked so far, and why.
pub struct Causes {
    policy: Policy,
    /// Of an access token.
    life: Duration,
    /// When the current token was issued.
    issued: Option<SystemTime>,
    /// What the last request failed of, and when.
    failed: Option<(String, SystemTime)>,
    /// When the vendor ended the current token.
    ended: Option<SystemTime>,
    /// Whether a call has got 401 since.
    is_rejected: bool,
    is_clock_set: bool,
    /// Whether nobody said how long tokens live, so that only a 401 tells of their end.
    is_life_unknown: bool,
    is_ending: bool,
    counted: Counted,
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

impl Causes {
    pub fn new(policy: Policy, life: Duration) -> Self {
        Self {
            policy,
            life,
            issued: None,
            failed: None,
            ended: None,
            is_rejected: false,
            is_clock_set: false,
            is_life_unknown: false,
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

    /// A call carried a token beyond its end: nobody had said when that is.
    pub fn life_unknown(&mut self) {
        self.is_life_unknown = true;
    }

    /// The clock of this machine was set.
    pub fn clock_set(&mut self) {
        self.is_clock_set = true;
    }

    /// All that comes now is a revocation.
    pub fn ending(&mut self) {
        self.is_ending = true;
    }

    /// Why a request to the issuer was made, at this time of the issuer's. It may have failed.
    pub fn request(&mut self, at: SystemTime, failure: Option<String>) -> Cause {
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
        match failure {
            _ if self.is_ending => {}
            None => {
                self.failed = None;
                self.issued = Some(at);
                self.is_clock_set = false;
                if self.ended.is_some_and(|ended| ended <= at) {
                    (self.ended, self.is_rejected) = (None, false);
                }
            }
            Some(failure) => self.failed = Some((failure, at)),
        }
        cause
    }

    fn cause(&mut self, at: SystemTime) -> Cause {
        if self.is_ending {
            return Cause::Revoke;
        }
        if let Some((failed, failed_at)) = self.failed.take() {
            let wait = at.duration_since(failed_at).unwrap_or_default();
            // What takes the place of a single-use refresh token whose answer was lost may come at once.
            let is_hasty = wait < LEAST_WAIT && self.policy.refresh != Refresh::SingleUse;
            return if is_hasty { Cause::Unexplained } else { Cause::Again(failed) };
        }
        let Some(issued) = self.issued else {
            // Only once: a second one would be a herd.
            return if self.counted.all() == 0 { Cause::First } else { Cause::Unexplained };
        };
        let age = at.duration_since(issued).unwrap_or_default();
        let part = age.as_secs_f64() / self.life.as_secs_f64();
        let due = match self.policy.renew {
            Renew::AtExpiry => 1.0,
            Renew::Early(part) => (part - EARLIEST).max(0.0),
            Renew::Before(margin) => {
                let early = margin.min(self.life / 2).mul_f64(1.0 + EARLIEST);
                1.0 - early.as_secs_f64() / self.life.as_secs_f64()
            }
            _ => 1.0,
        };
        match age.checked_sub(self.life) {
            _ if self.is_rejected => Cause::Rejected,
            // It should have been renewed before.
            Some(_) if self.policy.renew != Renew::AtExpiry && !self.is_life_unknown => Cause::Unexplained,
            Some(ago) => Cause::Expired(ago),
            None if part >= due => Cause::Due(part),
            None if self.is_clock_set => Cause::ClockSet,
            None => Cause::Unexplained,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const LIFE: Duration = Duration::from_secs(100);

    /// The causes of requests at these seconds; a text is what one failed of.
    fn causes(policy: Policy, requests: &[(u64, Option<&str>)]) -> Vec<Cause> {
        let mut causes = Causes::new(policy, LIFE);
        let at = |second: u64| UNIX_EPOCH + Duration::from_secs(second);
        requests.iter().map(|(second, failure)| causes.request(at(*second), failure.map(ToOwned::to_owned))).collect()
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
        causes.request(UNIX_EPOCH, None);
        causes.ended(UNIX_EPOCH + LIFE / 2);
        assert!(causes.rejected());
        assert!(!causes.rejected(), "fifty callers have one token");
        assert_eq!(causes.request(UNIX_EPOCH + LIFE / 2, None), Cause::Rejected);
        assert!(!causes.rejected(), "a late one");
        assert_eq!(causes.request(UNIX_EPOCH + LIFE / 2, None), Cause::Unexplained);
        causes.ending();
        assert_eq!(causes.request(UNIX_EPOCH + LIFE / 2, None), Cause::Revoke);
        let expected = Counted { first: 1, rejected: 1, unexplained: 1, revokes: 1, ..Counted::default() };
        assert_eq!(causes.counted(), expected);
    }
}
