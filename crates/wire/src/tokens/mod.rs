//! The one reader of token responses: pointers in, tokens out.
//!
//! Generated clients, the facade's adapters and the generator itself read responses by it. Each field is read
//! independently of all others. One that doesn't fit counts as not sent, and is named by its pointer; only a missing or
//! empty access token makes a response unusable.

use std::fmt;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use crate::json::Json;
use crate::secret::Secret;

mod read;

/// What an operation's success body says beyond its type. Generated from `x-token`.
#[derive(Clone, Copy, Debug)]
pub struct Success<'a> {
    /// Where the tokens are, for a login and a refresh.
    pub tokens: Option<TokenFields<'a>>,
    /// Where a failure is: present and not empty is a failure, whatever the status.
    pub error: Option<&'a str>,
    /// What a success has to say, as text, and where.
    pub ok: Option<(&'a str, &'a str)>,
    /// The names of all properties that the spec knows. A pointer made of these holds no secret.
    pub properties: &'a [&'a str],
}

/// Where a response says what: JSON Pointers.
#[derive(Clone, Copy, Debug)]
pub struct TokenFields<'a> {
    /// The access token.
    pub access_token: &'a str,
    /// The token type.
    pub token_type: Option<&'a str>,
    /// The lifetime of the access token.
    pub expires_in: Option<In<'a>>,
    /// The expiry of the access token.
    pub expires_at: Option<At<'a>>,
    /// The refresh token.
    pub refresh_token: Option<&'a str>,
    /// The lifetime of the refresh token.
    pub refresh_expires_in: Option<In<'a>>,
    /// The expiry of the refresh token.
    pub refresh_expires_at: Option<At<'a>>,
    /// The granted scopes.
    pub scope: Option<Scope<'a>>,
}

/// A lifetime in a response.
#[derive(Clone, Copy, Debug)]
pub struct In<'a> {
    /// Where it is.
    pub at: &'a str,
    /// What it counts.
    pub unit: Unit,
}

/// An expiry in a response.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// Where it is.
    pub at: &'a str,
    /// What a number counts since 1970.
    pub unit: Unit,
    /// Whether a date without an offset is UTC. Otherwise it doesn't fit.
    pub is_utc: bool,
    /// How a date is written that is neither RFC 3339 nor HTTP's.
    pub format: Option<&'a str>,
}

/// The granted scopes in a response.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Where they are.
    pub at: &'a str,
    /// What separates two scopes in one string; None: spaces.
    pub delimiter: Option<&'a str>,
}

/// What a number in a response counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// The tokens of a response, whatever else is wrong with it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Tokens {
    /// The access token; never empty.
    pub access_token: Secret,
    /// The token type, as the vendor writes it.
    pub token_type: Option<String>,
    /// The lifetime of the access token, counted from the arrival of the response; never zero.
    pub expires_in: Option<Duration>,
    /// The expiry of the access token by the issuer's clock; never before the year 2000.
    pub expires_at: Option<SystemTime>,
    /// The refresh token; never empty.
    pub refresh_token: Option<Secret>,
    /// The lifetime of the refresh token, counted from the arrival of the response; never zero.
    pub refresh_expires_in: Option<Duration>,
    /// The expiry of the refresh token by the issuer's clock; never before the year 2000.
    pub refresh_expires_at: Option<SystemTime>,
    /// The granted scopes; empty where the vendor doesn't say.
    pub scopes: Vec<String>,
    /// The spec's pointers to fields that don't fit, and so count as not sent.
    pub misfits: Vec<&'static str>,
}

/// No token, and no string that could hold one.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("expires_in", &self.expires_in)
            .field("expires_at", &self.expires_at)
            .field("has_refresh_token", &self.refresh_token.is_some())
            .field("refresh_expires_in", &self.refresh_expires_in)
            .field("refresh_expires_at", &self.refresh_expires_at)
            .field("misfits", &self.misfits)
            .finish_non_exhaustive()
    }
}

/// What was read of a response.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The tokens, without their `misfits`; None where there is no access token.
    pub tokens: Option<Tokens>,
    /// The pointers to fields that don't fit, and so count as not sent.
    pub misfits: Vec<&'a str>,
    /// Where in the body the tokens are, in bytes.
    pub(crate) secrets: Vec<Range<usize>>,
}

impl<'a> Success<'a> {
    /// A success with no tokens and no marks of a failure.
    pub const PLAIN: Success<'static> = Success { tokens: None, error: None, ok: None, properties: &[] };

    /// Whether a body says that it is a failure, whatever its status. One that isn't JSON says nothing.
    pub fn is_failure(&self, body: &str) -> bool {
        Json::parse(body).is_some_and(|body| self.fails(body))
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
    fn an_error_or_an_unmet_ok_makes_a_failure_of_a_success() {
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
