//! Reads the tokens of a response, each field independently of the others.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::{Span, SpanRelativeTo};

use crate::dates;
use crate::json::{Json, Members};
use crate::secret::Secret;
use crate::timestamp::Timestamp;
use crate::tokens::{At, In, Reading, Scope, TokenFields, Tokens, Unit};

impl<'a> TokenFields<'a> {
    /// Reads a body. Returns `None` if it isn't JSON, and can't be a token itself.
    pub fn read(&self, body: &str) -> Option<Reading<'a>> {
        self.read_with(body, None)
    }

    /// Reads a body that comes with an access token in [`TokenFields::access_token_header`].
    pub fn read_with(&self, body: &str, header: Option<Secret>) -> Option<Reading<'a>> {
        let json = match Json::parse(body) {
            None if header.is_some() && self.access_token.is_empty() => Json::parse("null")?,
            json => json?,
        };
        let mut reader = Reader { body, json: Members::of(json), misfits: Vec::new(), secrets: Vec::new() };
        let access_token = header.or_else(|| self.access_token.iter().find_map(|at| reader.token(Some(at))));
        let token_type = reader.token_type(self.token_type);
        let expires_in = self.expires_in.iter().find_map(|lifetime| reader.lifetime(*lifetime));
        let expires_at = reader.expiry(self.expires_at);
        let renew_in = self.renew_in.and_then(|renew_in| reader.lifetime(renew_in)).and_then(Stated::length);
        let refresh_token = reader.token(self.refresh_token);
        let lifetimes = self.refresh_expires_in.iter();
        let refresh_expires_in =
            lifetimes.filter_map(|lifetime| reader.lifetime(*lifetime).and_then(Stated::length)).min();
        let refresh_expires_at = self.refresh_expires_at.iter().filter_map(|expiry| reader.expiry(Some(*expiry))).min();
        let scopes = reader.scopes(self.scope);
        let kept = reader.kept(self.keep);
        let tokens = access_token.map(|access_token| Tokens {
            access_token,
            token_type,
            expires_in: expires_in.and_then(Stated::length),
            never_expires: matches!(expires_in, Some(Stated::Never)),
            expires_at,
            renew_in,
            refresh_token,
            refresh_expires_in,
            refresh_expires_at,
            scopes,
            kept,
            misfits: Vec::new(),
        });
        Some(Reading { tokens, misfits: reader.misfits, secrets: reader.secrets })
    }
}

/// What a response states of a lifetime.
#[derive(Clone, Copy)]
enum Stated {
    Length(Duration),
    Never,
}

impl Stated {
    fn length(self) -> Option<Duration> {
        match self {
            Self::Length(length) => Some(length),
            Self::Never => None,
        }
    }
}

struct Reader<'b, 'a> {
    body: &'b str,
    json: Members<'b>,
    misfits: Vec<&'a str>,
    secrets: Vec<Range<usize>>,
}

impl<'b, 'a> Reader<'b, 'a> {
    /// Reads the value at a pointer with `read`. `null` is treated as absent, and a value for which `read` returns `None` is
    /// a misfit.
    fn field<T>(&mut self, at: &'a str, read: impl FnOnce(Json<'b>) -> Option<Option<T>>) -> Option<T> {
        let value = self.json.at(at).filter(|value| !value.is_null())?;
        let read = read(value);
        if read.is_none() && !self.misfits.contains(&at) {
            self.misfits.push(at);
        }
        read.flatten()
    }

    fn token(&mut self, at: Option<&'a str>) -> Option<Secret> {
        let at = at?;
        let token = self.field(at, |value| {
            let mut token = match value.number() {
                // A body of plain text may consist of digits.
                Some(digits) if at.is_empty() => digits.to_owned().into(),
                _ => value.string()?,
            };
            // A replacement character means that a character was lost, so this isn't the vendor's token.
            let is_whole = !token.contains(char::REPLACEMENT_CHARACTER);
            is_whole.then(|| (!token.is_empty()).then(|| Secret::new(std::mem::take(&mut *token))))
        });
        if token.is_some() {
            let span = self.json.at(at).map(|value| value.span_in(self.body));
            self.secrets.extend(span.filter(|span| !self.secrets.contains(span)));
        }
        token
    }

    fn token_type(&mut self, at: Option<&'a str>) -> Option<String> {
        self.field(at?, |value| {
            let token_type = value.string()?;
            // It becomes part of a header.
            let is_visible = token_type.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            is_visible.then(|| (!token_type.is_empty()).then(|| (*token_type).clone()))
        })
    }

    /// A lifetime of zero or less is a misfit, unless it means "never".
    fn lifetime(&mut self, In { at, unit, never }: In<'a>) -> Option<Stated> {
        self.field(at, |value| {
            let Some(text) = number_or_string(value)? else { return Some(None) };
            if never.iter().any(|never| value.is(&never.to_string())) {
                return Some(Some(Stated::Never));
            }
            let words = || if unit == Unit::Words { words(&text) } else { None };
            let lifetime = number(&text, unit).or_else(words)?;
            (!lifetime.is_zero()).then_some(Some(Stated::Length(lifetime)))
        })
    }

    /// A value that belongs to the token is a string, a number or a boolean.
    fn kept(&mut self, keep: &'a [(&'a str, &'a str)]) -> Vec<(String, Secret)> {
        let kept = keep.iter().filter_map(|(name, at)| {
            let value = self.field(at, |value| {
                let text = value.text().map(Secret::new).or_else(|| value.boolean().map(Secret::new));
                if value.is_nothing() && text.is_none() { Some(None) } else { text.map(Some) }
            });
            Some(((*name).to_owned(), value?))
        });
        kept.collect()
    }

    /// An expiry before the year 2000 is a misfit, because no token expired then.
    fn expiry(&mut self, expiry: Option<At<'a>>) -> Option<SystemTime> {
        let At { at, unit, is_utc, format } = expiry?;
        self.field(at, |value| {
            let Some(text) = number_or_string(value)? else { return Some(None) };
            // The declared format goes first, because such a date may consist of digits alone.
            let declared = format.and_then(|format| dates::read(&text, format, is_utc)).map(since_1970);
            let standard = || dates::standard(&text, is_utc).map(since_1970);
            let since_1970 = declared.or_else(|| number(&text, unit)).or_else(standard)?;
            (since_1970 >= YEAR_2000).then(|| Some(UNIX_EPOCH + since_1970.min(YEAR_9999)))
        })
    }

    fn scopes(&mut self, scope: Option<Scope<'a>>) -> Vec<String> {
        let Some(Scope { at, delimiter }) = scope else { return Vec::new() };
        let scopes = self.field(at, |value| {
            if let Some(items) = value.items() {
                return Some(Some(items.filter_map(Json::text).collect()));
            }
            let text = value.string()?;
            Some(Some(match delimiter {
                Some(delimiter) => split(&text, delimiter),
                None => text.split_whitespace().map(str::to_owned).collect(),
            }))
        });
        scopes.unwrap_or_default()
    }
}

/// 2000-01-01T00:00:00Z, as the time since 1970.
const YEAR_2000: Duration = Duration::from_secs(946_684_800);

/// 9999-12-31T23:59:59Z, as the time since 1970: the last second with a year of four digits.
const YEAR_9999: Duration = Duration::from_secs(253_402_300_799);

/// Returns a number or a trimmed string as a string. A blank string is treated as absent.
fn number_or_string(value: Json<'_>) -> Option<Option<String>> {
    let text = match value.number() {
        Some(number) => number.to_owned(),
        None => value.string()?.trim().to_owned(),
    };
    Some((!text.is_empty()).then_some(text))
}

fn since_1970(timestamp: Timestamp) -> Duration {
    SystemTime::from(timestamp).duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Parses a duration from a number, with or without a fraction. A negative number is zero, and a number that is too large
/// is the maximum.
fn number(text: &str, unit: Unit) -> Option<Duration> {
    // Rust would also parse `inf` and `NaN`.
    if !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return None;
    }
    if let Ok(count) = text.parse::<i128>() {
        let count = u64::try_from(count.max(0)).unwrap_or(u64::MAX);
        return Some(match unit {
            Unit::Seconds | Unit::Words => Duration::from_secs(count),
            Unit::Milliseconds => Duration::from_millis(count),
        });
    }
    let count: f64 = text.parse().ok()?;
    let seconds = match unit {
        Unit::Seconds | Unit::Words => count,
        Unit::Milliseconds => count / 1000.0,
    };
    Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

/// Parses words such as `60 minutes` or `1 day, 2 hours`, and `177:05:38`. A day has 24 hours.
fn words(text: &str) -> Option<Duration> {
    let span: Span = text.to_ascii_lowercase().replace(" and ", " ").parse().ok()?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(length).ok()
}

/// Splits a string at the delimiters, and trims the items.
fn split(text: &str, delimiter: &str) -> Vec<String> {
    text.split(delimiter).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
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
            expires_at: Some(At {
                at: "/until",
                unit: Unit::Milliseconds,
                is_utc: true,
                format: Some("%d.%m.%Y %H:%M"),
            }),
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
        let token =
            |body: &str| fields.read(body).unwrap().tokens.map(|tokens| tokens.access_token.expose().to_owned());
        assert_eq!(token(r#"{"token":"A","at":"B"}"#).as_deref(), Some("A"));
        for body in
            [r#"{"at":"B"}"#, r#"{"token":null,"at":"B"}"#, r#"{"token":"","at":"B"}"#, r#"{"token":7,"at":"B"}"#]
        {
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
        let fields =
            TokenFields { expires_in: &[NEVER, In { at: "/ms", unit: Unit::Milliseconds, never: &[] }], ..FIELDS };
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
            refresh_expires_in: &[
                In { at: "/x", never: &[0], ..In::SECONDS },
                In { at: "/y", never: &[0], ..In::SECONDS },
            ],
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
}
