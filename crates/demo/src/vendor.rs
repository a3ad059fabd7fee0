//! A vendor of the facade, whichever it is.

use std::sync::Arc;

use freshtoken::env::{EnvError, FromEnv, Variable};
use freshtoken::{TokenPolicy, TokenSource};

use crate::naive::{self, Cache};

/// Looks up the value of a variable.
pub type Var<'a> = &'a dyn Fn(&str) -> Option<String>;

pub struct DemoVendor {
    pub name: &'static str,
    pub policy: TokenPolicy,
    pub variables: &'static [Variable],
    /// Creates a source from the variables.
    pub tokens: fn(Var<'_>) -> Result<TokenSource, EnvError>,
    /// Creates a naive cache from the variables.
    pub naive: fn(Var<'_>) -> Result<Arc<dyn Cache>, EnvError>,
    /// Returns the base URL from the variables.
    pub server: fn(Var<'_>) -> Result<String, EnvError>,
}

impl DemoVendor {
    fn of<E: FromEnv>() -> Self {
        Self {
            name: E::POLICY.vendor,
            policy: E::POLICY,
            variables: E::VARIABLES,
            tokens: |var| TokenSource::from_vars::<E>(var),
            naive: naive::cache::<E>,
            server: |var| Ok(E::from_vars(var)?.0.server()),
        }
    }

    /// Whether a spec with this name belongs to the vendor.
    pub fn is_called(&self, spec: &str) -> bool {
        is_name_of(self.name, spec)
    }
}

/// Whether a spec with this name belongs to the vendor. A spec's name need not be an identifier; the vendor's name is one.
pub fn is_name_of(vendor: &str, spec: &str) -> bool {
    let ident = spec.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    vendor.trim_matches('_') == ident.trim_matches('_')
}

/// Returns every vendor with a spec.
pub fn all() -> Vec<DemoVendor> {
    macro_rules! list {
        ($($vendor:ident)*) => { vec![$(DemoVendor::of::<freshtoken::$vendor::Endpoint>()),*] };
    }
    freshtoken::for_vendors!(list)
}

/// Returns the vendors with these names, or all if there are no names.
pub fn choose(vendors: Vec<DemoVendor>, names: &[String]) -> Result<Vec<DemoVendor>, String> {
    let known: Vec<&str> = vendors.iter().map(|vendor| vendor.name).collect();
    if let Some(name) = names.iter().find(|name| !vendors.iter().any(|vendor| vendor.is_called(name))) {
        return Err(format!("unknown vendor `{name}`; the vendors are: {}", known.join(", ")));
    }
    let is_chosen = |vendor: &DemoVendor| names.is_empty() || names.iter().any(|name| vendor.is_called(name));
    Ok(vendors.into_iter().filter(is_chosen).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_are_selected_by_name() {
        let chosen = choose(all(), &["Zenoti".to_owned()]).unwrap();
        assert_eq!(chosen.iter().map(|vendor| vendor.name).collect::<Vec<_>>(), ["zenoti"]);
        assert_eq!(choose(all(), &[]).unwrap().len(), all().len());
        let error = choose(all(), &["acme".to_owned()]).err().unwrap();
        assert!(error.contains("`acme`") && error.contains("zenoti"), "{error}");
    }
}
