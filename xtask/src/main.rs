//! `cargo xtask`: the work that is done on this repository.
//!
//! `gen` and `new` call the generator, which is the library in `crates/codegen`. `demo` and `bench` build and run programs of
//! their own, in `crates/demo` and `crates/bench`.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use freshtoken_codegen::commands::{Mode, exit_code, generate_crates, new_fragment, repository};

/// Work that is done on this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
#[command(after_help = "Examples:
  cargo xtask gen                    generate every vendor's crate
  cargo xtask gen zenoti             generate one
  cargo xtask gen --check            change nothing; exit 1 and show a diff where a crate is stale
  cargo xtask new acme               write specs/acme.yaml, a fragment to start from
  cargo xtask demo                   watch tokens being kept fresh, in 20 seconds
  cargo xtask bench                  compare it with other crates, in 10 minutes")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Generate the vendor crates from specs/, and the facade's adapters.
    ///
    /// Equal files are left alone. Where a spec is gone, its crate's generated files go too, and its adapter. On any error nothing is
    /// written.
    #[command(after_help = "Examples:
  cargo xtask gen
  cargo xtask gen zenoti voucherify
  cargo xtask gen --check")]
    Gen {
        /// Change nothing: show what is stale as a diff and exit 1.
        #[arg(long)]
        check: bool,
        /// The vendors to generate, as their files in specs/ are named; all, where none is given.
        #[arg(value_name = "VENDOR")]
        vendors: Vec<String>,
    },
    /// Watch every vendor's tokens being kept fresh, against a sandbox on this machine.
    ///
    /// Checks first that every generated file is fresh. `cargo xtask demo --help` is the demo's own help.
    #[command(disable_help_flag = true)]
    Demo {
        /// The demo's own arguments.
        #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Compare freshtoken with the crates that users would pick instead, and write crates/bench/RESULTS.md.
    ///
    /// The first build takes a few minutes because it includes all these crates. `cargo xtask bench --help` shows the options.
    #[command(disable_help_flag = true)]
    Bench {
        /// The benchmark's own arguments.
        #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Write a fragment for a new vendor, which passes `gen` as it stands.
    #[command(after_help = "Example:
  cargo xtask new acme && cargo xtask gen acme")]
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
        Command::Demo { arguments } => run_demo(&root, &arguments),
        Command::Bench { arguments } => run_bench(&root, &arguments),
        Command::New { vendor } => new_fragment(&root, &vendor),
    }))
}

/// The demo is a program of its own, of crates that are generated: the generator needs none of them.
fn run_demo(root: &Path, arguments: &[OsString]) -> io::Result<ExitCode> {
    if generate_crates(root, Mode::Check, &[])? != ExitCode::SUCCESS {
        return Ok(ExitCode::FAILURE);
    }
    run_program(root, &["--package", "freshtoken-demo"], arguments)
}

/// The benchmark is a workspace of its own.
fn run_bench(root: &Path, arguments: &[OsString]) -> io::Result<ExitCode> {
    run_program(root, &["--release", "--locked", "--manifest-path", "crates/bench/Cargo.toml"], arguments)
}

/// Builds and runs the program that cargo is told to select, and ends as it does.
fn run_program(root: &Path, selects: &[&str], arguments: &[OsString]) -> io::Result<ExitCode> {
    let cargo = |command: &[&str]| {
        let mut cargo = process::Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root).args(command).args(selects);
        // What `cargo run` tells this program of its package: some build scripts look at it, and would have all built anew.
        for (name, _) in env::vars_os() {
            if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
                cargo.env_remove(name);
            }
        }
        cargo
    };
    // The first build takes its time, and says what it does; the program has the terminal to itself.
    if !cargo(&["build"]).status()?.success() {
        return Ok(ExitCode::FAILURE);
    }
    let code = cargo(&["run", "--quiet"]).arg("--").args(arguments).status()?.code();
    Ok(code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
