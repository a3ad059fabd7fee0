//! The syntax of headers, path templates and paths, which several rules share.

const OF_CONNECTION: &str = "it belongs to the connection, which the HTTP client manages";

/// Headers that the client writes itself, and where each comes from.
const OWN_HEADERS: [(&str, &str); 13] = [
    ("accept", "it comes from the media types of the success response"),
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

/// Returns where a header comes from that the client writes itself.
pub fn own_header(name: &str) -> Option<&'static str> {
    OWN_HEADERS.iter().find(|(own, _)| name.eq_ignore_ascii_case(own)).map(|(_, why)| *why)
}

/// Whether a name has space around it or a control character in it.
pub fn is_ragged(name: &str) -> bool {
    name.trim() != name || name.contains(char::is_control)
}

/// What in a path changes it when `Url` parses it, and what to write instead.
pub fn leads_elsewhere(path: &str) -> Option<(&'static str, &'static str)> {
    let is_dots = |segment: &str| matches!(segment.to_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if path.contains('\\') {
        return Some(("has a `\\` in it, which is sent as `/`", "write `/`, or `%5C` where a backslash is meant"));
    }
    path.split('/')
        .any(is_dots)
        .then_some(("has a dot segment, which changes the path", "write the path that is meant"))
}

/// Returns the names between braces.
///
/// # Errors
///
/// What is wrong with the braces.
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

/// Whether a string can name a header (a token of RFC 9110).
pub fn is_header(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Why the client refuses to send a string as a parameter, and what to write instead.
pub fn unsendable(place: &str, text: &str) -> Option<(&'static str, &'static str)> {
    match place {
        "path" if matches!(text, "" | "." | "..") => {
            Some(("is empty or a dot segment, which changes the path", "write another value"))
        }
        "header" if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) => {
            Some(("has a character that isn't visible ASCII", "write it with ASCII alone, as a header is sent"))
        }
        _ => None,
    }
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
