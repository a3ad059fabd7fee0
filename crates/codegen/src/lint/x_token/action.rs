//! A request of `login`, `refresh` or `revoke`, as the block has it.

use crate::diagnostic::join;
use crate::lint::document::{Lint, Node, Operation};
use crate::lint::x_token::keyword::at;
use crate::read::spec;
use crate::read::x_token::XToken;
use crate::read::x_token::alternatives::Alternatives;
use crate::read::x_token::usage::Use;

/// What `login`, `refresh` and `revoke` have in common.
#[derive(Clone, Copy)]
pub struct Action<'c> {
    pub word: &'static str,
    /// The alternative of `one-of`.
    pub alternative: Option<&'c str>,
    /// Whether the action has a place of its own for the alternative.
    pub is_own: bool,
    pub operation: &'c str,
    pub body: Option<&'c str>,
    pub token: Option<&'c str>,
    pub security: Option<&'c str>,
    pub usage: &'c Use,
    /// The `security` of the login's alternative, if it has none of its own.
    pub inherited: Option<&'c str>,
    /// The position of a further request of the login.
    pub then: Option<usize>,
    /// Whether its response has the token.
    pub issues: bool,
}

/// Actions and the operations that they name.
pub type Found<'c, 'a> = [(Action<'c>, Operation<'a>)];

/// The action that takes no token.
pub const LOGIN: &str = "login";

impl<'c> Action<'c> {
    pub fn all(x: &'c XToken) -> Vec<Self> {
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
    pub fn at(&self) -> String {
        match self.alternative.filter(|_| self.is_own) {
            Some(name) => join(&at(&format!("{}/one-of", self.word)), name),
            None => self.root(),
        }
    }

    /// The place of the action, or of a further request of the login.
    pub fn root(&self) -> String {
        match self.then {
            Some(index) => at(&format!("{}/then/{index}", self.word)),
            None => at(self.word),
        }
    }

    /// Whether a scheme carries the token that the action takes.
    pub fn bears(&self, scheme: &Node) -> bool {
        let name = scheme.text("scheme").filter(|_| scheme.text("type") == Some("http"));
        name.is_some_and(|name| self.usage.carries(name)) && self.word != LOGIN && self.token.is_none()
    }

    /// The variants of the operation's body, or the one that the action names.
    pub fn variants<'a>(&self, lint: &Lint<'a>, operation: &Operation<'a>) -> Vec<(Option<&'a str>, Node<'a>)> {
        let schema = lint.request(operation).and_then(|(_, media)| media.get("schema"));
        let variants = schema.map(|schema| lint.variants(&schema)).unwrap_or_default();
        match self.body {
            Some(body) => variants.into_iter().filter(|(name, _)| *name == Some(body)).collect(),
            None => variants,
        }
    }

    /// The security schemes that the action sends.
    pub fn schemes<'a>(&self, lint: &Lint<'a>, operation: &Operation<'a>) -> Vec<(&'a str, Node<'a>)> {
        let named = self.security.or(self.inherited);
        let sent = spec::alternative(lint.root().value, operation.node.value, named);
        sent.map(|value| schemes_of(lint, &Node { value })).unwrap_or_default()
    }
}

/// The schemes of an alternative of `security`.
pub fn schemes_of<'a>(lint: &Lint<'a>, alternative: &Node<'a>) -> Vec<(&'a str, Node<'a>)> {
    let schemes = lint.root().get("components").and_then(|components| components.get("securitySchemes"));
    let scheme = |name| Some((name, lint.dereference(&schemes?.get(name)?)));
    alternative.all().into_iter().filter_map(|(name, _)| scheme(name)).collect()
}
