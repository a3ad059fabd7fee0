//! Why a grant failed, and what the facade makes of it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use freshtoken_wire::Verdict;

use crate::error::Cause;

/// Why a grant failed: what a [`Vendor`](crate::Vendor) answers.
///
/// The generated vendors' errors become one with `?`. A vendor of one's own says which it is: [`Failure::transient`],
/// [`Failure::permanent`] or [`Failure::relogin`].
#[derive(Clone)]
pub struct Failure {
    pub(crate) verdict: Verdict,
    /// The vendor may have acted on the request, and its answer is lost.
    pub(crate) ambiguous: bool,
    /// A success that can't be used: transient once, permanent when it comes twice in a row.
    pub(crate) unusable: bool,
    /// A 4xx that no list of the vendor's names.
    pub(crate) refused: bool,
    /// A 4xx without a code of the vendor's: a firewall or a proxy may have sent it in the vendor's place.
    pub(crate) is_bare: bool,
    /// The answer was a redirect, or a user's HTTP client followed one.
    pub(crate) is_redirect: bool,
    /// What was to be ended isn't there.
    pub(crate) is_gone: bool,
    /// Nothing was sent, since a callback returned the credentials that were refused before.
    pub(crate) is_unchanged: bool,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) cause: Cause,
}

impl Failure {
    /// The same request may work later: a time-out, a torn connection. Unless it says [`not_sent`](Failure::not_sent), the
    /// vendor may have acted on it, so that a single-use refresh token isn't sent again after it.
    pub fn transient(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { ambiguous: true, ..Self::new(Verdict::Transient, cause) }
    }

    /// The same request won't work before the credentials or settings change.
    pub fn permanent(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Verdict::Permanent, cause)
    }

    /// What a status says by itself: 408, 425, 429 and 5xx may pass, the first three without effect; any other 4xx is
    /// [`Failure::refused`], and the rest is permanent.
    pub fn of_status(status: u16, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        match status {
            408 | 425 | 429 => Self::transient(cause).not_sent(),
            500.. => Self::transient(cause),
            400.. => Self::refused(cause),
            _ => Self::permanent(cause),
        }
    }

    /// A 4xx status without a code of the vendor's. A firewall or a proxy may have sent it, so the source tries again, with
    /// a backoff that grows to ten minutes. After a refresh, it tries a login first, where the vendor has one.
    ///
    /// Where the vendor itself says why, use [`Failure::permanent`] or [`Failure::relogin`].
    pub fn refused(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { refused: true, is_bare: true, ..Self::new(Verdict::Permanent, cause) }
    }

    /// The refresh token is spent: a login is needed.
    pub fn relogin(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Verdict::Relogin, cause)
    }

    /// A success that can't be used: one without a token, for example.
    pub fn unusable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { ambiguous: true, unusable: true, ..Self::new(Verdict::Transient, cause) }
    }

    /// The vendor has no such operation.
    pub(crate) fn unsupported(what: &'static str) -> Self {
        Self::permanent(format!("the vendor has no operation to {what}"))
    }

    /// Credentials that couldn't be had: nothing was sent, and the next try may work.
    pub(crate) fn credentials(cause: Box<dyn StdError + Send + Sync>) -> Self {
        Self::new(Verdict::Transient, cause)
    }

    /// A callback returned the credentials that the vendor refused before.
    pub(crate) fn unchanged() -> Self {
        Self { is_unchanged: true, ..Self::permanent("the credentials are those that were refused") }
    }

    /// Whether the vendor itself refuses what was sent.
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

    /// How long the vendor asks to wait.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The vendor surely didn't act on the request: no connection came about, or it said so. Then even a single-use refresh
    /// token may be sent again.
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

/// What the cause says of itself.
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
