//! A round at a real vendor, with credentials from the environment.

use std::error::Error;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::time::{Instant, SystemTime};

use freshtoken::{HttpClient, TokenSource};
use tokio::task::JoinSet;

use crate::terminal;
use crate::vendor::DemoVendor;

/// How many callers share the one login.
const CALLERS: usize = 20;

/// Logs in, makes the call if there is one, and revokes. True if all was as it should be.
pub async fn run(vendor: &DemoVendor, call: Option<&str>, is_agreed: bool) -> Result<bool, Box<dyn Error>> {
    // A refresh token that works once would be spent, and the new one lost with this program.
    let var = |name: &str| std::env::var(name).ok().filter(|_| !name.ends_with("_REFRESH_TOKEN"));
    if !vendor.policy.login {
        return Err("it has no login without a person, and the demo would spend the refresh token that one gave".into());
    }
    let api = match call {
        Some(url) => {
            Some(reqwest::Url::parse(url).map_err(|_| "--call is no URL, such as https://api.example.com/path")?)
        }
        None => None,
    };
    let tokens = (vendor.tokens)(&var)?;
    let server = (vendor.server)(&var)?;
    terminal::print_line(&format!("{} at {server}, with the account of this environment:", vendor.name));
    terminal::print_line(&format!("  1. {CALLERS} callers ask for a token at once: one request"));
    if let Some(url) = call {
        terminal::print_line(&format!("  2. GET {} with it", without_query(url)));
    }
    if vendor.policy.revoke.is_some() {
        terminal::print_line(&format!(
            "  {}. the token is revoked: some vendors end all of the account's with it",
            if call.is_some() { 3 } else { 2 }
        ));
    }
    if !is_agreed && !asked()? {
        terminal::print_line("no request was made");
        return Ok(false);
    }
    let done = round(&tokens, api).await;
    // Whatever went wrong before, no token is left behind.
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
    let life = end.map_or("nobody says how long it lives".to_owned(), |left| format!("{} s left", left.as_secs()));
    terminal::print_line(&format!(
        "{CALLERS} callers have a token, {} ms after they asked; {life}",
        began.elapsed().as_millis()
    ));

    let mut is_good = true;
    if let Some(url) = call {
        let api = HttpClient::new(tokens.clone())?;
        let response = api.send(api.get(url)).await?;
        terminal::print_line(&format!("the call: {}", response.status()));
        is_good = response.status().is_success();
    }
    Ok(is_good)
}

/// An error with its causes, none of which has a secret in it.
fn in_full(error: freshtoken::Error) -> String {
    let mut text = error.to_string();
    let mut source = Error::source(&error);
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

/// Whether a person agrees.
fn asked() -> Result<bool, Box<dyn Error>> {
    if !io::stdin().is_terminal() {
        return Err("nobody is there to ask: add --yes to have these requests made".into());
    }
    print!("Go on? [y/N] ");
    io::stdout().flush()?;
    let mut response = String::new();
    io::stdin().lock().read_line(&mut response)?;
    Ok(matches!(response.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// A query may hold secrets.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}
