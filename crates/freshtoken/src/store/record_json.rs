//! The JSON form of a record.

use std::fmt;
use std::time::Duration;

use freshtoken_wire::Secret;
use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::store::record::{Ended, Mark, MarkKind, Record, RefreshToken};
use crate::token::{Facts, Stored, Token};

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

fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

#[derive(Serialize, Deserialize)]
struct MarkForm {
    /// 32 hexadecimal digits.
    id: String,
    kind: MarkKind,
    #[serde(default, skip_serializing_if = "is_zero")]
    losses: u8,
}

#[derive(Serialize, Deserialize)]
struct TokenForm {
    generation: u64,
    header: Secret,
    token_at: usize,
    issued_at: u64,
    expires_at: Option<u64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    late_by: u64,
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
                late_by: stored.late_by,
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
            in_use: self.in_use.map(|mark| MarkForm {
                id: format!("{:032x}", u128::from_be_bytes(mark.id)),
                kind: mark.kind,
                losses: mark.losses,
            }),
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
            Ok(Mark { id: id.to_be_bytes(), kind: mark.kind, losses: mark.losses })
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
        late_by: form.late_by,
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
    use crate::clock::Now;
    use crate::issued_tokens::IssuedTokens;
    use crate::store::record::KeepsOld;
    use crate::vendor::TokenPolicy;

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

    fn now() -> Now {
        Now::new(Duration::ZERO, UNIX_EPOCH + Duration::from_secs(1_000_000_000))
    }
}
