//! A login end to end, written down.

use std::fmt::Write;

use super::{Goal, Section};
use crate::login::Login;

/// The section.
pub(super) fn section(logins: &[Login]) -> Section {
    let goal = |login: &Login| Goal {
        what: format!("a login over {}", login.over),
        asked: "1.1 times a bare post".to_owned(),
        measured: format!("{:.2} times", login.ratio.median),
        is_met: login.ratio.median <= 1.1,
        why: "typed client, source, task and store are some 25 µs, of which a login of 50 ms over a network feels nothing",
    };
    Section { text: text(logins), goals: logins.iter().map(goal).collect(), ..Section::default() }
}

fn text(logins: &[Login]) -> String {
    let mut text = String::from("## A login end to end\n\n");
    text.push_str(
        "`header` of a source that has just been made, beside a post of the same body by the same HTTP client to the same issuer,\n\
         one after the other on one thread. The ratio is that of each pair.\n\n\
         | over | a bare post, µs | a source, µs | ratio |\n| --- | ---: | ---: | ---: |\n",
    );
    for Login { over, bare, source, ratio } in logins {
        let _ = writeln!(
            text,
            "| {over} | {:.0} ({:.0} – {:.0}) | {:.0} ({:.0} – {:.0}) | **{:.2}** ({:.2} – {:.2}) |",
            bare.median,
            bare.lower,
            bare.upper,
            source.median,
            source.lower,
            source.upper,
            ratio.median,
            ratio.lower,
            ratio.upper,
        );
    }
    text.push('\n');
    text
}
