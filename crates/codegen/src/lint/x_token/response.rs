//! Where a response has the token and its expiry.

use crate::diagnostic::{join, list, nearest};
use crate::ident;
use crate::lint::document::{Lint, Node, Operation, Resolved};
use crate::lint::rule::rule;
use crate::lint::secrets::secret_tokens;
use crate::lint::syntax::is_header;
use crate::lint::x_token::action::Found;
use crate::lint::x_token::examples::{date_formats, token_examples};
use crate::lint::x_token::keyword::{Keyword, at};
use crate::lint::x_token::pointers::{found, line, pointer_types, pointers, secret_read_as_string};
use crate::read::x_token::response::{AccessToken, Flag, In, InFormat, Response, Scalar, Scope, Unit};
use crate::read::x_token::values::Pointer;
use crate::read::x_token::{Renew, Revoke, XToken};

/// What the pointers of `response` lead into, in messages.
const SUCCESS: &str = "the success body";

/// A token response has a JSON body, with a token and what else the block reads from it.
pub fn token_response<'a>(lint: &mut Lint<'a>, x: &XToken, actions: &Found<'_, 'a>) {
    let grants: Vec<(&str, &Operation<'a>)> = actions
        .iter()
        .filter(|(action, _)| action.issues)
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
        if let Some(token) = &x.response.access_token {
            access_token(lint, token, &schema, word);
        }
    }
    if bodies.is_empty() {
        return;
    }
    if let Some(AccessToken::Body(pointers)) = &x.response.access_token
        && pointers.len() > 1
    {
        several(lint, pointers, &bodies);
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
    rule!(lifetime_formats(lint, &x.response));
    rule!(renew_in(lint, x));
    rule!(kept_values(lint, x, &bodies));
    for (_, operation) in grants {
        rule!(token_examples(lint, &x.response, operation));
    }
}

/// One of the places of the access token is in the success body of a grant, and all that are there are secrets.
fn access_token<'a>(lint: &mut Lint<'a>, token: &AccessToken, schema: &Node<'a>, word: &str) {
    const PATH: &str = "response/access-token";
    let pointers_ = match token {
        AccessToken::Body(pointers) => pointers,
        AccessToken::Header(header) => {
            if !is_header(header) {
                let place = at(&format!("{PATH}/header"));
                lint.error(&place, format!("`{header}` can't name a header"), "write letters, digits and `-`");
            }
            return;
        }
    };
    let is_there = |pointer: &&Pointer| !found(lint, pointer, schema).is_empty();
    let there: Vec<&Pointer> = pointers_.iter().filter(is_there).collect();
    // None is there: the first one's message says what is missing.
    for pointer in if there.is_empty() { pointers_.iter().take(1).collect() } else { there } {
        let keyword = Keyword::new(PATH, pointer);
        let leaves = rule!(pointers(lint, &keyword, &[*schema], &format!("{SUCCESS} of the {word}")));
        rule!(token_fields(lint, &keyword, &leaves));
    }
}

/// Each of several places is in the success body of one of the grants.
fn several<'a>(lint: &mut Lint<'a>, pointers_: &[Pointer], bodies: &[Node<'a>]) {
    for (index, pointer) in pointers_.iter().enumerate() {
        rule!(pointers(lint, &Keyword::new(&format!("response/access-token/{index}"), pointer), bodies, SUCCESS));
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

/// Each of one or several items with the path of its keyword.
fn paths<'c, T>(word: &str, items: &'c [T]) -> Vec<(String, &'c T)> {
    let path = |index| if items.len() > 1 { format!("response/{word}/{index}") } else { format!("response/{word}") };
    items.iter().enumerate().map(|(index, item)| (path(index), item)).collect()
}

/// All durations with their keyword and its path.
fn lifetimes(response: &Response) -> Vec<(&'static str, String, &In)> {
    let words = [
        ("expires-in", response.expires_in.0.as_slice()),
        ("refresh-expires-in", response.refresh_expires_in.0.as_slice()),
        ("renew-in", response.renew_in.as_slice()),
    ];
    let each = |(word, items)| paths(word, items).into_iter().map(move |(path, item)| (word, path, item));
    words.into_iter().flat_map(each).collect()
}

fn durations<'a>(lint: &mut Lint<'a>, response: &Response, bodies: &[Node<'a>]) {
    for (word, path, duration) in lifetimes(response) {
        let keyword = Keyword::new(&path, &duration.at);
        let leaves = rule!(pointers(lint, &keyword, bodies, SUCCESS));
        let (types, wanted): (&[&str], &str) = match duration.format {
            Some(InFormat::Words) => (&["string"], "a string"),
            None => (&["integer", "number", "string"], "a number, or a string of digits"),
        };
        rule!(pointer_types(lint, &keyword, &leaves, types, wanted));
        if leaves.iter().any(|leaf| lint.schema(leaf).text("format") == Some("date-time")) {
            let message =
                format!("`{}` is a date-time, and `{word}` counts from the arrival of the response", duration.at);
            let help = match word {
                "renew-in" => "point to a number of seconds".to_owned(),
                word => format!("write `{}`", word.replace("-in", "-at")),
            };
            lint.error(&keyword.at, message, help);
        }
    }
}

/// A duration in words has no unit, and `never` has an `expires-in`.
fn lifetime_formats(lint: &mut Lint, response: &Response) {
    for (_, path, duration) in lifetimes(response) {
        if duration.format.is_some() && duration.unit != Unit::Seconds {
            let message = "`unit` is the unit of a number, and words have their own";
            lint.error(&at(&format!("{path}/unit")), message, "remove `unit`, or remove `format: words`");
        }
    }
    if !response.never.is_empty() && response.expires_in.0.is_empty() {
        let message = "`never` lists values of `expires-in`, and there is none";
        lint.error(&at("response/never"), message, "add `expires-in`, or write `lifetime: none`");
    }
}

/// A token that the response wants to be renewed early may be renewed early.
pub fn renew_in(lint: &mut Lint, x: &XToken) {
    if x.response.renew_in.is_some() && x.renew() == Renew::AtExpiry {
        let message = "`renew-in` says when to renew, and these tokens are never renewed before they expire";
        let help = if x.renew.is_some() {
            "remove `renew: at-expiry`, or remove `renew-in`"
        } else {
            "remove it; or add `renew: { early: 0.75 }`, if an early refresh of a single-use token does no harm"
        };
        lint.error(&at("response/renew-in"), message, help);
    }
}

/// The values that belong to the token have a name each, and are strings, numbers or booleans; and what refers to them
/// names one.
pub fn kept_values<'a>(lint: &mut Lint<'a>, x: &XToken, bodies: &[Node<'a>]) {
    for (name, pointer) in &x.response.keep {
        let path = format!("response/keep/{name}");
        if ident::snake(name) != *name {
            let message = format!("`{name}` can't name a value");
            let help = "write lower-case letters, digits and `_`, such as `api_domain`";
            lint.error(&join(&at("response/keep"), name), message, help);
            continue;
        }
        let keyword = Keyword::new(&path, pointer);
        let leaves = rule!(pointers(lint, &keyword, bodies, SUCCESS));
        let types = ["string", "integer", "number", "boolean"];
        rule!(pointer_types(lint, &keyword, &leaves, &types, "a string, a number or a boolean"));
    }
    let known = || x.response.keep.keys().map(String::as_str);
    for (place, name) in x.use_.kept() {
        if x.response.keep.contains_key(name) {
            continue;
        }
        let help = match nearest(name, known()) {
            Some(meant) => format!("write `{meant}`"),
            None if x.response.keep.is_empty() => format!("add `keep: {{ {name}: /{name} }}` under `response`"),
            None => format!("write one of {}", list(known())),
        };
        lint.error(
            &place.iter().fold(at("use"), |at, key| join(&at, key)),
            format!("`{name}` isn't a kept value"),
            help,
        );
    }
}

fn dates<'a>(lint: &mut Lint<'a>, response: &Response, bodies: &[Node<'a>]) {
    let words = [
        ("expires-at", response.expires_at.as_slice()),
        ("refresh-expires-at", response.refresh_expires_at.0.as_slice()),
    ];
    for (path, date) in words.iter().flat_map(|(word, items)| paths(word, items)) {
        let keyword = Keyword::new(&path, &date.at);
        let leaves = rule!(pointers(lint, &keyword, bodies, SUCCESS));
        let types = ["integer", "number", "string"];
        rule!(pointer_types(lint, &keyword, &leaves, &types, "a date-time or a number"));
        rule!(date_formats(lint, &path, date));
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
