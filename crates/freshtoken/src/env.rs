//! Endpoint and credentials from environment variables, which have the same names for every vendor.

mod alternative;

use std::error::Error as StdError;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::issued_tokens::IssuedTokens;
use crate::source::TokenSource;
use crate::vendor::Vendor;

pub use crate::env::alternative::Alternative;

/// A vendor whose endpoint and credentials come from environment variables. All generated vendors implement it.
///
/// A variable is named after the vendor and the credential, such as `ZENOTI_PASSWORD`. `ZENOTI_URL` sets a custom base URL.
/// Otherwise `ZENOTI_SERVER` names one of the vendor's servers; the default is the first. If a server's URL has a part
/// without a default, such as the name of a shop, that part is a variable which this server requires. A custom base URL does
/// not require it, unless requests contain it elsewhere too.
///
/// One line break at the end of a value is dropped, as in a mounted file. A list is a JSON array, or its items separated by the
/// vendor's delimiter or by white space.
///
/// # Examples
///
/// ```no_run
/// # #[cfg(feature = "zenoti")]
/// # fn example() -> Result<(), freshtoken::env::EnvError> {
/// use freshtoken::zenoti;
/// use freshtoken::env::FromEnv;
///
/// for variable in zenoti::Endpoint::VARIABLES {
///     println!("{variable}");
/// }
/// let (endpoint, credentials) = zenoti::Endpoint::from_env()?;
/// # let _ = (endpoint, credentials);
/// # Ok(())
/// # }
/// ```
pub trait FromEnv: Vendor + Sized {
    /// The prefix of all its variables, without the `_` after it.
    const PREFIX: &'static str;

    /// Its variables.
    const VARIABLES: &'static [Variable];

    /// Reads endpoint and credentials from the variables of this process.
    ///
    /// # Errors
    ///
    /// Names all missing variables, or the variable whose value cannot be used. It never contains a value.
    fn from_env() -> Result<(Self, Self::Credentials), EnvError> {
        Self::from_vars(&process)
    }

    /// Reads endpoint and credentials with `var`, which looks up a variable: in a test's map, or for one of several accounts.
    ///
    /// # Errors
    ///
    /// As [`from_env`](FromEnv::from_env).
    fn from_vars(var: &dyn Fn(&str) -> Option<String>) -> Result<(Self, Self::Credentials), EnvError> {
        let vars = Vars { prefix: Self::PREFIX, var };
        let is_missing = |variable: &&Variable| {
            vars.needs(variable) && vars.get(variable.name).is_none() && Start::of(Self::PREFIX, variable).is_none()
        };
        let missing: Vec<&str> = Self::VARIABLES.iter().filter(is_missing).map(|variable| variable.name).collect();
        if missing.is_empty() { Self::read(&vars) } else { Err(EnvError(Problem::Missing(missing))) }
    }

    /// Reads endpoint and credentials from variables that are all set, as far as they are required. Users call
    /// [`from_env`](FromEnv::from_env).
    ///
    /// # Errors
    ///
    /// Names the variable whose value cannot be used.
    fn read(vars: &Vars<'_>) -> Result<(Self, Self::Credentials), EnvError>;
}

impl TokenSource {
    /// Creates a source from the variables of this process, including a refresh token such as `ZENOTI_REFRESH_TOKEN` if it is
    /// set. If the vendor has neither a login nor a refresh, the source starts from an access token, such as `ACME_ACCESS_TOKEN`.
    ///
    /// # Errors
    ///
    /// Names all missing variables, or the variable whose value cannot be used. It never contains a value.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[cfg(feature = "voucherify")]
    /// # fn example() -> Result<(), freshtoken::env::EnvError> {
    /// use freshtoken::{TokenSource, voucherify};
    ///
    /// let tokens = TokenSource::from_env::<voucherify::Endpoint>()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_env<V: FromEnv>() -> Result<Self, EnvError> {
        Self::from_vars::<V>(&process)
    }

    /// Creates a source like [`from_env`](TokenSource::from_env), and looks up the variables with `var`.
    ///
    /// # Errors
    ///
    /// As [`from_env`](TokenSource::from_env).
    pub fn from_vars<V: FromEnv>(var: &dyn Fn(&str) -> Option<String>) -> Result<Self, EnvError> {
        let (endpoint, credentials) = V::from_vars(var)?;
        let source = Self::builder(endpoint, credentials);
        let mut starts = V::VARIABLES.iter().filter_map(|variable| Some((variable, Start::of(V::PREFIX, variable)?)));
        let Some((variable, start)) = starts.next() else { return Ok(source.build()) };
        match (Vars { prefix: V::PREFIX, var }.get(variable.name), variable.is_required) {
            (Some(token), _) => Ok(match start {
                Start::RefreshToken => source.refresh_token(token).build(),
                Start::AccessToken => source.token(IssuedTokens::new(token)).build(),
            }),
            (None, true) => Err(EnvError(Problem::Missing(vec![variable.name]))),
            (None, false) => Ok(source.build()),
        }
    }
}

fn process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What a source starts from.
enum Start {
    RefreshToken,
    AccessToken,
}

impl Start {
    /// Returns what a variable holds, if a source starts from it.
    fn of(prefix: &str, variable: &Variable) -> Option<Self> {
        match variable.name.strip_prefix(prefix) {
            _ if variable.is_start => Some(Self::AccessToken),
            Some("_REFRESH_TOKEN") => Some(Self::RefreshToken),
            _ => None,
        }
    }
}

/// An environment variable. `Display` prints a line about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// The name, such as `ZENOTI_PASSWORD`.
    pub name: &'static str,
    /// Whether it must be set.
    pub is_required: bool,
    /// What it is, in a sentence.
    pub what: &'static str,
    /// Whether its value is a secret, such as a password.
    pub is_secret: bool,
    /// The servers that require it, if it is a part of a server's URL.
    servers: Option<&'static [&'static str]>,
    /// Whether a custom base URL requires it too.
    with_custom_url: bool,
    /// Whether it is the access token that a source starts from.
    is_start: bool,
}

impl Variable {
    /// Creates a variable that must be set.
    pub const fn required(name: &'static str, what: &'static str) -> Self {
        Self { name, is_required: true, what, is_secret: false, servers: None, with_custom_url: false, is_start: false }
    }

    /// Creates a variable that may be absent.
    pub const fn optional(name: &'static str, what: &'static str) -> Self {
        Self {
            name,
            is_required: false,
            what,
            is_secret: false,
            servers: None,
            with_custom_url: false,
            is_start: false,
        }
    }

    /// Marks the value as a secret.
    pub const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    /// Creates the variable with the access token that a source starts from, a secret.
    pub const fn access_token(name: &'static str, what: &'static str) -> Self {
        Self { is_start: true, ..Self::required(name, what).secret() }
    }

    /// Limits the variable to these servers: it is a part of their URLs. A custom base URL does not require it.
    pub const fn of_servers(mut self, servers: &'static [&'static str]) -> Self {
        self.servers = Some(servers);
        self
    }

    /// Requires the variable with a custom base URL too: requests contain it elsewhere than in the URL.
    pub const fn with_custom_url(mut self) -> Self {
        self.with_custom_url = true;
        self
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.name, if self.is_required { "" } else { "(optional) " }, self.what)
    }
}

/// The variables of one vendor, for the [`FromEnv::read`] of its adapter.
pub struct Vars<'a> {
    prefix: &'static str,
    var: &'a dyn Fn(&str) -> Option<String>,
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
    fn needs(&self, variable: &Variable) -> bool {
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

/// A variable is missing, or its value cannot be used. The message names the variable, and never contains a value.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvError(Problem);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Missing(Vec<&'static str>),
    Wrong(&'static str),
    Structured(&'static str),
    UnknownServer(&'static str, Vec<&'static str>),
    /// The variables of alternatives that are set: of none or of several. The variables that each alternative requires.
    Alternatives {
        set: Vec<&'static str>,
        ways: Vec<Vec<&'static str>>,
    },
    /// The variable without its `_URL`, and the reason without the URL.
    Url(&'static str, String),
}

impl EnvError {
    /// Returns the names of the affected variables.
    pub fn variables(&self) -> Vec<String> {
        match &self.0 {
            Problem::Missing(names) => names.iter().map(|name| (*name).to_owned()).collect(),
            Problem::Wrong(name) | Problem::Structured(name) => vec![(*name).to_owned()],
            Problem::UnknownServer(prefix, _) => vec![format!("{prefix}_SERVER")],
            Problem::Alternatives { set, ways } => {
                let mut names = if set.is_empty() { ways.concat() } else { set.clone() };
                names.dedup();
                names.into_iter().map(str::to_owned).collect()
            }
            Problem::Url(prefix, _) => vec![format!("{prefix}_URL")],
        }
    }
}

impl fmt::Display for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Problem::Missing(names) => write!(f, "set {} in the environment", listed(names, "and")),
            Problem::Wrong(name) => {
                write!(f, "the environment variable {name} has a value of the wrong type")
            }
            Problem::Structured(name) => {
                write!(f, "{name} is an object, which no environment variable can hold; build the credentials in code")
            }
            Problem::Alternatives { set, ways } => {
                let ways: Vec<String> = ways.iter().map(|names| listed(names, "and")).collect();
                let ways = ways.join("; or ");
                match &set[..] {
                    [] => write!(f, "set one of these in the environment: {ways}"),
                    set => {
                        let set = listed(set, "and");
                        write!(f, "{set} belong to different ways to authenticate; set only one of these: {ways}")
                    }
                }
            }
            Problem::Url(prefix, why) => write!(f, "the environment variable {prefix}_URL cannot be used: {why}"),
            Problem::UnknownServer(prefix, known) => {
                write!(
                    f,
                    "the environment variable {prefix}_SERVER names no server of the vendor; set it to {}",
                    listed(known, "or")
                )
            }
        }
    }
}

/// Prints the message, as `main` does for an error that it returns.
impl fmt::Debug for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for EnvError {}

/// `a, b and c`
fn listed(names: &[&str], last: &str) -> String {
    match names {
        [] => String::new(),
        [name] => (*name).to_owned(),
        [first @ .., name] => format!("{} {last} {name}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use freshtoken_wire::{CommaDelimited, Error, check};

    use super::*;
    use crate::vendor::{Lifetime, TokenPolicy};

    /// A vendor like a generated one, whose servers have variables in their URLs.
    #[derive(Debug, PartialEq)]
    struct Shop(String);

    impl Vendor for Shop {
        type Credentials = String;

        const POLICY: TokenPolicy = TokenPolicy::new("shop");

        fn server(&self) -> String {
            self.0.clone()
        }
    }

    impl FromEnv for Shop {
        const PREFIX: &'static str = "SHOP";

        const VARIABLES: &'static [Variable] = &[
            Variable::required("SHOP_KEY", "The key."),
            Variable::required("SHOP_NAME", "The shop.").of_servers(&["live"]),
            Variable::optional("SHOP_ZONE", "The zone.").of_servers(&["test"]),
            Variable::optional("SHOP_REALM", "The realm.").of_servers(&[]).with_custom_url(),
        ];

        fn read(vars: &Vars<'_>) -> Result<(Self, String), EnvError> {
            let shop = vars.endpoint(
                |url| Ok::<_, Error>(Shop(url)),
                &[
                    ("live", |vars| Ok(Shop(vars.needed("SHOP_NAME")?))),
                    ("test", |vars| Ok(Shop(vars.needed("SHOP_ZONE")?))),
                    ("plain", |_| Ok(Shop("plain".to_owned()))),
                ],
            )?;
            Ok((shop, vars.needed("SHOP_KEY")?))
        }
    }

    fn read(vars: &[(&str, &str)]) -> Result<Shop, EnvError> {
        let vars: HashMap<&str, &str> = vars.iter().copied().collect();
        Shop::from_vars(&|name| vars.get(name).map(|value| (*value).to_owned())).map(|(shop, _)| shop)
    }

    #[test]
    fn a_part_of_a_url_is_required_with_the_servers_that_have_it() {
        let missing = |vars: &[(&str, &str)]| read(vars).unwrap_err().variables();
        assert_eq!(missing(&[]), ["SHOP_KEY", "SHOP_NAME"], "all at once, and no default");
        assert_eq!(missing(&[("SHOP_KEY", "k"), ("SHOP_SERVER", "live")]), ["SHOP_NAME"]);
        assert_eq!(missing(&[("SHOP_KEY", "k"), ("SHOP_NAME", "")]), ["SHOP_NAME"]);
        assert_eq!(missing(&[("SHOP_SERVER", "test"), ("SHOP_NAME", "n")]), ["SHOP_KEY", "SHOP_ZONE"]);

        let made = |more: &[(&str, &str)]| read(&[&[("SHOP_KEY", "k")], more].concat()).unwrap().0;
        assert_eq!(made(&[("SHOP_NAME", "n")]), "n");
        assert_eq!(made(&[("SHOP_SERVER", "test"), ("SHOP_ZONE", "z")]), "z");
        assert_eq!(made(&[("SHOP_SERVER", "plain")]), "plain");
        let custom = ("SHOP_URL", "https://own.example");
        assert_eq!(missing(&[("SHOP_KEY", "k"), custom]), ["SHOP_REALM"], "not only a part of a URL");
        assert_eq!(made(&[custom, ("SHOP_REALM", "r")]), "https://own.example");
    }

    /// A vendor whose users make a token by hand.
    struct Made;

    impl Vendor for Made {
        type Credentials = ();

        const POLICY: TokenPolicy = TokenPolicy::new("made").login(false).lifetime(Lifetime::Never);

        fn server(&self) -> String {
            String::new()
        }
    }

    impl FromEnv for Made {
        const PREFIX: &'static str = "MADE";

        const VARIABLES: &'static [Variable] = &[Variable::access_token("MADE_ACCESS_TOKEN", "The access token.")];

        fn read(_: &Vars<'_>) -> Result<(Self, ()), EnvError> {
            Ok((Made, ()))
        }
    }

    #[test]
    fn a_source_starts_from_an_access_token() {
        let tokens = TokenSource::from_vars::<Made>(&vars("t-1\n")).unwrap();
        assert_eq!(tokens.try_header().unwrap(), "Bearer t-1");
        assert_eq!(TokenSource::from_vars::<Made>(&vars("")).unwrap_err().variables(), ["MADE_ACCESS_TOKEN"]);
    }

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
