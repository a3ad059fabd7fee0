//! The status of a source, for health checks, and its class after a 401.

use std::fmt;
use std::time::{Duration, SystemTime};

use freshtoken_wire::Timestamp;
use serde::{Serialize, Serializer};

use crate::error::Error;

/// The state of a source's token. It is printed and serialized in snake case, such as `backing_off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// There is no token yet, or it was revoked: the next caller waits for one.
    Empty,
    /// The token is valid.
    Fresh,
    /// The token is valid, and the next caller starts a renewal in the background.
    Due,
    /// The token has expired or was rejected: the next caller waits for another.
    Expired,
    /// The last fetch failed, and the next is not due yet. A token that is still valid is served.
    BackingOff,
    /// A single-use refresh token was sent, and the response was lost: the next caller causes a login. If the vendor has no
    /// login, a token that is still valid is served until it expires; then the refresh token is sent once more.
    Ambiguous,
    /// Only other credentials or a person's consent can help, or, after [`ErrorKind::Unusable`](crate::ErrorKind::Unusable),
    /// waiting for ten minutes. A token that is still valid is served until it expires.
    Dead,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::Fresh => "fresh",
            Self::Due => "due",
            Self::Expired => "expired",
            Self::BackingOff => "backing_off",
            Self::Ambiguous => "ambiguous",
            Self::Dead => "dead",
        })
    }
}

/// What a source has done since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counters {
    /// Logins sent.
    pub logins: u32,
    /// Refreshes sent.
    pub refreshes: u32,
    /// Logins and refreshes that failed.
    pub failures: u32,
    /// Tokens adopted from the store instead of requested from the vendor.
    pub adopted: u32,
    /// Callers that waited for a fetch that another caller had started.
    pub joined: u32,
    /// 401s reported.
    pub rejected: u32,
    /// Revocations sent.
    pub revokes: u32,
    /// Calls of the store that failed or took too long.
    pub store_failures: u32,
}

/// The status of a source, for a health check. It contains no secret.
///
/// It is printed on one line, and serialized with its fields' names. Times are RFC 3339, and the error is its message.
///
/// ```
/// # use freshtoken::{TokenSource, Vendor};
/// # fn example(tokens: TokenSource) -> serde_json::Result<()> {
/// println!("{}", tokens.status()); // fresh until 2026-11-22T01:00:00Z, last success 2026-11-22T00:00:00Z
/// println!("{}", serde_json::to_string(&tokens.status())?); // {"state":"fresh","is_serving":true, …
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The state of the token.
    pub state: State,
    /// Whether a caller gets a token at once.
    pub is_serving: bool,
    /// Whether a renewal is in progress.
    pub is_renewing: bool,
    /// The generation of the newest record; 0 before the first token.
    pub generation: u64,
    /// When the token expires, by this machine's clock.
    #[serde(serialize_with = "timestamp")]
    pub expires_at: Option<SystemTime>,
    /// When the refresh token expires, by this machine's clock.
    #[serde(serialize_with = "timestamp")]
    pub refresh_expires_at: Option<SystemTime>,
    /// When the last token arrived, from the vendor or from another process through the store, by this machine's clock.
    #[serde(serialize_with = "timestamp")]
    pub last_success: Option<SystemTime>,
    /// How long all logins and refreshes took, the failed ones included. It is serialized in seconds.
    #[serde(serialize_with = "seconds")]
    pub grant_time: Duration,
    /// How long the longest login or refresh took. It is serialized in seconds.
    #[serde(serialize_with = "seconds")]
    pub longest_grant: Duration,
    /// Whether the last call of the store failed. A valid token is served nevertheless.
    pub is_store_failing: bool,
    /// The error of the last fetch, unless one has succeeded since.
    #[serde(serialize_with = "message")]
    pub last_error: Option<Error>,
    /// What the source has done so far.
    pub counters: Counters,
    /// The time of this status, by this machine's clock.
    #[serde(skip)]
    pub(crate) now: SystemTime,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.state)?;
        let is_past = |time: Option<SystemTime>| time.is_some_and(|time| time <= self.now);
        let expiry = match (self.state, is_past(self.expires_at)) {
            (State::Fresh | State::Due, _) => Some(" until "),
            (State::Expired, true) => Some(" at "),
            // It was rejected, or the clock was set back: its expiry means nothing.
            (State::Expired, false) => None,
            (_, true) => Some(", token expired at "),
            (_, false) => Some(", token until "),
        };
        let refresh_expiry =
            if is_past(self.refresh_expires_at) { ", refresh token expired at " } else { ", refresh token until " };
        for (name, time) in [
            (expiry.unwrap_or_default(), self.expires_at.filter(|_| expiry.is_some())),
            (refresh_expiry, self.refresh_expires_at),
            (", last success ", self.last_success),
        ] {
            if let Some(time) = time.and_then(|time| Timestamp::try_from(time).ok()) {
                write!(f, "{name}{time}")?;
            }
        }
        for (name, is_set) in [(", renewing", self.is_renewing), (", store failing", self.is_store_failing)] {
            if is_set {
                f.write_str(name)?;
            }
        }
        match &self.last_error {
            Some(error) => write!(f, ", last error: {error}"),
            None => Ok(()),
        }
    }
}

fn timestamp<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    // A time beyond the year 9999 cannot be written.
    let time = time.and_then(|time| Timestamp::try_from(time).ok());
    time.map(|time| time.to_string()).serialize(serializer)
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

fn message<S: Serializer>(error: &Option<Error>, serializer: S) -> Result<S::Ok, S::Error> {
    error.as_ref().map(|error| format!("{error:#}")).serialize(serializer)
}

/// What the 401 of a call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionOutcome {
    /// A newer token is available or on its way: get it and try again.
    Superseded,
    /// The token is discarded, and the next caller waits for a new one: get it and try again.
    Renewing,
    /// The token replaced a rejected one, and no call has succeeded with it, so a third token would not help. The account
    /// lacks a permission, or the call is wrong. See [`TokenSource::rejected`](crate::TokenSource::rejected).
    PermissionProblem,
}
