//! What the commands print, byte for byte.

use std::io::{ErrorKind, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use freshtoken::formats::Timestamp;
use serde_json::{Value, json};

use crate::args::TokenFormat;
use crate::failure::{Failure, Status};
use crate::obtain::Obtained;
use crate::printable::is_printable;

/// Writes to stdout: all of it, or the command fails. If the reader has gone away, it fails without a message.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::new(Status::Other, "")),
        Err(error) => Err(Failure::other(format!("cannot write to stdout: {error}"))),
    }
}

/// The headers of a call, by name: the token's first, unless the token goes into the query.
pub fn headers(obtained: &Obtained) -> Result<Vec<(String, String)>, Failure> {
    let own = [(obtained.header_name.as_str(), obtained.token.header())];
    let own = own.into_iter().filter(|_| obtained.account.vendor.policy.query.is_none());
    let further = obtained.token.extra_headers().iter().map(|(name, value)| (name.as_str(), value));
    let mut headers = Vec::new();
    for (name, value) in own.chain(further) {
        let value = value.to_str().ok().filter(|value| is_printable(value));
        headers.push((title_case(name), value.ok_or_else(|| unprintable(obtained))?.to_owned()));
    }
    Ok(headers)
}

/// Returns one line per header, as `curl -H @-` reads them. A token for the query has none.
pub fn header_lines(obtained: &Obtained) -> Result<String, Failure> {
    let vendor = obtained.account.vendor;
    if vendor.policy.query.is_some() {
        let hint = "use `freshtoken token --format json`, whose `query` has it";
        return Err(Failure::usage(format!("{} takes the token in the query of a URL: {hint}", vendor.name)));
    }
    Ok(headers(obtained)?.into_iter().map(|(name, value)| format!("{name}: {value}\n")).collect())
}

/// Returns the token, which is printable.
pub fn token(obtained: &Obtained) -> Result<&str, Failure> {
    Some(obtained.token.expose()).filter(|token| is_printable(token)).ok_or_else(|| unprintable(obtained))
}

fn unprintable(obtained: &Obtained) -> Failure {
    Failure::other(format!("{}: the token has a byte that is no printable ASCII character", obtained.account.name))
}

/// Writes the name of a header as vendors' documentation does.
fn title_case(name: &str) -> String {
    let mut is_start = true;
    let letter = |c: char| {
        let letter = if is_start { c.to_ascii_uppercase() } else { c };
        is_start = c == '-';
        letter
    };
    name.chars().map(letter).collect()
}

/// Returns the token in a format.
pub fn formatted(obtained: &Obtained, format: TokenFormat) -> Result<String, Failure> {
    let token = token(obtained)?;
    let assign: fn(&str, &str) -> String = match format {
        TokenFormat::Text => return Ok(format!("{token}\n")),
        TokenFormat::Json => return Ok(format!("{}\n", json(obtained)?)),
        TokenFormat::Env => |name, value| format!("export {name}='{}'\n", value.replace('\'', r"'\''")),
        TokenFormat::Fish => {
            |name, value| format!("set -gx {name} '{}'\n", value.replace('\\', r"\\").replace('\'', r"\'"))
        }
        TokenFormat::Powershell => |name, value| format!("$Env:{name} = '{}'\n", value.replace('\'', "''")),
        TokenFormat::Dotenv => |name, value| format!("{name}={value}\n"),
    };
    let prefix = obtained.account.vendor.prefix;
    let mut text = assign(&format!("{prefix}_ACCESS_TOKEN"), token);
    if let Some(expires_at) = obtained.token.expires_at().and_then(timestamp) {
        text += &assign(&format!("{prefix}_TOKEN_EXPIRES_AT"), &expires_at);
    }
    Ok(text)
}

/// Returns everything that is known about the token.
pub fn json(obtained: &Obtained) -> Result<Value, Failure> {
    let token = token(obtained)?;
    let headers: serde_json::Map<_, _> =
        headers(obtained)?.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
    let expires_at = obtained.token.expires_at();
    let unix = expires_at.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map(|since| since.as_secs());
    let query = obtained.account.vendor.policy.query.map(|name| json!({ name: token }));
    let header = obtained.token.header().to_str().unwrap_or_default();
    let token_type = header.strip_suffix(token).map(str::trim).filter(|token_type| !token_type.is_empty());
    let mut value = json!({
        "version": 1,
        "account": obtained.account.name,
        "vendor": obtained.account.vendor.name,
        "access_token": token,
        "token_type": token_type,
        "headers": headers,
        "expires_at": expires_at.and_then(timestamp),
        "expires_at_unix": unix,
        "scopes": obtained.token.scopes(),
        "base_url": obtained.base_url,
    });
    // Most vendors have none, and a client of theirs need not know of it.
    if let (Some(query), Some(object)) = (query, value.as_object_mut()) {
        object.insert("query".to_owned(), query);
    }
    Ok(value)
}

/// Returns a time in UTC, in whole seconds.
pub fn timestamp(time: SystemTime) -> Option<String> {
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(Timestamp::try_from(UNIX_EPOCH + Duration::from_secs(seconds)).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_printable_ascii_is_printed() {
        assert!(is_printable("abc ~!"));
        for text in ["", "a\n", "a\r", "\u{1b}[0m", "a\0", "ü", "\u{7f}", "\t"] {
            assert!(!is_printable(text), "{text:?}");
        }
    }

    #[test]
    fn a_header_has_its_usual_name() {
        assert_eq!(title_case("authorization"), "Authorization");
        assert_eq!(title_case("x-shop-token"), "X-Shop-Token");
    }

    #[test]
    fn a_time_is_in_utc_and_whole_seconds() {
        let time = UNIX_EPOCH + Duration::from_millis(1_795_979_580_900);
        assert_eq!(timestamp(time).as_deref(), Some("2026-11-29T19:13:00Z"));
    }
}
