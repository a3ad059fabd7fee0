//! The servers of a document or of an operation.

use serde_json::Value;

use crate::ident;
use crate::lower::descriptions::{joined, label, object, one_of, plain, text};
use crate::lower::model::{Server, Variable};

/// Returns the name of a server: its `x-name`, which a single server can lack.
pub fn server_name(x_name: Option<&str>) -> String {
    x_name.map_or_else(|| "production".to_owned(), ident::snake)
}

/// Returns the servers of a list.
pub fn servers(list: &Value) -> Vec<Server> {
    let servers = list.as_array().map(Vec::as_slice).unwrap_or_default();
    servers
        .iter()
        .map(|server| Server {
            name: server_name(server["x-name"].as_str()),
            url: text(&server["url"]),
            variables: object(&server["variables"])
                .iter()
                .map(|(name, variable)| Variable {
                    name: name.clone(),
                    label: label(variable, name),
                    default: variable["enum"].is_array().then(|| plain(&variable["default"])),
                    docs: joined(&text(&variable["description"]), &one_of(&variable["enum"])),
                })
                .collect(),
            docs: text(&server["description"]),
        })
        .collect()
}
