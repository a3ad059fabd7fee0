//! Security schemes, and what each requirement of them writes into a request.

use std::collections::HashMap;
use std::fmt;

use crate::diagnostic::{distance, nearest};
use crate::ident;
use crate::lint::document::{Lint, Node, Operation};
use crate::lint::rule::rule;
use crate::lint::syntax::{is_header, is_ragged, own_header};
use crate::read::spec;
use crate::read::x_token::KEY;

/// Security schemes of the document, by their names.
type Schemes<'a> = [(&'a str, Node<'a>)];

/// Checks the schemes, and each `security` that names them.
pub fn check<'a>(lint: &mut Lint<'a>, operations: &[Operation<'a>]) {
    let components = lint.root().get("components");
    let schemes: Vec<(&str, Node)> =
        components.iter().flat_map(|components| components.named("securitySchemes")).collect();
    for (_, scheme) in &schemes {
        let scheme = lint.dereference(scheme);
        rule!(security_schemes(lint, &scheme));
    }
    rule!(security(lint, operations, &schemes));
}

/// `security` names schemes that exist, and each of them writes something else.
fn security<'a>(lint: &mut Lint<'a>, operations: &[Operation<'a>], schemes: &Schemes<'a>) {
    let mut rust: HashMap<String, &str> = HashMap::new();
    for (name, scheme) in schemes {
        if let Some(other) = rust.insert(ident::snake(name), name) {
            let message = format!("the schemes `{other}` and `{name}` would have one name");
            lint.error(scheme, message, "rename one of them");
        }
    }
    for place in [lint.root()].into_iter().chain(operations.iter().map(|operation| operation.node)) {
        for requirement in place.items("security") {
            written_once(lint, &requirement, schemes);
        }
    }
    for operation in operations {
        not_a_parameter_too(lint, operation, schemes);
    }
}

/// The schemes of one alternative write different parts of a request.
fn written_once<'a>(lint: &mut Lint<'a>, requirement: &Node<'a>, schemes: &Schemes<'a>) {
    let mut written: Vec<(Written, &str)> = Vec::new();
    for (name, scopes) in requirement.all() {
        let Some((_, scheme)) = schemes.iter().find(|(other, _)| *other == name) else {
            let help = match nearest(name, schemes.iter().map(|(name, _)| *name)) {
                Some(meant) => format!("write `{meant}`"),
                None => format!("add `{name}` to `components/securitySchemes`"),
            };
            lint.error(&scopes, format!("there is no security scheme `{name}`"), help);
            continue;
        };
        let Some(writes) = Written::by(&lint.dereference(scheme)) else { continue };
        if let Some((_, other)) = written.iter().find(|(other, _)| *other == writes) {
            let message = format!("`{other}` and `{name}` would each write {writes}");
            lint.error(requirement, message, "write them as alternatives, each an element of `security`");
        }
        written.push((writes, name));
    }
}

/// No parameter of an operation writes what a scheme writes.
fn not_a_parameter_too<'a>(lint: &mut Lint<'a>, operation: &Operation<'a>, schemes: &Schemes<'a>) {
    let sent = alternative(lint, operation);
    let used = sent.iter().flat_map(Node::all).filter_map(|(name, _)| {
        let (_, scheme) = schemes.iter().find(|(other, _)| *other == name)?;
        Some((Written::by(&lint.dereference(scheme))?, name))
    });
    let used: Vec<(Written, &str)> = used.collect();
    for parameter in lint.parameters(operation) {
        let Some(writes) = Written::by_parameter(&parameter) else { continue };
        if let Some((_, scheme)) = used.iter().find(|(other, _)| *other == writes) {
            let message = format!("the security scheme `{scheme}` of {} writes {writes} too", operation.name());
            lint.error(&parameter, message, "remove the parameter, or the scheme from `security`");
        }
    }
}

/// Returns the alternative of `security` that an operation sends.
fn alternative<'a>(lint: &Lint<'a>, operation: &Operation<'a>) -> Option<Node<'a>> {
    let x_token = lint.root().get(KEY);
    let actions = x_token.iter().flat_map(|block| ["login", "refresh", "revoke"].map(|action| block.get(action)));
    let mut actions = actions.flatten().filter(|action| action.text("operation") == Some(operation.id()));
    let named = actions.find_map(|action| action.text("security"));
    let alternative = |named| spec::alternative(lint.root().value, operation.node.value, named);
    // `actions` reports an unknown name.
    alternative(named).or_else(|| alternative(None)).map(|value| Node { value })
}

/// A place in a request that only one thing can write.
#[derive(Debug, PartialEq)]
enum Written {
    /// The header of this name, in lower case.
    Header(String),
    Query(String),
}

impl Written {
    fn by(scheme: &Node) -> Option<Self> {
        match scheme.text("type") {
            Some("http") => Some(Self::Header("authorization".to_owned())),
            Some("apiKey") => Self::by_parameter(scheme),
            _ => None,
        }
    }

    fn by_parameter(parameter: &Node) -> Option<Self> {
        let name = parameter.text("name")?;
        match parameter.text("in") {
            Some("header") => Some(Self::Header(name.to_ascii_lowercase())),
            Some("query") => Some(Self::Query(name.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) if name == "authorization" => f.write_str("the `Authorization` header"),
            Self::Header(name) => write!(f, "the header `{name}`"),
            Self::Query(name) => write!(f, "the query parameter `{name}`"),
        }
    }
}

/// A request can carry what a scheme asks for.
fn security_schemes<'a>(lint: &mut Lint<'a>, scheme: &Node<'a>) {
    let (message, help) = match scheme.text("type") {
        None => return,
        Some("apiKey") => return api_key(lint, scheme),
        Some("http") => return http(lint, scheme),
        Some(flow @ ("oauth2" | "openIdConnect")) => (
            format!("`{flow}` describes how to get a token, which `x-token` does here"),
            "write `type: http` and `scheme: bearer`",
        ),
        Some("basic") => ("`basic` belongs to Swagger 2.0".to_owned(), "write `type: http` and `scheme: basic`"),
        Some("mutualTLS") => (
            "`mutualTLS` belongs to OpenAPI 3.1, and nothing in a request shows it".to_owned(),
            "remove it: use a `reqwest::Client` with the certificate",
        ),
        Some(other) => (format!("`{other}` isn't a type of security scheme"), "write `apiKey` or `http`"),
    };
    lint.error(&(scheme.at(), "type"), message, help);
}

fn need<'a>(lint: &mut Lint<'a>, scheme: &Node<'a>, key: &str, help: &str) {
    if !scheme.has(key) {
        lint.error(scheme, format!("the security scheme has no `{key}`"), help);
    }
}

fn api_key<'a>(lint: &mut Lint<'a>, scheme: &Node<'a>) {
    need(lint, scheme, "name", "add the name of the header or of the query parameter");
    need(lint, scheme, "in", "add `in: header` or `in: query`");
    let at = (scheme.at(), "in");
    match scheme.text("in") {
        Some("cookie") => {
            let help = "write `in: header`, if the vendor takes one";
            lint.error(&at, "requests for tokens have no cookies", help);
        }
        None | Some("header" | "query") => {}
        Some(other) => {
            lint.error(&at, format!("`{other}` isn't a place for an API key"), "write `header` or `query`");
        }
    }
    let at = (scheme.at(), "name");
    match (scheme.text("in"), scheme.text("name")) {
        (Some("header"), Some(name)) if !is_header(name) => {
            lint.error(&at, format!("`{name}` can't name a header"), "write letters, digits and `-`");
        }
        (Some("header"), Some(name)) if !name.eq_ignore_ascii_case("authorization") => {
            if let Some(why) = own_header(name) {
                let message = format!("the client itself writes the header `{name}`");
                lint.error(&at, message, format!("remove the scheme: {why}"));
            }
        }
        (Some("query"), Some("")) => {
            lint.error(&at, "the name of the query parameter is empty", "write its name");
        }
        (Some("query"), Some(name)) if is_ragged(name) => {
            let message = format!("the name {name:?} begins or ends with a space, or has a control character in it");
            lint.error(&at, message, "write it as the vendor does, without");
        }
        _ => {}
    }
}

fn http<'a>(lint: &mut Lint<'a>, scheme: &Node<'a>) {
    need(lint, scheme, "scheme", "add `scheme: basic` or `scheme: bearer`");
    let Some(name) = scheme.text("scheme") else { return };
    let at = (scheme.at(), "scheme");
    if !is_header(name) {
        let message = format!("`{name}` can't be part of an `Authorization` header");
        return lint.error(&at, message, "write `basic`, `bearer`, or another single word");
    }
    let lower = name.to_lowercase();
    let near = ["basic", "bearer"].into_iter().find(|word| matches!(distance(&lower, word), 1 | 2));
    if let Some(meant) = near {
        let message = format!("the scheme `{name}` would be sent as it is, with another credential");
        lint.error(&at, message, format!("write `{meant}`"));
    }
}
