//! Metrics as Prometheus text, version 0.0.4. No label has what a client or a vendor sent.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use freshtoken::status::{State, Status};

use crate::grants::BUCKETS;
use crate::serve::denied::Denied;
use crate::serve::{Agent, Served, lock};

/// Every state, so that each has a series from the start.
const STATES: [State; 7] =
    [State::Empty, State::Fresh, State::Due, State::Expired, State::BackingOff, State::Ambiguous, State::Dead];

/// Returns all metrics.
pub fn text(agent: &Agent) -> String {
    let mut text = Text::default();
    text.family("build_info", "gauge", "The version of the program.");
    text.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    let accounts: Vec<(&Served, Status)> =
        agent.accounts.iter().map(|served| (served, served.opened.tokens.status())).collect();
    states(&mut text, &accounts);
    grants(&mut text, &accounts);
    counters(&mut text, &accounts);
    text.family("agent_requests_total", "counter", "Requests to the agent.");
    for ((route, status), count) in lock(&agent.requests).iter() {
        text.sample("agent_requests_total", &[("route", route), ("status", &status.to_string())], *count as f64);
    }
    text.family("agent_denied_total", "counter", "Requests that the agent refused.");
    let denied = lock(&agent.denied);
    for reason in Denied::COUNTED {
        let count = denied.get(&reason).copied().unwrap_or_default();
        text.sample("agent_denied_total", &[("reason", reason.name())], count as f64);
    }
    text.0
}

type Accounts<'a> = [(&'a Served, Status)];

fn labels(served: &Served) -> [(&'static str, &str); 2] {
    [("vendor", served.account.vendor.name), ("account", &served.account.name)]
}

fn states(text: &mut Text, accounts: &Accounts<'_>) {
    text.family("token_state", "gauge", "1 for the state of the token, 0 for the others.");
    for (served, status) in accounts {
        let [vendor, account] = labels(served);
        for state in STATES {
            let is_it = f64::from(u8::from(status.state == state));
            text.sample("token_state", &[vendor, account, ("state", &state.to_string())], is_it);
        }
    }
    text.family("token_serving", "gauge", "Whether a caller gets a token at once.");
    for (served, status) in accounts {
        text.sample("token_serving", &labels(served), f64::from(u8::from(status.is_serving)));
    }
    for (name, help, time) in [
        ("token_expiry_timestamp_seconds", "When the token expires.", (|status| status.expires_at) as fn(&Status) -> _),
        ("refresh_token_expiry_timestamp_seconds", "When the refresh token expires.", |status| {
            status.refresh_expires_at
        }),
        ("last_success_timestamp_seconds", "When the last token arrived.", |status| status.last_success),
    ] {
        text.family(name, "gauge", help);
        for (served, status) in accounts {
            if let Some(seconds) = time(status).and_then(unix_seconds) {
                text.sample(name, &labels(served), seconds);
            }
        }
    }
}

fn grants(text: &mut Text, accounts: &Accounts<'_>) {
    text.family("grants_total", "counter", "Requests to the vendor's token endpoint.");
    for (served, _) in accounts {
        let [vendor, account] = labels(served);
        for ((grant, outcome), timing) in served.opened.grants.all() {
            text.sample(
                "grants_total",
                &[vendor, account, ("grant", grant), ("outcome", outcome)],
                timing.count as f64,
            );
        }
    }
    text.family("grant_duration_seconds", "histogram", "How long they took.");
    for (served, _) in accounts {
        let [vendor, account] = labels(served);
        for ((grant, outcome), timing) in served.opened.grants.all() {
            let labels = [vendor, account, ("grant", grant), ("outcome", outcome)];
            let [a, b, c, d] = labels;
            for (bound, within) in BUCKETS.iter().zip(timing.within) {
                text.sample("grant_duration_seconds_bucket", &[a, b, c, d, ("le", &bound.to_string())], within as f64);
            }
            text.sample("grant_duration_seconds_bucket", &[a, b, c, d, ("le", "+Inf")], timing.count as f64);
            text.sample("grant_duration_seconds_sum", &labels, timing.seconds);
            text.sample("grant_duration_seconds_count", &labels, timing.count as f64);
        }
    }
}

fn counters(text: &mut Text, accounts: &Accounts<'_>) {
    for (name, help, count) in [
        (
            "adopted_total",
            "Tokens adopted from other processes.",
            (|status| status.counters.adopted) as fn(&Status) -> u32,
        ),
        ("joined_total", "Callers that waited for the request of another.", |status| status.counters.joined),
        ("rejected_total", "401s reported.", |status| status.counters.rejected),
        ("store_failures_total", "Calls of the store that failed or took too long.", |status| {
            status.counters.store_failures
        }),
    ] {
        text.family(name, "counter", help);
        for (served, status) in accounts {
            text.sample(name, &labels(served), f64::from(count(status)));
        }
    }
}

fn unix_seconds(time: SystemTime) -> Option<f64> {
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP freshtoken_{name} {help}\n# TYPE freshtoken_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let _ = writeln!(self.0, "freshtoken_{name}{{{}}} {value}", labels.join(","));
    }
}
