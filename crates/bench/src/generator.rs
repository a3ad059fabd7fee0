//! The generator: what `cargo xtask gen` does for many specs, beside progenitor alone on the same lowered documents.
//!
//! The specs are copies of the repository's own, by turns. `progenitor alone` is its types and its client, parsed and
//! formatted, as its docs have it in a build script: no lint, no errors, no adapter, no tests, no README, no files. In the
//! pipeline it makes the client; the types are written by ourselves.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;
use serde::Serialize;
use xtask::facade::{self, Facade};
use xtask::generate::{Generated, Source, generate, lowered, on_this_thread_too, progenitor_alone};
use xtask::problem::Problem;
use xtask::tree;

use crate::contenders::Failure;
use crate::folder::Folder;
use crate::statistics::Spread;

/// How many specs.
pub const SIZES: [usize; 4] = [1, 10, 100, 1_000];

/// What so many specs took, in milliseconds.
#[derive(Debug, Serialize)]
pub struct Generation {
    /// How many.
    pub specs: usize,
    /// Progenitor alone, one document after the other.
    pub alone: Spread,
    /// The same on all cores, as the pipeline is.
    pub alone_on_all: Spread,
    /// From the specs' texts to all files of all crates, on all cores, before any is written.
    pub pipeline: Spread,
    /// The pipeline to progenitor alone, one document after the other, round by round.
    pub ratio: Spread,
    /// The pipeline to progenitor alone on all cores, round by round.
    pub ratio_on_all: Spread,
    /// `gen` where nothing is there yet: with the files read, compared and written.
    pub first: f64,
    /// `gen` again: nothing to write.
    pub no_op: Spread,
    /// How many files.
    pub files: usize,
}

/// Measures all sizes. Once in a process.
///
/// # Errors
///
/// When a copy of a spec has a problem, or the disk.
pub fn run(is_quick: bool) -> Result<Vec<Generation>, Failure> {
    on_this_thread_too()?;
    let sizes = SIZES.iter().filter(|specs| !is_quick || **specs <= 100);
    sizes.map(|specs| of_size(*specs, is_quick)).collect()
}

fn of_size(specs: usize, is_quick: bool) -> Result<Generation, Failure> {
    let rounds = match (specs, is_quick) {
        (1, _) => 41,
        (10, _) => 7,
        (_, true) => 1,
        (1_000, _) => 2,
        _ => 3,
    };
    let sources = sources(specs)?;
    let documents: Vec<_> = sources.iter().map(lowered).collect::<Result<_, _>>().map_err(told)?;
    let root = Folder::new(&format!("{specs}-specs"))?;
    let facade = facade()?;
    let [mut alone, mut alone_on_all, mut pipeline, mut no_op] = [const { Vec::new() }; 4];
    let start = Instant::now();
    write(root.path(), &sources, &facade)?;
    let first = millis(start);
    let mut files = 0;
    for round in 0..rounds {
        let start = Instant::now();
        for document in &documents {
            black_box(progenitor_alone(document)?);
        }
        alone.push(millis(start));
        let start = Instant::now();
        documents
            .par_iter()
            .try_for_each(|document| progenitor_alone(document).map(|source| drop(black_box(source))))?;
        alone_on_all.push(millis(start));
        let start = Instant::now();
        files = made(&sources, &facade)?.files.len();
        pipeline.push(millis(start));
        // Of a thousand it takes a third of a round, and is the same each time.
        if round > 0 && specs > 100 {
            continue;
        }
        let start = Instant::now();
        if write(root.path(), &sources, &facade)? > 0 {
            return Err("the second run wrote something".into());
        }
        no_op.push(millis(start));
    }
    let ratio = Spread::of_ratios(&pipeline, &alone);
    let ratio_on_all = Spread::of_ratios(&pipeline, &alone_on_all);
    let [alone, alone_on_all, pipeline, no_op] = [alone, alone_on_all, pipeline, no_op].map(Spread::of);
    Ok(Generation { specs, alone, alone_on_all, pipeline, ratio, ratio_on_all, first, no_op, files })
}

fn millis(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Copies of the repository's specs, each under a name of its own.
fn sources(count: usize) -> Result<Vec<Source>, Failure> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(repository().join("specs"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            texts.push((path.clone(), std::fs::read_to_string(path)?));
        }
    }
    texts.sort();
    let names = (0..count).map(|number| format!("specs/vendor_{number:04}.yaml"));
    Ok(names.zip(texts.iter().cycle()).map(|(file, (_, text))| Source { file, text: text.clone() }).collect())
}

fn facade() -> Result<Facade, Failure> {
    let read = |path: &str| std::fs::read_to_string(repository().join(path));
    Ok(Facade::new(read(facade::MANIFEST)?, &read("Cargo.toml")?, false))
}

fn made(sources: &[Source], facade: &Facade) -> Result<Generated, Failure> {
    generate(sources, Some(facade), |_| {}).map_err(told)
}

fn told(problems: Vec<Problem>) -> Failure {
    problems.first().map_or_else(String::new, ToString::to_string).into()
}

/// All that `cargo xtask gen` does below a folder. Gives how many files it wrote.
fn write(root: &Path, sources: &[Source], facade: &Facade) -> Result<usize, Failure> {
    let generated = made(sources, facade)?;
    let found = tree::read(root, &generated.files, None)?;
    let plan = tree::plan(&generated.files, &generated.snapshots, &found).map_err(|paths| paths.join(", "))?;
    tree::apply(root, &plan)?;
    Ok(plan.write.len())
}
