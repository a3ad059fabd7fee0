//! The results as Markdown: a table per section, and the goals of all sections in front.

use std::fmt::Write;
use std::process::Command;

use crate::contenders::{About, Contender};
use crate::for_each_contender;
use crate::statistics::Spread;

/// One section of the results.
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// What the table shows, and what was not measured.
    pub intro: String,
    /// The names of the columns.
    pub head: Vec<String>,
    /// The rows, each as long as `head`.
    pub rows: Vec<Vec<String>>,
    /// What freshtoken is expected to reach.
    pub goals: Vec<Goal>,
}

/// What freshtoken is expected to reach, and what it reached.
pub struct Goal {
    /// What is measured.
    pub what: String,
    /// The limit.
    pub limit: String,
    /// The result.
    pub measured: String,
    /// Whether the result is within the limit.
    pub verdict: Verdict,
}

/// Whether a goal is met.
pub struct Verdict(&'static str);

impl Verdict {
    /// The goal could not be checked.
    pub const NOT_MEASURED: Self = Self("not measured");

    /// Compares what was measured with the most that it may be. The median decides.
    pub fn at_most(limit: f64, measured: Spread) -> Self {
        let is_straddled = measured.lower <= limit && limit < measured.upper;
        Self(match (measured.median <= limit, is_straddled) {
            (true, false) => "met",
            (true, true) => "met, within noise of the goal",
            (false, true) => "not met, within noise of the goal",
            (false, false) => "**not met**",
        })
    }
}

/// The verdict on a count, which has no spread.
impl From<bool> for Verdict {
    fn from(is_met: bool) -> Self {
        Self(if is_met { "met" } else { "**not met**" })
    }
}

/// Marks a rival's figure that is better than freshtoken's.
pub fn better(figure: &str) -> String {
    format!("**{figure}**")
}

/// Returns the column heads of a table with a column for each contender.
pub fn contender_columns(first: &str) -> Vec<String> {
    fn name<C: Contender>() -> String {
        C::ABOUT.name.to_owned()
    }
    [vec![first.to_owned()], for_each_contender!(name())].concat()
}

/// Renders the page.
pub fn render(command: &str, seconds: f64, sections: &[Section]) -> String {
    let mut text = String::from("# freshtoken compared with other crates\n\n");
    let _ = write!(text, "Written by `{command}` in {seconds:.0} s. {}\n\n", machine());
    text.push_str(
        "Times are medians with their quartiles; rounds are interleaved. Figures of different runs are not comparable.\n\
         A rival's figure in **bold** is better than freshtoken's by more than the spread of both.\n\n",
    );
    let goal = |goal: &Goal| {
        let Goal { what, limit, measured, verdict } = goal;
        [what, limit, measured, verdict.0].map(str::to_owned).to_vec()
    };
    let goals: Vec<_> = sections.iter().flat_map(|section| &section.goals).map(goal).collect();
    text.push_str("## Goals\n\n");
    push_table(&mut text, &["", "goal", "measured", "verdict"].map(str::to_owned), &goals);
    push_section(&mut text, &contenders());
    sections.iter().for_each(|section| push_section(&mut text, section));
    text
}

fn push_section(text: &mut String, section: &Section) {
    let _ = write!(text, "\n## {}\n\n{}\n\n", section.title, section.intro.trim());
    push_table(text, &section.head, &section.rows);
}

fn push_table(text: &mut String, head: &[String], rows: &[Vec<String>]) {
    let _ = writeln!(text, "| {} |\n|{}", head.join(" | "), " --- |".repeat(head.len()));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
}

fn contenders() -> Section {
    fn row<C: Contender>() -> Vec<String> {
        let About { name, flow, checks, rejection, .. } = C::ABOUT;
        let checks = checks.unwrap_or("nothing");
        [name, C::ABOUT.version(), flow, checks, rejection.unwrap_or("—")].map(str::to_owned).to_vec()
    }
    Section {
        title: "The contenders",
        intro: "Each crate is used as its own documentation shows, against an issuer on loopback.".to_owned(),
        head: ["crate", "version", "flow", "checks before it serves a cached token", "how a caller reports a 401"]
            .map(str::to_owned)
            .to_vec(),
        rows: for_each_contender!(row()),
        goals: Vec::new(),
    }
}

/// Describes the commit, the time and the machine.
fn machine() -> String {
    let output = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        output.map_or_else(|_| "?".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processors.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    format!(
        "Commit {}, {}, {} cores of {}, {}, {}.",
        output("git", &["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "--short", "HEAD"]),
        output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        std::thread::available_parallelism().map_or(1, usize::from),
        processor.unwrap_or("an unknown processor"),
        output("uname", &["-sr"]),
        output("rustc", &["--version"]),
    )
}

#[cfg(test)]
mod tests {
    use super::Verdict;
    use crate::statistics::Spread;

    #[test]
    fn the_median_decides_and_the_spread_is_named_only_where_it_straddles() {
        let verdict = |lower, median, upper| Verdict::at_most(10.0, Spread { median, lower, upper }).0;
        assert_eq!(verdict(7.0, 8.0, 9.0), "met");
        assert_eq!(verdict(8.0, 9.0, 11.0), "met, within noise of the goal");
        assert_eq!(verdict(9.0, 11.0, 12.0), "not met, within noise of the goal");
        assert_eq!(verdict(11.0, 12.0, 13.0), "**not met**");
    }
}
