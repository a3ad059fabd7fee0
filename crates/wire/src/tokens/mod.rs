//! Reads tokens from responses, from places that are given as JSON Pointers.
//!
//! Generated clients, the facade's adapters and the generator all use this reader. Each field is read independently of the
//! others. A field that doesn't match the spec is treated as absent and reported by its pointer. Only a missing or empty
//! access token makes a response unusable.

use std::fmt;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use crate::json::Json;
use crate::secret::Secret;

mod read;

/// Where an operation's success body has tokens and errors. Generated from `x-token`.
#[derive(Clone, Copy, Debug)]
pub struct Success<'a> {
    /// The places of the tokens, for a login or a refresh.
    pub tokens: Option<TokenFields<'a>>,
    /// The place of an error. If it is present and not empty, the response is a failure, whatever the status.
    pub error: Option<&'a str>,
    /// A place, and the value that it has in every success.
    pub ok: Option<(&'a str, &'a str)>,
    /// The names of all properties in the spec. A pointer that consists of these contains no secret.
    pub properties: &'a [&'a str],
}

/// The places of the fields in a token response, as JSON Pointers. Start from [`TokenFields::NONE`].
#[derive(Clone, Copy, Debug)]
pub struct TokenFields<'a> {
    /// The access token: the first place that has one is used. An empty pointer is the whole body, which may be plain text.
    pub access_token: &'a [&'a str],
    /// The header of the response that has the access token.
    pub access_token_header: Option<&'a str>,
    /// The token type.
    pub token_type: Option<&'a str>,
    /// The lifetime of the access token: the first place that has one is used.
    pub expires_in: &'a [In<'a>],
    /// The expiry of the access token.
    pub expires_at: Option<At<'a>>,
    /// When to renew the access token, counted from the arrival of the response.
    pub renew_in: Option<In<'a>>,
    /// The refresh token.
    pub refresh_token: Option<&'a str>,
    /// The lifetimes of the refresh token: the shortest is used.
    pub refresh_expires_in: &'a [In<'a>],
    /// The expiries of the refresh token: the earliest is used.
    pub refresh_expires_at: &'a [At<'a>],
    /// The granted scopes.
    pub scope: Option<Scope<'a>>,
    /// Values that belong to the token: the name and the place of each.
    pub keep: &'a [(&'a str, &'a str)],
}

impl TokenFields<'_> {
    /// No field.
    pub const NONE: TokenFields<'static> = TokenFields {
        access_token: &[],
        access_token_header: None,
        token_type: None,
        expires_in: &[],
        expires_at: None,
        renew_in: None,
        refresh_token: None,
        refresh_expires_in: &[],
        refresh_expires_at: &[],
        scope: None,
        keep: &[],
    };

    /// Whether the whole body can be the access token.
    pub(crate) fn takes_text(&self) -> bool {
        self.access_token.contains(&"")
    }
}

/// The place of a lifetime in a response.
#[derive(Clone, Copy, Debug)]
pub struct In<'a> {
    /// The JSON Pointer.
    pub at: &'a str,
    /// The unit of the number.
    pub unit: Unit,
    /// The numbers that mean "never".
    pub never: &'a [i64],
}

impl In<'_> {
    /// A number of seconds.
    pub const SECONDS: In<'static> = In { at: "", unit: Unit::Seconds, never: &[] };
}

/// The place of an expiry in a response.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// The JSON Pointer.
    pub at: &'a str,
    /// The unit of a number since 1970-01-01T00:00:00Z.
    pub unit: Unit,
    /// Whether a date without an offset is UTC. Otherwise such a date is a misfit.
    pub is_utc: bool,
    /// The format of a date that is neither an RFC 3339 date nor an HTTP date.
    pub format: Option<&'a str>,
}

/// The place of the granted scopes in a response.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The JSON Pointer.
    pub at: &'a str,
    /// The delimiter of the scopes in a string. `None` means spaces.
    pub delimiter: Option<&'a str>,
}

/// The unit of a number in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// A string of words such as `60 minutes`, or hours, minutes and seconds such as `177:05:38`. A number is in seconds.
    Words,
}

/// The tokens of a response. They may come from a response that does not match the spec.
#[derive(Clone)]
#[non_exhaustive]
pub struct Tokens {
    /// The access token; never empty.
    pub access_token: Secret,
    /// The token type, as the vendor sent it.
    pub token_type: Option<String>,
    /// The lifetime of the access token, counted from the arrival of the response; never zero.
    pub expires_in: Option<Duration>,
    /// Whether the vendor says that the access token never expires.
    pub never_expires: bool,
    /// The expiry of the access token by the issuer's clock; never before the year 2000.
    pub expires_at: Option<SystemTime>,
    /// When to renew the access token, counted from the arrival of the response; never zero.
    pub renew_in: Option<Duration>,
    /// The refresh token; never empty.
    pub refresh_token: Option<Secret>,
    /// The lifetime of the refresh token, counted from the arrival of the response; never zero.
    pub refresh_expires_in: Option<Duration>,
    /// The expiry of the refresh token by the issuer's clock; never before the year 2000.
    pub refresh_expires_at: Option<SystemTime>,
    /// The granted scopes; empty if the vendor didn't send any.
    pub scopes: Vec<String>,
    /// Values that belong to the token, by name; never empty. Some can be secrets.
    pub kept: Vec<(String, Secret)>,
    /// The pointers to misfits: fields that don't match the spec and are treated as absent.
    pub misfits: Vec<&'static str>,
}

/// Prints no token, and no string that could contain one.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("expires_in", &self.expires_in)
            .field("never_expires", &self.never_expires)
            .field("expires_at", &self.expires_at)
            .field("renew_in", &self.renew_in)
            .field("has_refresh_token", &self.refresh_token.is_some())
            .field("refresh_expires_in", &self.refresh_expires_in)
            .field("refresh_expires_at", &self.refresh_expires_at)
            .field("misfits", &self.misfits)
            .finish_non_exhaustive()
    }
}

/// The result of reading a response.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The tokens, with an empty list of misfits; `None` if there is no access token.
    pub tokens: Option<Tokens>,
    /// The pointers to fields that don't match the spec and are treated as absent.
    pub misfits: Vec<&'a str>,
    /// The byte ranges of the tokens in the body.
    pub(crate) secrets: Vec<Range<usize>>,
}

impl<'a> Success<'a> {
    /// A success without tokens and without fields for an error.
    pub const PLAIN: Success<'static> = Success { tokens: None, error: None, ok: None, properties: &[] };

    /// Returns whether a body contains an error, whatever the status. A body that isn't JSON does not.
    pub fn is_failure(&self, body: &str) -> bool {
        let can_fail = self.error.is_some() || self.ok.is_some();
        can_fail && Json::parse(body).is_some_and(|body| self.fails(body))
    }

    pub(crate) fn fails(&self, body: Json<'_>) -> bool {
        let has_error = self.error.and_then(|at| body.at(at)).is_some_and(|error| !error.is_nothing());
        let is_ok = self.ok.is_none_or(|(at, is)| body.at(at).is_some_and(|found| found.is(is)));
        has_error || !is_ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_or_an_unmet_ok_makes_a_success_a_failure() {
        let marks = Success { error: Some("/error"), ok: Some(("/ok", "true")), ..Success::PLAIN };
        for (body, fails) in [
            (r#"{"ok":true}"#, false),
            (r#"{"ok":"true","error":null}"#, false),
            (r#"{"ok":true,"error":{"code":null}}"#, false),
            (r#"{"ok":true,"error":{"unknown":1}}"#, true),
            (r#"{"ok":true,"error":"no"}"#, true),
            (r#"{"ok":false}"#, true),
            ("{}", true),
        ] {
            assert_eq!(marks.is_failure(body), fails, "{body}");
        }
        assert!(!Success::PLAIN.is_failure("{}") && !marks.is_failure("<html>"));
    }
}
