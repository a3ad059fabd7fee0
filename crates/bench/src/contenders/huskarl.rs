//! huskarl: an authorizer with a cache and a grant, as in its `cached_client` example.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Uri};
use huskarl::authorizer::HttpAuthorizer;
use huskarl::cache::{GrantTokenSource, InMemoryRefreshTokenStore, InMemoryTokenCache, TokenSource};
use huskarl::core::client_auth::ClientSecret;
use huskarl::core::secrets::{ProvidedSecret, SecretString};
use huskarl::grant::client_credentials::{ClientCredentialsGrant, ClientCredentialsGrantParameters};
use huskarl_reqwest::ReqwestClient;

use super::{About, BoxError, Call, Contender, Target};

/// An authorizer and its cache.
#[derive(Clone)]
pub struct Huskarl {
    cache: Arc<dyn huskarl::cache::TokenCache>,
    authorizer: Arc<HttpAuthorizer>,
    /// Where the token would be used. Nothing is sent there.
    resource: Uri,
}

impl Contender for Huskarl {
    const ABOUT: About = About {
        name: "huskarl",
        flow: "client credentials",
        checks: Some("the expiry, by the wall clock"),
        // Half of the lifetime, if that is shorter.
        margin: Duration::from_secs(30),
        rejection: Some("`process_response` with an `invalid_token` challenge"),
        ..About::DEFAULT
    };

    async fn build(target: Target<'_>) -> Result<Self, BoxError> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()?;
        let grant = ClientCredentialsGrant::builder()
            .client_id("example-id".to_owned())
            .client_auth(ClientSecret::new(ProvidedSecret::new(SecretString::new("example-secret"))))
            .http_client(ReqwestClient::from(http))
            .token_endpoint(format!("{}/token", target.url).parse()?)
            .build();
        let source = GrantTokenSource::builder()
            .grant(grant)
            .grant_parameters(ClientCredentialsGrantParameters::builder().scope(vec!["api".to_owned()]).build())
            .refresh_store(InMemoryRefreshTokenStore::default())
            .build();
        let cache = Arc::new(InMemoryTokenCache::builder().source(source).build());
        let authorizer = Arc::new(HttpAuthorizer::builder().cache(cache.clone()).build());
        Ok(Self { cache, authorizer, resource: Uri::from_static("https://api.example.com/resource") })
    }

    async fn token(&self) -> Result<String, BoxError> {
        let headers = self.authorizer.get_headers(&Method::GET, &self.resource).await?;
        Ok(headers.get(http::header::AUTHORIZATION).ok_or("no header")?.to_str()?.to_owned())
    }

    async fn rejected(&self, _: &str) {
        let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
        let headers = HeaderMap::from_iter([(http::header::WWW_AUTHENTICATE, challenge)]);
        self.authorizer.process_response(&self.resource, &headers);
    }

    fn calls(&self) -> Vec<Call> {
        vec![
            Call::awaited("token", "`Arc<TokenResponse>`", self.clone(), async |source: &Self| {
                source.cache.token().await
            }),
            Call::awaited("get_headers", "`HeaderMap`", self.clone(), async |source: &Self| {
                source.authorizer.get_headers(&Method::GET, &source.resource).await
            }),
        ]
    }
}
