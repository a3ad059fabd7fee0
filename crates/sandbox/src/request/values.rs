//! The values in a request.

use serde_json::Value;

use crate::refusal::Refusal;
use crate::request::security::Presented;
use crate::spec::value::as_text;
use crate::spec::x_token::action::Action;

/// The values in a request that matches the spec.
#[derive(Clone, Default)]
pub(crate) struct RequestValues {
    /// The variant of the body, if there are several.
    pub(crate) branch: Option<String>,
    /// Properties of the body, and parameters.
    pub(crate) fields: Vec<Field>,
    /// What the security schemes carried.
    pub(crate) presented: Vec<Presented>,
    /// What is wrong with the rest of the request. It is only returned to a caller whose credentials are correct.
    pub(crate) refusal: Option<Refusal>,
}

/// A value in a request.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name in the spec; for a nested property, without the names of the objects around it.
    pub(crate) key: String,
    /// Its name as a credential: in snake case, with the names of the objects around it.
    pub(crate) name: String,
    pub(crate) value: Value,
    pub(crate) is_in_path: bool,
}

impl RequestValues {
    /// Returns the value of a property or parameter as a string.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.fields.iter().find(|field| field.key == key).map(|field| as_text(&field.value))
    }

    /// Returns the token that a refresh or a revocation takes, and the name of its field.
    pub(crate) fn token_of<'a>(&self, action: &'a Action) -> (&'a str, String) {
        let carried = self.presented.iter().find_map(|presented| match presented {
            Presented::RefreshToken(value) => Some(value.clone()),
            Presented::Credential(..) | Presented::AccessToken(_) | Presented::CredentialOrRefreshToken(..) => None,
        });
        match &action.token {
            Some(key) => (key, self.text(key).unwrap_or_default()),
            None => ("authorization", carried.unwrap_or_default()),
        }
    }
}
