//! Encryption of records: one layer above every store.

use std::fmt;

use freshtoken_wire::Secret;

#[cfg(feature = "seal")]
use crate::store::ring::{KeyRing, SealKey};
use crate::store::{Key, StoreError};

/// Whether a store accepts records that are not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// A source without a seal stores plain records.
    Optional,
    /// A source needs a [`Seal`], be it [`Seal::none`], which must be requested by name.
    Required,
}

/// How records are encrypted before they are stored.
///
/// A sealed record can be read and written only with its key. It is bound to its account and its generation: a record that was
/// changed, moved to another account, or put under another generation is an error. An older record with its own generation can
/// still be put back by anyone who can write to the store; a process that knows a newer one does not use it.
///
/// A source with a key does not accept a plain record, or anyone who can write to the store could plant one. To start to
/// encrypt a store that has plain records, delete them, and log in or have a person consent again.
///
/// # Examples
///
#[cfg_attr(feature = "seal", doc = "```")]
#[cfg_attr(not(feature = "seal"), doc = "```ignore")]
/// use freshtoken::store::{Seal, SealKey};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // 64 hexadecimal digits, or base64: `openssl rand -base64 32` makes one.
/// # let variable = |_| "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=";
/// let key: SealKey = variable("FRESHTOKEN_SEAL_KEY").parse()?;
/// let seal = Seal::new(key);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Seal(Kind);

#[derive(Clone)]
enum Kind {
    None,
    #[cfg(feature = "seal")]
    Keys(KeyRing),
}

impl Seal {
    /// Stores records as they are: anyone who can read the store has the tokens.
    pub const fn none() -> Self {
        Self(Kind::None)
    }

    /// Encrypts records with this key (AES-256-GCM-SIV with a random nonce).
    #[cfg(feature = "seal")]
    pub fn new(key: SealKey) -> Self {
        Self(Kind::Keys(KeyRing::new(key)))
    }

    /// Also opens records that were sealed with a former key. The next write seals them with the current one.
    ///
    /// To replace the key of a fleet, first deploy the new key with `also_opens` everywhere, then make it the current one and
    /// keep the old one with `also_opens`. Remove the old one once no record is sealed with it.
    ///
    /// With [`Seal::none`], this changes nothing.
    #[cfg(feature = "seal")]
    pub fn also_opens(mut self, former: SealKey) -> Self {
        if let Kind::Keys(ring) = &mut self.0 {
            ring.push(former);
        }
        self
    }

    /// # Errors
    ///
    /// If the system has no random numbers.
    #[cfg_attr(not(feature = "seal"), expect(unused_variables))]
    pub(crate) fn seal(&self, key: &Key, generation: u64, text: Secret) -> Result<Secret, StoreError> {
        match &self.0 {
            Kind::None => Ok(text),
            #[cfg(feature = "seal")]
            Kind::Keys(ring) => Ok(ring.seal(key, generation, &text)?),
        }
    }

    /// # Errors
    ///
    /// If the text was not sealed this way.
    #[cfg_attr(not(feature = "seal"), expect(unused_variables))]
    pub(crate) fn open(&self, key: &Key, generation: u64, text: &Secret) -> Result<Secret, StoreError> {
        match &self.0 {
            Kind::None if is_sealed(text) => Err(OpenError::Sealed.into()),
            Kind::None => Ok(text.clone()),
            #[cfg(feature = "seal")]
            Kind::Keys(ring) => Ok(ring.open(key, generation, text)?),
        }
    }
}

/// Whether the text starts with the version of a seal, in place of JSON.
fn is_sealed(text: &Secret) -> bool {
    let version = text.expose().split_once('.').and_then(|(version, _)| version.strip_prefix('v'));
    version.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Prints no key.
impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::None => f.write_str("Seal::none()"),
            #[cfg(feature = "seal")]
            Kind::Keys(ring) => f.debug_struct("Seal").field("keys", &ring.len()).finish(),
        }
    }
}

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
                "the record in the store is sealed, and this source has no key: pass the key with Seal::new, or delete the \
                 record and log in again"
            }
            #[cfg(feature = "seal")]
            Self::Plain => {
                "the record in the store is not sealed, so it may have been planted: delete it and log in again, or use \
                 Seal::none if records are meant to be plain"
            }
            #[cfg(feature = "seal")]
            Self::Version => "the record in the store was sealed by a newer version of freshtoken: update this program",
            #[cfg(feature = "seal")]
            Self::UnknownKey => {
                "the record in the store is sealed with an unknown key: pass that key with Seal::also_opens, or delete the \
                 record and log in again"
            }
            #[cfg(feature = "seal")]
            Self::Changed => {
                "the record in the store was changed, moved from another account or put under another generation: find out \
                 who can write to the store, then delete the record and log in again"
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
