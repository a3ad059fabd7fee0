//! Why a value cannot be computed.

use std::fmt;

/// Why a value cannot be computed. It contains the name of a credential, and nothing of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputeError(Problem);

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "uuid"), allow(dead_code, reason = "only the features have these problems"))]
enum Problem {
    /// The system has no randomness.
    Random,
    /// A credential can't be used.
    Credential { name: String, problem: &'static str },
    /// A key is of a kind that no algorithm of the vendor takes.
    Kind { name: String, kind: &'static str, algorithms: String },
}

#[cfg(feature = "jwt")]
impl ComputeError {
    pub(crate) fn credential(name: &str, problem: &'static str) -> Self {
        Self(Problem::Credential { name: name.to_owned(), problem })
    }

    pub(crate) fn kind(name: &str, kind: &'static str, algorithms: String) -> Self {
        Self(Problem::Kind { name: name.to_owned(), kind, algorithms })
    }
}

#[cfg(feature = "uuid")]
impl ComputeError {
    pub(crate) fn random() -> Self {
        Self(Problem::Random)
    }
}

impl fmt::Display for ComputeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Problem::Random => f.write_str("the system returned no random bytes"),
            Problem::Credential { name, problem } => write!(f, "the credential `{name}` {problem}"),
            Problem::Kind { name, kind, algorithms } => {
                write!(f, "the credential `{name}` is {kind}, and the vendor takes a key for {algorithms}")
            }
        }
    }
}

impl std::error::Error for ComputeError {}
