//! The protected resource: every path that isn't an operation of the spec.

use std::time::SystemTime;

use serde_json::json;

use crate::account::Accounts;
use crate::event::Outcome;
use crate::exchange::VendorRequest;
use crate::ledger::AccessToken;
use crate::refusal::{Reason, Refusal};
use crate::request::decode;
use crate::request::security::basic_halves;
use crate::response::message::Response;
use crate::response::{failure, success};
use crate::route;
use crate::spec::document::Document;
use crate::spec::operation::Operation;
use crate::spec::x_token::XToken;
use crate::spec::x_token::basic::BasicEncoding;
use crate::spec::x_token::usage::UseBasic;
use crate::state::State;
use crate::vendor::PlayedVendor;

/// Handles a call. Returns 200 for a live token with the right header, prefix and further headers, and 401 otherwise. A
/// path that almost matches an operation's path is a 404.
pub(crate) fn protected(
    vendor: &PlayedVendor,
    accounts: &Accounts,
    state: &mut State,
    request: &VendorRequest,
    now: SystemTime,
) -> Result<(Response, Outcome), (Refusal, Response)> {
    let document = &vendor.document;
    if let Some(path) = route::near_match(document, &request.path) {
        return Err((
            Refusal::new(Reason::NotFound, &format!("the path differs from `{path}` in slashes, dots or case")),
            Response::empty(404),
        ));
    }
    let Some(token) = &document.token else {
        let why = "the spec has neither this path nor an `x-token`";
        return Err((Refusal::new(Reason::NotFound, why), Response::empty(404)));
    };
    match accepted_token(document, token, accounts, state, request, now) {
        Ok(access) => {
            let body = json!({ "vendor": vendor.name, "method": request.method, "token": access.number });
            let outcome = Outcome::Accepted { token: access.number };
            state.counts.calls_accepted += 1;
            Ok((Response::empty(200).with_json("application/json", &body), outcome))
        }
        Err(refusal) => {
            state.counts.calls_refused += 1;
            let mut response = refused(document, token, &refusal);
            response.status = token.usage.expired.first().copied().unwrap_or(response.status);
            Err((refusal, response))
        }
    }
}

fn accepted_token<'a>(
    document: &Document,
    token: &XToken,
    accounts: &Accounts,
    state: &'a State,
    request: &VendorRequest,
    now: SystemTime,
) -> Result<&'a AccessToken, Refusal> {
    let header = token.usage.header.as_str();
    let refuse = |header: &str, what: &str| Refusal::about(Reason::AccessToken, header, what);
    let given = |header: &str| match request.headers.get_all(header).iter().collect::<Vec<_>>().as_slice() {
        [] => Err(refuse(header, "is missing")),
        [value] => value.to_str().map(ToOwned::to_owned).map_err(|_| refuse(header, "is not visible ASCII")),
        _ => Err(refuse(header, "is present more than once")),
    };
    let usage = &token.usage;
    let (value, other) = if let Some(name) = &usage.query {
        (one(name, decode::values(request.query.as_bytes(), name)?)?, None)
    } else if let Some(name) = &usage.cookie {
        (one(name, cookies(&given("cookie")?, name))?, None)
    } else if let Some(basic) = &usage.basic {
        of_basic(basic, &given("authorization")?)?
    } else {
        let value = given(header)?;
        let value = match prefix(document, token) {
            Some(prefix) => value
                .split_at_checked(prefix.len())
                .filter(|(word, _)| is_prefix(word, &prefix, header))
                .and_then(|(_, rest)| rest.strip_prefix(' '))
                .ok_or_else(|| refuse(header, &format!("is not `{prefix} ...`")))?
                .to_owned(),
            None => value,
        };
        (value, None)
    };
    let access = state
        .ledger
        .live(&value, now)
        .map_err(|unusable| Refusal::new(Reason::AccessToken, &format!("the token {}", unusable.text())))?;
    if let Some((name, half)) = other {
        let known = accounts.credentials()[access.account].get(&name);
        if known.map(String::as_str).unwrap_or_default() != half {
            return Err(refuse("authorization", "has another half that is wrong"));
        }
    }
    for (header, also) in &token.usage.also {
        let value = given(header)?;
        // Which kept value a response had is known to the client alone.
        let Some(credential) = also.credential() else { continue };
        let known = accounts.credentials()[access.account].get(credential);
        let known = known.or_else(|| accounts.settings().get(credential));
        if known.is_some_and(|known| *known != value) {
            return Err(refuse(header, "is wrong"));
        }
    }
    Ok(access)
}

/// Returns the only value of a query parameter or a cookie.
fn one(name: &str, values: Vec<String>) -> Result<String, Refusal> {
    match <[String; 1]>::try_from(values) {
        Ok([value]) => Ok(value),
        Err(values) if values.is_empty() => Err(Refusal::about(Reason::AccessToken, name, "is missing")),
        Err(_) => Err(Refusal::about(Reason::AccessToken, name, "is present more than once")),
    }
}

/// Returns the values of a cookie.
fn cookies(header: &str, name: &str) -> Vec<String> {
    let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(found, _)| *found == name).map(|(_, value)| value.to_owned()).collect()
}

/// The name of a credential, and its value in a request.
type OtherHalf = Option<(String, String)>;

/// Returns the token in HTTP Basic, and the other half.
fn of_basic(basic: &UseBasic, header: &str) -> Result<(String, OtherHalf), Refusal> {
    let refuse = || Refusal::about(Reason::AccessToken, "authorization", "is not HTTP Basic");
    let (word, value) = header.split_once(' ').ok_or_else(refuse)?;
    let halves = basic_halves(value, BasicEncoding::Raw).filter(|_| word.eq_ignore_ascii_case("basic"));
    let [user, password] = halves.ok_or_else(refuse)?;
    Ok(if basic.username == "token" {
        (user, Some((basic.password.clone(), password)))
    } else {
        (password, Some((basic.username.clone(), user)))
    })
}

/// Whether a word is the prefix. The schemes of `Authorization` are case-insensitive (RFC 9110, section 11.1), and so
/// is `Bearer` in any header.
fn is_prefix(word: &str, prefix: &str, header: &str) -> bool {
    let is_scheme = header.eq_ignore_ascii_case("authorization") || prefix.eq_ignore_ascii_case("bearer");
    if is_scheme { word.eq_ignore_ascii_case(prefix) } else { word == prefix }
}

/// Returns the prefix of the token: that of `x-token.use`, then the token type of responses, then `Bearer` for
/// `Authorization`.
pub(crate) fn prefix(document: &Document, token: &XToken) -> Option<String> {
    match token.usage.prefix.as_deref() {
        Some("none") => None,
        Some(prefix) => Some(prefix.to_owned()),
        None => issuing(document, token)
            .and_then(|operation| success::token_type(document, token, operation))
            .or_else(|| token.usage.header.eq_ignore_ascii_case("authorization").then(|| "Bearer".to_owned())),
    }
}

/// Returns the operation that issues tokens.
fn issuing<'a>(document: &'a Document, token: &XToken) -> Option<&'a Operation> {
    let action = token.login.as_ref().or(token.refresh.as_ref())?;
    let found = document.operations().find(|(_, _, _, operation)| operation.operation_id == action.operation);
    found.map(|(_, _, _, operation)| operation)
}

/// Returns a 401 in the form of the vendor's own, if it documents one.
fn refused(document: &Document, token: &XToken, refusal: &Refusal) -> Response {
    let actions = [&token.revoke, &token.login, &token.refresh].into_iter().flatten();
    let mut operations = actions.filter_map(|action| {
        document.operations().map(|(_, _, _, operation)| operation).find(|o| o.operation_id == action.operation)
    });
    match operations.find(|operation| operation.responses.contains_key("401")) {
        Some(operation) => failure::unauthorized(document, operation, refusal),
        None => Response::empty(401),
    }
}
