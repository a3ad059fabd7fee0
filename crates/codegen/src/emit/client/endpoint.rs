//! The `Endpoint` of a client: a constructor for each server, the settings, and the HTTP client.

use crate::docs;
use crate::emit::layout::{Code, signature};
use crate::emit::settings;
use crate::emit::settings::{Setting, settings, template};
use crate::emit::types::or;
use crate::lower::model::{Model, Operation, Server};
use crate::read::x_token::XToken;
use crate::read::x_token::refresh::TenantSetting;

const AT_DOCS: &str = "Returns an endpoint with this base URL, which can have a path and a trailing slash.\n\n# Errors\n\n\
                       Returns an error if no secret may be sent there: the URL is not absolute, is neither `https://` nor \
                       `http://` on this machine, or has a user, a query or a fragment.";

const HTTP_CLIENT_DOCS: &str = "Sends the requests with your own HTTP client, of reqwest 0.13.\n\nBuild it with \
    [`http_client_builder`](crate::http_client_builder). Such a client follows no redirects, keeps no cookies, and opens a \
    connection for each request. A client that follows redirects can send credentials to another host. A client that keeps \
    idle connections can lose a single-use refresh token, because the server may close a connection just as the request \
    arrives; prevent this with `pool_max_idle_per_host(0)`.\n\nA request times out after 30 seconds, whatever timeout the \
    client has. Names below `localhost` resolve with the default client only.";

/// Returns the struct `Endpoint` with everything that belongs to it.
pub fn source(model: &Model) -> String {
    let settings = settings(model);
    let constructors = model.servers.iter().map(|server| constructor(model, server, &settings));
    let setters = settings.iter().filter(|setting| setting.has_setter()).map(setter);
    let tenant = model.x_token.as_ref().and_then(XToken::tenant_setting);
    let (field, new) = if settings.is_empty() {
        ("", String::new())
    } else {
        ("    settings: Settings,\n", format!("            {},\n", new_settings(&settings)))
    };
    let others = || model.on_other_hosts();
    let other_fields = others().map(|operation| format!("    {}: Option<String>,\n", url_field(operation)));
    let new_others = others().map(|operation| format!("            {}: None,\n", url_field(operation)));
    format!(
        "\
/// The base URL and the HTTP client of the requests.
///
/// Clones share the HTTP client.
#[derive(Clone)]
pub struct Endpoint {{
    url: String,
    http: Http,
{other_fields}{tenant_field}{field}}}
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
{new_others}{new_tenant}{new}        }}
    }}

{other_setters}{setters}{tenant_setter}{http_docs}    pub fn http_client(mut self, client: ::reqwest::Client) -> Self {{
        self.http = client.into();
        self
    }}

    /// Identifies the server without secrets, for the keys of the facade's stores.
    #[doc(hidden)]
    pub fn server_key(&self) -> String {{
{key}
    }}
{for_texts}}}

{base_url}
/// Prints no field, because a URL can contain secrets.
impl ::std::fmt::Debug for Endpoint {{
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {{
        f.debug_struct(\"Endpoint\").finish_non_exhaustive()
    }}
}}
",
        tenant_field = tenant.map_or("", |_| "    is_single_use: bool,\n"),
        new_tenant = tenant.map(|of| format!("            is_single_use: {},\n", of.default)).unwrap_or_default(),
        tenant_setter = tenant.map(tenant_setter).unwrap_or_default(),
        settings_type = settings_type(&settings),
        constructors = constructors.collect::<String>(),
        other_fields = other_fields.collect::<String>(),
        new_others = new_others.collect::<String>(),
        at_docs = docs::comment(&at_docs(model), "    "),
        other_setters = others().map(url_setter).collect::<String>(),
        setters = setters.collect::<String>(),
        http_docs = docs::comment(&http_client_docs(model), "    "),
        key = server_key(&settings).lines(8, ""),
        for_texts = for_texts(model, &settings),
        base_url = base_url(&settings),
    )
}

/// Returns the docs of `http_client`.
fn http_client_docs(model: &Model) -> String {
    let has_certificate = model.x_token.as_ref().is_some_and(XToken::has_certificate);
    let note = if has_certificate {
        "\n\nA client that authenticates with a certificate must have it: that of the credentials is not added to it."
    } else {
        ""
    };
    format!("{HTTP_CLIENT_DOCS}{note}")
}

/// Returns the docs of `at`.
fn at_docs(model: &Model) -> String {
    let others: Vec<String> =
        model.on_other_hosts().map(|operation| format!("[`{0}`](Self::{0})", url_setter_name(operation))).collect();
    if others.is_empty() {
        return AT_DOCS.to_owned();
    }
    let note = format!(
        "\n\nAll operations go there, also those that the vendor has on another host, unless {} sets another base URL \
         for them.\n\n# Errors",
        others.join(" or ")
    );
    AT_DOCS.replacen("\n\n# Errors", &note, 1)
}

/// Returns the field with the base URL of an operation on another host. It is `None` after `at`.
pub fn url_field(operation: &Operation) -> String {
    format!("{}_url", operation.base_stem())
}

/// Returns the name of the method that sets the base URL of an operation on another host.
pub fn url_setter_name(operation: &Operation) -> String {
    format!("{}_at", operation.base_stem())
}

/// Returns the method that sets the base URL of an operation on another host.
fn url_setter(operation: &Operation) -> String {
    let docs = format!(
        "Sends `{}` to this base URL, which can have a path and a trailing slash.\n\nThe vendor has this operation on \
         another host. The constructor of a server knows that host, and [`at`](Self::at) does not.\n\n# Errors\n\nReturns \
         an error as [`at`](Self::at) does.",
        operation.id
    );
    format!(
        "{docs}    pub fn {name}(mut self, base_url: impl Into<String>) -> Result<Self, Error> {{
        let base_url = base_url.into();
        ::freshtoken_wire::check(&base_url)?;
        self.{field} = Some(base_url);
        Ok(self)
    }}

",
        docs = docs::comment(&docs, "    "),
        name = url_setter_name(operation),
        field = url_field(operation),
    )
}

/// Returns the methods with which the adapter reads what its computed values contain.
fn for_texts(model: &Model, settings: &[Setting<'_>]) -> String {
    let mut methods = String::new();
    if model.x_token.as_ref().is_some_and(XToken::has_certificate) {
        methods.push_str(
            "
    /// Returns the endpoint with a credential as the client's certificate for TLS.
    #[doc(hidden)]
    pub fn certified(mut self, credential: &'static str, pem: &Secret) -> Self {
        self.http = self.http.certified(credential, pem);
        self
    }
",
        );
    }
    let login = model.x_token.as_ref().and_then(|x_token| x_token.login.as_ref());
    if login.is_some_and(|login| login.then.iter().any(|then| then.server.is_some())) {
        methods.push_str(
            "
    /// Returns the endpoint at a base URL from a response, if it is on one of these hosts, or below one.
    #[doc(hidden)]
    pub fn received(mut self, url: &str, hosts: &[&str]) -> Result<Self, Error> {
        let own = base_url(&self)?.into_owned();
        self.url = ::freshtoken_wire::received_base_url(url, &own, hosts)?;
        Ok(self)
    }
",
        );
    }
    let needs_base = |x_token: &XToken| x_token.computed_names().1 || x_token.use_.calls_own_server();
    if model.x_token.as_ref().is_some_and(needs_base) {
        methods.push_str(
            "
    /// Returns the base URL without a slash at its end.
    #[doc(hidden)]
    pub fn text_base(&self) -> Result<String, Error> {
        Ok(base_url(self)?.trim_end_matches('/').to_owned())
    }
",
        );
    }
    if settings.iter().any(|setting| setting.is_computed_with) {
        let used = settings.iter().filter(|setting| setting.is_computed_with);
        let arms = used.map(|setting| {
            let (name, read) = (&setting.name, if setting.is_secret() { "expose" } else { "as_str" });
            format!("            {name:?} => self.settings.{name}.{read}(),\n")
        });
        let arms: String = arms.collect();
        methods.push_str(&format!(
            "
    /// Returns a setting, for a computed value.
    #[doc(hidden)]
    pub fn text_setting(&self, name: &'static str) -> Result<&str, Error> {{
        let value = match name {{
{arms}            _ => \"\",
        }};
        if value.is_empty() {{ Err(Error::missing_setting(name)) }} else {{ Ok(value) }}
    }}
"
        ));
    }
    methods
}

/// Returns the settings that occur in the URL of a server.
fn in_url<'s, 'a>(settings: &'s [Setting<'a>]) -> impl Iterator<Item = &'s Setting<'a>> {
    settings.iter().filter(|setting| !setting.variables.is_empty())
}

/// Returns the name and the value of a setting, read from `owner`.
fn pair(setting: &Setting<'_>, owner: &str) -> Code {
    let (name, read) = (&setting.name, if setting.is_secret() { "expose" } else { "as_str" });
    Code::text(format!("({name:?}, {owner}.settings.{name}.{read}())"))
}

fn server_key(settings: &[Setting<'_>]) -> Code {
    // A secret is left out: its name stays in the URL, in braces.
    let variables = in_url(settings).filter(|setting| !setting.is_secret()).map(|setting| pair(setting, "self"));
    let params = settings.iter().filter(|setting| setting.param.is_some() && !setting.is_secret());
    let inputs = vec![
        Code::text("&self.http"),
        Code::text("&self.url"),
        Code::list("&[", variables.collect()),
        Code::list("&[", params.map(|setting| pair(setting, "self")).collect()),
    ];
    Code::list("::freshtoken_wire::server_key(", inputs)
}

/// Returns the function that checks the settings and expands them in the URL.
fn base_url(settings: &[Setting<'_>]) -> String {
    let missing = settings.iter().filter(|setting| setting.param.is_some()).map(|Setting { name, .. }| {
        format!(
            "    if endpoint.settings.{name}.is_empty() {{
        return Err(Error::missing_setting({name:?}));
    }}
"
        )
    });
    let base_url = match expanded("&endpoint.url", settings) {
        None => Code::text("Ok(endpoint.url.as_str().into())"),
        Some(expanded) => Code::row([Code::text("Ok("), expanded, Code::text(".into())")]),
    };
    format!(
        "\
/// Returns the base URL with its settings. It is not a method, because a setting can have its name.
fn base_url(endpoint: &Endpoint) -> Result<::std::borrow::Cow<'_, str>, Error> {{
{missing}{base_url}
}}
",
        missing = missing.collect::<String>(),
        base_url = base_url.lines(4, ""),
    )
}

/// Returns the expression that expands the settings in a URL; none if no URL has one.
fn expanded(url: &str, settings: &[Setting<'_>]) -> Option<Code> {
    let variables: Vec<Code> = in_url(settings).map(|setting| pair(setting, "endpoint")).collect();
    if variables.is_empty() {
        return None;
    }
    let inputs = vec![Code::text(url), Code::list("&[", variables)];
    Some(Code::row([Code::list("::freshtoken_wire::expand(", inputs), Code::text("?")]))
}

/// Returns the field of the client with the target of an operation.
pub fn target_field(operation: &Operation) -> String {
    if operation.servers.is_empty() { "target".to_owned() } else { format!("{}_target", operation.base_stem()) }
}

/// Returns the statement that makes the target of an operation on another host.
pub fn target(operation: &Operation, settings: &[Setting<'_>]) -> Code {
    let url = match expanded("url", settings) {
        None => Code::text("url"),
        Some(expanded) => Code::row([Code::text("&"), expanded]),
    };
    let made = Code::list("Target::new(", vec![url, Code::text("&endpoint.http")]);
    let arms =
        vec![Code::headed("Some(url) => ", Code::row([made, Code::text("?")])), Code::text("None => target.clone()")];
    let of = Code::braces(&format!("match &endpoint.{}", url_field(operation)), arms);
    Code::row([Code::text(format!("let {} = ", target_field(operation))), of])
}

/// Returns the struct of the settings. They have a struct because a setting can be named like a field of `Endpoint`.
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

/// Returns the constructor of a server. Its arguments are the variables without a default.
fn constructor(model: &Model, server: &Server, settings: &[Setting<'_>]) -> String {
    let Server { name, url, docs, .. } = server;
    let arguments = settings::arguments(settings, server);
    let variable = |setting: &Setting<'_>| {
        let mut of_server = setting.variables.iter().filter(|(of, _)| of.name == *name);
        of_server.next().map_or_else(String::new, |(_, variable)| docs::first_sentence(&variable.docs))
    };
    let described = arguments.iter().map(|setting| format!("- `{}`: {}", setting.name, or(&variable(setting), IN_URL)));
    let described = described.collect::<Vec<_>>().join("\n");
    let heading = if arguments.is_empty() { "" } else { "\n\n# Arguments\n\n" };
    let docs = format!("{}\n\n`{url}`{heading}{described}", or(docs, &format!("The server `{name}`.")));
    let given =
        arguments.iter().map(|Setting { name, .. }| format!("        endpoint.settings.{name} = {name}.into();\n"));
    let defaults = server.variables.iter().filter_map(|variable| {
        let (name, default) = (variable.field(), variable.default.as_ref()?);
        Some(format!("        endpoint.settings.{name} = {default:?}.into();\n"))
    });
    let others = model.on_other_hosts().filter_map(|operation| {
        let other = operation.servers.iter().find(|other| other.name == *name)?;
        let (field, url) = (url_field(operation), template(other));
        Some(format!("        endpoint.{field} = Some({:?}.into());\n", url.trim_end_matches('/')))
    });
    let set: String = given.chain(defaults).chain(others).collect();
    let at = format!("Self::unchecked({:?})", template(server).trim_end_matches('/'));
    let body = if set.is_empty() {
        format!("        {at}\n")
    } else {
        format!("        let mut endpoint = {at};\n{set}        endpoint\n")
    };
    let inputs = arguments.iter().map(|setting| format!("{}: impl Into<{}>", setting.name, setting.ty())).collect();
    let head = signature(4, &format!("pub fn {name}"), inputs, "Self");
    format!("{}{head}\n{body}    }}\n\n", docs::comment(&docs, "    "))
}

/// The docs of a variable without a description.
const IN_URL: &str = "A part of the URL.";

fn setter(setting: &Setting<'_>) -> String {
    let (name, ty) = (&setting.name, setting.ty());
    let what = match (setting.param, setting.variables.first()) {
        (Some(param), _) => format!("Sets `{}` in the paths. It is required.", param.name),
        (None, Some((_, variable))) if setting.is_computed_with => format!(
            "Sets `{}` in the URL of the server, and in what requests compute. With a custom base URL, it is required.",
            variable.name
        ),
        (None, Some((_, variable))) => format!("Sets `{}` in the URL of the server.", variable.name),
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

/// Returns the method that makes the other choice than the default, and the one with which the adapter asks for it.
fn tenant_setter(setting: &TenantSetting) -> String {
    let (what, name) = (if setting.default { "is off" } else { "is on" }, &setting.setting);
    let then = if setting.default { "a refresh token works any number of times" } else { "a refresh token works once" };
    let description = setting.description.as_deref().unwrap_or_default();
    let docs = format!("Declares that `{name}` {what} in the tenant: {then}.\n\n{description}");
    format!(
        "{docs}    pub fn {method}(mut self) -> Self {{
        self.is_single_use = {choice};
        self
    }}

    /// Whether a refresh token works once.
    #[doc(hidden)]
    pub fn is_single_use(&self) -> bool {{
        self.is_single_use
    }}

",
        docs = docs::comment(&docs, "    "),
        method = setting.method(),
        choice = !setting.default,
    )
}
