//! On Windows, what is in the user's profile is the user's alone: it inherits the access control list of the profile.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::Duration;

/// How often a file is replaced that a reader has open.
const TRIES: u32 = 100;

/// The wait between two tries.
const WAIT: Duration = Duration::from_millis(10);

/// Creates a directory. The mode is for Unix.
pub fn create_dir(dir: &Path, _: u32) -> io::Result<()> {
    std::fs::create_dir_all(dir)
}

/// Creates a file, which must not exist.
pub fn create_file(path: &Path) -> io::Result<File> {
    File::create_new(path)
}

/// Opens a file to lock it, and creates it if it does not exist.
pub fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path)
}

/// Renames a file over another one. This fails while a reader has that one open, which is soon over.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    for _ in 1..TRIES {
        match std::fs::rename(from, to) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => std::thread::sleep(WAIT),
            result => return result,
        }
    }
    std::fs::rename(from, to)
}
