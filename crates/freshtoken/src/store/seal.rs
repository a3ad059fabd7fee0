//! Encryption of records: one layer above every store.

use std::fmt;

use freshtoken_wire::Secret;

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
#[derive(Clone)]
pub struct Seal(());

impl Seal {
    /// Stores records as they are: whoever can read the store has the tokens.
    pub const fn none() -> Self {
        Self(())
    }

    pub(crate) fn seal(&self, _key: &Key, _generation: u64, text: Secret) -> Secret {
        text
    }

    pub(crate) fn open(&self, _key: &Key, _generation: u64, text: &Secret) -> Result<Secret, StoreError> {
        Ok(text.clone())
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

/// A key cannot be used. The error contains nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// It is not 32 bytes long.
    Length,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a seal's key has 32 bytes")
    }
}

impl std::error::Error for SealError {}
