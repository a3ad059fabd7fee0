//! The document as the rules see it: nodes with their places, references followed, `allOf` merged.
//!
//! Everything here accepts any document, however wrong: what is missing is absent, and every cycle ends.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, join};
use crate::read::media_type::is_json;
use crate::read::spec::{Spec, is_alone, pointers};

/// How many references or levels are followed before they count as a cycle.
pub const MAX_DEPTH: usize = 64;

/// The methods that a path can have.
pub const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// A value of the document.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    pub value: &'a Value,
}

/// The place of a node: its address in memory. Its pointer is looked up only if there is something to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct At(*const Value);

/// The place of a diagnostic.
pub trait Place {
    /// Its JSON Pointer.
    fn pointer(&self, lint: &Lint<'_>) -> String;
}

impl Place for At {
    fn pointer(&self, lint: &Lint<'_>) -> String {
        lint.pointers().get(self).cloned().unwrap_or_default()
    }
}

/// A member of a node, which may be absent.
impl Place for (At, &str) {
    fn pointer(&self, lint: &Lint<'_>) -> String {
        join(&self.0.pointer(lint), self.1)
    }
}

impl Place for Node<'_> {
    fn pointer(&self, lint: &Lint<'_>) -> String {
        self.at().pointer(lint)
    }
}

impl Place for str {
    fn pointer(&self, _: &Lint<'_>) -> String {
        self.to_owned()
    }
}

impl Place for String {
    fn pointer(&self, _: &Lint<'_>) -> String {
        self.clone()
    }
}

impl<'a> Node<'a> {
    pub fn at(&self) -> At {
        At(self.value)
    }

    pub fn get(&self, key: &str) -> Option<Node<'a>> {
        Some(Node { value: self.value.get(key)? })
    }

    pub fn has(&self, key: &str) -> bool {
        self.value.get(key).is_some()
    }

    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.value.get(key)?.as_str()
    }

    pub fn flag(&self, key: &str) -> bool {
        self.value.get(key) == Some(&Value::Bool(true))
    }

    /// Returns the members of the object under `key`, without extensions.
    pub fn entries(&self, key: &str) -> Vec<(&'a str, Node<'a>)> {
        self.get(key).map(|node| node.members()).unwrap_or_default()
    }

    /// Returns the members of an object, without extensions.
    pub fn members(&self) -> Vec<(&'a str, Node<'a>)> {
        let map = self.value.as_object().into_iter().flatten();
        map.filter(|(key, _)| !key.starts_with("x-")).map(|(key, value)| (key.as_str(), Node { value })).collect()
    }

    /// Returns all members of an object, whose names are the user's and may start with `x-`.
    pub fn all(&self) -> Vec<(&'a str, Node<'a>)> {
        let map = self.value.as_object().into_iter().flatten();
        map.map(|(key, value)| (key.as_str(), Node { value })).collect()
    }

    /// Returns all members of the object under `key`.
    pub fn named(&self, key: &str) -> Vec<(&'a str, Node<'a>)> {
        self.get(key).map(|node| node.all()).unwrap_or_default()
    }

    /// Returns the elements of the list under `key`.
    pub fn items(&self, key: &str) -> Vec<Node<'a>> {
        let Some(node) = self.get(key) else { return Vec::new() };
        node.value.as_array().into_iter().flatten().map(|value| Node { value }).collect()
    }

    /// Returns the strings of the list under `key`.
    pub fn texts(&self, key: &str) -> Vec<&'a str> {
        self.items(key).iter().filter_map(|node| node.value.as_str()).collect()
    }
}

/// A schema after following references and merging `allOf`.
#[derive(Clone, Debug)]
pub enum Resolved<'a> {
    Object(Rc<Fields<'a>>),
    /// One of several.
    Union(Vec<Node<'a>>),
    /// `string`, `integer`, `number` or `boolean`.
    Scalar(&'a str, Node<'a>),
    List(Option<Node<'a>>),
    /// An object without named properties; the schema of its values, if it has one.
    Map(Option<Node<'a>>),
    Any,
}

/// The properties of an object, with those of all its parts.
#[derive(Clone, Debug, Default)]
pub struct Fields<'a> {
    pub properties: Vec<(&'a str, Node<'a>)>,
    pub required: HashSet<&'a str>,
    /// The schema of further properties, if there is one.
    pub more: Option<Node<'a>>,
}

impl<'a> Fields<'a> {
    pub fn property(&self, name: &str) -> Option<&Node<'a>> {
        self.properties.iter().find(|(key, _)| *key == name).map(|(_, node)| node)
    }

    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.properties.iter().map(|(name, _)| *name)
    }
}

impl Resolved<'_> {
    /// Returns what it is, for a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Resolved::Object(_) => "an object",
            Resolved::Union(_) => "one of several",
            Resolved::Scalar("string", _) => "a string",
            Resolved::Scalar("integer", _) => "an integer",
            Resolved::Scalar("boolean", _) => "a boolean",
            Resolved::Scalar(..) => "a number",
            Resolved::List(_) => "a list",
            Resolved::Map(_) => "an object without named properties",
            Resolved::Any => "of any type",
        }
    }
}

/// An operation and its place.
#[derive(Clone, Debug)]
pub struct Operation<'a> {
    pub path: &'a str,
    pub method: &'a str,
    pub item: Node<'a>,
    pub node: Node<'a>,
}

impl<'a> Operation<'a> {
    pub fn id(&self) -> &'a str {
        self.node.text("operationId").unwrap_or_default()
    }

    /// Returns its name in messages.
    pub fn name(&self) -> String {
        match self.id() {
            "" => format!("{} {}", self.method.to_uppercase(), self.path),
            id => format!("`{id}`"),
        }
    }
}

/// Whether a key of `responses` is a success.
pub fn is_success(status: &str) -> bool {
    status == "2XX" || matches!(status.parse::<u16>(), Ok(200..=299))
}

impl<'a> Lint<'a> {
    /// Returns every operation, in the order of the file.
    pub fn operations(&self) -> Vec<Operation<'a>> {
        let paths = self.root().entries("paths").into_iter();
        paths
            .flat_map(|(path, item)| {
                let methods = item.members().into_iter().filter(|(method, _)| METHODS.contains(method));
                let operation = move |(method, node)| Operation { path, method, item, node };
                methods.map(operation).collect::<Vec<_>>()
            })
            .collect()
    }

    /// Returns the node that a `$ref` refers to, or the node itself. `references` reports what doesn't resolve.
    pub fn dereference(&self, node: &Node<'a>) -> Node<'a> {
        let mut node = *node;
        for _ in 0..MAX_DEPTH {
            let Some(pointer) = node.text("$ref").and_then(|reference| reference.strip_prefix('#')) else { break };
            match self.spec.find(pointer) {
                Some(value) => node = Node { value },
                None => break,
            }
        }
        node
    }

    /// Returns the parameters of an operation: its own replace those of its path.
    pub fn parameters(&self, operation: &Operation<'a>) -> Vec<Node<'a>> {
        let mut found: Vec<((String, String), Node<'a>)> = Vec::new();
        for list in [operation.item.items("parameters"), operation.node.items("parameters")] {
            for parameter in list {
                let parameter = self.dereference(&parameter);
                let (place, name) = (parameter.text("in").unwrap_or_default(), parameter.text("name"));
                // Names of headers are case-insensitive.
                let name = name.map(|name| if place == "header" { name.to_lowercase() } else { name.to_owned() });
                let key = (place.to_owned(), name.unwrap_or_default());
                match found.iter_mut().find(|(other, _)| *other == key) {
                    Some((_, other)) => *other = parameter,
                    None => found.push((key, parameter)),
                }
            }
        }
        found.into_iter().map(|(_, parameter)| parameter).collect()
    }

    /// Returns the media type of an operation's request body.
    pub fn request(&self, operation: &Operation<'a>) -> Option<(&'a str, Node<'a>)> {
        let body = self.dereference(&operation.node.get("requestBody")?);
        body.named("content").into_iter().next()
    }

    /// Returns the responses of an operation, with their statuses.
    pub fn responses(&self, operation: &Operation<'a>) -> Vec<(&'a str, Node<'a>)> {
        let responses = operation.node.entries("responses").into_iter();
        responses.map(|(status, response)| (status, self.dereference(&response))).collect()
    }

    /// Returns the schema of a response's JSON body.
    pub fn json_schema(&self, response: &Node<'a>) -> Option<Node<'a>> {
        let content = response.named("content");
        content.iter().find_map(|(media_type, media)| media.get("schema").filter(|_| is_json(media_type)))
    }

    /// Returns the schema of an operation's success.
    pub fn success(&self, operation: &Operation<'a>) -> Option<Node<'a>> {
        let responses = self.responses(operation);
        responses.iter().filter(|(status, _)| is_success(status)).find_map(|(_, response)| self.json_schema(response))
    }

    /// Returns the name of a component, if a schema is only a reference to it.
    pub fn component(&self, schema: &Node<'a>) -> Option<&'a str> {
        let schema = match schema.items("allOf").as_slice() {
            [only] if is_alone(schema.value) => *only,
            _ => *schema,
        };
        schema.text("$ref")?.strip_prefix("#/components/schemas/")
    }

    /// Returns the schema behind references, and behind an `allOf` or a `oneOf` of one.
    pub fn schema(&self, schema: &Node<'a>) -> Node<'a> {
        let mut schema = *schema;
        for _ in 0..MAX_DEPTH {
            schema = self.dereference(&schema);
            match (schema.items("allOf").as_slice(), schema.items("oneOf").as_slice()) {
                ([only], _) if is_alone(schema.value) => schema = *only,
                ([], [only]) => schema = *only,
                _ => break,
            }
        }
        schema
    }

    /// Whether a schema, or any that it refers to, accepts null.
    pub fn is_nullable(&self, schema: &Node<'a>) -> bool {
        let mut schema = *schema;
        for _ in 0..MAX_DEPTH {
            if schema.flag("nullable") {
                return true;
            }
            match (schema.has("$ref"), schema.items("allOf").as_slice()) {
                (true, _) => schema = self.dereference(&schema),
                (_, [only]) if is_alone(schema.value) => schema = *only,
                _ => break,
            }
        }
        false
    }

    /// Returns every part of an object: the schema, and those in its `allOf`.
    pub fn parts(&self, schema: &Node<'a>) -> Vec<Node<'a>> {
        let mut parts: Vec<Node<'a>> = Vec::new();
        let mut seen = HashSet::new();
        let mut queue = vec![self.schema(schema)];
        while let Some(part) = queue.pop() {
            if seen.insert(part.at()) {
                queue.extend(part.items("allOf").iter().rev().map(|branch| self.schema(branch)));
                parts.push(part);
            }
        }
        parts
    }

    /// Returns a schema after following references and merging `allOf`. Many rules ask for the same, so it is cached.
    pub fn resolved(&self, schema: &Node<'a>) -> Resolved<'a> {
        if let Some(resolved) = self.resolved.borrow().get(&schema.at()) {
            return resolved.clone();
        }
        let resolved = self.resolve_schema(schema);
        self.resolved.borrow_mut().insert(schema.at(), resolved.clone());
        resolved
    }

    fn resolve_schema(&self, schema: &Node<'a>) -> Resolved<'a> {
        let schema = self.schema(schema);
        let parts = self.parts(&schema);
        if parts.iter().any(|part| part.value.get("properties").is_some_and(Value::is_object)) {
            let mut fields = Fields::default();
            let mut seen = HashSet::new();
            for part in &parts {
                fields.required.extend(part.texts("required"));
                fields.more =
                    fields.more.or_else(|| part.get("additionalProperties").filter(|more| more.value.is_object()));
                for (name, node) in part.named("properties") {
                    if seen.insert(name) {
                        fields.properties.push((name, node));
                    }
                }
            }
            return Resolved::Object(Rc::new(fields));
        }
        let branches = schema.items("oneOf");
        if !branches.is_empty() {
            return Resolved::Union(branches);
        }
        match schema.text("type") {
            Some(scalar @ ("string" | "integer" | "number" | "boolean")) => Resolved::Scalar(scalar, schema),
            Some("array") => Resolved::List(schema.get("items")),
            Some("object") => Resolved::Map(schema.get("additionalProperties").filter(|more| more.value.is_object())),
            _ => Resolved::Any,
        }
    }

    /// Returns what a schema can be: itself, or the branches of its `oneOf`, each with its component's name.
    pub fn variants(&self, schema: &Node<'a>) -> Vec<(Option<&'a str>, Node<'a>)> {
        let mut variants = Vec::new();
        let mut seen = HashSet::new();
        let mut queue = vec![*schema];
        while let Some(schema) = queue.pop() {
            if !seen.insert(schema.at()) {
                continue;
            }
            match self.resolved(&schema) {
                Resolved::Union(branches) => queue.extend(branches.into_iter().rev()),
                _ => variants.push((self.component(&schema), schema)),
            }
        }
        variants
    }

    /// Returns the only value of a schema, if it is a constant.
    pub fn constant(&self, schema: &Node<'a>) -> Option<&'a Value> {
        match self.schema(schema).value.get("enum")?.as_array()?.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Returns every schema that a schema holds, itself included, each once.
    pub fn reach(&self, schema: &Node<'a>, seen: &mut HashSet<At>) -> Vec<Node<'a>> {
        let mut found = Vec::new();
        let mut queue = vec![*schema];
        while let Some(schema) = queue.pop() {
            let schema = self.dereference(&schema);
            if !seen.insert(schema.at()) {
                continue;
            }
            queue.extend(schema.named("properties").into_iter().map(|(_, node)| node));
            queue.extend(schema.get("items"));
            queue.extend(schema.get("additionalProperties").filter(|more| more.value.is_object()));
            queue.extend(["allOf", "oneOf"].into_iter().flat_map(|key| schema.items(key)));
            found.push(schema);
        }
        found
    }
}

/// What the rules share: the spec, and what they have reported.
pub struct Lint<'a> {
    pub spec: &'a Spec,
    pub diagnostics: Vec<Diagnostic>,
    /// The function of the current rule.
    rule: Option<&'static str>,
    /// Where all nodes are. Built on the first use: most specs have no problem to report.
    pointers: OnceCell<HashMap<At, String>>,
    /// The resolved schemas, by their nodes.
    resolved: RefCell<HashMap<At, Resolved<'a>>>,
}

impl<'a> Lint<'a> {
    pub fn new(spec: &'a Spec) -> Self {
        Self { spec, diagnostics: Vec::new(), rule: None, pointers: OnceCell::new(), resolved: RefCell::default() }
    }

    /// Makes a rule the current one, and returns the one before it. Called by `rule!` alone.
    pub fn enter(&mut self, rule: &'static str) -> Option<&'static str> {
        self.rule.replace(rule)
    }

    /// Makes the outer rule the current one again.
    pub fn leave(&mut self, outer: Option<&'static str>) {
        self.rule = outer;
    }

    /// Reports an error of the current rule.
    pub fn error(&mut self, at: &(impl Place + ?Sized), message: impl Into<String>, help: impl Into<String>) {
        let diagnostic = self.spec.error(&at.pointer(self), message, help);
        self.report(diagnostic);
    }

    /// Reports a warning of the current rule.
    pub fn warn(&mut self, at: &(impl Place + ?Sized), message: impl Into<String>, help: impl Into<String>) {
        let diagnostic = self.spec.warning(&at.pointer(self), message, help);
        self.report(diagnostic);
    }

    /// Reports what an earlier stage has found as a problem of the current rule.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        debug_assert!(self.rule.is_some(), "reported outside a rule: {diagnostic}");
        let rule = self.rule.map(|function| function.replace('_', "-").into());
        self.diagnostics.push(Diagnostic { rule, ..diagnostic });
    }

    /// Returns a value as the file writes it: `2.10` with its trailing zero.
    pub fn plain(&self, node: &Node<'a>) -> String {
        match node.value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Number(_) if self.spec.has_numbers() => {
                self.spec.number(&self.pointer(node)).map_or_else(|| node.value.to_string(), str::to_owned)
            }
            value => value.to_string(),
        }
    }

    /// Returns the pointer to a node.
    pub fn pointer(&self, node: &Node<'a>) -> String {
        node.at().pointer(self)
    }

    pub fn pointers(&self) -> &HashMap<At, String> {
        let pointers = || pointers(&self.spec.document).into_iter().map(|(value, at)| (Node { value }.at(), at));
        self.pointers.get_or_init(|| pointers().collect())
    }

    /// Returns the name of a member, or the index of an element.
    pub fn key(&self, node: &Node<'a>) -> String {
        self.pointer(node).rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~")
    }

    pub fn root(&self) -> Node<'a> {
        Node { value: &self.spec.document }
    }
}
