//! Secrets as their names.

use std::cmp::Reverse;

use serde_json::Value;

/// Pairs of a name and a secret value. In a snapshot, the value appears as `<name>`.
pub type Secrets<'a> = &'a [(&'a str, &'a str)];

/// Returns the text with each secret replaced by its name, in every encoding that a request or a response can have.
pub fn masked(text: &str, secrets: Secrets<'_>) -> String {
    // Some vendors return an empty token with an error.
    let mut secrets: Vec<_> = secrets.iter().filter(|(_, value)| !value.is_empty()).collect();
    // Longest first, because one secret can be a part of another.
    secrets.sort_by_key(|(_, value)| Reverse(value.len()));
    let mut text = text.to_owned();
    for (name, value) in secrets {
        for form in forms(value) {
            text = text.replace(&form, &format!("<{name}>"));
        }
    }
    text
}

/// Returns a secret as it appears in a path, in a query, in a form, in a header and in JSON.
fn forms(value: &str) -> [String; 5] {
    let quoted = Value::from(value).to_string();
    let in_path = |byte: u8| !(byte <= b' ' || byte >= 0x7f || b"\"#<>?`{}/%".contains(&byte));
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let in_form = |byte: u8| byte.is_ascii_alphanumeric() || b"*-._ ".contains(&byte);
    [
        percent_encoded(value, in_path),
        percent_encoded(value, unreserved),
        percent_encoded(value, in_form).replace(' ', "+"),
        value.to_owned(),
        quoted[1..quoted.len() - 1].to_owned(),
    ]
}

fn percent_encoded(text: &str, keep: impl Fn(u8) -> bool) -> String {
    let byte = |byte: u8| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_in_every_encoding() {
        let text = "/a b&c%2F/ ?q=a%20b%26c%2F f=a+b%26c%2F x: a b&c/ {\"k\":\"a b&c/\"}";
        assert_eq!(masked(text, &[("k", "a b&c/")]), "/a b&c%2F/ ?q=<k> f=<k> x: <k> {\"k\":\"<k>\"}");
        assert_eq!(masked("/a%20b&c%2F", &[("k", "a b&c/")]), "/<k>");
        assert_eq!(masked(r#""a\"b""#, &[("k", "a\"b")]), "\"<k>\"");
    }

    #[test]
    fn a_secret_within_another_does_not_split_it() {
        assert_eq!(masked("abc ab", &[("short", "ab"), ("long", "abc")]), "<long> <short>");
    }

    #[test]
    fn an_empty_secret_is_ignored() {
        assert_eq!(masked("abc", &[("empty", "")]), "abc");
    }
}
