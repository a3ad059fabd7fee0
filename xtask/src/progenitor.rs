//! Stage 4, client, first half: progenitor makes the types and the operations, and a `syn` pass takes them apart into
//! what `types` and `client` build on. The pass checks that each generated field has the type that the model says, so
//! that no lowering is ever lost on the way: a secret that came out as a `String` stops the generation.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

use indexmap::IndexMap;
use progenitor_impl::{CrateVers, GenerationSettings, Generator, HooksMode};
use quote::{ToTokens, format_ident, quote};
use syn::{FnArg, ImplItem, Item, ItemImpl, Type};

use crate::{
    format, ident,
    model::{Model, Shape, Ty},
    openapi,
};

/// What progenitor made of a model.
pub struct Progenitor {
    /// For each struct its fields, by their names on the wire.
    pub fields: IndexMap<String, IndexMap<String, Field>>,
    /// For each union its variants: their Rust name by the struct they hold.
    pub variants: IndexMap<String, IndexMap<String, syn::Ident>>,
    /// For each operation the names of its arguments, in order.
    pub arguments: IndexMap<String, Vec<String>>,
    /// The private client, as source.
    pub operations: String,
}

/// A field of a struct.
pub struct Field {
    pub ident: syn::Ident,
    pub ty: Type,
    /// It holds its own kind again: there is a box around it, within the option if it is one.
    pub is_boxed: bool,
}

impl Progenitor {
    /// The field of a component that tells whether there are members unknown to the spec.
    pub fn other_members(&self, component: &str) -> syn::Ident {
        let is_taken = |name: &str| {
            self.fields.get(component).is_some_and(|fields| fields.values().any(|field| field.ident == name))
        };
        format_ident!("{}", ident::unique("other_members", is_taken))
    }
}

/// Runs progenitor on the model's lowered document.
pub fn run(model: &Model) -> Result<Progenitor, String> {
    let file = generate(&openapi::document(model))?;
    take_apart(model, file)
}

/// Progenitor alone, on a lowered document.
pub fn generate(document: &serde_json::Value) -> Result<syn::File, String> {
    let document: openapiv3::OpenAPI = serde_json::from_value(document.clone())
        .map_err(|error| format!("the lowered document is no OpenAPI: {error}"))?;
    let mut settings = GenerationSettings::new();
    settings
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote!(::freshtoken_wire::Call))
        .with_map_type("::std::collections::BTreeMap")
        .with_crate(openapi::WIRE, CrateVers::Any, None);
    // It asserts where it could complain. Lint lets nothing through that is known to do that.
    let generated = quietly(|| Generator::new(&settings).generate_tokens(&document));
    let tokens = match generated {
        Ok(result) => result.map_err(|error| format!("progenitor refused the lowered document: {error}"))?,
        Err(_) => return Err("progenitor panicked on the lowered document".to_owned()),
    };
    syn::parse2(tokens).map_err(|error| format!("progenitor's output is no Rust: {error}"))
}

thread_local! {
    /// Whether a panic of this thread is caught, and so needs no backtrace.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Catches a panic and prints nothing of it.
fn quietly<T>(work: impl FnOnce() -> T) -> std::thread::Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_QUIET.get() {
                loud(panic);
            }
        }));
    });
    IS_QUIET.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_QUIET.set(false);
    done
}

fn take_apart(model: &Model, file: syn::File) -> Result<Progenitor, String> {
    let mut made = Progenitor {
        fields: IndexMap::new(),
        variants: IndexMap::new(),
        arguments: IndexMap::new(),
        operations: String::new(),
    };
    let mut kept: Vec<Item> = Vec::new();
    for item in file.items {
        match item {
            Item::Mod(module) if module.ident == "types" => {
                for item in module.content.map(|(_, items)| items).unwrap_or_default() {
                    read_type(model, item, &mut made)?;
                }
            }
            Item::Mod(_) | Item::Use(_) => {}
            Item::Struct(mut client) => {
                client.attrs.clear();
                kept.push(Item::Struct(client));
            }
            Item::Impl(block) => kept.extend(read_impl(block, &mut made)),
            other => kept.push(other),
        }
    }
    for (name, component) in &model.components {
        let is_there = match &component.shape {
            Shape::Struct(properties) => made.fields.get(name).is_some_and(|fields| {
                properties.iter().all(|property| is_constant(&property.ty) || fields.contains_key(&property.name))
            }),
            Shape::Union(branches) => made
                .variants
                .get(name)
                .is_some_and(|variants| branches.iter().all(|branch| variants.contains_key(branch))),
            Shape::Enum(_) | Shape::Tag(_) => true,
        };
        if !is_there {
            return Err(format!("progenitor made no type `{name}`, or one that differs from the spec's"));
        }
    }
    let client = quote! {
        use ::freshtoken_wire::Call;
        use ::progenitor_client::{ClientHooks, ClientInfo, Error, OperationInfo, ResponseValue};
        #[allow(unused_imports)]
        use ::progenitor_client::{RequestBuilderExt, encode_path};

        #[allow(unused_imports)]
        use crate::types;

        impl ClientHooks<Call> for Client {
            async fn exec(
                &self,
                request: ::reqwest::Request,
                _info: &OperationInfo,
            ) -> ::reqwest::Result<::reqwest::Response> {
                self.inner.exec(&self.client, request).await
            }
        }

        #(#kept)*
    };
    made.operations = format::items(model, "progenitor's client", client)?;
    Ok(made)
}

fn is_constant(ty: &Ty) -> bool {
    matches!(ty, Ty::Constant(_))
}

/// Of the client's `impl` blocks: without `new`, which would build an HTTP client of its own, and without comments.
fn read_impl(mut block: ItemImpl, made: &mut Progenitor) -> Option<Item> {
    block.items.retain(|item| !matches!(item, ImplItem::Fn(method) if method.sig.ident == "new"));
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        method.attrs.retain(|attribute| !attribute.path().is_ident("doc"));
        if method.sig.asyncness.is_none() {
            continue;
        }
        let arguments = method.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(argument) => Some(argument.pat.to_token_stream().to_string()),
            FnArg::Receiver(_) => None,
        });
        made.arguments.insert(method.sig.ident.to_string(), arguments.collect());
    }
    (!block.items.is_empty()).then_some(Item::Impl(block))
}

fn read_type(model: &Model, item: Item, made: &mut Progenitor) -> Result<(), String> {
    match item {
        Item::Struct(item) => {
            let name = item.ident.to_string();
            let Some(component) = model.components.get(&name) else {
                return Err(format!("progenitor made a type `{name}` that the spec doesn't have"));
            };
            let Shape::Struct(_) = &component.shape else {
                return Err(format!("progenitor made a struct of `{name}`"));
            };
            let mut fields = IndexMap::new();
            for field in item.fields {
                let Some(ident) = field.ident.clone() else {
                    return Err(format!("progenitor made a wrapper of `{name}`"));
                };
                let wire_name = renamed(&field.attrs).unwrap_or_else(|| ident.to_string());
                let Some(property) = model.properties(&name).iter().find(|property| property.name == wire_name) else {
                    return Err(format!("progenitor made a field `{name}.{ident}` that the spec doesn't have"));
                };
                let expected = rust(&property.ty, property.optional);
                let found = unboxed(&field.ty);
                if unboxed(&expected) != found {
                    let expected = expected.to_token_stream();
                    return Err(format!("progenitor made `{name}.{ident}` a `{found}` instead of a `{expected}`"));
                }
                // Progenitor boxes the option; inside it a box is easier to look into.
                let is_boxed = field.ty.to_token_stream().to_string().contains(BOX);
                let ty = match (is_boxed, property.optional) {
                    (false, _) => field.ty,
                    (true, optional) => {
                        let held = rust(&property.ty, false);
                        let held: Type = syn::parse_quote!(::std::boxed::Box<#held>);
                        if optional { syn::parse_quote!(::std::option::Option<#held>) } else { held }
                    }
                };
                fields.insert(wire_name, Field { ident, ty, is_boxed });
            }
            made.fields.insert(name, fields);
        }
        Item::Enum(item) => {
            let mut variants = IndexMap::new();
            for variant in item.variants {
                let held = variant.fields.iter().next().map(|field| unboxed(&field.ty));
                variants.insert(held.unwrap_or_default(), variant.ident);
            }
            made.variants.insert(item.ident.to_string(), variants);
        }
        _ => {}
    }
    Ok(())
}

/// The type of a field, as progenitor writes it inside its module of types.
pub fn rust(ty: &Ty, optional: bool) -> Type {
    let plain: Type = match ty {
        Ty::Ref(name) => {
            let name = format_ident!("{name}");
            syn::parse_quote!(#name)
        }
        Ty::Secret => syn::parse_quote!(::freshtoken_wire::Secret),
        Ty::Timestamp { .. } => syn::parse_quote!(::freshtoken_wire::Timestamp),
        Ty::Text | Ty::Constant(_) => syn::parse_quote!(::std::string::String),
        Ty::Integer => syn::parse_quote!(i64),
        Ty::Number => syn::parse_quote!(f64),
        Ty::Boolean => syn::parse_quote!(bool),
        Ty::Any => syn::parse_quote!(::serde_json::Value),
        Ty::Nullable(item) => return rust(item, true),
        Ty::List(item) => {
            let item = rust(item, false);
            syn::parse_quote!(::std::vec::Vec<#item>)
        }
        Ty::Map(item) => {
            let item = rust(item, false);
            syn::parse_quote!(::std::collections::BTreeMap<::std::string::String, #item>)
        }
        Ty::Delimited(delimiter, item) => {
            let (list, item) = (format_ident!("{}", openapi::delimited(*delimiter)), rust(item, false));
            syn::parse_quote!(::freshtoken_wire::#list<#item>)
        }
    };
    // Any JSON that is required may be null as it is.
    if optional { syn::parse_quote!(::std::option::Option<#plain>) } else { plain }
}

/// A type's text without the boxes that break a circle, and without trailing commas.
fn unboxed(ty: &Type) -> String {
    let mut text = ty.to_token_stream().to_string().replace(", >", ">");
    if let Some(start) = text.find(BOX) {
        text.replace_range(start..start + BOX.len(), "");
        // A box holds a plain name: its end is the next one.
        if let Some(end) = text[start..].find(" >") {
            text.replace_range(start + end..start + end + 2, "");
        }
    }
    text
}

const BOX: &str = ":: std :: boxed :: Box < ";

/// The name in `#[serde(rename = "…")]`.
fn renamed(attributes: &[syn::Attribute]) -> Option<String> {
    let mut name = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // Other words of the attribute end the parsing; `rename` comes first.
        let _ = attribute.parse_nested_meta(|meta| {
            let value = meta.value().and_then(|value| value.parse::<syn::LitStr>());
            if meta.path.is_ident("rename") {
                name = value.ok().map(|value| value.value());
            }
            Ok(())
        });
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{lower::lower, new, spec::Spec, vendor::Vendor};

    fn model() -> Model {
        let fragment = new::fragment(&Vendor::from_file("specs/acme.yaml").unwrap());
        lower(&Spec::parse("specs/acme.yaml", &fragment).unwrap(), None)
    }

    #[test]
    fn a_secret_that_came_out_as_a_string_stops_the_generation() {
        let model = model();
        let mut document = openapi::document(&model);
        document["components"]["schemas"]["Token"]["properties"]["access_token"] =
            serde_json::json!({ "type": "string" });
        let error = take_apart(&model, generate(&document).unwrap()).err().unwrap();
        assert!(error.contains("`Token.access_token` a `:: std :: string :: String` instead of a"), "{error}");
    }

    #[test]
    fn a_type_that_got_lost_stops_the_generation() {
        let model = model();
        let mut document = openapi::document(&model);
        document["components"]["schemas"].as_object_mut().unwrap().remove("TokenError");
        let error = take_apart(&model, generate(&document).unwrap()).err().unwrap();
        assert!(error.contains("no type `TokenError`"), "{error}");
    }

    #[test]
    fn a_panic_of_progenitor_is_an_error() {
        let mut document = openapi::document(&model());
        let other = serde_json::json!({ "description": "", "content": { "application/json": { "schema": { "type": "string" } } } });
        document["paths"]["/oauth2/token"]["post"]["responses"]["201"] = other;
        assert!(generate(&document).err().unwrap().contains("progenitor panicked"));
    }
}
