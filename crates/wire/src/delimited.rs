//! Lists that are sent as one string, such as the scopes of RFC 6749 section 3.3.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{self, Serialize, Serializer};

/// A list that is sent as one string, with its items joined by `DELIMITER`.
///
/// An empty list cannot be sent, and neither can an item that is empty or contains the delimiter or a control character.
/// For example, `"a b"` as one scope would arrive as two.
///
/// ```
/// use freshtoken_wire::SpaceDelimited;
///
/// let scopes = SpaceDelimited::from(["api", "vouchers"]);
/// assert_eq!(scopes.join().as_deref(), Ok("api vouchers"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Delimited<T, const DELIMITER: char>(Vec<T>);

/// A list joined by spaces: OpenAPI's `style: spaceDelimited`, OAuth's `scope`.
pub type SpaceDelimited<T> = Delimited<T, ' '>;
/// A list joined by commas: OpenAPI's `style: form` with `explode: false`.
pub type CommaDelimited<T> = Delimited<T, ','>;
/// A list joined by vertical bars: OpenAPI's `style: pipeDelimited`.
pub type PipeDelimited<T> = Delimited<T, '|'>;

impl<T: fmt::Display, const DELIMITER: char> Delimited<T, DELIMITER> {
    /// Joins the items, as they are sent.
    ///
    /// # Errors
    ///
    /// Returns a [`ListError`] if the list is empty, or if an item could not be recovered from the joined string. The error
    /// does not contain the item.
    pub fn join(&self) -> Result<String, ListError> {
        if self.0.is_empty() {
            return Err(ListError::Empty);
        }
        let mut joined = String::new();
        for item in &self.0 {
            let item = item.to_string();
            if item.is_empty() {
                return Err(ListError::EmptyItem);
            }
            if item.contains(DELIMITER) {
                return Err(ListError::Delimiter(DELIMITER));
            }
            if item.contains(char::is_control) {
                return Err(ListError::Control);
            }
            if !joined.is_empty() {
                joined.push(DELIMITER);
            }
            joined.push_str(&item);
        }
        Ok(joined)
    }
}

/// Why a list cannot be sent. It contains no item of the list.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListError {
    /// The list is empty: omit the field, or add an item.
    Empty,
    /// An item is empty: remove it.
    EmptyItem,
    /// An item contains the delimiter: split it into two items.
    Delimiter(char),
    /// An item contains a control character, such as a line break: remove the character.
    Control,
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("cannot send an empty list: omit the field, or add an item"),
            Self::EmptyItem => f.write_str("an item of the list is empty: remove it"),
            Self::Delimiter(delimiter) => {
                write!(f, "an item of the list contains the delimiter {delimiter:?}: split it into two items")
            }
            Self::Control => f.write_str("an item of the list contains a control character: remove it"),
        }
    }
}

/// The message, because a `main` that returns an error prints its `Debug`.
impl fmt::Debug for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ListError {}

impl<T: fmt::Display, const DELIMITER: char> Serialize for Delimited<T, DELIMITER> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.join().map_err(ser::Error::custom)?)
    }
}

impl<'de, T: FromStr, const DELIMITER: char> Deserialize<'de> for Delimited<T, DELIMITER> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T, const DELIMITER: char>(PhantomData<T>);

impl<T: FromStr, const DELIMITER: char> Visitor<'_> for ListVisitor<T, DELIMITER> {
    type Value = Delimited<T, DELIMITER>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a string of items separated by {DELIMITER:?}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.split(DELIMITER)
            .map(|item| item.trim_matches(' '))
            .filter(|item| !item.is_empty())
            .map(|item| item.parse().map_err(|_| E::custom("cannot parse an item of the list")))
            .collect()
    }
}

impl<T: fmt::Debug, const DELIMITER: char> fmt::Debug for Delimited<T, DELIMITER> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T, const DELIMITER: char> Default for Delimited<T, DELIMITER> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const DELIMITER: char> Deref for Delimited<T, DELIMITER> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const DELIMITER: char> From<Vec<T>> for Delimited<T, DELIMITER> {
    fn from(items: Vec<T>) -> Self {
        Self(items)
    }
}

impl<T, const N: usize, const DELIMITER: char> From<[T; N]> for Delimited<T, DELIMITER> {
    fn from(items: [T; N]) -> Self {
        Self(items.into())
    }
}

impl<T: Clone, const DELIMITER: char> From<&[T]> for Delimited<T, DELIMITER> {
    fn from(items: &[T]) -> Self {
        Self(items.into())
    }
}

impl<T, const DELIMITER: char> FromIterator<T> for Delimited<T, DELIMITER> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl<T, const DELIMITER: char> IntoIterator for Delimited<T, DELIMITER> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T, const DELIMITER: char> IntoIterator for &'a Delimited<T, DELIMITER> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
