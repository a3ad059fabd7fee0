//! What a source says of itself: for health checks, and after a 401.

use std::time::SystemTime;

use crate::error::Error;

/// What is going on with a token: for a health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// There has been no token yet, or it was revoked: the next caller waits for one.
    Empty,
    /// The token is good.
    Fresh,
    /// The token is good, and the next caller has it renewed in the background.
    Due,
    /// The token has ended or was rejected: the next caller waits for another.
    Expired,
    /// The last try failed, and the next isn't due yet. A token that is still good is given out.
    BackingOff,
    /// A single-use refresh token was sent, and the response was lost: the next caller has the source log in. Where the
    /// vendor has no login, a token that is still good is served until it expires; then the refresh token is sent once
    /// more.
    Ambiguous,
    /// Only other credentials, or a person's consent, help; or, after [`ErrorKind::Unusable`], ten minutes. A token that is
    /// still good is given out until its end.
    Dead,
}

/// What a source has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Logins sent.
    pub logins: u32,
    /// Refreshes sent.
    pub refreshes: u32,
    /// Logins and refreshes that failed.
    pub failures: u32,
    /// Tokens taken over from the store instead of the vendor.
    pub adopted: u32,
    /// Callers who waited for a flight that another one had started.
    pub joined: u32,
    /// 401s reported.
    pub rejected: u32,
    /// Requests to revoke.
    pub revokes: u32,
}

/// How a source is: for a health check. Nothing secret is in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// What is going on.
    pub state: State,
    /// Whether a caller would get a token at once.
    pub is_serving: bool,
    /// Whether a renewal is under way.
    pub is_renewing: bool,
    /// The generation of what is known; 0 before the first token.
    pub generation: u64,
    /// When the token ends, by this machine's clock.
    pub expires_at: Option<SystemTime>,
    /// When the refresh token ends, by this machine's clock.
    pub refresh_expires_at: Option<SystemTime>,
    /// Why the last flight failed, if none has worked since.
    pub last_error: Option<Error>,
    /// What the source has done so far.
    pub counters: Counters,
}

/// What a call's 401 means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// A newer token is there or under way: get it and try again.
    Superseded,
    /// The token won't be given out again: the next caller has it renewed. Get that one and try again.
    Renewing,
    /// It replaced a rejected one, and no call has succeeded with it: a third one would not help. The account lacks a
    /// permission, or the call is wrong. See [`TokenSource::rejected`](crate::TokenSource::rejected).
    PermissionProblem,
}
