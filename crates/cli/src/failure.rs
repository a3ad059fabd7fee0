//! Why a command fails: its exit status, and the line that it prints.

use std::error::Error as _;
use std::fmt;
use std::io::Write;
use std::time::Duration;

use freshtoken::store::UnreadableRecord;
use freshtoken::{Error, ErrorKind};

use crate::account::Account;

/// How long to wait if nothing says so.
const WAIT: Duration = Duration::from_secs(1);

/// The exit status of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Anything that is not below.
    Other = 1,
    /// Usage or configuration: nothing was asked of the vendor.
    Usage = 2,
    /// The vendor refuses the credentials.
    Refused = 3,
    /// It may work later.
    Later = 4,
    /// A person must consent again.
    Consent = 5,
}

/// Why a command fails.
#[derive(Clone, Debug)]
pub struct Failure {
    pub status: Status,
    /// Without a secret. Empty: there is nothing to say.
    pub message: String,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

impl Failure {
    pub fn new(status: Status, message: impl fmt::Display) -> Self {
        Self { status, message: message.to_string(), retry_after: None }
    }

    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(Status::Usage, message)
    }

    pub fn other(message: impl fmt::Display) -> Self {
        Self::new(Status::Other, message)
    }

    pub fn later(message: impl fmt::Display, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..Self::new(Status::Later, message) }
    }

    /// The command took longer than its limit.
    pub fn timeout(limit: Duration) -> Self {
        Self::later(format!("timed out after {} s; try again, or raise --timeout", limit.as_secs_f64()), WAIT)
    }

    /// Returns in how many seconds to try again, rounded up, for a command that may work later.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let wait = self.retry_after.unwrap_or(WAIT);
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        (self.status == Status::Later).then_some(seconds)
    }

    /// Prints the message, and at the end when to try again.
    pub fn print(&self) {
        let mut text = String::new();
        if !self.message.is_empty() {
            text = format!("freshtoken: {}\n", one_line(&self.message));
        }
        if let Some(seconds) = self.retry_after_seconds() {
            text += &format!("retry-after: {seconds}\n");
        }
        // Without stderr, the exit status is all there is.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// Replaces control characters, which could change lines or the terminal.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Failure {
    /// The token source of this account failed.
    pub fn of(error: &Error, account: &Account) -> Self {
        let status = match error.kind() {
            ErrorKind::Refused => Status::Refused,
            ErrorKind::Settings => Status::Usage,
            ErrorKind::Unavailable | ErrorKind::Unusable | ErrorKind::Store => Status::Later,
            ErrorKind::ConsentNeeded => Status::Consent,
            _ => Status::Other,
        };
        let argument = account.argument();
        let mut causes = std::iter::successors(error.source(), |&error| error.source());
        if causes.any(|cause| cause.is::<UnreadableRecord>()) {
            // The store works, so waiting does not help.
            return Self::other(format!("{error:#}; `freshtoken revoke {argument} --forget` forgets it"));
        }
        let hint = if status == Status::Consent {
            format!("; run `freshtoken login {argument} --refresh-token -` with the refresh token of a new consent")
        } else {
            String::new()
        };
        Self { retry_after: error.retry_after(), ..Self::new(status, format!("{error:#}{hint}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_and_only_said_where_a_retry_may_help() {
        let seconds = |wait| Failure::later("", wait).retry_after_seconds();
        assert_eq!(seconds(Duration::from_millis(41_001)), Some(42));
        assert_eq!(seconds(Duration::from_secs(42)), Some(42));
        assert_eq!(Failure::new(Status::Later, "").retry_after_seconds(), Some(1));
        assert_eq!(Failure::usage("").retry_after_seconds(), None);
    }

    #[test]
    fn a_message_stays_on_its_line() {
        assert_eq!(one_line("a\nb\u{1b}[31m"), "a b [31m");
    }
}
