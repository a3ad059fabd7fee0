//! Where a response has the token and its expiry.

use crate::diagnostic::join;
use crate::lint::document::{Lint, Node, Operation, Resolved};
use crate::lint::rule::rule;
use crate::lint::secrets::secret_tokens;
use crate::lint::x_token::examples::{date_formats, token_examples};
use crate::lint::x_token::pointers::{Keyword, line, pointer_types, pointers, secret_read_as_string};
use crate::lint::x_token::{Found, at};
use crate::read::x_token::response::{Flag, Response, Scalar, Scope};
use crate::read::x_token::{Revoke, XToken};

/// What the pointers of `response` lead into, in messages.
const SUCCESS: &str = "the success body";

/// A token response has a JSON body, with a token and what else the block reads from it.
pub fn token_response<'a>(lint: &mut Lint<'a>, x: &XToken, found: &Found<'_, 'a>) {
    let grants: Vec<(&str, &Operation<'a>)> = found
        .iter()
        .filter(|(action, _)| action.word != "revoke")
        .map(|(action, operation)| (action.word, operation))
        .collect();
    let mut bodies: Vec<Node<'a>> = Vec::new();
    for (word, operation) in &grants {
        let Some(schema) = lint.success(operation) else {
            let message = format!("the success of {} has no JSON body, so it has no token", operation.name());
            let place = at(&format!("{word}/operation"));
            lint.error(&place, message, "write the schema of its 2xx response");
            continue;
        };
        bodies.push(schema);
        if let Some(pointer) = &x.response.access_token {
            let keyword = Keyword::new("response/access-token", pointer);
            let leaves = rule!(pointers(lint, &keyword, &[schema], &format!("{SUCCESS} of the {word}")));
            rule!(token_fields(lint, &keyword, &leaves));
        }
    }
    if bodies.is_empty() {
        return;
    }
    strings(lint, &x.response, &bodies);
    durations(lint, &x.response, &bodies);
    dates(lint, &x.response, &bodies);
    if let Some(of) = &x.response.scope {
        scope(lint, of, &bodies);
    }
    if let Some(of) = &x.response.ok {
        flag(lint, "response/ok", of, &bodies);
    }
    for (_, operation) in grants {
        rule!(token_examples(lint, &x.response, operation));
    }
}

fn strings<'a>(lint: &mut Lint<'a>, response: &Response, bodies: &[Node<'a>]) {
    if let Some(pointer) = &response.token_type {
        let keyword = Keyword::new("response/token-type", pointer);
        let leaves = rule!(pointers(lint, &keyword, bodies, SUCCESS));
        rule!(pointer_types(lint, &keyword, &leaves, &["string"], "a string"));
        rule!(secret_read_as_string(lint, &keyword, &leaves));
    }
    if let Some(pointer) = &response.refresh_token {
        let keyword = Keyword::new("response/refresh-token", pointer);
        let leaves = rule!(pointers(lint, &keyword, bodies, SUCCESS));
        rule!(token_fields(lint, &keyword, &leaves));
    }
    if let Some(pointer) = &response.error {
        rule!(pointers(lint, &Keyword::new("response/error", pointer), bodies, SUCCESS));
    }
}

fn durations<'a>(lint: &mut Lint<'a>, response: &Response, bodies: &[Node<'a>]) {
    let words = [("expires-in", &response.expires_in), ("refresh-expires-in", &response.refresh_expires_in)];
    for (word, duration) in words.into_iter().filter_map(|(word, duration)| Some((word, duration.as_ref()?))) {
        let keyword = Keyword::new(&format!("response/{word}"), &duration.at);
        let leaves = rule!(pointers(lint, &keyword, bodies, SUCCESS));
        let types = ["integer", "number", "string"];
        rule!(pointer_types(lint, &keyword, &leaves, &types, "a number, or a string of digits"));
        if leaves.iter().any(|leaf| lint.schema(leaf).text("format") == Some("date-time")) {
            let message =
                format!("`{}` is a date-time, and `{word}` counts from the arrival of the response", duration.at);
            lint.error(&keyword.at, message, format!("write `{}`", word.replace("-in", "-at")));
        }
    }
}

fn dates<'a>(lint: &mut Lint<'a>, response: &Response, bodies: &[Node<'a>]) {
    let words = [("expires-at", &response.expires_at), ("refresh-expires-at", &response.refresh_expires_at)];
    for (word, date) in words.into_iter().filter_map(|(word, date)| Some((word, date.as_ref()?))) {
        let keyword = Keyword::new(&format!("response/{word}"), &date.at);
        let leaves = rule!(pointers(lint, &keyword, bodies, SUCCESS));
        let types = ["integer", "number", "string"];
        rule!(pointer_types(lint, &keyword, &leaves, &types, "a date-time or a number"));
        rule!(date_formats(lint, word, date));
    }
}

fn scope<'a>(lint: &mut Lint<'a>, scope: &Scope, bodies: &[Node<'a>]) {
    let keyword = Keyword::new("response/scope", &scope.at);
    let leaves = rule!(pointers(lint, &keyword, bodies, SUCCESS));
    rule!(secret_read_as_string(lint, &keyword, &leaves));
    for leaf in &leaves {
        let is_string = |node: &Node<'a>| matches!(lint.resolved(node), Resolved::Scalar("string", _) | Resolved::Any);
        let fits = match lint.resolved(leaf) {
            Resolved::List(Some(items)) => is_string(&items),
            Resolved::List(None) => true,
            _ => is_string(leaf),
        };
        if !fits {
            let message = format!("`{}` is neither a string nor a list of strings", scope.at);
            let help = format!("fix the schema on line {}, or point elsewhere", line(lint, leaf));
            lint.error(&keyword.at, message, help);
        }
    }
    if scope.delimiter.as_deref() == Some("") {
        let help = "write what is between two scopes, such as `\",\"`";
        lint.error(&join(&keyword.at, "delimiter"), "an empty delimiter separates nothing", help);
    }
}

/// A value that a success must have, and the type that it says the value has.
fn flag<'a>(lint: &mut Lint<'a>, path: &str, flag: &Flag, bodies: &[Node<'a>]) {
    let leaves = rule!(pointers(lint, &Keyword::new(&format!("{path}/at"), &flag.at), bodies, SUCCESS));
    let (types, wanted): (&[&str], &str) = match flag.is {
        Scalar::Bool(_) => (&["boolean"], "a boolean"),
        Scalar::Number(_) => (&["integer", "number"], "a number"),
        Scalar::Text(_) => (&["string"], "a string"),
    };
    rule!(pointer_types(lint, &Keyword::new(&format!("{path}/is"), &flag.at), &leaves, types, wanted));
}

/// A pointer to a token leads to secrets.
fn token_fields<'a>(lint: &mut Lint<'a>, keyword: &Keyword<'_>, leaves: &[Node<'a>]) {
    let pointer = keyword.pointer;
    let is_untyped = |leaf: &&Node<'a>| {
        let variants = lint.variants(leaf);
        variants.iter().any(|(_, variant)| matches!(lint.resolved(variant), Resolved::Any | Resolved::Map(None)))
    };
    let (untyped, leaves): (Vec<&Node<'a>>, Vec<&Node<'a>>) = leaves.iter().partition(is_untyped);
    if let Some(leaf) = untyped.first() {
        let name = pointer.segments().pop().unwrap_or_default();
        let line = line(lint, leaf);
        let message = format!("`{pointer}` leads into JSON of any type (line {line}), and the token would be printed");
        let help = format!("write its schema there, down to `{name}: {{ type: string, format: password }}`");
        lint.error(&keyword.at, message, help);
    }
    let is_union = |leaf: &&Node<'a>| matches!(lint.resolved(leaf), Resolved::Union(_));
    let (unions, leaves): (Vec<&Node<'a>>, Vec<&Node<'a>>) = leaves.into_iter().partition(is_union);
    let leaves: Vec<Node<'a>> = leaves.into_iter().copied().collect();
    if let Some(leaf) = unions.first() {
        let message = format!("`{pointer}` is {}, not a string", lint.resolved(leaf).kind());
        lint.error(*leaf, message, "write `type: string` and `format: password`");
    }
    rule!(pointer_types(lint, keyword, &leaves, &["string"], "a string"));
    for leaf in &leaves {
        // The usual case: there is nothing to report, and a name takes time to find.
        if matches!(lint.resolved(leaf), Resolved::Scalar("string", of) if of.text("format") == Some("password")) {
            continue;
        }
        let name = match lint.key(leaf).as_str() {
            "items" | "additionalProperties" => pointer.as_str().to_owned(),
            name => name.to_owned(),
        };
        rule!(secret_tokens(lint, &name, leaf));
    }
}

/// The response to a revocation has the JSON in which `error` or `ok` is looked for.
pub fn revocation<'a>(lint: &mut Lint<'a>, x: &XToken, found: &Found<'_, 'a>) {
    let Some(Revoke { error, ok, .. }) = &x.revoke else { return };
    let Some((_, operation)) = found.iter().find(|(action, _)| action.word == "revoke") else { return };
    if error.is_none() && ok.is_none() {
        return;
    }
    let Some(schema) = lint.success(operation) else {
        let message = format!("the success of {} has no JSON body to look for a failure in", operation.name());
        let help = "remove `error` and `ok`, or write the schema of its 2xx response";
        return lint.error(&at("revoke"), message, help);
    };
    if let Some(pointer) = error {
        rule!(pointers(lint, &Keyword::new("revoke/error", pointer), &[schema], SUCCESS));
    }
    if let Some(of) = ok {
        flag(lint, "revoke/ok", of, &[schema]);
    }
}
