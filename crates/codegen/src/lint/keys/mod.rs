//! Every key of every object, and the form of its value.
//!
//! `openapiv3` drops a key that it doesn't know, so a typo would be silent. [`table`] lists the keys that OpenAPI allows; what
//! their values mean is for the other modules.

pub mod schema;
pub mod table;
mod values;

use serde_json::{Map, Value};

use crate::diagnostic::{distance, nearest};
use crate::lint::document::{Lint, METHODS, Node};
use crate::lint::keys::table::{Form, Kind, Support};
use crate::lint::keys::values::value_types;
use crate::lint::rule::rule;

/// Every node of the document that is an object of OpenAPI.
pub type Nodes<'a> = Vec<(Kind, Node<'a>)>;

/// Checks the whole document, and returns which object of OpenAPI each node is.
pub fn check<'a>(lint: &mut Lint<'a>) -> Nodes<'a> {
    let root = lint.root();
    let mut walk = Walk { lint, nodes: Vec::new() };
    walk.object(Kind::Root, &root);
    walk.nodes
}

struct Walk<'l, 'a> {
    lint: &'l mut Lint<'a>,
    nodes: Nodes<'a>,
}

impl<'a> Walk<'_, 'a> {
    fn object(&mut self, of: Kind, node: &Node<'a>) {
        let Some(map) = node.value.as_object() else {
            let key = self.lint.key(node);
            return rule!(value_types(self.lint, &key, node, Form::One(of)));
        };
        self.nodes.push((of, *node));
        if of.section().is_some() && map.contains_key("$ref") {
            return;
        }
        let mut misspelt = Vec::new();
        for (key, value) in map {
            let node = Node { value };
            match of.rows().iter().find(|(name, ..)| name == key) {
                Some((_, form, support)) => self.member(key, &node, *form, *support),
                None if key.starts_with("x-") => misspelt.extend(rule!(unknown_keys(self.lint, of, key, &node))),
                None => match of {
                    Kind::Paths if key.starts_with('/') => self.object(Kind::PathItem, &node),
                    Kind::Paths => {}
                    Kind::Responses => self.object(Kind::Response, &node),
                    _ => misspelt.extend(rule!(unknown_keys(self.lint, of, key, &node))),
                },
            }
        }
        rule!(required_keys(self.lint, of, node, map, &misspelt));
    }

    fn member(&mut self, key: &str, node: &Node<'a>, form: Form, support: Support) {
        rule!(unsupported_keys(self.lint, key, node, support));
        if !matches!(support, Support::Unsupported(..)) {
            rule!(value_types(self.lint, key, node, form));
            self.children(node, form);
        }
    }

    fn children(&mut self, node: &Node<'a>, form: Form) {
        let values = |node: &Node<'a>| node.value.as_array().into_iter().flatten();
        let members = |node: &Node<'a>| node.value.as_object().into_iter().flatten();
        match form {
            Form::One(of) if node.value.is_object() => self.object(of, node),
            Form::List(of) => values(node).for_each(|value| self.object(of, &Node { value })),
            Form::Map(of) => members(node).for_each(|(_, value)| self.object(of, &Node { value })),
            Form::SchemaOrBool if !node.value.is_boolean() => self.object(Kind::Schema, node),
            _ => {}
        }
    }
}

fn unsupported_keys<'a>(lint: &mut Lint<'a>, key: &str, node: &Node<'a>, support: Support) {
    match support {
        Support::Unsupported(why, help) => lint.error(node, format!("`{key}` {why}"), help),
        // `deprecated: false` means nothing.
        Support::Ignored(what) if *node.value != Value::Bool(false) && !node.value.is_null() => {
            lint.warn(node, format!("`{key}` {what}"), "leave it for the reader, or remove it");
        }
        _ => {}
    }
}

/// The keys that an object lacks, except those that a misspelt one was meant to be.
fn required_keys<'a>(lint: &mut Lint<'a>, of: Kind, node: &Node<'a>, map: &Map<String, Value>, misspelt: &[&str]) {
    for (name, form, support) in of.rows() {
        if !matches!(support, Support::Required) || map.contains_key(*name) || misspelt.contains(name) {
            continue;
        }
        let help = match (of, *name) {
            (Kind::Root, "servers") => {
                "add `servers: [{ url: https://api.example.com, x-name: production }]`".to_owned()
            }
            (Kind::Operation, "operationId") => {
                "add one in snake_case, such as `operationId: create_token`: it names the method".to_owned()
            }
            (Kind::Parameter | Kind::Header, "schema") if node.has("content") => continue,
            (Kind::Example, "value") if node.has("externalValue") => continue,
            (Kind::Example, "value") => "write the example under `value`".to_owned(),
            (Kind::Response, "description") => {
                "add `description`, the meaning of the response: OpenAPI requires it".to_owned()
            }
            (Kind::Info, "version") => "add the version of the vendor's API, such as `version: \"1\"`".to_owned(),
            (_, _) if matches!(form, Form::One(Kind::Schema)) => {
                "add `schema`, such as `schema: { type: string }`".to_owned()
            }
            _ => format!("add `{name}`"),
        };
        lint.error(node, format!("{} has no `{name}`", of.name()), help);
    }
}

/// A key without a row. Returns the key that was meant, if there is a likely one.
fn unknown_keys<'a>(lint: &mut Lint<'a>, of: Kind, key: &str, node: &Node<'a>) -> Option<&'static str> {
    if key.starts_with("x-") {
        return extension(lint, of, key, node);
    }
    let names = || of.rows().iter().map(|(name, ..)| *name);
    let meant = nearest(key, names());
    let message = format!("`{key}` is not a key of {}", of.name());
    let help = match (of, key, meant) {
        (_, _, Some(meant)) => format!("write `{meant}`"),
        (_, "$ref", _) => "write the object in place".to_owned(),
        (Kind::PathItem, _, _) if METHODS.contains(&key.to_lowercase().as_str()) => {
            format!("write `{}`", key.to_lowercase())
        }
        (Kind::Schema, _, _) => "remove it; a property goes under `properties`".to_owned(),
        _ => "remove it, or write it as an extension, `x-…`".to_owned(),
    };
    lint.error(node, message, help);
    names().find(|name| meant == Some(*name))
}

/// The extensions that have a meaning here.
const EXTENSIONS: [&str; 3] = ["x-token", "x-name", "x-names"];

/// Any extension is allowed, except one of ours in the wrong place, and what looks like a typo of one.
fn extension<'a>(lint: &mut Lint<'a>, of: Kind, key: &str, node: &Node<'a>) -> Option<&'static str> {
    if key == "x-rust-type" || key.starts_with("x-dropshot-") {
        let message = format!("`{key}` would change the generated code in a way that the spec doesn't show");
        lint.error(node, message, "remove it: types come from the schema alone");
        return None;
    }
    if let Some(word) = EXTENSIONS.into_iter().find(|word| key == *word) {
        let message = format!("`{word}` has no meaning in {}", of.name());
        lint.error(node, message, format!("move it to {}", home_of(word)));
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace('_', "-").trim_end_matches('s').to_owned();
    let is_near = |word: &&str| distance(key, word) <= 2 || plain(key) == plain(word);
    let words = EXTENSIONS.into_iter().filter(|word| of.rows().iter().any(|(name, ..)| name == word));
    let word = words.filter(is_near).min_by_key(|word| distance(key, word))?;
    let message = format!("`{key}` looks like a typo of `{word}`");
    lint.error(node, message, format!("write `{word}`, or give the extension another name"));
    Some(word)
}

fn home_of(word: &str) -> &'static str {
    match word {
        "x-token" => "the root of the document",
        "x-names" => "the schema with the `enum`",
        _ => "a server, one of its variables, a parameter or a property",
    }
}
