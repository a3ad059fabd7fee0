//! The tests of a vendor crate: what arrives at the vendor for every operation, body and example; what the caller sees
//! of every answer; and that no secret reaches a text. Snapshots are for people, so their text is made by `support`.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use serde_json::Value;

use crate::{
    client::{self, Argument},
    error_body::{self, body_type},
    format, ident,
    literal::{self, Secrets, marked},
    model::{Answer, Model, Operation, Ty},
    progenitor::Progenitor,
};

/// The root of the tests, the same in every crate.
pub const MAIN: &str = include_str!("shapes/main.rs.txt");
/// What the tests share, the same in every crate.
pub const SUPPORT: &str = include_str!("shapes/support.rs.txt");

/// The tests that differ from vendor to vendor.
pub struct Shapes {
    pub requests: String,
    pub responses: String,
    pub secrets: String,
    /// The names of the snapshots, with their folder.
    pub snapshots: Vec<String>,
}

/// The tests of a model.
pub fn shapes(model: &Model, made: &Progenitor) -> Result<Shapes, String> {
    let mut snapshots = Vec::new();
    let requests = requests(model, made, &mut snapshots);
    let responses = responses(model, made, &mut snapshots);
    let secrets = secrets(model, made);
    let source =
        |name: &str, tokens: TokenStream| format::items(model, &format!("the module of tests `{name}`"), tokens);
    Ok(Shapes {
        requests: source("requests", requests)?,
        responses: source("responses", responses)?,
        secrets: source("secrets", secrets)?,
        snapshots,
    })
}

/// A name of a snapshot or a test, and the body that is sent.
struct Case {
    name: String,
    body: Option<Value>,
}

/// Every example of a request, and one for every variant that has none.
fn cases(model: &Model, operation: &Operation) -> Vec<Case> {
    let Some(body) = &operation.body else { return vec![Case { name: operation.id.clone(), body: None }] };
    let named =
        |name: &str, value: &Value| Case { name: format!("{}.{name}", operation.id), body: Some(value.clone()) };
    let mut cases: Vec<Case> = body.examples.iter().map(|example| named(&example.name, &example.value)).collect();
    let branches: Vec<String> = model.branches(&body.component).into_iter().map(str::to_owned).collect();
    for branch in &branches {
        let has_example =
            body.examples.iter().any(|example| literal::branch_of(model, &branches, &example.value) == branch);
        if !has_example {
            let name =
                ident::unique(&ident::snake(branch), |name| body.examples.iter().any(|example| example.name == name));
            cases.push(named(&name, &literal::sample(model, &Ty::Ref(branch.clone()), branch)));
        }
    }
    cases
}

/// The request that stands for an operation: its first example, of the login's own variant where it is the login.
pub fn request_example(model: &Model, operation: &Operation) -> Option<Value> {
    let cases = cases(model, operation);
    let login = model.x_token.as_ref().and_then(|x_token| x_token.login.as_ref());
    let variant =
        login.filter(|login| ident::snake(&login.operation) == operation.id).and_then(|login| login.body.as_ref());
    let branches: Vec<String> = match &operation.body {
        Some(body) => model.branches(&body.component).into_iter().map(str::to_owned).collect(),
        None => Vec::new(),
    };
    let fits = |case: &&Case| match (variant, &case.body) {
        (Some(variant), Some(body)) => literal::branch_of(model, &branches, body) == ident::pascal(variant),
        _ => true,
    };
    cases.iter().find(fits).or(cases.first()).and_then(|case| case.body.clone())
}

/// The call of an operation, without `.await`.
pub fn call(
    model: &Model,
    made: &Progenitor,
    operation: &Operation,
    body: Option<&Value>,
    secrets: Secrets,
) -> TokenStream {
    let method = format_ident!("{}", operation.id);
    let mut inputs: Vec<TokenStream> = client::arguments(operation)
        .iter()
        .map(|argument| {
            let value = argument_value(model, made, argument, secrets);
            match argument.param {
                Some(param) if !param.required => quote!(Some(#value)),
                _ => value,
            }
        })
        .collect();
    if let (Some(of), Some(body)) = (&operation.body, body) {
        // A branch by itself: `into` makes the union of it.
        let branches: Vec<String> = model.branches(&of.component).into_iter().map(str::to_owned).collect();
        let branch = literal::branch_of(model, &branches, body).to_owned();
        inputs.push(literal::expression(model, made, &Ty::Ref(branch), "body", body, secrets));
    }
    quote!(client.#method(#(#inputs),*))
}

fn argument_value(model: &Model, made: &Progenitor, argument: &Argument<'_>, secrets: Secrets) -> TokenStream {
    let Some(param) = argument.param else {
        let text = secret_text(&argument.name, secrets);
        return quote!(&#text.into());
    };
    let sample = param.example.clone().unwrap_or_else(|| literal::sample(model, &param.ty, &param.name));
    match &param.ty {
        Ty::Secret => {
            let text = match secrets {
                Secrets::Example => crate::lower::plain(&sample),
                Secrets::Marked => marked(&param.name),
            };
            quote!(&#text.into())
        }
        Ty::Text | Ty::Any | Ty::Map(_) | Ty::Constant(_) => {
            let text = crate::lower::plain(&sample);
            quote!(#text)
        }
        ty @ (Ty::Integer | Ty::Number | Ty::Boolean) => {
            literal::expression(model, made, ty, &param.name, &sample, secrets)
        }
        Ty::List(item) => {
            let list = Ty::List(item.clone());
            let list = literal::expression(model, made, &list, &param.name, &sample, secrets);
            quote!(&#list)
        }
        ty => {
            let value = literal::expression(model, made, ty, &param.name, &sample, secrets);
            quote!(&#value)
        }
    }
}

fn secret_text(name: &str, secrets: Secrets) -> String {
    match secrets {
        Secrets::Example => format!("example-{}", name.trim_matches('_').replace('_', "-")),
        Secrets::Marked => marked(name),
    }
}

/// `let client = …;`, against `url` where it isn't empty, else against the vendor's first server.
pub fn client_setup(model: &Model, url: TokenStream, secrets: Secrets) -> TokenStream {
    let is_test = !url.is_empty();
    let mut endpoint = match (is_test, client::server_names(model).first()) {
        (false, Some(server)) => {
            let server = format_ident!("{server}");
            quote!(Endpoint::#server())
        }
        (false, None) => quote!(Endpoint::at("https://example.com")),
        (true, _) => quote!(Endpoint::at(#url)),
    };
    for setting in client::settings(model) {
        let setter = format_ident!("{}", setting.name);
        let text = match (setting.is_secret(), secrets) {
            (true, Secrets::Marked) => marked(&setting.name),
            _ => client::example_text(setting.param),
        };
        endpoint = quote!(#endpoint.#setter(#text));
    }
    let credentials = client::credentials(model);
    let fields = credentials.iter().map(|credential| {
        let field = format_ident!("{}", credential.name);
        let text = secret_text(&credential.name, secrets);
        match credential.optional {
            true => quote!(#field: Some(#text.into())),
            false => quote!(#field: #text.into()),
        }
    });
    let given = (!credentials.is_empty()).then(|| quote!(let credentials = Credentials { #(#fields),* };));
    let handed = (!credentials.is_empty()).then(|| quote!(, credentials));
    let unwrap = if is_test { quote!(.expect("a client")) } else { quote!(?) };
    quote!(#given let client = Client::new(#endpoint #handed)#unwrap;)
}

/// The secrets that a request with example values holds.
fn secrets_sent(model: &Model, operation: &Operation, body: Option<&Value>) -> Vec<(String, String)> {
    let mut secrets: Vec<(String, String)> = Vec::new();
    for credential in client::credentials(model) {
        secrets.push((credential.name.clone(), secret_text(&credential.name, Secrets::Example)));
    }
    for setting in client::settings(model).iter().filter(|setting| setting.is_secret()) {
        secrets.push((setting.name.clone(), client::example_text(setting.param)));
    }
    for argument in client::arguments(operation) {
        match argument.param {
            None => secrets.push((argument.name.clone(), secret_text(&argument.name, Secrets::Example))),
            Some(param) if param.ty == Ty::Secret => {
                let sample = param.example.clone().unwrap_or_else(|| literal::sample(model, &param.ty, &param.name));
                secrets.push((param.name.clone(), crate::lower::plain(&sample)));
            }
            Some(_) => {}
        }
    }
    if let (Some(of), Some(body)) = (&operation.body, body) {
        secrets.extend(literal::secrets(model, &Ty::Ref(of.component.clone()), "body", body));
    }
    secrets
}

fn pairs(secrets: &[(String, String)]) -> TokenStream {
    let pairs = secrets.iter().map(|(name, value)| quote!((#name, #value)));
    quote!(&[#(#pairs),*])
}

/// What stands first in each module of tests.
fn imports(model: &Model, used: &str, with_error: bool) -> TokenStream {
    let credentials = (!client::credentials(model).is_empty()).then(|| quote!(, Credentials));
    let lib = format_ident!("{}", model.vendor.lib());
    let types = used.contains("types ::").then(|| quote!(, types));
    let error = with_error.then(|| quote!(, Error));
    quote!(use #lib::{Client #credentials, Endpoint #error #types};)
}

/// The answer that a request is given in a test of its shape.
fn success(model: &Model, operation: &Operation) -> (u16, String, String) {
    let answer = &operation.success;
    let media_type = answer.media_type.clone().unwrap_or_default();
    let body = match (answer.examples.first(), &answer.ty) {
        (Some(example), _) => example.value.to_string(),
        (None, Some(ty)) => sample_success(model, operation, ty).to_string(),
        (None, None) => String::new(),
    };
    (answer.status.sample(), media_type, body)
}

/// An invented success, with all that makes it one: its token, its `ok`, and no `error`.
fn sample_success(model: &Model, operation: &Operation, ty: &Ty) -> Value {
    let mut value = literal::sample(model, ty, "answer");
    let token = model.x_token.as_ref().filter(|_| model.answers_token(operation));
    if let Some(pointer) = token.and_then(|x_token| x_token.response.access_token.as_ref()) {
        value = literal::with_member(model, ty, "answer", value, &pointer.segments(), None);
    }
    let (error, ok) = model.failure_marks(operation);
    if let Some(ok) = ok {
        let wanted = error_body::scalar_json(&ok.is);
        value = literal::with_member(model, ty, "answer", value, &ok.at.segments(), Some(&wanted));
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

    fn take(&mut self, name: &str) -> syn::Ident {
        let name = ident::unique(&ident::snake(name), |taken| self.0.contains(taken));
        self.0.insert(name.clone());
        format_ident!("{name}")
    }
}

fn requests(model: &Model, made: &Progenitor, snapshots: &mut Vec<String>) -> TokenStream {
    let mut names = Names::new();
    let mut tests = Vec::new();
    for operation in &model.operations {
        for case in cases(model, operation) {
            let name = names.take(&case.name);
            let setup = client_setup(model, quote!(server.uri()), Secrets::Example);
            let call = call(model, made, operation, case.body.as_ref(), Secrets::Example);
            let secrets = pairs(&secrets_sent(model, operation, case.body.as_ref()));
            let (status, media_type, body) = success(model, operation);
            let snapshot = &case.name;
            snapshots.push(format!("requests/{snapshot}"));
            tests.push(quote! {
                #[tokio::test]
                async fn #name() {
                    let server = support::server(support::answer((#status, #media_type, #body, &[]))).await;
                    #setup
                    #call.await.expect("an answer");
                    review(#snapshot, &support::request_shape(&server, #secrets).await);
                }
            });
        }
    }
    let tests = quote!(#(#tests)*);
    let imports = imports(model, &tests.to_string(), false);
    let review = review("snapshots/requests");
    quote! {
        #imports

        use crate::support;

        #review
        #tests
    }
}

fn review(folder: &str) -> TokenStream {
    quote! {
        fn review(name: &str, text: &str) {
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path(#folder);
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings.bind(|| insta::assert_snapshot!(name, text));
        }
    }
}

fn responses(model: &Model, made: &Progenitor, snapshots: &mut Vec<String>) -> TokenStream {
    let mut names = Names::new();
    let mut items = Vec::new();
    for operation in &model.operations {
        let request = request_example(model, operation);
        let setup = client_setup(model, quote!(server.uri()), Secrets::Example);
        let call = call(model, made, operation, request.as_ref(), Secrets::Example);
        let asks = names.take(&format!("ask_{}", operation.id));
        let seen = operation.success.ty.as_ref().map_or_else(|| quote!(()), body_type);
        items.push(quote! {
            async fn #asks(server: &MockServer) -> ::std::result::Result<#seen, Error> {
                #setup
                #call.await
            }
        });
        let answers = std::iter::once(&operation.success).chain(&operation.errors);
        for answer in answers {
            for (name, body) in answer_cases(model, operation, answer) {
                let test = names.take(&name.replacen('.', "_answers_", 1).to_lowercase());
                let mut secrets = secrets_sent(model, operation, request.as_ref());
                if let (Some(ty), Some(body)) = (&answer.ty, &body) {
                    secrets.extend(literal::secrets(model, ty, "answer", body));
                }
                let secrets = pairs(&secrets);
                let status = answer.status.sample();
                let media_type = answer.media_type.clone().unwrap_or_default();
                let body = body.map(|body| body.to_string()).unwrap_or_default();
                let headers = answer.headers.iter().map(|(name, value)| quote!((#name, #value)));
                snapshots.push(format!("responses/{name}"));
                items.push(quote! {
                    #[tokio::test]
                    async fn #test() {
                        let answer: support::Answer<'_> = (#status, #media_type, #body, &[#(#headers),*]);
                        let server = support::server(support::answer(answer)).await;
                        let seen = #asks(&server).await;
                        review(#name, &support::answer_shape(&server, answer, #secrets, &seen));
                    }
                });
            }
        }
    }
    let items = quote!(#(#items)*);
    let imports = imports(model, &items.to_string(), true);
    let review = review("snapshots/responses");
    quote! {
        #imports
        use wiremock::MockServer;

        use crate::support;

        #review
        #items
    }
}

/// Every example of an answer, or one that stands for all where the spec has none.
fn answer_cases(model: &Model, operation: &Operation, answer: &Answer) -> Vec<(String, Option<Value>)> {
    let name = format!("{}.{}", operation.id, answer.status.label());
    let mut cases: Vec<(String, Option<Value>)> = answer
        .examples
        .iter()
        .map(|example| (format!("{name}.{}", example.name), Some(example.value.clone())))
        .collect();
    if cases.is_empty() {
        let is_success = answer.status == operation.success.status;
        let sample = |ty: &Ty| match is_success {
            true => sample_success(model, operation, ty),
            false => literal::sample(model, ty, "answer"),
        };
        cases.push((name, answer.ty.as_ref().map(sample)));
    }
    cases
}

fn secrets(model: &Model, made: &Progenitor) -> TokenStream {
    let mut names = Names::new();
    let mut items = Vec::new();
    for operation in &model.operations {
        let of_operation = names.take(&format!("answers_to_{}", operation.id));
        let answers = std::iter::once(&operation.success).chain(&operation.errors).flat_map(|answer| {
            let bodies = answer_cases(model, operation, answer).into_iter().map(|(_, body)| body);
            bodies.map(|body| {
                let marked =
                    answer.ty.as_ref().zip(body).map(|(ty, body)| literal::with_marks(model, ty, "answer", &body));
                let body = marked.map(|body| body.to_string()).unwrap_or_default();
                let (status, media_type) = (answer.status.sample(), answer.media_type.clone().unwrap_or_default());
                quote!((#status, #media_type, #body, &[]))
            })
        });
        items.push(quote! {
            fn #of_operation() -> Vec<ResponseTemplate> {
                let answers: &[support::Answer<'_>] = &[#(#answers),*];
                let answers = answers.iter().copied().map(support::answer);
                answers.chain(support::unusable_answers()).collect()
            }
        });
        for case in cases(model, operation) {
            let name = names.take(&format!("no_text_holds_a_secret_of_{}", case.name));
            let setup = client_setup(model, quote!(url), Secrets::Marked);
            let call = call(model, made, operation, case.body.as_ref(), Secrets::Marked);
            let body_text = operation.body.as_ref().zip(case.body.as_ref()).map(|(of, body)| {
                let branches: Vec<String> = model.branches(&of.component).into_iter().map(str::to_owned).collect();
                let branch = literal::branch_of(model, &branches, body).to_owned();
                let literal = literal::expression(model, made, &Ty::Ref(branch), "body", body, Secrets::Marked);
                quote!(text.push_str(&format!("{:?}", #literal));)
            });
            let texts_of = names.take(&format!("texts_of_{}", case.name));
            items.push(quote! {
                async fn #texts_of(url: &str) -> String {
                    let mut text = String::new();
                    let endpoint = Endpoint::at(url);
                    text.push_str(&format!("{endpoint:?}"));
                    #setup
                    // It holds the credentials.
                    text.push_str(&format!("{client:?}{client:#?}"));
                    text.push_str(&support::texts(&#call.await));
                    text
                }

                #[tokio::test]
                async fn #name() {
                    support::LOG.start();
                    let mut text = String::new();
                    #body_text
                    for answer in #of_operation() {
                        let server = support::server(answer).await;
                        text.push_str(&#texts_of(&server.uri()).await);
                        assert_eq!(server.received_requests().await.unwrap().len(), 1, "sent, and not twice");
                    }
                    text.push_str(&#texts_of(&support::torn_connection()).await);
                    text.push_str(&#texts_of(&support::nobody()).await);
                    text.push_str(&support::LOG.text());
                    assert!(!text.contains(support::MARK), "a text holds a secret:\n{text}");
                }
            });
        }
    }
    let items = quote!(#(#items)*);
    let imports = imports(model, &items.to_string(), false);
    quote! {
        #imports
        use wiremock::ResponseTemplate;

        use crate::support;

        #items
    }
}
