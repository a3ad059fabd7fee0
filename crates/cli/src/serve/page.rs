//! The page for a browser: the accounts' states, lifetimes and events, and no secret.

use std::fmt::Write;
use std::time::SystemTime;

use freshtoken::status::{State, Status};
use jiff::SignedDuration;

use crate::output::timestamp;
use crate::serve::{Agent, Served, lock};

const STYLE: &str = include_str!("page.css");

/// Returns the page. It has no script, and loads itself again every ten seconds.
pub fn html(agent: &Agent, now: SystemTime) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"10\">\n<title>freshtoken</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>freshtoken</h1>\n<small>{}, updated every 10 s</small>\n",
        moment(now)
    );
    for served in &agent.accounts {
        section(&mut html, served, now);
    }
    html + "</body>\n</html>\n"
}

/// Appends what is known about an account.
fn section(html: &mut String, served: &Served, now: SystemTime) {
    let status = served.opened.tokens.status();
    let (name, vendor) = (&served.account.name, served.account.vendor.name);
    let vendor = if name == vendor { String::new() } else { format!(" <small>{}</small>", escaped(vendor)) };
    let serving = if status.is_serving { "a token is available" } else { "no token is available" };
    // Writing to a string does not fail.
    let _ = write!(
        html,
        "<section>\n<h2>{}{vendor}</h2>\n<strong class=\"{}\">{}</strong>, {serving}\n<dl>\n",
        escaped(name),
        class(&status),
        status.state.to_string().replace('_', " "),
    );
    let mut row = |name: &str, value: String| {
        let _ = writeln!(html, "<dt>{name}</dt><dd>{value}</dd>");
    };
    for (name, time) in [
        ("Expires", status.expires_at),
        ("Refresh token", status.refresh_expires_at),
        ("Last success", status.last_success),
    ] {
        if let Some(time) = time {
            row(name, format!("{} {}", distance(time, now), moment(time)));
        }
    }
    let counters = status.counters;
    let (logins, refreshes, failures) = (counters.logins, counters.refreshes, counters.failures);
    row("Requests", format!("{logins} logins and {refreshes} refreshes, {failures} of them failed"));
    if let Some(error) = &status.last_error {
        row("Last error", escaped(&error.to_string()));
    }
    let events: String =
        lock(&served.events).iter().map(|(at, event)| format!("<li>{} {}</li>", moment(*at), escaped(event))).collect();
    if !events.is_empty() {
        row("Events", format!("<ol>{events}</ol>"));
    }
    *html += "</dl>\n</section>\n";
}

/// Returns the CSS class of an account's state, which sets its colour.
fn class(status: &Status) -> &'static str {
    match status.state {
        State::Dead => "bad",
        _ if status.is_serving => "good",
        _ => "wait",
    }
}

/// Returns a point in time for a person.
fn moment(time: SystemTime) -> String {
    let Some(time) = timestamp(time) else { return String::new() };
    format!("<time datetime=\"{time}\">{}</time>", time.replace('T', " ").replace('Z', " UTC"))
}

/// Returns how far away a point in time is, such as `in 14m 59s`.
fn distance(time: SystemTime, now: SystemTime) -> String {
    let text = |duration: std::time::Duration| {
        SignedDuration::try_from(duration)
            .map(|duration| format!("{:#}", SignedDuration::from_secs(duration.as_secs())))
    };
    match time.duration_since(now) {
        Ok(left) => text(left).map(|left| format!("in {left}")),
        Err(error) => text(error.duration()).map(|since| format!("{since} ago")),
    }
    .unwrap_or_default()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn markup_in_a_message_is_shown_and_not_run() {
        assert_eq!(escaped("<script>'\"&"), "&lt;script&gt;&#39;&quot;&amp;");
    }

    #[test]
    fn a_time_is_shown_as_a_distance_in_whole_seconds() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100_000);
        assert_eq!(distance(now + Duration::from_millis(899_900), now), "in 14m 59s");
        assert_eq!(distance(now - Duration::from_secs(7_230), now), "2h 30s ago");
        assert_eq!(distance(now, now), "in 0s");
    }
}
