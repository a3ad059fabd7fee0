//! What can be wrong with a directory or a file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A directory or a file of a [`FileStore`](crate::store::FileStore) cannot be used. The message names it, says what to do, and
/// quotes nothing of it.
pub struct FileStoreError {
    path: PathBuf,
    problem: Problem,
}

#[cfg_attr(not(unix), allow(dead_code, reason = "owner and mode are looked at on Unix"))]
pub(crate) enum Problem {
    /// What failed, as in "cannot read".
    Io(&'static str, io::Error),
    Symlink,
    NotADirectory,
    NotAFile,
    OtherOwner,
    /// The mode of a directory or file, and the right one.
    Mode(u32, u32),
    Empty,
    Damaged,
    Foreign,
    Newer,
    TooLong,
    Busy,
}

impl FileStoreError {
    pub(crate) fn new(path: &Path, problem: Problem) -> Self {
        Self { path: path.to_owned(), problem }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::new(path, Problem::Io(action, error))
    }
}

/// What becomes of a record that cannot be read.
const START_OVER: &str = "move it away and log in again";

impl fmt::Display for FileStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Quoted, so that a control character in it does not reach the terminal.
        let path = &self.path;
        match &self.problem {
            Problem::Io(action, error) => write!(f, "cannot {action} {path:?}: {error}"),
            Problem::Symlink => write!(f, "{path:?} is a symbolic link: use the path that it leads to"),
            Problem::NotADirectory => write!(f, "{path:?} is not a directory: choose another path for the store"),
            Problem::NotAFile => write!(f, "{path:?} is not a regular file: move it away"),
            Problem::OtherOwner => {
                write!(
                    f,
                    "{path:?} belongs to another user: run this program as that user, or choose another directory"
                )
            }
            Problem::Mode(mode, right) => write!(
                f,
                "others can access {path:?} (mode {mode:04o}): if nobody has read its tokens, run `chmod {right:04o}` on it, else \
                 remove it and log in again"
            ),
            Problem::Empty => write!(f, "{path:?} is empty, perhaps after a crash: {START_OVER}"),
            Problem::Damaged => write!(f, "{path:?} is damaged or incomplete: {START_OVER}"),
            Problem::Foreign => write!(f, "{path:?} was not written by freshtoken: {START_OVER}"),
            Problem::Newer => {
                write!(f, "{path:?} was written by a newer version of freshtoken: update this program")
            }
            Problem::TooLong => write!(f, "{path:?} is too long for a record: {START_OVER}"),
            Problem::Busy => write!(
                f,
                "another process has kept {path:?} locked for too long: continue or end it if it is stopped, and try again"
            ),
        }
    }
}

/// Prints the message, as `main` does for an error that it returns.
impl fmt::Debug for FileStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for FileStoreError {}
