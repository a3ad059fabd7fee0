//! The types of the values in request and response bodies.

#![allow(clippy::unwrap_used, reason = "a test helper may panic, as a test may")]

use std::time::{Duration, SystemTime};

use freshtoken_wire::{
    CommaDelimited, ListError, PipeDelimited, Secret, SpaceDelimited, Timestamp, TimestampError, de, open_enum,
};
use serde::{Deserialize, Serialize};
use serde_json::{from_str, from_value, json, to_string};

open_enum! {
    /// What a token is for.
    pub enum Scope else Other {
        /// Everything.
        Api = "api",
        /// The trash bin.
        TrashBin = "trash-bin",
        /// A number.
        Code = "4023",
    }
}

#[test]
fn a_secret_is_redacted_unless_it_is_exposed() {
    let secret = Secret::from("hunter2");
    assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), "[redacted] Some(\n    [redacted],\n)");
    assert_eq!(secret.expose(), "hunter2");
    assert_eq!(to_string(&secret).unwrap(), r#""hunter2""#);
    assert_eq!(from_str::<Secret>(r#""hunt\u0065r2""#).unwrap(), secret);
    assert_ne!(secret, Secret::from("hunter3"));
    assert_ne!(secret, Secret::from("hunter"));
    assert!(Secret::from(String::new()).is_empty() && !secret.is_empty());
}

#[test]
fn a_secret_that_is_not_a_string_is_rejected_unquoted() {
    for value in ["424242", "-424242", "42424.2", "true", "[424242]", r#"{"424242":424242}"#, "null"] {
        let error = from_str::<Secret>(value).unwrap_err().to_string();
        assert!(!error.contains("4242") && !error.contains("true"), "{error}");
    }
}

#[test]
fn a_list_is_sent_as_one_string() {
    assert_eq!(to_string(&SpaceDelimited::from(["a", "b:c"])).unwrap(), r#""a b:c""#);
    assert_eq!(to_string(&CommaDelimited::from(vec![1, 2])).unwrap(), r#""1,2""#);
    assert_eq!(to_string(&PipeDelimited::from(&[Scope::Api, Scope::TrashBin][..])).unwrap(), r#""api|trash-bin""#);
    let scopes: SpaceDelimited<Scope> = from_value(json!("  api   new ")).unwrap();
    assert_eq!(*scopes, [Scope::Api, Scope::Other("new".into())]);
    let numbers: CommaDelimited<u8> = from_value(json!("1, 2,,3")).unwrap();
    assert_eq!(format!("{numbers:?}"), "[1, 2, 3]");
    assert_eq!(from_value::<CommaDelimited<u8>>(json!("")).unwrap(), CommaDelimited::default());
    assert_eq!((&numbers).into_iter().sum::<u8>(), numbers.into_iter().sum::<u8>());
}

#[test]
fn a_list_with_ambiguous_items_is_not_sent() {
    let join = |items: &[&str]| SpaceDelimited::from(items).join();
    assert_eq!(join(&[]), Err(ListError::Empty));
    assert_eq!(join(&["a", ""]), Err(ListError::EmptyItem));
    assert_eq!(join(&["a", "b c"]), Err(ListError::Delimiter(' ')));
    assert_eq!(join(&["a\nb"]), Err(ListError::Control));
    assert_eq!(join(&["a,b"]), Ok("a,b".into()));
    assert_eq!(CommaDelimited::from(["a,b"]).join(), Err(ListError::Delimiter(',')));
    let error = to_string(&SpaceDelimited::from(["hunter2 hunter2"])).unwrap_err().to_string();
    assert!(error.contains("two items") && !error.contains("hunter2"), "{error}");
    let error = to_string(&SpaceDelimited::<String>::default()).unwrap_err().to_string();
    assert!(error.contains("omit the field"), "{error}");
    let error = from_value::<CommaDelimited<u8>>(json!("hunter2")).unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn an_open_enum_keeps_values_that_the_spec_does_not_list() {
    assert_eq!(Scope::KNOWN, ["api", "trash-bin", "4023"]);
    for known in Scope::KNOWN {
        assert!(Scope::from(*known).is_known());
        assert_eq!(Scope::from(known.to_string()).to_string(), *known);
    }
    let new: Scope = "Api".parse().unwrap();
    assert_eq!(new, Scope::Other("Api".into()));
    assert!(!new.is_known());
    assert_eq!((new.as_str(), new.as_ref()), ("Api", "Api"));
    assert_eq!(to_string(&[new, Scope::TrashBin]).unwrap(), r#"["Api","trash-bin"]"#);
}

#[test]
fn an_open_enum_reads_numbers_and_bools_as_strings() {
    let read: Vec<Scope> = from_str(r#"["api", "x", 4023, -1, 1.5, true]"#).unwrap();
    let other = |text: &str| Scope::Other(text.into());
    assert_eq!(read, [Scope::Api, other("x"), Scope::Code, other("-1"), other("1.5"), other("true")]);
    assert!(from_str::<Scope>("null").is_err());
    assert_eq!(from_str::<Option<Scope>>("null").unwrap(), None);
}

#[test]
fn timestamps_are_parsed_with_any_offset_and_formatted_in_utc() {
    for (text, utc) in [
        ("2026-11-22T11:00:00Z", "2026-11-22T11:00:00Z"),
        ("2026-11-22t11:00:00z", "2026-11-22T11:00:00Z"),
        ("2026-11-22T11:00:00.1234567Z", "2026-11-22T11:00:00.1234567Z"),
        ("2026-11-22T11:00:00.123456789+00:00", "2026-11-22T11:00:00.123456789Z"),
        ("2026-11-22T00:30:00+02:00", "2026-11-21T22:30:00Z"),
        ("2026-11-22T11:00:00-0530", "2026-11-22T16:30:00Z"),
        ("2026-11-22 11:00:00-00:00", "2026-11-22T11:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ] {
        let timestamp: Timestamp = from_value(json!(text)).unwrap();
        assert_eq!(format!("{timestamp} {timestamp:?}"), format!("{utc} {utc}"), "{text}");
        assert_eq!(to_string(&timestamp).unwrap(), format!("{utc:?}"));
    }
}

#[test]
fn a_timestamp_without_an_offset_has_its_own_error() {
    for text in ["2026-11-22T11:00:00", "2026-11-22t11:00:00.1234567", "2026-11-22 11:00:00"] {
        assert_eq!(text.parse::<Timestamp>(), Err(TimestampError::NoOffset), "{text}");
    }
    for text in ["", "2026-11-22", "2026-13-22T11:00:00", "2026-11-22T11:00:00.1234567890Z", "1700000000", "hunter2"] {
        assert_eq!(text.parse::<Timestamp>(), Err(TimestampError::Invalid), "{text}");
        let error = from_value::<Timestamp>(json!(text)).unwrap_err().to_string();
        assert!(text.is_empty() || !error.contains(text), "{error}");
    }
}

#[test]
fn a_timestamp_at_the_end_of_9999_is_clamped() {
    let latest = "9999-12-30T22:00:00.999999999Z";
    for text in ["9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59Z", "9999-12-31T00:00:00+01:00", latest] {
        assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), latest, "{text}");
    }
    assert_eq!(Timestamp::parse_as_utc("9999-12-31T23:59:59.9999999").unwrap().to_string(), latest);
    assert_eq!("9999-12-31T23:59:59".parse::<Timestamp>(), Err(TimestampError::NoOffset));
    for text in ["9999-12-31", "9999-12-31Z", "9999-12-32T00:00:00Z", "10000-01-01T00:00:00Z"] {
        assert_eq!(text.parse::<Timestamp>(), Err(TimestampError::Invalid), "{text}");
    }
}

#[test]
fn timestamps_convert_and_compare() {
    let read = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(read("1970-01-01T00:01:00.9Z").unix_seconds(), 60);
    assert_eq!(read("1969-12-31T23:59:00Z").unix_seconds(), -60);
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 5);
    let timestamp = Timestamp::try_from(time).unwrap();
    assert_eq!(timestamp.to_string(), "2023-11-14T22:13:20.000000005Z");
    assert_eq!(SystemTime::from(timestamp), time);
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 50);
    assert_eq!(Timestamp::try_from(far), Err(TimestampError::Invalid));
    assert!(read("2026-01-01T01:00:00+02:00") < read("2026-01-01T00:00:00Z"));
    assert_eq!(read("2026-01-01T02:00:00+02:00"), read("2026-01-01T00:00:00Z"));
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
struct Lenient {
    #[serde(default, deserialize_with = "de::option_integer")]
    expires_in: Option<i64>,
    #[serde(default, deserialize_with = "de::option_utc_timestamp")]
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct Strict {
    #[serde(deserialize_with = "de::integer")]
    expires_in: i64,
}

#[derive(Debug, Deserialize)]
struct Zoned {
    #[serde(deserialize_with = "de::utc_timestamp")]
    expires_at: Timestamp,
}

#[test]
fn integers_are_read_from_numbers_and_strings() {
    for (value, integer) in [
        ("3600", 3600),
        ("3600.0", 3600),
        ("3.6e3", 3600),
        ("-1", -1),
        (r#""3600""#, 3600),
        (r#"" +3600 ""#, 3600),
        (r#""-1""#, -1),
        ("9223372036854775807", i64::MAX),
        (r#""-9223372036854775808""#, i64::MIN),
        ("-9223372036854775808.0", i64::MIN),
    ] {
        let json = format!(r#"{{"expires_in":{value}}}"#);
        assert_eq!(from_str::<Strict>(&json).unwrap().expires_in, integer, "{json}");
        assert_eq!(from_str::<Lenient>(&json).unwrap().expires_in, Some(integer), "{json}");
    }
}

#[test]
fn other_values_are_rejected_as_integers_without_quoting_them() {
    for value in [
        "3600.5",
        "9223372036854775808",
        "9223372036854775808.0",
        "1e300",
        r#""9223372036854775808""#,
        r#""4242x""#,
        r#""4242.0""#,
        "true",
        "[4242]",
        "{}",
    ] {
        let json = format!(r#"{{"expires_in":{value}}}"#);
        let error = from_str::<Lenient>(&json).unwrap_err().to_string();
        assert!(!error.contains("4242") && !error.contains("92233") && !error.contains("true"), "{error}");
        assert!(from_str::<Strict>(&json).is_err(), "{json}");
    }
}

#[derive(Debug, Deserialize)]
struct Fraction {
    #[serde(deserialize_with = "de::number")]
    rate: f64,
}

#[derive(Debug, Deserialize)]
struct MaybeFraction {
    #[serde(default, deserialize_with = "de::option_number")]
    rate: Option<f64>,
}

#[test]
fn numbers_are_read_from_numbers_and_strings() {
    for (value, number) in [("2", 2.0), ("2.5", 2.5), ("-1e3", -1000.0), (r#""2.5""#, 2.5), (r#"" 2 ""#, 2.0)] {
        let json = format!(r#"{{"rate":{value}}}"#);
        assert_eq!(from_str::<Fraction>(&json).unwrap().rate, number, "{json}");
        assert_eq!(from_str::<MaybeFraction>(&json).unwrap().rate, Some(number), "{json}");
    }
    for json in ["{}", r#"{"rate":null}"#, r#"{"rate":" "}"#] {
        assert_eq!(from_str::<MaybeFraction>(json).unwrap().rate, None, "{json}");
        assert!(from_str::<Fraction>(json).is_err(), "{json}");
    }
    for value in [r#""4242x""#, r#""NaN""#, r#""inf""#, "true", "[4242]", "{}"] {
        let json = format!(r#"{{"rate":{value}}}"#);
        let error = from_str::<MaybeFraction>(&json).unwrap_err().to_string();
        assert!(!error.contains("4242") && !error.contains("true"), "{error}");
    }
}

#[test]
fn null_absent_and_empty_optional_fields_are_none() {
    for json in ["{}", r#"{"expires_in":null,"expires_at":null}"#, r#"{"expires_in":" ","expires_at":""}"#] {
        assert_eq!(from_str::<Lenient>(json).unwrap(), Lenient::default(), "{json}");
    }
    for value in ["null", r#""""#] {
        assert!(from_str::<Strict>(&format!(r#"{{"expires_in":{value}}}"#)).is_err(), "{value}");
    }
}

#[test]
fn a_declared_utc_time_needs_no_offset() {
    for (text, utc) in [
        ("2026-11-22T11:00:00.1234567", "2026-11-22T11:00:00.1234567Z"),
        ("2026-11-22 11:00:00", "2026-11-22T11:00:00Z"),
        (" 2026-11-22T11:00:00+01:00 ", "2026-11-22T10:00:00Z"),
    ] {
        let json = json!({ "expires_at": text });
        assert_eq!(from_value::<Zoned>(json.clone()).unwrap().expires_at.to_string(), utc);
        assert_eq!(from_value::<Lenient>(json).unwrap().expires_at.unwrap().to_string(), utc);
    }
    for value in [json!("2026-11-22"), json!("hunter2"), json!(424242)] {
        assert!(from_value::<Zoned>(json!({ "expires_at": value })).is_err(), "{value}");
        assert!(from_value::<Lenient>(json!({ "expires_at": value })).is_err(), "{value}");
    }
}
