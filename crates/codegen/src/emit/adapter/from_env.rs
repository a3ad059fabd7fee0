//! The environment variables of a vendor: their names, and the `FromEnv` of the adapter, which reads them.

use heck::ToShoutySnakeCase;
use indexmap::IndexMap;

use crate::docs;
use crate::emit::adapter::conversions::{has_secret, is_enum};
use crate::emit::adapter::credentials;
use crate::emit::adapter::credentials::Credential;
use crate::emit::adapter::view::Fields;
use crate::emit::client::url_setter_name;
use crate::emit::layout::{Code, signature};
use crate::emit::settings::{Setting, arguments, settings};
use crate::ident;
use crate::lower::model::{Model, Operation, Ty};
use crate::read::x_token::XToken;

/// The variables that every vendor has. A credential or a setting with such a name gets a `_` at its end.
const TAKEN: [&str; 4] = ["URL", "SERVER", "API_URL", "REFRESH_TOKEN"];

/// The variable of a vendor without a login and a refresh.
const ACCESS_TOKEN: &str = "ACCESS_TOKEN";

/// Returns what the variables of a vendor begin with: the name of its spec.
fn prefix(model: &Model) -> String {
    let stem = model.vendor.stem().to_ascii_uppercase();
    let name = stem.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// Returns the variable of a credential or a setting.
fn variable(prefix: &str, name: &str) -> String {
    let name = name.to_shouty_snake_case();
    let taken = if TAKEN.contains(&name.as_str()) { "_" } else { "" };
    format!("{prefix}_{name}{taken}")
}

/// Returns the variable of the base URL of an operation on another host, without the `_URL` at its end.
fn url_variable(prefix: &str, operation: &Operation) -> String {
    format!("{prefix}_{}", operation.id.to_shouty_snake_case())
}

/// An environment variable and its content.
pub struct Holder {
    pub variable: String,
    /// The name of the credential or the setting.
    pub name: String,
    pub is_secret: bool,
    pub is_setting: bool,
}

impl Holder {
    /// Returns what it contains, for a message.
    pub fn described(&self) -> String {
        let kind = match (self.is_secret, self.is_setting) {
            (false, true) => "setting",
            (true, true) => "secret setting",
            (false, false) => "credential",
            (true, false) => "secret",
        };
        format!("the {kind} `{}`", self.name)
    }
}

/// Returns the variables of a vendor: those of its credentials, those of its settings, then those that every vendor
/// has.
pub fn holders(model: &Model) -> Vec<Holder> {
    let Some(credentials) = credentials::all_credentials(model) else { return Vec::new() };
    let prefix = prefix(model);
    let credentials = credentials.into_iter().filter(|(_, credential)| fits(model, &credential.ty));
    let credentials = credentials.map(|(name, credential)| (name, has_secret(&credential.ty), false));
    let settings = settings(model).into_iter().map(|setting| {
        let is_secret = setting.is_secret();
        (setting.name, is_secret, true)
    });
    let tenant = model.x_token.as_ref().and_then(XToken::tenant_setting);
    let tenant = tenant.map(|tenant| (tenant.setting.clone(), false, true));
    let named = credentials.chain(settings).chain(tenant).map(|(name, is_secret, is_setting)| Holder {
        variable: variable(&prefix, &name),
        name,
        is_secret,
        is_setting,
    });
    let starts_from_token = model.x_token.as_ref().is_some_and(XToken::starts_from_token);
    let common = TAKEN.into_iter().chain(starts_from_token.then_some(ACCESS_TOKEN)).map(|name| Holder {
        variable: format!("{prefix}_{name}"),
        name: name.to_owned(),
        is_secret: name.ends_with("_TOKEN"),
        is_setting: false,
    });
    let of_operations = model.on_other_hosts().map(|operation| Holder {
        variable: format!("{}_URL", url_variable(&prefix, operation)),
        name: format!("base URL of {}", operation.id),
        is_secret: false,
        is_setting: true,
    });
    named.chain(common).chain(of_operations).collect()
}

/// Whether a variable must be set.
#[derive(PartialEq)]
enum Need {
    Required,
    Optional,
    /// Required with these servers.
    With(Vec<String>),
    /// Required with these servers and with a custom base URL.
    WithThoseAndCustom(Vec<String>),
}

impl Need {
    fn when(is_required: bool) -> Self {
        if is_required { Self::Required } else { Self::Optional }
    }
}

/// Whether the value of a variable is a secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Secrecy {
    Public,
    Secret,
}

impl Secrecy {
    fn when(is_secret: bool) -> Self {
        if is_secret { Self::Secret } else { Self::Public }
    }
}

/// A variable in the list of a vendor's variables.
struct Listed {
    need: Need,
    secrecy: Secrecy,
    what: String,
}

/// Returns the `FromEnv` of a vendor with these credentials. `facade` is the path of the facade.
pub fn implementation(model: &Model, x_token: &XToken, fields: &Fields<'_>, facade: &str) -> String {
    let emitter = Emitter { model, x_token, fields, prefix: prefix(model), settings: settings(model) };
    format!(
        "
impl FromEnv for Endpoint {{
    const PREFIX: &'static str = {prefix:?};

{variables}

{read_head}
{endpoint}{alternative}{read}
    }}
}}
",
        prefix = emitter.prefix,
        variables = emitter.variables().lines(4, ";"),
        read_head = signature(
            4,
            "fn read",
            vec![format!("vars: &{facade}::env::Vars<'_>")],
            "Result<(Self, Credentials), EnvError>",
        ),
        endpoint = emitter.endpoint(),
        alternative = emitter.alternative(),
        read = emitter.read().lines(8, ""),
    )
}

struct Emitter<'a> {
    model: &'a Model,
    x_token: &'a XToken,
    fields: &'a Fields<'a>,
    prefix: String,
    settings: Vec<Setting<'a>>,
}

impl Emitter<'_> {
    /// Returns the constant that lists the variables.
    fn variables(&self) -> Code {
        let listed = self.listed();
        let variables = listed.iter().map(|(name, listed)| self.listed_variable(name, listed));
        Code::row([Code::text("const VARIABLES: &'static [Variable] = "), Code::list("&[", variables.collect())])
    }

    /// Returns the variables by name, each with a sentence about it. A credential and a setting with the same name are
    /// one variable.
    fn listed(&self) -> IndexMap<String, Listed> {
        let (model, prefix) = (self.model, &self.prefix);
        let mut listed: IndexMap<String, Listed> = IndexMap::new();
        let mut list = |need: Need, name: &str, secrecy: Secrecy, docs: &str| match listed.get_mut(name) {
            Some(known) => {
                if need == Need::Required {
                    known.need = need;
                }
                known.secrecy = known.secrecy.max(secrecy);
            }
            None => {
                listed.insert(name.to_owned(), Listed { need, secrecy, what: first_sentence(docs) });
            }
        };
        for (name, credential) in self.fields.shared.iter().filter(|(_, credential)| fits(model, &credential.ty)) {
            let secrecy = Secrecy::when(has_secret(&credential.ty));
            list(Need::when(!credential.optional), &variable(prefix, name), secrecy, &credential.docs);
        }
        for (_, own) in &self.fields.alternatives {
            for (name, credential) in own.iter().filter(|(_, credential)| fits(model, &credential.ty)) {
                let of = |own: &[(String, Credential)]| own.iter().any(|(known, _)| known == name);
                let with =
                    self.fields.alternatives.iter().filter(|(_, own)| of(own)).map(|(alternative, _)| *alternative);
                let with = with.collect::<Vec<_>>().join(" or ");
                let docs = format!("With {with}: {}", first_sentence(&credential.docs));
                let secrecy = Secrecy::when(has_secret(&credential.ty));
                list(Need::Optional, &variable(prefix, name), secrecy, &docs);
            }
        }
        if self.x_token.starts_from_token() {
            list(
                Need::Required,
                &format!("{prefix}_{ACCESS_TOKEN}"),
                Secrecy::Public,
                "The access token to start with.",
            );
        }
        if self.x_token.refresh.is_some() {
            let need = Need::when(self.x_token.login.is_none());
            list(need, &format!("{prefix}_REFRESH_TOKEN"), Secrecy::Secret, "The refresh token to start with.");
        }
        for setting in &self.settings {
            let secrecy = Secrecy::when(setting.is_secret());
            list(self.need(setting), &variable(prefix, &setting.name), secrecy, &described(setting));
        }
        if let Some(tenant) = self.x_token.tenant_setting() {
            let what = format!("Whether a refresh token works only once: true or false [default: {}].", tenant.default);
            list(Need::Optional, &variable(prefix, &tenant.setting), Secrecy::Public, &what);
        }
        list(Need::when(model.servers.is_empty()), &format!("{prefix}_URL"), Secrecy::Public, "A custom base URL.");
        for operation in model.on_other_hosts() {
            let what = format!("A custom base URL of {}, which is on another host.", operation.id);
            list(Need::Optional, &format!("{}_URL", url_variable(prefix, operation)), Secrecy::Public, &what);
        }
        if let [first, _, ..] = &model.servers[..] {
            let names: Vec<&str> = model.servers.iter().map(|server| server.name.as_str()).collect();
            let what = format!("One of {} [default: {}].", names.join(", "), first.name);
            list(Need::Optional, &format!("{prefix}_SERVER"), Secrecy::Public, &what);
        }
        listed
    }

    fn need(&self, setting: &Setting<'_>) -> Need {
        let servers = self.model.servers.iter().filter(|server| setting.is_argument_of(server));
        let servers: Vec<String> = servers.map(|server| server.name.clone()).collect();
        match setting.param {
            Some(_) => Need::Required,
            None if setting.is_computed_with => Need::WithThoseAndCustom(servers),
            None if servers.is_empty() => Need::Optional,
            None => Need::With(servers),
        }
    }

    fn listed_variable(&self, name: &str, listed: &Listed) -> Code {
        let Listed { need, secrecy, what } = listed;
        let (is_required, servers) = match need {
            Need::Required => (true, None),
            Need::Optional => (false, None),
            // The first server is the default.
            Need::With(servers) | Need::WithThoseAndCustom(servers) => {
                (self.model.servers.first().is_some_and(|first| servers.contains(&first.name)), Some(servers))
            }
        };
        let is_start = self.x_token.starts_from_token() && *name == format!("{}_{ACCESS_TOKEN}", self.prefix);
        let kind = match (is_start, is_required) {
            (true, _) => "access_token",
            (false, true) => "required",
            (false, false) => "optional",
        };
        let mut parts = vec![Code::list(format!("Variable::{kind}("), vec![Code::string(name), Code::string(what)])];
        if *secrecy == Secrecy::Secret {
            parts.push(Code::text(".secret()"));
        }
        parts.extend(servers.map(|servers| {
            let servers = Code::list("&[", servers.iter().map(|name| Code::string(name)).collect());
            Code::list(".of_servers(", vec![servers])
        }));
        parts.extend(matches!(need, Need::WithThoseAndCustom(_)).then(|| Code::text(".with_custom_url()")));
        Code::chain(parts)
    }

    fn read_setting(&self, setting: &Setting<'_>) -> Code {
        Code::text(format!("vars.needed::<String>({:?})?", variable(&self.prefix, &setting.name)))
    }

    /// Returns the statements that make the endpoint.
    fn endpoint(&self) -> String {
        let servers = self.model.servers.iter().map(|server| {
            let inputs = arguments(&self.settings, server).into_iter();
            let inputs: Vec<Code> = inputs.map(|setting| self.read_setting(setting)).collect();
            let vars = if inputs.is_empty() { "_" } else { "vars" };
            let made = Code::list(format!("Ok(Endpoint::{}(", server.name), inputs);
            let made = Code::row([Code::text(format!("|{vars}| ")), made, Code::text(")")]);
            Code::list("(", vec![Code::string(&server.name), made])
        });
        let inputs = vec![Code::text("Endpoint::at"), Code::list("&[", servers.collect())];
        let mut endpoint = vec![Code::row([Code::list("vars.endpoint(", inputs), Code::text("?")])];
        for setting in self.settings.iter().filter(|setting| setting.param.is_some()) {
            let set = [Code::text(format!(".{}(", setting.name)), self.read_setting(setting), Code::text(")")];
            endpoint.push(Code::row(set));
        }
        let optional = self.settings.iter().filter(|setting| setting.param.is_none() && setting.has_setter());
        let set_if_given: String = optional
            .map(|Setting { name, .. }| {
                format!(
                    "        if let Some(value) = vars.get({variable:?}) {{
            endpoint = endpoint.{name}(value);
        }}
",
                    variable = variable(&self.prefix, name),
                )
            })
            .collect();
        let tenant = self.x_token.tenant_setting().map(|tenant| {
            format!(
                "        if vars.given({variable:?})? == Some({other}) {{
            endpoint = endpoint.{method}();
        }}
",
                variable = variable(&self.prefix, &tenant.setting),
                other = !tenant.default,
                method = tenant.method(),
            )
        });
        let others = self.model.on_other_hosts().map(|operation| {
            let inputs = vec![
                Code::string(&url_variable(&self.prefix, operation)),
                Code::text("endpoint"),
                Code::text(format!("Endpoint::{}", url_setter_name(operation))),
            ];
            let set = Code::row([Code::list("let endpoint = vars.operation_url(", inputs), Code::text("?")]);
            set.lines(8, ";\n")
        });
        let set_if_given: String = std::iter::once(set_if_given).chain(tenant).chain(others).collect();
        let mutable = if set_if_given.contains("endpoint = endpoint.") { "mut " } else { "" };
        let endpoint = Code::row([Code::text(format!("let {mutable}endpoint = ")), Code::chain(endpoint)]);
        format!("{}\n{set_if_given}", endpoint.lines(8, ";"))
    }

    /// Returns the expression that `read` returns.
    fn read(&self) -> Code {
        let fields = self.fields.shared.iter().map(|(name, credential)| Code::text(self.field(name, credential)));
        let read =
            vec![Code::text("endpoint"), Code::braces("Credentials", fields.chain(self.authentication()).collect())];
        Code::list("Ok(", vec![Code::list("(", read)])
    }

    /// Returns the statement that finds the alternative of `one-of` whose variables are set.
    fn alternative(&self) -> String {
        if self.fields.alternatives.is_empty() {
            return String::new();
        }
        let alternatives = self.fields.alternatives.iter().map(|(alternative, own)| {
            let variables = |optional: bool| {
                let of = own.iter().filter(|(_, credential)| credential.optional == optional);
                Code::list("&[", of.map(|(name, _)| Code::string(&variable(&self.prefix, name))).collect())
            };
            Code::list("Alternative::new(", vec![Code::string(alternative), variables(false), variables(true)])
        });
        let read = Code::list("let alternative = vars.alternative(", vec![Code::list("&[", alternatives.collect())]);
        Code::row([read, Code::text("?")]).lines(8, ";\n")
    }

    /// Returns the field with that alternative.
    fn authentication(&self) -> Option<Code> {
        let last = self.fields.alternatives.len().checked_sub(1)?;
        let arms = self.fields.alternatives.iter().enumerate().map(|(index, (alternative, own))| {
            let fields = own.iter().map(|(name, credential)| Code::text(self.field(name, credential))).collect();
            let variant = format!("Authentication::{}", ident::pascal(alternative));
            let made = if own.is_empty() { Code::text(variant) } else { Code::braces(&variant, fields) };
            let pattern = if index == last { "_".to_owned() } else { format!("{alternative:?}") };
            // A row, because a struct needs the comma after it.
            Code::row([Code::text(format!("{pattern} => ")), made])
        });
        Some(Code::braces("authentication: match alternative", arms.collect()))
    }

    fn field(&self, name: &str, credential: &Credential) -> String {
        let variable = variable(&self.prefix, name);
        match (fits(self.model, &credential.ty), credential.optional) {
            (true, is_optional) => {
                let how = if is_optional { "given" } else { "needed" };
                match delimiter(&credential.ty) {
                    Some(delimiter) => format!("{name}: vars.{how}_list({variable:?}, {delimiter:?})?"),
                    None => format!("{name}: vars.{how}({variable:?})?"),
                }
            }
            (false, true) => format!("{name}: None"),
            (false, false) => format!("{name}: vars.structured({variable:?})?"),
        }
    }
}

/// Returns a sentence about a setting, or one for each server.
fn described(setting: &Setting<'_>) -> String {
    let sentences = setting.docs().into_iter().map(|(server, docs)| match server {
        Some(server) => format!("With {server}: {}", first_sentence(docs)),
        None => first_sentence(docs),
    });
    // One line for all servers, with a full stop only at its end.
    let described = sentences.collect::<Vec<_>>().join(" ").replace(". With ", "; with ");
    if described.is_empty() { format!("`{}` in the server's URL.", setting.name) } else { described }
}

/// Whether a variable can contain it. An object can't be read from a variable, because its type is only written.
fn fits(model: &Model, ty: &Ty) -> bool {
    match ty {
        Ty::Ref(_) => is_enum(model, ty),
        Ty::List(item) | Ty::Nullable(item) | Ty::Map(item) | Ty::Delimited(_, item) => fits(model, item),
        Ty::Secret
        | Ty::Text
        | Ty::Timestamp { .. }
        | Ty::Integer
        | Ty::Number
        | Ty::Boolean
        | Ty::Any
        | Ty::Constant(_) => true,
    }
}

/// Returns the delimiter of a list that is one string.
fn delimiter(ty: &Ty) -> Option<char> {
    match ty {
        Ty::Delimited(delimiter, _) => Some(*delimiter),
        Ty::Nullable(inner) => delimiter(inner),
        _ => None,
    }
}

/// Returns the first sentence of a description, on one line and without code marks.
fn first_sentence(docs: &str) -> String {
    let docs = docs::cleaned(docs);
    let paragraph = docs.trim().split("\n\n").next().unwrap_or_default();
    let text = paragraph.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "");
    match text.split_once(". ") {
        Some((sentence, _)) => format!("{sentence}."),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_named_after_vendor_and_credential() {
        assert_eq!(variable("ZENOTI", "app_id"), "ZENOTI_APP_ID");
        assert_eq!(variable("ACME", "type_"), "ACME_TYPE");
        assert_eq!(variable("ACME", "url"), "ACME_URL_");
    }

    #[test]
    fn a_description_ends_after_its_first_sentence() {
        assert_eq!(first_sentence("The `id` of\nthe app. Source: a page."), "The id of the app.");
        assert_eq!(first_sentence("The id.\n\nOnly a refresh needs it."), "The id.");
        assert_eq!(first_sentence(""), "");
    }
}
