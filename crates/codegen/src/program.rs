//! The program that runs the generator.

use std::env;

/// Returns how a user calls this program, for messages that say what to run.
pub fn program() -> String {
    let name = env::current_exe().ok().and_then(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    match name.as_deref() {
        Some("freshtoken-codegen") => "freshtoken-codegen".to_owned(),
        _ => "cargo xtask".to_owned(),
    }
}
