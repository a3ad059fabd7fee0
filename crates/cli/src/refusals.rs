//! Credentials that a vendor refused. They are not sent again for an hour, so that a cron job locks no account: each command is a
//! process of its own, and knows of the last one what is in a file.
//!
//! The file is named after a keyed digest of the credentials, so that changed ones are sent at once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use freshtoken::{GrantError, Secret};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::failure::one_line;
use crate::output::timestamp;
use crate::private::replace;
use crate::value::{Lookup, digest};

/// How long refused credentials are not sent again, as in a process that goes on.
const WAIT: Duration = Duration::from_secs(60 * 60);

/// The end of the files' names.
const EXTENSION: &str = "refused";

/// The refused credentials of an account.
pub struct Refusals {
    dir: PathBuf,
    account: Arc<Account>,
    key: Secret,
    /// The file of the credentials that the next request sends.
    file: Mutex<Option<PathBuf>>,
}

/// What is in a file.
#[derive(Serialize, Deserialize)]
struct Refusal {
    account: String,
    /// Seconds since 1970.
    refused_at: u64,
    /// What the vendor said. It has no secret.
    reason: String,
}

impl Refusals {
    /// The files are in this directory.
    pub fn new(dir: PathBuf, account: Arc<Account>, key: Secret) -> Self {
        Self { dir, account, key, file: Mutex::new(None) }
    }

    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The next request sends these credentials.
    pub fn set(&self, credentials: &Lookup) {
        let name = digest(&self.key, [self.account.name.as_str(), &credentials.digest(&self.key)]);
        let file = self.dir.join(name).with_extension(EXTENSION);
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
    }

    fn file(&self) -> Option<PathBuf> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns why the credentials are not sent, if they were refused within the last hour.
    pub fn check(&self) -> Option<String> {
        let refusal = read(&self.file()?)?;
        let refused_at = UNIX_EPOCH + Duration::from_secs(refusal.refused_at);
        // One from the future means nothing.
        if SystemTime::now().duration_since(refused_at).map_or(true, |since| since > WAIT) {
            return None;
        }
        let [from, to] = [refused_at, refused_at + WAIT].map(|time| timestamp(time).unwrap_or_default());
        let (argument, reason) = (self.account.argument(), refusal.reason);
        Some(format!(
            "the credentials were refused at {from}, and are not sent again before {to}; change them, or run `freshtoken revoke \
             {argument} --forget` first: {reason}"
        ))
    }

    /// The vendor has refused the credentials. A file that cannot be written costs another request.
    pub fn keep(&self, error: &GrantError) {
        let Some(file) = self.file() else { return };
        let refused_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let refusal = Refusal { account: self.account.name.clone(), refused_at, reason: one_line(&error.to_string()) };
        self.forget();
        if let Ok(text) = serde_json::to_string(&refusal) {
            let _ = replace(&file, &text);
        }
    }

    /// Allows everything that this account sent to be sent again.
    pub fn forget(&self) {
        for entry in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_refusal = path.extension().is_some_and(|extension| extension == EXTENSION);
            if is_refusal && read(&path).is_none_or(|refusal| refusal.account == self.account.name) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

fn read(file: &Path) -> Option<Refusal> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}
