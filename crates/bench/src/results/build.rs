//! What a user pays to build, written down.

use std::fmt::Write;

use super::{Goal, OURS, Section};
use crate::build::Program;

/// The most packages for one vendor with rustls.
const MOST_PACKAGES: usize = 110;

/// What the program adds by itself: `tokio-macros`, for its `main`.
const ITS_OWN: usize = 1;

/// The section.
pub(super) fn section(programs: &[Program]) -> Section {
    let ours = programs.iter().find(|program| program.of == OURS);
    let goal = |ours: &Program| Goal {
        what: "packages of a program with one vendor".to_owned(),
        asked: format!("{MOST_PACKAGES} at most"),
        measured: format!("{}, and `tokio-macros` for the program's own `main`", ours.packages - ITS_OWN),
        is_met: ours.packages - ITS_OWN <= MOST_PACKAGES,
        why: "in this run",
    };
    let losses = ours.map(|ours| losses(ours, programs)).unwrap_or_default();
    Section { text: text(programs), goals: ours.map(goal).into_iter().collect(), losses, plots: Vec::new() }
}

fn losses(ours: &Program, programs: &[Program]) -> Vec<String> {
    let others = programs.iter().filter(|program| program.of != OURS);
    let better = others.filter_map(|other| {
        let mut better = Vec::new();
        if other.packages < ours.packages {
            better.push(format!("{} packages, ours {}", other.packages, ours.packages));
        }
        // Each is built once, and less is noise.
        if other.seconds * 1.1 < ours.seconds {
            better.push(format!("{:.0} s of a clean build, ours {:.0}", other.seconds, ours.seconds));
        }
        if other.bytes < ours.bytes {
            better.push(format!("{:.1} MiB, ours {:.1}", mebibytes(other.bytes), mebibytes(ours.bytes)));
        }
        if let (Some(others), Some(ours)) = (other.optimised, ours.optimised)
            && others < ours
        {
            better.push(format!("{:.1} MiB optimised, ours {:.1}", mebibytes(others), mebibytes(ours)));
        }
        let why = match other.cryptography == ours.cryptography {
            true => String::new(),
            false => format!(" It has {} for TLS, ours {}.", other.cryptography, ours.cryptography),
        };
        (!better.is_empty()).then(|| format!("What a user pays to build: {}: {}.{why}", other.of, better.join("; ")))
    });
    better.collect()
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn text(programs: &[Program]) -> String {
    let mut text = String::from("## What a user pays to build\n\n");
    text.push_str(
        "The programs in [programs/](programs): each gets a token and says that it has it. Built once, from nothing, in the profile\n\
         `dev` without debug information, so not optimised; the sources are on disk by then. `optimised` is the profile `release`, for\n\
         `--optimised`. `by-hand` is a bare post with reqwest.\n\n\
         | | packages | cryptography of its TLS | clean build | the program | optimised |\n\
         | --- | ---: | --- | ---: | ---: | ---: |\n",
    );
    for program in programs {
        let Program { of, packages, cryptography, seconds, bytes, optimised } = program;
        let optimised = optimised.map_or("—".to_owned(), |bytes| format!("{:.1} MiB", mebibytes(bytes)));
        let _ = writeln!(
            text,
            "| {of} | {packages} | {cryptography} | {seconds:.0} s | {:.1} MiB | {optimised} |",
            mebibytes(*bytes)
        );
    }
    text.push('\n');
    text
}
