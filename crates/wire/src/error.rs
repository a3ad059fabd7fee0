//! The error of a request, and what its messages may contain.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::body_problem::BodyProblem;
use crate::cause::{Cause, write_chain};
use crate::error_body::ErrorBody;
use crate::limits::TOTAL_TIMEOUT;
use crate::rules::ErrorClass;
use crate::tokens::Tokens;

/// A failure of an operation; `B` is the vendor's typed error body.
///
/// Its messages contain the operation, the method, the origin, the status, a code that the spec lists, and a request id.
/// Everything else that the vendor sent is available from [`Error::body`], [`Error::code`] and [`Error::message`], and
/// is never printed.
pub struct Error<B = ()>(Box<Inner<B>>);

struct Inner<B> {
    context: Context,
    /// The vendor's typed error body.
    body: Option<B>,
}

/// All of an error except the typed body.
struct Context {
    kind: ErrorKind,
    operation: &'static str,
    /// Method and origin; errors of the endpoint have neither.
    place: Option<(&'static str, Arc<str>)>,
    status: Option<u16>,
    problem: Option<BodyProblem>,
    code: Option<String>,
    known_code: Option<&'static str>,
    message: Option<String>,
    retry_after: Option<Duration>,
    request_id: Option<String>,
    class: ErrorClass,
    /// Whether the class comes from one of the vendor's lists.
    listed: bool,
    detail: Option<String>,
    cause: Option<Cause>,
    tokens: Option<Tokens>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The base URL is unusable; the message says why. Pass `https://host`, with a path if the vendor's URL has one, and
    /// without user, query or fragment.
    BaseUrl,
    /// The base URL is `http://` to a host that isn't loopback, which would send secrets in the clear. Use `https://`.
    PlainHttp,
    /// The URL is `https://`, but there is no TLS. Enable the feature `rustls` or `native-tls`, or supply an HTTP client
    /// that supports TLS.
    NoTls,
    /// The HTTP client cannot be built at the moment: no CA certificates were found, or they could not be read. Nothing
    /// was sent.
    HttpClient,
    /// A setting of the endpoint is empty. Give it a value.
    MissingSetting(&'static str),
    /// A credential that the operation needs is missing. Set it.
    MissingCredential(&'static str),
    /// A credential is no usable PEM of a certificate and its private key. Nothing was sent.
    Certificate(&'static str),
    /// A value cannot be sent, such as a header value with a line break or a list item that contains the delimiter.
    /// Nothing was sent.
    InvalidRequest,
    /// No connection could be made, so nothing was sent. Check the network, the proxy, the host name and the
    /// certificates. A retry is safe.
    Connect,
    /// The server did not process the request: no connection took it in time, or the server said so (HTTP/2
    /// `REFUSED_STREAM`, or a `GOAWAY` that excludes it). A retry is safe.
    NotProcessed,
    /// The response was not complete in time ([`TOTAL_TIMEOUT`], or the read timeout of a custom HTTP client). The vendor
    /// may have acted on the request.
    Timeout,
    /// The connection broke before the response was complete. The vendor may have acted on the request.
    Interrupted,
    /// The vendor returned a redirect, or a custom HTTP client followed one. Check the base URL, or build the client with
    /// [`http_client_builder`](crate::http_client_builder).
    Redirect,
    /// The vendor returned a status that isn't a documented success: see [`Error::status`], [`Error::code`] and
    /// [`Error::body`].
    Status,
    /// The vendor returned a success status with an error in the body: see [`Error::code`] and [`Error::body`].
    ErrorInSuccess,
    /// The vendor returned a success status with an unusable body. If this persists, the spec is wrong, or a proxy
    /// responds instead of the vendor.
    Body(BodyProblem),
}

/// What the body of a response says about a failure.
pub(crate) struct BodyDetails<B> {
    pub(crate) body: Option<B>,
    pub(crate) problem: Option<BodyProblem>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
}

impl<B> BodyDetails<B> {
    pub(crate) const NONE: Self = Self { body: None, problem: None, code: None, message: None, request_id: None };
}

/// The operation that errors of the base URL and of settings name.
const ENDPOINT: &str = "endpoint";

impl<B> Error<B> {
    /// Returns the error for a setting of the endpoint that has neither a value nor a default. For generated code.
    #[doc(hidden)]
    pub fn missing_setting(name: &'static str) -> Self {
        Self::endpoint(ErrorKind::MissingSetting(name))
    }

    /// An error that occurs before there is a request.
    pub(crate) fn endpoint(kind: ErrorKind) -> Self {
        Self::new(kind, ENDPOINT, None)
    }

    pub(crate) fn of_request(kind: ErrorKind, operation: &'static str, method: &'static str, origin: Arc<str>) -> Self {
        Self::new(kind, operation, Some((method, origin)))
    }

    fn new(kind: ErrorKind, operation: &'static str, place: Option<(&'static str, Arc<str>)>) -> Self {
        let class = match kind {
            ErrorKind::HttpClient
            | ErrorKind::Connect
            | ErrorKind::NotProcessed
            | ErrorKind::Timeout
            | ErrorKind::Interrupted
            | ErrorKind::ErrorInSuccess
            | ErrorKind::Body(_) => ErrorClass::Transient,
            _ => ErrorClass::Permanent,
        };
        let problem = match kind {
            ErrorKind::Body(problem) => Some(problem),
            _ => None,
        };
        let context = Context {
            kind,
            operation,
            place,
            status: None,
            problem,
            code: None,
            known_code: None,
            message: None,
            retry_after: None,
            request_id: None,
            class,
            listed: false,
            detail: None,
            cause: None,
            tokens: None,
        };
        Self(Box::new(Inner { context, body: None }))
    }

    /// Adds a detail to the message. It is printed, so it must consist of static strings.
    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.context.detail = Some(detail.into());
        self
    }

    pub(crate) fn with_cause(mut self, cause: Option<Cause>) -> Self {
        self.0.context.cause = cause;
        self
    }

    /// Adds what the status line and the headers of the response say.
    pub(crate) fn with_head(mut self, status: u16, retry_after: Option<Duration>, request_id: Option<String>) -> Self {
        let context = &mut self.0.context;
        context.status = Some(status);
        context.retry_after = retry_after;
        context.request_id = request_id;
        self
    }

    /// Adds what the body of the response says, and determines the class by the vendor's rules.
    pub(crate) fn with_body(mut self, status: u16, details: BodyDetails<B>) -> Self
    where
        B: ErrorBody,
    {
        let Inner { context, body } = &mut *self.0;
        context.known_code = details.code.as_deref().and_then(|code| B::RULES.known(code));
        context.code = details.code;
        context.message = details.message;
        context.request_id = context.request_id.take().or(details.request_id);
        context.problem = details.problem.or(context.problem);
        context.class = B::RULES.class(status, context.code.as_deref());
        context.listed = B::RULES.lists(status, context.code.as_deref());
        let wait = |entry: &str| B::WAITS.iter().find(|(known, _)| *known == entry).map(|(_, wait)| *wait);
        let documented = || context.code.as_deref().and_then(wait).or_else(|| wait(&status.to_string()));
        context.retry_after = context.retry_after.or_else(documented);
        *body = details.body;
        self
    }

    pub(crate) fn with_tokens(mut self, tokens: Option<Tokens>) -> Self {
        self.0.context.tokens = tokens;
        self
    }

    pub(crate) fn without_request_id(mut self) -> Self {
        self.0.context.request_id = None;
        self
    }

    /// Returns what went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.context.kind
    }

    /// Returns the `operationId`, or `endpoint` if the error occurred before there was a request.
    pub fn operation(&self) -> &'static str {
        self.0.context.operation
    }

    /// Returns the status of the response, if the vendor sent one.
    pub fn status(&self) -> Option<u16> {
        self.0.context.status
    }

    /// Returns the vendor's typed error body, if it could be decoded.
    pub fn body(&self) -> Option<&B> {
        self.0.body.as_ref()
    }

    /// Returns the vendor's typed error body, if it could be decoded, and drops the rest of the error.
    pub fn into_body(self) -> Option<B> {
        self.0.body
    }

    /// Returns the vendor's machine-readable code. It can be any string: check it before you log it.
    pub fn code(&self) -> Option<&str> {
        self.0.context.code.as_deref()
    }

    /// Returns the vendor's code if the spec lists it. Such a code is never a secret.
    pub fn known_code(&self) -> Option<&'static str> {
        self.0.context.known_code
    }

    /// Returns the vendor's message. It can contain anything, including secrets from the request: check it before you
    /// log it.
    pub fn message(&self) -> Option<&str> {
        self.0.context.message.as_deref()
    }

    /// Returns how long the vendor asks to wait, counted from the arrival of the response.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.context.retry_after
    }

    /// Returns the id of the request, for the vendor's support. An id that repeats a part of the request is withheld.
    pub fn request_id(&self) -> Option<&str> {
        self.0.context.request_id.as_deref()
    }

    /// Returns what to do about the failure.
    pub fn class(&self) -> ErrorClass {
        self.0.context.class
    }

    /// Returns whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        self.0.context.class == ErrorClass::Transient
    }

    /// Returns whether the [`Error::class`] comes from one of the vendor's lists, by the code or by the status.
    pub fn is_listed(&self) -> bool {
        self.0.context.listed
    }

    /// Returns whether the response was an unusable success that none of the vendor's lists explains.
    ///
    /// A single one is transient. If it repeats, the spec or the vendor is wrong.
    pub fn is_unusable(&self) -> bool {
        let is_success = match self.0.context.kind {
            ErrorKind::ErrorInSuccess | ErrorKind::Body(_) => true,
            ErrorKind::Status => matches!(self.0.context.status, Some(200..=299)),
            _ => false,
        };
        is_success && !self.0.context.listed
    }

    /// Returns whether the vendor may have acted on the request although no usable response arrived.
    ///
    /// This is the case after a timeout or a broken connection once the request was sent, a 5xx, a redirect, or an
    /// unusable success. Do not repeat a request that works only once, such as the use of a single-use refresh token.
    pub fn is_ambiguous(&self) -> bool {
        let context = &self.0.context;
        match context.kind {
            _ if context.listed => false,
            ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::Redirect => true,
            ErrorKind::Status if context.status >= Some(500) => true,
            _ => self.is_unusable(),
        }
    }

    /// Returns the tokens of a success whose body does not match the spec, or whose status the spec does not list.
    ///
    /// The tokens are valid, and a single-use refresh token in the request is spent. Fields that do not match the spec are
    /// in [`Tokens::misfits`].
    pub fn tokens(&self) -> Option<&Tokens> {
        self.0.context.tokens.as_ref()
    }

    /// Returns why the body of the response was unusable, whatever the status.
    pub fn body_problem(&self) -> Option<BodyProblem> {
        self.0.context.problem
    }

    /// Returns whether the response was not complete in time. A timeout while connecting is [`Error::is_connect`].
    pub fn is_timeout(&self) -> bool {
        self.0.context.kind == ErrorKind::Timeout
    }

    /// Returns whether no connection could be made, so that nothing was sent.
    pub fn is_connect(&self) -> bool {
        self.0.context.kind == ErrorKind::Connect
    }

    /// Converts the typed body, or drops it: `error.map_body(drop)`.
    pub fn map_body<C>(self, map: impl FnOnce(B) -> C) -> Error<C> {
        let Inner { context, body } = *self.0;
        Error(Box::new(Inner { context, body: body.map(map) }))
    }
}

impl Context {
    /// The code as it may be printed. A code that the spec does not list can be any string, even a token.
    fn printable_code(&self) -> Option<String> {
        match (&self.code, self.known_code) {
            (_, Some(known)) => Some(format!("code {known}")),
            (Some(_), None) => Some("code not listed in the spec, so not printed".to_owned()),
            (None, None) => None,
        }
    }

    /// The request id, unless it doesn't look like one.
    fn printable_request_id(&self) -> Option<String> {
        const MAX_LENGTH: usize = 128;
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:=/+-".contains(&byte);
        let id = self.request_id.as_deref().filter(|id| id.len() <= MAX_LENGTH && id.bytes().all(is_allowed))?;
        Some(format!("request id {id}"))
    }

    /// Writes `returned 401 (code invalid_client, request id abc)`.
    fn write_response(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("returned")?;
        if let Some(status) = self.status {
            write!(f, " {status}")?;
        }
        if self.kind == ErrorKind::ErrorInSuccess {
            f.write_str(" with an error in its body")?;
            if self.code.is_none() && self.message.is_none() {
                f.write_str(", or without a token")?;
            }
        }
        let details: Vec<_> = self.printable_code().into_iter().chain(self.printable_request_id()).collect();
        if !details.is_empty() {
            write!(f, " ({})", details.join(", "))?;
        }
        match self.problem {
            Some(problem) => write!(f, "; its body {problem}"),
            None => Ok(()),
        }
    }

    /// Writes what went wrong, without the causes.
    fn write_message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.operation)?;
        if let Some((method, origin)) = &self.place {
            write!(f, "{method} {origin} ")?;
        }
        match self.kind {
            ErrorKind::BaseUrl => f.write_str("unusable base URL"),
            ErrorKind::PlainHttp => f.write_str("http:// is for loopback hosts only, use https://"),
            ErrorKind::NoTls => f.write_str(
                "needs TLS: enable the feature `rustls` or `native-tls`, or supply an HTTP client that supports TLS",
            ),
            ErrorKind::HttpClient => f.write_str("the HTTP client cannot be built"),
            ErrorKind::MissingSetting(name) => write!(f, "the setting `{name}` is empty, give it a value"),
            ErrorKind::MissingCredential(name) => write!(f, "was not sent: the credential `{name}` is missing"),
            ErrorKind::Certificate(name) => write!(
                f,
                "the credential `{name}` must be a PEM with a certificate and its private key (PKCS#8, PKCS#1 or SEC1, not \
                 encrypted)"
            ),
            ErrorKind::InvalidRequest => f.write_str("was not sent"),
            ErrorKind::Connect => f.write_str("could not connect; nothing was sent"),
            ErrorKind::NotProcessed => f.write_str("was not sent, or the server did not process it"),
            ErrorKind::Timeout => {
                write!(f, "timed out before the response was complete ({} s at most)", TOTAL_TIMEOUT.as_secs())
            }
            ErrorKind::Interrupted => f.write_str("lost the connection before the response was complete"),
            ErrorKind::Redirect if self.status.is_none() => f.write_str(
                "was redirected, and the HTTP client followed the redirect: build the client with \
                 http_client_builder(), or with redirect(Policy::none())",
            ),
            ErrorKind::Redirect => {
                self.write_response(f)?;
                f.write_str(", a redirect; redirects are never followed: check the base URL")
            }
            ErrorKind::Status | ErrorKind::ErrorInSuccess | ErrorKind::Body(_) => self.write_response(f),
        }?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

/// The message. `{:#}` adds the causes, on one line.
impl<B> fmt::Display for Error<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.context.write_message(f)?;
        match &self.0.context.cause {
            Some(cause) if f.alternate() => write!(f, ": {cause:?}"),
            _ => Ok(()),
        }
    }
}

/// The message and its causes on one line, because a `main` that returns an error prints its `Debug`.
impl<B> fmt::Debug for Error<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_chain(f, self)
    }
}

impl<B> std::error::Error for Error<B> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.context.cause.as_ref().map(|cause| cause as _)
    }
}
