//! A run against a real vendor, with credentials from the environment.

use std::error::Error;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::time::{Instant, SystemTime};

use freshtoken::{HttpClient, TokenSource};
use tokio::task::JoinSet;

use crate::terminal;
use crate::vendor::DemoVendor;

/// How many callers share one login.
const CALLERS: usize = 20;

/// Logs in, makes the call if there is one, and revokes. Returns whether everything went as expected.
pub async fn run(vendor: &DemoVendor, call: Option<&str>, is_agreed: bool) -> Result<bool, Box<dyn Error>> {
    // Ignore single-use refresh tokens: this program would spend one and lose the next.
    let var = |name: &str| std::env::var(name).ok().filter(|_| !name.ends_with("_REFRESH_TOKEN"));
    if !vendor.policy.login {
        return Err(
            "this vendor has no login without a person, and the demo would spend a person's refresh token".into()
        );
    }
    let api = match call {
        Some(url) => Some(
            reqwest::Url::parse(url).map_err(|_| "--call is not a URL; write it like https://api.example.com/path")?,
        ),
        None => None,
    };
    let tokens = (vendor.tokens)(&var)?;
    let server = (vendor.server)(&var)?;
    terminal::print_line(&format!("{} at {server}, with the credentials from the environment:", vendor.name));
    terminal::print_line(&format!("  1. {CALLERS} callers need a token at once: one login request"));
    if let Some(url) = call {
        terminal::print_line(&format!("  2. GET {} with the token", without_query(url)));
    }
    if vendor.policy.revoke.is_some() {
        terminal::print_line(&format!(
            "  {}. revoke the token (some vendors revoke all tokens of the account)",
            if call.is_some() { 3 } else { 2 }
        ));
    }
    if !is_agreed && !asked()? {
        terminal::print_line("no request was made");
        return Ok(false);
    }
    let done = round(&tokens, api).await;
    // Revoke even after a failure, so that no token is left behind.
    if vendor.policy.revoke.is_some() && tokens.status().generation > 0 {
        tokens.revoke().await.map_err(in_full)?;
        terminal::print_line("revoked");
    }
    let counters = tokens.status().counters;
    terminal::print_line(&format!(
        "requests: {} logins, {} refreshes, {} revocations",
        counters.logins, counters.refreshes, counters.revokes
    ));
    done.map(|is_good| is_good && counters.logins == 1 && counters.refreshes == 0)
}

async fn round(tokens: &TokenSource, call: Option<reqwest::Url>) -> Result<bool, Box<dyn Error>> {
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let tokens = tokens.clone();
        callers.spawn(async move { tokens.token().await });
    }
    while let Some(token) = callers.join_next().await {
        token?.map_err(in_full)?;
    }
    let end = tokens.status().expires_at.and_then(|end| end.duration_since(SystemTime::now()).ok());
    let life = end.map_or("its lifetime is unknown".to_owned(), |left| format!("{} s left", left.as_secs()));
    terminal::print_line(&format!("{CALLERS} callers have a token after {} ms; {life}", began.elapsed().as_millis()));

    let mut is_good = true;
    if let Some(url) = call {
        let api = HttpClient::new(tokens.clone())?.allow_origin(url.origin().ascii_serialization())?;
        let response = api.send(api.get(url)).await?;
        terminal::print_line(&format!("the call: {}", response.status()));
        is_good = response.status().is_success();
    }
    Ok(is_good)
}

/// Formats an error with its causes, none of which contains a secret.
fn in_full(error: freshtoken::Error) -> String {
    let mut text = error.to_string();
    let mut source = Error::source(&error);
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

/// Asks for confirmation.
fn asked() -> Result<bool, Box<dyn Error>> {
    if !io::stdin().is_terminal() {
        return Err("stdin is not a terminal: add --yes to make these requests".into());
    }
    print!("Continue? [y/N] ");
    io::stdout().flush()?;
    let mut response = String::new();
    io::stdin().lock().read_line(&mut response)?;
    Ok(matches!(response.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Removes the query, which may contain secrets.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}
