//! The program `freshtoken-codegen`: the generator's commands, for the repository around the current folder.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use freshtoken_codegen::commands::{Mode, exit_code, generate_crates, new_fragment, repository};

/// Generates a typed crate per vendor from the OpenAPI fragments in specs/.
#[derive(Parser)]
#[command(disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Generate the vendor crates from specs/.
    ///
    /// Files that are up to date are not written. If a spec has an error, nothing is written.
    Gen {
        /// Change nothing: show what is stale as a diff and exit with code 1.
        #[arg(long)]
        check: bool,
        /// Vendors to generate, by spec file name [default: all].
        #[arg(value_name = "VENDOR")]
        vendors: Vec<String>,
    },
    /// Write a fragment for a new vendor, which passes `gen` unchanged.
    New {
        /// The vendor's name: its file in specs/, its crate, its module.
        #[arg(value_name = "VENDOR")]
        vendor: String,
    },
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    exit_code(repository().and_then(|root| match command {
        Command::Gen { check, vendors } => {
            generate_crates(&root, if check { Mode::Check } else { Mode::Write }, &vendors)
        }
        Command::New { vendor } => new_fragment(&root, &vendor),
    }))
}
