//! Emit, the last of the four stages: from a model to the files of a vendor's crate and to the facade's adapter.
//!
//! Each module emits one part from the [`Model`], and none reads the spec. This one assembles the crate.

pub mod adapter;
pub mod client;
mod crate_tests;
mod errors;
mod examples;
pub mod header;
mod layout;
pub mod manifest;
pub mod operations;
mod readme;
pub mod settings;
pub mod token_response;
mod types;
mod usage;

use std::collections::BTreeMap;

use crate::emit::crate_tests::Shapes;
use crate::emit::header::mark;
use crate::lower::model::Model;
use crate::repository::target::{AdapterPlace, Target};

/// Files by their path in the repository.
pub type Files = BTreeMap<String, String>;

/// The crate of a model, and the snapshots of its tests.
pub struct Package {
    pub files: Files,
    /// The paths of the snapshots, which the tests write.
    pub snapshots: Vec<String>,
    /// The vendor's module of the facade, unless the adapter is in the crate.
    pub adapter: Option<String>,
}

/// Returns the crate of a model. The files that do not depend on progenitor are emitted while it runs.
pub fn package(model: &Model, target: &Target) -> Result<Package, String> {
    let client = || {
        let made = operations::run(model)?;
        Ok::<_, String>((client::source(model, &made)?, made.operations))
    };
    let (client, others) = rayon::join(client, || Others::of(model, target));
    let ((client, operations), others) = (client?, others?);
    let Shapes { main, requests, responses, snapshots } = others.shapes;
    let sources = [
        ("src/client.rs", "The client: its endpoint, its credentials, and one method per operation.", client),
        ("src/error.rs", "The errors: the vendor's error bodies, and what its codes mean.", others.errors),
        (
            "src/progenitor.rs",
            "The operations that progenitor generates, sent by `Call`. They are private: users call the methods of `client`.",
            operations,
        ),
        ("src/types.rs", "The bodies of requests and responses.", others.types),
        (
            "tests/shapes/main.rs",
            "Every request and every response of the spec. Review the snapshots in `snapshots/`.",
            main,
        ),
        ("tests/shapes/requests.rs", "Every request, as it arrives at the vendor.", requests),
        ("tests/shapes/responses.rs", "Every response, and what the caller gets.", responses),
    ];
    let root = target.folders.of_crate(model.vendor.ident());
    let mut files: Files =
        sources.map(|(path, docs, source)| (format!("{root}/{path}"), rust(model, target, docs, &source))).into();
    files.insert(format!("{root}/Cargo.toml"), manifest::source(model, target));
    files.insert(format!("{root}/README.md"), others.readme);
    files.insert(format!("{root}/src/lib.rs"), library(model, target));
    let mut adapter = others.adapter;
    if target.adapter == AdapterPlace::Crate {
        files.extend(adapter.take().map(|source| (format!("{root}/src/source.rs"), source)));
    }
    let snapshots = snapshots.iter().map(|name| format!("{root}/tests/shapes/snapshots/{name}.snap")).collect();
    Ok(Package { files, snapshots, adapter })
}

/// The parts that do not depend on progenitor.
struct Others {
    types: String,
    errors: String,
    shapes: Shapes,
    readme: String,
    adapter: Option<String>,
}

impl Others {
    fn of(model: &Model, target: &Target) -> Result<Self, String> {
        Ok(Self {
            types: types::source(model),
            errors: errors::source(model),
            shapes: crate_tests::shapes(model),
            readme: readme::source(model, target),
            adapter: adapter::source(model, target)?,
        })
    }
}

fn rust(model: &Model, target: &Target, docs: &str, source: &str) -> String {
    format!("// {}\n\n//! {docs}\n\n{source}", mark(model, target))
}

fn library(model: &Model, target: &Target) -> String {
    let source = if target.has_source(model) { SOURCE } else { "" };
    let credentials = if client::credentials(model).is_empty() { "" } else { "Credentials, " };
    format!(
        r#"// {mark}

#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
// Generated code expresses each thing in one way, which is not always the shortest.
#![allow(clippy::complexity, clippy::style)]
// The vendor chose the names.
#![allow(non_snake_case, non_camel_case_types)]
// The vendor wrote the descriptions, which are not always valid Markdown.
#![allow(rustdoc::invalid_html_tags, rustdoc::bare_urls, rustdoc::broken_intra_doc_links)]

#[rustfmt::skip]
mod client;
#[rustfmt::skip]
mod error;
#[rustfmt::skip]
mod progenitor;
{source}#[rustfmt::skip]
pub mod types;

pub use client::{{Client, {credentials}Endpoint}};
pub use error::{{Error, ErrorBody}};
pub use freshtoken_wire::{{
    BodyProblem, ErrorClass, ErrorKind, Secret, Timestamp, TimestampError, Tokens, http_client_builder,
}};
pub use freshtoken_wire::{{CommaDelimited, ListError, PipeDelimited, SpaceDelimited}};
"#,
        mark = mark(model, target),
    )
}

/// The module of the adapter, in a crate that has it.
const SOURCE: &str = "#[cfg(feature = \"source\")]\n#[rustfmt::skip]\npub mod source;\n";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::emit::header::MARK;
    use crate::lower::lower;
    use crate::new;
    use crate::read::spec::Spec;
    use crate::read::x_token::XToken;
    use crate::vendor::Vendor;

    fn acme() -> Package {
        let fragment = new::fragment(&Vendor::from_file("specs/acme.yaml").unwrap(), new::Like::default());
        let spec = Spec::parse("specs/acme.yaml", &fragment).unwrap();
        let x_token = XToken::from_document(&spec).unwrap();
        package(&lower(&spec, x_token), &Target::default()).unwrap()
    }

    #[test]
    fn the_first_line_of_every_file_names_the_spec() {
        let package = acme();
        assert_eq!(package.files.len(), 10);
        for (path, text) in &package.files {
            let first = text.lines().next().unwrap();
            assert!(first.contains(MARK) && first.contains("specs/acme.yaml"), "{path}: {first}");
        }
    }

    #[test]
    fn every_request_and_every_response_has_a_snapshot() {
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
    /// Has a secret wherever a spec can have one. The name of each begins with `secret_`.
    const SECRETS: &str = r##"
openapi: 3.0.3
info: { title: Acme, version: "1" }
servers: [{ url: "https://acme.example" }]
security: [{ secret_key: [], secret_query: [], secret_bearer: [] }]
x-token: { login: { operation: log_in, security: secret_key }, response: { access-token: /secret_token } }
paths:
  /{secret_shop}/in:
    post:
      operationId: log_in
      summary: Log in.
      security: [{ secret_key: [] }]
      parameters: [{ name: secret_shop, in: path, required: true, schema: { $ref: "#/components/schemas/Secret" } }]
      requestBody: { required: true, content: { application/json: { schema: { $ref: "#/components/schemas/Body" } } } }
      responses:
        "200": { description: A token., content: { application/json: { schema: { $ref: "#/components/schemas/Body" } } } }
  /{secret_path}/out:
    post:
      operationId: log_out
      summary: Log out.
      parameters:
        - { name: secret_path, in: path, required: true, schema: { $ref: "#/components/schemas/Secret" } }
        - { name: secret_optional, in: query, schema: { $ref: "#/components/schemas/Secret" } }
        - { name: secret_header, in: header, schema: { $ref: "#/components/schemas/Secret" } }
      responses: { "204": { description: Done. } }
components:
  securitySchemes:
    secret_key: { type: apiKey, in: header, name: x-key }
    secret_query: { type: apiKey, in: query, name: key }
    secret_bearer: { type: http, scheme: bearer }
  schemas:
    Secret: { type: string, format: password }
    Body:
      type: object
      properties:
        secret_token: { $ref: "#/components/schemas/Secret" }
        secret_list: { type: array, items: { $ref: "#/components/schemas/Secret" } }
        secret_map: { type: object, additionalProperties: { $ref: "#/components/schemas/Secret" } }
"##;

    #[test]
    fn every_secret_of_a_spec_has_the_type_secret() {
        let spec = Spec::parse("specs/acme.yaml", SECRETS).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let x_token = XToken::from_document(&spec).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let files = package(&lower(&spec, x_token), &Target::default()).unwrap().files;
        let mut names = BTreeSet::new();
        for text in [&files["crates/acme/src/client.rs"], &files["crates/acme/src/types.rs"]] {
            for declared in text.split("secret_").skip(1) {
                let Some((name, rest)) = declared.split_once(": ") else { continue };
                let ty = rest.lines().next().unwrap_or_default();
                // Otherwise it is docs, or the value of a field.
                if name.chars().all(|letter| letter.is_ascii_lowercase()) && !ty.starts_with('"') {
                    assert!(ty.contains("Secret"), "secret_{name}: {ty}");
                    names.insert(name.to_owned());
                }
            }
        }
        let wanted = ["bearer", "header", "key", "list", "map", "optional", "path", "query", "shop", "token"];
        assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
    }
}
