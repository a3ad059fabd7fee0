//! The document of a spec, and its references.

use indexmap::IndexMap;
use serde::Deserialize;

use crate::spec::name::snake;
use crate::spec::operation::{Example, Header, Operation, Parameter, RequestBody, ResponseObject, SecurityScheme};
use crate::spec::schema::Schema;
use crate::spec::x_token;
use crate::spec::x_token::XToken;
use crate::spec::x_token::alternatives::NO_SECURITY;

/// A spec as it was written.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Document {
    pub(super) openapi: String,
    #[serde(rename = "x-token", default, deserialize_with = "x_token::read")]
    pub(crate) token: Option<XToken>,
    #[serde(default)]
    servers: Vec<Server>,
    #[serde(default)]
    security: Vec<IndexMap<String, Vec<String>>>,
    pub(super) paths: IndexMap<String, PathItem>,
    #[serde(default)]
    pub(super) components: Components,
}

/// A server. The sandbox serves every operation itself, also those with a server of their own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Server {
    variables: IndexMap<String, Variable>,
}

/// A variable of a server's URL.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Variable {
    #[serde(rename = "x-name")]
    label: Option<String>,
    #[serde(rename = "enum")]
    values: Option<Vec<String>>,
    default: String,
}

/// The operations of a path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PathItem {
    #[serde(rename = "$ref")]
    pub(super) reference: Option<String>,
    pub(super) parameters: Vec<Parameter>,
    get: Option<Operation>,
    put: Option<Operation>,
    post: Option<Operation>,
    delete: Option<Operation>,
    options: Option<Operation>,
    head: Option<Operation>,
    patch: Option<Operation>,
    trace: Option<Operation>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Components {
    pub(super) schemas: IndexMap<String, Schema>,
    pub(super) responses: IndexMap<String, ResponseObject>,
    pub(super) parameters: IndexMap<String, Parameter>,
    pub(super) request_bodies: IndexMap<String, RequestBody>,
    pub(super) headers: IndexMap<String, Header>,
    pub(super) examples: IndexMap<String, Example>,
    pub(super) security_schemes: IndexMap<String, SecurityScheme>,
}

/// How many references in a row are followed.
const MAX_REFERENCES: usize = 64;

impl PathItem {
    /// Returns the operations with their methods.
    pub(super) fn operations(&self) -> impl Iterator<Item = (&'static str, &Operation)> {
        let methods = [
            ("GET", &self.get),
            ("PUT", &self.put),
            ("POST", &self.post),
            ("DELETE", &self.delete),
            ("OPTIONS", &self.options),
            ("HEAD", &self.head),
            ("PATCH", &self.patch),
            ("TRACE", &self.trace),
        ];
        methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
    }
}

impl Document {
    /// Returns every operation: its path, its method, the parameters of its path, and itself.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (&str, &'static str, &[Parameter], &Operation)> {
        self.paths.iter().flat_map(|(path, item)| {
            let shared = item.parameters.as_slice();
            item.operations().map(move |(method, operation)| (path.as_str(), method, shared, operation))
        })
    }

    /// Returns the operation with this id.
    pub(crate) fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations().map(|(_, _, _, operation)| operation).find(|operation| operation.operation_id == id)
    }

    /// Returns the variables of the servers as settings: each name, and its default if that is ever used.
    pub(crate) fn server_variables(&self) -> impl Iterator<Item = (String, Option<&str>)> {
        self.servers.iter().flat_map(|server| &server.variables).map(|(name, variable)| {
            let default = variable.values.is_some().then_some(variable.default.as_str());
            (snake(variable.label.as_deref().unwrap_or(name)), default)
        })
    }

    /// Returns the alternatives of an operation's security. The first is the one that clients use: the one that
    /// `x-token` names, or the first in the spec.
    pub(crate) fn security<'a>(&'a self, operation: &'a Operation) -> Vec<&'a IndexMap<String, Vec<String>>> {
        let mut alternatives: Vec<_> = operation.security.as_deref().unwrap_or(&self.security).iter().collect();
        let named = self.token.iter().flat_map(|token| {
            let actions = token.actions().filter(|action| action.operation == operation.operation_id);
            actions.filter_map(|action| token.forms(action).into_iter().next()?.security).collect::<Vec<_>>()
        });
        if let Some(name) = named.into_iter().next() {
            alternatives.sort_by_key(|alternative| !is_named(alternative, &name));
        }
        alternatives
    }

    pub(crate) fn security_scheme(&self, name: &str) -> Option<&SecurityScheme> {
        let schemes = &self.components.security_schemes;
        Some(follow(schemes.get(name)?, schemes, |scheme| scheme.reference.as_deref()))
    }

    pub(crate) fn schema<'a>(&'a self, schema: &'a Schema) -> &'a Schema {
        follow(schema, &self.components.schemas, |schema| schema.reference.as_deref())
    }

    pub(crate) fn response<'a>(&'a self, response: &'a ResponseObject) -> &'a ResponseObject {
        follow(response, &self.components.responses, |response| response.reference.as_deref())
    }

    pub(crate) fn parameter<'a>(&'a self, parameter: &'a Parameter) -> &'a Parameter {
        follow(parameter, &self.components.parameters, |parameter| parameter.reference.as_deref())
    }

    pub(crate) fn request_body<'a>(&'a self, body: &'a RequestBody) -> &'a RequestBody {
        follow(body, &self.components.request_bodies, |body| body.reference.as_deref())
    }

    pub(crate) fn header<'a>(&'a self, header: &'a Header) -> &'a Header {
        follow(header, &self.components.headers, |header| header.reference.as_deref())
    }

    pub(crate) fn example<'a>(&'a self, example: &'a Example) -> &'a Example {
        follow(example, &self.components.examples, |example| example.reference.as_deref())
    }
}

/// Whether an alternative of a security has the scheme of this name.
pub(crate) fn is_named(alternative: &IndexMap<String, Vec<String>>, name: &str) -> bool {
    alternative.contains_key(name) || name == NO_SECURITY && alternative.is_empty()
}

/// Follows references among components of one kind; `references` has checked that they resolve.
fn follow<'a, T>(start: &'a T, components: &'a IndexMap<String, T>, reference: impl Fn(&T) -> Option<&str>) -> &'a T {
    let mut found = start;
    for _ in 0..MAX_REFERENCES {
        let name = reference(found).and_then(|reference| reference.rsplit('/').next());
        match name.and_then(|name| components.get(name)) {
            Some(next) => found = next,
            None => break,
        }
    }
    found
}
