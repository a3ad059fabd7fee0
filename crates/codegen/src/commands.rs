//! The commands `gen` and `new`, with their arguments.
//!
//! The program `freshtoken-codegen` and `cargo xtask` have them both. Another xtask can have them too.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstream::eprintln;
use clap::Subcommand;

use crate::diagnostic::visible;
use crate::generator::{Generator, Mode};
use crate::new::Like;
use crate::read::folder;
use crate::repository::origin::Origin;

/// A command with its arguments.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate a crate per vendor from the fragments in specs/.
    ///
    /// Files that are up to date are not written. If a spec is gone, its generated files are deleted. If a spec has an
    /// error, nothing is written.
    Gen {
        /// Change nothing: show what is stale as a diff and exit with code 1.
        #[arg(long)]
        check: bool,
        /// The folder of the fragments, below the current one [default: specs].
        #[arg(long, value_name = "FOLDER")]
        specs: Option<String>,
        /// The folder of the crates, below the current one [default: crates].
        #[arg(long, value_name = "FOLDER")]
        out: Option<String>,
        /// Where the crates get freshtoken from: path=FOLDER of its repository, git=URL or version=VERSION.
        ///
        /// The crates remember it. By default, it is what [workspace.dependencies] says, or the repository that this program
        /// was installed from.
        #[arg(long, value_name = "ORIGIN")]
        freshtoken: Option<Origin>,
        /// Vendors to generate, by spec file name [default: all].
        #[arg(value_name = "VENDOR")]
        vendors: Vec<String>,
    },
    /// Write a fragment for a new vendor, which passes `gen` unchanged.
    New {
        /// The grant that the vendor has.
        #[arg(long, value_name = "GRANT", default_value = "client-credentials")]
        like: Like,
        /// The folder of the fragments, below the current one [default: specs].
        #[arg(long, value_name = "FOLDER")]
        specs: Option<String>,
        /// The vendor's name: its file in specs/, its crate, its module.
        #[arg(value_name = "VENDOR")]
        vendor: String,
    },
}

impl Command {
    /// Runs the command in the folder `root`.
    ///
    /// # Errors
    ///
    /// If the repository cannot be read or written.
    pub fn run(self, root: &Path) -> io::Result<ExitCode> {
        let mut generator = Generator::new(root);
        match self {
            Command::Gen { check, specs, out, freshtoken, vendors } => {
                if let Some(specs) = specs {
                    generator = generator.specs(&specs)?;
                }
                if let Some(out) = out {
                    generator = generator.out(&out)?;
                }
                if let Some(origin) = freshtoken {
                    generator = generator.freshtoken(origin);
                }
                generator.generate(if check { Mode::Check } else { Mode::Write }, &vendors)
            }
            Command::New { like, specs, vendor } => {
                if let Some(specs) = specs {
                    generator = generator.specs(&specs)?;
                }
                generator.new_fragment(&vendor, like)
            }
        }
    }

    /// Returns the folder to run in: the current one if the arguments name a folder or if it has `specs`, or the repository
    /// around it.
    ///
    /// # Errors
    ///
    /// If there is nothing to generate there.
    pub fn root(&self) -> io::Result<PathBuf> {
        let current = env::current_dir()?;
        match self {
            Command::Gen { specs: None, out: None, .. } if !current.join("specs").is_dir() => repository(),
            Command::New { specs: None, .. } => Ok(repository().unwrap_or(current)),
            _ => Ok(current),
        }
    }
}

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
            "neither this folder nor one around it has `specs/` and the workspace's `Cargo.toml`: run it in the repository, or \
             name the folder with `--specs`",
        )
    })
}
