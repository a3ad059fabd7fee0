//! References: that each resolves, and that none leads in a circle. And the names of components.

use crate::diagnostic::nearest;
use crate::ident;
use crate::lint::document::Lint;
use crate::lint::document::{At, MAX_DEPTH, Node, Place, Shape};
use crate::lint::keys::{Kind, Nodes};
use crate::read::spec::is_alone;
use std::collections::{HashMap, HashSet};

/// Checks them.
pub fn check<'a>(lint: &mut Lint<'a>, nodes: &Nodes<'a>) {
    references(lint, nodes);
    component_names(lint);
    chains(lint, nodes);
    circles(lint, nodes);
    endless(lint, nodes);
}

fn references<'a>(lint: &mut Lint<'a>, nodes: &Nodes<'a>) {
    let mut sections: HashMap<&str, HashSet<&str>> = HashMap::new();
    for (section, _) in lint.root().entries("components") {
        let components = lint.root().get("components");
        let named = components.iter().flat_map(|components| components.named(section)).map(|(name, _)| name);
        sections.insert(section, named.collect());
    }
    let none = HashSet::new();
    for (kind, node) in nodes {
        let (Some(section), Some(reference)) = (kind.section(), node.get("$ref")) else { continue };
        let Some(text) = reference.value.as_str() else {
            lint.error(
                "references",
                &reference,
                "a `$ref` is text",
                format!("write `$ref: \"#/components/{section}/NAME\"`"),
            );
            continue;
        };
        let known = sections.get(section).unwrap_or(&none);
        let Some(pointer) = text.strip_prefix('#') else {
            let help = match text.rsplit('/').next().filter(|name| known.contains(*name)) {
                Some(name) => format!("write `$ref: \"#/components/{section}/{name}\"`"),
                None => format!("copy it into `components/{section}` of this file, and refer to it there"),
            };
            lint.error("references", &reference, format!("`{text}` leads out of this file"), help);
            continue;
        };
        match pointer.strip_prefix(&format!("/components/{section}/")) {
            Some(name) if known.contains(name) => {}
            Some(name) if name.contains('/') && lint.spec.find(pointer).is_some() => {
                lint.error(
                    "references",
                    &reference,
                    format!("`{text}` leads into a component, and only a whole one has a type"),
                    format!("make the part a component of its own in `components/{section}`, and refer to that"),
                );
            }
            Some(name) => {
                let mut known: Vec<&str> = known.iter().copied().collect();
                known.sort_unstable();
                let help = match nearest(name, known) {
                    Some(meant) => format!("write `$ref: \"#/components/{section}/{meant}\"`"),
                    None => format!("add `{name}` to `components/{section}`"),
                };
                lint.error("references", &reference, format!("`{text}` leads nowhere"), help);
            }
            None => {
                let name = text.rsplit('/').next().unwrap_or_default();
                let message = match lint.spec.find(pointer) {
                    Some(_) => format!("`{text}` leads to something else than is wanted here"),
                    None => format!("`{text}` leads nowhere"),
                };
                let name = if known.contains(name) { name } else { "NAME" };
                lint.error(
                    "references",
                    &reference,
                    message,
                    format!("write `$ref: \"#/components/{section}/{name}\"`"),
                );
            }
        }
    }
}

fn component_names(lint: &mut Lint) {
    let Some(components) = lint.root().get("components") else { return };
    let mut types: HashMap<String, &str> = HashMap::new();
    for (section, _) in components.members() {
        for (name, component) in components.named(section) {
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
                let message = format!("`{name}` can't name a component");
                lint.error("component-names", &component, message, "write letters, digits, `.`, `_` and `-` alone");
                continue;
            }
            if section != "schemas" {
                continue;
            }
            let rust = ident::pascal(name);
            if !name.contains(|c: char| c.is_ascii_alphanumeric()) {
                lint.error(
                    "component-names",
                    &component,
                    format!("`{name}` gives no name to a type"),
                    "write a name with letters, in PascalCase",
                );
            } else if let Some(other) = types.insert(rust.clone(), name) {
                let message = format!("`{other}` and `{name}` would both be the type `{rust}`");
                lint.error("component-names", &component, message, "rename one of them");
            }
        }
    }
}

/// References that lead on for longer than any stage follows them.
fn chains<'a>(lint: &mut Lint<'a>, nodes: &Nodes<'a>) {
    let mut long = None;
    let leads_on = |node: &Node<'a>| ["$ref", "allOf", "oneOf"].iter().any(|key| node.has(key));
    for (_, start) in nodes.iter().filter(|(kind, node)| kind.section().is_some() && leads_on(node)) {
        let mut node = *start;
        let mut seen = HashSet::new();
        let mut steps = 0;
        // What turns in a circle is told of below.
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
        let message = format!("more than {MAX_DEPTH} references lead from here to a schema");
        lint.error("reference-chains", &at, message, "refer to the last of them");
    }
}

/// Objects that always hold another of their kind: no value of such a type can be written, and none ends.
fn endless<'a>(lint: &mut Lint<'a>, nodes: &Nodes<'a>) {
    let schemas: Vec<&Node<'a>> =
        nodes.iter().filter(|(kind, _)| *kind == Kind::Schema).map(|(_, node)| node).collect();
    let index: HashMap<At, usize> = schemas.iter().enumerate().map(|(index, node)| (node.at(), index)).collect();
    // What each schema waits for: all of its required properties, or one of its branches.
    let mut waits: Vec<Vec<usize>> = Vec::with_capacity(schemas.len());
    let mut missing: Vec<usize> = Vec::with_capacity(schemas.len());
    for node in &schemas {
        let find = |node: &Node<'a>| index.get(&node.at()).copied();
        let (on, count) = match lint.shape(node) {
            _ if lint.is_nullable(node) => (Vec::new(), 0),
            Shape::Object(fields) => {
                let required = fields.properties.iter().filter(|(name, _)| fields.required.contains(name));
                let on: Vec<usize> = required.filter_map(|(_, node)| find(node)).collect();
                let count = on.len();
                (on, count)
            }
            Shape::Union(branches) => {
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
    // Whatever still waits leads into a circle: each is told of once.
    let mut told: HashSet<usize> = HashSet::new();
    for start in (0..schemas.len()).filter(|schema| missing[*schema] > 0) {
        let mut way: Vec<usize> = Vec::new();
        let mut on_way: HashSet<usize> = HashSet::new();
        let mut schema = start;
        while !told.contains(&schema) && on_way.insert(schema) {
            way.push(schema);
            let Some(next) = waits[schema].iter().find(|other| missing[**other] > 0) else { break };
            schema = *next;
        }
        let circle = way.iter().position(|other| *other == schema).filter(|_| !told.contains(&schema));
        if let Some(at) = circle {
            let circle: Vec<&Node<'a>> = way[at..].iter().map(|schema| schemas[*schema]).collect();
            let pointers: Vec<String> = circle.iter().map(|node| lint.pointer(node)).collect();
            let names: Vec<String> = pointers.iter().map(|pointer| format!("`{}`", property_name(pointer))).collect();
            let first = pointers.iter().min_by_key(|pointer| lint.spec.rank(pointer)).map_or("", String::as_str);
            let message =
                format!("{} always holds another of its kind, so no value of it has an end", names.join(" → "));
            let help = match circle.len() {
                1 => "remove it from `required`, or add `nullable: true`",
                _ => "remove one of them from `required`, or add `nullable: true` to it",
            };
            lint.error("endless-objects", first, message, help);
        }
        told.extend(way);
    }
}

/// A property by its object: `Node.left` for `/components/schemas/Node/properties/left`.
fn property_name(at: &str) -> String {
    let at = at.strip_prefix("/components/schemas/").unwrap_or(at);
    at.replace("/properties/", ".").replace("/allOf/", ".").replace("/oneOf/", ".")
}

/// References that come back to where they start with no property on the way: a type that could have no value.
fn circles<'a>(lint: &mut Lint<'a>, nodes: &Nodes<'a>) {
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
        // Depth first, with the way that led here.
        let mut stack: Vec<(Node<'a>, usize)> = vec![(*start, 0)];
        let mut way: Vec<At> = Vec::new();
        while let Some((node, depth)) = stack.pop() {
            way.truncate(depth);
            if let Some(at) = way.iter().position(|other| *other == node.at()) {
                let names = way[at..].iter().filter_map(|at| names.get(at));
                let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
                found.push((node.at(), names.join(" → ")));
                continue;
            }
            if !done.insert(node.at()) {
                continue;
            }
            way.push(node.at());
            stack.extend(edges(&node).into_iter().rev().map(|edge| (edge, depth + 1)));
        }
    }
    for (at, names) in found {
        let (message, help) = match at.pointer(lint).starts_with("/components/schemas/") {
            true => (
                "leads back to itself with no property on the way, so it can have no type",
                "put a property of an object between, or write out what is meant",
            ),
            false => ("leads back to itself, so it stands for nothing", "write out what is meant"),
        };
        lint.error("reference-cycles", &at, format!("{names} {message}"), help);
    }
}
