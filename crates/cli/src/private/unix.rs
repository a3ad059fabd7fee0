//! On Unix, modes say whose something is, whatever the umask is.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::process::geteuid;

/// Creates a directory with this mode. One that exists must be this user's, and no looser.
pub fn create_dir(dir: &Path, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let metadata = dir.symlink_metadata()?;
            if !metadata.is_dir() {
                return Err(io::Error::other("it is no directory"));
            }
            if metadata.uid() != geteuid().as_raw() {
                return Err(io::Error::other("it belongs to another user"));
            }
            let is_loose = metadata.mode() & 0o777 & !mode != 0;
            if is_loose {
                return Err(io::Error::other(format!("others can access it; run `chmod {mode:o} {}`", dir.display())));
            }
            Ok(())
        }
        result => {
            result?;
            // The umask can have taken something away.
            std::fs::set_permissions(dir, Permissions::from_mode(mode))
        }
    }
}

/// Creates a file, which must not exist.
pub fn create_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Opens a file to lock it, and creates it if it does not exist.
pub fn open_lock(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}
