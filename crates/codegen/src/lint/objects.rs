//! Objects: their properties, and the names that these get in Rust.

use std::collections::HashMap;
use std::rc::Rc;

use crate::diagnostic::nearest;
use crate::ident;
use crate::lint::document::{Lint, Node, Resolved};

/// Returns what a property or a parameter is named after in Rust: its `x-name`, or its own name.
pub fn label<'a>(name: &'a str, node: &Node<'a>) -> &'a str {
    node.text("x-name").unwrap_or(name)
}

/// What is required is a property, and properties get different names in Rust.
pub fn objects<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    if schema.has("oneOf") || !["properties", "required", "allOf"].iter().any(|key| schema.has(key)) {
        return;
    }
    let fields = match lint.resolved(schema) {
        Resolved::Object(fields) => fields,
        Resolved::Map(_) => Rc::default(),
        _ => return,
    };
    let mut rust: HashMap<String, &str> = HashMap::new();
    for (name, node) in &fields.properties {
        let field = ident::snake(label(name, node));
        if !label(name, node).contains(|c: char| c.is_ascii_alphanumeric()) {
            let message = format!("the property `{name}` has no letter or digit to name a field after");
            lint.error(node, message, "add `x-name`, the field's name in snake_case");
        } else if let Some(other) = rust.insert(field.clone(), name) {
            let message = format!("the properties `{other}` and `{name}` would both be the field `{field}`");
            lint.error(node, message, "add `x-name` to one of them, another name for the field, in snake_case");
        }
    }
    let parts = lint.parts(schema);
    for part in parts {
        for required in part.items("required") {
            let Some(name) = required.value.as_str() else { continue };
            if fields.property(name).is_none() {
                let help = match nearest(name, fields.names()) {
                    Some(meant) => format!("write `{meant}`"),
                    None => format!("add `{name}` to `properties`, or remove it here"),
                };
                lint.error(&required, format!("`{name}` is required, and isn't a property"), help);
            }
        }
    }
    if let Some(more) = &fields.more
        && !fields.properties.is_empty()
    {
        let message = "properties beyond the named ones are dropped";
        lint.warn(more, message, "name those that matter under `properties`");
    }
}

/// An `x-name` is the name of a field or an argument.
pub fn rust_names<'a>(lint: &mut Lint<'a>, node: &Node<'a>) {
    let Some(name) = node.text("x-name") else { return };
    let rust = ident::snake(name);
    let is_snake = |name: &str| ident::snake(name) == name && name.starts_with(|c: char| c.is_ascii_lowercase());
    if !is_snake(name) {
        let meant = rust.trim_matches('_');
        let help = if is_snake(meant) && name.contains(|c: char| c.is_ascii_alphanumeric()) {
            format!("write `x-name: {meant}`")
        } else {
            "write another in snake_case: letters, digits and `_`, a letter first".to_owned()
        };
        lint.error(&(node.at(), "x-name"), format!("`{name}` can't name a field or an argument"), help);
    }
}
