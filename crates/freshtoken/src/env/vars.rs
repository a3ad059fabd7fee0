//! The values of variables, as an adapter reads them.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::env::error::{EnvError, Problem};
use crate::env::variable::Variable;

/// The variables of one vendor, for the [`FromEnv::read`](crate::env::FromEnv::read) of its adapter.
pub struct Vars<'a> {
    pub(super) prefix: &'static str,
    pub(super) var: &'a dyn Fn(&str) -> Option<String>,
}

impl Vars<'_> {
    /// Returns the value, unless it is empty, without the line break at the end of a file.
    pub fn get(&self, name: &str) -> Option<String> {
        let mut value = (self.var)(name)?;
        if value.ends_with('\n') {
            value.pop();
            if value.ends_with('\r') {
                value.pop();
            }
        }
        (!value.is_empty()).then_some(value)
    }

    /// Reads a required value, like [`given`](Vars::given).
    ///
    /// # Errors
    ///
    /// If the variable is not set, or its value has the wrong type.
    pub fn needed<T: DeserializeOwned>(&self, name: &'static str) -> Result<T, EnvError> {
        self.given(name)?.ok_or(EnvError(Problem::Missing(vec![name])))
    }

    /// Reads a required list, like [`given_list`](Vars::given_list).
    ///
    /// # Errors
    ///
    /// If the variable is not set, or its value has the wrong type.
    pub fn needed_list<T: DeserializeOwned>(&self, name: &'static str, delimiter: char) -> Result<T, EnvError> {
        self.given_list(name, delimiter)?.ok_or(EnvError(Problem::Missing(vec![name])))
    }

    /// Reads a list that is one string for the vendor: a JSON array, or items separated by the delimiter or white space.
    ///
    /// # Errors
    ///
    /// If the value has the wrong type, or an item contains the delimiter.
    pub fn given_list<T: DeserializeOwned>(&self, name: &'static str, delimiter: char) -> Result<Option<T>, EnvError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let items: Vec<String> = match serde_json::from_str::<Vec<Value>>(&text) {
            Ok(items) => serde_json::from_value(Value::Array(items)).map_err(|_| EnvError(Problem::Wrong(name)))?,
            Err(_) => {
                let parts = text.split(|c: char| c == delimiter || c.is_whitespace());
                parts.filter(|item| !item.is_empty()).map(str::to_owned).collect()
            }
        };
        // In the joined string, such an item would become several.
        let is_wrong = |item: &String| item.is_empty() || item.contains(delimiter);
        if items.iter().any(is_wrong) {
            return Err(EnvError(Problem::Wrong(name)));
        }
        if items.is_empty() {
            return Ok(None);
        }
        let joined = Value::String(items.join(&delimiter.to_string()));
        serde_json::from_value(joined).map(Some).map_err(|_| EnvError(Problem::Wrong(name)))
    }

    /// Reads a string as it is. Anything else is read as JSON, or as a list whose items are separated by spaces.
    ///
    /// # Errors
    ///
    /// If the value has the wrong type.
    pub fn given<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>, EnvError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let json = || serde_json::from_str(&text).ok();
        let is_json = text.starts_with(['{', '[']);
        let items = || text.split_whitespace().map(|item| Value::String(item.to_owned())).collect();
        let value = (is_json.then(json).flatten())
            .or_else(|| serde_json::from_value(Value::String(text.clone())).ok())
            .or_else(json)
            .or_else(|| serde_json::from_value(Value::Array(items())).ok());
        value.map(Some).ok_or(EnvError(Problem::Wrong(name)))
    }

    /// Fails for an object, which no variable can hold.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn structured<T>(&self, name: &'static str) -> Result<T, EnvError> {
        Err(EnvError(Problem::Structured(name)))
    }

    /// Whether a variable must be set.
    pub(super) fn needs(&self, variable: &Variable) -> bool {
        let Some(servers) = variable.servers else { return variable.is_required };
        match self.get(&format!("{}_SERVER", self.prefix)) {
            _ if self.get(&format!("{}_URL", self.prefix)).is_some() => variable.with_custom_url,
            Some(server) => servers.contains(&server.as_str()),
            None => variable.is_required,
        }
    }

    /// Returns the endpoint: at a custom URL, at a named server, or at the first server.
    ///
    /// # Errors
    ///
    /// If the URL cannot be used, if no server has the name, or a variable of the server is missing.
    pub fn endpoint<E, F: fmt::Display>(
        &self,
        at: fn(String) -> Result<E, F>,
        servers: &[(&'static str, ServerFromVars<E>)],
    ) -> Result<E, EnvError> {
        if let Some(url) = self.get(&format!("{}_URL", self.prefix)) {
            return at(url).map_err(|why| EnvError(Problem::Url(self.prefix, why.to_string())));
        }
        let wanted = self.get(&format!("{}_SERVER", self.prefix));
        let found = servers.iter().find(|(name, _)| wanted.as_ref().is_none_or(|wanted| wanted == name));
        let Some((_, server)) = found else {
            let known = servers.iter().map(|(name, _)| *name).collect();
            return Err(EnvError(Problem::UnknownServer(self.prefix, known)));
        };
        server(self)
    }

    /// Sets the base URL of an operation that the vendor has on another host, if its variable is set. `name` is that of the
    /// variable without `_URL`.
    ///
    /// # Errors
    ///
    /// If the URL cannot be used.
    pub fn operation_url<E, F: fmt::Display>(
        &self,
        name: &'static str,
        endpoint: E,
        set: fn(E, String) -> Result<E, F>,
    ) -> Result<E, EnvError> {
        match self.get(&format!("{name}_URL")) {
            Some(url) => set(endpoint, url).map_err(|why| EnvError(Problem::Url(name, why.to_string()))),
            None => Ok(endpoint),
        }
    }
}

/// Makes the endpoint of one server, whose URL may have parts from variables.
pub type ServerFromVars<E> = fn(&Vars<'_>) -> Result<E, EnvError>;

#[cfg(test)]
mod tests {
    use freshtoken_wire::{CommaDelimited, Error, check};

    use super::*;

    fn vars(value: &'static str) -> impl Fn(&str) -> Option<String> {
        move |_| Some(value.to_owned())
    }

    fn list(value: &'static str) -> Result<Option<CommaDelimited<String>>, EnvError> {
        Vars { prefix: "ACME", var: &vars(value) }.given_list("ACME_SCOPE", ',')
    }

    #[test]
    fn a_list_is_a_json_array_or_split_at_delimiter_or_white_space() {
        for value in ["read write", "read,write", " read , write\t", r#"["read","write"]"#, "read,\nwrite\n"] {
            assert_eq!(list(value).unwrap().unwrap().join().unwrap(), "read,write", "{value:?}");
        }
        assert_eq!(list(r#"["read all"]"#).unwrap().unwrap().join().unwrap(), "read all");
        for value in ["", " ", ",", "\n", "[]"] {
            assert!(list(value).unwrap().is_none(), "{value:?}");
        }
        for value in [r#"["read,write"]"#, r#"[""]"#, "[1]", r#"["read",null]"#] {
            assert_eq!(list(value).unwrap_err(), EnvError(Problem::Wrong("ACME_SCOPE")), "{value}");
        }
        let spaced = Vars { prefix: "ACME", var: &vars(r#"["read","write"]"#) };
        let spaced: Option<freshtoken_wire::SpaceDelimited<String>> = spaced.given_list("ACME_SCOPE", ' ').unwrap();
        assert_eq!(spaced.unwrap().join().unwrap(), "read write");
    }

    #[test]
    fn one_line_break_at_the_end_of_a_value_is_dropped() {
        for (value, expected) in [("s\n", "s"), ("s\r\n", "s"), ("s\n\n", "s\n"), ("s\r", "s\r"), (" s ", " s ")] {
            assert_eq!(Vars { prefix: "ACME", var: &vars(value) }.get("ACME_SECRET").unwrap(), expected, "{value:?}");
        }
        assert_eq!(Vars { prefix: "ACME", var: &vars("\n") }.get("ACME_SECRET"), None);
    }

    #[test]
    fn a_url_that_cannot_work_is_named_with_its_variable() {
        let at = |value| {
            let at: fn(String) -> Result<(), Error> = |url| check(&url).map(drop);
            Vars { prefix: "ACME", var: &vars(value) }.endpoint(at, &[])
        };
        let error = at("http://hunter2.example.com").unwrap_err();
        assert_eq!(error.variables(), ["ACME_URL"]);
        assert_eq!(
            format!("{error:?}"),
            "the environment variable ACME_URL cannot be used: endpoint: http:// is for loopback hosts only, use https://"
        );
        assert_eq!(at("http://localhost\n"), Ok(()));
        let set: fn((), String) -> Result<(), Error> = |(), url| check(&url).map(drop);
        let vars = Vars { prefix: "ACME", var: &vars("http://hunter2.example.com") };
        assert_eq!(vars.operation_url("ACME_REVOKE", (), set).unwrap_err().variables(), ["ACME_REVOKE_URL"]);
    }
}
