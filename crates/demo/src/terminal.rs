//! The output: in a terminal, a timeline with a row for each vendor below it; through a pipe, only the timeline.

use std::io::{self, IsTerminal, Write as _};
use std::time::Duration;

use console::{Alignment, Style, pad_str, style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often rows are drawn, at most.
const FRAMES_PER_SECOND: u8 = 10;

/// The current state of a vendor.
pub struct Row<'a> {
    pub vendor: &'a str,
    pub state: &'a str,
    /// Whether a caller would receive a token immediately.
    pub is_serving: bool,
    /// The token's number.
    pub token: Option<u64>,
    /// The token's age.
    pub age: Duration,
    /// The token's lifetime.
    pub lifetime: Duration,
    pub served: u64,
    pub requests: u64,
    pub renewals: u64,
    pub faults: u64,
}

pub struct Terminal {
    /// None if stdout is not a terminal.
    live: Option<Live>,
}

struct Live {
    multi: MultiProgress,
    /// The two head lines.
    _head: [ProgressBar; 2],
    rows: Vec<ProgressBar>,
}

/// The tone of a line in the timeline.
#[derive(Clone, Copy, PartialEq)]
pub enum Tone {
    Good,
    Bad,
    Plain,
}

impl Terminal {
    /// Creates the output, with rows if stdout is a terminal.
    pub fn new(rows: usize) -> Self {
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stdout_with_hz(FRAMES_PER_SECOND));
        // A pipe, or a terminal that cannot move its cursor.
        if !io::stdout().is_terminal() || multi.is_hidden() {
            return Self { live: None };
        }
        // Use plain messages: the templates of indicatif only know counts and times.
        let plain = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let row = || multi.add(ProgressBar::new(0).with_style(plain.clone()));
        let head = [row(), row()];
        head[0].set_message(" ");
        head[1].set_message(style(head_line()).dim().to_string());
        let rows = (0..rows).map(|_| row()).collect();
        Self { live: Some(Live { multi, _head: head, rows }) }
    }

    /// Prints a line of the timeline.
    pub fn print_event(&self, at: Duration, vendor: &str, tone: Tone, text: &str) {
        let tone = match tone {
            Tone::Good => Style::new().green(),
            Tone::Bad => Style::new().yellow(),
            Tone::Plain => Style::new(),
        };
        let at = style(format!("{:5.1} s", at.as_secs_f64())).dim();
        self.print_line(&format!("{at}  {}  {}", pad_str(vendor, NAME, Alignment::Left, None), tone.apply_to(text)));
    }

    /// Prints a line.
    pub fn print_line(&self, line: &str) {
        match &self.live {
            Some(live) => drop(live.multi.println(line)),
            None => self::print_line(line),
        }
    }

    /// Draws a row.
    pub fn row(&self, index: usize, row: &Row<'_>) {
        if let Some(bar) = self.live.as_ref().and_then(|live| live.rows.get(index)) {
            bar.set_message(row_line(row));
        }
    }

    /// Removes the rows; from now on there are only lines.
    pub fn remove_rows(&mut self) {
        if let Some(live) = self.live.take() {
            drop(live.multi.clear());
        }
    }
}

/// Prints a line. A closed stdout is not an error.
pub fn print_line(text: &str) {
    drop(writeln!(io::stdout(), "{text}"));
}

// 79 columns in total.
const NAME: usize = 15;
const STATE: usize = 9;
const BAR: usize = 8;
/// The bar, the age and the lifetime.
const LIFE: usize = BAR + 12;

fn head_line() -> String {
    let (vendor, state) =
        (pad_str("vendor", NAME, Alignment::Left, None), pad_str("state", STATE, Alignment::Left, None));
    let lifetime = pad_str("age and lifetime", LIFE, Alignment::Left, None);
    format!("{vendor} {state} token {lifetime} {:>5} {:>5} {:>5} {:>6}", "calls", "reqs", "due", "faults")
}

fn row_line(row: &Row<'_>) -> String {
    let state = pad_str(row.state, STATE, Alignment::Left, None);
    let state = if row.is_serving { style(state).green() } else { style(state).yellow() };
    let token = row.token.map_or(String::new(), |token| format!("{token}"));
    let left = row.lifetime.saturating_sub(row.age);
    let full = (BAR as f64 * left.as_secs_f64() / row.lifetime.as_secs_f64().max(0.001)).round() as usize;
    let full = full.min(BAR);
    let bar = format!("{}{}", "█".repeat(full), style("░".repeat(BAR - full)).dim());
    let ages = format!("{:4.1} of {:.0} s", row.age.as_secs_f64().min(99.0), row.lifetime.as_secs_f64());
    let lifetime = if row.token.is_some() { format!("{bar} {ages}") } else { String::new() };
    format!(
        "{} {state} {} {} {:>5} {:>5} {:>5} {:>6}",
        style(pad_str(row.vendor, NAME, Alignment::Left, None)).bold(),
        pad_str(&token, 5, Alignment::Left, None),
        pad_str(&lifetime, LIFE, Alignment::Left, None),
        row.served,
        row.requests,
        row.renewals,
        row.faults
    )
}
