//! The page for a browser: the accounts' states, lifetimes and events, and no secret.

use std::fmt::Write;
use std::time::SystemTime;

use crate::output::timestamp;
use crate::serve::{Agent, Served, lock};

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:2rem;color:#222;background:#fff}\
table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.3rem 1rem .3rem 0;border-bottom:1px solid #ccc}\
ul{margin:0;padding:0;list-style:none}";

/// Returns the page. It has no script, and loads itself again every ten seconds.
pub fn html(agent: &Agent) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"10\">\
         <title>freshtoken</title><style>{STYLE}</style></head>\n<body><h1>freshtoken</h1>\n<table><thead><tr><th>account</th>\
         <th>vendor</th><th>state</th><th>expires</th><th>last success</th><th>last error</th><th>events</th></tr></thead><tbody>\n"
    );
    for served in &agent.accounts {
        html += &row(served);
    }
    html += "</tbody></table>\n</body></html>\n";
    html
}

fn row(served: &Served) -> String {
    let status = served.opened.tokens.status();
    let time = |time: Option<SystemTime>| time.and_then(timestamp).unwrap_or_else(|| "-".to_owned());
    let error = status.last_error.as_ref().map(ToString::to_string).unwrap_or_else(|| "-".to_owned());
    let mut row = String::from("<tr>");
    let cells = [
        served.account.name.clone(),
        served.account.vendor.name.to_owned(),
        status.state.to_string(),
        time(status.expires_at),
        time(status.last_success),
        error,
    ];
    for cell in cells {
        // Writing to a string does not fail.
        let _ = write!(row, "<td>{}</td>", escaped(&cell));
    }
    row += "<td><ul>";
    for (at, event) in lock(&served.events).iter() {
        let _ = write!(row, "<li>{} {}</li>", time(Some(*at)), escaped(event));
    }
    row + "</ul></td></tr>\n"
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
    use super::*;

    #[test]
    fn markup_in_a_message_is_shown_and_not_run() {
        assert_eq!(escaped("<script>'\"&"), "&lt;script&gt;&#39;&quot;&amp;");
    }
}
