//! Secrets: each must say that it is one, so that nothing prints it.

use crate::ident;
use crate::lint::document::{Lint, Node, Resolved};
use crate::lint::rule::rule;

/// Whether a value is a secret by its name.
pub fn is_secret_name(name: &str) -> bool {
    let name = ident::snake(name);
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        // The token of a page, or of another purpose.
        [.., "page" | "next" | "continuation" | "cursor" | "sync" | "csrf" | "xsrf" | "cancellation", "token"] => false,
        [
            ..,
            "password" | "passwd" | "passphrase" | "passcode" | "secret" | "token" | "apikey" | "assertion" | "jwt"
            | "otp",
        ] => true,
        [.., "api" | "private" | "secret" | "signing" | "access", "key"] => true,
        ["pin"] => true,
        [only] => ["accesstoken", "refreshtoken", "idtoken", "clientsecret", "appsecret", "secretkey", "privatekey"]
            .contains(only),
        _ => false,
    }
}

/// A secret says so in its schema, or the generated code would print it.
pub fn secrets<'a>(lint: &mut Lint<'a>, name: &str, node: &Node<'a>) {
    let schema = match lint.resolved(node) {
        Resolved::Scalar("string", schema) => schema,
        Resolved::Scalar("integer" | "number", schema)
            if !schema.has("enum") && schema.text("format") != Some("password") =>
        {
            let message = format!("`{name}` is a secret, and a number would be printed by `Debug` and in errors");
            let help = "write `type: string` and `format: password`: a secret is a string, even of digits";
            return lint.error(&schema, message, help);
        }
        Resolved::Any => {
            let message =
                format!("`{name}` is a secret, and JSON of any type would be printed by `Debug` and in errors");
            return lint.error(node, message, "write `type: string` and `format: password`");
        }
        _ => return,
    };
    match schema.text("format") {
        Some("password" | "date" | "date-time") => return,
        _ if schema.has("enum") => return,
        _ => {}
    }
    let help = match schema.text("format") {
        Some(format) => format!("write `format: password` in place of `format: {format}`"),
        None => "add `format: password`".to_owned(),
    };
    let message = format!("`{name}` is a secret, and would be printed by `Debug` and in errors");
    lint.error(&schema, message, help);
}

/// What `x-token` reads or sends as a token can be any token, and isn't printed.
pub fn secret_tokens<'a>(lint: &mut Lint<'a>, name: &str, node: &Node<'a>) {
    let schema = match lint.resolved(node) {
        Resolved::Scalar("string", schema) => schema,
        _ => return rule!(secrets(lint, name, node)),
    };
    match schema.text("format") {
        // `secret_types` reports its `enum`.
        Some("password") => {}
        _ if schema.has("enum") => {
            let message = format!("`{name}` is a token, and a token can have any value");
            lint.error(node, message, "remove `enum`, and add `format: password`");
        }
        Some(format @ ("date" | "date-time")) => {
            let message = format!("`{name}` is a token, and `format: {format}` makes it a date");
            lint.error(node, message, "write `format: password`");
        }
        _ => rule!(secrets(lint, name, node)),
    }
}

/// A secret is a string of any value.
pub fn secret_types<'a>(lint: &mut Lint<'a>, schema: &Node<'a>) {
    if schema.text("format") != Some("password") {
        return;
    }
    let at = (schema.at(), "format");
    if let Some(name) = schema.text("type").filter(|name| *name != "string") {
        let message = format!("`format: password` is for strings, and the type is {name}");
        lint.error(&at, message, "write `type: string`: a secret is a string, even of digits");
    }
    if schema.has("enum") {
        let message = "the values of a secret would be in the generated code";
        lint.error(&(schema.at(), "enum"), message, "remove `enum`, or remove `format: password` if it isn't a secret");
    }
}

#[cfg(test)]
mod tests {
    use super::is_secret_name;

    #[test]
    fn secrets_are_recognized_by_their_names() {
        for name in [
            "password",
            "user_password",
            "client_secret",
            "clientSecret",
            "app_secret",
            "access_token",
            "accessToken",
            "X-App-Token",
            "token",
            "id_token",
            "api_key",
            "apiKey",
            "apikey",
            "X-API-Key",
            "private_key",
            "assertion",
            "client_assertion",
            "pin",
            "secret_key",
            "accesstoken",
            "jwt",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "token_type",
            "token_id",
            "access_token_expiry",
            "client_id",
            "password_expires_at",
            "passwordexpiryreminder",
            "key",
            "error_key",
            "client_assertion_type",
            "next_page_token",
            "tokens",
            "pinned",
            "spin",
            "secretary",
            "expires_in",
            "user_name",
            "public_key",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
