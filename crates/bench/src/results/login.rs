//! A login end to end, written down.

use std::fmt::Write;

use super::{Goal, Section};
use crate::login::{Login, WAYS};

/// The section.
pub(super) fn section(logins: &[Login]) -> Section {
    let goal = |login: &Login| {
        let [_, typed, task, later, first] = &login.ratios;
        Goal {
            what: format!("a login over {}", login.over),
            asked: "1.1 times a bare post".to_owned(),
            measured: format!(
                "a source's first {:.2} times, a later one {:.2}; the typed client {:.2}, that in a task {:.2}",
                first.median, later.median, typed.median, task.median
            ),
            is_met: first.median.max(later.median) <= 1.1,
            why: "the task that no caller can cancel adds some, and so does the source, with its state machine and the token; \
                  where the caches are cold all that code comes from memory; it is some tens of microseconds, less than a \
                  network takes",
        }
    };
    Section { text: text(logins), goals: logins.iter().map(goal).collect(), ..Section::default() }
}

fn text(logins: &[Login]) -> String {
    let mut text = String::from("## A login end to end\n\n");
    text.push_str(
        "A post of the same body by the same HTTP client to the same issuer, and each layer above it: the client of the vendor's\n\
         crate by itself; the same in a task, as every login of a source is; `header` of a source whose token got 401, which is\n\
         made and told so just before; a new source and its `header`. What each leaves goes after its time: the answer, the client,\n\
         the source. One after the other on one thread, microseconds; the ratios are those of each round. Tokens live for an hour\n\
         and idle connections for ten seconds, so a login mostly opens a new one. The caches are cold where each login's HTTP client\n\
         has been made just before and has read the platform's certificates, a hundred files. Where a runtime has several workers,\n\
         a task of its own may wake another one, which on a virtual machine takes some 20 microseconds; that isn't measured here.\n\n",
    );
    let _ = writeln!(text, "| over | {} |\n| --- |{}", WAYS.join(" | "), " ---: |".repeat(WAYS.len()));
    for Login { over, micros, ratios } in logins {
        let _ = write!(text, "| {over} |");
        for (number, (micros, ratio)) in micros.iter().zip(ratios).enumerate() {
            let _ = write!(text, " {:.0} ({:.0} – {:.0})", micros.median, micros.lower, micros.upper);
            if number > 0 {
                let _ = write!(text, ": **{:.2}**", ratio.median);
            }
            text.push_str(" |");
        }
        text.push('\n');
    }
    text.push('\n');
    text
}
