//! An issuer with refresh token rotation and reuse detection.

use freshtoken_wire::Secret;

use super::time::SECOND;
use crate::grant_error::GrantError;

/// A pair of tokens: `access-7` and `refresh-7`. A person's consent has no access token.
pub(super) struct Pair {
    family: usize,
    pub(super) is_consent: bool,
    pub(super) issued_at: u64,
    /// When the process that asked for it has read it.
    pub(super) arrived_at: Option<u64>,
    /// The issuer has ended the access token alone.
    is_cancelled: bool,
    /// The newest pair that it was traded in for, and when it was first traded in.
    pub(super) successor: Option<usize>,
    used_at: Option<u64>,
    pub(super) sent: Vec<Sent>,
    /// Which processes have seen it, by their starts, and when.
    pub(super) known_by: Vec<(usize, u32, u64)>,
}

/// A request with a refresh token.
pub(super) struct Sent {
    /// The process and its start.
    pub(super) by: (usize, u32),
    pub(super) at: u64,
    /// When the issuer acts on it; 0: never.
    pub(super) acts_at: u64,
    pub(super) is_lost: bool,
}

pub(super) struct Issuer {
    pub(super) has_login: bool,
    pub(super) is_at_expiry: bool,
    /// For how long after its first use a refresh token works once more.
    pub(super) grace: u64,
    pub(super) lifetime: u64,
    pub(super) pairs: Vec<Pair>,
    is_revoked: Vec<bool>,
    /// When a login or a refresh was requested.
    pub(super) requests: Vec<u64>,
    /// Refresh tokens that were refused, and revocations.
    pub(super) refusals: u32,
    /// The starts of processes that have found another one's record in the store.
    pub(super) has_loaded: Vec<(usize, u32)>,
}

/// The number of a token.
pub(super) fn number(token: &str) -> usize {
    token.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap()
}

impl Issuer {
    pub(super) fn new(has_login: bool, is_at_expiry: bool, grace: u64, lifetime: u64) -> Self {
        Self {
            has_login,
            is_at_expiry,
            grace,
            lifetime,
            pairs: Vec::new(),
            is_revoked: Vec::new(),
            requests: Vec::new(),
            refusals: 0,
            has_loaded: Vec::new(),
        }
    }

    fn add(&mut self, family: Option<usize>, is_consent: bool, now: u64) -> usize {
        let family = family.unwrap_or_else(|| {
            self.is_revoked.push(false);
            self.is_revoked.len() - 1
        });
        self.pairs.push(Pair {
            family,
            is_consent,
            issued_at: now,
            arrived_at: None,
            is_cancelled: false,
            successor: None,
            used_at: None,
            sent: Vec::new(),
            known_by: Vec::new(),
        });
        self.pairs.len() - 1
    }

    /// A person consents. Returns the refresh token.
    pub(super) fn consent(&mut self, now: u64) -> Secret {
        let pair = self.add(None, true, now);
        format!("refresh-{pair}").into()
    }

    pub(super) fn expires_at(&self, pair: usize) -> u64 {
        self.pairs[pair].issued_at + self.lifetime
    }

    /// Whether the issuer has ended the access token before its expiry.
    pub(super) fn is_ended(&self, pair: usize) -> bool {
        self.pairs[pair].is_cancelled || self.is_revoked[self.pairs[pair].family]
    }

    /// Ends the newest access token, but not its refresh token.
    pub(super) fn cancel(&mut self) {
        if let Some(pair) = self.pairs.last_mut() {
            pair.is_cancelled = true;
        }
    }

    pub(super) fn learn(&mut self, pair: usize, process: usize, start: u32, now: u64) {
        let known_by = &mut self.pairs[pair].known_by;
        if !known_by.iter().any(|(by, its, _)| (*by, *its) == (process, start)) {
            known_by.push((process, start, now));
        }
    }

    pub(super) fn loaded(&mut self, by: (usize, u32)) {
        if !self.has_loaded.contains(&by) {
            self.has_loaded.push(by);
        }
    }

    pub(super) fn log_in(&mut self, now: u64) -> Result<usize, GrantError> {
        Ok(self.add(None, false, now))
    }

    pub(super) fn refresh(&mut self, pair: usize, now: u64) -> Result<usize, GrantError> {
        let family = self.pairs[pair].family;
        if self.pairs[pair].used_at.is_some_and(|used_at| now > used_at + self.grace) {
            self.is_revoked[family] = true;
        }
        if self.is_revoked[family] {
            self.refusals += 1;
            return Err(GrantError::relogin("the refresh token was used, or revoked"));
        }
        let successor = self.add(Some(family), false, now);
        self.pairs[pair].successor = Some(successor);
        self.pairs[pair].used_at.get_or_insert(now);
        Ok(successor)
    }

    pub(super) fn revoke(&mut self, pair: usize) -> Result<usize, GrantError> {
        self.refusals += 1;
        let family = self.pairs[pair].family;
        self.is_revoked[family] = true;
        Ok(pair)
    }
}

/// The grace period of the issuers that have one.
pub(super) const GRACE: u64 = 30 * SECOND;

/// How long an issuer may take to act on a request: the limit of a request (20 s) and 10 s.
pub(super) const ACTS_WITHIN: u64 = 30 * SECOND;
