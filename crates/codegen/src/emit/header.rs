//! The first line of every generated file, by which a generated file is known.

use crate::lower::model::Model;

/// What stands in the first lines of every generated file.
pub const MARK: &str = "@generated";

/// The first line of a generated file, without the comment sign.
pub fn mark(model: &Model) -> String {
    format!("{MARK} by `cargo xtask gen` from {}; change that, not this.", model.file)
}
