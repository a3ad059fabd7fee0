//! The docs of a method: what it does, its arguments, and its errors.

use crate::docs;
use crate::emit::client::arguments::{Argument, arguments};
use crate::emit::client::endpoint::url_setter_name;
use crate::emit::errors;
use crate::emit::errors::Bodies;
use crate::emit::types::or;
use crate::lower::model::{Model, Operation, Server, Variant};

/// Returns the doc comment of an operation's method.
pub fn source(model: &Model, operation: &Operation, bodies: &Bodies) -> String {
    let mut text = or(&operation.summary, &format!("`{} {}`", operation.method, operation.path));
    if !operation.description.is_empty() {
        text = format!("{text}\n\n{}", operation.description);
    }
    if let Some(Variant { operation, alternative }) = &operation.variant_of {
        text = format!(
            "{text}\n\nThis is [`{operation}`](Self::{operation}) with the credentials of the alternative `{alternative}`."
        );
    }
    if let Some(host) = other_host(operation) {
        text = format!("{text}\n\n{host}");
    }
    let arguments: Vec<String> =
        arguments(operation).iter().filter_map(|argument| described(model, operation, argument)).collect();
    if !arguments.is_empty() {
        text = format!("{text}\n\n# Arguments\n\n{}", arguments.join("\n"));
    }
    let tokens = if model.returns_token(operation) { TOKENS } else { "" };
    let statuses = statuses(model, operation, bodies);
    let statuses = if statuses.is_empty() {
        String::new()
    } else {
        format!("\n\nThe spec lists these failures:\n\n{}", statuses.join("\n"))
    };
    docs::comment(
        &format!("{text}\n\n# Errors\n\nReturns an [`Error`] if the request fails.{tokens}{statuses}"),
        "    ",
    )
}

/// Returns where an operation is that isn't with the others.
fn other_host(operation: &Operation) -> Option<String> {
    let first = operation.servers.first()?;
    let url = |server: &Server| format!("`{}`", server.url);
    let urls = if operation.servers.iter().all(|server| server.url == first.url) {
        url(first)
    } else {
        let urls = operation.servers.iter().map(|server| format!("{} ({})", url(server), server.name));
        urls.collect::<Vec<_>>().join(", ")
    };
    Some(format!(
        "The vendor has this operation on another host: {urls}. With a custom base URL, it is there too, unless \
         [`Endpoint::{0}`](Endpoint::{0}) sets another.",
        url_setter_name(operation)
    ))
}

const TOKENS: &str = " If a response doesn't match the spec but contains an access token, the error contains the token: see \
                      [`tokens`](Error::tokens).";

fn described(model: &Model, operation: &Operation, argument: &Argument<'_>) -> Option<String> {
    let docs = match argument.param {
        Some(param) => docs::first_sentence(&param.docs),
        None => {
            let which = if model.sends_refresh_token_as_bearer(operation) { "refresh" } else { "access" };
            format!("The {which} token, sent as `Authorization: Bearer …`.")
        }
    };
    (!docs.is_empty()).then(|| format!("- `{}`: {docs}", argument.name))
}

/// Returns an item for each status that is a failure.
fn statuses(model: &Model, operation: &Operation, bodies: &Bodies) -> Vec<String> {
    let statuses = operation.errors.iter().map(|response| {
        let body = response.ty.as_ref().map(|ty| format!(" ([`ErrorBody::{}`])", errors::variant(bodies, ty)));
        let description = docs::first_sentence(&response.description);
        format!("- {}{}: {description}", response.status.label(), body.unwrap_or_default())
    });
    let mut statuses: Vec<String> = statuses.collect();
    if errors::can_fail_at_2xx(model, operation) {
        let variant = operation.success.ty.as_ref().map(|ty| errors::variant(bodies, ty)).unwrap_or_default();
        let (status, why) = (operation.success.status.label(), failure_at_2xx(model, operation));
        statuses.push(format!("- {status} ([`ErrorBody::{variant}`]): {why}."));
    }
    statuses
}

/// Returns what makes a response at 2xx a failure.
fn failure_at_2xx(model: &Model, operation: &Operation) -> &'static str {
    let is_marked = model.failure_marks(operation) != (None, None);
    match (is_marked, model.returns_token(operation)) {
        (true, true) => "The response reports a failure, or contains no token",
        (true, false) => "The response reports a failure",
        (false, _) => "The response contains no token",
    }
}
