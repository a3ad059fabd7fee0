//! What the options, variables and files say: option before variable, before file, before default.

use std::cell::OnceCell;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use freshtoken::store::{FileStore, Seal, SealKey};
use tokio::runtime::{Builder, Runtime};

use crate::account::Account;
use crate::args::{Common, Which, duration};
use crate::config::{Config, KeyPlace};
use crate::environment;
use crate::failure::Failure;
use crate::note::note;
use crate::paths;
use crate::source::{self, Key, Mode, OnEvent, Opened, Setup, Storage};
use crate::value::NESTED;
use crate::vendors;

/// How long a command may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a command waits at its end for what is still to be stored.
const DRAIN: Duration = Duration::from_secs(3);

/// What the options, variables and files say.
pub struct Context {
    pub options: Common,
    config: OnceCell<Config>,
}

impl Context {
    pub fn new(options: Common) -> Self {
        Self { options, config: OnceCell::new() }
    }

    /// Prints a warning, unless none is wanted.
    pub fn warn(&self, message: &str) {
        if !self.options.quiet {
            note(&format!("freshtoken: {message}"));
        }
    }

    /// Returns how long the command may take.
    pub fn timeout(&self) -> Result<Duration, Failure> {
        match (self.options.timeout, environment("FRESHTOKEN_TIMEOUT")) {
            (Some(timeout), _) => Ok(timeout),
            (None, Some(text)) => {
                duration(&text).map_err(|error| Failure::usage(format!("FRESHTOKEN_TIMEOUT cannot be used: {error}")))
            }
            (None, None) => Ok(TIMEOUT),
        }
    }

    /// Returns the configuration file's content; it is empty if there is no file and none is named.
    pub fn config(&self) -> Result<&Config, Failure> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let named = self.options.config.clone().or_else(|| environment("FRESHTOKEN_CONFIG").map(PathBuf::from));
        let config = match named {
            Some(path) => Config::read(&paths::absolute(&path))?,
            None => match paths::config() {
                Some(path) if path.exists() => Config::read(&path)?,
                path => Config { path: path.unwrap_or_else(|| "config.toml".into()), ..Config::default() },
            },
        };
        Ok(self.config.get_or_init(|| config))
    }

    /// Returns the account that the command is about.
    pub fn account(&self, which: &Which) -> Result<Arc<Account>, Failure> {
        match (&which.vendor, &self.options.account) {
            (Some(_), Some(_)) => {
                Err(Failure::usage("name a vendor or --account, not both: an account has its own credentials"))
            }
            (Some(vendor), None) => Ok(Arc::new(Account::of_environment(vendors::find(vendor)?))),
            (None, Some(account)) => self.config()?.account(account),
            (None, None) => match environment("FRESHTOKEN_ACCOUNT") {
                Some(account) => self.config()?.account(&account),
                None => Err(Failure::usage(
                    "name a vendor, or an account with --account; `freshtoken vendors` lists the vendors",
                )),
            },
        }
    }

    /// Returns every account of the file, and every vendor whose variables are set.
    pub fn accounts(&self) -> Result<Vec<Arc<Account>>, Failure> {
        let mut accounts: Vec<Arc<Account>> = self.config()?.accounts.values().cloned().collect();
        let of_environment =
            vendors::VENDORS.iter().map(Account::of_environment).filter(|account| !account.values.is_empty());
        accounts.extend(of_environment.map(Arc::new));
        Ok(accounts)
    }

    /// Opens the place where tokens are kept. Nothing is sent.
    pub fn storage(&self) -> Result<Storage, Failure> {
        if environment(NESTED).is_some() {
            return Err(Failure::usage("a credential command cannot call freshtoken for a token"));
        }
        let option = self.options.store.clone().map(|store| store.to_string_lossy().into_owned());
        if option.as_deref().is_some_and(has_password) {
            return Err(Failure::usage(
                "--store has a password, which every user can see in `ps`; use FRESHTOKEN_STORE",
            ));
        }
        let chosen = match option.filter(|store| !store.is_empty()).or_else(|| environment("FRESHTOKEN_STORE")) {
            Some(store) => Some(store),
            None => match &self.config()?.store {
                Some(url) => {
                    let missing = || {
                        Failure::usage(format!(
                            "store.redis in {:?} has no value",
                            self.config.get().map(|config| &config.path)
                        ))
                    };
                    Some(url.read("store.redis")?.ok_or_else(missing)?.expose().to_owned())
                }
                None => None,
            },
        };
        match chosen {
            Some(url) if url.starts_with("file://") => {
                Err(Failure::usage(format!("the store {url:?} cannot be used: write a directory, without `file://`")))
            }
            Some(url) if url.contains("://") => redis(&url),
            Some(dir) => file_store(&paths::absolute(dir.as_ref())),
            None => file_store(&paths::state()?),
        }
    }

    /// Returns the key of the records, which is created if there is none.
    pub fn key(&self) -> Result<Key, Failure> {
        let dir = paths::state()?;
        let path = dir.join("key");
        FileStore::open(&dir).map_err(unusable_dir)?;
        let key = match self.config()?.key {
            KeyPlace::File => SealKey::read_or_create(&path).map_err(Failure::usage)?,
            #[cfg(feature = "keyring")]
            KeyPlace::Keyring => crate::keyring::read_or_create(&path)?,
        };
        Ok(Key { digest: key.to_base64(), seal: Seal::new(key) })
    }

    /// Opens a source for a command.
    pub fn open(&self, account: &Arc<Account>) -> Result<Opened, Failure> {
        self.open_with(account, Mode::OnDemand, None)
    }

    /// Opens a source.
    pub fn open_with(&self, account: &Arc<Account>, mode: Mode, on_event: Option<OnEvent>) -> Result<Opened, Failure> {
        let (storage, key) = (self.storage()?, self.key()?);
        let (state, limit) = (paths::state()?, self.timeout()?);
        source::open(Setup { account, storage: &storage, key: &key, state, mode, on_event, limit })
    }
}

fn file_store(dir: &std::path::Path) -> Result<Storage, Failure> {
    FileStore::open(dir).map(Storage::File).map_err(unusable_dir)
}

fn unusable_dir(error: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("{error} (FRESHTOKEN_STATE_DIR names another state directory)"))
}

/// Connects when a request needs it.
#[cfg(feature = "redis")]
fn redis(url: &str) -> Result<Storage, Failure> {
    let store = freshtoken_redis::RedisStore::lazy(url);
    store.map(Storage::Redis).map_err(|error| Failure::usage(format!("the store cannot be used: {error}")))
}

#[cfg(not(feature = "redis"))]
fn redis(_: &str) -> Result<Storage, Failure> {
    Err(Failure::usage(
        "this build keeps tokens in a directory only; for Redis, install it with `cargo install --path crates/cli --features \
         redis`",
    ))
}

/// Whether a URL has a password: before the host, or in the query, as that of a Unix socket has it.
fn has_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let query = rest.split_once('?').map(|(_, query)| query).unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
        || query.split(['&', ';']).any(|part| part.to_ascii_lowercase().starts_with("pass"))
}

/// Starts what requests need. A fresh token needs none of it.
pub fn runtime() -> Result<Runtime, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::other(format!("cannot start: {error}")))
}

/// Runs a command's requests within its time limit.
pub fn run<T>(
    runtime: &Runtime,
    limit: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    runtime.block_on(async { tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(Failure::timeout(limit))) })
}

/// Ends the runtime once everything is stored and the lease is released.
pub fn finish(runtime: Runtime) {
    let drained = async {
        while runtime.metrics().num_alive_tasks() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let _ = runtime.block_on(async { tokio::time::timeout(DRAIN, drained).await });
    runtime.shutdown_background();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_wherever_a_url_can_have_one() {
        for url in [
            "redis://:pw@host",
            "redis://user:pw@host:6379/0",
            "rediss://user:p@w@host",
            "redis://host/?password=pw",
            "unix:///run/redis.sock?db=1&pass=pw",
        ] {
            assert!(has_password(url), "{url}");
        }
        for url in
            ["redis://host:6379", "redis://user@host", "/var/lib/a:b@c", "redis://host/a:b@c", "redis://host?db=pass"]
        {
            assert!(!has_password(url), "{url}");
        }
    }
}
