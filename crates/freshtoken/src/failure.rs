//! The failure of a grant, and what the token source concludes from it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use freshtoken_wire::Verdict;

use crate::error::Cause;

/// Why a grant failed: the error type of a [`Vendor`](crate::Vendor).
///
/// Errors of the generated vendors convert with `?`. Your own vendor picks a constructor: [`Failure::transient`],
/// [`Failure::permanent`], [`Failure::relogin`], or [`Failure::of_status`] by HTTP status.
///
/// ```
/// use freshtoken::Failure;
/// use std::time::Duration;
///
/// let failure = Failure::of_status(429, "acme is throttling").retry_after(Duration::from_secs(30));
/// assert_eq!(failure.to_string(), "acme is throttling");
/// ```
#[derive(Clone)]
pub struct Failure {
    pub(crate) verdict: Verdict,
    /// The vendor may have processed the request, and its response is lost.
    pub(crate) ambiguous: bool,
    /// A success without a usable token: transient once, permanent when it comes twice in a row.
    pub(crate) unusable: bool,
    /// A 4xx that is in none of the vendor's lists.
    pub(crate) refused: bool,
    /// A 4xx without a vendor code: a firewall or a proxy may have sent it in the vendor's place.
    pub(crate) is_bare: bool,
    /// The response was a redirect, or a user's HTTP client followed one.
    pub(crate) is_redirect: bool,
    /// The token to revoke does not exist.
    pub(crate) is_gone: bool,
    /// Nothing was sent, because a callback returned the credentials that were refused before.
    pub(crate) is_unchanged: bool,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) cause: Cause,
}

impl Failure {
    /// Creates a failure after which the same request may work later, such as a timeout or a broken connection.
    ///
    /// The vendor may have processed the request, so a single-use refresh token is not sent again. If it did not, add
    /// [`not_sent`](Failure::not_sent).
    pub fn transient(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { ambiguous: true, ..Self::new(Verdict::Transient, cause) }
    }

    /// Creates a failure after which the same request will not work before the credentials or settings change.
    pub fn permanent(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Verdict::Permanent, cause)
    }

    /// Creates a failure from an HTTP status: 408, 425, 429 and 5xx are transient, and the first three mean that the request
    /// was not processed. Any other 4xx is [`Failure::refused`]. The rest is permanent.
    pub fn of_status(status: u16, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        match status {
            408 | 425 | 429 => Self::transient(cause).not_sent(),
            500.. => Self::transient(cause),
            400.. => Self::refused(cause),
            _ => Self::permanent(cause),
        }
    }

    /// Creates a failure from a 4xx status without a vendor code.
    ///
    /// A firewall or a proxy may have sent it, so the source tries again, with a backoff that grows to ten minutes. After a
    /// refresh, it first tries a login if the vendor has one. If the vendor itself states the reason, use
    /// [`Failure::permanent`] or [`Failure::relogin`].
    pub fn refused(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { refused: true, is_bare: true, ..Self::new(Verdict::Permanent, cause) }
    }

    /// Creates a failure that says that the refresh token no longer works: a login is needed.
    pub fn relogin(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Verdict::Relogin, cause)
    }

    /// Creates a failure from a success without a usable token.
    pub fn unusable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { ambiguous: true, unusable: true, ..Self::new(Verdict::Transient, cause) }
    }

    /// The vendor has no such operation.
    pub(crate) fn unsupported(what: &'static str) -> Self {
        Self::permanent(format!("the vendor has no operation to {what}"))
    }

    /// The credentials are not available now. Nothing was sent, and the next try may work.
    pub(crate) fn credentials(cause: Box<dyn StdError + Send + Sync>) -> Self {
        Self::new(Verdict::Transient, cause)
    }

    /// A callback returned the credentials that the vendor refused before.
    pub(crate) fn unchanged() -> Self {
        Self { is_unchanged: true, ..Self::permanent("the callback returned the credentials that were refused before") }
    }

    /// Whether the vendor itself refused the request.
    pub(crate) fn is_refusal(&self) -> bool {
        self.verdict == Verdict::Permanent && !self.is_bare && !self.is_redirect && !self.is_unchanged
    }

    fn new(verdict: Verdict, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            verdict,
            ambiguous: false,
            unusable: false,
            refused: false,
            is_bare: false,
            is_redirect: false,
            is_gone: false,
            is_unchanged: false,
            retry_after: None,
            cause: Cause::from(Arc::from(cause.into())),
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
        self.ambiguous = false;
        self
    }
}

impl<B: Send + Sync + 'static> From<freshtoken_wire::Error<B>> for Failure {
    fn from(error: freshtoken_wire::Error<B>) -> Self {
        let is_refused = matches!(error.status(), Some(400..500)) && !error.is_transient() && !error.is_listed();
        Self {
            verdict: error.verdict(),
            ambiguous: error.is_ambiguous(),
            unusable: error.is_unusable(),
            refused: is_refused,
            is_bare: is_refused && error.code().is_none(),
            is_redirect: error.kind() == freshtoken_wire::ErrorKind::Redirect,
            is_gone: matches!(error.status(), Some(404 | 410)),
            is_unchanged: false,
            retry_after: error.retry_after(),
            cause: error.into(),
        }
    }
}

/// Prints what the cause prints of itself.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("verdict", &self.verdict)
            .field("ambiguous", &self.ambiguous)
            .field("retry_after", &self.retry_after)
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.cause, f)
    }
}
