//! `run`: a command with the token in its environment, or in files that are kept fresh.

mod files;
mod keep;

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::account::Account;
use crate::args::Run;
use crate::context::Context;
use crate::failure::{Failure, one_line};
use crate::obtain::obtain;
use crate::output;
use crate::value::Value;

/// Exit status: freshtoken itself failed, as with `env` and `timeout`.
pub const FAILED: u8 = 125;

/// Exit status: the command cannot be executed.
const NOT_EXECUTABLE: u8 = 126;

/// Exit status: the command does not exist.
const NOT_FOUND: u8 = 127;

pub fn perform(context: &Context, run: Run) -> Result<ExitCode, Failure> {
    perform_inner(context, &run).map_err(|failure| Failure {
        message: format!("{} (status {})", failure.message, failure.status as u8),
        ..failure
    })
}

fn perform_inner(context: &Context, run: &Run) -> Result<ExitCode, Failure> {
    let account = context.account(&run.which)?;
    if let Some(name) = run.env.as_deref().filter(|name| !is_variable(name)) {
        return Err(Failure::usage(format!("--env {name:?}: a variable's name has letters, digits and `_`")));
    }
    let mut command = Command::new(&run.command[0]);
    command.args(&run.command[1..]);
    if !run.keep_credentials {
        remove_credentials(&mut command, &account);
    }
    if run.file {
        return keep::perform(context, &account, run, command);
    }
    let obtained = obtain(context, &account, None, Ok)?;
    let prefix = account.vendor.prefix;
    let name = run.env.clone().unwrap_or_else(|| format!("{prefix}_ACCESS_TOKEN"));
    command.env(name, output::token(&obtained)?);
    if let Some(expires_at) = obtained.token.expires_at().and_then(output::timestamp) {
        command.env(format!("{prefix}_TOKEN_EXPIRES_AT"), expires_at);
    }
    Ok(execute(command))
}

/// The command has the token, and needs no credentials.
fn remove_credentials(command: &mut Command, account: &Account) {
    let vendor = account.vendor;
    let own = vendor.variables.iter().map(|variable| variable.name).filter(|name| !vendor.is_place(name));
    for name in own {
        command.env_remove(name);
    }
    for value in account.values.values() {
        if let Value::Variable(name) = value
            && !vendor.is_place(name)
        {
            command.env_remove(name);
        }
    }
}

fn is_variable(name: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(rest)
}

/// Becomes the command.
#[cfg(unix)]
fn execute(mut command: Command) -> ExitCode {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    not_started(&command, &error)
}

#[cfg(not(unix))]
fn execute(mut command: Command) -> ExitCode {
    match command.status() {
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => not_started(&command, &error),
    }
}

/// Says why the command was not started.
fn not_started(command: &Command, error: &std::io::Error) -> ExitCode {
    let program = command.get_program();
    let hint = match error.kind() {
        ErrorKind::PermissionDenied if !Path::new(program).is_dir() => "; run `chmod +x` on it",
        _ if is_no_program(error) => "; a script starts with a line such as `#!/bin/sh`",
        _ => "",
    };
    crate::note::note(&format!("freshtoken: cannot run {program:?}: {}{hint}", one_line(&error.to_string())));
    ExitCode::from(if error.kind() == ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE })
}

/// Whether the system does not know how to execute the file.
#[cfg(unix)]
fn is_no_program(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error())
}

#[cfg(not(unix))]
fn is_no_program(_: &std::io::Error) -> bool {
    false
}
