//! The checks at the end of a run, and their results.

use std::time::Duration;

use console::{Alignment, pad_str, style};
use freshtoken_sandbox::Counts;

use crate::callers::Calls;
use crate::naive_run::NaiveRun;
use crate::terminal::Terminal;
use crate::vendor_run::VendorRun;

/// Returns the checks: whether each passed, and its text.
pub fn checks(runs: &[VendorRun<'_>], all_ended: bool, revoked: &[Result<(), String>]) -> Vec<(bool, String)> {
    let sum = |count: &dyn Fn(&VendorRun<'_>) -> u64| runs.iter().map(count).sum::<u64>();
    let all = |holds: &dyn Fn(&VendorRun<'_>) -> bool| runs.iter().all(holds);
    let calls = sum(&|run| run.calls.served());
    let failure = runs.iter().find_map(|run| run.calls.failure()).unwrap_or_default();
    let failed = sum(&|run| run.calls.failed());
    let served = match (failed, all_ended) {
        (0, true) => format!("every caller was served: {calls} calls"),
        (0, false) => "a caller was still waiting at the end".to_owned(),
        _ => format!("{failed} of {} calls failed; the first error: {failure}", calls + failed),
    };
    let requests = sum(&|run| run.issuer.counts().requests);
    let unexplained = sum(&|run| run.causes.counted().unexplained);
    let counts_agree = all(&|run| {
        let (seen, sent) = (run.issuer.counts().requests, run.tokens.status().counters);
        let counted = run.causes.counted();
        let is_revoked_only = counted.revokes == u64::from(sent.revokes);
        is_revoked_only && seen == counted.all() && seen == u64::from(sent.logins + sent.refreshes + sent.revokes)
    });
    let explained = match (unexplained, counts_agree) {
        (0, true) => format!("each of {requests} requests to the issuers was necessary"),
        (0, false) => "issuers and sources count different numbers of requests".to_owned(),
        _ => format!("{unexplained} of {requests} requests to the issuers were unnecessary"),
    };
    let (spent, twice, early) = (
        sum(&|run| run.issuer.counts().refresh_tokens_spent),
        sum(&|run| run.issuer.counts().double_spends),
        sum(&|run| run.issuer.counts().early_refreshes),
    );
    let (met, planned) = (sum(&|run| run.issuer.counts().faults), sum(&|run| run.faults));
    // If tokens expire late, there may be no request left for the last fault.
    let waiting = |run: &VendorRun<'_>| run.issuer.faults().len() as u64;
    let are_met = |run: &VendorRun<'_>| run.issuer.counts().faults + waiting(run) == run.faults;
    let unmet = match sum(&waiting) {
        0 => String::new(),
        unmet => format!("; {unmet} never applied to a request"),
    };
    let ended = sum(&|run| u64::from(run.has_ended_tokens));
    let replaced = sum(&|run| run.causes.counted().rejected);
    let mut checks = vec![
        (failed == 0 && all_ended && all(&|run| run.calls.served() > 0), served),
        (unexplained == 0 && counts_agree, explained),
        (twice == 0, format!("{spent} single-use refresh tokens were spent, {twice} of them twice")),
        (early == 0, format!("{early} refreshes came too early for the vendor")),
        (all(&are_met), format!("{met} of {planned} injected faults were met{unmet}")),
        (
            ended == replaced,
            format!("{ended} vendors invalidated their tokens; {replaced} times a 401 led to one new token"),
        ),
    ];
    if !revoked.is_empty() {
        let error = revoked.iter().find_map(|done| done.as_ref().err());
        let text = match error {
            None => format!("{} vendors had their tokens revoked at the end", revoked.len()),
            Some(error) => error.clone(),
        };
        checks.push((error.is_none(), text));
    }
    checks
}

/// Prints the report. Returns whether all checks passed.
pub fn show(
    terminal: &Terminal,
    runs: &[VendorRun<'_>],
    naive: &[NaiveRun],
    checks: &[(bool, String)],
    took: Duration,
    lag: Duration,
) -> bool {
    let head = ["", "calls", "longest", "requests", "first", "due", "fault", "401", "revoke"];
    terminal.print_line("");
    terminal.print_line(&style(columns(&head.map(ToOwned::to_owned))).dim().to_string());
    for run in runs {
        let counted = run.causes.counted();
        let longest = format!("{:.1} s", run.calls.longest().as_secs_f64());
        let counts = [counted.all(), counted.first, counted.renewals, counted.again, counted.rejected, counted.revokes];
        let [all, first, renewals, again, rejected, revokes] = counts.map(|count| count.to_string());
        let (name, calls) = (run.vendor.name.to_owned(), run.calls.served().to_string());
        terminal.print_line(&columns(&[name, calls, longest, all, first, renewals, again, rejected, revokes]));
    }
    LEGEND.iter().for_each(|line| terminal.print_line(&style(line).dim().to_string()));
    terminal.print_line("");
    let naive = naive.iter().map(|run| (&*run.calls, run.issuer.counts()));
    let ours = runs.iter().map(|run| (&*run.calls, run.issuer.counts()));
    comparison(Figures::of(ours), Figures::of(naive)).iter().for_each(|line| terminal.print_line(line));
    terminal.print_line("");
    for (holds, text) in checks {
        let mark = if *holds { style("ok  ").green() } else { style("FAIL").red().bold() };
        terminal.print_line(&format!("{mark} {text}"));
    }
    let all_held = checks.iter().all(|(holds, _)| *holds);
    let class = if all_held { style("all checks passed").green() } else { style("some checks failed").red() };
    terminal.print_line(&format!("\n{}, in {:.1} s", class.bold(), took.as_secs_f64()));
    if !all_held && lag > MOST_LAG {
        let lag = lag.as_secs_f64();
        terminal.print_line(&format!(
            "this machine was busy or suspended for {lag:.1} s, which may be the cause; try again"
        ));
    }
    all_held
}

/// The terms of the table.
const LEGEND: [&str; 4] = [
    "calls: served calls; longest: the longest that one took, token included",
    "requests to the issuer, by cause: first = no token yet; due = renewal by the",
    "vendor's rules; fault = again after a fault; 401 = the vendor had invalidated",
    "the token; revoke = the end of the demo",
];

/// What is compared with the naive cache, over all vendors.
#[derive(Default)]
struct Figures {
    calls: u64,
    failed: u64,
    requests: u64,
    twice: u64,
}

impl Figures {
    fn of<'a>(runs: impl Iterator<Item = (&'a Calls, Counts)>) -> Self {
        runs.fold(Self::default(), |sum, (calls, counts)| Self {
            calls: sum.calls + calls.served() + calls.failed(),
            failed: sum.failed + calls.failed(),
            requests: sum.requests + counts.requests,
            twice: sum.twice + counts.double_spends,
        })
    }
}

/// Formats the comparison with the naive cache, in lines of at most 80 columns.
fn comparison(ours: Figures, naive: Figures) -> Vec<String> {
    let row = |name: &str, figures: &Figures| {
        let Figures { calls, failed, requests, twice } = figures;
        format!("{name:<15} {calls:>7} {failed:>13} {requests:>22} {twice:>19}")
    };
    let head = format!(
        "{:<15} {:>7} {:>13} {:>22} {:>19}",
        "", "calls", "calls failed", "requests to issuers", "tokens spent twice"
    );
    let legend = [
        "A naive cache (a mutex and an expiry) under the same script. Tokens spent twice:",
        "single-use refresh tokens that were sent again. Many issuers take that for",
        "theft, revoke every token of the account, and a person has to log in again.",
    ];
    let table = [style(head).dim().to_string(), row("freshtoken", &ours), row("a naive cache", &naive)];
    table.into_iter().chain(legend.map(|line| style(line).dim().to_string())).collect()
}

/// If the script was later than this, the results are unreliable.
const MOST_LAG: Duration = Duration::from_millis(400);

/// Formats a row of the summary table.
fn columns(texts: &[String; 9]) -> String {
    let [name, calls, longest, all, first, renewals, again, rejected, revokes] = texts;
    format!(
        "{} {calls:>7} {longest:>8} {all:>9} = {first:>5} + {renewals:>3} + {again:>5} + {rejected:>3} + {revokes:>6}",
        pad_str(name, 15, Alignment::Left, None)
    )
}

#[cfg(test)]
mod tests {
    use console::measure_text_width;

    use super::*;

    #[test]
    fn no_line_of_the_tables_is_wider_than_a_terminal() {
        let most = || Figures { calls: 99_999, failed: 99_999, requests: 99_999, twice: 9_999 };
        let lines = comparison(most(), most());
        for line in lines.iter().map(String::as_str).chain(LEGEND) {
            assert!(measure_text_width(line) <= 80, "{line}");
        }
    }
}
