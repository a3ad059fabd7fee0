//! Encryption of records: one layer above every store.

use std::fmt;

use freshtoken_wire::Secret;

use crate::store::error::StoreError;
use crate::store::key::Key;
#[cfg(feature = "seal")]
use crate::store::ring::{KeyRing, SealKey};
use crate::store::seal_error::OpenError;

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

/// Whether the text starts with the version of a seal, and so is not JSON.
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
