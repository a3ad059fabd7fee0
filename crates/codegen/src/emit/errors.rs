//! The errors of a vendor: an enum of all error schemas, the schema of each status, and the meaning of the codes.

use indexmap::IndexMap;

use crate::docs;
use crate::emit::layout::{Code, signature};
use crate::emit::types::{delimited, or};
use crate::ident;
use crate::lower::model::{Model, Operation, Response, Shape, Status, Ty};
use crate::read::x_token::errors;
use crate::read::x_token::errors::{RequestId, RetryUnit};
use crate::read::x_token::response::Scalar;
use crate::read::x_token::values::{Pointer, Span};

/// Returns the module of errors.
pub fn source(model: &Model) -> String {
    let bodies = bodies(model);
    let variants = bodies
        .iter()
        .map(|(variant, (ty, docs))| format!("{}    {variant}({}),\n", docs::comment(docs, "    "), body_type(ty)));
    let variant_docs = format!(
        "An error body of “{}”, with a variant for each schema.\n\nA new version of the spec can add variants.",
        model.title
    );
    let decode_inputs = ["operation: &'static str", "status: u16", "body: &[u8]"].map(str::to_owned).into();
    format!(
        "\
#[allow(unused_imports)]
use crate::types;

/// The error of a call: see [`freshtoken_wire::Error`].
pub type Error = ::freshtoken_wire::Error<ErrorBody>;

{variant_docs}#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)]
pub enum ErrorBody {{
{variants}}}

impl ::freshtoken_wire::ErrorBody for ErrorBody {{
{rules}

{fields}{further}    #[allow(unused_variables)]
{decode_head}
{decode}
    }}
}}
",
        variant_docs = docs::comment(&variant_docs, ""),
        variants = variants.collect::<String>(),
        rules =
            Code::row([Code::text("const RULES: ::freshtoken_wire::Rules = "), rules(model, &bodies)]).lines(4, ";"),
        fields = fields(model).map_or_else(String::new, |fields| {
            Code::row([Code::text("const FIELDS: ::freshtoken_wire::ErrorFields = "), fields]).lines(4, ";\n\n")
        }),
        further = further_constants(model),
        decode_head = signature(4, "fn decode", decode_inputs, "Option<Self>"),
        decode = decode(model, &bodies).lines(8, ""),
    )
}

/// The types of the error bodies with their docs, by the names of their variants.
pub type Bodies = IndexMap<String, (Ty, String)>;

/// Returns the types of the failures, and of the successes that can report a failure.
pub fn bodies(model: &Model) -> Bodies {
    let mut bodies = Bodies::new();
    for (operation, response) in failures(model) {
        let Some(ty) = &response.ty else { continue };
        if bodies.values().any(|(known, _)| known == ty) {
            continue;
        }
        let docs = if std::ptr::eq(response, &operation.success) {
            "A response at 2xx that reports a failure, or contains no token.".to_owned()
        } else {
            or(&type_docs(model, ty), &docs::first_sentence(&response.description))
        };
        let name = ident::unique(&base_name(ty), |name| bodies.contains_key(name));
        bodies.insert(name, (ty.clone(), docs));
    }
    bodies
}

/// Returns the responses that are failures, or that can report one.
fn failures(model: &Model) -> impl Iterator<Item = (&Operation, &Response)> {
    model.spec_operations().flat_map(|operation| {
        let success = can_fail_at_2xx(model, operation).then_some(&operation.success);
        operation.errors.iter().chain(success).map(move |response| (operation, response))
    })
}

/// Whether a response at 2xx can report a failure.
pub fn can_fail_at_2xx(model: &Model, operation: &Operation) -> bool {
    let (error, ok) = model.failure_marks(operation);
    operation.success.ty.is_some() && (error.is_some() || ok.is_some() || model.returns_token(operation))
}

/// Returns the variant of a type.
pub fn variant<'a>(bodies: &'a Bodies, ty: &Ty) -> &'a str {
    bodies.iter().find(|(_, (known, _))| known == ty).map_or("", |(name, _)| name)
}

fn base_name(ty: &Ty) -> String {
    match ty {
        Ty::Ref(name) => name.clone(),
        Ty::List(item) => format!("{}List", base_name(item)),
        Ty::Map(item) => format!("{}Map", base_name(item)),
        Ty::Any => "Json".to_owned(),
        Ty::Integer | Ty::Number => "Number".to_owned(),
        Ty::Boolean => "Boolean".to_owned(),
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

/// Returns a type as it is written outside the module of types, where no type hides the names of the prelude.
pub fn body_type(ty: &Ty) -> String {
    match ty {
        Ty::Ref(name) => format!("types::{name}"),
        Ty::Secret => "::freshtoken_wire::Secret".to_owned(),
        Ty::Timestamp { .. } => "::freshtoken_wire::Timestamp".to_owned(),
        Ty::Constant(value) => body_type(&Ty::of(value)),
        Ty::Text => "String".to_owned(),
        Ty::Integer => "i64".to_owned(),
        Ty::Number => "f64".to_owned(),
        Ty::Boolean => "bool".to_owned(),
        Ty::Any => "::serde_json::Value".to_owned(),
        Ty::Nullable(item) => format!("Option<{}>", body_type(item)),
        Ty::List(item) => format!("Vec<{}>", body_type(item)),
        Ty::Map(item) => format!("::std::collections::BTreeMap<String, {}>", body_type(item)),
        Ty::Delimited(delimiter, item) => {
            format!("::freshtoken_wire::{}<{}>", delimited(*delimiter), body_type(item))
        }
    }
}

fn rules(model: &Model, bodies: &Bodies) -> Code {
    let Some(x_token) = &model.x_token else { return Code::text("::freshtoken_wire::Rules::NONE") };
    let errors = &x_token.errors;
    let lists = [&errors.permanent, &errors.relogin, &errors.transient];
    // Codes that an enum of an error body lists. They are no secrets, so messages can contain them.
    let mut known: Vec<&String> = Vec::new();
    for (ty, _) in bodies.values() {
        for pointer in errors.code.pointers() {
            let mut found = Vec::new();
            model.targets(ty, &pointer.segments(), &mut found);
            for target in found {
                let target = match target {
                    Ty::List(item) => *item,
                    target => target,
                };
                if let Ty::Ref(name) = target
                    && let Some(Shape::Enum(values)) = model.components.get(&name).map(|component| &component.shape)
                {
                    known.extend(values.keys());
                }
            }
        }
    }
    known.retain(|code| !lists.iter().any(|list| list.iter().any(|listed| listed.0 == **code)));
    known.dedup();
    let texts = |name: &str, texts: Vec<Code>| Code::row([Code::text(format!("{name}: ")), Code::list("&[", texts)]);
    let codes =
        |name: &str, codes: &[errors::Code]| texts(name, codes.iter().map(|code| Code::string(&code.0)).collect());
    let retry_after = match &errors.retry_after {
        Some(retry_after) => {
            let unit = match retry_after.unit {
                RetryUnit::Seconds => "::freshtoken_wire::RetryUnit::Seconds",
                RetryUnit::Unix => "::freshtoken_wire::RetryUnit::Unix",
            };
            let header = Code::string(&retry_after.header.to_ascii_lowercase());
            Code::list("Some(", vec![Code::list("(", vec![header, Code::text(unit)])])
        }
        None => Code::text("None"),
    };
    let request_id = match &errors.request_id {
        Some(RequestId::Header(header)) => format!("request_id: Some({:?})", header.to_ascii_lowercase()),
        _ => "request_id: None".to_owned(),
    };
    Code::braces(
        "::freshtoken_wire::Rules",
        vec![
            codes("permanent", &errors.permanent),
            codes("relogin", &errors.relogin),
            codes("transient", &errors.transient),
            texts("known_codes", known.into_iter().map(|code| Code::string(code)).collect()),
            Code::row([Code::text("retry_after: "), retry_after]),
            Code::text(request_id),
        ],
    )
}

/// Returns the pointers into an error body.
fn fields(model: &Model) -> Option<Code> {
    let errors = &model.x_token.as_ref()?.errors;
    let list = |name: &str, pointers: &[Pointer]| {
        let pointers = pointers.iter().map(|pointer| Code::string(pointer.as_str())).collect();
        Code::row([Code::text(format!("{name}: ")), Code::list("&[", pointers)])
    };
    let request_id = match &errors.request_id {
        Some(RequestId::Body(pointer)) => std::slice::from_ref(pointer),
        _ => &[],
    };
    let fields =
        vec![list("code", errors.code.pointers()), list("message", &errors.message.0), list("request_id", request_id)];
    Some(Code::braces("::freshtoken_wire::ErrorFields", fields))
}

/// Returns the constants that most vendors leave at their defaults.
fn further_constants(model: &Model) -> String {
    let Some(errors) = model.x_token.as_ref().map(|x_token| &x_token.errors) else { return String::new() };
    let mut constants = String::new();
    if errors.code.is_any() {
        constants += "    const ANY_CODE: bool = true;\n\n";
    }
    if !errors.wait.is_empty() {
        let pair = |(code, wait): (&String, &Span)| {
            let wait = format!("::std::time::Duration::from_secs({})", wait.0.as_secs());
            Code::list("(", vec![Code::string(code), Code::text(wait)])
        };
        let waits = Code::list("&[", errors.wait.iter().map(pair).collect());
        let head = Code::text("const WAITS: &'static [(&'static str, ::std::time::Duration)] = ");
        constants += &Code::row([head, waits]).lines(4, ";\n\n");
    }
    constants
}

fn decode(model: &Model, bodies: &Bodies) -> Code {
    let responses = model.spec_operations().flat_map(|operation| {
        // It comes first, because a `default` would hide it.
        let success = can_fail_at_2xx(model, operation).then_some(&operation.success);
        let success = success.filter(|success| success.status != Status::Default);
        success.into_iter().chain(&operation.errors).map(|response| (&operation.id, response))
    });
    let mut arms: Vec<Code> = responses
        .map(|(id, response)| {
            let status = match response.status {
                Status::Code(code) => code.to_string(),
                Status::Range(class) => format!("{}..={}", class * 100, class * 100 + 99),
                Status::Default => "_".to_owned(),
            };
            let read = match &response.ty {
                // A status without JSON takes precedence over a range or a default too.
                None => "None".to_owned(),
                Some(ty) => format!("::serde_json::from_slice(body).ok().map(Self::{})", variant(bodies, ty)),
            };
            Code::headed(format!("({id:?}, {status}) => "), Code::text(read))
        })
        .collect();
    arms.push(Code::text("_ => None"));
    Code::braces("match (operation, status)", arms)
}

/// Returns a scalar as JSON.
pub fn scalar_json(value: &Scalar) -> serde_json::Value {
    match value {
        Scalar::Bool(value) => (*value).into(),
        Scalar::Number(value) => value.clone().into(),
        Scalar::Text(value) => value.clone().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::lower;
    use crate::read::spec::Spec;
    use crate::read::x_token::XToken;

    /// Returns the module of errors for a spec with this `x-token` and this response, on one line.
    fn errors(x_token: &str, response: &str) -> String {
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
        "200": {{ description: A token., content: {{ application/json: {{ schema: {response} }} }} }}
        4XX: {{ description: No., content: {{ application/problem+json: {{ schema: {{ type: object, properties: {{ code: {{ type: string, enum: [one, two] }}, why: {{ type: string }} }} }} }} }} }}
        "429": {{ description: Slower. }}
"#
        );
        let spec = Spec::parse("specs/acme.yaml", &text).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let x_token = XToken::from_document(&spec).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let model = lower(&spec, x_token);
        let source = source(&model);
        source.split_whitespace().collect::<Vec<_>>().join(" ").replace(" .", ".")
    }

    const TOKEN: &str = "{ type: object, properties: { token: { type: string, format: password } } }";

    #[test]
    fn an_exact_status_takes_precedence_over_a_range() {
        let source = errors("{ login: { operation: log_in }, response: { access-token: /token } }", TOKEN);
        let (exact, range) =
            (source.find("(\"log_in\", 429)").unwrap(), source.find("(\"log_in\", 400..=499)").unwrap());
        assert!(exact < range, "{source}");
    }

    #[test]
    fn codes_and_messages_are_found_with_pointers() {
        let rules = "{ login: { operation: log_in }, response: { access-token: /token }, errors: { code: [/code, /error], message: /why, request-id: /id } }";
        let source = errors(rules, TOKEN);
        for wanted in [
            "code: &[\"/code\", \"/error\"],",
            "message: &[\"/why\"],",
            "request_id: &[\"/id\"],",
            "known_codes: &[\"one\", \"two\"]",
        ] {
            assert!(source.contains(wanted), "no {wanted}: {source}");
        }
    }

    #[test]
    fn a_success_that_can_be_a_failure_is_decoded_as_an_error_body() {
        let source = errors("{ login: { operation: log_in }, response: { access-token: /token } }", TOKEN);
        assert!(source.contains("(\"log_in\", 200) =>"), "{source}");
    }
}
