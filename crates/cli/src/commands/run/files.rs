//! The files of `run --file`: the token and the headers of a call.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::environment;
use crate::failure::Failure;
use crate::obtain::Obtained;
use crate::output;
use crate::paths;
use crate::private::{create_dir, create_file, replace};

/// The directory of one command. It is removed at the end, or by the next command if this one is killed.
pub struct Files {
    dir: PathBuf,
    /// Locked for as long as the process lives.
    lock: Option<File>,
}

impl Files {
    /// Creates the directory, and removes those of killed processes.
    pub fn create() -> Result<Self, Failure> {
        let runtime = environment("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute());
        let parent = match &runtime {
            Some(runtime) => runtime.join("freshtoken"),
            None => paths::state()?.join("run"),
        };
        let dir = parent.join(std::process::id().to_string());
        let failed = |error: io::Error| {
            let hint = match &runtime {
                Some(runtime) => unusable(runtime),
                None => "set XDG_RUNTIME_DIR to a directory of this user".to_owned(),
            };
            Failure::usage(format!("cannot create {dir:?}: {error}; {hint}"))
        };
        create_dir(&parent, 0o700).map_err(failed)?;
        remove_leftovers(&parent);
        create_dir(&dir, 0o700).map_err(failed)?;
        let lock = create_file(&dir.join("lock")).map_err(failed)?;
        lock.try_lock().map_err(|error| failed(error.into()))?;
        Ok(Self { dir, lock: Some(lock) })
    }

    /// The file with the token, without a newline.
    pub fn token(&self) -> PathBuf {
        self.dir.join("token")
    }

    /// The file with the headers, one per line.
    pub fn headers(&self) -> PathBuf {
        self.dir.join("headers")
    }

    /// Replaces both files. A reader sees the old file or the new one.
    pub fn write(&self, obtained: &Obtained) -> Result<(), Failure> {
        let mut files = vec![(self.token(), output::token(obtained)?.to_owned())];
        // A token for the query has no header.
        if obtained.account.vendor.policy.query.is_none() {
            files.push((self.headers(), output::header_lines(obtained)?));
        }
        for (path, text) in files {
            replace(&path, &text).map_err(|error| Failure::other(format!("cannot write {path:?}: {error}")))?;
        }
        Ok(())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // Windows does not remove what is open.
        self.lock = None;
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Says what is wrong with the directory that XDG_RUNTIME_DIR names.
fn unusable(dir: &Path) -> String {
    let problem = match std::fs::metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => "does not exist",
        Ok(metadata) if !metadata.is_dir() => "is not a directory",
        // After `su` or `sudo`, the variable can still name that of the other user.
        #[cfg(unix)]
        Ok(metadata) if is_of_another(&metadata) => "belongs to another user",
        _ => "cannot be used",
    };
    format!("XDG_RUNTIME_DIR names {dir:?}, which {problem}: correct it, or unset it to use the state directory")
}

#[cfg(unix)]
fn is_of_another(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(metadata) != rustix::process::geteuid().as_raw()
}

/// Removes the directories whose processes are dead: their lock is free.
fn remove_leftovers(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let dir = entry.path();
        let is_dead = File::open(dir.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_dead {
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}
