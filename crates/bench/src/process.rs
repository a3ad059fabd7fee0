//! Programs that the benchmark runs, itself among them, which say what they saw as JSON.

use std::process::Command;

use serde::de::DeserializeOwned;

use crate::contenders::Failure;

/// What a program says.
///
/// # Errors
///
/// What it says of its failure, or that it isn't there.
pub fn answer<T: DeserializeOwned>(program: &mut Command) -> Result<T, Failure> {
    let output = program.output()?;
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout)?),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}
