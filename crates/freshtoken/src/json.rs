//! A record as JSON: for stores, and for who persists one.

use std::fmt;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::token::{RefreshToken, Stored};
use crate::{Record, Secret, Token};

/// The form's version: one that isn't known isn't guessed at.
const VERSION: u32 = 1;

/// A record on disk. Times are nanoseconds since 1970, by the clock of the machine that wrote them.
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
    also: Vec<(String, Secret)>,
}

#[derive(Serialize, Deserialize)]
struct RefreshForm {
    secret: Secret,
    expires_at: Option<u64>,
    in_use: bool,
}

/// Why there is no record: the text is none of [`Record::to_json`], or of a version of this crate that isn't known here.
/// It holds nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordError(());

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is no record of this version: log in, or have the person consent, anew")
    }
}

impl std::error::Error for RecordError {}

impl Record {
    /// All of it as JSON, but for the vendor's typed answer: to be kept as a secret, as the tokens in it are.
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
                also: token.also().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            }
        });
        let refresh = self.refresh.as_ref().map(|refresh| RefreshForm {
            secret: refresh.secret.clone(),
            expires_at: refresh.expires_at,
            in_use: refresh.in_use,
        });
        let form = Form { version: VERSION, generation: self.generation, token, refresh, starts: self.starts.clone() };
        // Texts, numbers and lists of them: nothing that JSON couldn't say.
        Secret::new(serde_json::to_string(&form).unwrap_or_default())
    }

    /// What [`Record::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// When it is none of that.
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
    let also = form.also.into_iter().map(|(name, text)| {
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
    use std::time::Duration;

    use super::*;
    use crate::clock::Now;
    use crate::token::KeepsOld;
    use crate::{Issued, Policy};

    fn record() -> Record {
        let issued = Issued::new("hunter2")
            .expires_in(Duration::from_secs(900))
            .refresh_token("hunter3")
            .refresh_expires_in(Duration::from_secs(9_000))
            .scopes(["read", "write"])
            .also(HeaderName::from_static("x-site"), "hunter4");
        let now = Now { monotonic: 0, wall: 1_800_000_000_000_000_000 };
        Record::of(issued, None, KeepsOld::No, &Policy::new("acme"), 7, now).unwrap().0
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        let json = record().to_json();
        let back = Record::from_json(json.expose()).unwrap();
        assert_eq!(back.to_json(), json);
        let token = back.token().unwrap();
        assert_eq!((token.expose(), token.scopes()), ("hunter2", &["read".to_owned(), "write".to_owned()][..]));
        assert_eq!(token.also()[0].1, "hunter4");
        assert!(token.header().is_sensitive() && token.also()[0].1.is_sensitive());
        assert_eq!(back.refresh_token().unwrap().expose(), "hunter3");
        assert_eq!(back.generation(), 7);
        let empty = Record::from_json(Record::empty(3).to_json().expose()).unwrap();
        assert!(empty.is_empty() && empty.generation() == 3);
    }

    #[test]
    fn what_is_no_record_is_an_error_that_quotes_nothing() {
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
}
