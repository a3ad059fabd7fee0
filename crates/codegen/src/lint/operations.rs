//! Operations: their names and paths.

use std::collections::HashMap;

use crate::ident;
use crate::lint::document::{Lint, Operation};
use crate::lint::rule::rule;
use crate::lint::syntax::{leads_elsewhere, placeholders};
use crate::vendor::is_keyword;

/// Methods that the generated client already has; `into` and `try_into` come from the standard library.
const CLIENT_METHODS: [&str; 3] = ["into", "new", "try_into"];

/// Checks every operation, but for its parameters, bodies and responses.
pub fn check<'a>(lint: &mut Lint<'a>, found: &[Operation<'a>]) {
    rule!(operations(lint, found));
    rule!(operation_ids(lint, found));
    rule!(paths(lint));
}

fn operations<'a>(lint: &mut Lint<'a>, operations: &[Operation<'a>]) {
    if operations.is_empty() && lint.root().has("paths") {
        lint.error("/paths", "there is no operation", "add a path with one, such as `/oauth/token: { post: … }`");
    }
    for operation in operations {
        if !operation.node.has("summary") && !operation.node.has("description") {
            let message = format!("{} has neither summary nor description", operation.name());
            let help = "add `summary`, one sentence: it is the method's documentation";
            lint.warn(&operation.node, message, help);
        }
        if operation.method == "options" {
            let message = "OPTIONS asks what is allowed, and no token endpoint needs it";
            lint.error(&operation.node, message, "remove it, or write the method that the vendor documents");
        }
    }
}

fn operation_ids(lint: &mut Lint, operations: &[Operation]) {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for operation in operations {
        let Some(id) = operation.node.text("operationId") else { continue };
        let at = (operation.node.at(), "operationId");
        let rust = ident::snake(id);
        let is_name = id.starts_with(|c: char| c.is_ascii_alphabetic())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
        if !is_name {
            lint.error(
                &at,
                format!("`{id}` can't name a method"),
                "write it in snake_case: letters, digits and `_`, a letter first, such as `create_token`",
            );
        } else if is_keyword(&id.to_lowercase()) {
            lint.error(
                &at,
                format!("`{id}` is a keyword of Rust"),
                format!("write what it does, such as `{rust}token`"),
            );
        } else if CLIENT_METHODS.contains(&rust.as_str()) {
            let message = format!("`{rust}` is a method that every client has");
            lint.error(&at, message, format!("write what it does, such as `{rust}_token`"));
        } else if let Some(other) = seen.insert(rust.clone(), id) {
            let message = if other == id {
                format!("two operations have the `operationId` `{id}`")
            } else {
                format!("the operations `{other}` and `{id}` would both be the method `{rust}`")
            };
            lint.error(&at, message, "rename one of them");
        }
    }
}

fn paths(lint: &mut Lint) {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for (path, item) in lint.root().entries("paths") {
        if !path.starts_with('/') {
            let message = format!("the path `{path}` doesn't start with a slash");
            lint.error(&item, message, format!("write `/{path}`"));
            continue;
        }
        if let Err(message) = placeholders(path) {
            lint.error(&item, format!("the path `{path}` {message}"), "write each parameter as `{name}`");
            continue;
        }
        if path.contains("//") {
            let message = format!("the path `{path}` has an empty part");
            lint.error(&item, message, format!("write `{}`", path.replace("//", "/")));
        }
        if let Some(c) = path.chars().find(|c| matches!(c, '?' | '#') || c.is_whitespace() || c.is_control()) {
            let help = match c {
                '?' => "remove the query, and write it as parameters with `in: query`",
                '#' => "remove the fragment",
                _ => "remove the space",
            };
            lint.error(&item, format!("the path `{path}` has a `{}` in it", c.escape_default()), help);
        }
        if let Some((message, help)) = leads_elsewhere(path) {
            lint.error(&item, format!("the path `{path}` {message}"), help);
        }
        let mut template = path.to_owned();
        for name in placeholders(path).unwrap_or_default() {
            template = template.replacen(&format!("{{{name}}}"), "{}", 1);
        }
        if let Some(other) = seen.insert(template, path) {
            let message = format!("`{other}` and `{path}` differ in the names of their parameters alone");
            lint.error(&item, message, "write one path with the operations of both");
        }
    }
}
