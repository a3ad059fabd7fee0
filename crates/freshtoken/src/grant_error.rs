//! The error of a grant, and what the token source concludes from it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use freshtoken_wire::{ErrorClass, ErrorKind};

use crate::cause::Cause;

/// Why a grant failed: the error type of a [`Vendor`](crate::Vendor).
///
/// Errors of the generated vendors convert with `?`. Your own vendor picks a constructor: [`GrantError::transient`],
/// [`GrantError::permanent`], [`GrantError::relogin`], or [`GrantError::of_status`] by HTTP status.
///
/// ```
/// use freshtoken::GrantError;
/// use std::time::Duration;
///
/// let failure = GrantError::of_status(429, "acme is throttling").retry_after(Duration::from_secs(30));
/// assert_eq!(failure.to_string(), "acme is throttling");
/// ```
#[derive(Clone)]
pub struct GrantError {
    pub(crate) kind: GrantErrorKind,
    /// The vendor may have processed the request, and its response is lost.
    pub(crate) is_ambiguous: bool,
    status: Option<u16>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) cause: Cause,
}

/// What the source concludes from a failed grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrantErrorKind {
    /// The same request may work later.
    Transient,
    /// A success without a usable token: transient once, permanent if it comes twice in a row.
    Unusable,
    /// The refresh token no longer works.
    Relogin,
    /// The vendor's code says that other credentials or settings are needed.
    Permanent,
    /// A 4xx with a code that is in none of the vendor's lists.
    Unlisted,
    /// A 4xx without a code: a firewall or a proxy may have sent it in the vendor's place.
    Bare,
    /// The response was a redirect, or a user's HTTP client followed one.
    Redirect,
    /// Nothing was sent, because a callback returned the credentials that were refused before.
    Unchanged,
}

impl GrantError {
    /// Creates a failure after which the same request may work later, such as a timeout or a broken connection.
    ///
    /// The vendor may have processed the request, so a single-use refresh token is not sent again. If it did not, add
    /// [`not_sent`](GrantError::not_sent).
    pub fn transient(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { is_ambiguous: true, ..Self::new(GrantErrorKind::Transient, cause) }
    }

    /// Creates a failure after which the same request will not work before the credentials or settings change.
    pub fn permanent(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(GrantErrorKind::Permanent, cause)
    }

    /// Creates a failure from an HTTP status: 408, 425, 429 and 5xx are transient, and the first three mean that the request
    /// was not processed. Any other 4xx is [`GrantError::refused`]. The rest is permanent.
    pub fn of_status(status: u16, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let error = match status {
            408 | 425 | 429 => Self::transient(cause).not_sent(),
            500.. => Self::transient(cause),
            400.. => Self::refused(cause),
            _ => Self::permanent(cause),
        };
        Self { status: Some(status), ..error }
    }

    /// Creates a failure from a 4xx status without a vendor code.
    ///
    /// A firewall or a proxy may have sent it, so the source tries again, with a backoff that grows to ten minutes. After a
    /// refresh, it first tries a login if the vendor has one. If the vendor itself states the reason, use
    /// [`GrantError::permanent`] or [`GrantError::relogin`].
    pub fn refused(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(GrantErrorKind::Bare, cause)
    }

    /// Creates a failure that says that the refresh token no longer works: a login is needed.
    pub fn relogin(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(GrantErrorKind::Relogin, cause)
    }

    /// Creates a failure from a success without a usable token.
    pub fn unusable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { is_ambiguous: true, ..Self::new(GrantErrorKind::Unusable, cause) }
    }

    /// The vendor has no such operation.
    pub(crate) fn unsupported(what: &'static str) -> Self {
        Self::permanent(format!("the vendor has no operation to {what}"))
    }

    /// The credentials are not available now. Nothing was sent, and the next try may work.
    pub(crate) fn credentials(cause: Box<dyn StdError + Send + Sync>) -> Self {
        Self::new(GrantErrorKind::Transient, cause)
    }

    /// A callback returned the credentials that the vendor refused before.
    pub(crate) fn unchanged() -> Self {
        Self::new(GrantErrorKind::Unchanged, "the callback returned the credentials that were refused before")
    }

    /// Returns whether the same request will not work before the credentials or settings change. A refresh token that no longer
    /// works is not such a failure.
    pub fn is_permanent(&self) -> bool {
        self.kind == GrantErrorKind::Permanent
    }

    /// Whether the vendor itself refused the request.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.kind, GrantErrorKind::Permanent | GrantErrorKind::Unlisted)
    }

    /// Whether the token to revoke does not exist.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.status, Some(404 | 410))
    }

    /// Whether the same request may work later.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self.kind, GrantErrorKind::Transient | GrantErrorKind::Unusable)
    }

    pub(crate) fn new(kind: GrantErrorKind, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind, is_ambiguous: false, status: None, retry_after: None, cause: Cause::from(Arc::from(cause.into())) }
    }

    /// Returns its name in metrics: `ambiguous` (the vendor may have processed the request), `transient`, `unusable` or
    /// `refused`.
    pub fn outcome(&self) -> &'static str {
        match self.kind {
            GrantErrorKind::Transient if self.is_ambiguous => "ambiguous",
            GrantErrorKind::Transient | GrantErrorKind::Bare | GrantErrorKind::Unchanged => "transient",
            GrantErrorKind::Unusable | GrantErrorKind::Redirect => "unusable",
            GrantErrorKind::Relogin | GrantErrorKind::Permanent | GrantErrorKind::Unlisted => "refused",
        }
    }

    /// Sets how long the vendor asks to wait.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Marks that the vendor definitely did not process the request: there was no connection, or the vendor said so. Even a
    /// single-use refresh token may then be sent again.
    pub fn not_sent(mut self) -> Self {
        self.is_ambiguous = false;
        self
    }
}

impl<B: Send + Sync + 'static> From<freshtoken_wire::Error<B>> for GrantError {
    fn from(error: freshtoken_wire::Error<B>) -> Self {
        let kind = match error.class() {
            _ if error.kind() == ErrorKind::Redirect => GrantErrorKind::Redirect,
            _ if error.is_unusable() => GrantErrorKind::Unusable,
            ErrorClass::Transient => GrantErrorKind::Transient,
            ErrorClass::Relogin => GrantErrorKind::Relogin,
            _ if error.is_listed() || !matches!(error.status(), Some(400..500)) => GrantErrorKind::Permanent,
            _ if error.code().is_none() => GrantErrorKind::Bare,
            _ => GrantErrorKind::Unlisted,
        };
        Self {
            kind,
            is_ambiguous: error.is_ambiguous(),
            status: error.status(),
            retry_after: error.retry_after(),
            cause: error.into(),
        }
    }
}

/// Prints what the cause prints of itself.
impl fmt::Debug for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantError")
            .field("kind", &self.kind)
            .field("is_ambiguous", &self.is_ambiguous)
            .field("retry_after", &self.retry_after)
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.cause, f)
    }
}
