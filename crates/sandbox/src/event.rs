//! What happened: an event per request, and counts. Neither holds a secret.

use std::fmt;
use std::time::SystemTime;

use serde::Serialize;

/// What an issuer has counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Requests to the spec's operations, those among them that met a fault too.
    pub requests: u64,
    /// Requests to the spec's operations that were refused as the vendor would.
    pub refused: u64,
    /// Tokens issued: logins and refreshes.
    pub grants: u64,
    /// Tokens issued for credentials.
    pub logins: u64,
    /// Tokens issued for a refresh token.
    pub refreshes: u64,
    /// Single-use refresh tokens used up.
    pub refresh_tokens_spent: u64,
    /// Attempts to use a single-use refresh token again.
    pub double_spends: u64,
    /// Refreshes before the expiry, where that makes the new pair redundant.
    pub early_refreshes: u64,
    /// Revocations that ended something.
    pub revocations: u64,
    /// Calls of the protected resource with a live token.
    pub calls_accepted: u64,
    /// Calls of the protected resource that were refused.
    pub calls_refused: u64,
    /// Faults played.
    pub faults: u64,
}

/// What a person sees on Ctrl-C.
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

/// One request to a vendor or to its part of the control endpoint, and what became of it. Paths are the spec's, and values never appear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// The issuer's time.
    #[serde(serialize_with = "rfc_3339")]
    pub at: SystemTime,
    /// The vendor.
    pub vendor: String,
    /// The request's method; `?` for one that HTTP doesn't know.
    pub method: String,
    /// The path as the spec has it; of a call, as it came, with `***` for each part that isn't a plain word.
    pub path: String,
    /// The status of the answer; None where the connection was reset.
    pub status: Option<u16>,
    /// What happened.
    pub outcome: Outcome,
    /// The fault that was played.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// What became of a request. Tokens are numbered in the order of their issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// A token for credentials.
    LoggedIn {
        /// Which.
        token: u64,
        /// When it expires, as the response says.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "maybe_rfc_3339")]
        expires_at: Option<SystemTime>,
    },
    /// A token for a refresh token.
    Refreshed {
        /// Which.
        token: u64,
        /// Before the expiry, so that it is good for nothing.
        early: bool,
        /// When it expires, as the response says.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "maybe_rfc_3339")]
        expires_at: Option<SystemTime>,
    },
    /// The newest live token once more, with what is left of its life.
    Repeated {
        /// Which.
        token: u64,
        /// When it expires, as the response says.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "maybe_rfc_3339")]
        expires_at: Option<SystemTime>,
    },
    /// Tokens were ended.
    Revoked {
        /// How many access tokens.
        tokens: u64,
    },
    /// A call of the protected resource with a live token.
    Accepted {
        /// Which.
        token: u64,
    },
    /// Any other operation of the spec.
    Answered,
    /// A request or call that was refused, and why.
    Refused {
        /// Why; names of fields, never their values.
        why: String,
    },
    /// A fault came first, and nothing was done.
    Nothing,
    /// The control endpoint was told to do something, and did.
    Directed {
        /// What.
        what: String,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoggedIn { token, .. } => write!(f, "logged in, token {token}"),
            Self::Repeated { token, .. } => write!(f, "token {token} once more"),
            Self::Refreshed { token, early: false, .. } => write!(f, "refreshed, token {token}"),
            Self::Refreshed { token, early: true, .. } => {
                write!(f, "refreshed before the expiry: token {token} and its refresh token are redundant")
            }
            Self::Revoked { tokens } => write!(f, "revoked, {tokens} ended"),
            Self::Accepted { token } => write!(f, "accepted, token {token}"),
            Self::Answered => f.write_str("answered"),
            Self::Refused { why } => write!(f, "refused: {why}"),
            Self::Nothing => f.write_str("nothing done"),
            Self::Directed { what } => f.write_str(what),
        }
    }
}

/// A line of the log.
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
