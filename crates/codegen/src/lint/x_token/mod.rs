//! The block `x-token`, against the operations, properties and schemas that it names.

mod actions;
mod credentials;
mod errors;
mod examples;
mod pointers;
mod response;

use crate::diagnostic::Diagnostic;
use crate::lint::document::{Lint, Node, Operation};
use crate::lint::rule::rule;
use crate::lint::x_token::credentials::credentials;
use crate::lint::x_token::errors::error_codes;
use crate::lint::x_token::response::{revocation, token_response};
use crate::read::spec;
use crate::read::spec::Spec;
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
    Some(x)
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
    operation: &'c str,
    body: Option<&'c str>,
    token: Option<&'c str>,
    security: Option<&'c str>,
    usage: &'c Use,
}

/// Actions and the operations that they name.
type Found<'c, 'a> = [(Action<'c>, Operation<'a>)];

/// The action that takes no token.
const LOGIN: &str = "login";

impl<'c> Action<'c> {
    fn all(x: &'c XToken) -> Vec<Self> {
        let login = x.login.as_ref().map(|login| Self {
            word: LOGIN,
            operation: &login.operation,
            body: login.body.as_deref(),
            token: None,
            security: login.security.as_deref(),
            usage: &x.use_,
        });
        let refresh = x.refresh.as_ref().map(|refresh| Self {
            word: "refresh",
            operation: &refresh.operation,
            body: refresh.body.as_deref(),
            token: refresh.token.as_deref(),
            security: refresh.security.as_deref(),
            usage: &x.use_,
        });
        let revoke = x.revoke.as_ref().map(|revoke| Self {
            word: "revoke",
            operation: &revoke.operation,
            body: revoke.body.as_deref(),
            token: revoke.token.as_deref(),
            security: revoke.security.as_deref(),
            usage: &x.use_,
        });
        login.into_iter().chain(refresh).chain(revoke).collect()
    }

    /// The place of the action, or of one of its keywords.
    fn at(&self) -> String {
        at(self.word)
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
        let sent = spec::alternative(lint.root().value, operation.node.value, self.security);
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
