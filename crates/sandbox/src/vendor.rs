//! A vendor to play: its spec, and how it is to be played.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::account::Accounts;
use crate::clock::Clock;
use crate::error::Error;
use crate::spec::document::Document;

/// The name of the control endpoint, next to the vendors. No vendor can have it.
pub(crate) const CONTROL: &str = "_sandbox";

/// A vendor to play: its spec, and what the spec leaves open.
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
    pub(crate) repeats_live_token: bool,
    pub(crate) accounts: usize,
    pub(crate) any: Vec<String>,
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
}

impl PlayedVendor {
    /// A vendor from the text of its spec. The name is a part of its URL.
    ///
    /// # Errors
    ///
    /// [`Error::Spec`], for a text that isn't a spec, for words that the sandbox doesn't play, and for a name that
    /// isn't made of ASCII letters, digits, `-`, `_` and `.`.
    pub fn parse(name: &str, spec: &str) -> Result<Self, Error> {
        let refuse = |why: String| Error::Spec(name.to_owned(), why);
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !is_plain || !name.contains(|c: char| c.is_ascii_alphanumeric()) || name == CONTROL {
            return Err(refuse("its name can't stand in a URL".to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            document: Document::parse(spec).map_err(refuse)?,
            lifetime: None,
            refresh_lifetime: None,
            live_tokens: None,
            repeats_live_token: false,
            accounts: 1,
            any: Vec::new(),
            seed: 0,
            clock: Clock::running(),
        })
    }

    /// A vendor from a file, after which it is named: `specs/zenoti.yaml` is `zenoti`.
    ///
    /// # Errors
    ///
    /// As [`PlayedVendor::parse`], and [`Error::Unreadable`].
    pub fn read(file: impl AsRef<Path>) -> Result<Self, Error> {
        let file = file.as_ref();
        let spec = fs::read_to_string(file).map_err(|error| Error::Unreadable(file.display().to_string(), error))?;
        Self::parse(&file.file_stem().unwrap_or_default().to_string_lossy(), &spec)
    }

    /// The vendors of a folder: those of these names in their order, or all of them by name where there are none.
    ///
    /// # Errors
    ///
    /// As [`PlayedVendor::read`], [`Error::UnknownVendor`], and [`Error::NoSpecs`] where all of none are asked for.
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

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long an access token lives. The default is that of the spec's example, else `x-token.lifetime`, else an
    /// hour.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// How long a refresh token lives. The default is that of the spec's example, else 90 days.
    ///
    /// Zero is no expiry: the token never expires, and responses name 0 or the epoch in its place. So it is where the
    /// spec's example has no real expiry, such as 0, -1 or a date in 1970.
    pub fn refresh_lifetime(mut self, lifetime: Duration) -> Self {
        self.refresh_lifetime = Some(lifetime);
        self
    }

    /// How many access tokens may be live at once; a login, or a refresh that adds one, is refused beyond that. No limit
    /// unless set.
    pub fn live_tokens(mut self, most: usize) -> Self {
        self.live_tokens = Some(most);
        self
    }

    /// Returns the newest live token once more, with what is left of its life, instead of a new one: some vendors do.
    /// In its last second a new one is issued.
    pub fn repeat_live_token(mut self) -> Self {
        self.repeats_live_token = true;
        self
    }

    /// How many accounts it knows. The credentials of the second end in `-2`, and so on. One unless set.
    pub fn accounts(mut self, accounts: usize) -> Self {
        self.accounts = accounts;
        self
    }

    /// The names of its credentials, those that may have any value too.
    pub fn credentials(&self) -> Vec<String> {
        Accounts::new(&self.document, 1, &[]).credentials()[0].keys().cloned().collect()
    }

    /// What its credentials are or, beyond the first account, begin with.
    pub(crate) fn secrets(&self) -> Vec<String> {
        Accounts::new(&self.document, 1, &[]).credentials()[0].values().cloned().collect()
    }

    /// Takes any value of this credential, such as a device's id that the vendor doesn't check. That there is such a
    /// credential is checked when the sandbox starts.
    pub fn any(mut self, credential: impl Into<String>) -> Self {
        self.any.push(credential.into());
        self
    }

    /// Seeds the dice of faults with a probability. 0 unless set.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Tells it the time. A running clock of its own unless set.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}
