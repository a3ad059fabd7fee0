//! How a call carries the token, and the credentials that `use` and `basic` name.

use std::collections::HashSet;

use crate::diagnostic::{join, list, nearest};
use crate::ident;
use crate::lint::document::{Lint, Node, Resolved};
use crate::lint::objects::label;
use crate::lint::syntax::{is_header, own_header, unsendable};
use crate::lint::x_token::action::Found;
use crate::lint::x_token::keyword::at;
use crate::read::x_token::XToken;
use crate::read::x_token::usage::{Also, TOKEN};

/// `use` and `basic` name headers and credentials that can be sent.
pub fn credentials<'a>(lint: &mut Lint<'a>, x: &XToken, found: &Found<'_, 'a>) {
    use_header(lint, x);
    one_place(lint, x);
    use_scheme(lint, x);
    let has_basic = found
        .iter()
        .any(|(action, operation)| action.schemes(lint, operation).iter().any(|(_, scheme)| is_basic(x, scheme)));
    let mut names = known(lint, x, found);
    certificates(lint, x, &mut names);
    extra_headers(lint, x, &names, !found.is_empty());
    use_basic(lint, x, &names, !found.is_empty());
    basic(lint, x, has_basic || found.is_empty());
}

fn is_basic(x: &XToken, scheme: &Node) -> bool {
    scheme.text("type") == Some("http") && scheme.text("scheme").is_some_and(|scheme| x.basic.is_basic(scheme))
}

/// The credentials with a client's certificate.
fn certificates(lint: &mut Lint, x: &XToken, names: &mut Vec<String>) {
    let one_of = x.login.iter().flat_map(|login| &login.one_of.0);
    let of_alternatives = one_of.filter_map(|(name, alternative)| {
        Some((join(&join(&at("login/one-of"), name), "certificate"), alternative.certificate.as_ref()?))
    });
    let of_block = x.certificate.iter().map(|name| (at("certificate"), name));
    for (place, name) in of_block.chain(of_alternatives) {
        if !name.contains(|c: char| c.is_ascii_alphanumeric()) {
            let message = format!("`{name}` has no letter or digit to name a credential after");
            lint.error(&place, message, "write letters and digits, such as `client_certificate`");
        } else if names.contains(&ident::snake(name)) {
            let message = format!("`{name}` is sent in a request too, and a private key never is");
            lint.error(&place, message, "write another name, such as `client_certificate`");
        }
    }
    let found = x.certificate.iter().map(|name| ident::snake(name));
    names.extend(found);
}

/// The header and the prefix of the token.
fn use_header(lint: &mut Lint, x: &XToken) {
    let (header, place) = (&x.use_.header, at("use/header"));
    if !is_header(header) {
        lint.error(&place, format!("`{header}` can't name a header"), "write letters, digits and `-`");
    } else if let Some(why) = own_header(header).filter(|_| !header.eq_ignore_ascii_case("authorization")) {
        let message = format!("no call can carry the token in the header `{header}`");
        lint.error(&place, message, format!("write another: {why}"));
    }
    if let Some((message, help)) = unsendable("header", x.use_.prefix.as_deref().unwrap_or_default()) {
        lint.error(&at("use/prefix"), format!("the prefix {message}"), help);
    }
}

/// A call carries the token in one place.
fn one_place(lint: &mut Lint, x: &XToken) {
    let others = ["query", "cookie", "basic"].map(|word| (word, at(&format!("use/{word}"))));
    let mut given = others.iter().filter(|(_, place)| lint.spec.find(place).is_some());
    let Some((word, _)) = given.next() else { return };
    let second = given.next().cloned();
    let headers = ["header", "prefix"].map(|word| (word, at(&format!("use/{word}"))));
    let clash = second.or_else(|| headers.into_iter().find(|(_, place)| lint.spec.find(place).is_some()));
    if let Some((other, place)) = clash {
        let message = format!("`{word}` and `{other}` say two places for the token");
        lint.error(&place, message, "remove one of the two");
    }
    if let Some(cookie) = x.use_.cookie.as_ref().filter(|cookie| !is_header(cookie)) {
        lint.error(&at("use/cookie"), format!("`{cookie}` can't name a cookie"), "write letters, digits, `-` and `_`");
    }
    if x.use_.query.as_ref().is_some_and(|query| query.trim().is_empty() || query.contains(char::is_control)) {
        lint.error(&at("use/query"), "a query parameter needs a name", "write the name, such as `authToken`");
    }
}

/// The scheme of operations with the live token is a word that isn't known without it.
fn use_scheme(lint: &mut Lint, x: &XToken) {
    let Some(scheme) = &x.use_.scheme else { return };
    let place = at("use/scheme");
    if !is_header(scheme) {
        lint.error(&place, format!("`{scheme}` can't name a scheme"), "write a single word, such as `OAuth`");
    } else if ["basic", "bearer"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        let help = "remove it: `bearer` carries the token anyway, and `basic` never does";
        lint.error(&place, format!("`{scheme}` needs no mention"), help);
    }
}

/// One half of HTTP Basic is the token, and the other a credential, or empty.
fn use_basic(lint: &mut Lint, x: &XToken, names: &[String], has_actions: bool) {
    let Some(basic) = &x.use_.basic else { return };
    if basic.halves().into_iter().filter(|half| *half == TOKEN).count() != 1 {
        let help = "write `token` for the half that is the token, and only for that one";
        lint.error(&at("use/basic"), "one half of HTTP Basic is the token", help);
    }
    let words = ["username", "password"].into_iter().zip(basic.halves());
    for (word, half) in words.filter(|(_, half)| !half.is_empty() && *half != TOKEN) {
        if has_actions && !names.iter().any(|name| name == half) {
            unknown_credential(lint, &at(&format!("use/basic/{word}")), half, names);
        }
    }
}

/// Reports a name that no credential has.
fn unknown_credential(lint: &mut Lint, place: &str, credential: &str, names: &[String]) {
    let help = match nearest(credential, names.iter().map(String::as_str)) {
        Some(meant) => format!("write `{meant}`"),
        None if names.is_empty() => "remove it: no action sends a credential".to_owned(),
        None => format!("write one of {}", list(names.iter().map(String::as_str))),
    };
    lint.error(place, format!("`{credential}` isn't a credential"), help);
}

/// Returns the names of the credentials that the actions send.
fn known<'a>(lint: &Lint<'a>, x: &XToken, found: &Found<'_, 'a>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (action, operation) in found {
        for (_, variant) in action.variants(lint, operation) {
            properties(lint, &variant, "", action.token, &mut names, 0);
        }
        for parameter in lint.parameters(operation) {
            let is_constant = parameter.get("schema").is_some_and(|schema| lint.constant(&schema).is_some());
            if let Some(name) = parameter.text("name").filter(|name| !is_constant && Some(*name) != action.token) {
                names.push(ident::snake(label(name, &parameter)));
            }
        }
        for (name, scheme) in action.schemes(lint, operation) {
            if is_basic(x, &scheme) {
                names.extend(x.basic.names.iter().filter(|name| !name.is_empty()).map(|name| ident::snake(name)));
            } else if !action.bears(&scheme) {
                names.push(ident::snake(name));
            }
        }
    }
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Adds the names of all properties that aren't constants, those inside objects by their path.
fn properties<'a>(
    lint: &Lint<'a>,
    schema: &Node<'a>,
    prefix: &str,
    token: Option<&str>,
    names: &mut Vec<String>,
    depth: usize,
) {
    let Resolved::Object(fields) = lint.resolved(schema) else { return };
    for (name, node) in &fields.properties {
        let path = ident::snake(&format!("{prefix}{}", label(name, node)));
        if lint.constant(node).is_some() || (prefix.is_empty() && Some(*name) == token) {
            continue;
        }
        match lint.resolved(node) {
            // Both limits stop objects that hold one another, whose paths multiply.
            Resolved::Object(_) if depth < 8 && names.len() < 1000 => {
                properties(lint, node, &format!("{path}_"), token, names, depth + 1);
            }
            _ => names.push(path),
        }
    }
}

/// The headers of `use.also`, each with a credential.
fn extra_headers(lint: &mut Lint, x: &XToken, names: &[String], has_actions: bool) {
    let mut headers: Vec<String> = vec![x.use_.header.to_lowercase()];
    for (header, also) in &x.use_.also {
        let here = join(&at("use/also"), header);
        if !is_header(header) {
            lint.error(&here, format!("`{header}` can't name a header"), "write letters, digits and `-`");
        } else if let Some(why) = own_header(header).filter(|_| !header.eq_ignore_ascii_case("authorization")) {
            let message = format!("no call can carry a credential in the header `{header}`");
            lint.error(&here, message, format!("write another: {why}"));
        } else if headers.contains(&header.to_lowercase()) {
            lint.error(&here, format!("the header `{header}` is used twice"), "remove one of the two");
        }
        headers.push(header.to_lowercase());
        let Also::Credential(credential) = also else { continue };
        if !names.contains(credential) && has_actions {
            unknown_credential(lint, &here, credential, names);
        }
    }
}

/// The names of the two halves of HTTP Basic.
fn basic(lint: &mut Lint, x: &XToken, is_used: bool) {
    if lint.spec.find(&at("basic")).is_some() && !is_used {
        let message = "`basic` is here, and no action has a security scheme of HTTP Basic";
        let help = "remove it, or add a scheme of `type: http`, `scheme: basic` to the operation's `security`";
        lint.error(&at("basic"), message, help);
    }
    if let Some(scheme) = &x.basic.scheme {
        if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            let help = "write one word, such as `ID`";
            lint.error(&at("basic/scheme"), format!("`{scheme}` can't name a scheme"), help);
        } else if scheme.eq_ignore_ascii_case("bearer") {
            let help = "write the vendor's word, such as `ID`, or remove it for `Basic`";
            lint.error(&at("basic/scheme"), "`Bearer` is the scheme of tokens, which have no halves", help);
        }
    }
    let place = at("basic/names");
    for name in x.basic.names.iter().filter(|name| !name.is_empty()) {
        if !name.contains(|c: char| c.is_ascii_alphanumeric()) {
            let message = format!("`{name}` has no letter or digit to name a credential after");
            lint.error(&place, message, "write letters and digits, such as `client_id`");
        }
    }
    if x.basic.names.iter().all(String::is_empty) {
        let help = "write the name of a credential, such as `[api_key, \"\"]`";
        lint.error(&place, "both halves of HTTP Basic are empty", help);
    }
}
