//! Where records are kept: in the source, in a store that this crate has, or in your own [`Store`].
//!
//! A *record* is everything known about one account. Sources with the same store and [`Key`] share their token, in whichever
//! process or machine they run.
//!
//! | store | for |
//! | --- | --- |
//! | none | one source |
//! | [`MemoryStore`] | several sources in one process |
//! | `FileStore` (feature `file`) | the processes of one machine |
//! | `RedisStore` of the crate `freshtoken-redis` | many machines |
//! | your own [`Store`] | another database |
//!
//! A source without a store keeps the newest record itself and has one fetch at a time. A memory store of its own would be a
//! copy that costs a fifth of an account's memory.

pub(crate) use self::any::AnyStore;
pub use self::contract::{Loaded, Store};
pub use self::entry::Entry;
pub use self::error::{StoreError, UnreadableRecord};
#[cfg(feature = "file")]
pub use self::file::{FileLease, FileStore, FileStoreError};
pub use self::key::Key;
pub use self::memory::MemoryStore;
pub use self::record::Record;
pub use self::record_json::RecordError;
#[cfg(feature = "seal")]
pub use self::ring::SealKey;
pub use self::seal::Seal;
pub use self::seal_error::SealError;
pub use self::sealing::Sealing;

pub(crate) mod any;
mod contract;
pub(crate) mod entry;
mod error;
#[cfg(feature = "file")]
mod file;
mod key;
mod memory;
pub(crate) mod record;
mod record_json;
#[cfg(feature = "seal")]
mod ring;
pub(crate) mod seal;
mod seal_error;
pub(crate) mod sealing;
