//! A record, which is everything known about an account, and its JSON form: what a store keeps and what a program persists.

use std::fmt;
use std::time::SystemTime;

use freshtoken_wire::Secret;
use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::core::clock::{Now, system_time};
use crate::fingerprint::Fingerprint;
use crate::grant_error::GrantError;
use crate::issued_tokens::IssuedTokens;
use crate::token::{Stored, Token, expires_at, lifetime};
use crate::vendor::TokenPolicy;

/// Everything known about an account at one moment, and what a [`Store`](crate::store::Store) keeps.
///
/// # Examples
///
/// ```no_run
/// # use freshtoken::{TokenSource, Vendor};
/// # use freshtoken::store::Record;
/// # fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) -> Result<TokenSource, Box<dyn std::error::Error>> {
/// let record = Record::from_json(&std::fs::read_to_string("token.json")?)?;
/// let tokens = TokenSource::builder(endpoint, credentials).record(record).build();
/// # Ok(tokens)
/// # }
/// ```
#[derive(Clone)]
pub struct Record {
    pub(crate) generation: u64,
    pub(crate) token: Option<Token>,
    pub(crate) refresh: Option<RefreshToken>,
    /// The start tokens that were ever sent for this account. None of them is sent again.
    pub(crate) starts: Vec<Fingerprint>,
}

#[derive(Clone)]
pub(crate) struct RefreshToken {
    pub(crate) secret: Secret,
    /// In nanoseconds since 1970, by this machine's wall clock.
    pub(crate) expires_at: Option<u64>,
    /// A single-use token that is about to be sent. A process that loads such a record while it holds the lease knows that
    /// the response was lost.
    pub(crate) in_use: bool,
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
        (!secret.is_empty()).then_some(Self { secret, expires_at: None, in_use: false })
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
        Some(Self { secret, expires_at: expires_at(lifetime, now), in_use: false })
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
        match Token::of(issued, policy, generation, now) {
            Ok(token) => Ok((Self { generation, token: Some(token), refresh, starts }, None)),
            // A vendor with a login issues a new pair instead.
            Err(failure) if has_new && !policy.login => {
                let token = old.and_then(|old| old.token.clone());
                Ok((Self { generation, token, refresh, starts }, Some(failure)))
            }
            Err(failure) => Err(failure),
        }
    }

    /// The record of an account before its first token.
    pub(crate) fn empty(generation: u64) -> Self {
        Self { generation, token: None, refresh: None, starts: Vec::new() }
    }

    /// The record after a revocation, which only remembers the start tokens that were sent.
    pub(crate) fn revoked(&self, generation: u64) -> Self {
        Self { starts: self.starts.clone(), ..Self::empty(generation) }
    }

    /// Whether the record holds nothing worth keeping.
    pub(crate) fn is_worthless(&self) -> bool {
        self.is_empty() && self.starts.is_empty()
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
        self.refresh.as_ref().filter(|refresh| !refresh.in_use).map(|refresh| &refresh.secret)
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

/// The version of the JSON form. A record of another version is rejected.
const VERSION: u32 = 1;

/// A persisted record. Times are nanoseconds since 1970, by the clock of the machine that wrote them.
#[derive(Serialize, Deserialize)]
struct Form {
    version: u32,
    generation: u64,
    token: Option<TokenForm>,
    refresh: Option<RefreshForm>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    starts: Vec<Fingerprint>,
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
}

#[derive(Serialize, Deserialize)]
struct RefreshForm {
    secret: Secret,
    expires_at: Option<u64>,
    in_use: bool,
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
            }
        });
        let refresh = self.refresh.as_ref().map(|refresh| RefreshForm {
            secret: refresh.secret.clone(),
            expires_at: refresh.expires_at,
            in_use: refresh.in_use,
        });
        let form = Form { version: VERSION, generation: self.generation, token, refresh, starts: self.starts.clone() };
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
        let refresh = form.refresh.map(|refresh| RefreshToken {
            secret: refresh.secret,
            expires_at: refresh.expires_at,
            in_use: refresh.in_use,
        });
        Ok(Self { generation: form.generation, token, refresh, starts: form.starts })
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
    Ok(Token::of_stored(stored, form.scopes, also.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

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
    fn an_invalid_record_is_an_error_that_quotes_nothing() {
        let json = record().to_json();
        let broken = [
            "",
            "hunter2",
            "{}",
            &json.expose().replace("\"version\":1", "\"version\":2"),
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
