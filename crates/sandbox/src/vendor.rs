//! A vendor to simulate: its spec and its settings.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::account::Accounts;
use crate::clock::Clock;
use crate::error::Error;
use crate::spec::document::Document;
use crate::spec::x_token::XToken;
use crate::spec::x_token::action::SingleUse;

/// The path prefix of the control endpoint. No vendor can have this name.
pub(crate) const CONTROL: &str = "_sandbox";

/// A vendor to simulate: its spec, and settings for what the spec leaves open.
///
/// ```
/// use freshtoken_sandbox::PlayedVendor;
/// use std::time::Duration;
///
/// let spec = concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs/voucherify.yaml");
/// let voucherify = PlayedVendor::read(spec)?.lifetime(Duration::from_secs(5)).live_tokens(1_000);
/// # Ok::<(), freshtoken_sandbox::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PlayedVendor {
    pub(crate) name: String,
    pub(crate) document: Document,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) refresh_lifetime: Option<Duration>,
    pub(crate) live_tokens: Option<usize>,
    /// What the tenant decides, if it may.
    single_use: Option<bool>,
    pub(crate) repeats_live_token: bool,
    pub(crate) accounts: usize,
    pub(crate) any: Vec<String>,
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
}

impl PlayedVendor {
    /// Parses a spec. The name becomes a part of the vendor's URL.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Spec`] if the string isn't a valid spec, uses keywords that the sandbox doesn't support, or if
    /// the name contains anything but ASCII letters, digits, `-`, `_` and `.`.
    pub fn parse(name: &str, spec: &str) -> Result<Self, Error> {
        let refuse = |why: String| Error::Spec(name.to_owned(), why);
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !is_plain || !name.contains(|c: char| c.is_ascii_alphanumeric()) || name == CONTROL {
            return Err(refuse("the name is not allowed in a URL; use letters, digits, `-`, `_` and `.`".to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            document: Document::parse(spec).map_err(refuse)?,
            lifetime: None,
            refresh_lifetime: None,
            live_tokens: None,
            single_use: None,
            repeats_live_token: false,
            accounts: 1,
            any: Vec::new(),
            seed: 0,
            clock: Clock::running(),
        })
    }

    /// Reads a spec from a file. The vendor is named after the file: `specs/zenoti.yaml` is `zenoti`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`PlayedVendor::parse`], and [`Error::Unreadable`].
    pub fn read(file: impl AsRef<Path>) -> Result<Self, Error> {
        let file = file.as_ref();
        let spec = fs::read_to_string(file).map_err(|error| Error::Unreadable(file.display().to_string(), error))?;
        Self::parse(&file.file_stem().unwrap_or_default().to_string_lossy(), &spec)
    }

    /// Reads the vendors of a folder: those with the given names, in that order, or all of them in alphabetical order
    /// if there are no names.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`PlayedVendor::read`], [`Error::UnknownVendor`] for a name without a spec, and
    /// [`Error::NoSpecs`] if there are neither names nor specs.
    pub fn read_folder(folder: impl AsRef<Path>, names: &[String]) -> Result<Vec<Self>, Error> {
        let folder = folder.as_ref();
        let unreadable = |error| Error::Unreadable(folder.display().to_string(), error);
        let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let mut files: Vec<_> = entries.map_err(unreadable)?.into_iter().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"));
        files.sort();
        let stem = |file: &Path| file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if names.is_empty() && files.is_empty() {
            return Err(Error::NoSpecs(folder.display().to_string()));
        }
        if names.is_empty() {
            return files.iter().map(Self::read).collect();
        }
        let of_name = |name: &String| match files.iter().find(|file| stem(file) == *name) {
            Some(file) => Self::read(file),
            None => {
                Err(Error::UnknownVendor { name: name.clone(), known: files.iter().map(|file| stem(file)).collect() })
            }
        };
        names.iter().map(of_name).collect()
    }

    /// Returns the vendor's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets the lifetime of access tokens. The default is that of the spec's example, then `x-token.lifetime`, then an
    /// hour.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Sets the lifetime of refresh tokens. The default is that of the spec's example, then 90 days.
    ///
    /// Zero means that refresh tokens never expire, and responses contain 0 or the epoch as their expiry. The same
    /// applies if the spec's example has no real expiry, such as 0, -1 or a date in 1970.
    pub fn refresh_lifetime(mut self, lifetime: Duration) -> Self {
        self.refresh_lifetime = Some(lifetime);
        self
    }

    /// Sets the maximum number of live access tokens. A login or refresh that would exceed it is refused. There is no
    /// limit by default.
    pub fn live_tokens(mut self, most: usize) -> Self {
        self.live_tokens = Some(most);
        self
    }

    /// Plays a tenant whose refresh tokens work any number of times, if the spec leaves that to the tenant. The response to a
    /// refresh then has no refresh token, if the spec allows that.
    pub fn reusable_refresh_tokens(mut self) -> Self {
        self.single_use = Some(false);
        self
    }

    /// Plays a tenant whose refresh tokens work once, if the spec leaves that to the tenant.
    pub fn single_use_refresh_tokens(mut self) -> Self {
        self.single_use = Some(true);
        self
    }

    /// Whether a refresh token works once.
    pub(crate) fn is_single_use(&self) -> bool {
        match self.document.token.as_ref().map(XToken::single_use).unwrap_or_default() {
            SingleUse::Always(is_single_use) => is_single_use,
            SingleUse::Tenant(default) => self.single_use.unwrap_or(default),
        }
    }

    /// Returns the newest live token again, with its remaining lifetime, instead of a new one, as some vendors do. In
    /// the token's last second, a new one is issued.
    pub fn repeat_live_token(mut self) -> Self {
        self.repeats_live_token = true;
        self
    }

    /// Sets the number of accounts. The credentials of the second end in `-2`, and so on. The default is one.
    pub fn accounts(mut self, accounts: usize) -> Self {
        self.accounts = accounts;
        self
    }

    /// Returns the names of the ways in which a client can authenticate (`one-of`). It is empty if there is only one.
    pub fn alternatives(&self) -> Vec<String> {
        self.document.token.as_ref().map(XToken::alternatives).unwrap_or_default()
    }

    /// Plays for a client that authenticates in this way of `one-of`, not in the first:
    /// [`environment`](crate::Issuer::environment) has its credentials. Requests in the other ways are accepted too.
    ///
    /// # Errors
    ///
    /// Returns [`Error::UnknownAlternative`] if there is no such way.
    pub fn alternative(mut self, name: &str) -> Result<Self, Error> {
        let known = self.alternatives();
        match &mut self.document.token {
            Some(token) if known.iter().any(|known| known == name) => token.prefer(name),
            _ => return Err(Error::UnknownAlternative { vendor: self.name, name: name.to_owned(), known }),
        }
        Ok(self)
    }

    /// Returns the names of the vendor's credentials, including those set with [`any`](PlayedVendor::any).
    pub fn credentials(&self) -> Vec<String> {
        Accounts::new(&self.document, 1, &[]).credentials()[0].keys().cloned().collect()
    }

    /// Returns the values of the first account's credentials. Those of further accounts start with them.
    pub(crate) fn secrets(&self) -> Vec<String> {
        Accounts::new(&self.document, 1, &[]).credentials()[0].values().cloned().collect()
    }

    /// Accepts any value for this credential, such as a device ID that the vendor doesn't check.
    /// [`Sandbox::start`](crate::Sandbox::start) returns an error if there is no such credential.
    pub fn any(mut self, credential: impl Into<String>) -> Self {
        self.any.push(credential.into());
        self
    }

    /// Sets the seed for faults that have a probability. The default is 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the clock. The default is a running clock of its own.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}
