//! What the parent and a replica tell each other: JSON, one message per line, over the replica's stdin and stdout.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The first line that a replica reads. It contains secrets, so it is neither an argument nor an environment variable.
#[derive(Clone, Serialize, Deserialize)]
pub struct Setup {
    pub store: StoreAddress,
    /// The key that records are sealed with.
    pub seal_key: String,
    /// The vendor's name.
    pub vendor: String,
    pub accounts: Vec<Account>,
    pub callers: Callers,
}

/// Where the records are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum StoreAddress {
    Directory(PathBuf),
    Redis(String),
}

/// The callers of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Callers {
    /// So many for each account, which call the vendor's API all the time.
    Calling(u32),
    /// One for each account. It calls the API once with each token, and measures how long it had none.
    Watching,
}

/// An account: one token, which all replicas share.
#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    /// The name under which the store keeps its record.
    pub name: String,
    /// The vendor's variables: its URL, its credentials, and the refresh token to start from.
    pub variables: BTreeMap<String, String>,
    pub kind: AccountKind,
    /// How long its callers wait before they start, in milliseconds, so that not all tokens expire at once.
    pub starts_after: u64,
}

/// How an account gets its first token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountKind {
    /// Credentials are enough.
    WithLogin,
    /// Only a person's consent gets one, and the refresh tokens that follow from it.
    WithoutLogin,
}

/// A further line that a replica reads.
#[derive(Clone, Serialize, Deserialize)]
pub enum Command {
    /// A person has consented again.
    Consent { account: usize, refresh_token: String },
    /// The callers stop. The replica sends its last reports and exits.
    Finish,
}

/// A request to the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grant {
    Login,
    Refresh,
}

/// A line that a replica writes. It contains no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Report {
    /// Each account has had a token in this process.
    Ready,
    /// The request is about to be sent.
    Sending { account: usize, grant: Grant },
    /// The response has arrived, with a token.
    Issued { account: usize, grant: Grant },
    /// There was no response, or one without a token.
    Failed { account: usize, grant: Grant, error: String },
    /// The new token is in the store.
    Stored { account: usize },
    /// A token of another replica was loaded from the store.
    Adopted { account: usize },
    /// A person has to consent again.
    ConsentNeeded { account: usize },
    /// A caller had no token for so long, in milliseconds.
    Gap { account: usize, millis: u64 },
    /// A call failed although there was a token.
    CallFailed { account: usize, error: String },
    /// What the callers have seen since the replica was started.
    Calls { served: u64, failed: u64, slowest_millis: u64, error: Option<String> },
}

impl Report {
    /// The number of the account that it is about.
    pub fn account(&self) -> Option<usize> {
        match self {
            Self::Sending { account, .. }
            | Self::Issued { account, .. }
            | Self::Failed { account, .. }
            | Self::Stored { account }
            | Self::Adopted { account }
            | Self::ConsentNeeded { account }
            | Self::CallFailed { account, .. }
            | Self::Gap { account, .. } => Some(*account),
            Self::Ready | Self::Calls { .. } => None,
        }
    }
}
