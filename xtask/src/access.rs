//! JSON Pointers as typed field access: no JSON is searched at run time, except inside what the spec leaves untyped.

use crate::{
    code::Code,
    model::{Model, Property, Shape, Ty},
};

/// What is read where a pointer ends.
pub enum Leaf<'a> {
    /// A text or a number as `Option<String>`; an empty text is none.
    Text,
    /// `Option<bool>`: whether there is anything. `null`, `false`, `""`, `[]` and `{}` are nothing.
    Presence,
    /// `Option<bool>`: whether it is this value, as text.
    Is(&'a str),
    /// `Option<Secret>`: moved out of the value, which is a mutable one, and empty from then on. An empty one is none.
    /// For the facade, which has the method.
    Token,
    /// `Option<Expiry>`: when something ends, as the answer says it. For the facade, which has the type.
    Expiry,
    /// `Option<Vec<String>>`: the items of a list, or what is between these delimiters in a text; none: spaces. For the
    /// facade, which has the function.
    Scopes(Option<&'a str>),
}

impl Leaf<'_> {
    fn is_mutable(&self) -> bool {
        matches!(self, Self::Token)
    }
}

/// An expression of the leaf's type for a pointer into `value`, a place or a reference of a `ty`; none where the type has no such
/// member.
pub fn read(model: &Model, ty: &Ty, segments: &[String], value: &str, leaf: &Leaf<'_>) -> Option<Code> {
    let (as_ref, as_deref, get, borrow) = match leaf.is_mutable() {
        true => (".as_mut()", ".as_deref_mut()", "get_mut", "&mut "),
        false => (".as_ref()", ".as_deref()", "get", "&"),
    };
    let Some((first, rest)) = segments.split_first() else {
        return match ty {
            Ty::Nullable(item) => Some(held(value, as_ref, self::leaf(model, item, "value", leaf)?)),
            ty => self::leaf(model, ty, value, leaf),
        };
    };
    match ty {
        Ty::Ref(name) => match &model.components.get(name)?.shape {
            Shape::Struct(properties) => {
                let is_wanted = |property: &&Property| property.name == *first && !property.is_constant();
                let property = properties.iter().find(is_wanted)?;
                let place = format!("{value}.{}", property.field);
                if property.optional {
                    let inner = read(model, &property.ty, rest, "value", leaf)?;
                    return Some(held(&place, if property.is_boxed { as_deref } else { as_ref }, inner));
                }
                let place = if property.is_boxed { format!("(*{place})") } else { place };
                read(model, &property.ty, rest, &place, leaf)
            }
            Shape::Union(branches) => {
                let mut arms: Vec<Code> = branches
                    .iter()
                    .filter_map(|branch| {
                        let inner = read(model, &Ty::Ref(branch.clone()), segments, "value", leaf)?;
                        Some(Code::behind(format!("types::{name}::{branch}({}) => ", bound(&inner)), inner))
                    })
                    .collect();
                if arms.is_empty() {
                    return None;
                }
                arms.extend((arms.len() < branches.len()).then(|| Code::text("_ => None")));
                // What a closure or a pattern bound is a reference already, and no `mut` one.
                let borrow = if leaf.is_mutable() && value == "value" { "" } else { borrow };
                Some(Code::braces(&format!("match {borrow}{value}"), arms))
            }
            Shape::Enum(_) | Shape::Tag(_) => None,
        },
        Ty::List(item) => {
            let index: usize = first.parse().ok()?;
            Some(held(value, &format!(".{get}({index})"), read(model, item, rest, "value", leaf)?))
        }
        Ty::Nullable(item) => Some(held(value, as_ref, read(model, item, segments, "value", leaf)?)),
        Ty::Map(item) => Some(held(value, &format!(".{get}({first:?})"), read(model, item, rest, "value", leaf)?)),
        Ty::Any => {
            let pointer: String =
                segments.iter().map(|segment| format!("/{}", segment.replace('~', "~0").replace('/', "~1"))).collect();
            Some(held(value, &format!(".pointer({pointer:?})"), self::leaf(model, &Ty::Any, "value", leaf)?))
        }
        _ => None,
    }
}

/// What `inner` reads of the `value` that an option at a place holds.
fn held(place: &str, option: &str, inner: Code) -> Code {
    let inner = Code::behind(format!("|{}| ", bound(&inner)), inner);
    Code::chain([Code::text(place), Code::text(option), Code::list(".and_then(", vec![inner])])
}

/// What a closure or a pattern binds: nothing where the expression doesn't look at it.
fn bound(inner: &Code) -> &'static str {
    let looks = |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "value");
    if inner.has(&looks) { "value" } else { "_" }
}

/// The types that a pointer leads to, one for each branch of a union that has it.
pub fn targets(model: &Model, ty: &Ty, segments: &[String], found: &mut Vec<Ty>) {
    let Some((first, rest)) = segments.split_first() else { return found.push(ty.clone()) };
    match ty {
        Ty::Ref(name) => match model.components.get(name).map(|component| &component.shape) {
            Some(Shape::Struct(properties)) => {
                let properties = properties.iter().filter(|property| property.name == *first);
                properties.for_each(|property| targets(model, &property.ty, rest, found));
            }
            Some(Shape::Union(branches)) => {
                branches.iter().for_each(|branch| targets(model, &Ty::Ref(branch.clone()), segments, found));
            }
            _ => {}
        },
        Ty::Nullable(item) => targets(model, item, segments, found),
        Ty::List(item) | Ty::Map(item) => targets(model, item, rest, found),
        _ => {}
    }
}

fn leaf(model: &Model, ty: &Ty, value: &str, leaf: &Leaf<'_>) -> Option<Code> {
    let shape = match ty {
        Ty::Ref(name) => model.components.get(name).map(|component| &component.shape),
        _ => None,
    };
    let text = match (leaf, ty) {
        (Leaf::Text, Ty::Text) => format!("::freshtoken_wire::text::non_empty(&{value})"),
        (Leaf::Text, Ty::Ref(_)) => match shape? {
            Shape::Enum(_) => format!("::freshtoken_wire::text::non_empty({value}.as_str())"),
            // A tag has one value, or the answer would be of another branch.
            Shape::Tag(value) => format!("Some({value:?}.to_owned())"),
            _ => return None,
        },
        (Leaf::Text, Ty::Integer | Ty::Number | Ty::Timestamp { .. }) => format!("Some({value}.to_string())"),
        (Leaf::Text, Ty::Any) => format!("::freshtoken_wire::text::of_json(&{value})"),
        (Leaf::Text, _) => return None,

        (Leaf::Token, Ty::Secret) => format!("{value}.take()"),
        (Leaf::Token, _) => return None,

        (Leaf::Expiry, Ty::Integer) => format!("Some(adapter::Expiry::Count({value}.to_owned()))"),
        (Leaf::Expiry, Ty::Timestamp { .. }) => format!("Some(adapter::Expiry::At({value}.to_owned()))"),
        (Leaf::Expiry, ty) => {
            let text = self::leaf(model, ty, value, &Leaf::Text)?;
            return Some(text.then(Code::text(".map(adapter::Expiry::Text)")));
        }

        (Leaf::Scopes(_), Ty::List(item) | Ty::Delimited(_, item)) => {
            let text = Code::behind("|value| ", read(model, item, &[], "value", &Leaf::Text)?);
            let (items, texts) = (Code::text(format!("{value}.iter()")), Code::list(".filter_map(", vec![text]));
            return Some(Code::list("Some(", vec![Code::chain([items, texts, Code::text(".collect()")])]));
        }
        (Leaf::Scopes(delimiter), ty) => {
            let split = match delimiter {
                Some(delimiter) => format!("|value| adapter::split(&value, {delimiter:?})"),
                None => "|value| adapter::words(&value)".to_owned(),
            };
            if *ty == Ty::Any {
                let inputs = vec![Code::text(format!("&{value}")), Code::text(split)];
                return Some(Code::list("Some(", vec![Code::list("::freshtoken_wire::text::list_of_json(", inputs)]));
            }
            let text = self::leaf(model, ty, value, &Leaf::Text)?;
            return Some(text.then(Code::text(format!(".map({split})"))));
        }

        (Leaf::Presence, Ty::Text | Ty::Secret | Ty::List(_) | Ty::Map(_)) => format!("Some(!{value}.is_empty())"),
        (Leaf::Presence, Ty::Boolean) => format!("Some({value}.to_owned())"),
        (Leaf::Presence, Ty::Any) => format!("Some(!::freshtoken_wire::text::is_nothing(&{value}))"),
        (Leaf::Presence, ty) => match (ty, shape) {
            (_, Some(Shape::Enum(_))) => format!("Some(!{value}.as_str().is_empty())"),
            // An object is nothing where it has no member, known to the spec or not.
            (Ty::Ref(name), Some(Shape::Struct(properties))) => {
                let properties = properties.iter().filter(|property| !property.is_constant());
                let members = properties.map(|Property { field, optional, .. }| match optional {
                    true => format!("{value}.{field}.is_some()"),
                    false => "true".to_owned(),
                });
                let others = match model.components.get(name).is_some_and(|component| component.is_failure) {
                    true => format!("{value}.{}.any()", model.other_members(name)),
                    false => "false".to_owned(),
                };
                let members = members.chain([others]).map(Code::text).collect();
                return Some(Code::list("Some(", vec![Code::any(members)]));
            }
            _ => format!("Some({{ let _ = &{value}; true }})"),
        },

        (Leaf::Is(expected), Ty::Boolean) => format!("Some({value}.to_string() == {expected:?})"),
        // As a number: 1 is 1.0.
        (Leaf::Is(expected), Ty::Number) => {
            let expected: f64 = expected.parse().ok()?;
            format!("Some({value}.to_owned() == {expected:?}f64)")
        }
        (Leaf::Is(expected), Ty::Any) => {
            format!("Some(::freshtoken_wire::text::of_scalar(&{value}) == {expected:?})")
        }
        (Leaf::Is(expected), _) => {
            let text = self::leaf(model, ty, value, &Leaf::Text)?;
            return Some(text.then(Code::text(format!(".map(|found| found == {expected:?})"))));
        }
    };
    Some(Code::text(text))
}
