//! The error that a caller gets when there is no token.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use freshtoken_wire::write_chain;

use crate::cause::{Cause, Setting};
use crate::grant_error::{GrantError, GrantErrorKind};

/// Why there is no token. Cheap to clone: all callers that wait for one fetch share it.
///
/// The message says what to do, and includes the vendor's code if the spec lists it. [`source`](StdError::source) returns the
/// vendor's typed error. `{:#}` and `{:?}` print the message and its causes on one line. Neither contains a secret.
///
/// ```no_run
/// # async fn example(tokens: freshtoken::TokenSource) {
/// use freshtoken::ErrorKind;
///
/// match tokens.header().await {
///     Ok(header) => { /* make the call */ }
///     Err(error) if error.is_transient() => eprintln!("try again in {:?}: {error:#}", error.retry_after()),
///     Err(error) if error.kind() == ErrorKind::ConsentNeeded => eprintln!("ask the person to consent again"),
///     Err(error) => eprintln!("{error:#}"),
/// }
/// # }
/// ```
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

/// The reason why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The vendor is unreachable, or does not respond as it should. It may work after [`Error::retry_after`].
    Unavailable,
    /// The vendor refuses the credentials. Change them, then create a new source or call
    /// [`TokenSource::credentials_changed`](crate::TokenSource::credentials_changed). Credentials of a callback are tried as
    /// soon as they differ, and the same ones again after [`Error::retry_after`], which is an hour at most.
    Refused,
    /// A setting of the endpoint is wrong or missing, and the message names it. Nothing was sent, and the source does not try
    /// again: fix the setting, and create a new source.
    Settings,
    /// The vendor's responses are unusable twice in a row, or they redirect. Another server may respond in the vendor's
    /// place, or the spec or the base URL is wrong. The source tries again after [`Error::retry_after`].
    Unusable,
    /// No usable refresh token is left, and this vendor has no login without a person. Have the person consent again, and
    /// start a source from the new refresh token.
    ConsentNeeded,
    /// The store is unreachable, and a single-use refresh token is never sent without it. It may work after
    /// [`Error::retry_after`].
    Store,
    /// A blocking method would have to wait, and async code runs on its thread: its other tasks would stop. Use the async
    /// [`TokenSource`](crate::TokenSource) there, or `tokio::task::spawn_blocking`.
    AsyncContext,
    /// There is no tokio runtime to make the request on, or it is shutting down. Call from within a running one.
    NoRuntime,
    /// The vendor has no such operation.
    Unsupported,
    /// The vendor takes the token in the query of a call's URL, so there is no header. [`HttpClient`](crate::HttpClient) and the
    /// middlewares put it there. With another client, add the parameter
    /// [`TokenSource::query_name`](crate::TokenSource::query_name) with [`Token::expose`](crate::Token::expose).
    InQuery,
    /// [`on_change`](crate::TokenSourceBuilder::on_change) called its own source, which would wait for itself. Use the record
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

    /// The error of a single request outside a fetch.
    pub(crate) fn of(failure: GrantError, vendor: &'static str, action: &'static str) -> Self {
        let kind = match failure.kind {
            GrantErrorKind::Transient | GrantErrorKind::Unusable => ErrorKind::Unavailable,
            GrantErrorKind::Redirect | GrantErrorKind::Bare => ErrorKind::Unusable,
            _ => ErrorKind::Refused,
        };
        Self::caused(kind, vendor, action, failure.cause).after(failure.retry_after)
    }

    pub(crate) fn after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }

    /// Returns the reason.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Returns the vendor's name.
    pub fn vendor(&self) -> &'static str {
        self.inner.vendor
    }

    /// Returns whether a later try may work without any change.
    pub fn is_transient(&self) -> bool {
        matches!(self.inner.kind, ErrorKind::Unavailable | ErrorKind::Store)
    }

    /// Returns how long the source sends nothing to the vendor. Until then, callers get this error again at once.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns the vendor's typed error, if a request was sent or attempted.
    ///
    /// ```no_run
    /// # #[cfg(feature = "zenoti")]
    /// # fn example(error: freshtoken::Error) {
    /// use freshtoken::zenoti;
    ///
    /// if let Some(error) = error.vendor_error::<zenoti::Error>() {
    ///     eprintln!("status {:?}, code {:?}", error.status(), error.code());
    /// }
    /// # }
    /// ```
    pub fn vendor_error<E: StdError + 'static>(&self) -> Option<&E> {
        self.inner.cause.as_ref()?.error.downcast_ref()
    }
}

impl Inner {
    fn write_message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, vendor, action, cause } = self;
        match kind {
            ErrorKind::Unavailable => write!(f, "{vendor}: cannot {action} now"),
            ErrorKind::Refused => write!(f, "{vendor}: cannot {action}: refused; change the credentials"),
            ErrorKind::Settings => {
                let setting = cause.as_ref().and_then(|cause| cause.setting);
                write!(f, "{vendor}: cannot {action}: fix {}", setting.unwrap_or(Setting::BaseUrl))
            }
            ErrorKind::Unusable => {
                write!(
                    f,
                    "{vendor}: cannot {action}: unusable response; check the credentials, the base URL, the proxy and the spec"
                )
            }
            ErrorKind::ConsentNeeded => {
                write!(f, "{vendor}: no usable refresh token is left; a person must consent again")
            }
            ErrorKind::Store => write!(f, "{vendor}: cannot {action}: the store failed; check it"),
            ErrorKind::AsyncContext => {
                write!(
                    f,
                    "{vendor}: cannot {action} here: async code must not block; await the async TokenSource instead"
                )
            }
            ErrorKind::NoRuntime => {
                write!(f, "{vendor}: cannot {action}: no tokio runtime is running; call from within one")
            }
            ErrorKind::Unsupported => write!(f, "{vendor}: cannot {action}: the vendor has no such operation"),
            ErrorKind::InQuery => write!(
                f,
                "{vendor}: cannot {action}: the vendor takes the token in the query of the URL; use HttpClient, or add the \
                 parameter `TokenSource::query_name` with `Token::expose`"
            ),
            ErrorKind::InCallback => {
                write!(f, "{vendor}: cannot {action} within on_change: it would wait for itself; use its record")
            }
        }?;
        match cause.as_ref().and_then(|cause| cause.code) {
            Some(code) => write!(f, " (code {code})"),
            None => Ok(()),
        }
    }
}

/// Prints the message. `{:#}` adds the causes, on one line.
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

/// Prints the message and its causes on one line, as `main` does for an error that it returns.
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
                "acme: cannot log in: fix the endpoint's base URL",
            ),
            (freshtoken_wire::check("example.com").unwrap_err(), "acme: cannot log in: fix the endpoint's base URL"),
            (
                freshtoken_wire::Error::missing_setting("tenant"),
                "acme: cannot log in: fix the endpoint's setting `tenant`",
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
        let line = "acme: cannot log in: fix the endpoint's setting `tenant`: endpoint: the setting `tenant` is empty, \
                    give it a value";
        assert_eq!(format!("{error:#}"), line);
        // What `main` prints of it.
        assert_eq!((format!("{error:?}").as_str(), format!("{error:#?}").as_str()), (line, line));
        let without_cause = Error::new(ErrorKind::NoRuntime, "acme", "log in");
        assert_eq!(format!("{without_cause:#}"), without_cause.to_string());
    }
}
