//! What can go wrong with a request, and what may be said of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::body_problem::BodyProblem;
use crate::cause::{Cause, write_chain};
use crate::error_body::ErrorBody;
use crate::limits::TOTAL_TIMEOUT;
use crate::rules::Verdict;
use crate::tokens::Tokens;

/// A failure of an operation; `B` is the vendor's typed error body.
///
/// Its texts name operation, method and origin, the status, a code that the spec knows, and a request id. Whatever else
/// the vendor answered is in [`Error::body`], [`Error::code`] and [`Error::message`], and never printed.
pub struct Error<B = ()>(Box<Inner<B>>);

struct Inner<B> {
    kind: ErrorKind,
    operation: &'static str,
    /// Method and origin; endpoint errors have none.
    place: Option<(&'static str, Arc<str>)>,
    status: Option<u16>,
    body: Option<B>,
    problem: Option<BodyProblem>,
    code: Option<String>,
    known_code: Option<&'static str>,
    message: Option<String>,
    retry_after: Option<Duration>,
    request_id: Option<String>,
    verdict: Verdict,
    /// A list of the vendor's decided the verdict.
    listed: bool,
    detail: Option<String>,
    cause: Option<Cause>,
    tokens: Option<Tokens>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The base URL can't be used, the text says why: give `https://host`, with a path where the vendor's has one, and
    /// no user, query or fragment.
    BaseUrl,
    /// The base URL is `http://` to a host that isn't loopback, which would send secrets in the clear: use `https://`.
    PlainHttp,
    /// There is no TLS for an `https://` URL: enable the feature `rustls` or `native-tls`, or bring an HTTP client that
    /// has it.
    NoTls,
    /// The HTTP client cannot be built now: no CA certificates were found, or they could not be read. Nothing was sent.
    HttpClient,
    /// A setting of the endpoint is empty: give it a value.
    MissingSetting(&'static str),
    /// A credential that the operation needs is missing: set it.
    MissingCredential(&'static str),
    /// A value can't be sent, so nothing was: a header value with a line break, say, or a list item with its delimiter
    /// in it.
    InvalidRequest,
    /// No connection came about, so nothing of the request left this machine: check network, proxy, name and
    /// certificate. A retry is safe.
    Connect,
    /// The server did not process the request: no connection took it in time, or the server said so (HTTP/2
    /// `REFUSED_STREAM`, or a `GOAWAY` that excludes it). A retry is safe.
    NotProcessed,
    /// The answer wasn't complete in time ([`TOTAL_TIMEOUT`], or a read time-out of one's own client): the vendor may or
    /// may not have acted on the request.
    Timeout,
    /// The connection broke before the answer was complete: the vendor may or may not have acted on the request.
    Interrupted,
    /// The vendor answered with a redirect, or an HTTP client of one's own followed one: check the base URL, or build
    /// the client with [`http_client_builder`](crate::http_client_builder).
    Redirect,
    /// The vendor answered with a status that is no documented success: see [`Error::status`], [`Error::code`] and
    /// [`Error::body`].
    Status,
    /// The vendor answered with a success that carries its error: see [`Error::code`] and [`Error::body`].
    Refused,
    /// The vendor answered with a success whose body can't be used: if it keeps on, the spec is wrong or something
    /// between here and the vendor answers in its place.
    Body(BodyProblem),
}

/// What the body of an answer says of a failure.
pub(crate) struct Said<B> {
    pub(crate) body: Option<B>,
    pub(crate) problem: Option<BodyProblem>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
}

impl<B> Said<B> {
    pub(crate) const NOTHING: Self = Self { body: None, problem: None, code: None, message: None, request_id: None };
}

/// The operation in the texts of errors of base URL and settings.
const ENDPOINT: &str = "endpoint";

impl<B> Error<B> {
    /// A setting of the endpoint that has no default isn't set. For generated code.
    #[doc(hidden)]
    pub fn missing_setting(name: &'static str) -> Self {
        Self::endpoint(ErrorKind::MissingSetting(name))
    }

    /// An error that no request is part of yet.
    pub(crate) fn endpoint(kind: ErrorKind) -> Self {
        Self::new(kind, ENDPOINT, None)
    }

    pub(crate) fn of_request(kind: ErrorKind, operation: &'static str, method: &'static str, origin: Arc<str>) -> Self {
        Self::new(kind, operation, Some((method, origin)))
    }

    fn new(kind: ErrorKind, operation: &'static str, place: Option<(&'static str, Arc<str>)>) -> Self {
        let verdict = match kind {
            ErrorKind::HttpClient
            | ErrorKind::Connect
            | ErrorKind::NotProcessed
            | ErrorKind::Timeout
            | ErrorKind::Interrupted
            | ErrorKind::Refused
            | ErrorKind::Body(_) => Verdict::Transient,
            _ => Verdict::Permanent,
        };
        let problem = match kind {
            ErrorKind::Body(problem) => Some(problem),
            _ => None,
        };
        Self(Box::new(Inner {
            kind,
            operation,
            place,
            status: None,
            body: None,
            problem,
            code: None,
            known_code: None,
            message: None,
            retry_after: None,
            request_id: None,
            verdict,
            listed: false,
            detail: None,
            cause: None,
            tokens: None,
        }))
    }

    /// `detail` is printed, so it must be made of static texts alone.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    pub(crate) fn cause(mut self, cause: Option<Cause>) -> Self {
        self.0.cause = cause;
        self
    }

    /// What the answer said beside its body.
    pub(crate) fn answered(mut self, status: u16, retry_after: Option<Duration>, request_id: Option<String>) -> Self {
        self.0.status = Some(status);
        self.0.retry_after = retry_after;
        self.0.request_id = request_id;
        self
    }

    /// What the body of the answer said, and with it the verdict, under the vendor's rules.
    pub(crate) fn said(mut self, status: u16, said: Said<B>) -> Self
    where
        B: ErrorBody,
    {
        let inner = &mut *self.0;
        inner.known_code = said.code.as_deref().and_then(|code| B::RULES.known(code));
        inner.code = said.code;
        inner.message = said.message;
        inner.request_id = inner.request_id.take().or(said.request_id);
        inner.body = said.body;
        inner.problem = said.problem.or(inner.problem);
        inner.verdict = B::RULES.verdict(status, inner.code.as_deref());
        inner.listed = B::RULES.lists(status, inner.code.as_deref());
        self
    }

    pub(crate) fn tokens_of(mut self, tokens: Option<Tokens>) -> Self {
        self.0.tokens = tokens;
        self
    }

    /// Drops the request id.
    pub(crate) fn without_request_id(mut self) -> Self {
        self.0.request_id = None;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The `operationId`, or `endpoint` where no request was meant yet.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// The status of the answer, where one came from the vendor.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The vendor's typed error body, where it could be read.
    pub fn body(&self) -> Option<&B> {
        self.0.body.as_ref()
    }

    /// The vendor's typed error body, where it could be read.
    pub fn into_body(self) -> Option<B> {
        self.0.body
    }

    /// The vendor's machine-readable code. It can be any text: look at it before it goes into a log.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The vendor's code where the spec lists it, so that it is no secret.
    pub fn known_code(&self) -> Option<&'static str> {
        self.0.known_code
    }

    /// The vendor's words. They can hold anything, secrets that were sent among them: look before they go into a log.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// How long the vendor asks to wait, counted from its answer.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What names the request, for the vendor's support. None where it repeats something of the request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// What the failure asks for.
    pub fn verdict(&self) -> Verdict {
        self.0.verdict
    }

    /// Whether the same request may work later.
    pub fn is_transient(&self) -> bool {
        self.0.verdict == Verdict::Transient
    }

    /// Whether one of the vendor's own lists decided the [`Error::verdict`], by the code or by the status.
    pub fn is_listed(&self) -> bool {
        self.0.listed
    }

    /// Whether the answer was a success that can't be used, for no reason that a list of the vendor names: transient
    /// once, and a fault of spec or vendor when it comes again.
    pub fn is_unusable(&self) -> bool {
        let is_success = match self.0.kind {
            ErrorKind::Refused | ErrorKind::Body(_) => true,
            ErrorKind::Status => matches!(self.0.status, Some(200..=299)),
            _ => false,
        };
        is_success && !self.0.listed
    }

    /// Whether the vendor may have acted on the request although no usable response came: a time-out or a torn connection
    /// after the request left, a 5xx, a redirect, or a success that can't be used. What may be done only once, the use of a
    /// single-use refresh token, must not be repeated then.
    pub fn is_ambiguous(&self) -> bool {
        match self.0.kind {
            _ if self.0.listed => false,
            ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::Redirect => true,
            ErrorKind::Status if self.0.status >= Some(500) => true,
            _ => self.is_unusable(),
        }
    }

    /// The tokens of a success whose body isn't as the spec says, or whose status isn't one that the spec lists: they are
    /// good, and a single-use refresh token that was sent is spent. A field that doesn't fit is in [`Tokens::misfits`].
    pub fn tokens(&self) -> Option<&Tokens> {
        self.0.tokens.as_ref()
    }

    /// Why the body of the answer couldn't be used, at any status.
    pub fn body_problem(&self) -> Option<BodyProblem> {
        self.0.problem
    }

    /// Whether the answer wasn't complete in time. Not for connecting: that is [`Error::is_connect`].
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Whether no connection came about, so that nothing of the request left this machine.
    pub fn is_connect(&self) -> bool {
        self.0.kind == ErrorKind::Connect
    }

    /// The same error with another type of body, or none: `error.map_body(drop)`.
    pub fn map_body<C>(self, map: impl FnOnce(B) -> C) -> Error<C> {
        let inner = *self.0;
        Error(Box::new(Inner {
            kind: inner.kind,
            operation: inner.operation,
            place: inner.place,
            status: inner.status,
            body: inner.body.map(map),
            problem: inner.problem,
            code: inner.code,
            known_code: inner.known_code,
            message: inner.message,
            retry_after: inner.retry_after,
            request_id: inner.request_id,
            verdict: inner.verdict,
            listed: inner.listed,
            detail: inner.detail,
            cause: inner.cause,
            tokens: inner.tokens,
        }))
    }
}

impl<B> Inner<B> {
    /// The code as it may be printed. An unknown one is the vendor's text, and could be a token.
    fn printable_code(&self) -> Option<&'static str> {
        match (&self.code, self.known_code) {
            (_, Some(known)) => Some(known),
            (Some(_), None) => Some("a code that the spec does not list, see Error::code"),
            (None, None) => None,
        }
    }

    /// The request id, unless it doesn't look like one.
    fn printable_request_id(&self) -> Option<&str> {
        const MAX_LENGTH: usize = 128;
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._:=/+-".contains(&byte);
        self.request_id.as_deref().filter(|id| id.len() <= MAX_LENGTH && id.bytes().all(legal))
    }

    /// `answered 401 (code invalid_client, request id abc)`.
    fn write_answer(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("answered")?;
        if let Some(status) = self.status {
            write!(f, " {status}")?;
        }
        if self.kind == ErrorKind::Refused {
            let is_error = self.code.is_some() || self.message.is_some();
            f.write_str(if is_error { " with an error in it" } else { " with an error in it, or without a token" })?;
        }
        let code = self.printable_code();
        let known = if self.known_code.is_some() { "code " } else { "" };
        match (code, self.printable_request_id()) {
            (Some(code), Some(id)) => write!(f, " ({known}{code}, request id {id})")?,
            (Some(code), None) => write!(f, " ({known}{code})")?,
            (None, Some(id)) => write!(f, " (request id {id})")?,
            (None, None) => {}
        }
        match self.problem {
            Some(problem) => write!(f, ", its body {problem}"),
            None => Ok(()),
        }
    }

    /// What went wrong, without its causes.
    fn write_message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.operation)?;
        if let Some((method, origin)) = &self.place {
            write!(f, "{method} {origin} ")?;
        }
        match self.kind {
            ErrorKind::BaseUrl => f.write_str("the base URL can't be used"),
            ErrorKind::PlainHttp => f.write_str("http:// is for loopback hosts only, use https://"),
            ErrorKind::NoTls => f.write_str(
                "needs TLS: enable the feature `rustls` or `native-tls`, or bring an HTTP client that has it",
            ),
            ErrorKind::HttpClient => f.write_str("the HTTP client cannot be built"),
            ErrorKind::MissingSetting(name) => write!(f, "the setting `{name}` is empty, give it a value"),
            ErrorKind::MissingCredential(name) => write!(f, "was not sent, the credential `{name}` is missing"),
            ErrorKind::InvalidRequest => f.write_str("was not sent"),
            ErrorKind::Connect => f.write_str("found no connection, nothing was sent"),
            ErrorKind::NotProcessed => f.write_str("was not sent, or the server did not process it"),
            ErrorKind::Timeout => {
                write!(f, "got no complete answer in time ({} s at most)", TOTAL_TIMEOUT.as_secs())
            }
            ErrorKind::Interrupted => f.write_str("lost the connection before the answer was complete"),
            ErrorKind::Redirect if self.status.is_none() => f.write_str(
                "was redirected, and the HTTP client followed: build it with http_client_builder(), or with \
                 redirect(Policy::none())",
            ),
            ErrorKind::Redirect => {
                self.write_answer(f)?;
                f.write_str(", a redirect, which is never followed: check the base URL")
            }
            ErrorKind::Status | ErrorKind::Refused | ErrorKind::Body(_) => self.write_answer(f),
        }?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

/// The message; `{:#}` adds the causes, on one line.
impl<B> fmt::Display for Error<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_message(f)?;
        match &self.0.cause {
            Some(cause) if f.alternate() => write!(f, ": {cause:?}"),
            _ => Ok(()),
        }
    }
}

/// The message and its causes, on one line: it is what `main` prints of an error.
impl<B> fmt::Debug for Error<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_chain(f, self)
    }
}

impl<B> std::error::Error for Error<B> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_ref().map(|cause| cause as _)
    }
}
