//! The methods of a client: each makes a `Call`, authorizes it, and sends it with progenitor's operation.

use crate::emit::client::arguments::{Argument, argument_type, arguments, passed, setting_of};
use crate::emit::client::credentials::{Credential, basic};
use crate::emit::client::endpoint::target_field;
use crate::emit::client::method_docs;
use crate::emit::errors::{Bodies, body_type};
use crate::emit::layout::{Code, signature};
use crate::emit::operations::Progenitor;
use crate::emit::operations::document;
use crate::emit::token_response;
use crate::ident;
use crate::lower::model::{Body, Model, Operation, Place, Scheme, SchemeKind, Ty};
use crate::read::x_token::Encode;

fn static_name(operation: &Operation) -> String {
    format!("{}_OPERATION", operation.base_stem().to_uppercase())
}

/// Returns the static that describes an operation.
pub fn operation_static(model: &Model, operation: &Operation) -> String {
    let header = |text: Option<&String>| match text {
        Some(text) => format!("Some(HeaderValue::from_static({text:?}))"),
        None => "None".to_owned(),
    };
    format!(
        "
static {name}: Operation = Operation {{
    id: {id:?},
    method: {method:?},
    accept: {accept},
    content_type: {content_type},
    user_agent: HeaderValue::from_static(USER_AGENT),
{success}
}};
",
        name = static_name(operation),
        id = operation.id,
        method = operation.method,
        accept = header(operation.success.media_type.as_ref()),
        content_type = header(operation.body.as_ref().map(|body| &body.media_type)),
        success = Code::row([Code::text("success: "), token_response::success(model, operation)]).lines(4, ","),
    )
}

/// Returns the method of an operation. A login and a refresh have a second one, for the facade.
pub fn method(
    model: &Model,
    made: &Progenitor,
    operation: &Operation,
    credentials: &[Credential],
    bodies: &Bodies,
) -> Result<String, String> {
    let id = &operation.id;
    let arguments = arguments(operation);
    let mut inputs = vec!["&self".to_owned()];
    inputs.extend(arguments.iter().map(|argument| format!("{}: {}", argument.name, argument_type(argument))));
    if let Some(Body { component, .. }) = &operation.body {
        inputs.push(format!("body: impl Into<types::{component}>"));
    }
    let sent = sent(model, made, operation, credentials, &arguments)?;
    let success = operation.success.ty.as_ref();
    let ty = success.map_or_else(|| "()".to_owned(), body_type);
    let docs = method_docs::source(model, operation, bodies);
    let head = signature(4, &format!("pub async fn {id}"), inputs.clone(), &format!("Result<{ty}, Error>"));
    if success.is_none() || !model.returns_token(operation) {
        let finish = if success.is_some() { "finish" } else { "finish_empty" };
        return Ok(format!("\n{docs}{head}\n{sent}        client.inner.{finish}(result)\n    }}\n"));
    }
    let outcome = outcome_name(model, operation);
    let given = arguments.iter().map(|argument| argument.name.as_str());
    let given: Vec<&str> = given.chain(operation.body.is_some().then_some("body")).collect();
    Ok(format!(
        "
{docs}{head}
        self.{outcome}({given}).await?.typed()
    }}

    /// Calls the operation for the facade, which reads the tokens and the body separately.
    #[doc(hidden)]
{whole}
{sent}        Ok(client.inner.outcome(result))
    }}
",
        given = given.join(", "),
        whole = signature(4, &format!("pub async fn {outcome}"), inputs, &format!("Result<Outcome<{ty}>, Error>")),
    ))
}

/// Returns the name of the facade's method of a login or a refresh.
pub fn outcome_name(model: &Model, operation: &Operation) -> String {
    ident::unique(&format!("{}_outcome", operation.stem()), |name| model.operation(name).is_some())
}

/// Returns the statements that send a request, up to `let result`.
fn sent(
    model: &Model,
    made: &Progenitor,
    operation: &Operation,
    credentials: &[Credential],
    arguments: &[Argument<'_>],
) -> Result<String, String> {
    let id = operation.base();
    let mut sent = String::new();
    if let Some(Body { component, .. }) = &operation.body {
        sent.push_str(&format!("        let body: types::{component} = body.into();\n"));
    }
    let authorize = authorize(model, operation, credentials, arguments);
    let mutable = if authorize.is_empty() { "" } else { "mut " };
    let (of, target) = (static_name(operation), target_field(operation));
    sent.push_str(&format!("        let {mutable}call = Call::new(&{of}, &self.{target});\n"));
    sent.push_str(&authorize);
    sent.push_str(&check_path(model, operation, arguments));
    let made_arguments = made.arguments.get(id).ok_or_else(|| format!("progenitor made no operation `{id}`"))?;
    let names = document::arguments(operation);
    let inputs: Result<Vec<Code>, String> = made_arguments
        .iter()
        .map(|name| match names.iter().zip(&operation.params).find(|(known, _)| *known == name) {
            Some((_, param)) => Ok(Code::text(passed(model, param, arguments))),
            None if name == "body" => Ok(Code::text("&body")),
            None => Err(format!("progenitor gave `{id}` an argument `{name}` that the spec doesn't have")),
        })
        .collect();
    let call = Code::chain([Code::text("client"), Code::list(format!(".{id}("), inputs?), Code::text(".await")]);
    sent.push_str(&format!(
        "        let client = progenitor::Client::new(call);
{result}
",
        result = Code::row([Code::text("let result = "), call]).lines(8, ";"),
    ));
    Ok(sent)
}

/// Returns the statements that reject path parameters that would change the path.
fn check_path(model: &Model, operation: &Operation, arguments: &[Argument<'_>]) -> String {
    let params = operation.params.iter().filter(|param| param.place == Place::Path);
    let checks = params.filter_map(|param| {
        let name = &param.name;
        let argument = arguments.iter().find(|argument| argument.param.is_some_and(|found| found.name == *name));
        let value = match (argument, &param.ty) {
            (_, Ty::Constant(_)) => return None,
            (None, _) => setting_of(model, param),
            (Some(Argument { name, .. }), Ty::Secret) => format!("{name}.expose()"),
            (Some(Argument { name, .. }), Ty::Ref(_)) => format!("{name}.as_str()"),
            (Some(Argument { name, .. }), Ty::Text) => name.clone(),
            _ => return None,
        };
        Some(format!("        call.path_parameter({name:?}, {value})?;\n"))
    });
    checks.collect()
}

/// Returns the statements that add the credentials of an operation to its call.
fn authorize(model: &Model, operation: &Operation, credentials: &[Credential], arguments: &[Argument<'_>]) -> String {
    let mut tokens = arguments.iter().filter(|argument| argument.param.is_none());
    let calls = operation.security.iter().filter_map(|scheme| scheme_call(model, scheme, credentials, &mut tokens));
    let lines = calls.map(|(method, inputs)| {
        // A query parameter can have any value.
        let end = if method == "query" { ";\n" } else { "?;\n" };
        Code::list(format!("call.{method}("), inputs).lines(8, end)
    });
    lines.collect()
}

/// Returns the method of `Call` that adds the credential of a scheme, and its inputs. A token is the next one of
/// `tokens`.
fn scheme_call<'a>(
    model: &Model,
    scheme: &Scheme,
    credentials: &[Credential],
    tokens: &mut impl Iterator<Item = &'a Argument<'a>>,
) -> Option<(&'static str, Vec<Code>)> {
    let credential = |name: &str| {
        let is_optional = credentials.iter().any(|credential| credential.name == name && credential.optional);
        if !is_optional {
            return Code::text(format!("self.credentials.{name}"));
        }
        let arms = vec![
            Code::text("Some(credential) => credential.clone()"),
            Code::text(format!("None => return Err(call.missing_credential({name:?}))")),
        ];
        Code::braces(&format!("match &self.credentials.{name}"), arms)
    };
    let exposed = |name: &str| Code::row([credential(name), Code::text(".expose()")]);
    let name = ident::snake(&scheme.name);
    let borrowed = || Code::row([Code::text("&"), credential(&name)]);
    Some(match &scheme.kind {
        SchemeKind::Header(header) => ("header", vec![Code::string(&header.to_ascii_lowercase()), exposed(&name)]),
        SchemeKind::Query(parameter) => ("query", vec![Code::string(parameter), borrowed()]),
        SchemeKind::Http(scheme) => ("authorization", vec![Code::string(scheme), borrowed()]),
        SchemeKind::Token(scheme) => {
            ("authorization", vec![Code::string(scheme), Code::text(tokens.next()?.name.as_str())])
        }
        SchemeKind::Basic => {
            let basic = basic(model);
            let half = |name: &str| if name.is_empty() { Code::string("") } else { exposed(&ident::snake(name)) };
            let encoding = match basic.encode {
                Encode::Form => "::freshtoken_wire::BasicEncoding::Form",
                Encode::Raw => "::freshtoken_wire::BasicEncoding::Raw",
            };
            let pair = vec![Code::text(encoding), half(&basic.names[0]), half(&basic.names[1])];
            match basic.scheme.as_deref() {
                None => ("basic", pair),
                Some(scheme) => ("basic_as", [vec![Code::string(scheme)], pair].into_iter().flatten().collect()),
            }
        }
    })
}
