//! A file with one secret, which the first process creates.

use std::fs::File;
use std::io;
use std::io::{Read, Write};
use std::path::Path;

use freshtoken_wire::Secret;

use crate::store::error::StoreError;
use crate::store::file::access;
use crate::store::file::error::FileStoreError;

/// The longest secret. A longer file was not written by this crate.
const MAX_LEN: u64 = 4096;

/// Reads a secret from a file. If there is no file, it is created with a new secret.
///
/// It is written aside and given its name by a hard link: that fails if another process was faster, and no process ever sees
/// a part of it.
pub(crate) fn secret_file(path: &Path, new: impl FnOnce() -> Result<Secret, StoreError>) -> Result<Secret, StoreError> {
    if let Some(file) = access::open(path)? {
        return Ok(read(file, path)?);
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    access::create_dir(dir)?;
    let aside = dir.join(format!("{}.tmp", access::unique_id()));
    let written = write(&aside, path, &new()?);
    let _ = std::fs::remove_file(&aside);
    written?;
    access::sync_dir(dir)?;
    let file = access::open(path)?.ok_or_else(|| FileStoreError::io("open", path)(io::ErrorKind::NotFound.into()))?;
    Ok(read(file, path)?)
}

fn write(aside: &Path, path: &Path, secret: &Secret) -> Result<(), FileStoreError> {
    let mut file = access::create(aside)?;
    file.write_all(secret.expose().as_bytes()).map_err(FileStoreError::io("write", aside))?;
    file.sync_all().map_err(FileStoreError::io("write", aside))?;
    match std::fs::hard_link(aside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result.map_err(FileStoreError::io("create", path)),
    }
}

fn read(file: File, path: &Path) -> Result<Secret, FileStoreError> {
    // Of the right size at once, so that no part of it is left in memory when it grows.
    let mut text = String::with_capacity(MAX_LEN as usize);
    file.take(MAX_LEN).read_to_string(&mut text).map_err(FileStoreError::io("read", path))?;
    Ok(Secret::new(text))
}
