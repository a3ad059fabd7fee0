//! The values of credentials, and the places that they come from.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use freshtoken::Secret;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::failure::{Failure, Status};

/// The longest value, in bytes. Keys and certificates are shorter.
pub const MAX_LEN: u64 = 64 * 1024;

/// Set for a credential command, so that a nested call fails instead of recursing.
pub const NESTED: &str = "FRESHTOKEN_CREDENTIAL_COMMAND";

/// Where the value of a credential comes from.
#[derive(Clone)]
pub enum Value {
    /// It is in the configuration file.
    Literal(Secret),
    /// A variable of the environment.
    Variable(String),
    /// The content of a file.
    File(PathBuf),
    /// What a command prints. The first item is the program; no shell is used.
    Command(Vec<String>),
    /// A credential of a systemd unit.
    Systemd(String),
}

/// What the variables of a vendor are looked up in.
#[derive(Default)]
pub struct Lookup {
    values: BTreeMap<&'static str, Secret>,
    has_placeholders: bool,
}

impl Lookup {
    pub fn get(&self, name: &str) -> Option<String> {
        self.values.get(name).map(|value| value.expose().to_owned())
    }

    pub fn set(&mut self, name: &'static str, value: Secret) {
        self.values.insert(name, value);
    }

    /// Sets a value that is looked up when a request needs it.
    pub fn set_placeholder(&mut self, name: &'static str, value: &str) {
        self.has_placeholders = true;
        self.set(name, value.into());
    }

    pub fn has_placeholders(&self) -> bool {
        self.has_placeholders
    }

    /// Returns a digest of all names and values.
    pub fn digest(&self, key: &Secret) -> String {
        digest(key, self.values.iter().flat_map(|(name, value)| [name, value.expose()]))
    }
}

/// Returns a keyed digest of these parts.
pub fn digest<'a>(key: &Secret, parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut mac = hmac_sha256::HMAC::new(key.expose());
    for part in parts {
        mac.update((part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

impl Value {
    /// Returns the value if it is at hand: no file is read and no command is run.
    pub fn at_hand(&self) -> Option<Option<Secret>> {
        match self {
            Self::Literal(value) => Some(Some(value.clone())),
            Self::Variable(name) => Some(crate::environment(name).map(Secret::new)),
            Self::File(_) | Self::Command(_) | Self::Systemd(_) => None,
        }
    }

    /// Whether a command prints it.
    pub fn is_command(&self) -> bool {
        matches!(self, Self::Command(_))
    }

    /// Returns what identifies the value: itself, or the place that it comes from.
    pub fn identity(&self) -> (&'static str, Secret) {
        match self {
            Self::Literal(value) => ("value", value.clone()),
            Self::Variable(name) => ("value", Secret::new(crate::environment(name).unwrap_or_default())),
            Self::File(path) => ("file", Secret::new(path.to_string_lossy())),
            Self::Command(command) => ("command", Secret::new(command.join("\0"))),
            Self::Systemd(name) => ("systemd", Secret::new(name.as_str())),
        }
    }

    /// Reads the value. `what` is what it is for, in messages. A command that takes longer than the limit is killed.
    pub async fn resolve(&self, what: &str, limit: Duration) -> Result<Option<Secret>, Failure> {
        match self {
            Self::Command(command) => {
                let late = |_| {
                    // An argument can be a secret.
                    let program = command.first().map(String::as_str).unwrap_or_default();
                    let message = "did not finish in time; try again, or raise --timeout";
                    Failure::new(Status::Later, format!("{what}: the command {program:?} {message}"))
                };
                tokio::time::timeout(limit, run(command, what)).await.map_err(late)?.map(Some)
            }
            _ => self.read(what),
        }
    }

    /// Reads a value that no command prints.
    pub fn read(&self, what: &str) -> Result<Option<Secret>, Failure> {
        match self {
            Self::File(path) => read_file(path, what).map(Some),
            Self::Systemd(name) => read_file(&systemd(name, what)?, what).map(Some),
            Self::Command(_) => Err(Failure::usage(format!("{what}: cannot come from a command"))),
            Self::Literal(_) | Self::Variable(_) => Ok(self.at_hand().flatten()),
        }
    }
}

fn systemd(name: &str, what: &str) -> Result<PathBuf, Failure> {
    let directory = crate::environment("CREDENTIALS_DIRECTORY").ok_or_else(|| {
        Failure::usage(format!(
            "{what}: CREDENTIALS_DIRECTORY is not set; add LoadCredential={name} to the systemd unit"
        ))
    })?;
    Ok(Path::new(&directory).join(name))
}

fn read_file(path: &Path, what: &str) -> Result<Secret, Failure> {
    let failed = |error| Failure::usage(format!("{what}: cannot read {path:?}: {error}"));
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::with_capacity(1024);
    file.take(MAX_LEN + 1).read_to_end(&mut bytes).map_err(failed)?;
    text(bytes).map_err(|problem| Failure::usage(format!("{what}: {path:?} {problem}")))
}

/// Runs a credential command. Its stdin is empty, its stderr is the user's, and its stdout is never shown.
async fn run(command: &[String], what: &str) -> Result<Secret, Failure> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::usage(format!("{what}: the command is empty")));
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env(NESTED, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Failure::usage(format!("{what}: cannot run {program:?}: {error}")))?;
    let mut bytes = Vec::with_capacity(1024);
    if let Some(stdout) = child.stdout.take() {
        let read = stdout.take(MAX_LEN + 1).read_to_end(&mut bytes).await;
        read.map_err(|error| Failure::usage(format!("{what}: cannot read from {program:?}: {error}")))?;
    }
    let printed =
        |bytes| text(bytes).map_err(|problem| Failure::usage(format!("{what}: what {program:?} prints {problem}")));
    // The command is killed, because the rest is not read.
    if bytes.len() as u64 > MAX_LEN {
        return printed(bytes);
    }
    match child.wait().await {
        Ok(status) if status.success() => printed(bytes),
        Ok(status) => Err(Failure::usage(format!("{what}: {program:?} failed with {status}"))),
        Err(error) => Err(Failure::usage(format!("{what}: cannot wait for {program:?}: {error}"))),
    }
}

/// Returns the text without the line break at its end, or what is wrong with it.
pub fn text(bytes: Vec<u8>) -> Result<Secret, &'static str> {
    if bytes.len() as u64 > MAX_LEN {
        return Err("is longer than 64 KiB");
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || bytes.contains(&0) {
        return Err("is UTF-16 or binary; write it as UTF-8");
    }
    let mut text = String::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() { Err("is empty") } else { Ok(Secret::new(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_at_the_end_is_dropped_and_nothing_else() {
        for (bytes, expected) in
            [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a b ", " a b "), ("a\nb\n", "a\nb")]
        {
            assert_eq!(text(bytes.into()).unwrap().expose(), expected);
        }
    }

    #[test]
    fn what_is_no_utf_8_or_too_long_or_empty_is_refused() {
        assert_eq!(text(Vec::new()).unwrap_err(), "is empty");
        assert_eq!(text(b"\n".into()).unwrap_err(), "is empty");
        assert_eq!(text(vec![b'a'; 64 * 1024 + 1]).unwrap_err(), "is longer than 64 KiB");
        assert!(text(vec![0xff, 0xfe, b'a', 0]).unwrap_err().starts_with("is UTF-16"));
        assert!(text(vec![b'a', 0, b'b', 0]).unwrap_err().starts_with("is UTF-16"));
        assert_eq!(text(vec![0xc3, 0x28]).unwrap_err(), "is not UTF-8");
    }
}
