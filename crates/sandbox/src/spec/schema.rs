//! Schemas as they are written.

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// The keywords of a schema that matter here. `pattern`, `minimum` and the like are documentation in these specs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Schema {
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<Kind>,
    pub(crate) format: Option<String>,
    /// The name of a property as a credential.
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
    /// Not supported.
    pub(crate) any_of: Option<IgnoredAny>,
    /// Not supported.
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

/// What additional properties of an object may be.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Additional {
    Allowed(bool),
    Are(Box<Schema>),
}

impl Schema {
    /// Returns the name in its reference.
    pub(super) fn name(&self) -> Option<&str> {
        self.reference.as_deref()?.rsplit('/').next()
    }
}
