//! Instants as vendors write them.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// An instant, read from RFC 3339 text that has an offset, and written in UTC.
///
/// Precise to the nanosecond; a fraction may have up to nine digits. The last hours of the year 9999, by which some
/// vendors say “never”, count as 9999-12-30T22:00:00Z, which is as late as an instant can be.
///
/// ```
/// use freshtoken_wire::Timestamp;
///
/// let expiry: Timestamp = "2026-11-22T13:00:00.1234567+02:00".parse()?;
/// assert_eq!(expiry.to_string(), "2026-11-22T11:00:00.1234567Z");
/// # Ok::<(), freshtoken_wire::TimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    pub(crate) fn of(instant: jiff::Timestamp) -> Self {
        Self(instant)
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, a fraction cut off.
    pub fn unix_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// Like `FromStr`, but a date-time without an offset counts as UTC.
    ///
    /// # Errors
    ///
    /// [`TimestampError::Invalid`].
    pub fn parse_as_utc(text: &str) -> Result<Self, TimestampError> {
        match text.parse() {
            Err(TimestampError::NoOffset) => format!("{text}Z").parse().map_err(|_| TimestampError::Invalid),
            result => result,
        }
    }
}

/// The date-time before any offset. A bare date, which jiff takes for its midnight, is none.
fn civil(text: &str) -> Option<DateTime> {
    const BARE_DATE: usize = "2026-11-22".len();
    (text.len() > BARE_DATE).then(|| text.parse().ok()).flatten()
}

/// Whether it is a date-time with an offset beyond what jiff can hold: it leaves room for every offset at the end of the
/// year 9999. .NET's latest moment, 9999-12-31T23:59:59.9999999Z, is in there.
fn is_too_late(text: &str) -> bool {
    Pieces::parse(text).is_ok_and(|pieces| {
        let last_day = Offset::UTC.to_datetime(jiff::Timestamp::MAX).date();
        pieces.date() >= last_day && pieces.time().is_some() && pieces.to_numeric_offset().is_some()
    })
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        match text.parse() {
            Ok(timestamp) => Ok(Self(timestamp)),
            Err(_) if is_too_late(text) => Ok(Self(jiff::Timestamp::MAX)),
            Err(_) if civil(text).is_some() => Err(TimestampError::NoOffset),
            Err(_) => Err(TimestampError::Invalid),
        }
    }
}

/// Why there is no [`Timestamp`]. It holds no text of the input.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimestampError {
    /// A date-time without an offset, which could be any of 25 hours. Where the vendor means UTC, the spec says
    /// `zone: utc`.
    NoOffset,
    /// No date-time of RFC 3339, or one outside of the years -9999 to 9999.
    Invalid,
}

impl TimestampError {
    /// Also the mark by which `BodyProblem` finds this cause among serde_json's.
    pub(crate) const NO_OFFSET: &str = "a date-time without an offset";
}

impl fmt::Display for TimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoOffset => Self::NO_OFFSET,
            Self::Invalid => "not a date-time of RFC 3339",
        })
    }
}

/// The message too: it is what `main` prints of an error.
impl fmt::Debug for TimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for TimestampError {}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.0.into()
    }
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = TimestampError;

    fn try_from(time: SystemTime) -> Result<Self, TimestampError> {
        time.try_into().map(Self).map_err(|_| TimestampError::Invalid)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TimestampVisitor)
    }
}

struct TimestampVisitor;

impl Visitor<'_> for TimestampVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date-time of RFC 3339")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(E::custom)
    }
}
