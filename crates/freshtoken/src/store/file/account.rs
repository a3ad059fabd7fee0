//! The names of an account's files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::file::access;
use crate::store::key::Key;

/// The files of one key.
#[derive(Clone)]
pub(crate) struct Account {
    pub(super) dir: Arc<Path>,
    pub(super) digest: String,
}

impl Account {
    pub(super) fn new(dir: Arc<Path>, key: &Key) -> Self {
        Self { dir, digest: key.digest() }
    }

    pub(super) fn record(&self) -> PathBuf {
        self.dir.join(format!("{}.record", self.digest))
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join(format!("{}.lock", self.digest))
    }

    pub(super) fn held(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{}.{id}.held", self.digest))
    }

    pub(super) fn temporary(&self) -> PathBuf {
        self.dir.join(format!("{}.{}.tmp", self.digest, access::unique_id()))
    }
}
