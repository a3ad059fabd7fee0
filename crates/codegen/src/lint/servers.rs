//! Servers: their names, URLs and variables.

use std::collections::HashMap;

use crate::diagnostic::list;
use crate::diagnostic::nearest;
use crate::emit::settings::RESERVED;
use crate::ident;
use crate::lint::document::{Lint, Node, Operation};
use crate::lint::objects::{label, rust_names};
use crate::lint::rule::rule;
use crate::lint::syntax::{leads_elsewhere, placeholders};
use crate::lower::servers::server_name;
use crate::vendor::is_keyword;

/// Checks the servers of the document and of its operations.
pub fn check<'a>(lint: &mut Lint<'a>, operations: &[Operation<'a>]) {
    let root = lint.root().items("servers");
    each(lint, &root);
    for operation in operations {
        let own = operation.node.items("servers");
        each(lint, &own);
        rule!(operation_servers(lint, &root, &own));
    }
}

fn each<'a>(lint: &mut Lint<'a>, found: &[Node<'a>]) {
    rule!(server_names(lint, found));
    for server in found {
        rule!(servers(lint, server));
        rule!(server_variables(lint, server));
        for (_, variable) in server.named("variables") {
            rule!(rust_names(lint, &variable));
        }
    }
}

/// The servers of an operation are those of the document on another host: each has the name of one, and its variables.
fn operation_servers<'a>(lint: &mut Lint<'a>, root: &[Node<'a>], own: &[Node<'a>]) {
    let names: Vec<String> = root.iter().map(|server| server_name(server.text("x-name"))).collect();
    for server in own {
        let name = server.text("x-name").map(ident::snake);
        let of_root: Vec<&Node<'a>> = match &name {
            Some(name) => {
                root.iter().zip(&names).filter(|(_, known)| *known == name).map(|(server, _)| server).collect()
            }
            None => root.iter().collect(),
        };
        if let Some(name) = name.filter(|_| of_root.is_empty()) {
            let help =
                format!("write {}; the one of a single server is `production`", list(names.iter().map(String::as_str)));
            lint.error(&(server.at(), "x-name"), format!("the document has no server `{name}`"), help);
        }
        for (name, variable) in server.named("variables") {
            let field = ident::snake(label(name, &variable));
            let has = |server: &&Node<'a>| {
                let mut variables = server.named("variables").into_iter();
                variables.any(|(name, variable)| ident::snake(label(name, &variable)) == field)
            };
            if !of_root.iter().all(has) {
                let message = format!("no setting fills in the variable `{name}`");
                let help =
                    "write its value in `url`: a variable here is one of the server at the root with the same name";
                lint.error(&variable, message, help);
            }
        }
    }
}

/// A server's URL is one that tokens may travel to, with any values of its variables.
fn servers<'a>(lint: &mut Lint<'a>, server: &Node<'a>) {
    let (Some(url), Some(text)) = (server.get("url"), server.text("url")) else { return };
    if let Err((message, help)) = check_url(text) {
        lint.error(&url, message, help);
    } else if let Some(Err((message, help))) = with_defaults(server, text).map(|whole| check_url(&whole)) {
        lint.error(&url, format!("with its defaults, {message}"), help);
    }
}

/// Returns a server's URL with the defaults of its variables; none if it has no variable, or users must set one.
fn with_defaults(server: &Node, url: &str) -> Option<String> {
    let variables = server.named("variables");
    let mut whole = url.to_owned();
    for (name, variable) in &variables {
        let default = variable.text("default").filter(|_| variable.has("enum"))?;
        whole = whole.replace(&format!("{{{name}}}"), default);
    }
    (!variables.is_empty()).then_some(whole)
}

/// Each of several servers has a name of its own, which a function can have.
fn server_names<'a>(lint: &mut Lint<'a>, servers: &[Node<'a>]) {
    let mut names: HashMap<String, String> = HashMap::new();
    for server in servers {
        if let Some(name) = server.text("x-name") {
            legal_name(lint, server, name, &mut names);
        } else if servers.len() > 1 && !server.has("x-name") {
            let help = "add `x-name`, in snake_case, such as `x-name: production`";
            lint.error(server, "one of several servers has no name", help);
        }
    }
}

fn legal_name<'a>(lint: &mut Lint<'a>, server: &Node<'a>, name: &str, names: &mut HashMap<String, String>) {
    let at = (server.at(), "x-name");
    let rust = ident::snake(name);
    let is_legal = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    if !is_legal {
        let help = match rust.trim_matches('_') {
            "" | "x" => "write it in snake_case, such as `x-name: production`".to_owned(),
            meant => format!("write `x-name: {meant}`"),
        };
        lint.error(&at, format!("`{name}` can't name a server: it becomes a function's name"), help);
    } else if is_keyword(name) || RESERVED.contains(&rust.as_str()) {
        lint.error(
            &at,
            format!("`{name}` is reserved: the client has a function of that name"),
            "write another, such as `x-name: production`",
        );
    } else if let Some(other) = names.insert(rust.clone(), name.to_owned()) {
        let message = if other == name {
            format!("two servers are named `{name}`")
        } else {
            format!("the servers `{other}` and `{name}` would both be `{rust}`")
        };
        lint.error(&at, message, "rename one of them");
    }
}

/// Checks that a URL is absolute, and uses HTTPS or loopback.
fn check_url(url: &str) -> Result<(), (String, String)> {
    let fail = |message: &str, help: &str| Err((format!("`{url}` {message}"), help.to_owned()));
    if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return fail("has a space in it", "remove it");
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return fail("isn't an absolute URL", "write the whole URL, such as `https://api.example.com/v1`");
    };
    let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') && !port.contains('}') => {
            if port.parse::<u16>().is_err() && !authority.contains('@') && !port.is_empty() {
                return fail("has an invalid port", "write one of 1 to 65535, or none");
            }
            host
        }
        _ => authority,
    };
    let is_loopback = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    match scheme.to_ascii_lowercase().as_str() {
        "https" => {}
        "http" if is_loopback => {}
        "http" => return fail("would send secrets in the clear", "write `https`; only a loopback host may use `http`"),
        _ => return fail("doesn't use HTTPS", "write an `https` URL"),
    }
    if authority.contains('@') {
        return fail("has a user in it", "remove everything before the `@`, and write a security scheme");
    }
    if host.is_empty() {
        return fail("has no host", "write the whole URL, such as `https://api.example.com/v1`");
    }
    if !is_host(host) {
        return fail("has an invalid host", "write a name, an IPv4 address, or an IPv6 address in brackets");
    }
    if path.contains('?') {
        return fail("has a query", "remove it; a parameter with an `enum` of one value is sent with every request");
    }
    if path.contains('#') {
        return fail("has a fragment", "remove it");
    }
    if let Some((message, help)) = leads_elsewhere(path) {
        return fail(message, help);
    }
    Ok(())
}

/// Whether a host is a name or an address. The value of a variable is unknown, so a host with one passes.
fn is_host(host: &str) -> bool {
    if let Some(inside) = host.strip_prefix('[') {
        return inside.strip_suffix(']').is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    }
    if host.contains('{') {
        return true;
    }
    let looks_like_ipv4 = host.rsplit('.').next().is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if looks_like_ipv4 && !host.is_empty() {
        host.parse::<std::net::Ipv4Addr>().is_ok()
    } else {
        !host.contains(|c: char| c.is_ascii_punctuation() && !matches!(c, '.' | '-' | '_'))
    }
}

/// The variables of a server's URL are declared, and their values can be part of a URL.
fn server_variables<'a>(lint: &mut Lint<'a>, server: &Node<'a>) {
    let Some(url) = server.text("url") else { return };
    let declared = server.named("variables");
    let at = (server.at(), "url");
    let used = match placeholders(url) {
        Ok(used) => used,
        Err(message) => {
            return lint.error(&at, format!("`{url}` {message}"), "write each variable as `{name}`");
        }
    };
    for name in &used {
        if !declared.iter().any(|(other, _)| other == name) {
            let help = match nearest(name, declared.iter().map(|(name, _)| *name)) {
                Some(meant) => format!("write `{{{meant}}}`"),
                None => format!("add `variables: {{ {name}: {{ default: … }} }}` to this server"),
            };
            lint.error(&at, format!("the variable `{name}` isn't declared"), help);
        }
    }
    let mut rust: HashMap<String, &str> = HashMap::new();
    for (name, variable) in &declared {
        if !used.contains(name) {
            let message = format!("the variable `{name}` isn't in the URL");
            lint.error(variable, message, format!("write `{{{name}}}` in `url`, or remove it"));
        }
        let label = label(name, variable);
        if !label.contains(|c: char| c.is_ascii_alphanumeric()) {
            let message = format!("the variable `{name}` has no letter or digit to name a setting after");
            lint.error(variable, message, "add `x-name`, the setting's name in snake_case");
        } else if let Some(other) = rust.insert(ident::snake(label), name) {
            let message = format!("the variables `{other}` and `{name}` would have one name");
            lint.error(variable, message, "rename one of them, or add `x-name` to it");
        }
        let values = variable.texts("enum");
        let in_host = url.find("://").is_none_or(|scheme| {
            let path = url[scheme + 3..].find('/').map_or(url.len(), |path| scheme + 3 + path);
            url.find(&format!("{{{name}}}")).is_some_and(|variable| variable < path)
        });
        // A default is used only if it is one of these.
        for value in variable.items("enum") {
            let Some(text) = value.value.as_str() else { continue };
            if let Some((message, help)) = unfit(text, in_host) {
                lint.error(&value, format!("`{text}` {message}"), help);
            }
        }
        if let Some(default) = variable.text("default")
            && variable.has("enum")
            && !values.contains(&default)
        {
            let message = format!("the default `{default}` isn't one of the variable's values");
            lint.error(&(variable.at(), "default"), message, format!("write {}", list(values)));
        }
    }
}

/// Why a server's variable can't have a value, and what to write instead.
fn unfit(value: &str, in_host: bool) -> Option<(&'static str, &'static str)> {
    let is_name = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    match value {
        _ if in_host && !is_name => {
            Some(("can't be part of a host", "write letters, digits, `.` and `-`, and the rest in `url`"))
        }
        "." | ".." => Some(("is a dot segment, which changes the path", "write the path that is meant")),
        _ if value.contains('/') => Some(("would be one segment, its `/` sent as `%2F`", "write a variable for each")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_absolute_https_url_or_loopback() {
        for url in [
            "https://api.example.com",
            "https://api.example.com:8443/v1/",
            "https://{cluster}.example.com/{version}",
            "https://example.com:{port}/v1",
            "http://localhost:8080",
            "http://127.0.0.1",
            "http://[::1]:9",
            "HTTPS://EXAMPLE.COM",
            "https://192.0.2.1:65535",
            "https://[2001:db8::1]/v1",
            "https://a_b.example-c.com",
            "https://größe.example",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in [
            "",
            "/v1",
            "api.example.com",
            "http://api.example.com",
            "ftp://a",
            "https://",
            "https:///v1",
            "https://a?b=c",
            "https://a/#b",
            "https://u:p@a",
            "https://a b",
            "http://localhost.evil.com",
            "{url}",
            "https://a.example:99999",
            "https://a.example:80a",
            "https://[::1",
            "https://[::g]",
            "https://::1",
            "https://300.0.0.1",
            "https://a,b.example",
            "https://a.example/v1/../v2",
            "https://a.example/v1\\v2",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }
}
