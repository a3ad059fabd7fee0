//! HTTP Basic.

use serde::Deserialize;

/// How the halves of HTTP Basic are encoded and named.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Basic {
    /// The word instead of `Basic`.
    pub(crate) scheme: Option<String>,
    pub(crate) encode: BasicEncoding,
    pub(crate) names: [String; 2],
}

impl Default for Basic {
    fn default() -> Self {
        Self { scheme: None, encode: BasicEncoding::Form, names: ["client_id".to_owned(), "client_secret".to_owned()] }
    }
}

impl Basic {
    /// Returns the word before the two halves.
    pub(crate) fn word(&self) -> &str {
        self.scheme.as_deref().unwrap_or("Basic")
    }
}

/// Whether each half is form-encoded first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BasicEncoding {
    Form,
    Raw,
}
