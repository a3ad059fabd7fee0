//! What happened to an account lately, to explain what did not hold.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::happening::Happening;
use super::message::Report;

/// How many lines are kept.
const LINES: usize = 400;

#[derive(Default)]
pub struct Trace(VecDeque<String>);

impl Trace {
    /// Adds a line to the accounts that this is about.
    pub fn record(traces: &mut [Self], now: Duration, happening: &Happening) {
        let now = now.as_secs_f64();
        match happening {
            Happening::Request { account, text, .. } => traces[*account].add(format!("{now:9.3}  issuer     {text}")),
            Happening::Report { replica, report } => {
                let text = format!("{now:9.3}  replica {}  {report:?}", replica + 1);
                if let Some(trace) = account(report).and_then(|account| traces.get_mut(account)) {
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
        if self.0.len() == LINES {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }
}

fn account(report: &Report) -> Option<usize> {
    match report {
        Report::Sending { account, .. }
        | Report::Issued { account, .. }
        | Report::Failed { account, .. }
        | Report::Stored { account }
        | Report::Adopted { account }
        | Report::ConsentNeeded { account }
        | Report::Gap { account, .. } => Some(*account),
        Report::Ready | Report::Calls { .. } => None,
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
