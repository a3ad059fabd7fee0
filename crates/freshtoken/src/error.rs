//! What a caller is told when there is no token.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use freshtoken_wire::Verdict;

use crate::failure::Failure;

/// Why there is no token. Cheap to clone: all who wait for one flight get the same.
///
/// Its text says what to do; [`source`](StdError::source) is the vendor's typed error, and no text of either has a
/// secret in it.
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
    retry_after: Option<Duration>,
}

struct Inner {
    kind: ErrorKind,
    vendor: &'static str,
    action: &'static str,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The vendor can't be reached, or doesn't answer as it should: it may work after [`Error::retry_after`].
    Unavailable,
    /// The vendor refuses: change the credentials, then make a new source, or call
    /// [`TokenSource::credentials_changed`](crate::TokenSource::credentials_changed). A callback's credentials are tried as
    /// soon as they differ, and the same ones again after [`Error::retry_after`], an hour at most.
    Refused,
    /// The vendor's answers can't be used, twice in a row, or redirect: something may answer in its place, or its spec
    /// or the base URL is wrong. It is tried again after [`Error::retry_after`].
    Unusable,
    /// There is no refresh token that could still be used, and this vendor has no login without a person: have the
    /// person consent again, and start a source from the new refresh token.
    ConsentNeeded,
    /// The store can't be reached, and without it a single-use refresh token is never sent: it may work after
    /// [`Error::retry_after`].
    Store,
    /// There is no tokio runtime to make the request on, or it is shutting down: call from within one.
    NoRuntime,
    /// The vendor has no such operation.
    Unsupported,
    /// [`on_change`](crate::TokenSourceBuilder::on_change) asked its own source, which would wait for itself: use the record
    /// that the callback received.
    InCallback,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, vendor: &'static str, action: &'static str) -> Self {
        Self { inner: Arc::new(Inner { kind, vendor, action, cause: None }), retry_after: None }
    }

    pub(crate) fn caused(
        kind: ErrorKind,
        vendor: &'static str,
        action: &'static str,
        cause: Arc<dyn StdError + Send + Sync>,
    ) -> Self {
        Self { inner: Arc::new(Inner { kind, vendor, action, cause: Some(cause) }), retry_after: None }
    }

    /// Of one request that isn't a flight.
    pub(crate) fn of(failure: Failure, vendor: &'static str, action: &'static str) -> Self {
        let kind = match failure.verdict {
            Verdict::Transient => ErrorKind::Unavailable,
            _ if failure.is_redirect || failure.is_bare => ErrorKind::Unusable,
            _ => ErrorKind::Refused,
        };
        Self::caused(kind, vendor, action, failure.cause).after(failure.retry_after)
    }

    pub(crate) fn after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }

    /// Why.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The vendor's name.
    pub fn vendor(&self) -> &'static str {
        self.inner.vendor
    }

    /// Whether it may work later without any change.
    pub fn is_transient(&self) -> bool {
        matches!(self.inner.kind, ErrorKind::Unavailable | ErrorKind::Store)
    }

    /// How long nothing will be asked of the vendor: an earlier call gets this error again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The vendor's typed error, where a request was answered or failed: `error.vendor_error::<zenoti::Error>()`.
    pub fn vendor_error<E: StdError + 'static>(&self) -> Option<&E> {
        self.inner.cause.as_deref()?.downcast_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, vendor, action, .. } = &*self.inner;
        match kind {
            ErrorKind::Unavailable => write!(f, "{vendor}: can't {action} now"),
            ErrorKind::Refused => write!(f, "{vendor}: can't {action}, change the credentials or settings"),
            ErrorKind::Unusable => {
                write!(f, "{vendor}: can't {action}, the answers make no sense: check base URL, proxy and spec")
            }
            ErrorKind::ConsentNeeded => {
                write!(f, "{vendor}: no refresh token that works is left, a person must consent again")
            }
            ErrorKind::Store => write!(f, "{vendor}: can't {action} without the store, which can't be reached"),
            ErrorKind::NoRuntime => write!(f, "{vendor}: can't {action} without a running tokio runtime"),
            ErrorKind::Unsupported => write!(f, "{vendor}: has no operation to {action}"),
            ErrorKind::InCallback => {
                write!(f, "{vendor}: cannot {action} within on_change, which would wait for itself: use its record")
            }
        }?;
        match self.retry_after {
            Some(wait) => write!(f, " (next try in {} s)", wait.as_secs_f64().ceil()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.inner.kind)
            .field("vendor", &self.inner.vendor)
            .field("action", &self.inner.action)
            .field("retry_after", &self.retry_after)
            .field("cause", &self.inner.cause)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}
