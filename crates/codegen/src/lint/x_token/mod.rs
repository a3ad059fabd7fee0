//! The block `x-token`, against the operations, properties and schemas that it names.

mod actions;
mod credentials;
mod errors;
mod examples;
mod pointers;
mod response;

use std::collections::HashSet;

use crate::diagnostic::{Diagnostic, join};
use crate::lint::document::{Lint, Node, Operation};
use crate::lint::rule::rule;
use crate::lint::x_token::credentials::credentials;
use crate::lint::x_token::errors::error_codes;
use crate::lint::x_token::response::{revocation, token_response};
use crate::read::spec;
use crate::read::spec::Spec;
use crate::read::x_token::alternatives::Alternatives;
use crate::read::x_token::usage::Use;
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

/// What `login`, `refresh` and `revoke` have in common.
#[derive(Clone, Copy)]
struct Action<'c> {
    word: &'static str,
    /// The alternative of `one-of`.
    alternative: Option<&'c str>,
    /// Whether the action has a place of its own for the alternative.
    is_own: bool,
    operation: &'c str,
    body: Option<&'c str>,
    token: Option<&'c str>,
    security: Option<&'c str>,
    usage: &'c Use,
    /// The `security` of the login's alternative, if it has none of its own.
    inherited: Option<&'c str>,
    /// The position of a further request of the login.
    then: Option<usize>,
    /// Whether its response has the token.
    issues: bool,
}

/// Actions and the operations that they name.
type Found<'c, 'a> = [(Action<'c>, Operation<'a>)];

/// The action that takes no token.
const LOGIN: &str = "login";

impl<'c> Action<'c> {
    fn all(x: &'c XToken) -> Vec<Self> {
        let mut all = Vec::new();
        let issuing = x.login.as_ref().map(|login| login.then.len());
        let mut add =
            |word, then: Option<usize>, operation: &'c str, token: Option<&'c String>, parts, one_of: &Alternatives| {
                all.extend(x.forms(parts).into_iter().map(|form| Self {
                    word,
                    alternative: form.alternative,
                    is_own: form.alternative.is_some_and(|name| one_of.0.contains_key(name)),
                    operation,
                    body: form.body,
                    token: token.map(String::as_str),
                    security: form.security.filter(|_| word == LOGIN || !form.is_security_inherited),
                    inherited: form.security,
                    usage: &x.use_,
                    then,
                    issues: if word == LOGIN {
                        issuing == Some(then.map_or(0, |then| then + 1))
                    } else {
                        word != "revoke" && !(word == "refresh" && x.keeps_access_token())
                    },
                }));
            };
        if let Some(login) = &x.login {
            add(LOGIN, None, &login.operation, None, login.parts(), &login.one_of);
            for (index, then) in login.then.iter().enumerate() {
                add(LOGIN, Some(index), &then.operation, None, then.parts(), &then.one_of);
            }
        }
        if let Some(refresh) = &x.refresh {
            add("refresh", None, &refresh.operation, refresh.token.as_ref(), refresh.parts(), &refresh.one_of);
        }
        if let Some(revoke) = &x.revoke {
            add("revoke", None, &revoke.operation, revoke.token.as_ref(), revoke.parts(), &revoke.one_of);
        }
        all
    }

    /// The place of the action, or of its alternative.
    fn at(&self) -> String {
        match self.alternative.filter(|_| self.is_own) {
            Some(name) => join(&at(&format!("{}/one-of", self.word)), name),
            None => self.root(),
        }
    }

    /// The place of the action, or of a further request of the login.
    fn root(&self) -> String {
        match self.then {
            Some(index) => at(&format!("{}/then/{index}", self.word)),
            None => at(self.word),
        }
    }

    /// Whether a scheme carries the token that the action takes.
    fn bears(&self, scheme: &Node) -> bool {
        let name = scheme.text("scheme").filter(|_| scheme.text("type") == Some("http"));
        name.is_some_and(|name| self.usage.carries(name)) && self.word != LOGIN && self.token.is_none()
    }

    /// The variants of the operation's body, or the one that the action names.
    fn variants<'a>(&self, lint: &Lint<'a>, operation: &Operation<'a>) -> Vec<(Option<&'a str>, Node<'a>)> {
        let schema = lint.request(operation).and_then(|(_, media)| media.get("schema"));
        let variants = schema.map(|schema| lint.variants(&schema)).unwrap_or_default();
        match self.body {
            Some(body) => variants.into_iter().filter(|(name, _)| *name == Some(body)).collect(),
            None => variants,
        }
    }

    /// The security schemes that the action sends.
    fn schemes<'a>(&self, lint: &Lint<'a>, operation: &Operation<'a>) -> Vec<(&'a str, Node<'a>)> {
        let named = self.security.or(self.inherited);
        let sent = spec::alternative(lint.root().value, operation.node.value, named);
        sent.map(|value| schemes_of(lint, &Node { value })).unwrap_or_default()
    }
}

/// The schemes of an alternative of `security`.
fn schemes_of<'a>(lint: &Lint<'a>, alternative: &Node<'a>) -> Vec<(&'a str, Node<'a>)> {
    let schemes = lint.root().get("components").and_then(|components| components.get("securitySchemes"));
    let scheme = |name| Some((name, lint.dereference(&schemes?.get(name)?)));
    alternative.all().into_iter().filter_map(|(name, _)| scheme(name)).collect()
}

/// The pointer to a keyword of the block.
fn at(path: &str) -> String {
    format!("/{KEY}/{path}")
}
