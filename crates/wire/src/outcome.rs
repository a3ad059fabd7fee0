//! What came of a request: the typed body, the tokens, or the error.

use serde::de::DeserializeOwned;

use crate::answer::{self, Granted, Head, Response, ResponseValue, Unanswered};
use crate::body::Text;
use crate::body_problem::BodyProblem;
use crate::call::Call;
use crate::error::{Error, ErrorKind, Said};
use crate::error_body::ErrorBody;
use crate::json::Json;
use crate::lenient;
use crate::retry_after;
use crate::tokens::{Reading, Tokens};

type Outcome<T> = Result<ResponseValue<T>, answer::Error>;

/// What came of a login or a refresh. A user of the vendor's crate wants it typed, the facade wants its tokens.
pub struct Answered<T> {
    call: Call,
    outcome: Outcome<T>,
}

impl<T: DeserializeOwned> Answered<T> {
    /// The typed body.
    ///
    /// # Errors
    ///
    /// As [`Call::finish`].
    pub fn typed<B: ErrorBody>(self) -> Result<T, Error<B>> {
        self.call.finish(self.outcome)
    }

    /// The tokens, whatever else is wrong with the response.
    ///
    /// # Errors
    ///
    /// As [`Call::finish`], but neither for a field that doesn't fit nor for a success that the spec doesn't list, as long
    /// as there is an access token.
    pub fn granted<B: ErrorBody>(self) -> Result<Granted<T>, Error<B>> {
        match self.outcome {
            Ok(value) => self.call.granted(value.response),
            Err(answer::Error::UnexpectedResponse(response)) if self.call.tokens_of(&response).is_some() => {
                self.call.granted(response)
            }
            Err(error) => Err(self.call.failed(error)),
        }
    }
}

impl Call {
    /// The typed body, or the error, of what came.
    ///
    /// # Errors
    ///
    /// Every [`ErrorKind`] of a request. An error of a success that has tokens all the same holds them.
    pub fn finish<T: DeserializeOwned, B: ErrorBody>(&self, outcome: Outcome<T>) -> Result<T, Error<B>> {
        match outcome {
            Ok(value) => self.typed(value.response),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// As [`Call::finish`], of an operation whose success says nothing: then any 2xx is one, whatever its body.
    ///
    /// # Errors
    ///
    /// As [`Call::finish`].
    pub fn finish_empty<B: ErrorBody>(&self, outcome: Outcome<()>) -> Result<(), Error<B>> {
        match outcome {
            Ok(_) => Ok(()),
            Err(answer::Error::UnexpectedResponse(response)) if response.status().is_success() => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// What came of a login or a refresh, for later.
    pub fn answered<T>(self, outcome: Outcome<T>) -> Answered<T> {
        Answered { call: self, outcome }
    }

    fn typed<T: DeserializeOwned, B: ErrorBody>(&self, Response { head, body }: Response) -> Result<T, Error<B>> {
        let body = self.succeeded(&head, body)?;
        let tokens = self.read(&body).and_then(tokens);
        match serde_json::from_str(&body) {
            Ok(value) if tokens.is_some() || self.operation.success.tokens.is_none() => Ok(value),
            Ok(_) => Err(self.refused(&head, &body)),
            Err(error) => Err(self.misfit(&head, &body, &error, tokens)),
        }
    }

    fn granted<T: DeserializeOwned, B: ErrorBody>(
        &self,
        Response { head, body }: Response,
    ) -> Result<Granted<T>, Error<B>> {
        let mut body = self.succeeded(&head, body)?;
        let reading = self.read(&body);
        let secrets = reading.as_ref().map(|reading| reading.secrets.clone()).unwrap_or_default();
        let Some(tokens) = reading.and_then(tokens) else {
            return Err(match serde_json::from_str::<T>(&body) {
                Ok(_) => self.refused(&head, &body),
                Err(error) => self.misfit(&head, &body, &error, None),
            });
        };
        // Each token is held once: in the typed body it is empty.
        for span in secrets {
            let empty = format!("{:width$}", "\"\"", width = span.len());
            body.replace_range(span, &empty);
        }
        let mut misfits: Vec<String> = tokens.misfits.iter().map(|misfit| (*misfit).to_owned()).collect();
        let (typed, others) = lenient::decode(&body, self.operation.success.properties);
        misfits.extend(others.into_iter().filter(|other| !tokens.misfits.contains(&other.as_str())));
        Ok(Granted { tokens, body: typed, misfits, head })
    }

    /// The body of a success that is JSON, and doesn't say that it is a failure.
    fn succeeded<B: ErrorBody>(&self, head: &Head, body: Result<Text, BodyProblem>) -> Result<Text, Error<B>> {
        let problem = match &body {
            Ok(text) => BodyProblem::of_text(text),
            Err(problem) => Some(*problem),
        };
        match (body, problem) {
            (Ok(body), None) if self.operation.success.is_failure(&body) => Err(self.refused(head, &body)),
            (Ok(body), None) => Ok(body),
            (Err(problem), _) | (_, Some(problem)) => {
                let said = Said { problem: Some(problem), ..Said::NOTHING };
                let error = answered(self.error(ErrorKind::Body(problem)), head).said(head.status.as_u16(), said);
                Err(self.without_echo(error))
            }
        }
    }

    fn read(&self, body: &str) -> Option<Reading<'static>> {
        self.operation.success.tokens.as_ref()?.read(body)
    }

    /// The tokens of a success that the spec doesn't list.
    fn tokens_of(&self, response: &Response) -> Option<Tokens> {
        let body = response.body.as_ref().ok().filter(|_| response.status().is_success())?;
        self.read(body).and_then(tokens).filter(|_| !self.operation.success.is_failure(body))
    }

    /// A success that carries the vendor's error, or no token.
    fn refused<B: ErrorBody>(&self, head: &Head, body: &str) -> Error<B> {
        let status = head.status.as_u16();
        let typed = B::decode(self.operation.id, status, body.as_bytes());
        let error = answered(self.error(ErrorKind::Refused), head);
        self.without_echo(error.said(status, Said { body: typed, ..said::<B>(body) }))
    }

    /// A success that isn't as the spec says.
    fn misfit<B: ErrorBody>(
        &self,
        head: &Head,
        body: &str,
        error: &serde_json::Error,
        tokens: Option<Tokens>,
    ) -> Error<B> {
        let problem = BodyProblem::of_error(error);
        // Beside a token, what looks like a code is none.
        let said = if tokens.is_some() { Said::NOTHING } else { said::<B>(body) };
        let error = answered(self.error(ErrorKind::Body(problem)), head)
            .said(head.status.as_u16(), Said { problem: Some(problem), ..said })
            .tokens_of(tokens);
        self.without_echo(error)
    }

    fn failed<B: ErrorBody>(&self, error: answer::Error) -> Error<B> {
        match error {
            answer::Error::NotSent => self.error(ErrorKind::InvalidRequest).detail(
                "a value can't be encoded, such as a header value with a line break, a list that is empty, or a list \
                 item that is empty or holds the delimiter",
            ),
            answer::Error::Unanswered(Unanswered { kind, head, cause }) => {
                let error = self.error(kind).cause(cause);
                match head {
                    Some(head) => self.without_echo(answered(error, &head)),
                    None => error,
                }
            }
            answer::Error::UnexpectedResponse(response) => self.unexpected(response),
        }
    }

    /// A status that the spec doesn't list as a success.
    fn unexpected<B: ErrorBody>(&self, response: Response) -> Error<B> {
        let status = response.status().as_u16();
        let tokens = self.tokens_of(&response);
        let Response { head, body } = response;
        let said = match &body {
            Ok(_) if tokens.is_some() => Said::NOTHING,
            Ok(body) => said::<B>(body),
            Err(problem) => Said { problem: Some(*problem), ..Said::NOTHING },
        };
        let (kind, said) = match status {
            200..=299 => (ErrorKind::Status, said),
            // A redirect's body isn't for programs.
            300..=399 => (ErrorKind::Redirect, Said { problem: None, body: self.decode(status, &body).ok(), ..said }),
            _ => (
                ErrorKind::Status,
                match self.decode(status, &body) {
                    Ok(typed) => Said { body: Some(typed), ..said },
                    Err(problem) => Said { problem: Some(problem), ..said },
                },
            ),
        };
        self.without_echo(answered(self.error(kind), &head).said(status, said).tokens_of(tokens))
    }

    /// A failure's typed body, or why there is none.
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

/// Adds to `error` what the answer's head said.
fn answered<B: ErrorBody>(error: Error<B>, head: &Head) -> Error<B> {
    let header = |name| retry_after::text(&head.headers, name).map(str::to_owned);
    error.answered(
        head.status.as_u16(),
        retry_after::read(&head.headers, B::RULES.retry_after, head.arrived),
        B::RULES.request_id.and_then(header).or_else(|| header("x-request-id")),
    )
}

/// What a body says of a failure, whether or not it is as the spec says.
fn said<B: ErrorBody>(body: &str) -> Said<B> {
    let json = Json::parse(body);
    let find = |pointers: &[&str]| pointers.iter().find_map(|pointer| json?.at(pointer)?.text());
    Said {
        code: find(B::FIELDS.code),
        message: find(B::FIELDS.message),
        request_id: find(B::FIELDS.request_id),
        ..Said::NOTHING
    }
}
