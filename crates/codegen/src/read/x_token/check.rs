//! Checks a block `x-token` against its JSON Schema, and reports everything at once: serde stops at the first error.
//!
//! It knows no keyword itself: keys, forms and examples come from the schema. It supports the few keywords of JSON Schema
//! that schemars writes.

use serde_json::Value;

use crate::diagnostic::{Diagnostic, join, list, nearest};
use crate::read::spec;
use crate::read::spec::{Spec, kind};
use crate::read::x_token::limits::Rate;
use crate::read::x_token::values::{Lifetime, Part, Place, Pointer, Shift, Span, duration};

/// Returns all diagnostics of the block at `place`.
pub fn diagnostics(spec: &Spec, schema: &Value, block: &Value, place: &str) -> Vec<Diagnostic> {
    let mut checker = Checker { spec, root: schema, diagnostics: Vec::new() };
    checker.check(block, schema, place);
    checker.diagnostics
}

struct Checker<'a> {
    spec: &'a Spec,
    root: &'a Value,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    fn check(&mut self, value: &Value, schema: &'a Value, place: &str) {
        if let Some(target) = self.target(schema) {
            return self.check(value, target, place);
        }
        if let Some(Value::Array(branches)) = schema.get("anyOf") {
            // The forms of a keyword differ in their JSON type, and objects in their keys: the best fit is the one that is meant.
            return match branches.iter().max_by_key(|branch| self.fit(value, branch)) {
                Some(branch) if self.fit(value, branch) > 0 => self.check(value, branch, place),
                _ => self.refuse(value, schema, place),
            };
        }
        if self.fit(value, schema) == 0 {
            return self.refuse(value, schema, place);
        }
        match value {
            Value::Object(map) => self.check_object(map, schema, place),
            Value::Array(list) => {
                let len = |key| schema.get(key).and_then(Value::as_u64).and_then(|len| usize::try_from(len).ok());
                if len("minItems").is_some_and(|min| list.len() < min)
                    || len("maxItems").is_some_and(|max| list.len() > max)
                {
                    return self.refuse(value, schema, place);
                }
                if let Some(items) = schema.get("items") {
                    for (index, item) in list.iter().enumerate() {
                        self.check(item, items, &format!("{place}/{index}"));
                    }
                }
            }
            scalar => {
                let allowed = allowed(schema);
                let known = allowed.is_empty() || allowed.contains(&scalar);
                if !known || !self.is_well_formed(scalar, schema) {
                    self.refuse(value, schema, place);
                }
            }
        }
    }

    fn check_object(&mut self, map: &serde_json::Map<String, Value>, schema: &'a Value, place: &str) {
        let Some(Value::Object(properties)) = schema.get("properties") else {
            if let Some(values @ Value::Object(_)) = schema.get("additionalProperties") {
                for (key, value) in map {
                    self.check(value, values, &join(place, key));
                }
            }
            return;
        };
        let keyword = place.rsplit('/').next().unwrap_or_default();
        let mut misspelt = Vec::new();
        for (key, value) in map {
            let place = join(place, key);
            match properties.get(key) {
                Some(schema) => self.check(value, schema, &place),
                None => {
                    let known = properties.keys().map(String::as_str);
                    let help = match nearest(key, known.clone()) {
                        Some(meant) => {
                            misspelt.push(meant);
                            format!("write `{meant}`")
                        }
                        None => format!("write one of {}", list(known)),
                    };
                    self.diagnostics.push(self.spec.error(
                        &place,
                        format!("`{key}` is not a keyword of `{keyword}`"),
                        help,
                    ));
                }
            }
        }
        for required in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let is_missing = |key: &&str| !map.contains_key(*key) && !misspelt.contains(key);
            let Some(required) = required.as_str().filter(is_missing) else { continue };
            let help = match properties.get(required).and_then(|schema| self.form(schema)) {
                Some(form) => format!("add `{required}`: {form}"),
                None => format!("add `{required}`"),
            };
            self.diagnostics.push(self.spec.error(place, format!("`{keyword}` has no `{required}`"), help));
        }
    }

    fn refuse(&mut self, value: &Value, schema: &'a Value, place: &str) {
        let keyword = place.rsplit('/').next().unwrap_or_default();
        let shown = match value {
            Value::Array(list) if schema.get("type").is_some_and(|name| name == "array") => {
                format!("a list of {}", list.len())
            }
            Value::String(text) => format!("`{text}`"),
            Value::Number(_) | Value::Bool(_) => format!("`{value}`"),
            other => kind(other).to_owned(),
        };
        let message = match keyword.parse::<usize>() {
            Ok(_) => format!("{shown} isn't allowed here"),
            Err(_) => format!("`{keyword}` can't be {shown}"),
        };
        let mut help = match self.form(schema) {
            Some(form) => format!("write {form}"),
            None => String::new(),
        };
        // A pointer without its slash, a value without its list, or seconds without their unit: show what to write.
        let plain = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let title = schema.get("title").and_then(Value::as_str).unwrap_or_default();
        if title == "a JSON Pointer" && !plain.is_empty() && Pointer::try_from(slashed(&plain)).is_ok() {
            help = format!("write `{}`: {title} starts with a slash", slashed(&plain));
        } else if !plain.is_empty() && schema.get("items").is_some_and(|items| self.fit(value, items) > 0) {
            help = format!("write `[{plain}]`, a list");
        } else if title.contains("a whole number and s") && duration(&format!("{plain}s")).is_ok() {
            help = format!("write `{plain}s`, if seconds are meant: {title}");
        }
        self.diagnostics.push(self.spec.error(place, message, help));
    }

    /// Returns how well a value fits a schema: 0 if not at all, more by its type, and more by each of its keys.
    fn fit(&self, value: &Value, schema: &'a Value) -> usize {
        if let Some(target) = self.target(schema) {
            return self.fit(value, target);
        }
        if let Some(Value::Array(branches)) = schema.get("anyOf") {
            return branches.iter().map(|branch| self.fit(value, branch)).max().unwrap_or(0);
        }
        let of_type = |keyword: &Value| match keyword.as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("number") => value.is_number(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("boolean") => value.is_boolean(),
            _ => false,
        };
        let fits = match schema.get("type") {
            Some(Value::Array(types)) => types.iter().any(of_type),
            Some(keyword) => of_type(keyword),
            None => {
                allowed(schema).iter().any(|keyword| std::mem::discriminant(*keyword) == std::mem::discriminant(value))
            }
        };
        match (fits, value.as_object(), schema.get("properties").and_then(Value::as_object)) {
            (false, _, _) => 0,
            (true, Some(map), Some(properties)) => {
                let known = || properties.keys().map(String::as_str);
                let is_meant = |key: &&String| properties.contains_key(*key) || nearest(key, known()).is_some();
                1 + map.keys().filter(is_meant).count()
            }
            (true, _, _) => 1,
        }
    }

    /// Whether a value has the form that its schema's pattern describes.
    fn is_well_formed(&self, value: &Value, schema: &Value) -> bool {
        let text = || value.as_str().map(str::to_owned).unwrap_or_default();
        let is = |name: &str| spec::at(self.root, &format!("/$defs/{name}")).is_some_and(|def| def == schema);
        if is("Pointer") {
            Pointer::try_from(text()).is_ok()
        } else if is("Place") {
            Place::try_from(text()).is_ok()
        } else if is("Duration") {
            Span::try_from(text()).is_ok()
        } else if is("Shift") {
            Shift::try_from(text()).is_ok()
        } else if is("Rate") {
            Rate::try_from(text()).is_ok()
        } else if is("Lifetime") {
            Lifetime::try_from(text()).is_ok()
        } else if is("Part") {
            value.as_f64().is_some_and(|part| Part::try_from(part).is_ok())
        } else {
            true
        }
    }

    /// Returns what a schema allows, for a message.
    fn form(&self, schema: &'a Value) -> Option<String> {
        let target = self.target(schema).unwrap_or(schema);
        let example = |form: String| match example(schema) {
            Some(example) => format!("{form}, such as `{example}`"),
            None => form,
        };
        // The title of an object is the name of its type, which means nothing to a user.
        let title = target.get("title").filter(|_| !target.get("properties").is_some_and(Value::is_object));
        if let Some(title) = title.and_then(Value::as_str) {
            let example = target.pointer("/examples/0").map(|example| match example {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            return Some(match example {
                Some(example) => format!("{title}, such as `{example}`"),
                None => title.to_owned(),
            });
        }
        if let Some(branches) = target.get("anyOf").and_then(Value::as_array) {
            let forms: Vec<String> = branches.iter().filter_map(|branch| self.form(branch)).collect();
            return (!forms.is_empty()).then(|| forms.join(", or "));
        }
        let allowed = allowed(target);
        if !allowed.is_empty() {
            let allowed: Vec<String> =
                allowed.iter().filter_map(|keyword| keyword.as_str().map(str::to_owned)).collect();
            return Some(list(allowed.iter().map(String::as_str)));
        }
        match target.get("type").and_then(Value::as_str)? {
            "object" => {
                let keys: Vec<&str> = target.get("properties")?.as_object()?.keys().map(String::as_str).collect();
                Some(format!("an object with {}", list(keys).replace(" or ", " and ")))
            }
            "array" => {
                let items = target.get("items").and_then(|items| self.form(items))?;
                let many = target.get("minItems").filter(|min| Some(*min) == target.get("maxItems"));
                Some(
                    many.map_or_else(|| format!("a list of {items}"), |many| format!("a list of {many}, each {items}")),
                )
            }
            "string" => Some(example("a string".to_owned())),
            "boolean" => Some("`true` or `false`".to_owned()),
            "integer" => Some("a whole number".to_owned()),
            "number" => Some("a number".to_owned()),
            _ => None,
        }
    }

    /// Returns the schema that a `$ref` refers to.
    fn target(&self, schema: &'a Value) -> Option<&'a Value> {
        let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        spec::at(self.root, pointer)
    }
}

/// Returns a JSON Pointer for what was written instead: a name, a JSONPath such as `$.data[0].token`, or `#/token`.
fn slashed(text: &str) -> String {
    if let Some(rest) = text.strip_prefix('#').filter(|rest| rest.starts_with('/')) {
        return rest.to_owned();
    }
    match text.strip_prefix('$').filter(|rest| rest.starts_with(['.', '['])) {
        Some(rest) => {
            let parts = rest.split(['.', '[', ']']).map(|part| part.trim_matches(['\'', '"']));
            parts.filter(|part| !part.is_empty()).map(|part| join("", part)).collect()
        }
        None => format!("/{text}"),
    }
}

/// Returns the example at the end of a keyword's description.
fn example(schema: &Value) -> Option<&str> {
    let description = schema.get("description")?.as_str()?;
    let (_, example) = description.rsplit_once("Example: `")?;
    example.rsplit_once('`').map(|(example, _)| example)
}

/// Returns the values that a schema lists, as an `enum` or as one `const` each.
fn allowed(schema: &Value) -> Vec<&Value> {
    let one_of = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    listed.chain(schema.get("const")).chain(one_of.flat_map(allowed)).collect()
}
