//! Parses dates in the formats that vendors use: RFC 3339, HTTP dates, and formats that a spec declares.

use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;

use crate::timestamp::Timestamp;

/// The obsolete formats of HTTP dates (RFC 9110 section 5.6.7).
const OBSOLETE: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// Parses an HTTP date, in the format of RFC 1123 or an obsolete one.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    // A wrong day of the week does not make the date invalid.
    const RFC_1123: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    let obsolete = || OBSOLETE.into_iter().find_map(|format| read(text, format, true));
    RFC_1123.parse_timestamp(text).ok().map(Timestamp::of).or_else(obsolete)
}

/// Parses an RFC 3339 date or an HTTP date. If `is_utc`, it may lack an offset.
pub(crate) fn standard(text: &str, is_utc: bool) -> Option<Timestamp> {
    let rfc_3339 = if is_utc { Timestamp::parse_as_utc(text) } else { text.parse() };
    rfc_3339.ok().or_else(|| http_date(text))
}

/// Parses a date in a `format` of jiff's `strptime`. If `is_utc`, it may lack an offset.
pub(crate) fn read(text: &str, format: &str, is_utc: bool) -> Option<Timestamp> {
    let parts = BrokenDownTime::parse(format, text).ok()?;
    instant(&parts, is_utc)
}

fn instant(parts: &BrokenDownTime, is_utc: bool) -> Option<Timestamp> {
    let utc = || parts.to_datetime().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let instant = parts.to_timestamp().ok().or_else(|| if is_utc { utc() } else { None });
    instant.map(Timestamp::of)
}

/// What is wrong with a `format` in a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatProblem {
    /// It has a directive that the date library doesn't support. Contains the library's message.
    Unknown(String),
    /// It has no offset, and the spec has no `zone`.
    NoOffset,
    /// It lacks a date or a time of day with minutes.
    NoMoment,
}

/// Checks that a date that is written in a `format` is parsed as the same date.
///
/// # Errors
///
/// Returns a [`FormatProblem`] if it isn't, or if the format is invalid.
pub fn check_format(format: &str, is_utc: bool) -> Result<(), FormatProblem> {
    // In the afternoon, to detect a 12-hour clock without AM or PM, on a day that isn't a valid month.
    const SAMPLE: DateTime = DateTime::constant(2031, 11, 23, 17, 45, 56, 0);
    const MINUTE: i64 = 60;
    let unknown = |error: jiff::Error| FormatProblem::Unknown(error.to_string());
    let sample = SAMPLE.to_zoned(TimeZone::UTC).map_err(unknown)?;
    let text = strtime::format(format, &sample).map_err(unknown)?;
    let parts = BrokenDownTime::parse(format, &text).map_err(unknown)?;
    match (instant(&parts, is_utc), instant(&parts, true)) {
        (Some(found), _) if (0..MINUTE).contains(&(sample.timestamp().as_second() - found.unix_seconds())) => Ok(()),
        (None, Some(_)) => Err(FormatProblem::NoOffset),
        _ => Err(FormatProblem::NoMoment),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: &str = "2030-01-16T05:24:12Z";

    fn parsed(text: &str, is_utc: bool) -> Option<String> {
        standard(text, is_utc).map(|moment| moment.to_string())
    }

    #[test]
    fn standard_dates_are_parsed_without_a_format() {
        for text in [
            "2030-01-16T05:24:12Z",
            "2030-01-16 07:24:12+02:00",
            "Wed, 16 Jan 2030 05:24:12 GMT",
            "Wed, 16 Jan 2030 07:24:12 +0200",
            "Mon, 16 Jan 2030 05:24:12 GMT",
            "Wednesday, 16-Jan-30 05:24:12 GMT",
            "Wed Jan 16 05:24:12 2030",
        ] {
            assert_eq!(parsed(text, false).as_deref(), Some(EXPECTED), "{text}");
        }
        assert_eq!(parsed("2030-01-16T05:24:12", true).as_deref(), Some(EXPECTED));
        for text in ["2030-01-16T05:24:12", "1/16/2030 5:24:12 AM +00:00", "soon", "", "2030-02-30T00:00:00Z"] {
            assert_eq!(parsed(text, false), None, "{text}");
        }
    }

    #[test]
    fn a_date_in_a_declared_format_is_parsed() {
        let parsed = |text: &str, format, is_utc| read(text, format, is_utc).map(|moment| moment.to_string());
        let format = "%m/%d/%Y %I:%M:%S %p %:z";
        for text in ["1/16/2030 5:24:12 AM +00:00", "01/16/2030 07:24:12 AM +02:00"] {
            assert_eq!(parsed(text, format, false).as_deref(), Some(EXPECTED), "{text}");
        }
        let format = "%d.%m.%Y %H:%M:%S";
        assert_eq!(parsed("16.01.2030 05:24:12", format, true).as_deref(), Some(EXPECTED));
        assert_eq!(parsed("16.01.2030 05:24:12", format, false), None);
    }

    #[test]
    fn a_format_without_a_date_time_or_offset_is_rejected() {
        for (format, is_utc) in [
            ("%m/%d/%Y %I:%M:%S %p %:z", false),
            ("%d.%m.%Y %H:%M:%S", true),
            ("%d %b %y %H:%M", true),
            ("%s", false),
            ("%Y-%m-%dT%H:%M:%S%.f%:z", false),
        ] {
            assert_eq!(check_format(format, is_utc), Ok(()), "{format}");
        }
        assert_eq!(check_format("%d.%m.%Y %H:%M:%S", false), Err(FormatProblem::NoOffset));
        for format in ["%d.%m.%Y", "%H:%M", "%d.%m.%Y %I:%M", "a date", ""] {
            assert_eq!(check_format(format, true), Err(FormatProblem::NoMoment), "{format}");
        }
        assert!(matches!(check_format("%J", true), Err(FormatProblem::Unknown(_))));
    }
}
