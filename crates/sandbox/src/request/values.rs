//! What a request carries.

use serde_json::Value;

use crate::refusal::Refusal;
use crate::request::security::Presented;
use crate::spec::value::as_text;

/// What a request carries, all of it as the spec wants it.
#[derive(Default)]
pub(crate) struct RequestValues {
    /// Which kind of body, where there are several.
    pub(crate) branch: Option<String>,
    /// Properties of the body and parameters.
    pub(crate) fields: Vec<Field>,
    /// What the security scheme said.
    pub(crate) presented: Vec<Presented>,
    /// What is wrong with the rest. It is told to a caller whose credentials are right.
    pub(crate) refusal: Option<Refusal>,
}

/// A value that a request carries.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// As the spec calls it; of a nested property, its own name alone.
    pub(crate) key: String,
    /// As a credential: in snake case, with its path.
    pub(crate) name: String,
    pub(crate) value: Value,
    pub(crate) is_in_path: bool,
}

impl RequestValues {
    /// The value of a property or parameter, as text.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.fields.iter().find(|field| field.key == key).map(|field| as_text(&field.value))
    }
}
