//! The program `freshtoken-codegen`: the generator's commands, for a repository.

use std::process::ExitCode;

use clap::Parser;
use freshtoken_codegen::commands::{Command, exit_code};

/// Generates a typed crate per vendor from the OpenAPI fragments in specs/.
#[derive(Parser)]
#[command(disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    exit_code(command.root().and_then(|root| command.run(&root)))
}
