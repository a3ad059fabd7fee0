//! The herd, written down.

use std::fmt::Write;

use super::plot::{Drawn, Plot};
use super::{Goal, Section, grouped, is_ours, milliseconds};
use crate::herd::{Herd, Herds, SIZES};

/// The herd of which a goal speaks.
const ASKED: usize = 10_000;

/// Why others may be faster with few callers.
const FEW: &str = " With so few, most of it is a single login's own cost, to which a task and a source add what the section on logins tells.";

/// The section.
pub(super) fn section(herds: &[Herds]) -> Section {
    let plot = plot(herds);
    let text = text(herds) + &plot.image();
    Section { text, goals: goals(herds), losses: losses(herds), plots: vec![plot] }
}

fn plot(herds: &[Herds]) -> Plot {
    let series = |herds: &Herds| {
        let points = SIZES.iter().zip(&herds.answered).filter_map(|(size, herd)| match herd {
            Herd::Told { lag, .. } => Some((*size as f64, lag.median)),
            Herd::Dash(_) => None,
        });
        (herds.of.clone(), points.collect::<Vec<_>>())
    };
    Plot {
        name: "herd",
        title: "From the issuer's answer to the last caller of a herd".to_owned(),
        axes: ("callers", "ms"),
        drawn: Drawn::Lines {
            series: herds.iter().map(series).filter(|(_, points)| !points.is_empty()).collect(),
            is_log: true,
        },
    }
}

fn goals(herds: &[Herds]) -> Vec<Goal> {
    let ours = herds.iter().find(|herds| is_ours(&herds.of));
    let kinds = ours.into_iter().flat_map(|ours| [("answers", &ours.answered), ("fails", &ours.failed)]);
    let goal = |(issuer, herds): (&str, &Vec<Herd>)| {
        let (_, herd) = SIZES.iter().zip(herds).find(|(size, _)| **size == ASKED)?;
        let Herd::Told { requests, lag, .. } = herd else { return None };
        Some(Goal {
            what: format!("a herd of {}, and the issuer {issuer}", grouped(ASKED)),
            asked: "1 request, 10 ms".to_owned(),
            measured: format!("{requests} request, {}", milliseconds(lag.median)),
            is_met: *requests == 1 && lag.median <= 10.0,
            why: "in this run",
        })
    };
    kinds.filter_map(goal).collect()
}

fn text(herds: &[Herds]) -> String {
    let mut text = String::from("## The herd\n\n");
    text.push_str(
        "Requests, and the time from the issuer's first answer to the last caller told. The issuer answers only when all have\nasked. Rounds are interleaved; medians with the quartiles, of 100,000 callers of one round.\n",
    );
    type Of = fn(&Herds) -> &[Herd];
    let tables: [(&str, Of); 2] = [
        ("One cold slot", |herds| &herds.answered),
        ("One cold slot, and the issuer answers 500", |herds| &herds.failed),
    ];
    for (title, of) in tables {
        let _ = write!(text, "\n### {title}\n\n|");
        for size in SIZES {
            let _ = write!(text, " | {} callers", grouped(size));
        }
        text.push_str(&format!(" |\n| ---{} |\n", " | ---".repeat(SIZES.len())));
        for herds in herds {
            let _ = write!(text, "| {}", herds.of);
            for herd in of(herds) {
                let _ = match herd {
                    Herd::Told { requests, lag, waiting, surprised } => {
                        let s = if *requests == 1 { "" } else { "s" };
                        let _ = write!(
                            text,
                            " | {requests} request{s}, **{}** ({} – {})",
                            milliseconds(lag.median),
                            milliseconds(lag.lower),
                            milliseconds(lag.upper)
                        );
                        if *surprised > 0 {
                            let _ = write!(text, ", {surprised} failed");
                        }
                        if *waiting > 0 { write!(text, ", {waiting} still waited") } else { Ok(()) }
                    }
                    Herd::Dash(why) => write!(text, " | — {why}"),
                };
            }
            text.push_str(" |\n");
        }
    }
    text.push('\n');
    text
}

/// Where another is faster, beyond the spread of both and by a tenth at least.
fn losses(herds: &[Herds]) -> Vec<String> {
    let mut losses = Vec::new();
    let Some(ours) = herds.iter().find(|herds| is_ours(&herds.of)) else { return losses };
    for theirs in herds.iter().filter(|herds| !is_ours(&herds.of)) {
        let kinds = [("answers", &ours.answered, &theirs.answered), ("fails", &ours.failed, &theirs.failed)];
        for (issuer, ours, others) in kinds {
            for (size, pair) in SIZES.iter().zip(ours.iter().zip(others)) {
                if let (Herd::Told { lag: ours, .. }, Herd::Told { lag, waiting: 0, .. }) = pair
                    && lag.upper < ours.lower
                    && lag.median * 1.1 < ours.median
                {
                    let (ours, lag) = (milliseconds(ours.median), milliseconds(lag.median));
                    losses.push(format!(
                        "A herd of {}, and the issuer {issuer}: {} takes {lag}, ours {ours}.{}",
                        grouped(*size),
                        theirs.of,
                        if *size < 100 { FEW } else { "" }
                    ));
                }
            }
        }
    }
    losses
}
