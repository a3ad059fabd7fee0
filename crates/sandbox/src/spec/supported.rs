//! Rejects a spec that would let an invalid request pass: what the sandbox doesn't know must not go unchecked.

use crate::spec::document::Document;
use crate::spec::operation::{Place, essence, is_json};
use crate::spec::x_token::XToken;
use crate::spec::x_token::action::Action;

/// Rejects paths, security schemes, bodies and parameters that can't be checked, and actions without an operation.
pub(super) fn document(document: &Document) -> Result<(), String> {
    for (path, method, shared, operation) in document.operations() {
        let at = format!("{method} {path}");
        if path.split('/').any(|part| part.matches('{').count() > 1) {
            return Err(format!("{at}: two parameters in one path segment are not supported"));
        }
        for name in document.security(operation).iter().flat_map(|alternative| alternative.keys()) {
            let scheme = document.security_scheme(name).ok_or_else(|| format!("{at}: there is no scheme `{name}`"))?;
            let is_played = match scheme.kind.as_str() {
                "apiKey" => matches!(scheme.place, Place::Header | Place::Query) && !scheme.name.is_empty(),
                "http" => !scheme.scheme.is_empty(),
                _ => false,
            };
            if !is_played {
                return Err(format!(
                    "{at}: the scheme `{name}` is not supported; use `apiKey` in a header or the query, or `http`"
                ));
            }
        }
        for parameter in shared.iter().chain(&operation.parameters).map(|parameter| document.parameter(parameter)) {
            if parameter.place == Place::Cookie {
                return Err(format!("{at}: the parameter `{}` is a cookie, which is not supported", parameter.name));
            }
        }
        let media_type = operation.body(document).map(|(media_type, ..)| media_type);
        if let Some(other) = media_type.filter(|name| !is_json(name) && essence(name) != FORM) {
            return Err(format!("{at}: a body of `{other}` is not supported; use JSON or a form"));
        }
    }
    document.token.as_ref().map_or(Ok(()), |token| actions(document, token))
}

/// The media type of a form.
const FORM: &str = "application/x-www-form-urlencoded";

fn actions(document: &Document, token: &XToken) -> Result<(), String> {
    let logs_in = |action: &Action| token.login.as_ref().is_some_and(|login| login.operation == action.operation);
    let actions = [("login", &token.login), ("refresh", &token.refresh), ("revoke", &token.revoke)];
    for (name, action) in actions.iter().filter_map(|(name, action)| Some((name, action.as_ref()?))) {
        if document.operation(&action.operation).is_none() {
            return Err(format!("`x-token.{name}`: there is no operation `{}`", action.operation));
        }
        let is_shared = logs_in(action) && action.bearer.is_none();
        if *name != "login" && action.token.is_none() && (is_shared || !has_bearer(document, token, action)) {
            return Err(format!(
                "`x-token.{name}` has no `token`, and its operation has no bearer scheme that could carry it"
            ));
        }
    }
    Ok(())
}

fn has_bearer(document: &Document, token: &XToken, action: &Action) -> bool {
    let operation = document.operation(&action.operation);
    let alternatives = operation.map(|operation| document.security(operation)).unwrap_or_default();
    let sent = alternatives.first().into_iter().flat_map(|alternative| alternative.keys());
    let mut schemes = sent.filter_map(|name| document.security_scheme(name));
    schemes.any(|scheme| scheme.kind == "http" && token.usage.carries(&scheme.scheme))
}
