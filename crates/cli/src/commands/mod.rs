//! What each command does.

mod completions;
mod end;
mod login;
pub mod run;
mod status;
mod vendors;

use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::args::{Cli, Command};
use crate::context::Context;
use crate::failure::Failure;
use crate::obtain::obtain;
use crate::output;

/// Performs the command.
pub fn perform(cli: Cli) -> Result<ExitCode, Failure> {
    let context = Context::new(cli.common);
    match cli.command {
        Command::Header(which) => {
            let account = context.account(&which)?;
            obtain(&context, &account, None, |obtained| output::print(&output::header_lines(&obtained)?))?;
        }
        Command::Token(token) => {
            let account = context.account(&token.which)?;
            obtain(&context, &account, token.min_life, |obtained| {
                output::print(&output::formatted(&obtained, token.format)?)
            })?;
        }
        Command::Run(run) => return run::perform(&context, run),
        Command::Serve(options) => crate::serve::perform(&context, &options)?,
        Command::Status(show) => return status::perform(&context, &show),
        Command::Revoke(revoke) => end::perform(&context, &revoke)?,
        Command::Login(login) => login::perform(&context, &login)?,
        Command::Vendors(asked) => vendors::perform(&asked)?,
        Command::Completions { shell } => output::print(&completions::script(shell))?,
        Command::Man { dir } => manual(dir.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page, or writes one per command.
fn manual(dir: Option<&Path>) -> Result<(), Failure> {
    let command = Cli::command();
    match dir {
        Some(dir) => std::fs::create_dir_all(dir)
            .and_then(|()| clap_mangen::generate_to(command, dir))
            .map_err(|error| Failure::other(format!("cannot write manual pages to {dir:?}: {error}"))),
        None => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(command).render(&mut page);
            rendered.map_err(|error| Failure::other(format!("cannot render the manual page: {error}")))?;
            output::print(&String::from_utf8_lossy(&page))
        }
    }
}
