//! Names that Rust, the environment or a user would take for one another: what a model is needed for, because its names are
//! those that the later stages write. It is made only of a spec with no other error.

use crate::diagnostic::{Diagnostic, join};
use crate::emit::adapter::credentials;
use crate::emit::adapter::from_env;
use crate::emit::adapter::from_env::Holder;
use crate::emit::client;
use crate::emit::settings::{RESERVED, Setting, settings};
use crate::lint::document::METHODS;
use crate::lower::model::{Model, Operation, Param, Place};
use crate::read::spec::{Spec, at};
use serde_json::Value;
use std::collections::HashMap;

/// All of them.
pub fn diagnostics(spec: &Spec, model: &Model) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let settings = settings(model);
    for setting in settings.iter().filter(|setting| setting.has_setter()) {
        let name = &setting.name;
        let is_server = model.servers.iter().any(|server| server.name == *name);
        if is_server || RESERVED.contains(&name.as_str()) {
            let owner = if is_server { "a server" } else { "a method of every endpoint" };
            let message = format!("the setting `{name}` would have the name of {owner}");
            diagnostics.push(spec.error(&setting_place(spec, model, setting), message, ANOTHER).of("setting-names"));
        }
    }
    for operation in &model.operations {
        let mut taken: HashMap<String, bool> = HashMap::new();
        for argument in client::arguments(operation) {
            let is_token = argument.param.is_none();
            let other = taken.insert(argument.name, is_token);
            if let (Some(true), Some(param)) = (other, argument.param) {
                let message = format!(
                    "the parameter `{}` would have the name of the argument for the security scheme's token",
                    param.name
                );
                diagnostics
                    .push(spec.error(&parameter_place(spec, operation, param), message, ANOTHER).of("argument-names"));
            }
        }
    }
    for (first, second) in credentials::confused(model) {
        let (first, second, name) = (first.join("."), second.join("."), second.join("_"));
        let message = format!("the secrets `{first}` and `{second}` would be one credential, `{name}`");
        diagnostics.push(
            spec.error("/x-token", message, "add `x-name` to one of the two, another name in snake_case")
                .of("credential-names"),
        );
    }
    diagnostics.extend(variables(spec, model, &settings));
    diagnostics
}

const ANOTHER: &str = "add `x-name` to it, another name in snake_case";

/// Environment variables that would hold two values.
fn variables(spec: &Spec, model: &Model, settings: &[Setting<'_>]) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
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
        let place = setting.map_or_else(|| "/x-token".to_owned(), |setting| setting_place(spec, model, setting));
        let help = "add `x-name` to one of the two, another name in snake_case; or rename the security scheme";
        diagnostics.push(spec.error(&place, message, help).of("environment-variables"));
    }
    diagnostics
}

/// Where a setting stands: its variable, else its parameter.
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

/// Where a parameter of an operation stands: in the operation, in its path, or in `components`.
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
