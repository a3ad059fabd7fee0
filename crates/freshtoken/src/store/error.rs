//! What a store reports.

use std::error::Error as StdError;
use std::fmt;

/// The error of a store. Its message must not contain a secret.
pub type StoreError = Box<dyn StdError + Send + Sync>;

/// A record in the store that cannot be read: it is sealed with another key, was changed, or is of another version.
///
/// It is a cause of errors with [`ErrorKind::Store`](crate::ErrorKind::Store), and stays in the store until
/// [`TokenSource::forget`](crate::TokenSource::forget) replaces it. Its message says what is wrong, and has no secret.
pub struct UnreadableRecord {
    pub(crate) generation: u64,
    pub(crate) why: StoreError,
}

impl fmt::Display for UnreadableRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.why, f)
    }
}

/// Prints the message, as `main` does for an error that it returns.
impl fmt::Debug for UnreadableRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.why, f)
    }
}

impl StdError for UnreadableRecord {}
