//! A place on disk for as long as something is measured.

use std::path::{Path, PathBuf};

use crate::contenders::Failure;

/// A new folder, which goes when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// `name` tells those of one run apart.
    ///
    /// # Errors
    ///
    /// When there is no room for it.
    pub fn new(name: &str) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("freshtoken-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
