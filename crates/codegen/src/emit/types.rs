//! The types of the bodies, with the names, the order and the docs of the spec. Enums are open, because a vendor can
//! extend them. A type writes its constants itself. The types of requests are only written, and those of responses only
//! read.

use indexmap::IndexMap;
use serde_json::Value;

use crate::docs;
use crate::ident;
use crate::lower::descriptions::plain;
use crate::lower::model::{Component, Model, Property, Shape, Ty};

/// Returns the module of types.
pub fn source(model: &Model) -> String {
    let items = model.components.iter().map(|(name, component)| item(model, name, component));
    short(model, items.collect::<Vec<_>>().join("\n"))
}

fn item(model: &Model, name: &str, component: &Component) -> String {
    let docs = or(&component.docs, &named(name));
    match &component.shape {
        Shape::Enum(variants) => open_enum(name, &docs, variants),
        Shape::Tag(value) => tag(name, &docs, value),
        Shape::Union(branches) => union(model, name, &docs, component, branches),
        Shape::Struct(properties) => structure(name, &docs, component, properties),
    }
}

/// Returns the docs of a type or a field without a description in the spec.
fn named(name: &str) -> String {
    format!("`{name}`. The spec has no description.")
}

fn open_enum(name: &str, docs: &str, variants: &IndexMap<String, String>) -> String {
    let docs = docs::comment(docs, "    ");
    let is_free = |name: &&str| variants.values().all(|taken| taken != name);
    let other = ["Other", "OtherValue", "NotListed"].into_iter().find(is_free).unwrap_or("OfNoListedName");
    let variants: String = variants
        .iter()
        .map(|(value, name)| format!("        /// `{}`\n        {name} = {value:?},\n", value.escape_debug()))
        .collect();
    format!("::freshtoken_wire::open_enum! {{\n{docs}    pub enum {name} else {other} {{\n{variants}    }}\n}}\n")
}

fn tag(name: &str, docs: &str, value: &str) -> String {
    format!(
        "\
{docs}#[derive(Clone, Copy, Debug, PartialEq, Eq, ::serde::Deserialize)]
pub enum {name} {{
{variant_docs}    #[serde(rename = {value:?})]
    {variant},
}}
",
        docs = docs::comment(docs, ""),
        variant_docs = docs::comment(&format!("`{value}`"), "    "),
        variant = ident::variant(value),
    )
}

fn union(model: &Model, name: &str, docs: &str, component: &Component, branches: &[String]) -> String {
    let variants = branches.iter().map(|branch| {
        let docs = docs::first_sentence(&model.components[branch].docs);
        let docs = docs::comment(&or(&docs, &format!("`{branch}`.")), "    ");
        format!("{docs}    {branch}({branch}),\n")
    });
    let from = branches.iter().map(|branch| {
        format!(
            "
impl ::std::convert::From<{branch}> for {name} {{
    fn from(body: {branch}) -> Self {{
        Self::{branch}(body)
    }}
}}
"
        )
    });
    format!(
        "\
{docs}#[derive(Clone, Debug, PartialEq{writes}{reads})]
#[serde(untagged)]
pub enum {name} {{
{variants}}}
{from}",
        docs = docs::comment(docs, ""),
        writes = if component.in_request { ", ::serde::Serialize" } else { "" },
        reads = reads(component),
        variants = variants.collect::<String>(),
        from = from.collect::<String>(),
    )
}

fn reads(component: &Component) -> &'static str {
    if component.in_response { ", ::serde::Deserialize" } else { "" }
}

fn structure(name: &str, docs: &str, component: &Component, properties: &[Property]) -> String {
    let fields: String = properties
        .iter()
        .filter(|property| !property.is_constant())
        .map(|property| field(property, component.in_response))
        .collect();
    let fields = if fields.is_empty() { " {}".to_owned() } else { format!(" {{\n{fields}}}") };
    let serialize = if component.in_request { serialize(name, properties) } else { String::new() };
    format!(
        "{docs}{constants}#[derive(Clone, Debug, PartialEq{reads})]\npub struct {name}{fields}\n{serialize}",
        docs = docs::comment(docs, ""),
        constants = sent_along(properties),
        reads = reads(component),
    )
}

fn field(property: &Property, is_read: bool) -> String {
    let Property { name, field, ty, optional, .. } = property;
    let docs = docs::comment(&or(&property.docs, &named(name)), "    ");
    let held = rust(ty, *optional && !property.is_boxed);
    let held = match (property.is_boxed, optional) {
        (false, _) => held,
        (true, false) => format!("::std::boxed::Box<{held}>"),
        // An option of a box is easier to match than a box of an option.
        (true, true) => format!("::std::option::Option<::std::boxed::Box<{held}>>"),
    };
    let mut serde: Vec<String> = Vec::new();
    if name != field {
        serde.push(format!("rename = {name:?}"));
    }
    let reader = match (ty, optional) {
        (Ty::Integer, false) => Some("integer"),
        (Ty::Integer, true) => Some("option_integer"),
        (Ty::Number, false) => Some("number"),
        (Ty::Number, true) => Some("option_number"),
        (Ty::Timestamp { utc: true }, false) => Some("utc_timestamp"),
        (Ty::Timestamp { utc: true }, true) => Some("option_utc_timestamp"),
        _ => None,
    };
    if let Some(reader) = reader {
        serde.extend(optional.then(|| "default".to_owned()));
        serde.push(format!("deserialize_with = \"::freshtoken_wire::de::{reader}\""));
    }
    let serde =
        if is_read && !serde.is_empty() { format!("    #[serde({})]\n", serde.join(", ")) } else { String::new() };
    format!("{docs}{serde}    pub {field}: {held},\n")
}

/// Returns the type of a field in the module of types.
pub fn rust(ty: &Ty, optional: bool) -> String {
    let plain = match ty {
        Ty::Ref(name) => name.clone(),
        Ty::Secret => "::freshtoken_wire::Secret".to_owned(),
        Ty::Timestamp { .. } => "::freshtoken_wire::Timestamp".to_owned(),
        Ty::Constant(value) => return rust(&Ty::of(value), optional),
        Ty::Text => "::std::string::String".to_owned(),
        Ty::Integer => "i64".to_owned(),
        Ty::Number => "f64".to_owned(),
        Ty::Boolean => "bool".to_owned(),
        Ty::Any => "::serde_json::Value".to_owned(),
        Ty::Nullable(item) => return rust(item, true),
        Ty::List(item) => format!("::std::vec::Vec<{}>", rust(item, false)),
        Ty::Map(item) => {
            format!("::std::collections::BTreeMap<::std::string::String, {}>", rust(item, false))
        }
        Ty::Delimited(delimiter, item) => {
            format!("::freshtoken_wire::{}<{}>", delimited(*delimiter), rust(item, false))
        }
    };
    if optional { format!("::std::option::Option<{plain}>") } else { plain }
}

/// Returns docs with the constants of a struct, which are not fields.
fn sent_along(properties: &[Property]) -> String {
    let constants: Vec<String> = properties
        .iter()
        .filter_map(|property| match &property.ty {
            Ty::Constant(value) => Some(format!("`{}` = `{}`", property.name, plain(value))),
            _ => None,
        })
        .collect();
    if constants.is_empty() {
        return String::new();
    }
    format!("///\n{}", docs::comment(&format!("It also sends {}.", constants.join(", ")), ""))
}

/// Returns the `Serialize` of a struct. A derived one would leave out the constants.
fn serialize(name: &str, properties: &[Property]) -> String {
    let writes = properties.iter().map(|property| {
        let Property { name: key, field, .. } = property;
        match &property.ty {
            Ty::Constant(value) => format!("        body.serialize_field({key:?}, {})?;\n", constant(value)),
            _ if property.required => format!("        body.serialize_field({key:?}, &self.{field})?;\n"),
            _ => format!(
                "        match &self.{field} {{
            ::std::option::Option::Some(value) => body.serialize_field({key:?}, value)?,
            ::std::option::Option::None => body.skip_field({key:?})?,
        }}
"
            ),
        }
    });
    format!(
        "
impl ::serde::Serialize for {name} {{
    fn serialize<S: ::serde::Serializer>(
        &self,
        serializer: S,
    ) -> ::std::result::Result<S::Ok, S::Error> {{
        use ::serde::ser::SerializeStruct as _;
        let {mutable}body = serializer.serialize_struct({name:?}, {count}usize)?;
{writes}        body.end()
    }}
}}
",
        mutable = if properties.is_empty() { "" } else { "mut " },
        count = properties.len(),
        writes = writes.collect::<String>(),
    )
}

fn constant(value: &Value) -> String {
    match value {
        Value::Bool(value) => format!("&{value}"),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => format!("&{value}i64"),
            (None, Some(value)) => format!("&{value}u64"),
            _ => format!("&{:?}f64", number.as_f64().unwrap_or_default()),
        },
        value => format!("{:?}", plain(value)),
    }
}

/// Returns the text, or the fallback if the text is empty.
pub fn or(text: &str, fallback: &str) -> String {
    if text.is_empty() { fallback.to_owned() } else { text.to_owned() }
}

const PRELUDE: [(&str, &str); 5] = [
    ("::std::option::Option", "Option"),
    ("::std::string::String", "String"),
    ("::std::result::Result", "Result"),
    ("::std::vec::Vec", "Vec"),
    ("::std::convert::From", "From"),
];

/// Shortens the paths of names in the prelude, unless a type of the spec has the same name.
pub fn short(model: &Model, source: String) -> String {
    let is_free = |name: &str| !model.components.contains_key(name);
    let free: Vec<(&str, &str)> = PRELUDE.into_iter().filter(|(_, name)| is_free(name)).collect();
    let mut shortened = String::with_capacity(source.len());
    let mut rest = source.as_str();
    while let Some(at) = rest.find(STD) {
        shortened.push_str(&rest[..at]);
        rest = &rest[at..];
        let (path, name) = free.iter().copied().find(|(path, _)| rest.starts_with(path)).unwrap_or((STD, STD));
        rest = &rest[path.len()..];
        let variant = ["Some", "None"].into_iter().find(|variant| {
            name == "Option"
                && is_free(variant)
                && rest.strip_prefix("::").is_some_and(|rest| rest.starts_with(variant))
        });
        match variant {
            Some(_) => rest = &rest["::".len()..],
            None => shortened.push_str(name),
        }
    }
    shortened.push_str(rest);
    shortened
}

const STD: &str = "::std::";

/// Returns the list type of a delimiter.
pub fn delimited(delimiter: char) -> &'static str {
    match delimiter {
        ' ' => "SpaceDelimited",
        '|' => "PipeDelimited",
        _ => "CommaDelimited",
    }
}
