//! What happened to an account lately, to explain what did not hold.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::happening::Happening;

/// How many lines are kept.
const LINES: usize = 400;

/// How many lines before a refresh token was used twice are kept for good.
const BEFORE: usize = 40;

#[derive(Default)]
pub struct Trace {
    lines: VecDeque<String>,
    /// What led to a refresh token that was used twice.
    kept: Vec<String>,
}

impl Trace {
    /// Adds a line to the accounts that this is about.
    pub fn record(traces: &mut [Self], now: Duration, happening: &Happening) {
        let now = now.as_secs_f64();
        match happening {
            Happening::Request { account, text, .. } => traces[*account].add(format!("{now:9.3}  issuer     {text}")),
            Happening::Report { replica, report } => {
                let text = format!("{now:9.3}  replica {}  {report:?}", replica + 1);
                if let Some(trace) = report.account().and_then(|account| traces.get_mut(account)) {
                    trace.add(text);
                }
            }
            Happening::Gone { replica } => {
                for trace in traces {
                    trace.add(format!("{now:9.3}  replica {}  gone", replica + 1));
                }
            }
        }
    }

    fn add(&mut self, line: String) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        let is_twice = line.contains("used already");
        self.lines.push_back(line);
        if is_twice {
            let first = self.lines.len().saturating_sub(BEFORE);
            self.kept.extend(self.lines.iter().skip(first).cloned());
            self.kept.push(String::new());
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kept.iter().chain(&self.lines).try_for_each(|line| writeln!(f, "{line}"))
    }
}
