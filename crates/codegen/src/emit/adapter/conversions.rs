//! The types of credentials, and the conversions between them.

use crate::emit::errors::body_type;
use crate::emit::types::delimited;
use crate::lower::model::{Model, Shape, Ty};

/// Whether a type is an enum of strings.
pub fn is_enum(model: &Model, ty: &Ty) -> bool {
    matches!(ty, Ty::Ref(name) if matches!(model.components.get(name).map(|found| &found.shape), Some(Shape::Enum(_))))
}

/// Whether a credential of one type can be converted to another.
pub fn converts(model: &Model, from: &Ty, to: &Ty) -> bool {
    let has_text =
        matches!(from, Ty::Secret | Ty::Text | Ty::Integer | Ty::Number | Ty::Boolean | Ty::Timestamp { .. })
            || is_enum(model, from);
    from == to || has_text && (matches!(to, Ty::Text | Ty::Secret) || is_enum(model, to))
}

/// Returns the conversion of `value`, a place or a reference, from one type to another.
pub fn converted(model: &Model, from: &Ty, to: &Ty, value: &str, is_reference: bool) -> String {
    if from == to {
        return match (is_copy(from), is_reference) {
            (true, true) => format!("*{value}"),
            (true, false) => value.to_owned(),
            (false, _) => format!("{value}.clone()"),
        };
    }
    let (text, is_owned) = match from {
        Ty::Secret => (format!("{value}.expose()"), false),
        from if *from == Ty::Text || is_enum(model, from) => (format!("{value}.as_str()"), false),
        _ => (format!("{value}.to_string()"), true),
    };
    match to {
        Ty::Secret => format!("Secret::new({text})"),
        Ty::Ref(name) => format!("types::{name}::from({text})"),
        _ if is_owned => text,
        _ => format!("{text}.to_owned()"),
    }
}

/// Whether it is a secret, or contains some.
pub fn has_secret(ty: &Ty) -> bool {
    match ty {
        Ty::List(item) | Ty::Nullable(item) | Ty::Map(item) | Ty::Delimited(_, item) => has_secret(item),
        ty => *ty == Ty::Secret,
    }
}

/// Whether a value of a type is copied, and not cloned.
pub fn is_copy(ty: &Ty) -> bool {
    matches!(ty, Ty::Integer | Ty::Number | Ty::Boolean | Ty::Timestamp { .. })
}

/// Returns a type as the adapter writes it.
pub fn field_type(ty: &Ty) -> String {
    match ty {
        Ty::Secret => "Secret".to_owned(),
        Ty::Timestamp { .. } => "Timestamp".to_owned(),
        Ty::Any => "::freshtoken_wire::private::serde_json::Value".to_owned(),
        Ty::Nullable(item) => format!("Option<{}>", field_type(item)),
        Ty::List(item) => format!("Vec<{}>", field_type(item)),
        Ty::Map(item) => format!("::std::collections::BTreeMap<String, {}>", field_type(item)),
        Ty::Delimited(delimiter, item) => format!("{}<{}>", delimited(*delimiter), field_type(item)),
        ty => body_type(ty),
    }
}
