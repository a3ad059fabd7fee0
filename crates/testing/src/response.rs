//! A response, and what the caller gets, as text.

use std::fmt::{Debug, Write as _};

use freshtoken_wire::{Error, ErrorBody};
use serde_json::Value;

/// A response of the vendor.
#[derive(Clone, Copy, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The media type of the body. It is empty if there is no body.
    pub media_type: &'static str,
    /// The body. It is empty if there is no body.
    pub body: &'static str,
    /// The headers that the spec has an example of.
    pub headers: &'static [(&'static str, &'static str)],
}

/// Returns the response of the vendor and the result of the call.
pub fn text<T: Debug, B: ErrorBody + Debug>(response: &Response, result: &Result<T, Error<B>>) -> String {
    let Response { status, media_type, body, headers } = response;
    let what = if body.is_empty() { "no body" } else { media_type };
    let mut text = format!("the vendor returns {status}, {what}\n");
    for (name, value) in *headers {
        writeln!(text, "  {name}: {value}").unwrap();
    }
    text.push_str(&indented(&pretty(body)));
    match result {
        Ok(body) => {
            text.push_str("\nthe caller gets\n");
            text.push_str(&indented(&format!("{body:#?}")));
        }
        Err(error) => {
            text.push_str("\nthe caller gets an error\n");
            text.push_str(&indented(&error.to_string()));
            text.push_str("\nwith these details\n");
            text.push_str(&details(error));
            text.push_str("as Debug\n");
            text.push_str(&indented(&format!("{error:#?}")));
        }
    }
    text
}

fn details<B: ErrorBody + Debug>(error: &Error<B>) -> String {
    let mut text = String::new();
    let mut add = |name: &str, value: String| writeln!(text, "  {name:12} {value}").unwrap();
    add("kind", format!("{:?}", error.kind()));
    add("status", format!("{:?}", error.status()));
    add("code", format!("{:?}", error.code()));
    add("message", format!("{:?}", error.message()));
    add("request_id", format!("{:?}", error.request_id()));
    add("retry_after", format!("{:?}", error.retry_after()));
    add("is_transient", error.is_transient().to_string());
    writeln!(text, "  body\n{}", indented(&indented(&format!("{:#?}", error.body())))).unwrap();
    text
}

/// Returns JSON on several lines, and any other text unchanged.
pub fn pretty(json: &str) -> String {
    match serde_json::from_str::<Value>(json) {
        Ok(value) => format!("{value:#}"),
        Err(_) => json.to_owned(),
    }
}

/// Returns the text with each line indented by two spaces.
pub fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
