//! The cached path, written down.

use std::fmt::Write;

use super::plot::{Drawn, Plot};
use super::{Goal, Section, is_ours};
use crate::cached::{COUNT, COUNT_WITHIN, Cost};
use crate::statistics::Spread;

/// The section.
pub(super) fn section(costs: &[Cost]) -> Section {
    let plot = plot(costs);
    let text = text(costs) + &plot.image();
    Section { text, goals: goals(costs), losses: losses(costs), plots: vec![plot] }
}

fn text(costs: &[Cost]) -> String {
    let mut text = String::from("## The cached path: a fresh token\n\n");
    text.push_str(
        "Nanoseconds. `two threads`: until each of them has made a call, on the same source. A token is 900 characters long. The\n\
         floor is there three times: threads share all of it, or its header's count alone, or nothing. Where two threads that\n\
         share nothing take twice as long as one, the machine lent one core only, and what two threads took says nothing. What\n\
         two threads lose depends on where in memory code and counts are, and on the rhythm into which they fall: so each two\n\
         rounds have a process of their own. A thread blocks on its calls, so whoever waits for a lock\n\
         of tokio's, as yup-oauth2 does, parks its thread.\n\n",
    );
    text.push_str(
        "| | call | gives | one thread | times the floor | two threads | two to one | allocations | instructions |\n",
    );
    text.push_str("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
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
            cost.to_floor.median,
            cost.two.median,
            cost.two.lower,
            cost.two.upper,
            cost.two_to_one.median,
            count(cost.allocations),
            count(cost.instructions),
        );
    }
    text.push('\n');
    text
}

/// All that give a token out, on one thread.
fn plot(costs: &[Cost]) -> Plot {
    let tokens = costs.iter().filter(|cost| cost.is_token());
    let bar = |cost: &Cost| {
        let label = format!("{:.1} ns", cost.one.median);
        (format!("{}: {}", cost.of, cost.call.replace('`', "")), cost.one.median, label)
    };
    Plot {
        name: "cached",
        title: "A fresh token from one thread, ns, logarithmic".to_owned(),
        axes: ("", ""),
        drawn: Drawn::Bars(tokens.map(bar).collect()),
    }
}

fn goals(costs: &[Cost]) -> Vec<Goal> {
    let ours = || costs.iter().filter(|cost| is_ours(&cost.of));
    let each = |of: fn(&Cost) -> f64| ours().map(of).fold(0.0, f64::max);
    let to_floor = each(|cost| cost.to_floor.median);
    let lost = |cost: &Cost| format!("{:.0} ({:.0} – {:.0})", cost.lost.median, cost.lost.lower, cost.lost.upper);
    let each_lost: Vec<_> = ours().map(|cost| format!("`{}` {}", cost.call, lost(cost))).collect();
    let of = |of: &str| costs.iter().find(|cost| cost.of == of);
    let (by_itself, within) =
        (of(COUNT).map_or_else(String::new, lost), of(COUNT_WITHIN).map_or_else(String::new, lost));
    let least_lost = of(COUNT_WITHIN).map_or(0.0, |floor| floor.lost.median);
    let counted: Vec<f64> = ours().filter_map(|cost| cost.allocations).collect();
    // A header is compared with our headers, a token with our token.
    let gives_header = |cost: &Cost| cost.call.contains("header");
    let slowest = |is_header: bool| {
        let same = ours().filter(|cost| gives_header(cost) == is_header);
        same.map(|cost| cost.one.median).fold(0.0, f64::max)
    };
    let others = costs.iter().skip(1).filter(|cost| !is_ours(&cost.of) && cost.is_token());
    let checking = others.filter(|cost| !cost.checks.starts_with("nothing"));
    let times = |cost: &Cost| cost.one.median / slowest(gives_header(cost));
    let nearer = checking.filter(|cost| times(cost) < 5.0);
    let shown = |cost: &Cost| {
        format!("{}, {}, {:.1} times (the floor {:.1})", cost.of, cost.call, times(cost), cost.to_floor.median)
    };
    let nearer: Vec<_> = nearer.map(shown).collect();
    let mut goals = vec![
        Goal {
            what: "a fresh token: `try_header`, `header`, `token`".to_owned(),
            asked: "1.25 times the floor at most".to_owned(),
            measured: format!("{to_floor:.2} times at most"),
            is_met: to_floor <= 1.25,
            why: "on this machine, in this run",
        },
        Goal {
            what: "a fresh token from two threads instead of one".to_owned(),
            asked: "loses what a shared count loses, and a tenth".to_owned(),
            measured: format!(
                "loses {} ns, a floor of which threads share nothing but the count {within}; a count in a loop that does nothing \
                 else loses {by_itself}, since between taking it and giving it back another thread comes less often",
                each_lost.join(", ")
            ),
            is_met: each(|cost| cost.lost.median) <= least_lost * 1.1,
            why: "on this machine, in this run",
        },
    ];
    if !counted.is_empty() {
        let most = counted.iter().copied().fold(0.0, f64::max);
        goals.push(Goal {
            what: "allocations for a fresh token".to_owned(),
            asked: "0".to_owned(),
            measured: format!("{most:.0}"),
            is_met: most == 0.0,
            why: "",
        });
    }
    goals.push(Goal {
        what: "a fresh token, to every crate that checks the expiry".to_owned(),
        asked: "5 times faster, to a header with a header and to a token with a token".to_owned(),
        is_met: nearer.is_empty(),
        measured: match nearer.is_empty() {
            true => "5 times or more to all".to_owned(),
            false => format!("to all but {}", nearer.join("; ")),
        },
        why: "the floor is hardly faster than we are, and a fifth of what the nearest takes is less than taking a shared count \
              and giving it back",
    });
    goals
}

/// Where another takes less, beyond the spread of both.
fn losses(costs: &[Cost]) -> Vec<String> {
    let mut losses = Vec::new();
    type Of = fn(&Cost) -> Spread;
    let threads: [(&str, Of); 2] = [("one thread", |cost| cost.one), ("two threads", |cost| cost.two)];
    // The first is the floor, which nobody is meant to beat.
    for other in costs.iter().skip(1).filter(|cost| !is_ours(&cost.of) && cost.is_token()) {
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
