//! Operations: what they take, and what they answer.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::{Document, Schema};

/// One method of one path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Operation {
    pub(crate) operation_id: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) request_body: Option<RequestBody>,
    pub(crate) responses: IndexMap<String, Response>,
    /// None: that of the document.
    pub(crate) security: Option<Vec<IndexMap<String, Vec<String>>>>,
}

impl Operation {
    /// The body that it takes and its media type; a spec has one.
    pub(crate) fn body<'a>(&'a self, document: &'a Document) -> Option<(&'a str, &'a MediaType, bool)> {
        let body = document.request_body(self.request_body.as_ref()?);
        let (name, media) = body.content.first()?;
        Some((name, media, body.required))
    }

    /// Its successful answer: the status, and what it says.
    pub(crate) fn success<'a>(&'a self, document: &'a Document) -> (u16, Option<&'a Response>) {
        let found = self.responses.iter().find(|(status, _)| status.starts_with('2'));
        match found {
            Some((status, response)) => (status.parse().unwrap_or(200), Some(document.response(response))),
            None => (200, None),
        }
    }

    /// The answer that is documented for a status, exactly or by a range such as `4XX`. `default` stands for errors.
    pub(crate) fn response<'a>(&'a self, document: &'a Document, status: u16) -> Option<&'a Response> {
        let found = self.named(status).or_else(|| self.responses.get("default").filter(|_| status >= 400));
        Some(document.response(found?))
    }

    /// Whether a status is documented, exactly or by its range.
    pub(crate) fn documents(&self, status: u16) -> bool {
        self.named(status).is_some()
    }

    fn named(&self, status: u16) -> Option<&Response> {
        let range = format!("{}XX", status / 100);
        let of_range = || self.responses.iter().find(|(key, _)| key.eq_ignore_ascii_case(&range));
        self.responses.get(&status.to_string()).or_else(|| of_range().map(|(_, response)| response))
    }

    /// Whether it documents any failure.
    pub(crate) fn documents_failures(&self) -> bool {
        self.responses.keys().any(|status| !status.starts_with('2'))
    }
}

/// A parameter of an operation or of its path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Parameter {
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    pub(crate) name: String,
    #[serde(rename = "x-name")]
    label: Option<String>,
    #[serde(rename = "in")]
    pub(crate) place: Place,
    pub(crate) required: bool,
    pub(crate) schema: Schema,
    pub(crate) style: Option<String>,
    pub(crate) explode: Option<bool>,
    pub(crate) example: Option<Value>,
    pub(crate) examples: IndexMap<String, Example>,
}

impl Parameter {
    /// What it is named after as a credential: its `x-name`, else its name.
    pub(crate) fn label(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }

    pub(crate) fn example<'a>(&'a self, document: &'a Document) -> Option<&'a Value> {
        let named = || self.examples.values().next().map(|example| &document.example(example).value);
        self.example.as_ref().or_else(named).or_else(|| self.schema.example(document))
    }
}

/// Where a parameter or an API key is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    Path,
    #[default]
    Query,
    Header,
    Cookie,
}

/// What an operation takes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RequestBody {
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    pub(crate) required: bool,
    pub(crate) content: IndexMap<String, MediaType>,
}

/// A body of one media type.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MediaType {
    pub(crate) schema: Schema,
    pub(crate) encoding: IndexMap<String, Encoding>,
    pub(crate) example: Option<Value>,
    pub(crate) examples: IndexMap<String, Example>,
}

impl MediaType {
    /// Its examples: name, summary, value.
    pub(crate) fn examples<'a>(
        &'a self,
        document: &'a Document,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
        let one = self.example.iter().map(|value| ("", "", value));
        one.chain(self.examples.iter().map(|(name, example)| {
            let example = document.example(example);
            (name.as_str(), example.summary.as_str(), &example.value)
        }))
    }
}

/// How a list in a form is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Encoding {
    pub(crate) style: Option<String>,
    pub(crate) explode: Option<bool>,
}

/// A named example.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Example {
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    pub(crate) summary: String,
    pub(crate) value: Value,
}

/// An answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Response {
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    pub(crate) headers: IndexMap<String, Header>,
    pub(crate) content: IndexMap<String, MediaType>,
}

impl Response {
    /// Its body in JSON, if it has one.
    pub(crate) fn json(&self) -> Option<(&str, &MediaType)> {
        let found = self.content.iter().find(|(name, _)| is_json(name));
        found.map(|(name, media)| (name.as_str(), media))
    }
}

/// Whether a media type is JSON.
pub(crate) fn is_json(media_type: &str) -> bool {
    let essence = essence(media_type);
    essence == "application/json" || essence.ends_with("+json")
}

/// A media type without its parameters.
pub(crate) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A header of an answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Header {
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    pub(crate) schema: Schema,
    pub(crate) example: Option<Value>,
}

/// How a caller says who it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SecurityScheme {
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) scheme: String,
    pub(crate) name: String,
    #[serde(rename = "in")]
    pub(crate) place: Place,
}

impl SecurityScheme {
    /// Whether it is `Authorization: Bearer`.
    pub(crate) fn is_bearer(&self) -> bool {
        self.kind == "http" && self.scheme.eq_ignore_ascii_case("bearer")
    }
}
