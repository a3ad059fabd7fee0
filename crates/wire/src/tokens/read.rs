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
mod tests;
