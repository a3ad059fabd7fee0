//! The block `x-token`, against the operations, properties and schemas that it names.

use crate::diagnostic::list;
use crate::diagnostic::{Diagnostic, join, nearest};
use crate::ident;
use crate::lint::document::Lint;
use crate::lint::document::{Node, Operation, Shape, is_success};
use crate::lint::operations::unsendable;
use crate::lint::schemas::{label, require_token};
use crate::lint::syntax::is_header;
use crate::lint::syntax::own_header;
use crate::lint::tokens;
use crate::read::spec;
use crate::read::spec::Spec;
use crate::read::x_token::errors::{Code, RequestId};
use crate::read::x_token::response::{Flag, Scalar};
use crate::read::x_token::values::Pointer;
use crate::read::x_token::{KEY, Revoke, Takes, XToken};
use std::collections::{HashMap, HashSet};

/// Checks the block, and gives what it was read as.
pub fn check(lint: &mut Lint) -> Option<XToken> {
    match XToken::from_document(lint.spec) {
        Ok(x) => {
            if let Some(x) = &x {
                Check { x, operations: lint.operations(), lint }.all();
            }
            x
        }
        Err(diagnostics) => {
            lint.diagnostics.extend(diagnostics.into_iter().map(|diagnostic| diagnostic.of("x-token-form")));
            None
        }
    }
}

/// What a spec without the block is told.
pub fn missing(spec: &Spec) -> Diagnostic {
    let message = format!("the spec has no `{KEY}`, so it gives a typed client and nothing that keeps a token fresh");
    spec.warning("", message, format!("add `{KEY}`, or leave it so if there is nothing to keep fresh")).of("no-x-token")
}

struct Check<'c, 'l, 'a> {
    x: &'c XToken,
    lint: &'l mut Lint<'a>,
    operations: Vec<Operation<'a>>,
}

/// What login, refresh and revoke have in common.
#[derive(Clone, Copy)]
struct Action<'c> {
    word: &'static str,
    operation: &'c str,
    body: Option<&'c str>,
    token: Option<&'c str>,
    security: Option<&'c str>,
}

impl Action<'_> {
    /// Whether a scheme carries the token that the action takes.
    fn bears(&self, scheme: &Node) -> bool {
        self.word != LOGIN && self.token.is_none() && is_bearer(scheme)
    }
}

fn is_bearer(scheme: &Node) -> bool {
    let name = scheme.text("scheme").filter(|_| scheme.text("type") == Some("http"));
    name.is_some_and(|name| name.eq_ignore_ascii_case("bearer"))
}

/// The word of the action that takes no token.
const LOGIN: &str = "login";

/// Stands for the indexes of a list among what is known at some place.
const LIST: &str = "[]";

fn at(path: &str) -> String {
    format!("/{KEY}/{path}")
}

impl<'c, 'a> Check<'c, '_, 'a> {
    fn all(mut self) {
        self.grants();
        let actions = self.actions();
        let mut found: Vec<(Action<'c>, Operation<'a>)> = Vec::new();
        for action in actions {
            found.extend(self.action(action).map(|operation| (action, operation)));
        }
        self.alternatives(&found);
        self.grant_types(&found);
        self.response(&found);
        if let Some(revoke) = &self.x.revoke {
            self.revoke(revoke, &found);
        }
        self.errors();
        self.credentials(&found);
    }

    fn actions(&self) -> Vec<Action<'c>> {
        let mut actions = Vec::new();
        if let Some(login) = &self.x.login {
            actions.push(Action {
                word: LOGIN,
                operation: &login.operation,
                body: login.body.as_deref(),
                token: None,
                security: login.security.as_deref(),
            });
        }
        if let Some(refresh) = &self.x.refresh {
            actions.push(Action {
                word: "refresh",
                operation: &refresh.operation,
                body: refresh.body.as_deref(),
                token: refresh.token.as_deref(),
                security: refresh.security.as_deref(),
            });
        }
        if let Some(revoke) = &self.x.revoke {
            actions.push(Action {
                word: "revoke",
                operation: &revoke.operation,
                body: revoke.body.as_deref(),
                token: revoke.token.as_deref(),
                security: revoke.security.as_deref(),
            });
        }
        actions
    }

    /// What the block needs as a whole.
    fn grants(&mut self) {
        let x = self.x;
        let block = format!("/{KEY}");
        if x.login.is_none() && x.refresh.is_none() {
            let message = format!("`{KEY}` has neither `login` nor `refresh`, so no token can be got");
            self.lint.error(
                "grants",
                &block,
                message,
                "add `login: { operation: … }`, or remove the block for a typed client alone",
            );
        } else if x.response.access_token.is_none() {
            let message = format!("`{KEY}` doesn't say where the access token lies");
            self.lint.error("grants", &block, message, "add `response: { access-token: /access_token }`");
        }
        if let (Some(refresh), None) = (&x.refresh, &x.response.refresh_token) {
            let help = "add `response: { refresh-token: … }`";
            if refresh.single_use {
                let message = "a refresh token is single-use, and nothing says where the next one lies";
                self.lint.error("grants", &at("refresh"), message, help);
            } else if x.login.is_some() {
                let message = "there is a `refresh`, and nothing says where a login's answer has the refresh token";
                self.lint.error("grants", &at("refresh"), message, help);
            }
        }
        if let Some(revoke) = &x.revoke
            && revoke.takes == Takes::Refresh
            && x.response.refresh_token.is_none()
            && x.refresh.is_none()
        {
            let message = "the revocation takes a refresh token, and there is none";
            self.lint.error(
                "grants",
                &at("revoke/takes"),
                message,
                "write `takes: access`, or add `response: { refresh-token: … }`",
            );
        }
    }

    /// One action against its operation.
    fn action(&mut self, action: Action<'c>) -> Option<Operation<'a>> {
        let here = at(action.word);
        let Some(operation) = self.operations.iter().find(|operation| operation.id() == action.operation).cloned()
        else {
            let ids = self.operations.iter().map(Operation::id).filter(|id| !id.is_empty());
            let help = match nearest(action.operation, ids.clone()) {
                Some(meant) => format!("write `{meant}`"),
                None => format!("write the `operationId` of one: {}", list(ids)),
            };
            let message = format!("there is no operation `{}`", action.operation);
            self.lint.error("actions", &join(&here, "operation"), message, help);
            return None;
        };
        let has_body = self.variant(&action, &operation);
        let known: Vec<&str> = self.security(&operation).into_iter().flatten().map(|(scheme, _)| scheme).collect();
        let unknown = action.security.filter(|name| !known.contains(name));
        if let Some(name) = unknown {
            let help = match known.is_empty() {
                true => "remove it: the operation has no `security`".to_owned(),
                false => format!("write {}", list(known)),
            };
            let message = format!("{} has no `security` with the scheme `{name}`", operation.name());
            self.lint.error("actions", &join(&here, "security"), message, help);
        }
        match action.token {
            Some(name) if has_body => self.token(&action, &operation, name),
            None if action.word != LOGIN && unknown.is_none() => self.bearer(&action, &operation),
            _ => {}
        }
        Some(operation)
    }

    /// The bearer scheme that takes a token, where nothing else does.
    fn bearer(&mut self, action: &Action<'c>, operation: &Operation<'a>) {
        let here = at(action.word);
        let takes_access =
            action.word == "revoke" && self.x.revoke.as_ref().is_some_and(|of| of.takes == Takes::Access);
        let (token, pointer) = match takes_access {
            true => ("access", self.x.response.access_token.as_ref()),
            false => ("refresh", self.x.response.refresh_token.as_ref()),
        };
        let bears = |schemes: &[(&'a str, Node<'a>)]| {
            schemes.iter().find(|(_, scheme)| action.bears(scheme)).map(|(name, _)| *name)
        };
        if bears(&self.schemes(action, operation)).is_none() {
            let message = format!("nothing in {} takes the {token} token", operation.name());
            let help = match self.security(operation).iter().find_map(|alternative| bears(alternative)) {
                Some(name) => {
                    format!("add `security: {name}`, whose scheme carries it; or `token`, the property or parameter")
                }
                None => {
                    "add `token`, the property or parameter that takes it; or give the operation `security` with a \
                         scheme of `type: http`, `scheme: bearer`"
                        .to_owned()
                }
            };
            return self.lint.error("bearer-tokens", &here, message, help);
        }
        let others = self.actions().into_iter().filter(|other| other.word != action.word);
        let mut others = others.filter(|other| other.operation == action.operation);
        if let Some(other) = others.find(|other| other.word == LOGIN || other.token.is_some()) {
            let words = format!("`{}` and `{}`", other.word, action.word);
            let message = format!(
                "{words} share {}, and only for `{}` its bearer scheme carries the token",
                operation.name(),
                action.word
            );
            let help = "add `token`, the property or parameter that takes the token; or write an operation for each";
            return self.lint.error("bearer-tokens", &here, message, help);
        }
        // It would be a credential, which nobody means.
        let usual = format!("{token}_token");
        let answered = pointer.and_then(|pointer| pointer.as_str().rsplit('/').next()).map(ident::snake);
        let places = self.places(action, operation);
        let meant = places.into_iter().map(|(name, _)| name).find(|name| {
            let name = ident::snake(name);
            name == usual || answered.as_ref() == Some(&name)
        });
        if let Some(name) = meant {
            let message =
                format!("{} has `{name}`, and its bearer scheme would carry the {token} token", operation.name());
            self.lint.error("bearer-tokens", &here, message, format!("add `token: {name}`"));
        }
    }

    /// The properties and parameters of an action's request.
    fn places(&self, action: &Action<'c>, operation: &Operation<'a>) -> Vec<(&'a str, Node<'a>)> {
        let mut places: Vec<(&'a str, Node<'a>)> = Vec::new();
        for (_, variant) in self.variants(action, operation) {
            if let Shape::Object(fields) = self.lint.shape(&variant) {
                places.extend(fields.properties.iter().cloned());
            }
        }
        for parameter in self.lint.parameters(operation) {
            if let (Some(name), Some(schema)) = (parameter.text("name"), parameter.get("schema")) {
                places.push((name, schema));
            }
        }
        places
    }

    /// The variants of an operation's body, or the one that an action names.
    fn variants(&self, action: &Action<'c>, operation: &Operation<'a>) -> Vec<(Option<&'a str>, Node<'a>)> {
        let schema = self.lint.request(operation).and_then(|(_, media)| media.get("schema"));
        let variants = schema.map(|schema| self.lint.variants(&schema)).unwrap_or_default();
        match action.body {
            Some(body) => variants.into_iter().filter(|(name, _)| *name == Some(body)).collect(),
            None => variants,
        }
    }

    /// Whether the body that an action sends is clear.
    fn variant(&mut self, action: &Action<'c>, operation: &Operation<'a>) -> bool {
        let variants = self.variants(&Action { body: None, ..*action }, operation);
        let named = || variants.iter().filter_map(|(name, _)| *name);
        match action.body {
            None if variants.len() > 1 => {
                let message = format!(
                    "the body of {} is a `oneOf`, and `{}` doesn't say which variant it sends",
                    operation.name(),
                    action.word
                );
                let help = match named().next() {
                    Some(_) => format!("add `body`: {}", list(named())),
                    None => "give each variant a name in `components/schemas`, and add `body`".to_owned(),
                };
                self.lint.error("body-variants", &at(action.word), message, help);
                true
            }
            Some(body) if !named().any(|name| name == body) => {
                let help = match (nearest(body, named()), named().next()) {
                    (Some(meant), _) => format!("write `{meant}`"),
                    (None, Some(_)) => format!("write {}", list(named())),
                    (None, None) => "remove it".to_owned(),
                };
                let message = format!("`{body}` is no variant of the body of {}", operation.name());
                self.lint.error("body-variants", &join(&at(action.word), "body"), message, help);
                false
            }
            _ => true,
        }
    }

    /// The property or parameter that takes a token.
    fn token(&mut self, action: &Action<'c>, operation: &Operation<'a>, name: &str) {
        let known = self.places(action, operation);
        let here = join(&at(action.word), "token");
        match known.iter().find(|(other, _)| *other == name) {
            Some((_, schema)) => match self.lint.shape(schema) {
                Shape::Scalar("string", _) => require_token(self.lint, name, schema),
                shape => {
                    let message = format!("`{name}` takes a token, and is {}", shape.kind());
                    self.lint.error(
                        "token-places",
                        &here,
                        message,
                        "write the name of a property or parameter with `type: string`",
                    );
                }
            },
            None => {
                let help = match nearest(name, known.iter().map(|(name, _)| *name)) {
                    Some(meant) => format!("write `{meant}`"),
                    None if known.is_empty() => {
                        format!(
                            "remove it, if a bearer scheme carries the token; or add `{name}` to the operation's request"
                        )
                    }
                    None => format!("write one of {}", list(known.iter().map(|(name, _)| *name))),
                };
                let message = format!("`{name}` is neither a property nor a parameter of {}", operation.name());
                self.lint.error("token-places", &here, message, help);
            }
        }
    }

    /// The alternatives of an operation's security, each with its schemes.
    fn security(&self, operation: &Operation<'a>) -> Vec<Vec<(&'a str, Node<'a>)>> {
        let owner = if operation.node.has("security") { operation.node } else { self.lint.root() };
        owner.items("security").iter().map(|alternative| self.schemes_of(alternative)).collect()
    }

    /// The schemes that an action sends.
    fn schemes(&self, action: &Action<'c>, operation: &Operation<'a>) -> Vec<(&'a str, Node<'a>)> {
        let sent = spec::alternative(self.lint.root().value, operation.node.value, action.security);
        sent.map(|value| self.schemes_of(&Node { value })).unwrap_or_default()
    }

    fn schemes_of(&self, alternative: &Node<'a>) -> Vec<(&'a str, Node<'a>)> {
        let schemes = self.lint.root().get("components").and_then(|components| components.get("securitySchemes"));
        let scheme = |name| Some((name, self.lint.resolve(&schemes?.get(name)?)));
        alternative.all().into_iter().filter_map(|(name, _)| scheme(name)).collect()
    }

    /// A grant type that is asked for is one credential, and would be the same for the login and the refresh.
    fn grant_types(&mut self, found: &[(Action<'c>, Operation<'a>)]) {
        let asked = |word: &str| -> Option<Node<'a>> {
            let (action, operation) = found.iter().find(|(action, _)| action.word == word)?;
            let of_body =
                self.variants(action, operation).into_iter().find_map(|(_, variant)| match self.lint.shape(&variant) {
                    Shape::Object(fields) => fields.property("grant_type").cloned(),
                    _ => None,
                });
            let parameter = || {
                let parameters = self.lint.parameters(operation);
                parameters.iter().find(|node| node.text("name") == Some("grant_type"))?.get("schema")
            };
            of_body.or_else(parameter).filter(|node| self.lint.constant(node).is_none())
        };
        if let (Some(_), Some(node)) = (asked("login"), asked("refresh")) {
            let message = "`grant_type` would be a credential, and the refresh would send the login's";
            let help = "write a body for each, as branches of a `oneOf`, with an `enum` of one value in each";
            self.lint.error("grant-types", &node, message, help);
        }
    }

    /// Actions that share an operation share its method, and that sends one alternative.
    fn alternatives(&mut self, found: &[(Action<'c>, Operation<'a>)]) {
        let sent = |action: &Action<'c>, operation: &Operation<'a>| -> Vec<&'a str> {
            self.schemes(action, operation).into_iter().map(|(name, _)| name).collect()
        };
        let mut diagnostics = Vec::new();
        for (index, (action, operation)) in found.iter().enumerate() {
            let schemes = sent(action, operation);
            let differs = |(other, of): &&(Action<'c>, Operation<'a>)| {
                other.operation == action.operation && sent(other, of) != schemes
            };
            let Some((other, of)) = found[..index].iter().find(differs) else { continue };
            let words = format!("`{}` and `{}`", other.word, action.word);
            let message =
                format!("{words} share {}, and name different alternatives of its `security`", operation.name());
            let help = match sent(other, of).first() {
                Some(name) => format!("name the same one: `security: {name}` in both, or in neither for the first"),
                None => "remove `security` from both, for the first".to_owned(),
            };
            let here = at(action.word);
            let place = if action.security.is_some() { join(&here, "security") } else { here };
            diagnostics.push((place, message, help));
        }
        for (place, message, help) in diagnostics {
            self.lint.error("security-alternatives", &place, message, help);
        }
    }

    fn response(&mut self, found: &[(Action<'c>, Operation<'a>)]) {
        let response = &self.x.response;
        let grants: Vec<(&str, &Operation<'a>)> = found
            .iter()
            .filter(|(action, _)| action.word != "revoke")
            .map(|(action, operation)| (action.word, operation))
            .collect();
        if grants.is_empty() {
            return;
        }
        let mut bodies: Vec<(&str, Node<'a>)> = Vec::new();
        for (word, operation) in grants {
            match self.lint.success(operation) {
                Some(schema) => bodies.push((word, schema)),
                None => {
                    let message = format!("the success of {} has no JSON body, so it has no token", operation.name());
                    self.lint.error(
                        "token-response",
                        &at(&format!("{word}/operation")),
                        message,
                        "write the schema of its 2xx response",
                    );
                }
            }
        }
        if bodies.is_empty() {
            return;
        }

        if let Some(pointer) = &response.access_token {
            let here = at("response/access-token");
            for body in &bodies {
                let place = format!("the success body of the {}", body.0);
                let leaves = self.leaves(pointer, std::slice::from_ref(body), &here, &place);
                self.tokens(&leaves, &here, pointer);
            }
        }
        let plain = [
            ("token-type", &response.token_type, &["string"][..]),
            ("refresh-token", &response.refresh_token, &["string"][..]),
            ("error", &response.error, &[][..]),
        ];
        for (word, pointer, types) in plain {
            let Some(pointer) = pointer else { continue };
            let here = at(&format!("response/{word}"));
            let leaves = self.leaves(pointer, &bodies, &here, "the success body");
            match word {
                "refresh-token" => self.tokens(&leaves, &here, pointer),
                _ => self.typed(&leaves, types, &here, pointer, "text"),
            }
            if word == "token-type" {
                self.open(&leaves, &here, pointer);
            }
        }
        for (word, moment) in
            [("expires-in", &response.expires_in), ("refresh-expires-in", &response.refresh_expires_in)]
        {
            let Some(moment) = moment else { continue };
            let here = at(&format!("response/{word}"));
            let leaves = self.leaves(&moment.at, &bodies, &here, "the success body");
            self.typed(&leaves, &["integer", "number", "string"], &here, &moment.at, "a number, or text of digits");
            if leaves.iter().any(|leaf| self.lint.schema(leaf).text("format") == Some("date-time")) {
                let message =
                    format!("`{}` is a date-time, and `{word}` counts from the arrival of the answer", moment.at);
                self.lint.error("token-response", &here, message, format!("write `{}`", word.replace("-in", "-at")));
            }
        }
        for (word, moment) in
            [("expires-at", &response.expires_at), ("refresh-expires-at", &response.refresh_expires_at)]
        {
            let Some(moment) = moment else { continue };
            let here = at(&format!("response/{word}"));
            let leaves = self.leaves(&moment.at, &bodies, &here, "the success body");
            self.typed(&leaves, &["integer", "number", "string"], &here, &moment.at, "a date-time or a number");
            tokens::check_date_format(self.lint, word, moment);
        }
        if let Some(scope) = &response.scope {
            let here = at("response/scope");
            let leaves = self.leaves(&scope.at, &bodies, &here, "the success body");
            self.open(&leaves, &here, &scope.at);
            for leaf in &leaves {
                let is_text =
                    |node: &Node<'a>| matches!(self.lint.shape(node), Shape::Scalar("string", _) | Shape::Any);
                let fits = match self.lint.shape(leaf) {
                    Shape::List(Some(items)) => is_text(&items),
                    Shape::List(None) => true,
                    _ => is_text(leaf),
                };
                if !fits {
                    let message = format!("`{}` is neither text nor a list of texts", scope.at);
                    self.lint.error(
                        "token-response",
                        &here,
                        message,
                        format!("mend the schema on line {}, or point elsewhere", self.line(leaf)),
                    );
                }
            }
            if scope.delimiter.as_deref() == Some("") {
                self.lint.error(
                    "token-response",
                    &join(&here, "delimiter"),
                    "an empty delimiter parts nothing",
                    "write what stands between two scopes, such as `\",\"`",
                );
            }
        }
        if let Some(flag) = &response.ok {
            self.flag(flag, &bodies, &at("response/ok"));
        }
        for (_, operation) in found.iter().filter(|(action, _)| action.word != "revoke") {
            tokens::check_examples(self.lint, response, operation);
        }
    }

    fn flag(&mut self, flag: &Flag, bodies: &[(&str, Node<'a>)], here: &str) {
        let leaves = self.leaves(&flag.at, bodies, &join(here, "at"), "the success body");
        let (types, wanted): (&[&str], &str) = match flag.is {
            Scalar::Bool(_) => (&["boolean"], "a boolean"),
            Scalar::Number(_) => (&["integer", "number"], "a number"),
            Scalar::Text(_) => (&["string"], "text"),
        };
        self.typed(&leaves, types, &join(here, "is"), &flag.at, wanted);
    }

    fn line(&self, node: &Node<'a>) -> u32 {
        self.lint.spec.line(&self.lint.pointer(&self.lint.schema(node))).unwrap_or_default()
    }

    /// The schemas at a pointer, which must exist in one of several bodies.
    fn leaves(&mut self, pointer: &Pointer, bodies: &[(&str, Node<'a>)], here: &str, place: &str) -> Vec<Node<'a>> {
        let mut leaves = Vec::new();
        let mut best: Option<(usize, String, Vec<&'a str>)> = None;
        for (_, body) in bodies {
            match self.find(body, &pointer.segments()) {
                Ok(found) => leaves.extend(found),
                Err(miss) if best.as_ref().is_none_or(|(depth, ..)| miss.0 > *depth) => best = Some(miss),
                Err(_) => {}
            }
        }
        if let (true, Some((_, segment, known))) = (leaves.is_empty(), best) {
            let message = format!("`{pointer}` isn't in {place}: there is no `{segment}`");
            let help = match nearest(&segment, known.iter().copied()) {
                _ if known == [LIST] => "write an index of the list, such as `0`".to_owned(),
                Some(meant) => format!("write `{meant}` for `{segment}`"),
                None if known.is_empty() => "point to a property that the schema has, or add it there".to_owned(),
                None => format!("point to {}, or add `{segment}` to the schema", list(known)),
            };
            self.lint.error("pointers", here, message, help);
        }
        leaves
    }

    /// The schemas at a pointer: several, where a `oneOf` is on the way. Otherwise how deep it went, what isn't
    /// there, and what is.
    fn find(&self, schema: &Node<'a>, segments: &[String]) -> Result<Vec<Node<'a>>, (usize, String, Vec<&'a str>)> {
        let mut level = vec![*schema];
        for (depth, segment) in segments.iter().enumerate() {
            let mut next = Vec::new();
            let mut known = Vec::new();
            for node in level {
                for (_, variant) in self.lint.variants(&node) {
                    match self.lint.shape(&variant) {
                        Shape::Object(fields) => {
                            next.extend(fields.property(segment).cloned().or(fields.more));
                            known.extend(fields.names());
                        }
                        Shape::Map(values) => next.push(values.unwrap_or(variant)),
                        // Whatever lies inside is untyped too.
                        Shape::Any => next.push(variant),
                        Shape::List(Some(items)) if segment.parse::<usize>().is_ok() => next.push(items),
                        Shape::List(_) => known.push(LIST),
                        _ => {}
                    }
                }
            }
            if next.is_empty() {
                return Err((depth, segment.clone(), known));
            }
            let mut seen = HashSet::new();
            next.retain(|node: &Node<'a>| seen.insert(node.at()));
            level = next;
        }
        Ok(level)
    }

    /// Whether what was found has one of these types; what is untyped may have any.
    fn typed(&mut self, leaves: &[Node<'a>], types: &[&str], here: &str, pointer: &Pointer, wanted: &str) {
        for leaf in leaves {
            let fits = types.is_empty()
                || self.lint.variants(leaf).iter().any(|(_, variant)| match self.lint.shape(variant) {
                    Shape::Scalar(scalar, _) => types.contains(&scalar),
                    Shape::Any => true,
                    _ => false,
                });
            if !fits {
                let message = format!("`{pointer}` is {}, not {wanted}", self.lint.shape(leaf).kind());
                let help = format!("mend the schema on line {}, or point elsewhere", self.line(leaf));
                self.lint.error("pointer-types", here, message, help);
            }
        }
    }

    /// What is read as text can't be a secret, which would be taken for absent.
    fn open(&mut self, leaves: &[Node<'a>], here: &str, pointer: &Pointer) {
        if let Some(leaf) = leaves.iter().find(|leaf| self.lint.schema(leaf).text("format") == Some("password")) {
            let message =
                format!("`{pointer}` is a secret by its schema (line {}), and is read as text", self.line(leaf));
            self.lint.error(
                "secret-read-as-string",
                here,
                message,
                "remove `format: password` there, or point elsewhere",
            );
        }
    }

    fn tokens(&mut self, leaves: &[Node<'a>], here: &str, pointer: &Pointer) {
        let is_untyped = |leaf: &&Node<'a>| {
            let variants = self.lint.variants(leaf);
            variants.iter().any(|(_, variant)| matches!(self.lint.shape(variant), Shape::Any | Shape::Map(None)))
        };
        let (untyped, leaves): (Vec<&Node<'a>>, Vec<&Node<'a>>) = leaves.iter().partition(is_untyped);
        if let Some(leaf) = untyped.first() {
            let name = pointer.segments().pop().unwrap_or_default();
            let line = self.line(leaf);
            let message =
                format!("`{pointer}` leads into JSON of any type (line {line}), and the token would be printed");
            let help = format!("write its schema there, down to `{name}: {{ type: string, format: password }}`");
            self.lint.error("token-fields", here, message, help);
        }
        let is_union = |leaf: &&Node<'a>| matches!(self.lint.shape(leaf), Shape::Union(_));
        let (unions, leaves): (Vec<&Node<'a>>, Vec<&Node<'a>>) = leaves.into_iter().partition(is_union);
        let leaves: Vec<Node<'a>> = leaves.into_iter().cloned().collect();
        if let Some(leaf) = unions.first() {
            let message = format!("`{pointer}` is {}, not text", self.lint.shape(leaf).kind());
            self.lint.error("token-fields", *leaf, message, "write `type: string` and `format: password`");
        }
        self.typed(&leaves, &["string"], here, pointer, "text");
        for leaf in &leaves {
            // So it is mostly, and then its name is nobody's business.
            if matches!(self.lint.shape(leaf), Shape::Scalar("string", of) if of.text("format") == Some("password")) {
                continue;
            }
            let name = match self.lint.key(leaf).as_str() {
                "items" | "additionalProperties" => pointer.as_str().to_owned(),
                name => name.to_owned(),
            };
            require_token(self.lint, &name, leaf);
        }
    }

    fn revoke(&mut self, revoke: &Revoke, found: &[(Action<'c>, Operation<'a>)]) {
        let Some((_, operation)) = found.iter().find(|(action, _)| action.word == "revoke") else { return };
        if revoke.error.is_none() && revoke.ok.is_none() {
            return;
        }
        let Some(schema) = self.lint.success(operation) else {
            let message = format!("the success of {} has no JSON body to look for a failure in", operation.name());
            return self.lint.error(
                "revocation",
                &at("revoke"),
                message,
                "remove `error` and `ok`, or write the schema of its 2xx response",
            );
        };
        let bodies = [("revoke", schema)];
        if let Some(pointer) = &revoke.error {
            self.leaves(pointer, &bodies, &at("revoke/error"), "the success body");
        }
        if let Some(flag) = &revoke.ok {
            self.flag(flag, &bodies, &at("revoke/ok"));
        }
    }

    fn errors(&mut self) {
        let x = self.x;
        // Failures have the bodies of errors, and that of the success where a failure can have its status.
        let mut bodies: Vec<(&str, Node<'a>)> = Vec::new();
        let fails_at_success = |id: &str| {
            let of_grant = x.response.error.is_some() || x.response.ok.is_some();
            let is_grant = x.login.as_ref().is_some_and(|login| login.operation == id)
                || x.refresh.as_ref().is_some_and(|refresh| refresh.operation == id);
            let of_revoke = x
                .revoke
                .as_ref()
                .is_some_and(|revoke| revoke.operation == id && (revoke.error.is_some() || revoke.ok.is_some()));
            of_grant && is_grant || of_revoke
        };
        for operation in &self.operations {
            for (status, response) in self.lint.responses(operation) {
                if !is_success(status) || fails_at_success(operation.id()) {
                    bodies.extend(self.lint.json_schema(&response).map(|schema| (status, schema)));
                }
            }
        }
        // Many answers have the same body.
        let mut seen = HashSet::new();
        bodies.retain(|(_, schema)| seen.insert(self.lint.schema(schema).at()));
        let mut pointers: Vec<(String, &Pointer, &[&str])> = Vec::new();
        for (word, list) in [("code", &x.errors.code), ("message", &x.errors.message)] {
            let is_list = self.lint.spec.find(&at(&format!("errors/{word}"))).is_some_and(|node| node.is_array());
            for (index, pointer) in list.iter().enumerate() {
                let here = if is_list { at(&format!("errors/{word}/{index}")) } else { at(&format!("errors/{word}")) };
                pointers.push((here, pointer, &["string", "integer", "number"]));
            }
        }
        if let Some(RequestId::Body(pointer)) = &x.errors.request_id {
            pointers.push((at("errors/request-id"), pointer, &["string", "integer", "number"]));
        }
        // The codes that the schemas list, unless one of them is open.
        let mut listed: Option<Vec<String>> = Some(Vec::new());
        for (here, pointer, types) in pointers {
            if bodies.is_empty() {
                let message = format!("`{pointer}` points into an error body, and no error answer has a JSON schema");
                self.lint.error(
                    "error-codes",
                    &here,
                    message,
                    "add the schema to an error response, or remove it here",
                );
                continue;
            }
            let leaves = self.leaves(pointer, &bodies, &here, "any error body");
            self.open(&leaves, &here, pointer);
            if here.starts_with(&at("errors/code")) {
                for leaf in &leaves {
                    let values = self.codes(leaf);
                    listed = listed.zip(values).map(|(listed, values)| [listed, values].concat());
                }
            }
            let is_any = leaves.iter().any(|leaf| {
                self.lint.variants(leaf).iter().any(|(_, variant)| match self.lint.shape(variant) {
                    Shape::Scalar(scalar, _) => types.contains(&scalar),
                    Shape::Any => true,
                    _ => false,
                })
            });
            if let (Some(leaf), false) = (leaves.first(), is_any) {
                let leaf = *leaf;
                self.typed(&[leaf], types, &here, pointer, "text or a number");
            }
        }

        let mut seen: HashMap<&Code, &str> = HashMap::new();
        let lists =
            [("permanent", &x.errors.permanent), ("relogin", &x.errors.relogin), ("transient", &x.errors.transient)];
        for (word, codes) in lists {
            for (index, code) in codes.iter().enumerate() {
                let here = at(&format!("errors/{word}/{index}"));
                let is_status = matches!(code.0.parse::<u16>(), Ok(200..=599));
                match seen.insert(code, word) {
                    Some(other) if other == word => self.lint.error(
                        "error-codes",
                        &here,
                        format!("`{code}` is listed twice"),
                        "remove one of the two",
                    ),
                    Some(other) => {
                        let message = format!("`{code}` is both `{other}` and `{word}`");
                        self.lint.error("error-codes", &here, message, "remove it from one of the two");
                    }
                    None if x.errors.code.is_empty() && !is_status => {
                        let message = format!("nothing says where the code `{code}` lies");
                        self.lint.error(
                            "error-codes",
                            &here,
                            message,
                            "add `code`, a pointer into the error body, such as `/error`",
                        );
                    }
                    None if code.0.parse::<i64>().is_err() => {
                        let Some(listed) =
                            listed.as_ref().filter(|listed| !listed.is_empty() && !listed.contains(&code.0))
                        else {
                            continue;
                        };
                        let message = format!("`{code}` is none of the codes that the error's `enum` lists");
                        let help = match nearest(&code.0, listed.iter().map(String::as_str)) {
                            Some(meant) => format!("write `{meant}`, or add `{code}` to the `enum`"),
                            None => format!("add `{code}` to the `enum`, or remove it here"),
                        };
                        self.lint.warn("error-codes", &here, message, help);
                    }
                    None => {}
                }
            }
        }
        let headers = [
            ("errors/retry-after/header", x.errors.retry_after.as_ref().map(|retry| retry.header.as_str())),
            (
                "errors/request-id/header",
                match &x.errors.request_id {
                    Some(RequestId::Header(name)) => Some(name.as_str()),
                    _ => None,
                },
            ),
            ("use/header", Some(x.use_.header.as_str())),
        ];
        if let Some(why) = own_header(&x.use_.header).filter(|_| !x.use_.header.eq_ignore_ascii_case("authorization")) {
            let message = format!("no call can carry the token in the header `{}`", x.use_.header);
            self.lint.error("error-codes", &at("use/header"), message, format!("write another: {why}"));
        }
        if let Some((message, help)) = unsendable("header", x.use_.prefix.as_deref().unwrap_or_default()) {
            self.lint.error("error-codes", &at("use/prefix"), format!("the prefix {message}"), help);
        }
        for (path, name) in headers {
            if let Some(name) = name.filter(|name| !is_header(name)) {
                self.lint.error(
                    "error-codes",
                    &at(path),
                    format!("`{name}` can't name a header"),
                    "write letters, digits and `-`",
                );
            }
        }
    }

    /// The values of a code's `enum`: none, if it has no such.
    fn codes(&self, leaf: &Node<'a>) -> Option<Vec<String>> {
        let mut codes = Vec::new();
        for (_, variant) in self.lint.variants(leaf) {
            let values = self.lint.schema(&variant).items("enum");
            if values.is_empty() {
                return None;
            }
            codes.extend(values.iter().map(|value| self.lint.plain(value)));
        }
        Some(codes)
    }

    /// The credentials that calls and Basic refer to.
    fn credentials(&mut self, found: &[(Action<'c>, Operation<'a>)]) {
        let mut names: Vec<String> = Vec::new();
        let mut has_basic = false;
        for (action, operation) in found {
            for (_, variant) in self.variants(action, operation) {
                self.constants_apart(&variant, "", action.token, &mut names, 0);
            }
            for parameter in self.lint.parameters(operation) {
                let constant = parameter.get("schema").is_some_and(|schema| self.lint.constant(&schema).is_some());
                if let Some(name) = parameter.text("name").filter(|name| !constant && Some(*name) != action.token) {
                    names.push(ident::snake(label(name, &parameter)));
                }
            }
            for (name, scheme) in self.schemes(action, operation) {
                match (scheme.text("type"), scheme.text("scheme")) {
                    (Some("http"), Some(http)) if http.eq_ignore_ascii_case("basic") => {
                        has_basic = true;
                        names.extend(
                            self.x.basic.names.iter().filter(|name| !name.is_empty()).map(|name| ident::snake(name)),
                        );
                    }
                    _ if action.bears(&scheme) => {}
                    _ => names.push(ident::snake(name)),
                }
            }
        }
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let mut headers: Vec<String> = vec![self.x.use_.header.to_lowercase()];
        for (header, credential) in &self.x.use_.also {
            let here = join(&at("use/also"), header);
            if !is_header(header) {
                self.lint.error(
                    "credentials",
                    &here,
                    format!("`{header}` can't name a header"),
                    "write letters, digits and `-`",
                );
            } else if let Some(why) = own_header(header).filter(|_| !header.eq_ignore_ascii_case("authorization")) {
                let message = format!("no call can carry a credential in the header `{header}`");
                self.lint.error("credentials", &here, message, format!("write another: {why}"));
            } else if headers.contains(&header.to_lowercase()) {
                self.lint.error(
                    "credentials",
                    &here,
                    format!("the header `{header}` is there twice"),
                    "remove one of the two",
                );
            }
            headers.push(header.to_lowercase());
            if !names.contains(credential) && !found.is_empty() {
                let help = match nearest(credential, names.iter().map(String::as_str)) {
                    Some(meant) => format!("write `{meant}`"),
                    None => format!("write one of {}", list(names.iter().map(String::as_str))),
                };
                self.lint.error("credentials", &here, format!("`{credential}` is no credential"), help);
            }
        }
        let has_block = self.lint.spec.find(&at("basic")).is_some();
        if has_block && !has_basic && !found.is_empty() {
            let message = "`basic` is here, and no action has a security scheme of HTTP Basic";
            let help = "remove it, or add a scheme of `type: http`, `scheme: basic` to the operation's `security`";
            self.lint.error("credentials", &at("basic"), message, help);
        }
        for name in self.x.basic.names.iter().filter(|name| !name.is_empty()) {
            if !name.contains(|c: char| c.is_ascii_alphanumeric()) {
                let message = format!("`{name}` gives no name to a credential");
                self.lint.error(
                    "credentials",
                    &at("basic/names"),
                    message,
                    "write letters and digits, such as `client_id`",
                );
            }
        }
        if self.x.basic.names.iter().all(String::is_empty) {
            let message = "both halves of HTTP Basic are empty";
            self.lint.error(
                "credentials",
                &at("basic/names"),
                message,
                "write the name of a credential, such as `[api_key, \"\"]`",
            );
        }
    }

    /// The names of all properties that aren't constants, those inside objects by their path.
    fn constants_apart(
        &self,
        schema: &Node<'a>,
        prefix: &str,
        token: Option<&str>,
        names: &mut Vec<String>,
        depth: usize,
    ) {
        let Shape::Object(fields) = self.lint.shape(schema) else { return };
        for (name, node) in &fields.properties {
            let path = ident::snake(&format!("{prefix}{}", label(name, node)));
            if self.lint.constant(node).is_some() || (prefix.is_empty() && Some(*name) == token) {
                continue;
            }
            match self.lint.shape(node) {
                // Objects that hold one another multiply.
                Shape::Object(_) if depth < 8 && names.len() < 1000 => {
                    self.constants_apart(node, &format!("{path}_"), token, names, depth + 1);
                }
                _ => names.push(path),
            }
        }
    }
}
