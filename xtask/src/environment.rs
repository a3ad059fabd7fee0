//! The environment variables of a vendor: how they are named, and the adapter's `FromEnv` that reads them.

use heck::ToShoutySnakeCase;
use indexmap::IndexMap;

use crate::{
    client::{self, Setting},
    code::{Code, signature},
    docs,
    lifecycle::{Credential, is_enum},
    model::{Model, Ty},
    x_token::XToken,
};

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

/// The `FromEnv` of a vendor with these credentials.
pub fn implementation(model: &Model, x_token: &XToken, credentials: &IndexMap<String, Credential>) -> String {
    let prefix = prefix(model);
    let servers = client::server_names(model);
    let settings = client::settings(model);
    let variables = client::variables(model);
    let is_setting = |name: &str| settings.iter().any(|setting| setting.name == name);
    let own_variables: Vec<&String> = variables.keys().filter(|name| !is_setting(name)).collect();

    // A credential and a setting of one name are one variable, as two credentials are.
    let mut listed: IndexMap<String, (bool, String)> = IndexMap::new();
    let mut list = |is_required: bool, name: &str, docs: &str| {
        listed.entry(name.to_owned()).or_insert_with(|| (false, first_sentence(docs))).0 |= is_required;
    };
    for (name, credential) in credentials.iter().filter(|(_, credential)| fits(model, &credential.ty)) {
        list(!credential.optional, &variable(&prefix, name), &credential.docs);
    }
    if x_token.refresh.is_some() {
        let what = "The refresh token to start from.";
        list(x_token.login.is_none(), &format!("{prefix}_REFRESH_TOKEN"), what);
    }
    for setting in &settings {
        list(true, &variable(&prefix, &setting.name), &setting.param.docs);
    }
    for name in &own_variables {
        let docs = variables[*name].first().map_or("", |variable| &variable.docs);
        list(false, &variable(&prefix, name), docs);
    }
    list(servers.is_empty(), &format!("{prefix}_URL"), "A base URL of one's own.");
    if servers.len() > 1 {
        list(false, &format!("{prefix}_SERVER"), &format!("One of {}; the first by default.", servers.join(", ")));
    }

    let listed = listed.iter().map(|(name, (is_required, what))| {
        let kind = if *is_required { "required" } else { "optional" };
        Code::list(format!("Variable::{kind}("), vec![Code::string(name), Code::string(what)])
    });
    let named = servers.iter().map(|server| Code::text(format!("({server:?}, Endpoint::{server})"))).collect();
    let given = vec![Code::text("Endpoint::at"), Code::list("&[", named)];
    let mut endpoint = vec![Code::row([Code::list("vars.endpoint(", given), Code::text("?")])];
    endpoint.extend(settings.iter().map(|Setting { name, .. }| {
        Code::text(format!(".{name}(vars.needed::<String>({:?})?)", variable(&prefix, name)))
    }));
    let mutable = if own_variables.is_empty() { "" } else { "mut " };
    let set_if_given = own_variables.iter().map(|name| {
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
            (true, true) => format!("{name}: vars.given({variable:?})?"),
            (true, false) => format!("{name}: vars.needed({variable:?})?"),
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
            vec!["vars: &crate::environment::Vars<'_>".to_owned()],
            "Result<(Self, Credentials), EnvError>",
        ),
        endpoint = Code::row([Code::text(format!("let {mutable}endpoint = ")), Code::chain(endpoint)]).lines(8, ";"),
        set_if_given = set_if_given.collect::<String>(),
        read = Code::list("Ok(", vec![Code::list("(", read)]).lines(8, ""),
    )
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
