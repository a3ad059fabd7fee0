//! From credentials in the environment to a call of Zenoti's API, with a password that does not stay in memory.
//!
//! Set `ZENOTI_ACCOUNT_NAME`, `ZENOTI_USER_NAME`, `ZENOTI_PASSWORD`, `ZENOTI_APP_ID`, `ZENOTI_APP_SECRET` and
//! `ZENOTI_DEVICE_ID`, which may be any string:
//!
//! ```sh
//! cargo run -p freshtoken --example zenoti
//! ```
//!
//! Without credentials, against the sandbox:
//!
//! ```sh
//! cargo run -p freshtoken-sandbox -- zenoti -- cargo run -p freshtoken --example zenoti
//! ```

use freshtoken::env::FromEnv;
use freshtoken::{CredentialSource, HttpClient, TokenSource, zenoti};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Reports missing variables now, before the first call.
    let (endpoint, _) = zenoti::Endpoint::from_env()?;
    // Read at each login, and wiped after it.
    let credentials = CredentialSource::ask(|| async { Ok(zenoti::Endpoint::from_env()?.1) });
    let tokens = TokenSource::new(endpoint, credentials);

    let url = std::env::var("ZENOTI_API_URL").unwrap_or_else(|_| "https://api.zenoti.com".to_owned());
    let api = HttpClient::new(tokens)?.base_url(url)?;
    let response = api.get("/v1/centers").send().await?;
    println!("{}\n{}", response.status(), response.text().await?);

    // No `revoke` here: it would also revoke the employee's tokens in every other process.
    Ok(())
}
