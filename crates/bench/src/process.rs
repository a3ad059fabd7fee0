//! Child processes that print what they measured as JSON.

use std::process::Command;

use serde::de::DeserializeOwned;

use crate::contenders::BoxError;

/// Runs a program and parses its output.
///
/// # Errors
///
/// The program's error output if it fails, or the reason why it did not start.
pub fn output<T: DeserializeOwned>(program: &mut Command) -> Result<T, BoxError> {
    let output = program.output()?;
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout)?)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }
}

/// Runs the program `allocations`, which is built next to this one.
///
/// It is a program of its own because a counting allocator slows down every call that allocates.
///
/// # Errors
///
/// As [`output`].
pub fn allocations<T: DeserializeOwned>(arguments: &[&str]) -> Result<T, BoxError> {
    output(Command::new(std::env::current_exe()?.with_file_name("allocations")).args(arguments))
}
