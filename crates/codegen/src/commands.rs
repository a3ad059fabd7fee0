//! The commands `gen` and `new`: they read the repository, print what is wrong or has changed, and return the exit code.
//!
//! The program `freshtoken-codegen` and `cargo xtask` have them both.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anstream::{eprintln, print, println};
use clap::Subcommand;

use crate::diagnostic::{Diagnostic, Severity, visible};
use crate::new;
use crate::pipeline::{generate, on_this_thread_too};
use crate::read::folder;
use crate::vendor::Vendor;
use crate::workspace::Workspace;
use crate::workspace::facade;
use crate::workspace::sync;

/// A command with its arguments.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate the vendor crates from specs/, and the facade's adapters.
    ///
    /// Files that are up to date are not written. If a spec is gone, its generated files are deleted. If a spec has an
    /// error, nothing is written.
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

impl Command {
    /// Runs the command in the repository at `root`.
    ///
    /// # Errors
    ///
    /// If the repository cannot be read or written.
    pub fn run(self, root: &Path) -> io::Result<ExitCode> {
        match self {
            Command::Gen { check, vendors } => {
                generate_crates(root, if check { Mode::Check } else { Mode::Write }, &vendors)
            }
            Command::New { vendor } => new_fragment(root, &vendor),
        }
    }
}

/// Whether `gen` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Writes what has changed.
    Write,
    /// Changes nothing: shows what is stale as a diff, and makes the exit code 1.
    Check,
}

/// Progress is shown, a line per vendor, if generating takes longer than this.
const SHOW_PROGRESS_AFTER: Duration = Duration::from_millis(500);

/// Returns the exit code of a command, after printing why it failed.
pub fn exit_code(done: io::Result<ExitCode>) -> ExitCode {
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\x1b[1;31merror\x1b[0m: {}", visible(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

/// Returns the repository to work on, which is looked up at run time.
///
/// # Errors
///
/// If there is none around the current folder.
pub fn repository() -> io::Result<PathBuf> {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    folder::repository(manifest, &env::current_dir()?).ok_or_else(|| {
        io::Error::other(
            "neither this folder nor one around it has `specs/` and the workspace's `Cargo.toml`: run it in the repository",
        )
    })
}

/// Generates the crates of these vendors, or of all, and writes what has changed or shows it as a diff.
///
/// # Errors
///
/// If the repository cannot be read or written. Problems of the specs are printed, and make the exit code 1.
pub fn generate_crates(root: &Path, mode: Mode, vendors: &[String]) -> io::Result<ExitCode> {
    let started = Instant::now();
    on_this_thread_too().map_err(io::Error::other)?;
    let (sources, mut diagnostics) = folder::read(root, vendors)?;
    let count = sources.len();
    let done = AtomicUsize::new(0);
    let workspace = workspace(root)?;
    let workspace = if vendors.is_empty() { workspace } else { workspace.partial() };
    let generated = generate(&sources, &workspace, |file| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if started.elapsed() > SHOW_PROGRESS_AFTER {
            eprintln!("generating {file} ({done} of {count})");
        }
    });
    let generated = match generated {
        Ok(generated) if diagnostics.is_empty() => generated,
        Ok(_) => return Ok(report(&diagnostics)),
        Err(found) => {
            diagnostics.extend(found);
            return Ok(report(&diagnostics));
        }
    };
    for warning in &generated.warnings {
        show(warning);
    }
    let only: Option<BTreeSet<String>> = (!vendors.is_empty()).then(|| {
        let roots = sources.iter().filter_map(|source| Vendor::from_file(&source.file).ok());
        roots.map(|vendor| format!("crates/{}", vendor.ident())).collect()
    });
    let found = sync::read(root, &generated.files, only.as_ref())?;
    let plan = match sync::plan(&generated.files, &generated.snapshots, &found) {
        Ok(plan) => plan,
        Err(paths) => {
            for path in paths {
                eprintln!(
                    "\x1b[1;31merror\x1b[0m: {} is not generated, and a generated file would replace it",
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
    if mode == Mode::Check {
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
    sync::apply(root, &plan)?;
    println!("{count} specs, {} files written, {} removed", plan.write.len(), plan.delete.len());
    Ok(ExitCode::SUCCESS)
}

/// Reads what the generator needs to know about the workspace.
fn workspace(root: &Path) -> io::Result<Workspace> {
    let read = |path: &str| match fs::read_to_string(root.join(path)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("{path}: {error}"))),
    };
    Ok(Workspace::new(&read("Cargo.toml")?.unwrap_or_default(), read(facade::MANIFEST)?))
}

/// Writes a fragment for a new vendor to `specs/`.
///
/// # Errors
///
/// If the file cannot be written. An unusable name or an existing file is reported, and makes the exit code 1.
pub fn new_fragment(root: &Path, name: &str) -> io::Result<ExitCode> {
    let vendor = match Vendor::from_name(name) {
        Ok(vendor) => vendor,
        Err(diagnostic) => return Ok(report(&[diagnostic])),
    };
    let file = format!("specs/{name}.yaml");
    let exists = |file: &str| {
        eprintln!("\x1b[1;31merror\x1b[0m: {file} already exists; nothing was written");
        Ok(ExitCode::FAILURE)
    };
    let other = format!("specs/{name}.yml");
    if root.join(&other).symlink_metadata().is_ok() {
        return exists(&other);
    }
    // `create_new`, so that an existing fragment is never overwritten.
    match fs::OpenOptions::new().write(true).create_new(true).open(root.join(&file)) {
        Ok(mut new) => io::Write::write_all(&mut new, new::fragment(&vendor).as_bytes())?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return exists(&file),
        Err(error) => return Err(io::Error::new(error.kind(), format!("{file}: {error}"))),
    }
    println!("wrote {file}: edit it to match the vendor's API, then run `cargo xtask gen {}`", vendor.stem());
    Ok(ExitCode::SUCCESS)
}

fn report(diagnostics: &[Diagnostic]) -> ExitCode {
    for diagnostic in diagnostics {
        show(diagnostic);
    }
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    eprintln!("{errors} {}; nothing was written", if errors == 1 { "error" } else { "errors" });
    ExitCode::FAILURE
}

fn show(diagnostic: &Diagnostic) {
    let text = diagnostic.to_string();
    let coloured = match diagnostic.severity {
        Severity::Error => text.replacen("error", "\x1b[1;31merror\x1b[0m", 1),
        Severity::Warning => text.replacen("warning", "\x1b[1;33mwarning\x1b[0m", 1),
    };
    eprintln!("{coloured}\n");
}

fn coloured(diff: &str) -> String {
    // A file on disk may have any control character. Tabs are harmless.
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
