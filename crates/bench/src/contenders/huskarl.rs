//! huskarl: a grant in a source in a cache in an authorizer, as its `cached_client` example wires them.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Uri};
use huskarl::authorizer::HttpAuthorizer;
use huskarl::cache::{GrantTokenSource, InMemoryRefreshTokenStore, InMemoryTokenCache, TokenSource};
use huskarl::core::client_auth::ClientSecret;
use huskarl::core::secrets::{ProvidedSecret, SecretString};
use huskarl::grant::client_credentials::{ClientCredentialsGrant, ClientCredentialsGrantParameters};
use huskarl_reqwest::ReqwestClient;

use super::{About, Call, Contender, Failure, Place};

/// An authorizer and its cache.
#[derive(Clone)]
pub struct Huskarl {
    cache: Arc<dyn huskarl::cache::TokenCache>,
    authorizer: Arc<HttpAuthorizer>,
    /// Where the token is used. Nothing is sent there.
    resource: Uri,
}

impl Contender for Huskarl {
    const ABOUT: About = About {
        name: "huskarl",
        flow: "client credentials",
        checks: "the expiry, by the wall clock",
        // Half of a life that is shorter than two of it.
        margin: Duration::from_secs(30),
        never_cold: None,
        rejection: Ok("`process_response` with an `invalid_token` challenge"),
    };

    async fn build(place: Place<'_>) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()?;
        let grant = ClientCredentialsGrant::builder()
            .client_id("example-id".to_owned())
            .client_auth(ClientSecret::new(ProvidedSecret::new(SecretString::new("example-secret"))))
            .http_client(ReqwestClient::from(http))
            .token_endpoint(format!("{}/token", place.url).parse()?)
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

    async fn ask(&self) -> Result<String, Failure> {
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
            Call::awaited("token", "`Arc<TokenResponse>`", self.clone(), async |it: &Self| it.cache.token().await),
            Call::awaited("get_headers", "`HeaderMap`", self.clone(), async |it: &Self| {
                it.authorizer.get_headers(&Method::GET, &it.resource).await
            }),
        ]
    }
}
