//! An account as environment variables for a client program.

use heck::ToShoutySnakeCase;

use crate::account::Credentials;

/// Names with a meaning of their own; a credential with such a name gets a trailing `_`.
const TAKEN: [&str; 4] = ["URL", "SERVER", "API_URL", "REFRESH_TOKEN"];

/// An account, and the other inputs of its grants.
pub(crate) struct Account<'a> {
    /// Starts at 1.
    pub(crate) number: usize,
    pub(crate) url: &'a str,
    pub(crate) values: [&'a Credentials; 3],
    /// The names of those among them that the client has not.
    pub(crate) left_out: &'a [String],
    /// The token that a client starts from, and the name of its variable.
    pub(crate) start: Option<String>,
    pub(crate) start_name: &'static str,
}

impl Account<'_> {
    /// Returns the variables as names and values.
    pub(crate) fn variables(self, vendor: &str) -> Vec<(String, String)> {
        let prefix = prefix(vendor);
        let suffix = if self.number > 1 { format!("_{}", self.number) } else { String::new() };
        let urls = ["URL", "API_URL"].map(|name| (name.to_owned(), self.url.to_owned()));
        let values = self.values.into_iter().flatten().filter(|(name, _)| !self.left_out.contains(name));
        let values = values.map(|(name, value)| (variable(name), value.clone()));
        let start = self.start.map(|token| (self.start_name.to_owned(), token));
        let all = urls.into_iter().chain(values).chain(start);
        all.map(|(name, value)| (format!("{prefix}_{name}{suffix}"), value)).collect()
    }
}

fn prefix(vendor: &str) -> String {
    let name = vendor.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

fn variable(credential: &str) -> String {
    let name = credential.to_shouty_snake_case();
    if TAKEN.contains(&name.as_str()) { format!("{name}_") } else { name }
}
