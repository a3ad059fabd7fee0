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
    // Left behind by a process that was killed.
    let _ = std::fs::remove_file(&aside);
    let result = create_file(&aside).and_then(|mut file| file.write_all(text.as_bytes()));
    let result = result.and_then(|()| rename(&aside, path));
    if result.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    result
}

#[cfg(unix)]
use std::fs::rename;
#[cfg(windows)]
use windows::rename;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_a_file_that_cannot_be_replaced() {
        let dir = std::env::temp_dir().join(format!("freshtoken-replace-{}", std::process::id()));
        // A directory is not replaced.
        std::fs::create_dir_all(dir.join("token")).unwrap();
        replace(&dir.join("token"), "hunter2").unwrap_err();
        let left: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(left, ["token"]);
    }
}
