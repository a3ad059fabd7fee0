//! The vendor's errors: one enum of all error schemas, how each status is read, and what its codes mean.

use indexmap::IndexMap;

use crate::{
    access::{self, Leaf},
    code::{Code, signature},
    docs, ident,
    lower::plain,
    model::{Answer, Model, Operation, Shape, Status, Ty},
    openapi,
    types::or,
    x_token::{self, Pointer, RequestId, RetryUnit, Scalar},
};

/// The module of errors, as source.
pub fn source(model: &Model) -> String {
    let bodies = bodies(model);
    let variants = bodies
        .iter()
        .map(|(variant, (ty, docs))| format!("{}    {variant}({}),\n", docs::comment(docs, "    "), body_type(ty)));
    let variant_docs = format!(
        "An error body of “{}”, by its schema.\n\nNew ones may come with a new version of the spec.",
        model.title
    );
    let errors = model.x_token.as_ref().map(|x_token| &x_token.errors);
    let code = reader(model, &bodies, errors.map(|errors| errors.code.0.as_slice()).unwrap_or_default());
    let message = reader(model, &bodies, errors.map(|errors| errors.message.0.as_slice()).unwrap_or_default());
    let request_id = match errors.and_then(|errors| errors.request_id.as_ref()) {
        Some(RequestId::Body(pointer)) => reader(model, &bodies, std::slice::from_ref(pointer)),
        _ => reader(model, &bodies, &[]),
    };
    let decode_inputs = ["operation: &'static str", "status: u16", "body: &[u8]"].map(str::to_owned).into();
    format!(
        "\
#[allow(unused_imports)]
use crate::types;

/// Why a call failed: see [`freshtoken_wire::Error`].
pub type Error = ::freshtoken_wire::Error<ErrorBody>;

{variant_docs}#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)]
pub enum ErrorBody {{
{variants}}}

impl ::freshtoken_wire::ErrorBody for ErrorBody {{
{rules}

    #[allow(unused_variables)]
{decode_head}
{decode}
    }}

    fn code(&self) -> Option<String> {{
{code}
    }}

    fn message(&self) -> Option<String> {{
{message}
    }}

    fn request_id(&self) -> Option<String> {{
{request_id}
    }}
}}
{checks}",
        variant_docs = docs::comment(&variant_docs, ""),
        variants = variants.collect::<String>(),
        rules =
            Code::row([Code::text("const RULES: ::freshtoken_wire::Rules = "), rules(model, &bodies)]).lines(4, ";"),
        decode_head = signature(4, "fn decode", decode_inputs, "Option<Self>"),
        decode = decode(model, &bodies).lines(8, ""),
        code = code.lines(8, ""),
        message = message.lines(8, ""),
        request_id = request_id.lines(8, ""),
        checks = model.operations.iter().filter_map(|operation| check(model, operation)).collect::<String>(),
    )
}

/// Every type that an error may have, by the name of its variant, with its docs.
pub type Bodies = IndexMap<String, (Ty, String)>;

/// Of the error schemas, and of the answers that may be failures at 2xx.
pub fn bodies(model: &Model) -> Bodies {
    let mut bodies = Bodies::new();
    for (operation, answer) in failures(model) {
        let Some(ty) = &answer.ty else { continue };
        if bodies.values().any(|(known, _)| known == ty) {
            continue;
        }
        let docs = match std::ptr::eq(answer, &operation.success) {
            true => "An answer of 2xx that is a failure all the same: it says so, or has no token.".to_owned(),
            false => or(&type_docs(model, ty), &docs::first_sentence(&answer.description)),
        };
        let name = ident::unique(&base_name(ty), |name| bodies.contains_key(name));
        bodies.insert(name, (ty.clone(), docs));
    }
    bodies
}

/// The answers that are failures, or may be.
fn failures(model: &Model) -> impl Iterator<Item = (&Operation, &Answer)> {
    model.operations.iter().flat_map(|operation| {
        let success = can_fail_at_2xx(model, operation).then_some(&operation.success);
        operation.errors.iter().chain(success).map(move |answer| (operation, answer))
    })
}

/// Whether an answer of 2xx can say that it is a failure.
pub fn can_fail_at_2xx(model: &Model, operation: &Operation) -> bool {
    let (error, ok) = model.failure_marks(operation);
    operation.success.ty.is_some() && (error.is_some() || ok.is_some() || model.answers_token(operation))
}

/// The variant that holds a type: each has its own, also where two would be called the same.
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

/// A type as it is written outside the module of types, where nothing hides the names of the prelude.
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
            format!("::freshtoken_wire::{}<{}>", openapi::delimited(*delimiter), body_type(item))
        }
    }
}

fn rules(model: &Model, bodies: &Bodies) -> Code {
    let Some(x_token) = &model.x_token else { return Code::text("::freshtoken_wire::Rules::NONE") };
    let errors = &x_token.errors;
    let lists = [&errors.permanent, &errors.relogin, &errors.transient];
    // The codes that an open enum of an error body lists: the spec knows them, so a text may show them.
    let mut known: Vec<&String> = Vec::new();
    for (ty, _) in bodies.values() {
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
    known.retain(|code| !lists.iter().any(|list| list.iter().any(|listed| listed.0 == **code)));
    known.dedup();
    let texts = |name: &str, texts: Vec<Code>| Code::row([Code::text(format!("{name}: ")), Code::list("&[", texts)]);
    let codes =
        |name: &str, codes: &[x_token::Code]| texts(name, codes.iter().map(|code| Code::string(&code.0)).collect());
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

fn decode(model: &Model, bodies: &Bodies) -> Code {
    let answers =
        model.operations.iter().flat_map(|operation| operation.errors.iter().map(|answer| (&operation.id, answer)));
    let mut arms: Vec<Code> = answers
        .map(|(id, answer)| {
            let status = match answer.status {
                Status::Code(code) => code.to_string(),
                Status::Range(class) => format!("{}..={}", class * 100, class * 100 + 99),
                Status::Default => "_".to_owned(),
            };
            let read = match &answer.ty {
                // A status without JSON hides a range or a default behind it.
                None => "None".to_owned(),
                Some(ty) => format!("::serde_json::from_slice(body).ok().map(Self::{})", variant(bodies, ty)),
            };
            Code::behind(format!("({id:?}, {status}) => "), Code::text(read))
        })
        .collect();
    arms.push(Code::text("_ => None"));
    Code::braces("match (operation, status)", arms)
}

/// Reads the first of several pointers that finds something, in each kind of body.
fn reader(model: &Model, bodies: &Bodies, pointers: &[Pointer]) -> Code {
    let mut arms: Vec<Code> = bodies
        .iter()
        .filter_map(|(variant, (ty, _))| {
            let reads = pointers
                .iter()
                .filter_map(|pointer| access::read(model, ty, &pointer.segments(), "value", &Leaf::Text));
            let first_found =
                reads.reduce(|first, next| first.then(Code::list(".or_else(", vec![Code::behind("|| ", next)])))?;
            Some(Code::behind(format!("Self::{variant}(value) => "), first_found))
        })
        .collect();
    match arms.len() {
        0 => return Code::text("None"),
        count if count == bodies.len() => {}
        _ => arms.push(Code::text("_ => None")),
    }
    Code::braces("match self", arms)
}

/// A function that says whether an answer of 2xx is a failure.
fn check(model: &Model, operation: &Operation) -> Option<String> {
    if !can_fail_at_2xx(model, operation) {
        return None;
    }
    let ty = operation.success.ty.as_ref()?;
    let read = |pointer: &Pointer, leaf: &Leaf<'_>| {
        let read = access::read(model, ty, &pointer.segments(), "value", leaf)?;
        Some(read.then(Code::text(".unwrap_or(false)")))
    };
    let not = |read: Code| Code::row([Code::text("!"), read]);
    let (error, ok) = model.failure_marks(operation);
    let error = error.and_then(|pointer| read(pointer, &Leaf::Presence));
    let ok = ok.and_then(|ok| read(&ok.at, &Leaf::Is(&plain(&scalar_json(&ok.is)))));
    // An answer without a token is none, whatever else it says.
    let token = model.x_token.as_ref().filter(|_| model.answers_token(operation));
    let token = token.and_then(|x_token| read(x_token.response.access_token.as_ref()?, &Leaf::Presence));
    let conditions: Vec<Code> = error.into_iter().chain(ok.map(not)).chain(token.map(not)).collect();
    if conditions.is_empty() {
        return None;
    }
    Some(format!(
        "
/// Whether the answer to `{id}` says that it is a failure, whatever its status.
pub(crate) fn {name}(value: &{ty}) -> bool {{
{conditions}
}}
",
        id = operation.id,
        name = check_name(operation),
        ty = body_type(ty),
        conditions = Code::any(conditions).lines(4, ""),
    ))
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
pub fn check_name(operation: &Operation) -> String {
    format!("{}_failed", operation.id.trim_end_matches('_'))
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
        let source = source(&model);
        source.split_whitespace().collect::<Vec<_>>().join(" ").replace(" .", ".")
    }

    const TOKEN: &str = "{ type: object, properties: { token: { type: string, format: password }, ok: { type: boolean }, \
                         error: { type: object, properties: { code: { type: string } } } } }";

    #[test]
    fn an_exact_status_is_looked_up_before_a_range() {
        let source = errors("{ login: { operation: log_in }, response: { access-token: /token } }", TOKEN);
        let (exact, range) =
            (source.find("(\"log_in\", 429)").unwrap(), source.find("(\"log_in\", 400..=499)").unwrap());
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
