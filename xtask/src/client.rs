//! The public face of a vendor crate: `Client`, `Endpoint`, `Credentials`, and one method per operation. Progenitor's
//! client is behind it: see `progenitor`.

use indexmap::{IndexMap, IndexSet};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::{
    docs,
    error_body::{self, body_type},
    format, ident,
    lower::plain,
    model::{Model, Operation, Param, Place, SchemeKind, Ty, Variable},
    openapi,
    progenitor::Progenitor,
    types::or,
    x_token::{Basic, Encode},
};

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
    let endpoint = endpoint(model);
    let credentials = credentials(model);
    let constants = model.operations.iter().map(operation_constant);
    let methods: Result<Vec<TokenStream>, String> =
        model.operations.iter().map(|operation| method(model, made, operation, &credentials)).collect();
    let methods = methods?;
    let setting_list = settings(model);
    let settings: Vec<syn::Ident> = setting_list.iter().map(|setting| format_ident!("{}", setting.name)).collect();
    let setting_types: Vec<TokenStream> = setting_list.iter().map(Setting::ty).collect();
    let held = (!credentials.is_empty()).then(|| quote!(credentials: Credentials,));
    let taken = (!credentials.is_empty()).then(|| quote!(credentials: Credentials));
    let given = (!credentials.is_empty()).then(|| quote!(credentials,));
    let credentials_type = credentials_type(model, &credentials);
    let client_docs = docs::outer(&format!(
        "A client of “{}”: one method per operation.\n\nIt is cheap to clone, and its clones share their connections.",
        model.title
    ));
    let credentials_docs = match credentials.is_empty() {
        true => "",
        false => "\n\nThe credentials stay in the client as long as it lives, and are wiped from memory with it.",
    };
    let missing = if setting_list.is_empty() { "" } else { ", or a setting of the endpoint is missing" };
    let new_docs = docs::outer(&format!(
        "A client for an endpoint.{credentials_docs}\n\n# Errors\n\nWhen the endpoint's base URL isn't one that secrets \
         may be sent to{missing}. No request is made."
    ));
    let items = quote! {
        use ::freshtoken_wire::{Call, Http, Operation, Target};
        #[allow(unused_imports)]
        use ::freshtoken_wire::Secret;

        #[allow(unused_imports)]
        use crate::{error::{self, Error, ErrorBody}, progenitor, types};

        const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

        #(#constants)*

        #endpoint

        #credentials_type

        #client_docs
        #[derive(Clone, Debug)]
        pub struct Client {
            target: Target,
            #held
            #(#settings: #setting_types,)*
        }

        impl Client {
            #new_docs
            pub fn new(endpoint: Endpoint, #taken) -> ::std::result::Result<Self, Error> {
                let target = Target::new(&endpoint.base_url()?, &endpoint.http)?;
                Ok(Self { target, #given #(#settings: endpoint.#settings,)* })
            }

            #(#methods)*
        }
    };
    format::items(model, "the client", items)
}

/// A path parameter that belongs to the endpoint.
pub struct Setting<'a> {
    /// Its field and its setter.
    pub name: String,
    pub param: &'a Param,
}

impl Setting<'_> {
    fn ty(&self) -> TokenStream {
        if self.is_secret() { quote!(Secret) } else { quote!(::std::string::String) }
    }

    pub fn is_secret(&self) -> bool {
        self.param.ty == Ty::Secret
    }
}

/// What the endpoint is asked for: the path parameters of the login, the refresh and the revoke.
pub fn settings(model: &Model) -> Vec<Setting<'_>> {
    let params = model.operations.iter().flat_map(|operation| &operation.params);
    let mut settings: Vec<Setting<'_>> = Vec::new();
    for param in params.filter(|param| param.is_setting && !matches!(param.ty, Ty::Constant(_))) {
        if settings.iter().any(|setting| setting.param.name == param.name) {
            continue;
        }
        let name = ident::unique(&ident::snake(&param.name), |name| {
            ENDPOINT_NAMES.contains(&name)
                || server_names(model).iter().any(|server| server == name)
                || settings.iter().any(|setting| setting.name == name)
        });
        settings.push(Setting { name, param });
    }
    settings
}

/// The field of a path parameter that belongs to the endpoint.
fn setting_of(model: &Model, param: &Param) -> TokenStream {
    let settings = settings(model);
    let setting = settings.iter().find(|setting| setting.param.name == param.name);
    let name = setting.map_or_else(|| ident::snake(&param.name), |setting| setting.name.clone());
    let field = format_ident!("{name}");
    if param.ty == Ty::Secret { quote!(self.#field.expose()) } else { quote!(&self.#field) }
}

/// An example of a parameter, as text.
pub fn example_text(param: &Param) -> String {
    match &param.example {
        Some(value) => plain(value),
        None => format!("example-{}", ident::snake(&param.name).trim_matches('_').replace('_', "-")),
    }
}

/// The names that the methods and fields of endpoint and client have.
const ENDPOINT_NAMES: [&str; 8] =
    ["at", "http", "http_client", "base_url", "server_key", "url", "target", "credentials"];

/// The constructor's name of each server.
pub fn server_names(model: &Model) -> Vec<String> {
    let taken = |name: &str| ENDPOINT_NAMES.contains(&name);
    model
        .servers
        .iter()
        .map(|server| if taken(&server.name) { format!("{}_", server.name) } else { server.name.clone() })
        .collect()
}

/// The variables of all servers, by their Rust names: one setter each, whichever servers have it and however they spell
/// it. One that is a path parameter too is one setting.
pub fn variables(model: &Model) -> IndexMap<String, Vec<&Variable>> {
    let (settings, server_names) = (settings(model), server_names(model));
    let mut variables: IndexMap<String, Vec<&Variable>> = IndexMap::new();
    for variable in model.servers.iter().flat_map(|server| &server.variables) {
        let shared = settings.iter().find(|setting| setting.param.name == variable.name);
        let name = match shared {
            Some(setting) => setting.name.clone(),
            None => ident::unique(&ident::snake(&variable.name), |name| {
                ENDPOINT_NAMES.contains(&name)
                    || server_names.iter().any(|server| server == name)
                    || settings.iter().any(|setting| setting.name == name)
            }),
        };
        variables.entry(name).or_default().push(variable);
    }
    variables
}

fn endpoint(model: &Model) -> TokenStream {
    let settings = settings(model);
    let server_names = server_names(model);
    let variables = variables(model);
    let is_setting = |name: &str| settings.iter().any(|setting| setting.name == name);
    let own_variables: Vec<syn::Ident> =
        variables.keys().filter(|name| !is_setting(name)).map(|name| format_ident!("{name}")).collect();
    let setting_idents: Vec<syn::Ident> = settings.iter().map(|setting| format_ident!("{}", setting.name)).collect();
    let setting_types: Vec<TokenStream> = settings.iter().map(Setting::ty).collect();
    let constructors = model.servers.iter().zip(&server_names).map(|(server, name)| {
        let (ident, url) = (format_ident!("{name}"), server.url.trim_end_matches('/'));
        let docs = docs::outer(&format!("{}\n\n`{}`", or(&server.docs, &format!("The server `{name}`.")), server.url));
        let defaults: Vec<TokenStream> = variables
            .iter()
            .filter_map(|(name, spellings)| {
                let is_of_server = |variable: &&Variable| spellings.iter().any(|known| known.name == variable.name);
                let default = &server.variables.iter().find(is_of_server)?.default;
                let ident = format_ident!("{name}");
                Some(quote!(#ident: #default.into()))
            })
            .collect();
        let this = match defaults.is_empty() {
            true => quote!(Self::at(#url)),
            false => quote!(Self { #(#defaults,)* ..Self::at(#url) }),
        };
        quote! {
            #docs
            pub fn #ident() -> Self { #this }
        }
    });
    let variable_setters = variables.iter().filter(|(name, _)| !is_setting(name)).map(|(ident, spellings)| {
        let setter = format_ident!("{ident}");
        let (name, docs) = spellings.first().map_or(("", ""), |variable| (&variable.name, &variable.docs));
        let docs = docs::outer(&format!("Sets `{name}` in the server's URL.\n\n{docs}"));
        setter_tokens(&setter, &quote!(::std::string::String), &docs)
    });
    let setting_setters = settings.iter().map(|setting| {
        let setter = format_ident!("{}", setting.name);
        let docs = docs::outer(&format!(
            "Sets `{}` in the paths. It has no default.\n\n{}",
            setting.param.name, setting.param.docs
        ));
        setter_tokens(&setter, &setting.ty(), &docs)
    });
    let missing = settings.iter().map(|setting| {
        let (field, name) = (format_ident!("{}", setting.name), &setting.name);
        quote! {
            if self.#field.is_empty() {
                return Err(Error::missing_setting(#name));
            }
        }
    });
    let expanded: Vec<TokenStream> = variables
        .iter()
        .flat_map(|(ident, spellings)| {
            let field = format_ident!("{ident}");
            let is_secret = settings.iter().any(|setting| setting.name == *ident && setting.is_secret());
            let value = if is_secret { quote!(self.#field.expose()) } else { quote!(self.#field.as_str()) };
            let names: IndexSet<&str> = spellings.iter().map(|variable| variable.name.as_str()).collect();
            names.into_iter().map(move |name| quote!((#name, #value))).collect::<Vec<_>>()
        })
        .collect();
    let base_url = match expanded.is_empty() {
        true => quote!(Ok(self.url.clone())),
        false => quote!(::freshtoken_wire::expand(&self.url, &[#(#expanded),*])),
    };
    // A secret stays in its braces.
    let is_public = |name: &str| !settings.iter().any(|setting| setting.name == name && setting.is_secret());
    let key_variables = variables.iter().filter(|(name, _)| is_public(name)).flat_map(|(ident, spellings)| {
        let field = format_ident!("{ident}");
        let names: IndexSet<&str> = spellings.iter().map(|variable| variable.name.as_str()).collect();
        names.into_iter().map(move |name| quote!((#name, self.#field.as_str()))).collect::<Vec<_>>()
    });
    let key_settings = settings.iter().filter(|setting| !setting.is_secret());
    let key_settings = key_settings.map(|setting| {
        let (field, name) = (format_ident!("{}", setting.name), &setting.name);
        quote!((#name, self.#field.as_str()))
    });
    let at_docs = docs::outer(
        "A server of one's own: a base URL, with or without a path and a trailing slash.\n\nIt must be HTTPS, unless \
         it is on this machine.",
    );
    let http_docs = docs::outer(
        "Sends the requests with an HTTP client of one's own, of reqwest 0.13.\n\nBuild it from \
         [`http_client_builder`](crate::http_client_builder), which follows no redirects and keeps no cookies: one that \
         follows redirects may send credentials on to wherever a redirect points. A request takes 30 seconds at most, \
         whatever the client's own limit is.",
    );
    quote! {
        /// Where the requests go, and what carries them. Clones share one HTTP client, and so its connections.
        #[derive(Clone)]
        pub struct Endpoint {
            url: ::std::string::String,
            http: Http,
            #(#own_variables: ::std::string::String,)*
            #(#setting_idents: #setting_types,)*
        }

        impl Endpoint {
            #(#constructors)*

            #at_docs
            pub fn at(base_url: impl Into<::std::string::String>) -> Self {
                Self {
                    url: base_url.into(),
                    http: Http::default(),
                    #(#own_variables: ::std::string::String::new(),)*
                    #(#setting_idents: "".into(),)*
                }
            }

            #(#variable_setters)*
            #(#setting_setters)*

            #http_docs
            pub fn http_client(mut self, client: ::reqwest::Client) -> Self {
                self.http = client.into();
                self
            }

            /// For the facade's keys: which server this is, without secrets.
            #[doc(hidden)]
            pub fn server_key(&self) -> ::std::string::String {
                ::freshtoken_wire::server_key(&self.url, &[#(#key_variables),*], &[#(#key_settings),*])
            }

            fn base_url(&self) -> ::std::result::Result<::std::string::String, Error> {
                #(#missing)*
                #base_url
            }
        }

        /// Nothing of it is printed: a URL can hold secrets.
        impl ::std::fmt::Debug for Endpoint {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct("Endpoint").finish_non_exhaustive()
            }
        }
    }
}

fn setter_tokens(name: &syn::Ident, ty: &TokenStream, docs: &TokenStream) -> TokenStream {
    quote! {
        #docs
        pub fn #name(mut self, value: impl Into<#ty>) -> Self {
            self.#name = value.into();
            self
        }
    }
}

fn credentials_type(model: &Model, credentials: &[Credential]) -> Option<TokenStream> {
    if credentials.is_empty() {
        return None;
    }
    let docs = docs::outer(&format!("What “{}” asks of every caller, in headers or in the query.", model.title));
    let fields = credentials.iter().map(|credential| {
        let ident = format_ident!("{}", credential.name);
        let docs = docs::outer(&or(&credential.docs, &format!("`{}`", credential.name)));
        match credential.optional {
            true => quote!(#docs pub #ident: ::std::option::Option<Secret>),
            false => quote!(#docs pub #ident: Secret),
        }
    });
    Some(quote! {
        #docs
        #[derive(Clone, Debug)]
        pub struct Credentials { #(#fields),* }
    })
}

fn constant_name(operation: &Operation) -> syn::Ident {
    format_ident!("{}_OPERATION", operation.id.trim_end_matches('_').to_uppercase())
}

fn operation_constant(operation: &Operation) -> TokenStream {
    let (name, id, method) = (constant_name(operation), &operation.id, &operation.method);
    let optional = |text: Option<&String>| match text {
        Some(text) => quote!(Some(#text)),
        None => quote!(None),
    };
    let accept = optional(operation.success.media_type.as_ref());
    let content_type = optional(operation.body.as_ref().map(|body| &body.media_type));
    quote! {
        const #name: Operation = Operation {
            id: #id,
            method: #method,
            accept: #accept,
            content_type: #content_type,
            user_agent: USER_AGENT,
        };
    }
}

/// What a method is handed, besides the body.
pub struct Argument<'a> {
    pub name: String,
    /// None: the live token, for the operation's bearer scheme.
    pub param: Option<&'a Param>,
}

/// The arguments of an operation's method in order, without its body.
pub fn arguments(operation: &Operation) -> Vec<Argument<'_>> {
    let mut arguments: Vec<Argument<'_>> = Vec::new();
    let is_taken = |arguments: &[Argument<'_>], name: &str| {
        ["call", "client", "result", "answer", "body"].contains(&name)
            || arguments.iter().any(|argument| argument.name == name)
    };
    for scheme in operation.security.iter().filter(|scheme| scheme.kind == SchemeKind::Token) {
        let name = ident::unique(&ident::snake(&scheme.name), |name| is_taken(&arguments, name));
        arguments.push(Argument { name, param: None });
    }
    for param in operation.params.iter().filter(|param| !param.is_setting && !matches!(param.ty, Ty::Constant(_))) {
        let name = ident::unique(&ident::snake(&param.name), |name| is_taken(&arguments, name));
        arguments.push(Argument { name, param: Some(param) });
    }
    arguments
}

fn argument_type(param: &Param) -> TokenStream {
    let plain = match &param.ty {
        Ty::Secret => quote!(&Secret),
        Ty::Integer => quote!(i64),
        Ty::Number => quote!(f64),
        Ty::Boolean => quote!(bool),
        Ty::Ref(_) | Ty::Delimited(..) | Ty::Timestamp { .. } => {
            let ty = parameter_type(&param.ty);
            quote!(&#ty)
        }
        Ty::List(item) => {
            let item = parameter_type(item);
            quote!(&[#item])
        }
        Ty::Text | Ty::Any | Ty::Map(_) | Ty::Nullable(_) | Ty::Constant(_) => quote!(&str),
    };
    if param.required { plain } else { quote!(::std::option::Option<#plain>) }
}

fn parameter_type(ty: &Ty) -> TokenStream {
    match ty {
        Ty::Delimited(delimiter, item) => {
            let (list, item) = (format_ident!("{}", openapi::delimited(*delimiter)), body_type(item));
            quote!(::freshtoken_wire::#list<#item>)
        }
        ty => body_type(ty),
    }
}

fn method(
    model: &Model,
    made: &Progenitor,
    operation: &Operation,
    credentials: &[Credential],
) -> Result<TokenStream, String> {
    let id = format_ident!("{}", operation.id);
    let constant = constant_name(operation);
    let docs = method_docs(model, operation);
    let arguments = arguments(operation);
    let mut inputs: Vec<TokenStream> = arguments
        .iter()
        .map(|argument| {
            let ident = format_ident!("{}", argument.name);
            let ty = argument.param.map_or_else(|| quote!(&Secret), argument_type);
            quote!(#ident: #ty)
        })
        .collect();
    let body = operation.body.as_ref().map(|body| {
        let ty = format_ident!("{}", body.component);
        inputs.push(quote!(body: impl Into<types::#ty>));
        quote!(let body: types::#ty = body.into();)
    });
    let authorize = authorize(model, operation, credentials, &arguments);
    let made_arguments =
        made.arguments.get(&operation.id).ok_or_else(|| format!("progenitor made no operation `{}`", operation.id))?;
    let handed: Result<Vec<TokenStream>, String> = made_arguments
        .iter()
        .map(|name| match operation.params.iter().find(|param| ident::snake(&param.name) == *name) {
            Some(param) => Ok(handed(model, param, &arguments)),
            None if name == "body" => Ok(quote!(&body)),
            None => Err(format!("progenitor gave `{}` an argument `{name}` that the spec doesn't have", operation.id)),
        })
        .collect();
    let handed = handed?;
    let success = operation.success.ty.as_ref().map_or_else(|| quote!(()), body_type);
    let check = (error_body::can_fail_at_2xx(model, operation)).then(|| {
        let check = error_body::check_name(operation);
        let variant = operation.success.ty.as_ref().map(error_body::variant).unwrap_or_default();
        let variant = format_ident!("{variant}");
        quote! {
            if error::#check(&answer) {
                return Err(client.inner.refused(ErrorBody::#variant(answer)));
            }
        }
    });
    // What would lead the path elsewhere is no parameter.
    let checked_paths = operation.params.iter().filter(|param| param.place == Place::Path).filter_map(|param| {
        let name = &param.name;
        let value = match arguments.iter().find(|argument| argument.param.is_some_and(|found| found.name == *name)) {
            None => setting_of(model, param),
            Some(argument) => {
                let argument = format_ident!("{}", argument.name);
                match &param.ty {
                    Ty::Secret => quote!(#argument.expose()),
                    Ty::Ref(_) => quote!(#argument.as_str()),
                    Ty::Text => quote!(#argument),
                    _ => return None,
                }
            }
        };
        let is_constant = matches!(param.ty, Ty::Constant(_));
        (!is_constant).then(|| quote!(call.path_parameter(#name, #value)?;))
    });
    let mutable = (!authorize.is_empty()).then(|| quote!(mut));
    let sent = quote! {
        #body
        let #mutable call = Call::new(&#constant, &self.target);
        #(#authorize)*
        #(#checked_paths)*
        let client = progenitor::Client::new_with_client(self.target.base_url(), self.target.http().clone(), call);
        let result = client.#id(#(#handed),*).await;
    };
    if !model.answers_token(operation) {
        let answer = match check {
            Some(check) => quote! {
                let answer: #success = client.inner.finish(result)?;
                #check
                Ok(answer)
            },
            None if operation.success.ty.is_none() => quote!(client.inner.finish_empty(result)),
            None => quote!(client.inner.finish(result)),
        };
        return Ok(quote! {
            #docs
            pub async fn #id(&self, #(#inputs),*) -> ::std::result::Result<#success, Error> {
                #sent
                #answer
            }
        });
    }
    let dated = format_ident!("{}", dated_name(model, operation));
    let given = arguments.iter().map(|argument| format_ident!("{}", argument.name));
    let given = given.chain(operation.body.is_some().then(|| format_ident!("body")));
    Ok(quote! {
        #docs
        pub async fn #id(&self, #(#inputs),*) -> ::std::result::Result<#success, Error> {
            Ok(self.#dated(#(#given),*).await?.0)
        }

        /// For the facade: the answer and its `Date`.
        #[doc(hidden)]
        pub async fn #dated(
            &self,
            #(#inputs),*
        ) -> ::std::result::Result<(#success, ::std::option::Option<::std::time::SystemTime>), Error> {
            #sent
            let answer: #success = client.inner.finish(result)?;
            #check
            Ok((answer, client.inner.date()))
        }
    })
}

/// The method that gives the answer's `Date` as well, of the login and the refresh.
pub fn dated_name(model: &Model, operation: &Operation) -> String {
    ident::unique(&format!("{}_dated", operation.id.trim_end_matches('_')), |name| model.operation(name).is_some())
}

fn authorize(
    model: &Model,
    operation: &Operation,
    credentials: &[Credential],
    arguments: &[Argument<'_>],
) -> Vec<TokenStream> {
    let credential = |name: &str| {
        let field = format_ident!("{name}");
        let is_optional = credentials.iter().any(|credential| credential.name == name && credential.optional);
        match is_optional {
            true => quote! {
                match &self.credentials.#field {
                    Some(credential) => credential.clone(),
                    None => return Err(call.missing_credential(#name)),
                }
            },
            false => quote!(self.credentials.#field),
        }
    };
    let mut tokens = arguments.iter().filter(|argument| argument.param.is_none());
    operation
        .security
        .iter()
        .filter_map(|scheme| {
            let name = ident::snake(&scheme.name);
            Some(match &scheme.kind {
                SchemeKind::Header(header) => {
                    let (header, credential) = (header.to_ascii_lowercase(), credential(&name));
                    quote!(call.header(#header, #credential.expose())?;)
                }
                SchemeKind::Query(parameter) => {
                    let credential = credential(&name);
                    quote!(call.query(#parameter, &#credential);)
                }
                SchemeKind::Http(scheme) => {
                    let credential = credential(&name);
                    quote!(call.authorization(#scheme, &#credential)?;)
                }
                SchemeKind::Token => {
                    let token = format_ident!("{}", tokens.next()?.name);
                    quote!(call.authorization("Bearer", #token)?;)
                }
                SchemeKind::Basic => {
                    let basic = basic(model);
                    let half = |name: &str| match ident::snake(name) {
                        _ if name.is_empty() => quote!(""),
                        name => {
                            let credential = credential(&name);
                            quote!(#credential.expose())
                        }
                    };
                    let (user, password) = (half(&basic.names[0]), half(&basic.names[1]));
                    let encoding = match basic.encode {
                        Encode::Form => quote!(Form),
                        Encode::Raw => quote!(Raw),
                    };
                    quote!(call.basic(::freshtoken_wire::BasicEncoding::#encoding, #user, #password)?;)
                }
            })
        })
        .collect()
}

/// What progenitor's method is handed for a parameter: always text.
fn handed(model: &Model, param: &Param, arguments: &[Argument<'_>]) -> TokenStream {
    let argument = arguments
        .iter()
        .find(|argument| argument.param.is_some_and(|found| found.name == param.name && found.place == param.place));
    let wrap = |text: TokenStream| if param.required { text } else { quote!(Some(#text)) };
    if let Ty::Constant(value) = &param.ty {
        let value = plain(value);
        return wrap(quote!(#value));
    }
    let Some(argument) = argument else { return setting_of(model, param) };
    let (name, wire_name) = (format_ident!("{}", argument.name), &param.name);
    let text = |value: TokenStream| match &param.ty {
        Ty::Secret => quote!(#value.expose()),
        Ty::Ref(_) => quote!(#value.as_str()),
        Ty::Integer | Ty::Number | Ty::Boolean | Ty::Timestamp { .. } => quote!(&#value.to_string()),
        Ty::Delimited(..) => quote!(&client.inner.list(#wire_name, #value)?),
        Ty::List(_) => quote!(&#value.iter().map(|item| item.to_string()).collect::<Vec<_>>()),
        _ => quote!(#value),
    };
    if param.required {
        return text(quote!(#name));
    }
    let is_temporary = matches!(
        &param.ty,
        Ty::Integer | Ty::Number | Ty::Boolean | Ty::Timestamp { .. } | Ty::Delimited(..) | Ty::List(_)
    );
    match is_temporary {
        true => {
            let owned = match &param.ty {
                Ty::Delimited(..) => quote!(client.inner.list(#wire_name, value)),
                Ty::List(_) => quote!(value.iter().map(|item| item.to_string()).collect::<Vec<_>>()),
                _ => quote!(value.to_string()),
            };
            let reference = if matches!(param.ty, Ty::List(_)) { quote!(as_ref) } else { quote!(as_deref) };
            match &param.ty {
                Ty::Delimited(..) => quote!(#name.map(|value| #owned).transpose()?.#reference()),
                _ => quote!(#name.map(|value| #owned).#reference()),
            }
        }
        false => {
            let value = text(quote!(value));
            quote!(#name.map(|value| #value))
        }
    }
}

fn method_docs(model: &Model, operation: &Operation) -> TokenStream {
    let mut text = or(&operation.summary, &format!("`{} {}`", operation.method, operation.path));
    if !operation.description.is_empty() {
        text = format!("{text}\n\n{}", operation.description);
    }
    let arguments = arguments(operation);
    let described = arguments.iter().filter_map(|argument| {
        let docs = match argument.param {
            Some(param) => docs::first_sentence(&param.docs),
            None => "The live token, as `Authorization: Bearer …`.".to_owned(),
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
        .map(|answer| {
            let body = answer.ty.as_ref().map(|ty| format!(" ([`ErrorBody::{}`])", error_body::variant(ty)));
            let description = docs::first_sentence(&answer.description);
            format!("- {}{}: {description}", answer.status.label(), body.unwrap_or_default())
        })
        .collect();
    if error_body::can_fail_at_2xx(model, operation) {
        let variant = operation.success.ty.as_ref().map(error_body::variant).unwrap_or_default();
        let (status, why) = (operation.success.status.label(), failure_at_2xx(model, operation));
        errors.push(format!("- {status} ([`ErrorBody::{variant}`]): an answer {why}."));
    }
    let known = if errors.is_empty() {
        String::new()
    } else {
        format!(" Statuses that the spec knows:\n\n{}", errors.join("\n"))
    };
    docs::outer(&format!("{text}\n\n# Errors\n\nSee [`Error`].{known}"))
}

/// What makes an answer of 2xx a failure.
fn failure_at_2xx(model: &Model, operation: &Operation) -> &'static str {
    let is_marked = model.failure_marks(operation) != (None, None);
    match (is_marked, model.answers_token(operation)) {
        (true, true) => "that says it is a failure, or has no token",
        (true, false) => "that says it is a failure",
        (false, _) => "without a token",
    }
}
