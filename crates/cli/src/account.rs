//! An account: a vendor, and where the values of its variables come from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use freshtoken::Secret;
use freshtoken::env::EnvError;

use crate::failure::Failure;
use crate::value::{self, Lookup, Value};
use crate::variable::{UNSET, flaw, similar};
use crate::vendors::Entry;

/// An account of a vendor.
pub struct Account {
    /// Its name in the configuration file, or the vendor's name.
    pub name: String,
    pub vendor: &'static Entry,
    /// By the name of the variable.
    pub values: BTreeMap<&'static str, Value>,
    /// The configuration file that it comes from. `None`: it comes from the vendor's variables.
    pub file: Option<PathBuf>,
}

impl Account {
    /// Returns the account that a vendor's variables describe.
    pub fn of_environment(vendor: &'static Entry) -> Self {
        let set = vendor.variables.iter().filter(|variable| crate::environment(variable.name).is_some());
        let values = set.map(|variable| (variable.name, Value::Variable(variable.name.to_owned())));
        Self { name: vendor.name.to_owned(), vendor, values: values.collect(), file: None }
    }

    /// Returns how a command names it.
    pub fn argument(&self) -> String {
        if self.file.is_some() { format!("--account {}", self.name) } else { self.name.clone() }
    }

    /// Returns the values that are at hand, and a placeholder for each of the others.
    pub fn lookup(&self, placeholder: &str) -> Result<Lookup, Failure> {
        let mut lookup = Lookup::default();
        for (&name, value) in &self.values {
            match value.at_hand() {
                Some(Some(value)) => lookup.set(name, value),
                Some(None) => {}
                // The vendor's address must be known, and needs no secret. A value that is not a secret can decide where the
                // token is kept.
                None if self.vendor.is_place(name) || !self.vendor.is_secret(name) && !value.is_command() => {
                    if let Some(value) = value.read(&self.describe(name))? {
                        lookup.set(name, value);
                    }
                }
                None => lookup.set_placeholder(name, placeholder),
            }
        }
        Ok(lookup)
    }

    /// Reads every value within this time: files are read, and commands run.
    pub async fn resolve(&self, limit: Duration) -> Result<Lookup, Failure> {
        let start = Instant::now();
        let mut lookup = Lookup::default();
        for (&name, value) in &self.values {
            let left = limit.saturating_sub(start.elapsed());
            if let Some(value) = value.resolve(&self.describe(name), left).await? {
                lookup.set(name, value);
            }
        }
        Ok(lookup)
    }

    /// Returns the refresh token to start with, if there is one.
    pub fn refresh_token(&self) -> Result<Option<Secret>, Failure> {
        let Some(name) = self.vendor.refresh_token() else { return Ok(None) };
        self.values.get(name).map_or(Ok(None), |value| value.read(&self.describe(name)))
    }

    /// Returns a digest of the credentials, without the server and the base URL. A file or a command is identified by its name.
    pub fn digest(&self, key: &Secret) -> String {
        let is_start = |name: &str| self.vendor.refresh_token() == Some(name);
        let credentials = self.values.iter().filter(|(name, _)| !self.vendor.is_place(name) && !is_start(name));
        let identified: Vec<_> = credentials.map(|(&name, value)| (name, value.identity())).collect();
        value::digest(key, identified.iter().flat_map(|(name, (kind, identity))| [*name, *kind, identity.expose()]))
    }

    /// Returns how a person knows the value of a variable.
    fn describe(&self, variable: &str) -> String {
        match self.file {
            Some(_) => format!("account {}: {}", self.name, self.key(variable)),
            None => variable.to_owned(),
        }
    }

    /// Returns the key of a variable in the configuration file.
    fn key(&self, variable: &str) -> String {
        let name = variable.strip_prefix(self.vendor.prefix).and_then(|name| name.strip_prefix('_'));
        let name = name.unwrap_or(variable).to_ascii_lowercase();
        if self.vendor.is_place(variable) { name } else { format!("credentials.{name}") }
    }

    /// Says what is missing or wrong where the person has to write it.
    pub fn explain(&self, error: &EnvError) -> Failure {
        let (message, mut names) = (error.to_string(), error.variables());
        let Some(file) = &self.file else {
            let mut parts = vec![message];
            for name in &names {
                parts.extend(flaw(name).filter(|flaw| *flaw != UNSET).map(|flaw| format!("{name} {flaw}")));
                parts.extend(similar(name));
            }
            return Failure::usage(parts.join("; "));
        };
        let flaws = self.flaws();
        let has_flaw = |name: &String| self.variable(name).and_then(flaw).is_some();
        // The keys are there, so their variables are what to set.
        let parts = if !names.is_empty() && names.iter().all(has_flaw) {
            flaws
        } else {
            // A name can be the beginning of another.
            names.sort_by_key(|name| std::cmp::Reverse(name.len()));
            let message = names.iter().fold(message, |message, name| message.replace(name, &self.key(name)));
            let message = message.replace("the environment variable ", "").replace(" in the environment", "");
            [vec![message], flaws].concat()
        };
        Failure::usage(format!("account {} in {file:?}: {}", self.name, parts.join("; ")))
    }

    /// Returns the variable that the file names for a value.
    fn variable(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(Value::Variable(variable)) => Some(variable),
            _ => None,
        }
    }

    /// Says which variables that the file names have no value.
    fn flaws(&self) -> Vec<String> {
        let mut parts = Vec::new();
        let mut is_unset = false;
        for name in self.values.keys() {
            let Some(variable) = self.variable(name) else { continue };
            let Some(flaw) = flaw(variable) else { continue };
            parts.push(format!("{} comes from {variable}, which {flaw}", self.key(name)));
            parts.extend(similar(variable));
            is_unset |= flaw == UNSET;
        }
        if is_unset {
            parts.push("cron and systemd pass none of your shell's variables".to_owned());
        }
        parts
    }

    /// Whether a refresh token to start with is configured.
    pub fn has_refresh_token(&self) -> bool {
        self.vendor.refresh_token().is_some_and(|name| self.values.contains_key(name))
    }
}
