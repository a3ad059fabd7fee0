//! The syntax of header names, path templates and paths, which several checks share.

const OF_CONNECTION: &str = "it belongs to the connection, which the HTTP client keeps";

/// Headers that the client writes itself, and from what.
const OWN_HEADERS: [(&str, &str); 13] = [
    ("accept", "it comes from the media types of the success answer"),
    ("accept-encoding", "the client reads no compressed response"),
    ("authorization", "it comes from a security scheme: `type: http`, or `type: apiKey` with that name"),
    ("connection", OF_CONNECTION),
    ("content-length", "it comes from the body"),
    ("content-type", "it comes from the media type of the request body"),
    ("expect", OF_CONNECTION),
    ("host", "it comes from the server"),
    ("te", OF_CONNECTION),
    ("trailer", OF_CONNECTION),
    ("transfer-encoding", OF_CONNECTION),
    ("upgrade", OF_CONNECTION),
    ("user-agent", "the client sends its own"),
];

/// Where a header that the client writes itself comes from.
pub fn own_header(name: &str) -> Option<&'static str> {
    OWN_HEADERS.iter().find(|(own, _)| name.eq_ignore_ascii_case(own)).map(|(_, why)| *why)
}

/// Whether the name of a query parameter isn't just what it seems.
pub fn is_ragged(name: &str) -> bool {
    name.trim() != name || name.contains(char::is_control)
}

/// What in a path `Url` reads as a way to another one.
pub fn leads_elsewhere(path: &str) -> Option<(&'static str, &'static str)> {
    let is_dots = |segment: &str| matches!(segment.to_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if path.contains('\\') {
        return Some(("has a `\\` in it, which is sent as `/`", "write `/`, or `%5C` where a backslash is meant"));
    }
    path.split('/').any(is_dots).then_some(("has a dot segment, and leads elsewhere", "write where it leads"))
}

/// The names between braces, or what is wrong with the braces.
pub fn placeholders(template: &str) -> Result<Vec<&str>, &'static str> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let Some(inside) = rest[at..].strip_prefix('{') else { return Err("has a `}` without a `{`") };
        let Some(end) = inside.find(['{', '}', '/']) else { return Err("has a `{` without a `}`") };
        if !inside[end..].starts_with('}') {
            return Err("has a `{` without a `}`");
        }
        if end == 0 {
            return Err("has braces without a name");
        }
        names.push(&inside[..end]);
        rest = &inside[end + 1..];
    }
    Ok(names)
}

/// Whether a text can be a header's name (RFC 9110's token).
pub fn is_header(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_the_names_between_braces() {
        assert_eq!(placeholders("/a/{b}/c-{d}"), Ok(vec!["b", "d"]));
        assert_eq!(placeholders("/a"), Ok(vec![]));
        for template in ["/{", "/}", "/{}", "/{a/b}", "/{a{b}}", "/{a}}"] {
            assert!(placeholders(template).is_err(), "{template}");
        }
    }
}
