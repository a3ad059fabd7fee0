//! `cargo xtask`: the work that is done on this repository.
//!
//! `gen` and `new` are the generator, a library: `lib.rs` tells its stages. `demo` and `bench` are programs of their own,
//! in `crates/demo` and `crates/bench`.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::{self, ExitCode},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anstream::{eprintln, print, println};
use clap::{Parser, Subcommand};
use xtask::{
    facade::{self, Facade},
    generate::{generate, on_this_thread_too},
    new,
    problem::{Problem, Severity, visible},
    specs, tree,
    vendor::Vendor,
};

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

/// Longer than this is more than a moment: from then on there's a line per vendor.
const A_MOMENT: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let done = root().and_then(|root| match command {
        Command::Gen { check, vendors } => run_gen(&root, check, &vendors),
        Command::Demo { arguments } => run_demo(&root, &arguments),
        Command::Bench { arguments } => run_bench(&root, &arguments),
        Command::New { vendor } => run_new(&root, &vendor),
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\x1b[1;31merror\x1b[0m: {}", visible(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

/// The repository, as it is found at run time.
fn root() -> io::Result<PathBuf> {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    specs::repository(manifest, &env::current_dir()?).ok_or_else(|| {
        io::Error::other(
            "no folder around this one has `specs/` and the workspace's `Cargo.toml`: run it in the repository",
        )
    })
}

fn run_gen(root: &Path, check: bool, vendors: &[String]) -> io::Result<ExitCode> {
    let started = Instant::now();
    on_this_thread_too().map_err(io::Error::other)?;
    let (sources, mut problems) = specs::read(root, vendors)?;
    let count = sources.len();
    let done = AtomicUsize::new(0);
    let facade = facade(root, !vendors.is_empty())?;
    let generated = generate(&sources, facade.as_ref(), |file| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if started.elapsed() > A_MOMENT {
            eprintln!("generating {file} ({done} of {count})");
        }
    });
    let generated = match generated {
        Ok(generated) if problems.is_empty() => generated,
        Ok(_) => return Ok(report(&problems)),
        Err(found) => {
            problems.extend(found);
            return Ok(report(&problems));
        }
    };
    for warning in &generated.warnings {
        show(warning);
    }
    let only: Option<BTreeSet<String>> = (!vendors.is_empty()).then(|| {
        let roots = sources.iter().filter_map(|source| Vendor::from_file(&source.file).ok());
        roots.map(|vendor| format!("crates/{}", vendor.ident())).collect()
    });
    let found = tree::read(root, &generated.files, only.as_ref())?;
    let plan = match tree::plan(&generated.files, &generated.snapshots, &found) {
        Ok(plan) => plan,
        Err(paths) => {
            for path in paths {
                eprintln!(
                    "\x1b[1;31merror\x1b[0m: {} is not generated, and a generated file would take its place",
                    visible(&path)
                );
            }
            eprintln!("  move these files, or rename the spec; nothing was written");
            return Ok(ExitCode::FAILURE);
        }
    };
    for path in &plan.kept {
        eprintln!("kept {}: it is not generated", visible(path));
    }
    if check {
        if plan.is_empty() {
            println!("{count} specs, every generated file is fresh");
            return Ok(ExitCode::SUCCESS);
        }
        print!("{}", coloured(&plan.diff()));
        let names = vendors.join(" ");
        let names = if names.is_empty() { names } else { format!(" {names}") };
        eprintln!("{} files are stale: run `cargo xtask gen{names}`", plan.write.len() + plan.delete.len());
        return Ok(ExitCode::FAILURE);
    }
    tree::apply(root, &plan)?;
    println!("{count} specs, {} files written, {} removed", plan.write.len(), plan.delete.len());
    Ok(ExitCode::SUCCESS)
}

/// The demo is a program of its own, of crates that are generated: the generator needs none of them.
fn run_demo(root: &Path, arguments: &[OsString]) -> io::Result<ExitCode> {
    if run_gen(root, true, &[])? != ExitCode::SUCCESS {
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

/// The facade, where the repository has one.
fn facade(root: &Path, is_partial: bool) -> io::Result<Option<Facade>> {
    let read = |path: &str| match fs::read_to_string(root.join(path)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("{path}: {error}"))),
    };
    let workspace = read("Cargo.toml")?.unwrap_or_default();
    Ok(read(facade::MANIFEST)?.map(|manifest| Facade::new(manifest, &workspace, is_partial)))
}

fn run_new(root: &Path, name: &str) -> io::Result<ExitCode> {
    let vendor = match Vendor::from_name(name) {
        Ok(vendor) => vendor,
        Err(problem) => return Ok(report(&[problem])),
    };
    let file = format!("specs/{name}.yaml");
    let exists = |file: &str| {
        eprintln!("\x1b[1;31merror\x1b[0m: {file} is there already; nothing was written");
        Ok(ExitCode::FAILURE)
    };
    let other = format!("specs/{name}.yml");
    if root.join(&other).symlink_metadata().is_ok() {
        return exists(&other);
    }
    // Never over a fragment that is there.
    match fs::OpenOptions::new().write(true).create_new(true).open(root.join(&file)) {
        Ok(mut new) => io::Write::write_all(&mut new, new::fragment(&vendor).as_bytes())?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return exists(&file),
        Err(error) => return Err(io::Error::new(error.kind(), format!("{file}: {error}"))),
    }
    println!("wrote {file}: change it to what the vendor says, then run `cargo xtask gen {}`", vendor.stem());
    Ok(ExitCode::SUCCESS)
}

fn report(problems: &[Problem]) -> ExitCode {
    for problem in problems {
        show(problem);
    }
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    eprintln!("{errors} {}; nothing was written", if errors == 1 { "error" } else { "errors" });
    ExitCode::FAILURE
}

fn show(problem: &Problem) {
    let text = problem.to_string();
    let coloured = match problem.severity {
        Severity::Error => text.replacen("error", "\x1b[1;31merror\x1b[0m", 1),
        Severity::Warning => text.replacen("warning", "\x1b[1;33mwarning\x1b[0m", 1),
    };
    eprintln!("{coloured}\n");
}

fn coloured(diff: &str) -> String {
    // A file on disk may hold anything; its tabs are harmless.
    let quoted = |line: &str| line.split('\t').map(visible).collect::<Vec<_>>().join("\t");
    diff.lines()
        .map(quoted)
        .map(|line| match line.as_bytes().first() {
            Some(b'+') => format!("\x1b[32m{line}\x1b[0m\n"),
            Some(b'-') => format!("\x1b[31m{line}\x1b[0m\n"),
            Some(b'@') => format!("\x1b[36m{line}\x1b[0m\n"),
            _ => format!("{line}\n"),
        })
        .collect()
}
