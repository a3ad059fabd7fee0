//! The public face of a vendor crate: `Client`, `Endpoint`, `Credentials`, and one method per operation. Progenitor's
//! client is behind it: see `operations`.

use indexmap::IndexMap;

use crate::docs;
use crate::emit::errors;
use crate::emit::errors::{Bodies, body_type};
use crate::emit::layout::{Code, signature};
use crate::emit::operations::Progenitor;
use crate::emit::operations::document;
use crate::emit::settings;
use crate::emit::settings::{Setting, settings, template};
use crate::emit::token_response;
use crate::emit::types::or;
use crate::ident;
use crate::lower::descriptions::plain;
use crate::lower::model::{Body, Model, Operation, Param, Place, SchemeKind, Server, Ty};
use crate::read::x_token::{Basic, Encode};

/// A credential of the client's own.
#[derive(Debug, PartialEq)]
pub struct Credential {
    /// Its field in `Credentials`.
    pub name: String,
    /// Only some operations need it.
    pub optional: bool,
    pub docs: String,
}

/// What the vendor's operations authenticate with, in the order of their use.
pub fn credentials(model: &Model) -> Vec<Credential> {
    let mut found: IndexMap<String, Credential> = IndexMap::new();
    let needed = needed_by(model);
    for operation in &model.operations {
        for scheme in &operation.security {
            for name in scheme_credentials(model, &scheme.name, &scheme.kind) {
                let optional = !needed.contains(&name);
                let credential = Credential { name: name.clone(), optional, docs: scheme.docs.clone() };
                found.entry(name).or_insert(credential);
            }
        }
    }
    found.into_values().collect()
}

/// The credentials that a client can't do without: the login's, else the refresh's, else those of every operation.
fn needed_by(model: &Model) -> Vec<String> {
    let of = |operation: &Operation| -> Vec<String> {
        operation.security.iter().flat_map(|scheme| scheme_credentials(model, &scheme.name, &scheme.kind)).collect()
    };
    let x_token = model.x_token.as_ref();
    let login = x_token.and_then(|x_token| x_token.login.as_ref()).map(|login| &login.operation);
    let refresh = x_token.and_then(|x_token| x_token.refresh.as_ref()).map(|refresh| &refresh.operation);
    if let Some(operation) = login.or(refresh).and_then(|id| model.operation(&ident::snake(id))) {
        return of(operation);
    }
    let mut operations = model.operations.iter().map(of);
    let first = operations.next().unwrap_or_default();
    operations.fold(first, |all, of| all.into_iter().filter(|name| of.contains(name)).collect())
}

/// The credentials that a scheme takes.
pub fn scheme_credentials(model: &Model, name: &str, kind: &SchemeKind) -> Vec<String> {
    match kind {
        SchemeKind::Token => Vec::new(),
        SchemeKind::Basic => {
            let names = basic(model).names;
            names.iter().filter(|name| !name.is_empty()).map(|name| ident::snake(name)).collect()
        }
        _ => vec![ident::snake(name)],
    }
}

fn basic(model: &Model) -> Basic {
    model.x_token.as_ref().map(|x_token| x_token.basic.clone()).unwrap_or_default()
}

/// The module of the client, as source.
pub fn source(model: &Model, made: &Progenitor) -> Result<String, String> {
    let credentials = credentials(model);
    let bodies = errors::bodies(model);
    let methods: Result<String, String> =
        model.operations.iter().map(|operation| method(model, made, operation, &credentials, &bodies)).collect();
    let has_credentials = !credentials.is_empty();
    let settings = settings(model);
    let credentials_docs = match has_credentials {
        false => "",
        true => "\n\nThe credentials stay in the client as long as it lives, and are wiped from memory with it.",
    };
    let missing = if settings.is_empty() { "" } else { ", or a setting of the endpoint is missing" };
    let new_docs = format!(
        "A client for an endpoint.{credentials_docs}\n\n# Errors\n\nWhen the endpoint's base URL isn't one that secrets \
         may be sent to{missing}. No request is made."
    );
    let client_docs = format!(
        "A client of “{}”: one method per operation.\n\nIt is cheap to clone, and its clones share their connections.",
        model.title
    );
    let mut inputs = vec!["endpoint: Endpoint".to_owned()];
    inputs.extend(has_credentials.then(|| "credentials: Credentials".to_owned()));
    // Only paths have any that a method needs.
    let has_settings = settings.iter().any(|setting| setting.param.is_some());
    Ok(format!(
        "\
use ::freshtoken_wire::{{Call, Http, Operation, Target}};
#[allow(unused_imports)]
use ::freshtoken_wire::{{Answered, Secret, tokens}};
use ::reqwest::header::HeaderValue;
#[allow(unused_imports)]
use crate::{{
    error::{{Error, ErrorBody}},
    progenitor, types,
}};

const USER_AGENT: &str = concat!(env!(\"CARGO_PKG_NAME\"), \"/\", env!(\"CARGO_PKG_VERSION\"));
{statics}
{endpoint}{credentials_type}
{client_docs}#[derive(Clone, Debug)]
pub struct Client {{
    target: Target,
{held}{fields}}}

impl Client {{
{new_docs}{new}
        let target = Target::new(&base_url(&endpoint)?, &endpoint.http)?;
        Ok(Self {{ target{given}{taken} }})
    }}
{methods}}}
",
        statics = model.operations.iter().map(|operation| operation_static(model, operation)).collect::<String>(),
        endpoint = endpoint(model),
        credentials_type = credentials_type(model, &credentials),
        client_docs = docs::comment(&client_docs, ""),
        held = if has_credentials { "    credentials: Credentials,\n" } else { "" },
        fields = if has_settings { "    settings: Settings,\n" } else { "" },
        new_docs = docs::comment(&new_docs, "    "),
        new = signature(4, "pub fn new", inputs, "Result<Self, Error>"),
        given = if has_credentials { ", credentials" } else { "" },
        taken = if has_settings { ", settings: endpoint.settings" } else { "" },
        methods = methods?,
    ))
}

/// The value of a path parameter that belongs to the endpoint. A secret to one operation is one to all.
fn setting_of(model: &Model, param: &Param) -> String {
    let field = param.field();
    match settings(model).iter().any(|setting| setting.name == field && setting.is_secret()) {
        true => format!("self.settings.{field}.expose()"),
        false => format!("&self.settings.{field}"),
    }
}

fn endpoint(model: &Model) -> String {
    let settings = settings(model);
    let constructors = model.servers.iter().map(|server| constructor(server, &settings));
    let setters = settings.iter().filter(|setting| setting.has_setter()).map(setter);
    let missing = settings.iter().filter(|setting| setting.param.is_some()).map(|Setting { name, .. }| {
        format!(
            "    if endpoint.settings.{name}.is_empty() {{
        return Err(Error::missing_setting({name:?}));
    }}
"
        )
    });
    let value = |setting: &Setting<'_>, of: &str| {
        let (name, read) = (&setting.name, if setting.is_secret() { "expose" } else { "as_str" });
        Code::text(format!("({name:?}, {of}.settings.{name}.{read}())"))
    };
    let in_url = || settings.iter().filter(|setting| !setting.variables.is_empty());
    let base_url = match in_url().next() {
        None => Code::text("Ok(endpoint.url.as_str().into())"),
        Some(_) => {
            let variables = in_url().map(|setting| value(setting, "endpoint")).collect();
            let expanded = vec![Code::text("&endpoint.url"), Code::list("&[", variables)];
            Code::row([Code::text("Ok("), Code::list("::freshtoken_wire::expand(", expanded), Code::text("?.into())")])
        }
    };
    // A secret stays in its braces.
    let key_variables = in_url().filter(|setting| !setting.is_secret()).map(|setting| value(setting, "self"));
    let key_settings = settings.iter().filter(|setting| setting.param.is_some() && !setting.is_secret());
    let key = vec![
        Code::text("&self.http"),
        Code::text("&self.url"),
        Code::list("&[", key_variables.collect()),
        Code::list("&[", key_settings.map(|setting| value(setting, "self")).collect()),
    ];
    let at_docs = "Returns an endpoint at another base URL, with or without a path and a trailing slash.\n\n# Errors\n\n\
                   If no secret may be sent there: the URL is not absolute, is neither `https://` nor `http://` on this \
                   machine, or has a user, a query or a fragment.";
    let http_docs = "Sends the requests with an HTTP client of your own, of reqwest 0.13.\n\nBuild it from \
                     [`http_client_builder`](crate::http_client_builder), which follows no redirects, keeps no cookies, \
                     and opens a connection for each request. A client that follows redirects may send credentials on to \
                     wherever a redirect points. One that keeps connections may lose a refresh token that works once, \
                     because a server may close an idle connection just as the request arrives: turn that off with \
                     `pool_max_idle_per_host(0)`. A request takes 30 seconds at most, whatever the client's own limit \
                     is. Names below `localhost` are for the default client only.";
    let (field, new) = match settings.is_empty() {
        true => ("", String::new()),
        false => ("    settings: Settings,\n", format!("            {},\n", new_settings(&settings))),
    };
    format!(
        "\
/// Where the requests go, and what carries them. Clones share one HTTP client, and so its connections.
#[derive(Clone)]
pub struct Endpoint {{
    url: String,
    http: Http,
{field}}}
{settings_type}
impl Endpoint {{
{constructors}{at_docs}    pub fn at(base_url: impl Into<String>) -> Result<Self, Error> {{
        let base_url = base_url.into();
        ::freshtoken_wire::check(&base_url)?;
        Ok(Self::unchecked(base_url))
    }}

    fn unchecked(base_url: impl Into<String>) -> Self {{
        Self {{
            url: base_url.into(),
            http: Http::default(),
{new}        }}
    }}

{setters}{http_docs}    pub fn http_client(mut self, client: ::reqwest::Client) -> Self {{
        self.http = client.into();
        self
    }}

    /// For the facade's keys: which server this is, without secrets.
    #[doc(hidden)]
    pub fn server_key(&self) -> String {{
{key}
    }}
}}

/// No method: a setting may have its name.
fn base_url(endpoint: &Endpoint) -> Result<::std::borrow::Cow<'_, str>, Error> {{
{missing}{base_url}
}}

/// Nothing of it is printed: a URL can hold secrets.
impl ::std::fmt::Debug for Endpoint {{
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {{
        f.debug_struct(\"Endpoint\").finish_non_exhaustive()
    }}
}}
",
        settings_type = settings_type(&settings),
        constructors = constructors.collect::<String>(),
        at_docs = docs::comment(at_docs, "    "),
        setters = setters.collect::<String>(),
        http_docs = docs::comment(http_docs, "    "),
        key = Code::list("::freshtoken_wire::server_key(", key).lines(8, ""),
        missing = missing.collect::<String>(),
        base_url = base_url.lines(4, ""),
    )
}

/// The struct of the settings: of its own, so that a setting may be named like another field of its owner.
fn settings_type(settings: &[Setting<'_>]) -> String {
    if settings.is_empty() {
        return String::new();
    }
    let fields = settings.iter().map(|setting| format!("    {}: {},\n", setting.name, setting.ty()));
    format!("\n#[derive(Clone, Debug)]\nstruct Settings {{\n{}}}\n", fields.collect::<String>())
}

fn new_settings(settings: &[Setting<'_>]) -> String {
    let fields = settings.iter().map(|Setting { name, .. }| Code::text(format!("{name}: \"\".into()")));
    let new = Code::row([Code::text("settings: "), Code::braces("Settings", fields.collect())]);
    new.lines(12, "").trim_start().to_owned()
}

/// A server's constructor, which asks for what the server can't do without.
fn constructor(server: &Server, settings: &[Setting<'_>]) -> String {
    let Server { name, url, docs, .. } = server;
    let asked = settings::arguments(settings, server);
    let variable = |setting: &Setting<'_>| {
        let mut of_server = setting.variables.iter().filter(|(of, _)| of.name == *name);
        of_server.next().map_or_else(String::new, |(_, variable)| docs::first_sentence(&variable.docs))
    };
    let described = asked.iter().map(|setting| format!("- `{}`: {}", setting.name, or(&variable(setting), IN_URL)));
    let arguments = match asked.is_empty() {
        true => String::new(),
        false => format!("\n\n# Arguments\n\n{}", described.collect::<Vec<_>>().join("\n")),
    };
    let docs = format!("{}\n\n`{url}`{arguments}", or(docs, &format!("The server `{name}`.")));
    let given = asked.iter().map(|Setting { name, .. }| format!("        endpoint.settings.{name} = {name}.into();\n"));
    let defaults = server.variables.iter().filter_map(|variable| {
        let (name, default) = (variable.field(), variable.default.as_ref()?);
        Some(format!("        endpoint.settings.{name} = {default:?}.into();\n"))
    });
    let set: String = given.chain(defaults).collect();
    let at = format!("Self::unchecked({:?})", template(server).trim_end_matches('/'));
    let body = match set.is_empty() {
        true => format!("        {at}\n"),
        false => format!("        let mut endpoint = {at};\n{set}        endpoint\n"),
    };
    let inputs = asked.iter().map(|setting| format!("{}: impl Into<{}>", setting.name, setting.ty())).collect();
    let head = signature(4, &format!("pub fn {name}"), inputs, "Self");
    format!("{}{head}\n{body}    }}\n\n", docs::comment(&docs, "    "))
}

const IN_URL: &str = "A part of the URL.";

fn setter(setting: &Setting<'_>) -> String {
    let (name, ty) = (&setting.name, setting.ty());
    let what = match (setting.param, setting.variables.first()) {
        (Some(param), _) => format!("Sets `{}` in the paths. It has no default.", param.name),
        (None, Some((_, variable))) => format!("Sets `{}` in the server's URL.", variable.name),
        (None, None) => String::new(),
    };
    let described = setting.docs().into_iter().map(|(server, docs)| match server {
        Some(server) => format!("- `{server}`: {}", docs.split_whitespace().collect::<Vec<_>>().join(" ")),
        None => docs.to_owned(),
    });
    let described = described.collect::<Vec<_>>().join("\n");
    format!(
        "{docs}    pub fn {name}(mut self, value: impl Into<{ty}>) -> Self {{
        self.settings.{name} = value.into();
        self
    }}

",
        docs = docs::comment(&format!("{what}\n\n{described}"), "    "),
    )
}

fn credentials_type(model: &Model, credentials: &[Credential]) -> String {
    if credentials.is_empty() {
        return String::new();
    }
    let fields = credentials.iter().map(|Credential { name, optional, docs }| {
        let docs = docs::comment(&or(docs, &format!("`{name}`")), "    ");
        let ty = if *optional { "Option<Secret>" } else { "Secret" };
        format!("{docs}    pub {name}: {ty},\n")
    });
    format!(
        "\n{docs}#[derive(Clone, Debug)]\npub struct Credentials {{\n{fields}}}\n",
        docs = docs::comment(&format!("What “{}” asks of every caller, in headers or in the query.", model.title), ""),
        fields = fields.collect::<String>(),
    )
}

fn static_name(operation: &Operation) -> String {
    format!("{}_OPERATION", operation.id.trim_end_matches('_').to_uppercase())
}

fn operation_static(model: &Model, operation: &Operation) -> String {
    let header = |text: Option<&String>| match text {
        Some(text) => format!("Some(HeaderValue::from_static({text:?}))"),
        None => "None".to_owned(),
    };
    format!(
        "
static {name}: Operation = Operation {{
    id: {id:?},
    method: {method:?},
    accept: {accept},
    content_type: {content_type},
    user_agent: HeaderValue::from_static(USER_AGENT),
{success}
}};
",
        name = static_name(operation),
        id = operation.id,
        method = operation.method,
        accept = header(operation.success.media_type.as_ref()),
        content_type = header(operation.body.as_ref().map(|body| &body.media_type)),
        success = Code::row([Code::text("success: "), token_response::success(model, operation)]).lines(4, ","),
    )
}

/// What a method is handed, besides the body.
pub struct Argument<'a> {
    pub name: String,
    /// None: the token that the operation's bearer scheme carries.
    pub param: Option<&'a Param>,
}

/// The arguments of an operation's method in order, without its body.
pub fn arguments(operation: &Operation) -> Vec<Argument<'_>> {
    // Names of the method's own: an argument of such a name gets a `_`, as one of a keyword does.
    let named = |name: String| match ["call", "client", "result"].contains(&name.as_str()) {
        true => format!("{name}_"),
        false => name,
    };
    let schemes = operation.security.iter().filter(|scheme| scheme.kind == SchemeKind::Token);
    let tokens = schemes.map(|scheme| Argument { name: named(ident::snake(&scheme.name)), param: None });
    let params = operation.params.iter().filter(|param| !param.is_setting && !matches!(param.ty, Ty::Constant(_)));
    tokens.chain(params.map(|param| Argument { name: named(param.field()), param: Some(param) })).collect()
}

fn argument_type(param: &Param) -> String {
    let plain = match &param.ty {
        Ty::Secret => "&Secret".to_owned(),
        Ty::Integer => "i64".to_owned(),
        Ty::Number => "f64".to_owned(),
        Ty::Boolean => "bool".to_owned(),
        ty @ (Ty::Ref(_) | Ty::Delimited(..) | Ty::Timestamp { .. }) => format!("&{}", body_type(ty)),
        Ty::List(item) => format!("&[{}]", body_type(item)),
        Ty::Text | Ty::Any | Ty::Map(_) | Ty::Nullable(_) | Ty::Constant(_) => "&str".to_owned(),
    };
    if param.required { plain } else { format!("Option<{plain}>") }
}

fn method(
    model: &Model,
    made: &Progenitor,
    operation: &Operation,
    credentials: &[Credential],
    bodies: &Bodies,
) -> Result<String, String> {
    let id = &operation.id;
    let arguments = arguments(operation);
    let mut inputs = vec!["&self".to_owned()];
    inputs.extend(arguments.iter().map(|Argument { name, param }| {
        let ty = param.map_or_else(|| "&Secret".to_owned(), argument_type);
        format!("{name}: {ty}")
    }));
    let mut sent = String::new();
    if let Some(Body { component, .. }) = &operation.body {
        inputs.push(format!("body: impl Into<types::{component}>"));
        sent.push_str(&format!("        let body: types::{component} = body.into();\n"));
    }
    let authorize = authorize(model, operation, credentials, &arguments);
    let mutable = if authorize.is_empty() { "" } else { "mut " };
    sent.push_str(&format!("        let {mutable}call = Call::new(&{}, &self.target);\n", static_name(operation)));
    sent.push_str(&authorize);
    // What would lead the path elsewhere is no parameter.
    for param in operation.params.iter().filter(|param| param.place == Place::Path) {
        let name = &param.name;
        let argument = arguments.iter().find(|argument| argument.param.is_some_and(|found| found.name == *name));
        let value = match (argument, &param.ty) {
            (_, Ty::Constant(_)) => continue,
            (None, _) => setting_of(model, param),
            (Some(Argument { name, .. }), Ty::Secret) => format!("{name}.expose()"),
            (Some(Argument { name, .. }), Ty::Ref(_)) => format!("{name}.as_str()"),
            (Some(Argument { name, .. }), Ty::Text) => name.clone(),
            _ => continue,
        };
        sent.push_str(&format!("        call.path_parameter({name:?}, {value})?;\n"));
    }
    let made_arguments = made.arguments.get(id).ok_or_else(|| format!("progenitor made no operation `{id}`"))?;
    let names = document::arguments(operation);
    let handed: Result<Vec<Code>, String> = made_arguments
        .iter()
        .map(|name| match names.iter().zip(&operation.params).find(|(known, _)| *known == name) {
            Some((_, param)) => Ok(Code::text(handed(model, param, &arguments))),
            None if name == "body" => Ok(Code::text("&body")),
            None => Err(format!("progenitor gave `{id}` an argument `{name}` that the spec doesn't have")),
        })
        .collect();
    let call = Code::chain([Code::text("client"), Code::list(format!(".{id}("), handed?), Code::text(".await")]);
    sent.push_str(&format!(
        "        let client = progenitor::Client::new(call);
{result}
",
        result = Code::row([Code::text("let result = "), call]).lines(8, ";"),
    ));
    let success = operation.success.ty.as_ref();
    let seen = success.map_or_else(|| "()".to_owned(), body_type);
    let docs = method_docs(model, operation, bodies);
    let head = signature(4, &format!("pub async fn {id}"), inputs.clone(), &format!("Result<{seen}, Error>"));
    if success.is_none() || !model.returns_token(operation) {
        let finish = if success.is_some() { "finish" } else { "finish_empty" };
        return Ok(format!("\n{docs}{head}\n{sent}        client.inner.{finish}(result)\n    }}\n"));
    }
    let answered = answered_name(model, operation);
    let given = arguments.iter().map(|argument| argument.name.as_str());
    let given: Vec<&str> = given.chain(operation.body.is_some().then_some("body")).collect();
    Ok(format!(
        "
{docs}{head}
        self.{answered}({given}).await?.typed()
    }}

    /// For the facade: what came, before it is read.
    #[doc(hidden)]
{whole}
{sent}        Ok(client.inner.answered(result))
    }}
",
        given = given.join(", "),
        whole = signature(4, &format!("pub async fn {answered}"), inputs, &format!("Result<Answered<{seen}>, Error>")),
    ))
}

/// The method of a login or a refresh that gives what came before it is read.
pub fn answered_name(model: &Model, operation: &Operation) -> String {
    ident::unique(&format!("{}_answered", operation.id.trim_end_matches('_')), |name| model.operation(name).is_some())
}

/// What writes the credentials of an operation into its call.
fn authorize(model: &Model, operation: &Operation, credentials: &[Credential], arguments: &[Argument<'_>]) -> String {
    let credential = |name: &str| {
        let is_optional = credentials.iter().any(|credential| credential.name == name && credential.optional);
        match is_optional {
            true => Code::braces(
                &format!("match &self.credentials.{name}"),
                vec![
                    Code::text("Some(credential) => credential.clone()"),
                    Code::text(format!("None => return Err(call.missing_credential({name:?}))")),
                ],
            ),
            false => Code::text(format!("self.credentials.{name}")),
        }
    };
    let exposed = |name: &str| Code::row([credential(name), Code::text(".expose()")]);
    let borrowed = |name: &str| Code::row([Code::text("&"), credential(name)]);
    let mut tokens = arguments.iter().filter(|argument| argument.param.is_none());
    let calls = operation.security.iter().filter_map(|scheme| {
        let name = ident::snake(&scheme.name);
        Some(match &scheme.kind {
            SchemeKind::Header(header) => ("header", vec![Code::string(&header.to_ascii_lowercase()), exposed(&name)]),
            SchemeKind::Query(parameter) => ("query", vec![Code::string(parameter), borrowed(&name)]),
            SchemeKind::Http(scheme) => ("authorization", vec![Code::string(scheme), borrowed(&name)]),
            SchemeKind::Token => {
                ("authorization", vec![Code::string("Bearer"), Code::text(tokens.next()?.name.as_str())])
            }
            SchemeKind::Basic => {
                let basic = basic(model);
                let half = |name: &str| match name.is_empty() {
                    true => Code::string(""),
                    false => exposed(&ident::snake(name)),
                };
                let encoding = match basic.encode {
                    Encode::Form => "::freshtoken_wire::BasicEncoding::Form",
                    Encode::Raw => "::freshtoken_wire::BasicEncoding::Raw",
                };
                ("basic", vec![Code::text(encoding), half(&basic.names[0]), half(&basic.names[1])])
            }
        })
    });
    let lines = calls.map(|(method, inputs)| {
        // A query takes any text.
        let end = if method == "query" { ";\n" } else { "?;\n" };
        Code::list(format!("call.{method}("), inputs).lines(8, end)
    });
    lines.collect()
}

/// What progenitor's method is handed for a parameter: always text.
fn handed(model: &Model, param: &Param, arguments: &[Argument<'_>]) -> String {
    let argument = arguments
        .iter()
        .find(|argument| argument.param.is_some_and(|found| found.name == param.name && found.place == param.place));
    if let Ty::Constant(value) = &param.ty {
        let value = plain(value);
        return if param.required { format!("{value:?}") } else { format!("Some({value:?})") };
    }
    let Some(Argument { name, .. }) = argument else { return setting_of(model, param) };
    const TEXTS: &str = "iter().map(|item| item.to_string()).collect::<Vec<_>>()";
    let wire_name = &param.name;
    match (&param.ty, param.required) {
        (Ty::Secret, true) => format!("{name}.expose()"),
        (Ty::Ref(_), true) => format!("{name}.as_str()"),
        (Ty::Integer | Ty::Number | Ty::Boolean | Ty::Timestamp { .. }, true) => format!("&{name}.to_string()"),
        (Ty::Delimited(..), true) => format!("&client.inner.list({wire_name:?}, {name})?"),
        (Ty::List(_), true) => format!("&{name}.{TEXTS}"),
        (_, true) => name.clone(),
        (Ty::Secret, false) => format!("{name}.map(|value| value.expose())"),
        (Ty::Ref(_), false) => format!("{name}.map(|value| value.as_str())"),
        (Ty::Integer | Ty::Number | Ty::Boolean | Ty::Timestamp { .. }, false) => {
            format!("{name}.map(|value| value.to_string()).as_deref()")
        }
        (Ty::Delimited(..), false) => {
            format!("{name}.map(|value| client.inner.list({wire_name:?}, value)).transpose()?.as_deref()")
        }
        (Ty::List(_), false) => format!("{name}.map(|value| value.{TEXTS}).as_ref()"),
        (_, false) => name.clone(),
    }
}

fn method_docs(model: &Model, operation: &Operation, bodies: &Bodies) -> String {
    let mut text = or(&operation.summary, &format!("`{} {}`", operation.method, operation.path));
    if !operation.description.is_empty() {
        text = format!("{text}\n\n{}", operation.description);
    }
    let arguments = arguments(operation);
    let described = arguments.iter().filter_map(|argument| {
        let docs = match argument.param {
            Some(param) => docs::first_sentence(&param.docs),
            None => {
                let which = if model.bears_refresh_token(operation) { "refresh" } else { "live" };
                format!("The {which} token, as `Authorization: Bearer …`.")
            }
        };
        (!docs.is_empty()).then(|| format!("- `{}`: {docs}", argument.name))
    });
    let described: Vec<String> = described.collect();
    if !described.is_empty() {
        text = format!("{text}\n\n# Arguments\n\n{}", described.join("\n"));
    }
    let mut errors: Vec<String> = operation
        .errors
        .iter()
        .map(|response| {
            let body = response.ty.as_ref().map(|ty| format!(" ([`ErrorBody::{}`])", errors::variant(bodies, ty)));
            let description = docs::first_sentence(&response.description);
            format!("- {}{}: {description}", response.status.label(), body.unwrap_or_default())
        })
        .collect();
    if errors::can_fail_at_2xx(model, operation) {
        let variant = operation.success.ty.as_ref().map(|ty| errors::variant(bodies, ty)).unwrap_or_default();
        let (status, why) = (operation.success.status.label(), failure_at_2xx(model, operation));
        errors.push(format!("- {status} ([`ErrorBody::{variant}`]): a response {why}."));
    }
    let known = if errors.is_empty() {
        String::new()
    } else {
        format!(" Statuses that the spec knows:\n\n{}", errors.join("\n"))
    };
    let tokens = match model.returns_token(operation) {
        true => {
            " Where the response doesn't match the spec but has an access token, the error holds it: see \
                 [`tokens`](Error::tokens)."
        }
        false => "",
    };
    docs::comment(&format!("{text}\n\n# Errors\n\nSee [`Error`].{tokens}{known}"), "    ")
}

/// What makes a response of 2xx a failure.
fn failure_at_2xx(model: &Model, operation: &Operation) -> &'static str {
    let is_marked = model.failure_marks(operation) != (None, None);
    match (is_marked, model.returns_token(operation)) {
        (true, true) => "that says it is a failure, or has no token",
        (true, false) => "that says it is a failure",
        (false, _) => "without a token",
    }
}
