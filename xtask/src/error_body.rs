//! The vendor's errors: one enum of all error schemas, how each status is read, and what its codes mean.

use indexmap::IndexMap;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::{
    access::{self, Leaf},
    docs, format,
    lower::plain,
    model::{Model, Operation, Shape, Status, Ty},
    types::or,
    x_token::{Code, Pointer, RequestId, RetryUnit, Scalar},
};

/// The module of errors, as source.
pub fn source(model: &Model) -> Result<String, String> {
    let bodies = bodies(model);
    let variants = bodies.iter().map(|(variant, (ty, docs))| {
        let (variant, ty) = (format_ident!("{variant}"), body_type(ty));
        let docs = docs::outer(docs);
        quote!(#docs #variant(#ty))
    });
    let variant_docs = format!(
        "An error body of “{}”, by its schema.\n\nNew ones may come with a new version of the spec.",
        model.title
    );
    let variant_docs = docs::outer(&variant_docs);
    let rules = rules(model);
    let decode = decode(model);
    let errors = model.x_token.as_ref().map(|x_token| &x_token.errors);
    let code = reader(model, &bodies, errors.map(|errors| errors.code.0.as_slice()).unwrap_or_default());
    let message = reader(model, &bodies, errors.map(|errors| errors.message.0.as_slice()).unwrap_or_default());
    let request_id = match errors.and_then(|errors| errors.request_id.as_ref()) {
        Some(RequestId::Body(pointer)) => reader(model, &bodies, std::slice::from_ref(pointer)),
        _ => reader(model, &bodies, &[]),
    };
    let checks = model.operations.iter().filter_map(|operation| check(model, operation));
    let items = quote! {
        #[allow(unused_imports)]
        use crate::types;

        /// Why a call failed: see [`freshtoken_wire::Error`].
        pub type Error = ::freshtoken_wire::Error<ErrorBody>;

        #variant_docs
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        #[allow(clippy::large_enum_variant)]
        pub enum ErrorBody { #(#variants),* }

        impl ::freshtoken_wire::ErrorBody for ErrorBody {
            const RULES: ::freshtoken_wire::Rules = #rules;

            #[allow(unused_variables)]
            fn decode(operation: &'static str, status: u16, body: &[u8]) -> ::std::option::Option<Self> {
                #decode
            }

            fn code(&self) -> ::std::option::Option<::std::string::String> { #code }

            fn message(&self) -> ::std::option::Option<::std::string::String> { #message }

            fn request_id(&self) -> ::std::option::Option<::std::string::String> { #request_id }
        }

        #(#checks)*
    };
    format::items(model, "the errors", items)
}

/// Every type that an error may have, by the name of its variant: the error schemas, and the answers that may be
/// failures at 2xx.
fn bodies(model: &Model) -> IndexMap<String, (Ty, String)> {
    let mut bodies: IndexMap<String, (Ty, String)> = IndexMap::new();
    let mut add = |ty: &Ty, docs: &str| {
        bodies.entry(variant(ty)).or_insert_with(|| (ty.clone(), docs.to_owned()));
    };
    for operation in &model.operations {
        for answer in &operation.errors {
            if let Some(ty) = &answer.ty {
                add(ty, &or(&type_docs(model, ty), &docs::first_sentence(&answer.description)));
            }
        }
        if let (true, Some(ty)) = (can_fail_at_2xx(model, operation), &operation.success.ty) {
            add(ty, "An answer of 2xx that is a failure all the same: it says so, or has no token.");
        }
    }
    bodies
}

/// Whether an answer of 2xx can say that it is a failure.
pub fn can_fail_at_2xx(model: &Model, operation: &Operation) -> bool {
    let (error, ok) = model.failure_marks(operation);
    operation.success.ty.is_some() && (error.is_some() || ok.is_some() || model.answers_token(operation))
}

/// The variant that holds a type.
pub fn variant(ty: &Ty) -> String {
    match ty {
        Ty::Ref(name) => name.clone(),
        Ty::List(item) => format!("{}List", variant(item)),
        Ty::Map(item) => format!("{}Map", variant(item)),
        Ty::Any => "Json".to_owned(),
        Ty::Integer | Ty::Number => "Number".to_owned(),
        _ => "Text".to_owned(),
    }
}

fn type_docs(model: &Model, ty: &Ty) -> String {
    match ty {
        Ty::Ref(name) => {
            let docs = model.components.get(name).map(|component| component.docs.as_str()).unwrap_or_default();
            or(&docs::first_sentence(docs), &format!("`{name}`."))
        }
        _ => String::new(),
    }
}

/// A type as it is written outside the module of types.
pub fn body_type(ty: &Ty) -> TokenStream {
    match ty {
        Ty::Ref(name) => {
            let name = format_ident!("{name}");
            quote!(types::#name)
        }
        Ty::Nullable(item) => {
            let item = body_type(item);
            quote!(::std::option::Option<#item>)
        }
        Ty::List(item) => {
            let item = body_type(item);
            quote!(::std::vec::Vec<#item>)
        }
        Ty::Map(item) => {
            let item = body_type(item);
            quote!(::std::collections::BTreeMap<::std::string::String, #item>)
        }
        ty => crate::progenitor::rust(ty, false),
    }
}

fn rules(model: &Model) -> TokenStream {
    let Some(x_token) = &model.x_token else { return quote!(::freshtoken_wire::Rules::NONE) };
    let errors = &x_token.errors;
    let codes = |codes: &[Code]| codes.iter().map(|code| code.0.clone()).collect::<Vec<String>>();
    let (permanent, relogin, transient) = (codes(&errors.permanent), codes(&errors.relogin), codes(&errors.transient));
    // The codes that an open enum of an error body lists: the spec knows them, so a text may show them.
    let mut known: Vec<&String> = Vec::new();
    for (ty, _) in bodies(model).values() {
        for pointer in errors.code.iter() {
            let mut targets = Vec::new();
            access::targets(model, ty, &pointer.segments(), &mut targets);
            for target in targets {
                if let Ty::Ref(name) = target
                    && let Some(Shape::Enum(values)) = model.components.get(&name).map(|component| &component.shape)
                {
                    known.extend(values.keys());
                }
            }
        }
    }
    known.retain(|code| ![&permanent, &relogin, &transient].iter().any(|list| list.contains(code)));
    known.dedup();
    let retry_after = match &errors.retry_after {
        Some(retry_after) => {
            let header = retry_after.header.to_ascii_lowercase();
            let unit = match retry_after.unit {
                RetryUnit::Seconds => quote!(Seconds),
                RetryUnit::Unix => quote!(Unix),
            };
            quote!(::std::option::Option::Some((#header, ::freshtoken_wire::RetryUnit::#unit)))
        }
        None => quote!(::std::option::Option::None),
    };
    let request_id = match &errors.request_id {
        Some(RequestId::Header(header)) => {
            let header = header.to_ascii_lowercase();
            quote!(::std::option::Option::Some(#header))
        }
        _ => quote!(::std::option::Option::None),
    };
    quote! {
        ::freshtoken_wire::Rules {
            permanent: &[#(#permanent),*],
            relogin: &[#(#relogin),*],
            transient: &[#(#transient),*],
            known_codes: &[#(#known),*],
            retry_after: #retry_after,
            request_id: #request_id,
        }
    }
}

fn decode(model: &Model) -> TokenStream {
    let arms: Vec<TokenStream> = model
        .operations
        .iter()
        .flat_map(|operation| {
            operation.errors.iter().map(|answer| {
                let id = &operation.id;
                let status = match answer.status {
                    Status::Code(code) => quote!(#code),
                    Status::Range(class) => {
                        let (first, last) = (class * 100, class * 100 + 99);
                        quote!(#first..=#last)
                    }
                    Status::Default => quote!(_),
                };
                // A status without JSON hides a range or a default behind it.
                match &answer.ty {
                    None => quote!((#id, #status) => ::std::option::Option::None,),
                    Some(ty) => {
                        let variant = format_ident!("{}", variant(ty));
                        quote!((#id, #status) => ::serde_json::from_slice(body).ok().map(Self::#variant),)
                    }
                }
            })
        })
        .collect();
    quote!(match (operation, status) { #(#arms)* _ => ::std::option::Option::None })
}

/// Reads the first of several pointers that finds something, in each kind of body.
fn reader(model: &Model, bodies: &IndexMap<String, (Ty, String)>, pointers: &[Pointer]) -> TokenStream {
    let arms: Vec<TokenStream> = bodies
        .iter()
        .filter_map(|(variant, (ty, _))| {
            let reads: Vec<TokenStream> = pointers
                .iter()
                .filter_map(|pointer| access::read(model, ty, &pointer.segments(), quote!(value), &Leaf::Text))
                .collect();
            let (first, others) = reads.split_first()?;
            let variant = format_ident!("{variant}");
            Some(quote!(Self::#variant(value) => #first #(.or_else(|| #others))*,))
        })
        .collect();
    match arms.len() {
        0 => quote!(::std::option::Option::None),
        count if count == bodies.len() => quote!(match self { #(#arms)* }),
        _ => quote!(match self { #(#arms)* _ => ::std::option::Option::None }),
    }
}

/// A function that says whether an answer of 2xx is a failure.
fn check(model: &Model, operation: &Operation) -> Option<TokenStream> {
    if !can_fail_at_2xx(model, operation) {
        return None;
    }
    let ty = operation.success.ty.as_ref()?;
    let (error, ok) = model.failure_marks(operation);
    let error = error
        .and_then(|pointer| access::read(model, ty, &pointer.segments(), quote!(value), &Leaf::Presence))
        .map(|presence| quote!((#presence).unwrap_or(false)));
    let ok = ok
        .and_then(|ok| {
            access::read(model, ty, &ok.at.segments(), quote!(value), &Leaf::Is(&plain(&scalar_json(&ok.is))))
        })
        .map(|is| quote!(!(#is).unwrap_or(false)));
    // An answer without a token is none, whatever else it says.
    let token = model.x_token.as_ref().filter(|_| model.answers_token(operation));
    let token = token
        .and_then(|x_token| x_token.response.access_token.as_ref())
        .and_then(|pointer| access::read(model, ty, &pointer.segments(), quote!(value), &Leaf::Presence))
        .map(|presence| quote!(!(#presence).unwrap_or(false)));
    let conditions: Vec<TokenStream> = error.into_iter().chain(ok).chain(token).collect();
    if conditions.is_empty() {
        return None;
    }
    let name = check_name(operation);
    let ty = body_type(ty);
    let docs = format!(" Whether the answer to `{}` says that it is a failure, whatever its status.", operation.id);
    Some(quote! {
        #[doc = #docs]
        pub(crate) fn #name(value: &#ty) -> bool {
            #(#conditions)||*
        }
    })
}

/// As JSON.
pub fn scalar_json(value: &Scalar) -> serde_json::Value {
    match value {
        Scalar::Bool(value) => (*value).into(),
        Scalar::Number(value) => value.clone().into(),
        Scalar::Text(value) => value.clone().into(),
    }
}

/// The name of the function that [`check`] makes.
pub fn check_name(operation: &Operation) -> syn::Ident {
    format_ident!("{}_failed", operation.id.trim_end_matches('_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{lower::lower, spec::Spec, x_token::XToken};

    /// The module of errors for a spec with this `x-token` and this answer.
    fn errors(x_token: &str, answer: &str) -> String {
        let text = format!(
            r#"
openapi: 3.0.3
info: {{ title: Acme, version: "1" }}
servers: [{{ url: "https://acme.example" }}]
x-token: {x_token}
paths:
  /in:
    post:
      operationId: log_in
      responses:
        "200": {{ description: A token., content: {{ application/json: {{ schema: {answer} }} }} }}
        4XX: {{ description: No., content: {{ application/problem+json: {{ schema: {{ type: object, properties: {{ code: {{ type: string, enum: [one, two] }}, why: {{ type: string }} }} }} }} }} }}
        "429": {{ description: Slower. }}
"#
        );
        let spec = Spec::parse("specs/acme.yaml", &text).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let x_token = XToken::from_document(&spec).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let model = lower(&spec, x_token);
        // Line breaks are prettyplease's.
        let source = source(&model).unwrap();
        source.split_whitespace().collect::<Vec<_>>().join(" ").replace(" .", ".")
    }

    const TOKEN: &str = "{ type: object, properties: { token: { type: string, format: password }, ok: { type: boolean }, \
                         error: { type: object, properties: { code: { type: string } } } } }";

    #[test]
    fn an_exact_status_is_looked_up_before_a_range() {
        let source = errors("{ login: { operation: log_in }, response: { access-token: /token } }", TOKEN);
        let (exact, range) =
            (source.find("(\"log_in\", 429u16)").unwrap(), source.find("(\"log_in\", 400u16..=499u16)").unwrap());
        assert!(exact < range, "{source}");
    }

    #[test]
    fn a_pointer_is_field_access_and_no_search() {
        let rules = "{ login: { operation: log_in }, response: { access-token: /token }, errors: { code: [/code], message: /why } }";
        let source = errors(rules, TOKEN);
        assert!(
            source.contains("value.code.as_ref().and_then(|value| ::freshtoken_wire::text::non_empty(value.as_str()))"),
            "{source}"
        );
        assert!(!source.contains("pointer("), "{source}");
        assert!(source.contains("known_codes: &[\"one\", \"two\"]"), "{source}");
    }

    #[test]
    fn an_answer_of_2xx_fails_by_its_error_its_ok_or_for_want_of_a_token() {
        let rules = "{ login: { operation: log_in }, response: { access-token: /token, error: /error, ok: { at: /ok, is: true } } }";
        let source = errors(rules, TOKEN);
        let check = &source[source.find("fn log_in_failed").unwrap()..];
        assert!(check.contains("value.code.is_some() || value.other_members.any()"), "{check}");
        assert!(check.contains("value.ok.as_ref().and_then(|value| Some(value.to_string() == \"true\"))"), "{check}");
        assert!(check.contains("value.token.as_ref().and_then(|value| Some(!value.is_empty()))"), "{check}");
    }
}
