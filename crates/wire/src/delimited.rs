//! Lists that travel as one text, such as the scopes of RFC 6749 section 3.3.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{self, Serialize, Serializer};

/// A list that is sent as one text, its items joined by `DELIMITER`.
///
/// An item that is empty, or holds the delimiter or a control character, can't be sent: `"a b"` as one scope would
/// arrive as two. Nor can an empty list.
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
    /// The list as it is sent.
    ///
    /// # Errors
    ///
    /// When the list is empty, or an item of it can't be told apart once joined. The error holds no item.
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

/// Why a list can't be sent. It holds no item of the list.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListError {
    /// The list has no items: leave the field out, or put an item in.
    Empty,
    /// An item is empty: remove it.
    EmptyItem,
    /// An item holds the delimiter: make it two items.
    Delimiter(char),
    /// An item holds a control character, such as a line break: remove it.
    Control,
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty list can't be sent: leave the field out, or put an item in"),
            Self::EmptyItem => f.write_str("an item of the list is empty: remove it"),
            Self::Delimiter(delimiter) => {
                write!(f, "an item of the list holds its delimiter, {delimiter:?}: make it two items")
            }
            Self::Control => f.write_str("an item of the list holds a control character: remove it"),
        }
    }
}

/// The message too: it is what `main` prints of an error.
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
        write!(f, "a string, its items separated by {DELIMITER:?}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.split(DELIMITER)
            .map(|item| item.trim_matches(' '))
            .filter(|item| !item.is_empty())
            .map(|item| item.parse().map_err(|_| E::custom("an item of the list can't be read")))
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
