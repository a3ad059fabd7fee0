//! azure_identity: a client's secret. It takes no issuer but one at https, so a transport of one's own, which its options
//! have, brings its requests to loopback; all above the transport is its own.

use std::sync::Arc;
use std::time::Duration;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::TokenCredential;
use azure_core::http::{AsyncRawResponse, ClientOptions, HttpClient, Request, Transport, Url, new_http_client};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};

use super::{About, Call, Contender, Failure, Place};

/// A credential.
#[derive(Clone)]
pub struct AzureIdentity(Arc<ClientSecretCredential>);

const SCOPES: &[&str] = &["api"];

/// Its own HTTP client, sending elsewhere.
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
        flow: "client secret, through a transport that leads to loopback",
        checks: "the expiry, by the wall clock",
        margin: Duration::from_secs(300),
        never_cold: None,
        rejection: Err("has no way to tell it that a call got 401"),
    };

    async fn build(place: Place<'_>) -> Result<Self, Failure> {
        let url = Url::parse(place.url)?.join("token")?;
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

    async fn ask(&self) -> Result<String, Failure> {
        Ok(self.0.get_token(SCOPES, None).await?.token.secret().to_owned())
    }

    fn calls(&self) -> Vec<Call> {
        vec![Call::awaited(
            "get_token",
            "`AccessToken`, a `String`",
            self.0.clone(),
            async |it: &Arc<ClientSecretCredential>| it.get_token(SCOPES, None).await,
        )]
    }
}
