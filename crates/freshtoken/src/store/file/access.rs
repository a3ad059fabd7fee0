//! Who can access the files: how they are created and opened, and what is refused.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::Path;

pub(crate) use self::system::{boot_nanos, is_at};
use crate::store::file::error::{FileStoreError, Problem};

/// Creates the directory and its missing parents.
pub(crate) fn create_dir(dir: &Path) -> Result<(), FileStoreError> {
    if dir.symlink_metadata().is_ok() {
        return Ok(());
    }
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists()) {
        create_dir(parent)?;
    }
    match system::create_dir(dir) {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result.map_err(FileStoreError::io("create the directory", dir)),
    }
}

/// Refuses a directory that is not the user's alone.
pub(crate) fn check_dir(dir: &Path) -> Result<(), FileStoreError> {
    let metadata = dir.symlink_metadata().map_err(FileStoreError::io("read the directory", dir))?;
    if metadata.is_symlink() {
        return Err(FileStoreError::new(dir, Problem::Symlink));
    }
    if !metadata.is_dir() {
        return Err(FileStoreError::new(dir, Problem::NotADirectory));
    }
    system::check(&metadata, dir, 0o700)
}

/// Creates a file that must not exist.
pub(crate) fn create(path: &Path) -> Result<File, FileStoreError> {
    let file = options().create_new(true).open(path).map_err(FileStoreError::io("create", path))?;
    system::set_mode(&file).map_err(FileStoreError::io("create", path))?;
    Ok(file)
}

/// Opens a file of the user's; `None`: there is none.
pub(crate) fn open(path: &Path) -> Result<Option<File>, FileStoreError> {
    match options().open(path) {
        Ok(file) => check_file(file, path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(_) if path.is_symlink() => Err(FileStoreError::new(path, Problem::Symlink)),
        Err(_) if path.is_dir() => Err(FileStoreError::new(path, Problem::NotAFile)),
        Err(error) => Err(FileStoreError::io("open", path)(error)),
    }
}

/// Opens a file, and creates it if it does not exist.
pub(crate) fn open_or_create(path: &Path) -> Result<File, FileStoreError> {
    loop {
        if let Some(file) = open(path)? {
            return Ok(file);
        }
        match options().create_new(true).open(path) {
            Ok(file) => {
                system::set_mode(&file).map_err(FileStoreError::io("create", path))?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(FileStoreError::io("create", path)(error)),
        }
    }
}

fn check_file(file: File, path: &Path) -> Result<File, FileStoreError> {
    let metadata = file.metadata().map_err(FileStoreError::io("open", path))?;
    if !metadata.is_file() {
        return Err(FileStoreError::new(path, Problem::NotAFile));
    }
    system::check(&metadata, path, 0o600)?;
    Ok(file)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    system::restrict(&mut options);
    options
}

/// Makes a rename in the directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), FileStoreError> {
    system::sync_dir(dir).map_err(FileStoreError::io("sync", dir))
}

/// 32 hexadecimal digits, different in each call and each process. Its seeds are the system's random numbers.
pub(crate) fn unique_id() -> String {
    let number = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", number(), number())
}

#[cfg(unix)]
mod system {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
    use std::path::Path;

    use rustix::fs::OFlags;
    use rustix::process::geteuid;
    use rustix::time::{ClockId, clock_gettime};

    use crate::store::file::error::{FileStoreError, Problem};

    pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(dir)?;
        // The umask can have taken something away.
        if dir.symlink_metadata()?.mode() & 0o777 != 0o700 {
            std::fs::set_permissions(dir, Permissions::from_mode(0o700))?;
        }
        Ok(())
    }

    /// Opening follows no symbolic link, and waits for no other end of a pipe.
    pub(crate) fn restrict(options: &mut OpenOptions) {
        options.mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    }

    /// The umask can have taken something away.
    pub(crate) fn set_mode(file: &File) -> io::Result<()> {
        if file.metadata()?.mode() & 0o777 != 0o600 {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        Ok(())
    }

    pub(crate) fn check(metadata: &Metadata, path: &Path, right: u32) -> Result<(), FileStoreError> {
        let mode = metadata.mode() & 0o7777;
        if metadata.uid() != geteuid().as_raw() {
            Err(FileStoreError::new(path, Problem::OtherOwner))
        } else if mode & 0o077 != 0 {
            Err(FileStoreError::new(path, Problem::Mode(mode, right)))
        } else {
            Ok(())
        }
    }

    pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    /// Whether this file is what the path leads to.
    pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
        let (file, there) = (file.metadata()?, path.symlink_metadata());
        Ok(there.is_ok_and(|there| (there.dev(), there.ino()) == (file.dev(), file.ino())))
    }

    /// A clock that all processes of the machine share, and that cannot be set. It runs on while the machine sleeps.
    pub(crate) fn boot_nanos() -> u64 {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let clock = ClockId::Boottime;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let clock = ClockId::Monotonic;
        let time = clock_gettime(clock);
        (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
    }
}

/// On Windows, files inherit the access control list of their directory.
#[cfg(not(unix))]
mod system {
    use std::fs::{File, Metadata, OpenOptions};
    use std::io;
    use std::path::Path;
    use std::time::{SystemTime, UNIX_EPOCH};

    use crate::store::file::error::FileStoreError;

    pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
        std::fs::create_dir(dir)
    }

    pub(crate) fn restrict(_: &mut OpenOptions) {}

    pub(crate) fn set_mode(_: &File) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn check(_: &Metadata, _: &Path, _: u32) -> Result<(), FileStoreError> {
        Ok(())
    }

    /// NTFS journals renames.
    pub(crate) fn sync_dir(_: &Path) -> io::Result<()> {
        Ok(())
    }

    /// std cannot tell. The file is not removed by this crate.
    pub(crate) fn is_at(_: &File, path: &Path) -> io::Result<bool> {
        Ok(path.exists())
    }

    /// Without a clock in std that processes share: the wall clock. Where it was set back, what a process observed decides.
    pub(crate) fn boot_nanos() -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
    }
}
