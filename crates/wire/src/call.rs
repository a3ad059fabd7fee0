//! One request: what goes with it, and what came of it.

use std::fmt;
use std::sync::OnceLock;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Method, Request, Url};
use zeroize::Zeroizing;

use crate::answer::{Head, Response, Unanswered};
use crate::body;
use crate::body_problem::BodyProblem;
use crate::cause::{self, Cause};
use crate::delimited::Delimited;
use crate::error::{Error, ErrorKind};
use crate::limits::TOTAL_TIMEOUT;
use crate::request_body::{Departure, RequestBody};
use crate::secret::Secret;
use crate::sent_request::SentRequest;
use crate::target::Target;
use crate::tokens::Success;

/// What generated code knows of an operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The `operationId`.
    pub id: &'static str,
    /// The method, in capitals.
    pub method: &'static str,
    /// The media types of the success answer. With `None`, reqwest says `*/*`.
    pub accept: Option<HeaderValue>,
    /// The media type of the body, if it has one: progenitor knows two.
    pub content_type: Option<HeaderValue>,
    /// The generated crate and its version.
    pub user_agent: HeaderValue,
    /// What its success body says of tokens and failures.
    pub success: Success<'static>,
}

/// How the halves of HTTP Basic are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BasicEncoding {
    /// Both are `application/x-www-form-urlencoded` first, as RFC 6749 section 2.3.1 wants it.
    Form,
    /// As they are, as RFC 7617 says and many a vendor expects.
    Raw,
}

/// One request of an operation.
pub struct Call {
    pub(crate) operation: &'static Operation,
    target: Target,
    headers: Vec<(HeaderName, HeaderValue)>,
    query: Vec<(&'static str, Secret)>,
    departure: Departure,
    /// What was sent, once it is.
    sent: OnceLock<SentRequest>,
}

impl Call {
    /// A request of `operation` to `target`.
    pub fn new(operation: &'static Operation, target: &Target) -> Self {
        Self {
            operation,
            target: target.clone(),
            headers: Vec::new(),
            query: Vec::new(),
            departure: Departure::default(),
            sent: OnceLock::new(),
        }
    }

    /// The HTTP client that it is sent with.
    pub fn http(&self) -> &reqwest::Client {
        self.target.http()
    }

    /// The URL of a path below the base URL, whose parameters are percent-encoded. From a text, reqwest would read the whole
    /// URL once more with each request, which is a fourteenth of a login's work.
    pub fn url(&self, path: &str) -> Url {
        self.target.below(path)
    }

    /// Adds a header, whose name is in lower case. Its value is treated as a secret.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`], which names the header, where the value isn't visible ASCII.
    ///
    /// # Panics
    ///
    /// Where no header may have that name, or it has a capital: generated code has none of these.
    pub fn header<B>(&mut self, name: &'static str, value: &str) -> Result<(), Error<B>> {
        self.secret_header(name, Secret::new(value))
    }

    fn secret_header<B>(&mut self, name: &'static str, value: Secret) -> Result<(), Error<B>> {
        let Some(value) = value.into_header() else {
            return Err(self.error(ErrorKind::InvalidRequest).detail(format!(
                "the header `{name}` has a value with a line break, or with a character that isn't visible ASCII"
            )));
        };
        self.headers.push((HeaderName::from_static(name), value));
        Ok(())
    }

    /// Adds `Authorization: <scheme> <credential>`.
    ///
    /// # Errors
    ///
    /// As for [`Call::header`].
    pub fn authorization<B>(&mut self, scheme: &'static str, credential: &Secret) -> Result<(), Error<B>> {
        self.secret_header("authorization", Secret::new(format!("{scheme} {}", credential.expose())))
    }

    /// Adds HTTP Basic (RFC 7617). Either half may be empty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] where a raw half has a control character, or the raw user a `:`.
    pub fn basic<B>(&mut self, encoding: BasicEncoding, user: &str, password: &str) -> Result<(), Error<B>> {
        let pair = match encoding {
            BasicEncoding::Form => format!("{}:{}", *form_encode(user), *form_encode(password)),
            BasicEncoding::Raw => {
                let invalid = |why| Err(self.error(ErrorKind::InvalidRequest).detail(why));
                if user.contains(':') {
                    return invalid("the user of HTTP Basic has a `:`, where the vendor would see its end");
                }
                if user.contains(char::is_control) || password.contains(char::is_control) {
                    return invalid("a half of HTTP Basic has a line break or another control character");
                }
                format!("{user}:{password}")
            }
        };
        let pair = Zeroizing::new(pair);
        self.authorization("Basic", &Secret::new(STANDARD.encode(pair.as_bytes())))
    }

    /// Adds a query parameter, such as an API key.
    pub fn query(&mut self, name: &'static str, value: &Secret) {
        self.query.push((name, value.clone()));
    }

    /// Checks a path parameter. progenitor encodes all but dot segments, and those, like an empty value, would make it
    /// another path.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`], which names the parameter.
    pub fn path_parameter<B>(&self, name: &'static str, value: &str) -> Result<(), Error<B>> {
        if matches!(value, "" | "." | "..") {
            return Err(self
                .error(ErrorKind::InvalidRequest)
                .detail(format!("the path parameter `{name}` is empty or a dot segment")));
        }
        Ok(())
    }

    /// A delimited list as the one text that it is in a query, a path or a header.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] where the list can't be written: see [`ListError`](crate::ListError).
    pub fn list<T: fmt::Display, B, const DELIMITER: char>(
        &self,
        name: &'static str,
        list: &Delimited<T, DELIMITER>,
    ) -> Result<String, Error<B>> {
        list.join().map_err(|why| {
            self.error(ErrorKind::InvalidRequest).detail(format!("the parameter `{name}` can't be written: {why}"))
        })
    }

    /// A credential that the operation needs isn't there.
    pub fn missing_credential<B>(&self, name: &'static str) -> Error<B> {
        self.error(ErrorKind::MissingCredential(name))
    }

    /// Sends the request and reads the answer, for progenitor's operations. What they make of it is for [`Call::finish`] and
    /// [`Call::answered`].
    ///
    /// # Errors
    ///
    /// Where there is no whole answer of the vendor's.
    pub fn exec<'a>(&'a self, mut request: Request) -> impl Future<Output = Result<Response, Unanswered>> + use<'a> {
        // Here, not in the future: that would hold the request twice, and all futures around it are as large.
        self.prepare(&mut request);
        let sent = request.url().clone();
        let pending = self.http().execute(request);
        async move {
            let mut response = match pending.await {
                Ok(response) => response,
                Err(error) => {
                    let kind = kind_of(&error, &self.departure);
                    return Err(Unanswered { kind, head: None, cause: Some(Cause::of(&error)) });
                }
            };
            if *response.url() != sent {
                return Err(Unanswered { kind: ErrorKind::Redirect, head: None, cause: None });
            }
            let head = Head {
                status: response.status(),
                headers: std::mem::take(response.headers_mut()),
                arrived: SystemTime::now(),
            };
            // Here, not in a function of its own, whose future would hold the answer twice.
            match body::read(&mut response).await {
                Ok(body) => Ok(Response { head, body }),
                Err(error) if head.status.is_success() => {
                    let kind = if error.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Interrupted };
                    Err(Unanswered { kind, head: Some(head), cause: Some(Cause::of(&error)) })
                }
                // The status says enough.
                Err(_) => Ok(Response { head, body: Err(BodyProblem::Incomplete) }),
            }
        }
    }

    /// Makes the request say what the spec says, and no more, and tell when its body has left.
    fn prepare(&self, request: &mut Request) {
        let headers = request.headers_mut();
        for value in headers.values_mut() {
            // progenitor doesn't know which of its header parameters are secrets.
            value.set_sensitive(true);
        }
        let Operation { accept, content_type, user_agent, .. } = self.operation;
        for (name, value) in
            [(ACCEPT, accept.as_ref()), (CONTENT_TYPE, content_type.as_ref()), (USER_AGENT, Some(user_agent))]
        {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        // Whatever an HTTP client of the user's would ask for: a compressed body is nothing that we read.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));

        if !self.query.is_empty() {
            let mut pairs = request.url_mut().query_pairs_mut();
            for (name, value) in &self.query {
                pairs.append_pair(name, value.expose());
            }
        }
        // One call is one request.
        let _ = self.sent.set(SentRequest::of(request));
        // The length has to be said, since a body of one use doesn't know its own.
        let body = body::wiped(request.body_mut().take().unwrap_or_default());
        let length = body.as_bytes().map_or(0, <[u8]>::len);
        // RFC 9110 section 8.6: these say it even when there is nothing.
        if length > 0 || [Method::POST, Method::PUT, Method::PATCH].contains(request.method()) {
            request.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        *request.body_mut() = Some(reqwest::Body::wrap(RequestBody::new(body, self.departure.clone())));

        // An HTTP client of the user's may have one that suits API calls: 50 ms, say.
        *request.timeout_mut() = Some(TOTAL_TIMEOUT);
    }

    /// Withholds a request id that repeats something of the request: it could be a secret.
    pub(crate) fn without_echo<B>(&self, error: Error<B>) -> Error<B> {
        let is_echo = error.request_id().is_some_and(|id| self.sent.get().is_some_and(|sent| sent.overlaps(id)));
        if is_echo { error.without_request_id() } else { error }
    }

    pub(crate) fn error<B>(&self, kind: ErrorKind) -> Error<B> {
        Error::of_request(kind, self.operation.id, self.operation.method, self.target.shared_origin())
    }
}

/// Names only.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let query: Vec<_> = self.query.iter().map(|(name, _)| name).collect();
        f.debug_struct("Call")
            .field("operation", &self.operation.id)
            .field("origin", &self.target.origin())
            .field("headers", &headers)
            .field("query", &query)
            .finish_non_exhaustive()
    }
}

/// What went wrong before a response came. It ends the request: see [`Departure::give_up`].
fn kind_of(error: &reqwest::Error, departure: &Departure) -> ErrorKind {
    // First, since a time-out of connecting is both.
    if error.is_connect() {
        // Connected once, and then again: an HTTP client of the user's followed a redirect to a dead end.
        if departure.has_begun() {
            return ErrorKind::Redirect;
        }
        // An HTTP client of the user's, built without TLS.
        if cause::lacks_tls(error) { ErrorKind::NoTls } else { ErrorKind::Connect }
    } else if error.is_redirect() {
        ErrorKind::Redirect
    } else if error.is_builder() {
        ErrorKind::InvalidRequest
    } else if cause::is_unprocessed(error) || departure.give_up() {
        ErrorKind::NotProcessed
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else {
        ErrorKind::Interrupted
    }
}

/// What `application/x-www-form-urlencoded` leaves alone, but for the space.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

fn form_encode(text: &str) -> Zeroizing<String> {
    let encoded = Zeroizing::new(utf8_percent_encode(text, FORM).to_string());
    Zeroizing::new(encoded.replace("%20", "+"))
}
