//! Makes the token source of an account.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use freshtoken::env::{EnvError, FromEnv};
use freshtoken::event::Event;
use freshtoken::store::{FileStore, Seal};
use freshtoken::{CredentialSource, Secret, TokenSource};

use crate::account::Account;
use crate::failure::Failure;
use crate::grants::Grants;
use crate::refusals::Refusals;
use crate::tracked::{Problems, Tracked};
use crate::value::Lookup;

/// What a source is made from.
pub struct Setup<'a> {
    pub account: &'a Arc<Account>,
    pub storage: &'a Storage,
    pub key: &'a Key,
    /// Where it is kept which credentials were refused.
    pub state: PathBuf,
    pub mode: Mode,
    pub on_event: Option<OnEvent>,
    /// How long the command may take.
    pub limit: Duration,
}

/// The callback for what happens to a token.
pub type OnEvent = Arc<dyn Fn(&Event) + Send + Sync>;

/// When a source renews its token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// When it is asked for a token.
    OnDemand,
    /// Although no caller asks.
    InBackground,
}

/// Where records are kept.
#[derive(Clone)]
pub enum Storage {
    File(FileStore),
    #[cfg(feature = "redis")]
    Redis(freshtoken_redis::RedisStore),
}

/// The key of the records, and of the digests of credentials.
#[derive(Clone)]
pub struct Key {
    pub seal: Seal,
    pub digest: Secret,
}

/// A token source with what the program has to know about it.
#[derive(Clone)]
pub struct Opened {
    pub tokens: TokenSource,
    pub account: Arc<Account>,
    /// The digest of the credentials, which the token has too if it came from them.
    pub digest: String,
    /// What failed on this machine while a request was made.
    pub problems: Arc<Problems>,
    /// Which credentials were refused.
    pub refusals: Arc<Refusals>,
    /// What was asked of the vendor.
    pub grants: Arc<Grants>,
    /// Whether the store is on this machine, and needs no runtime.
    pub is_local: bool,
}

impl Opened {
    /// Loads what other processes have stored.
    pub async fn load(&self) -> Result<(), Failure> {
        let failed = |error: freshtoken::Error| {
            let failure = Failure::of(&error, &self.account);
            // A broken file stays broken; another store may be back soon.
            if self.is_local { Failure::other(failure.message) } else { failure }
        };
        self.tokens.load_stored().await.map_err(failed)
    }
}

type Open = fn(Setup<'_>) -> Result<Opened, Failure>;

macro_rules! table {
    ($($vendor:ident)*) => {
        /// How a source is made for each vendor, by its name.
        static OPEN: &[(&str, Open)] = &[$((
            <freshtoken::$vendor::Endpoint as freshtoken::Vendor>::POLICY.vendor,
            open_as::<freshtoken::$vendor::Endpoint>,
        )),*];
    };
}
freshtoken::for_vendors!(table);

/// Makes a source. It sends no request before it is asked for a token.
pub fn open(setup: Setup<'_>) -> Result<Opened, Failure> {
    let name = setup.account.vendor.name;
    match OPEN.iter().find(|(vendor, _)| *vendor == name) {
        Some((_, open)) => open(setup),
        None => Err(Failure::other(format!("no source for {name}"))),
    }
}

fn open_as<V: FromEnv<Credentials: Clone + PartialEq>>(setup: Setup<'_>) -> Result<Opened, Failure> {
    let account = setup.account;
    let refusals = Arc::new(Refusals::new(setup.state, account.clone(), setup.key.digest.clone()));
    let (vendor, credentials, requested) = read::<V>(account, &refusals)?;
    let digest = account.digest(&setup.key.digest);
    let problems = Arc::<Problems>::default();
    let grants = Arc::<Grants>::default();
    let vendor = Tracked::new(vendor, digest.clone(), problems.clone(), refusals.clone(), grants.clone());
    let credentials = match credentials {
        Some(credentials) => credentials.into(),
        None => ask::<V>(account.clone(), problems.clone(), refusals.clone(), setup.limit),
    };
    // A source with a callback does not know what it requests, so that becomes a part of the name. A name has no space.
    let name = if requested.is_empty() { account.name.clone() } else { format!("{} {requested}", account.name) };
    let mut builder = TokenSource::builder(vendor, credentials).seal(setup.key.seal.clone());
    let is_local = matches!(setup.storage, Storage::File(_));
    builder = match setup.storage.clone() {
        Storage::File(store) => builder.store(store, name),
        #[cfg(feature = "redis")]
        Storage::Redis(store) => builder.store(store, name),
    };
    if let Some(token) = account.refresh_token()? {
        builder = builder.refresh_token(token);
    }
    if setup.mode == Mode::InBackground {
        builder = builder.refresh_in_background();
    }
    if let Some(on_event) = setup.on_event {
        builder = builder.on_event(move |event| on_event(event));
    }
    Ok(Opened { tokens: builder.build(), account: account.clone(), digest, problems, refusals, grants, is_local })
}

/// Reads what decides where the record is kept, and the credentials too if all of them are at hand.
fn read<V: FromEnv>(account: &Account, refusals: &Refusals) -> Result<(V, Option<V::Credentials>, String), Failure> {
    let read = |lookup: &Lookup| V::from_vars(&|name| lookup.get(name)).map_err(|error| account.explain(&error));
    let lookup = account.lookup("x")?;
    let (vendor, credentials) = read(&lookup)?;
    let requested = V::requested(&credentials);
    if !lookup.has_placeholders() {
        refusals.set(&lookup);
        return Ok((vendor, Some(credentials), requested));
    }
    // With another placeholder, the record must be the same.
    let (other, other_credentials) = read(&account.lookup("y")?)?;
    if other.server() != vendor.server() || V::requested(&other_credentials) != requested {
        return Err(Failure::usage(format!(
            "account {}: a value that decides where the token is kept comes from a command; write a literal, a variable or \
             a file",
            account.name
        )));
    }
    Ok((vendor, None, requested))
}

/// Gets the credentials when a request needs them.
fn ask<V: FromEnv<Credentials: PartialEq>>(
    account: Arc<Account>,
    problems: Arc<Problems>,
    refusals: Arc<Refusals>,
    limit: Duration,
) -> CredentialSource<V::Credentials> {
    // The rest of the time is for the message that names what takes too long.
    let limit = limit / 10 * 9;
    CredentialSource::ask(move || {
        let (account, problems, refusals) = (account.clone(), problems.clone(), refusals.clone());
        async move {
            let found = async {
                let lookup = account.resolve(limit).await?;
                refusals.set(&lookup);
                let (_, credentials) =
                    V::from_vars(&|name| lookup.get(name)).map_err(|error: EnvError| account.explain(&error))?;
                Ok(credentials)
            };
            found.await.map_err(|failure: Failure| {
                let message = failure.message.clone();
                problems.set(failure);
                message.into()
            })
        }
    })
}
