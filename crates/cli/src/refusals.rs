//! Credentials that a vendor refused. They are not sent again for an hour, so that a cron job locks no account: each command is a
//! process of its own, and knows of the last one only what is in a file.
//!
//! The file is named after a keyed digest of the credentials, so that changed ones are sent at once.

use std::io;
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
        let refused_at = refusal.refused_at()?;
        let [from, to] = [refused_at, refused_at + WAIT].map(|time| timestamp(time).unwrap_or_default());
        let hint = if self.account.vendor.policy.login {
            format!("change them, or run `freshtoken revoke {} --forget` first", self.account.argument())
        } else {
            // It would forget the consent too.
            "change them".to_owned()
        };
        let reason = refusal.reason;
        Some(format!("the credentials were refused at {from}, and are not sent again before {to}; {hint}: {reason}"))
    }

    /// The vendor has refused the credentials.
    pub fn keep(&self, error: &GrantError) -> io::Result<()> {
        let Some(file) = self.file() else { return Ok(()) };
        let refused_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let refusal = Refusal { account: self.account.name.clone(), refused_at, reason: one_line(&error.to_string()) };
        self.remove(|kept| kept.refused_at().is_none());
        replace(&file, &serde_json::to_string(&refusal)?)
    }

    /// The vendor has accepted the credentials.
    pub fn accepted(&self) {
        if let Some(file) = self.file() {
            let _ = std::fs::remove_file(file);
        }
    }

    /// Allows everything that this account sent to be sent again.
    pub fn forget(&self) {
        self.remove(|refusal| refusal.account == self.account.name);
    }

    /// Removes these refusals, and files that cannot be read.
    fn remove(&self, is_removed: impl Fn(&Refusal) -> bool) {
        for entry in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_refusal = path.extension().is_some_and(|extension| extension == EXTENSION);
            if is_refusal && read(&path).is_none_or(|refusal| is_removed(&refusal)) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

impl Refusal {
    /// Returns when the credentials were refused, if that was within the last hour. A time in the future means nothing.
    fn refused_at(&self) -> Option<SystemTime> {
        let refused_at = UNIX_EPOCH.checked_add(Duration::from_secs(self.refused_at))?;
        SystemTime::now().duration_since(refused_at).is_ok_and(|since| since <= WAIT).then_some(refused_at)
    }
}

fn read(file: &Path) -> Option<Refusal> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}
