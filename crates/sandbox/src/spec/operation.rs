//! Operations, their parameters, bodies and responses.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use crate::spec::schema::Schema;

/// One method of one path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Operation {
    pub(crate) operation_id: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) request_body: Option<RequestBody>,
    pub(crate) responses: IndexMap<String, ResponseObject>,
    /// None: that of the document.
    pub(crate) security: Option<Vec<IndexMap<String, Vec<String>>>>,
}

impl Operation {
    /// Whether a status is documented, exactly or by its range.
    pub(crate) fn documents(&self, status: u16) -> bool {
        self.named(status).is_some()
    }

    pub(super) fn named(&self, status: u16) -> Option<&ResponseObject> {
        let range = format!("{}XX", status / 100);
        let of_range = || self.responses.iter().find(|(key, _)| key.eq_ignore_ascii_case(&range));
        self.responses.get(&status.to_string()).or_else(|| of_range().map(|(_, response)| response))
    }

    /// Whether any failure is documented.
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
    /// Returns its name as a credential: its `x-name`, or else its name.
    pub(crate) fn label(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }
}

/// The place of a parameter or an API key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    Path,
    #[default]
    Query,
    Header,
    Cookie,
}

/// The body that an operation takes.
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

/// A documented response.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResponseObject {
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    pub(crate) headers: IndexMap<String, Header>,
    pub(crate) content: IndexMap<String, MediaType>,
}

impl ResponseObject {
    /// Returns the JSON body, if there is one.
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

/// Returns a media type without its parameters.
pub(crate) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A header of a response.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Header {
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    pub(crate) schema: Schema,
    pub(crate) example: Option<Value>,
}

/// How a caller authenticates.
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
