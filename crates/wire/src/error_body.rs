//! What generated code tells of a vendor's failures.

use crate::Rules;

/// The typed error bodies of a vendor, usually an enum with a variant per schema. Generated.
pub trait ErrorBody: Sized {
    /// What this vendor's failures mean.
    const RULES: Rules;

    /// The typed error body of `operation` at `status`, where the spec has one and `body`, which is JSON, fits it.
    fn decode(operation: &'static str, status: u16, body: &[u8]) -> Option<Self>;

    /// The vendor's machine-readable code.
    fn code(&self) -> Option<String>;

    /// The vendor's words.
    fn message(&self) -> Option<String>;

    /// What names the request, for the vendor's support, where the body says it.
    fn request_id(&self) -> Option<String>;
}

/// A vendor without error bodies: the status decides.
impl ErrorBody for () {
    const RULES: Rules = Rules::NONE;

    fn decode(_: &'static str, _: u16, _: &[u8]) -> Option<Self> {
        None
    }

    fn code(&self) -> Option<String> {
        None
    }

    fn message(&self) -> Option<String> {
        None
    }

    fn request_id(&self) -> Option<String> {
        None
    }
}
