//! The arguments of an operation's method, and how progenitor's method takes them.

use crate::emit::errors::body_type;
use crate::emit::settings::settings;
use crate::ident;
use crate::lower::descriptions::plain;
use crate::lower::model::{Model, Operation, Param, SchemeKind, Ty};

/// An argument of a method, other than the body.
pub struct Argument<'a> {
    pub name: String,
    /// The parameter, or `None` for the token that a bearer scheme sends.
    pub param: Option<&'a Param>,
}

/// Returns the arguments of an operation's method in order, without its body.
pub fn arguments(operation: &Operation) -> Vec<Argument<'_>> {
    // An argument that is named like a variable of the method gets a `_`, as one named like a keyword does.
    let named = |name: String| {
        if ["call", "client", "result"].contains(&name.as_str()) { format!("{name}_") } else { name }
    };
    let schemes = operation.security.iter().filter(|scheme| matches!(scheme.kind, SchemeKind::Token(_)));
    let tokens = schemes.map(|scheme| Argument { name: named(ident::snake(&scheme.name)), param: None });
    let params = operation.params.iter().filter(|param| !param.is_setting && !matches!(param.ty, Ty::Constant(_)));
    tokens.chain(params.map(|param| Argument { name: named(param.field()), param: Some(param) })).collect()
}

/// Returns the type of an argument.
pub fn argument_type(argument: &Argument<'_>) -> String {
    let Some(param) = argument.param else { return "&Secret".to_owned() };
    let plain = match &param.ty {
        Ty::Secret => "&Secret".to_owned(),
        Ty::Integer => "i64".to_owned(),
        Ty::Number => "f64".to_owned(),
        Ty::Boolean => "bool".to_owned(),
        ty @ (Ty::Ref(_) | Ty::Delimited(..) | Ty::Timestamp { .. }) => format!("&{}", body_type(ty)),
        Ty::List(item) => format!("&[{}]", body_type(item)),
        Ty::Text | Ty::Any | Ty::Map(_) | Ty::Nullable(_) | Ty::Constant(_) => "&str".to_owned(),
    };
    if param.required { plain } else { format!("Option<{plain}>") }
}

/// Returns the expression of a path parameter that is a setting of the endpoint. If one operation declares it a secret,
/// it is a secret for all.
pub fn setting_of(model: &Model, param: &Param) -> String {
    let field = param.field();
    if settings(model).iter().any(|setting| setting.name == field && setting.is_secret()) {
        format!("self.settings.{field}.expose()")
    } else {
        format!("&self.settings.{field}")
    }
}

/// Returns what progenitor's method gets for a parameter, which is always a string or a list of strings.
pub fn passed(model: &Model, param: &Param, arguments: &[Argument<'_>]) -> String {
    const STRINGS: &str = "iter().map(|item| item.to_string()).collect::<Vec<_>>()";
    let argument = arguments
        .iter()
        .find(|argument| argument.param.is_some_and(|found| found.name == param.name && found.place == param.place));
    if let Ty::Constant(value) = &param.ty {
        let value = plain(value);
        return if param.required { format!("{value:?}") } else { format!("Some({value:?})") };
    }
    let Some(Argument { name, .. }) = argument else { return setting_of(model, param) };
    let wire_name = &param.name;
    match (&param.ty, param.required) {
        (Ty::Secret, true) => format!("{name}.expose()"),
        (Ty::Ref(_), true) => format!("{name}.as_str()"),
        (Ty::Integer | Ty::Number | Ty::Boolean | Ty::Timestamp { .. }, true) => format!("&{name}.to_string()"),
        (Ty::Delimited(..), true) => format!("&client.inner.list({wire_name:?}, {name})?"),
        (Ty::List(_), true) => format!("&{name}.{STRINGS}"),
        (_, true) => name.clone(),
        (Ty::Secret, false) => format!("{name}.map(|value| value.expose())"),
        (Ty::Ref(_), false) => format!("{name}.map(|value| value.as_str())"),
        (Ty::Integer | Ty::Number | Ty::Boolean | Ty::Timestamp { .. }, false) => {
            format!("{name}.map(|value| value.to_string()).as_deref()")
        }
        (Ty::Delimited(..), false) => {
            format!("{name}.map(|value| client.inner.list({wire_name:?}, value)).transpose()?.as_deref()")
        }
        (Ty::List(_), false) => format!("{name}.map(|value| value.{STRINGS}).as_ref()"),
        (_, false) => name.clone(),
    }
}
