//! Every vendor of this workspace, and how a token source is made for one.

use std::sync::Arc;

use freshtoken::env::{EnvError, FromEnv, Variable};
use freshtoken::event::Event;
use freshtoken::store::{FileStore, Seal};
use freshtoken::{CredentialSource, Secret, TokenPolicy, TokenSource};

use crate::account::Account;
use crate::failure::Failure;
use crate::grants::Grants;
use crate::tracked::{Problems, Tracked};
use crate::value::Lookup;

/// A vendor: what the program knows about it, and how it makes a source.
pub struct Entry {
    pub name: &'static str,
    /// The prefix of its variables, without the `_` after it.
    pub prefix: &'static str,
    pub variables: &'static [Variable],
    pub policy: TokenPolicy,
    open: fn(Setup<'_>) -> Result<Opened, Failure>,
}

/// What a source is made from.
pub struct Setup<'a> {
    pub account: &'a Arc<Account>,
    pub storage: &'a Storage,
    pub key: &'a Key,
    pub mode: Mode,
    pub on_event: Option<OnEvent>,
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
    /// The digest of the credentials, which the token has too if it came from them.
    pub digest: String,
    /// What failed on this machine while a request was made.
    pub problems: Arc<Problems>,
    /// What was asked of the vendor.
    pub grants: Arc<Grants>,
    /// Whether the store is on this machine, and needs no runtime.
    pub is_local: bool,
}

impl Opened {
    /// Loads what other processes have stored.
    pub async fn load(&self) -> Result<(), Failure> {
        // A broken file stays broken; another store may be back soon.
        let failed = |error| if self.is_local { Failure::other(format!("{error:#}")) } else { Failure::from(error) };
        self.tokens.load_stored().await.map_err(failed)
    }
}

impl Entry {
    const fn of<V: FromEnv<Credentials: PartialEq>>() -> Self {
        Self { name: V::POLICY.vendor, prefix: V::PREFIX, variables: V::VARIABLES, policy: V::POLICY, open: open::<V> }
    }

    /// Makes a source. It sends no request before it is asked for a token.
    pub fn open(&self, setup: Setup<'_>) -> Result<Opened, Failure> {
        (self.open)(setup)
    }

    /// Returns the variable for the refresh token to start with, if the vendor has one.
    pub fn refresh_token(&self) -> Option<&'static str> {
        let mut names = self.variables.iter().map(|variable| variable.name);
        names.find(|name| name.strip_prefix(self.prefix) == Some("_REFRESH_TOKEN"))
    }

    /// Whether the variable says where the vendor is, and not who asks.
    pub fn is_place(&self, variable: &str) -> bool {
        matches!(variable.strip_prefix(self.prefix), Some("_URL" | "_SERVER"))
    }
}

macro_rules! table {
    ($($vendor:ident)*) => {
        /// Every vendor, in the order of their names.
        pub static VENDORS: &[Entry] = &[$(Entry::of::<freshtoken::$vendor::Endpoint>()),*];
    };
}
freshtoken::for_vendors!(table);

/// Returns the vendor of this name.
pub fn find(name: &str) -> Result<&'static Entry, Failure> {
    VENDORS.iter().find(|vendor| vendor.name == name).ok_or_else(|| {
        let names = VENDORS.iter().map(|vendor| vendor.name);
        Failure::usage(format!("unknown vendor {name:?}{}; `freshtoken vendors` lists all", nearest(name, names)))
    })
}

/// Returns the known name that is nearest to a typo, as the end of a message.
pub fn nearest<'a>(typo: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let similar = known.into_iter().map(|name| (strsim::jaro_winkler(typo, name), name));
    let nearest = similar.filter(|(similarity, _)| *similarity > 0.7).max_by(|one, other| one.0.total_cmp(&other.0));
    nearest.map(|(_, name)| format!("; did you mean `{name}`?")).unwrap_or_default()
}

fn open<V: FromEnv<Credentials: PartialEq>>(setup: Setup<'_>) -> Result<Opened, Failure> {
    let account = setup.account;
    let (vendor, credentials, scopes) = read::<V>(account)?;
    let digest = account.digest(&setup.key.digest);
    let problems = Arc::<Problems>::default();
    let grants = Arc::<Grants>::default();
    let vendor = Tracked::new(vendor, digest.clone(), problems.clone(), grants.clone());
    let credentials = match credentials {
        Some(credentials) => credentials.into(),
        None => ask::<V>(account.clone(), problems.clone()),
    };
    // The scopes are a part of the name, since a source does not know those of a callback. A name has no space.
    let name = if scopes.is_empty() { account.name.clone() } else { format!("{} {scopes}", account.name) };
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
    Ok(Opened { tokens: builder.build(), digest, problems, grants, is_local })
}

/// Reads what decides where the record is kept, and the credentials too if all of them are at hand.
fn read<V: FromEnv>(account: &Account) -> Result<(V, Option<V::Credentials>, String), Failure> {
    let read = |lookup: &Lookup| V::from_vars(&|name| lookup.get(name)).map_err(|error| account.explain(&error));
    let lookup = account.lookup("x")?;
    let (vendor, credentials) = read(&lookup)?;
    let scopes = V::scopes(&credentials);
    if !lookup.has_placeholders() {
        return Ok((vendor, Some(credentials), scopes));
    }
    // With another placeholder, the record must be the same.
    let (other, other_credentials) = read(&account.lookup("y")?)?;
    if other.server() != vendor.server() || V::scopes(&other_credentials) != scopes {
        return Err(Failure::usage(format!(
            "account {}: the server and the scopes decide where the token is kept; give them as values or variables",
            account.name
        )));
    }
    Ok((vendor, None, scopes))
}

/// Gets the credentials when a request needs them.
fn ask<V: FromEnv<Credentials: PartialEq>>(
    account: Arc<Account>,
    problems: Arc<Problems>,
) -> CredentialSource<V::Credentials> {
    CredentialSource::ask(move || {
        let (account, problems) = (account.clone(), problems.clone());
        async move {
            let found = async {
                let lookup = account.resolve().await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_gets_the_nearest_name_and_nonsense_gets_none() {
        assert_eq!(nearest("vouchrify", ["zenoti", "voucherify"]), "; did you mean `voucherify`?");
        assert_eq!(nearest("qqq", ["zenoti", "voucherify"]), "");
    }

    #[test]
    fn every_vendor_has_a_name_and_variables_with_its_prefix() {
        assert!(!VENDORS.is_empty());
        for vendor in VENDORS {
            assert!(!vendor.name.is_empty());
            for variable in vendor.variables {
                assert!(variable.name.starts_with(&format!("{}_", vendor.prefix)), "{}", variable.name);
            }
        }
    }
}
