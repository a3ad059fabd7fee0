//! What happened: counters, and an event for each request. Neither contains a secret.

use std::fmt;
use std::time::SystemTime;

use serde::Serialize;

/// The counters of an issuer since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Requests to the spec's operations, including those that met a fault.
    pub requests: u64,
    /// Requests to the spec's operations that were refused.
    pub refused: u64,
    /// Tokens issued, by login or refresh.
    pub grants: u64,
    /// Tokens issued by login.
    pub logins: u64,
    /// Tokens issued by refresh.
    pub refreshes: u64,
    /// Single-use refresh tokens spent.
    pub refresh_tokens_spent: u64,
    /// Attempts to reuse a single-use refresh token.
    pub double_spends: u64,
    /// Refreshes before the expiry that made the new pair redundant.
    pub early_refreshes: u64,
    /// Revocations that invalidated a token.
    pub revocations: u64,
    /// Calls to the protected resource with a live token.
    pub calls_accepted: u64,
    /// Calls to the protected resource that were refused.
    pub calls_refused: u64,
    /// Faults that happened.
    pub faults: u64,
}

/// The summary that the program prints on Ctrl-C.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests ({} refused), {} grants ({} logins, {} refreshes), {} refresh tokens spent, {} double spends, \
             {} early refreshes, {} revocations, {} calls accepted, {} refused, {} faults",
            self.requests,
            self.refused,
            self.grants,
            self.logins,
            self.refreshes,
            self.refresh_tokens_spent,
            self.double_spends,
            self.early_refreshes,
            self.revocations,
            self.calls_accepted,
            self.calls_refused,
            self.faults
        )
    }
}

/// A request to a vendor or to its part of the control endpoint, and its outcome. Paths are those of the spec, and
/// values never appear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// When it happened, by the issuer's clock.
    #[serde(serialize_with = "rfc_3339")]
    pub at: SystemTime,
    /// The vendor's name.
    pub vendor: String,
    /// The request's method; `?` if HTTP doesn't define it.
    pub method: String,
    /// The path in the spec. For a call, the path as sent, with `***` for each segment that isn't plainly a word.
    pub path: String,
    /// The status of the response; `None` if the connection was reset.
    pub status: Option<u16>,
    /// What happened.
    pub outcome: Outcome,
    /// The fault that applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// The outcome of a request. Tokens are numbered in the order in which they were issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// A login issued a token.
    LoggedIn {
        /// The token's number.
        token: u64,
        /// Its expiry, according to the response.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "maybe_rfc_3339")]
        expires_at: Option<SystemTime>,
    },
    /// A refresh issued a token.
    Refreshed {
        /// The token's number.
        token: u64,
        /// Whether it was refreshed before the expiry, which makes the new pair redundant.
        early: bool,
        /// Its expiry, according to the response.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "maybe_rfc_3339")]
        expires_at: Option<SystemTime>,
    },
    /// The newest live token was returned again, with its remaining lifetime.
    Repeated {
        /// The token's number.
        token: u64,
        /// Its expiry, according to the response.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "maybe_rfc_3339")]
        expires_at: Option<SystemTime>,
    },
    /// Tokens were invalidated.
    Revoked {
        /// The number of access tokens.
        tokens: u64,
    },
    /// A call to the protected resource had a live token.
    Accepted {
        /// The token's number.
        token: u64,
    },
    /// Any other operation of the spec.
    Answered,
    /// A request or call was refused.
    Refused {
        /// The reason. It contains names of fields, never their values.
        why: String,
    },
    /// A fault applied first, and nothing was done.
    Nothing,
    /// The control endpoint performed an action.
    Directed {
        /// The action.
        what: String,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoggedIn { token, .. } => write!(f, "logged in, token {token}"),
            Self::Repeated { token, .. } => write!(f, "returned token {token} again"),
            Self::Refreshed { token, early: false, .. } => write!(f, "refreshed, token {token}"),
            Self::Refreshed { token, early: true, .. } => {
                write!(f, "refreshed before the expiry: token {token} and its refresh token are redundant")
            }
            Self::Revoked { tokens } => write!(f, "access tokens revoked: {tokens}"),
            Self::Accepted { token } => write!(f, "accepted, token {token}"),
            Self::Answered => f.write_str("answered"),
            Self::Refused { why } => write!(f, "refused: {why}"),
            Self::Nothing => f.write_str("nothing done"),
            Self::Directed { what } => f.write_str(what),
        }
    }
}

/// Formats the event as a line of the log.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vendor, method, path, outcome, .. } = self;
        write!(
            f,
            "{} {vendor} {method} {path} ",
            jiff::fmt::strtime::format("%H:%M:%S%.3f", time(self.at)).unwrap_or_default()
        )?;
        match self.status {
            Some(status) => write!(f, "{status}")?,
            None => f.write_str("reset")?,
        }
        write!(f, "  {outcome}")?;
        match &self.fault {
            Some(fault) => write!(f, "  [fault: {fault}]"),
            None => Ok(()),
        }
    }
}

fn time(at: SystemTime) -> jiff::civil::DateTime {
    jiff::Timestamp::try_from(at).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC).datetime()
}

fn rfc_3339<S: serde::Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&jiff::Timestamp::try_from(*at).unwrap_or_default())
}

fn maybe_rfc_3339<S: serde::Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => rfc_3339(at, serializer),
        None => serializer.serialize_none(),
    }
}
