//! Why a key or a record cannot be used.

use std::fmt;

/// Why a record cannot be opened. The messages contain nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// The source has no key.
    Sealed,
    /// The source has a key, and the record is plain.
    #[cfg(feature = "seal")]
    Plain,
    /// Another version of the seal's format.
    #[cfg(feature = "seal")]
    Version,
    /// The ring does not have the key.
    #[cfg(feature = "seal")]
    UnknownKey,
    /// The record is not what was sealed, or not where it was stored.
    #[cfg(feature = "seal")]
    Changed,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sealed => {
                "the record in the store is sealed, and this source has no key: pass the key with Seal::new, or forget the \
                 record and log in again"
            }
            #[cfg(feature = "seal")]
            Self::Plain => {
                "the record in the store is not sealed, so it may have been planted: forget it and log in again, or use \
                 Seal::none if records are meant to be plain"
            }
            #[cfg(feature = "seal")]
            Self::Version => "the record in the store was sealed by a newer version of freshtoken: update this program",
            #[cfg(feature = "seal")]
            Self::UnknownKey => {
                "the record in the store is sealed with an unknown key: put that key back, or forget the record and log in \
                 again"
            }
            #[cfg(feature = "seal")]
            Self::Changed => {
                "the record in the store was changed, moved from another account or put under another generation: find out \
                 who can write to the store, then forget the record and log in again"
            }
        })
    }
}

impl std::error::Error for OpenError {}

/// A key cannot be used. The error contains nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// It is not 32 bytes long.
    Length,
    /// The text is neither hexadecimal nor base64.
    Encoding,
    /// The system has no random numbers.
    Random,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "a seal's key has 32 bytes: 64 hexadecimal digits, or 43 or 44 characters of base64",
            Self::Encoding => "a seal's key is neither hexadecimal nor base64",
            Self::Random => "the system has no random numbers",
        })
    }
}

impl std::error::Error for SealError {}
