use std::env::var;

use aliri_tokens::backoff::ErrorBackoffConfig;
use aliri_tokens::jitter::NullJitter;
use aliri_tokens::sources::oauth2::ClientCredentialsTokenSource;
use aliri_tokens::sources::oauth2::dto::{ClientCredentials, ClientCredentialsWithAudience};
use aliri_tokens::{ClientId, ClientSecret, TokenLifetimeConfig, TokenWatcher};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let credentials = ClientCredentials {
        client_id: ClientId::new(var("CLIENT_ID")?),
        client_secret: ClientSecret::new(var("CLIENT_SECRET")?),
    };
    let credentials = ClientCredentialsWithAudience {
        credentials: credentials.into(),
        audience: aliri::jwt::Audience::from_static("example-audience"),
    };
    let url = reqwest::Url::parse("https://issuer.example/token")?;
    let lifetime = TokenLifetimeConfig::default();
    let source = ClientCredentialsTokenSource::new(reqwest::Client::new(), url, credentials, lifetime);
    let backoff = ErrorBackoffConfig::default();
    let watcher = TokenWatcher::spawn_from_token_source(source, NullJitter, backoff).await?;
    println!("a token of {} bytes", watcher.token().access_token().as_str().len());
    Ok(())
}
