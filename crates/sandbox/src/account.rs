//! The accounts of a vendor: fixed credentials, obviously fake, derived from the spec.
//!
//! A credential is an input that a login, a refresh or a revocation needs from outside: a required string or number, or
//! a secret, unless it is a constant, an enum, a scope or the token itself; and whatever the security schemes take. Its
//! value is the spec's example, or is derived from its name. Inputs with the same name are one credential. A path
//! parameter, and a variable of a server that a computed value contains, is a setting, and the same for all accounts.
//!
//! The other inputs of a grant, such as a scope or an enum, are not credentials: they aren't compared. A client still
//! needs them, so they have a value too.

use heck::ToKebabCase;
use indexmap::IndexMap;
use serde_json::Value;

use crate::keys;
use crate::refusal::{Reason, Refusal};
use crate::request::input::{Input, inputs};
use crate::request::security::{Presented, credential_names};
use crate::request::values::RequestValues;
use crate::response::fill::fill;
use crate::spec::document::Document;
use crate::spec::name::snake;
use crate::spec::schema::Kind;
use crate::spec::value::as_text;
use crate::spec::x_token::action::Action;
use crate::spec::x_token::compute::{Claim, Compute, THUMBPRINTS, names};
use crate::spec::x_token::usage::Also;

/// Credentials by name, in the spec's order: `credentials["client_id"]`.
pub type Credentials = IndexMap<String, String>;

/// What a vendor knows about its callers.
pub(crate) struct Accounts {
    credentials: Vec<Credentials>,
    settings: Credentials,
    others: Credentials,
    /// The credentials of alternatives other than the first: a client has only those of one.
    of_other_alternatives: Vec<String>,
}

/// The alternatives of `one-of` whose credentials are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    First,
    All,
}

impl Accounts {
    /// Creates the accounts, at least one. The credentials in `any` may have any value.
    pub(crate) fn new(document: &Document, count: usize, any: &[String]) -> Self {
        let Known { credentials: first, settings, others } = known(document, any, Wanted::All);
        let of_first = known(document, any, Wanted::First);
        let has = |name: &String| of_first.credentials.contains_key(name) || of_first.others.contains_key(name);
        let of_other_alternatives = first.keys().chain(others.keys()).filter(|name| !has(name)).cloned().collect();
        let numbered = |index: usize| {
            let value = |value: &Credential| match (index, value.is_number) {
                (0, _) => value.text.clone(),
                _ if value.is_key => value.text.clone(),
                (_, false) => format!("{}-{}", value.text, index + 1),
                (_, true) => value.text.parse::<i64>().map_or(value.text.clone(), |n| (n + index as i64).to_string()),
            };
            first.iter().map(|(name, credential)| (name.clone(), value(credential))).collect()
        };
        let texts = |named: Named| named.into_iter().map(|(name, credential)| (name, credential.text)).collect();
        Self {
            credentials: (0..count.max(1)).map(numbered).collect(),
            settings: texts(settings),
            others: texts(others),
            of_other_alternatives,
        }
    }

    /// Returns the names of the credentials that a client with the first alternative of `one-of` lacks.
    pub(crate) fn of_other_alternatives(&self) -> &[String] {
        &self.of_other_alternatives
    }

    /// Returns the credentials of each account.
    pub(crate) fn credentials(&self) -> &[Credentials] {
        &self.credentials
    }

    /// Returns the values of the settings.
    pub(crate) fn settings(&self) -> &Credentials {
        &self.settings
    }

    /// Returns the other inputs of a grant, with a valid value each.
    pub(crate) fn others(&self) -> &Credentials {
        &self.others
    }

    /// Returns the accounts that match the credentials in the security scheme, or the credential that is wrong. Returns
    /// `None` if there are no such credentials.
    pub(crate) fn holders(&self, values: &RequestValues) -> Result<Option<Vec<usize>>, Refusal> {
        let presented = values.presented.iter().filter_map(|presented| match presented {
            Presented::Credential(name, value) => Some((name.as_str(), Value::from(value.as_str()))),
            Presented::AccessToken(_) | Presented::RefreshToken(_) | Presented::CredentialOrRefreshToken(..) => None,
        });
        let presented: Vec<(&str, Value)> = presented.collect();
        // A half of HTTP Basic without a name must be empty.
        if presented.iter().any(|(name, value)| name.is_empty() && value != "") {
            return Err(Refusal::about(Reason::Unauthorized, "authorization", "is wrong"));
        }
        self.among(None, &presented, Reason::Unauthorized)
    }

    /// Returns the account that matches the credentials of a request, or the credential that is wrong.
    ///
    /// Returns `None` if the request contains no credentials: its token determines the account.
    pub(crate) fn of(&self, values: &RequestValues, holders: Option<Vec<usize>>) -> Result<Option<usize>, Refusal> {
        for field in values.fields.iter().filter(|field| field.is_in_path) {
            if self.settings.get(&field.name).is_some_and(|setting| !is(setting, &field.value)) {
                return Err(Refusal::about(Reason::NotFound, &field.key, "is wrong"));
            }
        }
        let fields = values.fields.iter().filter(|field| !field.is_in_path);
        let fields: Vec<(&str, Value)> = fields.map(|field| (field.name.as_str(), field.value.clone())).collect();
        let found = self.among(holders, &fields, Reason::Credential)?;
        Ok(found.and_then(|found| found.first().copied()))
    }

    /// Returns the accounts, among the given ones or all, that match these credentials. If none does, returns the wrong
    /// credential of the best match. If no value is a credential, returns the given accounts.
    fn among(
        &self,
        accounts: Option<Vec<usize>>,
        values: &[(&str, Value)],
        reason: Reason,
    ) -> Result<Option<Vec<usize>>, Refusal> {
        let known: Vec<_> = values.iter().filter(|(name, _)| self.credentials[0].contains_key(*name)).collect();
        if known.is_empty() {
            return Ok(accounts);
        }
        let accounts = accounts.unwrap_or_else(|| (0..self.credentials.len()).collect());
        let wrong = |account: &usize| -> Vec<&str> {
            let has = |name: &str| self.credentials[*account].get(name);
            let wrong = known.iter().filter(|(name, value)| has(name).is_none_or(|known| !is(known, value)));
            wrong.map(|(name, _)| *name).collect()
        };
        let right: Vec<usize> = accounts.iter().copied().filter(|account| wrong(account).is_empty()).collect();
        match accounts.iter().map(wrong).min_by_key(Vec::len).filter(|_| right.is_empty()) {
            Some(wrong) => Err(Refusal::about(reason, wrong.first().copied().unwrap_or_default(), "is wrong")),
            None => Ok(Some(right)),
        }
    }
}

/// Whether a value equals this credential. Numbers are compared by value: `1` equals `1.0`.
fn is(known: &str, value: &Value) -> bool {
    let same_number = || value.is_f64() && known.parse().ok() == value.as_f64();
    as_text(value) == known || same_number()
}

struct Credential {
    text: String,
    is_number: bool,
    /// A private key or a certificate, which all accounts share.
    is_key: bool,
}

impl Credential {
    fn text(text: String) -> Self {
        Self { text, is_number: false, is_key: false }
    }
}

type Named = IndexMap<String, Credential>;

/// The inputs of the actions, by how they are checked.
#[derive(Default)]
struct Known {
    /// Compared.
    credentials: Named,
    /// Compared; in the path.
    settings: Named,
    /// Any value is accepted.
    others: Named,
}

fn known(document: &Document, any: &[String], wanted: Wanted) -> Known {
    let mut known = Known::default();
    let Some(token) = &document.token else { return known };
    let has_alternatives = token.actions().any(|action| token.forms(action).len() > 1);
    let count = if wanted == Wanted::All { usize::MAX } else { 1 };
    let forms = token.actions().flat_map(|action| token.forms(action).into_iter().take(count));
    let forms: Vec<Action> = forms.collect();
    for action in &forms {
        let found = document.operations().find(|(_, _, _, operation)| operation.operation_id == action.operation);
        let Some((_, _, shared, operation)) = found else { continue };
        let computes = token.computes(action);
        let sent = document.security(operation).into_iter();
        let sent = sent.take(if has_alternatives { count } else { usize::MAX });
        for scheme in sent.flat_map(IndexMap::keys) {
            let names = credential_names(document, operation, scheme);
            // Suffixes that form encoding changes, which expose a client that doesn't encode.
            let marks = ["+1", ":100%"].into_iter().chain(std::iter::repeat(""));
            let is_basic = names.len() == 2;
            let asked = |name: &String| !name.is_empty() && !computes.contains_key(name) && !is_received(action, name);
            for (name, mark) in names.into_iter().zip(marks).filter(|(name, _)| asked(name)) {
                let place = if any.contains(&name) { &mut known.others } else { &mut known.credentials };
                let text = format!("{}{}", made_of(&name), if is_basic { mark } else { "" });
                place.entry(name).or_insert(Credential::text(text));
            }
        }
        for input in inputs(document, shared, operation, action.body.as_deref()) {
            if computes.contains_key(&input.name) || is_received(action, &input.name) {
                continue;
            }
            let place = if !is_fixed(document, action, &input) {
                if !is_needed(document, action, &input) {
                    continue;
                }
                &mut known.others
            } else if any.contains(&input.name) {
                &mut known.others
            } else if input.is_in_path {
                &mut known.settings
            } else {
                &mut known.credentials
            };
            if !place.contains_key(&input.name) {
                place.insert(input.name.clone(), value(document, &input));
            }
        }
    }
    let of_login = token.login.iter().flat_map(|login| login.compute.values());
    for compute in of_login.chain(forms.iter().flat_map(|action| action.compute.values())) {
        for (name, credential) in needed(compute) {
            if let Some((_, default)) = document.server_variables().find(|(variable, _)| *variable == name) {
                let value = default.map_or(credential.text, str::to_owned);
                known.settings.entry(name).or_insert(Credential::text(value));
                continue;
            }
            let is_known = known.settings.contains_key(&name);
            let is_scope = ["scope", "scopes"].contains(&name.as_str());
            let place = if is_scope || any.contains(&name) { &mut known.others } else { &mut known.credentials };
            if !is_known {
                place.entry(name).or_insert(credential);
            }
        }
    }
    let halves = token.usage.basic.iter().flat_map(|basic| [&basic.username, &basic.password]);
    for name in halves.filter(|half| !half.is_empty() && *half != "token") {
        known.others.entry(name.to_owned()).or_insert_with(|| Credential::text(made_of(name)));
    }
    for name in forms.iter().filter_map(|action| action.certificate.as_deref()) {
        let text = format!("{}{}", keys::certificate(), keys::private("ES256"));
        let credential = Credential { text, is_number: false, is_key: true };
        known.credentials.entry(snake(name)).or_insert(credential);
    }
    for name in token.usage.also.values().filter_map(Also::credential) {
        known.others.entry(name.to_owned()).or_insert_with(|| Credential::text(made_of(name)));
    }
    known.others.retain(|name, _| !known.credentials.contains_key(name) && !known.settings.contains_key(name));
    known
}

/// Returns the credentials that a computed value needs.
fn needed(compute: &Compute) -> Vec<(String, Credential)> {
    let plain = |name: String| (name.clone(), Credential::text(made_of(&name)));
    let key = |name: &str, text: String| (name.to_owned(), Credential { text, is_number: false, is_key: true });
    let jwt = match compute {
        Compute::Text(text) => return names(text).into_iter().map(plain).collect(),
        Compute::Uuid | Compute::Time(_) => return Vec::new(),
        Compute::Jwt(jwt) => jwt,
    };
    let mut found = vec![match jwt.algorithm.first() {
        Some(algorithm) if !jwt.is_shared() => key(&jwt.key.name, keys::private(algorithm)),
        _ => plain(jwt.key.name.clone()),
    }];
    for (name, claim) in jwt.values() {
        match claim {
            Claim::Named(named) if THUMBPRINTS.contains(&name.as_str()) => {
                found.push(key(&named.name, keys::certificate()));
            }
            Claim::Named(named) => found.push(plain(named.name.clone())),
            Claim::Text(text) => found.extend(names(text).into_iter().map(plain)),
            Claim::Uuid | Claim::Time(_) | Claim::Literal(_) => {}
        }
    }
    found
}

/// Whether a further request of a login takes it from the response before.
fn is_received(action: &Action, name: &str) -> bool {
    action.from.keys().any(|taken| snake(taken) == name)
}

fn is_fixed(document: &Document, action: &Action, input: &Input<'_>) -> bool {
    let is_scope = ["scope", "scopes"].contains(&input.key.as_str());
    let is_secret = input.schema.is_secret(document);
    let is_scalar = matches!(input.schema.kind(document), Some(Kind::String | Kind::Integer | Kind::Number));
    (is_secret || input.is_required)
        && is_scalar
        && !is_scope
        && !is_token(action, input)
        && input.schema.values(document).is_none()
}

fn is_needed(document: &Document, action: &Action, input: &Input<'_>) -> bool {
    input.is_required && !is_token(action, input) && input.schema.constant(document).is_none()
}

fn is_token(action: &Action, input: &Input<'_>) -> bool {
    action.token.as_ref() == Some(&input.key)
}

fn value(document: &Document, input: &Input<'_>) -> Credential {
    let kind = input.schema.kind(document);
    let is_plain = matches!(input.schema.format(document), None | Some("password"));
    let made = || match (kind, input.schema.values(document), input.schema.items(document)) {
        // An empty variable counts as absent.
        (_, Some(listed), _) => listed.iter().find(|value| *value != "").cloned().unwrap_or_default(),
        (Some(Kind::String), ..) if is_plain => Value::from(made_of(&input.name)),
        // So does an empty list.
        (Some(Kind::Array), _, Some(items)) => Value::from(vec![fill(document, items)]),
        _ => fill(document, input.schema),
    };
    let text = listed(&input.example.cloned().unwrap_or_else(made));
    Credential { text, is_number: kind != Some(Kind::String), is_key: false }
}

fn made_of(name: &str) -> String {
    format!("example-{}", name.to_kebab_case())
}

/// Formats a value as one string: a list of words is separated by spaces, any other list is JSON.
fn listed(value: &Value) -> String {
    let words: Option<Vec<&str>> = value.as_array().and_then(|items| items.iter().map(word).collect());
    match words {
        Some(words) if !words.is_empty() => words.join(" "),
        _ => as_text(value),
    }
}

fn word(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty() && !text.contains(char::is_whitespace))
}
