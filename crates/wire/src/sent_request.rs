//! What a request carried, to detect a response that repeats it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use reqwest::header::HeaderMap;
use reqwest::{Request, Url};
use serde_json::Value;
use zeroize::Zeroizing;

/// Shorter strings occur in others by chance.
const LEAST_LENGTH: usize = 4;

/// A request's URL, headers and body.
pub(crate) struct SentRequest {
    url: Url,
    headers: HeaderMap,
    body: Zeroizing<Vec<u8>>,
}

impl SentRequest {
    /// Copies a request. Call it before the body is taken from the request.
    pub(crate) fn of(request: &Request) -> Self {
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        Self { url: request.url().clone(), headers: request.headers().clone(), body: Zeroizing::new(body.to_vec()) }
    }

    /// Returns whether `text` contains a part of the request, or is a part of it, ignoring the case of ASCII letters.
    pub(crate) fn overlaps(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        text.len() >= LEAST_LENGTH
            && self.strings().any(|sent| {
                let sent = Zeroizing::new(sent.to_ascii_lowercase());
                sent.contains(&text) || (sent.trim().len() >= LEAST_LENGTH && text.contains(sent.trim()))
            })
    }

    /// Returns everything that was sent, complete and in parts, both encoded and decoded.
    fn strings(&self) -> impl Iterator<Item = Zeroizing<String>> {
        let mut strings = vec![self.url.path().to_owned(), self.url.query().unwrap_or_default().to_owned()];
        let segments = self.url.path_segments().into_iter().flatten();
        strings.extend(segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned()));
        strings.extend(self.url.query_pairs().map(|(_, value)| value.into_owned()));
        for value in self.headers.values() {
            let value = String::from_utf8_lossy(value.as_bytes());
            for word in value.split_whitespace() {
                strings.extend(basic_halves(word));
                strings.push(word.to_owned());
            }
            strings.push(value.into_owned());
        }
        let body = String::from_utf8_lossy(&self.body);
        match serde_json::from_slice(&self.body) {
            Ok(json) => push_leaves(json, &mut strings),
            Err(_) => strings.extend(form_values(&body)),
        }
        strings.push(body.into_owned());
        strings.into_iter().map(Zeroizing::new)
    }
}

/// Returns the user and the password of HTTP Basic, both raw and form-decoded.
fn basic_halves(word: &str) -> Vec<String> {
    let decoded = STANDARD.decode(word).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let halves = decoded.iter().flat_map(|pair| pair.split(':'));
    halves.flat_map(|half| [half.to_owned(), form_decoded(half).into_owned()]).collect()
}

fn form_decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

fn form_values(body: &str) -> Vec<String> {
    // The query of a URL has the syntax of a form.
    let Ok(mut url) = Url::parse("http://localhost") else { return Vec::new() };
    url.set_query(Some(body));
    url.query_pairs().map(|(_, value)| value.into_owned()).collect()
}

fn push_leaves(value: Value, strings: &mut Vec<String>) {
    match value {
        Value::String(text) => strings.push(text),
        Value::Array(items) => items.into_iter().for_each(|item| push_leaves(item, strings)),
        Value::Object(members) => members.into_iter().for_each(|(_, member)| push_leaves(member, strings)),
        Value::Number(number) => strings.push(number.to_string()),
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(headers: &[(&'static str, &'static str)], url: &str, body: &'static str) -> SentRequest {
        let mut request = Request::new(reqwest::Method::POST, Url::parse(url).unwrap());
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        *request.body_mut() = Some(body.into());
        SentRequest::of(&request)
    }

    #[test]
    fn a_string_overlaps_in_either_direction() {
        let basic = "Basic YW5uOmh1bnRlciUyMDI="; // ann:hunter%202
        let form = sent(
            &[("authorization", basic), ("x-key", "key-1234")],
            "http://localhost/tenant%20a/token?api=query%2D1",
            "password=hunter2%26x&grant=a+b+c+d",
        );
        for text in [
            "key-1234",
            "req-KEY-1234-x",
            "key-1",
            "tenant a",
            "req-query-1",
            "hunter2&x",
            "hunter 2",
            "a b c d",
            "hunter2%26x",
            "YW5uOmh1bnRlciUyMDI=",
            "token",
        ] {
            assert!(form.overlaps(text), "{text}");
        }
        for text in ["7f3a9c", "ann", "req-1", "b"] {
            assert!(!form.overlaps(text), "{text}");
        }
        let json = sent(&[], "http://localhost/", r#"{"a":{"password":"hunt\"er2"},"n":[123456],"b":true}"#);
        for text in ["hunt\"er2", "id-123456", "hunt", "x-hunt\"er2-y"] {
            assert!(json.overlaps(text), "{text}");
        }
        assert!(!json.overlaps("7f3a9c"));
    }
}
