//! google-cloud-auth: a user account, with its documented override of the token endpoint.

use std::sync::Arc;

use google_cloud_auth::credentials::user_account::Builder;
use google_cloud_auth::credentials::{AccessTokenCredentials, CacheableResource, Credentials};
use http::Extensions;

use super::{About, BoxError, Call, Contender, Target};

/// Access-token credentials, and the builder for the other kind, which has a cache of its own.
#[derive(Clone)]
pub struct GoogleCloudAuth {
    token: AccessTokenCredentials,
    builder: Arc<dyn Fn() -> Result<Credentials, BoxError> + Send + Sync>,
}

impl Contender for GoogleCloudAuth {
    const ABOUT: About = About {
        name: "google-cloud-auth",
        flow: "user account, refresh token",
        checks: Some("the expiry, by the monotonic clock"),
        // No fixed margin: it renews tokens of less than four minutes every ten seconds.
        ..About::DEFAULT
    };

    async fn build(target: Target<'_>) -> Result<Self, BoxError> {
        let url = format!("{}/token", target.url);
        let builder = move || {
            let user = serde_json::json!({
                "client_id": "example-id",
                "client_secret": "example-secret",
                "refresh_token": "example-refresh-token",
                "type": "authorized_user",
            });
            Builder::new(user).with_token_uri(url.clone())
        };
        let token = builder().build_access_token_credentials()?;
        Ok(Self { token, builder: Arc::new(move || Ok(builder().build()?)) })
    }

    async fn token(&self) -> Result<String, BoxError> {
        Ok(self.token.access_token().await?.token)
    }

    fn calls(&self) -> Vec<Call> {
        let mut calls =
            vec![Call::awaited("access_token", "`AccessToken`, a `String`", self.clone(), async |source: &Self| {
                source.token.access_token().await
            })];
        if let Ok(credentials) = (self.builder)() {
            let tagged = credentials.clone();
            calls.push(Call::awaited("headers", "`HeaderMap`", credentials, async |credentials: &Credentials| {
                credentials.headers(Extensions::new()).await
            }));
            // With the tag of the previous headers, it only reports that nothing has changed.
            let tag = tokio::sync::OnceCell::new();
            calls.push(Call::awaited(
                "headers, with the last tag",
                "`NotModified`",
                (tagged, tag),
                async |(credentials, tag): &(Credentials, tokio::sync::OnceCell<Extensions>)| {
                    let tag = tag.get_or_init(async || {
                        let mut extensions = Extensions::new();
                        if let Ok(CacheableResource::New { entity_tag, .. }) =
                            credentials.headers(Extensions::new()).await
                        {
                            extensions.insert(entity_tag);
                        }
                        extensions
                    });
                    let tag = tag.await.clone();
                    credentials.headers(tag).await
                },
            ));
        }
        calls
    }
}
