//! The `x-token` block: what the operations are for.
//!
//! Each keyword is either simulated, and has a field in one of these types, or is listed in [`NOT_SIMULATED`]. Any
//! other keyword is an error: if the sandbox skipped it, clients would be tested against an issuer that ignores it.

use std::time::Duration;

use jiff::Zoned;
use jiff::fmt::strtime;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::request::input::snake;
use crate::spec::alternatives::Alternatives;
use crate::spec::compute::{Compute, Computes};
use crate::spec::duration::duration;
use crate::spec::value::as_text;

/// The keywords that the sandbox accepts and deliberately does not simulate, as JSON Pointers into the block.
///
/// - `request-id` only says where a client finds an identifier for its error messages.
/// - `zone` says how a client reads a date-time without an offset. The sandbox always writes UTC.
/// - `base-url` names the value that says where calls go. It is the vendor's host, as in the example, not the sandbox.
/// - `wait` says how long a client waits after a code. A scripted failure is over when its script says so.
/// - `gone` says which failures of a revocation are none. A token that is unknown is revoked with success, or with a 404 if
///   the spec has one.
const NOT_SIMULATED: [&str; 6] = [
    "/errors/request-id",
    "/response/expires-at/zone",
    "/response/refresh-expires-at/zone",
    "/use/base-url",
    "/errors/wait",
    "/revoke/gone",
];

/// Reads the block of a document, if it has one.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<XToken>, D::Error> {
    let Some(mut block) = Option::<Value>::deserialize(deserializer)? else { return Ok(None) };
    for keyword in NOT_SIMULATED {
        if let Some((around, name)) = keyword.rsplit_once('/')
            && let Some(around) = block.pointer_mut(around)
        {
            let several = match around {
                Value::Array(items) => items.as_mut_slice(),
                one => std::slice::from_mut(one),
            };
            several.iter_mut().filter_map(Value::as_object_mut).for_each(|members| _ = members.remove(name));
        }
    }
    let token = serde_json::from_value::<XToken>(block);
    token.map(|token| Some(token.completed())).map_err(|error| de::Error::custom(format!("`x-token`: {error}")))
}

/// The block, with its defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct XToken {
    pub(crate) login: Option<Action>,
    pub(crate) refresh: Option<Action>,
    pub(crate) revoke: Option<Action>,
    #[serde(default)]
    pub(crate) response: ResponsePointers,
    #[serde(default)]
    pub(crate) lifetime: Lifetime,
    renew: Option<Renew>,
    #[serde(default, rename = "use")]
    pub(crate) usage: Use,
    #[serde(default)]
    pub(crate) basic: Basic,
    /// The credential with a client's certificate. The sandbox has no TLS to check it with.
    pub(super) certificate: Option<String>,
    #[serde(default)]
    pub(crate) errors: Errors,
    #[serde(default)]
    pub(crate) limits: Limits,
}

impl XToken {
    /// If a token is renewed with itself, it has the place of the refresh token.
    fn completed(mut self) -> Self {
        if self.renews_with_access_token() {
            self.response.refresh_token = self.response.access_token.pointers().first().cloned();
        }
        self
    }

    /// Whether a token is renewed with itself.
    pub(crate) fn renews_with_access_token(&self) -> bool {
        self.refresh.as_ref().is_some_and(|refresh| refresh.with == Some(TokenKind::Access))
    }

    /// Whether a refresh token works only once, and whether that is up to the tenant.
    pub(crate) fn single_use(&self) -> SingleUse {
        self.refresh.as_ref().map(|refresh| refresh.single_use).unwrap_or_default()
    }

    /// Whether there is no grant: a client starts from an access token.
    pub(crate) fn starts_from_token(&self) -> bool {
        self.login.is_none() && self.refresh.is_none()
    }

    /// Returns the actions that exist.
    pub(crate) fn actions(&self) -> impl Iterator<Item = &Action> {
        let further = self.login.iter().flat_map(|login| &login.then);
        [&self.login, &self.refresh, &self.revoke].into_iter().flatten().chain(further)
    }

    /// Returns what the requests of an action compute, by the names of the credentials that it replaces. What the login
    /// computes, the others compute too.
    pub(crate) fn computes<'a>(&'a self, action: &'a Action) -> indexmap::IndexMap<String, &'a Compute> {
        let of_login = self.login.iter().flat_map(|login| &login.compute);
        of_login.chain(&action.compute).map(|(name, compute)| (snake(name), compute)).collect()
    }

    /// Returns when a token is renewed: at its expiry if the refresh is single-use and the spec doesn't say.
    pub(crate) fn renew(&self, is_single_use: bool) -> Renew {
        self.renew.unwrap_or(if is_single_use { Renew::AtExpiry } else { Renew::InTime })
    }
}

/// One of the three actions.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Action {
    pub(crate) operation: String,
    pub(crate) body: Option<String>,
    pub(crate) token: Option<String>,
    /// The alternative of the operation's security, by the name of one of its schemes.
    pub(crate) security: Option<String>,
    #[serde(default)]
    pub(crate) single_use: SingleUse,
    /// Whether a refresh has no token in its response, and prolongs the old one.
    #[serde(default)]
    pub(crate) keeps: bool,
    /// That the bearer scheme carries the refresh token, on an operation where it carries a credential in a login.
    pub(crate) bearer: Option<TokenKind>,
    /// The token that a refresh takes.
    pub(super) with: Option<TokenKind>,
    /// How often in a row a token can be refreshed.
    pub(crate) at_most: Option<u16>,
    /// For how long after its use a refresh token works once more.
    #[serde(default, deserialize_with = "span")]
    pub(crate) grace: Option<Duration>,
    #[serde(default)]
    pub(crate) takes: TokenKind,
    pub(crate) error: Option<String>,
    pub(crate) ok: Option<SuccessMarker>,
    #[serde(default)]
    pub(crate) compute: Computes,
    #[serde(default)]
    pub(super) one_of: Alternatives,
    /// The further requests of a login.
    #[serde(default)]
    pub(crate) then: Vec<Action>,
    /// What a further request takes of the response before, by the names of what takes it.
    #[serde(default)]
    pub(crate) from: indexmap::IndexMap<String, String>,
    /// The place of its base URL in the response before.
    pub(crate) server: Option<String>,
    /// The sandbox names itself, which a client accepts because it has its credentials.
    #[allow(dead_code, reason = "a client checks them")]
    #[serde(default)]
    pub(super) hosts: Vec<String>,
    /// The credential with the client's certificate of an alternative.
    #[serde(skip)]
    pub(crate) certificate: Option<String>,
}

/// Whether a refresh token works only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SingleUse {
    Always(bool),
    /// The tenant decides; this is the default.
    Tenant(bool),
}

impl Default for SingleUse {
    fn default() -> Self {
        Self::Always(false)
    }
}

impl<'de> Deserialize<'de> for SingleUse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Tenant {
            #[serde(rename = "setting")]
            _setting: String,
            default: bool,
            #[serde(rename = "description")]
            _description: Option<String>,
        }
        match Value::deserialize(deserializer)? {
            Value::Bool(always) => Ok(Self::Always(always)),
            tenant => serde_json::from_value(tenant)
                .map(|Tenant { default, .. }| Self::Tenant(default))
                .map_err(de::Error::custom),
        }
    }
}

/// The token that a revocation takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TokenKind {
    #[default]
    Access,
    Refresh,
}

/// The places of values in a response. Without a grant, there is none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ResponsePointers {
    pub(crate) access_token: AccessToken,
    pub(crate) token_type: Option<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) expires_in: Vec<TimedPointer>,
    #[serde(default)]
    pub(crate) never: Vec<i64>,
    pub(crate) expires_at: Option<TimedPointer>,
    pub(crate) renew_in: Option<TimedPointer>,
    pub(crate) refresh_token: Option<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) refresh_expires_in: Vec<TimedPointer>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) refresh_expires_at: Vec<TimedPointer>,
    pub(crate) scope: Option<TimedPointer>,
    pub(crate) error: Option<String>,
    pub(crate) ok: Option<SuccessMarker>,
    /// A response has the values of its example.
    #[serde(default, rename = "keep")]
    _keep: indexmap::IndexMap<String, String>,
}

/// The places of the access token.
#[derive(Clone, Debug)]
pub(crate) enum AccessToken {
    /// Places in the body; an empty pointer is the whole body.
    Body(Vec<String>),
    Header(String),
}

impl Default for AccessToken {
    fn default() -> Self {
        Self::Body(Vec::new())
    }
}

impl AccessToken {
    /// Returns the places in the body.
    pub(crate) fn pointers(&self) -> &[String] {
        match self {
            Self::Body(pointers) => pointers,
            Self::Header(_) => &[],
        }
    }
}

impl<'de> Deserialize<'de> for AccessToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Header {
            header: String,
        }
        match Value::deserialize(deserializer)? {
            header @ Value::Object(_) => {
                serde_json::from_value(header).map(|Header { header }| Self::Header(header)).map_err(de::Error::custom)
            }
            places => one_or_many(places).map(Self::Body).map_err(de::Error::custom),
        }
    }
}

/// A pointer, and the format of the value there.
#[derive(Clone, Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(crate) struct TimedPointer {
    #[serde(rename = "at")]
    pub(crate) pointer: String,
    #[serde(default)]
    pub(crate) unit: TimeUnit,
    pub(crate) delimiter: Option<String>,
    /// The format of a time, in `strptime` notation, or `words` for a duration.
    pub(crate) format: Option<String>,
    /// Numbers that mean "never".
    #[serde(default)]
    pub(crate) never: Vec<i64>,
}

impl TimedPointer {
    /// Whether it is a duration in words.
    pub(crate) fn is_in_words(&self) -> bool {
        self.format.as_deref() == Some("words")
    }
}

impl<'de> Deserialize<'de> for TimedPointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(pointer) => {
                Ok(Self { pointer, unit: TimeUnit::Seconds, delimiter: None, format: None, never: Vec::new() })
            }
            // The error of an untagged enum would not name the keyword.
            other => {
                let at = Self::deserialize(other).map_err(de::Error::custom)?;
                if let Some(Err(error)) = at.format.as_ref().map(|format| strtime::format(format, &Zoned::default())) {
                    return Err(de::Error::custom(format!("`format` cannot be used: {error}")));
                }
                Ok(at)
            }
        }
    }
}

/// The unit of a numeric time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum TimeUnit {
    #[default]
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "ms")]
    Milliseconds,
}

impl TimeUnit {
    /// Converts a duration to this unit.
    pub(crate) fn of(self, time: Duration) -> u128 {
        match self {
            Self::Seconds => u128::from(time.as_secs()),
            Self::Milliseconds => time.as_millis(),
        }
    }

    /// Converts a number of this unit to a duration.
    pub(crate) fn times(self, number: u64) -> Duration {
        match self {
            Self::Seconds => Duration::from_secs(number),
            Self::Milliseconds => Duration::from_millis(number),
        }
    }
}

/// The value that marks a success.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuccessMarker {
    pub(crate) at: String,
    pub(crate) is: Value,
}

/// The documented lifetime of an access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lifetime {
    #[default]
    Unknown,
    Unlimited,
    For(Duration),
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = as_text(&Value::deserialize(deserializer)?);
        match text.as_str() {
            "unknown" => Ok(Self::Unknown),
            "none" => Ok(Self::Unlimited),
            _ => duration(&text).map(Self::For).map_err(de::Error::custom),
        }
    }
}

/// When a token is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renew {
    /// Before it expires.
    InTime,
    /// Once it has expired, and never before.
    AtExpiry,
}

impl<'de> Deserialize<'de> for Renew {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::String(word) if word == "at-expiry" => Self::AtExpiry,
            Value::Object(words) if ["early", "before"].iter().any(|word| words.keys().eq([word])) => Self::InTime,
            other => return Err(de::Error::custom(format!("`renew` cannot be {other}"))),
        })
    }
}

/// How a call carries the token.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Use {
    pub(crate) header: String,
    pub(crate) query: Option<String>,
    pub(crate) cookie: Option<String>,
    pub(crate) basic: Option<UseBasic>,
    /// A scheme besides `bearer` that carries the live token.
    scheme: Option<String>,
    pub(crate) prefix: Option<String>,
    pub(crate) also: indexmap::IndexMap<String, Also>,
    pub(crate) expired: Vec<u16>,
}

/// The halves of HTTP Basic, one of which is `token`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UseBasic {
    pub(crate) username: String,
    pub(crate) password: String,
}

impl Use {
    /// Whether this scheme of `type: http` carries the live token.
    pub(crate) fn carries(&self, scheme: &str) -> bool {
        scheme.eq_ignore_ascii_case("bearer")
            || self.scheme.as_ref().is_some_and(|other| other.eq_ignore_ascii_case(scheme))
    }
}

/// Where the value of a further header comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Also {
    Credential(String),
    #[allow(dead_code, reason = "which kept value a response had is known to the client alone")]
    Kept(Kept),
}

impl Also {
    /// Returns the name of the credential.
    pub(crate) fn credential(&self) -> Option<&str> {
        match self {
            Self::Credential(name) => Some(name),
            Self::Kept(_) => None,
        }
    }
}

/// A kept value of the response.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    #[serde(rename = "kept")]
    _name: String,
}

impl Default for Use {
    fn default() -> Self {
        Self {
            header: "Authorization".to_owned(),
            query: None,
            cookie: None,
            basic: None,
            scheme: None,
            prefix: None,
            also: Default::default(),
            expired: vec![401],
        }
    }
}

/// How the halves of HTTP Basic are encoded and named.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Basic {
    /// The word in place of `Basic`.
    pub(crate) scheme: Option<String>,
    pub(crate) encode: BasicEncoding,
    pub(crate) names: [String; 2],
}

impl Default for Basic {
    fn default() -> Self {
        Self { scheme: None, encode: BasicEncoding::Form, names: ["client_id".to_owned(), "client_secret".to_owned()] }
    }
}

impl Basic {
    /// Returns the word before the two halves.
    pub(crate) fn word(&self) -> &str {
        self.scheme.as_deref().unwrap_or("Basic")
    }
}

/// Whether each half is form-encoded first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BasicEncoding {
    Form,
    Raw,
}

/// The contents of failures.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Errors {
    #[serde(deserialize_with = "codes")]
    pub(crate) code: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub(crate) message: Vec<String>,
    pub(crate) permanent: Vec<Value>,
    pub(crate) relogin: Vec<Value>,
    pub(crate) transient: Vec<Value>,
    pub(crate) retry_after: Option<RetryHeader>,
}

/// How many tokens an account gets.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    #[serde(deserialize_with = "rate")]
    pub(crate) grants: Option<(usize, Duration)>,
    /// One more ends the oldest.
    pub(crate) live: Option<usize>,
}

/// Reads `10/10m`.
fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(usize, Duration)>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let refuse = || de::Error::custom(format!("`{text}` is not a number, a slash and a duration"));
    let (most, window) = text.split_once('/').ok_or_else(refuse)?;
    Ok(Some((most.parse().map_err(|_| refuse())?, duration(window).map_err(de::Error::custom)?)))
}

/// The vendor's own header next to `Retry-After`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryHeader {
    pub(crate) header: String,
    #[serde(default)]
    pub(crate) unit: RetryUnit,
}

/// The unit of that header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RetryUnit {
    #[default]
    Seconds,
    Unix,
}

/// Reads `{ any: [POINTER] }` too: a failure has its code at the first place that its schema has.
fn codes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Any {
        any: Vec<String>,
    }
    match Value::deserialize(deserializer)? {
        any @ Value::Object(_) => serde_json::from_value(any).map(|Any { any }| any).map_err(de::Error::custom),
        places => one_or_many(places).map_err(de::Error::custom),
    }
}

/// Reads a duration.
fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = as_text(&Value::deserialize(deserializer)?);
    duration(&text).map(Some).map_err(de::Error::custom)
}

fn one_or_many<'de, T: de::DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let read = |value| serde_json::from_value(value).map_err(de::Error::custom);
    match Value::deserialize(deserializer)? {
        Value::Array(items) => items.into_iter().map(read).collect(),
        one => Ok(vec![read(one)?]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    /// The schema that the generator writes from its own types.
    struct Words(Value);

    /// A keyword as a pointer into the block, and a block that contains it.
    type Found = Vec<(String, Value)>;

    impl Words {
        fn of_the_schema() -> Found {
            let text = include_str!("../../../../specs/x-token.schema.json");
            let words = Self(serde_json::from_str(text).unwrap());
            let mut found = Vec::new();
            words.walk(&words.0, "", &|value| value, &mut found);
            found
        }

        fn target<'a>(&'a self, schema: &'a Value) -> &'a Value {
            let reference = schema.get("$ref").and_then(Value::as_str);
            reference.map_or(schema, |reference| self.0.pointer(reference.trim_start_matches('#')).unwrap())
        }

        fn branches<'a>(&'a self, schema: &'a Value) -> Vec<&'a Value> {
            let schema = self.target(schema);
            let listed = ["anyOf", "oneOf"].iter().find_map(|kind| schema.get(kind)?.as_array());
            listed.map_or(vec![schema], |listed| listed.iter().flat_map(|branch| self.branches(branch)).collect())
        }

        /// `around` wraps a value of this schema into a whole block.
        fn walk(&self, schema: &Value, at: &str, around: &dyn Fn(Value) -> Value, found: &mut Found) {
            for branch in self.branches(schema) {
                for (name, inner) in branch.get("properties").and_then(Value::as_object).into_iter().flatten() {
                    let with = |value: Value| {
                        let mut whole = self.least(branch);
                        whole[name] = value;
                        around(whole)
                    };
                    let at = format!("{at}/{name}");
                    found.push((at.clone(), with(self.least(inner))));
                    self.walk(inner, &at, &with, found);
                }
            }
        }

        /// Returns the smallest value that a schema allows.
        fn least(&self, schema: &Value) -> Value {
            let schema = self.branches(schema)[0];
            if let Some(value) = schema.get("const").or_else(|| schema.pointer("/examples/0")) {
                return value.clone();
            }
            let required = || schema.get("required").and_then(Value::as_array).into_iter().flatten();
            match schema["type"].as_str() {
                Some("object") => {
                    let member = |name: &Value| {
                        let name = name.as_str().unwrap();
                        (name.to_owned(), self.least(&schema["properties"][name]))
                    };
                    Value::Object(required().map(member).collect::<Map<_, _>>())
                }
                Some("array") => {
                    let len = schema.get("minItems").and_then(Value::as_u64).unwrap_or_default();
                    Value::Array((0..len).map(|_| self.least(&schema["items"])).collect())
                }
                Some("boolean") => json!(true),
                Some("integer" | "number") => json!(1),
                _ => json!("/a"),
            }
        }
    }

    /// Adds what a block requires besides the keyword.
    fn complete(mut block: Value) -> Value {
        if block["response"]["access-token"].is_null() {
            block["response"]["access-token"] = json!("/token");
        }
        block
    }

    #[test]
    fn each_keyword_of_the_schema_is_simulated_or_listed() {
        let found = Words::of_the_schema();
        assert!(found.len() > 50, "{found:?}");
        for (keyword, block) in &found {
            let block = complete(block.clone());
            let is_listed =
                NOT_SIMULATED.iter().any(|listed| keyword == listed || keyword.starts_with(&format!("{listed}/")));
            // Without removing the listed keywords.
            let simulated = serde_json::from_value::<XToken>(block.clone());
            assert_eq!(simulated.is_err(), is_listed, "{keyword}: {block}: {simulated:?}");
            let read = read(block.clone()).unwrap();
            assert!(read.is_some(), "{keyword}: {block}");
        }
        for keyword in NOT_SIMULATED {
            assert!(found.iter().any(|(known, _)| known == keyword), "{keyword} is not in the schema");
        }
    }

    #[test]
    fn an_unknown_keyword_is_rejected_everywhere() {
        let places = ["", "/login", "/response", "/response/expires-in", "/response/ok", "/use", "/basic", "/errors"];
        for at in places.into_iter().chain(["/errors/retry-after", "/renew"]) {
            let mut block = json!({
                "login": { "operation": "login" },
                "response": { "access-token": "/t", "expires-in": { "at": "/e" }, "ok": { "at": "/ok", "is": true } },
                "renew": { "early": 0.5 },
                "use": {},
                "basic": { "encode": "raw" },
                "errors": { "retry-after": { "header": "x" } },
            });
            assert!(read(block.clone()).is_ok());
            block.pointer_mut(at).unwrap()["sometimes"] = json!("/a");
            let error = read(block).unwrap_err().to_string();
            assert!(error.starts_with("`x-token`: ") && error.contains("sometimes"), "{at}: {error}");
        }
    }
}
