//! Values that are computed for each request and never asked for: `compute` in a spec.
//!
//! They are for generated code. Times are those of the machine's clock: a vendor compares them with its own.

#[cfg(feature = "jwt")]
mod algorithm;
mod error;
#[cfg(feature = "jwt")]
mod jwt;
#[cfg(feature = "jwt")]
mod key;
#[cfg(feature = "client")]
pub(crate) mod pem;

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp as Instant};

#[cfg(feature = "jwt")]
pub use crate::compute::algorithm::Algorithm;
pub use crate::compute::error::ComputeError;
#[cfg(feature = "jwt")]
pub use crate::compute::jwt::{Claim, Jwt};
use crate::timestamp::Timestamp;

/// Returns a random UUID (version 4).
///
/// # Errors
///
/// Returns an error if the system has no randomness.
#[cfg(feature = "uuid")]
pub fn uuid() -> Result<String, ComputeError> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ComputeError::random())?;
    Ok(formatted(bytes))
}

/// Formats 16 random bytes as a UUID of version 4 and of the variant of RFC 9562.
#[cfg(feature = "uuid")]
fn formatted(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

/// An instant in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(Instant);

impl Moment {
    /// Returns the instant this many seconds from now.
    pub fn after(seconds: u32) -> Self {
        Self::at(Instant::now(), seconds)
    }

    fn at(now: Instant, seconds: u32) -> Self {
        Self(now.checked_add(SignedDuration::from_secs(seconds.into())).unwrap_or(Instant::MAX))
    }

    /// Returns the seconds since 1970.
    pub fn unix(self) -> i64 {
        self.0.as_second()
    }

    /// Returns the milliseconds since 1970.
    pub fn millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Returns the date-time in whole seconds: some vendors take no fraction.
    pub fn date_time(self) -> Timestamp {
        Timestamp::of(Instant::from_second(self.0.as_second()).unwrap_or(self.0))
    }

    /// Returns the date in UTC and in this format of jiff's `strftime`, which the generator has checked.
    pub fn format(self, format: &str) -> String {
        strtime::format(format, &self.0.to_zoned(TimeZone::UTC)).unwrap_or_default()
    }
}

/// Checks that a date can be written in this format.
///
/// # Errors
///
/// Returns the message of the date library if the format has an unknown directive.
pub fn check_format(format: &str) -> Result<(), String> {
    let sample = Instant::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    strtime::format(format, &sample).map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_every_form_that_vendors_take() {
        let now: Instant = "2026-11-22T11:00:00.1234Z".parse().unwrap();
        let hour = Moment::at(now, 3600);
        assert_eq!(hour.date_time().to_string(), "2026-11-22T12:00:00Z");
        assert_eq!((hour.unix(), hour.millis()), (1_795_348_800, 1_795_348_800_123));
        assert_eq!(Moment::at(now, 30 * 86_400).format("%Y-%m-%d"), "2026-12-22");
        assert_eq!(Moment::at(Instant::MAX, 1).unix(), Instant::MAX.as_second());
    }

    #[test]
    fn the_time_is_that_of_the_machine() {
        let before = Instant::now().as_millisecond();
        assert!((before..before + 60_000).contains(&Moment::after(0).millis()));
    }

    #[test]
    fn an_unknown_directive_of_a_format_is_an_error() {
        assert_eq!(check_format("%Y%m%dT%H%M%SZ"), Ok(()));
        assert!(check_format("%J").is_err());
    }

    #[cfg(feature = "uuid")]
    #[test]
    fn a_uuid_is_random_and_says_so() {
        assert_eq!(formatted([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(formatted([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_ne!(uuid(), uuid());
    }
}
