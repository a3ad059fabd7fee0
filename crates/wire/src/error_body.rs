//! What generated code declares about a vendor's error bodies.

use std::time::Duration;

use crate::rules::Rules;

/// The typed error bodies of a vendor, usually an enum with one variant per schema. Generated code implements it.
pub trait ErrorBody: Sized {
    /// How to classify the vendor's failures.
    const RULES: Rules;

    /// The places of the fields of an error body.
    const FIELDS: ErrorFields = ErrorFields::NONE;

    /// Whether every value at the places of the code is looked up, and not only the first. A place can then be a list.
    const ANY_CODE: bool = false;

    /// Codes or statuses with the time to wait before the next request, if the response does not say.
    const WAITS: &'static [(&'static str, Duration)] = &[];

    /// Decodes the error body of `operation` for `status`, if the spec has one and `body` matches it. `body` is JSON.
    fn decode(operation: &'static str, status: u16, body: &[u8]) -> Option<Self>;
}

/// The places of the fields of an error body, as JSON Pointers.
///
/// The first pointer that leads to a string or a number is used, even if the rest of the body does not match the spec.
#[derive(Clone, Copy, Debug)]
pub struct ErrorFields {
    /// The vendor's machine-readable code.
    pub code: &'static [&'static str],
    /// The vendor's message for people.
    pub message: &'static [&'static str],
    /// The id of the request, for the vendor's support.
    pub request_id: &'static [&'static str],
}

impl ErrorFields {
    /// No known fields.
    pub const NONE: Self = Self { code: &[], message: &[], request_id: &[] };
}

/// A vendor without error bodies: only the status classifies a failure.
impl ErrorBody for () {
    const RULES: Rules = Rules::NONE;

    fn decode(_: &'static str, _: u16, _: &[u8]) -> Option<Self> {
        None
    }
}
