//! Text that must never reach any text.

use std::fmt;

#[cfg(feature = "client")]
use bytes::Bytes;
#[cfg(feature = "client")]
use reqwest::header::HeaderValue;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A password, client secret or token: goes over the wire and into no other text.
///
/// `Debug` prints `[redacted]`, there is no `Display`, comparing takes as long wherever the texts differ (their lengths
/// aren't hidden), and the memory is zeroed when it is dropped. Only [`Secret::expose`] and serializing give the text.
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
    /// Takes the text over; a `String` isn't copied.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Keep it out of logs, errors and `format!`.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A sensitive header value, whose clones share the text, which is wiped with the last one; None where it isn't visible
    /// ASCII. `HeaderValue` would take a tab, and other text as its UTF-8, of which no vendor says what it reads.
    #[cfg(feature = "client")]
    #[doc(hidden)]
    pub fn into_header(self) -> Option<HeaderValue> {
        // Without a way out in the middle, it is many bytes at a time.
        if self.0.bytes().fold(false, |is_odd, byte| is_odd | !matches!(byte, b' '..=b'~')) {
            return None;
        }
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(Shared(self))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Whether the text is empty.
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
        // Not `deserialize_string`: given a number, serde_json's own message would quote it.
        deserializer.deserialize_any(SecretVisitor)
    }
}

/// What a header's clones share.
#[cfg(feature = "client")]
struct Shared(Secret);

#[cfg(feature = "client")]
impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

struct SecretVisitor;

/// serde's defaults quote what they refuse.
macro_rules! refuse {
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

    refuse!(visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64, visit_bytes: &[u8]);
}
