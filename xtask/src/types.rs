//! Stage 4, client, second half: the types of the bodies. Fields come from progenitor; names, order and docs from the
//! spec. An enum that a vendor may extend is open, a constant is written by the type itself, a request can only be
//! written and an answer only be read.

use indexmap::IndexMap;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use serde_json::Value;

use crate::{
    docs, format, ident,
    lower::plain,
    model::{Component, Model, Property, Shape, Ty},
    progenitor::{Field, Progenitor},
};

/// The module of types, as source.
pub fn source(model: &Model, made: &Progenitor) -> Result<String, String> {
    let items: Result<Vec<String>, String> = model
        .components
        .iter()
        .map(|(name, component)| match &component.shape {
            Shape::Enum(values) => Ok(open_enum(name, &component.docs, values)),
            _ => format::items(model, &format!("`{name}`"), item(model, made, name, component)),
        })
        .collect();
    Ok(items?.join("\n"))
}

fn item(model: &Model, made: &Progenitor, name: &str, component: &Component) -> TokenStream {
    let ident = format_ident!("{name}");
    let docs = docs::outer(&or(&component.docs, &format!("`{name}`, as the spec names it.")));
    let reads = component.in_response.then(|| quote!(, ::serde::Deserialize));
    match &component.shape {
        // A macro, which prettyplease can't format: see `open_enum`.
        Shape::Enum(_) => TokenStream::new(),
        Shape::Tag(value) => {
            let variant = format_ident!("{}", ident::pascal(value));
            let variant_docs = docs::outer(&format!("`{value}`"));
            quote! {
                #docs
                #[derive(Clone, Copy, Debug, PartialEq, Eq, ::serde::Deserialize)]
                pub enum #ident {
                    #variant_docs
                    #[serde(rename = #value)]
                    #variant,
                }
            }
        }
        Shape::Union(branches) => {
            let variants = &made.variants[name];
            let arms: Vec<TokenStream> = branches
                .iter()
                .map(|branch| {
                    let (variant, held) = (&variants[branch], format_ident!("{branch}"));
                    let docs = docs::outer(&or(
                        &docs::first_sentence(&model.components[branch].docs),
                        &format!("`{branch}`."),
                    ));
                    quote!(#docs #variant(#held))
                })
                .collect();
            let writes = component.in_request.then(|| quote!(, ::serde::Serialize));
            let from = branches.iter().map(|branch| {
                let (variant, held) = (&variants[branch], format_ident!("{branch}"));
                quote! {
                    impl ::std::convert::From<#held> for #ident {
                        fn from(body: #held) -> Self {
                            Self::#variant(body)
                        }
                    }
                }
            });
            quote! {
                #docs
                #[derive(Clone, Debug, PartialEq #writes #reads)]
                #[serde(untagged)]
                pub enum #ident { #(#arms),* }
                #(#from)*
            }
        }
        Shape::Struct(properties) => {
            let fields = &made.fields[name];
            let constants = sent_along(properties);
            let declared = properties.iter().filter_map(|property| {
                let field = fields.get(&property.name)?;
                Some(self::field(property, field, component.in_response))
            });
            let other_members = made.other_members(name);
            let others = component.is_failure.then(|| {
                quote! {
                    /// Whether the vendor sent members that the spec doesn't know.
                    #[serde(flatten)]
                    pub(crate) #other_members: ::freshtoken_wire::text::OtherMembers
                }
            });
            let serialize = component.in_request.then(|| serialize(name, properties, fields));
            quote! {
                #docs
                #constants
                #[derive(Clone, Debug, PartialEq #reads)]
                pub struct #ident { #(#declared,)* #others }
                #serialize
            }
        }
    }
}

fn field(property: &Property, field: &Field, is_read: bool) -> TokenStream {
    let (ident, ty, name) = (&field.ident, &field.ty, &property.name);
    let docs = docs::outer(&or(&property.docs, &format!("`{name}`, as the spec names it.")));
    let mut serde: Vec<TokenStream> = Vec::new();
    if *name != ident.to_string().trim_start_matches("r#") {
        serde.push(quote!(rename = #name));
    }
    let reader = match (&property.ty, property.optional) {
        (Ty::Integer, false) => Some("integer"),
        (Ty::Integer, true) => Some("option_integer"),
        (Ty::Timestamp { utc: true }, false) => Some("utc_timestamp"),
        (Ty::Timestamp { utc: true }, true) => Some("option_utc_timestamp"),
        _ => None,
    };
    if let Some(reader) = reader {
        let path = format!("::freshtoken_wire::de::{reader}");
        if property.optional {
            serde.push(quote!(default));
        }
        serde.push(quote!(deserialize_with = #path));
    }
    let serde = (is_read && !serde.is_empty()).then(|| quote!(#[serde(#(#serde),*)]));
    quote!(#docs #serde pub #ident: #ty)
}

/// A list of the constants in a struct's docs: they are nobody's to write, but everybody's to know.
fn sent_along(properties: &[Property]) -> TokenStream {
    let constants: Vec<String> = properties
        .iter()
        .filter_map(|property| match &property.ty {
            Ty::Constant(value) => Some(format!("`{}` = `{}`", property.name, plain(value))),
            _ => None,
        })
        .collect();
    if constants.is_empty() {
        return TokenStream::new();
    }
    let docs = docs::outer(&format!("Sent along: {}.", constants.join(", ")));
    quote!(#[doc = ""] #docs)
}

/// Writing is our own, for the constants and for the spec's order.
fn serialize(name: &str, properties: &[Property], fields: &IndexMap<String, Field>) -> TokenStream {
    let ident = format_ident!("{name}");
    let count = properties.len();
    let writes = properties.iter().map(|property| {
        let key = &property.name;
        match (&property.ty, fields.get(key).map(|field| &field.ident)) {
            (Ty::Constant(value), _) => {
                let value = constant(value);
                quote!(body.serialize_field(#key, #value)?;)
            }
            (_, Some(ident)) if property.required => quote!(body.serialize_field(#key, &self.#ident)?;),
            (_, Some(ident)) => quote! {
                match &self.#ident {
                    ::std::option::Option::Some(value) => body.serialize_field(#key, value)?,
                    ::std::option::Option::None => body.skip_field(#key)?,
                }
            },
            (_, None) => TokenStream::new(),
        }
    });
    quote! {
        impl ::serde::Serialize for #ident {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                use ::serde::ser::SerializeStruct as _;
                let mut body = serializer.serialize_struct(#name, #count)?;
                #(#writes)*
                body.end()
            }
        }
    }
}

fn constant(value: &Value) -> TokenStream {
    match value {
        Value::Bool(value) => quote!(&#value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => quote!(&#value),
            None => {
                let value = number.as_f64().unwrap_or_default();
                quote!(&#value)
            }
        },
        value => {
            let value = plain(value);
            quote!(#value)
        }
    }
}

/// The variants of an open enum, in the order of its values.
pub fn variants(values: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for value in values {
        let name = ident::unique(&ident::pascal(value), |taken| names.iter().any(|name| name == taken));
        names.push(name);
    }
    names
}

fn open_enum(name: &str, docs: &str, values: &[String]) -> String {
    let names = variants(values);
    let other = ident::unique("Other", |name| names.iter().any(|taken| taken == name));
    let docs = docs::lines(&or(docs, &format!("`{name}`, as the spec names it.")));
    let docs: String = docs.iter().map(|line| format!("    /// {line}").trim_end().to_owned() + "\n").collect();
    let variants = names.iter().zip(values);
    let variants: String = variants
        .map(|(name, value)| format!("        /// `{}`\n        {name} = {value:?},\n", value.escape_debug()))
        .collect();
    format!("::freshtoken_wire::open_enum! {{\n{docs}    pub enum {name} else {other} {{\n{variants}    }}\n}}\n")
}

/// The fallback where the spec has no text of its own.
pub fn or(text: &str, fallback: &str) -> String {
    if text.is_empty() { fallback.to_owned() } else { text.to_owned() }
}
