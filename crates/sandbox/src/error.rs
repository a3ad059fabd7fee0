//! Why a sandbox can't be started.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why a sandbox can't be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder can't be read.
    Unreadable(String, io::Error),
    /// A spec can't be played.
    Spec(String, String),
    /// There is no such vendor.
    UnknownVendor {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// Two vendors of one name.
    Twice(String),
    /// An address that isn't this machine's own.
    NotLoopback(SocketAddr),
    /// The address can't be listened on.
    Address(SocketAddr, io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "{path} can't be read: {error}"),
            Self::Spec(vendor, why) => write!(f, "the spec of {vendor} can't be played: {why}"),
            Self::UnknownVendor { name, known } if known.is_empty() => {
                write!(f, "there is no vendor `{name}`, nor any other")
            }
            Self::UnknownVendor { name, known } => {
                write!(f, "there is no vendor `{name}`; there are: {}", known.join(", "))
            }
            Self::Twice(name) => write!(f, "the vendor `{name}` is there twice"),
            Self::NotLoopback(address) => {
                write!(f, "{address} isn't loopback; the sandbox listens on 127.0.0.1 or ::1 alone")
            }
            Self::Address(address, error) => write!(f, "{address} can't be listened on: {error}"),
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
