//! The outcome of a request: the typed body, the tokens, or an error.

use std::ops::Range;

use serde::de::DeserializeOwned;

use crate::body::Text;
use crate::body_problem::BodyProblem;
use crate::call::Call;
use crate::error::{BodyDetails, Error, ErrorKind};
use crate::error_body::ErrorBody;
use crate::json::Json;
use crate::lenient;
use crate::response::{self, Granted, Head, IncompleteResponse, Response, ResponseValue};
use crate::retry_after;
use crate::secret::Secret;
use crate::tokens::{Reading, TokenFields, Tokens};

type OperationResult<T> = Result<ResponseValue<T>, response::Error>;

/// The outcome of a login or a refresh. Users of the vendor's crate read the typed body, and the facade reads the tokens.
pub struct Outcome<T> {
    call: Call,
    result: OperationResult<T>,
}

impl<T: DeserializeOwned> Outcome<T> {
    /// Returns the typed body.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Call::finish`].
    pub fn typed<B: ErrorBody>(self) -> Result<T, Error<B>> {
        self.call.finish(self.result)
    }

    /// Returns the tokens, whatever else is wrong with the response.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Call::finish`], with one exception: if the response has an access token, neither a field
    /// that doesn't match the spec nor a success status that the spec doesn't list is an error.
    pub fn granted<B: ErrorBody>(self) -> Result<Granted<T>, Error<B>> {
        match self.result {
            Ok(value) => self.call.granted(value.response),
            Err(response::Error::UnexpectedResponse(response)) if self.call.tokens_of(&response).is_some() => {
                self.call.granted(response)
            }
            Err(error) => Err(self.call.failed(error)),
        }
    }
}

impl Call {
    /// Returns the typed body, or an error.
    ///
    /// # Errors
    ///
    /// Returns an error of any [`ErrorKind`] that a request can have. If the response was a success with tokens, the
    /// error contains them.
    pub fn finish<T: DeserializeOwned, B: ErrorBody>(&self, result: OperationResult<T>) -> Result<T, Error<B>> {
        match result {
            Ok(value) => self.typed(value.response),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Finishes an operation whose success has no body in the spec. Any 2xx is a success, whatever its body.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Call::finish`].
    pub fn finish_empty<B: ErrorBody>(&self, result: OperationResult<()>) -> Result<(), Error<B>> {
        match result {
            Ok(_) => Ok(()),
            Err(response::Error::UnexpectedResponse(response)) if response.status().is_success() => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Keeps the outcome of a login or a refresh together with its request.
    pub fn outcome<T>(self, result: OperationResult<T>) -> Outcome<T> {
        Outcome { call: self, result }
    }

    fn typed<T: DeserializeOwned, B: ErrorBody>(&self, Response { head, body }: Response) -> Result<T, Error<B>> {
        let body = self.succeeded(&head, body)?;
        let tokens = self.read(&head, &body).and_then(tokens);
        match serde_json::from_str(&body) {
            Ok(value) if tokens.is_some() || self.operation.success.tokens.is_none() => Ok(value),
            Ok(_) => Err(self.error_in_success(&head, &body)),
            Err(error) => Err(self.mismatch(&head, &body, &error, tokens)),
        }
    }

    fn granted<T: DeserializeOwned, B: ErrorBody>(
        &self,
        Response { head, body }: Response,
    ) -> Result<Granted<T>, Error<B>> {
        let mut body = self.succeeded(&head, body)?;
        let reading = self.read(&head, &body);
        let secrets = reading.as_ref().map(|reading| reading.secrets.clone()).unwrap_or_default();
        let Some(tokens) = reading.and_then(tokens) else {
            return Err(match serde_json::from_str::<T>(&body) {
                Ok(_) => self.error_in_success(&head, &body),
                Err(error) => self.mismatch(&head, &body, &error, None),
            });
        };
        // Only one copy of each token remains: in the typed body it is an empty string.
        for span in secrets {
            body = without(&body, span);
        }
        let mut misfits: Vec<String> = tokens.misfits.iter().map(|misfit| (*misfit).to_owned()).collect();
        let (typed, others) = lenient::decode(&body, self.operation.success.properties);
        misfits.extend(others.into_iter().filter(|other| !tokens.misfits.contains(&other.as_str())));
        Ok(Granted { tokens, body: typed, misfits, head })
    }

    /// Returns the body of a success, if it is JSON without an error in it.
    fn succeeded<B: ErrorBody>(&self, head: &Head, body: Result<Text, BodyProblem>) -> Result<Text, Error<B>> {
        let body = body.map(|text| {
            if self.is_text_token(&text) {
                quoted(&text)
            } else if BodyProblem::of_text(&text).is_some() && self.header_token(head).is_some() {
                // The token is not in the body, so what is there does not matter.
                Text::from("{}".to_owned())
            } else {
                text
            }
        });
        let problem = match &body {
            Ok(text) => BodyProblem::of_text(text),
            Err(problem) => Some(*problem),
        };
        match (body, problem) {
            (Ok(body), None) if self.operation.success.is_failure(&body) => Err(self.error_in_success(head, &body)),
            (Ok(body), None) => Ok(body),
            (Err(problem), _) | (_, Some(problem)) => {
                let details = BodyDetails { problem: Some(problem), ..BodyDetails::NONE };
                let error = with_head(self.error(ErrorKind::Body(problem)), head);
                Err(self.without_echo(error.with_body(head.status.as_u16(), details)))
            }
        }
    }

    fn read(&self, head: &Head, body: &str) -> Option<Reading<'static>> {
        self.operation.success.tokens.as_ref()?.read_with(body, self.header_token(head))
    }

    /// Returns the access token in a header, if that is its place.
    fn header_token(&self, head: &Head) -> Option<Secret> {
        let name = self.operation.success.tokens.as_ref()?.access_token_header?;
        let token = head.headers.get(name)?.to_str().ok()?.trim();
        (!token.is_empty()).then(|| Secret::new(token))
    }

    /// Whether a body is plain text that can be a token: printable, and no HTML.
    fn is_text_token(&self, body: &str) -> bool {
        let text = body.trim();
        let is_token =
            || !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'!'..=b'~')) && !text.starts_with('<');
        let takes_text = self.operation.success.tokens.as_ref().is_some_and(TokenFields::takes_text);
        takes_text && is_token() && Json::parse(body).is_none()
    }

    /// Returns the tokens of a success that the spec doesn't list.
    fn tokens_of(&self, response: &Response) -> Option<Tokens> {
        let body = response.body.as_ref().ok().filter(|_| response.status().is_success())?;
        self.read(&response.head, body).and_then(tokens).filter(|_| !self.operation.success.is_failure(body))
    }

    /// The error for a success that contains the vendor's error, or no token.
    fn error_in_success<B: ErrorBody>(&self, head: &Head, body: &str) -> Error<B> {
        let status = head.status.as_u16();
        let typed = B::decode(self.operation.id, status, body.as_bytes());
        let error = with_head(self.error(ErrorKind::ErrorInSuccess), head);
        self.without_echo(error.with_body(status, BodyDetails { body: typed, ..details::<B>(body) }))
    }

    /// The error for a success that doesn't match the spec.
    fn mismatch<B: ErrorBody>(
        &self,
        head: &Head,
        body: &str,
        error: &serde_json::Error,
        tokens: Option<Tokens>,
    ) -> Error<B> {
        let problem = BodyProblem::of_error(error);
        // A response with a token is no failure, so nothing in it is an error code.
        let details = if tokens.is_some() { BodyDetails::NONE } else { details::<B>(body) };
        let error = with_head(self.error(ErrorKind::Body(problem)), head)
            .with_body(head.status.as_u16(), BodyDetails { problem: Some(problem), ..details })
            .with_tokens(tokens);
        self.without_echo(error)
    }

    fn failed<B: ErrorBody>(&self, error: response::Error) -> Error<B> {
        match error {
            response::Error::NotSent => self.error(ErrorKind::InvalidRequest).with_detail(
                "a value can't be encoded, such as a header value with a line break, a list that is empty, or a list \
                 item that is empty or holds the delimiter",
            ),
            response::Error::IncompleteResponse(IncompleteResponse { kind, head, cause }) => {
                let error = self.error(kind).with_cause(cause);
                match head {
                    Some(head) => self.without_echo(with_head(error, &head)),
                    None => error,
                }
            }
            response::Error::UnexpectedResponse(response) => self.unexpected(response),
        }
    }

    /// The error for a status that the spec doesn't list as a success.
    fn unexpected<B: ErrorBody>(&self, response: Response) -> Error<B> {
        let status = response.status().as_u16();
        let tokens = self.tokens_of(&response);
        let Response { head, body } = response;
        let details = match &body {
            Ok(_) if tokens.is_some() => BodyDetails::NONE,
            Ok(body) => details::<B>(body),
            Err(problem) => BodyDetails { problem: Some(*problem), ..BodyDetails::NONE },
        };
        let (kind, details) = match status {
            200..=299 => (ErrorKind::Status, details),
            // The body of a redirect is meant for people, so a problem with it is not reported.
            300..=399 => {
                (ErrorKind::Redirect, BodyDetails { problem: None, body: self.decode(status, &body).ok(), ..details })
            }
            _ => (
                ErrorKind::Status,
                match self.decode(status, &body) {
                    Ok(typed) => BodyDetails { body: Some(typed), ..details },
                    Err(problem) => BodyDetails { problem: Some(problem), ..details },
                },
            ),
        };
        self.without_echo(with_head(self.error(kind), &head).with_body(status, details).with_tokens(tokens))
    }

    /// Decodes the typed body of a failure.
    fn decode<B: ErrorBody>(&self, status: u16, body: &Result<Text, BodyProblem>) -> Result<B, BodyProblem> {
        let body = body.as_ref().map_err(|problem| *problem)?;
        match BodyProblem::of_text(body) {
            Some(problem) => Err(problem),
            None => B::decode(self.operation.id, status, body.as_bytes())
                .ok_or(BodyProblem::Unexpected { line: 0, column: 0 }),
        }
    }
}

fn tokens(reading: Reading<'static>) -> Option<Tokens> {
    let misfits = reading.misfits;
    reading.tokens.map(|tokens| Tokens { misfits, ..tokens })
}

/// Replaces a value of a body by an empty string, and pads it to the same length, so that lines and columns of mismatches stay right.
fn without(body: &Text, value: Range<usize>) -> Text {
    let mut other = Text::new(String::with_capacity(body.len()));
    let (before, after) = (body.get(..value.start).unwrap_or_default(), body.get(value.end..).unwrap_or_default());
    other.push_str(before);
    other.push_str("\"\"");
    other.push_str(&" ".repeat(value.len().saturating_sub(2)));
    other.push_str(after);
    other
}

/// Returns plain text as a JSON string.
fn quoted(text: &str) -> Text {
    let mut quoted = String::with_capacity(2 * text.len() + 2);
    quoted.push('"');
    for character in text.trim().chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    Text::from(quoted)
}

/// Adds the status and the headers of a response to an error.
fn with_head<B: ErrorBody>(error: Error<B>, head: &Head) -> Error<B> {
    let header = |name| retry_after::text(&head.headers, name).map(str::to_owned);
    error.with_head(
        head.status.as_u16(),
        retry_after::read(&head.headers, B::RULES.retry_after, head.arrived),
        B::RULES.request_id.and_then(header).or_else(|| header("x-request-id")),
    )
}

/// Reads what a body says about a failure, whether or not it matches the spec.
fn details<B: ErrorBody>(body: &str) -> BodyDetails<B> {
    let json = Json::parse(body);
    let find = |pointers: &[&str]| pointers.iter().find_map(|pointer| json?.at(pointer)?.text());
    let all = |pointers: &'static [&'static str]| {
        let values = pointers.iter().filter_map(|pointer| json?.at(pointer));
        values.flat_map(|value| match value.items() {
            Some(items) => items.filter_map(Json::text).collect::<Vec<_>>(),
            None => value.text().into_iter().collect(),
        })
    };
    BodyDetails {
        code: if B::ANY_CODE { B::RULES.deciding(all(B::FIELDS.code)) } else { find(B::FIELDS.code) },
        message: find(B::FIELDS.message),
        request_id: find(B::FIELDS.request_id),
        ..BodyDetails::NONE
    }
}
