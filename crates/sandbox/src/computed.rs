//! What a client computed for a request: the signature, the claims and the expiry of a JWT, and that no `jti` is used twice.
//!
//! A client signs with the clock of its machine, which advancing the sandbox doesn't move. So a time is right if it is right by
//! the vendor's clock or by that of this machine.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use indexmap::IndexMap;
use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::account::{Accounts, Credentials};
use crate::keys;
use crate::refusal::{Reason, Refusal};
use crate::request::security::Presented;
use crate::request::values::{Field, RequestValues};
use crate::spec::name::snake;
use crate::spec::value::as_text;
use crate::spec::x_token::compute::{BASE, Claim, Compute, Jwt, THUMBPRINTS, Time, TimeForm, filled};

/// How far the clocks of a client and a vendor may differ, in seconds.
const SKEW: i64 = 60;
/// How old an assertion without an expiry may be, in seconds.
const OLDEST: i64 = 600;

/// What computed values are compared with.
pub(crate) struct Checker<'a> {
    pub(crate) accounts: &'a Accounts,
    pub(crate) computes: IndexMap<String, &'a Compute>,
    /// The base URL of the vendor.
    pub(crate) base: &'a str,
    pub(crate) now: SystemTime,
    /// The UUIDs of all JWTs.
    pub(crate) seen: &'a mut HashSet<String>,
}

type Found = Vec<(String, String)>;

impl Checker<'_> {
    /// Checks the computed values of a request, and adds the credentials that they contain: these are compared as if they had
    /// been sent.
    pub(crate) fn check(&mut self, values: &RequestValues) -> Result<RequestValues, Refusal> {
        let mut checked = RequestValues {
            branch: values.branch.clone(),
            fields: values.fields.clone(),
            presented: Vec::new(),
            refusal: values.refusal.clone(),
        };
        for presented in &values.presented {
            match presented {
                Presented::Credential(name, value) if self.computes.contains_key(name) => {
                    let found = self.one(name, &Value::from(value.as_str()));
                    let found = found.map_err(|what| Refusal::about(Reason::Unauthorized, name, &what))?;
                    checked.presented.extend(found.into_iter().map(|(name, value)| Presented::Credential(name, value)));
                }
                presented => checked.presented.push(presented.clone()),
            }
        }
        let is_computed = |field: &&Field| self.computes.contains_key(&field.name);
        let fields: Vec<&Field> = values.fields.iter().filter(is_computed).collect();
        for field in fields {
            let found = self.one(&field.name, &field.value);
            let found = found.map_err(|what| Refusal::about(Reason::Credential, &field.key, &what))?;
            checked.fields.extend(found.into_iter().map(|(name, value)| Field {
                key: name.clone(),
                name,
                value: value.into(),
                is_in_path: false,
            }));
        }
        Ok(checked)
    }

    fn one(&mut self, name: &str, value: &Value) -> Result<Found, String> {
        let Some(compute) = self.computes.get(name).copied() else { return Ok(Vec::new()) };
        let text = as_text(value);
        match compute {
            Compute::Uuid if is_uuid(&text) => Ok(Vec::new()),
            Compute::Uuid => Err("is not a UUID".to_owned()),
            Compute::Time(time) if self.clocks().iter().any(|now| is_time(time, value, *now)) => Ok(Vec::new()),
            Compute::Time(_) => Err("is not the time, in the form of the spec".to_owned()),
            Compute::Text(template) if self.is_text(template, &text) => Ok(Vec::new()),
            Compute::Text(_) => Err("is not what the spec computes".to_owned()),
            Compute::Jwt(jwt) => self.jwt(jwt, &text),
        }
    }

    /// Returns the seconds of the vendor's clock and of this machine's.
    fn clocks(&self) -> [i64; 2] {
        [self.now, SystemTime::now()].map(unix)
    }

    /// Whether a string is the text, filled in for one of the accounts.
    fn is_text(&self, template: &str, text: &str) -> bool {
        self.accounts.credentials().iter().any(|account| self.filled(template, account).as_deref() == Some(text))
    }

    fn filled(&self, template: &str, account: &Credentials) -> Option<String> {
        let known = |name: &str| {
            let snake = snake(name);
            let settings = || self.accounts.settings().get(&snake).or_else(|| self.accounts.others().get(&snake));
            if name == BASE { Some(self.base.to_owned()) } else { account.get(&snake).or_else(settings).cloned() }
        };
        filled(template, &known)
    }

    fn jwt(&mut self, jwt: &Jwt, text: &str) -> Result<Found, String> {
        let (message, signature) = text.rsplit_once('.').ok_or("is not a JWT")?;
        let (header, claims) = message.split_once('.').ok_or("is not a JWT")?;
        let (header, claims) = (decoded(header)?, decoded(claims)?);
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "has a signature that is not base64url")?;
        let algorithm = header["alg"].as_str().unwrap_or_default();
        if !jwt.algorithm.iter().any(|known| known == algorithm) {
            return Err("has an algorithm that the vendor doesn't take".to_owned());
        }
        let secrets = self.accounts.credentials().iter().map(|account| account.get(&jwt.key.name).cloned());
        let mut secrets: Vec<String> = secrets.map(Option::unwrap_or_default).collect();
        secrets.retain(|secret| keys::verifies(algorithm, secret, message, &signature));
        let Some(secret) = secrets.into_iter().next() else { return Err("has a wrong signature".to_owned()) };
        let mut found: Found = Vec::new();
        if jwt.is_shared() {
            found.push((jwt.key.name.clone(), secret));
        }
        for (name, wanted) in &jwt.header {
            if THUMBPRINTS.contains(&name.as_str()) {
                if header[name.as_str()] != keys::thumbprint(name).as_str() {
                    return Err(format!("has a wrong `{name}`"));
                }
            } else {
                self.claim(name, wanted, header.get(name), &mut found)?;
            }
        }
        for (name, wanted) in &jwt.claims {
            self.claim(name, wanted, claims.get(name), &mut found)?;
        }
        let is_timely =
            |now: &i64| jwt.claims.iter().all(|(name, wanted)| is_timely(name, wanted, &claims[name], *now));
        if !self.clocks().iter().any(is_timely) {
            return Err("has expired, or has a time that is too far from now".to_owned());
        }
        self.once(jwt, &claims)?;
        Ok(found)
    }

    fn claim(&self, name: &str, wanted: &Claim, sent: Option<&Value>, found: &mut Found) -> Result<(), String> {
        let wrong = || Err(format!("has a wrong `{name}`"));
        match (wanted, sent) {
            (Claim::Named(named), None) if named.is_optional => Ok(()),
            (_, None) => Err(format!("has no `{name}`")),
            (Claim::Named(named), Some(sent)) => {
                match self.accounts.settings().get(&named.name) {
                    Some(setting) if *setting != as_text(sent) => return wrong(),
                    Some(_) => {}
                    None => found.push((named.name.clone(), as_text(sent))),
                }
                Ok(())
            }
            (Claim::Text(template), Some(sent)) if !self.is_text(template, &as_text(sent)) => wrong(),
            (Claim::Literal(literal), Some(sent)) if literal != sent => wrong(),
            (Claim::Uuid, Some(sent)) if !is_uuid(&as_text(sent)) => wrong(),
            _ => Ok(()),
        }
    }

    /// Checks that no UUID of a JWT was used before.
    fn once(&mut self, jwt: &Jwt, claims: &Value) -> Result<(), String> {
        for (name, _) in jwt.claims.iter().filter(|(_, claim)| matches!(claim, Claim::Uuid)) {
            if !self.seen.insert(as_text(&claims[name.as_str()])) {
                return Err(format!("has a `{name}` that was used before"));
            }
        }
        Ok(())
    }
}

fn decoded(part: &str) -> Result<Value, String> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| "is not a JWT")?;
    serde_json::from_slice(&bytes).map_err(|_| "is not a JWT".to_owned())
}

fn unix(time: SystemTime) -> i64 {
    let seconds = time.duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Whether a claim has a time that is possible now: an expiry lies ahead, and not further than the spec says.
fn is_timely(name: &str, wanted: &Claim, sent: &Value, now: i64) -> bool {
    let Claim::Time(time) = wanted else { return true };
    let Some(sent) = sent.as_i64() else { return is_time(time, sent, now) };
    let sent = if time.form == Some(TimeForm::Ms) { sent / 1000 } else { sent };
    let latest = now.saturating_add(time.after).saturating_add(SKEW);
    let earliest = if name == "exp" { now.saturating_add(1) } else { now.saturating_sub(OLDEST) };
    (earliest..=latest).contains(&sent)
}

/// Whether a value is the time, give or take what clocks differ.
fn is_time(time: &Time, value: &Value, now: i64) -> bool {
    let text = as_text(value);
    let wanted = now.saturating_add(time.after);
    let is_near = |seconds: i64| (seconds - wanted).abs() <= SKEW;
    if let Some(format) = &time.format {
        return (-SKEW..=SKEW).any(|offset| formatted(wanted + offset, format).as_deref() == Some(text.as_str()));
    }
    match (time.form, text.parse::<i64>()) {
        (Some(TimeForm::Ms), Ok(millis)) => is_near(millis / 1000),
        (None | Some(TimeForm::Unix), Ok(seconds)) => is_near(seconds),
        _ => text.parse::<Timestamp>().is_ok_and(|moment| is_near(moment.as_second())),
    }
}

fn formatted(seconds: i64, format: &str) -> Option<String> {
    let moment = Timestamp::from_second(seconds).ok()?.to_zoned(TimeZone::UTC);
    strtime::format(format, &moment).ok()
}
