//! The alternatives of `one-of`: how a client can authenticate.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::request::input::snake;
use crate::spec::compute::Computes;
use crate::spec::x_token::{Action, XToken};

/// The word for an alternative of `security` without a scheme.
pub(crate) const NO_SECURITY: &str = "none";

/// The alternatives of `one-of` by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Alternatives(IndexMap<String, Alternative>);

/// What is special about an alternative.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Alternative {
    body: Option<String>,
    security: Option<String>,
    compute: Computes,
    certificate: Option<String>,
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

impl XToken {
    /// Returns an action as each alternative of `one-of` performs it; itself without alternatives.
    pub(crate) fn forms(&self, action: &Action) -> Vec<Action> {
        let alternatives = self.login.as_ref().map(|login| &login.one_of.0).filter(|of| !of.is_empty());
        let Some(alternatives) = alternatives else {
            return vec![Action { certificate: self.certificate.clone(), ..action.clone() }];
        };
        let form = |(name, of_login): (&String, &Alternative)| {
            let own = action.one_of.0.get(name);
            let computes =
                of_login.compute.iter().chain(&action.compute).chain(own.iter().flat_map(|own| &own.compute));
            let security = own.and_then(|own| own.security.clone()).or_else(|| action.security.clone());
            Action {
                body: own.and_then(|own| own.body.clone()).or_else(|| action.body.clone()),
                security: security.or_else(|| of_login.security.clone()),
                compute: computes.map(|(name, compute)| (snake(name), compute.clone())).collect(),
                certificate: of_login.certificate.clone().or_else(|| self.certificate.clone()),
                ..action.clone()
            }
        };
        alternatives.iter().map(form).collect()
    }

    /// Makes each alternative of a list a security scheme, if there is one of its name.
    pub(super) fn resolve(&mut self, is_scheme: impl Fn(&str) -> bool) {
        let actions = [&mut self.login, &mut self.refresh, &mut self.revoke].into_iter().flatten();
        for (name, alternative) in actions.flat_map(|action| &mut action.one_of.0) {
            if alternative.body.as_ref() == Some(name) && (name == NO_SECURITY || is_scheme(name)) {
                *alternative = Alternative { security: Some(name.clone()), ..Alternative::default() };
            }
        }
    }
}
