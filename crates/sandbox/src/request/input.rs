//! The inputs of an operation: each property of its body and each parameter, with its name as a credential.

use serde_json::Value;

use crate::request::incoming::parameters;
use crate::spec::document::Document;
use crate::spec::name::snake;
use crate::spec::operation::{Operation, Parameter, Place};
use crate::spec::resolve::is_inside;
use crate::spec::schema::{Kind, Schema};

/// How deep objects in a body are followed.
const MAX_DEPTH: usize = 8;

/// A property of a body: either not an object with properties, or an object nested in another of the same type.
pub(crate) struct Leaf<'a> {
    path: Vec<&'a str>,
    /// In snake case, with the names of the objects around it.
    pub(crate) name: String,
    pub(crate) schema: &'a Schema,
    /// Whether it and every object around it are required.
    pub(crate) is_required: bool,
}

impl Leaf<'_> {
    /// Returns its own name.
    pub(crate) fn key(&self) -> &str {
        self.path.last().copied().unwrap_or_default()
    }

    /// Returns its JSON Pointer.
    pub(crate) fn pointer(&self) -> String {
        let escaped = self.path.iter().map(|name| name.replace('~', "~0").replace('/', "~1"));
        escaped.map(|name| format!("/{name}")).collect()
    }
}

/// Returns the leaves of a body, in the spec's order.
pub(crate) fn leaves<'a>(document: &'a Document, schema: &'a Schema) -> Vec<Leaf<'a>> {
    let mut found = Vec::new();
    descend(document, schema, &mut Path::default(), true, &mut found);
    found
}

/// The path to a property.
#[derive(Default)]
struct Path<'a> {
    names: Vec<&'a str>,
    /// The names as parts of a credential's name.
    labels: Vec<&'a str>,
    /// The types of the objects around it.
    around: Vec<Vec<&'a Schema>>,
}

fn descend<'a>(
    document: &'a Document,
    schema: &'a Schema,
    path: &mut Path<'a>,
    is_required: bool,
    found: &mut Vec<Leaf<'a>>,
) {
    let fields = schema.fields(document);
    path.around.push(schema.shape(document));
    for (name, property) in &fields.properties {
        let is_required = is_required && fields.requires(name);
        path.names.push(name);
        path.labels.push(property.label.as_deref().unwrap_or(name));
        let is_object = property.kind(document) == Some(Kind::Object);
        let shape = property.shape(document);
        if is_object && !shape.is_empty() && !is_inside(&path.around, &shape) && path.names.len() < MAX_DEPTH {
            descend(document, property, path, is_required, found);
        } else {
            let name = snake(&path.labels.join("_"));
            found.push(Leaf { path: path.names.clone(), name, schema: property, is_required });
        }
        path.names.pop();
        path.labels.pop();
    }
    path.around.pop();
}

/// A property or a parameter.
pub(crate) struct Input<'a> {
    /// Its name in the spec.
    pub(crate) key: String,
    /// Its name as a credential.
    pub(crate) name: String,
    pub(crate) schema: &'a Schema,
    pub(crate) is_required: bool,
    pub(crate) is_in_path: bool,
    pub(crate) example: Option<&'a Value>,
}

/// Returns all inputs of an operation except those of its security. If the body has several variants, uses the one with
/// this name.
pub(crate) fn inputs<'a>(
    document: &'a Document,
    shared: &'a [Parameter],
    operation: &'a Operation,
    body: Option<&str>,
) -> Vec<Input<'a>> {
    let parameters = parameters(document, shared, operation).map(|parameter| Input {
        key: parameter.name.clone(),
        name: snake(parameter.label()),
        schema: &parameter.schema,
        is_required: parameter.required,
        is_in_path: parameter.place == Place::Path,
        example: parameter.example(document),
    });
    let mut inputs: Vec<Input<'a>> = parameters.collect();
    if let Some((_, media, _)) = operation.body(document) {
        let branches = media.schema.branches(document).into_iter();
        for branch in branches.filter(|branch| body.is_none() || branch.name == body) {
            for leaf in leaves(document, branch.schema) {
                let pointer = leaf.pointer();
                let example = media.examples(document).find_map(|(_, _, value)| value.pointer(&pointer));
                inputs.push(Input {
                    key: leaf.key().to_owned(),
                    name: leaf.name,
                    schema: leaf.schema,
                    is_required: leaf.is_required,
                    is_in_path: false,
                    example: example.or_else(|| leaf.schema.example(document)),
                });
            }
        }
    }
    inputs
}
