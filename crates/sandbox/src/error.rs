//! The errors of reading specs and starting a sandbox.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::spec::duration::show;

/// Why a sandbox can't be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder can't be read.
    Unreadable(String, io::Error),
    /// A spec can't be simulated.
    Spec(String, String),
    /// There is no vendor with this name.
    UnknownVendor {
        /// The name.
        name: String,
        /// The names of the vendors that exist.
        known: Vec<String>,
    },
    /// There is no credential with this name.
    UnknownCredential {
        /// The vendor, or all vendors if none was named.
        vendor: String,
        /// The name.
        name: String,
        /// The names of the credentials that exist.
        known: Vec<String>,
    },
    /// A client can't authenticate in this way.
    UnknownAlternative {
        /// The vendor.
        vendor: String,
        /// The name.
        name: String,
        /// The names of the ways that exist, if there is a choice.
        known: Vec<String>,
    },
    /// With this lifetime, a vendor's tokens would expire after the year 9999, the last that dates can represent.
    Lifetime(String, Duration),
    /// The folder contains no spec.
    NoSpecs(String),
    /// Two vendors have the same name.
    DuplicateVendor(String),
    /// The address isn't loopback.
    NotLoopback(SocketAddr),
    /// The server can't listen on the address.
    Address(SocketAddr, io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "cannot read {path}: {error}"),
            Self::Spec(vendor, why) => write!(f, "cannot simulate the spec of {vendor}: {why}"),
            Self::UnknownVendor { name, known } if known.is_empty() => {
                write!(f, "unknown vendor `{name}`: there are no vendors")
            }
            Self::UnknownVendor { name, known } => {
                write!(f, "unknown vendor `{name}`; the vendors are: {}", known.join(", "))
            }
            Self::UnknownCredential { vendor, name, known } => {
                write!(f, "`{name}` is not a credential of {vendor}; the credentials are: {}", known.join(", "))
            }
            Self::UnknownAlternative { vendor, name, known } if known.is_empty() => {
                write!(f, "`{name}` is not in `one-of` of {vendor}, which has none")
            }
            Self::UnknownAlternative { vendor, name, known } => {
                write!(f, "`{name}` is not in `one-of` of {vendor}, which has: {}", known.join(", "))
            }
            Self::Lifetime(vendor, lifetime) => {
                write!(
                    f,
                    "a lifetime of {} is too long for {vendor}: the token would expire after the year 9999",
                    show(*lifetime)
                )
            }
            Self::NoSpecs(folder) => write!(f, "{folder} has no spec: it contains no .yaml or .yml file"),
            Self::DuplicateVendor(name) => write!(f, "the vendor `{name}` was added twice"),
            Self::NotLoopback(address) => {
                write!(f, "{address} is not loopback; the sandbox only listens on addresses such as 127.0.0.1 or ::1")
            }
            Self::Address(address, error) => write!(f, "cannot listen on {address}: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, error) | Self::Address(_, error) => Some(error),
            _ => None,
        }
    }
}
