//! Moments and lengths of time, written as the spec writes them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::spec::{At, Document, Kind, Schema};

/// A length of time at a place: a number, or a text of digits.
pub(super) fn length(document: &Document, schema: &Schema, at: &At, life: Duration) -> Value {
    number(document, schema.at(document, &at.pointer), at.unit.of(life))
}

/// A moment at a place: like its example, else as its type and format want it.
pub(super) fn moment(
    document: &Document,
    schema: &Schema,
    at: &At,
    example: Option<&Value>,
    time: SystemTime,
) -> Value {
    let schema = schema.at(document, &at.pointer);
    let unix = at.unit.of(time.duration_since(UNIX_EPOCH).unwrap_or_default());
    let example = example.or_else(|| schema.and_then(|schema| schema.example(document))).and_then(Value::as_str);
    let is_text = schema.is_some_and(|schema| schema.kind(document) == Some(Kind::String));
    let is_digits = example.is_some_and(|example| example.bytes().all(|byte| byte.is_ascii_digit()));
    match is_text && !is_digits {
        true => Value::String(like(example.unwrap_or("2030-01-02T03:04:05Z"), time)),
        false => number(document, schema, unix),
    }
}

fn number(document: &Document, schema: Option<&Schema>, number: u128) -> Value {
    let number = u64::try_from(number).unwrap_or(u64::MAX);
    match schema.is_some_and(|schema| schema.kind(document) == Some(Kind::String)) {
        true => Value::String(number.to_string()),
        false => Value::from(number),
    }
}

/// A date and time in UTC with the separator, the digits of a second and the offset of an example.
fn like(example: &str, time: SystemTime) -> String {
    let timestamp = jiff::Timestamp::try_from(time).unwrap_or_default();
    let civil = timestamp.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let separator = if example.as_bytes().get(10) == Some(&b' ') { ' ' } else { 'T' };
    let seconds = example.get(19..).unwrap_or_default();
    let digits = seconds.strip_prefix('.').map(|rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let fraction = match digits {
        Some(digits) => format!(".{:.digits$}", format!("{:09}", civil.subsec_nanosecond()), digits = digits.min(9)),
        None => String::new(),
    };
    let offset = match seconds.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit()) {
        "" => "",
        "Z" | "z" => "Z",
        _ => "+00:00",
    };
    let (date, clock) = (civil.date(), civil.time());
    format!("{date}{separator}{:02}:{:02}:{:02}{fraction}{offset}", clock.hour(), clock.minute(), clock.second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_like_its_example() {
        let time = UNIX_EPOCH + Duration::from_nanos(1_893_553_158_701_683_912);
        let written = |example| like(example, time);
        assert_eq!(written("2022-06-08T11:19:18.7016839Z"), "2030-01-02T02:59:18.7016839Z");
        assert_eq!(written("2030-01-02 03:04:05"), "2030-01-02 02:59:18");
        assert_eq!(written("2030-01-01T00:00:00"), "2030-01-02T02:59:18");
        assert_eq!(written("2030-01-01T00:00:00.000+02:00"), "2030-01-02T02:59:18.701+00:00");
    }
}
