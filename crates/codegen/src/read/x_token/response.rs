//! The keywords of `x-token` that say where a response holds the token and its expiry.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::read::x_token::values::{Place, Pointer};

/// JSON Pointers into the success body of the login and the refresh; list indexes are allowed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Response {
    /// The access token: a pointer; several, of which the first that finds one is used; `""` for the whole body; or
    /// `{ header: X-Subject-Token }`. Needed with `login` or `refresh`. Example: `/access_token`.
    pub access_token: Option<AccessToken>,
    /// What comes before the token in a call's header, such as `Bearer`. Default: none. Example: `/token_type`.
    pub token_type: Option<Pointer>,
    /// The lifetime of the access token, counted from the arrival of the response, in seconds; otherwise as `{ at:
    /// /expires_in, unit: ms }` or `{ at: /valid_for, format: words }`, or a list, of which the first that is found is used.
    /// Default: none. Example: `/expires_in`.
    #[serde(default)]
    pub expires_in: Lifetimes,
    /// Numbers in `expires-in` that mean "never expires". Default: none. Example: `[0]`.
    #[serde(default)]
    pub never: Vec<i64>,
    /// The expiry of the access token: a date of RFC 3339 or HTTP, or Unix seconds; otherwise `{ at: /expiry, unit: ms,
    /// zone: utc, format: "%d.%m.%Y %H:%M" }`. With `expires-in` too, the earlier is used. Default: none. Example:
    /// `/expires_at`.
    pub expires_at: Option<At>,
    /// When to renew the access token, as `expires-in`. Without it, `renew` decides. Default: none. Example: `/refresh_in`.
    pub renew_in: Option<In>,
    /// The refresh token. Default: none. Example: `/refresh_token`.
    pub refresh_token: Option<Pointer>,
    /// The lifetime of the refresh token, as `expires-in`; of a list, the shortest is used. Default: none. Example:
    /// `/refresh_expires_in`.
    #[serde(default)]
    pub refresh_expires_in: Lifetimes,
    /// The expiry of the refresh token, as `expires-at`, or a list, of which the earliest is used. Default: none. Example:
    /// `/refresh_token_expiry`.
    #[serde(default)]
    pub refresh_expires_at: Expiries,
    /// The granted scopes, a list or a string with spaces between; another delimiter as `{ at: /scope, delimiter: "," }`.
    /// Default: none. Example: `/scope`.
    pub scope: Option<Scope>,
    /// Where a response reports a failure: any value there that isn't empty is one, whatever the status. Default: none. Example:
    /// `/error`.
    pub error: Option<Pointer>,
    /// What a response must have to be a success; anything else is a failure. Default: nothing. Example:
    /// `{ at: /ok, is: true }`.
    pub ok: Option<Flag>,
    /// Values that belong to the token, each with a name: they are stored with it, and `use` can refer to them. Default:
    /// none. Example: `{ api_domain: /api_domain }`.
    #[serde(default)]
    pub keep: BTreeMap<String, Pointer>,
}

/// The places of the access token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "AccessTokenForm")]
pub enum AccessToken {
    /// Places in the body, of which the first that has a token is used. An empty pointer is the whole body.
    Body(Vec<Pointer>),
    /// A header of the response.
    Header(String),
}

/// A pointer, several, or `{ header: NAME }`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum AccessTokenForm {
    /// A place in the body; an empty string is the whole body.
    One(Place),
    /// Several, of which the first that has a token is used.
    Many(#[schemars(length(min = 1))] Vec<Place>),
    /// A header of the response.
    Header(AccessTokenHeader),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AccessTokenHeader {
    /// The header. Example: `X-Subject-Token`.
    header: String,
}

impl From<AccessTokenForm> for AccessToken {
    fn from(form: AccessTokenForm) -> AccessToken {
        match form {
            AccessTokenForm::One(place) => AccessToken::Body(vec![place.0]),
            AccessTokenForm::Many(places) => AccessToken::Body(places.into_iter().map(|place| place.0).collect()),
            AccessTokenForm::Header(AccessTokenHeader { header }) => AccessToken::Header(header),
        }
    }
}

impl AccessToken {
    /// Returns the places in the body.
    pub fn pointers(&self) -> &[Pointer] {
        match self {
            AccessToken::Body(pointers) => pointers,
            AccessToken::Header(_) => &[],
        }
    }

    /// Returns the header.
    pub fn header(&self) -> Option<&str> {
        match self {
            AccessToken::Body(_) => None,
            AccessToken::Header(header) => Some(header),
        }
    }
}

/// A value that must be in a response.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Flag {
    /// Where it is. Example: `/ok`.
    pub at: Pointer,
    /// What it must be: a boolean, a string or a number. Example: `true`.
    pub is: Scalar,
}

/// A boolean, a number or a string.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A number, whole or not.
    Number(#[schemars(with = "f64")] serde_json::Number),
    /// A string.
    Text(String),
}

impl Scalar {
    /// Returns the value as a string.
    pub fn text(&self) -> String {
        match self {
            Scalar::Bool(value) => value.to_string(),
            Scalar::Number(value) => value.to_string(),
            Scalar::Text(value) => value.clone(),
        }
    }
}

/// Durations in a response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "LifetimesForm")]
pub struct Lifetimes(pub Vec<In>);

/// One duration, or several.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum LifetimesForm {
    /// One duration.
    One(In),
    /// Several.
    Many(#[schemars(length(min = 1))] Vec<In>),
}

impl From<LifetimesForm> for Lifetimes {
    fn from(form: LifetimesForm) -> Lifetimes {
        match form {
            LifetimesForm::One(one) => Lifetimes(vec![one]),
            LifetimesForm::Many(many) => Lifetimes(many),
        }
    }
}

/// A duration in a response.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "InForm")]
pub struct In {
    /// Where it is.
    pub at: Pointer,
    /// What it counts.
    pub unit: Unit,
    /// How it is written, if it isn't a number.
    pub format: Option<InFormat>,
    /// Numbers that mean "never".
    pub never: Vec<i64>,
}

/// A pointer, or a pointer and how to read what is there.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum InForm {
    /// Where a number of seconds is.
    Plain(Pointer),
    /// Where a duration is, and how to read it.
    Full(InFull),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct InFull {
    /// Where the duration is. Example: `/expires_in`.
    at: Pointer,
    /// What a number counts: `s` or `ms`. Default: `s`.
    #[serde(default)]
    unit: Unit,
    /// How it is written, if it isn't a number: `words`, such as `60 minutes` or `177:05:38`. Default: a number.
    format: Option<InFormat>,
    /// Numbers that mean "never". Default: none. Example: `[0]`.
    #[serde(default)]
    never: Vec<i64>,
}

impl From<InForm> for In {
    fn from(form: InForm) -> In {
        match form {
            InForm::Plain(at) => In { at, unit: Unit::Seconds, format: None, never: Vec::new() },
            InForm::Full(InFull { at, unit, format, never }) => In { at, unit, format, never },
        }
    }
}

/// How a duration is written that isn't a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InFormat {
    /// In words, such as `60 minutes`, or as hours, minutes and seconds, such as `177:05:38`.
    Words,
}

/// Points in time in a response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "ExpiriesForm")]
pub struct Expiries(pub Vec<At>);

/// One point in time, or several.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum ExpiriesForm {
    /// One point in time.
    One(At),
    /// Several.
    Many(#[schemars(length(min = 1))] Vec<At>),
}

impl From<ExpiriesForm> for Expiries {
    fn from(form: ExpiriesForm) -> Expiries {
        match form {
            ExpiriesForm::One(one) => Expiries(vec![one]),
            ExpiriesForm::Many(many) => Expiries(many),
        }
    }
}

/// A point in time in a response.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "AtForm")]
pub struct At {
    /// Where it is.
    pub at: Pointer,
    /// What a number counts since 1970; a date-time has no unit.
    pub unit: Unit,
    /// What a date without an offset means; without a zone, it can't be read.
    pub zone: Option<Zone>,
    /// How a date is written: a format of jiff's `strptime`.
    pub format: Option<String>,
}

/// A pointer, or a pointer and how to read what is there.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum AtForm {
    /// Where a date-time or a number of Unix seconds is.
    Plain(Pointer),
    /// Where a point in time is, and how to read it.
    Full(AtFull),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AtFull {
    /// Where the point in time is. Example: `/expires_at`.
    at: Pointer,
    /// What a number counts since 1970: `s` or `ms`. Default: `s`.
    #[serde(default)]
    unit: Unit,
    /// What a date without an offset means: `utc`. Default: a date without an offset is ignored.
    zone: Option<Zone>,
    /// How a date is written that is neither RFC 3339 nor a date of HTTP: a format of jiff's `strptime`, with `zone: utc`
    /// if it has no offset. Default: none. Example: `"%m/%d/%Y %I:%M:%S %p %:z"`.
    format: Option<String>,
}

impl From<AtForm> for At {
    fn from(form: AtForm) -> At {
        match form {
            AtForm::Plain(at) => At { at, unit: Unit::Seconds, zone: None, format: None },
            AtForm::Full(AtFull { at, unit, zone, format }) => At { at, unit, zone, format },
        }
    }
}

/// What a number in a response counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Unit {
    /// Seconds.
    #[default]
    #[serde(rename = "s")]
    Seconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
}

/// What a date-time without an offset means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Zone {
    /// UTC.
    Utc,
}

/// The granted scopes in a response.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "ScopeForm")]
pub struct Scope {
    /// Where they are.
    pub at: Pointer,
    /// The delimiter; none means one or more spaces.
    pub delimiter: Option<String>,
}

/// A pointer, or a pointer and a delimiter.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum ScopeForm {
    /// Where a list of scopes is, or a string with spaces between them.
    Plain(Pointer),
    /// Where a string is, and the delimiter of its scopes.
    Full(ScopeFull),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ScopeFull {
    /// Where the scopes are. Example: `/scope`.
    at: Pointer,
    /// The delimiter of two scopes. Default: one or more spaces. Example: `","`.
    delimiter: Option<String>,
}

impl From<ScopeForm> for Scope {
    fn from(form: ScopeForm) -> Scope {
        match form {
            ScopeForm::Plain(at) => Scope { at, delimiter: None },
            ScopeForm::Full(ScopeFull { at, delimiter }) => Scope { at, delimiter },
        }
    }
}
