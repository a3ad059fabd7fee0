//! What is a token, a lifetime, an expiry, and what is none.

use super::*;

const FIELDS: TokenFields<'static> = TokenFields {
    access_token: &["/at"],
    token_type: Some("/type"),
    expires_in: &[In { at: "/in", ..In::SECONDS }],
    expires_at: Some(At { at: "/until", unit: Unit::Seconds, is_utc: false, format: None }),
    refresh_token: Some("/rt"),
    refresh_expires_in: &[In { at: "/rt_in", ..In::SECONDS }],
    refresh_expires_at: &[At { at: "/rt_until", unit: Unit::Seconds, is_utc: false, format: None }],
    scope: Some(Scope { at: "/scope", delimiter: None }),
    ..TokenFields::NONE
};

/// Reads a body with an access token and these members.
fn read(members: &str) -> (Tokens, Vec<&'static str>) {
    let reading = FIELDS.read(&format!(r#"{{"at":"AT",{members}}}"#)).unwrap();
    (reading.tokens.unwrap(), reading.misfits)
}

#[test]
fn every_field_is_read() {
    let (tokens, misfits) = read(
        r#""type":"Bearer","in":3600,"until":1893456000,"rt":"RT","rt_in":"7200","rt_until":"2030-01-01T00:00:00Z",
        "scope":"a  b""#,
    );
    let new_year = Some(UNIX_EPOCH + Duration::from_secs(1_893_456_000));
    assert_eq!((tokens.access_token.expose(), tokens.refresh_token.unwrap().expose()), ("AT", "RT"));
    assert_eq!(tokens.token_type.as_deref(), Some("Bearer"));
    assert_eq!((tokens.expires_in, tokens.expires_at), (Some(Duration::from_secs(3600)), new_year));
    assert_eq!((tokens.refresh_expires_in, tokens.refresh_expires_at), (Some(Duration::from_secs(7200)), new_year));
    assert_eq!((tokens.scopes, misfits), (vec!["a".to_owned(), "b".to_owned()], vec![]));
}

#[test]
fn a_misfit_is_treated_as_absent() {
    let (tokens, misfits) =
        read(r#""type":7,"in":"never","until":"soon","rt":{},"rt_in":[1],"rt_until":true,"scope":{"a":1}"#);
    assert_eq!(misfits, ["/type", "/in", "/until", "/rt", "/rt_in", "/rt_until", "/scope"]);
    assert!(tokens.token_type.is_none() && tokens.expires_in.is_none() && tokens.expires_at.is_none());
    assert!(tokens.refresh_token.is_none() && tokens.refresh_expires_in.is_none() && tokens.scopes.is_empty());
}

#[test]
fn null_and_blank_fields_are_not_misfits() {
    for blank in ["null", "\"\""] {
        let (tokens, misfits) = read(&format!(
            r#""type":{blank},"in":{blank},"until":{blank},"rt":{blank},"rt_in":{blank},"rt_until":{blank},"scope":{blank}"#
        ));
        assert!(misfits.is_empty(), "{misfits:?}");
        assert!(tokens.refresh_token.is_none() && tokens.expires_in.is_none() && tokens.scopes.is_empty());
    }
}

#[test]
fn a_body_without_an_access_token_has_no_tokens() {
    for (body, misfits) in [
        ("{}", vec![]),
        (r#"{"at":""}"#, vec![]),
        (r#"{"at":null,"rt":"RT"}"#, vec![]),
        (r#"{"at":7}"#, vec!["/at"]),
        (r#"{"at":"a\ud800"}"#, vec!["/at"]),
        ("{\"at\":\"a\u{fffd}\"}", vec!["/at"]),
        ("[]", vec![]),
        ("\"AT\"", vec![]),
    ] {
        let reading = FIELDS.read(body).unwrap();
        assert!(reading.tokens.is_none(), "{body}");
        assert_eq!(reading.misfits, misfits, "{body}");
    }
    assert!(FIELDS.read("<html>").is_none());
}

#[test]
fn a_lifetime_is_a_number_or_digits() {
    let seconds = |value: &str| {
        let (tokens, misfits) = read(&format!(r#""in":{value}"#));
        assert_eq!(tokens.expires_in.is_none(), !misfits.is_empty(), "{value}");
        tokens.expires_in.map(|lifetime| lifetime.as_secs_f64())
    };
    for (value, wanted) in
        [("3600", 3600.0), ("3600.5", 3600.5), ("\" 3600 \"", 3600.0), ("\"1.5\"", 1.5), ("1e3", 1e3)]
    {
        assert_eq!(seconds(value), Some(wanted), "{value}");
    }
    for value in ["18446744073709551616", "1e300", "1e999", "\"99999999999999999999999999999999999999999\""] {
        assert!(seconds(value) >= Some(1.8e19), "{value}");
    }
    for value in
        ["0", "-1", "\"0\"", "-0.5", "1e-20", "-1e999", "-9223372036854775809", "\"NaN\"", "\"inf\"", "\"1 h\""]
    {
        assert_eq!(seconds(value), None, "{value}");
    }
}

#[test]
fn an_expiry_is_a_date_or_digits_since_2000() {
    let since = |value: &str| {
        let (tokens, misfits) = read(&format!(r#""rt_until":{value}"#));
        assert_eq!(tokens.refresh_expires_at.is_none(), !misfits.is_empty(), "{value}");
        tokens.refresh_expires_at.map(|at| at.duration_since(UNIX_EPOCH).unwrap().as_secs())
    };
    for value in [
        "1893456000",
        "1893456000.9",
        "\"1893456000\"",
        "\"2030-01-01T00:00:00Z\"",
        "\"2030-01-01T02:00:00.5+02:00\"",
        "\"Tue, 01 Jan 2030 00:00:00 GMT\"",
    ] {
        assert_eq!(since(value), Some(1_893_456_000), "{value}");
    }
    for value in ["\"9999-12-31T23:59:59.9999999Z\"", "1e999", "9223372036854775807"] {
        assert!(since(value) > Some(253_000_000_000), "{value}");
    }
    for value in [
        "0",
        "-1",
        "946684799",
        "\"0001-01-01T00:00:00Z\"",
        "\"1970-01-01T00:00:00Z\"",
        "\"Thu, 01 Jan 1970 00:00:00 GMT\"",
        "\"2030-01-01T00:00:00\"",
        "\"1/16/2030 5:24:12 AM +00:00\"",
        "{}",
    ] {
        assert_eq!(since(value), None, "{value}");
    }
}

#[test]
fn units_zones_formats_and_delimiters_come_from_the_spec() {
    let fields = TokenFields {
        expires_in: &[In { at: "/in", unit: Unit::Milliseconds, never: &[] }],
        expires_at: Some(At { at: "/until", unit: Unit::Milliseconds, is_utc: true, format: Some("%d.%m.%Y %H:%M") }),
        scope: Some(Scope { at: "/scope", delimiter: Some(",") }),
        ..FIELDS
    };
    let until = |value: &str| {
        let body = format!(r#"{{"at":"AT","in":1500,"scope":"a, b,,c d","until":{value}}}"#);
        let tokens = fields.read(&body).unwrap().tokens.unwrap();
        assert_eq!(
            (tokens.expires_in, tokens.scopes),
            (Some(Duration::from_millis(1500)), vec!["a".into(), "b".into(), "c d".into()])
        );
        tokens.expires_at.unwrap().duration_since(UNIX_EPOCH).unwrap().as_secs()
    };
    for value in ["1893456000000", "\"2030-01-01T00:00:00\"", "\"01.01.2030 00:00\""] {
        assert_eq!(until(value), 1_893_456_000, "{value}");
    }
}

#[test]
fn of_several_places_the_first_that_has_a_token_is_used() {
    let fields = TokenFields { access_token: &["/token", "/at"], ..FIELDS };
    let token = |body: &str| fields.read(body).unwrap().tokens.map(|tokens| tokens.access_token.expose().to_owned());
    assert_eq!(token(r#"{"token":"A","at":"B"}"#).as_deref(), Some("A"));
    for body in [r#"{"at":"B"}"#, r#"{"token":null,"at":"B"}"#, r#"{"token":"","at":"B"}"#, r#"{"token":7,"at":"B"}"#] {
        assert_eq!(token(body).as_deref(), Some("B"), "{body}");
    }
    assert_eq!(token("{}"), None);
}

#[test]
fn the_whole_body_may_be_the_token() {
    let fields = TokenFields { access_token: &["/at", ""], ..TokenFields::NONE };
    let read = |body: &str| fields.read(body).unwrap();
    for (body, token) in [("\"AT\"", "AT"), ("12345", "12345"), (r#"{"at":"AT"}"#, "AT")] {
        assert_eq!(read(body).tokens.unwrap().access_token.expose(), token, "{body}");
    }
    assert_eq!(read("\"AT\"").secrets.first(), Some(&(0..4)));
    for body in ["\"\"", "null", "{}", "[]", "true"] {
        assert!(read(body).tokens.is_none(), "{body}");
    }
    assert!(FIELDS.read("AT").is_none(), "a body is text only where the whole of it is the token");
}

#[test]
fn a_header_may_have_the_token() {
    let fields = TokenFields { access_token_header: Some("x-token"), access_token: &[], ..FIELDS };
    for (body, lifetime) in [("", None), ("<html>", None), (r#"{"in":60}"#, Some(Duration::from_secs(60)))] {
        let tokens = fields.read_with(body, Some(Secret::new("AT"))).unwrap().tokens.unwrap();
        assert_eq!((tokens.access_token.expose(), tokens.expires_in), ("AT", lifetime), "{body}");
    }
    assert!(fields.read("{}").unwrap().tokens.is_none());
}

#[test]
fn a_lifetime_may_be_in_words() {
    let fields = TokenFields { expires_in: &[In { at: "/in", unit: Unit::Words, never: &[] }], ..FIELDS };
    let seconds = |value: &str| {
        let tokens = fields.read(&format!(r#"{{"at":"AT","in":{value}}}"#)).unwrap().tokens.unwrap();
        tokens.expires_in.map(|lifetime| lifetime.as_secs())
    };
    for (value, wanted) in [
        ("\"60 minutes\"", 3_600),
        ("\"177:05:38\"", 637_538),
        ("\"00:30:00\"", 1_800),
        ("\"1 hour and 30 minutes\"", 5_400),
        ("\"2 Days, 1 Hour\"", 176_400),
        ("\"90s\"", 90),
        ("\"3600\"", 3_600),
        ("3600", 3_600),
    ] {
        assert_eq!(seconds(value), Some(wanted), "{value}");
    }
    for value in ["\"soon\"", "\"0 minutes\"", "\"-5 minutes\"", "\"12:30\"", "\"1 month\"", "{}"] {
        assert_eq!(seconds(value), None, "{value}");
    }
}

#[test]
fn a_lifetime_may_mean_never_and_the_first_found_is_used() {
    const NEVER: In<'static> = In { at: "/in", never: &[0, -1], ..In::SECONDS };
    let fields = TokenFields { expires_in: &[NEVER, In { at: "/ms", unit: Unit::Milliseconds, never: &[] }], ..FIELDS };
    let read = |members: &str| {
        let reading = fields.read(&format!(r#"{{"at":"AT",{members}}}"#)).unwrap();
        assert!(reading.misfits.is_empty(), "{members}");
        let tokens = reading.tokens.unwrap();
        (tokens.never_expires, tokens.expires_in.map(|lifetime| lifetime.as_secs()))
    };
    for never in ["0", "-1", "\"0\"", "0.0"] {
        assert_eq!(read(&format!(r#""in":{never}"#)), (true, None), "{never}");
    }
    assert_eq!(read(r#""in":60,"ms":9000"#), (false, Some(60)));
    assert_eq!(read(r#""in":null,"ms":9000"#), (false, Some(9)));
    assert_eq!(read(r#""in":0,"ms":9000"#), (true, None));
}

#[test]
fn of_several_expiries_of_a_refresh_token_the_earliest_is_used() {
    const AT: At<'static> = At { at: "/a", unit: Unit::Seconds, is_utc: false, format: None };
    let fields = TokenFields {
        refresh_expires_in: &[In { at: "/x", never: &[0], ..In::SECONDS }, In { at: "/y", never: &[0], ..In::SECONDS }],
        refresh_expires_at: &[AT, At { at: "/b", ..AT }],
        ..FIELDS
    };
    let read = |members: &str| {
        let tokens = fields.read(&format!(r#"{{"at":"AT",{members}}}"#)).unwrap().tokens.unwrap();
        let at = tokens.refresh_expires_at.map(|at| at.duration_since(UNIX_EPOCH).unwrap().as_secs());
        (tokens.refresh_expires_in.map(|lifetime| lifetime.as_secs()), at)
    };
    assert_eq!(read(r#""x":9,"y":8,"a":1893456000,"b":1893456001"#), (Some(8), Some(1_893_456_000)));
    assert_eq!(read(r#""x":9,"y":0,"b":1893456001"#), (Some(9), Some(1_893_456_001)));
    assert_eq!(read(r#""x":0,"y":0"#), (None, None));
}

#[test]
fn values_that_belong_to_the_token_are_kept() {
    let fields = TokenFields { keep: &[("url", "/u"), ("id", "/i"), ("live", "/l"), ("none", "/n")], ..FIELDS };
    let reading = fields.read(r#"{"at":"AT","u":"https://a.example","i":7,"l":true,"n":null}"#).unwrap();
    assert!(reading.misfits.is_empty());
    let kept = reading.tokens.unwrap().kept;
    let kept: Vec<_> = kept.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(kept, [("url", "https://a.example"), ("id", "7"), ("live", "true")]);
    let reading = fields.read(r#"{"at":"AT","u":{"a":1},"i":""}"#).unwrap();
    assert_eq!(reading.misfits, ["/u"]);
    assert!(reading.tokens.unwrap().kept.is_empty());
}

#[test]
fn scopes_may_be_a_list() {
    assert_eq!(read(r#""scope":["a b",1,null,""]"#).0.scopes, ["a b", "1"]);
}

#[test]
fn the_byte_ranges_of_the_tokens_are_returned() {
    let body = r#" {"at":"AT","rt":"R\/T"}"#;
    let spans = FIELDS.read(body).unwrap().secrets;
    let texts: Vec<&str> = spans.into_iter().map(|span| &body[span]).collect();
    assert_eq!(texts, ["\"AT\"", "\"R\\/T\""]);
}

#[test]
fn debug_output_contains_no_token() {
    let (tokens, _) = read(r#""type":"hunter2","rt":"hunter3","scope":"hunter4""#);
    assert!(!format!("{tokens:?}").contains("hunter"), "{tokens:?}");
}
