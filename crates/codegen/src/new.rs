//! The templates of a new vendor's spec.

use clap::ValueEnum;

use crate::vendor::Vendor;

/// The grant of a new vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Like {
    /// Logs in with a client's own id and secret, as most vendors do.
    #[default]
    ClientCredentials,
    /// Starts from the refresh token of a person's consent. HTTP Basic, single-use refresh tokens, revocation.
    Refresh,
    /// Logs in with an assertion that a private key signs, as service accounts do.
    Jwt,
    /// Logs in with a user's name and password, in JSON, and refreshes.
    Password,
}

impl Like {
    /// All of them.
    pub const ALL: [Like; 4] = [Like::ClientCredentials, Like::Refresh, Like::Jwt, Like::Password];
}

/// Returns a commented fragment, which passes `gen` unchanged.
pub fn fragment(vendor: &Vendor, like: Like) -> String {
    let template = match like {
        Like::ClientCredentials => include_str!("new/client_credentials.yaml.txt"),
        Like::Refresh => include_str!("new/refresh.yaml.txt"),
        Like::Jwt => include_str!("new/jwt.yaml.txt"),
        Like::Password => include_str!("new/password.yaml.txt"),
    };
    MODELINE.to_owned() + &template.replace("VENDOR", vendor.stem())
}

/// What an editor with the YAML language server reads: the schema that `gen` writes beside the fragment.
const MODELINE: &str = "# yaml-language-server: $schema=fragment.schema.json\n";
