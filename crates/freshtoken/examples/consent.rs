//! A vendor without a login: a user consents once, and a store keeps the refresh token that each response replaces.
//!
//! Set `QUICKBOOKS_CLIENT_ID`, `QUICKBOOKS_CLIENT_SECRET` and `QUICKBOOKS_REFRESH_TOKEN`, the refresh token of the user's consent, and
//! name a directory for the tokens, which others must not read:
//!
//! ```sh
//! cargo run -p freshtoken --example consent -- target/consents
//! ```
//!
//! Without credentials, start twice against one sandbox. The second process needs no request for a token:
//!
//! ```sh
//! cargo run -p freshtoken-sandbox -- quickbooks -- sh -c 'for i in 1 2; do cargo run -p freshtoken --example consent -- target/consents; done'
//! ```

use std::error::Error;

use freshtoken::env::FromEnv;
use freshtoken::store::FileStore;
use freshtoken::{ErrorKind, HttpClient, HttpError, TokenSource, quickbooks};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args_os().nth(1).ok_or("name a directory for the tokens")?;
    let (endpoint, credentials) = quickbooks::Endpoint::from_env()?;
    let consent = std::env::var("QUICKBOOKS_REFRESH_TOKEN")?;
    // This refresh token is sent once. From then on, the one in the store is used.
    let tokens = TokenSource::builder(endpoint, credentials)
        .store(FileStore::open(dir)?, "company-1")
        .refresh_token(consent.as_str())
        .build();

    let url = std::env::var("QUICKBOOKS_API_URL").unwrap_or_else(|_| "https://quickbooks.api.intuit.com".to_owned());
    let api = HttpClient::new(tokens)?.base_url(url)?;
    match api.get("v3/company/1/companyinfo/1").send().await {
        Ok(response) => println!("{}\n{}", response.status(), response.text().await?),
        // Only a new consent helps: `TokenSource::new_consent` takes its refresh token.
        Err(HttpError::Token(error)) if error.kind() == ErrorKind::ConsentNeeded => {
            println!("the user must consent again: {error}");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
