//! Many accounts, written down.

use std::fmt::Write;

use super::plot::{Drawn, Plot};
use super::{Goal, OURS, Section, grouped};
use crate::accounts::{BUCKET, Many, RIVALS, Set, WINDOW};

/// The most that a source may take beyond what is its account's own, in bytes.
const KIBIBYTE: f64 = 1_024.0;

/// The section.
pub(super) fn section(many: &Many) -> Section {
    let plot = plot(&many.sets);
    let text = text(many, &plot);
    let losses = slower(&many.sets).chain(larger(many)).collect();
    Section { text, goals: goals(&many.sets), losses, plots: vec![plot] }
}

/// Sets that are large enough for their renewals to have a shape.
fn shaped(sets: &[Set]) -> impl Iterator<Item = &Set> {
    sets.iter().filter(|set| set.accounts >= 1_000)
}

fn plot(sets: &[Set]) -> Plot {
    let series = |set: &Set| {
        let per_second = |count: &usize| *count as f64 / BUCKET as f64 / set.accounts as f64 * 10_000.0;
        let points = set.buckets.iter().enumerate().map(|(index, count)| ((index * BUCKET) as f64, per_second(count)));
        (format!("{} accounts, {}", grouped(set.accounts), set.vendor), points.collect())
    };
    let even = 10_000.0 / WINDOW.as_secs_f64();
    let even = ("if all seconds were alike".to_owned(), vec![(0.0, even), (WINDOW.as_secs_f64(), even)]);
    Plot {
        name: "renewals",
        title: "Renewals of accounts that logged in at one moment, for an hour".to_owned(),
        axes: ("seconds since the first could be due", "requests a second for each 10,000 accounts"),
        drawn: Drawn::Lines { series: shaped(sets).map(series).chain([even]).collect(), is_log: false },
    }
}

fn goals(sets: &[Set]) -> Vec<Goal> {
    let beyond = sets.iter().filter(|set| set.accounts > 1).filter_map(Set::beyond).fold(0.0, f64::max);
    let failures: usize = sets.iter().map(|set| set.failures).sum();
    let again = sets.iter().filter(|set| set.requests != set.accounts).count();
    // Of few accounts, chance alone makes peaks.
    let steepest = |(peak, even): (f64, f64)| peak / even;
    let steepest =
        sets.iter().filter(|set| set.accounts >= 100_000).map(|set| steepest(set.peak())).fold(0.0, f64::max);
    let mut goals = vec![
        Goal {
            what: "memory of a source among many".to_owned(),
            asked: "1 KiB beyond name and token".to_owned(),
            measured: format!("{beyond:.0} bytes"),
            is_met: beyond <= KIBIBYTE,
            why: "in this run",
        },
        Goal {
            what: "all accounts renewed when all are due".to_owned(),
            asked: "once each, and nobody without a token".to_owned(),
            measured: format!("{failures} calls without a token, {again} sets with a request too few or too many"),
            is_met: failures == 0 && again == 0,
            why: "the machine didn't keep up with the clock, which runs fast",
        },
    ];
    if steepest > 0.0 {
        goals.push(Goal {
            what: "their renewals".to_owned(),
            asked: "spread, not a spike".to_owned(),
            measured: format!("{steepest:.2} times the even rate at the peak"),
            is_met: steepest <= 2.0,
            why: "the machine didn't keep up with the clock, which runs fast",
        });
    }
    goals
}

/// Where a look-up takes longer than one in a map by hand.
fn slower(sets: &[Set]) -> impl Iterator<Item = String> {
    let slower = sets.iter().filter(|set| set.map.upper < set.look_up.lower);
    slower.map(|set| {
        format!(
            "A look-up among so many accounts, {}: in a `HashMap` of `Arc`s {:.0} ns, ours {:.0}. Ours notes when it was used, \
             by the clock, and counts the source besides.",
            grouped(set.accounts),
            set.map.median,
            set.look_up.median
        )
    })
}

/// Crates of which a source takes less, made as their docs make one.
fn larger(many: &Many) -> Vec<String> {
    let of = |name: &str| many.rivals.iter().find(|(of, _)| of == name)?.1.as_ref().ok().copied();
    let Some(ours) = of(OURS) else { return Vec::new() };
    let others = many.rivals.iter().filter_map(|(name, bytes)| Some((name, *bytes.as_ref().ok()?)));
    let less = others.filter(|(_, bytes)| bytes * 1.1 < ours);
    let among_many = many.sets.iter().filter_map(|set| set.heap).fold(0.0, f64::max);
    less.map(|(name, bytes)| {
        format!(
            "A source by itself: {name}'s takes {:.1} KiB, ours {:.1}, nearly all of it an HTTP client of its own: with one for the \
             whole process, a source could wait for a connection of a runtime that has stopped. In `Accounts`, which have one client \
             for all, it is {:.1} KiB at most, its token and name among them.",
            bytes / KIBIBYTE,
            ours / KIBIBYTE,
            among_many / KIBIBYTE
        )
    })
    .collect()
}

fn text(many: &Many, plot: &Plot) -> String {
    let mut text = String::from("## Many accounts\n\n");
    text.push_str(
        "One `Accounts` set in a process of its own. A token is 900 characters long; `heap` is counted with a vendor in the process\n\
         that takes no credentials, `beyond` is what is left of it without name and token, `resident` what the process grew by.\n\
         Names are looked for in no order, beside a `HashMap` of `Arc`s behind an `RwLock`; ours also reads a clock that stands\n\
         still, this benchmark's own.\n\n",
    );
    text.push_str(
        "| accounts | heap each | beyond | resident each | all logged in | look-up | `HashMap` |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for set in &many.sets {
        let bytes = |bytes: Option<f64>| bytes.map_or_else(|| "—".to_owned(), |bytes| format!("{bytes:.0} B"));
        let resident = if set.accounts >= 1_000 { format!("{:.0} B", set.resident) } else { "—".to_owned() };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {resident} | {:.2} s {} | **{:.0} ns** ({:.0} – {:.0}) | {:.0} ns |",
            grouped(set.accounts),
            bytes(set.heap),
            bytes(set.beyond()),
            set.logins,
            set.vendor,
            set.look_up.median,
            set.look_up.lower,
            set.look_up.upper,
            set.map.median,
        );
    }
    text.push_str(
        "\n### When all are due\n\n\
         All logged in at one moment, for an hour; they are due from 70 to 75 % of it, within 180 s, and every one is asked for\n\
         all the time. The clock runs faster than real time; rates are by that clock.\n\n\
         | accounts | requests | calls without a token | first to last renewal | really, s | at the peak, a second | if all seconds were alike |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for set in &many.sets {
        let (peak, even) = set.peak();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.0} s | {:.1} | {peak:.1} | {even:.1} |",
            grouped(set.accounts),
            grouped(set.requests),
            set.failures,
            set.renewals * set.rate,
            set.renewals,
        );
    }
    text.push('\n');
    text.push_str(&plot.image());
    let _ = write!(
        text,
        "### A source of each crate\n\n\
         Of {RIVALS} sources that were each made as the crate's docs make one, and asked once, with an HTTP client for each source:\n\
         its own, or one that it is handed, as aliri_tokens, huskarl and aws-smithy-runtime are. These three, middle, azure_identity\n\
         and freshtoken could be handed one for all, as a set of `Accounts` has; google-cloud-auth keeps none between two requests.\n\n\
         | | heap each |\n| --- | ---: |\n"
    );
    for (name, bytes) in &many.rivals {
        let _ = match bytes {
            Ok(bytes) => writeln!(text, "| {name} | {:.1} KiB |", bytes / KIBIBYTE),
            Err(why) => writeln!(text, "| {name} | — {why} |"),
        };
    }
    text.push('\n');
    text
}
