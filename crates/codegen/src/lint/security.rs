//! Security schemes, and what each requirement of them writes into a request.

use crate::diagnostic::{distance, nearest};
use crate::ident;
use crate::lint::document::Lint;
use crate::lint::document::{Node, Operation};
use crate::lint::syntax::{is_header, is_ragged, own_header};
use crate::read::spec;
use crate::read::x_token::KEY;
use std::collections::HashMap;
use std::fmt;

/// Checks them.
pub fn check(lint: &mut Lint) {
    let components = lint.root().get("components");
    let schemes: Vec<(&str, Node)> =
        components.iter().flat_map(|components| components.named("securitySchemes")).collect();
    for (_, scheme) in &schemes {
        check_scheme(lint, &lint.resolve(scheme));
    }
    let mut rust: HashMap<String, &str> = HashMap::new();
    for (name, scheme) in &schemes {
        if let Some(other) = rust.insert(ident::snake(name), name) {
            let message = format!("the schemes `{other}` and `{name}` would have one name");
            lint.error("security", scheme, message, "rename one of them");
        }
    }

    let mut places = vec![lint.root()];
    places.extend(lint.operations().into_iter().map(|operation| operation.node));
    for place in places {
        for requirement in place.items("security") {
            let mut written: Vec<(Written, &str)> = Vec::new();
            for (name, scopes) in requirement.all() {
                let Some((_, scheme)) = schemes.iter().find(|(other, _)| *other == name) else {
                    let help = match nearest(name, schemes.iter().map(|(name, _)| *name)) {
                        Some(meant) => format!("write `{meant}`"),
                        None => format!("add `{name}` to `components/securitySchemes`"),
                    };
                    lint.error("security", &scopes, format!("there is no security scheme `{name}`"), help);
                    continue;
                };
                let Some(writes) = Written::by(&lint.resolve(scheme)) else { continue };
                if let Some((_, other)) = written.iter().find(|(other, _)| *other == writes) {
                    let message = format!("`{other}` and `{name}` would each write {writes}");
                    lint.error(
                        "security",
                        &requirement,
                        message,
                        "write them as alternatives, each an element of `security`",
                    );
                }
                written.push((writes, name));
            }
        }
    }
    for operation in lint.operations() {
        let sent = alternative(lint, &operation);
        let used = sent.iter().flat_map(Node::all).filter_map(|(name, _)| {
            let (_, scheme) = schemes.iter().find(|(other, _)| *other == name)?;
            Some((Written::by(&lint.resolve(scheme))?, name))
        });
        let used: Vec<(Written, &str)> = used.collect();
        for parameter in lint.parameters(&operation) {
            let Some(writes) = Written::by_parameter(&parameter) else { continue };
            if let Some((_, scheme)) = used.iter().find(|(other, _)| *other == writes) {
                let message = format!("the security scheme `{scheme}` of {} writes {writes} too", operation.name());
                lint.error("security", &parameter, message, "remove the parameter, or the scheme from `security`");
            }
        }
    }
}

/// The alternative of `security` that an operation sends.
fn alternative<'a>(lint: &Lint<'a>, operation: &Operation<'a>) -> Option<Node<'a>> {
    let x_token = lint.root().get(KEY);
    let actions = x_token.iter().flat_map(|block| ["login", "refresh", "revoke"].map(|action| block.get(action)));
    let mut actions = actions.flatten().filter(|action| action.text("operation") == Some(operation.id()));
    let named = actions.find_map(|action| action.text("security"));
    let alternative = |named| spec::alternative(lint.root().value, operation.node.value, named);
    // An unknown name is said elsewhere.
    alternative(named).or_else(|| alternative(None)).map(|value| Node { value })
}

/// A place in a request that one alone can write.
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

fn check_scheme<'a>(lint: &mut Lint<'a>, scheme: &Node<'a>) {
    let need = |lint: &mut Lint, key: &str, help: &str| {
        if !scheme.has(key) {
            lint.error("security-schemes", scheme, format!("the security scheme has no `{key}`"), help);
        }
    };
    match scheme.text("type") {
        Some("apiKey") => {
            need(lint, "name", "add the name of the header or of the query parameter");
            need(lint, "in", "add `in: header` or `in: query`");
            let at = (scheme.at(), "in");
            match scheme.text("in") {
                Some("cookie") => lint.error(
                    "security-schemes",
                    &at,
                    "token traffic has no cookies",
                    "write `in: header`, if the vendor takes one",
                ),
                None | Some("header" | "query") => {}
                Some(other) => lint.error(
                    "security-schemes",
                    &at,
                    format!("`{other}` is no place for an API key"),
                    "write `header` or `query`",
                ),
            }
            let at = (scheme.at(), "name");
            match (scheme.text("in"), scheme.text("name")) {
                (Some("header"), Some(name)) if !is_header(name) => {
                    lint.error(
                        "security-schemes",
                        &at,
                        format!("`{name}` can't name a header"),
                        "write letters, digits and `-`",
                    );
                }
                (Some("header"), Some(name)) if !name.eq_ignore_ascii_case("authorization") => {
                    if let Some(why) = own_header(name) {
                        let message = format!("the header `{name}` is the client's to write");
                        lint.error("security-schemes", &at, message, format!("remove the scheme: {why}"));
                    }
                }
                (Some("query"), Some("")) => {
                    lint.error("security-schemes", &at, "the name of the query parameter is empty", "write its name");
                }
                (Some("query"), Some(name)) if is_ragged(name) => {
                    let message = format!("the name {name:?} has a space around it, or a control character in it");
                    lint.error("security-schemes", &at, message, "write it as the vendor does, without");
                }
                _ => {}
            }
        }
        Some("http") => {
            need(lint, "scheme", "add `scheme: basic` or `scheme: bearer`");
            if let Some(name) = scheme.text("scheme").filter(|name| !is_header(name)) {
                let message = format!("`{name}` can't stand in an `Authorization` header");
                lint.error(
                    "security-schemes",
                    &(scheme.at(), "scheme"),
                    message,
                    "write `basic`, `bearer`, or another single word",
                );
            } else if let Some(name) = scheme.text("scheme") {
                let lower = name.to_lowercase();
                let near = ["basic", "bearer"].into_iter().find(|word| matches!(distance(&lower, word), 1 | 2));
                if let Some(meant) = near {
                    let message = format!("the scheme `{name}` would be sent as it is, with another credential");
                    lint.error("security-schemes", &(scheme.at(), "scheme"), message, format!("write `{meant}`"));
                }
            }
        }
        Some(flow @ ("oauth2" | "openIdConnect")) => {
            lint.error(
                "security-schemes",
                &(scheme.at(), "type"),
                format!("`{flow}` says how a token is got, and that is for `x-token` to say"),
                "write `type: http` and `scheme: bearer`",
            );
        }
        Some("basic") => {
            lint.error(
                "security-schemes",
                &(scheme.at(), "type"),
                "`basic` belongs to Swagger 2.0",
                "write `type: http` and `scheme: basic`",
            );
        }
        Some("mutualTLS") => {
            lint.error(
                "security-schemes",
                &(scheme.at(), "type"),
                "`mutualTLS` belongs to OpenAPI 3.1, and nothing in a request shows it",
                "remove it: bring a `reqwest::Client` with the certificate",
            );
        }
        Some(other) => {
            lint.error(
                "security-schemes",
                &(scheme.at(), "type"),
                format!("`{other}` is no type of security scheme"),
                "write `apiKey` or `http`",
            );
        }
        None => {}
    }
}
