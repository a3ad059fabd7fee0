//! What can be wrong with the body of a response.

use std::fmt;

use crate::json::Json;
use crate::limits::MAX_BODY;
use crate::timestamp::TimestampError;

/// Why a body is unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyProblem {
    /// It is empty or contains only white space.
    Empty,
    /// It is larger than [`MAX_BODY`]; the rest was not read.
    TooLarge,
    /// The connection broke or timed out before the end of the body. This only occurs with a failing status: with a
    /// success, the error is [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted) or
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout).
    Incomplete,
    /// It isn't JSON. Often it is a proxy's HTML page.
    NotJson,
    /// It is JSON, but doesn't match the spec. Lines and columns count from 1; 0 means unknown.
    Unexpected {
        /// The line in the body.
        line: usize,
        /// The column in that line.
        column: usize,
    },
    /// It has a date-time without an offset, which is ambiguous. If the vendor means UTC, the spec needs `zone: utc`.
    NoOffset,
}

impl BodyProblem {
    /// Returns why `body` isn't JSON, or `None` if it is.
    pub(crate) fn of_text(body: &str) -> Option<Self> {
        if body.bytes().all(|byte| byte.is_ascii_whitespace()) {
            Some(Self::Empty)
        } else if Json::parse(body).is_none() {
            Some(Self::NotJson)
        } else {
            None
        }
    }

    /// Returns why a body that is JSON could not be decoded as its type. serde_json's message is dropped, because it can
    /// quote a value.
    pub(crate) fn of_error(error: &serde_json::Error) -> Self {
        if error.to_string().contains(TimestampError::NO_OFFSET) {
            Self::NoOffset
        } else {
            Self::Unexpected { line: error.line(), column: error.column() }
        }
    }
}

/// A predicate of the body, such as `is empty`.
impl fmt::Display for BodyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLarge => write!(f, "is larger than {} KiB", MAX_BODY / 1024),
            Self::Incomplete => f.write_str("is incomplete"),
            Self::NotJson => f.write_str("is not JSON"),
            Self::Unexpected { line: 0, .. } => f.write_str("does not match the spec"),
            Self::Unexpected { line, column } => {
                write!(f, "does not match the spec (line {line}, column {column})")
            }
            Self::NoOffset => write!(f, "has {}", TimestampError::NO_OFFSET),
        }
    }
}
