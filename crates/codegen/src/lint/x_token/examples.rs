//! The examples of token responses, read as the generated client reads them, and the formats of dates.

use freshtoken_wire::tokens::{self, TokenFields};
use freshtoken_wire::{FormatProblem, Timestamp, check_format};

use crate::diagnostic::list;
use crate::emit::token_response;
use crate::emit::token_response::Fields;
use crate::lint::document::{Lint, Node, Operation, is_success};
use crate::read::media_type::is_json;
use crate::read::x_token::KEY;
use crate::read::x_token::response::{At, Response};

/// The examples of a token response yield a token and a readable expiry.
pub fn token_examples<'a>(lint: &mut Lint<'a>, response: &Response, operation: &Operation<'a>) {
    let Some(fields) = token_response::fields(response) else { return };
    for example in examples(lint, operation) {
        if !token_response::is_failure(response.error.as_ref(), response.ok.as_ref(), example.value) {
            check_example(lint, &fields, &example);
        }
    }
}

/// Returns the examples of all successes; the schema's own if there is no other.
fn examples<'a>(lint: &Lint<'a>, operation: &Operation<'a>) -> Vec<Node<'a>> {
    let mut found = Vec::new();
    for (_, response) in lint.responses(operation).into_iter().filter(|(status, _)| is_success(status)) {
        for (_, media) in response.named("content").into_iter().filter(|(media_type, _)| is_json(media_type)) {
            let mut examples: Vec<Node<'a>> = media.get("example").into_iter().collect();
            let named = media.named("examples").into_iter();
            examples.extend(named.filter_map(|(_, example)| lint.dereference(&example).get("value")));
            if examples.is_empty() {
                examples.extend(media.get("schema").and_then(|schema| lint.schema(&schema).get("example")));
            }
            found.extend(examples);
        }
    }
    found
}

fn check_example<'a>(lint: &mut Lint<'a>, read: &Fields<'_>, example: &Node<'a>) {
    let Some(reading) = read.read(&example.value.to_string()) else { return };
    let fields = read.get();
    // `examples` reports a token of another type.
    if reading.tokens.is_none() && !fields.access_token.iter().any(|at| reading.misfits.contains(at)) {
        let message = format!(
            "the example yields no access token: there is none at {}",
            list(fields.access_token.iter().copied())
        );
        let help = "add it; or, if this is a failure, say so with `error` or `ok` in `response` of `x-token`";
        lint.error(example, message, help);
    }
    let lifetimes = fields.expires_in.iter().chain(fields.refresh_expires_in).chain(fields.renew_in.iter());
    let is_misfit = |pointer: &str| reading.misfits.contains(&pointer);
    for lifetime in lifetimes.filter(|lifetime| is_misfit(lifetime.at)) {
        if fields.refresh_expires_in.iter().any(|refresh| refresh.at == lifetime.at)
            && is_placeholder(&node_at(example, lifetime.at))
        {
            continue;
        }
        let message = format!("the client can't read a lifetime from the example's `{}`", lifetime.at);
        lint.error(
            &node_at(example, lifetime.at),
            message,
            if lifetime.unit == tokens::Unit::Words {
                "write words, such as `60 minutes`, or hours, minutes and seconds, such as `177:05:38`"
            } else {
                "write a number greater than zero, or a string of its digits; or add `format: words` or `never` in \
                 `x-token`"
            },
        );
    }
    let expiries = fields.expires_at.iter().chain(fields.refresh_expires_at);
    for expiry in expiries.filter(|expiry| is_misfit(expiry.at)) {
        if fields.refresh_expires_at.iter().any(|refresh| refresh.at == expiry.at)
            && is_placeholder(&node_at(example, expiry.at))
        {
            continue;
        }
        let is_utc = is_read_as_utc(example, *expiry);
        let (message, help) = if is_utc && !expiry.is_utc {
            (
                format!("the example's `{}` is a date without an offset", expiry.at),
                "add `zone: utc` in `x-token`, if the vendor means UTC; or write the offset",
            )
        } else {
            (
                format!("the client can't read an expiry from the example's `{}`", expiry.at),
                "write a date of RFC 3339 or HTTP, or seconds, from the year 2000 on; or add `format` in `x-token`",
            )
        };
        lint.error(&node_at(example, expiry.at), message, help);
    }
}

/// Whether a refresh token's expiry is one that vendors write for "unknown": `0`, `-1`, or a date such as
/// `0001-01-01T00:00:00Z`.
fn is_placeholder(value: &Node<'_>) -> bool {
    let is_text = |text: &str| text.parse::<i64>().is_ok() || text.parse::<Timestamp>().is_ok();
    value.value.is_number() || value.value.as_str().is_some_and(is_text)
}

/// Whether an expiry only lacks an offset.
fn is_read_as_utc(example: &Node<'_>, expiry: tokens::At<'_>) -> bool {
    let fields = TokenFields { expires_at: Some(tokens::At { is_utc: true, ..expiry }), ..TokenFields::NONE };
    fields.read(&example.value.to_string()).is_some_and(|reading| !reading.misfits.contains(&expiry.at))
}

/// Returns the value at a pointer into an example, or the last one on the path.
fn node_at<'a>(example: &Node<'a>, pointer: &str) -> Node<'a> {
    let mut node = *example;
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        let index = || Some(Node { value: node.value.get(segment.parse::<usize>().ok()?)? });
        match node.get(&segment).or_else(index) {
            Some(next) => node = next,
            None => break,
        }
    }
    node
}

/// The format of an expiry reads a date, a time and an offset.
pub fn date_formats(lint: &mut Lint, path: &str, expiry: &At) {
    let Some(format) = &expiry.format else { return };
    let (message, help) = match check_format(format, expiry.zone.is_some()) {
        Ok(()) => return,
        Err(FormatProblem::NoOffset) => (
            format!("`{format}` reads no offset, so a date could mean any of 25 hours"),
            "add `%z` or `%:z`; or `zone: utc`, if the vendor means UTC",
        ),
        Err(FormatProblem::NoMoment) => (
            format!("`{format}` doesn't read both a date and a time of day"),
            "write both, such as `%Y-%m-%d %H:%M:%S`, and `%p` beside `%I`",
        ),
        Err(FormatProblem::Unknown(why)) => (
            format!("`{format}` isn't a format of a date: {why}"),
            "write a format of jiff's `strptime`, such as `%m/%d/%Y %I:%M:%S %p %:z`",
        ),
    };
    lint.error(&format!("/{KEY}/{path}/format"), message, help);
}
