//! The public part of a vendor crate: `Client`, `Endpoint`, `Credentials`, and one method per operation. They wrap
//! progenitor's operations: see `operations`.

mod arguments;
mod credentials;
mod endpoint;
mod method_docs;
mod methods;

use crate::docs;
use crate::emit::errors;
use crate::emit::layout::{signature, statements};
use crate::emit::operations::Progenitor;
use crate::emit::settings::settings;
use crate::lower::model::Model;

pub use arguments::{Argument, arguments};
pub use credentials::{Credential, credentials, scheme_credentials};
pub use endpoint::url_setter_name;
pub use methods::outcome_name;

/// Returns the module of the client.
pub fn source(model: &Model, made: &Progenitor) -> Result<String, String> {
    let credentials = credentials(model);
    let bodies = errors::bodies(model);
    let methods: Result<String, String> = model
        .operations
        .iter()
        .map(|operation| methods::method(model, made, operation, &credentials, &bodies))
        .collect();
    let statics = model.spec_operations().map(|operation| methods::operation_static(model, operation));
    let client_docs = format!(
        "A client of “{}”, with one method per operation.\n\nIt is cheap to clone. Clones share the HTTP client.",
        model.title
    );
    Ok(format!(
        "\
use ::freshtoken_wire::{{Call, Http, Operation, Target}};
#[allow(unused_imports)]
use ::freshtoken_wire::{{Outcome, Secret, tokens}};
use ::reqwest::header::HeaderValue;
#[allow(unused_imports)]
use crate::{{
    error::{{Error, ErrorBody}},
    progenitor, types,
}};

const USER_AGENT: &str = concat!(env!(\"CARGO_PKG_NAME\"), \"/\", env!(\"CARGO_PKG_VERSION\"));
{statics}
{endpoint}{credentials_type}
{client_docs}{client}
{methods}}}
",
        statics = statics.collect::<String>(),
        endpoint = endpoint::source(model),
        credentials_type = credentials::source(model, &credentials),
        client_docs = docs::comment(&client_docs, ""),
        client = client(model, &credentials),
        methods = methods?,
    ))
}

/// Returns the struct `Client`, and its `impl` up to the methods of the operations.
fn client(model: &Model, credentials: &[Credential]) -> String {
    let settings = settings(model);
    // The base URL contains the others.
    let has_settings = settings.iter().any(|setting| setting.param.is_some());
    let has_credentials = !credentials.is_empty();
    let keeps = if has_credentials { CREDENTIALS } else { "" };
    let missing = if settings.is_empty() { "" } else { ", or if a setting of the endpoint is missing" };
    let new_docs = format!(
        "Creates a client for an endpoint. It sends no request.{keeps}\n\n# Errors\n\nReturns an error if no secret may \
         be sent to the base URL of the endpoint{missing}."
    );
    let others: Vec<_> = model.on_other_hosts().collect();
    let targets: Vec<_> = others.iter().map(|operation| endpoint::target(operation, &settings)).collect();
    let taken = others.iter().map(|operation| format!(", {}", endpoint::target_field(operation)));
    let taken: String = taken.chain(has_settings.then(|| ", settings: endpoint.settings".to_owned())).collect();
    let mut inputs = vec!["endpoint: Endpoint".to_owned()];
    inputs.extend(has_credentials.then(|| "credentials: Credentials".to_owned()));
    format!(
        "\
#[derive(Clone, Debug)]
pub struct Client {{
    target: Target,
{other_fields}{held}{fields}}}

impl Client {{
{new_docs}{new}
        let target = Target::new(&base_url(&endpoint)?, &endpoint.http)?;
{targets}        Ok(Self {{ target{given}{taken} }})
    }}",
        held = if has_credentials { "    credentials: Credentials,\n" } else { "" },
        fields = if has_settings { "    settings: Settings,\n" } else { "" },
        new_docs = docs::comment(&new_docs, "    "),
        new = signature(4, "pub fn new", inputs, "Result<Self, Error>"),
        given = if has_credentials { ", credentials" } else { "" },
        other_fields = others
            .iter()
            .map(|operation| format!("    {}: Target,\n", endpoint::target_field(operation)))
            .collect::<String>(),
        targets = if targets.is_empty() { String::new() } else { statements(&targets, 8) + "\n" },
    )
}

const CREDENTIALS: &str = "\n\nThe client keeps the credentials until it is dropped, and then wipes them from memory.";
