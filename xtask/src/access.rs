//! JSON Pointers as typed field access: no JSON is searched at run time, except inside what the spec leaves untyped.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::model::{Model, Property, Shape, Ty};

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
pub fn read(model: &Model, ty: &Ty, segments: &[String], value: TokenStream, leaf: &Leaf<'_>) -> Option<TokenStream> {
    let (as_ref, as_deref, get, borrow) = match leaf.is_mutable() {
        true => (quote!(as_mut), quote!(as_deref_mut), quote!(get_mut), quote!(&mut)),
        false => (quote!(as_ref), quote!(as_deref), quote!(get), quote!(&)),
    };
    let Some((first, rest)) = segments.split_first() else {
        return match ty {
            Ty::Nullable(item) => {
                let inner = self::leaf(model, item, quote!(value), leaf)?;
                Some(quote!(#value.#as_ref().and_then(|value| #inner)))
            }
            ty => self::leaf(model, ty, value, leaf),
        };
    };
    match ty {
        Ty::Ref(name) => match &model.components.get(name)?.shape {
            Shape::Struct(properties) => {
                let is_wanted = |property: &&Property| property.name == *first && !property.is_constant();
                let property = properties.iter().find(is_wanted)?;
                let field = format_ident!("{}", property.field);
                let optional = if property.is_boxed { &as_deref } else { &as_ref };
                let held = if property.is_boxed { quote!((*#value.#field)) } else { quote!(#value.#field) };
                if !property.optional {
                    return read(model, &property.ty, rest, held, leaf);
                }
                let inner = read(model, &property.ty, rest, quote!(value), leaf)?;
                let bound = bound(&inner);
                Some(quote!(#value.#field.#optional().and_then(|#bound| #inner)))
            }
            Shape::Union(branches) => {
                let union = format_ident!("{name}");
                let arms: Vec<TokenStream> = branches
                    .iter()
                    .filter_map(|branch| {
                        let variant = format_ident!("{branch}");
                        let inner = read(model, &Ty::Ref(branch.clone()), segments, quote!(value), leaf)?;
                        let bound = bound(&inner);
                        Some(quote!(types::#union::#variant(#bound) => #inner,))
                    })
                    .collect();
                let rest = (arms.len() < branches.len()).then(|| quote!(_ => ::std::option::Option::None,));
                // What a closure or a pattern bound is a reference already, and no `mut` one.
                let is_bound = leaf.is_mutable() && value.to_string() == "value";
                let value = if is_bound { value } else { quote!(#borrow #value) };
                (!arms.is_empty()).then(|| quote!(match #value { #(#arms)* #rest }))
            }
            Shape::Enum(_) | Shape::Tag(_) => None,
        },
        Ty::List(item) => {
            let index: usize = first.parse().ok()?;
            let inner = read(model, item, rest, quote!(value), leaf)?;
            Some(quote!(#value.#get(#index).and_then(|value| #inner)))
        }
        Ty::Nullable(item) => {
            let inner = read(model, item, segments, quote!(value), leaf)?;
            Some(quote!(#value.#as_ref().and_then(|value| #inner)))
        }
        Ty::Map(item) => {
            let inner = read(model, item, rest, quote!(value), leaf)?;
            Some(quote!(#value.#get(#first).and_then(|value| #inner)))
        }
        Ty::Any => {
            let pointer: String =
                segments.iter().map(|segment| format!("/{}", segment.replace('~', "~0").replace('/', "~1"))).collect();
            let inner = self::leaf(model, &Ty::Any, quote!(value), leaf)?;
            Some(quote!(#value.pointer(#pointer).and_then(|value| #inner)))
        }
        _ => None,
    }
}

/// What a closure or a pattern binds: nothing where the expression doesn't look at it.
fn bound(inner: &TokenStream) -> TokenStream {
    let looks = inner.to_string().split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "value");
    if looks { quote!(value) } else { quote!(_) }
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

fn leaf(model: &Model, ty: &Ty, value: TokenStream, leaf: &Leaf<'_>) -> Option<TokenStream> {
    let is_enum =
        |name: &str| matches!(model.components.get(name).map(|component| &component.shape), Some(Shape::Enum(_)));
    let is_struct =
        |name: &str| matches!(model.components.get(name).map(|component| &component.shape), Some(Shape::Struct(_)));
    let tag = |name: &str| match model.components.get(name).map(|component| &component.shape) {
        Some(Shape::Tag(value)) => Some(value),
        _ => None,
    };
    match (leaf, ty) {
        (Leaf::Text, Ty::Text) => Some(quote!(::freshtoken_wire::text::non_empty(&#value))),
        (Leaf::Text, Ty::Ref(name)) if is_enum(name) => {
            Some(quote!(::freshtoken_wire::text::non_empty(#value.as_str())))
        }
        // A tag has one value, or the answer would be of another branch.
        (Leaf::Text, Ty::Ref(name)) if tag(name).is_some() => {
            let value = tag(name);
            Some(quote!(::std::option::Option::Some(#value.to_owned())))
        }
        (Leaf::Text, Ty::Integer | Ty::Number | Ty::Timestamp { .. }) => {
            Some(quote!(::std::option::Option::Some(#value.to_string())))
        }
        (Leaf::Text, Ty::Any) => Some(quote!(::freshtoken_wire::text::of_json(&#value))),
        (Leaf::Text, _) => None,

        (Leaf::Token, Ty::Secret) => Some(quote!(#value.take())),
        (Leaf::Token, _) => None,

        (Leaf::Scopes(_), Ty::List(item) | Ty::Delimited(_, item)) => {
            let text = read(model, item, &[], quote!(value), &Leaf::Text)?;
            Some(quote!(::std::option::Option::Some(#value.iter().filter_map(|value| #text).collect())))
        }
        (Leaf::Scopes(delimiter), ty) => {
            let split = match delimiter {
                Some(delimiter) => quote!(adapter::split(&value, #delimiter)),
                None => quote!(adapter::words(&value)),
            };
            if *ty == Ty::Any {
                let list = quote!(::freshtoken_wire::text::list_of_json(&#value, |value| #split));
                return Some(quote!(::std::option::Option::Some(#list)));
            }
            let text = self::leaf(model, ty, value, &Leaf::Text)?;
            Some(quote!(#text.map(|value| #split)))
        }

        (Leaf::Presence, Ty::Text | Ty::Secret | Ty::List(_) | Ty::Map(_)) => {
            Some(quote!(::std::option::Option::Some(!#value.is_empty())))
        }
        (Leaf::Presence, Ty::Boolean) => Some(quote!(::std::option::Option::Some(#value.to_owned()))),
        (Leaf::Presence, Ty::Any) => {
            Some(quote!(::std::option::Option::Some(!::freshtoken_wire::text::is_nothing(&#value))))
        }
        (Leaf::Presence, Ty::Ref(name)) if is_enum(name) => {
            Some(quote!(::std::option::Option::Some(!#value.as_str().is_empty())))
        }
        // An object is nothing where it has no member, known to the spec or not.
        (Leaf::Presence, Ty::Ref(name)) if is_struct(name) => {
            let members = model.properties(name).iter().filter(|property| !property.is_constant()).map(|property| {
                let field = format_ident!("{}", property.field);
                match property.optional {
                    true => quote!(#value.#field.is_some()),
                    false => quote!(true),
                }
            });
            let others = match model.components.get(name).is_some_and(|component| component.is_failure) {
                true => {
                    let field = format_ident!("{}", model.other_members(name));
                    quote!(#value.#field.any())
                }
                false => quote!(false),
            };
            Some(quote!(::std::option::Option::Some(#(#members ||)* #others)))
        }
        (Leaf::Presence, _) => Some(quote!(::std::option::Option::Some({
            let _ = &#value;
            true
        }))),

        (Leaf::Is(expected), Ty::Boolean) => Some(quote!(::std::option::Option::Some(#value.to_string() == #expected))),
        (Leaf::Is(expected), Ty::Any) => {
            Some(quote!(::std::option::Option::Some(::freshtoken_wire::text::of_scalar(&#value) == #expected)))
        }
        (Leaf::Is(expected), _) => {
            let text = self::leaf(model, ty, value, &Leaf::Text)?;
            Some(quote!(#text.map(|found| found == #expected)))
        }
    }
}
