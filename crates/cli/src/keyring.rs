//! The key of the records in the keyring of the operating system: the Secret Service on Linux, Keychain on macOS, and the
//! Credential Manager on Windows.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use freshtoken::Secret;
use freshtoken::store::SealKey;
use keyring::{Entry, Error};

use crate::failure::Failure;
use crate::private::open_lock;

/// The name of the program in the keyring.
const SERVICE: &str = "freshtoken";

/// How long the keyring may take. A cron job must not wait until a person unlocks it.
const LIMIT: Duration = Duration::from_secs(2);

/// What to do about a keyring that cannot be used. The key is never kept elsewhere instead.
const ADVICE: &str = "start and unlock it, or write `key = \"file\"` in the configuration";

/// Returns the key. If the keyring has none, the key of `file` is copied there, so that the records stay readable; without
/// that file, a key is created.
pub fn read_or_create(file: &Path) -> Result<SealKey, Failure> {
    let (sender, receiver) = mpsc::channel();
    let path = file.to_owned();
    // A call to a keyring cannot be interrupted. The thread ends with the process.
    std::thread::spawn(move || sender.send(find(&path)));
    match receiver.recv_timeout(LIMIT) {
        Ok(found) => {
            found.map_err(|problem| Failure::usage(format!("the keyring cannot be used: {problem}; {ADVICE}")))
        }
        Err(RecvTimeoutError::Timeout) => {
            Err(Failure::later(format!("the keyring does not respond within 2 s; {ADVICE}"), LIMIT))
        }
        // The thread has panicked, and said why.
        Err(RecvTimeoutError::Disconnected) => Err(Failure::other(format!("the keyring cannot be used; {ADVICE}"))),
    }
}

fn find(file: &Path) -> Result<SealKey, String> {
    if let Err(error) = Entry::store_status() {
        return Err(error.to_string());
    }
    // Each state directory has its own key, in the keyring as in a file.
    let entry = Entry::new(SERVICE, &file.to_string_lossy()).map_err(text)?;
    if let Some(key) = read(&entry)? {
        return Ok(key);
    }
    // Processes that start at the same time must not each store their own key.
    let _lock = lock(&file.with_extension("lock"))?;
    if let Some(key) = read(&entry)? {
        return Ok(key);
    }
    let key = if file.exists() {
        SealKey::read_or_create(file).map_err(|error| error.to_string())?
    } else {
        SealKey::generate().map_err(|error| error.to_string())?
    };
    entry.set_password(key.to_base64().expose()).map_err(text)?;
    Ok(key)
}

fn read(entry: &Entry) -> Result<Option<SealKey>, String> {
    match entry.get_password() {
        Ok(key) => Secret::new(key).expose().parse().map(Some).map_err(|_| "its entry is not a key".to_owned()),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(text(error)),
    }
}

fn text(error: Error) -> String {
    error.to_string()
}

fn lock(path: &Path) -> Result<std::fs::File, String> {
    let locked = open_lock(path).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|error| format!("cannot lock {path:?}: {error}"))
}
