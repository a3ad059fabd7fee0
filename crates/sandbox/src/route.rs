//! Finds the operation that a request is for.

use percent_encoding::percent_decode_str;

use crate::spec::document::Document;
use crate::spec::operation::{Operation, Parameter};

/// What a method and a path refer to.
pub(crate) enum Route<'a> {
    /// An operation, and the values of its path parameters.
    Operation(Matched<'a>),
    /// A path of the spec, but with other methods: one of its operations, and the methods.
    OtherMethod(Matched<'a>, Vec<&'static str>),
    /// No path of the spec.
    Other,
}

/// An operation whose path matched.
#[derive(Clone)]
pub(crate) struct Matched<'a> {
    pub(crate) path: &'a str,
    pub(crate) shared: &'a [Parameter],
    pub(crate) operation: &'a Operation,
    pub(crate) values: Vec<(String, String)>,
}

/// Finds the operation. If several paths match, the one with the fewest parameters is used.
pub(crate) fn route<'a>(document: &'a Document, method: &str, path: &str) -> Route<'a> {
    let matching = document.operations().filter_map(|(template, its_method, shared, operation)| {
        let values = values(template, path)?;
        Some((its_method, Matched { path: template, shared, operation, values }))
    });
    let mut matching: Vec<_> = matching.collect();
    let Some(fewest) = matching.iter().map(|(_, matched)| matched.values.len()).min() else { return Route::Other };
    matching.retain(|(_, matched)| matched.values.len() == fewest);
    let methods: Vec<&'static str> = matching.iter().map(|(method, _)| *method).collect();
    let position = methods.iter().position(|known| *known == method);
    match matching.into_iter().nth(position.unwrap_or_default()) {
        Some((_, matched)) if position.is_some() => Route::Operation(matched),
        Some((_, matched)) => Route::OtherMethod(matched, methods),
        None => Route::Other,
    }
}

/// Returns the operation path that differs from this path only in slashes, dots or case. A real server would return 404
/// for it, and no client uses it for the protected resource.
pub(crate) fn near_match<'a>(document: &'a Document, path: &str) -> Option<&'a str> {
    let path = plain(path);
    document.operations().map(|(template, ..)| template).find(|template| values(&plain(template), &path).is_some())
}

fn plain(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.to_lowercase().split('/') {
        match part.replace("%2e", ".").as_str() {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part.to_owned()),
        }
    }
    format!("/{}", parts.join("/"))
}

fn values(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let (wanted, given) = (template.split('/'), path.split('/'));
    if wanted.clone().count() != given.clone().count() {
        return None;
    }
    let mut values = Vec::new();
    for (wanted, given) in wanted.zip(given) {
        let given = percent_decode_str(given).decode_utf8().ok()?;
        match (wanted.find('{'), wanted.find('}')) {
            (Some(start), Some(end)) if start < end => {
                let rest = given.strip_prefix(&wanted[..start])?.strip_suffix(&wanted[end + 1..])?;
                if rest.is_empty() {
                    return None;
                }
                values.push((wanted[start + 1..end].to_owned(), rest.to_owned()));
            }
            _ if wanted == given => {}
            _ => return None,
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_without_slashes_dots_and_case() {
        for path in ["/a/B/c/", "//a/b//c", "/a/./b/c", "/a/x/../b/c", "/a/%2E/b/c", "/A/b/C"] {
            assert_eq!(plain(path), "/a/b/c", "{path}");
        }
        assert_ne!(plain("/a/b"), plain("/a/b/c"));
    }

    #[test]
    fn a_path_matches_its_template() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(values("/a/{b}/c", "/a/x%2Fy%20z/c"), Some(vec![pair("b", "x/y z")]));
        assert_eq!(values("/a/v{n}.json", "/a/v3.json"), Some(vec![pair("n", "3")]));
        assert_eq!(values("/a", "/a"), Some(vec![]));
        for (template, path) in
            [("/a", "/a/"), ("/a/{b}", "/a/"), ("/a", "/A"), ("/a/{b}", "/a/%FF"), ("/a/v{n}", "/a/3")]
        {
            assert_eq!(values(template, path), None, "{template} {path}");
        }
    }
}
