//! What was measured, written down: RESULTS.md and its plots for people, results.json for programs. A file per section:
//! its text, its goals, and where freshtoken loses.

mod accounts;
mod behaviour;
mod build;
mod cached;
mod generator;
mod herd;
mod login;
mod plot;

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

use crate::accounts::Many;
use crate::behaviour::Scenario;
use crate::build::Program;
use crate::cached::Cost;
use crate::contenders::{About, Contender, Failure};
use crate::for_each_contender;
use crate::generator::Generation;
use crate::herd::Herds;
use crate::login::Login;

use self::plot::Plot;

/// All that a run measured; None: it was left out.
#[derive(Serialize)]
pub struct Results {
    /// Where, when and how it ran.
    pub run: Run,
    /// The cached path.
    pub cached: Option<Vec<Cost>>,
    /// Behaviour, counted.
    pub behaviour: Option<Vec<Scenario>>,
    /// The herd.
    pub herd: Option<Vec<Herds>>,
    /// Many accounts.
    pub accounts: Option<Many>,
    /// A login end to end.
    pub login: Option<Vec<Login>>,
    /// The generator.
    pub generator: Option<Vec<Generation>>,
    /// What a user pays to build.
    pub build: Option<Vec<Program>>,
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
    pub fn here(arguments: &[&str]) -> Self {
        let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = processor.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            machine: format!("{cores} cores of {}", processor.unwrap_or("an unknown processor")),
            system: says("uname", &["-sr"]),
            compiler: says("rustc", &["--version"]),
            at: says("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            command: [&["cargo xtask bench"], arguments].concat().join(" "),
            took: 0.0,
        }
    }
}

fn says(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "?".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What freshtoken is to reach, and what it reached.
struct Goal {
    what: String,
    asked: String,
    measured: String,
    is_met: bool,
    /// Why not, if it isn't.
    why: &'static str,
}

/// A section, written down.
#[derive(Default)]
struct Section {
    text: String,
    goals: Vec<Goal>,
    /// Where another does better, as far as a program can tell.
    losses: Vec<String>,
    plots: Vec<Plot>,
}

impl Results {
    /// Nothing is measured yet.
    pub fn new(run: Run) -> Self {
        Self {
            run,
            cached: None,
            behaviour: None,
            herd: None,
            accounts: None,
            login: None,
            generator: None,
            build: None,
            missing: Vec::new(),
        }
    }

    /// Writes RESULTS.md, results.json and the plots into a folder.
    ///
    /// # Errors
    ///
    /// When they can't be written.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        std::fs::write(folder.join("RESULTS.md"), self.text())?;
        std::fs::write(folder.join("results.json"), serde_json::to_string_pretty(self)? + "\n")?;
        let plots = folder.join("plots");
        let _ = std::fs::remove_dir_all(&plots);
        std::fs::create_dir_all(&plots)?;
        for plot in self.sections().iter().flat_map(|section| &section.plots) {
            std::fs::write(plots.join(format!("{}.svg", plot.name)), plot.svg()?)?;
        }
        Ok(())
    }

    fn sections(&self) -> Vec<Section> {
        let sections = [
            self.cached.as_deref().map(cached::section),
            self.behaviour.as_deref().map(behaviour::section),
            self.herd.as_deref().map(herd::section),
            self.accounts.as_ref().map(accounts::section),
            self.login.as_deref().map(login::section),
            self.generator.as_deref().map(generator::section),
            self.build.as_deref().map(build::section),
        ];
        sections.into_iter().flatten().collect()
    }

    /// The whole of RESULTS.md.
    pub fn text(&self) -> String {
        let Run { machine, system, compiler, at, command, took } = &self.run;
        let sections = self.sections();
        let mut text = String::from("# freshtoken beside what users would pick instead\n\n");
        let _ = writeln!(text, "Written by `{command}`, with [results.json](results.json) for programs; don't edit.\n");
        let _ = writeln!(text, "{at}, {machine}, {system}, {compiler}; it took {took:.0} s.");
        text.push_str(
            "Times are medians with the quartiles, of rounds that were interleaved. Compare them within this file only: the\n\
             same machine gives others tomorrow.\n\n",
        );
        text.push_str(
            "`The floor` is the least that giving out a token's header can cost: an `ArcSwap` is loaded, a coarse clock read, a\n\
             header cloned. `A shared count` is a reference count that is taken and given back, and nothing else. `Accounts` is\n\
             freshtoken's set of many sources of one vendor.\n\n",
        );
        text.push_str(&goals(&sections));
        text.push_str("## Where freshtoken loses\n\n");
        let losses: Vec<_> = sections.iter().flat_map(|section| &section.losses).collect();
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
        if self.missing.is_empty() {
            text.push_str("All of it was.\n");
        }
        text.push('\n');
        text.push_str(&contenders());
        text.extend(sections.iter().map(|section| section.text.as_str()));
        text.truncate(text.trim_end().len());
        text + "\n"
    }
}

fn goals(sections: &[Section]) -> String {
    let mut text = String::from("## Goals\n\n| | asked for | measured | |\n| --- | --- | --- | --- |\n");
    for Goal { what, asked, measured, is_met, why } in sections.iter().flat_map(|section| &section.goals) {
        let verdict = if *is_met { "met".to_owned() } else { format!("**not met**: {why}") };
        let _ = writeln!(text, "| {what} | {asked} | {measured} | {verdict} |");
    }
    text.push('\n');
    text
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

/// A time, given in milliseconds.
fn milliseconds(time: f64) -> String {
    match time {
        ..1.0 => format!("{time:.2} ms"),
        1.0..10.0 => format!("{time:.1} ms"),
        10.0..1_000.0 => format!("{time:.0} ms"),
        _ => format!("{:.1} s", time / 1_000.0),
    }
}

/// A count with a comma between thousands.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const OURS: &str = "freshtoken";

fn is_ours(of: &str) -> bool {
    of.strip_prefix(OURS).is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '-'))
}
