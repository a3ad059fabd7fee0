//! The keywords of `compute`: values that a request needs and that are computed for it, never asked for.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::ident;
use crate::read::x_token::values::{Pointer, Shift};

/// Computed values by the name of their place in the request.
pub type Computes = IndexMap<String, Compute>;

/// A value that is computed for each request.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(from = "ComputeForm")]
pub enum Compute {
    /// A random UUID.
    Uuid,
    /// The time, or one after it.
    Time(Time),
    /// A string with credentials and settings in it.
    Text(String),
    /// A signed JWT.
    Jwt(Jwt),
    /// A value of the response before. A spec writes it under `then`.
    Received(Pointer),
}

/// The places of values in the response before, by the names of what takes them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "IndexMap<String, Pointer>")]
pub struct Received(pub Computes);

impl From<IndexMap<String, Pointer>> for Received {
    fn from(places: IndexMap<String, Pointer>) -> Received {
        Received(places.into_iter().map(|(name, place)| (name, Compute::Received(place))).collect())
    }
}

impl JsonSchema for Received {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Received".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        IndexMap::<String, Pointer>::json_schema(generator)
    }
}

/// `uuid`, `now`, `{ now: 1h }`, `{ text: "…" }` or `{ jwt: { … } }`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum ComputeForm {
    /// One word.
    Word(Word),
    /// A string.
    Text(TextForm),
    /// A time.
    Time(Time),
    /// A signed JWT.
    Jwt(JwtForm),
}

/// A value that needs nothing else.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Word {
    /// A random UUID.
    Uuid,
    /// The time of the request.
    Now,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TextForm {
    /// A string in which `{name}` is a credential or a setting, and `{base}` is the base URL of the server. Example:
    /// `https://{host}/.default`.
    text: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct JwtForm {
    /// A signed JWT.
    jwt: Jwt,
}

/// The time of the request, or one after it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Time {
    /// How long after the request. Example: `1h`.
    pub now: Shift,
    /// How it is written: `date-time`, as in RFC 3339; `unix`, in seconds; or `ms`, in milliseconds. Default: `date-time`
    /// in a string, `unix` in a number and in a claim. Example: `unix`.
    #[serde(rename = "as")]
    pub as_: Option<TimeForm>,
    /// Any other format, in the language of jiff's `strftime`. The time is in UTC. Example: `%Y-%m-%d`.
    pub format: Option<String>,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimeForm {
    /// A date and a time as in RFC 3339, in UTC and in whole seconds.
    DateTime,
    /// The seconds since 1970.
    Unix,
    /// The milliseconds since 1970.
    Ms,
}

impl Time {
    /// Returns the time of the request, written as its place needs.
    pub fn now() -> Self {
        Self { now: Shift(0), as_: None, format: None }
    }
}

impl From<ComputeForm> for Compute {
    fn from(form: ComputeForm) -> Compute {
        match form {
            ComputeForm::Word(Word::Uuid) => Compute::Uuid,
            ComputeForm::Word(Word::Now) => Compute::Time(Time::now()),
            ComputeForm::Text(TextForm { text }) => Compute::Text(text),
            ComputeForm::Time(time) => Compute::Time(time),
            ComputeForm::Jwt(JwtForm { jwt }) => Compute::Jwt(jwt),
        }
    }
}

/// A signed JWT: a client assertion or a grant of RFC 7523, or a token of an app.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Jwt {
    /// The algorithm, or several, of which the first for the kind of the user's key is used. Example: `RS256`.
    pub algorithm: Algorithms,
    /// The credential with the private key; for `HS…`, with the secret. Example: `private_key`.
    pub key: Named,
    /// The header, besides `alg` and `typ`. The values of `x5t` and `x5t#S256` are credentials with a certificate, of which
    /// the thumbprint is sent. Default: none. Example: `{ kid: key_id }`.
    #[serde(default)]
    pub header: IndexMap<String, Claim>,
    /// The claims. Default: none. Example: `{ iss: client_id, iat: now, exp: { now: 60s }, jti: uuid }`.
    #[serde(default)]
    pub claims: IndexMap<String, Claim>,
}

/// An algorithm, or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "AlgorithmsForm")]
pub struct Algorithms(pub Vec<Algorithm>);

/// An algorithm, or a list of them.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum AlgorithmsForm {
    /// One algorithm.
    One(Algorithm),
    /// Several, of which the first for the kind of the key is used.
    Many(Vec<Algorithm>),
}

impl From<AlgorithmsForm> for Algorithms {
    fn from(form: AlgorithmsForm) -> Algorithms {
        Algorithms(match form {
            AlgorithmsForm::One(algorithm) => vec![algorithm],
            AlgorithmsForm::Many(algorithms) => algorithms,
        })
    }
}

/// An algorithm of RFC 7518 or RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "each is the name in its standard")]
pub enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    ES512,
    EdDSA,
    HS256,
    HS384,
    HS512,
}

impl Algorithm {
    /// Whether its key is a secret that the vendor knows too.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }
}

/// A value in the header or among the claims.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(from = "ClaimForm")]
pub enum Claim {
    /// A random UUID.
    Uuid,
    /// A time.
    Time(Time),
    /// A string with credentials and settings in it.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(i64),
    /// A credential or a setting.
    Named(Named),
}

/// The name of a credential or a setting, `now`, `uuid`, a number, `true`, `false`, `{ text: "…" }` or `{ now: 1h }`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum ClaimForm {
    /// `now`, `uuid`, or the name of a credential or a setting.
    Word(String),
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(i64),
    /// A string.
    Text(TextForm),
    /// A time.
    Time(Time),
    /// A credential.
    Credential(NewCredential),
}

impl From<ClaimForm> for Claim {
    fn from(form: ClaimForm) -> Claim {
        match form {
            ClaimForm::Word(word) if word == "uuid" => Claim::Uuid,
            ClaimForm::Word(word) if word == "now" => Claim::Time(Time::now()),
            ClaimForm::Word(word) => Claim::Named(NamedForm::Name(word).into()),
            ClaimForm::Flag(flag) => Claim::Flag(flag),
            ClaimForm::Number(number) => Claim::Number(number),
            ClaimForm::Text(TextForm { text }) => Claim::Text(text),
            ClaimForm::Time(time) => Claim::Time(time),
            ClaimForm::Credential(new) => Claim::Named(NamedForm::New(new).into()),
        }
    }
}

/// A credential or a setting by its name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "NamedForm")]
pub struct Named {
    /// Its name, in snake case.
    pub name: String,
    /// Whether it can be absent: the claim is then left out.
    pub optional: bool,
    /// Whether it is declared here, so that its name is no typo of another.
    pub is_declared: bool,
    /// What it is, for the docs of its field.
    pub description: Option<String>,
}

/// The name of a credential, or a credential with its description.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum NamedForm {
    /// Its name.
    Name(String),
    /// A credential that only `compute` needs.
    New(NewCredential),
}

/// A credential that only `compute` needs.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct NewCredential {
    /// The name of the credential. Example: `subject`.
    credential: String,
    /// Whether it can be absent: the claim is then left out. Default: `false`.
    #[serde(default)]
    optional: bool,
    /// What it is: the documentation of its field. Default: the place where it is sent. Example: `The user's e-mail
    /// address.`.
    description: Option<String>,
}

impl From<NamedForm> for Named {
    fn from(form: NamedForm) -> Named {
        match form {
            NamedForm::Name(name) => {
                Named { name: ident::snake(&name), optional: false, is_declared: false, description: None }
            }
            NamedForm::New(NewCredential { credential, optional, description }) => {
                Named { name: ident::snake(&credential), optional, is_declared: true, description }
            }
        }
    }
}

/// The headers of a JWT whose value is the thumbprint of a certificate.
pub const THUMBPRINTS: [&str; 2] = ["x5t", "x5t#S256"];

/// The name in a text that stands for the base URL of the server.
pub const BASE: &str = "base";

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPart<'a> {
    /// As it is.
    Plain(&'a str),
    /// The name between braces.
    Name(&'a str),
}

/// Returns the parts of a text, or `None` if its braces don't pair.
pub fn parts(text: &str) -> Option<Vec<TextPart<'_>>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        if before.contains('}') || name.contains('{') {
            return None;
        }
        parts.extend((!before.is_empty()).then_some(TextPart::Plain(before)));
        parts.push(TextPart::Name(name));
        rest = after;
    }
    parts.extend((!rest.is_empty()).then_some(TextPart::Plain(rest)));
    (!rest.contains('}')).then_some(parts)
}

impl Compute {
    /// Returns the texts in it.
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Compute::Text(text) => vec![text],
            Compute::Jwt(jwt) => {
                let values = jwt.header.values().chain(jwt.claims.values());
                values
                    .filter_map(|claim| if let Claim::Text(text) = claim { Some(text.as_str()) } else { None })
                    .collect()
            }
            Compute::Uuid | Compute::Time(_) | Compute::Received(_) => Vec::new(),
        }
    }

    /// Returns the names that aren't in a text: those of a JWT.
    pub fn named(&self) -> Vec<&Named> {
        let Compute::Jwt(jwt) = self else { return Vec::new() };
        let values = jwt.header.values().chain(jwt.claims.values());
        let named = values.filter_map(|claim| if let Claim::Named(named) = claim { Some(named) } else { None });
        std::iter::once(&jwt.key).chain(named).collect()
    }

    /// Whether it needs randomness.
    pub fn is_random(&self) -> bool {
        match self {
            Compute::Uuid => true,
            Compute::Jwt(jwt) => jwt.header.values().chain(jwt.claims.values()).any(|claim| *claim == Claim::Uuid),
            Compute::Time(_) | Compute::Text(_) | Compute::Received(_) => false,
        }
    }
}
