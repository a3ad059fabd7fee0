//! A keyword of the block and its place in the spec.

use crate::read::x_token::KEY;
use crate::read::x_token::values::Pointer;

/// The pointer to a keyword of the block.
pub fn at(path: &str) -> String {
    format!("/{KEY}/{path}")
}

/// A pointer, and the place of its keyword.
pub struct Keyword<'c> {
    pub pointer: &'c Pointer,
    pub at: String,
}

impl<'c> Keyword<'c> {
    /// The keyword at a path such as `response/scope`.
    pub fn new(path: &str, pointer: &'c Pointer) -> Self {
        Self { pointer, at: at(path) }
    }
}
