//! Names: a legal Rust identifier for any name of a vendor. The rules are those of progenitor and typify, whose code must
//! agree with ours; `emit` checks that it does.

use heck::{ToPascalCase, ToSnakeCase};

use crate::vendor::is_keyword;

/// Returns the name of a type.
pub fn pascal(name: &str) -> String {
    let pascal = steady(&clean(name));
    if pascal.starts_with(|c: char| c.is_ascii_digit()) { format!("X{pascal}") } else { legal(pascal, "X") }
}

/// Returns the name of an enum's variant. It depends only on the value: characters that an identifier can't have are spelt out.
///
/// Most punctuation separates words. Between two digits it becomes `_`: `1.0` isn't `10`. A `-` before a digit is a minus,
/// unless a digit is before it too, as in a date.
pub fn variant(value: &str) -> String {
    let has_word = value.contains(|c: char| c.is_ascii_alphanumeric());
    let chars: Vec<char> = value.chars().collect();
    let is_digit = |index: Option<usize>| index.and_then(|at| chars.get(at)).is_some_and(char::is_ascii_digit);
    let mut parts = vec![String::new()];
    for (index, c) in chars.iter().enumerate() {
        let (follows, precedes) = (is_digit(index.checked_sub(1)), is_digit(Some(index + 1)));
        let symbol = symbol(*c).filter(|(_, parts_words)| !has_word || !parts_words);
        let spelt = match (c, symbol) {
            ('-', _) if !follows && precedes => "-minus-".to_owned(),
            (c, _) if c.is_ascii_alphanumeric() => c.to_string(),
            (_, Some((word, _))) => format!("-{word}-"),
            // `it's` is one word.
            ('\'', None) => String::new(),
            (c, None) if c.is_ascii() && follows && precedes => {
                parts.push(String::new());
                continue;
            }
            (c, None) if c.is_ascii() => "-".to_owned(),
            (c, None) => format!("-u{:04x}-", u32::from(*c)),
        };
        if let Some(part) = parts.last_mut() {
            part.push_str(&spelt);
        }
    }
    let name = parts.iter().map(|part| steady(part)).collect::<Vec<_>>().join("_");
    match name.chars().next() {
        Some(first) if first.is_ascii_digit() => format!("X{name}"),
        _ => legal(name, "Empty"),
    }
}

/// Returns the word for a character that isn't a letter or digit, and whether it only separates words if there are any.
fn symbol(c: char) -> Option<(&'static str, bool)> {
    Some(match c {
        '+' => ("plus", false),
        '*' => ("star", false),
        '#' => ("hash", false),
        '@' => ("at", false),
        '&' => ("and", false),
        '%' => ("percent", false),
        '=' => ("equals", false),
        '<' => ("less", false),
        '>' => ("greater", false),
        '!' => ("not", false),
        '?' => ("question", false),
        '$' => ("dollar", false),
        '^' => ("caret", false),
        '~' => ("tilde", false),
        '|' => ("pipe", false),
        '\\' => ("backslash", false),
        '`' => ("backtick", false),
        '"' => ("quote", false),
        '-' => ("minus", true),
        '_' => ("underscore", true),
        '.' => ("dot", true),
        ',' => ("comma", true),
        ':' => ("colon", true),
        ';' => ("semicolon", true),
        '/' => ("slash", true),
        '(' | '[' | '{' => ("open", true),
        ')' | ']' | '}' => ("close", true),
        '\'' => ("apostrophe", true),
        ' ' => ("space", true),
        _ => return None,
    })
}

/// Returns the name of a field, an argument or a method.
pub fn snake(name: &str) -> String {
    let name = if is_snake(name) { name.to_owned() } else { clean(name).to_snake_case() };
    legal(name, "x")
}

/// Whether a name is in snake case already, as most are.
fn is_snake(name: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.split('_').all(is_word)
}

/// Returns `base`, with the least number that makes it unique if it is taken.
pub fn unique(base: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = base.to_owned();
    let mut n = 1;
    while is_taken(&name) {
        n += 1;
        name = format!("{base}{n}");
    }
    name
}

/// Converts to Pascal case until it is stable: `aB` becomes `AB`, and that becomes `Ab`.
fn steady(name: &str) -> String {
    let pascal = name.to_pascal_case();
    let is_stable = !pascal.as_bytes().windows(2).any(|pair| pair.iter().all(u8::is_ascii_uppercase));
    if is_stable { pascal } else { pascal.to_pascal_case() }
}

fn clean(name: &str) -> String {
    let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    name.replace('\'', "").replace(|c: char| !is_word(c), "-")
}

fn legal(name: String, empty: &str) -> String {
    let name = match name.chars().next() {
        None => empty.to_owned(),
        Some(first) if first.is_ascii_digit() => format!("_{name}"),
        Some(_) => name,
    };
    if is_keyword(&name) { format!("{name}_") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_an_identifier_becomes_one() {
        assert_eq!(snake("X-App-Id"), "x_app_id");
        assert_eq!(snake("type"), "type_");
        assert_eq!(snake("2fa"), "_2fa");
        assert_eq!(snake("gen"), "gen_");
        assert_eq!(snake("$"), "x");
        assert_eq!(snake("_a__b_2"), "a_b_2");
        assert_eq!(snake("utf8_text1"), "utf8_text1".to_snake_case());
        assert_eq!(pascal("validation-rules"), "ValidationRules");
        assert_eq!(pascal("self"), "Self_");
        assert_eq!(pascal("2FA"), "X2fa");
        assert_eq!(pascal("aB"), "Ab");
        for name in ["aB", "a_b_c", "A-B1-cD", "XMLHttp"] {
            assert_eq!(pascal(&pascal(name)), pascal(name), "{name}");
        }
    }

    #[test]
    fn a_variant_is_named_after_its_value_only() {
        let names = [
            ("Etc/GMT+1", "EtcGmtPlus1"),
            ("Etc/GMT-1", "EtcGmtMinus1"),
            ("Etc/GMT_1", "EtcGmt1"),
            ("Etc/GMT+12", "EtcGmtPlus12"),
            ("invalid_client", "InvalidClient"),
            ("async-actions", "AsyncActions"),
            ("https://example.com/auth/read", "HttpsExampleComAuthRead"),
            ("read:user", "ReadUser"),
            ("it's", "Its"),
            ("C", "C"),
            ("C++", "CPlusPlus"),
            ("C#", "CHash"),
            ("*", "Star"),
            ("<=", "LessEquals"),
            ("-1", "Minus1"),
            ("1", "X1"),
            ("v1.0", "V1_0"),
            ("v10", "V10"),
            ("2024-01-31", "X2024_01_31"),
            ("", "Empty"),
            ("-", "Minus"),
            ("/", "Slash"),
            ("self", "Self_"),
            ("aB", "Ab"),
            ("größe", "GrU00f6U00dfE"),
            ("日本", "U65e5U672c"),
        ];
        for (value, name) in names {
            assert_eq!(variant(value), name, "{value}");
        }
    }

    #[test]
    fn a_taken_name_gets_a_number() {
        assert_eq!(unique("Body", |n| n == "Body" || n == "Body2"), "Body3");
    }
}
