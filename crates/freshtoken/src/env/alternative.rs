//! The choice between several ways to authenticate, by the variables that are set.

use crate::env::error::{EnvError, Problem};
use crate::env::vars::Vars;

/// One of several ways to authenticate, and the variables of its credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alternative {
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
}

impl Alternative {
    /// Creates an alternative from its name, and the variables that it requires and that it can have.
    pub const fn new(name: &'static str, required: &'static [&'static str], optional: &'static [&'static str]) -> Self {
        Self { name, required, optional }
    }

    fn variables(&self) -> impl Iterator<Item = &'static &'static str> + use<> {
        self.required.iter().chain(self.optional)
    }
}

impl Vars<'_> {
    /// Returns the name of the alternative whose variables are set.
    ///
    /// # Errors
    ///
    /// If the variables of none are set, or variables of several. It names them.
    pub fn alternative(&self, alternatives: &[Alternative]) -> Result<&'static str, EnvError> {
        let is_set = |name: &&&'static str| self.get(name).is_some();
        let has = |of: &Alternative, name: &str| of.variables().any(|known| *known == name);
        let mut set: Vec<&'static str> = Vec::new();
        for name in alternatives.iter().flat_map(Alternative::variables).filter(is_set) {
            // Several alternatives can have it.
            if !set.contains(name) {
                set.push(*name);
            }
        }
        let fits = |of: &&Alternative| set.iter().all(|name| has(of, name));
        let missing = |of: &Alternative| -> Vec<&'static str> {
            of.required.iter().filter(|name| !is_set(name)).copied().collect()
        };
        let fitting: Vec<&Alternative> = alternatives.iter().filter(fits).collect();
        let complete: Vec<&&Alternative> = fitting.iter().filter(|of| missing(of).is_empty()).collect();
        match (&complete[..], &fitting[..]) {
            ([only], _) => Ok(only.name),
            ([], [only]) => Err(EnvError(Problem::Missing(missing(only)))),
            _ => {
                let ways = alternatives.iter().map(|of| of.required.to_vec()).collect();
                Err(EnvError(Problem::Alternatives { set, ways }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alternative_is_that_whose_variables_are_set() {
        let ways = [
            Alternative::new("secret", &["A_SECRET"], &[]),
            Alternative::new("key", &["A_KEY", "A_KEY_ID"], &["A_SUBJECT"]),
        ];
        let read = |set: &[&str]| {
            let var = |name: &str| set.contains(&name).then(|| "hunter2".to_owned());
            Vars { prefix: "A", var: &var }.alternative(&ways)
        };
        assert_eq!(read(&["A_SECRET"]), Ok("secret"));
        assert_eq!(read(&["A_KEY", "A_KEY_ID"]), Ok("key"));
        assert_eq!(read(&["A_KEY", "A_KEY_ID", "A_SUBJECT"]), Ok("key"));
        let said = |set: &[&str]| read(set).unwrap_err().to_string();
        assert_eq!(said(&[]), "set one of these in the environment: A_SECRET; or A_KEY and A_KEY_ID");
        assert_eq!(said(&["A_KEY"]), "set A_KEY_ID in the environment");
        assert_eq!(
            said(&["A_SECRET", "A_KEY"]),
            "A_SECRET and A_KEY belong to different ways to authenticate; set only one of these: A_SECRET; or A_KEY and \
             A_KEY_ID"
        );
        assert_eq!(read(&["A_SECRET", "A_KEY"]).unwrap_err().variables(), ["A_SECRET", "A_KEY"]);
    }
}
