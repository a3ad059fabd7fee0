//! What the vendor's error codes mean, and where they are.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{join, nearest};
use crate::lint::document::{Lint, Node, Resolved, is_success};
use crate::lint::rule::rule;
use crate::lint::syntax::is_header;
use crate::lint::x_token::keyword::{Keyword, at};
use crate::lint::x_token::pointers::{pointer_types, pointers, secret_read_as_string};
use crate::read::x_token::XToken;
use crate::read::x_token::errors::{Code, RequestId};

/// The types that a code, a message or a request's id can have.
const TYPES: [&str; 3] = ["string", "integer", "number"];

/// Codes are strings or numbers that the error bodies can hold, and each is in one list.
pub fn error_codes(lint: &mut Lint, x: &XToken) {
    let bodies = error_bodies(lint, x);
    // The codes that the schemas list; none if the list of one of them is open.
    let mut listed: Option<Vec<String>> = Some(Vec::new());
    for (word, list) in [("code", x.errors.code.pointers()), ("message", x.errors.message.0.as_slice())] {
        let is_any = word == "code" && x.errors.code.is_any();
        let around = if is_any { format!("errors/{word}/any") } else { format!("errors/{word}") };
        let is_list = lint.spec.find(&at(&around)).is_some_and(|node| node.is_array());
        for (index, pointer) in list.iter().enumerate() {
            let path = if is_list { format!("{around}/{index}") } else { around.clone() };
            let leaves = body_field(lint, &Keyword::new(&path, pointer), &bodies, is_any);
            for leaf in leaves.iter().filter(|_| word == "code") {
                listed = listed.zip(codes(lint, leaf)).map(|(listed, codes)| [listed, codes].concat());
            }
        }
    }
    if let Some(RequestId::Body(pointer)) = &x.errors.request_id {
        body_field(lint, &Keyword::new("errors/request-id", pointer), &bodies, false);
    }
    code_lists(lint, x, &listed.unwrap_or_default());
    rule!(error_waits(lint, x));

    let request_id = match &x.errors.request_id {
        Some(RequestId::Header(name)) => Some(name.as_str()),
        _ => None,
    };
    let retry_after = x.errors.retry_after.as_ref().map(|retry| retry.header.as_str());
    for (word, name) in [("retry-after", retry_after), ("request-id", request_id)] {
        if let Some(name) = name.filter(|name| !is_header(name)) {
            let place = at(&format!("errors/{word}/header"));
            lint.error(&place, format!("`{name}` can't name a header"), "write letters, digits and `-`");
        }
    }
}

/// Returns the bodies of errors, and those of successes if a failure can have their status. Each schema is returned once.
fn error_bodies<'a>(lint: &Lint<'a>, x: &XToken) -> Vec<Node<'a>> {
    let fails_at_success = |id: &str| {
        let of_grant = x.response.error.is_some() || x.response.ok.is_some();
        let is_grant = x.login.as_ref().is_some_and(|login| login.issuing() == id)
            || x.refresh.as_ref().is_some_and(|refresh| refresh.operation == id);
        let of_revoke = x
            .revoke
            .as_ref()
            .is_some_and(|revoke| revoke.operation == id && (revoke.error.is_some() || revoke.ok.is_some()));
        of_grant && is_grant || of_revoke
    };
    let mut bodies: Vec<Node<'a>> = Vec::new();
    for operation in lint.operations() {
        for (status, response) in lint.responses(&operation) {
            if !is_success(status) || fails_at_success(operation.id()) {
                bodies.extend(lint.json_schema(&response));
            }
        }
    }
    let mut seen = HashSet::new();
    bodies.retain(|schema| seen.insert(lint.schema(schema).at()));
    bodies
}

/// Checks a pointer into the error bodies, and returns the schemas that it leads to: those of the items, if it may lead to a
/// list.
fn body_field<'a>(lint: &mut Lint<'a>, keyword: &Keyword<'_>, bodies: &[Node<'a>], may_be_list: bool) -> Vec<Node<'a>> {
    if bodies.is_empty() {
        let message =
            format!("`{}` points into an error body, and no error response has a JSON schema", keyword.pointer);
        lint.error(&keyword.at, message, "add the schema to an error response, or remove it here");
        return Vec::new();
    }
    let mut leaves = rule!(pointers(lint, keyword, bodies, "any error body"));
    for leaf in leaves.iter_mut().filter(|_| may_be_list) {
        if let Resolved::List(Some(items)) = lint.resolved(leaf) {
            *leaf = items;
        }
    }
    rule!(secret_read_as_string(lint, keyword, &leaves));
    let fits = |leaf: &Node<'a>| {
        lint.variants(leaf).iter().any(|(_, variant)| match lint.resolved(variant) {
            Resolved::Scalar(scalar, _) => TYPES.contains(&scalar),
            Resolved::Any => true,
            _ => false,
        })
    };
    // The error bodies of a vendor may differ: one that fits is enough.
    if !leaves.iter().any(fits) {
        rule!(pointer_types(lint, keyword, &leaves[..leaves.len().min(1)], &TYPES, "a string or a number"));
    }
    leaves
}

/// Returns the values of a code's `enum`; none if it has no `enum`.
fn codes<'a>(lint: &Lint<'a>, leaf: &Node<'a>) -> Option<Vec<String>> {
    let mut codes = Vec::new();
    for (_, variant) in lint.variants(leaf) {
        let values = lint.schema(&variant).items("enum");
        if values.is_empty() {
            return None;
        }
        codes.extend(values.iter().map(|value| lint.plain(value)));
    }
    Some(codes)
}

/// A wait belongs to a code after which there is a next request.
fn error_waits(lint: &mut Lint, x: &XToken) {
    let errors = &x.errors;
    let is_in = |list: &[Code], code: &str| list.iter().any(|listed| listed.0 == code);
    for code in errors.wait.keys() {
        let here = join(&at("errors/wait"), code);
        if is_in(&errors.permanent, code) {
            let message = format!("`{code}` is `permanent`, so nothing is sent after it");
            lint.error(&here, message, "remove it here, or list it in `transient`");
        } else if !is_in(&errors.transient, code)
            && !is_in(&errors.relogin, code)
            && !matches!(code.parse::<u16>(), Ok(408 | 425 | 429 | 500..=599))
        {
            let message = format!("`{code}` is in no list of codes, so there may be no next request");
            lint.error(&here, message, format!("add `{code}` to `transient`"));
        }
    }
}

fn code_lists(lint: &mut Lint, x: &XToken, listed: &[String]) {
    let errors = &x.errors;
    let mut seen: HashMap<&Code, &str> = HashMap::new();
    for (word, codes) in
        [("permanent", &errors.permanent), ("relogin", &errors.relogin), ("transient", &errors.transient)]
    {
        for (index, code) in codes.iter().enumerate() {
            let here = at(&format!("errors/{word}/{index}"));
            let is_status = matches!(code.0.parse::<u16>(), Ok(200..=599));
            match seen.insert(code, word) {
                Some(other) if other == word => {
                    lint.error(&here, format!("`{code}` is listed twice"), "remove one of the two");
                }
                Some(other) => {
                    let message = format!("`{code}` is both `{other}` and `{word}`");
                    lint.error(&here, message, "remove it from one of the two");
                }
                None if errors.code.pointers().is_empty() && !is_status => {
                    let message = format!("nothing says where the code `{code}` is");
                    lint.error(&here, message, "add `code`, a pointer into the error body, such as `/error`");
                }
                None if code.0.parse::<i64>().is_err() && !listed.is_empty() && !listed.contains(&code.0) => {
                    let message = format!("`{code}` isn't one of the codes that the error's `enum` lists");
                    let help = match nearest(&code.0, listed.iter().map(String::as_str)) {
                        Some(meant) => format!("write `{meant}`, or add `{code}` to the `enum`"),
                        None => format!("add `{code}` to the `enum`, or remove it here"),
                    };
                    lint.warn(&here, message, help);
                }
                None => {}
            }
        }
    }
}
