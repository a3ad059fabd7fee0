//! yup-oauth2: a service account. The key file names the token endpoint.

use std::time::Duration;

use yup_oauth2::ServiceAccountAuthenticator;
use yup_oauth2::authenticator::DefaultAuthenticator;

use super::{About, BoxError, Call, Contender, Target, service_account};

/// An authenticator with its default in-memory storage.
#[derive(Clone)]
pub struct YupOauth2(DefaultAuthenticator);

const SCOPES: &[&str] = &["api"];

impl Contender for YupOauth2 {
    const ABOUT: About = About {
        name: "yup-oauth2",
        flow: "service account",
        checks: Some("the expiry, by the wall clock"),
        margin: Duration::from_secs(60),
        rejection: Some("`force_refreshed_token`"),
        ..About::DEFAULT
    };

    async fn build(target: Target<'_>) -> Result<Self, BoxError> {
        let key = yup_oauth2::parse_service_account_key(service_account::key(target.url)?)?;
        Ok(Self(ServiceAccountAuthenticator::builder(key).build().await?))
    }

    async fn token(&self) -> Result<String, BoxError> {
        Ok(self.0.token(SCOPES).await?.token().ok_or("no token")?.to_owned())
    }

    async fn rejected(&self, _: &str) {
        let _ = self.0.force_refreshed_token(SCOPES).await;
    }

    fn calls(&self) -> Vec<Call> {
        vec![Call::awaited(
            "token",
            "`AccessToken`, a `String`",
            self.0.clone(),
            async |source: &DefaultAuthenticator| source.token(SCOPES).await,
        )]
    }
}
