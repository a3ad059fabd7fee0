//! Authentication: API keys, HTTP Basic, Bearer and other `http` schemes.

use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::refusal::{Reason, Refusal};
use crate::request::incoming::{Incoming, header_texts};
use crate::request::{body, decode, input};
use crate::spec::document::Document;
use crate::spec::name::snake;
use crate::spec::operation::{Operation, Parameter, Place, SecurityScheme};
use crate::spec::x_token::action::{Action, TokenKind};
use crate::spec::x_token::basic::{Basic, BasicEncoding};

/// A value that a request presents in its security scheme.
#[derive(Clone, Debug)]
pub(crate) enum Presented {
    /// A credential: its name and its value.
    Credential(String, String),
    /// An access token.
    AccessToken(String),
    /// A refresh token.
    RefreshToken(String),
    /// A credential in a login, with its name, and a refresh token in a refresh.
    CredentialOrRefreshToken(String, String),
}

/// What a bearer scheme carries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bearer {
    Credential,
    AccessToken,
    RefreshToken,
    CredentialOrRefreshToken,
}

/// Returns the values of the first alternative of the operation's security that the request satisfies.
pub(super) fn presented(
    document: &Document,
    operation: &Operation,
    incoming: &Incoming<'_>,
) -> Result<Vec<Presented>, Refusal> {
    let mut refusal = None;
    for alternative in document.security(operation) {
        let schemes = alternative.keys().map(|name| scheme(document, operation, name, incoming));
        match schemes.collect::<Result<Vec<_>, _>>() {
            Ok(presented) => return Ok(presented.into_iter().flatten().collect()),
            Err(why) => refusal = refusal.or(Some(why)),
        }
    }
    match refusal {
        Some(refusal) => Err(refusal),
        None => Ok(Vec::new()),
    }
}

/// Refuses a client that authenticates twice, as RFC 6749, section 2.3 requires: by HTTP Basic, and by a secret in the
/// query or the body. A secret that the spec requires in addition to Basic is allowed.
pub(super) fn only_one_way(
    document: &Document,
    shared: &[Parameter],
    operation: &Operation,
    incoming: &Incoming<'_>,
) -> Result<(), Refusal> {
    let mut authorizations = incoming.headers.get_all(AUTHORIZATION).iter().filter_map(|value| value.to_str().ok());
    let word = |value: &str| value.split(' ').next().unwrap_or_default().to_owned();
    if !authorizations.any(|value| word(value).eq_ignore_ascii_case("basic")) {
        return Ok(());
    }
    let halves = basic(document).names;
    // The half that is the secret: the second, unless it is empty.
    let own = halves.iter().rev().find(|name| !name.is_empty()).map(String::as_str);
    let schemes = document.security(operation).into_iter().flat_map(|sent| sent.keys());
    let mut schemes = schemes.filter_map(|name| document.security_scheme(name));
    let inputs = if schemes.any(|scheme| is_basic(document, scheme)) {
        input::inputs(document, shared, operation, None)
    } else {
        Vec::new()
    };
    let is_required = |name: &str| inputs.iter().any(|input| input.is_required && input.name == name);
    let sent = body::names(incoming);
    let mut secrets = ["client_secret", "client_assertion"].into_iter().chain(own);
    match secrets.find(|name| sent.iter().any(|sent| sent == name) && !is_required(name)) {
        Some(name) => {
            let why = format!("the client authenticates twice: by HTTP Basic, and by `{name}`");
            Err(Refusal::new(Reason::Malformed, &why))
        }
        None => Ok(()),
    }
}

/// Returns the names of the credentials that a scheme takes for an operation.
pub(crate) fn credential_names(document: &Document, operation: &Operation, name: &str) -> Vec<String> {
    let Some(scheme) = document.security_scheme(name) else { return Vec::new() };
    match scheme.kind.as_str() {
        "apiKey" => vec![snake(name)],
        "http" if is_basic(document, scheme) => basic(document).names.to_vec(),
        "http" => match carried(document, operation, name) {
            Bearer::Credential | Bearer::CredentialOrRefreshToken => vec![snake(name)],
            Bearer::AccessToken | Bearer::RefreshToken => Vec::new(),
        },
        _ => vec![snake(name)],
    }
}

fn scheme(
    document: &Document,
    operation: &Operation,
    name: &str,
    incoming: &Incoming<'_>,
) -> Result<Vec<Presented>, Refusal> {
    let Some(scheme) = document.security_scheme(name) else { return Ok(Vec::new()) };
    let carried = carried(document, operation, name);
    let reason = match carried {
        Bearer::AccessToken => Reason::AccessToken,
        Bearer::Credential | Bearer::RefreshToken | Bearer::CredentialOrRefreshToken => Reason::Unauthorized,
    };
    let refuse = |header: &str, what: &str| Refusal::about(reason, header, what);
    if scheme.kind == "apiKey" {
        let found = match scheme.place {
            Place::Header => header_texts(incoming.headers, &scheme.name, reason)?,
            _ => decode::values(incoming.query.as_bytes(), &scheme.name)?,
        };
        return match found.as_slice() {
            [value] => Ok(vec![Presented::Credential(snake(name), value.clone())]),
            [] => Err(refuse(&scheme.name, "is missing")),
            _ => Err(refuse(&scheme.name, "is present more than once")),
        };
    }
    let found = header_texts(incoming.headers, AUTHORIZATION.as_str(), reason)?;
    let authorization = match found.as_slice() {
        [authorization] => authorization,
        [] => return Err(refuse("authorization", "is missing")),
        _ => return Err(refuse("authorization", "is present more than once")),
    };
    let (word, value) = authorization.split_once(' ').unwrap_or((authorization, ""));
    // Schemes are case-insensitive: RFC 9110, section 11.1.
    let wanted = word_of(document, scheme);
    if !word.eq_ignore_ascii_case(&wanted) || value.is_empty() {
        return Err(refuse("authorization", &format!("is not `{wanted} ...`")));
    }
    if is_basic(document, scheme) {
        let Basic { encode, names, .. } = basic(document);
        let halves = basic_halves(value, encode).ok_or_else(|| refuse("authorization", "is not HTTP Basic"))?;
        let named = names.into_iter().zip(halves);
        return Ok(named.map(|(name, half)| Presented::Credential(name, half)).collect());
    }
    let value = value.to_owned();
    Ok(vec![match carried {
        Bearer::Credential => Presented::Credential(snake(name), value),
        Bearer::AccessToken => Presented::AccessToken(value),
        Bearer::RefreshToken => Presented::RefreshToken(value),
        Bearer::CredentialOrRefreshToken => Presented::CredentialOrRefreshToken(snake(name), value),
    }])
}

/// Returns what a bearer scheme carries. That is the access token, with these exceptions: for a refresh or a revocation
/// without a place for its token, it is that token; for a scheme that a login uses, or a refresh whose token is
/// elsewhere, it is a credential.
fn carried(document: &Document, operation: &Operation, name: &str) -> Bearer {
    let usage = document.token.as_ref().map(|token| &token.usage);
    let carries =
        |scheme: &&SecurityScheme| scheme.kind == "http" && usage.is_some_and(|usage| usage.carries(&scheme.scheme));
    let scheme = document.security_scheme(name).filter(carries);
    let (Some(_), Some(token)) = (scheme, &document.token) else { return Bearer::Credential };
    let takes = |action: &Option<Action>| {
        action.as_ref().is_some_and(|action| action.token.is_none() && action.operation == operation.operation_id)
    };
    if token.refresh.as_ref().is_some_and(|refresh| refresh.bearer.is_some()) && takes(&token.refresh) {
        return Bearer::CredentialOrRefreshToken;
    }
    if takes(&token.refresh) {
        return Bearer::RefreshToken;
    }
    if let Some(revoke) = token.revoke.as_ref().filter(|_| takes(&token.revoke)) {
        return match revoke.takes {
            TokenKind::Access => Bearer::AccessToken,
            TokenKind::Refresh => Bearer::RefreshToken,
        };
    }
    let refresh = token.refresh.iter().filter(|refresh| refresh.token.is_some());
    let further = token.login.iter().flat_map(|login| &login.then);
    let mut before =
        token.login.iter().chain(further).chain(refresh).filter_map(|action| document.operation(&action.operation));
    if before.any(|operation| document.security(operation).first().is_some_and(|sent| sent.contains_key(name))) {
        Bearer::Credential
    } else {
        Bearer::AccessToken
    }
}

fn is(scheme: &SecurityScheme, word: &str) -> bool {
    scheme.scheme.eq_ignore_ascii_case(word)
}

fn basic(document: &Document) -> Basic {
    document.token.as_ref().map(|token| token.basic.clone()).unwrap_or_default()
}

/// Whether a scheme has the form of HTTP Basic.
pub(crate) fn is_basic(document: &Document, scheme: &SecurityScheme) -> bool {
    is(scheme, "basic") || is(scheme, basic(document).word())
}

/// Returns the word that an `http` scheme writes before its credential.
pub(crate) fn word_of(document: &Document, scheme: &SecurityScheme) -> String {
    basic(document).scheme.filter(|_| is_basic(document, scheme)).unwrap_or_else(|| scheme.scheme.clone())
}

pub(crate) fn basic_halves(value: &str, encoding: BasicEncoding) -> Option<[String; 2]> {
    let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    match encoding {
        BasicEncoding::Raw => Some([id.to_owned(), secret.to_owned()]),
        BasicEncoding::Form => Some([decode::decode(id.as_bytes()).ok()?, decode::decode(secret.as_bytes()).ok()?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_halves_are_form_encoded_or_raw() {
        let halves = |text: &str, encoding| basic_halves(&STANDARD.encode(text), encoding);
        assert_eq!(halves("a%3Ab:c+d", BasicEncoding::Form), Some(["a:b".to_owned(), "c d".to_owned()]));
        assert_eq!(halves("a%3Ab:c+d:", BasicEncoding::Raw), Some(["a%3Ab".to_owned(), "c+d:".to_owned()]));
        assert_eq!(halves("no colon", BasicEncoding::Raw), None);
        assert_eq!(basic_halves("!", BasicEncoding::Raw), None);
    }
}
