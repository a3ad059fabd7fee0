//! Stage 5, lifecycle: from `x-token`, the adapter through which the facade drives a vendor. It is a module of the
//! facade's: the credentials that the vendor's grants need, and its `Vendor`, in terms of the vendor's own crate.
//!
//! What an answer says is read by `access`, so by typed field access. What adapters share is the facade's `adapter`
//! module, not repeated here.

use indexmap::{IndexMap, IndexSet};
use proc_macro2::{Literal, Spacing, TokenStream, TokenTree};
use quote::{format_ident, quote};
use serde_json::Value;

use crate::{
    access::{self, Leaf},
    client::{self, Argument},
    code::{Code, statements},
    docs, environment,
    error_body::body_type,
    format, ident,
    literal::{self, Secrets},
    model::{Model, Operation, Param, Part, Property, Shape, Ty},
    openapi,
    package::mark,
    shapes,
    types::or,
    x_token::{At, In, Lifetime, Prefix, Renew, Takes, Unit, XToken},
};

/// Whether the facade can drive a vendor: it has a way to get a token.
pub fn has_adapter(x_token: Option<&XToken>) -> bool {
    x_token.is_some_and(|x_token| x_token.login.is_some() || x_token.refresh.is_some())
}

/// The adapter's module, as source; none without a login and a refresh.
pub fn source(model: &Model) -> Result<Option<String>, String> {
    let Some(x_token) = model.x_token.as_ref().filter(|x_token| has_adapter(Some(x_token))) else { return Ok(None) };
    let grants = grants(model, x_token)?;
    let adapter = Adapter { model, x_token, credentials: credentials(model, x_token, &grants), grants };
    adapter.source().map(Some)
}

/// Credentials that stand in several places, and can't be one for their types.
pub fn conflicts(model: &Model) -> Vec<String> {
    let Some(x_token) = &model.x_token else { return Vec::new() };
    let Ok(grants) = grants(model, x_token) else { return Vec::new() };
    let credentials = credentials(model, x_token, &grants);
    let mut found = Vec::new();
    for used in grants.iter().flat_map(|grant| uses(model, grant)) {
        let Some(credential) = credentials.get(&used.name) else { continue };
        if !converts(model, &credential.ty, &used.ty) && !found.contains(&used.name) {
            found.push(used.name);
        }
    }
    found
}

/// A request that `x-token` names.
struct Grant<'a> {
    word: Word,
    operation: &'a Operation,
    /// The struct that it sends.
    body: Option<&'a str>,
    /// The property or parameter that takes the token, by its name on the wire.
    token: Option<&'a str>,
    /// The one that takes the token of another grant with the same request: it isn't sent.
    left_out: Option<&'a str>,
}

#[derive(Clone, Copy, PartialEq)]
enum Word {
    Login,
    Refresh,
    Revoke,
}

impl Grant<'_> {
    /// The variable that holds the token.
    fn token_variable(&self) -> TokenStream {
        if self.word == Word::Revoke { quote!(token) } else { quote!(refresh_token) }
    }

    fn is_token(&self, name: &str) -> bool {
        self.token == Some(name)
    }
}

fn grants<'a>(model: &'a Model, x_token: &'a XToken) -> Result<Vec<Grant<'a>>, String> {
    let mut grants = Vec::new();
    let mut add = |word, id: &str, body: Option<&String>, token: Option<&'a String>| {
        let operation = model.operation(&ident::snake(id)).ok_or_else(|| format!("there is no operation `{id}`"))?;
        if word != Word::Revoke && operation.success.ty.is_none() {
            return Err(format!("the success of `{id}` has no body"));
        }
        let body = operation.body.as_ref().map(|of| {
            let branches = model.branches(&of.component);
            let wanted = body.map(|body| ident::pascal(body));
            let named = branches.iter().find(|branch| wanted.as_deref() == Some(**branch));
            *named.or(branches.first()).unwrap_or(&of.component.as_str())
        });
        grants.push(Grant { word, operation, body, token: token.map(String::as_str), left_out: None });
        Ok::<(), String>(())
    };
    if let Some(login) = &x_token.login {
        add(Word::Login, &login.operation, login.body.as_ref(), None)?;
    }
    if let Some(refresh) = &x_token.refresh {
        add(Word::Refresh, &refresh.operation, refresh.body.as_ref(), Some(&refresh.token))?;
    }
    if let Some(revoke) = &x_token.revoke {
        add(Word::Revoke, &revoke.operation, revoke.body.as_ref(), revoke.token.as_ref())?;
    }
    let shared = match &grants[..] {
        [login, refresh, ..] if login.operation.id == refresh.operation.id && login.body == refresh.body => {
            refresh.token.filter(|_| login.word == Word::Login && refresh.word == Word::Refresh)
        }
        _ => None,
    };
    if let Some(login) = grants.first_mut() {
        login.left_out = shared;
    }
    Ok(grants)
}

/// A field of the facade's `Credentials`.
pub struct Credential {
    pub ty: Ty,
    pub optional: bool,
    pub docs: String,
}

/// A place in a request that takes a credential.
struct Use {
    name: String,
    ty: Ty,
    required: bool,
    docs: String,
}

/// The credentials in order: those of the login, or where there is none of the refresh; what only the other grants need
/// is optional.
fn credentials(model: &Model, x_token: &XToken, grants: &[Grant<'_>]) -> IndexMap<String, Credential> {
    let mut found: IndexMap<String, Credential> = IndexMap::new();
    for (index, grant) in grants.iter().enumerate() {
        for used in uses(model, grant) {
            let is_first = index == 0;
            let note = match grant.word {
                _ if is_first => "",
                Word::Revoke => "Only a revocation needs it.",
                _ => "Only a refresh needs it.",
            };
            match found.get_mut(&used.name) {
                Some(credential) => {
                    // A secret in one place is one in all.
                    if used.ty == Ty::Secret {
                        credential.ty = Ty::Secret;
                    }
                    credential.optional &= !(is_first && used.required);
                }
                None => {
                    let docs = if note.is_empty() { used.docs } else { format!("{}\n\n{note}", used.docs) };
                    let optional = !(is_first && used.required);
                    found.insert(used.name, Credential { ty: used.ty, optional, docs });
                }
            }
        }
    }
    for (header, name) in &x_token.use_.also {
        let docs = format!("Sent with each call, in the header `{header}`.");
        let name = ident::snake(name);
        found.entry(name).or_insert(Credential { ty: Ty::Secret, optional: false, docs });
    }
    found
}

/// What a grant takes from the credentials, in the spec's order.
fn uses(model: &Model, grant: &Grant<'_>) -> Vec<Use> {
    let mut uses = Vec::new();
    for part in grant.operation.order {
        match part {
            Part::Security => {
                for scheme in &grant.operation.security {
                    for name in client::scheme_credentials(model, &scheme.name, &scheme.kind) {
                        let docs = or(&scheme.docs, &format!("`{name}`, for the scheme `{}`.", scheme.name));
                        uses.push(Use { name, ty: Ty::Secret, required: true, docs });
                    }
                }
            }
            Part::Params => {
                let params = grant.operation.params.iter().filter(|param| is_asked_for(grant, param));
                uses.extend(params.map(|param| Use {
                    name: ident::snake(&param.name),
                    ty: param_type(param),
                    required: param.required,
                    docs: or(&param.docs, &named(&param.name)),
                }));
            }
            Part::Body => {
                if let Some(body) = grant.body {
                    body_uses(model, grant, body, "", true, &mut vec![body.to_owned()], &mut uses);
                }
            }
        }
    }
    uses
}

/// The docs of what the spec has none of.
fn named(name: &str) -> String {
    format!("`{name}`, as the spec names it.")
}

fn is_asked_for(grant: &Grant<'_>, param: &Param) -> bool {
    let is_left_out = grant.left_out == Some(param.name.as_str()) && !param.required;
    !param.is_setting && !matches!(param.ty, Ty::Constant(_)) && !grant.is_token(&param.name) && !is_left_out
}

/// The type of a parameter's credential: what the client takes as text is text.
fn param_type(param: &Param) -> Ty {
    match &param.ty {
        Ty::Any | Ty::Map(_) | Ty::Nullable(_) => Ty::Text,
        ty => ty.clone(),
    }
}

/// The struct that a property is, if the credentials go into its properties: not one that holds itself.
fn nested<'a>(model: &'a Model, property: &'a Property, within: &[String]) -> Option<&'a str> {
    match &property.ty {
        Ty::Ref(name) if !model.properties(name).is_empty() && !within.contains(name) => Some(name),
        _ => None,
    }
}

/// Whether a property of the body itself takes no credential: it is a constant, or a token's.
fn is_given(grant: &Grant<'_>, prefix: &str, property: &Property) -> bool {
    let is_left_out = grant.left_out == Some(property.name.as_str()) && property.optional;
    matches!(property.ty, Ty::Constant(_)) || prefix.is_empty() && (grant.is_token(&property.name) || is_left_out)
}

fn body_uses(
    model: &Model,
    grant: &Grant<'_>,
    component: &str,
    prefix: &str,
    required: bool,
    within: &mut Vec<String>,
    uses: &mut Vec<Use>,
) {
    for property in model.properties(component).iter().filter(|property| !is_given(grant, prefix, property)) {
        let (name, required) = (format!("{prefix}{}", property.name), required && !property.optional);
        match nested(model, property, within) {
            Some(inner) => {
                within.push(inner.to_owned());
                body_uses(model, grant, inner, &format!("{name}_"), required, within, uses);
                within.pop();
            }
            None => uses.push(Use {
                name: ident::snake(&name),
                ty: property.ty.clone(),
                required,
                docs: or(&property.docs, &named(&property.name)),
            }),
        }
    }
}

/// Whether anything in a struct is sent without being asked for.
fn has_constant(model: &Model, component: &str, within: &mut Vec<String>) -> bool {
    model.properties(component).iter().any(|property| match nested(model, property, within) {
        Some(inner) => {
            within.push(inner.to_owned());
            let found = has_constant(model, inner, within);
            within.pop();
            found
        }
        None => matches!(property.ty, Ty::Constant(_)),
    })
}

pub fn is_enum(model: &Model, ty: &Ty) -> bool {
    matches!(ty, Ty::Ref(name) if matches!(model.components.get(name).map(|found| &found.shape), Some(Shape::Enum(_))))
}

/// Whether a credential of one type can go where another is wanted.
fn converts(model: &Model, from: &Ty, to: &Ty) -> bool {
    let has_text =
        matches!(from, Ty::Secret | Ty::Text | Ty::Integer | Ty::Number | Ty::Boolean | Ty::Timestamp { .. })
            || is_enum(model, from);
    from == to || has_text && (matches!(to, Ty::Text | Ty::Secret) || is_enum(model, to))
}

/// A value of `from`, which is a place or a reference, as one of `to`.
fn converted(model: &Model, from: &Ty, to: &Ty, value: &TokenStream, is_reference: bool) -> TokenStream {
    if from == to {
        return match (is_copy(from), is_reference) {
            (true, true) => quote!(*#value),
            (true, false) => quote!(#value),
            (false, _) => quote!(#value.clone()),
        };
    }
    let (text, is_owned) = match from {
        Ty::Secret => (quote!(#value.expose()), false),
        from if *from == Ty::Text || is_enum(model, from) => (quote!(#value.as_str()), false),
        _ => (quote!(#value.to_string()), true),
    };
    match to {
        Ty::Secret => quote!(Secret::new(#text)),
        Ty::Ref(name) => {
            let name = format_ident!("{name}");
            quote!(types::#name::from(#text))
        }
        _ if is_owned => text,
        _ => quote!(#text.to_owned()),
    }
}

fn is_copy(ty: &Ty) -> bool {
    matches!(ty, Ty::Integer | Ty::Number | Ty::Boolean | Ty::Timestamp { .. })
}

/// A type as the adapter writes it.
fn field_type(ty: &Ty) -> TokenStream {
    match ty {
        Ty::Secret => quote!(Secret),
        Ty::Timestamp { .. } => quote!(Timestamp),
        Ty::Any => quote!(::freshtoken_wire::private::serde_json::Value),
        Ty::Nullable(item) => {
            let item = field_type(item);
            quote!(::std::option::Option<#item>)
        }
        Ty::List(item) => {
            let item = field_type(item);
            quote!(::std::vec::Vec<#item>)
        }
        Ty::Map(item) => {
            let item = field_type(item);
            quote!(::std::collections::BTreeMap<::std::string::String, #item>)
        }
        Ty::Delimited(delimiter, item) => {
            let (list, item) = (format_ident!("{}", openapi::delimited(*delimiter)), field_type(item));
            quote!(#list<#item>)
        }
        ty => body_type(ty),
    }
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
        let credentials = self.credentials_type();
        let client = self.client();
        let implementation = self.implementation(&answers)?;
        let environment = environment::implementation(self.model, self.x_token, &self.credentials);
        let issued: Result<Vec<TokenStream>, String> = answers.iter().map(|answer| self.issued(answer)).collect();
        let issued = issued?;
        let aliases = answers.iter().map(|answer| {
            let (name, ty) = (&answer.name, body_type(answer.ty));
            let what = if answer.name == "Answer" { answer.word } else { "a refresh" };
            let docs = docs::outer(&format!(
                "What {what} answers, for what else it holds: see [`Token::answer`](crate::Token::answer). Its tokens are \
                 empty: they are in the [`Token`](crate::Token)."
            ));
            quote!(#docs pub type #name = #ty;)
        });
        let items = quote! {
            #(#aliases)*
            #credentials
            #implementation
            #environment
            #client
            #(#issued)*
        };
        let imports = self.imports(items.clone());
        let items = format::items(self.model, "the adapter", quote!(#imports #items))?;
        // An empty line between the members of the implementation, as between methods.
        let items = items
            .replace(";\n    const POLICY", ";\n\n    const POLICY")
            .replace(";\n    fn server", ";\n\n    fn server")
            .replace(";\n    const VARIABLES", ";\n\n    const VARIABLES")
            .replace("];\n    fn read", "];\n\n    fn read");
        let docs: String =
            self.docs()?.lines().map(|line| format!("//! {line}").trim_end().to_owned() + "\n").collect();
        Ok(format!("// {}\n\n{docs}\n{ALLOWED}\n{items}", mark(self.model)))
    }

    /// The names that the items use, and no others.
    fn imports(&self, items: TokenStream) -> TokenStream {
        let mut words = IndexSet::new();
        first_words(items, &mut words);
        let used = |names: &[&str]| -> Vec<syn::Ident> {
            names.iter().filter(|name| words.contains(**name)).map(|name| format_ident!("{name}")).collect()
        };
        let vendor = format_ident!("{}", self.model.vendor.lib());
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
        let lists = used(&["CommaDelimited", "PipeDelimited", "SpaceDelimited", "Timestamp"]);
        let time = used(&["Duration", "SystemTime"]);
        quote! {
            pub use ::#vendor::{Client, Endpoint, Error, ErrorBody, #(#lists,)* types};
            use ::std::time::{#(#time),*};
            use crate::adapter::{self, Take as _};
            use crate::{#(#facade),*};
        }
    }

    // Credentials.

    fn credentials_type(&self) -> TokenStream {
        let grant = match self.x_token.login {
            Some(_) => "a login",
            None => "a refresh",
        };
        let docs = docs::outer(&format!("What {grant} at “{}” needs. `Debug` shows no secret.", self.model.title));
        let fields = self.credentials.iter().map(|(name, credential)| {
            let (name, ty, docs) = (format_ident!("{name}"), field_type(&credential.ty), docs::outer(&credential.docs));
            match credential.optional {
                true => quote!(#docs pub #name: ::std::option::Option<#ty>),
                false => quote!(#docs pub #name: #ty),
            }
        });
        quote! {
            #docs
            #[derive(Clone, Debug)]
            pub struct Credentials { #(#fields),* }
        }
    }

    /// A credential where a value of its own is wanted.
    fn owned(&self, name: &str, to: &Ty, optional: bool) -> TokenStream {
        let field = format_ident!("{name}");
        let Some(credential) = self.credentials.get(name) else { return quote!(credentials.#field.clone()) };
        let from = &credential.ty;
        match (credential.optional, optional) {
            (false, false) => converted(self.model, from, to, &quote!(credentials.#field), false),
            (false, true) => {
                let value = converted(self.model, from, to, &quote!(credentials.#field), false);
                quote!(::std::option::Option::Some(#value))
            }
            (true, true) if from == to => match is_copy(from) {
                true => quote!(credentials.#field),
                false => quote!(credentials.#field.clone()),
            },
            (true, true) => {
                let value = converted(self.model, from, to, &quote!(value), true);
                quote!(credentials.#field.as_ref().map(|value| #value))
            }
            (true, false) => {
                let needed = quote!(adapter::needed(#name, &credentials.#field)?);
                converted(self.model, from, to, &needed, true)
            }
        }
    }

    /// A credential as an argument of the client's method.
    fn argument(&self, name: &str, param: &Param) -> TokenStream {
        let (field, to) = (format_ident!("{name}"), param_type(param));
        let Some(credential) = self.credentials.get(name) else { return quote!(&credentials.#field) };
        let owned = self.owned(name, &to, !param.required);
        let borrowed = match &to {
            Ty::Text | Ty::List(_) => quote!(as_deref),
            _ => quote!(as_ref),
        };
        match (is_copy(&to) && !matches!(to, Ty::Timestamp { .. }), credential.ty == to) {
            (true, _) => owned,
            // What was converted lives as long as the call.
            (false, false) => match param.required {
                true => quote!(&#owned),
                false => quote!(#owned.#borrowed()),
            },
            (false, true) => match (credential.optional, param.required) {
                (false, true) => quote!(&credentials.#field),
                (true, true) => quote!(adapter::needed(#name, &credentials.#field)?),
                (true, false) => quote!(credentials.#field.#borrowed()),
                (false, false) if to == Ty::Text => quote!(Some(credentials.#field.as_str())),
                (false, false) if matches!(to, Ty::List(_)) => quote!(Some(credentials.#field.as_slice())),
                (false, false) => quote!(Some(&credentials.#field)),
            },
        }
    }

    // Requests.

    /// The vendor's client for one grant; without credentials of its own it is made in place.
    fn client(&self) -> Option<TokenStream> {
        let fields = client::credentials(self.model);
        if fields.is_empty() {
            return None;
        }
        let vendor = format_ident!("{}", self.model.vendor.lib());
        let fields = fields.iter().map(|field| {
            let name = format_ident!("{}", field.name);
            match self.credentials.contains_key(&field.name) {
                true => {
                    let value = self.owned(&field.name, &Ty::Secret, field.optional);
                    quote!(#name: #value)
                }
                // Only operations that are no grant need it.
                false => quote!(#name: ::std::option::Option::None),
            }
        });
        Some(quote! {
            /// A client that has what all requests send.
            fn client(endpoint: &Endpoint, credentials: &Credentials) -> ::std::result::Result<Client, Failure> {
                let credentials = ::#vendor::Credentials { #(#fields),* };
                Ok(Client::new(endpoint.clone(), credentials)?)
            }
        })
    }

    /// The struct that a grant sends.
    fn body(&self, grant: &Grant<'_>, component: &str, prefix: &str, within: &mut Vec<String>) -> TokenStream {
        let ident = format_ident!("{component}");
        let fields = self.model.properties(component).iter().filter_map(|property| {
            let (field, name) = (format_ident!("{}", property.field), format!("{prefix}{}", property.name));
            if property.is_constant() {
                return None;
            }
            if prefix.is_empty() && grant.is_token(&property.name) {
                let token = converted(self.model, &Ty::Secret, &property.ty, &grant.token_variable(), true);
                let token = if property.optional { quote!(::std::option::Option::Some(#token)) } else { token };
                return Some(quote!(#field: #token));
            }
            if is_given(grant, prefix, property) {
                return Some(quote!(#field: ::std::option::Option::None));
            }
            let boxed = |value| if property.is_boxed { quote!(Box::new(#value)) } else { value };
            let Some(inner) = nested(self.model, property, within) else {
                let value = self.owned(&ident::snake(&name), &property.ty, property.optional);
                let value = match (property.is_boxed, property.optional) {
                    (true, true) => quote!(#value.map(Box::new)),
                    _ => boxed(value),
                };
                return Some(quote!(#field: #value));
            };
            within.push(inner.to_owned());
            let prefix = format!("{name}_");
            let value = boxed(self.body(grant, inner, &prefix, within));
            let value = match property.optional {
                false => value,
                true => self.optional(grant, inner, &prefix, within, &value),
            };
            within.pop();
            Some(quote!(#field: #value))
        });
        let fields: Vec<TokenStream> = fields.collect();
        quote!(types::#ident { #(#fields),* })
    }

    /// An object that may be absent: it is sent where one of its credentials is given, and where it has constants and
    /// needs none.
    fn optional(
        &self,
        grant: &Grant<'_>,
        component: &str,
        prefix: &str,
        within: &mut Vec<String>,
        value: &TokenStream,
    ) -> TokenStream {
        let mut uses = Vec::new();
        body_uses(self.model, grant, component, prefix, true, within, &mut uses);
        let is_there = |used: &Use| self.credentials.get(&used.name).is_some_and(|credential| !credential.optional);
        let needs_none = uses.iter().all(|used| !used.required) && has_constant(self.model, component, within);
        if needs_none || uses.iter().any(is_there) {
            return quote!(::std::option::Option::Some(#value));
        }
        let given: Vec<TokenStream> = uses
            .iter()
            .map(|used| {
                let field = format_ident!("{}", used.name);
                quote!(credentials.#field.is_some())
            })
            .collect();
        if given.is_empty() {
            return quote!(::std::option::Option::None);
        }
        quote! {
            if #(#given)||* { ::std::option::Option::Some(#value) } else { ::std::option::Option::None }
        }
    }

    /// The call of a grant's operation, without `.await`; the client is `client`.
    fn call(&self, grant: &Grant<'_>) -> TokenStream {
        let mut inputs: Vec<TokenStream> = client::arguments(grant.operation)
            .iter()
            .map(|Argument { param, .. }| {
                let token = grant.token_variable();
                match param {
                    None => token,
                    Some(param) if grant.is_token(&param.name) => {
                        let token = if param.ty == Ty::Secret { token } else { quote!(#token.expose()) };
                        if param.required { token } else { quote!(Some(#token)) }
                    }
                    Some(param) if !is_asked_for(grant, param) => quote!(None),
                    Some(param) => self.argument(&ident::snake(&param.name), param),
                }
            })
            .collect();
        if let Some(body) = grant.body {
            inputs.push(self.body(grant, body, "", &mut vec![body.to_owned()]));
        }
        let method = match grant.word {
            Word::Revoke => format_ident!("{}", grant.operation.id),
            _ => format_ident!("{}", client::dated_name(self.model, grant.operation)),
        };
        quote!(client.#method(#(#inputs),*))
    }

    // The vendor.

    fn implementation(&self, answers: &[Answered<'_>]) -> Result<TokenStream, String> {
        let policy = self.policy();
        let scopes = self.scopes();
        let methods = self.grants.iter().map(|grant| self.grant(grant, answers));
        Ok(quote! {
            impl Vendor for Endpoint {
                type Credentials = Credentials;

                const POLICY: Policy = #policy;

                fn server(&self) -> ::std::string::String { self.server_key() }

                #scopes

                #(#methods)*
            }
        })
    }

    fn grant(&self, grant: &Grant<'_>, answers: &[Answered<'_>]) -> TokenStream {
        let call = self.call(grant);
        let has_client = !client::credentials(self.model).is_empty();
        let client = match has_client {
            true => quote!(let client = client(self, &credentials)?;),
            false => quote!(let client = Client::new(self.clone())?;),
        };
        let answer = answers.iter().find(|answer| Some(answer.ty) == grant.operation.success.ty.as_ref());
        let done = match (grant.word, answer) {
            (Word::Login | Word::Refresh, Some(answer)) => {
                let (issued, also) = (&answer.function, self.has_also().then(|| quote!(, &credentials)));
                quote! {
                    let (answer, date) = #call.await?;
                    #issued(answer, date #also)
                }
            }
            _ => quote! {
                #call.await?;
                Ok(())
            },
        };
        let asks =
            has_client || (grant.word != Word::Revoke && self.has_also()) || call.to_string().contains("credentials .");
        let is_first = self.grants.first().is_some_and(|first| first.word == grant.word);
        let given = is_first.then(|| self.given()).flatten();
        let asks = asks || given.is_some();
        let get = asks.then(|| quote!(let credentials = credentials.get().await?; #given));
        let source = if asks { quote!(credentials) } else { quote!(_) };
        let body = quote! { #get #client #done };
        match grant.word {
            Word::Login => quote! {
                async fn login(
                    &self,
                    #source: &CredentialSource<Credentials>,
                ) -> ::std::result::Result<Issued, Failure> { #body }
            },
            Word::Refresh => quote! {
                async fn refresh(
                    &self,
                    #source: &CredentialSource<Credentials>,
                    refresh_token: &Secret,
                ) -> ::std::result::Result<Issued, Failure> { #body }
            },
            Word::Revoke => quote! {
                async fn revoke(
                    &self,
                    #source: &CredentialSource<Credentials>,
                    token: &Secret,
                ) -> ::std::result::Result<(), Failure> { #body }
            },
        }
    }

    /// The check that no credential is an empty text: the vendor's refusal would name none.
    fn given(&self) -> Option<TokenStream> {
        let is_text = |credential: &Credential| matches!(credential.ty, Ty::Text | Ty::Secret) && !credential.optional;
        let texts: Vec<TokenStream> = self
            .credentials
            .iter()
            .filter(|(_, credential)| is_text(credential))
            .map(|(name, _)| {
                let field = format_ident!("{name}");
                quote!((#name, credentials.#field.is_empty()))
            })
            .collect();
        (!texts.is_empty()).then(|| quote!(adapter::given(&[#(#texts),*])?;))
    }

    fn policy(&self) -> TokenStream {
        let x_token = self.x_token;
        let vendor = self.model.vendor.ident();
        let mut set: Vec<TokenStream> = Vec::new();
        if x_token.login.is_none() {
            set.push(quote!(login(false)));
        }
        if x_token.refresh.is_some() {
            set.push(match x_token.is_single_use() {
                true => quote!(refresh(Refresh::SingleUse)),
                false => quote!(refresh(Refresh::Reusable)),
            });
        }
        if let Some(revoke) = &x_token.revoke {
            set.push(match revoke.takes {
                Takes::Access => quote!(revoke(Takes::Access)),
                Takes::Refresh => quote!(revoke(Takes::Refresh)),
            });
        }
        let seconds = |duration: std::time::Duration| {
            let seconds = Literal::u64_unsuffixed(duration.as_secs());
            quote!(Duration::from_secs(#seconds))
        };
        set.push(match x_token.renew() {
            Renew::AtExpiry => quote!(renew(Renew::AtExpiry)),
            Renew::Early(part) => {
                let part = Literal::f64_unsuffixed(part);
                quote!(renew(Renew::Early(#part)))
            }
            Renew::Before(span) => {
                let span = seconds(span);
                quote!(renew(Renew::Before(#span)))
            }
        });
        match x_token.lifetime {
            Lifetime::For(span) => {
                let span = seconds(span);
                set.push(quote!(lifetime(Lifetime::For(#span))));
            }
            Lifetime::Never => set.push(quote!(lifetime(Lifetime::Never))),
            Lifetime::Unknown => {}
        }
        if self.scopes().is_some() {
            set.push(quote!(scoped(true)));
        }
        let header = x_token.use_.header.to_ascii_lowercase();
        if header != "authorization" {
            set.push(quote!(header(#header)));
        }
        match x_token.use_.prefix() {
            Prefix::TokenType => {}
            Prefix::None => set.push(quote!(prefix(""))),
            Prefix::Text(text) => set.push(quote!(prefix(#text))),
        }
        quote!(Policy::new(#vendor) #(.#set)*)
    }

    /// The scopes that are asked for, as they are on the wire.
    fn scopes(&self) -> Option<TokenStream> {
        let grant = self.grants.first()?;
        let params = grant.operation.params.iter().filter(|param| is_asked_for(grant, param));
        let params = params.map(|param| (param.name.as_str(), param_type(param)));
        let properties = grant.body.map(|body| self.model.properties(body)).unwrap_or_default().iter();
        let properties = properties.filter(|property| !is_given(grant, "", property));
        let properties = properties.map(|property| (property.name.as_str(), property.ty.clone()));
        let (name, ty) = params.chain(properties).find(|(name, _)| matches!(*name, "scope" | "scopes"))?;
        let name = ident::snake(name);
        let credential = self.credentials.get(&name).filter(|credential| credential.ty == ty)?;
        let field = format_ident!("{name}");
        let text = |value: TokenStream| match &ty {
            Ty::Text => Some(quote!(#value.clone())),
            ty if is_enum(self.model, ty) => Some(quote!(#value.to_string())),
            // A list that can't be sent fails the login, with a text that says why.
            Ty::Delimited(..) => Some(quote!(#value.join().unwrap_or_default())),
            Ty::List(item) if **item == Ty::Text => Some(quote!(#value.join(" "))),
            Ty::List(item) if is_enum(self.model, item) => {
                Some(quote!(#value.iter().map(|item| item.as_str()).collect::<::std::vec::Vec<_>>().join(" ")))
            }
            _ => None,
        };
        let text = match credential.optional {
            false => text(quote!(credentials.#field))?,
            true => {
                let text = text(quote!(value))?;
                quote!(credentials.#field.as_ref().map(|value| #text).unwrap_or_default())
            }
        };
        Some(quote! {
            fn scopes(credentials: &Credentials) -> ::std::string::String { #text }
        })
    }

    // Answers.

    /// The types of the answers with a token: one, or two where the refresh has one of its own.
    fn answers(&self) -> Vec<Answered<'_>> {
        let mut answers: Vec<Answered<'_>> = Vec::new();
        for grant in self.grants.iter().filter(|grant| grant.word != Word::Revoke) {
            let Some(ty) = &grant.operation.success.ty else { continue };
            if answers.iter().all(|answer| answer.ty != ty) {
                let (name, function) =
                    if answers.is_empty() { ("Answer", "issued") } else { ("RefreshAnswer", "issued_by_refresh") };
                answers.push(Answered {
                    name: format_ident!("{name}"),
                    function: format_ident!("{function}"),
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

    /// The function that makes `Issued` of an answer.
    fn issued(&self, answer: &Answered<'_>) -> Result<TokenStream, String> {
        let (name, function) = (&answer.name, &answer.function);
        let response = &self.x_token.response;
        let read = |pointer: &crate::x_token::Pointer, leaf: &Leaf<'_>| {
            access::read(self.model, answer.ty, &pointer.segments(), quote!(answer), leaf)
        };
        let access = response.access_token.as_ref().and_then(|pointer| read(pointer, &Leaf::Token));
        let access = access.ok_or("nothing in the answer is the access token")?;
        let mut set: Vec<TokenStream> = Vec::new();
        if let Some(token_type) = response.token_type.as_ref().and_then(|pointer| read(pointer, &Leaf::Text)) {
            set.push(quote!(issued.token_type = #token_type;));
        }
        let unit = |unit: Unit| match unit {
            Unit::Seconds => quote!(adapter::Unit::Seconds),
            Unit::Milliseconds => quote!(adapter::Unit::Milliseconds),
        };
        let life = |life: &Option<In>| {
            let life = life.as_ref()?;
            let (text, pointer, unit) = (read(&life.at, &Leaf::Text)?, life.at.as_str(), unit(life.unit));
            Some(quote!(adapter::life(#pointer, #text, #unit)?))
        };
        let moment = |moment: &Option<At>| {
            let moment = moment.as_ref()?;
            let (text, pointer, unit) = (read(&moment.at, &Leaf::Text)?, moment.at.as_str(), unit(moment.unit));
            let zone = if moment.zone.is_some() { quote!(Utc) } else { quote!(Offset) };
            Some(quote!(adapter::moment(#pointer, #text, #unit, adapter::Zone::#zone)?))
        };
        if let Some(value) = life(&response.expires_in) {
            set.push(quote!(issued.expires_in = #value;));
        }
        if let Some(value) = moment(&response.expires_at) {
            set.push(quote!(issued.expires_at = #value;));
        }
        set.push(quote!(issued.date = date;));
        if let Some(value) = response.refresh_token.as_ref().and_then(|pointer| read(pointer, &Leaf::Token)) {
            set.push(quote!(issued.refresh_token = #value;));
        }
        if let Some(value) = life(&response.refresh_expires_in) {
            set.push(quote!(issued.refresh_expires_in = #value;));
        }
        if let Some(value) = moment(&response.refresh_expires_at) {
            set.push(quote!(issued.refresh_expires_at = #value;));
        }
        if let Some(scope) = &response.scope
            && let Some(value) = read(&scope.at, &Leaf::Scopes(scope.delimiter.as_deref()))
        {
            set.push(quote!(issued.scopes = adapter::granted(#value);));
        }
        for (header, credential) in &self.x_token.use_.also {
            let (header, name) = (header.to_ascii_lowercase(), ident::snake(credential));
            let field = format_ident!("{name}");
            let Some(credential) = self.credentials.get(&name) else { continue };
            let push = |value| quote!(issued.also.push((::http::HeaderName::from_static(#header), #value)););
            set.push(match credential.optional {
                false => push(converted(self.model, &credential.ty, &Ty::Secret, &quote!(credentials.#field), false)),
                true => {
                    let push = push(converted(self.model, &credential.ty, &Ty::Secret, &quote!(value), true));
                    quote!(if let Some(value) = &credentials.#field { #push })
                }
            });
        }
        let also = self.has_also().then(|| quote!(credentials: &Credentials,));
        Ok(quote! {
            /// What an answer says of its tokens, which move out of it.
            fn #function(
                mut answer: #name,
                date: ::std::option::Option<SystemTime>,
                #also
            ) -> ::std::result::Result<Issued, Failure> {
                let mut issued = Issued::new(adapter::access_token(#access)?);
                #(#set)*
                Ok(issued.answer(answer))
            }
        })
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
        let body = shapes::request_example(self.model, grant.operation);
        let mut values: IndexMap<String, Value> = IndexMap::new();
        if let (Some(component), Some(body)) = (grant.body, &body) {
            example_values(self.model, component, "", body, &mut vec![component.to_owned()], &mut values);
        }
        for param in &grant.operation.params {
            let example = param.example.clone().filter(|_| is_asked_for(grant, param));
            values.extend(example.map(|value| (ident::snake(&param.name), value)));
        }
        let fields = self.credentials.iter().map(|(name, credential)| {
            let sample = || literal::sample(self.model, &credential.ty, name);
            let value = match &credential.ty {
                _ if credential.optional => Code::text("None"),
                Ty::Any => Code::text("Default::default()"),
                ty => {
                    let value = values.get(name).cloned().unwrap_or_else(sample);
                    literal::expression(self.model, ty, name, &value, Secrets::Example)
                }
            };
            Code::row([Code::text(format!("{name}: ")), value])
        });
        let module = self.model.vendor.ident();
        let mut endpoint = match client::server_names(self.model).first() {
            Some(server) => format!("{module}::Endpoint::{server}()"),
            None => format!("{module}::Endpoint::at(\"https://example.com\")"),
        };
        for setting in client::settings(self.model) {
            endpoint.push_str(&format!(".{}({:?})", setting.name, client::example_text(setting.param)));
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
            "# async fn example() -> Result<(), freshtoken::Error> {{\nuse freshtoken::{{TokenSource, {module}}};\n\n\
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
        let name = format!("{prefix}{}", property.name);
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

/// The identifiers that a path may start with: all but those behind a `::`.
fn first_words(tokens: TokenStream, words: &mut IndexSet<String>) {
    let mut is_behind_colons = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(ident) if !is_behind_colons => {
                words.insert(ident.to_string());
            }
            TokenTree::Group(group) => first_words(group.stream(), words),
            _ => {}
        }
        // Of the two colons the first is joint; the one before a type is alone.
        is_behind_colons = match &token {
            TokenTree::Punct(punct) if punct.as_char() == ':' => is_behind_colons || punct.spacing() == Spacing::Joint,
            _ => false,
        };
    }
}

/// An answer with a token.
struct Answered<'a> {
    /// Its alias in the adapter.
    name: syn::Ident,
    /// The function that reads it.
    function: syn::Ident,
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
    use crate::{lower::lower, spec::Spec};

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
        has(&source, &["use ::std::time::SystemTime;"]);
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
        assert_eq!(found("integer"), ["client_id"]);
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
                "device: if credentials.device_id.is_some() {",
                "id: adapter::needed(\"device_id\", &credentials.device_id)?.clone()",
            ],
        );
        let needs_nothing = adapter(LOGIN, &device("[kind]"), TOKEN);
        has(&needs_nothing, &["{ id: credentials.device_id.clone() })"]);
        assert!(!needs_nothing.contains("ifcredentials"), "constants are sent: {needs_nothing}");
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
                "issued.refresh_token = answer.next.as_mut().and_then(|value| value.take());",
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
    fn an_answer_is_read_by_field_access_with_its_units() {
        let source = adapter(
            "{ login: { operation: log_in }, use: { also: { X-Site: site } }, response: { access-token: /token, expires-in: { \
             at: /ttl, unit: ms }, expires-at: { at: /until, zone: utc }, scope: { at: /granted, delimiter: ',' } } }",
            "required: [site], properties: { site: { type: integer } }",
            "properties: { token: { type: string, format: password }, ttl: { type: number }, until: { type: string }, \
             granted: { type: string } }",
        );
        has(
            &source,
            &[
                "Issued::new(adapter::access_token(answer.token.as_mut().and_then(|value| value.take()))?",
                "adapter::life( \"/ttl\", answer.ttl.as_ref().and_then(|value| Some(value.to_string())), \
                 adapter::Unit::Milliseconds)?",
                "adapter::Unit::Seconds, adapter::Zone::Utc)?",
                "adapter::split(&value, \",\")",
                "HeaderName::from_static(\"x-site\"), Secret::new(credentials.site.to_string())",
                "issued(answer, date, &credentials)",
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
