//! Faults: what can go wrong, for which requests, and how often.

pub(crate) mod apply;
pub(crate) mod queue;

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::clock::{is_representable, shift};
use crate::spec::duration::{maybe_text, show, text};

/// The largest size that a body is padded to: 64 MiB.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// A fault to inject.
///
/// Without [`times`](Fault::times), [`probability`](Fault::probability) and [`lasting`](Fault::lasting), it happens
/// once. They can be combined: the fault is removed when the first limit is reached.
///
/// ```
/// use freshtoken_sandbox::{Fault, FaultScope, RetryAfter};
/// use std::time::Duration;
///
/// let throttled = Fault::too_many_requests(RetryAfter::Seconds, Duration::from_secs(30)).times(2);
/// let flaky = Fault::server_error().on(FaultScope::Calls).probability(0.1).lasting(Duration::from_secs(60));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fault {
    #[serde(flatten)]
    pub(crate) kind: FaultKind,
    #[serde(default)]
    pub(crate) on: FaultScope,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) times: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) probability: Option<f64>,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none", default, with = "maybe_text")]
    pub(crate) lasts: Option<Duration>,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
#[non_exhaustive]
pub enum FaultKind {
    /// The response is delayed, by the issuer's [`Clock`](crate::Clock).
    Delay {
        /// How long.
        #[serde(with = "text")]
        by: Duration,
    },
    /// A 429 with `Retry-After` and, if the spec names one, the vendor's own header.
    TooManyRequests {
        /// How the wait is written.
        #[serde(default)]
        retry_after: RetryAfter,
        /// How long to wait.
        #[serde(with = "text", default = "half_a_minute")]
        wait: Duration,
    },
    /// A 500, as the vendor documents it.
    ServerError,
    /// An HTML page, as a CDN would send it.
    Html {
        /// Its status: 200 to 599, and one that has a body. Any other value is treated as 200.
        #[serde(default = "ok")]
        status: u16,
    },
    /// A redirect.
    Redirect {
        /// The target. The default is another path on the same server.
        #[serde(default = "elsewhere")]
        to: String,
    },
    /// The connection is reset before the vendor does anything.
    ResetBefore,
    /// The request takes effect, but the connection is reset instead of a response.
    ResetAfter,
    /// The request takes effect, but the body is cut in half. If there is no body, the connection is reset.
    Truncated,
    /// The request takes effect, and the body is padded to this size. If there is no body, nothing happens.
    Oversized {
        /// In bytes; at most 64 MiB.
        #[serde(default = "mebibyte")]
        bytes: usize,
    },
    /// The issued token has already expired.
    ExpiredToken,
    /// The newest live token is returned again, with its remaining lifetime. No refresh token is spent.
    SameToken,
    /// The vendor's clock is wrong: both its `Date` and the times in its response.
    ClockOff {
        /// The error in seconds: ahead, or behind if negative.
        seconds: i64,
    },
}

/// How a 429 says how long to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RetryAfter {
    /// `Retry-After` in seconds, and the vendor's own header if the spec names one.
    #[default]
    Seconds,
    /// `Retry-After` as a date, and the vendor's own header if the spec names one.
    Date,
    /// Only the vendor's own header.
    PlayedVendor,
    /// No header at all.
    Nothing,
}

/// The requests that a fault applies to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FaultScope {
    /// Every operation of the spec.
    #[default]
    Issuer,
    /// Logins and refreshes.
    Grants,
    /// Logins.
    Login,
    /// Refreshes.
    Refresh,
    /// Revocations.
    Revoke,
    /// Calls to the protected resource.
    Calls,
    /// All requests.
    All,
}

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Login,
    Refresh,
    Revoke,
    Other,
    Call,
}

impl FaultScope {
    pub(crate) fn includes(self, purpose: Purpose) -> bool {
        match self {
            Self::Issuer => purpose != Purpose::Call,
            Self::Grants => matches!(purpose, Purpose::Login | Purpose::Refresh),
            Self::Login => purpose == Purpose::Login,
            Self::Refresh => purpose == Purpose::Refresh,
            Self::Revoke => purpose == Purpose::Revoke,
            Self::Calls => purpose == Purpose::Call,
            Self::All => true,
        }
    }
}

impl Fault {
    /// Creates a fault that happens once, to any operation of the spec. [`FaultKind::ExpiredToken`] and
    /// [`FaultKind::SameToken`] apply to logins and refreshes, since only those issue tokens.
    pub fn new(kind: FaultKind) -> Self {
        Self { on: kind.on(), kind, times: None, probability: None, lasts: None }
    }

    /// Creates a [`FaultKind::Delay`].
    pub fn delay(by: Duration) -> Self {
        Self::new(FaultKind::Delay { by })
    }

    /// Creates a [`FaultKind::TooManyRequests`].
    pub fn too_many_requests(retry_after: RetryAfter, wait: Duration) -> Self {
        Self::new(FaultKind::TooManyRequests { retry_after, wait })
    }

    /// Creates a [`FaultKind::ServerError`].
    pub fn server_error() -> Self {
        Self::new(FaultKind::ServerError)
    }

    /// Creates a [`FaultKind::Html`].
    pub fn html(status: u16) -> Self {
        Self::new(FaultKind::Html { status })
    }

    /// Creates a [`FaultKind::Redirect`].
    pub fn redirect(to: impl Into<String>) -> Self {
        Self::new(FaultKind::Redirect { to: to.into() })
    }

    /// Creates a [`FaultKind::ResetBefore`].
    pub fn reset_before() -> Self {
        Self::new(FaultKind::ResetBefore)
    }

    /// Creates a [`FaultKind::ResetAfter`].
    pub fn reset_after() -> Self {
        Self::new(FaultKind::ResetAfter)
    }

    /// Creates a [`FaultKind::Truncated`].
    pub fn truncated() -> Self {
        Self::new(FaultKind::Truncated)
    }

    /// Creates a [`FaultKind::Oversized`].
    pub fn oversized(bytes: usize) -> Self {
        Self::new(FaultKind::Oversized { bytes })
    }

    /// Creates a [`FaultKind::ExpiredToken`].
    pub fn expired_token() -> Self {
        Self::new(FaultKind::ExpiredToken)
    }

    /// Creates a [`FaultKind::SameToken`].
    pub fn same_token() -> Self {
        Self::new(FaultKind::SameToken)
    }

    /// Creates a [`FaultKind::ClockOff`].
    pub fn clock_off(seconds: i64) -> Self {
        Self::new(FaultKind::ClockOff { seconds })
    }

    /// Limits it to the requests that its kind makes sense for.
    pub(crate) fn where_it_makes_sense(self) -> Self {
        let on = self.kind.on();
        self.on(on)
    }

    /// Limits it to these requests.
    pub fn on(mut self, on: FaultScope) -> Self {
        self.on = on;
        self
    }

    /// Sets how many times it happens.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Sets the probability for each request, from 0 to 1. The random numbers come from the sandbox, with its seed.
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = Some(probability);
        self
    }

    /// Sets how long it lasts, by the issuer's clock, from when it is injected.
    pub fn lasting(mut self, lasts: Duration) -> Self {
        self.lasts = Some(lasts);
        self
    }

    /// Returns why the fault could never happen, or can't be simulated as it is.
    pub(crate) fn check(&self, now: SystemTime) -> Result<(), String> {
        if self.times == Some(0) {
            return Err("`times` is 0; it must be at least 1".to_owned());
        }
        if self.probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
            return Err("`probability` is not between 0 and 1".to_owned());
        }
        if self.lasts == Some(Duration::ZERO) {
            return Err("`for` is zero; leave it out or set a longer time".to_owned());
        }
        self.kind.check(now)
    }
}

impl FaultKind {
    /// Returns the requests that this kind makes sense for.
    fn on(&self) -> FaultScope {
        match self {
            Self::ExpiredToken | Self::SameToken => FaultScope::Grants,
            _ => FaultScope::default(),
        }
    }

    fn check(&self, now: SystemTime) -> Result<(), String> {
        let too_far = |word: &str| Err(format!("`{word}` leads outside the years 1970 to 9999"));
        match self {
            Self::Oversized { bytes } if *bytes > MAX_BYTES => {
                Err(format!("`bytes` is more than {MAX_BYTES} (64 MiB)"))
            }
            Self::Html { status } if !is_page(*status) => {
                Err(format!("`status` is {status}; it must be a status from 200 to 599 that has a body"))
            }
            // Other characters are allowed neither in a header nor in a URL.
            Self::Redirect { to } if to.is_empty() || !to.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err("`to` is not a URL: it must be visible ASCII, and not empty".to_owned())
            }
            Self::TooManyRequests { wait, .. } if !now.checked_add(*wait).is_some_and(is_representable) => {
                too_far("wait")
            }
            Self::ClockOff { seconds }
                if seconds.unsigned_abs() > MAX_SECONDS || !is_representable(shift(now, *seconds)) =>
            {
                too_far("seconds")
            }
            _ => Ok(()),
        }
    }

    /// Limits the values to what can be simulated.
    pub(crate) fn bounded(self) -> Self {
        match self {
            Self::Oversized { bytes } => Self::Oversized { bytes: bytes.min(MAX_BYTES) },
            Self::Html { status } if !is_page(status) => Self::Html { status: ok() },
            other => other,
        }
    }
}

/// More seconds than there are between any two representable dates.
const MAX_SECONDS: u64 = 1 << 40;

fn is_page(status: u16) -> bool {
    (200..600).contains(&status) && has_body(status)
}

/// Whether responses with this status have a body.
pub(crate) fn has_body(status: u16) -> bool {
    !matches!(status, 100..200 | 204 | 205 | 304)
}

/// Shows what goes wrong.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay { by } => write!(f, "a delay of {}", show(*by)),
            Self::TooManyRequests { .. } => f.write_str("too many requests"),
            Self::ServerError => f.write_str("a server error"),
            Self::Html { status } => write!(f, "an HTML page with status {status}"),
            Self::Redirect { .. } => f.write_str("a redirect"),
            Self::ResetBefore => f.write_str("a reset before the request took effect"),
            Self::ResetAfter => f.write_str("a reset after the request took effect"),
            Self::Truncated => f.write_str("a truncated body"),
            Self::Oversized { bytes } => write!(f, "a body of {bytes} bytes"),
            Self::ExpiredToken => f.write_str("an expired token"),
            Self::SameToken => f.write_str("the same token again"),
            Self::ClockOff { seconds } => write!(f, "a clock that is {seconds} s off"),
        }
    }
}

fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

fn ok() -> u16 {
    200
}

fn elsewhere() -> String {
    "/elsewhere".to_owned()
}

fn mebibyte() -> usize {
    1024 * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_written_as_json() {
        let fault =
            r#"{"fault":"too-many-requests","retry-after":"date","wait":"1m","on":"grants","times":2,"for":"10s"}"#;
        let read: Fault = serde_json::from_str(fault).unwrap();
        let wanted = Fault::too_many_requests(RetryAfter::Date, Duration::from_secs(60));
        assert_eq!(read, wanted.on(FaultScope::Grants).times(2).lasting(Duration::from_secs(10)));
        assert_eq!(serde_json::to_string(&read).unwrap(), fault);
        assert_eq!(serde_json::from_str::<Fault>(r#"{"fault":"html"}"#).unwrap(), Fault::html(200));
    }
}
