//! The status of a source, for health checks, and its class after a 401.

use std::time::SystemTime;

use crate::error::Error;

/// The state of a source's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// What a source has done since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug)]
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
    pub expires_at: Option<SystemTime>,
    /// When the refresh token expires, by this machine's clock.
    pub refresh_expires_at: Option<SystemTime>,
    /// Whether the last call of the store failed. A valid token is served nevertheless.
    pub is_store_failing: bool,
    /// The error of the last fetch, unless one has succeeded since.
    pub last_error: Option<Error>,
    /// What the source has done so far.
    pub counters: Counters,
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
