//! What the generated adapters share: from a vendor's response to [`IssuedTokens`], and from credentials to a request.
//!
//! An adapter implements [`Vendor`](crate::Vendor) and [`FromEnv`](crate::env::FromEnv) for the endpoint of a generated client.
//! The adapters of this repository's vendors are modules of this crate. In another repository, `freshtoken-codegen` writes the
//! adapter into the vendor's crate, where it is the module `source`. Both use the same functions, and nothing private. For a
//! vendor without a generated client, implement [`Vendor`](crate::Vendor) instead: `examples/own_vendor.rs`.
//!
//! No failure message here contains a value: it names the place in the response, or the credential.
//!
//! # Examples
//!
//! A grant checks what the user provided before it sends anything:
//!
//! ```
//! use freshtoken::{Secret, adapter};
//!
//! let (client_id, client_secret) = ("example-id".to_owned(), Secret::new("\n"));
//! let checked = adapter::given(&[("client_id", &client_id), ("client_secret", &client_secret)]);
//! assert_eq!(
//!     checked.unwrap_err().to_string(),
//!     "the credential `client_secret` has a line break or another control character"
//! );
//! ```

use std::any::Any;

use freshtoken_wire::compute::ComputeError;
use freshtoken_wire::response::Granted;
use freshtoken_wire::{BodyProblem, Error, ErrorBody, ErrorKind, Outcome, Secret};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::{info, warn};

use crate::grant_error::GrantError;
use crate::issued_tokens::IssuedTokens;

/// Returns the tokens of a login or a refresh. A field that does not match the spec counts as not sent, and its pointer is
/// logged.
///
/// # Errors
///
/// The error of the request, or of a response without an access token.
pub fn issued<T, B>(outcome: Outcome<T>) -> Result<IssuedTokens, GrantError>
where
    T: DeserializeOwned + Any + Send + Sync,
    B: ErrorBody + Send + Sync + 'static,
{
    let Granted { tokens, body, misfits, head, .. } = outcome.granted::<B>()?;
    let pointers = misfits.join(", ");
    if !tokens.misfits.is_empty() {
        warn!(pointers, "ignored token fields that do not fit the spec");
    } else if !misfits.is_empty() {
        info!(pointers, "ignored response fields that do not fit the spec");
    }
    let mut issued = IssuedTokens::new(tokens.access_token);
    // Only absolute expiries are corrected by it.
    issued.date = tokens.expires_at.or(tokens.refresh_expires_at).and_then(|_| head.date());
    issued.token_type = tokens.token_type;
    issued.expires_in = tokens.expires_in;
    issued.never_expires = tokens.never_expires;
    issued.expires_at = tokens.expires_at;
    issued.renew_in = tokens.renew_in;
    issued.refresh_token = tokens.refresh_token;
    issued.refresh_expires_in = tokens.refresh_expires_in;
    issued.refresh_expires_at = tokens.refresh_expires_at;
    issued.scopes = tokens.scopes;
    issued.kept = tokens.kept;
    Ok(match body {
        Some(body) => issued.response(body),
        None => issued,
    })
}

/// Returns the result of a refresh whose response has no token: see
/// [`TokenPolicy::keeps_access_token`](crate::TokenPolicy::keeps_access_token).
pub fn kept() -> IssuedTokens {
    IssuedTokens::new("")
}

/// Returns the result of a revocation whose response has a typed body, and may state a failure at 2xx. A field that does not
/// match the spec counts as not sent.
///
/// # Errors
///
/// The error of the request, unless only the body does not match the spec.
pub fn revoked<T, B: ErrorBody + Send + Sync + 'static>(result: Result<T, Error<B>>) -> Result<(), GrantError> {
    match result {
        Err(error)
            if matches!(error.kind(), ErrorKind::Body(BodyProblem::Unexpected { .. } | BodyProblem::NoOffset)) =>
        {
            Ok(())
        }
        result => Ok(result.map(drop)?),
    }
}

/// Returns the result of a revocation. A failure with one of these codes or statuses means that the token was no longer valid
/// before.
pub fn revoked_or_gone<T, B>(result: Result<T, Error<B>>, gone: &[&str]) -> Result<(), GrantError>
where
    B: ErrorBody + Send + Sync + 'static,
{
    let is_gone = |error: &Error<B>| {
        let status = error.status().map(|status| status.to_string());
        gone.iter().any(|known| error.code() == Some(known) || status.as_deref() == Some(known))
    };
    match result {
        Err(error) if is_gone(&error) => Ok(()),
        result => revoked(result),
    }
}

/// Rejects credentials that cannot be valid, and names them: the vendor's own error would not say which one is wrong.
///
/// # Errors
///
/// A permanent failure that names the first such credential.
pub fn given(credentials: &[(&str, &dyn Credential)]) -> Result<(), GrantError> {
    let problems = credentials.iter().filter_map(|(name, credential)| Some((name, credential.problem()?)));
    match problems.into_iter().next() {
        Some((name, problem)) => Err(GrantError::permanent(format!("the credential `{name}` {problem}"))),
        None => Ok(()),
    }
}

/// What credentials ask for, as a part of the key under which a store keeps the token: see
/// [`Vendor::requested`](crate::Vendor::requested).
///
/// ```
/// use freshtoken::adapter::Requested;
///
/// let requested = Requested::new().with("client_id", "example-id").with("audience", &None::<String>);
/// assert_eq!(requested.finish(), r#"client_id="example-id""#);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Requested(String);

impl Requested {
    /// Creates an empty list of values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value, unless it is missing or empty. It must not be a secret.
    pub fn with(mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
        // JSON marks where a string ends. A value that it cannot express cannot be sent either, and the grant reports that.
        let json = serde_json::to_string(value).unwrap_or_default();
        if !matches!(json.as_str(), "" | "null" | "\"\"") {
            let space = if self.0.is_empty() { "" } else { " " };
            self.0 += &format!("{space}{name}={json}");
        }
        self
    }

    /// Returns all values.
    pub fn finish(self) -> String {
        self.0
    }
}

/// Returns the access token that authorizes a revocation of the refresh token.
///
/// # Errors
///
/// A transient failure without one: nothing is sent.
pub fn live(access_token: Option<&Secret>) -> Result<&Secret, GrantError> {
    let missing = "the vendor revokes a refresh token only with a live access token; get a token first, then revoke";
    access_token.ok_or_else(|| GrantError::transient(missing).not_sent())
}

/// A string that the user provides.
pub trait Credential {
    /// Returns why it cannot be valid.
    fn problem(&self) -> Option<&'static str>;
}

impl Credential for str {
    fn problem(&self) -> Option<&'static str> {
        if self.is_empty() {
            Some("is empty")
        } else if self.contains(char::is_control) {
            Some("has a line break or another control character")
        } else {
            None
        }
    }
}

impl Credential for String {
    fn problem(&self) -> Option<&'static str> {
        self.as_str().problem()
    }
}

impl Credential for Secret {
    fn problem(&self) -> Option<&'static str> {
        self.expose().problem()
    }
}

/// An optional credential may be empty.
impl<T: Credential> Credential for Option<T> {
    fn problem(&self) -> Option<&'static str> {
        self.as_ref().and_then(T::problem).filter(|problem| *problem != "is empty")
    }
}

/// Returns a computed value. Nothing was sent if there is none, and the next try fails too.
pub fn computed<T>(result: Result<T, ComputeError>) -> Result<T, GrantError> {
    result.map_err(|error| GrantError::permanent(error.to_string()))
}

/// Returns a value of the response to the request before, which the next request of a login contains.
///
/// # Errors
///
/// A transient failure that names the place, if the response has no value there.
pub fn received(place: &str, value: Option<impl Into<String>>) -> Result<Secret, GrantError> {
    let value = value.map(Into::into).filter(|value| !value.is_empty());
    value.map(Secret::new).ok_or_else(|| {
        GrantError::transient(format!(
            "the response has nothing at `{place}`, which the next request of the login needs"
        ))
    })
}

/// Returns a credential that this grant requires.
///
/// # Errors
///
/// A permanent failure that names it, if it is missing.
pub fn needed<'a, T>(name: &str, credential: &'a Option<T>) -> Result<&'a T, GrantError> {
    let missing = || {
        GrantError::permanent(format!(
            "the credential `{name}` is missing, and the vendor requires it for this operation"
        ))
    };
    credential.as_ref().ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_credential_is_named_and_not_quoted() {
        let said =
            |credential: &dyn Credential| given(&[("api_key", credential)]).map_err(|failure| failure.to_string());
        assert_eq!(said(&Secret::new("")), Err("the credential `api_key` is empty".to_owned()));
        let problem = Err("the credential `api_key` has a line break or another control character".to_owned());
        for text in ["hunter2\n", "hunter2\r\n", "\thunter2", "hunter\x002", "hunter2\u{7f}", "hunter2\u{85}"] {
            assert_eq!(said(&Secret::new(text)), problem, "{text:?}");
            assert_eq!(said(&Some(text.to_owned())), problem, "{text:?}");
        }
        for credential in [None, Some(String::new()), Some("hunter 2ü".to_owned())] {
            assert_eq!(said(&credential), Ok(()));
        }
    }

    #[test]
    fn a_missing_credential_is_permanent_and_named() {
        let failure = needed::<Secret>("api_key", &None).unwrap_err();
        assert_eq!(failure.kind, crate::grant_error::GrantErrorKind::Permanent);
        assert!(failure.to_string().contains("`api_key`"), "{failure}");
    }
}
