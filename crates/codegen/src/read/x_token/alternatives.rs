//! The keyword `one-of`: alternatives of a login, of which the one whose credentials are given is used.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::read::x_token::compute::Computes;

/// The alternatives by their names.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(from = "AlternativesForm")]
pub struct Alternatives(pub IndexMap<String, Alternative>);

/// What is special about an alternative.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Alternative {
    /// Which variant of the body, by the name of its schema in `components`. Default: that of the action. Example:
    /// `AssertionGrant`.
    pub body: Option<String>,
    /// Which of several `security` alternatives, by the name of a scheme in it; `none` for the one without a scheme. Default:
    /// that of the action. Example: `basic`.
    pub security: Option<String>,
    /// Values that are computed for each request, besides those of the action. Default: none. Example: `{ assertion: { jwt: {
    /// … } } }`.
    #[serde(default)]
    pub compute: Computes,
    /// The credential with the client's certificate and its private key in PEM, for TLS client authentication. Default: that of
    /// `certificate` beside `login`. Example: `client_certificate`.
    pub certificate: Option<String>,
}

/// A map from the name of each alternative to what is special about it, or a list of schemes and of variants of the body.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum AlternativesForm {
    /// Each alternative is the scheme or the variant of the body with this name.
    Names(Vec<String>),
    /// Each name with what is special about it.
    Named(IndexMap<String, Alternative>),
}

impl From<AlternativesForm> for Alternatives {
    fn from(form: AlternativesForm) -> Alternatives {
        Alternatives(match form {
            // A variant of the body, until `resolve` finds a scheme.
            AlternativesForm::Names(names) => {
                let of = |name: String| (name.clone(), Alternative { body: Some(name), ..Alternative::default() });
                names.into_iter().map(of).collect()
            }
            AlternativesForm::Named(named) => named,
        })
    }
}
