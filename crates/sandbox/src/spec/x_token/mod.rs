//! The `x-token` block: what the operations are for.
//!
//! Each keyword is either simulated, and has a field in one of these types, or is listed in [`NOT_SIMULATED`]. Any
//! other keyword is an error: if the sandbox skipped it, clients would be tested against an issuer that ignores it.

pub(crate) mod action;
pub(crate) mod alternatives;
pub(crate) mod basic;
pub(crate) mod compute;
pub(crate) mod errors;
mod forms;
mod limits;
mod list;
pub(crate) mod renewal;
pub(crate) mod response;
pub(crate) mod usage;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::spec::name::snake;
use crate::spec::x_token::action::{Action, SingleUse, TokenKind};
use crate::spec::x_token::basic::Basic;
use crate::spec::x_token::compute::Compute;
use crate::spec::x_token::errors::Errors;
use crate::spec::x_token::limits::Limits;
use crate::spec::x_token::renewal::{Lifetime, Renew};
use crate::spec::x_token::response::ResponsePointers;
use crate::spec::x_token::usage::Use;

/// The keywords that the sandbox accepts and deliberately does not simulate, as JSON Pointers into the block.
///
/// - `request-id` only says where a client finds an identifier for its error messages.
/// - `zone` says how a client reads a date-time without an offset. The sandbox always writes UTC.
/// - `base-url` names the value that says where calls go. It is the vendor's host, as in the example, not the sandbox.
/// - `wait` says how long a client waits after a code. A scripted failure ends when its script says so.
/// - `gone` lists the failures of a revocation that count as success. The sandbox responds to an unknown token with success,
///   or with a 404 if the spec has one.
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
    pub(crate) fn computes<'a>(&'a self, action: &'a Action) -> IndexMap<String, &'a Compute> {
        let of_login = self.login.iter().flat_map(|login| &login.compute);
        of_login.chain(&action.compute).map(|(name, compute)| (snake(name), compute)).collect()
    }

    /// Returns when a token is renewed: at its expiry if the refresh is single-use and the spec doesn't say.
    pub(crate) fn renew(&self, is_single_use: bool) -> Renew {
        self.renew.unwrap_or(if is_single_use { Renew::AtExpiry } else { Renew::InTime })
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
            let text = include_str!("../../../../../specs/x-token.schema.json");
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
