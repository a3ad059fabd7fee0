//! The keywords of `compute`: what a client computes for each request.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::spec::duration::duration;
use crate::spec::name::snake;
use crate::spec::x_token::list::one_or_many;

/// Computed values by the names in the spec.
pub(crate) type Computes = IndexMap<String, Compute>;

#[derive(Clone, Debug)]
pub(crate) enum Compute {
    Uuid,
    Time(Time),
    Text(String),
    Jwt(Box<Jwt>),
}

/// A time after the request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Time {
    #[serde(rename = "now", deserialize_with = "seconds")]
    pub(crate) after: i64,
    #[serde(default, rename = "as")]
    pub(crate) form: Option<TimeForm>,
    #[serde(default)]
    pub(crate) format: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TimeForm {
    DateTime,
    Unix,
    Ms,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jwt {
    #[serde(deserialize_with = "one_or_many")]
    pub(crate) algorithm: Vec<String>,
    pub(crate) key: Named,
    #[serde(default)]
    pub(crate) header: IndexMap<String, Claim>,
    #[serde(default)]
    pub(crate) claims: IndexMap<String, Claim>,
}

/// A value in the header or among the claims.
#[derive(Clone, Debug)]
pub(crate) enum Claim {
    Uuid,
    Time(Time),
    Text(String),
    /// A number, or `true` or `false`.
    Literal(Value),
    Named(Named),
}

/// A credential or a setting by its name in snake case.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) is_optional: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JwtForm {
    jwt: Jwt,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    credential: String,
    #[serde(default)]
    optional: bool,
    #[serde(default, rename = "description")]
    _description: Option<String>,
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim_start_matches('0').len() == 1 && text.len() > 1 {
        return Ok(0);
    }
    let duration = duration(&text).map_err(de::Error::custom)?;
    i64::try_from(duration.as_secs()).map_err(de::Error::custom)
}

/// Reads an object by the key that tells it apart.
fn read<T: serde::de::DeserializeOwned, E: de::Error>(value: Value) -> Result<T, E> {
    serde_json::from_value(value).map_err(E::custom)
}

impl<'de> Deserialize<'de> for Compute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) if word == "uuid" => Ok(Self::Uuid),
            Value::String(word) if word == "now" => Ok(Self::Time(Time::default())),
            value if value.get("text").is_some() => read::<Text, _>(value).map(|form| Self::Text(form.text)),
            value if value.get("jwt").is_some() => read::<JwtForm, _>(value).map(|form| Self::Jwt(Box::new(form.jwt))),
            value => read(value).map(Self::Time),
        }
    }
}

impl<'de> Deserialize<'de> for Claim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) if word == "uuid" => Ok(Self::Uuid),
            Value::String(word) if word == "now" => Ok(Self::Time(Time::default())),
            literal @ (Value::Number(_) | Value::Bool(_)) => Ok(Self::Literal(literal)),
            value if value.get("text").is_some() => read::<Text, _>(value).map(|form| Self::Text(form.text)),
            value if value.get("now").is_some() => read(value).map(Self::Time),
            value => read(value).map(Self::Named),
        }
    }
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(name) => Ok(Self { name: snake(&name), is_optional: false }),
            value => read::<New, _>(value).map(|new| Self { name: snake(&new.credential), is_optional: new.optional }),
        }
    }
}

impl Jwt {
    /// Returns the values of the header and the claims.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&String, &Claim)> {
        self.header.iter().chain(&self.claims)
    }

    /// Whether the key is a secret that both sides know.
    pub(crate) fn is_shared(&self) -> bool {
        self.algorithm.iter().any(|name| name.starts_with("HS"))
    }
}

/// The headers with the thumbprint of a certificate.
pub(crate) const THUMBPRINTS: [&str; 2] = ["x5t", "x5t#S256"];

/// The name in a text that stands for the base URL.
pub(crate) const BASE: &str = "base";

/// Returns the names in a text, in snake case, without that of the base URL.
pub(crate) fn names(text: &str) -> Vec<String> {
    let inside = text.split('{').skip(1).filter_map(|part| part.split_once('}'));
    inside.map(|(name, _)| name).filter(|name| *name != BASE).map(snake).collect()
}

/// Fills in a text.
pub(crate) fn filled(text: &str, value: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut parts = text.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}')?;
        filled.push_str(&value(name)?);
        filled.push_str(rest);
    }
    Some(filled)
}
