//! Instants in the formats that vendors send.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// An instant. It is parsed from an RFC 3339 date-time with an offset, and formatted in UTC.
///
/// It has nanosecond precision, and a fraction may have up to nine digits. Some vendors use the last hours of the year 9999
/// for “never”; these are clamped to 9999-12-30T22:00:00Z, the latest instant.
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

    /// Returns the whole seconds since 1970-01-01T00:00:00Z, without the fraction.
    pub fn unix_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// Parses a date-time like `FromStr`, except that one without an offset is read as UTC.
    ///
    /// # Errors
    ///
    /// Returns [`TimestampError::Invalid`] if the string isn't an RFC 3339 date-time. The offset is optional.
    pub fn parse_as_utc(text: &str) -> Result<Self, TimestampError> {
        match text.parse() {
            Err(TimestampError::NoOffset) => format!("{text}Z").parse().map_err(|_| TimestampError::Invalid),
            result => result,
        }
    }
}

/// Parses a date-time without an offset. A date alone, which jiff would read as midnight, is rejected.
fn civil(text: &str) -> Option<DateTime> {
    const BARE_DATE: usize = "2026-11-22".len();
    (text.len() > BARE_DATE).then(|| text.parse().ok()).flatten()
}

/// Returns whether the string is a date-time with an offset that is later than jiff's latest instant. .NET's latest instant,
/// 9999-12-31T23:59:59.9999999Z, is later, because jiff leaves room for every offset at the end of the year 9999.
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

/// Why a [`Timestamp`] could not be parsed. It does not contain the input.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimestampError {
    /// A date-time without an offset, which is ambiguous. If the vendor means UTC, the spec needs `zone: utc`.
    NoOffset,
    /// Not an RFC 3339 date-time, or outside the years -9999 to 9999.
    Invalid,
}

impl TimestampError {
    /// The message. `BodyProblem` recognizes serde_json's error by it.
    pub(crate) const NO_OFFSET: &str = "a date-time without an offset";
}

impl fmt::Display for TimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoOffset => Self::NO_OFFSET,
            Self::Invalid => "not an RFC 3339 date-time",
        })
    }
}

/// The message, because a `main` that returns an error prints its `Debug`.
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
        f.write_str("an RFC 3339 date-time")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(E::custom)
    }
}
