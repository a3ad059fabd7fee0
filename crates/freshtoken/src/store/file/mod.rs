//! A store in a directory, for the processes of one machine.
//!
//! | file | what it is |
//! | --- | --- |
//! | `<digest>.record` | a record (`content`), replaced by rename |
//! | `<digest>.lock` | who has the lease; locked for the microseconds of each change of lease or record (`guard`) |
//! | `<digest>.<id>.held` | locked by the holder of a lease for as long as it lives (`lease`) |
//! | `<digest>.<id>.tmp` | a record that is being written |

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use self::account::Account;
pub use self::error::FileStoreError;
pub use self::lease::FileLease;
use self::lease::Observed;
#[cfg(feature = "seal")]
pub(crate) use self::secret_file::secret_file;
use crate::store::contract::{Loaded, Store};
use crate::store::entry::Entry;
use crate::store::error::StoreError;
use crate::store::key::Key;

mod access;
mod account;
mod boot;
mod content;
mod error;
mod guard;
mod lease;
#[cfg(feature = "seal")]
mod secret_file;

/// A store in a directory, for the processes of one machine.
///
/// ```no_run
/// # use freshtoken::store::FileStore;
/// # use freshtoken::{TokenSource, Vendor};
/// # fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) -> Result<(), Box<dyn std::error::Error>> {
/// let store = FileStore::open("/var/lib/example/tokens")?;
/// let tokens = TokenSource::builder(endpoint, credentials).store(store, "tenant-17").build();
/// # Ok(())
/// # }
/// ```
///
/// # Who can read the files
///
/// The directory has mode 0700 and its files 0600, whatever the umask is. A directory or file that others can read or write,
/// that belongs to another user, or that is a symbolic link is refused. Access control lists are not looked at. On Windows,
/// choose a directory in the user's profile: the files inherit its access control list.
///
/// Without a [`Seal`](crate::store::Seal), anyone who gets hold of a file or of a backup has the tokens.
///
/// # What survives
///
/// A record is written to a temporary file, synced and renamed, so a crash or a full disk leaves the old record or the new one.
/// A file that is empty, damaged, foreign, or written by a newer version is an error that names the file. It is never
/// overwritten: move it away, and log in or have a person consent again. A record stays until it is replaced.
///
/// # Clocks
///
/// A record's times are by the wall clock. If the clock is set afterwards, the machine's uptime says how old the record is (on
/// Linux, until the machine restarts). So no refresh token is sent early when the clock jumps ahead, and no expired token is
/// served when it jumps back.
///
/// # Leases
///
/// The holder of a lease keeps a file locked, and the operating system unlocks it when the process dies. So a dead holder is
/// replaced at once, and a stalled one when its lease has expired.
///
/// A process that is stopped within the few microseconds in which it renames a record blocks the writes of that account until
/// it continues or dies. They fail with an error meanwhile, and nothing is lost.
///
/// # Where it works
///
/// On local file systems, also when containers of one machine share a volume. Don't use a network file system: whether locks
/// and renames of one machine are seen by another at once depends on its mount options. Linux is tested. The
/// code for macOS and Windows compiles, and no test has run there.
#[derive(Clone)]
pub struct FileStore {
    dir: Arc<Path>,
    observed: Observed,
}

impl FileStore {
    /// Opens a directory, and creates it if it does not exist. Its parents too, with mode 0700.
    ///
    /// Files that a killed process left behind are removed.
    ///
    /// # Errors
    ///
    /// If the directory cannot be created, or is not the user's alone.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, FileStoreError> {
        // Without a slash at the end, which would follow a symbolic link.
        let dir: PathBuf = dir.as_ref().components().collect();
        access::create_dir(&dir)?;
        access::check_dir(&dir)?;
        remove_leftovers(&dir);
        Ok(Self { dir: dir.into(), observed: Observed::default() })
    }

    fn account(&self, key: &Key) -> Account {
        Account::new(self.dir.clone(), key)
    }
}

impl Store for FileStore {
    type Lease = FileLease;

    async fn load(&self, key: &Key) -> Result<Loaded, StoreError> {
        let account = self.account(key);
        let stored = blocking(move || content::read(&account.record())).await?;
        let now = stored.as_ref().and_then(|stored| stored.boot.as_ref()?.now_if_clock_was_set());
        let entry = stored.map(|stored| Entry::new(stored.generation, stored.text));
        Ok(Loaded { entry, now })
    }

    async fn compare_and_store(&self, key: &Key, expected: u64, entry: Entry) -> Result<bool, StoreError> {
        let account = self.account(key);
        let text = entry.text()?;
        blocking(move || content::compare_and_store(&account, expected, entry.generation(), &text)).await
    }

    async fn try_lease(&self, key: &Key, _owner: &str, ttl: Duration) -> Result<Option<FileLease>, StoreError> {
        let (account, observed) = (self.account(key), self.observed.clone());
        blocking(move || FileLease::take(account, &observed, ttl)).await
    }

    async fn renew_lease(&self, _key: &Key, lease: &FileLease, ttl: Duration) -> Result<bool, StoreError> {
        let renewal = lease.renewal(ttl);
        blocking(move || renewal.run()).await
    }

    async fn release_lease(&self, _key: &Key, lease: FileLease) -> Result<(), StoreError> {
        blocking(move || {
            drop(lease);
            Ok(())
        })
        .await
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileStore").field(&self.dir).finish()
    }
}

/// Runs file operations where they delay no task. Without a runtime, there is none to delay.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileStoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match Handle::try_current() {
        Ok(runtime) => match runtime.spawn_blocking(work).await {
            Ok(result) => Ok(result?),
            Err(_) => Err("the runtime is shutting down".into()),
        },
        Err(_) => Ok(work()?),
    }
}

/// Older files are left behind by a dead process. One that is stalled for so long fails, and its caller takes that for
/// "unknown".
const LEFT_BEHIND: Duration = Duration::from_secs(600);

/// Removes what killed processes left behind. What cannot be removed does no harm.
fn remove_leftovers(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let is_old = modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > LEFT_BEHIND));
        let is_unused = match path.extension().and_then(|extension| extension.to_str()) {
            Some("tmp") => true,
            Some("held") => lease::is_dead(&path).unwrap_or(false),
            _ => false,
        };
        if is_old && is_unused {
            let _ = std::fs::remove_file(path);
        }
    }
}
