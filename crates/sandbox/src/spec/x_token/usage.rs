//! How a call carries the token.

use indexmap::IndexMap;
use serde::Deserialize;

/// How a call carries the token.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Use {
    pub(crate) header: String,
    pub(crate) query: Option<String>,
    pub(crate) cookie: Option<String>,
    pub(crate) basic: Option<UseBasic>,
    /// A scheme besides `bearer` that carries the live token.
    scheme: Option<String>,
    pub(crate) prefix: Option<String>,
    pub(crate) also: IndexMap<String, Also>,
    pub(crate) expired: Vec<u16>,
}

/// The halves of HTTP Basic, one of which is `token`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UseBasic {
    pub(crate) username: String,
    pub(crate) password: String,
}

impl Use {
    /// Whether this scheme of `type: http` carries the live token.
    pub(crate) fn carries(&self, scheme: &str) -> bool {
        scheme.eq_ignore_ascii_case("bearer")
            || self.scheme.as_ref().is_some_and(|other| other.eq_ignore_ascii_case(scheme))
    }
}

/// Where the value of a further header comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Also {
    Credential(String),
    #[allow(dead_code, reason = "which kept value a response had is known to the client alone")]
    Kept(Kept),
}

impl Also {
    /// Returns the name of the credential.
    pub(crate) fn credential(&self) -> Option<&str> {
        match self {
            Self::Credential(name) => Some(name),
            Self::Kept(_) => None,
        }
    }
}

/// A kept value of the response.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    #[serde(rename = "kept")]
    _name: String,
}

impl Default for Use {
    fn default() -> Self {
        Self {
            header: "Authorization".to_owned(),
            query: None,
            cookie: None,
            basic: None,
            scheme: None,
            prefix: None,
            also: Default::default(),
            expired: vec![401],
        }
    }
}
