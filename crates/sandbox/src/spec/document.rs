//! The document: its parts, and where its references lead.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::operation::{Example, Header, RequestBody};
use super::{Operation, Parameter, Response, Schema, SecurityScheme, XToken, playable};

/// A spec as it was written.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Document {
    openapi: String,
    #[serde(rename = "x-token")]
    pub(crate) token: Option<XToken>,
    #[serde(default)]
    security: Vec<IndexMap<String, Vec<String>>>,
    paths: IndexMap<String, PathItem>,
    #[serde(default)]
    components: Components,
}

/// The operations of a path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PathItem {
    parameters: Vec<Parameter>,
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
struct Components {
    schemas: IndexMap<String, Schema>,
    responses: IndexMap<String, Response>,
    parameters: IndexMap<String, Parameter>,
    request_bodies: IndexMap<String, RequestBody>,
    headers: IndexMap<String, Header>,
    examples: IndexMap<String, Example>,
    security_schemes: IndexMap<String, SecurityScheme>,
}

/// How many references in a row are followed.
const MAX_REFERENCES: usize = 64;

impl Document {
    /// Reads a spec's text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // YAML 1.2: `no` and `off` are texts.
        let options = || serde_saphyr::options! { strict_booleans: true, with_snippet: false };
        let document: Self = serde_saphyr::from_str_with_options(text, options())
            .map_err(|error| error.without_snippet().to_string())?;
        if !document.openapi.starts_with("3.0.") {
            return Err(format!("it is OpenAPI {}; the sandbox plays 3.0", document.openapi));
        }
        let raw: Value = serde_saphyr::from_str_with_options(text, options()).map_err(|error| error.to_string())?;
        playable::references(&raw, &raw)?;
        playable::document(&document)?;
        Ok(document)
    }

    /// Every operation: its path, its method, what it takes beside its own parameters, and itself.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (&str, &'static str, &[Parameter], &Operation)> {
        self.paths.iter().flat_map(|(path, item)| {
            let methods = [
                ("GET", &item.get),
                ("PUT", &item.put),
                ("POST", &item.post),
                ("DELETE", &item.delete),
                ("OPTIONS", &item.options),
                ("HEAD", &item.head),
                ("PATCH", &item.patch),
                ("TRACE", &item.trace),
            ];
            methods.into_iter().filter_map(move |(method, operation)| {
                Some((path.as_str(), method, item.parameters.as_slice(), operation.as_ref()?))
            })
        })
    }

    /// The alternatives of an operation's security.
    pub(crate) fn security<'a>(&'a self, operation: &'a Operation) -> &'a [IndexMap<String, Vec<String>>] {
        operation.security.as_deref().unwrap_or(&self.security)
    }

    pub(crate) fn security_scheme(&self, name: &str) -> Option<&SecurityScheme> {
        let schemes = &self.components.security_schemes;
        Some(follow(schemes.get(name)?, schemes, |scheme| scheme.reference.as_deref()))
    }

    pub(crate) fn schema<'a>(&'a self, schema: &'a Schema) -> &'a Schema {
        follow(schema, &self.components.schemas, |schema| schema.reference.as_deref())
    }

    pub(crate) fn response<'a>(&'a self, response: &'a Response) -> &'a Response {
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

/// Follows references among the components of one kind. One that leads nowhere is what it is: it says nothing.
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
