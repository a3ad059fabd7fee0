//! What the requests of a client authenticate with: the fields of `Credentials`.

use indexmap::IndexMap;

use crate::docs;
use crate::emit::types::or;
use crate::ident;
use crate::lower::model::{Model, Operation, SchemeKind};
use crate::read::x_token::Basic;

/// A credential that the client holds.
#[derive(Debug, PartialEq)]
pub struct Credential {
    /// Its field in `Credentials`.
    pub name: String,
    /// Whether only some operations need it.
    pub optional: bool,
    pub docs: String,
}

/// Returns the credentials of all operations, in the order of their first use.
pub fn credentials(model: &Model) -> Vec<Credential> {
    let mut found: IndexMap<String, Credential> = IndexMap::new();
    let required = required(model);
    for operation in &model.operations {
        for scheme in &operation.security {
            for name in scheme_credentials(model, &scheme.name, &scheme.kind) {
                let optional = !required.contains(&name);
                let credential = Credential { name: name.clone(), optional, docs: scheme.docs.clone() };
                found.entry(name).or_insert(credential);
            }
        }
    }
    found.into_values().collect()
}

/// Returns the credentials that each client needs: those of the login, with each alternative of `one-of`, else those of the refresh, else those that all
/// operations share.
fn required(model: &Model) -> Vec<String> {
    let of = |operation: &Operation| -> Vec<String> {
        operation.security.iter().flat_map(|scheme| scheme_credentials(model, &scheme.name, &scheme.kind)).collect()
    };
    let x_token = model.x_token.as_ref();
    let login = x_token.and_then(|x_token| x_token.login.as_ref()).map(|login| &login.operation);
    let refresh = x_token.and_then(|x_token| x_token.refresh.as_ref()).map(|refresh| &refresh.operation);
    let first = login.or(refresh).map(|id| ident::snake(id)).filter(|id| model.operation(id).is_some());
    let is_first = |operation: &&Operation| first.as_ref().is_none_or(|first| operation.base() == first);
    let mut operations = model.operations.iter().filter(is_first).map(of);
    let first = operations.next().unwrap_or_default();
    operations.fold(first, |all, of| all.into_iter().filter(|name| of.contains(name)).collect())
}

/// Returns the names of the credentials that a scheme sends.
pub fn scheme_credentials(model: &Model, name: &str, kind: &SchemeKind) -> Vec<String> {
    match kind {
        SchemeKind::Token(_) => Vec::new(),
        SchemeKind::Basic => {
            let names = basic(model).names;
            names.iter().filter(|name| !name.is_empty()).map(|name| ident::snake(name)).collect()
        }
        _ => vec![ident::snake(name)],
    }
}

/// Returns how the vendor takes HTTP Basic.
pub fn basic(model: &Model) -> Basic {
    model.x_token.as_ref().map(|x_token| x_token.basic.clone()).unwrap_or_default()
}

/// Returns the struct `Credentials`, or nothing if there are none.
pub fn source(model: &Model, credentials: &[Credential]) -> String {
    if credentials.is_empty() {
        return String::new();
    }
    let fields = credentials.iter().map(|Credential { name, optional, docs }| {
        let docs = docs::comment(&or(docs, &format!("`{name}`")), "    ");
        let ty = if *optional { "Option<Secret>" } else { "Secret" };
        format!("{docs}    pub {name}: {ty},\n")
    });
    let what = format!("The credentials that requests to “{}” carry in their headers or in their query.", model.title);
    format!(
        "\n{docs}#[derive(Clone, Debug)]\npub struct Credentials {{\n{fields}}}\n",
        docs = docs::comment(&what, ""),
        fields = fields.collect::<String>(),
    )
}
