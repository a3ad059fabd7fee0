//! Values that several keywords of `x-token` share, each a string or a number of a particular form.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// The documented lifetime of an access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Lifetime {
    /// This long.
    For(Duration),
    /// It never expires.
    Never,
    /// Unknown: it is used until a call gets 401.
    #[default]
    Unknown,
}

/// A JSON Pointer (RFC 6901) to something inside a body.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Pointer(String);

impl Pointer {
    /// Returns the pointer as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns its reference tokens, unescaped: names of properties and indexes of lists.
    pub fn segments(&self) -> Vec<String> {
        self.0.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A JSON Pointer, or an empty string for the whole body.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Place(pub Pointer);

impl TryFrom<String> for Place {
    type Error = NotA;

    fn try_from(text: String) -> Result<Self, NotA> {
        if text.is_empty() { Ok(Place(Pointer(text))) } else { Pointer::try_from(text).map(Place) }
    }
}

/// A value that doesn't have its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotA {
    /// Not a JSON Pointer.
    Pointer,
    /// Not a duration.
    Duration,
    /// Not a lifetime.
    Lifetime,
    /// Not a part of a lifetime.
    Part,
    /// Not a number of times in a duration.
    Rate,
}

impl fmt::Display for NotA {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotA::Pointer => "not a JSON Pointer",
            NotA::Duration => "not a duration",
            NotA::Lifetime => "not a lifetime",
            NotA::Part => "not a part of a lifetime",
            NotA::Rate => "not a number of times in a duration",
        })
    }
}

impl std::error::Error for NotA {}

impl TryFrom<String> for Pointer {
    type Error = NotA;

    fn try_from(text: String) -> Result<Self, NotA> {
        let escapes_are_whole =
            text.match_indices('~').all(|(at, _)| matches!(text.as_bytes().get(at + 1), Some(b'0' | b'1')));
        // `""` is a pointer by RFC 6901, to the whole body: no field.
        if text.starts_with('/') && escapes_are_whole { Ok(Pointer(text)) } else { Err(NotA::Pointer) }
    }
}

/// A whole number and its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = NotA;

    fn try_from(text: String) -> Result<Self, NotA> {
        duration(&text).map(Span)
    }
}

/// How long after now, in seconds: a duration, or `0s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Shift(pub u32);

impl TryFrom<String> for Shift {
    type Error = NotA;

    fn try_from(text: String) -> Result<Self, NotA> {
        let is_zero = matches!(text.trim_start_matches('0'), "s" | "m" | "h" | "d") && text.starts_with('0');
        let seconds = if is_zero { 0 } else { duration(&text)?.as_secs() };
        seconds.try_into().map(Shift).map_err(|_| NotA::Duration)
    }
}

/// Parses a duration: a whole number, greater than zero, and `s`, `m`, `h` or `d`.
pub fn duration(text: &str) -> Result<Duration, NotA> {
    let unit = match text.chars().next_back() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        _ => return Err(NotA::Duration),
    };
    let digits = &text[..text.len() - 1];
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotA::Duration);
    }
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs)
        .ok_or(NotA::Duration)
}

impl TryFrom<String> for Lifetime {
    type Error = NotA;

    fn try_from(text: String) -> Result<Self, NotA> {
        match text.as_str() {
            "none" => Ok(Lifetime::Never),
            "unknown" => Ok(Lifetime::Unknown),
            text => duration(text).map(Lifetime::For).map_err(|_| NotA::Lifetime),
        }
    }
}

/// A part of a token's lifetime, between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Part(pub f64);

impl TryFrom<f64> for Part {
    type Error = NotA;

    fn try_from(part: f64) -> Result<Self, NotA> {
        if part > 0.0 && part < 1.0 { Ok(Part(part)) } else { Err(NotA::Part) }
    }
}

/// Implements the schema of a value. Messages call it by its `title`.
macro_rules! leaf_schema {
    ($type:ty, $name:literal, $($schema:tt)+) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($($schema)+)
            }
        }
    };
}

leaf_schema!(Pointer, "Pointer", {
    "title": "a JSON Pointer",
    "type": "string",
    "pattern": "^(/([^~/]|~[01])*)+$",
    "examples": ["/access_token", "/data/0/token"]
});

leaf_schema!(Place, "Place", {
    "title": "a JSON Pointer",
    "type": "string",
    "pattern": "^(/([^~/]|~[01])*)*$",
    "examples": ["/access_token", "/data/0/token"]
});

leaf_schema!(Span, "Duration", {
    "title": "a duration: a whole number and s, m, h or d",
    "type": "string",
    "pattern": "^0*[1-9][0-9]*[smhd]$",
    "examples": ["60s", "24h"]
});

leaf_schema!(Shift, "Shift", {
    "title": "a duration: a whole number and s, m, h or d",
    "type": "string",
    "pattern": "^[0-9]+[smhd]$",
    "examples": ["1h", "0s"]
});

leaf_schema!(Lifetime, "Lifetime", {
    "title": "a duration (a whole number and s, m, h or d), none or unknown",
    "type": "string",
    "pattern": "^(0*[1-9][0-9]*[smhd]|none|unknown)$",
    "examples": ["24h", "none", "unknown"]
});

leaf_schema!(Part, "Part", {
    "title": "a number between 0 and 1",
    "type": "number",
    "exclusiveMinimum": 0,
    "exclusiveMaximum": 1,
    "examples": [0.75]
});
