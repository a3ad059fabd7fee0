//! What the generated adapters share: a vendor's answer into [`Issued`](crate::Issued), credentials into a request.
//!
//! No text of a failure here quotes a value: it names the place in the answer, or the credential.
#![allow(dead_code, reason = "a vendor uses what it needs, and without a vendor's feature there is none")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use freshtoken_wire::{Timestamp, TimestampError};

use crate::failure::Failure;
use freshtoken_wire::Secret;

/// What a number in an answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
}

/// What a date-time without an offset means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    /// It is UTC.
    Utc,
    /// Nobody knows: it is a failure.
    Offset,
}

/// Moves a token out of an answer, which is kept without it.
pub(crate) trait Take {
    /// The token, unless it is empty.
    fn take(&mut self) -> Option<Secret>;
}

impl Take for Secret {
    fn take(&mut self) -> Option<Secret> {
        let token = std::mem::replace(self, Secret::new(""));
        (!token.is_empty()).then_some(token)
    }
}

/// The access token of an answer.
pub(crate) fn access_token(found: Option<Secret>) -> Result<Secret, Failure> {
    found.ok_or_else(|| Failure::unusable("the answer has no access token"))
}

/// Refuses credentials that are empty, each given with its name.
pub(crate) fn given(credentials: &[(&str, bool)]) -> Result<(), Failure> {
    match credentials.iter().find(|(_, is_empty)| *is_empty) {
        Some((name, _)) => Err(Failure::permanent(format!("the credential `{name}` is empty"))),
        None => Ok(()),
    }
}

/// The access token that authorizes a revocation of the refresh token.
pub(crate) fn live(access_token: Option<&Secret>) -> Result<&Secret, Failure> {
    let missing = "the vendor revokes a refresh token only for a live access token: get a token first, then revoke";
    access_token.ok_or_else(|| Failure::transient(missing).not_sent())
}

/// A credential that this one grant can't do without.
pub(crate) fn needed<'a, T>(name: &str, credential: &'a Option<T>) -> Result<&'a T, Failure> {
    let missing = || Failure::permanent(format!("the credential `{name}` is missing, and the vendor needs it here"));
    credential.as_ref().ok_or_else(missing)
}

/// When something ends, as an answer says it.
pub(crate) enum Expiry {
    /// A whole number, of seconds or milliseconds.
    Count(i64),
    /// A date-time with its offset.
    At(Timestamp),
    /// A number or a date-time. A blank one says nothing.
    Text(String),
}

/// A life that an answer names at `pointer`. A negative one is zero, a huge one as long as there is.
pub(crate) fn life(pointer: &str, said: Option<Expiry>, unit: Unit) -> Result<Option<Duration>, Failure> {
    let life = match &said {
        None => return Ok(None),
        Some(Expiry::Text(text)) if text.trim().is_empty() => return Ok(None),
        Some(Expiry::Text(text)) => number(text.trim(), unit),
        Some(Expiry::Count(count)) => Some(whole((*count).into(), unit)),
        Some(Expiry::At(_)) => None,
    };
    match life {
        Some(life) => Ok(Some(life)),
        None => Err(Failure::unusable(format!("`{pointer}` in the answer is neither a number nor text of digits"))),
    }
}

/// The last second that a date of four digits can name, 9999-12-31T23:59:59Z: the latest end there is.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// A moment that an answer names at `pointer`, as a date-time or counted since 1970. One before 1970 is 1970, one after
/// the year 9999 its end.
pub(crate) fn moment(
    pointer: &str,
    said: Option<Expiry>,
    unit: Unit,
    zone: Zone,
) -> Result<Option<SystemTime>, Failure> {
    let read = |text: &str| match (number(text, unit), zone) {
        (Some(count), _) => Ok(count),
        (None, Zone::Utc) => Timestamp::parse_as_utc(text).map(since_1970),
        (None, Zone::Offset) => text.parse().map(since_1970),
    };
    let end = match said {
        None => return Ok(None),
        Some(Expiry::Text(text)) if text.trim().is_empty() => return Ok(None),
        Some(Expiry::Text(text)) => read(text.trim()),
        Some(Expiry::Count(count)) => Ok(whole(count.into(), unit)),
        Some(Expiry::At(timestamp)) => Ok(since_1970(timestamp)),
    };
    match end {
        Ok(end) => Ok(Some(UNIX_EPOCH + end.min(LAST))),
        Err(TimestampError::NoOffset) => {
            Err(Failure::unusable(format!("`{pointer}` in the answer is a date-time without an offset")))
        }
        Err(_) => Err(Failure::unusable(format!("`{pointer}` in the answer is neither a date-time nor a number"))),
    }
}

fn since_1970(timestamp: Timestamp) -> Duration {
    SystemTime::from(timestamp).duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A number, with or without a fraction: none where the text is something else, zero where it is negative, and as long
/// as there is where it is huge.
fn number(text: &str, unit: Unit) -> Option<Duration> {
    // What else Rust reads as a number: `inf`, `NaN`.
    if !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return None;
    }
    if let Ok(count) = text.parse() {
        return Some(whole(count, unit));
    }
    let count: f64 = text.parse().ok()?;
    let seconds = match unit {
        Unit::Seconds => count,
        Unit::Milliseconds => count / 1000.0,
    };
    Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

fn whole(count: i128, unit: Unit) -> Duration {
    let count = u64::try_from(count.max(0)).unwrap_or(u64::MAX);
    match unit {
        Unit::Seconds => Duration::from_secs(count),
        Unit::Milliseconds => Duration::from_millis(count),
    }
}

/// The scopes that an answer names; none where it names nothing.
pub(crate) fn granted(found: Option<Vec<String>>) -> Vec<String> {
    found.unwrap_or_default()
}

/// What stands between spaces.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// What stands between delimiters, without spaces around it.
pub(crate) fn split(text: &str, delimiter: &str) -> Vec<String> {
    text.split(delimiter).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<Duration> {
        life("/expires_in", Some(Expiry::Text(text.to_owned())), Unit::Seconds).unwrap()
    }

    fn at(text: &str, zone: Zone) -> Result<Option<SystemTime>, Failure> {
        moment("/expires_at", Some(Expiry::Text(text.to_owned())), Unit::Seconds, zone)
    }

    #[test]
    fn a_life_is_a_number_or_text_of_digits() {
        assert_eq!(seconds("3600"), Some(Duration::from_secs(3600)));
        assert_eq!(seconds(" 3600 "), Some(Duration::from_secs(3600)));
        assert_eq!(seconds("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(seconds("1e3"), Some(Duration::from_secs(1000)));
        assert_eq!(seconds(" "), None);
        assert_eq!(life("/x", None, Unit::Seconds).unwrap(), None);
        let milliseconds = |said| life("/x", Some(said), Unit::Milliseconds).unwrap();
        assert_eq!(milliseconds(Expiry::Text("1500".into())), Some(Duration::from_millis(1500)));
        assert_eq!(milliseconds(Expiry::Count(1500)), Some(Duration::from_millis(1500)));
        assert_eq!(milliseconds(Expiry::Count(-1)), Some(Duration::ZERO));
    }

    #[test]
    fn a_negative_life_is_zero_and_a_huge_one_never_overflows() {
        for text in ["-1", "-0.5", "-99999999999999999999999999999999999999999", "-1e999"] {
            assert_eq!(seconds(text), Some(Duration::ZERO), "{text}");
        }
        for text in ["18446744073709551616", "99999999999999999999999999999999999999999", "1e300", "1e999"] {
            assert!(seconds(text) >= Some(Duration::from_secs(u64::MAX)), "{text}");
            assert_eq!(at(text, Zone::Offset).unwrap(), Some(UNIX_EPOCH + LAST), "{text}");
        }
    }

    #[test]
    fn what_is_no_life_is_named_and_not_quoted() {
        for text in ["hunter2", "inf", "NaN", "infinity", "1 hour", "--1", "."] {
            let failure = life("/expires_in", Some(Expiry::Text(text.to_owned())), Unit::Seconds).unwrap_err();
            assert!(failure.unusable);
            assert_eq!(
                failure.to_string(),
                "`/expires_in` in the answer is neither a number nor text of digits",
                "{text}"
            );
        }
        assert!(at("hunter2", Zone::Offset).unwrap_err().to_string().contains("neither a date-time nor a number"));
    }

    #[test]
    fn a_moment_is_a_date_time_or_a_count_since_1970() {
        let expected = Some(UNIX_EPOCH + Duration::from_secs(1_893_456_000));
        assert_eq!(at("1893456000", Zone::Offset).unwrap(), expected);
        assert_eq!(at("2030-01-01T00:00:00Z", Zone::Offset).unwrap(), expected);
        assert_eq!(at("2030-01-01T02:00:00+02:00", Zone::Offset).unwrap(), expected);
        assert_eq!(at(" ", Zone::Offset).unwrap(), None);
        for (said, unit, expected) in [
            (Expiry::Text("1893456000000".into()), Unit::Milliseconds, expected),
            (Expiry::Count(1_893_456_000_000), Unit::Milliseconds, expected),
            (Expiry::Count(1_893_456_000), Unit::Seconds, expected),
            (Expiry::Count(i64::MIN), Unit::Seconds, Some(UNIX_EPOCH)),
            (Expiry::Count(i64::MAX), Unit::Seconds, Some(UNIX_EPOCH + LAST)),
            (Expiry::At("2030-01-01T02:00:00+02:00".parse().unwrap()), Unit::Seconds, expected),
            (Expiry::At("1960-01-01T00:00:00Z".parse().unwrap()), Unit::Seconds, Some(UNIX_EPOCH)),
        ] {
            assert_eq!(moment("/x", Some(said), unit, Zone::Offset).unwrap(), expected);
        }
        assert_eq!(at("-5", Zone::Offset).unwrap(), Some(UNIX_EPOCH));
        assert_eq!(at("1960-01-01T00:00:00Z", Zone::Offset).unwrap(), Some(UNIX_EPOCH));
    }

    #[test]
    fn a_date_time_without_an_offset_is_a_failure_unless_the_spec_says_utc() {
        let expected = Some(UNIX_EPOCH + Duration::from_secs(1_893_456_000));
        assert_eq!(at("2030-01-01 00:00:00", Zone::Utc).unwrap(), expected);
        let failure = at("2030-01-01 00:00:00", Zone::Offset).unwrap_err();
        assert!(failure.to_string().contains("without an offset"), "{failure}");
    }

    #[test]
    fn a_token_is_moved_out_and_an_empty_one_is_none() {
        let mut held = Secret::new("token");
        assert_eq!(held.take().unwrap().expose(), "token");
        assert!(held.is_empty() && held.take().is_none());
        assert!(access_token(None).unwrap_err().unusable);
    }

    #[test]
    fn scopes_are_parted_by_spaces_or_the_vendors_delimiter() {
        assert_eq!(words(" a  b "), ["a", "b"]);
        assert_eq!(split("a, b,,c d", ","), ["a", "b", "c d"]);
    }

    #[test]
    fn a_missing_credential_is_permanent_and_named() {
        let failure = needed::<Secret>("api_key", &None).unwrap_err();
        assert_eq!(failure.verdict, crate::Verdict::Permanent);
        assert!(failure.to_string().contains("`api_key`"), "{failure}");
    }
}
