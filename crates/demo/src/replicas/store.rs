//! The store that the replicas share: where it is, and what can happen to it.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use clap::ValueEnum;
use freshtoken::store::FileStore;
use freshtoken_redis::RedisStore;

use super::message::StoreAddress;
use super::redis_server::RedisServer;

/// The kind of store, as an option of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoreKind {
    /// A directory on this machine.
    File,
    /// A `redis-server` that is started for this run.
    Redis,
}

/// A store in a replica.
pub enum OpenStore {
    File(FileStore),
    Redis(RedisStore),
}

impl OpenStore {
    /// Opens the store. Redis may be down meanwhile.
    ///
    /// # Errors
    ///
    /// Returns the errors of the store.
    pub fn open(address: &StoreAddress) -> Result<Self, Box<dyn Error>> {
        match address {
            StoreAddress::Directory(path) => Ok(Self::File(FileStore::open(path)?)),
            StoreAddress::Redis(url) => Ok(Self::Redis(RedisStore::lazy(url)?)),
        }
    }
}

/// The store of a run, as its parent has it. It is removed at the end.
pub struct SharedStore {
    pub redis: Option<RedisServer>,
    folder: Folder,
}

impl SharedStore {
    /// Creates an empty store.
    ///
    /// # Errors
    ///
    /// If the folder cannot be created, or `redis-server` does not start.
    pub fn create(kind: StoreKind) -> Result<Self, Box<dyn Error>> {
        let folder = Folder::create()?;
        let redis = match kind {
            StoreKind::File => None,
            StoreKind::Redis => Some(RedisServer::start(folder.0.join("redis"))?),
        };
        Ok(Self { redis, folder })
    }

    /// Returns where the replicas find it.
    pub fn address(&self) -> StoreAddress {
        match &self.redis {
            Some(redis) => StoreAddress::Redis(redis.url()),
            None => StoreAddress::Directory(self.folder.0.join("records")),
        }
    }
}

/// A temporary folder.
struct Folder(PathBuf);

impl Folder {
    fn create() -> Result<Self, String> {
        let mut number = 0;
        loop {
            let path = std::env::temp_dir().join(format!("freshtoken-demo-{}-{number}", process::id()));
            match create_private(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && number < 100 => number += 1,
                Err(error) => return Err(format!("cannot create {}: {error}", path.display())),
            }
        }
    }
}

/// Creates a folder that only this user can read.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
