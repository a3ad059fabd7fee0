//! A record, which is everything known about an account, and its JSON form: what a store keeps and what a program persists.

use std::fmt;
use std::time::{Duration, SystemTime};

use freshtoken_wire::Secret;
use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::core::clock::{Now, system_time, unix_nanos};
use crate::core::limits;
use crate::fingerprint::Fingerprint;
use crate::grant_error::GrantError;
use crate::issued_tokens::IssuedTokens;
use crate::token::{Facts, Stored, Token, expires_at, lifetime};
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
    id: [u8; 16],
    pub(crate) kind: MarkKind,
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
        Self { id: random_id().to_be_bytes(), kind }
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

    /// Returns the record after a response. `old` is the record before it, whose refresh token is kept if `keeps_old` says so
    /// and the response has none.
    ///
    /// Without a login, a refresh token that comes with an unusable access token is kept, beside the old access token.
    ///
    /// # Errors
    ///
    /// If the response has neither a usable access token nor a refresh token.
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

    fn refreshes(&self) -> u16 {
        self.history.as_ref().map_or(0, |history| history.refreshes)
    }

    fn with_history(mut self, grants: Vec<u64>, refreshes: u16) -> Self {
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

    /// The record with its times by another clock, which shows `there` when this one shows `here`.
    pub(crate) fn shifted(&self, here: SystemTime, there: SystemTime) -> Self {
        let (here, there) = (unix_nanos(here), unix_nanos(there));
        let shift =
            |time: u64| time.saturating_sub(here.saturating_sub(there)).saturating_add(there.saturating_sub(here));
        let refresh = self.refresh.clone();
        let refresh = refresh.map(|refresh| RefreshToken { expires_at: refresh.expires_at.map(shift), ..refresh });
        let grants = self.grants().iter().copied().map(shift).collect();
        let record = Self { token: self.token.as_ref().map(|token| token.shifted(shift)), refresh, ..self.clone() };
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

/// The version of the JSON form. A record of another version is rejected.
const VERSION: u32 = 2;

/// A persisted record. Times are nanoseconds since 1970, by the clock of the machine that wrote them, or of the store.
#[derive(Serialize, Deserialize)]
struct Form {
    version: u32,
    generation: u64,
    pair: u64,
    token: Option<TokenForm>,
    refresh: Option<RefreshForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_use: Option<MarkForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    starts: Vec<Fingerprint>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    grants: Vec<u64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    refreshes: u16,
}

fn is_zero(number: &u16) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize)]
struct MarkForm {
    /// 32 hexadecimal digits.
    id: String,
    kind: MarkKind,
}

#[derive(Serialize, Deserialize)]
struct TokenForm {
    generation: u64,
    header: Secret,
    token_at: usize,
    issued_at: u64,
    expires_at: Option<u64>,
    scopes: Vec<String>,
    extra_headers: Vec<(String, Secret)>,
    /// In nanoseconds after its arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renew_in: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kept: Vec<(String, Secret)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bare: Option<BareForm>,
}

/// A token that isn't a part of the header's value.
#[derive(Serialize, Deserialize)]
struct BareForm {
    token: Secret,
    is_in_query: bool,
}

#[derive(Serialize, Deserialize)]
struct RefreshForm {
    secret: Secret,
    expires_at: Option<u64>,
}

/// The string is not a record: it was not written by [`Record::to_json`], or by an unknown version of this crate. The error
/// contains nothing of the string.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecordError(());

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a record of this version; log in again, or have a person consent again")
    }
}

/// Prints the message, as `main` does for an error that it returns.
impl fmt::Debug for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for RecordError {}

impl Record {
    /// Returns the whole record as JSON, except for the vendor's typed response. It contains the tokens, so keep it as a
    /// secret.
    pub fn to_json(&self) -> Secret {
        let token = self.token.as_ref().map(|token| {
            let stored = token.stored();
            let text = |value: &HeaderValue| Secret::new(value.to_str().unwrap_or_default());
            TokenForm {
                generation: stored.generation,
                header: text(&stored.header),
                token_at: stored.token_at,
                issued_at: stored.issued_at,
                expires_at: stored.expires_at,
                scopes: token.scopes().to_vec(),
                extra_headers: token
                    .extra_headers()
                    .iter()
                    .map(|(name, value)| (name.to_string(), text(value)))
                    .collect(),
                renew_in: token.renew_in().and_then(|wait| u64::try_from(wait.as_nanos()).ok()),
                kept: token.all_kept().to_vec(),
                bare: token.bare().map(|(token, is_in_query)| BareForm { token: token.clone(), is_in_query }),
            }
        });
        let refresh = self
            .refresh
            .as_ref()
            .map(|refresh| RefreshForm { secret: refresh.secret.clone(), expires_at: refresh.expires_at });
        let form = Form {
            version: VERSION,
            generation: self.generation,
            pair: self.pair,
            token,
            refresh,
            in_use: self
                .in_use
                .map(|mark| MarkForm { id: format!("{:032x}", u128::from_be_bytes(mark.id)), kind: mark.kind }),
            ended: self.ended,
            starts: self.starts.clone(),
            grants: self.grants().to_vec(),
            refreshes: self.refreshes(),
        };
        // Strings, numbers and lists of them always serialize.
        Secret::new(serde_json::to_string(&form).unwrap_or_default())
    }

    /// Reads a record that [`Record::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// If the string is not such a record, or one of an unknown version.
    pub fn from_json(text: &str) -> Result<Self, RecordError> {
        let form: Form = serde_json::from_str(text).map_err(|_| RecordError(()))?;
        if form.version != VERSION {
            return Err(RecordError(()));
        }
        let token = form.token.map(token).transpose()?;
        let refresh =
            form.refresh.map(|refresh| RefreshToken { secret: refresh.secret, expires_at: refresh.expires_at });
        let mark = |mark: MarkForm| {
            let id = u128::from_str_radix(&mark.id, 16).map_err(|_| RecordError(()))?;
            Ok(Mark { id: id.to_be_bytes(), kind: mark.kind })
        };
        let record = Self {
            generation: form.generation,
            pair: form.pair,
            token,
            refresh,
            in_use: form.in_use.map(mark).transpose()?,
            ended: form.ended,
            starts: form.starts,
            history: None,
        };
        Ok(record.with_history(form.grants, form.refreshes))
    }
}

fn token(form: TokenForm) -> Result<Token, RecordError> {
    let value = |text: Secret| text.into_header().ok_or(RecordError(()));
    let also = form.extra_headers.into_iter().map(|(name, text)| {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| RecordError(()))?;
        Ok((name, value(text)?))
    });
    let stored = Stored {
        generation: form.generation,
        header: value(form.header)?,
        token_at: form.token_at,
        issued_at: form.issued_at,
        expires_at: form.expires_at,
    };
    let facts = Facts {
        scopes: form.scopes,
        extra_headers: also.collect::<Result<_, _>>()?,
        renew_in: form.renew_in.map(Duration::from_nanos),
        kept: form.kept,
        is_in_query: form.bare.as_ref().is_some_and(|bare| bare.is_in_query),
        bare: form.bare.map(|bare| bare.token),
        response: None,
    };
    Ok(Token::of_stored(stored, facts))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn record() -> Record {
        let issued = IssuedTokens::new("hunter2")
            .expires_in(Duration::from_secs(900))
            .refresh_token("hunter3")
            .refresh_expires_in(Duration::from_secs(9_000))
            .scopes(["read", "write"])
            .extra_header(HeaderName::from_static("x-site"), "hunter4");
        let now = Now { monotonic: 0, wall: 1_800_000_000_000_000_000 };
        Record::of(issued, None, KeepsOld::No, &TokenPolicy::new("acme"), 7, now).unwrap().0
    }

    #[test]
    fn a_record_survives_a_round_trip() {
        let json = record().to_json();
        let back = Record::from_json(json.expose()).unwrap();
        assert_eq!(back.to_json(), json);
        let token = back.token().unwrap();
        assert_eq!((token.expose(), token.scopes()), ("hunter2", &["read".to_owned(), "write".to_owned()][..]));
        assert_eq!(token.extra_headers()[0].1, "hunter4");
        assert!(token.header().is_sensitive() && token.extra_headers()[0].1.is_sensitive());
        assert_eq!(back.refresh_token().unwrap().expose(), "hunter3");
        assert_eq!(back.generation(), 7);
        let empty = Record::from_json(Record::empty(3).to_json().expose()).unwrap();
        assert!(empty.is_empty() && empty.generation() == 3);
    }

    #[test]
    fn kept_values_and_the_time_to_renew_survive_a_round_trip() {
        const POLICY: TokenPolicy = TokenPolicy::new("acme").kept_headers(&[("x-company", "company")]);
        let issued = IssuedTokens::new("t").keep("company", "c").keep("url", "https://a.example");
        let issued = issued.renew_in(Duration::from_secs(60));
        let record = Record::of(issued, None, KeepsOld::No, &POLICY, 1, now()).unwrap().0;
        let back = Record::from_json(record.to_json().expose()).unwrap();
        let token = back.token().unwrap();
        assert_eq!((token.kept("company"), token.kept("url")), (Some("c"), Some("https://a.example")));
        assert_eq!((token.kept("other"), token.renew_in()), (None, Some(Duration::from_secs(60))));
        assert_eq!(token.extra_headers()[0].1, "c");
        assert!(!format!("{back:?}").contains("a.example"));
    }

    #[test]
    fn a_token_of_the_query_or_of_basic_survives_a_round_trip() {
        const IN_QUERY: TokenPolicy = TokenPolicy::new("acme").query("auth");
        for (issued, policy) in
            [(IssuedTokens::new("t"), IN_QUERY), (IssuedTokens::new("t").basic("u", "t"), TokenPolicy::new("acme"))]
        {
            let record = Record::of(issued, None, KeepsOld::No, &policy, 1, now()).unwrap().0;
            let back = Record::from_json(record.to_json().expose()).unwrap();
            let token = back.token().unwrap();
            assert_eq!((token.expose(), token.is_in_header()), ("t", policy.query.is_none()));
        }
    }

    #[test]
    fn an_invalid_record_is_an_error_that_quotes_nothing() {
        let json = record().to_json();
        let broken = [
            "",
            "hunter2",
            "{}",
            &json.expose().replace("\"version\":2", "\"version\":1"),
            &json.expose().replace("Bearer hunter2", "Bearer \\nhunter2"),
        ];
        for text in broken {
            let error = Record::from_json(text).unwrap_err();
            assert!(!format!("{error}{error:?}").contains("hunter"));
        }
    }

    #[test]
    fn a_refresh_token_that_arrives_expired_has_an_unknown_expiry() {
        for mut issued in [
            IssuedTokens::new("t").refresh_expires_in(Duration::ZERO),
            IssuedTokens::new("t").refresh_expires_at(UNIX_EPOCH),
            IssuedTokens::new("t").refresh_expires_at(UNIX_EPOCH + Duration::from_secs(1_000_000_000)),
        ] {
            issued.refresh_token = Some("r".into());
            assert_eq!(RefreshToken::of(&mut issued, now()).unwrap().expires_at, None, "{issued:?}");
        }
    }

    fn now() -> Now {
        Now::new(Duration::ZERO, UNIX_EPOCH + Duration::from_secs(1_000_000_000))
    }
}
