//! Builds a value of a schema: its example, or the smallest that it allows.

use serde_json::{Map, Value};

use crate::request::schema_check::check_schema;
use crate::spec::document::Document;
use crate::spec::resolve::{Branch, is_inside};
use crate::spec::schema::{Kind, Schema};

/// How deep objects are built.
const MAX_DEPTH: usize = 16;

/// Returns a value of a schema. Objects only have their required properties.
pub(crate) fn fill(document: &Document, schema: &Schema) -> Value {
    inside(document, schema, &mut Vec::new())
}

/// `around` contains the types of the objects around it. A type that requires itself would never end, so the inner
/// object is null.
fn inside<'a>(document: &'a Document, schema: &'a Schema, around: &mut Vec<Vec<&'a Schema>>) -> Value {
    // An example that violates its own schema would make the sandbox send what it rejects.
    let example = schema.example(document).filter(|example| check_schema(document, schema, example, "").is_empty());
    if let Some(example) = example {
        return example.clone();
    }
    if let Some(value) = schema.values(document).and_then(<[Value]>::first) {
        return value.clone();
    }
    if around.len() > MAX_DEPTH {
        return Value::Null;
    }
    match schema.kind(document) {
        Some(Kind::String) => Value::from(match schema.format(document) {
            Some("date-time") => "2030-01-02T03:04:05Z",
            Some("date") => "2030-01-02",
            Some("uuid") => "00000000-0000-4000-8000-000000000001",
            Some("email") => "someone@example.com",
            Some("uri") => "https://vendor.example/",
            _ => "example",
        }),
        Some(Kind::Integer | Kind::Number) => Value::from(1),
        Some(Kind::Boolean) => Value::from(true),
        Some(Kind::Array) => Value::Array(Vec::new()),
        Some(Kind::Object) => object(document, schema, around),
        None => {
            let branches = schema.branches(document);
            let ends = |branch: &&Branch<'_>| !is_inside(around, &branch.schema.shape(document));
            match branches.iter().find(ends).or(branches.first()) {
                Some(branch) if !std::ptr::eq(branch.schema, schema) => inside(document, branch.schema, around),
                _ => Value::Null,
            }
        }
    }
}

fn object<'a>(document: &'a Document, schema: &'a Schema, around: &mut Vec<Vec<&'a Schema>>) -> Value {
    let shape = schema.shape(document);
    if is_inside(around, &shape) {
        return Value::Null;
    }
    around.push(shape);
    let fields = schema.fields(document);
    let required = fields.properties.iter().filter(|(name, _)| fields.requires(name));
    let members = required.map(|(name, schema)| ((*name).to_owned(), inside(document, schema, around)));
    let object = Value::Object(members.collect::<Map<_, _>>());
    around.pop();
    object
}
