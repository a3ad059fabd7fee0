//! Every vendor of this workspace.

use freshtoken::TokenPolicy;
use freshtoken::env::{FromEnv, Variable};

use crate::failure::Failure;

/// A vendor, and what the program knows about it.
pub struct Entry {
    pub name: &'static str,
    /// The prefix of its variables, without the `_` after it.
    pub prefix: &'static str,
    pub variables: &'static [Variable],
    pub policy: TokenPolicy,
}

impl Entry {
    const fn of<V: FromEnv>() -> Self {
        Self { name: V::POLICY.vendor, prefix: V::PREFIX, variables: V::VARIABLES, policy: V::POLICY }
    }

    /// Returns the variable for the refresh token to start with, if the vendor has one.
    pub fn refresh_token(&self) -> Option<&'static str> {
        let mut names = self.variables.iter().map(|variable| variable.name);
        names.find(|name| name.strip_prefix(self.prefix) == Some("_REFRESH_TOKEN"))
    }

    /// Whether the variable names the server or the base URL, and is not a credential.
    pub fn is_place(&self, variable: &str) -> bool {
        matches!(variable.strip_prefix(self.prefix), Some("_URL" | "_SERVER"))
    }

    /// Whether the value of a variable is a secret.
    pub fn is_secret(&self, name: &str) -> bool {
        self.variables.iter().any(|variable| variable.name == name && variable.is_secret)
    }
}

macro_rules! table {
    ($($vendor:ident)*) => {
        /// Every vendor, in the order of their names.
        pub static VENDORS: &[Entry] = &[$(Entry::of::<freshtoken::$vendor::Endpoint>()),*];
    };
}
freshtoken::for_vendors!(table);

/// Returns the vendor of this name.
pub fn find(name: &str) -> Result<&'static Entry, Failure> {
    VENDORS.iter().find(|vendor| vendor.name == name).ok_or_else(|| {
        let nearest = nearest(name, VENDORS.iter().map(|vendor| vendor.name));
        let help = if nearest.is_empty() { "; `freshtoken vendors` lists all".to_owned() } else { nearest };
        Failure::usage(format!("unknown vendor {name:?}{help}"))
    })
}

/// Returns the known name that is nearest to a typo, as the end of a message.
pub fn nearest<'a>(typo: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let similar = known.into_iter().map(|name| (strsim::jaro_winkler(typo, name), name));
    let nearest = similar.filter(|(similarity, _)| *similarity > 0.7).max_by(|one, other| one.0.total_cmp(&other.0));
    nearest.map(|(_, name)| format!("; did you mean `{name}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_gets_the_nearest_name_and_nonsense_gets_none() {
        assert_eq!(nearest("vouchrify", ["zenoti", "voucherify"]), "; did you mean `voucherify`?");
        assert_eq!(nearest("qqq", ["zenoti", "voucherify"]), "");
    }

    #[test]
    fn an_unknown_vendor_is_reported_with_one_way_out() {
        let message = |name| find(name).err().map(|failure| failure.message);
        assert_eq!(message("vouchrify").unwrap(), "unknown vendor \"vouchrify\"; did you mean `voucherify`?");
        assert_eq!(message("qqq").unwrap(), "unknown vendor \"qqq\"; `freshtoken vendors` lists all");
    }

    #[test]
    fn every_vendor_has_a_name_and_variables_with_its_prefix() {
        assert!(!VENDORS.is_empty());
        for vendor in VENDORS {
            assert!(!vendor.name.is_empty());
            for variable in vendor.variables {
                assert!(variable.name.starts_with(&format!("{}_", vendor.prefix)), "{}", variable.name);
            }
        }
    }
}
