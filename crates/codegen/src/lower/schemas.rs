//! From schemas to types: resolves references, names inline types, and merges `allOf`.

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use crate::ident;
use crate::lower::descriptions::{constraints, documented, joined, label, object, plain};
use crate::lower::model::{Component, Property, Shape, Ty};
use crate::read::spec;
use crate::read::spec::is_alone;

/// The maximum length of a chain of references, and the maximum depth of a schema. A longer chain is circular.
pub const MAX_DEPTH: usize = 64;

/// The state of lowering a spec.
pub struct Lowering<'a> {
    pub root: &'a Value,
    pub components: IndexMap<String, Component>,
    /// The Rust name of each schema under `components`.
    pub names: IndexMap<&'a str, String>,
    pub reserved: HashSet<String>,
    /// The reserved names whose schema has been reached, and can take its name.
    pub claimed: IndexSet<String>,
    pub depth: usize,
    /// The first type that is nested too deep.
    pub cut: Option<String>,
}

impl<'a> Lowering<'a> {
    /// Reserves the names of the schemas under `components`.
    pub fn reserve_names(&mut self) {
        let schemas = object(&self.root["components"]["schemas"]);
        for name in schemas.keys() {
            let rust = ident::unique(&ident::pascal(name), |taken| self.reserved.contains(taken));
            self.reserved.insert(rust.clone());
            self.names.insert(name, rust);
        }
    }

    /// Returns the type of a schema. An inline type is named `hint`.
    pub fn ty(&mut self, schema: &'a Value, hint: &str) -> Ty {
        if self.depth > MAX_DEPTH {
            self.cut.get_or_insert_with(|| hint.to_owned());
            return Ty::Any;
        }
        self.depth += 1;
        let ty = self.ty_unguarded(schema, hint);
        self.depth -= 1;
        ty
    }

    fn ty_unguarded(&mut self, schema: &'a Value, hint: &str) -> Ty {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.rsplit('/').next().unwrap_or_default();
            let Some(rust) = self.names.get(name).cloned() else { return Ty::Any };
            if self.components.contains_key(&rust) {
                return Ty::Ref(rust);
            }
            self.claimed.insert(rust.clone());
            return self.ty(&self.root["components"]["schemas"][name], &rust);
        }
        if let Some(branches) = schema["allOf"].as_array() {
            return self.merged(schema, branches, hint);
        }
        if let Some(branches) = schema["oneOf"].as_array() {
            return self.union(schema, branches, hint);
        }
        let values: Vec<&Value> =
            schema["enum"].as_array().into_iter().flatten().filter(|value| !value.is_null()).collect();
        if let [value] = values[..] {
            return Ty::Constant(value.clone());
        }
        let has_properties = schema["properties"].as_object().is_some_and(|properties| !properties.is_empty());
        match schema["type"].as_str() {
            Some("string") if !values.is_empty() => {
                let names = &schema["x-names"];
                let values = values.iter().map(|value| plain(value));
                self.named(hint, documented(schema), Shape::Enum(variants(values, names)))
            }
            Some("string") if schema["format"] == "password" => Ty::Secret,
            Some("string") if schema["format"] == "date-time" => Ty::Timestamp { utc: false },
            Some("string") => Ty::Text,
            Some("integer") => Ty::Integer,
            Some("number") => Ty::Number,
            Some("boolean") => Ty::Boolean,
            Some("array") => Ty::List(Box::new(self.item(&schema["items"], &format!("{hint}Item")))),
            _ if has_properties => self.structure(schema, hint, &[schema]),
            Some("object") if schema["additionalProperties"].is_object() => {
                Ty::Map(Box::new(self.item(&schema["additionalProperties"], &format!("{hint}Value"))))
            }
            Some("object") if schema.get("additionalProperties").is_none_or(|more| *more == Value::Bool(true)) => {
                Ty::Any
            }
            Some("object") => self.structure(schema, hint, &[schema]),
            _ => Ty::Any,
        }
    }

    /// Returns the type of a body or of one of its branches. An object without properties is a struct, so that `{}` is
    /// sent.
    pub fn body_ty(&mut self, schema: &'a Value, hint: &str) -> Ty {
        match self.ty(schema, hint) {
            Ty::Any => self.structure(self.resolve(schema), hint, &[]),
            ty => ty,
        }
    }

    /// Returns the type of an item of a list or a map.
    fn item(&mut self, schema: &'a Value, hint: &str) -> Ty {
        match (self.ty(schema, hint), self.is_nullable(schema)) {
            (Ty::Any, _) => Ty::Any,
            (ty, true) => Ty::Nullable(Box::new(ty)),
            (ty, false) => ty,
        }
    }

    /// Adds a type with a unique name.
    fn named(&mut self, name: &str, docs: String, shape: Shape) -> Ty {
        // The name of a property can have any characters.
        let name = ident::pascal(name);
        let is_own = self.claimed.contains(&name) && !self.components.contains_key(&name);
        let is_taken = |name: &str| self.components.contains_key(name) || self.reserved.contains(name);
        let name = if is_own { name } else { ident::unique(&name, is_taken) };
        self.components.insert(name.clone(), Component { docs, shape, in_request: false, in_response: false });
        Ty::Ref(name)
    }

    /// Returns the type of an `allOf`: a struct of all properties. For scalars or a single branch, it is the type of
    /// the branch.
    fn merged(&mut self, schema: &'a Value, branches: &'a [Value], hint: &str) -> Ty {
        if let [single] = branches
            && is_alone(schema)
        {
            return self.ty(single, hint);
        }
        let mut parts: Vec<&'a Value> = Vec::new();
        let mut queue: Vec<&'a Value> = vec![schema];
        while let Some(part) = queue.pop() {
            // `allOf` can be circular.
            if parts.iter().any(|seen| std::ptr::eq(*seen, part)) {
                continue;
            }
            parts.push(part);
            let nested = part["allOf"].as_array().map(Vec::as_slice).unwrap_or_default();
            queue.extend(nested.iter().rev().map(|branch| self.resolve(branch)));
        }
        if parts.iter().any(|part| part["properties"].is_object()) {
            return self.structure(schema, hint, &parts);
        }
        branches.last().map_or(Ty::Any, |last| self.ty(last, hint))
    }

    /// Returns a struct with the properties of all parts.
    pub fn structure(&mut self, schema: &'a Value, hint: &str, parts: &[&'a Value]) -> Ty {
        // Added before its properties, because it can be recursive.
        let ty = self.named(hint, documented(schema), Shape::Struct(Vec::new()));
        let Ty::Ref(name) = &ty else { return ty };
        let required: IndexSet<&str> = parts
            .iter()
            .flat_map(|part| part["required"].as_array().into_iter().flatten())
            .filter_map(Value::as_str)
            .collect();
        let mut properties: IndexMap<&str, Property> = IndexMap::new();
        for (property, schema) in parts.iter().flat_map(|part| object(&part["properties"])) {
            let label = label(schema, property);
            let ty = self.ty(schema, &format!("{name}{}", ident::pascal(&label)));
            let is_required = required.contains(property.as_str());
            let resolved = self.resolve(schema);
            let docs = if documented(schema).is_empty() { documented(resolved) } else { documented(schema) };
            let lowered = Property {
                name: property.clone(),
                field: ident::snake(&label),
                label,
                is_boxed: false,
                // Any JSON includes null.
                optional: !is_required || (ty != Ty::Any && self.is_nullable(schema)),
                required: is_required,
                ty,
                docs: joined(&docs, &constraints(resolved)),
            };
            properties.entry(property).or_insert(lowered);
        }
        if let Some(component) = self.components.get_mut(name) {
            component.shape = Shape::Struct(properties.into_values().collect());
        }
        ty
    }

    /// Returns the type of a `oneOf`: a union of structs. For scalars, it is any JSON.
    fn union(&mut self, schema: &'a Value, branches: &'a [Value], hint: &str) -> Ty {
        if let [single] = branches {
            return self.ty(single, hint);
        }
        let is_object = |branch: &&'a Value| {
            let branch = self.resolve(branch);
            branch["properties"].is_object() || branch["allOf"].is_array() || branch["oneOf"].is_array()
        };
        if !branches.iter().all(|branch| is_object(&branch)) {
            return Ty::Any;
        }
        let union = self.named(hint, documented(schema), Shape::Union(Vec::new()));
        let Ty::Ref(name) = &union else { return union };
        let mut variants = IndexSet::new();
        for (index, branch) in branches.iter().enumerate() {
            if let Ty::Ref(branch) = self.body_ty(branch, &format!("{name}{}", index + 1)) {
                // A union in a union is flattened.
                match self.components.get(&branch).map(|component| &component.shape) {
                    Some(Shape::Union(inner)) => variants.extend(inner.clone()),
                    _ => {
                        variants.insert(branch);
                    }
                }
            }
        }
        if let Some(component) = self.components.get_mut(name) {
            component.shape = Shape::Union(variants.into_iter().collect());
        }
        union
    }

    /// Whether a schema allows null.
    fn is_nullable(&self, schema: &'a Value) -> bool {
        let has_null = |schema: &Value| {
            schema["nullable"] == Value::Bool(true)
                || schema["enum"].as_array().is_some_and(|values| values.iter().any(Value::is_null))
        };
        let mut schema = schema;
        for _ in 0..MAX_DEPTH {
            schema = match schema["allOf"].as_array().map(Vec::as_slice) {
                _ if has_null(schema) => return true,
                _ if schema.get("$ref").is_some() => self.resolve(schema),
                Some([only]) if is_alone(schema) => only,
                _ => return false,
            };
        }
        false
    }

    /// Follows a chain of references to its end.
    pub fn resolve(&self, value: &'a Value) -> &'a Value {
        let mut value = value;
        for _ in 0..MAX_DEPTH {
            let Some(reference) = value["$ref"].as_str() else { break };
            value =
                reference.strip_prefix('#').and_then(|pointer| spec::at(self.root, pointer)).unwrap_or(&Value::Null);
        }
        value
    }
}

/// Returns the values of an open enum, each with the name of its variant: that of `x-names`, or else one made from the
/// value.
fn variants(values: impl Iterator<Item = String>, names: &Value) -> IndexMap<String, String> {
    let named = |value: String| {
        let name = names[&value].as_str().map_or_else(|| ident::variant(&value), str::to_owned);
        (value, name)
    };
    values.map(named).collect()
}
