//! The alternatives of `one-of`: their names, and the credentials that tell them apart.
//!
//! Like those of `names`, this rule needs a model, because credentials have the names of the later stages.

use std::collections::HashMap;

use crate::diagnostic::{join, list, nearest};
use crate::emit::adapter::credentials::credential_set;
use crate::emit::adapter::grants::grants;
use crate::ident;
use crate::lint::document::Lint;
use crate::lint::rule::rule;
use crate::lower::model::Model;
use crate::read::x_token::XToken;
use crate::read::x_token::alternatives::Alternatives;

/// Checks the alternatives of a model.
pub fn check(lint: &mut Lint, model: &Model) {
    let Some(x_token) = &model.x_token else { return };
    rule!(alternatives(lint, model, x_token));
}

const LOGIN: &str = "/x-token/login/one-of";

/// There are several alternatives, whose names become variants, and each has credentials that no other has.
fn alternatives(lint: &mut Lint, model: &Model, x_token: &XToken) {
    let names: Vec<&str> = x_token.alternatives().collect();
    let others: [(&str, Option<&Alternatives>); 2] = [
        ("refresh", x_token.refresh.as_ref().map(|refresh| &refresh.one_of)),
        ("revoke", x_token.revoke.as_ref().map(|revoke| &revoke.one_of)),
    ];
    for (word, one_of) in others {
        for name in one_of.iter().flat_map(|one_of| one_of.0.keys()).filter(|name| !names.contains(&name.as_str())) {
            let help = match nearest(name, names.iter().copied()) {
                Some(meant) => format!("write `{meant}`"),
                None if names.is_empty() => "add `one-of` to `login`, with its alternatives".to_owned(),
                None => format!("write one of {}", list(names.iter().copied())),
            };
            let place = join(&format!("/x-token/{word}/one-of"), name);
            lint.error(&place, format!("the login has no alternative `{name}`"), help);
        }
    }
    if names.len() == 1 {
        lint.error(LOGIN, "there is only one alternative", "add another, or write its keywords under `login`");
    }
    let mut variants: HashMap<String, &str> = HashMap::new();
    for name in &names {
        let variant = ident::pascal(name);
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let message = format!("`{name}` can't name an alternative: it becomes a variant");
            lint.error(&join(LOGIN, name), message, "begin it with a letter, such as `secret`");
        } else if let Some(other) = variants.insert(variant.clone(), name) {
            let message = format!("the alternatives `{other}` and `{name}` would both be `{variant}`");
            lint.error(&join(LOGIN, name), message, "rename one of them");
        }
    }
    let Ok(grants) = grants(model, x_token) else { return };
    let own = credential_set(model, x_token, &grants).alternatives;
    let own: Vec<(&String, Vec<&String>)> = own.iter().map(|(name, of)| (name, of.keys().collect())).collect();
    for (index, (name, credentials)) in own.iter().enumerate() {
        if let Some((other, _)) = own[..index].iter().find(|(_, others)| others == credentials) {
            let message = format!("the alternatives `{other}` and `{name}` need the same credentials");
            lint.error(&join(LOGIN, name), message, "give one of them a credential that the other lacks, or remove it");
        }
    }
}
