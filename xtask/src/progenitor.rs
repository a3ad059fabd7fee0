//! Stage 4, client, first half: progenitor makes the operations that `client` builds on, and the types that they take. A
//! `syn` pass takes them apart, and checks that each field has the type that the model says, so that no lowering is ever
//! lost on the way: a secret that came out as a `String` stops the generation. The types themselves are `types`'.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

use indexmap::IndexMap;
use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use progenitor_impl::{CrateVers, GenerationSettings, Generator};
use quote::{ToTokens, quote};
use syn::{
    Block, Expr, ExprLit, FnArg, ImplItem, Item, ItemImpl, Lit, LitStr, Stmt, Token, parse_quote,
    punctuated::Punctuated,
    visit_mut::{self, VisitMut},
};

use crate::{
    model::{Component, Model, Shape, Ty},
    openapi, types,
};

/// What progenitor made of a model, beside the types that it agrees on.
pub struct Progenitor {
    /// For each operation the names of its arguments, in order.
    pub arguments: IndexMap<String, Vec<String>>,
    /// The private client, as source.
    pub operations: String,
}

/// Runs progenitor on the model's lowered document.
pub fn run(model: &Model) -> Result<Progenitor, String> {
    take_apart(model, generate(openapi::document(model))?)
}

/// Progenitor alone, on a lowered document.
pub fn generate(document: serde_json::Value) -> Result<TokenStream, String> {
    let document: openapiv3::OpenAPI =
        serde_json::from_value(document).map_err(|error| format!("the lowered document is no OpenAPI: {error}"))?;
    let mut settings = GenerationSettings::new();
    settings.with_map_type("::std::collections::BTreeMap").with_crate(openapi::WIRE, CrateVers::Any, None);
    // It asserts where it could complain. Lint lets nothing through that is known to do that.
    let generated = quietly(|| Generator::new(&settings).generate_tokens(&document));
    match generated {
        Ok(result) => result.map_err(|error| format!("progenitor refused the lowered document: {error}")),
        Err(_) => Err("progenitor panicked on the lowered document".to_owned()),
    }
}

/// What progenitor made, as Rust.
pub fn parsed(tokens: TokenStream) -> Result<syn::File, String> {
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

fn take_apart(model: &Model, tokens: TokenStream) -> Result<Progenitor, String> {
    let mut arguments = IndexMap::new();
    let mut kept: Vec<Item> = Vec::new();
    let mut made = HashSet::new();
    let (client, types) = without_types(tokens);
    for item in parsed(definitions(types))?.items {
        made.extend(check_type(model, item)?);
    }
    // What else there is of the client, `CLIENT` has.
    for item in parsed(client)?.items {
        if let Item::Impl(block) = item
            && block.trait_.is_none()
        {
            kept.extend(operations(model, block, &mut arguments)?);
        }
    }
    let is_made = |(name, component): &(&String, &Component)| {
        matches!(component.shape, Shape::Enum(_) | Shape::Tag(_)) || made.contains(*name)
    };
    match model.components.iter().find(|component| !is_made(component)) {
        Some((name, _)) => Err(differs(name)),
        None => Ok(Progenitor { arguments, operations: format!("{CLIENT}\n{}", source(model, kept)) }),
    }
}

/// Progenitor's output with an empty module of types, and what stood in it.
fn without_types(tokens: TokenStream) -> (TokenStream, TokenStream) {
    let (mut client, mut types) = (Vec::new(), TokenStream::new());
    for token in tokens {
        let is_module = matches!(client.as_slice(), [.., TokenTree::Ident(word), TokenTree::Ident(name)]
            if word == "mod" && name == "types");
        match token {
            TokenTree::Group(module) if is_module => {
                types = module.stream();
                client.push(Group::new(module.delimiter(), TokenStream::new()).into());
            }
            token => client.push(token),
        }
    }
    (client.into_iter().collect(), types)
}

/// The structs and enums of a module. Nearly all of it is their `impl` blocks, which nobody needs and which take long to
/// parse.
fn definitions(module: TokenStream) -> TokenStream {
    let (mut definitions, mut item) = (Vec::new(), Vec::new());
    for token in module {
        let is_end = match &token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Punct(punct) => punct.as_char() == ';',
            _ => false,
        };
        item.push(token);
        if is_end {
            let is_definition =
                |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "struct" || word == "enum");
            if item.iter().any(is_definition) {
                definitions.append(&mut item);
            }
            item.clear();
        }
    }
    definitions.into_iter().collect()
}

/// Items as people can read them, with empty lines between them.
fn source(model: &Model, items: Vec<syn::Item>) -> String {
    let mut source = String::new();
    for item in items {
        let is_use = matches!(item, syn::Item::Use(_));
        let text = prettyplease::unparse(&syn::File {
            shebang: None,
            frontmatter: None,
            attrs: Vec::new(),
            items: vec![item],
        });
        // Imports stand together.
        if !(source.is_empty() || is_use && source.ends_with(";\n")) {
            source.push('\n');
        }
        source.push_str(&text);
    }
    spaced(&types::short(model, source))
}

/// An empty line between the methods of a block.
fn spaced(source: &str) -> String {
    let mut lines = source.lines().peekable();
    let mut spaced = String::new();
    while let Some(line) = lines.next() {
        spaced.push_str(line);
        spaced.push('\n');
        let ends_method =
            line == "    }" && lines.peek().is_some_and(|next| !next.starts_with('}') && !next.is_empty());
        if ends_method {
            spaced.push('\n');
        }
    }
    spaced
}

/// What stands before the operations: their client.
const CLIENT: &str = "\
use ::freshtoken_wire::Call;
use ::progenitor_client::{Error, ResponseValue};
#[allow(unused_imports)]
use ::progenitor_client::{RequestBuilderExt, encode_path};
#[allow(unused_imports)]
use crate::types;

pub struct Client {
    client: ::reqwest::Client,
    pub(crate) inner: Call,
}

impl Client {
    pub fn new(inner: Call) -> Self {
        Self { client: inner.http().clone(), inner }
    }
}
";

fn differs(name: &str) -> String {
    format!("progenitor made no type `{name}`, or one that differs from the spec's")
}

/// Of a block of the client's: the operations, without comments, and the names of their arguments.
fn operations(
    model: &Model,
    mut block: ItemImpl,
    arguments: &mut IndexMap<String, Vec<String>>,
) -> Result<Option<Item>, String> {
    block.items.retain(|item| matches!(item, ImplItem::Fn(method) if method.sig.asyncness.is_some()));
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        method.attrs.retain(|attribute| !attribute.path().is_ident("doc"));
        let names = method.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(argument) => Some(argument.pat.to_token_stream().to_string()),
            FnArg::Receiver(_) => None,
        });
        let id = method.sig.ident.to_string();
        arguments.insert(id.clone(), names.collect());
        let params = model.operation(&id).map(|operation| {
            let names = openapi::arguments(operation).into_iter();
            names.zip(operation.params.iter().map(|param| param.name.as_str())).collect()
        });
        params
            .and_then(|params| mend(&mut method.block.stmts, params))
            .ok_or_else(|| format!("progenitor's `{id}` isn't what it used to be"))?;
    }
    Ok((!block.items.is_empty()).then_some(Item::Impl(block)))
}

/// Has an operation ask the call for its URL, which reqwest would have to read from a text, and send by it, without hooks
/// before and after: across them a request would be kept. Leaves out the headers that are the call's to say: `accept`, and
/// `api-version`, which is the document's, and hides one of the spec's own. Gives the parameters their names on the wire,
/// by their names in the document.
fn mend(statements: &mut Vec<Stmt>, params: HashMap<String, &str>) -> Option<()> {
    let [
        Stmt::Local(url),
        Stmt::Local(headers),
        said,
        between @ ..,
        Stmt::Local(request),
        _,
        pre,
        _,
        _,
        Stmt::Local(_),
        answer,
    ] = statements.as_slice()
    else {
        return None;
    };
    let text = |statement: &dyn ToTokens| statement.to_token_stream().to_string();
    let is_known = text(headers).starts_with("let mut header_map =")
        && text(said).contains("\"api-version\"")
        && text(pre).starts_with("self . pre (");
    is_known.then_some(())?;

    let Expr::Macro(format) = &*url.init.as_ref()?.expr else { return None };
    let parts = format.mac.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated).ok()?;
    let mut parts = parts.into_iter();
    let Some(Expr::Lit(ExprLit { lit: Lit::Str(template), .. })) = parts.next() else { return None };
    let path = LitStr::new(template.value().strip_prefix("{}")?, template.span());
    (text(&parts.next()?) == "self . baseurl").then_some(())?;
    let url: Expr = match parts.len() {
        0 => parse_quote!(self.inner.url(#path)),
        _ => parse_quote!(self.inner.url(&format!(#path, #(#parts),*))),
    };

    let mut built = (*request.init.as_ref()?.expr).clone();
    let removed: &[&str] = if between.is_empty() { &["header", "headers"] } else { &["header"] };
    Without(removed).visit_expr_mut(&mut built);
    let mut named = Named(params);
    named.visit_expr_mut(&mut built);
    let mut between = between.to_vec();
    between.iter_mut().for_each(|statement| named.visit_stmt_mut(statement));
    let header_map = (!between.is_empty()).then(|| quote!(let mut header_map = ::reqwest::header::HeaderMap::new();));
    let mended: Block = parse_quote!({
        let url = #url;
        #header_map
        #(#between)*
        let request = #built;
        let response = self.inner.exec(request).await?;
        #answer
    });
    *statements = mended.stmts;
    Some(())
}

/// Takes methods of these names out of chains.
struct Without<'a>(&'a [&'a str]);

impl VisitMut for Without<'_> {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        while let Expr::MethodCall(call) = expression
            && self.0.iter().any(|name| call.method == name)
        {
            *expression = (*call.receiver).clone();
        }
        visit_mut::visit_expr_mut(self, expression);
    }
}

/// Puts a parameter's name on the wire in place of its name in the document.
struct Named<'a>(HashMap<String, &'a str>);

impl VisitMut for Named<'_> {
    fn visit_lit_str_mut(&mut self, literal: &mut LitStr) {
        if let Some(name) = self.0.get(&literal.value()) {
            *literal = LitStr::new(name, literal.span());
        }
    }
}

/// Whether a struct or a union is what the model says. Gives its name.
fn check_type(model: &Model, item: Item) -> Result<Option<String>, String> {
    match item {
        Item::Struct(item) => {
            let name = item.ident.to_string();
            let Some(component) = model.components.get(&name) else {
                return Err(format!("progenitor made a type `{name}` that the spec doesn't have"));
            };
            let Shape::Struct(properties) = &component.shape else {
                return Err(format!("progenitor made a struct of `{name}`"));
            };
            for field in &item.fields {
                let Some(ident) = field.ident.as_ref().map(Ident::to_string) else {
                    return Err(format!("progenitor made a wrapper of `{name}`"));
                };
                let wire_name = renamed(&field.attrs).unwrap_or_else(|| ident.clone());
                let Some(property) = properties.iter().find(|property| property.name == wire_name) else {
                    return Err(format!("progenitor made a field `{name}.{ident}` that the spec doesn't have"));
                };
                let (expected, found) = (rust(&property.ty, property.optional), text(&field.ty));
                if found != expected {
                    return Err(format!("progenitor made `{name}.{ident}` a `{found}` instead of a `{expected}`"));
                }
            }
            let is_whole = item.fields.len() == properties.iter().filter(|property| !property.is_constant()).count();
            if is_whole { Ok(Some(name)) } else { Err(differs(&name)) }
        }
        Item::Enum(item) => {
            let name = item.ident.to_string();
            let Some(Shape::Union(branches)) = model.components.get(&name).map(|component| &component.shape) else {
                return Ok(None);
            };
            let held = item.variants.iter().filter_map(|variant| variant.fields.iter().next());
            let held: HashSet<String> = held.map(|field| text(&field.ty)).collect();
            if branches.iter().all(|branch| held.contains(branch)) { Ok(Some(name)) } else { Err(differs(&name)) }
        }
        _ => Ok(None),
    }
}

/// The type of a field, as progenitor writes it inside its module of types.
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
            format!("::freshtoken_wire::{}<{}>", openapi::delimited(*delimiter), rust(item, false))
        }
    };
    // Any JSON that is required may be null as it is.
    if optional { format!("::std::option::Option<{plain}>") } else { plain }
}

/// A type's text as [`rust`] writes it, without the box that breaks a circle.
fn text(ty: &syn::Type) -> String {
    let text = ty.to_token_stream().to_string().replace(' ', "").replace(",>", ">").replace(',', ", ");
    match text.split_once("::std::boxed::Box<") {
        // A box holds a plain name: its end is the next one.
        Some((before, held)) => format!("{before}{}", held.replacen('>', "", 1)),
        None => text,
    }
}

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
        let error = take_apart(&model, generate(document).unwrap()).err().unwrap();
        assert!(error.contains("`Token.access_token` a `::std::string::String` instead of a"), "{error}");
    }

    #[test]
    fn a_type_that_got_lost_stops_the_generation() {
        let model = model();
        let mut document = openapi::document(&model);
        document["components"]["schemas"].as_object_mut().unwrap().remove("TokenError");
        let error = take_apart(&model, generate(document).unwrap()).err().unwrap();
        assert!(error.contains("no type `TokenError`"), "{error}");
    }

    #[test]
    fn an_operation_that_is_otherwise_stops_the_generation() {
        let model = model();
        let made = generate(openapi::document(&model)).unwrap().to_string();
        for (part, other) in [
            ("self . baseurl", "self . elsewhere"),
            ("\"api-version\"", "\"x-version\""),
            ("self . pre", "self . begin"),
        ] {
            assert!(made.contains(part), "{made}");
            let error = take_apart(&model, made.replace(part, other).parse().unwrap()).err().unwrap();
            assert_eq!(error, "progenitor's `create_token` isn't what it used to be");
        }
    }

    #[test]
    fn a_panic_of_progenitor_is_an_error() {
        let mut document = openapi::document(&model());
        let other = serde_json::json!({ "description": "", "content": { "application/json": { "schema": { "type": "string" } } } });
        document["paths"]["/oauth2/token"]["post"]["responses"]["201"] = other;
        assert!(generate(document).err().unwrap().contains("progenitor panicked"));
    }
}
