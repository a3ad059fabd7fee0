//! The environment variables of a vendor: how they are named, and the adapter's `FromEnv` that reads them.

use heck::ToShoutySnakeCase;
use indexmap::IndexMap;

use crate::docs;
use crate::emit::adapter::credentials;
use crate::emit::adapter::credentials::{Credential, is_enum};
use crate::emit::layout::{Code, signature};
use crate::emit::settings::{Setting, arguments, settings};
use crate::lower::model::{Model, Ty};
use crate::read::x_token::XToken;

/// The variables that every vendor has; a credential or setting of such a name gets a `_` behind it.
const TAKEN: [&str; 4] = ["URL", "SERVER", "API_URL", "REFRESH_TOKEN"];

/// What the variables of a vendor begin with: its spec's name.
fn prefix(model: &Model) -> String {
    let stem = model.vendor.stem().to_ascii_uppercase();
    let name = stem.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// The variable of a credential or a setting.
fn variable(prefix: &str, name: &str) -> String {
    let name = name.to_shouty_snake_case();
    let taken = if TAKEN.contains(&name.as_str()) { "_" } else { "" };
    format!("{prefix}_{name}{taken}")
}

/// What an environment variable holds.
pub struct Holder {
    pub variable: String,
    /// The name of the credential or the setting.
    pub name: String,
    pub is_secret: bool,
    pub is_setting: bool,
}

impl Holder {
    /// What it is, for a sentence.
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

/// The variables of a vendor, each with what it holds: credentials, then settings, then what every vendor has.
pub fn holders(model: &Model) -> Vec<Holder> {
    let Some(credentials) = credentials::all_credentials(model) else { return Vec::new() };
    let prefix = prefix(model);
    let credentials = credentials.into_iter().filter(|(_, credential)| fits(model, &credential.ty));
    let credentials = credentials.map(|(name, credential)| (name, has_secret(&credential.ty), false));
    let settings = settings(model).into_iter().map(|setting| {
        let is_secret = setting.is_secret();
        (setting.name, is_secret, true)
    });
    let named = credentials.chain(settings).map(|(name, is_secret, is_setting)| Holder {
        variable: variable(&prefix, &name),
        name,
        is_secret,
        is_setting,
    });
    let everyones = TAKEN.into_iter().map(|name| Holder {
        variable: format!("{prefix}_{name}"),
        name: name.to_owned(),
        is_secret: name == "REFRESH_TOKEN",
        is_setting: false,
    });
    named.chain(everyones).collect()
}

fn has_secret(ty: &Ty) -> bool {
    match ty {
        Ty::List(item) | Ty::Nullable(item) | Ty::Map(item) | Ty::Delimited(_, item) => has_secret(item),
        ty => *ty == Ty::Secret,
    }
}

/// Whether a variable is needed.
#[derive(PartialEq)]
enum Need {
    Required,
    Optional,
    /// With these servers alone.
    With(Vec<String>),
}

/// The `FromEnv` of a vendor with these credentials.
pub fn implementation(model: &Model, x_token: &XToken, credentials: &IndexMap<String, Credential>) -> String {
    let prefix = prefix(model);
    let (servers, settings) = (&model.servers, settings(model));

    // A credential and a setting of one name are one variable, as two credentials are.
    let mut listed: IndexMap<String, (Need, String)> = IndexMap::new();
    let mut list = |need: Need, name: &str, docs: &str| match listed.get_mut(name) {
        Some((known, _)) if need == Need::Required => *known = need,
        Some(_) => {}
        None => {
            listed.insert(name.to_owned(), (need, first_sentence(docs)));
        }
    };
    let needed = |is_required| if is_required { Need::Required } else { Need::Optional };
    for (name, credential) in credentials.iter().filter(|(_, credential)| fits(model, &credential.ty)) {
        list(needed(!credential.optional), &variable(&prefix, name), &credential.docs);
    }
    if x_token.refresh.is_some() {
        let what = "The refresh token to start from.";
        list(needed(x_token.login.is_none()), &format!("{prefix}_REFRESH_TOKEN"), what);
    }
    for setting in &settings {
        let of: Vec<String> =
            servers.iter().filter(|of| setting.is_argument_of(of)).map(|of| of.name.clone()).collect();
        let need = match (setting.param, of.is_empty()) {
            (Some(_), _) => Need::Required,
            (None, true) => Need::Optional,
            (None, false) => Need::With(of),
        };
        list(need, &variable(&prefix, &setting.name), &described(setting));
    }
    list(needed(servers.is_empty()), &format!("{prefix}_URL"), "A base URL of one's own.");
    if servers.len() > 1 {
        let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        let what = format!("One of {}; the first by default.", names.join(", "));
        list(Need::Optional, &format!("{prefix}_SERVER"), &what);
    }

    let listed = listed.iter().map(|(name, (need, what))| {
        let (is_required, of) = match need {
            Need::Required => (true, None),
            Need::Optional => (false, None),
            // Without a named server it is the first.
            Need::With(of) => (servers.first().is_some_and(|first| of.contains(&first.name)), Some(of)),
        };
        let kind = if is_required { "required" } else { "optional" };
        let made = Code::list(format!("Variable::{kind}("), vec![Code::string(name), Code::string(what)]);
        let of = of.map(|of| Code::list("&[", of.iter().map(|name| Code::string(name)).collect()));
        Code::chain([made].into_iter().chain(of.map(|of| Code::list(".of_servers(", vec![of]))).collect::<Vec<_>>())
    });
    let read_setting =
        |setting: &Setting<'_>| Code::text(format!("vars.needed::<String>({:?})?", variable(&prefix, &setting.name)));
    let named = servers.iter().map(|server| {
        let asked: Vec<Code> = arguments(&settings, server).into_iter().map(read_setting).collect();
        let vars = if asked.is_empty() { "_" } else { "vars" };
        let made = Code::list(format!("Ok(Endpoint::{}(", server.name), asked);
        let made = Code::row([Code::text(format!("|{vars}| ")), made, Code::text(")")]);
        Code::list("(", vec![Code::string(&server.name), made])
    });
    let given = vec![Code::text("Endpoint::at"), Code::list("&[", named.collect())];
    let mut endpoint = vec![Code::row([Code::list("vars.endpoint(", given), Code::text("?")])];
    for setting in settings.iter().filter(|setting| setting.param.is_some()) {
        let set = [Code::text(format!(".{}(", setting.name)), read_setting(setting), Code::text(")")];
        endpoint.push(Code::row(set));
    }
    let optional: Vec<&Setting<'_>> =
        settings.iter().filter(|setting| setting.param.is_none() && setting.has_setter()).collect();
    let mutable = if optional.is_empty() { "" } else { "mut " };
    let set_if_given = optional.iter().map(|Setting { name, .. }| {
        format!(
            "        if let Some(value) = vars.get({variable:?}) {{
            endpoint = endpoint.{name}(value);
        }}
",
            variable = variable(&prefix, name),
        )
    });
    let fields = credentials.iter().map(|(name, credential)| {
        let variable = variable(&prefix, name);
        Code::text(match (fits(model, &credential.ty), credential.optional) {
            (true, is_optional) => {
                let how = if is_optional { "given" } else { "needed" };
                match delimiter(&credential.ty) {
                    Some(delimiter) => format!("{name}: vars.{how}_list({variable:?}, {delimiter:?})?"),
                    None => format!("{name}: vars.{how}({variable:?})?"),
                }
            }
            (false, true) => format!("{name}: None"),
            (false, false) => format!("{name}: vars.structured({variable:?})?"),
        })
    });
    let read = vec![Code::text("endpoint"), Code::braces("Credentials", fields.collect())];
    format!(
        "
impl FromEnv for Endpoint {{
    const PREFIX: &'static str = {prefix:?};

{variables}

{read_head}
{endpoint}
{set_if_given}{read}
    }}
}}
",
        variables =
            Code::row([Code::text("const VARIABLES: &'static [Variable] = "), Code::list("&[", listed.collect())])
                .lines(4, ";"),
        read_head = signature(
            4,
            "fn read",
            vec!["vars: &crate::env::Vars<'_>".to_owned()],
            "Result<(Self, Credentials), EnvError>",
        ),
        endpoint = Code::row([Code::text(format!("let {mutable}endpoint = ")), Code::chain(endpoint)]).lines(8, ";"),
        set_if_given = set_if_given.collect::<String>(),
        read = Code::list("Ok(", vec![Code::list("(", read)]).lines(8, ""),
    )
}

/// What a setting is, in a sentence, or in one for each server.
fn described(setting: &Setting<'_>) -> String {
    let sentences = setting.docs().into_iter().map(|(server, docs)| match server {
        Some(server) => format!("With {server}: {}", first_sentence(docs)),
        None => first_sentence(docs),
    });
    // No full stop ends a sentence before the last of them does.
    let described = sentences.collect::<Vec<_>>().join(" ").replace(". With ", "; with ");
    if described.is_empty() { format!("`{}` in the server's URL.", setting.name) } else { described }
}

/// Whether a variable can hold it: all but objects, which are only sent and so can't be read.
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

/// What stands between the items of a list that is one string.
fn delimiter(ty: &Ty) -> Option<char> {
    match ty {
        Ty::Delimited(delimiter, _) => Some(*delimiter),
        Ty::Nullable(inner) => delimiter(inner),
        _ => None,
    }
}

/// The first sentence of a description, on one line, without what Markdown adds.
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
    fn a_description_is_cut_behind_its_first_sentence() {
        assert_eq!(first_sentence("The `id` of\nthe app. Source: a page."), "The id of the app.");
        assert_eq!(first_sentence("The id.\n\nOnly a refresh needs it."), "The id.");
        assert_eq!(first_sentence(""), "");
    }
}
