//! What was measured, written down: RESULTS.md for people, results.json for programs.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

use crate::behaviour::{Ran, Scenario, Seen};
use crate::cached::{CONTROL, Cost};
use crate::contenders::{About, Contender, Failure};
use crate::for_each_contender;
use crate::herd::{Herd, Herds, SIZES};
use crate::statistics::Spread;

/// All that a run measured.
#[derive(Serialize)]
pub struct Results {
    /// Where, when and how it ran.
    pub run: Run,
    /// The cached path.
    pub cached: Vec<Cost>,
    /// Behaviour, counted.
    pub behaviour: Vec<Scenario>,
    /// The herd.
    pub herd: Vec<Herds>,
    /// What couldn't be measured, and why.
    pub missing: Vec<String>,
}

/// Where, when and how a run was.
#[derive(Serialize)]
pub struct Run {
    /// The processor, and how many of it.
    pub machine: String,
    /// The kernel.
    pub system: String,
    /// The compiler.
    pub compiler: String,
    /// The day, and the time.
    pub at: String,
    /// What to run for the same.
    pub command: String,
    /// How long it took, in seconds.
    pub took: f64,
}

impl Run {
    /// Looks around.
    pub fn here(is_quick: bool) -> Self {
        let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = processor.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let quick = if is_quick { " --quick" } else { "" };
        Self {
            machine: format!("{cores} cores of {}", processor.unwrap_or("an unknown processor")),
            system: says("uname", &["-sr"]),
            compiler: says("rustc", &["--version"]),
            at: says("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            command: format!("cargo run --release --manifest-path crates/bench/Cargo.toml --{quick}"),
            took: 0.0,
        }
    }
}

fn says(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "?".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Results {
    /// Writes both files into a folder.
    ///
    /// # Errors
    ///
    /// When they can't be written.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        std::fs::write(folder.join("RESULTS.md"), self.text())?;
        std::fs::write(folder.join("results.json"), serde_json::to_string_pretty(self)? + "\n")?;
        Ok(())
    }

    /// The whole of RESULTS.md.
    pub fn text(&self) -> String {
        let Run { machine, system, compiler, at, command, took } = &self.run;
        let mut text = String::from("# freshtoken beside what users would pick instead\n\n");
        let _ = writeln!(text, "Written by `{command}`; don't edit.\n");
        let _ = writeln!(text, "{at}, {machine}, {system}, {compiler}; it took {took:.0} s.");
        text.push_str(
            "Times are medians with the quartiles, of rounds that were interleaved. Compare them within this file only: the\n\
             same machine gives others tomorrow.\n\n",
        );
        text.push_str(&contenders());
        text.push_str(&cached(&self.cached));
        text.push_str(&behaviour(&self.behaviour));
        text.push_str(&herd(&self.herd));
        text.push_str("## Where freshtoken loses\n\n");
        let losses = losses(self);
        for loss in &losses {
            let _ = writeln!(text, "- {loss}");
        }
        if losses.is_empty() {
            text.push_str("Nowhere in this run.\n");
        }
        text.push_str("\n## Not measured\n\n");
        for missing in &self.missing {
            let _ = writeln!(text, "- {missing}");
        }
        text
    }
}

fn contenders() -> String {
    fn row<C: Contender>() -> String {
        let About { name, flow, checks, rejection, .. } = &C::ABOUT;
        let rejection = rejection.unwrap_or_else(|why| why);
        format!("| {name} | {} | {flow} | {checks} | {rejection} |\n", C::ABOUT.version())
    }
    let mut text = String::from("## The contenders\n\n");
    text.push_str("| crate | version | flow | a cached token is given out after a look at | a 401 |\n| --- | --- | --- | --- | --- |\n");
    text.extend(for_each_contender!(row()));
    text.push('\n');
    text
}

fn cached(costs: &[Cost]) -> String {
    let mut text = String::from("## The cached path: a fresh token\n\n");
    text.push_str(
        "Nanoseconds. `two threads`: until each of them has made a call, on the same source. A token is 900 characters long. The\ncontrol shares nothing: where its two threads take twice as long as one, the machine lent one core only, and what two\nthreads took says nothing.\n\n",
    );
    text.push_str(
        "| | call | gives | one thread | times the floor | two threads | two to one | allocations | instructions |\n",
    );
    text.push_str("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    let floor = costs.first().map_or(1.0, |cost| cost.one.median);
    for cost in costs {
        let count = |count: Option<f64>| count.map_or_else(|| "—".to_owned(), |count| format!("{count:.0}"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | **{:.1}** ({:.1} – {:.1}) | {:.2} | **{:.1}** ({:.1} – {:.1}) | {:.2} | {} | {} |",
            cost.of,
            cost.call,
            cost.gives,
            cost.one.median,
            cost.one.lower,
            cost.one.upper,
            cost.one.median / floor,
            cost.two.median,
            cost.two.lower,
            cost.two.upper,
            cost.two.median / cost.one.median,
            count(cost.allocations),
            count(cost.instructions),
        );
    }
    text.push('\n');
    text
}

fn behaviour(scenarios: &[Scenario]) -> String {
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

fn milliseconds(time: f64) -> String {
    match time {
        ..10.0 => format!("{time:.1} ms"),
        10.0..1_000.0 => format!("{time:.0} ms"),
        _ => format!("{:.1} s", time / 1_000.0),
    }
}

fn herd(herds: &[Herds]) -> String {
    let mut text = String::from("## The herd\n\n");
    text.push_str(
        "Requests, and the time from the issuer's first answer to the last caller told. The issuer answers only when all have\nasked. Rounds are interleaved; medians with the quartiles.\n",
    );
    type Of = fn(&Herds) -> &[Herd];
    let tables: [(&str, Of); 2] = [
        ("One cold slot", |herds| &herds.answered),
        ("One cold slot, and the issuer answers 500", |herds| &herds.failed),
    ];
    for (title, of) in tables {
        let _ = write!(text, "\n### {title}\n\n|");
        for size in SIZES {
            let _ = write!(text, " | {size} callers");
        }
        text.push_str(" |\n| --- | --- | --- | --- |\n");
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

const OURS: &str = "freshtoken";

fn is_ours(of: &str) -> bool {
    of.split(' ').next() == Some(OURS)
}

/// Where another does better, as far as a program can tell: beyond the spread of both.
fn losses(results: &Results) -> Vec<String> {
    let mut losses = cached_losses(&results.cached);
    losses.extend(results.behaviour.iter().flat_map(behaviour_losses));
    losses.extend(herd_losses(&results.herd));
    losses
}

fn cached_losses(costs: &[Cost]) -> Vec<String> {
    let mut losses = Vec::new();
    type Of = fn(&Cost) -> Spread;
    let threads: [(&str, Of); 2] = [("one thread", |cost| cost.one), ("two threads", |cost| cost.two)];
    // The first is the floor, which nobody is meant to beat.
    for other in costs.iter().skip(1).filter(|cost| !is_ours(&cost.of) && cost.of != CONTROL) {
        for (threads, of) in threads {
            let is_lost = |ours: &&Cost| is_ours(&ours.of) && of(other).upper < of(ours).lower;
            let ours = costs.iter().filter(is_lost);
            let ours: Vec<_> = ours.map(|ours| format!("`{}` {:.1}", ours.call, of(ours).median)).collect();
            if !ours.is_empty() {
                let Cost { of: name, call, gives, checks, .. } = other;
                let (theirs, ours) = (of(other).median, ours.join(", "));
                losses.push(format!(
                    "The cached path from {threads}: {name}, {call}, takes {theirs:.1} ns, and ours {ours}. It gives {gives}, \
                     and looks at {checks}."
                ));
            }
        }
    }
    losses
}

fn behaviour_losses(scenario: &Scenario) -> Vec<String> {
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

fn herd_losses(herds: &[Herds]) -> Vec<String> {
    let mut losses = Vec::new();
    let Some(ours) = herds.iter().find(|herds| is_ours(&herds.of)) else { return losses };
    for theirs in herds.iter().filter(|herds| !is_ours(&herds.of)) {
        let kinds = [("answers", &ours.answered, &theirs.answered), ("fails", &ours.failed, &theirs.failed)];
        for (issuer, ours, others) in kinds {
            for (size, pair) in SIZES.iter().zip(ours.iter().zip(others)) {
                if let (Herd::Told { lag: ours, .. }, Herd::Told { lag, waiting: 0, .. }) = pair
                    && lag.upper < ours.lower
                {
                    let (ours, lag) = (milliseconds(ours.median), milliseconds(lag.median));
                    losses.push(format!(
                        "A herd of {size}, and the issuer {issuer}: {} takes {lag}, ours {ours}.",
                        theirs.of
                    ));
                }
            }
        }
    }
    losses
}
