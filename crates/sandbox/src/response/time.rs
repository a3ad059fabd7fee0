//! Reads and writes times and durations in the format of the spec.
//!
//! A time has the format of its example: Unix time as a number or as digits, RFC 3339 with or without fraction and
//! offset, RFC 1123, or the format that `x-token` declares. It is always in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::fmt::{rfc2822, strtime};
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp, Zoned, civil};
use serde_json::Value;

use crate::spec::document::Document;
use crate::spec::schema::{Kind, Schema};
use crate::spec::x_token::response::TimedPointer;

/// Writes a duration: as a number or as digits, like its example.
pub(super) fn write_duration(
    document: &Document,
    schema: &Schema,
    at: &TimedPointer,
    example: Option<&Value>,
    duration: Duration,
) -> Value {
    if at.is_in_words() {
        let seconds = duration.as_secs();
        let is_clock = example.and_then(Value::as_str).is_some_and(|example| example.contains(':'));
        return Value::String(if is_clock {
            format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
        } else if seconds.is_multiple_of(60) {
            format!("{} minutes", seconds / 60)
        } else {
            format!("{seconds} seconds")
        });
    }
    number(is_text(document, schema.at(document, &at.pointer), example), at.unit.of(duration))
}

/// Writes a time: like its example, or else as its type and unit require.
pub(super) fn write_date_time(
    document: &Document,
    schema: &Schema,
    at: &TimedPointer,
    example: Option<&Value>,
    time: SystemTime,
) -> Value {
    let schema = schema.at(document, &at.pointer);
    let example = example.or_else(|| schema.and_then(|schema| schema.example(document)));
    let utc = Timestamp::try_from(time).unwrap_or_default().to_zoned(TimeZone::UTC);
    if let Some(written) = at.format.as_deref().and_then(|format| formatted(format, example, &utc)) {
        let is_number = !is_text(document, schema, example);
        return written.parse::<u64>().ok().filter(|_| is_number).map_or(Value::String(written), Value::from);
    }
    let is_text = is_text(document, schema, example);
    let style = example.and_then(Value::as_str).unwrap_or_default();
    let is_unix = integer(style).is_some() || (example.is_none() && at.unit != Default::default());
    if is_text && !is_unix {
        let rfc_1123 = rfc_2822(style).map(|_| like_rfc_1123(style, &utc));
        return Value::String(rfc_1123.unwrap_or_else(|| like_rfc_3339(style, &utc)));
    }
    number(is_text, at.unit.of(time.duration_since(UNIX_EPOCH).unwrap_or_default()))
}

/// Returns the duration that words such as `60 minutes` or `177:05:38` represent.
pub(super) fn read_words(text: &str) -> Option<Duration> {
    let span: Span = text.to_ascii_lowercase().replace(" and ", " ").parse().ok()?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?.try_into().ok()
}

/// Returns the time that a value represents, or `None`. Without an offset it is UTC.
pub(super) fn read_date_time(at: &TimedPointer, value: &Value) -> Option<Timestamp> {
    let Some(text) = value.as_str().map(str::trim) else { return unix(at, value.as_f64()?) };
    if let Some(format) = &at.format {
        let parsed = strtime::parse(format, text).ok()?;
        return parsed.to_timestamp().ok().or_else(|| in_utc(parsed.to_datetime().ok()?));
    }
    match integer(text) {
        Some(number) => unix(at, number as f64),
        None => rfc_3339(text).or_else(|| rfc_2822(text)),
    }
}

fn unix(at: &TimedPointer, number: f64) -> Option<Timestamp> {
    let seconds = number * at.unit.times(1).as_secs_f64();
    let since_1970 = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_duration(since_1970).ok()
}

fn integer(text: &str) -> Option<i64> {
    text.parse().ok()
}

fn rfc_3339(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| in_utc(text.parse().ok()?))
}

/// RFC 1123 is RFC 2822 with a four-digit year, usually in `GMT`. An example may have the wrong day of the week.
fn rfc_2822(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()
}

fn in_utc(datetime: civil::DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(datetime).ok()
}

/// Decided by the type of the schema or, if it has none, of the example.
fn is_text(document: &Document, schema: Option<&Schema>, example: Option<&Value>) -> bool {
    match schema.and_then(|schema| schema.kind(document)) {
        Some(kind) => kind == Kind::String,
        None => example.is_some_and(Value::is_string),
    }
}

fn number(is_text: bool, number: u128) -> Value {
    let number = u64::try_from(number).unwrap_or(u64::MAX);
    if is_text { Value::String(number.to_string()) } else { Value::from(number) }
}

/// Writes the declared format, with leading zeros if the example has them: `%m/%d/%Y` reads both `1/16/2030` and
/// `01/16/2030`. Returns `None` if the format can't be written.
fn formatted(format: &str, example: Option<&Value>, utc: &Zoned) -> Option<String> {
    let as_declared = strtime::format(format, utc).ok()?;
    let Some(example) = example.and_then(Value::as_str) else { return Some(as_declared) };
    let of_example = || {
        let parsed = strtime::parse(format, example).ok()?;
        let offset = parsed.offset().unwrap_or(jiff::tz::Offset::UTC);
        TimeZone::fixed(offset).to_zoned(parsed.to_datetime().ok()?).ok()
    };
    let Some(of_example) = of_example() else { return Some(as_declared) };
    // Day and month are padded alike, and so are minute and second.
    let groups = [["%m", "%d"], ["%H", "%I"], ["%M", "%S"]];
    let unpadded = |chosen: usize| {
        let chosen = groups.iter().enumerate().filter(|(index, _)| chosen >> index & 1 == 1);
        chosen
            .flat_map(|(_, group)| group)
            .fold(format.to_owned(), |format, directive| format.replace(directive, &directive.replace('%', "%-")))
    };
    let is_like = |format: &String| strtime::format(format, &of_example).is_ok_and(|text| text == example);
    let found = (0..1 << groups.len()).map(unpadded).find(is_like);
    found.map_or(Some(as_declared), |format| strtime::format(format, utc).ok())
}

/// Writes the zone like the example: `GMT` or `+0000`.
fn like_rfc_1123(example: &str, utc: &Zoned) -> String {
    let zone = example.rsplit(' ').next().filter(|zone| zone.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let zone = if zone.is_some() { "GMT" } else { "+0000" };
    strtime::format(format!("%a, %d %b %Y %H:%M:%S {zone}"), utc).unwrap_or_default()
}

/// Writes the separator, the fraction and the offset like the example, if that is RFC 3339.
fn like_rfc_3339(example: &str, utc: &Zoned) -> String {
    let example = if rfc_3339(example).is_some() { example } else { "2030-01-02T03:04:05Z" };
    let separator = example.get(10..11).filter(|separator| [" ", "t"].contains(separator)).unwrap_or("T");
    let clock = example.get(11..).unwrap_or_default();
    let clock_ends = clock.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(clock.len());
    let (clock, offset) = clock.split_at(clock_ends);
    let seconds = match clock.split_once('.') {
        Some((_, digits)) => format!("%S.%{}f", digits.len().clamp(1, 9)),
        None => "%S".to_owned(),
    };
    let offset = match offset {
        "" | "Z" | "z" => offset,
        _ if offset.contains(':') => "+00:00",
        _ => "+0000",
    };
    strtime::format(format!("%Y-%m-%d{separator}%H:%M:{seconds}{offset}"), utc).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(format: Option<&str>, unit: &str) -> TimedPointer {
        let mut at = serde_json::json!({ "at": "/end", "unit": unit });
        if let Some(format) = format {
            at["format"] = format.into();
        }
        serde_json::from_value(at).unwrap()
    }

    fn time() -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(1_893_553_158_701_683_912)
    }

    fn written(kind: &str, at: &TimedPointer, example: Value) -> Value {
        let schema = serde_json::json!({ "properties": { "end": { "type": kind } } });
        let document = serde_json::json!({ "openapi": "3.0.3", "paths": {} }).to_string();
        let schema = serde_json::from_value(schema).unwrap();
        write_date_time(&Document::parse(&document).unwrap(), &schema, at, Some(&example), time())
    }

    #[test]
    fn a_time_has_the_format_of_its_example() {
        let plain = at(None, "s");
        for (example, expected) in [
            ("2022-06-08T11:19:18.7016839Z", "2030-01-02T02:59:18.7016839Z"),
            ("2030-01-02 03:04:05", "2030-01-02 02:59:18"),
            ("2030-01-01T00:00:00", "2030-01-02T02:59:18"),
            ("2030-01-01T00:00:00.000+02:00", "2030-01-02T02:59:18.701+00:00"),
            ("2030-01-01T00:00:00-0500", "2030-01-02T02:59:18+0000"),
            ("Wed, 16 Jan 2030 05:24:12 GMT", "Wed, 02 Jan 2030 02:59:18 GMT"),
            ("Mon, 16 Jan 2030 05:24:12 -0500", "Wed, 02 Jan 2030 02:59:18 +0000"),
            ("1893456000", "1893553158"),
            ("soon", "2030-01-02T02:59:18Z"),
            ("", "2030-01-02T02:59:18Z"),
        ] {
            assert_eq!(written("string", &plain, example.into()), expected, "{example}");
        }
        assert_eq!(written("integer", &plain, 1.into()), 1_893_553_158);
        assert_eq!(written("integer", &at(None, "ms"), 1.into()), 1_893_553_158_701_u64);
        assert_eq!(written("string", &at(None, "ms"), "1893456000000".into()), "1893553158701");
    }

    #[test]
    fn a_declared_format_pads_like_the_example() {
        for (format, example, expected) in [
            ("%m/%d/%Y %I:%M:%S %p %:z", "1/16/2030 5:24:12 AM +00:00", "1/2/2030 2:59:18 AM +00:00"),
            ("%m/%d/%Y %I:%M:%S %p %:z", "01/16/2030 05:24:12 AM -05:00", "01/02/2030 02:59:18 AM +00:00"),
            ("%d.%m.%Y %H:%M:%S", "16.1.2030 05:24:12", "2.1.2030 02:59:18"),
            ("%Y%m%d%H%M%S", "20300116052412", "20300102025918"),
            ("%Y-%m-%d", "no date", "2030-01-02"),
        ] {
            let at = at(Some(format), "s");
            assert_eq!(written("string", &at, example.into()), expected, "{example}");
            let is_whole = expected.contains("18");
            let read = read_date_time(&at, &expected.into()).map(|read| read.as_second());
            assert_eq!(read, Some(if is_whole { 1_893_553_158 } else { 1_893_542_400 }), "{expected}");
        }
        assert_eq!(written("integer", &at(Some("%Y%m%d"), "s"), 20300116.into()), 20_300_102);
    }

    #[test]
    fn a_time_is_read_in_every_format() {
        let second = |value: Value| read_date_time(&at(None, "s"), &value).map(|read| read.as_second());
        for text in ["2030-01-02T02:59:18Z", "2030-01-02 02:59:18", "Wed, 02 Jan 2030 02:59:18 GMT", "1893553158"] {
            assert_eq!(second(text.into()), Some(1_893_553_158), "{text}");
        }
        assert_eq!([second(0.into()), second((-1).into())], [Some(0), Some(-1)]);
        assert!(second("0001-01-01T00:00:00Z".into()).is_some_and(|second| second < 0));
        assert_eq!([second("never".into()), second(Value::Null)], [None, None]);
    }
}
