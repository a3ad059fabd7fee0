//! Code that uses a generated client: for the crate's tests, and for the example in its README.

use serde_json::Value;

use crate::emit::client;
use crate::emit::client::Argument;
use crate::emit::examples;
use crate::emit::layout::Code;
use crate::emit::settings::{Setting, constructor, settings};
use crate::lower::descriptions::plain;
use crate::lower::model::{Model, Operation, Param, Ty};

/// Where the client of an example sends its requests.
#[derive(Clone, Copy, PartialEq)]
pub enum Server<'a> {
    /// To the vendor's first server. The code is in a function that returns a `Result`.
    First,
    /// To the URL of this expression. The code is in a test.
    Url(&'a str),
}

/// Returns the statements that make `credentials`, if the client has any, and the expression that makes the client.
pub fn client_setup(model: &Model, server: Server<'_>) -> (Option<Code>, Code) {
    let mut inputs = vec![Code::text(endpoint(model, server))];
    let fields = client::credentials(model).into_iter().map(|credential| {
        let text = placeholder(&credential.name);
        Code::text(if credential.optional {
            format!("{}: Some({text:?}.into())", credential.name)
        } else {
            format!("{}: {text:?}.into()", credential.name)
        })
    });
    let fields: Vec<Code> = fields.collect();
    let credentials = (!fields.is_empty()).then(|| {
        inputs.push(Code::text("credentials"));
        Code::row([Code::text("let credentials = "), Code::braces("Credentials", fields)])
    });
    let unwrap = if server == Server::First { "?" } else { ".expect(\"a client\")" };
    (credentials, Code::row([Code::list("Client::new(", inputs), Code::text(unwrap)]))
}

fn endpoint(model: &Model, server: Server<'_>) -> String {
    let first = model.servers.first().filter(|_| server == Server::First);
    let mut endpoint = match (server, first) {
        (Server::Url(url), _) => format!("Endpoint::at({url}).expect(\"a base URL\")"),
        (Server::First, Some(first)) => format!("Endpoint::{}", constructor(model, first)),
        (Server::First, None) => "Endpoint::at(\"https://example.com\")?".to_owned(),
    };
    let is_argument = |setting: &Setting<'_>| first.is_some_and(|first| setting.is_argument_of(first));
    for setting in settings(model).iter().filter(|setting| setting.param.is_some() && !is_argument(setting)) {
        endpoint.push_str(&format!(".{}({:?})", setting.name, setting.example()));
    }
    endpoint
}

/// Returns the call of an operation's method, from its `.` to its `)`.
pub fn call(model: &Model, operation: &Operation, body: Option<&Value>) -> Code {
    let arguments = client::arguments(operation);
    let inputs = arguments.iter().map(|argument| {
        let value = argument_value(model, argument);
        match argument.param {
            Some(param) if !param.required => Code::list("Some(", vec![value]),
            _ => value,
        }
    });
    let body = operation.body.as_ref().zip(body).map(|(of, body)| {
        // The method takes `impl Into` the union, so a branch is passed without it.
        let branch = examples::branch(model, &of.component, body);
        examples::expression(model, &Ty::Ref(branch.to_owned()), "body", body)
    });
    Code::list(format!(".{}(", operation.id), inputs.chain(body).collect())
}

fn argument_value(model: &Model, argument: &Argument<'_>) -> Code {
    let secret = |text: &str| Code::text(format!("&{text:?}.into()"));
    let Some(param) = argument.param else { return secret(&placeholder(&argument.name)) };
    let example = example(model, param);
    match &param.ty {
        Ty::Secret => secret(&plain(&example)),
        Ty::Text | Ty::Any | Ty::Map(_) | Ty::Constant(_) => Code::string(&plain(&example)),
        ty => {
            let value = examples::expression(model, ty, &param.name, &example);
            match ty {
                Ty::Integer | Ty::Number | Ty::Boolean => value,
                _ => Code::row([Code::text("&"), value]),
            }
        }
    }
}

fn example(model: &Model, param: &Param) -> Value {
    param.example.clone().unwrap_or_else(|| examples::sample(model, &param.ty, &param.name))
}

/// Returns an invented value for a credential or a token.
fn placeholder(name: &str) -> String {
    format!("example-{}", name.trim_matches('_').replace('_', "-"))
}

/// Returns the names and the values of the secrets in a request that this code sends.
pub fn secrets(model: &Model, operation: &Operation, body: Option<&Value>) -> Vec<(String, String)> {
    let mut secrets: Vec<(String, String)> = Vec::new();
    for credential in client::credentials(model) {
        let value = placeholder(&credential.name);
        secrets.push((credential.name, value));
    }
    for setting in settings(model).into_iter().filter(Setting::is_secret) {
        let value = setting.example();
        secrets.push((setting.name, value));
    }
    for argument in client::arguments(operation) {
        match argument.param {
            None => {
                let value = placeholder(&argument.name);
                secrets.push((argument.name, value));
            }
            Some(param) if param.ty == Ty::Secret => secrets.push((param.name.clone(), plain(&example(model, param)))),
            Some(_) => {}
        }
    }
    if let (Some(of), Some(body)) = (&operation.body, body) {
        secrets.extend(examples::secrets(model, &Ty::Ref(of.component.clone()), "body", body));
    }
    secrets
}
