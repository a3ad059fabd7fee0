//! The further requests of a login: each takes values that the response before it has.
//!
//! Like those of `computed`, this rule needs a model, because it knows the credentials of the later stages.

use crate::diagnostic::{join, list, nearest};
use crate::emit::adapter::chain::read;
use crate::emit::adapter::grants::{Grant, GrantKind, grants};
use crate::emit::adapter::sent::all_uses;
use crate::ident;
use crate::lint::document::Lint;
use crate::lint::rule::rule;
use crate::lower::model::Model;
use crate::read::x_token::compute::Compute;
use crate::read::x_token::values::Pointer;
use crate::read::x_token::{Login, Then};

/// Checks the further requests of a model.
pub fn check(lint: &mut Lint, model: &Model) {
    let Some(x_token) = &model.x_token else { return };
    let Some(login) = x_token.login.as_ref().filter(|login| !login.then.is_empty()) else { return };
    let Ok(grants) = grants(model, x_token) else { return };
    rule!(further_requests(lint, model, login, &grants));
}

/// A further request is built from the response before it, and goes to a host that the spec names.
fn further_requests(lint: &mut Lint, model: &Model, login: &Login, grants: &[Grant<'_>]) {
    let mut operations: Vec<&str> = vec![&login.operation];
    for (index, then) in login.then.iter().enumerate() {
        let place = format!("/x-token/login/then/{index}");
        if operations.contains(&then.operation.as_str()) {
            let message = format!("`{}` is two requests of one login", then.operation);
            lint.error(&join(&place, "operation"), message, "write another operation");
        }
        operations.push(&then.operation);
        let before = match index {
            0 => GrantKind::Login,
            index => GrantKind::Then(index - 1),
        };
        let Some(before) = grants.iter().find(|grant| grant.kind == before) else { continue };
        if let Some(grant) = grants.iter().find(|grant| grant.kind == GrantKind::Then(index)) {
            names(lint, model, grant, then, &join(&place, "from"));
        }
        for (name, compute) in &then.from.0 {
            if let Compute::Received(pointer) = compute {
                received(lint, model, before, pointer, &join(&join(&place, "from"), name));
            }
        }
        if let Some(pointer) = &then.server {
            received(lint, model, before, pointer, &join(&place, "server"));
        }
        hosts(lint, then, &place);
    }
}

/// What the values are for is in the request.
fn names(lint: &mut Lint, model: &Model, grant: &Grant<'_>, then: &Then, place: &str) {
    let uses = all_uses(model, grant);
    if then.from.0.is_empty() {
        lint.error(place, "the request takes nothing of the response before", "write what takes a value of it");
    }
    for name in then.from.0.keys() {
        let known = || uses.iter().map(|used| used.name.as_str());
        let snake = ident::snake(name);
        if known().any(|known| known == snake) {
            continue;
        }
        let help = match nearest(&snake, known()) {
            Some(meant) => format!("write `{meant}`"),
            None if uses.is_empty() => "add it to the request: this sends only constants".to_owned(),
            None => format!("write one of {}", list(known())),
        };
        let message = format!("a request of `{}` has no `{name}`", grant.operation.base());
        lint.error(&join(place, name), message, help);
    }
}

/// The response before has a value at the place.
fn received(lint: &mut Lint, model: &Model, before: &Grant<'_>, pointer: &Pointer, place: &str) {
    let operation = before.operation.base();
    let Some(ty) = &before.operation.success.ty else {
        let message = format!("the success of `{operation}` has no JSON body");
        return lint.error(place, message, "write the schema of its 2xx response");
    };
    if read(model, ty, pointer).is_none() {
        let message = format!("the success of `{operation}` has no string, number or boolean at `{pointer}`");
        lint.error(place, message, "write the place of one; it can't be inside a `oneOf`");
    }
}

/// A base URL from a response is on a host that the spec names.
fn hosts(lint: &mut Lint, then: &Then, place: &str) {
    if then.server.is_some() && then.hosts.is_empty() {
        let help = "add `hosts`, those of the vendor: otherwise a response could send credentials anywhere";
        lint.error(&join(place, "server"), "the base URL is from a response, and may be any", help);
    } else if then.server.is_none() && !then.hosts.is_empty() {
        let help = "remove it, or add `server`, the place of the base URL";
        lint.error(&join(place, "hosts"), "`hosts` are those of `server`, which is missing", help);
    }
    for host in &then.hosts {
        let is_name =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !host.contains('.') || !host.split('.').all(is_name) {
            let message = format!("`{host}` isn't the name of a host");
            lint.error(&join(place, "hosts"), message, "write a name with a dot, such as `acme.example`");
        }
    }
}
