//! Faults: what can be made to go wrong, at which requests, and how often.

pub(crate) mod apply;
pub(crate) mod queue;

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::clock::{is_representable, shift};
use crate::spec::duration::{duration, show};

/// The most that a body is padded to: 64 MiB.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Something that goes wrong on demand.
///
/// Without [`times`](Fault::times), [`probability`](Fault::probability) and [`lasting`](Fault::lasting) it goes wrong
/// once. They can be combined: what is over first ends it.
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
    /// The response takes so long, by the issuer's [`Clock`](crate::Clock).
    Delay {
        /// How long.
        #[serde(with = "text")]
        by: Duration,
    },
    /// 429, with `Retry-After` and whatever header of its own the vendor has.
    TooManyRequests {
        /// How the wait is written.
        #[serde(default)]
        retry_after: RetryAfter,
        /// How long to wait.
        #[serde(with = "text", default = "half_a_minute")]
        wait: Duration,
    },
    /// 500, as the vendor documents it.
    ServerError,
    /// A page in HTML, such as a content network's.
    Html {
        /// Its status, from 200 to 599 and one that has a body. Any other is taken for 200.
        #[serde(default = "ok")]
        status: u16,
    },
    /// A redirect to another path.
    Redirect {
        /// Where to. The default is another path of the same server.
        #[serde(default = "elsewhere")]
        to: String,
    },
    /// The connection is reset, and nothing was done.
    ResetBefore,
    /// All is done, and then the connection is reset instead of the answer.
    ResetAfter,
    /// All is done, but the body ends half way. Where there is none, the connection is reset.
    Truncated,
    /// All is done, but the body is padded to this size. Where there is none, nothing is wrong.
    Oversized {
        /// In bytes; 64 MiB at most.
        #[serde(default = "mebibyte")]
        bytes: usize,
    },
    /// The token that is issued has expired already.
    ExpiredToken,
    /// No new token: the newest that there is comes once more, with what is left of its life. Nothing is spent.
    SameToken,
    /// The vendor's clock is wrong: its `Date`, and every moment in its answer.
    ClockOff {
        /// By how many seconds; ahead, or behind if negative.
        seconds: i64,
    },
}

/// How a 429 says how long to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RetryAfter {
    /// `Retry-After` in seconds, and the vendor's own header where the spec names one.
    #[default]
    Seconds,
    /// `Retry-After` as a date, and the vendor's own header where the spec names one.
    Date,
    /// The vendor's own header alone.
    PlayedVendor,
    /// Not at all.
    Nothing,
}

/// The requests at which it goes wrong.
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
    /// Calls of the protected resource.
    Calls,
    /// Everything.
    All,
}

/// What a request is for.
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
    /// A fault, once. It is at every operation of the spec, but [`FaultKind::ExpiredToken`] and
    /// [`FaultKind::SameToken`] are at logins and refreshes, which alone issue tokens.
    pub fn new(kind: FaultKind) -> Self {
        Self { on: kind.on(), kind, times: None, probability: None, lasts: None }
    }

    /// See [`FaultKind::Delay`].
    pub fn delay(by: Duration) -> Self {
        Self::new(FaultKind::Delay { by })
    }

    /// See [`FaultKind::TooManyRequests`].
    pub fn too_many_requests(retry_after: RetryAfter, wait: Duration) -> Self {
        Self::new(FaultKind::TooManyRequests { retry_after, wait })
    }

    /// See [`FaultKind::ServerError`].
    pub fn server_error() -> Self {
        Self::new(FaultKind::ServerError)
    }

    /// See [`FaultKind::Html`].
    pub fn html(status: u16) -> Self {
        Self::new(FaultKind::Html { status })
    }

    /// See [`FaultKind::Redirect`].
    pub fn redirect(to: impl Into<String>) -> Self {
        Self::new(FaultKind::Redirect { to: to.into() })
    }

    /// See [`FaultKind::ResetBefore`].
    pub fn reset_before() -> Self {
        Self::new(FaultKind::ResetBefore)
    }

    /// See [`FaultKind::ResetAfter`].
    pub fn reset_after() -> Self {
        Self::new(FaultKind::ResetAfter)
    }

    /// See [`FaultKind::Truncated`].
    pub fn truncated() -> Self {
        Self::new(FaultKind::Truncated)
    }

    /// See [`FaultKind::Oversized`].
    pub fn oversized(bytes: usize) -> Self {
        Self::new(FaultKind::Oversized { bytes })
    }

    /// See [`FaultKind::ExpiredToken`].
    pub fn expired_token() -> Self {
        Self::new(FaultKind::ExpiredToken)
    }

    /// See [`FaultKind::SameToken`].
    pub fn same_token() -> Self {
        Self::new(FaultKind::SameToken)
    }

    /// See [`FaultKind::ClockOff`].
    pub fn clock_off(seconds: i64) -> Self {
        Self::new(FaultKind::ClockOff { seconds })
    }

    /// At the requests that are its kind's.
    pub(crate) fn where_it_makes_sense(self) -> Self {
        let on = self.kind.on();
        self.on(on)
    }

    /// At these requests.
    pub fn on(mut self, on: FaultScope) -> Self {
        self.on = on;
        self
    }

    /// So often.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// With this probability at each request, from 0 to 1; the dice are the sandbox's, with its seed.
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = Some(probability);
        self
    }

    /// For this time from when it is given, by the issuer's clock.
    pub fn lasting(mut self, lasts: Duration) -> Self {
        self.lasts = Some(lasts);
        self
    }

    /// What is wrong with it, for a person: it would never play, or couldn't as it is.
    pub(crate) fn check(&self, now: SystemTime) -> Result<(), String> {
        if self.times == Some(0) {
            return Err("`times` is 0; it is 1 or more".to_owned());
        }
        if self.probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
            return Err("`probability` isn't from 0 to 1".to_owned());
        }
        if self.lasts == Some(Duration::ZERO) {
            return Err("`for` is no time at all".to_owned());
        }
        self.kind.check(now)
    }
}

impl FaultKind {
    /// The requests at which it makes sense.
    fn on(&self) -> FaultScope {
        match self {
            Self::ExpiredToken | Self::SameToken => FaultScope::Grants,
            _ => FaultScope::default(),
        }
    }

    fn check(&self, now: SystemTime) -> Result<(), String> {
        let too_far = |word: &str| Err(format!("`{word}` leads out of the years 1970 to 9999"));
        match self {
            Self::Oversized { bytes } if *bytes > MAX_BYTES => Err(format!("`bytes` is more than {MAX_BYTES}, 64 MiB")),
            Self::Html { status } if !is_page(*status) => {
                Err(format!("`status` is {status}; it is from 200 to 599 and one that has a body"))
            }
            // Other characters can't stand in a header, nor in a URL.
            Self::Redirect { to } if to.is_empty() || !to.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err("`to` isn't a URL: it has no characters, or others than visible ASCII".to_owned())
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

    /// What can be played of it.
    pub(crate) fn bounded(self) -> Self {
        match self {
            Self::Oversized { bytes } => Self::Oversized { bytes: bytes.min(MAX_BYTES) },
            Self::Html { status } if !is_page(status) => Self::Html { status: ok() },
            other => other,
        }
    }
}

/// More than the years that a date can tell have.
const MAX_SECONDS: u64 = 1 << 40;

fn is_page(status: u16) -> bool {
    (200..600).contains(&status) && has_body(status)
}

/// Whether answers of this status have a body.
pub(crate) fn has_body(status: u16) -> bool {
    !matches!(status, 100..200 | 204 | 205 | 304)
}

/// What it is, where it plays and how often.
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
            Self::Html { status } => write!(f, "HTML at {status}"),
            Self::Redirect { .. } => f.write_str("a redirect"),
            Self::ResetBefore => f.write_str("a reset before anything was done"),
            Self::ResetAfter => f.write_str("a reset after it was done"),
            Self::Truncated => f.write_str("a truncated body"),
            Self::Oversized { bytes } => write!(f, "a body of {bytes} bytes"),
            Self::ExpiredToken => f.write_str("a token that has expired"),
            Self::SameToken => f.write_str("the same token again"),
            Self::ClockOff { seconds } => write!(f, "a clock {seconds} s off"),
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

/// Durations as text.
mod text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&show(*value))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        duration(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Durations as text that may be missing.
mod maybe_text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(show).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| duration(&text).map_err(de::Error::custom)).transpose()
    }
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
