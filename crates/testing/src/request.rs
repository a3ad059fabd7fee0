//! A request as text.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wiremock::Request;

use crate::response::{indented, pretty};

/// Returns the method, the path, the headers and the body of a request.
pub fn text(request: &Request) -> String {
    let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut text = format!("{} {}{query}\n\n", request.method, request.url.path());
    let mut headers: Vec<(String, String)> = request
        .headers
        .iter()
        // The port is different in each run.
        .filter(|(name, _)| *name != "host")
        .map(|(name, value)| (name.to_string(), header(name.as_str(), value.to_str().unwrap())))
        .collect();
    headers.sort();
    let width = headers.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in &headers {
        writeln!(text, "{name:width$}  {value}").unwrap();
    }
    let body = String::from_utf8(request.body.clone()).unwrap();
    if body.is_empty() {
        text.push_str("\nno body\n");
        return text;
    }
    if is_form(request) {
        text.push_str("\nbody, a form:\n");
        text.push_str(&fields(request, &body));
    } else {
        text.push_str("\nbody, JSON:\n");
        text.push_str(&indented(&pretty(&body)));
    }
    writeln!(text, "\nbody, raw:\n  {body}").unwrap();
    text
}

/// Returns a header's value with HTTP Basic decoded. A release does not change a request, so the version is left out.
fn header(name: &str, value: &str) -> String {
    if let Some(pair) = value.strip_prefix("Basic ") {
        let pair = STANDARD.decode(pair).unwrap();
        return format!("Basic base64({})", String::from_utf8(pair).unwrap());
    }
    match value.split_once('/') {
        Some((package, _)) if name == "user-agent" => format!("{package}/<version>"),
        _ => value.to_owned(),
    }
}

fn is_form(request: &Request) -> bool {
    let content_type = request.headers.get("content-type").map(|value| value.to_str().unwrap().to_ascii_lowercase());
    content_type.is_some_and(|value| value.split(';').next() == Some("application/x-www-form-urlencoded"))
}

/// Returns the decoded fields of a form, one on each line.
fn fields(request: &Request, body: &str) -> String {
    // A query is encoded as a form is.
    let mut url = request.url.clone();
    url.set_query(Some(body));
    let fields: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    fields.iter().map(|(name, value)| format!("  {name:width$}  {value}\n")).collect()
}
