//! The adapter through which the facade drives a vendor, emitted from `x-token`: a module of the facade with the credentials that
//! the vendor's grants need, and its `Vendor`, in terms of the vendor's own crate.
//!
//! Responses are read by the client. What adapters share is the facade's `adapter` module, not repeated here.

pub mod credentials;
pub mod from_env;

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::Value;

use crate::docs;
use crate::emit::adapter::credentials::{
    Credential, Grant, Use, Word, body_uses, converted, credentials, field_type, grants, has_adapter, has_constant,
    is_asked_for, is_copy, is_enum, is_given, nested, param_type,
};
use crate::emit::client;
use crate::emit::client::Argument;
use crate::emit::crate_tests;
use crate::emit::errors::body_type;
use crate::emit::examples;
use crate::emit::examples::Secrets;
use crate::emit::header::mark;
use crate::emit::layout::{Code, WIDTH, signature, statements};
use crate::emit::settings::{Setting, constructor, settings};
use crate::emit::types::or;
use crate::ident;
use crate::lower::model::{Model, Param, Property, Ty};
use crate::read::x_token::values::Lifetime;
use crate::read::x_token::{Prefix, Renew, Takes, XToken};

/// The adapter's module, as source; none without a login and a refresh.
pub fn source(model: &Model) -> Result<Option<String>, String> {
    let Some(x_token) = model.x_token.as_ref().filter(|x_token| has_adapter(Some(x_token))) else { return Ok(None) };
    let grants = grants(model, x_token)?;
    let adapter = Adapter { model, x_token, credentials: credentials(model, x_token, &grants), grants };
    adapter.source().map(Some)
}

struct Adapter<'a> {
    model: &'a Model,
    x_token: &'a XToken,
    credentials: IndexMap<String, Credential>,
    grants: Vec<Grant<'a>>,
}

impl Adapter<'_> {
    fn source(&self) -> Result<String, String> {
        let answers = self.answers();
        let aliases = answers.iter().map(|answer| {
            let what = if answer.name == "Answer" { answer.word } else { "a refresh" };
            let docs = docs::comment(
                &format!(
                    "What {what} answers, for what else it holds: see [`Token::answer`](crate::Token::answer). Its tokens \
                     are empty: they are in the [`Token`](crate::Token)."
                ),
                "",
            );
            format!("\n{docs}pub type {} = {};\n", answer.name, body_type(answer.ty))
        });
        let mut items: String = aliases.collect();
        items.push_str(&self.credentials_type());
        items.push_str(&self.implementation());
        items.push_str(&from_env::implementation(self.model, self.x_token, &self.credentials));
        items.push_str(&self.client());
        items.push_str(&self.with_also());
        let docs: String =
            self.docs()?.lines().map(|line| format!("//! {line}").trim_end().to_owned() + "\n").collect();
        Ok(format!("// {}\n\n{docs}\n{ALLOWED}\n{}{items}", mark(self.model), self.imports(&items)))
    }

    /// The names that the items use, and no others.
    fn imports(&self, items: &str) -> String {
        let words = words(items);
        let used =
            |names: &[&'static str]| names.iter().copied().filter(|name| words.contains(name)).collect::<Vec<_>>();
        let mut vendor = vec!["Client", "Endpoint", "Error", "ErrorBody"];
        vendor.extend(used(&["CommaDelimited", "PipeDelimited", "SpaceDelimited", "Timestamp"]));
        vendor.push("types");
        let facade = used(&[
            "CredentialSource",
            "EnvError",
            "Failure",
            "FromEnv",
            "Issued",
            "Lifetime",
            "Policy",
            "Refresh",
            "Renew",
            "Secret",
            "Takes",
            "Variable",
            "Vendor",
        ]);
        [
            import(&format!("pub use ::{}", self.model.vendor.lib()), &vendor),
            import("use ::std::time", &used(&["Duration"])),
            import("use crate", &["adapter"]),
            import("use crate", &facade),
        ]
        .concat()
    }

    // Credentials.

    fn credentials_type(&self) -> String {
        let grant = match self.x_token.login {
            Some(_) => "a login",
            None => "a refresh",
        };
        let docs = format!("What {grant} at “{}” needs. `Debug` shows no secret.", self.model.title);
        let fields = self.credentials.iter().map(|(name, credential)| {
            let (docs, ty) = (docs::comment(&credential.docs, "    "), field_type(&credential.ty));
            let ty = if credential.optional { format!("Option<{ty}>") } else { ty };
            format!("{docs}    pub {name}: {ty},\n")
        });
        let fields: String = fields.collect();
        let fields = if fields.is_empty() { "{}".to_owned() } else { format!("{{\n{fields}}}") };
        format!("\n{}#[derive(Clone, Debug, PartialEq)]\npub struct Credentials {fields}\n", docs::comment(&docs, ""))
    }

    /// A credential where a value of its own is wanted.
    fn owned(&self, name: &str, to: &Ty, optional: bool) -> String {
        let place = format!("credentials.{name}");
        let Some(credential) = self.credentials.get(name) else { return format!("{place}.clone()") };
        let from = &credential.ty;
        match (credential.optional, optional) {
            (false, false) => converted(self.model, from, to, &place, false),
            (false, true) => format!("Some({})", converted(self.model, from, to, &place, false)),
            (true, true) if from == to => match is_copy(from) {
                true => place,
                false => format!("{place}.clone()"),
            },
            (true, true) => {
                format!("{place}.as_ref().map(|value| {})", converted(self.model, from, to, "value", true))
            }
            (true, false) => converted(self.model, from, to, &needed(name), true),
        }
    }

    /// A credential as an argument of the client's method.
    fn argument(&self, name: &str, param: &Param) -> String {
        let (place, to) = (format!("credentials.{name}"), param_type(param));
        let Some(credential) = self.credentials.get(name) else { return format!("&{place}") };
        let owned = self.owned(name, &to, !param.required);
        let borrowed = match &to {
            Ty::Text | Ty::List(_) => "as_deref",
            _ => "as_ref",
        };
        match (is_copy(&to) && !matches!(to, Ty::Timestamp { .. }), credential.ty == to) {
            (true, _) => owned,
            // What was converted lives as long as the call.
            (false, false) => match param.required {
                true => format!("&{owned}"),
                false => format!("{owned}.{borrowed}()"),
            },
            (false, true) => match (credential.optional, param.required) {
                (false, true) => format!("&{place}"),
                (true, true) => needed(name),
                (true, false) => format!("{place}.{borrowed}()"),
                (false, false) if to == Ty::Text => format!("Some({place}.as_str())"),
                (false, false) if matches!(to, Ty::List(_)) => format!("Some({place}.as_slice())"),
                (false, false) => format!("Some(&{place})"),
            },
        }
    }

    // Requests.

    /// The vendor's client for one grant; without credentials of its own it is made in place.
    fn client(&self) -> String {
        let fields = client::credentials(self.model);
        if fields.is_empty() {
            return String::new();
        }
        let fields = fields.iter().map(|client::Credential { name, optional, .. }| {
            Code::text(match self.credentials.contains_key(name) {
                true => format!("{name}: {}", self.owned(name, &Ty::Secret, *optional)),
                // Only operations that are no grant need it.
                false => format!("{name}: None"),
            })
        });
        let credentials = Code::braces(&format!("::{}::Credentials", self.model.vendor.lib()), fields.collect());
        let mut inputs = vec!["endpoint: &Endpoint".to_owned()];
        inputs.extend(self.client_asks().then(|| "credentials: &Credentials".to_owned()));
        format!(
            "
/// A client that has what all requests send.
{head}
{credentials}
    Ok(Client::new(endpoint.clone(), credentials)?)
}}
",
            head = signature(0, "fn client", inputs, "Result<Client, Failure>"),
            credentials = Code::row([Code::text("let credentials = "), credentials]).lines(4, ";"),
        )
    }

    /// Whether the client takes any of the facade's credentials: those of its own may all be of operations that are no
    /// grant.
    fn client_asks(&self) -> bool {
        client::credentials(self.model).iter().any(|credential| self.credentials.contains_key(&credential.name))
    }

    /// The struct that a grant sends.
    fn body(&self, grant: &Grant<'_>, component: &str, prefix: &str, within: &mut Vec<String>) -> Code {
        let properties = self.model.properties(component).iter().filter(|property| !property.is_constant());
        let fields = properties.map(|property| {
            let value = self.field(grant, property, prefix, within);
            Code::row([Code::text(format!("{}: ", property.field)), value])
        });
        Code::braces(&format!("types::{component}"), fields.collect())
    }

    fn field(&self, grant: &Grant<'_>, property: &Property, prefix: &str, within: &mut Vec<String>) -> Code {
        let name = format!("{prefix}{}", property.label);
        if prefix.is_empty() && grant.is_token(&property.name) {
            let token = converted(self.model, &Ty::Secret, &property.ty, grant.token_variable(), true);
            return Code::text(if property.optional { format!("Some({token})") } else { token });
        }
        if is_given(grant, prefix, property) {
            return Code::text("None");
        }
        let Some(inner) = nested(self.model, property, within) else {
            let value = self.owned(&ident::snake(&name), &property.ty, property.optional);
            return Code::text(match (property.is_boxed, property.optional) {
                (true, true) => format!("{value}.map(Box::new)"),
                (true, false) => format!("Box::new({value})"),
                (false, _) => value,
            });
        };
        within.push(inner.to_owned());
        let prefix = format!("{name}_");
        let value = self.body(grant, inner, &prefix, within);
        let value = if property.is_boxed { Code::list("Box::new(", vec![value]) } else { value };
        let value = match property.optional {
            false => value,
            true => self.optional(grant, inner, &prefix, within, value),
        };
        within.pop();
        value
    }

    /// An object that may be absent: it is sent where one of its credentials is given, and where it has constants and
    /// needs none.
    fn optional(
        &self,
        grant: &Grant<'_>,
        component: &str,
        prefix: &str,
        within: &mut Vec<String>,
        value: Code,
    ) -> Code {
        let value = Code::list("Some(", vec![value]);
        let mut uses = Vec::new();
        let around = prefix.strip_suffix('_').unwrap_or(prefix);
        body_uses(self.model, grant, component, &[around], true, within, &mut uses);
        let is_there = |used: &Use| self.credentials.get(&used.name).is_some_and(|credential| !credential.optional);
        let needs_none = uses.iter().all(|used| !used.required) && has_constant(self.model, component, within);
        if needs_none || uses.iter().any(is_there) {
            return value;
        }
        let given: Vec<String> = uses.iter().map(|used| format!("credentials.{}.is_some()", used.name)).collect();
        if given.is_empty() {
            return Code::text("None");
        }
        Code::braces(
            &format!("match {}", given.join(" || ")),
            vec![Code::row([Code::text("true => "), value]), Code::text("false => None")],
        )
    }

    /// The call of a grant's operation; the client is `client`.
    fn call(&self, grant: &Grant<'_>) -> Code {
        let token = grant.token_variable();
        let mut inputs: Vec<Code> = client::arguments(grant.operation)
            .iter()
            .map(|Argument { param, .. }| {
                Code::text(match param {
                    None if grant.is_authorized_by_access_token(self.x_token) => "access_token".to_owned(),
                    None => token.to_owned(),
                    Some(param) if grant.is_token(&param.name) => {
                        let token = if param.ty == Ty::Secret { token.to_owned() } else { format!("{token}.expose()") };
                        if param.required { token } else { format!("Some({token})") }
                    }
                    Some(param) if !is_asked_for(grant, param) => "None".to_owned(),
                    Some(param) => self.argument(&param.field(), param),
                })
            })
            .collect();
        if let Some(body) = grant.body {
            inputs.push(self.body(grant, body, "", &mut vec![body.to_owned()]));
        }
        let (method, end) = match (grant.word, &grant.operation.success.ty) {
            (Word::Login | Word::Refresh, _) => (client::answered_name(self.model, grant.operation), ".await?"),
            (Word::Revoke, Some(_)) => (grant.operation.id.clone(), ".await"),
            (Word::Revoke, None) => (grant.operation.id.clone(), ".await?"),
        };
        Code::chain([Code::text("client"), Code::list(format!(".{method}("), inputs), Code::text(end)])
    }

    // The vendor.

    fn implementation(&self) -> String {
        format!(
            "
impl Vendor for Endpoint {{
    type Credentials = Credentials;

{policy}

    const IS_TIMED: bool = true;

    fn server(&self) -> String {{
        self.server_key()
    }}
{scopes}{methods}}}
",
            policy = Code::row([Code::text("const POLICY: Policy = "), self.policy()]).lines(4, ";"),
            scopes = self.scopes().map_or_else(String::new, |scopes| format!(
                "
    fn scopes(credentials: &Credentials) -> String {{
{}
    }}
",
                scopes.lines(8, "")
            )),
            methods = self.grants.iter().map(|grant| self.grant(grant)).collect::<String>(),
        )
    }

    fn grant(&self, grant: &Grant<'_>) -> String {
        let call = self.call(grant);
        let has_client = !client::credentials(self.model).is_empty();
        let is_first = self.grants.first().is_some_and(|first| first.word == grant.word);
        let given = is_first.then(|| self.given()).flatten();
        let asks = self.client_asks()
            || (grant.word != Word::Revoke && self.has_also())
            || given.is_some()
            || call.has(&|text| text.contains("credentials."));
        let mut body: Vec<Code> = Vec::new();
        if asks {
            body.push(Code::text("let credentials = credentials.get().await?"));
            body.extend(given);
        }
        body.push(Code::text(match (has_client, self.client_asks()) {
            (true, true) => "let client = client(self, &credentials)?",
            (true, false) => "let client = client(self)?",
            (false, _) => "let client = Client::new(self.clone())?",
        }));
        let is_authorized = grant.is_authorized_by_access_token(self.x_token);
        if is_authorized {
            body.push(Code::text("let access_token = adapter::live(access_token)?"));
        }
        let result = match (grant.word, &grant.operation.success.ty) {
            (Word::Login | Word::Refresh, _) => {
                body.push(Code::row([Code::text("let answered = "), call]));
                match self.has_also() {
                    true => {
                        body.push(Code::text("let issued = adapter::issued::<_, ErrorBody>(answered)?"));
                        "Ok(with_also(issued, &credentials))"
                    }
                    false => "adapter::issued::<_, ErrorBody>(answered)",
                }
            }
            (Word::Revoke, Some(_)) => {
                body.push(Code::row([Code::text("let result = "), call]));
                "adapter::revoked(result)"
            }
            (Word::Revoke, None) => {
                body.push(call);
                "Ok(())"
            }
        };
        let source = if asks { "credentials" } else { "_" };
        let mut inputs = vec!["&self".to_owned(), format!("{source}: &CredentialSource<Credentials>")];
        let (name, output) = match grant.word {
            Word::Login => ("login", "Result<Issued, Failure>"),
            Word::Refresh => ("refresh", "Result<Issued, Failure>"),
            Word::Revoke if is_authorized => ("revoke_with", "Result<(), Failure>"),
            Word::Revoke => ("revoke", "Result<(), Failure>"),
        };
        if grant.word != Word::Login {
            inputs.push(format!("{}: &Secret", grant.token_variable()));
        }
        inputs.extend(is_authorized.then(|| "access_token: Option<&Secret>".to_owned()));
        let head = signature(4, &format!("async fn {name}"), inputs, output);
        format!("\n{head}\n{}\n        {result}\n    }}\n", statements(&body, 8))
    }

    /// The check that no credential is empty, or has a control character: the vendor's refusal would name none.
    fn given(&self) -> Option<Code> {
        let is_text = |credential: &Credential| matches!(credential.ty, Ty::Text | Ty::Secret);
        let texts: Vec<Code> = self
            .credentials
            .iter()
            .filter(|(_, credential)| is_text(credential))
            .map(|(name, _)| Code::text(format!("({name:?}, &credentials.{name})")))
            .collect();
        let given = |texts| Code::list("adapter::given(", vec![Code::list("&[", texts)]);
        (!texts.is_empty()).then(|| Code::row([given(texts), Code::text("?")]))
    }

    fn policy(&self) -> Code {
        let x_token = self.x_token;
        let mut policy = vec![format!("Policy::new({:?})", self.model.vendor.ident())];
        if x_token.login.is_none() {
            policy.push(".login(false)".to_owned());
        }
        if x_token.refresh.is_some() {
            let use_ = if x_token.is_single_use() { "SingleUse" } else { "Reusable" };
            policy.push(format!(".refresh(Refresh::{use_})"));
        }
        if let Some(revoke) = &x_token.revoke {
            let takes = match revoke.takes {
                Takes::Access => "Access",
                Takes::Refresh => "Refresh",
            };
            policy.push(format!(".revoke(Takes::{takes})"));
        }
        let seconds = |duration: std::time::Duration| format!("Duration::from_secs({})", duration.as_secs());
        policy.push(match x_token.renew() {
            Renew::AtExpiry => ".renew(Renew::AtExpiry)".to_owned(),
            Renew::Early(part) => format!(".renew(Renew::Early({part:?}))"),
            Renew::Before(span) => format!(".renew(Renew::Before({}))", seconds(span)),
        });
        match x_token.lifetime {
            Lifetime::For(span) => policy.push(format!(".lifetime(Lifetime::For({}))", seconds(span))),
            Lifetime::Never => policy.push(".lifetime(Lifetime::Never)".to_owned()),
            Lifetime::Unknown => {}
        }
        if self.scopes().is_some() {
            policy.push(".scoped(true)".to_owned());
        }
        let header = x_token.use_.header.to_ascii_lowercase();
        if header != "authorization" {
            policy.push(format!(".header({header:?})"));
        }
        match x_token.use_.prefix() {
            Prefix::TokenType => {}
            Prefix::None => policy.push(".prefix(\"\")".to_owned()),
            Prefix::Text(text) => policy.push(format!(".prefix({text:?})")),
        }
        Code::chain(policy.into_iter().map(Code::text).collect::<Vec<_>>())
    }

    /// The scopes that are asked for, as they are on the wire.
    fn scopes(&self) -> Option<Code> {
        let grant = self.grants.first()?;
        let params = grant.operation.params.iter().filter(|param| is_asked_for(grant, param));
        let params = params.map(|param| (param.name.as_str(), param.field(), param_type(param)));
        let properties = grant.body.map(|body| self.model.properties(body)).unwrap_or_default().iter();
        let properties = properties.filter(|property| !is_given(grant, "", property));
        let properties =
            properties.map(|property| (property.name.as_str(), property.field.clone(), property.ty.clone()));
        let (_, name, ty) = params.chain(properties).find(|(name, ..)| matches!(*name, "scope" | "scopes"))?;
        let credential = self.credentials.get(&name).filter(|credential| credential.ty == ty)?;
        let text = |value: &str| {
            let called: &[&str] = match &ty {
                Ty::Text => &[".clone()"],
                ty if is_enum(self.model, ty) => &[".to_string()"],
                // A list that can't be sent fails the login, with a text that says why.
                Ty::Delimited(..) => &[".join()", ".unwrap_or_default()"],
                Ty::List(item) if **item == Ty::Text => &[".join(\" \")"],
                Ty::List(item) if is_enum(self.model, item) => {
                    &[".iter()", ".map(|item| item.as_str())", ".collect::<Vec<_>>()", ".join(\" \")"]
                }
                _ => return None,
            };
            Some(called.iter().fold(Code::text(value), |value, called| value.then(Code::text(*called))))
        };
        let place = format!("credentials.{name}");
        Some(match credential.optional {
            false => text(&place)?,
            true => {
                let text = Code::behind("|value| ", text("value")?);
                let (place, texts) = (Code::text(place), Code::list(".map(", vec![text]));
                Code::chain([place, Code::text(".as_ref()"), texts, Code::text(".unwrap_or_default()")])
            }
        })
    }

    // Answers.

    /// The types of the answers with a token: one, or two where the refresh has one of its own.
    fn answers(&self) -> Vec<Answered<'_>> {
        let mut answers: Vec<Answered<'_>> = Vec::new();
        for grant in self.grants.iter().filter(|grant| grant.word != Word::Revoke) {
            let Some(ty) = &grant.operation.success.ty else { continue };
            if answers.iter().all(|answer| answer.ty != ty) {
                answers.push(Answered {
                    name: if answers.is_empty() { "Answer" } else { "RefreshAnswer" },
                    word: if grant.word == Word::Login { "a login" } else { "a refresh" },
                    ty,
                });
            }
        }
        answers
    }

    fn has_also(&self) -> bool {
        !self.x_token.use_.also.is_empty()
    }

    /// The function that adds the credentials that are sent with each call.
    fn with_also(&self) -> String {
        if !self.has_also() {
            return String::new();
        }
        let pushes = self.x_token.use_.also.iter().filter_map(|(header, credential)| {
            let name = ident::snake(credential);
            let credential = self.credentials.get(&name)?;
            let push = |value: &str, is_reference, indent| {
                let header = format!("::http::HeaderName::from_static({:?})", header.to_ascii_lowercase());
                let value = converted(self.model, &credential.ty, &Ty::Secret, value, is_reference);
                let pair = Code::list("(", vec![Code::text(header), Code::text(value)]);
                Code::list("issued.also.push(", vec![pair]).lines(indent, ";")
            };
            Some(match credential.optional {
                false => format!("{}\n", push(&format!("credentials.{name}"), false, 4)),
                true => {
                    format!("    if let Some(value) = &credentials.{name} {{\n{}\n    }}\n", push("value", true, 8))
                }
            })
        });
        format!(
            "
/// Adds the credentials that are sent with each call.
fn with_also(mut issued: Issued, credentials: &Credentials) -> Issued {{
{}    issued
}}
",
            pushes.collect::<String>()
        )
    }

    // Docs.

    /// The module's docs: what it is, and how it is used.
    fn docs(&self) -> Result<String, String> {
        let title = or(&self.model.title, self.model.vendor.stem());
        let needs = match self.x_token.login {
            Some(_) => "",
            None => "\n\nA person must consent first: a source starts from a refresh token.",
        };
        let example = self.example()?;
        let text = docs::lines(&format!(
            "“{title}”, kept fresh. The typed client under it is [`{lib}`](::{lib}).{needs}",
            lib = self.model.vendor.lib()
        ));
        Ok(format!("{}\n\n```rust,no_run\n{example}```", text.join("\n")))
    }

    fn example(&self) -> Result<String, String> {
        let grant = self.grants.first().ok_or("there is no grant")?;
        let body = crate_tests::request_example(self.model, grant.operation);
        let mut values: IndexMap<String, Value> = IndexMap::new();
        if let (Some(component), Some(body)) = (grant.body, &body) {
            example_values(self.model, component, "", body, &mut vec![component.to_owned()], &mut values);
        }
        for param in &grant.operation.params {
            let example = param.example.clone().filter(|_| is_asked_for(grant, param));
            values.extend(example.map(|value| (param.field(), value)));
        }
        let fields = self.credentials.iter().map(|(name, credential)| {
            let sample = || examples::sample(self.model, &credential.ty, name);
            let value = match &credential.ty {
                _ if credential.optional => Code::text("None"),
                Ty::Any => Code::text("Default::default()"),
                ty => {
                    let value = values.get(name).cloned().unwrap_or_else(sample);
                    examples::expression(self.model, ty, name, &value, Secrets::Example)
                }
            };
            Code::row([Code::text(format!("{name}: ")), value])
        });
        let module = self.model.vendor.ident();
        let server = self.model.servers.first();
        let mut endpoint = match server {
            Some(server) => format!("{module}::Endpoint::{}", constructor(self.model, server)),
            None => format!("{module}::Endpoint::at(\"https://example.com\")?"),
        };
        let is_given = |setting: &Setting<'_>| server.is_some_and(|server| setting.is_argument_of(server));
        for setting in settings(self.model).iter().filter(|setting| setting.param.is_some() && !is_given(setting)) {
            endpoint.push_str(&format!(".{}({:?})", setting.name, setting.example()));
        }
        let source = vec![Code::text(endpoint), Code::text("credentials")];
        // Where a person has to consent first, a source starts from the refresh token that this gave.
        let source = match self.x_token.login {
            Some(_) => Code::list("TokenSource::new(", source),
            None => Code::chain([
                Code::list("TokenSource::builder(", source),
                Code::text(".refresh_token(\"example-refresh-token\")"),
                Code::text(".build()"),
            ]),
        };
        let credentials = Code::braces(&format!("{module}::Credentials"), fields.collect());
        let body = statements(
            &[
                Code::row([Code::text("let credentials = "), credentials]),
                Code::row([Code::text("let tokens = "), source]),
                Code::text("let header = tokens.header().await?"),
            ],
            0,
        );
        let body = body
            .replace("::freshtoken_wire::", "freshtoken::")
            .replace(" types::", &format!(" {module}::types::"))
            .replace("[types::", &format!("[{module}::types::"))
            .replace("(types::", &format!("({module}::types::"));
        Ok(format!(
            "# async fn example() -> Result<(), Box<dyn std::error::Error>> {{\nuse freshtoken::{{TokenSource, {module}}};\n\n\
             {body}\n# let _ = header;\n# Ok(())\n# }}\n"
        ))
    }
}

/// What the example of a body gives each credential.
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

/// A credential that the vendor wants in this place, though not everywhere.
fn needed(name: &str) -> String {
    format!("adapter::needed({name:?}, &credentials.{name})?")
}

/// An import, on as many lines as it takes.
fn import(path: &str, names: &[&str]) -> String {
    let line = match names {
        [] => return String::new(),
        [only] => format!("{path}::{only};\n"),
        names => format!("{path}::{{{}}};\n", names.join(", ")),
    };
    if line.len() <= WIDTH {
        return line;
    }
    let mut lines = String::new();
    let mut width = WIDTH;
    for name in names {
        if width + name.len() + 2 > WIDTH {
            lines.push_str("\n   ");
            width = 3;
        }
        lines.push_str(&format!(" {name},"));
        width += name.len() + 2;
    }
    format!("{path}::{{{lines}\n}};\n")
}

/// The words that a path may start with: none behind a `::`, in a comment or in a text.
fn words(source: &str) -> HashSet<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = HashSet::new();
    for mut rest in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
        while let Some(start) = rest.find(|c| c == '"' || is_word(c)) {
            let (before, found) = rest.split_at(start);
            rest = match found.strip_prefix('"') {
                Some(text) => behind_text(text),
                None => {
                    let (word, behind) = found.split_at(found.find(|c| !is_word(c)).unwrap_or(found.len()));
                    if !before.ends_with("::") {
                        words.insert(word);
                    }
                    behind
                }
            };
        }
    }
    words
}

/// What stands behind the end of a text.
fn behind_text(text: &str) -> &str {
    let mut is_escaped = false;
    let end = text.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    end.map_or("", |end| &text[end + 1..])
}

/// An answer with a token.
struct Answered<'a> {
    /// Its alias in the adapter.
    name: &'static str,
    /// What answers it.
    word: &'static str,
    ty: &'a Ty,
}

/// Generated code has one way to say a thing, and descriptions are the vendor's.
const ALLOWED: &str = "#![allow(clippy::complexity, clippy::style)]\n\
                       #![allow(rustdoc::invalid_html_tags, rustdoc::bare_urls, rustdoc::broken_intra_doc_links)]\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::adapter::credentials::{Conflict, conflicts};
    use crate::lower::lower;
    use crate::read::spec::Spec;

    /// A spec with this `x-token` and these properties in the request and the answer of its one operation.
    fn model(x_token: &str, request: &str, answer: &str) -> Model {
        let text = format!(
            r#"
openapi: 3.0.3
info: {{ title: Acme, version: "1" }}
servers: [{{ url: "https://acme.example" }}]
x-token: {x_token}
paths:
  /in:
    post:
      operationId: log_in
      security: [{{ app: [] }}]
      requestBody: {{ required: true, content: {{ application/json: {{ schema: {{ type: object, {request} }} }} }} }}
      responses:
        "200": {{ description: A token., content: {{ application/json: {{ schema: {{ type: object, {answer} }} }} }} }}
components: {{ securitySchemes: {{ app: {{ type: http, scheme: basic }} }} }}
"#
        );
        let spec = Spec::parse("specs/acme.yaml", &text).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let x_token = XToken::from_document(&spec).unwrap_or_else(|problems| panic!("{}", problems[0]));
        lower(&spec, x_token)
    }

    /// The adapter, but for how it is laid out.
    fn adapter(x_token: &str, request: &str, answer: &str) -> String {
        let model = model(x_token, request, answer);
        let source = source(&model).unwrap().unwrap();
        squeezed(&source)
    }

    /// Without spaces, line breaks and last commas.
    fn squeezed(source: &str) -> String {
        source.split_whitespace().collect::<String>().replace(",)", ")").replace(",}", "}")
    }

    const LOGIN: &str = "{ login: { operation: log_in }, response: { access-token: /token } }";
    const TOKEN: &str = "properties: { token: { type: string, format: password } }";

    #[track_caller]
    fn has(source: &str, wanted: &[&str]) {
        for wanted in wanted {
            assert!(source.contains(&squeezed(wanted)), "no `{wanted}` in\n{source}");
        }
    }

    #[test]
    fn credentials_are_what_the_login_sends_but_its_constants() {
        let source = adapter(
            LOGIN,
            "required: [grant_type, userName], properties: { grant_type: { type: string, enum: [password] }, \
             userName: { type: string }, type: { type: string }, days: { type: integer } }",
            TOKEN,
        );
        has(
            &source,
            &[
                "pub client_id: Secret,",
                "pub client_secret: Secret,",
                "pub user_name: String,",
                "pub type_: Option<String>,",
                "pub days: Option<i64>",
                "user_name: credentials.user_name.clone(),",
                "days: credentials.days",
                "::freshtoken_acme::Credentials { client_id: credentials.client_id.clone(),",
            ],
        );
        assert!(!source.contains("grant_type"), "{source}");
    }

    #[test]
    fn only_what_is_used_is_imported_whatever_descriptions_and_schemas_are_named() {
        let request = "properties: { Lifetime: { description: A Secret Duration. Takes a Refresh., type: string } }";
        let source = adapter(LOGIN, request, TOKEN);
        has(
            &source,
            &[
                "use crate::{CredentialSource, EnvError, Failure, FromEnv, Issued, Policy, Renew, Secret, Variable, Vendor};",
            ],
        );
        assert!(!source.contains("::std::time"), "{source}");
    }

    #[test]
    fn equal_names_are_one_credential_and_a_secret_where_one_of_them_is() {
        let source = adapter(LOGIN, "required: [client_id], properties: { client_id: { type: string } }", TOKEN);
        assert_eq!(source.matches("pubclient_id:").count(), 1, "{source}");
        has(&source, &["client_id: credentials.client_id.expose().to_owned()"]);
    }

    #[test]
    fn types_that_can_not_be_one_credential_are_a_conflict() {
        let found =
            |ty: &str| conflicts(&model(LOGIN, &format!("properties: {{ client_id: {{ type: {ty} }} }}"), TOKEN));
        assert!(found("string").is_empty());
        let in_ = |ty: &str| ("log_in".to_owned(), ty.to_owned());
        let conflict = Conflict { name: "client_id".to_owned(), first: in_("Secret"), second: in_("i64") };
        assert_eq!(found("integer"), [conflict]);
    }

    #[test]
    fn a_property_inside_an_object_is_named_by_its_path() {
        let source = adapter(
            LOGIN,
            "required: [auth], properties: { auth: { type: object, required: [user, kind], properties: { kind: { type: \
             string, enum: [a] }, user: { type: object, required: [name], properties: { name: { type: string } } } } } }",
            TOKEN,
        );
        has(&source, &["pub auth_user_name: String", "name: credentials.auth_user_name.clone()"]);
    }

    #[test]
    fn an_optional_object_is_sent_where_a_credential_of_it_is_given() {
        let device = |required: &str| {
            format!(
                "properties: {{ device: {{ type: object, required: {required}, properties: {{ kind: {{ type: string, enum: \
                 [server] }}, id: {{ type: string }} }} }} }}"
            )
        };
        let needs_an_id = adapter(LOGIN, &device("[kind, id]"), TOKEN);
        has(
            &needs_an_id,
            &[
                "pub device_id: Option<String>",
                "device: match credentials.device_id.is_some() {",
                "id: adapter::needed(\"device_id\", &credentials.device_id)?.clone()",
            ],
        );
        let needs_nothing = adapter(LOGIN, &device("[kind]"), TOKEN);
        has(&needs_nothing, &["{ id: credentials.device_id.clone() })"]);
        assert!(!needs_nothing.contains("matchcredentials"), "constants are sent: {needs_nothing}");
    }

    #[test]
    fn an_x_name_names_field_and_credential_and_changes_nothing_on_the_wire() {
        let source = adapter(
            LOGIN,
            "required: [host-fqdn, host_fqdn, place], properties: { host-fqdn: { type: string, x-name: dashed }, host_fqdn: \
             { type: string }, place: { type: object, x-name: site, properties: { id: { type: string, x-name: key } } } }",
            TOKEN,
        );
        has(
            &source,
            &[
                "pub dashed: String,",
                "pub host_fqdn: String,",
                "pub site_key: Option<String>",
                "dashed: credentials.dashed.clone(),",
                "site: types::LogInBodySite { key: credentials.site_key.clone() }",
            ],
        );
    }

    #[test]
    fn a_refresh_with_the_request_of_the_login_sends_its_token_and_the_login_does_not() {
        let source = adapter(
            "{ login: { operation: log_in }, refresh: { operation: log_in, token: rt }, response: { access-token: /token, \
             refresh-token: /next } }",
            "properties: { rt: { type: string, format: password } }",
            "properties: { token: { type: string, format: password }, next: { type: string, format: password, nullable: true } }",
        );
        has(
            &source,
            &[
                "{ rt: None }",
                "{ rt: Some(refresh_token.clone()) }",
                ".refresh(Refresh::Reusable).renew(Renew::Early(0.75))",
            ],
        );
        assert!(!source.contains("pubrt"), "{source}");
    }

    #[test]
    fn the_policy_has_the_defaults_of_the_reference() {
        let policy = |words: &str| {
            let refresh = "refresh: { operation: log_in, token: rt, single-use: true }";
            let response = "response: { access-token: /token, refresh-token: /token }";
            let source = adapter(
                &format!("{{ {refresh}, {response} {words} }}"),
                "properties: { rt: { type: string, format: password } }",
                TOKEN,
            );
            let start = source.find("Policy::new").unwrap();
            source[start..].split(';').next().unwrap().to_owned()
        };
        assert_eq!(policy(""), "Policy::new(\"acme\").login(false).refresh(Refresh::SingleUse).renew(Renew::AtExpiry)");
        let words = ", renew: { before: 2m }, lifetime: none, use: { header: X-Key, prefix: none }";
        has(
            &policy(words),
            &[
                ".renew(Renew::Before(Duration::from_secs(120)))",
                ".lifetime(Lifetime::Never).header(\"x-key\").prefix(\"\")",
            ],
        );
    }

    #[test]
    fn credentials_that_go_with_each_call_are_added() {
        let source = adapter(
            "{ login: { operation: log_in }, use: { also: { X-Site: site } }, response: { access-token: /token } }",
            "required: [site], properties: { site: { type: integer } }",
            TOKEN,
        );
        has(
            &source,
            &[
                "let answered = client.log_in_answered(",
                "let issued = adapter::issued::<_, ErrorBody>(answered)?; Ok(with_also(issued, &credentials))",
                "HeaderName::from_static(\"x-site\"), Secret::new(credentials.site.to_string())",
            ],
        );
    }

    #[test]
    fn without_a_grant_there_is_no_adapter() {
        let mut model = model(LOGIN, "properties: {}", TOKEN);
        model.x_token = None;
        assert!(source(&model).unwrap().is_none());
    }
}
