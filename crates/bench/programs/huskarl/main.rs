use std::env::var;
use std::sync::Arc;

use huskarl::cache::{GrantTokenSource, InMemoryRefreshTokenStore, InMemoryTokenCache, TokenCache};
use huskarl::core::client_auth::ClientSecret;
use huskarl::core::secrets::{ProvidedSecret, SecretString};
use huskarl::grant::client_credentials::{ClientCredentialsGrant, ClientCredentialsGrantParameters};
use huskarl_reqwest::ReqwestClient;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let grant = ClientCredentialsGrant::builder()
        .client_id(var("CLIENT_ID")?)
        .client_auth(ClientSecret::new(ProvidedSecret::new(SecretString::new(var("CLIENT_SECRET")?))))
        .http_client(ReqwestClient::from(http))
        .token_endpoint("https://issuer.example/token".parse()?)
        .build();
    let source = GrantTokenSource::builder()
        .grant(grant)
        .grant_parameters(ClientCredentialsGrantParameters::builder().scope(vec!["api".to_owned()]).build())
        .refresh_store(InMemoryRefreshTokenStore::default())
        .build();
    let cache: Arc<dyn TokenCache> = Arc::new(InMemoryTokenCache::builder().source(source).build());
    cache.token().await?;
    println!("a token");
    Ok(())
}
