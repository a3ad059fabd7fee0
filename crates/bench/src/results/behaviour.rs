//! Behaviour, written down.

use std::fmt::Write;

use super::{Goal, Section, is_ours, milliseconds};
use crate::behaviour::{Ran, Scenario, Seen};

/// The section.
pub(super) fn section(scenarios: &[Scenario]) -> Section {
    let losses = scenarios.iter().flat_map(losses).collect();
    Section { text: text(scenarios), goals: scenarios.iter().filter_map(goal).collect(), losses, plots: Vec::new() }
}

/// What freshtoken is to do in a scenario.
fn goal(scenario: &Scenario) -> Option<Goal> {
    let (asked, most) = scenario.goal?;
    let (_, Seen::Ran(ours)) = scenario.seen.iter().find(|(name, _)| is_ours(name))? else { return None };
    let requests = if ours.requests == 1 { "request" } else { "requests" };
    let mut measured = format!("{} {requests}", ours.requests);
    if ours.calls > 0 {
        let _ = write!(measured, ", {} of {} calls failed, {}", failed(ours), ours.calls, milliseconds(ours.longest));
    }
    let is_met = ours.requests <= most.requests && ours.failures <= most.failures && ours.longest <= most.longest;
    Some(Goal { what: scenario.title.to_owned(), asked: asked.to_owned(), measured, is_met, why: "in this run" })
}

fn text(scenarios: &[Scenario]) -> String {
    let mut text = String::from("## Behaviour, counted\n\n");
    text.push_str("Each crate against a local issuer of its own, on the real clock. Nobody waits longer than 10 s. Where a call\ngets an expired token, it counts as failed.\n");
    for scenario in scenarios {
        let _ = writeln!(text, "\n### {}\n", scenario.title);
        let _ = writeln!(
            text,
            "| | {} | calls | failed | longest wait |\n| --- | ---: | ---: | ---: | ---: |",
            scenario.counts
        );
        for (name, seen) in &scenario.seen {
            let _ = match seen {
                Seen::Ran(Ran { calls: 0, requests, .. }) => writeln!(text, "| {name} | {requests} | | | |"),
                Seen::Ran(ran) => {
                    let failed = failed(ran);
                    writeln!(
                        text,
                        "| {name} | {} | {} | {failed} | {} |",
                        ran.requests,
                        ran.calls,
                        milliseconds(ran.longest)
                    )
                }
                Seen::Dash(why) => writeln!(text, "| {name} | — | | | {why} |"),
            };
        }
    }
    text.push('\n');
    text
}

/// How many, and what became of them.
fn failed(ran: &Ran) -> String {
    let parts = [(ran.expired, "got an expired token"), (ran.panics, "panicked"), (ran.waiting, "still waited")];
    let parts: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    match parts.is_empty() {
        true => ran.failures.to_string(),
        false => format!("{}: {}", ran.failures, parts.join(", ")),
    }
}

/// Where another does better, beyond the noise.
fn losses(scenario: &Scenario) -> Vec<String> {
    let mut losses = Vec::new();
    let Some((_, Seen::Ran(ours))) = scenario.seen.iter().find(|(name, _)| is_ours(name)) else { return losses };
    for (name, seen) in scenario.seen.iter().filter(|(name, _)| !is_ours(name)) {
        let Seen::Ran(theirs) = seen else { continue };
        let mut better = Vec::new();
        // Not all have made as many calls.
        let (fewer, ours_of) = (theirs.failures * ours.calls, ours.failures * theirs.calls);
        if fewer < ours_of {
            better.push(format!("{} of its calls failed, {} of ours", theirs.failures, ours.failures));
        }
        // Who serves nobody sends few requests, and lets nobody wait.
        if fewer <= ours_of && theirs.calls >= ours.calls {
            if theirs.requests < ours.requests {
                better.push(format!("{} requests, {} of ours", theirs.requests, ours.requests));
            }
            // Less is noise, above all where scenarios ran side by side.
            if theirs.longest + 50.0 < ours.longest {
                let (theirs, ours) = (milliseconds(theirs.longest), milliseconds(ours.longest));
                better.push(format!("its longest wait is {theirs}, ours {ours}"));
            }
        }
        if !better.is_empty() {
            let why = scenario.why.map(|why| format!(" Why: {why}.")).unwrap_or_default();
            losses.push(format!("{}: {name}: {}.{why}", scenario.title, better.join("; ")));
        }
    }
    losses
}
