//! An environment variable, as a vendor declares it.

use std::fmt;

/// An environment variable. `Display` prints a line about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// The name, such as `ZENOTI_PASSWORD`.
    pub name: &'static str,
    /// Whether it must be set.
    pub is_required: bool,
    /// What it is, in a sentence.
    pub what: &'static str,
    /// Whether its value is a secret, such as a password.
    pub is_secret: bool,
    /// The servers that require it, if it is a part of a server's URL.
    pub(super) servers: Option<&'static [&'static str]>,
    /// Whether a custom base URL requires it too.
    pub(super) with_custom_url: bool,
    /// Whether it is the access token that a source starts from.
    pub(super) is_start: bool,
}

impl Variable {
    /// Creates a variable that must be set.
    pub const fn required(name: &'static str, what: &'static str) -> Self {
        Self { name, is_required: true, what, is_secret: false, servers: None, with_custom_url: false, is_start: false }
    }

    /// Creates a variable that may be absent.
    pub const fn optional(name: &'static str, what: &'static str) -> Self {
        Self {
            name,
            is_required: false,
            what,
            is_secret: false,
            servers: None,
            with_custom_url: false,
            is_start: false,
        }
    }

    /// Marks the value as a secret.
    pub const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    /// Creates the variable with the access token that a source starts from, a secret.
    pub const fn access_token(name: &'static str, what: &'static str) -> Self {
        Self { is_start: true, ..Self::required(name, what).secret() }
    }

    /// Limits the variable to these servers: it is a part of their URLs. A custom base URL does not require it.
    pub const fn of_servers(mut self, servers: &'static [&'static str]) -> Self {
        self.servers = Some(servers);
        self
    }

    /// Requires the variable with a custom base URL too: requests contain it elsewhere than in the URL.
    pub const fn with_custom_url(mut self) -> Self {
        self.with_custom_url = true;
        self
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.name, if self.is_required { "" } else { "(optional) " }, self.what)
    }
}
