//! Readers for `#[serde(deserialize_with = "…")]`, for what vendors write in more ways than one.
//!
//! The optional ones need `#[serde(default)]` as well, for a field that is absent. No error of theirs quotes a value.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::timestamp::Timestamp;

/// Reads an integer from a number without a fraction (`3600`, `3600.0`) or a string of digits (`"3600"`, `" -1 "`).
///
/// # Errors
///
/// When it is anything else, or doesn't fit into an `i64`.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    option_integer(deserializer)?.ok_or_else(|| de::Error::custom(i64::NOT))
}

/// Like [`integer`]; `null` and a string of nothing but spaces are `None`.
///
/// # Errors
///
/// When it is anything else, or doesn't fit into an `i64`.
pub fn option_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(LenientVisitor(PhantomData))
}

/// Reads a number, or a string of one (`3600.5`, `"3600.5"`, `" 1e3 "`).
///
/// # Errors
///
/// When it is anything else, or no finite number.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    option_number(deserializer)?.ok_or_else(|| de::Error::custom(f64::NOT))
}

/// Like [`number`]; `null` and a string of nothing but spaces are `None`.
///
/// # Errors
///
/// When it is anything else, or no finite number.
pub fn option_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    deserializer.deserialize_any(LenientVisitor(PhantomData))
}

/// Reads a [`Timestamp`]; a date-time without an offset counts as UTC.
///
/// # Errors
///
/// When it is no string, or no date-time of RFC 3339 with or without an offset.
pub fn utc_timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    Timestamp::parse_as_utc(text.trim()).map_err(de::Error::custom)
}

/// Like [`utc_timestamp`]; `null` and a string of nothing but spaces are `None`.
///
/// # Errors
///
/// When it is anything else that is no date-time of RFC 3339 with or without an offset.
pub fn option_utc_timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    match Option::<String>::deserialize(deserializer)? {
        Some(text) if !text.trim().is_empty() => {
            Timestamp::parse_as_utc(text.trim()).map(Some).map_err(de::Error::custom)
        }
        _ => Ok(None),
    }
}

/// A number that vendors also write as text.
trait Lenient: Sized {
    /// What a message asks for.
    const WANTED: &str;
    /// What a message says of anything else.
    const NOT: &str;

    fn of_i64(value: i64) -> Option<Self>;
    fn of_u64(value: u64) -> Option<Self>;
    fn of_f64(value: f64) -> Option<Self>;
    fn of_text(text: &str) -> Option<Self>;
}

impl Lenient for i64 {
    const WANTED: &str = "an integer, as a number or a string of digits";
    const NOT: &str = "not an integer of 64 bits";

    fn of_i64(value: i64) -> Option<Self> {
        Some(value)
    }

    fn of_u64(value: u64) -> Option<Self> {
        value.try_into().ok()
    }

    fn of_f64(value: f64) -> Option<Self> {
        // -2^63 is a float and 2^63 - 1 is none, hence the one-sided bound.
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        (value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value)).then_some(value as i64)
    }

    fn of_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Lenient for f64 {
    const WANTED: &str = "a number, or a string of one";
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

/// What was read, if it is one.
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
