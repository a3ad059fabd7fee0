//! The program `freshtoken`: fresh tokens for shells, cron jobs and programs in any language.
//!
//! | module | what it does |
//! | --- | --- |
//! | `args` | the command line |
//! | `context`, `config`, `paths` | what options, variables and files say |
//! | `keyring` | the key of the records in the keyring of the operating system |
//! | `vendors`, `account`, `value`, `variable` | which vendor, and where its credentials come from |
//! | `tracked`, `refusals` | tokens that know the credentials that they came from, and credentials that were refused |
//! | `obtain`, `output` | gets a token, and prints it |
//! | `commands` | what each command does |
//! | `serve` | the agent: the same over HTTP, for programs |
//!
//! No secret is an argument, and none is printed but the token that was asked for.
#![forbid(unsafe_code)]

mod account;
mod args;
mod commands;
mod config;
mod context;
mod failure;
mod grants;
#[cfg(feature = "keyring")]
mod keyring;
mod log;
mod note;
mod obtain;
mod output;
mod paths;
mod printable;
mod private;
mod refusals;
mod serve;
mod signals;
mod source;
mod tracked;
mod value;
mod variable;
mod vendors;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::failure::Status;

fn main() -> ExitCode {
    forbid_core_dumps();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return not_parsed(&error),
    };
    let is_run = matches!(cli.command, Command::Run(_));
    log::start(&cli.common);
    match commands::perform(cli) {
        Ok(status) => status,
        Err(failure) => {
            failure.print();
            ExitCode::from(if is_run { commands::run::FAILED } else { failure.status as u8 })
        }
    }
}

/// Prints the help that was asked for, or what is wrong with the arguments.
fn not_parsed(error: &clap::Error) -> ExitCode {
    // What cannot be printed has no other place.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let mut arguments = std::env::args_os().skip(1).take_while(|argument| argument != "--");
    let is_run = arguments.any(|argument| argument == "run");
    ExitCode::from(if is_run { commands::run::FAILED } else { Status::Usage as u8 })
}

/// Returns a variable of the environment. An empty one counts as unset.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Keeps tokens out of core files, and other processes of the user out of this one's memory.
fn forbid_core_dumps() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
