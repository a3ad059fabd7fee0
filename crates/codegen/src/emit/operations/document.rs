//! From a [`Model`] to an OpenAPI document with only those features that progenitor handles well.
//!
//! The rest is emitted from the model: security, errors, examples, constants and the headers of the client.

use serde_json::{Map, Value, json};

use crate::emit::types::delimited;
use crate::ident;
use crate::lower::model::{Component, Model, Operation, Param, Place, Property, Shape, Ty};
use crate::read::media_type::FORM;

/// The crate whose types the generated types use.
pub const WIRE: &str = "freshtoken-wire";

/// Where the types of the components come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Types {
    /// From `types`. progenitor only needs their names.
    Ours,
    /// From progenitor, for the benchmark.
    Progenitors,
}

/// Returns the document for progenitor.
pub fn document(model: &Model, types: Types) -> Value {
    let mut paths = Map::new();
    for operation in model.spec_operations() {
        let names = arguments(operation);
        paths.entry(path(operation, &names)).or_insert_with(|| json!({}))[operation.method.to_lowercase()] =
            self::operation(operation, &names);
    }
    let schema = |component| match types {
        Types::Ours => json!({}),
        Types::Progenitors => self::component(component),
    };
    let schemas: Map<String, Value> =
        model.components.iter().map(|(name, component)| (name.clone(), schema(component))).collect();
    json!({
        "openapi": "3.0.3",
        // progenitor sends the version in a header, which is removed later. It must be a valid value.
        "info": { "title": model.vendor.ident(), "version": "0" },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

/// Names that progenitor's methods use. progenitor does not know that `gen` is a keyword.
const TAKEN: [&str; 7] = ["body", "encode_path", "gen_", "header_map", "request", "response", "url"];

/// Returns the names of an operation's parameters in the document, which are unique and valid in Rust. `operations`
/// replaces them by the names on the wire, which can be neither.
pub fn arguments(operation: &Operation) -> Vec<String> {
    let mut names = vec![String::new(); operation.params.len()];
    let mut order: Vec<usize> = (0..names.len()).collect();
    // Path parameters come first, in the order of the path, because all operations of a path must name them alike.
    order.sort_by_key(|index| {
        let param = &operation.params[*index];
        let position = operation.path.find(&format!("{{{}}}", param.name));
        position.filter(|_| param.place == Place::Path).unwrap_or(usize::MAX)
    });
    for index in order {
        let base = operation.params[index].field();
        names[index] = ident::unique(&base, |name| TAKEN.contains(&name) || names.iter().any(|taken| taken == name));
    }
    names
}

/// Returns the path with these names of its parameters.
fn path(operation: &Operation, names: &[String]) -> String {
    let mut path = String::new();
    for (index, part) in operation.path.split(['{', '}']).enumerate() {
        // Every second part was in braces.
        let mut params = operation.params.iter().zip(names);
        let is_here = |param: &Param| index % 2 == 1 && param.place == Place::Path && param.name == part;
        match params.find(|(param, _)| is_here(param)) {
            Some((_, name)) => path.push_str(&format!("{{{name}}}")),
            None => path.push_str(part),
        }
    }
    path
}

fn operation(operation: &Operation, names: &[String]) -> Value {
    // A constant is a parameter too: the client passes its value.
    let parameters: Vec<Value> = operation
        .params
        .iter()
        .zip(names)
        .map(|(param, name)| {
            let place = match param.place {
                Place::Path => "path",
                Place::Query => "query",
                Place::Header => "header",
            };
            // A string, because progenitor needs `Display`, which a secret doesn't have.
            let schema = match &param.ty {
                Ty::List(_) => json!({ "type": "array", "items": { "type": "string" } }),
                _ => json!({ "type": "string" }),
            };
            json!({ "name": name, "in": place, "required": param.required, "schema": schema })
        })
        .collect();
    let mut lowered = json!({ "operationId": operation.id, "parameters": parameters });
    if let Some(body) = &operation.body {
        // progenitor knows one media type of JSON and one of forms. The client sends the one of the spec.
        let media_type = if body.is_form() { FORM } else { "application/json" };
        lowered["requestBody"] =
            json!({ "required": true, "content": { media_type: { "schema": reference(&body.component) } } });
    }
    // Only 2xx: progenitor panics on errors with several types, and loses their status. See `emit::errors`.
    let mut success = json!({ "description": "" });
    if let Some(success_ty) = &operation.success.ty {
        success["content"] = json!({ "application/json": { "schema": ty(success_ty, false) } });
    }
    lowered["responses"] = json!({ operation.success.status.label(): success });
    lowered
}

fn component(component: &Component) -> Value {
    match &component.shape {
        // Only the name is used. typify panics on values whose variants have the same name.
        Shape::Enum(_) => json!({ "type": "string", "enum": ["one", "two"] }),
        Shape::Tag(value) => json!({ "type": "string", "enum": [value] }),
        Shape::Union(branches) => json!({ "oneOf": branches.iter().map(|name| reference(name)).collect::<Vec<_>>() }),
        Shape::Struct(properties) => {
            let required: Vec<&str> =
                properties.iter().filter(|property| property.required).map(|property| property.name.as_str()).collect();
            let properties: Map<String, Value> = properties
                .iter()
                .filter(|property| !matches!(property.ty, Ty::Constant(_)))
                .map(|property| (property.name.clone(), self::property(property)))
                .collect();
            let required: Vec<&str> = required.into_iter().filter(|name| properties.contains_key(*name)).collect();
            let mut object = json!({ "type": "object", "properties": properties, "required": required });
            if properties.is_empty() {
                // Otherwise progenitor generates a map.
                object["additionalProperties"] = Value::Bool(false);
            }
            object
        }
    }
}

fn property(property: &Property) -> Value {
    ty(&property.ty, property.optional)
}

fn ty(ty: &Ty, nullable: bool) -> Value {
    let schema = match ty {
        Ty::Ref(name) => reference(name),
        Ty::Secret => rust_type("Secret", &[]),
        Ty::Timestamp { .. } => rust_type("Timestamp", &[]),
        Ty::Delimited(delimiter, item) => rust_type(delimited(*delimiter), &[self::ty(item, false)]),
        Ty::Constant(value) => return self::ty(&Ty::of(value), nullable),
        Ty::Text => json!({ "type": "string" }),
        Ty::Integer => json!({ "type": "integer", "format": "int64" }),
        Ty::Number => json!({ "type": "number", "format": "double" }),
        Ty::Boolean => json!({ "type": "boolean" }),
        Ty::Any => return json!({}),
        Ty::Nullable(item) => return self::ty(item, true),
        Ty::List(item) => json!({ "type": "array", "items": self::ty(item, false) }),
        Ty::Map(item) => json!({ "type": "object", "additionalProperties": self::ty(item, false) }),
    };
    // progenitor ignores a `nullable` next to `x-rust-type` or `$ref`.
    if nullable { json!({ "nullable": true, "allOf": [schema] }) } else { schema }
}

fn rust_type(name: &str, parameters: &[Value]) -> Value {
    json!({
        "type": "string",
        "x-rust-type": {
            "crate": WIRE,
            "version": "*",
            "path": format!("{}::{name}", WIRE.replace('-', "_")),
            "parameters": parameters,
        },
    })
}

fn reference(component: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{component}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::lower;
    use crate::read::spec::Spec;
    use crate::read::x_token::XToken;

    const SPEC: &str = r##"
openapi: 3.0.3
info: { title: Acme, version: "1" }
servers: [{ url: "https://acme.example" }]
x-token:
  login: { operation: log_in }
  response: { access-token: /token, expires-at: { at: /until, zone: utc } }
paths:
  /in:
    post:
      operationId: log_in
      requestBody: { content: { application/x-www-form-urlencoded: {
        schema: { type: object, required: [grant, secret], properties: { grant: { type: string, enum: [client] },
          secret: { type: string, format: password }, scope: { type: array, items: { type: string } } } },
        encoding: { scope: { style: spaceDelimited, explode: false } } } } }
      responses:
        "200": { description: A token., content: { application/json: { schema: {
          allOf: [ { $ref: "#/components/schemas/Base" }, { type: object, additionalProperties: false,
            properties: { until: { type: string, format: date-time }, why: { $ref: "#/components/schemas/Reason" } } } ] } } } }
        "400": { description: No., content: { application/json: { schema: { type: string } } } }
        "429": { description: Slower. }
components:
  schemas:
    Base: { type: object, required: [token], properties: { token: { type: string, format: password } } }
    Reason: { type: string, enum: [one, two] }
"##;

    #[test]
    fn what_progenitor_gets_is_what_it_handles_well() {
        let spec = Spec::parse("specs/acme.yaml", SPEC).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let x_token = XToken::from_document(&spec).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let document = document(&lower(&spec, x_token), Types::Progenitors);
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(format!("{document:#}")) });
    }
}
