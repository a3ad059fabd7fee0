//! What belongs to the whole document: references, names of components, servers and security schemes.

use crate::emit::settings::RESERVED;
use crate::ident;
use crate::lint::document::Lint;
use crate::lint::document::{At, MAX_DEPTH, Node, Operation, Place, Shape};
use crate::lint::keys::{Kind, Nodes};
use crate::lint::schemas::{label, rust_name};
use crate::lint::syntax::{is_header, is_ragged, leads_elsewhere, own_header, placeholders};
use crate::problem::list;
use crate::problem::{distance, nearest};
use crate::read::spec;
use crate::read::spec::is_alone;
use crate::read::x_token::KEY;
use crate::vendor::is_keyword;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// Checks them.
pub fn check<'a>(lint: &mut Lint<'a>, nodes: &Nodes<'a>) {
    references(lint, nodes);
    component_names(lint);
    chains(lint, nodes);
    circles(lint, nodes);
    endless(lint, nodes);
    servers(lint);
    security(lint);
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
            let instead = match text.rsplit('/').next().filter(|name| known.contains(*name)) {
                Some(name) => format!("write `$ref: \"#/components/{section}/{name}\"`"),
                None => format!("copy it into `components/{section}` of this file, and refer to it there"),
            };
            lint.error("references", &reference, format!("`{text}` leads out of this file"), instead);
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
                let instead = match nearest(name, known) {
                    Some(meant) => format!("write `$ref: \"#/components/{section}/{meant}\"`"),
                    None => format!("add `{name}` to `components/{section}`"),
                };
                lint.error("references", &reference, format!("`{text}` leads nowhere"), instead);
            }
            None => {
                let name = text.rsplit('/').next().unwrap_or_default();
                let what = match lint.spec.find(pointer) {
                    Some(_) => format!("`{text}` leads to something else than is wanted here"),
                    None => format!("`{text}` leads nowhere"),
                };
                let name = if known.contains(name) { name } else { "NAME" };
                lint.error("references", &reference, what, format!("write `$ref: \"#/components/{section}/{name}\"`"));
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
                let what = format!("`{name}` can't name a component");
                lint.error("component-names", &component, what, "write letters, digits, `.`, `_` and `-` alone");
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
                let what = format!("`{other}` and `{name}` would both be the type `{rust}`");
                lint.error("component-names", &component, what, "rename one of them");
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
        let what = format!("more than {MAX_DEPTH} references lead from here to a schema");
        lint.error("reference-chains", &at, what, "refer to the last of them");
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
            let what = format!("{} always holds another of its kind, so no value of it has an end", names.join(" → "));
            let instead = match circle.len() {
                1 => "remove it from `required`, or add `nullable: true`",
                _ => "remove one of them from `required`, or add `nullable: true` to it",
            };
            lint.error("endless-objects", first, what, instead);
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
        let (what, instead) = match at.pointer(lint).starts_with("/components/schemas/") {
            true => (
                "leads back to itself with no property on the way, so it can have no type",
                "put a property of an object between, or write out what is meant",
            ),
            false => ("leads back to itself, so it stands for nothing", "write out what is meant"),
        };
        lint.error("reference-cycles", &at, format!("{names} {what}"), instead);
    }
}

fn servers(lint: &mut Lint) {
    let servers = lint.root().items("servers");
    let mut names: HashMap<String, String> = HashMap::new();
    for server in &servers {
        match server.text("x-name") {
            None if servers.len() > 1 && !server.has("x-name") => {
                lint.error(
                    "servers",
                    server,
                    "one of several servers has no name",
                    "add `x-name`, in snake_case, such as `x-name: production`",
                );
            }
            None => {}
            Some(name) => server_name(lint, server, name, &mut names),
        }
        if let Some(url) = server.get("url")
            && let Some(text) = url.value.as_str()
        {
            match (check_url(text), with_defaults(server, text)) {
                (Err((what, instead)), _) => lint.error("servers", &url, what, instead),
                (_, Some(whole)) => {
                    if let Err((what, instead)) = check_url(&whole) {
                        lint.error("servers", &url, format!("with its defaults, {what}"), instead);
                    }
                }
                _ => {}
            }
            variables(lint, server, text);
        }
    }
}

/// A server's URL with the defaults of its variables; none where it has no variable, or one is asked for.
fn with_defaults(server: &Node, url: &str) -> Option<String> {
    let variables = server.named("variables");
    let mut whole = url.to_owned();
    for (name, variable) in &variables {
        let default = variable.text("default").filter(|_| variable.has("enum"))?;
        whole = whole.replace(&format!("{{{name}}}"), default);
    }
    (!variables.is_empty()).then_some(whole)
}

fn server_name<'a>(lint: &mut Lint<'a>, server: &Node<'a>, name: &str, names: &mut HashMap<String, String>) {
    let at = (server.at(), "x-name");
    let rust = ident::snake(name);
    let is_legal = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    if !is_legal {
        let instead = match rust.trim_matches('_') {
            "" | "x" => "write it in snake_case, such as `x-name: production`".to_owned(),
            meant => format!("write `x-name: {meant}`"),
        };
        lint.error("server-names", &at, format!("`{name}` can't name a server: it becomes a function's name"), instead);
    } else if is_keyword(name) || RESERVED.contains(&rust.as_str()) {
        lint.error(
            "server-names",
            &at,
            format!("`{name}` is taken as the name of a function"),
            "write another, such as `x-name: production`",
        );
    } else if let Some(other) = names.insert(rust.clone(), name.to_owned()) {
        let what = if other == name {
            format!("two servers are named `{name}`")
        } else {
            format!("the servers `{other}` and `{name}` would both be `{rust}`")
        };
        lint.error("server-names", &at, what, "rename one of them");
    }
}

/// Whether a server's URL is one that tokens may travel to.
fn check_url(url: &str) -> Result<(), (String, String)> {
    let fail = |what: &str, instead: &str| Err((format!("`{url}` {what}"), instead.to_owned()));
    if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return fail("has a space in it", "remove it");
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return fail("is no absolute URL", "write it whole, such as `https://api.example.com/v1`");
    };
    let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') && !port.contains('}') => {
            if port.parse::<u16>().is_err() && !authority.contains('@') && !port.is_empty() {
                return fail("has a port that there isn't", "write one of 1 to 65535, or none");
            }
            host
        }
        _ => authority,
    };
    let is_loopback = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    match scheme.to_ascii_lowercase().as_str() {
        "https" => {}
        "http" if is_loopback => {}
        "http" => return fail("would send secrets in the clear", "write `https`; only a loopback host may do without"),
        _ => return fail("is no address on the web", "write an `https` URL"),
    }
    if authority.contains('@') {
        return fail("has a user in it", "remove what stands before the `@`, and write a security scheme");
    }
    if host.is_empty() {
        return fail("has no host", "write it whole, such as `https://api.example.com/v1`");
    }
    if !is_host(host) {
        return fail("has a host that there isn't", "write a name, an IPv4 address, or an IPv6 address in brackets");
    }
    if path.contains('?') {
        return fail("has a query", "remove it; a parameter with an `enum` of one value is sent with every request");
    }
    if path.contains('#') {
        return fail("has a fragment", "remove it");
    }
    if let Some((what, instead)) = leads_elsewhere(path) {
        return fail(what, instead);
    }
    Ok(())
}

/// Whether a host is a name or an address; of what a variable holds nothing is known.
fn is_host(host: &str) -> bool {
    if let Some(inside) = host.strip_prefix('[') {
        return inside.strip_suffix(']').is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    }
    if host.contains('{') {
        return true;
    }
    let looks_like_ipv4 = host.rsplit('.').next().is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    match looks_like_ipv4 && !host.is_empty() {
        true => host.parse::<std::net::Ipv4Addr>().is_ok(),
        false => !host.contains(|c: char| c.is_ascii_punctuation() && !matches!(c, '.' | '-' | '_')),
    }
}

fn variables<'a>(lint: &mut Lint<'a>, server: &Node<'a>, url: &str) {
    let declared = server.named("variables");
    let at = (server.at(), "url");
    let used = match placeholders(url) {
        Ok(used) => used,
        Err(what) => {
            return lint.error("server-variables", &at, format!("`{url}` {what}"), "write each variable as `{name}`");
        }
    };
    for name in &used {
        if !declared.iter().any(|(other, _)| other == name) {
            let instead = match nearest(name, declared.iter().map(|(name, _)| *name)) {
                Some(meant) => format!("write `{{{meant}}}`"),
                None => format!("add `variables: {{ {name}: {{ default: … }} }}` to this server"),
            };
            lint.error("server-variables", &at, format!("the variable `{name}` isn't declared"), instead);
        }
    }
    let mut rust: HashMap<String, &str> = HashMap::new();
    for (name, variable) in &declared {
        if !used.contains(name) {
            let what = format!("the variable `{name}` isn't in the URL");
            lint.error("server-variables", variable, what, format!("write `{{{name}}}` in `url`, or remove it"));
        }
        rust_name(lint, variable);
        let label = label(name, variable);
        if !label.contains(|c: char| c.is_ascii_alphanumeric()) {
            let what = format!("the variable `{name}` gives no name to a setting");
            lint.error("server-variables", variable, what, "add `x-name`, the setting's name in snake_case");
        } else if let Some(other) = rust.insert(ident::snake(label), name) {
            let what = format!("the variables `{other}` and `{name}` would have one name");
            lint.error("server-variables", variable, what, "rename one of them, or add `x-name` to it");
        }
        let values = variable.texts("enum");
        let in_host = url.find("://").is_none_or(|scheme| {
            let path = url[scheme + 3..].find('/').map_or(url.len(), |path| scheme + 3 + path);
            url.find(&format!("{{{name}}}")).is_some_and(|variable| variable < path)
        });
        // The default of another is never used.
        for value in variable.items("enum") {
            let Some(text) = value.value.as_str() else { continue };
            if let Some((what, instead)) = unfit(text, in_host) {
                lint.error("server-variables", &value, format!("`{text}` {what}"), instead);
            }
        }
        if let Some(default) = variable.text("default")
            && variable.has("enum")
            && !values.contains(&default)
        {
            let what = format!("the default `{default}` is none of the variable's values");
            lint.error("server-variables", &(variable.at(), "default"), what, format!("write {}", list(values)));
        }
    }
}

/// Why a server's variable can't have a value. Without one it is asked for.
fn unfit(value: &str, in_host: bool) -> Option<(&'static str, &'static str)> {
    let is_name = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    match value {
        _ if in_host && !is_name => {
            Some(("can't stand in a host", "write letters, digits, `.` and `-`, and the rest in `url`"))
        }
        "." | ".." => Some(("leads elsewhere", "write where it leads")),
        _ if value.contains('/') => Some(("would be one segment, its `/` sent as `%2F`", "write a variable for each")),
        _ => None,
    }
}

fn security(lint: &mut Lint) {
    let components = lint.root().get("components");
    let schemes: Vec<(&str, Node)> =
        components.iter().flat_map(|components| components.named("securitySchemes")).collect();
    for (_, scheme) in &schemes {
        check_scheme(lint, &lint.resolve(scheme));
    }
    let mut rust: HashMap<String, &str> = HashMap::new();
    for (name, scheme) in &schemes {
        if let Some(other) = rust.insert(ident::snake(name), name) {
            let what = format!("the schemes `{other}` and `{name}` would have one name");
            lint.error("security", scheme, what, "rename one of them");
        }
    }

    let mut places = vec![lint.root()];
    places.extend(lint.operations().into_iter().map(|operation| operation.node));
    for place in places {
        for requirement in place.items("security") {
            let mut written: Vec<(Written, &str)> = Vec::new();
            for (name, scopes) in requirement.all() {
                let Some((_, scheme)) = schemes.iter().find(|(other, _)| *other == name) else {
                    let instead = match nearest(name, schemes.iter().map(|(name, _)| *name)) {
                        Some(meant) => format!("write `{meant}`"),
                        None => format!("add `{name}` to `components/securitySchemes`"),
                    };
                    lint.error("security", &scopes, format!("there is no security scheme `{name}`"), instead);
                    continue;
                };
                let Some(writes) = Written::by(&lint.resolve(scheme)) else { continue };
                if let Some((_, other)) = written.iter().find(|(other, _)| *other == writes) {
                    let what = format!("`{other}` and `{name}` would each write {writes}");
                    lint.error(
                        "security",
                        &requirement,
                        what,
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
                let what = format!("the security scheme `{scheme}` of {} writes {writes} too", operation.name());
                lint.error("security", &parameter, what, "remove the parameter, or the scheme from `security`");
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
    let need = |lint: &mut Lint, key: &str, instead: &str| {
        if !scheme.has(key) {
            lint.error("security-schemes", scheme, format!("the security scheme has no `{key}`"), instead);
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
                        let what = format!("the header `{name}` is the client's to write");
                        lint.error("security-schemes", &at, what, format!("remove the scheme: {why}"));
                    }
                }
                (Some("query"), Some("")) => {
                    lint.error("security-schemes", &at, "the name of the query parameter is empty", "write its name");
                }
                (Some("query"), Some(name)) if is_ragged(name) => {
                    let what = format!("the name {name:?} has a space around it, or a control character in it");
                    lint.error("security-schemes", &at, what, "write it as the vendor does, without");
                }
                _ => {}
            }
        }
        Some("http") => {
            need(lint, "scheme", "add `scheme: basic` or `scheme: bearer`");
            if let Some(name) = scheme.text("scheme").filter(|name| !is_header(name)) {
                let what = format!("`{name}` can't stand in an `Authorization` header");
                lint.error(
                    "security-schemes",
                    &(scheme.at(), "scheme"),
                    what,
                    "write `basic`, `bearer`, or another single word",
                );
            } else if let Some(name) = scheme.text("scheme") {
                let lower = name.to_lowercase();
                let near = ["basic", "bearer"].into_iter().find(|word| matches!(distance(&lower, word), 1 | 2));
                if let Some(meant) = near {
                    let what = format!("the scheme `{name}` would be sent as it is, with another credential");
                    lint.error("security-schemes", &(scheme.at(), "scheme"), what, format!("write `{meant}`"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_absolute_https_url_or_loopback() {
        for url in [
            "https://api.example.com",
            "https://api.example.com:8443/v1/",
            "https://{cluster}.example.com/{version}",
            "https://example.com:{port}/v1",
            "http://localhost:8080",
            "http://127.0.0.1",
            "http://[::1]:9",
            "HTTPS://EXAMPLE.COM",
            "https://192.0.2.1:65535",
            "https://[2001:db8::1]/v1",
            "https://a_b.example-c.com",
            "https://größe.example",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in [
            "",
            "/v1",
            "api.example.com",
            "http://api.example.com",
            "ftp://a",
            "https://",
            "https:///v1",
            "https://a?b=c",
            "https://a/#b",
            "https://u:p@a",
            "https://a b",
            "http://localhost.evil.com",
            "{url}",
            "https://a.example:99999",
            "https://a.example:80a",
            "https://[::1",
            "https://[::g]",
            "https://::1",
            "https://300.0.0.1",
            "https://a,b.example",
            "https://a.example/v1/../v2",
            "https://a.example/v1\\v2",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }
}
