//! What generated code tells of a vendor's failures.

use crate::rules::Rules;

/// The typed error bodies of a vendor, usually an enum with a variant per schema. Generated.
pub trait ErrorBody: Sized {
    /// What this vendor's failures mean.
    const RULES: Rules;

    /// Where an error body says what.
    const FIELDS: ErrorFields = ErrorFields::NONE;

    /// The typed error body of `operation` at `status`, where the spec has one and `body`, which is JSON, fits it.
    fn decode(operation: &'static str, status: u16, body: &[u8]) -> Option<Self>;
}

/// Where an error body says what: JSON Pointers. Of several, the first that finds a string or a number is used, whether
/// or not the rest of the body is as the spec says.
#[derive(Clone, Copy, Debug)]
pub struct ErrorFields {
    /// The vendor's machine-readable code.
    pub code: &'static [&'static str],
    /// The vendor's message for a person.
    pub message: &'static [&'static str],
    /// What names the request, for the vendor's support.
    pub request_id: &'static [&'static str],
}

impl ErrorFields {
    /// An error body says nothing.
    pub const NONE: Self = Self { code: &[], message: &[], request_id: &[] };
}

/// A vendor without error bodies: the status decides.
impl ErrorBody for () {
    const RULES: Rules = Rules::NONE;

    fn decode(_: &'static str, _: u16, _: &[u8]) -> Option<Self> {
        None
    }
}
