//! Strings that must not appear in logs or messages.

use std::fmt;

#[cfg(feature = "client")]
use bytes::Bytes;
#[cfg(feature = "client")]
use reqwest::header::HeaderValue;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A password, client secret or token.
///
/// `Debug` prints `[redacted]`, and there is no `Display`. Comparison takes constant time for secrets of the same length. The
/// memory is zeroed when the secret is dropped. Only [`Secret::expose`] and serialization reveal the value.
///
/// ```
/// use freshtoken_wire::Secret;
///
/// let secret = Secret::new("hunter2");
/// assert_eq!(format!("{secret:?}"), "[redacted]");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Creates a secret. A `String` is moved, not copied.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// Returns the value. Keep it out of logs, errors and `format!`.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Converts the secret to a sensitive header value, or returns `None` if it isn't visible ASCII.
    ///
    /// Clones of the header value share the memory, which is wiped with the last clone. `HeaderValue` would also accept tabs
    /// and UTF-8, but vendors don't document how they decode them.
    #[cfg(feature = "client")]
    #[doc(hidden)]
    pub fn into_header(self) -> Option<HeaderValue> {
        // Without an early exit, the loop is vectorized.
        if self.0.bytes().fold(false, |is_odd, byte| is_odd | !matches!(byte, b' '..=b'~')) {
            return None;
        }
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(Shared(self))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Returns whether the value is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not `deserialize_string`: serde_json's error would quote a number.
        deserializer.deserialize_any(SecretVisitor)
    }
}

/// The memory that the clones of a header value share.
#[cfg(feature = "client")]
struct Shared(Secret);

#[cfg(feature = "client")]
impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

struct SecretVisitor;

/// Rejects other types without quoting the value, unlike serde's default methods.
macro_rules! reject {
    ($($method:ident: $type:ty),*) => {$(
        fn $method<E: de::Error>(self, _: $type) -> Result<Secret, E> {
            Err(E::custom("a secret must be a string"))
        }
    )*};
}

impl Visitor<'_> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::new(text))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Secret, E> {
        Ok(Secret::new(text))
    }

    reject!(visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64, visit_bytes: &[u8]);
}
