//! Readers for `#[serde(deserialize_with = "…")]`, for what vendors write in more ways than one.
//!
//! The optional ones need `#[serde(default)]` as well, for a field that is absent. No error of theirs quotes a value.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::Timestamp;

/// Reads an integer from a number without a fraction (`3600`, `3600.0`) or a string of digits (`"3600"`, `" -1 "`).
///
/// # Errors
///
/// When it is anything else, or doesn't fit into an `i64`.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    option_integer(deserializer)?.ok_or_else(|| de::Error::custom(NOT_AN_INTEGER))
}

/// Like [`integer`]; `null` and a string of nothing but spaces are `None`.
///
/// # Errors
///
/// When it is anything else, or doesn't fit into an `i64`.
pub fn option_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(IntegerVisitor)
}

/// Reads a number, or a string of one (`3600.5`, `"3600.5"`, `" 1e3 "`).
///
/// # Errors
///
/// When it is anything else, or no finite number.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    option_number(deserializer)?.ok_or_else(|| de::Error::custom(NOT_A_NUMBER))
}

/// Like [`number`]; `null` and a string of nothing but spaces are `None`.
///
/// # Errors
///
/// When it is anything else, or no finite number.
pub fn option_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    deserializer.deserialize_any(NumberVisitor)
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

const NOT_AN_INTEGER: &str = "not an integer of 64 bits";

struct IntegerVisitor;

impl<'de> Visitor<'de> for IntegerVisitor {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, as a number or a string of digits")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        value.try_into().map(Some).map_err(|_| E::custom(NOT_AN_INTEGER))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        // -2^63 is a float and 2^63 - 1 is none, hence the one-sided bound.
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        if value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value) {
            Ok(Some(value as i64))
        } else {
            Err(E::custom(NOT_AN_INTEGER))
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        match text.trim() {
            "" => Ok(None),
            digits => digits.parse().map(Some).map_err(|_| E::custom(NOT_AN_INTEGER)),
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
        Err(E::custom(NOT_AN_INTEGER))
    }
}

const NOT_A_NUMBER: &str = "not a finite number";

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Option<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a string of one")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value as f64))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value as f64))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        match text.trim() {
            "" => Ok(None),
            digits => match digits.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Some(number)),
                _ => Err(E::custom(NOT_A_NUMBER)),
            },
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
        Err(E::custom(NOT_A_NUMBER))
    }
}
