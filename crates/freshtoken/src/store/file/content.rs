//! The content of a record's file: one line, and the string that a source reads.
//!
//! The line is `freshtoken-record <version> <generation> <check>`, where the check finds accidents: it is the start of the
//! SHA-256 of generation, string and boot. It ends with ` <id> <time>` of the machine's start if that is known, see `boot`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use freshtoken_wire::Secret;

use crate::store::file::access;
use crate::store::file::account::Account;
use crate::store::file::boot::Boot;
use crate::store::file::error::{FileStoreError, Problem};
use crate::store::file::guard::Guard;

/// What the file begins with.
const MAGIC: &str = "freshtoken-record ";

/// The version of the format. Another one is refused.
const VERSION: u64 = 1;

/// The longest file that is read, in bytes. A record has some kilobytes.
const MAX_LEN: u64 = 16 << 20;

/// A record as it is in a file.
pub(crate) struct Stored {
    pub(crate) generation: u64,
    /// When the machine had started, by the clock of the times in the string.
    pub(crate) boot: Option<Boot>,
    pub(crate) text: Secret,
}

fn header(generation: u64, boot: Option<&Boot>, text: &Secret) -> String {
    let check = check(generation, boot, text.expose());
    let boot = boot.map(|Boot { id, at }| format!(" {id} {at}")).unwrap_or_default();
    format!("{MAGIC}{VERSION} {generation} {check}{boot}\n")
}

fn check(generation: u64, boot: Option<&Boot>, text: &str) -> String {
    let mut hash = hmac_sha256::Hash::new();
    hash.update(generation.to_be_bytes());
    hash.update(text.as_bytes());
    if let Some(Boot { id, at }) = boot {
        hash.update(id);
        hash.update(at.to_be_bytes());
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn parse(content: &str) -> Result<Stored, Problem> {
    if content.is_empty() {
        return Err(Problem::Empty);
    }
    let Some(rest) = content.strip_prefix(MAGIC) else {
        return Err(if MAGIC.starts_with(content) { Problem::Damaged } else { Problem::Foreign });
    };
    let (header, text) = rest.split_once('\n').ok_or(Problem::Damaged)?;
    let mut fields = header.split(' ');
    let number = |field: Option<&str>| field.and_then(|field| field.parse::<u64>().ok()).ok_or(Problem::Damaged);
    match number(fields.next())? {
        VERSION => {}
        newer if newer > VERSION => return Err(Problem::Newer),
        _ => return Err(Problem::Damaged),
    }
    let generation = number(fields.next())?;
    let found = fields.next();
    let boot = match fields.next() {
        Some(id) => Some(Boot { id: id.to_owned(), at: number(fields.next())? }),
        None => None,
    };
    if found != Some(&check(generation, boot.as_ref(), text)) || fields.next().is_some() {
        return Err(Problem::Damaged);
    }
    Ok(Stored { generation, boot, text: text.into() })
}

/// Reads a record; `None`: there is none.
///
/// # Errors
///
/// If the file is another user's, or no record.
pub(crate) fn read(path: &Path) -> Result<Option<Stored>, FileStoreError> {
    let Some(file) = access::open(path)? else { return Ok(None) };
    let length = file.metadata().map_err(FileStoreError::io("read", path))?.len();
    if length > MAX_LEN {
        return Err(FileStoreError::new(path, Problem::TooLong));
    }
    // Of the right size at once, so that no part of it is left in memory when it grows.
    let mut content = String::with_capacity(length as usize + 1);
    let read = file.take(MAX_LEN).read_to_string(&mut content);
    let content = Secret::new(content);
    match read {
        Ok(_) => parse(content.expose()).map(Some).map_err(|problem| FileStoreError::new(path, problem)),
        // It is not UTF-8.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(unreadable(path)),
        Err(error) => Err(FileStoreError::io("read", path)(error)),
    }
}

/// A record has one changed bit, or none at all.
fn unreadable(path: &Path) -> FileStoreError {
    let mut start = [0; MAGIC.len()];
    let is_ours =
        File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == MAGIC.as_bytes();
    FileStoreError::new(path, if is_ours { Problem::Damaged } else { Problem::Foreign })
}

fn generation(stored: Option<&Stored>) -> u64 {
    stored.map_or(0, |stored| stored.generation)
}

/// Returns the start of the machine, by the same clock as the times in a new string. If the wall clock was set, that is the clock
/// that the caller got from [`Store::load`](crate::store::Store::load).
fn boot(stored: Option<Stored>) -> Option<Boot> {
    let known = stored.and_then(|stored| stored.boot);
    known.filter(|boot| boot.now_if_clock_was_set().is_some()).or_else(Boot::current)
}

/// See [`Store::compare_and_store`](crate::store::Store::compare_and_store).
///
/// The file is written and synced before the guard is taken, and the directory after it: a process that is stopped while it has
/// the guard blocks the others.
pub(crate) fn compare_and_store(
    account: &Account,
    expected: u64,
    generation_after: u64,
    text: &Secret,
) -> Result<bool, FileStoreError> {
    let path = account.record();
    let stored = read(&path)?;
    if generation(stored.as_ref()) != expected {
        return Ok(false);
    }
    let header = header(generation_after, boot(stored).as_ref(), text);
    let temporary = Temporary::write(account.temporary(), &header, text)?;
    let guard = Guard::take(account)?;
    if generation(read(&path)?.as_ref()) != expected {
        return Ok(false);
    }
    std::fs::rename(&temporary.0, &path).map_err(FileStoreError::io("replace", &path))?;
    drop(guard);
    access::sync_dir(&account.dir)?;
    Ok(true)
}

/// A file that is removed unless it was renamed.
struct Temporary(PathBuf);

impl Temporary {
    fn write(path: PathBuf, header: &str, text: &Secret) -> Result<Self, FileStoreError> {
        let mut file = access::create(&path)?;
        let temporary = Self(path);
        let mut write = || {
            file.write_all(header.as_bytes())?;
            file.write_all(text.expose().as_bytes())?;
            file.sync_all()
        };
        write().map_err(FileStoreError::io("write", &temporary.0))?;
        Ok(temporary)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
