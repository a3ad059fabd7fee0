//! A request as it was sent, and the parameters that an operation takes.

use axum::http::HeaderMap;

use crate::refusal::{Reason, Refusal};
use crate::spec::document::Document;
use crate::spec::operation::{Operation, Parameter};

/// A request as it was sent.
pub(crate) struct Incoming<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// As sent, without the `?`.
    pub(crate) query: &'a str,
    pub(crate) body: &'a [u8],
    /// The values of the path parameters.
    pub(crate) path: Vec<(String, String)>,
}

/// Returns the parameters of an operation, and those of its path that it doesn't override.
pub(crate) fn parameters<'a>(
    document: &'a Document,
    shared: &'a [Parameter],
    operation: &'a Operation,
) -> impl Iterator<Item = &'a Parameter> {
    let own = operation.parameters.iter().map(|parameter| document.parameter(parameter));
    let shared = shared.iter().map(|parameter| document.parameter(parameter)).filter(|shared| {
        let overrides = |own: &&Parameter| {
            let own = document.parameter(own);
            own.name == shared.name && own.place == shared.place
        };
        !operation.parameters.iter().any(|own| overrides(&own))
    });
    own.chain(shared)
}

pub(super) fn header_texts(headers: &HeaderMap, name: &str, unreadable: Reason) -> Result<Vec<String>, Refusal> {
    let read = |value: &axum::http::HeaderValue| {
        let text = value.to_str().map(ToOwned::to_owned);
        text.map_err(|_| Refusal::about(unreadable, name, "is not visible ASCII"))
    };
    headers.get_all(name).iter().map(read).collect()
}
