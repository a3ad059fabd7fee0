//! One request: what it carries, and how it is sent.

use std::fmt;
use std::sync::OnceLock;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Method, Request, Url};
use zeroize::Zeroizing;

use crate::body;
use crate::body_problem::BodyProblem;
use crate::cause::{self, Cause};
use crate::delimited::Delimited;
use crate::error::{Error, ErrorKind};
use crate::limits::TOTAL_TIMEOUT;
use crate::request_body::{Departure, RequestBody};
use crate::response::{Head, IncompleteResponse, Response};
use crate::secret::Secret;
use crate::sent_request::SentRequest;
use crate::target::Target;
use crate::tokens::Success;

/// What generated code knows about an operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The `operationId`.
    pub id: &'static str,
    /// The method, in capitals.
    pub method: &'static str,
    /// The media types of the success response. With `None`, reqwest sends `*/*`.
    pub accept: Option<HeaderValue>,
    /// The media type of the body, if there is one. It is set here because progenitor supports only two.
    pub content_type: Option<HeaderValue>,
    /// The generated crate and its version.
    pub user_agent: HeaderValue,
    /// Where its success body has tokens and errors.
    pub success: Success<'static>,
}

/// How the user and the password of HTTP Basic are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BasicEncoding {
    /// Both are `application/x-www-form-urlencoded` first, as RFC 6749 section 2.3.1 requires.
    Form,
    /// Both are sent unchanged, as RFC 7617 specifies and many vendors expect.
    Raw,
}

/// One request of an operation.
pub struct Call {
    pub(crate) operation: &'static Operation,
    target: Target,
    headers: Vec<(HeaderName, HeaderValue)>,
    query: Vec<(&'static str, Secret)>,
    departure: Departure,
    /// What the request carried. Set once it is sent.
    sent: OnceLock<SentRequest>,
}

impl Call {
    /// Creates a request of `operation` to `target`.
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

    /// Returns the HTTP client that sends the request.
    pub fn http(&self) -> &reqwest::Client {
        self.target.http()
    }

    /// Returns the URL of a path below the base URL. The parameters in the path must be percent-encoded.
    ///
    /// The base URL is not parsed again: given a string, reqwest would parse the whole URL for each request, which takes a
    /// fourteenth of the CPU time of a login.
    pub fn url(&self, path: &str) -> Url {
        self.target.below(path)
    }

    /// Adds a header. The name must be in lower case, and the value is treated as a secret.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidRequest`], with the name of the header, if the value isn't visible ASCII.
    ///
    /// # Panics
    ///
    /// Panics if the name isn't a valid header name in lower case. Generated code has none of these.
    pub fn header<B>(&mut self, name: &'static str, value: &str) -> Result<(), Error<B>> {
        self.secret_header(name, Secret::new(value))
    }

    fn secret_header<B>(&mut self, name: &'static str, value: Secret) -> Result<(), Error<B>> {
        let Some(value) = value.into_header() else {
            return Err(self.error(ErrorKind::InvalidRequest).with_detail(format!(
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
    /// Returns the same errors as [`Call::header`].
    pub fn authorization<B>(&mut self, scheme: &'static str, credential: &Secret) -> Result<(), Error<B>> {
        self.secret_header("authorization", Secret::new(format!("{scheme} {}", credential.expose())))
    }

    /// Adds HTTP Basic (RFC 7617). The user and the password may be empty.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidRequest`] if one of them is sent raw and has a control character, or if a raw user
    /// has a `:`.
    pub fn basic<B>(&mut self, encoding: BasicEncoding, user: &str, password: &str) -> Result<(), Error<B>> {
        self.basic_as("Basic", encoding, user, password)
    }

    /// Adds a user and a password as HTTP Basic does, with the name of another scheme.
    ///
    /// # Errors
    ///
    /// As [`basic`](Call::basic).
    pub fn basic_as<B>(
        &mut self,
        scheme: &'static str,
        encoding: BasicEncoding,
        user: &str,
        password: &str,
    ) -> Result<(), Error<B>> {
        let pair = match encoding {
            BasicEncoding::Form => format!("{}:{}", *form_encode(user), *form_encode(password)),
            BasicEncoding::Raw => {
                let invalid = |why| Err(self.error(ErrorKind::InvalidRequest).with_detail(why));
                if user.contains(':') {
                    return invalid("the user of HTTP Basic has a `:`, which separates it from the password");
                }
                if user.contains(char::is_control) || password.contains(char::is_control) {
                    return invalid(
                        "the user or the password of HTTP Basic has a line break or another control character",
                    );
                }
                format!("{user}:{password}")
            }
        };
        let pair = Zeroizing::new(pair);
        self.authorization(scheme, &Secret::new(STANDARD.encode(pair.as_bytes())))
    }

    /// Adds a query parameter, such as an API key.
    pub fn query(&mut self, name: &'static str, value: &Secret) {
        self.query.push((name, value.clone()));
    }

    /// Checks a path parameter. progenitor does not encode dot segments; they and empty values would change the path.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidRequest`], with the name of the parameter, if the value is empty or a dot segment.
    pub fn path_parameter<B>(&self, name: &'static str, value: &str) -> Result<(), Error<B>> {
        if matches!(value, "" | "." | "..") {
            return Err(self
                .error(ErrorKind::InvalidRequest)
                .with_detail(format!("the path parameter `{name}` is empty or a dot segment")));
        }
        Ok(())
    }

    /// Joins a delimited list for a query, a path or a header.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidRequest`] if the list cannot be joined: see [`ListError`](crate::ListError).
    pub fn list<T: fmt::Display, B, const DELIMITER: char>(
        &self,
        name: &'static str,
        list: &Delimited<T, DELIMITER>,
    ) -> Result<String, Error<B>> {
        list.join().map_err(|why| {
            self.error(ErrorKind::InvalidRequest).with_detail(format!("the parameter `{name}` cannot be sent: {why}"))
        })
    }

    /// Returns the error for a missing credential that the operation needs.
    pub fn missing_credential<B>(&self, name: &'static str) -> Error<B> {
        self.error(ErrorKind::MissingCredential(name))
    }

    /// Sends the request and reads the response. progenitor's operations call it, and their result goes to
    /// [`Call::finish`] or [`Call::outcome`].
    ///
    /// # Errors
    ///
    /// Returns [`IncompleteResponse`] if the vendor's response did not arrive completely, or if the HTTP client followed a redirect.
    pub fn exec<'a>(
        &'a self,
        mut request: Request,
    ) -> impl Future<Output = Result<Response, IncompleteResponse>> + use<'a> {
        // Outside the future, which would otherwise store the request twice and enlarge every future around it.
        self.prepare(&mut request);
        let sent = request.url().clone();
        let pending = self.http().execute(request);
        async move {
            let mut response = match pending.await {
                Ok(response) => response,
                Err(error) => {
                    let kind = kind_of(&error, &self.departure);
                    return Err(IncompleteResponse { kind, head: None, cause: Some(Cause::of(&error)) });
                }
            };
            if *response.url() != sent {
                return Err(IncompleteResponse { kind: ErrorKind::Redirect, head: None, cause: None });
            }
            let head = Head {
                status: response.status(),
                headers: std::mem::take(response.headers_mut()),
                arrived: SystemTime::now(),
            };
            // Not in a separate function, whose future would store the response twice.
            match body::read(&mut response).await {
                Ok(body) => Ok(Response { head, body }),
                Err(error) if head.status.is_success() => {
                    let kind = if error.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Interrupted };
                    Err(IncompleteResponse { kind, head: Some(head), cause: Some(Cause::of(&error)) })
                }
                // The status is enough to report the failure.
                Err(_) => Ok(Response { head, body: Err(BodyProblem::Incomplete) }),
            }
        }
    }

    /// Sets the headers, the query and the timeout that the spec asks for, and wraps the body in [`RequestBody`].
    fn prepare(&self, request: &mut Request) {
        let headers = request.headers_mut();
        for value in headers.values_mut() {
            // progenitor doesn't know which header parameters are secrets.
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
        // Overrides a custom HTTP client's header, because compressed bodies are not supported.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));

        if !self.query.is_empty() {
            let mut pairs = request.url_mut().query_pairs_mut();
            for (name, value) in &self.query {
                pairs.append_pair(name, value.expose());
            }
        }
        // Already set if the call is sent again, which generated code never does.
        let _ = self.sent.set(SentRequest::of(request));
        // Set explicitly, because `RequestBody` hides its length.
        let body = body::wiped(request.body_mut().take().unwrap_or_default());
        let length = body.as_bytes().map_or(0, <[u8]>::len);
        // RFC 9110 section 8.6: these methods send a length even if there is no body.
        if length > 0 || [Method::POST, Method::PUT, Method::PATCH].contains(request.method()) {
            request.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        *request.body_mut() = Some(reqwest::Body::wrap(RequestBody::new(body, self.departure.clone())));

        // A custom HTTP client may have a timeout for fast API calls, such as 50 ms.
        *request.timeout_mut() = Some(TOTAL_TIMEOUT);
    }

    /// Removes a request id that repeats a part of the request, because it could be a secret.
    pub(crate) fn without_echo<B>(&self, error: Error<B>) -> Error<B> {
        let is_echo = error.request_id().is_some_and(|id| self.sent.get().is_some_and(|sent| sent.overlaps(id)));
        if is_echo { error.without_request_id() } else { error }
    }

    pub(crate) fn error<B>(&self, kind: ErrorKind) -> Error<B> {
        Error::of_request(kind, self.operation.id, self.operation.method, self.target.shared_origin())
    }
}

/// The names of the headers and query parameters, without their values.
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

/// Returns what went wrong before a response arrived, and gives up the request: see [`Departure::give_up`].
fn kind_of(error: &reqwest::Error, departure: &Departure) -> ErrorKind {
    // Checked first, because a timeout while connecting is also a timeout.
    if error.is_connect() {
        // This is the second connection: a custom HTTP client followed a redirect.
        if departure.has_begun() {
            return ErrorKind::Redirect;
        }
        // A custom HTTP client may be built without TLS.
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

/// The characters that `application/x-www-form-urlencoded` encodes. The space is replaced by `+` afterwards.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

fn form_encode(value: &str) -> Zeroizing<String> {
    let encoded = Zeroizing::new(utf8_percent_encode(value, FORM).to_string());
    Zeroizing::new(encoded.replace("%20", "+"))
}
