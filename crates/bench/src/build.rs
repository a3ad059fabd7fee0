//! The cost of building: packages, clean build time and size of a program with one vendor, and of one with bare reqwest.
//!
//! Each is built once from nothing with the versions of this workspace's lock file. Downloads do not count.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::contenders::BoxError;
use crate::report::{Goal, Section};

/// The most packages of a program with one vendor.
const MOST_PACKAGES: usize = 110;

const FRESHTOKEN: (&str, &str) = (
    include_str!("../programs/freshtoken.rs"),
    concat!("freshtoken = { path = '", env!("CARGO_MANIFEST_DIR"), "/../freshtoken', features = ['voucherify'] }"),
);

const BARE_REQWEST: (&str, &str) = (
    include_str!("../programs/bare_reqwest.rs"),
    "reqwest = { version = '0.13', default-features = false, features = ['form', 'json', 'rustls'] }\nserde_json = '1'",
);

struct Cost {
    packages: usize,
    seconds: f64,
    bytes: u64,
}

/// Builds both programs.
///
/// # Errors
///
/// If a program does not build.
pub fn run() -> Result<Section, BoxError> {
    let (ours, bare) = (build(FRESHTOKEN)?, build(BARE_REQWEST)?);
    let row = |name: &str, Cost { packages, seconds, bytes }: &Cost| {
        let mebibytes = *bytes as f64 / f64::from(1 << 20);
        vec![name.to_owned(), packages.to_string(), format!("{seconds:.0} s"), format!("{mebibytes:.1} MiB")]
    };
    Ok(Section {
        title: "What a user pays to build",
        intro: "A program that gets one token, built once from nothing in the profile `dev` without debug information. One of the \
                packages is `tokio-macros`, for the program's own `main`."
            .to_owned(),
        head: ["", "packages", "clean build", "size of the program"].map(str::to_owned).to_vec(),
        rows: vec![row("freshtoken with one vendor", &ours), row("bare reqwest", &bare)],
        goals: vec![Goal {
            what: "packages of a program with one vendor, without `tokio-macros`".to_owned(),
            limit: format!("at most {MOST_PACKAGES}"),
            measured: (ours.packages - 1).to_string(),
            verdict: (ours.packages - 1 <= MOST_PACKAGES).into(),
        }],
    })
}

fn build((main, dependencies): (&str, &str)) -> Result<Cost, BoxError> {
    let folder = std::env::temp_dir().join(format!("freshtoken-bench-{}", std::process::id()));
    let cost = build_in(&folder, main, dependencies);
    std::fs::remove_dir_all(&folder)?;
    cost
}

fn build_in(folder: &Path, main: &str, dependencies: &str) -> Result<Cost, BoxError> {
    std::fs::create_dir_all(folder.join("src"))?;
    std::fs::write(folder.join("src/main.rs"), main)?;
    let manifest = format!(
        "[package]\nname = 'program'\nedition = '2024'\n[workspace]\n[profile.dev]\ndebug = false\nstrip = true\n\
         [dependencies]\ntokio = {{ version = '1', features = ['macros', 'rt'] }}\n{dependencies}\n"
    );
    std::fs::write(folder.join("Cargo.toml"), manifest)?;
    std::fs::write(folder.join("Cargo.lock"), include_str!("../Cargo.lock"))?;
    cargo(folder, &["fetch", "--quiet"])?;
    let tree = cargo(folder, &["tree", "--edges", "normal,build", "--prefix", "none"])?;
    let mut packages: Vec<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    packages.sort_unstable();
    packages.dedup();
    let start = Instant::now();
    cargo(folder, &["build", "--offline", "--quiet", "--target-dir", "target"])?;
    let seconds = start.elapsed().as_secs_f64();
    let bytes = std::fs::metadata(folder.join("target/debug/program"))?.len();
    Ok(Cost { packages: packages.len() - 1, seconds, bytes })
}

fn cargo(folder: &Path, arguments: &[&str]) -> Result<String, BoxError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(arguments).current_dir(folder).output()?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }
}
