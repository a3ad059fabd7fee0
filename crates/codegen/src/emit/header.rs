//! The first line of every generated file, which identifies it.

use crate::lower::model::Model;
use crate::repository::target::Target;

/// A string in the first line of every generated file.
pub const MARK: &str = "@generated";

/// Returns the first line of a generated file, without the comment sign.
pub fn mark(model: &Model, target: &Target) -> String {
    // In another repository, it may be the program, an xtask or a build script.
    let generator = if target.is_home() { "`cargo xtask gen`" } else { "freshtoken-codegen" };
    format!("{MARK} by {generator} from {}. Edit the spec, not this file.", model.file)
}
