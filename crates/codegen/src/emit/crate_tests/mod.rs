//! The tests of a vendor crate: each request as it arrives at the vendor, and each response with what the caller gets.
//! Everything else is tested once, in `freshtoken-wire`. What the tests of all crates share is in `freshtoken-testing`.

mod cases;

use std::collections::HashSet;

use crate::emit::client;
use crate::emit::crate_tests::cases::{NAME, Request, Returned, Tested};
use crate::emit::errors::body_type;
use crate::emit::examples;
use crate::emit::layout::{Code, statements};
use crate::emit::usage;
use crate::emit::usage::{Server, client_setup};
use crate::ident;
use crate::lower::model::{Model, Response};
use crate::read::x_token::response::AccessToken;

pub use cases::request_example;

/// The files in `tests/shapes`.
pub struct Shapes {
    pub main: String,
    pub requests: String,
    pub responses: String,
    /// The names of the snapshots, with their folder.
    pub snapshots: Vec<String>,
}

/// Returns the tests of a model.
pub fn shapes(model: &Model) -> Shapes {
    let tested: Vec<Tested<'_>> = model.operations.iter().map(|operation| Tested::new(model, operation)).collect();
    let mut snapshots = Vec::new();
    Shapes {
        main: main(model),
        requests: requests(model, &tested, &mut snapshots),
        responses: responses(model, &tested, &mut snapshots),
        snapshots,
    }
}

fn main(model: &Model) -> String {
    let credentials = if client::credentials(model).is_empty() { "" } else { "Credentials, " };
    let (setup, client) = client_setup(model, Server::Url("server.url()"));
    let setup = setup.map_or_else(String::new, |setup| statements(&[setup], 4) + "\n");
    // In the order of rustfmt, which checks this file.
    let client_import = format!("use {}::{{Client, {credentials}Endpoint}};", model.vendor.lib());
    let mut imports = ["use freshtoken_testing::Server;".to_owned(), client_import];
    imports.sort();
    format!(
        "\
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Generated code expresses each thing in one way, which is not always the shortest.
#![allow(clippy::complexity, clippy::style, clippy::useless_vec)]

#[rustfmt::skip]
mod requests;
#[rustfmt::skip]
mod responses;

{imports}

#[rustfmt::skip]
fn client(server: &Server) -> Client {{
{setup}{client}
}}
",
        imports = imports.join("\n"),
        client = client.lines(4, ""),
    )
}

/// Names of functions, each used once.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    fn take(&mut self, name: &str) -> String {
        let name = ident::unique(&ident::snake(name), |taken| self.0.contains(taken));
        self.0.insert(name.clone());
        name
    }
}

fn pairs(pairs: &[(String, String)]) -> Code {
    Code::list("&[", pairs.iter().map(|(name, value)| Code::text(format!("({name:?}, {value:?})"))).collect())
}

/// Returns the start of a test: its server, which returns this response.
fn server(response: &Response, body: &str, headers: &[(String, String)]) -> String {
    let field = |name: &str, value: Code| Code::row([Code::text(format!("{name}: ")), value]);
    let fields = vec![
        field("status", Code::text(response.status.sample().to_string())),
        field("media_type", Code::string(response.media_type.as_deref().unwrap_or_default())),
        field("body", Code::string(body)),
        field("headers", pairs(headers)),
    ];
    let response = Code::row([Code::text("let response = "), Code::braces("Response", fields)]);
    statements(&[response, Code::text("let server = Server::start(response).await")], 4)
}

/// Returns the headers that make a response a success: the one with the access token, if it is there.
fn token_headers(model: &Model, response: &Response) -> Vec<(String, String)> {
    let place = model.x_token.as_ref().and_then(|x_token| x_token.response.access_token.as_ref());
    let Some(name) = place.and_then(AccessToken::header) else { return Vec::new() };
    response.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name)).cloned().collect()
}

fn requests(model: &Model, tested: &[Tested<'_>], snapshots: &mut Vec<String>) -> String {
    let mut names = Names::default();
    let mut tests = String::new();
    for of in tested {
        let success = of.success(model).map(|body| body.to_string()).unwrap_or_default();
        let server = server(&of.operation.success, &success, &token_headers(model, &of.operation.success));
        for Request { name, body } in &of.requests {
            let call = Code::chain([
                Code::text("crate::client(&server)"),
                usage::call(model, of.operation, body.as_ref()),
                Code::text(".await"),
                Code::text(".expect(\"a success\")"),
            ]);
            let secrets = pairs(&usage::secrets(model, of.operation, body.as_ref()));
            snapshots.push(format!("requests/{name}"));
            tests.push_str(&format!(
                "
#[tokio::test]
async fn {test}() {{
{server}
{calls}
    review!(\"requests\", {name:?}, server.request_text(secrets).await);
}}
",
                test = names.take(name),
                calls = statements(&[call, Code::row([Code::text("let secrets = "), secrets])], 4),
            ));
        }
    }
    let lib = model.vendor.lib();
    let types = if tests.contains("types::") { format!("use {lib}::types;\n") } else { String::new() };
    format!("use freshtoken_testing::{{Response, Server, review}};\n{types}{tests}")
}

fn responses(model: &Model, tested: &[Tested<'_>], snapshots: &mut Vec<String>) -> String {
    let mut names = Names::default();
    let mut items = String::new();
    for Tested { operation, responses, .. } in tested.iter().filter(|of| !of.responses.is_empty()) {
        let request = request_example(model, operation);
        let sent = usage::secrets(model, operation, request.as_ref());
        let call = usage::call(model, operation, request.as_ref());
        let call = Code::chain([Code::text("crate::client(server)"), call, Code::text(".await")]);
        let function = names.take(&format!("call_{}", operation.id));
        items.push_str(&format!(
            "
async fn {function}(server: &Server) -> Result<{ty}, Error> {{
{call}
}}
",
            ty = operation.success.ty.as_ref().map_or_else(|| "()".to_owned(), body_type),
            call = call.lines(4, ""),
        ));
        for Returned { name, response, body } in responses {
            let mut secrets = sent.clone();
            if let (Some(ty), Some(body)) = (&response.ty, body) {
                secrets.extend(examples::secrets(model, ty, NAME, body));
            }
            let body = body.as_ref().map(|body| body.to_string()).unwrap_or_default();
            snapshots.push(format!("responses/{name}"));
            items.push_str(&format!(
                "
#[tokio::test]
async fn {test}() {{
{server}
    let result = {function}(&server).await;
{secrets}
    review!(\"responses\", {name:?}, server.response_text(&result, secrets).await);
}}
",
                test = names.take(&name.replacen('.', "_returns_", 1).to_lowercase()),
                server = server(response, &body, &response.headers),
                secrets = statements(&[Code::row([Code::text("let secrets = "), pairs(&secrets)])], 4),
            ));
        }
    }
    let types = if items.contains("types::") { ", types" } else { "" };
    let lib = model.vendor.lib();
    format!("use freshtoken_testing::{{Response, Server, review}};\nuse {lib}::{{Error{types}}};\n{items}")
}
