//! Responses: their statuses, and the bodies that can be read.

use crate::diagnostic::{distance, list};
use crate::lint::document::{Lint, Node, Operation, is_success};
use crate::lint::rule::rule;
use crate::lint::syntax::unsendable;
use crate::read::media_type::{essence, is_json};

/// Checks the responses of every operation.
pub fn check<'a>(lint: &mut Lint<'a>, operations: &[Operation<'a>]) {
    for operation in operations {
        rule!(responses(lint, operation));
    }
}

fn responses<'a>(lint: &mut Lint<'a>, operation: &Operation<'a>) {
    let Some(responses) = operation.node.get("responses") else { return };
    statuses(lint, operation, &responses);
    let mut first: Option<(&str, Option<Node>)> = None;
    for (status, response) in lint.responses(operation) {
        let (json, others): (Vec<_>, Vec<_>) =
            response.named("content").into_iter().partition(|(media_type, _)| is_json(media_type));
        json_bodies(lint, status, &response, &json);
        if !is_success(status) {
            nearly_json(lint, status, &others);
            continue;
        }
        let at = (response.at(), "content");
        if operation.method == "head" && !json.is_empty() {
            lint.error(&at, "the response to HEAD has no body", "remove `content`, or write `get`");
        }
        if json.is_empty() && !others.is_empty() {
            let types: Vec<String> = others.iter().map(|(media_type, _)| essence(media_type)).collect();
            let types = list(types.iter().map(String::as_str)).replace(" or ", " and ");
            let message = format!("the success is {types}, and only JSON can be read");
            lint.error(&at, message, "write `application/json`; if the body doesn't matter, remove `content`");
        }
        let schema = lint.json_schema(&response);
        let Some((other, first)) = &first else {
            first = Some((status, schema));
            continue;
        };
        let is_same = match (first, &schema) {
            (Some(first), Some(schema)) => first.value == schema.value,
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            let message = format!("the responses {other} and {status} differ, and a method has one result");
            let help = "write one schema for both, with optional properties; or remove the rarer, and mention it in the \
                        description of the other";
            lint.error(&(responses.at(), status), message, help);
        }
    }
}

fn statuses<'a>(lint: &mut Lint<'a>, operation: &Operation<'a>, responses: &Node<'a>) {
    for (status, _) in responses.members() {
        if let Err((message, help)) = check_status(status) {
            lint.error(&(responses.at(), status), message, help);
        }
    }
    if responses.value.is_object() && !responses.members().iter().any(|(status, _)| is_success(status)) {
        let message = format!("{} has no success response", operation.name());
        let help = if responses.has("default") {
            "add a 2xx response, such as \"200\": `default` is for errors only"
        } else {
            "add a 2xx response, such as \"200\""
        };
        lint.error(responses, message, help);
    }
}

/// The JSON bodies of one response.
fn json_bodies<'a>(lint: &mut Lint<'a>, status: &str, response: &Node<'a>, json: &[(&str, Node<'a>)]) {
    for (media_type, media) in json {
        if let Some((message, help)) = unsendable("header", media_type).filter(|_| is_success(status)) {
            lint.error(media, format!("the media type {message}"), help);
        }
        if !media.has("schema") {
            let message = format!("the `{media_type}` of status {status} has no schema");
            lint.error(media, message, "add `schema`; for any JSON, a `schema` with a description alone");
        }
        for (property, encoding) in media.named("encoding") {
            lint.error(&encoding, format!("`encoding` of `{property}` has no meaning in a response"), "remove it");
        }
    }
    if let [(_, one), rest @ ..] = json
        && rest.iter().any(|(_, other)| other.value.get("schema") != one.value.get("schema"))
    {
        let at = (response.at(), "content");
        let message = format!("status {status} has several JSON bodies, and only the first is read");
        let help = "write one schema for them, such as a `oneOf`";
        if is_success(status) {
            lint.error(&at, message, help);
        } else {
            lint.warn(&at, message, help);
        }
    }
}

/// The bodies of errors that are JSON, but whose media type doesn't say so.
fn nearly_json<'a>(lint: &mut Lint<'a>, status: &str, others: &[(&str, Node<'a>)]) {
    for (media_type, media) in others {
        let essence = essence(media_type);
        // JOSE is near by chance alone.
        let is_near = distance(&essence, "application/json") <= 2 && essence != "application/jose";
        if is_near || matches!(essence.as_str(), "text/json" | "text/x-json" | "application/x-json") {
            let message = format!("`{media_type}` isn't the name of JSON, so the body of {status} would never be read");
            lint.error(media, message, "write `application/json`");
        }
    }
}

/// Checks that a key of `responses` is a status, a range of statuses or `default`.
fn check_status(status: &str) -> Result<(), (String, String)> {
    let fail = |message: &str, help: &str| Err((format!("`{status}` {message}"), help.to_owned()));
    if status == "default" || matches!(status, "2XX" | "3XX" | "4XX" | "5XX") {
        return Ok(());
    }
    match status.parse::<u16>() {
        Ok(100..=199) if status.len() == 3 => {
            return fail("isn't the status of a final response", "remove it, and write the response that follows");
        }
        Ok(200..=599) if status.len() == 3 => return Ok(()),
        Ok(_) => {
            return fail(
                "isn't a status of HTTP",
                "write a status from 200 to 599, a range such as `4XX`, or `default`",
            );
        }
        Err(_) => {}
    }
    let upper = status.to_uppercase();
    if matches!(upper.as_str(), "2XX" | "3XX" | "4XX" | "5XX") {
        return fail("isn't a range of statuses", &format!("write `{upper}`"));
    }
    if upper == "1XX" {
        return fail("isn't the status of a final response", "remove it, and write the response that follows");
    }
    if upper == "DEFAULT" {
        return fail("isn't a status", "write `default`");
    }
    fail("isn't a status of HTTP", "write a status such as \"200\", a range such as `4XX`, or `default`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_code_a_range_or_default() {
        for status in ["200", "204", "302", "404", "599", "2XX", "4XX", "5XX", "default"] {
            assert_eq!(check_status(status), Ok(()), "{status}");
        }
        for status in ["", "99", "100", "1XX", "600", "0200", "+200", "2xx", "6XX", "20X", "ok", "Default", "200 "] {
            assert!(check_status(status).is_err(), "{status}");
        }
    }
}
