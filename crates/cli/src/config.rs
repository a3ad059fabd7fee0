//! The configuration file: accounts, and where tokens are kept.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use freshtoken::Secret;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::account::Account;
use crate::failure::Failure;
use crate::value::Value;
use crate::vendors;
use crate::vendors::{Entry, nearest};

/// The longest file, in bytes.
const MAX_LEN: u64 = 1024 * 1024;

/// What the configuration file says.
#[derive(Default)]
pub struct Config {
    pub path: PathBuf,
    pub store: Option<Value>,
    pub key: KeyPlace,
    pub accounts: BTreeMap<String, Arc<Account>>,
    pub serve: Serve,
}

/// Where the key of the records is kept.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a file of the state directory.
    #[default]
    File,
    /// In the keyring of the operating system.
    #[cfg(feature = "keyring")]
    Keyring,
}

/// The table `serve`.
#[derive(Default)]
pub struct Serve {
    /// Renew tokens although no caller asks.
    pub keep_fresh: bool,
    /// The accounts of the agent. `None`: all.
    pub accounts: Option<Vec<String>>,
}

impl Config {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("cannot read the configuration {path:?}: {error}")))?;
        if text.len() as u64 > MAX_LEN {
            return Err(Failure::usage(format!("the configuration {path:?} is longer than 1 MiB")));
        }
        let access = access(path);
        let text = Secret::new(text);
        Reader { path, text: text.expose(), access }.read()
    }

    /// Returns an account by its name.
    pub fn account(&self, name: &str) -> Result<Arc<Account>, Failure> {
        self.accounts.get(name).cloned().ok_or_else(|| {
            let nearest = nearest(name, self.accounts.keys().map(String::as_str));
            Failure::usage(format!("no account {name:?} in {:?}{nearest}", self.path))
        })
    }
}

/// Who can read the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Owner,
    Others,
}

#[cfg(unix)]
fn access(path: &Path) -> Access {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map(|metadata| metadata.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 == 0) { Access::Owner } else { Access::Others }
}

/// A file in the user's profile inherits its access control list.
#[cfg(not(unix))]
fn access(_: &Path) -> Access {
    Access::Owner
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    access: Access,
}

type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;
type Item<'i> = Spanned<DeValue<'i>>;

impl Reader<'_> {
    fn error(&self, span: Range<usize>, message: impl std::fmt::Display) -> Failure {
        let line = self.text.get(..span.start).unwrap_or_default().matches('\n').count() + 1;
        Failure::usage(format!("{}:{line}: {message}", self.path.display()))
    }

    fn unknown(&self, key: &Key<'_>, known: &[&str]) -> Failure {
        let name = key.get_ref();
        let nearest = nearest(name, known.iter().copied());
        let known = if nearest.is_empty() { format!("; known: {}", known.join(", ")) } else { nearest };
        self.error(key.span(), format!("unknown key {name:?}{known}"))
    }

    fn read(&self) -> Result<Config, Failure> {
        let document =
            DeTable::parse(self.text).map_err(|error| self.error(error.span().unwrap_or_default(), error.message()))?;
        let mut config = Config { path: self.path.to_owned(), ..Config::default() };
        let mut has_version = false;
        for (key, value) in document.get_ref().iter() {
            match key.get_ref().as_ref() {
                "version" => has_version = self.version(value)?,
                "store" => config.store = self.store(value)?,
                "key" => config.key = self.key(value)?,
                "accounts" => config.accounts = self.accounts(value)?,
                "serve" => config.serve = self.serve(value)?,
                _ => return Err(self.unknown(key, &["version", "store", "key", "accounts", "serve"])),
            }
        }
        if !has_version {
            return Err(self.error(0..0, "the first line must be `version = 1`"));
        }
        if let Some(name) =
            config.serve.accounts.iter().flatten().find(|name| !config.accounts.contains_key(name.as_str()))
        {
            let nearest = nearest(name, config.accounts.keys().map(String::as_str));
            return Err(self.error(document.span(), format!("serve.accounts names no account {name:?}{nearest}")));
        }
        Ok(config)
    }

    fn version(&self, value: &Item<'_>) -> Result<bool, Failure> {
        match value.get_ref() {
            DeValue::Integer(version) if version.as_str() == "1" => Ok(true),
            _ => Err(self.error(value.span(), "this program reads version 1; update it, or write `version = 1`")),
        }
    }

    fn store(&self, value: &Item<'_>) -> Result<Option<Value>, Failure> {
        match value.get_ref() {
            DeValue::String(name) if name == "file" => Ok(None),
            DeValue::Table(table) => {
                let mut store = None;
                for (key, value) in table.iter() {
                    match key.get_ref().as_ref() {
                        "redis" => store = Some(self.value(value)?),
                        _ => return Err(self.unknown(key, &["redis"])),
                    }
                }
                Ok(store)
            }
            _ => {
                Err(self
                    .error(value.span(), "write `store = \"file\"` or `store = { redis = { env = \"REDIS_URL\" } }`"))
            }
        }
    }

    fn key(&self, value: &Item<'_>) -> Result<KeyPlace, Failure> {
        match self.string(value)? {
            "file" => Ok(KeyPlace::File),
            #[cfg(feature = "keyring")]
            "keyring" => Ok(KeyPlace::Keyring),
            #[cfg(not(feature = "keyring"))]
            "keyring" => Err(self.error(
                value.span(),
                "this build cannot use a keyring; install it with the feature `keyring`, or write `key = \"file\"`",
            )),
            _ => Err(self.error(value.span(), "write `key = \"file\"` or `key = \"keyring\"`")),
        }
    }

    fn serve(&self, value: &Item<'_>) -> Result<Serve, Failure> {
        let mut serve = Serve::default();
        for (key, value) in self.table(value)?.iter() {
            match key.get_ref().as_ref() {
                "keep_fresh" => match value.get_ref() {
                    DeValue::Boolean(keep_fresh) => serve.keep_fresh = *keep_fresh,
                    _ => return Err(self.error(value.span(), "write `true` or `false`")),
                },
                "accounts" => serve.accounts = Some(self.strings(value)?),
                _ => return Err(self.unknown(key, &["keep_fresh", "accounts"])),
            }
        }
        Ok(serve)
    }

    fn accounts(&self, value: &Item<'_>) -> Result<BTreeMap<String, Arc<Account>>, Failure> {
        let mut accounts = BTreeMap::new();
        for (key, value) in self.table(value)?.iter() {
            let name = key.get_ref().as_ref();
            if !is_name(name) {
                let message = "a name has letters in lower case, digits, `.`, `_` and `-`, and at most 64 of them";
                return Err(self.error(key.span(), format!("account {name:?}: {message}")));
            }
            if vendors::VENDORS.iter().any(|vendor| vendor.name == name) {
                return Err(self.error(key.span(), format!("account {name:?} has a vendor's name; choose another")));
            }
            accounts.insert(name.to_owned(), Arc::new(self.account(name, key, value)?));
        }
        Ok(accounts)
    }

    fn account(&self, name: &str, at: &Key<'_>, value: &Item<'_>) -> Result<Account, Failure> {
        let table = self.table(value)?;
        let vendor =
            table.get("vendor").ok_or_else(|| self.error(at.span(), format!("account {name:?} has no `vendor`")))?;
        let vendor = vendors::find(self.string(vendor)?).map_err(|error| self.error(vendor.span(), error.message))?;
        if let (Some(_), Some((server, _))) = (table.get("url"), table.get_key_value("server")) {
            return Err(self.error(server.span(), "write `server` or `url`, not both"));
        }
        let mut values = BTreeMap::new();
        for (key, value) in table.iter() {
            match key.get_ref().as_ref() {
                "vendor" => {}
                place @ ("server" | "url") => {
                    let variable = variable(vendor, place).ok_or_else(|| {
                        self.error(key.span(), format!("{} has one server; remove `{place}`", vendor.name))
                    })?;
                    values.insert(variable, self.value(value)?);
                }
                "credentials" => self.credentials(vendor, value, &mut values)?,
                name if variable(vendor, name).is_some() => {
                    let message = format!("unknown key {name:?}; did you mean `credentials.{name}`?");
                    return Err(self.error(key.span(), message));
                }
                _ => return Err(self.unknown(key, &["vendor", "server", "url", "credentials"])),
            }
        }
        Ok(Account { name: name.to_owned(), vendor, values, file: Some(self.path.to_owned()) })
    }

    fn credentials(
        &self,
        vendor: &'static Entry,
        value: &Item<'_>,
        values: &mut BTreeMap<&'static str, Value>,
    ) -> Result<(), Failure> {
        let known: Vec<String> = vendor
            .variables
            .iter()
            .filter(|variable| !vendor.is_place(variable.name))
            .map(|variable| variable.name[vendor.prefix.len() + 1..].to_ascii_lowercase())
            .collect();
        for (key, value) in self.table(value)?.iter() {
            let name = key.get_ref().as_ref();
            let variable = Some(name).filter(|name| known.iter().any(|known| known == name));
            let Some(variable) = variable.and_then(|name| variable_of(vendor, name)) else {
                return Err(self.unknown(key, &known.iter().map(String::as_str).collect::<Vec<_>>()));
            };
            let read = self.value(value)?;
            if matches!(read, Value::Literal(_)) && variable.is_secret && self.access == Access::Others {
                let message = format!(
                    "{name} is a secret, and others can read this file: run `chmod 600` on it, or give the place of the \
                     secret, such as {{ env = \"{}\" }}",
                    variable.name
                );
                return Err(self.error(value.span(), message));
            }
            values.insert(variable.name, read);
        }
        Ok(())
    }

    /// Reads a value, or the place that it comes from.
    fn value(&self, value: &Item<'_>) -> Result<Value, Failure> {
        match value.get_ref() {
            DeValue::String(text) => Ok(Value::Literal(Secret::new(text.as_ref()))),
            DeValue::Integer(number) => Ok(Value::Literal(Secret::new(number.as_str()))),
            DeValue::Boolean(value) => Ok(Value::Literal(Secret::new(value.to_string()))),
            DeValue::Array(_) => {
                let items = serde_json::Value::from(self.strings(value)?);
                Ok(Value::Literal(Secret::new(items.to_string())))
            }
            DeValue::Table(table) => {
                let mut places = table.iter();
                let (Some((key, place)), None) = (places.next(), places.next()) else {
                    return Err(self.error(value.span(), "give one of `env`, `file`, `command` and `systemd`"));
                };
                match key.get_ref().as_ref() {
                    "env" => Ok(Value::Variable(self.string(place)?.to_owned())),
                    "file" => Ok(Value::File(self.file(place)?)),
                    "command" => Ok(Value::Command(self.strings(place)?)),
                    "systemd" => Ok(Value::Systemd(self.systemd(place)?)),
                    _ => Err(self.unknown(key, &["env", "file", "command", "systemd"])),
                }
            }
            _ => Err(self
                .error(value.span(), "a value is a string, a list of strings, or a place such as { env = \"NAME\" }")),
        }
    }

    /// The current directory is never searched for a secret.
    fn file(&self, value: &Item<'_>) -> Result<PathBuf, Failure> {
        let path = PathBuf::from(self.string(value)?);
        if path.is_absolute() { Ok(path) } else { Err(self.error(value.span(), "write an absolute path")) }
    }

    fn systemd(&self, value: &Item<'_>) -> Result<String, Failure> {
        let name = self.string(value)?;
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
            return Err(self.error(value.span(), "write the name of a credential, without a path"));
        }
        Ok(name.to_owned())
    }

    fn table<'v, 'i>(&self, value: &'v Item<'i>) -> Result<&'v DeTable<'i>, Failure> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.error(value.span(), "write a table")),
        }
    }

    fn string<'v>(&self, value: &'v Item<'_>) -> Result<&'v str, Failure> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.error(value.span(), "write a string")),
        }
    }

    fn strings(&self, value: &Item<'_>) -> Result<Vec<String>, Failure> {
        match value.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| Ok(self.string(item)?.to_owned())).collect(),
            _ => Err(self.error(value.span(), "write a list of strings, such as [\"one\", \"two\"]")),
        }
    }
}

fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let rest = |c: char| is_plain(c) || matches!(c, '.' | '_' | '-');
    name.len() <= 64 && name.starts_with(is_plain) && name.chars().all(rest)
}

/// Returns the variable for a key of the file.
fn variable_of(vendor: &'static Entry, key: &str) -> Option<&'static freshtoken::env::Variable> {
    let name = format!("{}_{}", vendor.prefix, key.to_ascii_uppercase());
    vendor.variables.iter().find(|variable| variable.name == name)
}

fn variable(vendor: &'static Entry, key: &str) -> Option<&'static str> {
    variable_of(vendor, key).map(|variable| variable.name)
}
