//! What a store reports.

use std::error::Error as StdError;

/// The error of a store. Its message must not contain a secret.
pub type StoreError = Box<dyn StdError + Send + Sync>;
