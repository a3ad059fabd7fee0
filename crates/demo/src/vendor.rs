//! A vendor of the facade's, whichever it is.

use freshtoken::{EnvError, FromEnv, Policy, TokenSource, Variable};

/// Where a variable's value is to be found.
pub type Var<'a> = &'a dyn Fn(&str) -> Option<String>;

pub struct DemoVendor {
    pub name: &'static str,
    pub policy: Policy,
    pub variables: &'static [Variable],
    /// A source for the account that the variables are of.
    pub tokens: fn(Var<'_>) -> Result<TokenSource, EnvError>,
    /// Its base URL by the variables.
    pub server: fn(Var<'_>) -> Result<String, EnvError>,
}

impl DemoVendor {
    fn of<E: FromEnv>() -> Self {
        Self {
            name: E::POLICY.vendor,
            policy: E::POLICY,
            variables: E::VARIABLES,
            tokens: |var| TokenSource::from_vars::<E>(var),
            server: |var| Ok(E::from_vars(var)?.0.server()),
        }
    }

    /// Whether a spec of this name is the vendor's: it needn't be an identifier, which the vendor's name is.
    pub fn is_called(&self, spec: &str) -> bool {
        let ident = spec.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        self.name.trim_matches('_') == ident.trim_matches('_')
    }
}

/// Every vendor that has a spec.
pub fn all() -> Vec<DemoVendor> {
    macro_rules! list {
        ($($vendor:ident)*) => { vec![$(DemoVendor::of::<freshtoken::$vendor::Endpoint>()),*] };
    }
    freshtoken::for_vendors!(list)
}

/// Those of these names; all of them where there is none.
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
    fn a_vendor_is_chosen_by_its_name_and_a_wrong_one_is_told_the_right_ones() {
        let chosen = choose(all(), &["Zenoti".to_owned()]).unwrap();
        assert_eq!(chosen.iter().map(|vendor| vendor.name).collect::<Vec<_>>(), ["zenoti"]);
        assert_eq!(choose(all(), &[]).unwrap().len(), all().len());
        let error = choose(all(), &["acme".to_owned()]).err().unwrap();
        assert!(error.contains("`acme`") && error.contains("zenoti"), "{error}");
    }
}
