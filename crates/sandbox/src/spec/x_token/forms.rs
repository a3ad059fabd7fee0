//! An action as each alternative of `one-of` performs it.

use crate::spec::name::snake;
use crate::spec::x_token::XToken;
use crate::spec::x_token::action::Action;
use crate::spec::x_token::alternatives::{Alternative, NO_SECURITY};

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

    /// Returns the names of the alternatives.
    pub(crate) fn alternatives(&self) -> Vec<String> {
        self.login.iter().flat_map(|login| login.one_of.0.keys().cloned()).collect()
    }

    /// Makes an alternative the first one of each action.
    pub(crate) fn prefer(&mut self, name: &str) {
        let actions = [&mut self.login, &mut self.refresh, &mut self.revoke].into_iter().flatten();
        for of in actions.map(|action| &mut action.one_of.0) {
            if let Some(index) = of.get_index_of(name) {
                of.move_index(index, 0);
            }
        }
    }

    /// Makes each alternative of a list a security scheme, if there is one of its name.
    pub(in crate::spec) fn resolve(&mut self, is_scheme: impl Fn(&str) -> bool) {
        let actions = [&mut self.login, &mut self.refresh, &mut self.revoke].into_iter().flatten();
        for (name, alternative) in actions.flat_map(|action| &mut action.one_of.0) {
            if alternative.body.as_ref() == Some(name) && (name == NO_SECURITY || is_scheme(name)) {
                *alternative = Alternative { security: Some(name.clone()), ..Alternative::default() };
            }
        }
    }
}
