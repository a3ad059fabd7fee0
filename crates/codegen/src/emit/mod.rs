//! Emit, the last of the four stages: a model as the files of a vendor's crate, and the facade's adapter.
//!
//! Each module emits one part from the [`Model`] alone, and none reads the spec. This one puts the crate together.

pub mod adapter;
pub mod client;
mod crate_tests;
mod errors;
mod examples;
pub mod header;
mod layout;
pub mod operations;
pub mod settings;
pub mod token_response;
mod types;

use std::collections::BTreeMap;

use crate::docs;
use crate::emit::crate_tests::Shapes;
use crate::emit::examples::Secrets;
use crate::emit::header::mark;
use crate::emit::layout::{Code, statements};
use crate::emit::settings::arguments;
use crate::emit::types::or;
use crate::lower::model::{Answer, Model, Shape, Ty};

/// Files by their path below the repository.
pub type Files = BTreeMap<String, String>;

/// The crate of a model, and the snapshots that its tests take.
pub struct Package {
    pub files: Files,
    /// Paths of the snapshots that people review; none is written here.
    pub snapshots: Vec<String>,
    /// The facade's module of the vendor.
    pub adapter: Option<String>,
}

/// The crate of a model. What needs nothing of progenitor's is made beside it.
pub fn package(model: &Model) -> Result<Package, String> {
    let client = || {
        let made = operations::run(model)?;
        Ok::<_, String>((client::source(model, &made)?, made.operations))
    };
    let (client, others) = rayon::join(client, || Others::of(model));
    let ((client, operations), others) = (client?, others?);
    let Shapes { requests, responses, secrets, snapshots } = others.shapes;
    let sources = [
        ("src/client.rs", "The client: where it goes, what it authenticates with, one method per operation.", client),
        ("src/error.rs", "Why a call failed: the vendor's error bodies and what its codes mean.", others.errors),
        (
            "src/progenitor.rs",
            "Progenitor's operations, sent by `Call`. They are private: `client` is what a user sees of them.",
            operations,
        ),
        ("src/types.rs", "The bodies of requests and answers.", others.types),
        (
            "tests/shapes/main.rs",
            "The shapes of requests and answers, under review: `snapshots/` is what people read.",
            crate_tests::MAIN.to_owned(),
        ),
        ("tests/shapes/requests.rs", "Every request, as it arrives at the vendor.", requests),
        ("tests/shapes/responses.rs", "Every answer, as the caller sees it.", responses),
        ("tests/shapes/secrets.rs", "No secret reaches any text.", secrets),
        (
            "tests/shapes/support.rs",
            "What the tests share: a server on loopback, and requests and answers as text.",
            crate_tests::SUPPORT.to_owned(),
        ),
    ];
    let root = root(model);
    let mut files: Files =
        sources.map(|(path, docs, source)| (format!("{root}/{path}"), rust(model, docs, &source))).into();
    files.insert(format!("{root}/Cargo.toml"), manifest(model));
    files.insert(format!("{root}/README.md"), others.readme);
    files.insert(format!("{root}/src/lib.rs"), library(model));
    let snapshots = snapshots.iter().map(|name| format!("{root}/tests/shapes/snapshots/{name}.snap")).collect();
    Ok(Package { files, snapshots, adapter: others.adapter })
}

/// What needs nothing of progenitor's.
struct Others {
    types: String,
    errors: String,
    shapes: Shapes,
    readme: String,
    adapter: Option<String>,
}

impl Others {
    fn of(model: &Model) -> Result<Self, String> {
        Ok(Self {
            types: types::source(model),
            errors: errors::source(model),
            shapes: crate_tests::shapes(model),
            readme: readme(model),
            adapter: adapter::source(model)?,
        })
    }
}

/// The folder of a model's crate.
pub fn root(model: &Model) -> String {
    format!("crates/{}", model.vendor.ident())
}

fn rust(model: &Model, docs: &str, source: &str) -> String {
    format!("// {}\n\n//! {docs}\n\n{source}", mark(model))
}

fn manifest(model: &Model) -> String {
    let description = docs::first_sentence(&format!("A typed client of “{}”", model.title)).replace(['"', '\\'], "'");
    format!(
        r#"# {mark}

[package]
name = "{package}"
description = "{description}"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
readme = "README.md"
keywords = ["oauth2", "token", "sdk"]
categories = ["api-bindings", "authentication"]

[package.metadata.docs.rs]
all-features = true
rustdoc-args = ["--cfg", "docsrs"]

[features]
default = ["rustls"]
# TLS from rustls, with the platform's roots.
rustls = ["freshtoken-wire/rustls"]
# TLS from the platform.
native-tls = ["freshtoken-wire/native-tls"]

[dependencies]
freshtoken-wire = {{ workspace = true, features = ["client"] }}
progenitor-client.workspace = true
reqwest.workspace = true
serde.workspace = true
serde_json.workspace = true

[dev-dependencies]
base64.workspace = true
insta.workspace = true
log.workspace = true
# In the snapshots a body's members stand in the order in which they were sent.
serde_json = {{ workspace = true, features = ["preserve_order"] }}
tokio = {{ workspace = true, features = ["macros", "rt"] }}
wiremock.workspace = true

[lints]
workspace = true
"#,
        mark = mark(model),
        package = model.vendor.package(),
    )
}

fn library(model: &Model) -> String {
    let credentials = if client::credentials(model).is_empty() { "" } else { "Credentials, " };
    format!(
        r#"// {mark}

#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
// Generated code has one way to say a thing, not the shortest each time.
#![allow(clippy::complexity, clippy::style)]
// Names are the vendor's.
#![allow(non_snake_case, non_camel_case_types)]
// Descriptions are the vendor's business, and not always good Markdown.
#![allow(rustdoc::invalid_html_tags, rustdoc::bare_urls, rustdoc::broken_intra_doc_links)]

#[rustfmt::skip]
mod client;
#[rustfmt::skip]
mod error;
#[rustfmt::skip]
mod progenitor;
#[rustfmt::skip]
pub mod types;

pub use client::{{Client, {credentials}Endpoint}};
pub use error::{{Error, ErrorBody}};
pub use freshtoken_wire::{{
    BodyProblem, ErrorClass, ErrorKind, Secret, Timestamp, TimestampError, Tokens, http_client_builder,
}};
pub use freshtoken_wire::{{CommaDelimited, ListError, PipeDelimited, SpaceDelimited}};
"#,
        mark = mark(model),
    )
}

fn readme(model: &Model) -> String {
    let vendor = model.vendor.package();
    let description = docs::lines(&model.description).join("\n");
    let settings = settings::settings(model);
    let servers: String = model
        .servers
        .iter()
        .map(|server| {
            let asked = arguments(&settings, server).into_iter();
            let asked = asked.map(|setting| setting.name.as_str()).collect::<Vec<_>>().join(", ");
            let docs = cell(&docs::first_sentence(&server.docs));
            format!("| `Endpoint::{}({asked})` | `{}` | {docs} |\n", server.name, server.url)
        })
        .collect();
    let operations: String = model
        .operations
        .iter()
        .map(|operation| {
            let summary = cell(&docs::first_sentence(&or(&operation.summary, &operation.description)));
            format!("| `{}` | `{} {}` | {summary} |\n", operation.id, operation.method, operation.path)
        })
        .collect();
    let example = example(model);
    format!(
        r#"<!-- {mark} -->

# {vendor}

A typed client of “{title}”, generated from [`{file}`](../../{file}).

{description}

## Use

```toml
[dependencies]
{vendor} = {{ path = "../freshtoken/crates/{folder}" }} # or git = "<URL of this repository>"
tokio = {{ version = "1", features = ["macros", "rt"] }}
```

```rust,no_run
{example}```

A failure has the vendor's status, its typed body where it parsed (`body()`), its code (`code()`), when to try again
(`retry_after()`), the request's id (`request_id()`), and whether it may pass by itself (`is_transient()`; a refresh token
that works once is never to be sent again all the same). No secret is in any text: not in `Debug`, not in an error, not in
a log line.
{tokens}
| server | base URL | |
| --- | --- | --- |
{servers}
Another base URL: `Endpoint::at("https://…")?`. An HTTP client of your own: `endpoint.http_client(client)`.

| operation | request | |
| --- | --- | --- |
{operations}
{facade}## Features

`rustls` (default): TLS with rustls. `native-tls`: TLS of the platform. Neither: plain HTTP to loopback, or an HTTP client
of your own.

## Licence

MIT OR Apache-2.0. It links progenitor-client, which is under MPL-2.0.
"#,
        mark = mark(model),
        title = or(&model.title, &vendor),
        folder = model.vendor.ident(),
        file = model.file,
        tokens = match model.operations.iter().any(|operation| model.answers_token(operation)) {
            true => TOKENS,
            false => "",
        },
        facade = match adapter::credentials::has_adapter(model.x_token.as_ref()) {
            true => format!(
                "To have its tokens kept fresh, depend on [`freshtoken`](../freshtoken/README.md) with the feature `{}` \
                 instead.\n\n",
                model.vendor.ident()
            ),
            false => String::new(),
        },
    )
}

/// What the README says of responses with tokens.
const TOKENS: &str = "
Responses are typed strictly: a field that doesn't match the spec is an error with the kind `Body`. Where such a response
has an access token all the same, the error holds the tokens: `tokens()`.
";

/// The program in the README, which is compiled as a doctest.
fn example(model: &Model) -> String {
    let login = model.x_token.as_ref().and_then(|x_token| x_token.login.as_ref());
    let login = login.and_then(|login| model.operation(&crate::ident::snake(&login.operation)));
    let Some(operation) = login.or_else(|| model.operations.first()) else { return String::new() };
    let lib = model.vendor.lib();
    let mut main = crate_tests::client_setup(model, None, Secrets::Example);
    let body = crate_tests::request_example(model, operation);
    let call = crate_tests::call(model, operation, body.as_ref(), Secrets::Example);
    let call = Code::chain([Code::text("client"), call, Code::text(".await?")]);
    main.push(Code::row([Code::text("let answer = "), call]));
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

/// What the example prints: something that is no secret.
fn show(model: &Model, success: &Answer) -> &'static str {
    let is_printable = matches!(&success.ty, Some(Ty::Ref(name)) if matches!(
        model.components.get(name).map(|component| &component.shape), Some(Shape::Struct(_) | Shape::Union(_))));
    match is_printable {
        true => r#"println!("{answer:#?}")"#,
        false => "let _ = answer",
    }
}

/// A text in a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::header::MARK;
    use crate::lower::lower;
    use crate::new;
    use crate::read::spec::Spec;
    use crate::read::x_token::XToken;
    use crate::vendor::Vendor;

    fn acme() -> Package {
        let fragment = new::fragment(&Vendor::from_file("specs/acme.yaml").unwrap());
        let spec = Spec::parse("specs/acme.yaml", &fragment).unwrap();
        let x_token = XToken::from_document(&spec).unwrap();
        package(&lower(&spec, x_token)).unwrap()
    }

    #[test]
    fn every_file_says_on_its_first_line_what_it_is_generated_from() {
        let package = acme();
        assert_eq!(package.files.len(), 12);
        for (path, text) in &package.files {
            let first = text.lines().next().unwrap();
            assert!(first.contains(MARK) && first.contains("specs/acme.yaml"), "{path}: {first}");
        }
    }

    #[test]
    fn every_request_and_every_answer_has_a_snapshot() {
        let names: Vec<String> =
            acme().snapshots.iter().map(|path| path.rsplit("snapshots/").next().unwrap().to_owned()).collect();
        let wanted = [
            "requests/create_token.example",
            "responses/create_token.200.example",
            "responses/create_token.400.example",
        ];
        assert_eq!(names, wanted.map(|name| format!("{name}.snap")));
    }

    #[test]
    fn the_readme_shows_the_login_with_named_fields_and_without_its_constants() {
        let readme = &acme().files["crates/acme/README.md"];
        assert!(readme.contains("client_secret: \"example-secret\".into(),"), "{readme}");
        assert!(!readme.contains("grant_type:"), "{readme}");
    }
}
