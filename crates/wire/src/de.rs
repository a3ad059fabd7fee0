//! Functions for `#[serde(deserialize_with = "…")]` that accept the different forms in which vendors send a value.
//!
//! The functions for optional fields also need `#[serde(default)]`, for absent fields. No error quotes a value.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::timestamp::Timestamp;

/// Deserializes an integer from a number without a fraction (`3600`, `3600.0`) or a string of digits (`"3600"`, `" -1 "`).
///
/// # Errors
///
/// Returns an error for any other value, and for a number that doesn't fit into an `i64`.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    option_integer(deserializer)?.ok_or_else(|| de::Error::custom(i64::NOT))
}

/// Deserializes an optional integer like [`integer`]. `null` and a blank string are `None`.
///
/// # Errors
///
/// Returns an error for any other value, and for a number that doesn't fit into an `i64`.
pub fn option_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(LenientVisitor(PhantomData))
}

/// Deserializes a number from a number or a string (`3600.5`, `"3600.5"`, `" 1e3 "`).
///
/// # Errors
///
/// Returns an error for any other value, and for a number that isn't finite.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    option_number(deserializer)?.ok_or_else(|| de::Error::custom(f64::NOT))
}

/// Deserializes an optional number like [`number`]. `null` and a blank string are `None`.
///
/// # Errors
///
/// Returns an error for any other value, and for a number that isn't finite.
pub fn option_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    deserializer.deserialize_any(LenientVisitor(PhantomData))
}

/// Deserializes a [`Timestamp`]. A date-time without an offset is read as UTC.
///
/// # Errors
///
/// Returns an error if the value isn't a string with an RFC 3339 date-time. The offset is optional.
pub fn utc_timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    Timestamp::parse_as_utc(text.trim()).map_err(de::Error::custom)
}

/// Deserializes an optional [`Timestamp`] like [`utc_timestamp`]. `null` and a blank string are `None`.
///
/// # Errors
///
/// Returns an error for any other value that isn't a string with an RFC 3339 date-time. The offset is optional.
pub fn option_utc_timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    match Option::<String>::deserialize(deserializer)? {
        Some(text) if !text.trim().is_empty() => {
            Timestamp::parse_as_utc(text.trim()).map(Some).map_err(de::Error::custom)
        }
        _ => Ok(None),
    }
}

/// A number that vendors also send as a string.
trait Lenient: Sized {
    /// The expected value, for error messages.
    const WANTED: &str;
    /// The error message for any other value.
    const NOT: &str;

    fn of_i64(value: i64) -> Option<Self>;
    fn of_u64(value: u64) -> Option<Self>;
    fn of_f64(value: f64) -> Option<Self>;
    fn of_text(text: &str) -> Option<Self>;
}

impl Lenient for i64 {
    const WANTED: &str = "an integer, as a number or a string of digits";
    const NOT: &str = "not a 64-bit integer";

    fn of_i64(value: i64) -> Option<Self> {
        Some(value)
    }

    fn of_u64(value: u64) -> Option<Self> {
        value.try_into().ok()
    }

    fn of_f64(value: f64) -> Option<Self> {
        // The range is half-open, because -2^63 is exact as a float and 2^63 - 1 isn't.
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        (value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value)).then_some(value as i64)
    }

    fn of_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Lenient for f64 {
    const WANTED: &str = "a number, or a string that contains one";
    const NOT: &str = "not a finite number";

    fn of_i64(value: i64) -> Option<Self> {
        Some(value as f64)
    }

    fn of_u64(value: u64) -> Option<Self> {
        Some(value as f64)
    }

    fn of_f64(value: f64) -> Option<Self> {
        Some(value)
    }

    fn of_text(text: &str) -> Option<Self> {
        text.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

struct LenientVisitor<T>(PhantomData<T>);

/// Returns the number, or the error if there is none.
fn read<T: Lenient, E: de::Error>(value: Option<T>) -> Result<Option<T>, E> {
    value.map(Some).ok_or_else(|| E::custom(T::NOT))
}

impl<'de, T: Lenient> Visitor<'de> for LenientVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WANTED)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        read(T::of_i64(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        read(T::of_u64(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        read(T::of_f64(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        match text.trim() {
            "" => Ok(None),
            digits => read(T::of_text(digits)),
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Err(E::custom(T::NOT))
    }
}

/// Deserializes a string. Numbers and booleans are converted to strings, because vendors mix them.
///
/// # Errors
///
/// Returns an error for any other value.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_any(TextVisitor)
}

struct TextVisitor;

/// Implements the methods for all types that can be converted to a string.
macro_rules! as_text {
    ($($method:ident: $type:ty),*) => {$(
        fn $method<E: de::Error>(self, value: $type) -> Result<String, E> {
            Ok(value.to_string())
        }
    )*};
}

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, number or bool")
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<String, E> {
        Ok(text)
    }

    as_text!(visit_str: &str, visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);
}
