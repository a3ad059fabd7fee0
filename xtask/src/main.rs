//! `cargo xtask`: the tasks of this repository.
//!
//! `gen` and `new` are commands of the generator, the library in `crates/codegen`. `demo` and `soak` build and run the
//! program in `crates/demo`, and `bench` the one in `crates/bench`.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use freshtoken_codegen::commands;
use freshtoken_codegen::commands::{exit_code, repository};
use freshtoken_codegen::generator::{Generator, Mode};

/// The tasks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
#[command(after_help = "Examples:
  cargo xtask gen                    generate every vendor's crate
  cargo xtask gen zenoti             generate one
  cargo xtask gen --check            change nothing; if a crate is stale, show a diff and exit with code 1
  cargo xtask new acme               write specs/acme.yaml, a fragment to start from
  cargo xtask demo                   watch tokens being kept fresh, in 20 seconds
  cargo xtask demo --replicas 8      watch processes share a token while they are killed, in 40
  cargo xtask soak                   10,000 expiries under every fault; --short takes a minute
  cargo xtask bench                  compare it with other crates, in 10 minutes")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

const GEN_EXAMPLES: &str = "Examples:
  cargo xtask gen
  cargo xtask gen zenoti voucherify
  cargo xtask gen --check";

const NEW_EXAMPLE: &str = "Example:
  cargo xtask new acme && cargo xtask gen acme";

#[derive(Subcommand)]
enum Task {
    #[command(flatten)]
    Generator(commands::Command),
    /// Watch every vendor's tokens being kept fresh, against a sandbox on this machine.
    ///
    /// Checks first that every generated file is fresh. `cargo xtask demo --help` shows the options.
    #[command(disable_help_flag = true)]
    Demo {
        /// Options of the demo.
        #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run processes that share tokens through thousands of expiries, and kill, stop and starve them.
    ///
    /// `cargo xtask soak --help` shows the options.
    #[command(disable_help_flag = true)]
    Soak {
        /// Options of the soak.
        #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Compare freshtoken with the crates that users would pick instead, and write crates/bench/RESULTS.md.
    ///
    /// The first build takes a few minutes because it includes all these crates. `cargo xtask bench --help` shows the options.
    #[command(disable_help_flag = true)]
    Bench {
        /// Options of the benchmark.
        #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::command()
        .mut_subcommand("gen", |command| command.after_help(GEN_EXAMPLES))
        .mut_subcommand("new", |command| command.after_help(NEW_EXAMPLE));
    let task = Cli::from_arg_matches(&cli.get_matches()).unwrap_or_else(|error| error.exit()).task;
    exit_code(repository().and_then(|root| match task {
        Task::Generator(command) => command.run(&root),
        Task::Demo { arguments } => run_demo(&root, &arguments),
        Task::Soak { arguments } => run_soak(&root, arguments),
        Task::Bench { arguments } => run_bench(&root, &arguments),
    }))
}

/// Runs the demo. It is another program, since it depends on generated crates, and the generator must not.
fn run_demo(root: &Path, arguments: &[OsString]) -> io::Result<ExitCode> {
    if Generator::new(root).generate(Mode::Check, &[])? != ExitCode::SUCCESS {
        return Ok(ExitCode::FAILURE);
    }
    run_program(root, &["--package", "freshtoken-demo"], arguments)
}

/// Runs the soak. It is a subcommand of the demo's program, so that both start the same replicas.
fn run_soak(root: &Path, arguments: Vec<OsString>) -> io::Result<ExitCode> {
    let arguments: Vec<OsString> = std::iter::once("soak".into()).chain(arguments).collect();
    run_program(root, &["--package", "freshtoken-demo"], &arguments)
}

/// Runs the benchmark, which is another workspace.
fn run_bench(root: &Path, arguments: &[OsString]) -> io::Result<ExitCode> {
    run_program(root, &["--release", "--locked", "--manifest-path", "crates/bench/Cargo.toml"], arguments)
}

/// Builds and runs the program that these arguments of cargo select, and returns its exit code.
fn run_program(root: &Path, selects: &[&str], arguments: &[OsString]) -> io::Result<ExitCode> {
    let cargo = |command: &[&str]| {
        let mut cargo = process::Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root).args(command).args(selects);
        // These are of xtask's own package. Some build scripts read them, and would rebuild everything.
        for (name, _) in env::vars_os() {
            if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
                cargo.env_remove(name);
            }
        }
        cargo
    };
    // Built first, with cargo's progress, because the first build takes minutes; then cargo is quiet while the program runs.
    if !cargo(&["build"]).status()?.success() {
        return Ok(ExitCode::FAILURE);
    }
    let code = cargo(&["run", "--quiet"]).arg("--").args(arguments).status()?.code();
    Ok(code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
