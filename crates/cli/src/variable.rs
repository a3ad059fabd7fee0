//! What is wrong with a variable of the environment. Values are never shown.

use std::env::VarError;

use crate::vendors::VENDORS;

/// The most typing mistakes of a similar name.
const MISTAKES: usize = 2;

/// How many letters of a name allow one mistake: any two short names are similar.
const LETTERS: usize = 4;

/// What is wrong with a variable that does not exist.
pub const UNSET: &str = "is not set";

/// Returns why a variable has no value. `None`: it has one.
pub fn flaw(name: &str) -> Option<&'static str> {
    match std::env::var(name) {
        Ok(value) if value.trim().is_empty() => Some("is empty"),
        Ok(_) => None,
        Err(VarError::NotPresent) => Some(UNSET),
        Err(VarError::NotUnicode(_)) => Some("is not UTF-8"),
    }
}

/// Names a similar variable that is set, if this one is not. The variables of a vendor are no typing mistakes.
pub fn similar(name: &str) -> Option<String> {
    if flaw(name) != Some(UNSET) {
        return None;
    }
    let is_known = |set: &String| VENDORS.iter().flat_map(|vendor| vendor.variables).any(|known| known.name == set);
    let set = std::env::vars_os().filter_map(|(set, _)| set.into_string().ok()).filter(|set| !is_known(set));
    let set = nearest(name, set)?;
    Some(format!("{set} is set: did you mean {name}?"))
}

fn nearest(name: &str, set: impl Iterator<Item = String>) -> Option<String> {
    let most = MISTAKES.min(name.len() / LETTERS);
    let near = set.map(|set| (strsim::osa_distance(name, &set), set)).filter(|(mistakes, _)| *mistakes <= most);
    near.min().map(|(_, set)| set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_typing_mistake_or_two_is_similar() {
        let found = |set: &[&str]| nearest("VOUCHERIFY_SCOPE", set.iter().map(|name| (*name).to_owned()));
        for set in ["VOUCHERIFY_SCOPES", "VOUCHERFY_SCOPE", "VOUCHERIFYSCOPE", "VOUHCERIFY_SCOEP"] {
            assert_eq!(found(&["PATH", set, "VOUCHERIFY_SCOPESES"]).as_deref(), Some(set));
        }
        assert_eq!(found(&["PATH", "VOUCHERIFY_SERVER", "SCOPE", "ZENOTI_SCOPE"]), None);
        assert_eq!(nearest("A_ID", ["A_KEY".to_owned()].into_iter()), None, "it is too short");
    }
}
