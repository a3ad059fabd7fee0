//! The first line of every generated file, which identifies it.

use crate::lower::model::Model;

/// A string in the first line of every generated file.
pub const MARK: &str = "@generated";

/// Returns the first line of a generated file, without the comment sign.
pub fn mark(model: &Model) -> String {
    format!("{MARK} by `cargo xtask gen` from {}. Edit the spec, not this file.", model.file)
}
