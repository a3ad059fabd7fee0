//! azure_identity: a client secret. It accepts only an https issuer, so a custom transport sends its requests to loopback.

use std::sync::Arc;
use std::time::Duration;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::TokenCredential;
use azure_core::http::{AsyncRawResponse, ClientOptions, HttpClient, Request, Transport, Url, new_http_client};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};

use super::{About, BoxError, Call, Contender, Target};

/// A credential.
#[derive(Clone)]
pub struct AzureIdentity(Arc<ClientSecretCredential>);

const SCOPES: &[&str] = &["api"];

/// Its own HTTP client, redirected to the local issuer.
#[derive(Debug)]
struct ToLoopback {
    http: Arc<dyn HttpClient>,
    url: Url,
}

#[async_trait::async_trait]
impl HttpClient for ToLoopback {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut request = request.clone();
        *request.url_mut() = self.url.clone();
        self.http.execute_request(&request).await
    }
}

impl Contender for AzureIdentity {
    const ABOUT: About = About {
        name: "azure_identity",
        flow: "client secret, with a transport to loopback",
        checks: Some("the expiry, by the wall clock"),
        margin: Duration::from_secs(300),
        ..About::DEFAULT
    };

    async fn build(target: Target<'_>) -> Result<Self, BoxError> {
        let url = Url::parse(target.url)?.join("token")?;
        let transport = Transport::new(Arc::new(ToLoopback { http: new_http_client(None), url }));
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = "https://issuer.example".to_owned();
        let client_options = ClientOptions {
            transport: Some(transport),
            cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
            ..ClientOptions::default()
        };
        let options = ClientSecretCredentialOptions { client_options };
        let secret = "example-secret".into();
        Ok(Self(ClientSecretCredential::new("example-tenant", "example-id".to_owned(), secret, Some(options))?))
    }

    async fn token(&self) -> Result<String, BoxError> {
        Ok(self.0.get_token(SCOPES, None).await?.token.secret().to_owned())
    }

    fn calls(&self) -> Vec<Call> {
        vec![Call::awaited(
            "get_token",
            "`AccessToken`, a `String`",
            self.0.clone(),
            async |source: &Arc<ClientSecretCredential>| source.get_token(SCOPES, None).await,
        )]
    }
}
