//! Examples of a spec as Rust expressions, for tests and docs, and invented examples where the spec has none.

use serde_json::{Map, Value, json};

use crate::emit::layout::Code;
use crate::ident;
use crate::lower::descriptions::plain;
use crate::lower::model::{Model, Shape, Ty};

/// Returns an expression of the type `ty` for a JSON value.
pub fn expression(model: &Model, ty: &Ty, name: &str, value: &Value) -> Code {
    match ty {
        Ty::Constant(constant) => expression(model, &Ty::of(constant), name, value),
        Ty::Secret | Ty::Text => Code::into(&plain(value)),
        Ty::Timestamp { .. } => Code::text(format!("{:?}.parse().expect(\"a date-time\")", plain(value))),
        Ty::Integer => {
            let number = value.as_i64().or_else(|| plain(value).parse().ok()).unwrap_or_default();
            Code::text(number.to_string())
        }
        Ty::Number => Code::text(format!("{:?}", value.as_f64().unwrap_or_default())),
        Ty::Boolean => Code::text(value.as_bool().unwrap_or_default().to_string()),
        Ty::Any => Code::text(format!("::serde_json::from_str({:?}).expect(\"JSON\")", value.to_string())),
        Ty::List(item) => {
            let items = value.as_array().into_iter().flatten();
            Code::list("vec![", items.map(|value| expression(model, item, name, value)).collect())
        }
        Ty::Delimited(_, item) => {
            let items = value.as_array().into_iter().flatten();
            let items = items.map(|value| listed(model, item, name, value)).collect();
            Code::row([Code::list("[", items), Code::text(".into()")])
        }
        Ty::Map(item) => {
            let entries = value.as_object().into_iter().flatten().map(|(key, value)| {
                let value = expression(model, item, key, value);
                Code::list("(", vec![Code::text(format!("{key:?}.to_owned()")), value])
            });
            Code::list("::std::collections::BTreeMap::from(", vec![Code::list("[", entries.collect())])
        }
        Ty::Nullable(_) if value.is_null() => Code::text("None"),
        Ty::Nullable(item) => Code::list("Some(", vec![expression(model, item, name, value)]),
        Ty::Ref(component) => named(model, component, value),
    }
}

/// Returns an item of a delimited list, where `into` would be ambiguous.
fn listed(model: &Model, ty: &Ty, name: &str, value: &Value) -> Code {
    match ty {
        Ty::Constant(constant) => listed(model, &Ty::of(constant), name, value),
        Ty::Text => Code::text(format!("{:?}.to_owned()", plain(value))),
        ty => expression(model, ty, name, value),
    }
}

fn named(model: &Model, name: &str, value: &Value) -> Code {
    match model.components.get(name).map(|component| &component.shape) {
        Some(Shape::Struct(properties)) => {
            let fields = properties.iter().filter(|property| !property.is_constant()).map(|property| {
                let is_value = |value: &&Value| !value.is_null() || (property.ty == Ty::Any && !property.optional);
                let given = value.get(&property.name).filter(is_value);
                let code = |value: &Value| {
                    let value = expression(model, &property.ty, &property.name, value);
                    if property.is_boxed { Code::list("Box::new(", vec![value]) } else { value }
                };
                let value = match (given, property.optional) {
                    (Some(value), true) => Code::list("Some(", vec![code(value)]),
                    (Some(value), false) => code(value),
                    (None, true) => Code::text("None"),
                    (None, false) => code(&sample(model, &property.ty, &property.name)),
                };
                Code::row([Code::text(format!("{}: ", property.field)), value])
            });
            Code::braces(&format!("types::{name}"), fields.collect())
        }
        Some(Shape::Union(_)) => {
            let branch = branch(model, name, value);
            Code::list(format!("types::{name}::from("), vec![named(model, branch, value)])
        }
        Some(Shape::Enum(variants)) => {
            let text = plain(value);
            Code::text(match variants.get(&text) {
                Some(variant) => format!("types::{name}::{variant}"),
                None => format!("types::{name}::from({text:?})"),
            })
        }
        _ => Code::text("::core::unreachable!()"),
    }
}

/// Returns the struct of an example: the component, or its branch.
pub fn branch<'a>(model: &'a Model, component: &'a str, value: &Value) -> &'a str {
    match model.components.get(component).map(|component| &component.shape) {
        Some(Shape::Union(branches)) => branch_of(model, branches, value),
        _ => component,
    }
}

/// Returns the branch whose constants and required properties match. A branch that knows all properties is preferred.
fn branch_of<'a>(model: &Model, branches: &'a [String], value: &Value) -> &'a str {
    let fits = |branch: &&String| {
        model.properties(branch).iter().all(|property| match (&property.ty, value.get(&property.name)) {
            (Ty::Constant(constant), Some(value)) => plain(constant) == plain(value),
            (_, found) => found.is_some() || !property.required,
        })
    };
    let known = |branch: &&String| {
        let properties = model.properties(branch);
        value
            .as_object()
            .is_some_and(|object| object.keys().all(|key| properties.iter().any(|property| property.name == *key)))
    };
    let exact = branches.iter().find(|branch| fits(branch) && known(branch));
    exact.or_else(|| branches.iter().find(fits)).or_else(|| branches.first()).map_or("", String::as_str)
}

/// Returns an invented example of a type, with the required properties only.
pub fn sample(model: &Model, ty: &Ty, name: &str) -> Value {
    sample_within(model, ty, name, &mut Vec::new())
}

fn sample_within(model: &Model, ty: &Ty, name: &str, within: &mut Vec<String>) -> Value {
    match ty {
        Ty::Constant(value) => value.clone(),
        Ty::Secret | Ty::Text => json!(format!("example-{}", ident::snake(name).trim_matches('_').replace('_', "-"))),
        Ty::Timestamp { .. } => json!("2030-01-02T03:04:05Z"),
        Ty::Integer => json!(3600),
        Ty::Number => json!(0.5),
        Ty::Boolean => json!(true),
        Ty::Any | Ty::Map(_) => json!({}),
        Ty::Nullable(item) => sample_within(model, item, name, within),
        Ty::List(item) | Ty::Delimited(_, item) => json!([sample_within(model, item, name, within)]),
        Ty::Ref(component) => {
            // A recursive type ends at an optional property. If there is none, the type has no example.
            if within.contains(component) {
                return Value::Null;
            }
            within.push(component.clone());
            let value = match model.components.get(component).map(|component| &component.shape) {
                Some(Shape::Struct(properties)) => {
                    let required = properties.iter().filter(|property| property.required);
                    let members: Map<String, Value> = required
                        .map(|property| {
                            (property.name.clone(), sample_within(model, &property.ty, &property.name, within))
                        })
                        .collect();
                    Value::Object(members)
                }
                // A branch that is not recursive, if there is one.
                Some(Shape::Union(branches)) => {
                    let mut samples =
                        branches.iter().map(|branch| sample_within(model, &Ty::Ref(branch.clone()), name, within));
                    samples.find(|sample| !has_null(sample)).unwrap_or_default()
                }
                Some(Shape::Enum(values)) => json!(values.keys().next()),
                Some(Shape::Tag(value)) => json!(value),
                None => Value::Null,
            };
            within.pop();
            value
        }
    }
}

/// Whether an invented example contains itself.
fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

/// Returns the example with `wanted`, or else with an invented value, at the place of a pointer.
pub fn with_member(
    model: &Model,
    ty: &Ty,
    name: &str,
    value: Value,
    segments: &[String],
    wanted: Option<&Value>,
) -> Value {
    let Some((first, rest)) = segments.split_first() else {
        return match wanted {
            Some(wanted) => wanted.clone(),
            None if value.is_null() => sample(model, ty, name),
            None => value,
        };
    };
    match ty {
        Ty::Nullable(item) => with_member(model, item, name, value, segments, wanted),
        Ty::List(item) => {
            let index = first.parse().unwrap_or_default();
            let mut items = value.as_array().cloned().unwrap_or_default();
            while items.len() <= index {
                items.push(sample(model, item, name));
            }
            items[index] = with_member(model, item, name, items[index].take(), rest, wanted);
            Value::Array(items)
        }
        Ty::Ref(component) => {
            let mut component = component.as_str();
            if let Some(Shape::Union(branches)) = model.components.get(component).map(|component| &component.shape) {
                let has_target = |branch: &&String| {
                    let mut targets = Vec::new();
                    model.targets(&Ty::Ref((*branch).clone()), segments, &mut targets);
                    !targets.is_empty()
                };
                component = branches.iter().find(has_target).map_or(component, String::as_str);
            }
            let ty = Ty::Ref(component.to_owned());
            let value = if value.is_object() && segments.len() > 1 || value.get(first).is_some() {
                value
            } else {
                let mut fresh = sample(model, &ty, name);
                if let (Some(fresh), Some(old)) = (fresh.as_object_mut(), value.as_object()) {
                    fresh.extend(old.clone());
                }
                fresh
            };
            let mut members = value.as_object().cloned().unwrap_or_default();
            if let Some(property) = model.properties(component).iter().find(|property| property.name == *first) {
                let member = members.get(first).cloned().unwrap_or_default();
                members.insert(first.clone(), with_member(model, &property.ty, first, member, rest, wanted));
            }
            Value::Object(members)
        }
        Ty::Map(item) => {
            let mut members = value.as_object().cloned().unwrap_or_default();
            let member = members.get(first).cloned().unwrap_or_default();
            members.insert(first.clone(), with_member(model, item, first, member, rest, wanted));
            Value::Object(members)
        }
        Ty::Any => {
            let mut members = value.as_object().cloned().unwrap_or_default();
            let member = members.get(first).cloned().unwrap_or_default();
            members.insert(first.clone(), with_member(model, ty, first, member, rest, wanted));
            Value::Object(members)
        }
        _ => value,
    }
}

/// Returns the secrets in an example, each with the name of its property.
pub fn secrets(model: &Model, ty: &Ty, name: &str, value: &Value) -> Vec<(String, String)> {
    match (ty, value) {
        (Ty::Secret, Value::String(text)) => vec![(name.to_owned(), text.clone())],
        (Ty::Nullable(item), value) => secrets(model, item, name, value),
        (Ty::List(item), Value::Array(values)) => {
            values.iter().flat_map(|value| secrets(model, item, name, value)).collect()
        }
        (Ty::Map(item), Value::Object(entries)) => {
            entries.iter().flat_map(|(key, value)| secrets(model, item, key, value)).collect()
        }
        (Ty::Ref(component), Value::Object(members)) => {
            let properties = model.properties(branch(model, component, value)).iter();
            let held = properties.filter_map(|property| Some((property, members.get(&property.name)?)));
            held.flat_map(|(property, value)| secrets(model, &property.ty, &property.name, value)).collect()
        }
        _ => Vec::new(),
    }
}
