//! What can be wrong with the body of a response.

use std::fmt;

use crate::json::Json;
use crate::limits::MAX_BODY;
use crate::timestamp::TimestampError;

/// Why a body can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyProblem {
    /// It has no bytes, or nothing but white space.
    Empty,
    /// It is larger than [`MAX_BODY`], and wasn't read on.
    TooLarge,
    /// The connection broke, or time ran out, before its end. Only beside a failing status: with a success it is an
    /// [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted) or [`ErrorKind::Timeout`](crate::ErrorKind::Timeout).
    Incomplete,
    /// It isn't JSON; an HTML page of a proxy, often.
    NotJson,
    /// It is JSON, but not as the spec says. The place counts from 1, and is 0 where it isn't known.
    Unexpected {
        /// The line in the body.
        line: usize,
        /// The column in that line.
        column: usize,
    },
    /// It has a date-time without an offset, which could be any of 25 hours. Where the vendor means UTC, the spec says
    /// `zone: utc`.
    NoOffset,
}

impl BodyProblem {
    /// Why `body` is no JSON at all, if so.
    pub(crate) fn of_text(body: &str) -> Option<Self> {
        if body.bytes().all(|byte| byte.is_ascii_whitespace()) {
            Some(Self::Empty)
        } else if Json::parse(body).is_none() {
            Some(Self::NotJson)
        } else {
            None
        }
    }

    /// Why a body, which is JSON, couldn't be read as its type. Nothing of serde_json's text is kept: it can quote a
    /// value.
    pub(crate) fn of_error(error: &serde_json::Error) -> Self {
        if error.to_string().contains(TimestampError::NO_OFFSET) {
            Self::NoOffset
        } else {
            Self::Unexpected { line: error.line(), column: error.column() }
        }
    }
}

/// A predicate of the body: `is empty`.
impl fmt::Display for BodyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLarge => write!(f, "is over {} KiB", MAX_BODY / 1024),
            Self::Incomplete => f.write_str("is incomplete"),
            Self::NotJson => f.write_str("is not JSON"),
            Self::Unexpected { line: 0, .. } => f.write_str("is not as the spec says"),
            Self::Unexpected { line, column } => {
                write!(f, "is not as the spec says (line {line}, column {column})")
            }
            Self::NoOffset => write!(f, "has {}", TimestampError::NO_OFFSET),
        }
    }
}
