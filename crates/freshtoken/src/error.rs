//! What a caller is told when there is no token.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use freshtoken_wire::{Verdict, write_chain};

use crate::failure::Failure;

/// Why there is no token. Cheap to clone: all who wait for one flight get the same.
///
/// Its message says what to do, and has the vendor's code if the spec lists it. [`source`](StdError::source) is the vendor's
/// typed error. `{:#}` and `{:?}` print both on one line, and neither has a secret in it.
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
    retry_after: Option<Duration>,
}

struct Inner {
    kind: ErrorKind,
    vendor: &'static str,
    action: &'static str,
    cause: Option<Cause>,
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
    /// A setting of the endpoint is wrong or missing, and the message names it: nothing was sent. It is not tried again: fix
    /// the setting, and make a new source.
    Settings,
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

    pub(crate) fn caused(kind: ErrorKind, vendor: &'static str, action: &'static str, cause: impl Into<Cause>) -> Self {
        let cause = cause.into();
        let kind = match (kind, cause.setting) {
            (ErrorKind::Refused, Some(_)) => ErrorKind::Settings,
            _ => kind,
        };
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
        self.inner.cause.as_ref()?.error.downcast_ref()
    }
}

impl Inner {
    fn write_message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, vendor, action, cause } = self;
        match kind {
            ErrorKind::Unavailable => write!(f, "{vendor}: can't {action} now"),
            ErrorKind::Refused => write!(f, "{vendor}: can't {action}, change the credentials"),
            ErrorKind::Settings => {
                let setting = cause.as_ref().and_then(|cause| cause.setting);
                write!(f, "{vendor}: can't {action}, fix {}", setting.unwrap_or(Setting::BaseUrl))
            }
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
        match cause.as_ref().and_then(|cause| cause.code) {
            Some(code) => write!(f, " (code {code})"),
            None => Ok(()),
        }
    }
}

/// The message; `{:#}` adds the causes, on one line.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return write_chain(f, self);
        }
        self.inner.write_message(f)?;
        match self.retry_after {
            Some(wait) => write!(f, " (next try in {} s)", wait.as_secs_f64().ceil()),
            None => Ok(()),
        }
    }
}

/// The message and its causes, on one line: it is what `main` prints of an error.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_chain(f, self)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.cause.as_ref().map(|cause| &*cause.error as _)
    }
}

/// What an [`Error`] or a [`Failure`] comes from.
#[derive(Clone)]
pub(crate) struct Cause {
    error: Arc<dyn StdError + Send + Sync>,
    /// The vendor's code, if the spec lists it.
    code: Option<&'static str>,
    /// What to fix before anything can be sent.
    setting: Option<Setting>,
}

/// What of an endpoint is wrong.
#[derive(Clone, Copy)]
enum Setting {
    BaseUrl,
    Named(&'static str),
    Tls,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BaseUrl => f.write_str("the endpoint's base URL"),
            Self::Named(name) => write!(f, "the endpoint's setting `{name}`"),
            Self::Tls => f.write_str("the TLS features of the build"),
        }
    }
}

impl From<Arc<dyn StdError + Send + Sync>> for Cause {
    fn from(error: Arc<dyn StdError + Send + Sync>) -> Self {
        Self { error, code: None, setting: None }
    }
}

impl<B: Send + Sync + 'static> From<freshtoken_wire::Error<B>> for Cause {
    fn from(error: freshtoken_wire::Error<B>) -> Self {
        let setting = match error.kind() {
            freshtoken_wire::ErrorKind::BaseUrl | freshtoken_wire::ErrorKind::PlainHttp => Some(Setting::BaseUrl),
            freshtoken_wire::ErrorKind::MissingSetting(name) => Some(Setting::Named(name)),
            freshtoken_wire::ErrorKind::NoTls => Some(Setting::Tls),
            _ => None,
        };
        Self { code: error.known_code(), setting, error: Arc::new(error) }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(error: freshtoken_wire::Error) -> Error {
        Error::of(error.into(), "acme", "log in")
    }

    #[test]
    fn a_wrong_setting_is_named() {
        for (error, message) in [
            (
                freshtoken_wire::check("http://example.com").unwrap_err(),
                "acme: can't log in, fix the endpoint's base URL",
            ),
            (freshtoken_wire::check("example.com").unwrap_err(), "acme: can't log in, fix the endpoint's base URL"),
            (
                freshtoken_wire::Error::missing_setting("tenant"),
                "acme: can't log in, fix the endpoint's setting `tenant`",
            ),
        ] {
            let error = of(error);
            assert_eq!((error.kind(), error.is_transient(), error.retry_after()), (ErrorKind::Settings, false, None));
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn an_error_and_its_causes_are_one_line() {
        let error = of(freshtoken_wire::Error::missing_setting("tenant"));
        let line = "acme: can't log in, fix the endpoint's setting `tenant`: endpoint: the setting `tenant` is empty, \
                    give it a value";
        assert_eq!(format!("{error:#}"), line);
        // What `main` prints of it.
        assert_eq!((format!("{error:?}").as_str(), format!("{error:#?}").as_str()), (line, line));
        let without_cause = Error::new(ErrorKind::NoRuntime, "acme", "log in");
        assert_eq!(format!("{without_cause:#}"), without_cause.to_string());
    }
}
