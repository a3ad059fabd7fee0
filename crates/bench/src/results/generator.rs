//! The generator, written down.

use std::fmt::Write;

use super::plot::{Drawn, Plot};
use super::{Goal, Section, grouped};
use crate::generator::Generation;

/// The section.
pub(super) fn section(generations: &[Generation]) -> Section {
    let plot = plot(generations);
    let text = text(generations) + &plot.image();
    Section { text, goals: goals(generations), plots: vec![plot], ..Section::default() }
}

/// What one spec of them takes, in milliseconds.
fn each(generation: &Generation, of: f64) -> f64 {
    of / generation.specs as f64
}

fn plot(generations: &[Generation]) -> Plot {
    let series = |name: &str, of: fn(&Generation) -> f64| {
        let points = generations.iter().map(|it| (it.specs as f64, each(it, of(it))));
        (name.to_owned(), points.collect())
    };
    Plot {
        name: "generator",
        title: "What a spec takes, of so many".to_owned(),
        axes: ("specs", "ms a spec"),
        drawn: Drawn::Lines {
            series: vec![
                series("freshtoken, the pipeline", |it| it.pipeline.median),
                series("progenitor alone", |it| it.alone.median),
                series("gen, all written", |it| it.first),
                series("gen again, nothing to write", |it| it.no_op.median),
            ],
            is_log: true,
        },
    }
}

fn goals(generations: &[Generation]) -> Vec<Goal> {
    let ratios = generations.iter().map(|it| (it.ratio.median, it.specs));
    let (most, specs) = ratios.fold((0.0, 0), |most, it| if it.0 > most.0 { it } else { most });
    let on_all = generations.iter().map(|it| it.ratio_on_all.median).fold(0.0, f64::max);
    let mut goals = vec![Goal {
        what: "the generator, to progenitor alone".to_owned(),
        asked: "2 times".to_owned(),
        measured: format!(
            "{most:.2} times at most, of {specs}; {on_all:.2} where progenitor has all cores as well, as ours has"
        ),
        is_met: most <= 2.0,
        why: "it parses and lints the YAML, which the lowered document has behind it, and writes more: errors, adapter, README, \
              and tests of every request and answer; of one spec the cores can share but little",
    }];
    let ten = generations.iter().find(|it| it.specs == 10);
    if let (Some(ten), Some(last)) = (ten, generations.last()) {
        let times = each(last, last.pipeline.median) / each(ten, ten.pipeline.median);
        goals.push(Goal {
            what: format!("a spec among {}, to one among 10", grouped(last.specs)),
            asked: "linear".to_owned(),
            measured: format!("{times:.2} times"),
            is_met: times <= 1.25,
            why: "in this run",
        });
    }
    goals
}

fn text(generations: &[Generation]) -> String {
    let mut text = String::from("## The generator\n\n");
    text.push_str(
        "Copies of the repository's specs. `progenitor alone` is its types and its client from the same lowered documents, parsed\n\
         and formatted, one document after the other, and then on all cores; `the pipeline` goes from the specs' texts to all\n\
         files of all crates, on all cores: progenitor makes the client in it, and the types are written without it. `gen` reads,\n\
         compares and writes the files as well, the first time once. Milliseconds; of 1,000 specs there are two rounds, of which\n\
         the higher figure stands in front.\n\n\
         | specs | files | progenitor alone | on all cores | the pipeline | ratio | to that on all cores | a spec | `gen`, all written | `gen` again, nothing to write |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for it in generations {
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} ({:.1} – {:.1}) | {:.1} | **{:.1}** ({:.1} – {:.1}) | {:.2} | {:.2} | {:.1} | {:.1} | {:.1} |",
            grouped(it.specs),
            grouped(it.files),
            it.alone.median,
            it.alone.lower,
            it.alone.upper,
            it.alone_on_all.median,
            it.pipeline.median,
            it.pipeline.lower,
            it.pipeline.upper,
            it.ratio.median,
            it.ratio_on_all.median,
            each(it, it.pipeline.median),
            it.first,
            it.no_op.median,
        );
    }
    text.push('\n');
    text
}
