//! google-cloud-auth: a user's account, whose token endpoint its docs let one override.

use std::sync::Arc;
use std::time::Duration;

use google_cloud_auth::credentials::user_account::Builder;
use google_cloud_auth::credentials::{AccessTokenCredentials, CacheableResource, Credentials};
use http::Extensions;

use super::{About, Call, Contender, Failure, Place};

/// Both kinds of credentials; each has a cache, so `headers` waits until it is measured.
#[derive(Clone)]
pub struct GoogleCloudAuth {
    token: AccessTokenCredentials,
    builder: Arc<dyn Fn() -> Result<Credentials, Failure> + Send + Sync>,
}

impl Contender for GoogleCloudAuth {
    const ABOUT: About = About {
        name: "google-cloud-auth",
        flow: "user account, refresh token",
        checks: "the expiry, by the monotonic clock",
        // A token of less than four minutes is renewed every ten seconds.
        margin: Duration::ZERO,
        never_cold: None,
        rejection: Err("has no way to tell it that a call got 401"),
    };

    async fn build(place: Place<'_>) -> Result<Self, Failure> {
        let url = format!("{}/token", place.url);
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

    async fn ask(&self) -> Result<String, Failure> {
        Ok(self.token.access_token().await?.token)
    }

    fn calls(&self) -> Vec<Call> {
        let mut calls =
            vec![Call::awaited("access_token", "`AccessToken`, a `String`", self.clone(), async |it: &Self| {
                it.token.access_token().await
            })];
        if let Ok(credentials) = (self.builder)() {
            let tagged = credentials.clone();
            calls.push(Call::awaited("headers", "`HeaderMap`", credentials, async |credentials: &Credentials| {
                credentials.headers(Extensions::new()).await
            }));
            // Who keeps the headers and their tag gets told that nothing has changed.
            let tag = tokio::sync::OnceCell::new();
            calls.push(Call::awaited(
                "headers, with the tag of the last",
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
