//! A record, which is everything known about an account: what a store keeps and what a program persists.

use std::fmt;
use std::time::{Duration, SystemTime};

use freshtoken_wire::Secret;
use serde::{Deserialize, Serialize};

use crate::clock::{Now, system_time, unix_nanos};
use crate::fingerprint::Fingerprint;
use crate::grant_error::GrantError;
use crate::issued_tokens::IssuedTokens;
use crate::limits;
use crate::token::{Token, expires_at, lifetime};
use crate::vendor::{RefreshTokens, TokenPolicy};

/// Everything known about an account at one moment, and what a [`Store`](crate::store::Store) keeps.
///
/// # Examples
///
/// ```no_run
/// # use freshtoken::store::Record;
/// # use freshtoken::{TokenSource, Vendor};
/// # fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) -> Result<TokenSource, Box<dyn std::error::Error>> {
/// let record = Record::from_json(&std::fs::read_to_string("token.json")?)?;
/// let tokens = TokenSource::builder(endpoint, credentials).record(record).build();
/// # Ok(tokens)
/// # }
/// ```
#[derive(Clone)]
pub struct Record {
    pub(crate) generation: u64,
    /// The generation of the write that brought the pair. A mark on an old pair must not pass for newer than the pair that came
    /// of it.
    pub(crate) pair: u64,
    pub(crate) token: Option<Token>,
    pub(crate) refresh: Option<RefreshToken>,
    pub(crate) in_use: Option<Mark>,
    pub(crate) ended: Option<Ended>,
    /// The start tokens that were ever sent for this account. None of them is sent again.
    pub(crate) starts: Vec<Fingerprint>,
    /// In a box, since few vendors have limits.
    pub(crate) history: Option<Box<History>>,
}

/// What was issued before, as far as a limit of the vendor needs it.
#[derive(Clone, Default)]
pub(crate) struct History {
    /// When the last tokens were issued, in nanoseconds since 1970, by this machine's wall clock.
    grants: Vec<u64>,
    /// How often the token was refreshed since the last login.
    refreshes: u16,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    pub(crate) secret: Secret,
    /// In nanoseconds since 1970, by this machine's wall clock.
    pub(crate) expires_at: Option<u64>,
}

/// A note that a refresh token may have been sent. A process that finds it while it holds the lease knows that the response was
/// lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// New for every mark, so that a process recognises its own.
    /// A number, in bytes: a `u128` would align the record to 16, and make it larger.
    pub(super) id: [u8; 16],
    pub(crate) kind: MarkKind,
    /// How many responses to earlier requests with this refresh token were lost.
    pub(crate) losses: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MarkKind {
    /// The refresh token is about to be sent.
    First,
    /// It is about to be sent once more, because the response was lost.
    Again,
    /// A process stored the record from its memory, and does not know whether the refresh token was sent since.
    PutBack,
    /// The token is about to be revoked.
    Revoke,
}

impl Mark {
    pub(crate) fn new(kind: MarkKind) -> Self {
        Self { id: random_id().to_be_bytes(), kind, losses: 0 }
    }

    /// The mark of a refresh token that is about to be sent once more, after so many lost responses.
    pub(crate) fn again(losses: u8) -> Self {
        Self { losses, ..Self::new(MarkKind::Again) }
    }
}

/// Why there is no pair any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ended {
    /// The issuer refused the refresh token.
    Refused,
    Revoked,
}

/// A number that no one else has. The standard library's hash seeds are random.
pub(crate) fn random_id() -> u128 {
    use std::hash::{BuildHasher, RandomState};
    let half = || u128::from(RandomState::new().hash_one(0));
    (half() << 64) | half()
}

/// Whether a refresh token outlives a response without a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeepsOld {
    Yes,
    No,
}

impl RefreshToken {
    /// Returns a start token, or `None` if it is empty.
    pub(crate) fn start(secret: Secret) -> Option<Self> {
        (!secret.is_empty()).then_some(Self { secret, expires_at: None })
    }

    /// Returns an access token that is renewed with itself, as long as it is valid.
    pub(crate) fn of_access_token(token: &Token) -> Self {
        Self { secret: Secret::new(token.expose()), expires_at: token.stored().expires_at }
    }

    /// Takes the refresh token out of a response, if it has one.
    pub(crate) fn of(issued: &mut IssuedTokens, now: Now) -> Option<Self> {
        let secret = issued.refresh_token.take().filter(|secret| !secret.is_empty())?;
        // A refresh token that arrives expired is implausible, so its expiry is unknown. Keycloak marks an offline token with
        // `refresh_expires_in: 0`.
        let lifetime = lifetime(issued.refresh_expires_in, issued.refresh_expires_at, issued.date, now)
            .filter(|lifetime| !lifetime.is_zero());
        Some(Self { secret, expires_at: expires_at(lifetime, now) })
    }
}

impl Record {
    /// What is known after a response. `old` is the record before it, whose refresh token stays where `keeps_old` says so
    /// and the response has none.
    ///
    /// Without a login, a refresh token that comes with an unusable access token is kept, beside the old access token.
    ///
    /// # Errors
    ///
    /// If the response has no usable access token, and no refresh token either.
    pub(crate) fn of(
        mut issued: IssuedTokens,
        old: Option<&Self>,
        keeps_old: KeepsOld,
        policy: &TokenPolicy,
        generation: u64,
        now: Now,
    ) -> Result<(Self, Option<GrantError>), GrantError> {
        let new = RefreshToken::of(&mut issued, now);
        let has_new = new.is_some();
        let refresh = new.or_else(|| old?.refresh.clone().filter(|_| keeps_old == KeepsOld::Yes));
        let starts = old.map(|old| old.starts.clone()).unwrap_or_default();
        let grants = limits::with_grant(old.map(Self::grants).unwrap_or_default(), policy, now);
        let record = |token| {
            let record = Self { pair: generation, token, refresh, starts, ..Self::empty(generation) };
            record.with_history(grants, 0)
        };
        match Token::of(issued, policy, generation, now) {
            Ok(token) if policy.refresh == RefreshTokens::AccessToken => {
                let refresh = Some(RefreshToken::of_access_token(&token));
                Ok((Self { refresh, ..record(Some(token)) }, None))
            }
            Ok(token) => Ok((record(Some(token)), None)),
            // A vendor with a login issues a new pair instead.
            Err(failure) if has_new && !policy.login => {
                Ok((record(old.and_then(|old| old.token.clone())), Some(failure)))
            }
            Err(failure) => Err(failure),
        }
    }

    /// The record after a refresh, of which there may be so many until the next login.
    pub(crate) fn refreshed(mut self, old: Option<&Self>, policy: &TokenPolicy) -> Self {
        let Some(most) = policy.most_refreshes else { return self };
        let refreshes = old.map_or(0, Self::refreshes).saturating_add(1);
        if refreshes >= most {
            self.refresh = None;
        }
        let grants = self.grants().to_vec();
        self.with_history(grants, refreshes)
    }

    /// When the last tokens were issued, as far as a limit needs it.
    pub(crate) fn grants(&self) -> &[u64] {
        self.history.as_ref().map(|history| history.grants.as_slice()).unwrap_or_default()
    }

    pub(super) fn refreshes(&self) -> u16 {
        self.history.as_ref().map_or(0, |history| history.refreshes)
    }

    pub(super) fn with_history(mut self, grants: Vec<u64>, refreshes: u16) -> Self {
        let is_empty = grants.is_empty() && refreshes == 0;
        self.history = (!is_empty).then(|| Box::new(History { grants, refreshes }));
        self
    }

    /// The record with the grants of another one of its account too.
    pub(crate) fn with_grants_of(self, other: &Self) -> Self {
        let (grants, refreshes) = (limits::merged(self.grants(), other.grants()), self.refreshes());
        self.with_history(grants, refreshes)
    }

    /// The record of an account before its first token.
    pub(crate) fn empty(generation: u64) -> Self {
        Self {
            generation,
            pair: 0,
            token: None,
            refresh: None,
            in_use: None,
            ended: None,
            starts: Vec::new(),
            history: None,
        }
    }

    /// The record after a revocation. It stays, or a process with an older memory would put the pair back.
    pub(crate) fn revoked(&self, generation: u64) -> Self {
        let ended = Some(Ended::Revoked);
        let record = Self { pair: generation, ended, starts: self.starts.clone(), ..Self::empty(generation) };
        record.with_history(self.grants().to_vec(), 0)
    }

    /// Whether this record replaces another one. A mark changes only the generation.
    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        (self.pair, self.generation) > (other.pair, other.generation)
    }

    /// The record with its times by another clock, which shows `there` when this one shows `here`, or up to `late_by` earlier.
    pub(crate) fn shifted(&self, here: SystemTime, there: SystemTime, late_by: Duration) -> Self {
        let (here, there) = (unix_nanos(here), unix_nanos(there));
        let shift =
            |time: u64| time.saturating_sub(here.saturating_sub(there)).saturating_add(there.saturating_sub(here));
        let refresh = self.refresh.clone();
        let refresh = refresh.map(|refresh| RefreshToken { expires_at: refresh.expires_at.map(shift), ..refresh });
        let grants = self.grants().iter().copied().map(shift).collect();
        let late_by = u64::try_from(late_by.as_nanos()).unwrap_or(u64::MAX);
        let token = self.token.as_ref().map(|token| token.shifted(shift, late_by));
        let record = Self { token, refresh, ..self.clone() };
        record.with_history(grants, self.refreshes())
    }

    /// For how long a store has to keep the record. `None`: until it is replaced.
    pub(crate) fn keep_for(&self, now: SystemTime) -> Option<Duration> {
        if self.ended.is_some() || !self.starts.is_empty() {
            return None;
        }
        let expires_at = match &self.refresh {
            Some(refresh) => refresh.expires_at?,
            None => self.token.as_ref()?.stored().expires_at?,
        };
        let remaining = Duration::from_nanos(expires_at.saturating_sub(unix_nanos(now)));
        Some(remaining.saturating_add(KEPT_LONGER))
    }

    /// Returns a number that grows with each change.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the access token. `None` before the first login and after a revocation.
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Returns the refresh token, unless it was used or is about to be sent.
    pub fn refresh_token(&self) -> Option<&Secret> {
        self.refresh.as_ref().filter(|_| self.in_use.is_none()).map(|refresh| &refresh.secret)
    }

    /// Returns when the refresh token expires, by this machine's clock. `None`: unknown.
    pub fn refresh_expires_at(&self) -> Option<SystemTime> {
        self.refresh.as_ref()?.expires_at.map(system_time)
    }

    /// Returns whether the record has neither an access token nor a refresh token.
    pub fn is_empty(&self) -> bool {
        self.token.is_none() && self.refresh.is_none()
    }
}

/// Prints no token.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("generation", &self.generation)
            .field("token", &self.token)
            .field("has_refresh_token", &self.refresh.is_some())
            .finish_non_exhaustive()
    }
}

/// How long a store keeps a record after its tokens have expired: clocks differ, and an expiry may be wrong.
const KEPT_LONGER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_refresh_token_that_arrives_expired_has_an_unknown_expiry() {
        let now = Now::new(Duration::ZERO, UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        for mut issued in [
            IssuedTokens::new("t").refresh_expires_in(Duration::ZERO),
            IssuedTokens::new("t").refresh_expires_at(UNIX_EPOCH),
            IssuedTokens::new("t").refresh_expires_at(UNIX_EPOCH + Duration::from_secs(1_000_000_000)),
        ] {
            issued.refresh_token = Some("r".into());
            assert_eq!(RefreshToken::of(&mut issued, now).unwrap().expires_at, None, "{issued:?}");
        }
    }
}
