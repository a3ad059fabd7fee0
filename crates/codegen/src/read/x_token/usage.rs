//! The keywords of `use`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// How a call carries the token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Use {
    /// The header. Default: `Authorization`. Example: `X-Access-Token`.
    #[serde(default = "Use::default_header")]
    pub header: String,
    /// The query parameter that carries the token, instead of a header. Default: none. Example: `authToken`.
    pub query: Option<String>,
    /// The cookie that carries the token, instead of a header of its own. Default: none. Example: `session`.
    pub cookie: Option<String>,
    /// The two halves of HTTP Basic that carry the token. Default: none. Example: `{ username: company_id, password: token }`.
    pub basic: Option<UseBasic>,
    /// A scheme of `type: http` with which operations carry the live token, as they do with `bearer`. Default: none. Example:
    /// `OAuth`.
    pub scheme: Option<String>,
    /// What comes before the token, sent as written; `none` for the bare token. Default: the token type of the response;
    /// without one, `Bearer` in `Authorization` and the bare token in another header. Example: `Bearer`.
    pub prefix: Option<String>,
    /// Further headers of each call, each from a credential of that name, or from a kept value of the response as
    /// `{ kept: company_id }`. Default: none. Example: `{ X-Site: site_id }`.
    #[serde(default)]
    pub also: BTreeMap<String, Also>,
    /// The base URL of calls: a kept value of the response, or `{base}` for the server that issues the tokens. Default: the caller
    /// knows the URL. Example: `api_domain`.
    pub base_url: Option<String>,
    /// Statuses of a call that mean that the token is no longer valid. Default: `[401]`. Example: `[401, 403]`.
    #[serde(default = "Use::default_expired")]
    #[schemars(length(min = 1))]
    pub expired: Vec<u16>,
}

/// The halves of HTTP Basic: one is the token, the other a credential, or empty.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UseBasic {
    /// `token`, the name of a credential, or an empty string. Example: `company_id`.
    pub username: String,
    /// `token`, the name of a credential, or an empty string. Example: `token`.
    pub password: String,
}

/// The half of HTTP Basic that is the token.
pub const TOKEN: &str = "token";

impl UseBasic {
    /// Returns both halves.
    pub fn halves(&self) -> [&str; 2] {
        [&self.username, &self.password]
    }

    /// Returns the name of the credential, if one of the halves is one.
    pub fn credential(&self) -> Option<&str> {
        self.halves().into_iter().find(|half| !half.is_empty() && *half != TOKEN)
    }
}

/// Where the value of a further header comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Also {
    /// A credential.
    Credential(String),
    /// A kept value of the response.
    Kept(Kept),
}

/// A kept value of the response.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Kept {
    /// Its name under `keep` in `response`. Example: `company_id`.
    pub kept: String,
}

impl Use {
    fn default_header() -> String {
        "Authorization".to_owned()
    }

    fn default_expired() -> Vec<u16> {
        vec![401]
    }
}

impl Default for Use {
    fn default() -> Self {
        Use {
            header: Use::default_header(),
            query: None,
            cookie: None,
            basic: None,
            scheme: None,
            prefix: None,
            also: BTreeMap::new(),
            base_url: None,
            expired: Use::default_expired(),
        }
    }
}

/// The base URL of the endpoint, as in a computed text.
const OWN_SERVER: &str = "{base}";

/// What comes before the token in a call's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix<'a> {
    /// The token type of the response; without one, `Bearer` in `Authorization`, nothing in another header.
    TokenType,
    /// Nothing.
    None,
    /// This string and a space.
    Text(&'a str),
}

impl Use {
    /// Returns the further headers that come from credentials, each with its credential.
    pub fn also_credentials(&self) -> impl Iterator<Item = (&str, &str)> {
        self.also.iter().filter_map(|(header, also)| match also {
            Also::Credential(name) => Some((header.as_str(), name.as_str())),
            Also::Kept(_) => None,
        })
    }

    /// Returns the further headers that come from kept values, each with its name.
    pub fn also_kept(&self) -> impl Iterator<Item = (&str, &str)> {
        self.also.iter().filter_map(|(header, also)| match also {
            Also::Credential(_) => None,
            Also::Kept(Kept { kept }) => Some((header.as_str(), kept.as_str())),
        })
    }

    /// Returns the names of kept values that it refers to, each with the path of its keyword.
    pub fn kept(&self) -> Vec<(Vec<&str>, &str)> {
        let also = self.also_kept().map(|(header, name)| (vec!["also", header, "kept"], name));
        let base_url = self.kept_base_url().map(|name| (vec!["base-url"], name));
        also.chain(base_url).collect()
    }

    /// Whether calls go to the server that issues the tokens.
    pub fn calls_own_server(&self) -> bool {
        self.base_url.as_deref() == Some(OWN_SERVER)
    }

    /// Returns the kept value that is the base URL of calls.
    pub fn kept_base_url(&self) -> Option<&str> {
        self.base_url.as_deref().filter(|name| *name != OWN_SERVER)
    }

    /// Whether this scheme of `type: http` carries the live token.
    pub fn carries(&self, scheme: &str) -> bool {
        scheme.eq_ignore_ascii_case("bearer")
            || self.scheme.as_ref().is_some_and(|other| other.eq_ignore_ascii_case(scheme))
    }

    /// Returns the meaning of `prefix`.
    pub fn prefix(&self) -> Prefix<'_> {
        match self.prefix.as_deref() {
            None => Prefix::TokenType,
            Some("none" | "") => Prefix::None,
            Some(text) => Prefix::Text(text),
        }
    }
}
