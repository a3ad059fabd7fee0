//! Stage 4, client, first half: progenitor makes the operations that `client` builds on, which a `syn` pass takes apart,
//! and the types that they take. Its types are asked whether they hold what the model says, so that no lowering is ever
//! lost on the way: a secret that became a `String` stops the generation. The types that are written are `types`'.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

use indexmap::IndexMap;
use proc_macro2::{Group, TokenStream, TokenTree};
use progenitor_impl::{CrateVers, GenerationSettings, Generator};
use quote::ToTokens;
use syn::{
    Expr, ExprLit, FnArg, ImplItem, Item, ItemImpl, Lit, LitStr, Stmt, Token, parse_quote,
    punctuated::Punctuated,
    visit_mut::{self, VisitMut},
};
use typify::{Type, TypeDetails, TypeEnumVariant, TypeId, TypeSpace};

use crate::{
    model::{Model, Property, Shape},
    openapi,
    types::{self, rust},
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
    let (generator, tokens) = generate(openapi::document(model))?;
    check(model, generator.get_type_space())?;
    take_apart(model, tokens)
}

/// Progenitor alone, on a lowered document: the generator knows its types.
pub fn generate(document: serde_json::Value) -> Result<(Generator, TokenStream), String> {
    let document: openapiv3::OpenAPI =
        serde_json::from_value(document).map_err(|error| format!("the lowered document is no OpenAPI: {error}"))?;
    let mut settings = GenerationSettings::new();
    settings.with_map_type("::std::collections::BTreeMap").with_crate(openapi::WIRE, CrateVers::Any, None);
    let mut generator = Generator::new(&settings);
    // It asserts where it could complain. Lint lets nothing through that is known to do that.
    match quietly(|| generator.generate_tokens(&document)) {
        Ok(Ok(tokens)) => Ok((generator, tokens)),
        Ok(Err(error)) => Err(format!("progenitor refused the lowered document: {error}")),
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
    // What else there is of the client, `CLIENT` has.
    for item in parsed(without_types(tokens))?.items {
        if let Item::Impl(block) = item
            && block.trait_.is_none()
        {
            kept.extend(operations(model, block, &mut arguments)?);
        }
    }
    Ok(Progenitor { arguments, operations: format!("{CLIENT}\n{}", source(model, kept)) })
}

/// Progenitor's output with an empty module of types: they are nearly all of it, and take long to parse.
fn without_types(tokens: TokenStream) -> TokenStream {
    let mut client = Vec::new();
    for token in tokens {
        let is_module = matches!(client.as_slice(), [.., TokenTree::Ident(word), TokenTree::Ident(name)]
            if word == "mod" && name == "types");
        match token {
            TokenTree::Group(module) if is_module => {
                client.push(Group::new(module.delimiter(), TokenStream::new()).into());
            }
            token => client.push(token),
        }
    }
    client.into_iter().collect()
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
    let mut mended = vec![parse_quote!(let url = #url;)];
    if !between.is_empty() {
        mended.push(parse_quote!(let mut header_map = ::reqwest::header::HeaderMap::new();));
    }
    mended.append(&mut between);
    mended.extend([
        parse_quote!(let request = #built;),
        parse_quote!(let response = self.inner.exec(request).await?;),
        answer.clone(),
    ]);
    *statements = mended;
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

/// Whether progenitor's types are those of the model, by name, and hold what it says.
fn check(model: &Model, made: &TypeSpace) -> Result<(), String> {
    let mut checked = HashSet::new();
    for ty in made.iter_types() {
        let name = ty.name();
        match (ty.details(), model.components.get(&name).map(|component| &component.shape)) {
            (TypeDetails::Struct(found), Some(Shape::Struct(properties))) => {
                let sent = properties.iter().filter(|property| !property.is_constant());
                let wanted = sent.map(|Property { ty, optional, .. }| rust(ty, *optional));
                same(&name, wanted.collect(), found.properties().map(|(_, id)| text(made, &id)).collect())?;
            }
            (TypeDetails::Enum(found), Some(Shape::Union(branches))) => {
                let held = found.variants().flat_map(|(_, variant)| match variant {
                    TypeEnumVariant::Tuple(ids) => ids,
                    _ => Vec::new(),
                });
                same(&name, branches.clone(), held.map(|id| text(made, &id)).collect())?;
            }
            (TypeDetails::Enum(_), Some(Shape::Enum(_) | Shape::Tag(_))) => {}
            (TypeDetails::Enum(_), None) => continue,
            (TypeDetails::Struct(_) | TypeDetails::Enum(_) | TypeDetails::Newtype(_), _) => {
                return Err(format!("progenitor made a type `{name}` that the spec doesn't have, or has otherwise"));
            }
            _ => continue,
        }
        checked.insert(name);
    }
    match model.components.keys().find(|name| !checked.contains(*name)) {
        Some(name) => Err(format!("progenitor made no type `{name}`")),
        None => Ok(()),
    }
}

/// Whether a type holds what is wanted, in any order: progenitor has an order, and names, of its own.
fn same(name: &str, mut wanted: Vec<String>, mut found: Vec<String>) -> Result<(), String> {
    wanted.sort();
    found.sort();
    match wanted == found {
        true => Ok(()),
        false => {
            Err(format!("progenitor made `{name}` of `{}`, and not of `{}`", found.join("`, `"), wanted.join("`, `")))
        }
    }
}

/// A type of progenitor's as [`rust`] writes it: without the box that breaks a circle.
fn text(made: &TypeSpace, id: &TypeId) -> String {
    let Ok(ty) = made.get_type(id) else { return String::new() };
    let text = |id: &TypeId| text(made, id);
    match ty.details() {
        TypeDetails::Box(held) => text(&held),
        TypeDetails::Option(held) => format!("::std::option::Option<{}>", text(&held)),
        TypeDetails::Vec(item) => format!("::std::vec::Vec<{}>", text(&item)),
        TypeDetails::Map(key, value) => format!("::std::collections::BTreeMap<{}, {}>", text(&key), text(&value)),
        TypeDetails::Builtin(_) => spelt(&ty),
        TypeDetails::String => "::std::string::String".to_owned(),
        _ => ty.name(),
    }
}

/// A type of another crate, with its parameters.
fn spelt(ty: &Type<'_>) -> String {
    ty.ident().to_string().replace(' ', "").replace(",>", ">").replace("types::", "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{lower::lower, new, spec::Spec, vendor::Vendor};

    fn model() -> Model {
        let fragment = new::fragment(&Vendor::from_file("specs/acme.yaml").unwrap());
        lower(&Spec::parse("specs/acme.yaml", &fragment).unwrap(), None)
    }

    /// What is said of progenitor's types where the document has another schema under this pointer, or none.
    fn said(pointer: &str, schema: Option<serde_json::Value>) -> String {
        let model = model();
        let mut document = openapi::document(&model);
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match schema {
            Some(schema) => parent.insert(key.to_owned(), schema),
            None => parent.remove(key),
        };
        let (generator, _) = generate(document).unwrap();
        check(&model, generator.get_type_space()).unwrap_err()
    }

    #[test]
    fn a_secret_that_became_a_string_stops_the_generation() {
        let text = serde_json::json!({ "type": "string" });
        let said = said("/components/schemas/Token/properties/access_token", Some(text));
        assert!(said.starts_with("progenitor made `Token` of `::std::option::Option<"), "{said}");
        assert!(said.contains("`::std::string::String`, and not of"), "{said}");
    }

    #[test]
    fn a_type_that_got_lost_or_came_from_nowhere_stops_the_generation() {
        assert_eq!(said("/components/schemas/TokenError", None), "progenitor made no type `TokenError`");
        let object = serde_json::json!({ "type": "object", "properties": { "a": { "type": "string" } } });
        let said = said("/components/schemas/Other", Some(object));
        assert_eq!(said, "progenitor made a type `Other` that the spec doesn't have, or has otherwise");
    }

    #[test]
    fn an_operation_that_is_otherwise_stops_the_generation() {
        let model = model();
        let made = generate(openapi::document(&model)).unwrap().1.to_string();
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
