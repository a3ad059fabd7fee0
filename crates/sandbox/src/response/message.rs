//! A response of a vendor.

use serde_json::Value;

use crate::spec::document::Document;
use crate::spec::operation::ResponseObject;
use crate::spec::value::as_text;

/// A response, without the headers that HTTP itself adds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// Sets a body with a media type.
    pub(crate) fn with_body(mut self, media_type: &str, body: Vec<u8>) -> Self {
        self.headers.push(("content-type".to_owned(), media_type.to_owned()));
        self.body = body;
        self
    }

    pub(crate) fn with_json(self, media_type: &str, value: &Value) -> Self {
        self.with_body(media_type, value.to_string().into_bytes())
    }

    /// Forbids caching, as RFC 6749, section 5.1 requires for tokens.
    pub(crate) fn unstored(mut self) -> Self {
        let headers = [("cache-control", "no-store"), ("pragma", "no-cache")];
        self.headers.extend(headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
        self
    }

    /// Sets a header, which replaces the example that the spec has for it.
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Adds the headers that have an example in the spec, except those that say how long to wait.
    pub(crate) fn with_headers_of(mut self, document: &Document, response: &ResponseObject) -> Self {
        let own = document.token.as_ref().and_then(|token| token.errors.retry_after.as_ref());
        for (name, header) in &response.headers {
            let is_wait = name.eq_ignore_ascii_case("retry-after")
                || own.is_some_and(|own| own.header.eq_ignore_ascii_case(name));
            let header = document.header(header);
            let example = header.example.as_ref().or_else(|| header.schema.example(document));
            if let Some(example) = example.filter(|_| !is_wait) {
                self.headers.push((name.clone(), as_text(example)));
            }
        }
        self
    }
}
