//! The adapter between the facade and a vendor's crate: a module of the facade with the credentials of the vendor's
//! grants and with its `Vendor`. It is emitted from `x-token`.
//!
//! The vendor's client reads the responses. The facade's module `adapter` has what all adapters share.

pub mod chain;
pub mod computed;
mod computed_code;
pub mod conversions;
pub mod credentials;
mod example;
pub mod from_env;
pub mod grants;
mod imports;
mod policy;
mod requested;
mod requests;
pub mod sent;
mod view;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use crate::docs;
use crate::emit::adapter::chain::RESPONSE;
use crate::emit::adapter::conversions::{converted, field_type};
use crate::emit::adapter::credentials::{Credential, credential_set};
use crate::emit::adapter::grants::{Grant, GrantKind, grants};
use crate::emit::adapter::imports::{import, words};
use crate::emit::adapter::view::{Adapter, Fields};
use crate::emit::client;
use crate::emit::errors::body_type;
use crate::emit::header::mark;
use crate::emit::layout::{Code, signature, statements};
use crate::ident;
use crate::lower::model::{Model, Ty};
use crate::read::x_token::usage::TOKEN;
use crate::repository::target::Target;

/// The method of a vendor whose calls go to the server that issues the tokens.
const BASE_URL: &str = "
    fn base_url(&self) -> Option<String> {
        self.text_base().ok()
    }
";

/// Returns the module of the adapter, or `None` without `x-token`.
pub fn source(model: &Model, target: &Target) -> Result<Option<String>, String> {
    let Some(x_token) = &model.x_token else { return Ok(None) };
    let grants = grants(model, x_token)?;
    let set = credential_set(model, x_token, &grants);
    let mut views: Vec<Adapter<'_>> = Vec::new();
    for grant in grants {
        let view = match views.iter_mut().find(|view| view.alternative == grant.alternative) {
            Some(view) => view,
            None => {
                let own = grant.alternative.and_then(|name| set.alternatives.get(name));
                let own = own.into_iter().flatten().map(|(name, credential)| (name.clone(), credential.clone()));
                views.push(Adapter {
                    model,
                    target,
                    x_token,
                    credentials: set.shared.clone().into_iter().chain(own).collect(),
                    grants: Vec::new(),
                    alternative: grant.alternative,
                    others: Vec::new(),
                });
                let last = views.len() - 1;
                &mut views[last]
            }
        };
        view.grants.push(grant);
    }
    let mut views = views.into_iter();
    let Some(mut adapter) = views.next() else { return Ok(None) };
    adapter.others = views.collect();
    Ok(Some(adapter.source()))
}

impl Adapter<'_> {
    fn source(&self) -> String {
        let responses = self.token_responses();
        let aliases = responses.iter().map(|response| {
            let what = if response.name == "LoginResponse" { response.grant } else { "a refresh" };
            let docs = docs::comment(
                &format!(
                    "The response to {what}, for its further fields: see [`Token::response`]({facade}::Token::response). Its \
                     tokens are empty, because they are in the [`Token`]({facade}::Token).",
                    facade = self.facade(),
                ),
                "",
            );
            format!("\n{docs}pub type {} = {};\n", response.name, body_type(response.ty))
        });
        let mut items: String = aliases.collect();
        items.push_str(&self.credentials_type());
        items.push_str(&self.implementation());
        items.push_str(&from_env::implementation(self.model, self.x_token, &self.fields(), self.facade()));
        items.push_str(&self.client());
        items.push_str(&self.with_extra_headers());
        let docs: String = self.docs().lines().map(|line| format!("//! {line}").trim_end().to_owned() + "\n").collect();
        format!("// {}\n\n{docs}\n{ALLOWED}\n{}{items}", mark(self.model, self.target), self.imports(&items))
    }

    /// Returns the imports of the names that the items use.
    fn imports(&self, items: &str) -> String {
        let words = words(items);
        let used =
            |names: &[&'static str]| names.iter().copied().filter(|name| words.contains(name)).collect::<Vec<_>>();
        let mut vendor = vec!["Client", "Endpoint", "Error", "ErrorBody"];
        vendor.extend(used(&["CommaDelimited", "PipeDelimited", "SpaceDelimited", "Timestamp"]));
        vendor.push("types");
        let facade = used(&[
            "CredentialSource",
            "GrantError",
            "IssuedTokens",
            "Lifetime",
            "RefreshTokens",
            "Renewal",
            "Secret",
            "TokenKind",
            "TokenPolicy",
            "Vendor",
        ]);
        let of_facade = self.facade();
        [
            import(&format!("pub use {}", self.vendor_crate()), &vendor),
            import("use ::freshtoken_wire", &used(&["compute"])),
            import("use ::std::time", &used(&["Duration"])),
            import(&format!("use {of_facade}"), &used(&["adapter"])),
            import(&format!("use {of_facade}::env"), &used(&["Alternative", "EnvError", "FromEnv", "Variable"])),
            import(&format!("use {of_facade}"), &facade),
        ]
        .concat()
    }

    fn credentials_type(&self) -> String {
        let grant = match (&self.x_token.login, &self.x_token.refresh) {
            (Some(_), _) => "a login",
            (None, Some(_)) => "a refresh",
            (None, None) => "a revocation",
        };
        let docs = format!("The credentials of {grant} at “{}”. `Debug` prints no secret.", self.model.title);
        let field = |name: &str, credential: &Credential, start: &str| {
            let indent = " ".repeat(start.len() - start.trim_start().len());
            let (docs, ty) = (docs::comment(&credential.docs, &indent), field_type(&credential.ty));
            let ty = if credential.optional { format!("Option<{ty}>") } else { ty };
            format!("{docs}{start}{name}: {ty},\n")
        };
        let Fields { shared, alternatives } = self.fields();
        let mut fields: String = shared.iter().map(|(name, credential)| field(name, credential, "    pub ")).collect();
        if !alternatives.is_empty() {
            fields.push_str("    /// How the client authenticates.\n    pub authentication: Authentication,\n");
        }
        let fields = if fields.is_empty() { "{}".to_owned() } else { format!("{{\n{fields}}}") };
        let variants = alternatives.iter().map(|(alternative, own)| {
            let fields: String = own.iter().map(|(name, credential)| field(name, credential, "        ")).collect();
            let fields = if fields.is_empty() { String::new() } else { format!(" {{\n{fields}    }}") };
            let docs = docs::comment(&format!("With the credentials of `{alternative}`."), "    ");
            format!("{docs}    {}{fields},\n", ident::pascal(alternative))
        });
        let variants: String = variants.collect();
        let authentication = if variants.is_empty() {
            String::new()
        } else {
            format!(
                "\n/// How the client authenticates: one of the ways that the vendor accepts. `Debug` prints no secret.\n\
                 #[derive(Clone, Debug, PartialEq)]\npub enum Authentication {{\n{variants}}}\n"
            )
        };
        format!(
            "\n{}#[derive(Clone, Debug, PartialEq)]\npub struct Credentials {fields}\n{authentication}",
            docs::comment(&docs, "")
        )
    }

    fn implementation(&self) -> String {
        format!(
            "
impl Vendor for Endpoint {{
    type Credentials = Credentials;

{policy}

    const IS_TIMED: bool = true;
{tenant_policy}
    fn server(&self) -> String {{
        self.server_key()
    }}
{base_url}{requested}{methods}}}
",
            policy = Code::row([Code::text("const POLICY: TokenPolicy = "), self.policy()]).lines(4, ";"),
            tenant_policy = self.tenant_policy().unwrap_or_default(),
            base_url = if self.x_token.use_.calls_own_server() { BASE_URL } else { "" },
            requested = self.requested().map_or_else(String::new, |body| format!(
                "
    fn requested(credentials: &Credentials) -> String {{
{body}
    }}
"
            )),
            methods = self
                .grants
                .iter()
                .filter(|grant| !matches!(grant.kind, GrantKind::Then(_)))
                .map(|grant| self.grant(grant))
                .collect::<String>(),
        )
    }

    /// Returns the statements of a grant, and the expression of its result.
    fn steps(&self, grant: &Grant<'_>) -> Steps {
        let call = self.call(grant);
        let has_client = !client::credentials(self.model).is_empty();
        let is_first = self.grants.first().is_some_and(|first| first.kind == grant.kind);
        let given = is_first.then(|| self.given()).flatten();
        let mut computes = self.compute(grant);
        let endpoint = if let Some(name) = &grant.certificate {
            let inputs = vec![Code::string(name), self.secret(name)];
            computes.push(Code::row([Code::list("let endpoint = self.clone().certified(", inputs)]));
            "endpoint"
        } else {
            "self.clone()"
        };
        let received = self.received_endpoint(grant, endpoint);
        let endpoint = if received.is_some() { "endpoint" } else { endpoint };
        computes.extend(received);
        let needs_credentials = self.client_asks()
            || (grant.kind != GrantKind::Revoke && !grant.keeps(self.x_token) && self.has_also())
            || given.is_some()
            || call.has(&|text| text.contains("credentials."))
            || computes.iter().any(|code| code.has(&|text| text.contains("credentials.")));
        let mut body: Vec<Code> = given.into_iter().collect();
        body.extend(computes);
        body.push(if has_client {
            self.client_call(grant, endpoint)
        } else {
            Code::text(format!("let client = Client::new({endpoint})?"))
        });
        let is_authorized = grant.is_authorized_by_access_token(self.x_token);
        if is_authorized {
            body.push(Code::text("let access_token = adapter::live(access_token)?"));
        }
        let result = match (grant.kind, &grant.operation.success.ty) {
            _ if grant.keeps(self.x_token) => {
                body.push(call);
                "Ok(adapter::kept())"
            }
            _ if !grant.issues && grant.kind != GrantKind::Revoke => {
                body.push(Code::row([Code::text(format!("let {RESPONSE} = ")), call]));
                ""
            }
            (GrantKind::Login | GrantKind::Then(_) | GrantKind::Refresh, _) => {
                body.push(Code::row([Code::text("let outcome = "), call]));
                if self.has_also() {
                    body.push(Code::text("let issued = adapter::issued::<_, ErrorBody>(outcome)?"));
                    "Ok(with_extra_headers(issued, &credentials))"
                } else {
                    "adapter::issued::<_, ErrorBody>(outcome)"
                }
            }
            (GrantKind::Revoke, _) if !self.gone().is_empty() => {
                body.push(Code::row([Code::text("let result = "), call]));
                let gone = self.gone().iter().map(|code| Code::string(&code.0)).collect();
                body.push(Code::row([Code::text("let gone = "), Code::list("&[", gone)]));
                "adapter::revoked_or_gone(result, gone)"
            }
            (GrantKind::Revoke, Some(_)) => {
                body.push(Code::row([Code::text("let result = "), call]));
                "adapter::revoked(result)"
            }
            (GrantKind::Revoke, None) => {
                body.push(call);
                "Ok(())"
            }
        };
        let mut steps = Steps { needs_credentials, body, result };
        for grant in self.further(grant) {
            let further = self.steps(grant);
            steps.needs_credentials |= further.needs_credentials;
            steps.body.extend(further.body);
            steps.result = further.result;
        }
        steps
    }

    /// Returns the method of a grant.
    fn grant(&self, grant: &Grant<'_>) -> String {
        let is_authorized = grant.is_authorized_by_access_token(self.x_token);
        let (needs_credentials, body) = match self.alternative {
            None => {
                let Steps { needs_credentials, mut body, result } = self.steps(grant);
                if needs_credentials {
                    body.insert(0, Code::text("let credentials = credentials.get().await?"));
                }
                (needs_credentials, format!("{}\n        {result}", statements(&body, 8)))
            }
            Some(_) => (true, self.grant_with_each_alternative(grant.kind)),
        };
        let source = if needs_credentials { "credentials" } else { "_" };
        let mut inputs = vec!["&self".to_owned(), format!("{source}: &CredentialSource<Credentials>")];
        let (name, output) = match grant.kind {
            GrantKind::Login | GrantKind::Then(_) => ("login", "Result<IssuedTokens, GrantError>"),
            GrantKind::Refresh => ("refresh", "Result<IssuedTokens, GrantError>"),
            GrantKind::Revoke if is_authorized => ("revoke_with", "Result<(), GrantError>"),
            GrantKind::Revoke => ("revoke", "Result<(), GrantError>"),
        };
        if grant.kind != GrantKind::Login {
            inputs.push(format!("{}: &Secret", grant.token_variable()));
        }
        inputs.extend(is_authorized.then(|| "access_token: Option<&Secret>".to_owned()));
        let head = signature(4, &format!("async fn {name}"), inputs, output);
        format!("\n{head}\n{body}\n    }}\n")
    }

    /// Returns the body of a grant's method that does what the alternative in the credentials needs.
    fn grant_with_each_alternative(&self, kind: GrantKind) -> String {
        let arms = self.views().filter_map(|view| {
            let grant = view.grants.iter().find(|grant| grant.kind == kind)?;
            let Steps { body, result, .. } = view.steps(grant);
            let body = format!("{}\n                {result}", statements(&body, 16));
            let own = view.credentials.iter().filter(|(_, credential)| credential.is_of_alternative);
            let words: HashSet<&str> = body.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            let used = own.filter(|(name, credential)| words.contains(credential.place(name).as_str()));
            let bound: String =
                used.map(|(name, credential)| format!("{name}: {}, ", credential.place(name))).collect();
            let variant = ident::pascal(view.alternative?);
            Some(format!("            Authentication::{variant} {{ {bound}.. }} => {{\n{body}\n            }}\n"))
        });
        format!(
            "        let credentials = credentials.get().await?;\n        match &credentials.authentication {{\n{}        }}",
            arms.collect::<String>()
        )
    }

    /// Returns the types of the responses with a token: one, or two if the refresh has a different one.
    fn token_responses(&self) -> Vec<TokenResponse<'_>> {
        let mut responses: Vec<TokenResponse<'_>> = Vec::new();
        for grant in self.grants.iter().filter(|grant| grant.issues) {
            let Some(ty) = &grant.operation.success.ty else { continue };
            if responses.iter().all(|response| response.ty != ty) {
                responses.push(TokenResponse {
                    name: if responses.is_empty() { "LoginResponse" } else { "RefreshResponse" },
                    grant: if grant.kind == GrantKind::Refresh { "a refresh" } else { "a login" },
                    ty,
                });
            }
        }
        responses
    }

    fn has_also(&self) -> bool {
        self.x_token.use_.also_credentials().next().is_some() || self.x_token.use_.basic.is_some()
    }

    /// Returns the function that adds the credentials that each call sends in a header.
    fn with_extra_headers(&self) -> String {
        if !self.has_also() {
            return String::new();
        }
        let pushes = self.x_token.use_.also_credentials().filter_map(|(header, credential)| {
            let name = ident::snake(credential);
            let credential = self.credentials.get(&name)?;
            let push = |value: &str, is_reference, indent| {
                let http = if self.target.is_home() { "::http" } else { "::freshtoken::http" };
                let header = format!("{http}::HeaderName::from_static({:?})", header.to_ascii_lowercase());
                let value = converted(self.model, &credential.ty, &Ty::Secret, value, is_reference);
                let pair = Code::list("(", vec![Code::text(header), Code::text(value)]);
                Code::list("issued.extra_headers.push(", vec![pair]).lines(indent, ";")
            };
            Some(if credential.optional {
                format!("    if let Some(value) = &credentials.{name} {{\n{}\n    }}\n", push("value", true, 8))
            } else {
                format!("{}\n", push(&format!("credentials.{name}"), false, 4))
            })
        });
        let pushes: String = pushes.collect();
        let basic = self.basic_halves();
        let name = if (pushes.clone() + &basic).contains("credentials.") { "credentials" } else { "_" };
        format!(
            "
/// Adds the credentials that each call sends in a header.
fn with_extra_headers(mut issued: IssuedTokens, {name}: &Credentials) -> IssuedTokens {{
{pushes}{basic}    issued
}}
"
        )
    }

    /// Returns the statement that sets the halves of HTTP Basic.
    fn basic_halves(&self) -> String {
        let Some(basic) = &self.x_token.use_.basic else { return String::new() };
        let half = |half: &str| -> String {
            let name = ident::snake(half);
            match self.credentials.get(&name) {
                _ if half == TOKEN => "issued.access_token.clone()".to_owned(),
                Some(credential) if credential.optional => {
                    let value = converted(self.model, &credential.ty, &Ty::Secret, "value", true);
                    format!("credentials.{name}.as_ref().map_or_else(|| Secret::new(\"\"), |value| {value})")
                }
                Some(credential) => {
                    converted(self.model, &credential.ty, &Ty::Secret, &format!("credentials.{name}"), false)
                }
                None => "Secret::new(\"\")".to_owned(),
            }
        };
        let [user, password] = basic.halves().map(half);
        let halves = Code::list("(", vec![Code::text(user), Code::text(password)]);
        let set = Code::row([Code::text("issued.basic = Some("), halves, Code::text(")")]);
        format!("{}\n", set.lines(4, ";"))
    }
}

/// What a grant does once it has the credentials.
struct Steps {
    needs_credentials: bool,
    body: Vec<Code>,
    result: &'static str,
}

/// A response with a token.
struct TokenResponse<'a> {
    /// Its alias in the adapter.
    name: &'static str,
    /// The request: "a login" or "a refresh".
    grant: &'static str,
    ty: &'a Ty,
}

/// Generated code expresses each thing in one way, and the vendor wrote the descriptions.
const ALLOWED: &str = "#![allow(clippy::complexity, clippy::style)]\n\
                       #![allow(rustdoc::invalid_html_tags, rustdoc::bare_urls, rustdoc::broken_intra_doc_links)]\n";
