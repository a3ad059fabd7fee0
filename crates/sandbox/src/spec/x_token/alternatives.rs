//! The alternatives of `one-of`: how a client can authenticate.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::spec::x_token::compute::Computes;

/// The word for an alternative of `security` without a scheme.
pub(crate) const NO_SECURITY: &str = "none";

/// The alternatives of `one-of` by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Alternatives(pub(super) IndexMap<String, Alternative>);

/// What is special about an alternative.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Alternative {
    pub(super) body: Option<String>,
    pub(super) security: Option<String>,
    pub(super) compute: Computes,
    pub(super) certificate: Option<String>,
}

impl<'de> Deserialize<'de> for Alternatives {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            // Variants of the body, until `resolve` finds a scheme.
            names @ Value::Array(_) => {
                let names: Vec<String> = serde_json::from_value(names).map_err(de::Error::custom)?;
                let of = |name: String| (name.clone(), Alternative { body: Some(name), ..Alternative::default() });
                Ok(Self(names.into_iter().map(of).collect()))
            }
            named => serde_json::from_value(named).map(Self).map_err(de::Error::custom),
        }
    }
}
