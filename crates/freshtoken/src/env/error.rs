//! What is wrong with the variables.

use std::error::Error as StdError;
use std::fmt;

/// A variable is missing, or its value cannot be used. The message names the variable, and never contains a value.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvError(pub(super) Problem);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Missing(Vec<&'static str>),
    Wrong(&'static str),
    Structured(&'static str),
    UnknownServer(&'static str, Vec<&'static str>),
    /// The variables of alternatives that are set: of none or of several. The variables that each alternative requires.
    Alternatives {
        set: Vec<&'static str>,
        ways: Vec<Vec<&'static str>>,
    },
    /// The variable without its `_URL`, and the reason without the URL.
    Url(&'static str, String),
}

impl EnvError {
    /// Returns the names of the affected variables.
    pub fn variables(&self) -> Vec<String> {
        match &self.0 {
            Problem::Missing(names) => names.iter().map(|name| (*name).to_owned()).collect(),
            Problem::Wrong(name) | Problem::Structured(name) => vec![(*name).to_owned()],
            Problem::UnknownServer(prefix, _) => vec![format!("{prefix}_SERVER")],
            Problem::Alternatives { set, ways } => {
                let mut names = if set.is_empty() { ways.concat() } else { set.clone() };
                names.dedup();
                names.into_iter().map(str::to_owned).collect()
            }
            Problem::Url(prefix, _) => vec![format!("{prefix}_URL")],
        }
    }
}

impl fmt::Display for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Problem::Missing(names) => write!(f, "set {} in the environment", listed(names, "and")),
            Problem::Wrong(name) => {
                write!(f, "the environment variable {name} has a value of the wrong type")
            }
            Problem::Structured(name) => {
                write!(f, "{name} is an object, which no environment variable can hold; build the credentials in code")
            }
            Problem::Alternatives { set, ways } => {
                let ways: Vec<String> = ways.iter().map(|names| listed(names, "and")).collect();
                let ways = ways.join("; or ");
                match &set[..] {
                    [] => write!(f, "set one of these in the environment: {ways}"),
                    set => {
                        let set = listed(set, "and");
                        write!(f, "{set} belong to different ways to authenticate; set only one of these: {ways}")
                    }
                }
            }
            Problem::Url(prefix, why) => write!(f, "the environment variable {prefix}_URL cannot be used: {why}"),
            Problem::UnknownServer(prefix, known) => {
                write!(
                    f,
                    "the environment variable {prefix}_SERVER names no server of the vendor; set it to {}",
                    listed(known, "or")
                )
            }
        }
    }
}

/// Prints the message, as `main` does for an error that it returns.
impl fmt::Debug for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for EnvError {}

/// `a, b and c`
fn listed(names: &[&str], last: &str) -> String {
    match names {
        [] => String::new(),
        [name] => (*name).to_owned(),
        [first @ .., name] => format!("{} {last} {name}", first.join(", ")),
    }
}
