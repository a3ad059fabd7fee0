//! The JSON Schema of a whole fragment, made from the table of keys and from the types of `x-token`.
//!
//! It is for editors, which complete keys and check the forms of values. What values mean is for the lint. Whatever passes the
//! lint is valid, so a key that the generator ignores is valid too.

use serde_json::{Map, Value, json};

use crate::lint::document::METHODS;
use crate::lint::keys::table::{Form, Kind, Support};
use crate::lint::schemas::TYPES;
use crate::read::x_token::schema;

/// Returns the JSON Schema of a fragment.
pub fn fragment() -> Value {
    let mut definitions = Map::new();
    for kind in Kind::ALL {
        definitions.insert(kind.key().to_owned(), object(kind));
    }
    definitions.extend(x_token());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A fragment for freshtoken-codegen",
        "description": "A fragment of OpenAPI 3.0.3 with the extension `x-token`, which describes a vendor's token endpoint.",
        "$ref": reference(Kind::Root.key()),
        "$defs": definitions,
    })
}

fn reference(name: &str) -> String {
    format!("#/$defs/{name}")
}

fn object(kind: Kind) -> Value {
    let rows = || kind.rows().iter().filter(|(.., support)| !matches!(support, Support::Unsupported(..)));
    let mut properties: Map<String, Value> =
        rows().map(|(name, form, support)| ((*name).to_owned(), property(kind, name, *form, *support))).collect();
    let required: Vec<&str> =
        rows().filter(|(.., support)| matches!(support, Support::Required)).map(|(name, ..)| *name).collect();
    let mut patterns = Map::from_iter([("^x-".to_owned(), json!({}))]);
    match kind {
        Kind::Paths => patterns.extend([("^/".to_owned(), json!({ "$ref": reference(Kind::PathItem.key()) }))]),
        Kind::Responses => {
            patterns.extend([(
                "^([1-5][0-9X]{2}|default)$".to_owned(),
                json!({ "$ref": reference(Kind::Response.key()) }),
            )]);
        }
        _ => {}
    }
    let mut schema = json!({ "description": described(kind), "type": "object" });
    if kind.section().is_some() {
        let text = "A reference to a component, in place of the object itself.";
        properties.insert("$ref".to_owned(), json!({ "type": "string", "description": text }));
        // What a reference leads to has the required keys.
        if !required.is_empty() {
            schema["if"] = json!({ "not": { "required": ["$ref"] } });
            schema["then"] = json!({ "required": required });
        }
    } else if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema["properties"] = properties.into();
    schema["patternProperties"] = patterns.into();
    schema["additionalProperties"] = false.into();
    schema
}

/// Returns the name of an object, as the start of a sentence.
fn described(kind: Kind) -> String {
    let name = kind.name();
    let (first, rest) = name.split_at(1);
    format!("{}{rest}.", first.to_uppercase())
}

fn property(kind: Kind, name: &str, form: Form, support: Support) -> Value {
    let mut schema = match (kind, name) {
        (Kind::Root, "openapi") => json!({ "type": "string", "pattern": "^3\\.0\\.", "default": "3.0.3" }),
        (Kind::Root, "x-token") => json!({ "$ref": reference(X_TOKEN) }),
        (Kind::Schema, "type") => json!({ "enum": TYPES }),
        _ => value(name, form),
    };
    let text = match support {
        Support::Ignored(why) => format!("`{name}` {why}."),
        _ if kind == Kind::PathItem && METHODS.contains(&name) => {
            format!("The operation of the method {}.", name.to_uppercase())
        }
        _ => return schema,
    };
    schema["description"] = text.into();
    schema
}

fn value(name: &str, form: Form) -> Value {
    let strings = || json!({ "type": "array", "items": { "type": "string" } });
    match form {
        Form::Any => json!({}),
        Form::Str => json!({ "type": "string" }),
        Form::Bool => json!({ "type": "boolean" }),
        Form::Number => json!({ "type": "number" }),
        Form::Count => json!({ "type": "integer", "minimum": 0 }),
        Form::Values => json!({ "type": "array", "minItems": 1 }),
        Form::Strings => strings(),
        Form::StringMap => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Form::Requirements => {
            json!({ "type": "array", "items": { "type": "object", "additionalProperties": strings() } })
        }
        Form::One(kind) => json!({ "$ref": reference(kind.key()) }),
        Form::List(kind) => {
            let least = usize::from(matches!(name, "servers" | "allOf" | "oneOf"));
            json!({ "type": "array", "items": { "$ref": reference(kind.key()) }, "minItems": least })
        }
        Form::Map(kind) => {
            json!({ "type": "object", "additionalProperties": { "$ref": reference(kind.key()) } })
        }
        Form::SchemaOrBool => json!({ "anyOf": [{ "type": "boolean" }, { "$ref": reference(Kind::Schema.key()) }] }),
    }
}

/// The name of the definition of the block `x-token`, and what the names of its own definitions begin with.
const X_TOKEN: &str = "x-token";

/// Returns the definitions of the block `x-token`.
fn x_token() -> Map<String, Value> {
    let mut block = schema::SCHEMA.clone();
    prefix(&mut block);
    let Value::Object(mut block) = block else { return Map::new() };
    block.shift_remove("$schema");
    let inner = block.shift_remove("$defs");
    let mut definitions = Map::from_iter([(X_TOKEN.to_owned(), Value::Object(block))]);
    if let Some(Value::Object(inner)) = inner {
        definitions.extend(inner.into_iter().map(|(name, schema)| (format!("{X_TOKEN}.{name}"), schema)));
    }
    definitions
}

/// Renames the definitions that a schema refers to.
fn prefix(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get_mut("$ref")
                && let Some(name) = target.strip_prefix("#/$defs/")
            {
                *target = reference(&format!("{X_TOKEN}.{name}"));
            }
            map.values_mut().for_each(prefix);
        }
        Value::Array(list) => list.iter_mut().for_each(prefix),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use jsonschema::Validator;

    use super::*;
    use crate::new;
    use crate::new::Like;
    use crate::read::folder::tests::repository;
    use crate::read::spec::Spec;
    use crate::vendor::Vendor;

    fn validator() -> Validator {
        jsonschema::validator_for(&fragment()).unwrap()
    }

    fn fragments(folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(repository().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{folder}");
        paths
    }

    fn problems(validator: &Validator, file: &Path, text: &str) -> Vec<String> {
        let spec = Spec::parse("specs/acme.yaml", text).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let problems = validator.iter_errors(&spec.document);
        problems.map(|problem| format!("{}: {}: {problem}", file.display(), problem.instance_path())).collect()
    }

    #[test]
    fn every_fragment_that_generates_is_valid() {
        let validator = validator();
        for folder in ["specs", "crates/codegen/tests/fixtures/vendors", "crates/codegen/tests/fixtures/lint/honest"] {
            for path in fragments(folder) {
                let found = problems(&validator, &path, &fs::read_to_string(&path).unwrap());
                assert!(found.is_empty(), "{}", found.join("\n"));
            }
        }
    }

    #[test]
    fn every_template_is_valid_and_names_the_schema() {
        let validator = validator();
        for like in Like::ALL {
            let text = new::fragment(&Vendor::from_file("specs/acme.yaml").unwrap(), like);
            assert!(text.starts_with("# yaml-language-server: $schema=fragment.schema.json\n"), "{text}");
            let found = problems(&validator, Path::new("acme.yaml"), &text);
            assert!(found.is_empty(), "{}", found.join("\n"));
        }
    }

    #[test]
    fn what_the_generator_does_not_know_is_invalid() {
        let validator = validator();
        let right = new::fragment(&Vendor::from_file("specs/acme.yaml").unwrap(), Like::default());
        for (from, to) in [
            ("openapi: 3.0.3", "openapi: 3.1.0"),
            ("operationId: create_token\n", "operationID: create_token\n"),
            ("summary:", "callbacks:"),
            ("access-token:", "acces-token:"),
            ("renew: { early: 0.75 }", "renew: { late: 0.75 }"),
            ("type: object", "type: map"),
            ("paths:\n  /oauth2", "paths:\n  oauth2"),
            ("\"400\"", "\"4000\""),
            ("- { url: \"https://auth.example.com\", ", "- { "),
        ] {
            assert!(right.contains(from), "{from}");
            let wrong = right.replacen(from, to, 1);
            let found = match Spec::parse("specs/acme.yaml", &wrong) {
                Ok(spec) => !validator.is_valid(&spec.document),
                // Another version of OpenAPI is refused before anything else.
                Err(_) => !validator.is_valid(&json!({ "openapi": "3.1.0", "info": { "title": "a", "version": "1" },
                    "servers": [{ "url": "https://acme.example" }], "paths": {} })),
            };
            assert!(found, "{to}");
        }
    }
}
