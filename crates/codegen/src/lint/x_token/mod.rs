//! The block `x-token`, against the operations, properties and schemas that it names.

mod action;
mod actions;
mod credentials;
mod errors;
mod examples;
mod keyword;
mod pointers;
mod response;

use std::collections::HashSet;

use crate::diagnostic::Diagnostic;
use crate::lint::document::Lint;
use crate::lint::rule::rule;
use crate::lint::x_token::credentials::credentials;
use crate::lint::x_token::errors::error_codes;
use crate::lint::x_token::response::{revocation, token_response};
use crate::read::spec::Spec;
use crate::read::x_token::{KEY, XToken};

/// Checks the block, and returns it if it can be read.
pub fn check(lint: &mut Lint) -> Option<XToken> {
    let x = rule!(x_token_form(lint))?;
    let found = actions::check(lint, &x);
    rule!(token_response(lint, &x, &found));
    rule!(revocation(lint, &x, &found));
    rule!(error_codes(lint, &x));
    rule!(credentials(lint, &x, &found));
    once(lint);
    Some(x)
}

/// Removes diagnostics that several alternatives of `one-of` share.
fn once(lint: &mut Lint) {
    let mut seen = HashSet::new();
    lint.diagnostics.retain(|found| seen.insert((found.pointer.clone(), found.message.clone())));
}

/// Warns of a spec without the block.
pub fn check_presence(spec: &Spec) -> Vec<Diagnostic> {
    let mut lint = Lint::new(spec);
    rule!(no_x_token(&mut lint));
    lint.diagnostics
}

/// The block has the keywords and the forms of the vocabulary.
fn x_token_form(lint: &mut Lint) -> Option<XToken> {
    match XToken::from_document(lint.spec) {
        Ok(x) => x,
        Err(diagnostics) => {
            diagnostics.into_iter().for_each(|diagnostic| lint.report(diagnostic));
            None
        }
    }
}

fn no_x_token(lint: &mut Lint) {
    if !lint.root().has(KEY) {
        let message = format!("the spec has no `{KEY}`: it makes a typed client, and nothing that keeps a token fresh");
        lint.warn("", message, format!("add `{KEY}`, or leave it so if there is nothing to keep fresh"));
    }
}
