//! Names that would be the same in Rust or in the environment.
//!
//! These rules need a model, whose names are those that the later stages write. There is one only if nothing else is wrong.

use std::collections::HashMap;

use serde_json::Value;

use crate::diagnostic::join;
use crate::emit::adapter::credentials;
use crate::emit::adapter::from_env;
use crate::emit::adapter::from_env::Holder;
use crate::emit::client;
use crate::emit::settings::{RESERVED, Setting, settings};
use crate::ident;
use crate::lint::document::{Lint, METHODS};
use crate::lint::rule::rule;
use crate::lower::model::{Model, Operation, Param, Place};
use crate::read::spec::{Spec, at};
use crate::read::x_token::XToken;
use crate::read::x_token::refresh::TenantSetting;

/// Checks the names of a model. Their places are pointers: a model has no nodes.
pub fn check(lint: &mut Lint, model: &Model) {
    let settings = settings(model);
    rule!(setting_names(lint, model, &settings));
    if let Some(tenant) = model.x_token.as_ref().and_then(XToken::tenant_setting) {
        rule!(tenant_settings(lint, &settings, tenant));
    }
    rule!(argument_names(lint, model));
    rule!(credential_names(lint, model));
    rule!(environment_variables(lint, model, &settings));
}

/// The setting of the tenant is a part of a method's name, and none of the other settings.
fn tenant_settings(lint: &mut Lint, settings: &[Setting<'_>], tenant: &TenantSetting) {
    let (name, method) = (&tenant.setting, tenant.method());
    let message = if ident::snake(name) != *name {
        format!("`{name}` isn't in snake_case, and becomes a part of the method `{method}`")
    } else if settings.iter().any(|setting| setting.name == *name || setting.name == method) {
        format!("there is another setting `{name}`")
    } else {
        return;
    };
    lint.error("/x-token/refresh/single-use/setting", message, "write another name in snake_case, such as `rotation`");
}

const ANOTHER_NAME: &str = "add `x-name` to it, another name in snake_case";

/// No setting has the name of a server, or of a method of the endpoint.
fn setting_names(lint: &mut Lint, model: &Model, settings: &[Setting<'_>]) {
    for setting in settings.iter().filter(|setting| setting.has_setter()) {
        let name = &setting.name;
        let is_server = model.servers.iter().any(|server| server.name == *name);
        let is_reserved = RESERVED.contains(&name.as_str())
            || model.on_other_hosts().any(|other| client::url_setter_name(other) == *name);
        if is_server || is_reserved {
            let owner = if is_server { "a server" } else { "a method of every endpoint" };
            let message = format!("the setting `{name}` would have the name of {owner}");
            lint.error(&setting_place(lint.spec, model, setting), message, ANOTHER_NAME);
        }
    }
}

/// No parameter has the name of the argument for a security scheme's token.
fn argument_names(lint: &mut Lint, model: &Model) {
    for operation in &model.operations {
        let mut taken: HashMap<String, bool> = HashMap::new();
        for argument in client::arguments(operation) {
            let is_token = argument.param.is_none();
            let other = taken.insert(argument.name, is_token);
            if let (Some(true), Some(param)) = (other, argument.param) {
                let name = &param.name;
                let message = format!(
                    "the parameter `{name}` would have the name of the argument for the security scheme's token"
                );
                lint.error(&parameter_place(lint.spec, operation, param), message, ANOTHER_NAME);
            }
        }
    }
}

/// No two secrets become one credential.
fn credential_names(lint: &mut Lint, model: &Model) {
    for (first, second) in credentials::confused(model) {
        let (first, second, name) = (first.join("."), second.join("."), second.join("_"));
        let message = format!("the secrets `{first}` and `{second}` would be one credential, `{name}`");
        lint.error("/x-token", message, "add `x-name` to one of the two, another name in snake_case");
    }
}

/// No environment variable holds two values.
fn environment_variables(lint: &mut Lint, model: &Model, settings: &[Setting<'_>]) {
    let mut known: HashMap<String, Holder> = HashMap::new();
    for holder in from_env::holders(model) {
        let Some(first) = known.get(&holder.variable) else {
            known.insert(holder.variable.clone(), holder);
            continue;
        };
        // A credential and a setting of one name are one value, unless only one of the two is a secret.
        if first.name == holder.name && first.is_secret == holder.is_secret {
            continue;
        }
        let message = format!(
            "{} and {} would share the environment variable `{}`",
            first.described(),
            holder.described(),
            holder.variable
        );
        let setting = settings.iter().find(|setting| holder.is_setting && setting.name == holder.name);
        let place = setting.map_or_else(|| "/x-token".to_owned(), |setting| setting_place(lint.spec, model, setting));
        let help = "add `x-name` to one of the two, another name in snake_case; or rename the security scheme";
        lint.error(&place, message, help);
    }
}

/// Returns the place of a setting: its variable, or its parameter.
fn setting_place(spec: &Spec, model: &Model, setting: &Setting<'_>) -> String {
    if let Some((server, variable)) = setting.variables.first() {
        let index = model.servers.iter().position(|other| std::ptr::eq(other, *server)).unwrap_or_default();
        return join(&format!("/servers/{index}/variables"), &variable.name);
    }
    let has = |operation: &&Operation| {
        operation.params.iter().any(|param| setting.param.is_some_and(|found| std::ptr::eq(found, param)))
    };
    let operation = model.operations.iter().find(has);
    operation.zip(setting.param).map_or_else(String::new, |(operation, param)| parameter_place(spec, operation, param))
}

/// Returns the place of a parameter: in the operation, in its path, or in `components`.
fn parameter_place(spec: &Spec, operation: &Operation, param: &Param) -> String {
    let path = join("/paths", &operation.path);
    let method = METHODS.into_iter().find(|method| operation.method.eq_ignore_ascii_case(method)).unwrap_or_default();
    for owner in [join(&path, method), path.clone()] {
        let list = at(&spec.document, &join(&owner, "parameters")).and_then(Value::as_array).into_iter().flatten();
        for (index, parameter) in list.enumerate() {
            let reference = parameter["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
            let place = reference.map_or_else(|| format!("{owner}/parameters/{index}"), str::to_owned);
            let found = at(&spec.document, &place).unwrap_or(&Value::Null);
            let position = match param.place {
                Place::Path => "path",
                Place::Query => "query",
                Place::Header => "header",
            };
            if found["in"] == position && found["name"] == param.name.as_str() {
                return place;
            }
        }
    }
    path
}
