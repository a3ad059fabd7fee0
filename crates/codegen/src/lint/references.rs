//! References: each resolves, and none leads back to itself. And the names of components.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::nearest;
use crate::ident;
use crate::lint::document::{At, Lint, MAX_DEPTH, Node, Place, Resolved};
use crate::lint::keys::Nodes;
use crate::lint::keys::table::Kind;
use crate::lint::rule::rule;
use crate::read::spec::is_alone;

/// Checks every reference, and every component's name.
pub fn check<'a>(lint: &mut Lint<'a>, nodes: &Nodes<'a>) {
    rule!(references(lint, nodes));
    rule!(component_names(lint));
    rule!(reference_chains(lint, nodes));
    rule!(reference_cycles(lint, nodes));
    rule!(endless_objects(lint, nodes));
}

/// A `$ref` stands alone, and resolves to a component of the right kind.
fn references<'a>(lint: &mut Lint<'a>, nodes: &Nodes<'a>) {
    let components = lint.root().get("components");
    let mut sections: HashMap<&str, HashSet<&str>> = HashMap::new();
    for (section, _) in lint.root().entries("components") {
        let named = components.iter().flat_map(|components| components.named(section)).map(|(name, _)| name);
        sections.insert(section, named.collect());
    }
    let none = HashSet::new();
    for (kind, node) in nodes {
        let (Some(section), Some(reference)) = (kind.section(), node.get("$ref")) else { continue };
        siblings(lint, *kind, node);
        resolves(lint, &reference, section, sections.get(section).unwrap_or(&none));
    }
}

fn siblings<'a>(lint: &mut Lint<'a>, kind: Kind, node: &Node<'a>) {
    let others = node.all().into_iter().filter(|(key, _)| *key != "$ref");
    let others: Vec<String> = others.map(|(key, _)| format!("`{key}`")).collect();
    if others.is_empty() {
        return;
    }
    let message = format!("OpenAPI 3.0 ignores {} beside a `$ref`", others.join(", "));
    let help = match (kind, node.text("$ref")) {
        (Kind::Schema, Some(reference)) => {
            format!("wrap it: `allOf: [{{ $ref: \"{reference}\" }}]` with the rest beside `allOf`")
        }
        _ => "write it in the component".to_owned(),
    };
    lint.error(node, message, help);
}

fn resolves<'a>(lint: &mut Lint<'a>, reference: &Node<'a>, section: &str, known: &HashSet<&str>) {
    let write = |name: &str| format!("write `$ref: \"#/components/{section}/{name}\"`");
    let Some(text) = reference.value.as_str() else {
        return lint.error(reference, "a `$ref` is a string", write("NAME"));
    };
    let last = text.rsplit('/').next().filter(|name| known.contains(name));
    let Some(pointer) = text.strip_prefix('#') else {
        let help = match last {
            Some(name) => write(name),
            None => format!("copy it into `components/{section}` of this file, and refer to it there"),
        };
        return lint.error(reference, format!("`{text}` refers to another file"), help);
    };
    let is_found = lint.spec.find(pointer).is_some();
    let (message, help) = match pointer.strip_prefix(&format!("/components/{section}/")) {
        Some(name) if known.contains(name) => return,
        Some(name) if name.contains('/') && is_found => (
            format!("`{text}` refers to a part of a component, and only a whole one has a type"),
            format!("make the part a component of its own in `components/{section}`, and refer to that"),
        ),
        Some(name) => {
            let mut known: Vec<&str> = known.iter().copied().collect();
            known.sort_unstable();
            let help = match nearest(name, known) {
                Some(meant) => write(meant),
                None => format!("add `{name}` to `components/{section}`"),
            };
            (format!("`{text}` does not resolve"), help)
        }
        None if is_found => (format!("`{text}` isn't in `components/{section}`"), write(last.unwrap_or("NAME"))),
        None => (format!("`{text}` does not resolve"), write(last.unwrap_or("NAME"))),
    };
    lint.error(reference, message, help);
}

/// Names of components are legal and become different types.
fn component_names(lint: &mut Lint) {
    let Some(components) = lint.root().get("components") else { return };
    let mut types: HashMap<String, &str> = HashMap::new();
    for (section, _) in components.members() {
        for (name, component) in components.named(section) {
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
                let message = format!("`{name}` can't name a component");
                lint.error(&component, message, "write letters, digits, `.`, `_` and `-` only");
                continue;
            }
            if section != "schemas" {
                continue;
            }
            let rust = ident::pascal(name);
            if !name.contains(|c: char| c.is_ascii_alphanumeric()) {
                lint.error(
                    &component,
                    format!("`{name}` has no letter or digit to name a type after"),
                    "write a name with letters, in PascalCase",
                );
            } else if let Some(other) = types.insert(rust.clone(), name) {
                let message = format!("`{other}` and `{name}` would both be the type `{rust}`");
                lint.error(&component, message, "rename one of them");
            }
        }
    }
}

/// No schema is behind more references than any stage follows.
fn reference_chains<'a>(lint: &mut Lint<'a>, nodes: &Nodes<'a>) {
    let mut long = None;
    let leads_on = |node: &Node<'a>| ["$ref", "allOf", "oneOf"].iter().any(|key| node.has(key));
    for (_, start) in nodes.iter().filter(|(kind, node)| kind.section().is_some() && leads_on(node)) {
        let mut node = *start;
        let mut seen = HashSet::new();
        let mut steps = 0;
        // A cycle is reported by `reference_cycles`.
        while steps <= MAX_DEPTH && seen.insert(node.at()) {
            let only = |key| match node.items(key).as_slice() {
                [only] if is_alone(node.value) => Some(*only),
                _ => None,
            };
            let target = node.text("$ref").and_then(|reference| reference.strip_prefix('#')).and_then(|pointer| {
                let value = lint.spec.find(pointer)?;
                Some(Node { value })
            });
            steps += usize::from(target.is_some());
            let Some(next) = target.or_else(|| only("allOf")).or_else(|| only("oneOf")) else { break };
            node = next;
        }
        if steps > MAX_DEPTH && !seen.contains(&node.at()) {
            long = Some(start.at());
            break;
        }
    }
    if let Some(at) = long {
        let message = format!("more than {MAX_DEPTH} references stand between this and a schema");
        lint.error(&at, message, "refer to the last of them");
    }
}

/// No object always holds another of its kind: such a value would have no end.
fn endless_objects<'a>(lint: &mut Lint<'a>, nodes: &Nodes<'a>) {
    let schemas: Vec<&Node<'a>> =
        nodes.iter().filter(|(kind, _)| *kind == Kind::Schema).map(|(_, node)| node).collect();
    let index: HashMap<At, usize> = schemas.iter().enumerate().map(|(index, node)| (node.at(), index)).collect();
    // Kahn's algorithm: a schema is ready once all of its required properties are, or one of its branches.
    let mut waits: Vec<Vec<usize>> = Vec::with_capacity(schemas.len());
    let mut missing: Vec<usize> = Vec::with_capacity(schemas.len());
    for node in &schemas {
        let find = |node: &Node<'a>| index.get(&node.at()).copied();
        let (on, count) = match lint.resolved(node) {
            _ if lint.is_nullable(node) => (Vec::new(), 0),
            Resolved::Object(fields) => {
                let required = fields.properties.iter().filter(|(name, _)| fields.required.contains(name));
                let on: Vec<usize> = required.filter_map(|(_, node)| find(node)).collect();
                let count = on.len();
                (on, count)
            }
            Resolved::Union(branches) => {
                let on: Vec<usize> = branches.iter().filter_map(find).collect();
                let count = usize::from(!on.is_empty() && on.len() == branches.len());
                (on, count)
            }
            _ => (Vec::new(), 0),
        };
        waits.push(on);
        missing.push(count);
    }
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); schemas.len()];
    for (schema, on) in waits.iter().enumerate() {
        on.iter().for_each(|other| waiting[*other].push(schema));
    }
    let mut ready: Vec<usize> = (0..schemas.len()).filter(|schema| missing[*schema] == 0).collect();
    while let Some(schema) = ready.pop() {
        for other in &waiting[schema] {
            if missing[*other] > 0 {
                missing[*other] -= 1;
                if missing[*other] == 0 {
                    ready.push(*other);
                }
            }
        }
    }
    // Every schema that still waits leads into a cycle, which is reported once.
    let mut reported: HashSet<usize> = HashSet::new();
    for start in (0..schemas.len()).filter(|schema| missing[*schema] > 0) {
        let mut path: Vec<usize> = Vec::new();
        let mut on_path: HashSet<usize> = HashSet::new();
        let mut schema = start;
        while !reported.contains(&schema) && on_path.insert(schema) {
            path.push(schema);
            let Some(next) = waits[schema].iter().find(|other| missing[**other] > 0) else { break };
            schema = *next;
        }
        let cycle = path.iter().position(|other| *other == schema).filter(|_| !reported.contains(&schema));
        if let Some(at) = cycle {
            let cycle: Vec<&Node<'a>> = path[at..].iter().map(|schema| schemas[*schema]).collect();
            let pointers: Vec<String> = cycle.iter().map(|node| lint.pointer(node)).collect();
            let names: Vec<String> = pointers.iter().map(|pointer| format!("`{}`", property_name(pointer))).collect();
            let first = pointers.iter().min_by_key(|pointer| lint.spec.rank(pointer)).map_or("", String::as_str);
            let message =
                format!("{} always holds another of its kind, so its value would have no end", names.join(" → "));
            let help = match cycle.len() {
                1 => "remove it from `required`, or add `nullable: true`",
                _ => "remove one of them from `required`, or add `nullable: true` to it",
            };
            lint.error(first, message, help);
        }
        reported.extend(path);
    }
}

/// Returns a property's name with its object's: `Node.left` for `/components/schemas/Node/properties/left`.
fn property_name(at: &str) -> String {
    let at = at.strip_prefix("/components/schemas/").unwrap_or(at);
    at.replace("/properties/", ".").replace("/allOf/", ".").replace("/oneOf/", ".")
}

/// No reference leads back to itself without a property between: such a type would have no value.
fn reference_cycles<'a>(lint: &mut Lint<'a>, nodes: &Nodes<'a>) {
    let mut done: HashSet<At> = HashSet::new();
    let sections = lint.root().get("components").into_iter().flat_map(|components| {
        let sections = components.members().into_iter();
        sections.flat_map(move |(section, _)| components.named(section)).collect::<Vec<_>>()
    });
    let names: HashMap<At, &str> = sections.map(|(name, component)| (component.at(), name)).collect();
    let components = nodes.iter().filter(|(kind, node)| kind.section().is_some() && names.contains_key(&node.at()));
    let edges = |node: &Node<'a>| -> Vec<Node<'a>> {
        let mut edges: Vec<Node<'a>> = Vec::new();
        if let Some(pointer) = node.text("$ref").and_then(|reference| reference.strip_prefix('#')) {
            edges.extend(lint.spec.find(pointer).map(|value| Node { value }));
        }
        edges.extend(["allOf", "oneOf"].into_iter().flat_map(|key| node.items(key)));
        edges.extend(["items", "additionalProperties"].into_iter().filter_map(|key| node.get(key)));
        edges
    };
    let mut found: Vec<(At, String)> = Vec::new();
    for (_, start) in components {
        // Depth first, with the path to the current node.
        let mut stack: Vec<(Node<'a>, usize)> = vec![(*start, 0)];
        let mut path: Vec<At> = Vec::new();
        while let Some((node, depth)) = stack.pop() {
            path.truncate(depth);
            if let Some(at) = path.iter().position(|other| *other == node.at()) {
                let names = path[at..].iter().filter_map(|at| names.get(at));
                let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
                found.push((node.at(), names.join(" → ")));
                continue;
            }
            if !done.insert(node.at()) {
                continue;
            }
            path.push(node.at());
            stack.extend(edges(&node).into_iter().rev().map(|edge| (edge, depth + 1)));
        }
    }
    for (at, names) in found {
        let (message, help) = if at.pointer(lint).starts_with("/components/schemas/") {
            (
                "refers back to itself without a property between, so it can have no type",
                "put a property of an object between, or write out what is meant",
            )
        } else {
            ("refers back to itself, so it has no content", "write out what is meant")
        };
        lint.error(&at, format!("{names} {message}"), help);
    }
}
