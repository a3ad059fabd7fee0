//! The passes after all operations and schemas are lowered. Each changes the components.

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use crate::ident;
use crate::lower::descriptions::{joined, plain};
use crate::lower::model::{Component, Operation, Shape, Ty};
use crate::read::x_token::{Login, XToken};

/// Makes an expiry a UTC timestamp if it has a `zone`.
pub fn lower_expiries(x_token: &XToken, operations: &[Operation], components: &mut IndexMap<String, Component>) {
    let response = &x_token.response;
    let moments = || response.expires_at.iter().chain(&response.refresh_expires_at.0);
    let actions =
        [x_token.login.as_ref().map(Login::issuing), x_token.refresh.as_ref().map(|refresh| &refresh.operation)];
    for operation in
        operations.iter().filter(|operation| actions.iter().flatten().any(|id| ident::snake(id) == operation.base()))
    {
        let Some(ty) = &operation.success.ty else { continue };
        for expiry in moments().filter(|expiry| expiry.zone.is_some()) {
            let change = |old: &Ty| matches!(old, Ty::Timestamp { .. }).then_some(Ty::Timestamp { utc: true });
            retype(components, ty, &expiry.at.segments(), &change);
        }
    }
}

/// Changes the type of the property at a pointer, in every branch that has it.
fn retype(
    components: &mut IndexMap<String, Component>,
    ty: &Ty,
    segments: &[String],
    change: &dyn Fn(&Ty) -> Option<Ty>,
) {
    let Some((first, rest)) = segments.split_first() else { return };
    match ty {
        Ty::List(item) => retype(components, &item.clone(), rest, change),
        Ty::Ref(name) => {
            if let Some(Shape::Union(branches)) = components.get(name).map(|component| &component.shape) {
                for branch in branches.clone() {
                    retype(components, &Ty::Ref(branch), segments, change);
                }
                return;
            }
            let Some(Component { shape: Shape::Struct(properties), .. }) = components.get_mut(name) else { return };
            let Some(property) = properties.iter_mut().find(|property| property.name == *first) else { return };
            if rest.is_empty() {
                if let Some(new) = change(&property.ty) {
                    property.ty = new;
                }
                return;
            }
            let inner = property.ty.clone();
            retype(components, &inner, rest, change);
        }
        _ => {}
    }
}

/// Marks each type as used in requests or in responses, and drops unused types.
pub fn mark_use(components: &mut IndexMap<String, Component>, operations: &[Operation]) {
    for operation in operations {
        let request = operation.body.iter().map(|body| Ty::Ref(body.component.clone()));
        for ty in request.chain(operation.params.iter().map(|param| param.ty.clone())) {
            mark(components, &ty, &|component| std::mem::replace(&mut component.in_request, true));
        }
        let responses = std::iter::once(&operation.success).chain(&operation.errors);
        for ty in responses.filter_map(|response| response.ty.as_ref()) {
            mark(components, ty, &|component| std::mem::replace(&mut component.in_response, true));
        }
    }
    components.retain(|_, component| component.in_request || component.in_response);
}

/// Marks a type and everything that it contains. `seen` marks a component, and returns whether it was marked before.
fn mark(components: &mut IndexMap<String, Component>, ty: &Ty, seen: &dyn Fn(&mut Component) -> bool) {
    let name = match ty {
        Ty::List(item) | Ty::Map(item) | Ty::Delimited(_, item) | Ty::Nullable(item) => {
            return mark(components, item, seen);
        }
        Ty::Ref(name) => name,
        _ => return,
    };
    let Some(component) = components.get_mut(name) else { return };
    if seen(component) {
        return;
    }
    let next: Vec<Ty> = match &component.shape {
        Shape::Struct(properties) => properties.iter().map(|property| property.ty.clone()).collect(),
        Shape::Union(branches) => branches.iter().cloned().map(Ty::Ref).collect(),
        Shape::Enum(_) | Shape::Tag(_) => Vec::new(),
    };
    for ty in &next {
        mark(components, ty, seen);
    }
}

/// Decides what each constant is. In a request it stays a constant. In a branch of a response it is a tag, which
/// identifies the branch. Elsewhere in a response it is a known value, and another value is not an error.
pub fn settle_constants(components: &mut IndexMap<String, Component>) {
    let branches: IndexSet<String> = components
        .values()
        .filter(|component| component.in_response)
        .filter_map(|component| match &component.shape {
            Shape::Union(branches) => Some(branches.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    let mut tags: Vec<(String, String, String)> = Vec::new();
    for (name, component) in components.iter_mut() {
        let in_request = component.in_request;
        let Shape::Struct(properties) = &mut component.shape else { continue };
        for property in properties {
            let Ty::Constant(value) = &property.ty else { continue };
            match value {
                _ if in_request => {}
                Value::String(value) if branches.contains(name) => {
                    tags.push((name.clone(), property.name.clone(), value.clone()));
                }
                value => {
                    let note = format!("Known value: `{}`.", plain(value));
                    property.docs = joined(&property.docs, &note);
                    property.ty = Ty::of(value);
                }
            }
        }
    }
    for (component, property, value) in tags {
        let tag = ident::unique(&ident::pascal(&format!("{component}{}", ident::pascal(&property))), |name| {
            components.contains_key(name)
        });
        if let Some(Shape::Struct(properties)) = components.get_mut(&component).map(|component| &mut component.shape) {
            properties
                .iter_mut()
                .filter(|found| found.name == property)
                .for_each(|found| found.ty = Ty::Ref(tag.clone()));
        }
        let docs = format!("Always `{value}`, which identifies the kind of response.");
        components.insert(tag, Component { docs, shape: Shape::Tag(value), in_request: false, in_response: true });
    }
}

/// Boxes the properties through which a struct contains itself without a list or a map in between.
pub fn box_circles(components: &mut IndexMap<String, Component>) {
    fn held(ty: &Ty) -> Option<&str> {
        match ty {
            Ty::Ref(name) => Some(name),
            Ty::Nullable(item) => held(item),
            _ => None,
        }
    }
    let reaches = |from: &str, wanted: &str| {
        let (mut queue, mut seen) = (vec![from], HashSet::from([from]));
        while let Some(name) = queue.pop() {
            if name == wanted {
                return true;
            }
            let next: Vec<&str> = match components.get(name).map(|component| &component.shape) {
                Some(Shape::Struct(properties)) => properties.iter().filter_map(|found| held(&found.ty)).collect(),
                Some(Shape::Union(branches)) => branches.iter().map(String::as_str).collect(),
                _ => Vec::new(),
            };
            queue.extend(next.into_iter().filter(|name| seen.insert(name)));
        }
        false
    };
    let mut boxed = Vec::new();
    for (index, (name, component)) in components.iter().enumerate() {
        let Shape::Struct(properties) = &component.shape else { continue };
        let properties = properties.iter().enumerate();
        let circles = properties.filter(|(_, property)| held(&property.ty).is_some_and(|held| reaches(held, name)));
        boxed.extend(circles.map(|(property, _)| (index, property)));
    }
    for (index, property) in boxed {
        if let Shape::Struct(properties) = &mut components[index].shape {
            properties[property].is_boxed = true;
        }
    }
}
