//! What a user pays to build: packages, the time of a clean build, and the size of the program, of a minimal program for
//! each crate. The programs lie in `programs/`; aws-smithy-runtime has none: what uses it is a whole generated client.
//!
//! Each is built from nothing with the versions of this workspace's lock file, one after the other, once: their sources
//! are on disk by then. The profile is cargo's `dev` without debug information. To optimise all takes nearly as long again,
//! though what they share is built once, so that is only done when it is asked for.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde::Serialize;

use crate::contenders::Failure;
use crate::folder::Folder;

/// What a program costs.
#[derive(Debug, Serialize)]
pub struct Program {
    /// Its crate, or what it is.
    pub of: String,
    /// Packages that are compiled for it, itself not among them.
    pub packages: usize,
    /// What does its TLS's cryptography.
    pub cryptography: String,
    /// Seconds of a clean build.
    pub seconds: f64,
    /// Bytes of the program, not optimised.
    pub bytes: u64,
    /// Bytes of the program as a release has it, where asked for.
    pub optimised: Option<u64>,
}

/// Builds all, ours first.
///
/// # Errors
///
/// When there is no room for them.
pub fn run(is_quick: bool, is_optimised: bool, missing: &mut Vec<String>) -> Result<Option<Vec<Program>>, Failure> {
    if is_quick {
        missing.push("What a user pays to build: `--quick` builds nothing.".to_owned());
        return Ok(None);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_by_key(|name| (name != "freshtoken", name != "by-hand", name.clone()));
    missing
        .push("What a user of aws-smithy-runtime pays to build: what uses it is a whole generated client.".to_owned());
    if !is_optimised {
        missing.push("Sizes of optimised programs: only `--optimised` builds them.".to_owned());
    }
    let releases = is_optimised.then(|| Folder::new("releases")).transpose()?;
    let mut programs = Vec::new();
    for name in names {
        match program(&name, releases.as_ref()) {
            Ok(program) => programs.push(program),
            Err(error) => missing.push(format!("What a user of {name} pays to build: {error}")),
        }
    }
    Ok(Some(programs))
}

/// What one costs; `releases` is where optimised ones are built.
fn program(name: &str, releases: Option<&Folder>) -> Result<Program, Failure> {
    let package = package(name)?;
    let cargo = |arguments: &[&str]| cargo(package.path(), arguments);
    // Downloads are no part of building.
    cargo(&["fetch", "--quiet"])?;
    let tree = cargo(&["tree", "--edges", "normal,build", "--prefix", "none"])?;
    let mut packages: Vec<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    packages.sort_unstable();
    packages.dedup();
    let has = |name: &&str| packages.iter().any(|package| package.split(' ').next() == Some(name));
    let cryptography = ["aws-lc-rs", "ring", "openssl"].into_iter().filter(has).collect::<Vec<_>>().join(", ");
    let start = Instant::now();
    cargo(&["build", "--offline", "--quiet"])?;
    let seconds = start.elapsed().as_secs_f64();
    let bytes = std::fs::metadata(package.path().join("target/debug/program"))?.len();
    let optimised = releases.map(|releases| {
        let releases = releases.path();
        cargo(&["build", "--release", "--offline", "--quiet", "--target-dir", &releases.to_string_lossy()])?;
        Ok::<_, Failure>(std::fs::metadata(releases.join("release/program"))?.len())
    });
    let optimised = optimised.transpose()?;
    Ok(Program { of: name.to_owned(), packages: packages.len() - 1, cryptography, seconds, bytes, optimised })
}

/// A package in a folder of its own.
fn package(name: &str) -> Result<Folder, Failure> {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Folder::new(name)?;
    let path = folder.path();
    let read = |file: &str| std::fs::read_to_string(bench.join("programs").join(name).join(file));
    let freshtoken = bench.join("../freshtoken").canonicalize()?;
    let dependencies = read("dependencies.toml")?.replace("FRESHTOKEN", &freshtoken.to_string_lossy());
    std::fs::create_dir(path.join("src"))?;
    std::fs::write(
        path.join("Cargo.toml"),
        format!(
            "[package]\nname = \"program\"\nedition = \"2024\"\n\n[workspace]\n\n[profile.dev]\ndebug = false\nstrip = true\n\n\
             [profile.release]\nstrip = true\n\n\
             [dependencies]\n{dependencies}"
        ),
    )?;
    std::fs::write(path.join("src/main.rs"), read("main.rs")?)?;
    std::fs::copy(bench.join("Cargo.lock"), path.join("Cargo.lock"))?;
    Ok(folder)
}

/// What cargo says in a package's folder.
fn cargo(package: &Path, arguments: &[&str]) -> Result<String, Failure> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut cargo = Command::new(cargo);
    // What `cargo run` tells a program of its package, and some build scripts look at.
    for (name, _) in std::env::vars_os() {
        let is_told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_TARGET_DIR"];
        if is_told.iter().any(|start| name.to_string_lossy().starts_with(start)) {
            cargo.env_remove(name);
        }
    }
    let output = cargo.args(arguments).current_dir(package).output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}
