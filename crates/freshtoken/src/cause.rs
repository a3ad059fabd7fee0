//! What caused a failure, and which setting is wrong.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The cause of an [`Error`](crate::Error) or a [`GrantError`](crate::GrantError).
#[derive(Clone)]
pub(crate) struct Cause {
    pub(crate) error: Arc<dyn StdError + Send + Sync>,
    /// The vendor's code, if the spec lists it.
    pub(crate) code: Option<&'static str>,
    /// What to fix before anything can be sent.
    pub(crate) setting: Option<Setting>,
}

/// The wrong part of an endpoint.
#[derive(Clone, Copy)]
pub(crate) enum Setting {
    BaseUrl,
    Named(&'static str),
    Tls,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BaseUrl => f.write_str("the endpoint's base URL"),
            Self::Named(name) => write!(f, "the endpoint's setting `{name}`"),
            Self::Tls => f.write_str("the TLS features of the build"),
        }
    }
}

impl From<Arc<dyn StdError + Send + Sync>> for Cause {
    fn from(error: Arc<dyn StdError + Send + Sync>) -> Self {
        Self { error, code: None, setting: None }
    }
}

impl<B: Send + Sync + 'static> From<freshtoken_wire::Error<B>> for Cause {
    fn from(error: freshtoken_wire::Error<B>) -> Self {
        let setting = match error.kind() {
            freshtoken_wire::ErrorKind::BaseUrl | freshtoken_wire::ErrorKind::PlainHttp => Some(Setting::BaseUrl),
            freshtoken_wire::ErrorKind::MissingSetting(name) => Some(Setting::Named(name)),
            freshtoken_wire::ErrorKind::NoTls => Some(Setting::Tls),
            _ => None,
        };
        Self { code: error.known_code(), setting, error: Arc::new(error) }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}
