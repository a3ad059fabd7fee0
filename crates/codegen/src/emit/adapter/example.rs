//! The docs of an adapter, with an example that is compiled as a doctest.

use indexmap::IndexMap;
use serde_json::Value;

use crate::docs;
use crate::emit::adapter::credentials::Credential;
use crate::emit::adapter::sent::{is_credential, nested};
use crate::emit::adapter::view::Adapter;
use crate::emit::crate_tests;
use crate::emit::examples;
use crate::emit::layout::{Code, statements};
use crate::emit::settings::{Setting, constructor, settings};
use crate::emit::types::or;
use crate::ident;
use crate::lower::model::{Model, Ty};
use crate::repository::target::AdapterPlace;

impl Adapter<'_> {
    /// Returns the docs of the module.
    pub fn docs(&self) -> String {
        let title = or(&self.model.title, self.model.vendor.stem());
        let consent = match self.x_token.login {
            Some(_) => "",
            None if self.x_token.starts_from_token() => {
                "\n\nA user makes a token at the vendor, and a token source starts with it."
            }
            None => "\n\nA user must consent first: a token source starts with the refresh token of that consent.",
        };
        let example = self.example();
        let text = docs::lines(&format!(
            "Fresh tokens of “{title}”. {client} is the typed client that gets them.{consent}",
            client = match self.target.adapter {
                AdapterPlace::Facade => format!("[`{lib}`](::{lib})", lib = self.model.vendor.lib()),
                AdapterPlace::Crate => "[`Client`](crate::Client)".to_owned(),
            }
        ));
        format!("{}\n\n```rust,no_run\n{example}```", text.join("\n"))
    }

    /// Returns a program that gets a header with a fresh token.
    fn example(&self) -> String {
        let module = self.model.vendor.ident();
        let body = statements(
            &[
                Code::row([Code::text("let credentials = "), self.example_credentials()]),
                Code::row([Code::text("let tokens = "), self.example_source()]),
                Code::text("let header = tokens.header().await?"),
            ],
            0,
        );
        let body = body
            .replace("::freshtoken_wire::", "freshtoken::")
            .replace(" types::", &format!(" {module}::types::"))
            .replace("[types::", &format!("[{module}::types::"))
            .replace("(types::", &format!("({module}::types::"));
        let issued = if self.x_token.starts_from_token() { "IssuedTokens, " } else { "" };
        let imports = match self.target.adapter {
            AdapterPlace::Facade => format!("use freshtoken::{{{issued}TokenSource, {module}}};"),
            AdapterPlace::Crate => {
                let lib = self.model.vendor.lib();
                format!("use freshtoken::{{{issued}TokenSource}};\nuse {lib}::source as {module};")
                    .replace("{TokenSource}", "TokenSource")
            }
        };
        format!(
            "# async fn example() -> Result<(), Box<dyn std::error::Error>> {{\n{imports}\n\n\
             {body}\n# let _ = header;\n# Ok(())\n# }}\n"
        )
    }

    /// Returns the credentials of the example.
    fn example_credentials(&self) -> Code {
        let mut values: IndexMap<String, Value> = IndexMap::new();
        if let Some(grant) = self.grants.first() {
            let body = crate_tests::request_example(self.model, grant.operation);
            if let (Some(component), Some(body)) = (grant.body, &body) {
                example_values(self.model, component, "", body, &mut vec![component.to_owned()], &mut values);
            }
            for param in &grant.operation.params {
                let example = param.example.clone().filter(|_| is_credential(grant, param));
                values.extend(example.map(|value| (param.field(), value)));
            }
        }
        let field = |(name, credential): (&String, &Credential)| {
            let sample = || examples::sample(self.model, &credential.ty, name);
            let value = match &credential.ty {
                _ if credential.optional => Code::text("None"),
                Ty::Any => Code::text("Default::default()"),
                ty => {
                    let value = values.get(name).cloned().unwrap_or_else(sample);
                    examples::expression(self.model, ty, name, &value)
                }
            };
            Code::row([Code::text(format!("{name}: ")), value])
        };
        let module = self.model.vendor.ident();
        let (own, shared): (Vec<_>, Vec<_>) =
            self.credentials.iter().partition(|(_, credential)| credential.is_of_alternative);
        let mut fields: Vec<Code> = shared.into_iter().map(field).collect();
        if let Some(alternative) = self.alternative {
            let variant = format!("{module}::Authentication::{}", ident::pascal(alternative));
            let variant = if own.is_empty() {
                Code::text(variant)
            } else {
                Code::braces(&variant, own.into_iter().map(field).collect())
            };
            fields.push(Code::row([Code::text("authentication: "), variant]));
        }
        Code::braces(&format!("{module}::Credentials"), fields)
    }

    /// Returns the token source of the example.
    fn example_source(&self) -> Code {
        let module = self.model.vendor.ident();
        let server = self.model.servers.first();
        let mut endpoint = match server {
            Some(server) => format!("{module}::Endpoint::{}", constructor(self.model, server)),
            None => format!("{module}::Endpoint::at(\"https://example.com\")?"),
        };
        let is_argument = |setting: &Setting<'_>| server.is_some_and(|server| setting.is_argument_of(server));
        for setting in settings(self.model).iter().filter(|setting| setting.param.is_some() && !is_argument(setting)) {
            endpoint.push_str(&format!(".{}({:?})", setting.name, setting.example()));
        }
        let source = vec![Code::text(endpoint), Code::text("credentials")];
        match self.x_token.login {
            Some(_) => Code::list("TokenSource::new(", source),
            None if self.x_token.starts_from_token() => Code::chain([
                Code::list("TokenSource::builder(", source),
                Code::text(".token(IssuedTokens::new(\"example-access-token\"))"),
                Code::text(".build()"),
            ]),
            None => Code::chain([
                Code::list("TokenSource::builder(", source),
                Code::text(".refresh_token(\"example-refresh-token\")"),
                Code::text(".build()"),
            ]),
        }
    }
}

/// Adds the value of each credential in an example of a body.
fn example_values(
    model: &Model,
    component: &str,
    prefix: &str,
    value: &Value,
    within: &mut Vec<String>,
    values: &mut IndexMap<String, Value>,
) {
    for property in model.properties(component) {
        let Some(value) = value.get(&property.name).filter(|value| !value.is_null()) else { continue };
        let name = format!("{prefix}{}", property.label);
        match nested(model, property, within) {
            Some(inner) => {
                within.push(inner.to_owned());
                example_values(model, inner, &format!("{name}_"), value, within, values);
                within.pop();
            }
            None => {
                values.insert(ident::snake(&name), value.clone());
            }
        }
    }
}
