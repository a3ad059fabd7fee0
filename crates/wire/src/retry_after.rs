//! Reads when to retry from the headers of a response (RFC 9110 section 10.2.3).

use std::time::{Duration, SystemTime};

use reqwest::header::{AsHeaderName, DATE, HeaderMap, RETRY_AFTER};

use crate::dates::http_date;
use crate::rules::RetryUnit;
use crate::timestamp::Timestamp;

/// Returns how long the response asks to wait.
///
/// The header has a number of seconds, an HTTP date or an RFC 3339 date. The wait is rounded up to whole seconds. A date is
/// relative to the `Date` of the response, so that a wrong local clock doesn't matter, or to `now` if there is none. The
/// vendor's header is used only if `Retry-After` is missing or invalid.
pub(crate) fn read(
    headers: &HeaderMap,
    vendor: Option<(&'static str, RetryUnit)>,
    now: SystemTime,
) -> Option<Duration> {
    let now = date(headers).unwrap_or(now);
    let standard = || {
        let value = text(headers, RETRY_AFTER)?;
        seconds(value).or_else(|| Some(until(parse_date(value)?, now)))
    };
    let own = |(name, unit)| {
        let value = text(headers, name)?;
        match (seconds(value), unit) {
            (Some(number), RetryUnit::Seconds) => Some(number),
            // An instant beyond the range of `SystemTime` results in the longest wait.
            (Some(number), RetryUnit::Unix) => {
                Some(SystemTime::UNIX_EPOCH.checked_add(number).map_or(Duration::MAX, |at| until(at, now)))
            }
            (None, _) => Some(until(parse_date(value)?, now)),
        }
    };
    match vendor {
        // The vendor uses another unit in the standard header.
        Some(rule) if rule.0.eq_ignore_ascii_case(RETRY_AFTER.as_str()) => own(rule),
        Some(rule) => standard().or_else(|| own(rule)),
        None => standard(),
    }
}

/// Returns the `Date` of the response.
pub(crate) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    http_date(text(headers, DATE)?).map(SystemTime::from)
}

/// Returns the value of a header as a string, unless it is blank.
pub(crate) fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    Some(headers.get(name)?.to_str().ok()?.trim_ascii()).filter(|text| !text.is_empty())
}

/// Parses an HTTP date or an RFC 3339 date.
fn parse_date(value: &str) -> Option<SystemTime> {
    let rfc3339 = || value.parse().ok().map(|timestamp: Timestamp| timestamp.into());
    http_date(value).map(SystemTime::from).or_else(rfc3339)
}

fn until(at: SystemTime, now: SystemTime) -> Duration {
    round_up(at.duration_since(now).unwrap_or_default())
}

fn round_up(wait: Duration) -> Duration {
    Duration::from_secs(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)))
}

/// Parses a number of seconds and rounds it up. A negative number is zero, and a number that is too large is the maximum.
fn seconds(text: &str) -> Option<Duration> {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (is_negative, number) = match text.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, text),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    if is_negative {
        return Some(Duration::ZERO);
    }
    let more = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    Some(Duration::from_secs(whole.parse().unwrap_or(u64::MAX).saturating_add(more)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn read_with(headers: &[(&'static str, &'static str)], vendor: Option<(&'static str, RetryUnit)>) -> Option<u64> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), reqwest::header::HeaderValue::from_static(value)));
        // The local clock is at 1000 s.
        read(&headers.collect(), vendor, at(1000)).map(|wait| wait.as_secs())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (value, wait) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("-5", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            // 1030 s.
            ("Thu, 01 Jan 1970 00:17:10 GMT", Some(30)),
            ("Thursday, 01-Jan-70 00:17:10 GMT", Some(30)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("", None),
            ("soon", None),
            ("-", None),
            ("1.", None),
            (".5", None),
            ("1.5.0", None),
            ("1e3", None),
        ] {
            assert_eq!(read_with(&[("retry-after", value)], None), wait, "{value:?}");
        }
    }

    #[test]
    fn a_fraction_of_a_second_is_rounded_up() {
        for (value, wait) in [("292.052427053", 293), ("1.0", 1), ("0.000", 0), ("0.001", 1), ("-0.5", 0)] {
            assert_eq!(read_with(&[("retry-after", value)], None), Some(wait), "{value}");
            assert_eq!(read_with(&[("x-reset", value)], Some(("X-Reset", RetryUnit::Seconds))), Some(wait), "{value}");
        }
        assert_eq!(read_with(&[("x-reset", "1009.25")], Some(("X-Reset", RetryUnit::Unix))), Some(10));
    }

    #[test]
    fn an_rfc_3339_date_is_relative_to_the_response_date() {
        let own = ("date", "Thu, 01 Jan 1970 00:16:50 GMT"); // 1010 s.
        for (value, wait) in [
            ("1970-01-01T00:17:10Z", 20),
            ("1970-01-01T01:17:10+01:00", 20),
            ("1970-01-01T00:17:09.5Z", 20),
            ("1970-01-01T00:00:00Z", 0),
        ] {
            assert_eq!(read_with(&[own, ("retry-after", value)], None), Some(wait), "{value}");
            assert_eq!(read_with(&[own, ("x-reset", value)], Some(("X-Reset", RetryUnit::Seconds))), Some(wait));
            assert_eq!(read_with(&[own, ("x-reset", value)], Some(("X-Reset", RetryUnit::Unix))), Some(wait));
        }
        assert_eq!(
            read_with(&[("retry-after", "1970-01-01T00:17:10Z")], None),
            Some(30),
            "relative to the local clock"
        );
        assert_eq!(read_with(&[("retry-after", "1970-01-01T00:17:10")], None), None, "it has no offset");
    }

    #[test]
    fn a_date_is_relative_to_the_response_date() {
        let own = ("date", "Thu, 01 Jan 1970 00:16:50 GMT"); // 1010 s.
        let until = ("retry-after", "Thu, 01 Jan 1970 00:17:10 GMT");
        assert_eq!(read_with(&[own, until], None), Some(20));
        assert_eq!(read_with(&[("date", "today"), until], None), Some(30));
        assert_eq!(read_with(&[own, ("x-reset", "1015")], Some(("X-Reset", RetryUnit::Unix))), Some(5));
    }

    #[test]
    fn the_vendor_header_is_used_without_a_valid_retry_after() {
        let seconds = Some(("X-Reset", RetryUnit::Seconds));
        let unix = Some(("X-Reset", RetryUnit::Unix));
        assert_eq!(read_with(&[("x-reset", "9")], None), None);
        assert_eq!(read_with(&[("x-reset", "9")], seconds), Some(9));
        assert_eq!(read_with(&[("x-reset", "9"), ("retry-after", "1")], seconds), Some(1));
        assert_eq!(read_with(&[("x-reset", "9"), ("retry-after", "soon")], seconds), Some(9));
        assert_eq!(read_with(&[("x-reset", "1009")], unix), Some(9));
        assert_eq!(read_with(&[("x-reset", "900")], unix), Some(0));
        assert_eq!(read_with(&[("x-reset", "99999999999999999999999")], unix), Some(u64::MAX));
        assert_eq!(read_with(&[("retry-after", "1009")], Some(("Retry-After", RetryUnit::Unix))), Some(9));
    }
}
