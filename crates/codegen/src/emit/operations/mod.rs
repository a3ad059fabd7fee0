//! The private operations of a generated client, which progenitor generates because the project is built on it. Each is
//! six lines that build a request and match its response; everything else in a client is emitted from the model.
//! Everything that exists because of progenitor is in this folder: the document that it reads, its run, and the pass
//! that adapts its output.

pub mod document;

use std::cell::Cell;
use std::collections::HashMap;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use indexmap::IndexMap;
use proc_macro2::{TokenStream, TokenTree};
use progenitor_impl::{CrateVers, GenerationSettings, Generator};
use quote::ToTokens;
use syn::{
    Expr, ExprLit, FnArg, ImplItem, ImplItemFn, Item, ItemImpl, Lit, LitStr, PathArguments, PathSegment, Stmt, Token,
    parse_quote,
    punctuated::Punctuated,
    visit_mut::{self, VisitMut},
};
use typify::{Type, TypeDetails};

use crate::emit::operations::document::Types;
use crate::emit::types;
use crate::lower::model::{Model, Operation};

/// The output of progenitor for a model.
pub struct Progenitor {
    /// The names of the arguments of each operation, in order.
    pub arguments: IndexMap<String, Vec<String>>,
    /// The module of the private client.
    pub operations: String,
}

/// Runs progenitor on the model's lowered document.
pub fn run(model: &Model) -> Result<Progenitor, String> {
    adapt(model, generate(document::document(model, Types::Ours), Types::Ours)?)
}

/// Runs progenitor on a lowered document, without adapting its output.
pub fn generate(document: serde_json::Value, types: Types) -> Result<TokenStream, String> {
    let document: openapiv3::OpenAPI =
        serde_json::from_value(document).map_err(|error| format!("the lowered document is not OpenAPI: {error}"))?;
    let mut settings = GenerationSettings::new();
    settings.with_map_type("::std::collections::BTreeMap").with_crate(document::WIRE, CrateVers::Any, None);
    if types == Types::Ours {
        for name in document.components.iter().flat_map(|components| components.schemas.keys()) {
            settings.with_replacement(name, format!("types::{name}"), iter::empty());
        }
    }
    let mut generator = Generator::new(&settings);
    // progenitor panics on documents that it doesn't support. Lint rejects those that are known.
    let tokens = match quietly(|| generator.generate_tokens(&document)) {
        Ok(Ok(tokens)) => tokens,
        Ok(Err(error)) => return Err(format!("progenitor rejected the lowered document: {error}")),
        Err(_) => return Err("progenitor panicked on the lowered document".to_owned()),
    };
    let is_made =
        |ty: &Type<'_>| matches!(ty.details(), TypeDetails::Struct(_) | TypeDetails::Enum(_) | TypeDetails::Newtype(_));
    match generator.get_type_space().iter_types().find(is_made) {
        Some(ty) if types == Types::Ours => {
            Err(format!("progenitor made a type `{}`, which the spec doesn't have", ty.name()))
        }
        _ => Ok(tokens),
    }
}

/// Parses the output of progenitor.
pub fn parsed(tokens: TokenStream) -> Result<syn::File, String> {
    syn::parse2(tokens).map_err(not_rust)
}

fn not_rust(error: syn::Error) -> String {
    format!("the output of progenitor is not Rust: {error}")
}

thread_local! {
    /// Whether a panic of this thread is caught, so that it must not be printed.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Catches a panic without printing it.
fn quietly<T>(work: impl FnOnce() -> T) -> std::thread::Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_QUIET.get() {
                print(panic);
            }
        }));
    });
    IS_QUIET.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_QUIET.set(false);
    done
}

fn adapt(model: &Model, tokens: TokenStream) -> Result<Progenitor, String> {
    let mut arguments = IndexMap::new();
    let mut operations = CLIENT.to_owned();
    for block in blocks(tokens) {
        let mut block: ItemImpl = syn::parse2(block).map_err(not_rust)?;
        for item in &mut block.items {
            let ImplItem::Fn(method) = item else { continue };
            let id = method.sig.ident.to_string();
            let names = operation(model.operation(&id), method);
            arguments.insert(id.clone(), names.ok_or_else(|| format!("progenitor's `{id}` has an unknown form"))?);
        }
        operations.push('\n');
        operations.push_str(&source(model, block));
    }
    Ok(Progenitor { arguments, operations })
}

/// Returns the `impl` blocks of the operations, which have an attribute, unlike that of `new`. The rest is replaced by
/// `CLIENT`, and parsing it would take as long again.
fn blocks(tokens: TokenStream) -> Vec<TokenStream> {
    use TokenTree::{Group, Ident, Punct};
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is_block = |tokens: &&[TokenTree]| {
        matches!(tokens, [Punct(mark), Group(_), Ident(word), Ident(name), Group(_)]
            if mark.as_char() == '#' && word == "impl" && name == "Client")
    };
    tokens.windows(5).filter(is_block).map(|tokens| tokens.iter().cloned().collect()).collect()
}

/// Returns a block as formatted source.
fn source(model: &Model, block: ItemImpl) -> String {
    let items = vec![Item::Impl(block)];
    let file = syn::File { shebang: None, frontmatter: None, attrs: Vec::new(), items };
    spaced(&types::short(model, prettyplease::unparse(&file)))
}

/// Adds an empty line between the methods of a block.
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

/// The start of the module: the client of the operations.
const CLIENT: &str = "\
use ::freshtoken_wire::Call;
use ::freshtoken_wire::response::{Error, ResponseValue};
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

/// Adapts a method of progenitor to `Call`, and removes its docs. Returns the names of its arguments, or `None` if the
/// method has an unknown form.
fn operation(operation: Option<&Operation>, method: &mut ImplItemFn) -> Option<Vec<String>> {
    method.attrs.retain(|attribute| !attribute.path().is_ident("doc"));
    let operation = operation?;
    let params = document::arguments(operation).into_iter();
    let params = params.zip(operation.params.iter().map(|param| param.name.as_str())).collect();
    adapt_body(&mut method.block.stmts, params)?;
    PlainError.visit_return_type_mut(&mut method.sig.output);
    let names = method.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) => Some(argument.pat.to_token_stream().to_string()),
        FnArg::Receiver(_) => None,
    });
    Some(names.collect())
}

/// Adapts the body of a method:
///
/// - `Call` returns the URL, so that reqwest does not parse it again, and sends the request. progenitor's hooks before
///   and after it are removed, because they would keep the request alive.
/// - `Call` adds the headers. `accept` and `api-version` are removed; the latter is the version of the document, and
///   hides a parameter of the spec with that name.
/// - Parameters get their names on the wire instead of those in the document.
fn adapt_body(statements: &mut Vec<Stmt>, params: HashMap<String, &str>) -> Option<()> {
    let [
        Stmt::Local(url),
        Stmt::Local(headers),
        version,
        between @ ..,
        Stmt::Local(request),
        _,
        pre,
        _,
        _,
        Stmt::Local(_),
        returned,
    ] = statements.as_slice()
    else {
        return None;
    };
    let text = |statement: &dyn ToTokens| statement.to_token_stream().to_string();
    let is_known = text(headers).starts_with("let mut header_map =")
        && text(version).contains("\"api-version\"")
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
    let mut renamed = Renamed(params);
    renamed.visit_expr_mut(&mut built);
    let mut between = between.to_vec();
    between.iter_mut().for_each(|statement| renamed.visit_stmt_mut(statement));
    let mut adapted = vec![parse_quote!(let url = #url;)];
    if !between.is_empty() {
        adapted.push(parse_quote!(let mut header_map = ::reqwest::header::HeaderMap::new();));
    }
    adapted.append(&mut between);
    adapted.extend([
        parse_quote!(let request = #built;),
        parse_quote!(let response = self.inner.exec(request).await?;),
        returned.clone(),
    ]);
    *statements = adapted;
    Some(())
}

/// Removes the calls of methods with these names.
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

/// Removes the type parameter of `Error`, because wire's has none.
struct PlainError;

impl VisitMut for PlainError {
    fn visit_path_segment_mut(&mut self, segment: &mut PathSegment) {
        if segment.ident == "Error" {
            segment.arguments = PathArguments::None;
        }
        visit_mut::visit_path_segment_mut(self, segment);
    }
}

/// Replaces the name of a parameter in the document by its name on the wire.
struct Renamed<'a>(HashMap<String, &'a str>);

impl VisitMut for Renamed<'_> {
    fn visit_lit_str_mut(&mut self, literal: &mut LitStr) {
        if let Some(name) = self.0.get(&literal.value()) {
            *literal = LitStr::new(name, literal.span());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::lower;
    use crate::new;
    use crate::read::spec::Spec;
    use crate::vendor::Vendor;

    fn model() -> Model {
        let fragment = new::fragment(&Vendor::from_file("specs/acme.yaml").unwrap(), new::Like::default());
        lower(&Spec::parse("specs/acme.yaml", &fragment).unwrap(), None)
    }

    #[test]
    fn a_type_that_the_spec_does_not_have_is_an_error() {
        let mut document = document::document(&model(), Types::Ours);
        assert!(generate(document.clone(), Types::Ours).is_ok());
        let object =
            serde_json::json!({ "title": "Other", "type": "object", "properties": { "a": { "type": "string" } } });
        let body = "/paths/~1oauth2~1token/post/responses/200/content/application~1json/schema";
        *document.pointer_mut(body).unwrap() = object;
        let said = generate(document, Types::Ours).unwrap_err();
        assert_eq!(said, "progenitor made a type `Other`, which the spec doesn't have");
    }

    #[test]
    fn an_operation_with_an_unknown_form_is_an_error() {
        let model = model();
        let made = generate(document::document(&model, Types::Ours), Types::Ours).unwrap().to_string();
        for (part, other) in [
            ("self . baseurl", "self . elsewhere"),
            ("\"api-version\"", "\"x-version\""),
            ("self . pre", "self . begin"),
        ] {
            assert!(made.contains(part), "{made}");
            let error = adapt(&model, made.replace(part, other).parse().unwrap()).err().unwrap();
            assert_eq!(error, "progenitor's `create_token` has an unknown form");
        }
    }

    #[test]
    fn a_panic_of_progenitor_is_an_error() {
        let mut document = document::document(&model(), Types::Ours);
        let other = serde_json::json!({ "description": "", "content": { "application/json": { "schema": { "type": "string" } } } });
        document["paths"]["/oauth2/token"]["post"]["responses"]["201"] = other;
        assert!(generate(document, Types::Ours).unwrap_err().contains("progenitor panicked"));
    }
}
