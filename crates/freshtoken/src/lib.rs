//! Tokens that keep themselves fresh.

mod accounts;
mod adapter;
mod clock;
mod credentials;
mod error;
mod failure;
mod issued;
mod machine;
mod slot;
mod source;
mod store;
mod sync;
mod token;
mod vendor;
mod vendors;

pub use accounts::{Accounts, AccountsBuilder};
pub use clock::{Clock, Now, Random};
pub use credentials::CredentialSource;
pub use error::{Error, ErrorKind};
pub use failure::Failure;
pub use freshtoken_wire::{Secret, Verdict};
pub use issued::Issued;
pub use machine::{Rejection, State};
pub use slot::{Counters, Status};
pub use source::{Seen, TokenSource, TokenSourceBuilder};
pub use store::{Key, Lease, Memory, Store, StoreError};
pub use token::{Record, Token};
pub use vendor::{Lifetime, Policy, Refresh, Renew, Takes, Vendor};
pub use vendors::*;
