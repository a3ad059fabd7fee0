//! The tests of a vendor crate: what arrives at the vendor for every operation, body and example; what the caller sees
//! of every answer; and that no secret reaches a text. Snapshots are for people, so their text is made by `support`.

use std::collections::HashSet;

use freshtoken_wire::tokens::TokenFields;
use serde_json::Value;

use crate::emit::client;
use crate::emit::client::Argument;
use crate::emit::errors;
use crate::emit::errors::body_type;
use crate::emit::examples;
use crate::emit::examples::{Secrets, marked};
use crate::emit::layout::{Code, statements};
use crate::emit::settings::{Setting, constructor, settings};
use crate::emit::token_response;
use crate::ident;
use crate::lower::model::{Answer, Model, Operation, Ty};

/// The root of the tests, the same in every crate.
pub const MAIN: &str = include_str!("crate_tests/main.rs.txt");
/// What the tests share, the same in every crate.
pub const SUPPORT: &str = include_str!("crate_tests/support.rs.txt");

/// The tests that differ from vendor to vendor.
pub struct Shapes {
    pub requests: String,
    pub responses: String,
    pub secrets: String,
    /// The names of the snapshots, with their folder.
    pub snapshots: Vec<String>,
}

/// The tests of a model.
pub fn shapes(model: &Model) -> Shapes {
    let tested: Vec<Tested<'_>> = model.operations.iter().map(|operation| Tested::new(model, operation)).collect();
    let mut snapshots = Vec::new();
    Shapes {
        requests: requests(model, &tested, &mut snapshots),
        responses: responses(model, &tested, &mut snapshots),
        secrets: secrets(model, &tested),
        snapshots,
    }
}

/// An operation with what its tests send and answer.
struct Tested<'a> {
    operation: &'a Operation,
    cases: Vec<Case>,
    answers: Vec<Answered<'a>>,
}

/// A name of a snapshot or a test, and the body that is sent.
struct Case {
    name: String,
    body: Option<Value>,
}

/// A name of a snapshot, and the body that is answered.
struct Answered<'a> {
    name: String,
    answer: &'a Answer,
    body: Option<Value>,
}

impl<'a> Tested<'a> {
    fn new(model: &'a Model, operation: &'a Operation) -> Self {
        let answers = std::iter::once(&operation.success).chain(&operation.errors);
        let answers = answers.flat_map(|answer| answer_cases(model, operation, answer)).collect();
        Self { operation, cases: cases(model, operation), answers }
    }
}

/// Every example of a request, and one for every variant that has none.
fn cases(model: &Model, operation: &Operation) -> Vec<Case> {
    let Some(body) = &operation.body else { return vec![Case { name: operation.id.clone(), body: None }] };
    let named = |name: &str, value: Value| Case { name: format!("{}.{name}", operation.id), body: Some(value) };
    let examples = body.examples.iter();
    let mut cases: Vec<Case> = examples.map(|example| named(&example.name, example.value.clone())).collect();
    for branch in model.branches(&body.component) {
        let is_of_branch = |value| examples::branch(model, &body.component, value) == branch;
        if !body.examples.iter().any(|example| is_of_branch(&example.value)) {
            let is_taken = |name: &str| body.examples.iter().any(|example| example.name == name);
            let name = ident::unique(&ident::snake(branch), is_taken);
            cases.push(named(&name, examples::sample(model, &Ty::Ref(branch.to_owned()), branch)));
        }
    }
    cases
}

/// The request that stands for an operation: its first example, of the login's own variant where it is the login.
pub fn request_example(model: &Model, operation: &Operation) -> Option<Value> {
    stands_for(model, operation, &cases(model, operation)).cloned()
}

fn stands_for<'c>(model: &Model, operation: &Operation, cases: &'c [Case]) -> Option<&'c Value> {
    let login = model.x_token.as_ref().and_then(|x_token| x_token.login.as_ref());
    let login = login.filter(|login| ident::snake(&login.operation) == operation.id);
    let variant = login.and_then(|login| login.body.as_ref()).map(|variant| ident::pascal(variant));
    let fits = |case: &&Case| match (&variant, &operation.body, &case.body) {
        (Some(variant), Some(of), Some(body)) => examples::branch(model, &of.component, body) == variant,
        _ => true,
    };
    cases.iter().find(fits).or(cases.first()).and_then(|case| case.body.as_ref())
}

/// The call of an operation, without `.await`: what to call on the client.
pub fn call(model: &Model, operation: &Operation, body: Option<&Value>, secrets: Secrets) -> Code {
    let arguments = client::arguments(operation);
    let inputs = arguments.iter().map(|argument| {
        let value = argument_value(model, argument, secrets);
        match argument.param {
            Some(param) if !param.required => Code::list("Some(", vec![value]),
            _ => value,
        }
    });
    // A branch by itself: `into` makes the union of it.
    let body = body.and_then(|body| body_value(model, operation, body, secrets));
    Code::list(format!(".{}(", operation.id), inputs.chain(body).collect())
}

/// The body of a request, as the struct that it is.
fn body_value(model: &Model, operation: &Operation, body: &Value, secrets: Secrets) -> Option<Code> {
    let branch = examples::branch(model, &operation.body.as_ref()?.component, body);
    Some(examples::expression(model, &Ty::Ref(branch.to_owned()), "body", body, secrets))
}

fn argument_value(model: &Model, argument: &Argument<'_>, secrets: Secrets) -> Code {
    let secret = |text: &str| Code::text(format!("&{text:?}.into()"));
    let Some(param) = argument.param else { return secret(&secret_text(&argument.name, secrets)) };
    let sample = param.example.clone().unwrap_or_else(|| examples::sample(model, &param.ty, &param.name));
    match &param.ty {
        Ty::Secret => secret(&match secrets {
            Secrets::Example => crate::lower::descriptions::plain(&sample),
            Secrets::Marked => marked(&param.name),
        }),
        Ty::Text | Ty::Any | Ty::Map(_) | Ty::Constant(_) => Code::string(&crate::lower::descriptions::plain(&sample)),
        ty => {
            let value = examples::expression(model, ty, &param.name, &sample, secrets);
            match ty {
                Ty::Integer | Ty::Number | Ty::Boolean => value,
                _ => Code::row([Code::text("&"), value]),
            }
        }
    }
}

fn secret_text(name: &str, secrets: Secrets) -> String {
    match secrets {
        Secrets::Example => format!("example-{}", name.trim_matches('_').replace('_', "-")),
        Secrets::Marked => marked(name),
    }
}

/// `let client = …`, and before it its credentials: of tests against the server at `url`, else against the vendor's
/// first server.
pub fn client_setup(model: &Model, url: Option<&str>, secrets: Secrets) -> Vec<Code> {
    let server = model.servers.first().filter(|_| url.is_none());
    let mut endpoint = match (url, server) {
        (None, Some(server)) => format!("Endpoint::{}", constructor(model, server)),
        (None, None) => "Endpoint::at(\"https://example.com\")?".to_owned(),
        (Some(url), _) => format!("Endpoint::at({url}).expect(\"a base URL\")"),
    };
    let is_given = |setting: &Setting<'_>| server.is_some_and(|server| setting.is_argument_of(server));
    for setting in settings(model).iter().filter(|setting| setting.param.is_some() && !is_given(setting)) {
        let text = match (setting.is_secret(), secrets) {
            (true, Secrets::Marked) => marked(&setting.name),
            _ => setting.example(),
        };
        endpoint.push_str(&format!(".{}({text:?})", setting.name));
    }
    let mut setup = Vec::new();
    let mut inputs = vec![Code::text(endpoint)];
    let credentials = client::credentials(model);
    if !credentials.is_empty() {
        let fields = credentials.iter().map(|credential| {
            let text = secret_text(&credential.name, secrets);
            Code::text(match credential.optional {
                true => format!("{}: Some({text:?}.into())", credential.name),
                false => format!("{}: {text:?}.into()", credential.name),
            })
        });
        let fields = Code::braces("Credentials", fields.collect());
        setup.push(Code::row([Code::text("let credentials = "), fields]));
        inputs.push(Code::text("credentials"));
    }
    let unwrap = Code::text(if url.is_some() { ".expect(\"a client\")" } else { "?" });
    setup.push(Code::row([Code::text("let client = "), Code::list("Client::new(", inputs), unwrap]));
    setup
}

/// The secrets that a request with example values holds.
fn secrets_sent(model: &Model, operation: &Operation, body: Option<&Value>) -> Vec<(String, String)> {
    let mut secrets: Vec<(String, String)> = Vec::new();
    for credential in client::credentials(model) {
        secrets.push((credential.name.clone(), secret_text(&credential.name, Secrets::Example)));
    }
    for setting in settings(model).iter().filter(|setting| setting.is_secret()) {
        secrets.push((setting.name.clone(), setting.example()));
    }
    for argument in client::arguments(operation) {
        match argument.param {
            None => secrets.push((argument.name.clone(), secret_text(&argument.name, Secrets::Example))),
            Some(param) if param.ty == Ty::Secret => {
                let sample = param.example.clone().unwrap_or_else(|| examples::sample(model, &param.ty, &param.name));
                secrets.push((param.name.clone(), crate::lower::descriptions::plain(&sample)));
            }
            Some(_) => {}
        }
    }
    if let (Some(of), Some(body)) = (&operation.body, body) {
        secrets.extend(examples::secrets(model, &Ty::Ref(of.component.clone()), "body", body));
    }
    secrets
}

fn pairs(pairs: &[(String, String)]) -> Code {
    Code::list("&[", pairs.iter().map(|(name, value)| Code::text(format!("({name:?}, {value:?})"))).collect())
}

/// An answer as `support` takes it.
fn answer(answer: &Answer, body: &str, headers: &[(String, String)]) -> Code {
    let media_type = answer.media_type.as_deref().unwrap_or_default();
    let status = Code::text(answer.status.sample().to_string());
    Code::list("(", vec![status, Code::string(media_type), Code::string(body), pairs(headers)])
}

/// What stands first in each module of tests.
fn imports(model: &Model, items: &str, with_error: bool, of_wiremock: Option<&str>) -> String {
    let credentials = if client::credentials(model).is_empty() { "" } else { ", Credentials" };
    let error = if with_error { ", Error" } else { "" };
    let types = if items.contains("types::") { ", types" } else { "" };
    let wiremock = of_wiremock.map(|name| format!("use wiremock::{name};\n")).unwrap_or_default();
    let lib = model.vendor.lib();
    format!("use {lib}::{{Client{credentials}, Endpoint{error}{types}}};\n{wiremock}use crate::support;\n")
}

/// The first example that is a success, or an invented one: an example at 2xx may be of a failure.
fn success(model: &Model, operation: &Operation, ty: &Ty, answers: &[Answered<'_>]) -> Value {
    let of_success = answers.iter().filter(|answered| answered.answer.status == operation.success.status);
    let mut bodies = of_success.filter_map(|answered| answered.body.as_ref());
    let found = bodies.find(|body| succeeds(model, operation, body)).cloned();
    found.unwrap_or_else(|| sample_success(model, operation, ty))
}

/// Whether an answer has all that makes it a success.
fn succeeds(model: &Model, operation: &Operation, body: &Value) -> bool {
    let response = model.x_token.as_ref().map(|x_token| &x_token.response);
    let fields = response.filter(|_| model.answers_token(operation)).and_then(token_response::fields);
    let has_token = |fields: TokenFields<'_>| fields.read(&body.to_string()).is_some_and(|read| read.tokens.is_some());
    let (error, ok) = model.failure_marks(operation);
    !body.is_null() && fields.is_none_or(has_token) && !token_response::is_failure(error, ok, body)
}

/// An invented success, with all that makes it one: its token, its `ok`, and no `error`.
fn sample_success(model: &Model, operation: &Operation, ty: &Ty) -> Value {
    let mut value = examples::sample(model, ty, "answer");
    let token = model.x_token.as_ref().filter(|_| model.answers_token(operation));
    if let Some(pointer) = token.and_then(|x_token| x_token.response.access_token.as_ref()) {
        value = examples::with_member(model, ty, "answer", value, &pointer.segments(), None);
    }
    let (error, ok) = model.failure_marks(operation);
    if let Some(ok) = ok {
        let wanted = errors::scalar_json(&ok.is);
        value = examples::with_member(model, ty, "answer", value, &ok.at.segments(), Some(&wanted));
    }
    // Where it must be there, it says nothing.
    if let Some(found) = error.and_then(|pointer| value.pointer_mut(pointer.as_str())) {
        *found = match found {
            Value::String(_) => "".into(),
            Value::Bool(_) => false.into(),
            Value::Array(_) => Value::Array(Vec::new()),
            _ => Value::Null,
        };
    }
    value
}

/// Names of functions, each given once.
struct Names(HashSet<String>);

impl Names {
    fn new() -> Self {
        // What the modules have besides.
        Self(HashSet::from(["review".to_owned()]))
    }

    fn take(&mut self, name: &str) -> String {
        let name = ident::unique(&ident::snake(name), |taken| self.0.contains(taken));
        self.0.insert(name.clone());
        name
    }
}

fn requests(model: &Model, tested: &[Tested<'_>], snapshots: &mut Vec<String>) -> String {
    let mut names = Names::new();
    let mut tests = String::new();
    let setup = statements(&client_setup(model, Some("server.uri()"), Secrets::Example), 4);
    for Tested { operation, cases, answers } in tested {
        let success = operation.success.ty.as_ref().map(|ty| success(model, operation, ty, answers).to_string());
        let success = answer(&operation.success, &success.unwrap_or_default(), &[]);
        let answered = Code::row([Code::text("let answer: support::Answer<'_> = "), success]);
        let answered = statements(&[answered], 4);
        for Case { name, body } in cases {
            let test = names.take(name);
            let call = call(model, operation, body.as_ref(), Secrets::Example);
            let call =
                Code::chain([Code::text("client"), call, Code::text(".await"), Code::text(".expect(\"an answer\")")]);
            let secrets = pairs(&secrets_sent(model, operation, body.as_ref()));
            let asked = statements(&[call, Code::row([Code::text("let secrets = "), secrets])], 4);
            snapshots.push(format!("requests/{name}"));
            tests.push_str(&format!(
                "
#[tokio::test]
async fn {test}() {{
{answered}
    let server = support::server(support::answer(answer)).await;
{setup}
{asked}
    review({name:?}, &support::request_shape(&server, secrets).await);
}}
"
            ));
        }
    }
    let imports = imports(model, &tests, false, None);
    format!("{imports}\n{}{tests}", review("requests"))
}

fn review(folder: &str) -> String {
    format!(
        "\
fn review(name: &str, text: &str) {{
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(\"snapshots/{folder}\");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}}
"
    )
}

fn responses(model: &Model, tested: &[Tested<'_>], snapshots: &mut Vec<String>) -> String {
    let mut names = Names::new();
    let mut items = String::new();
    let setup = statements(&client_setup(model, Some("server.uri()"), Secrets::Example), 4);
    for Tested { operation, cases, answers } in tested {
        let request = stands_for(model, operation, cases);
        let call = call(model, operation, request, Secrets::Example);
        let call = Code::chain([Code::text("client"), call, Code::text(".await")]);
        let asks = names.take(&format!("ask_{}", operation.id));
        let seen = operation.success.ty.as_ref().map_or_else(|| "()".to_owned(), body_type);
        items.push_str(&format!(
            "
async fn {asks}(server: &MockServer) -> Result<{seen}, Error> {{
{setup}
{call}
}}
",
            call = call.lines(4, ""),
        ));
        let sent = secrets_sent(model, operation, request);
        for Answered { name, answer: of, body } in answers {
            let test = names.take(&name.replacen('.', "_answers_", 1).to_lowercase());
            let mut secrets = sent.clone();
            if let (Some(ty), Some(body)) = (&of.ty, body) {
                secrets.extend(examples::secrets(model, ty, "answer", body));
            }
            let text = body.as_ref().map(Value::to_string).unwrap_or_default();
            let answer = answer(of, &text, &of.headers);
            let answer = Code::row([Code::text("let answer: support::Answer<'_> = "), answer]);
            let secrets = Code::row([Code::text("let secrets = "), pairs(&secrets)]);
            snapshots.push(format!("responses/{name}"));
            items.push_str(&format!(
                "
#[tokio::test]
async fn {test}() {{
{answer}
    let server = support::server(support::answer(answer)).await;
    let seen = {asks}(&server).await;
{secrets}
    review({name:?}, &support::answer_shape(&server, answer, secrets, &seen));
}}
",
                answer = statements(&[answer], 4),
                secrets = statements(&[secrets], 4),
            ));
        }
    }
    let imports = imports(model, &items, true, Some("MockServer"));
    format!("{imports}\n{}{items}", review("responses"))
}

/// Every example of an answer, or one that stands for all where the spec has none.
fn answer_cases<'a>(model: &Model, operation: &Operation, answer: &'a Answer) -> Vec<Answered<'a>> {
    let name = format!("{}.{}", operation.id, answer.status.label());
    if answer.examples.is_empty() {
        let is_success = answer.status == operation.success.status;
        let sample = |ty: &Ty| match is_success {
            true => sample_success(model, operation, ty),
            false => examples::sample(model, ty, "answer"),
        };
        return vec![Answered { name, answer, body: answer.ty.as_ref().map(sample) }];
    }
    let named = answer.examples.iter().map(|example| (format!("{name}.{}", example.name), example.value.clone()));
    named.map(|(name, body)| Answered { name, answer, body: Some(body) }).collect()
}

fn secrets(model: &Model, tested: &[Tested<'_>]) -> String {
    let mut names = Names::new();
    let mut items = String::new();
    let setup = statements(&client_setup(model, Some("url"), Secrets::Marked), 4);
    for Tested { operation, cases, answers } in tested {
        let of_operation = names.take(&format!("answers_to_{}", operation.id));
        let answers = answers.iter().map(|Answered { answer: of, body, .. }| {
            let marked = of.ty.as_ref().zip(body.as_ref());
            let marked = marked.map(|(ty, body)| examples::with_marks(model, ty, "answer", body).to_string());
            answer(of, &marked.unwrap_or_default(), &[])
        });
        let answers = Code::list("&[", answers.collect());
        items.push_str(&format!(
            "
fn {of_operation}() -> Vec<ResponseTemplate> {{
{answers}
    let answers = answers.iter().copied().map(support::answer);
    answers.chain(support::unusable_answers()).collect()
}}
",
            answers = statements(&[Code::row([Code::text("let answers: &[support::Answer<'_>] = "), answers])], 4),
        ));
        for Case { name, body } in cases {
            let test = names.take(&format!("no_text_holds_a_secret_of_{name}"));
            let call = call(model, operation, body.as_ref(), Secrets::Marked);
            let call = Code::chain([Code::text("client"), call, Code::text(".await")]);
            let body = body.as_ref().and_then(|body| body_value(model, operation, body, Secrets::Marked));
            let body = body.map(|body| statements(&[Code::row([Code::text("let body = "), body])], 4));
            let body = body.map(|body| format!("{body}\n    text.push_str(&format!(\"{{body:?}}\"));\n"));
            let texts_of = names.take(&format!("texts_of_{name}"));
            items.push_str(&format!(
                "
async fn {texts_of}(url: &str) -> String {{
    let mut text = String::new();
    let endpoint = Endpoint::at(url).expect(\"a base URL\");
    text.push_str(&format!(\"{{endpoint:?}}\"));
{setup}
    // It holds the credentials.
    text.push_str(&format!(\"{{client:?}}{{client:#?}}\"));
{call}
    text.push_str(&support::texts(&seen));
    text
}}

#[tokio::test]
async fn {test}() {{
    support::LOG.start();
    let mut text = String::new();
{body}    for answer in {of_operation}() {{
        let server = support::server(answer).await;
        text.push_str(&{texts_of}(&server.uri()).await);
        assert_eq!(server.received_requests().await.unwrap().len(), 1, \"sent, and not twice\");
    }}
    text.push_str(&{texts_of}(&support::torn_connection()).await);
    text.push_str(&{texts_of}(&support::nobody()).await);
    text.push_str(&support::LOG.text());
    assert!(!text.contains(support::MARK), \"a text holds a secret:\\n{{text}}\");
}}
",
                call = statements(&[Code::row([Code::text("let seen = "), call])], 4),
                body = body.unwrap_or_default(),
            ));
        }
    }
    let imports = imports(model, &items, false, Some("ResponseTemplate"));
    format!("{imports}{items}")
}
