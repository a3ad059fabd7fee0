//! The actions `login`, `refresh` and `revoke`, and the operations that they name.

use crate::diagnostic::{join, list, nearest};
use crate::ident;
use crate::lint::document::{Lint, Node, Operation, Resolved};
use crate::lint::rule::rule;
use crate::lint::secrets::secret_tokens;
use crate::lint::x_token::action::{Action, Found, LOGIN, schemes_of};
use crate::lint::x_token::keyword::at;
use crate::read::spec::NO_SECURITY;
use crate::read::x_token::values::Lifetime;
use crate::read::x_token::{KEY, Renew, Takes, XToken};

/// Checks the actions, and returns those whose operation exists.
pub fn check<'c, 'a>(lint: &mut Lint<'a>, x: &'c XToken) -> Vec<(Action<'c>, Operation<'a>)> {
    rule!(grants(lint, x));
    let operations = lint.operations();
    let mut found = Vec::new();
    for action in Action::all(x) {
        let Some(operation) = rule!(actions(lint, &action, &operations)) else { continue };
        let has_body = rule!(body_variants(lint, &action, &operation));
        match action.token {
            Some(name) if has_body => rule!(token_places(lint, &action, &operation, name)),
            None if action.word != LOGIN && unknown_scheme(lint, &action, &operation).is_none() => {
                rule!(bearer_tokens(lint, x, &action, &operation));
            }
            _ => {}
        }
        found.push((action, operation));
    }
    rule!(limits(lint, x));
    rule!(security_alternatives(lint, &found));
    rule!(grant_types(lint, &found));
    found
}

/// There is a way to get a token, and a refresh token if one is needed.
fn grants(lint: &mut Lint, x: &XToken) {
    let block = format!("/{KEY}");
    if x.starts_from_token() && lint.spec.find(&at("use")).is_none() {
        let message = format!("`{KEY}` has neither `login` nor `refresh`, so there is no way to get a token");
        let help = "add `login: { operation: … }`; or `use`, for a source that starts from a token; or remove the block for a typed \
                    client alone";
        lint.error(&block, message, help);
    } else if x.starts_from_token() {
        starts_from_token(lint, x);
    } else if x.response.access_token.is_none() {
        let message = format!("`{KEY}` doesn't say where the access token is");
        lint.error(&block, message, "add `response: { access-token: /access_token }`");
    }
    if x.renews_with_access_token() {
        renewed_with_itself(lint, x);
    } else if let (Some(refresh), None) = (&x.refresh, &x.response.refresh_token) {
        let help = "add `response: { refresh-token: … }`";
        if refresh.single_use.is_possible() {
            let message = "a refresh token is single-use, and nothing says where the next one is";
            lint.error(&at("refresh"), message, help);
        } else if x.login.is_some() {
            let message = "there is a `refresh`, and nothing says where the response to a login has the refresh token";
            lint.error(&at("refresh"), message, help);
        }
    }
    if let Some(refresh) = &x.refresh
        && refresh.grace.is_some()
        && !refresh.single_use.is_possible()
    {
        let message =
            "`grace` is for a refresh token that is good for one use, and this one can be sent again at any time";
        lint.error(&at("refresh/grace"), message, "remove it, or add `single-use: true`");
    }
    shared_operation(lint, x);
    if let Some(revoke) = &x.revoke
        && revoke.takes == Takes::Refresh
        && x.response.refresh_token.is_none()
        && x.refresh.is_none()
    {
        let message = "the revocation takes a refresh token, and there is none";
        lint.error(&at("revoke/takes"), message, "write `takes: access`, or add `response: { refresh-token: … }`");
    }
}

/// A token that is renewed with itself must be valid then, and there is no other one.
fn renewed_with_itself(lint: &mut Lint, x: &XToken) {
    if x.response.refresh_token.is_some() {
        let message = "with `with: access` a token is renewed with itself, and there is no refresh token";
        lint.error(&at("response/refresh-token"), message, "remove it, or remove `with: access`");
    }
    let (place, word) = if x.is_single_use() { ("refresh/single-use", "single-use") } else { ("renew", "renew") };
    if x.renew() == Renew::AtExpiry {
        let message =
            format!("with `with: access` a token is renewed while it is valid, and `{word}` waits for its expiry");
        lint.error(&at(place), message, "remove it, or remove `with: access`");
    }
}

/// What a refresh does differently on the operation of the login, and what it can't share with it.
fn shared_operation(lint: &mut Lint, x: &XToken) {
    let Some(refresh) = &x.refresh else { return };
    let is_shared = x.login.as_ref().is_some_and(|login| login.operation == refresh.operation);
    if refresh.bearer.is_some() && (!is_shared || refresh.token.is_some()) {
        let message = "`bearer` is for a refresh that shares its operation with the login, and has no `token`";
        lint.error(
            &at("refresh/bearer"),
            message,
            "remove it: without `token`, a bearer scheme carries the refresh token",
        );
    }
    if !refresh.keeps {
        return;
    }
    let place = at("refresh/keeps");
    if is_shared {
        let message = "the login has a token in its response, and with `keeps: true` the refresh has none";
        lint.error(&place, message, "remove `keeps`, or write an operation for each");
    } else if x.login.is_none() && !x.renews_with_access_token() {
        let message = "with `keeps: true` no response has a token, and there is no `login`";
        lint.error(&place, message, "remove `keeps`, or add `login`");
    } else if x.use_.basic.is_some() {
        let message = "with `keeps: true` the refresh makes no halves of HTTP Basic";
        lint.error(&place, message, "remove `keeps`, or `basic` in `use`");
    }
}

/// A source that starts from a token reads no response, and no login has credentials.
fn starts_from_token(lint: &mut Lint, x: &XToken) {
    for word in ["response", "renew", "limits"] {
        if lint.spec.find(&at(word)).is_some() {
            let message =
                format!("without `login` and `refresh`, a source starts from a token, and `{word}` means nothing");
            lint.error(&at(word), message, "remove it, or add `login` or `refresh`");
        }
    }
    if let Some((header, _)) = x.use_.also_credentials().next() {
        let message = "without `login` and `refresh`, there is no credential that a call could send";
        let help =
            "remove it: a user of the crate adds further headers to the token, with `IssuedTokens::extra_header`";
        lint.error(&join(&at("use/also"), header), message, help);
    }
    if x.use_.basic.is_some() {
        let message = "without `login` and `refresh`, nothing makes the halves of HTTP Basic";
        let help = "remove it: a user of the crate adds them to the token, with `IssuedTokens::basic`";
        lint.error(&at("use/basic"), message, help);
    }
}

/// The limits allow what the source does: one token after another, and another one before the old one expires.
fn limits(lint: &mut Lint, x: &XToken) {
    let is_early = x.renew() != Renew::AtExpiry;
    if x.limits.live == Some(1) && is_early {
        let message = "with one live token, a renewal before its expiry ends the token that calls carry";
        lint.error(&at("limits/live"), message, "add `renew: at-expiry`");
    }
    let (Some(rate), Lifetime::For(lifetime)) = (x.limits.grants, x.lifetime) else { return };
    let part = match x.renew() {
        Renew::Early(part) => part,
        Renew::AtExpiry | Renew::Before(_) => 1.0,
    };
    if rate.window.as_secs_f64() > f64::from(rate.most) * lifetime.as_secs_f64() * part {
        let message = "the tokens expire faster than the limit lets them be renewed";
        lint.error(&at("limits/grants"), message, "write the documented numbers in `limits`, `lifetime` and `renew`");
    }
}

/// An action names an operation, and an alternative of its `security`, that exist.
fn actions<'a>(lint: &mut Lint<'a>, action: &Action<'_>, operations: &[Operation<'a>]) -> Option<Operation<'a>> {
    let Some(operation) = operations.iter().find(|operation| operation.id() == action.operation) else {
        let ids = operations.iter().map(Operation::id).filter(|id| !id.is_empty());
        let help = match nearest(action.operation, ids.clone()) {
            Some(meant) => format!("write `{meant}`"),
            None => format!("write the `operationId` of one: {}", list(ids)),
        };
        let message = format!("there is no operation `{}`", action.operation);
        lint.error(&join(&action.root(), "operation"), message, help);
        return None;
    };
    if let Some(name) = unknown_scheme(lint, action, operation) {
        let known: Vec<&str> = security(lint, operation).into_iter().flatten().map(|(scheme, _)| scheme).collect();
        let help = if known.is_empty() {
            "remove it: the operation has no `security`".to_owned()
        } else {
            format!("write {}", list(known))
        };
        let message = format!("{} has no `security` with the scheme `{name}`", operation.name());
        lint.error(&join(&action.at(), "security"), message, help);
    }
    Some(operation.clone())
}

/// The scheme that an action names, if its operation has no such alternative.
fn unknown_scheme<'c, 'a>(lint: &Lint<'a>, action: &Action<'c>, operation: &Operation<'a>) -> Option<&'c str> {
    let name = action.security?;
    let alternatives = security(lint, operation);
    let is_known = alternatives.iter().flatten().any(|(scheme, _)| *scheme == name)
        || name == NO_SECURITY && alternatives.iter().any(Vec::is_empty);
    (!is_known).then_some(name)
}

/// The alternatives of an operation's `security`, each with its schemes.
fn security<'a>(lint: &Lint<'a>, operation: &Operation<'a>) -> Vec<Vec<(&'a str, Node<'a>)>> {
    let owner = if operation.node.has("security") { operation.node } else { lint.root() };
    owner.items("security").iter().map(|alternative| schemes_of(lint, alternative)).collect()
}

/// An action says which variant of a body it sends. Returns whether there is such a variant.
fn body_variants<'a>(lint: &mut Lint<'a>, action: &Action<'_>, operation: &Operation<'a>) -> bool {
    let variants = Action { body: None, ..*action }.variants(lint, operation);
    let named = || variants.iter().filter_map(|(name, _)| *name);
    match action.body {
        None if variants.len() > 1 => {
            let message = format!(
                "the body of {} is a `oneOf`, and `{}` doesn't say which variant it sends",
                operation.name(),
                action.word
            );
            let help = match named().next() {
                Some(_) => format!("add `body`: {}", list(named())),
                None => "give each variant a name in `components/schemas`, and add `body`".to_owned(),
            };
            lint.error(&action.at(), message, help);
            true
        }
        Some(body) if !named().any(|name| name == body) => {
            let help = match (nearest(body, named()), named().next()) {
                (Some(meant), _) => format!("write `{meant}`"),
                (None, Some(_)) => format!("write {}", list(named())),
                (None, None) => "remove it".to_owned(),
            };
            let message = format!("`{body}` isn't a variant of the body of {}", operation.name());
            lint.error(&join(&action.at(), "body"), message, help);
            false
        }
        _ => true,
    }
}

/// `token` names a property or parameter that takes a token.
fn token_places<'a>(lint: &mut Lint<'a>, action: &Action<'_>, operation: &Operation<'a>, name: &str) {
    let known = places(lint, action, operation);
    let here = join(&action.root(), "token");
    match known.iter().find(|(other, _)| *other == name) {
        Some((_, schema)) => match lint.resolved(schema) {
            Resolved::Scalar("string", _) => rule!(secret_tokens(lint, name, schema)),
            resolved => {
                let message = format!("`{name}` takes a token, and is {}", resolved.kind());
                lint.error(&here, message, "write the name of a property or parameter with `type: string`");
            }
        },
        None => {
            let help = match nearest(name, known.iter().map(|(name, _)| *name)) {
                Some(meant) => format!("write `{meant}`"),
                None if known.is_empty() => {
                    format!(
                        "remove it, if a bearer scheme carries the token; or add `{name}` to the operation's request"
                    )
                }
                None => format!("write one of {}", list(known.iter().map(|(name, _)| *name))),
            };
            let message = format!("`{name}` is neither a property nor a parameter of {}", operation.name());
            lint.error(&here, message, help);
        }
    }
}

/// The properties and parameters of an action's request.
fn places<'a>(lint: &Lint<'a>, action: &Action<'_>, operation: &Operation<'a>) -> Vec<(&'a str, Node<'a>)> {
    let mut places: Vec<(&'a str, Node<'a>)> = Vec::new();
    for (_, variant) in action.variants(lint, operation) {
        if let Resolved::Object(fields) = lint.resolved(&variant) {
            places.extend(fields.properties.iter().cloned());
        }
    }
    for parameter in lint.parameters(operation) {
        if let (Some(name), Some(schema)) = (parameter.text("name"), parameter.get("schema")) {
            places.push((name, schema));
        }
    }
    places
}

/// Without `token`, a bearer scheme takes the token, and nothing else does.
fn bearer_tokens<'a>(lint: &mut Lint<'a>, x: &XToken, action: &Action<'_>, operation: &Operation<'a>) {
    let here = action.at();
    let takes_access = action.word == "revoke" && x.revoke.as_ref().is_some_and(|of| of.takes == Takes::Access);
    let renews_access = action.word == "refresh" && x.renews_with_access_token();
    let (token, pointer) = if takes_access || renews_access {
        ("access", x.response.access_token.as_ref().and_then(|token| token.pointers().first()))
    } else {
        ("refresh", x.response.refresh_token.as_ref())
    };
    let bears = |schemes: &[(&'a str, Node<'a>)]| {
        schemes.iter().find(|(_, scheme)| action.bears(scheme)).map(|(name, _)| *name)
    };
    if bears(&action.schemes(lint, operation)).is_none() {
        let message = format!("nothing in {} takes the {token} token", operation.name());
        let help = match security(lint, operation).iter().find_map(|alternative| bears(alternative)) {
            Some(name) => {
                format!("add `security: {name}`, whose scheme carries it; or `token`, the property or parameter")
            }
            None => "add `token`, the property or parameter that takes it; or give the operation `security` with a \
                     scheme of `type: http`, `scheme: bearer`"
                .to_owned(),
        };
        return lint.error(&here, message, help);
    }
    let others = Action::all(x).into_iter().filter(|other| other.word != action.word);
    let mut others = others.filter(|other| other.operation == action.operation);
    let differs = action.word == "refresh" && x.refresh.as_ref().is_some_and(|refresh| refresh.bearer.is_some());
    let is_login = |word: &str| word == LOGIN && !differs;
    if let Some(other) = others.find(|other| is_login(other.word) || other.token.is_some()) {
        let words = format!("`{}` and `{}`", other.word, action.word);
        let message = format!(
            "{words} share {}, and only for `{}` its bearer scheme carries the token",
            operation.name(),
            action.word
        );
        let help = "add `token`, the property or parameter that takes the token; or `bearer: refresh` to a refresh whose login has a \
                    credential there; or write an operation for each";
        return lint.error(&here, message, help);
    }
    // A property with the usual name would become a credential, which no spec means.
    let usual = format!("{token}_token");
    let received = pointer.and_then(|pointer| pointer.as_str().rsplit('/').next()).map(ident::snake);
    let places = places(lint, action, operation);
    let meant = places.into_iter().map(|(name, _)| name).find(|name| {
        let name = ident::snake(name);
        name == usual || received.as_ref() == Some(&name)
    });
    if let Some(name) = meant {
        let message = format!("{} has `{name}`, and its bearer scheme would carry the {token} token", operation.name());
        lint.error(&here, message, format!("add `token: {name}`"));
    }
}

/// Actions of one operation use the same alternative of its `security`: they share its method.
fn security_alternatives<'a>(lint: &mut Lint<'a>, found: &Found<'_, 'a>) {
    let sent = |lint: &Lint<'a>, action: &Action<'_>, operation: &Operation<'a>| -> Vec<&'a str> {
        action.schemes(lint, operation).into_iter().map(|(name, _)| name).collect()
    };
    for (index, (action, operation)) in found.iter().enumerate() {
        let schemes = sent(lint, action, operation);
        let differs = |(other, of): &&(Action<'_>, Operation<'a>)| {
            other.operation == action.operation
                && other.alternative == action.alternative
                && sent(lint, other, of) != schemes
        };
        let Some((other, of)) = found[..index].iter().find(differs) else { continue };
        let words = format!("`{}` and `{}`", other.word, action.word);
        let message = format!("{words} share {}, and name different alternatives of its `security`", operation.name());
        let help = match sent(lint, other, of).first() {
            Some(name) => format!("name the same one: `security: {name}` in both, or in neither for the first"),
            None => "remove `security` from both, for the first".to_owned(),
        };
        let here = action.at();
        let place = if action.security.is_some() { join(&here, "security") } else { here };
        lint.error(&place, message, help);
    }
}

/// The login and the refresh send different grant types: as a credential, there would be one for both.
fn grant_types<'a>(lint: &mut Lint<'a>, found: &Found<'_, 'a>) {
    let open = |word: &str| -> Option<Node<'a>> {
        let (action, operation) = found.iter().find(|(action, _)| action.word == word)?;
        let of_body =
            action.variants(lint, operation).into_iter().find_map(|(_, variant)| match lint.resolved(&variant) {
                Resolved::Object(fields) => fields.property("grant_type").cloned(),
                _ => None,
            });
        let parameter = || {
            let parameters = lint.parameters(operation);
            parameters.iter().find(|node| node.text("name") == Some("grant_type"))?.get("schema")
        };
        of_body.or_else(parameter).filter(|node| lint.constant(node).is_none())
    };
    if let (Some(_), Some(node)) = (open("login"), open("refresh")) {
        let message = "`grant_type` would be a credential, and the refresh would send the login's";
        let help = "write a body for each, as branches of a `oneOf`, with an `enum` of one value in each";
        lint.error(&node, message, help);
    }
}
