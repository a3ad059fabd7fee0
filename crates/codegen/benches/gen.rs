//! `cargo bench --package freshtoken-codegen`: generates 1, 10 and 100 specs in memory, compared with progenitor alone.
//!
//! It also runs the whole generator on 500 specs in an empty folder, twice: the second run has nothing to write.
//!
//! Progenitor alone makes its types and its client from the same lowered documents, one after the other, on one core. The
//! pipeline parses, lints and writes every file of every crate, on all cores.

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{fs, io};

use freshtoken_codegen::diagnostic::Diagnostic;
use freshtoken_codegen::generator::{Generator, Mode};
use freshtoken_codegen::pipeline::{generate, lowered, on_this_thread_too, progenitor_alone};
use freshtoken_codegen::read::folder as specs;
use freshtoken_codegen::read::folder::Source;
use freshtoken_codegen::workspace::Workspace;
use freshtoken_codegen::workspace::facade::MANIFEST;

/// How many specs, and how many rounds: each size takes a few tenths of a second.
const SIZES: [(usize, usize); 3] = [(1, 41), (10, 9), (100, 3)];

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --all-targets` runs a benchmark without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    on_this_thread_too()?;
    let workspace = Workspace::new(&read("Cargo.toml")?, Some(read(MANIFEST)?));
    println!("specs  progenitor alone    pipeline  ratio");
    for (count, rounds) in SIZES {
        let sources = sources(count)?;
        let documents: Vec<_> = sources.iter().map(lowered).collect::<Result<_, _>>().map_err(first)?;
        let (mut alone, mut pipeline, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let start = Instant::now();
            for document in &documents {
                black_box(progenitor_alone(document)?);
            }
            let alone_took = millis(start);
            let start = Instant::now();
            black_box(generate(&sources, &workspace, |_| {}).map_err(first)?);
            let pipeline_took = millis(start);
            ratios.push(pipeline_took / alone_took);
            alone.push(alone_took);
            pipeline.push(pipeline_took);
        }
        let [alone, pipeline, ratio] = [alone, pipeline, ratios].map(median);
        println!("{count:>5}  {alone:>13.1} ms  {pipeline:>7.1} ms  {ratio:>5.2}");
    }
    with_disk()
}

/// Many more vendors than any repository has.
const MANY: usize = 500;

/// Runs the generator as the program does, on a folder without a build of anything.
fn with_disk() -> Result<(), Box<dyn Error>> {
    let root = std::env::temp_dir().join(format!("codegen-bench-{}", std::process::id()));
    fs::create_dir_all(root.join("specs"))?;
    for source in sources(MANY)? {
        fs::write(root.join(&source.file), source.text)?;
    }
    println!();
    let mut took = Vec::new();
    for _ in 0..2 {
        let start = Instant::now();
        Generator::new(&root).generate(Mode::Write, &[])?;
        took.push(millis(start));
    }
    fs::remove_dir_all(&root)?;
    println!("\n{MANY} specs: all written in {:.0} ms, nothing to write in {:.0} ms", took[0], took[1]);
    // Linux only: the most memory that this process has used.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
        println!("peak of this process: {}", peak.trim());
    }
    Ok(())
}

fn millis(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

fn first(diagnostics: Vec<Diagnostic>) -> String {
    diagnostics.first().map_or_else(String::new, ToString::to_string)
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> io::Result<String> {
    fs::read_to_string(repository().join(path))
}

/// Copies the repository's specs, in turn, under different names.
fn sources(count: usize) -> io::Result<Vec<Source>> {
    let (specs, _) = specs::read(&repository(), "specs", &[])?;
    let names = (0..count).map(|number| format!("specs/vendor_{number:04}.yaml"));
    Ok(names.zip(specs.iter().cycle()).map(|(file, spec)| Source { file, text: spec.text.clone() }).collect())
}
