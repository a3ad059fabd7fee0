//! The values of the credentials that decide which token is issued. They are a part of the key under which a store keeps it.

use indexmap::IndexSet;

use crate::emit::adapter::computed::inputs;
use crate::emit::adapter::conversions::has_secret;
use crate::emit::adapter::credentials::Credential;
use crate::emit::adapter::grants::GrantKind;
use crate::emit::adapter::sent::all_uses;
use crate::emit::adapter::view::Adapter;
use crate::emit::layout::Code;
use crate::ident;
use crate::read::x_token::compute::{Compute, Jwt};

const NEW: &str = "adapter::Requested::new()";

impl Adapter<'_> {
    /// Returns the body of `Vendor::requested`, or `None` if only secrets are sent.
    pub fn requested(&self) -> Option<String> {
        let shared = with(NEW, &self.deciding(false));
        let arms: Vec<String> = self.views().filter_map(|view| view.requested_by_alternative()).collect();
        if arms.is_empty() {
            return Some(shared?.then(Code::text(".finish()")).lines(8, ""));
        }
        let start = Code::row([Code::text("let requested = "), shared.unwrap_or_else(|| Code::text(NEW))]);
        // The other alternatives have no such values of their own.
        let others = if arms.len() < self.views().count() { "            _ => requested,\n" } else { "" };
        Some(format!(
            "{}\n        let requested = match &credentials.authentication {{\n{}{others}        }};\n        requested.finish()",
            start.lines(8, ";"),
            arms.concat(),
        ))
    }

    /// Returns the arm of this alternative, if it has such values of its own.
    fn requested_by_alternative(&self) -> Option<String> {
        let own = self.deciding(true);
        let bound: String =
            own.iter().map(|(name, credential)| format!("{name}: {}, ", credential.place(name))).collect();
        let variant = ident::pascal(self.alternative?);
        let body = with("requested", &own)?.lines(16, "");
        Some(format!("            Authentication::{variant} {{ {bound}.. }} => {{\n{body}\n            }}\n"))
    }

    /// Returns what a login or a refresh sends besides secrets: what all alternatives send, or what only this one sends.
    fn deciding(&self, is_of_alternative: bool) -> Vec<(String, &Credential)> {
        let grants = self.grants.iter().filter(|grant| grant.kind != GrantKind::Revoke);
        let names: IndexSet<String> = grants
            .flat_map(|grant| all_uses(self.model, grant).into_iter().map(move |used| (grant, used)))
            .flat_map(|(grant, used)| match grant.computes.get(&used.name) {
                // The header of a JWT names its key, and another key does not make it another token.
                Some(Compute::Jwt(jwt)) => {
                    let jwt = Jwt { header: Default::default(), ..jwt.clone() };
                    inputs(self.model, &used, &Compute::Jwt(jwt))
                }
                Some(compute) => inputs(self.model, &used, compute),
                None => vec![used],
            })
            .map(|used| used.name)
            .collect();
        let known = names.into_iter().filter_map(|name| self.credentials.get_key_value(&name));
        let is_deciding =
            |credential: &Credential| credential.is_of_alternative == is_of_alternative && !has_secret(&credential.ty);
        known
            .filter(|(_, credential)| is_deciding(credential))
            .map(|(name, credential)| (name.clone(), credential))
            .collect()
    }
}

/// Returns the chain that adds these values, unless there are none.
fn with(start: &str, values: &[(String, &Credential)]) -> Option<Code> {
    let added = values.iter().map(|(name, credential)| {
        Code::list(".with(", vec![Code::string(name), Code::text(credential.reference(name))])
    });
    (!values.is_empty()).then(|| Code::chain(std::iter::once(Code::text(start)).chain(added).collect::<Vec<_>>()))
}
