//! Directories and files of this user alone.

#[cfg(unix)]
pub use unix::{create_dir, create_file, open_lock};
#[cfg(windows)]
pub use windows::{create_dir, create_file, open_lock};

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;
use std::io::Write;
use std::path::Path;

/// Replaces a file. A reader sees the old content or the new one.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let aside = path.with_extension("new");
    // Left behind by a write that failed.
    let _ = std::fs::remove_file(&aside);
    create_file(&aside)?.write_all(text.as_bytes())?;
    rename(&aside, path)
}

#[cfg(unix)]
use std::fs::rename;
#[cfg(windows)]
use windows::rename;
