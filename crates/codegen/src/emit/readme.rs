//! The README of a vendor crate, with an example that is compiled as a doctest.

use crate::docs;
use crate::emit::client;
use crate::emit::crate_tests;
use crate::emit::header::mark;
use crate::emit::layout::{Code, statements};
use crate::emit::settings;
use crate::emit::settings::arguments;
use crate::emit::types::or;
use crate::emit::usage;
use crate::emit::usage::{Server, client_setup};
use crate::ident;
use crate::lower::model::{Model, Response, Shape, Ty};
use crate::repository::target::Target;

/// Returns the README of a model's crate.
pub fn source(model: &Model, target: &Target) -> String {
    let package = model.vendor.package();
    let folder = target.folders.of_crate(model.vendor.ident());
    let path = if target.is_home() { format!("../freshtoken/{folder}") } else { folder };
    let tokens = if model.operations.iter().any(|operation| model.returns_token(operation)) { TOKENS } else { "" };
    format!(
        r#"<!-- {mark} -->

# {package}

A typed client of “{title}”, generated from [`{file}`]({up}{file}).

{description}

## Use

```toml
[dependencies]
{package} = {{ path = "{path}" }} # or git = "<URL of this repository>"
tokio = {{ version = "1", features = ["macros", "rt"] }}
```

```rust,no_run
{example}```
{ERRORS}{tokens}
## Servers

| server | base URL | |
| --- | --- | --- |
{servers}
For another base URL, use `Endpoint::at("https://…")?`. To send the requests with your own HTTP client, use
`endpoint.http_client(client)`.

## Operations

| operation | request | |
| --- | --- | --- |
{operations}
{facade}{features}"#,
        mark = mark(model, target),
        title = or(&model.title, &package),
        file = model.file,
        description = docs::lines(&model.description).join("\n"),
        up = target.folders.up(),
        path = path,
        example = example(model),
        servers = servers(model),
        operations = operations(model),
        facade = facade(model, target),
        features = FEATURES.replace("SOURCE", if target.has_source(model) { SOURCE } else { "" }),
    )
}

/// What an error contains.
const ERRORS: &str = "
An error contains whatever the vendor's response contains:

- `status()`, `code()`, `message()` and `request_id()`
- `body()`: the typed body, if the response matches the spec
- `retry_after()`: how long to wait before the next attempt
- `is_transient()`: whether the same request can succeed later. Never send a single-use refresh token again, even then.

No secret is printed: not by `Debug`, not in an error, and not in a log line.
";

/// What the README says about responses with tokens.
const TOKENS: &str = "
A response must match the spec: a field that does not is an error with the kind `Body`. If such a response contains an
access token, the error contains the tokens: `tokens()`.
";

const FEATURES: &str = "## Features

- `rustls` (default): TLS by rustls
- `native-tls`: TLS by the platform
SOURCE
Without both, only plain HTTP to loopback and your own HTTP client work.

## Licence

MIT OR Apache-2.0. This crate links progenitor-client, which is licensed under MPL-2.0.
";

fn servers(model: &Model) -> String {
    let settings = settings::settings(model);
    let rows = model.servers.iter().map(|server| {
        let inputs = arguments(&settings, server).into_iter();
        let inputs = inputs.map(|setting| setting.name.as_str()).collect::<Vec<_>>().join(", ");
        let docs = cell(&docs::first_sentence(&server.docs));
        format!("| `Endpoint::{}({inputs})` | `{}` | {docs} |\n", server.name, server.url)
    });
    rows.collect()
}

fn operations(model: &Model) -> String {
    let rows = model.operations.iter().map(|operation| {
        let summary = cell(&docs::first_sentence(&or(&operation.summary, &operation.description)));
        format!("| `{}` | `{} {}` | {summary} |\n", operation.id, operation.method, operation.path)
    });
    rows.collect()
}

/// Returns the text in a form that fits into a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The feature of the adapter.
const SOURCE: &str = "- `source` (default): the module `source`, for `freshtoken`\n";

fn facade(model: &Model, target: &Target) -> String {
    if model.x_token.is_none() {
        return String::new();
    }
    if target.has_source(model) {
        return OWN_SOURCE.to_owned();
    }
    format!(
        "## Fresh tokens\n\nThis crate sends requests and caches nothing. For a token that is always fresh, use\n\
         [`freshtoken`](../freshtoken/README.md) with the feature `{}`.\n\n",
        model.vendor.ident()
    )
}

/// What the README says about the adapter, if the crate has it.
const OWN_SOURCE: &str = "\
## Fresh tokens

This client sends requests and caches nothing. For a token that is always fresh, use the module `source` with the crate
`freshtoken`: pass its `Endpoint` and its `Credentials` to `freshtoken::TokenSource::new`. The documentation of the module has
an example.

";

/// Returns a program that calls the login, or else the first operation.
fn example(model: &Model) -> String {
    let login = model.x_token.as_ref().and_then(|x_token| x_token.login.as_ref());
    let login = login.and_then(|login| model.operation(&ident::snake(&login.operation)));
    let Some(operation) = login.or_else(|| model.operations.first()) else { return String::new() };
    let lib = model.vendor.lib();
    let (credentials, client) = client_setup(model, Server::First);
    let body = crate_tests::request_example(model, operation);
    let call = usage::call(model, operation, body.as_ref());
    let call = Code::chain([Code::text("client"), call, Code::text(".await?")]);
    let mut main = Vec::from_iter(credentials);
    main.push(Code::row([Code::text("let client = "), client]));
    main.push(Code::row([Code::text("let response = "), call]));
    main.push(Code::text(show(model, &operation.success)));
    let main = statements(&main, 4).replace("::freshtoken_wire::", &format!("{lib}::"));
    let credentials = if client::credentials(model).is_empty() { "" } else { "Credentials, " };
    let types = if main.contains("types::") { ", types" } else { "" };
    format!(
        "\
use {lib}::{{Client, {credentials}Endpoint{types}}};

#[tokio::main(flavor = \"current_thread\")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {{
{main}
    Ok(())
}}
"
    )
}

/// Returns the last statement of the example, which prints only what can't be a secret.
fn show(model: &Model, success: &Response) -> &'static str {
    let is_printable = matches!(&success.ty, Some(Ty::Ref(name)) if matches!(
        model.components.get(name).map(|component| &component.shape), Some(Shape::Struct(_) | Shape::Union(_))));
    if is_printable { r#"println!("{response:#?}")"# } else { "let _ = response" }
}
