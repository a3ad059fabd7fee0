//! What happens to a token, as [`on_event`](crate::TokenSourceBuilder::on_event) is notified of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// The callback for events.
pub(crate) type OnEvent = Arc<dyn Fn(&Event) + Send + Sync>;

/// Something that happened to the token of an account. It contains no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// The vendor's name.
    pub vendor: &'static str,
    /// The name of the account; empty for a source of its own without a store.
    pub account: Arc<str>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to a token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// The vendor issued a token, which is served from now on.
    Renewed {
        /// The request that it came from.
        grant: Grant,
        /// How long the request took.
        took: Duration,
        /// How long the token is valid, if that is known and limited.
        expires_in: Option<Duration>,
    },
    /// Another process had stored a token, which is served from now on.
    Adopted,
    /// There is no new token now. The source tries again after [`Error::retry_after`].
    Failed(Error),
    /// The vendor refuses the credentials, or a setting is wrong: [`ErrorKind::Refused`] or [`ErrorKind::Settings`].
    Refused(Error),
    /// A person must consent again: [`ErrorKind::ConsentNeeded`].
    ConsentNeeded(Error),
    /// A call of the store failed or took too long. A valid token is served nevertheless.
    StoreFailed(String),
}

/// The request that a token came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Grant {
    /// A login with the credentials.
    Login,
    /// A refresh with a refresh token.
    Refresh,
}

impl Grant {
    /// Returns its name in logs and metrics: `login` or `refresh`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refresh => "refresh",
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl EventKind {
    /// The event of a fetch that ended with this error.
    pub(crate) fn of_error(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Refused | ErrorKind::Settings => Self::Refused(error),
            ErrorKind::ConsentNeeded => Self::ConsentNeeded(error),
            _ => Self::Failed(error),
        }
    }
}
