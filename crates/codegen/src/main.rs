//! The program `freshtoken-codegen`: the generator's commands, for the repository around the current folder.

use std::process::ExitCode;

use clap::Parser;
use freshtoken_codegen::commands::{Command, exit_code, repository};

/// Generates a typed crate per vendor from the OpenAPI fragments in specs/.
#[derive(Parser)]
#[command(disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    exit_code(repository().and_then(|root| command.run(&root)))
}
