//! The table at the end of a run: one row per promise.

use std::time::Duration;

use console::{Alignment, pad_str, style};

/// A row: a figure, and whether it is what was promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub holds: bool,
    pub name: &'static str,
    pub value: String,
    /// What the figure is made of, or its limit.
    pub note: String,
}

impl Row {
    /// Creates a row for a count.
    pub fn count(name: &'static str, value: u64, holds: bool, note: impl Into<String>) -> Self {
        Self { holds, name, value: value.to_string(), note: note.into() }
    }

    /// Creates a row for a duration and its limit.
    pub fn time(name: &'static str, value: Duration, limit: Duration) -> Self {
        let note = format!("at most {:.0} s", limit.as_secs_f64());
        Self { holds: value <= limit, name, value: format!("{:.1} s", value.as_secs_f64()), note }
    }

    fn line(&self) -> String {
        let mark = if self.holds { style("ok  ").green() } else { style("FAIL").red().bold() };
        let name = pad_str(self.name, NAME, Alignment::Left, None);
        format!("{mark} {name} {:>VALUE$}  {}", self.value, style(&self.note).dim())
    }
}

// With the longest notes, 80 columns.
const NAME: usize = 27;
const VALUE: usize = 6;

/// Returns the lines of the table, and whether every row holds.
pub fn table(rows: &[Row], took: Duration) -> (Vec<String>, bool) {
    let mut lines: Vec<String> = rows.iter().map(Row::line).collect();
    let all_hold = rows.iter().all(|row| row.holds);
    let verdict = if all_hold { style("all of it held").green() } else { style("some of it did not hold").red() };
    lines.push(String::new());
    lines.push(format!("{}, in {:.0} s", verdict.bold(), took.as_secs_f64()));
    (lines, all_hold)
}

/// Returns "1 replica" or "2 replicas".
pub fn plural(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_that_does_not_hold_fails_the_table() {
        let good = Row::count("refresh tokens spent twice", 0, true, "");
        let slow = Row::time("slowest call", Duration::from_millis(16_300), Duration::from_secs(16));
        let took = Duration::from_secs(41);
        let (lines, all_hold) = table(&[good.clone(), slow], took);
        let lines: Vec<_> = lines.iter().map(|line| console::strip_ansi_codes(line).trim_end().to_owned()).collect();
        assert_eq!(
            lines,
            [
                "ok   refresh tokens spent twice       0",
                "FAIL slowest call                16.3 s  at most 16 s",
                "",
                "some of it did not hold, in 41 s"
            ]
        );
        assert!(!all_hold);
        assert!(table(&[good], took).1);
    }
}
