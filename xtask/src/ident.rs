//! Names: from what a vendor calls a thing to a legal Rust identifier. The rules are those of progenitor and typify,
//! since the generated code must agree with theirs; the client stage checks that it does.

use heck::{ToPascalCase, ToSnakeCase};

use crate::vendor::is_keyword;

/// The name of a type or an enum variant.
pub fn pascal(name: &str) -> String {
    let mut pascal = clean(name).to_pascal_case();
    // `aB` gives `AB`, and that `Ab`: the name is one that stays as it is.
    if pascal.as_bytes().windows(2).any(|pair| pair.iter().all(u8::is_ascii_uppercase)) {
        pascal = pascal.to_pascal_case();
    }
    if pascal.starts_with(|c: char| c.is_ascii_digit()) { format!("X{pascal}") } else { legal(pascal, "X") }
}

/// The name of a field, an argument or a method.
pub fn snake(name: &str) -> String {
    let name = if is_snake(name) { name.to_owned() } else { clean(name).to_snake_case() };
    legal(name, "x")
}

/// Whether a name has the words of snake case already, as most have.
fn is_snake(name: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.split('_').all(is_word)
}

/// `base`, or with the least number behind it that makes it new.
pub fn unique(base: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = base.to_owned();
    let mut n = 1;
    while is_taken(&name) {
        n += 1;
        name = format!("{base}{n}");
    }
    name
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
    fn a_name_that_is_no_identifier_becomes_a_legal_one() {
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
    fn a_taken_name_gets_a_number() {
        assert_eq!(unique("Body", |n| n == "Body" || n == "Body2"), "Body3");
    }
}
