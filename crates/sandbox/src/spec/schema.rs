//! Schemas, and what their `allOf` comes to.

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// The words of a schema that decide something here. `pattern`, `minimum` and the like are documentation in these
/// specs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Schema {
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<Kind>,
    pub(crate) format: Option<String>,
    /// Of a property: what it is named after as a credential.
    #[serde(rename = "x-name")]
    pub(crate) label: Option<String>,
    pub(crate) nullable: bool,
    #[serde(rename = "enum")]
    pub(crate) values: Option<Vec<Value>>,
    pub(crate) required: Vec<String>,
    pub(crate) properties: IndexMap<String, Schema>,
    pub(crate) additional_properties: Option<Additional>,
    pub(crate) items: Option<Box<Schema>>,
    pub(crate) all_of: Vec<Schema>,
    pub(crate) one_of: Vec<Schema>,
    pub(crate) example: Option<Value>,
    pub(crate) default: Option<Value>,
    /// Not played.
    pub(crate) any_of: Option<IgnoredAny>,
    /// Not played.
    pub(crate) not: Option<IgnoredAny>,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    String,
    Integer,
    Number,
    Boolean,
    Object,
    Array,
}

/// What further properties of an object may be.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Additional {
    Allowed(bool),
    Are(Box<Schema>),
}

impl Schema {
    /// The name that a reference gives.
    pub(super) fn name(&self) -> Option<&str> {
        self.reference.as_deref()?.rsplit('/').next()
    }
}
