//! `WWW-Authenticate`, which RFC 9110, section 15.5.2 requires on every 401.

use crate::request::security::word_of;
use crate::spec::document::Document;
use crate::spec::operation::Operation;

/// Returns a challenge for each scheme of an operation. For an operation without schemes, and for the protected
/// resource, the scheme is the prefix of the token.
pub(crate) fn www_authenticate(
    document: &Document,
    operation: Option<&Operation>,
    prefix: Option<String>,
    realm: &str,
    is_token_wrong: bool,
) -> String {
    let names = operation.into_iter().flat_map(|operation| document.security(operation)).flat_map(|sent| sent.keys());
    let schemes = names.filter_map(|name| document.security_scheme(name)).filter(|scheme| scheme.kind == "http");
    let mut words: Vec<String> = schemes.map(|scheme| word_of(document, scheme)).collect();
    if words.is_empty() {
        words.push(prefix.unwrap_or_else(|| "Bearer".to_owned()));
    }
    words.sort_by_key(|word| word.to_ascii_lowercase());
    words.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
    let challenges = words.iter().map(|word| {
        let word = ["Basic", "Bearer"].into_iter().find(|known| known.eq_ignore_ascii_case(word)).unwrap_or(word);
        // RFC 6750, section 3.1: without a token there is no error code.
        let error = if is_token_wrong && word == "Bearer" { ", error=\"invalid_token\"" } else { "" };
        format!("{word} realm=\"{realm}\"{error}")
    });
    challenges.collect::<Vec<_>>().join(", ")
}
