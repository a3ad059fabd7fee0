//! yup-oauth2: a service account, whose key names its token endpoint.

use std::time::Duration;

use yup_oauth2::ServiceAccountAuthenticator;
use yup_oauth2::authenticator::DefaultAuthenticator;

use super::{About, Call, Contender, Failure, Place, service_account};

/// An authenticator, with its default storage in memory.
#[derive(Clone)]
pub struct YupOauth2(DefaultAuthenticator);

const SCOPES: &[&str] = &["api"];

impl Contender for YupOauth2 {
    const ABOUT: About = About {
        name: "yup-oauth2",
        flow: "service account",
        checks: "the expiry, by the wall clock",
        margin: Duration::from_secs(60),
        never_cold: None,
        rejection: Ok("`force_refreshed_token`"),
    };

    async fn build(place: Place<'_>) -> Result<Self, Failure> {
        let key = yup_oauth2::parse_service_account_key(service_account::key(place.url)?)?;
        Ok(Self(ServiceAccountAuthenticator::builder(key).build().await?))
    }

    async fn ask(&self) -> Result<String, Failure> {
        Ok(self.0.token(SCOPES).await?.token().ok_or("no token")?.to_owned())
    }

    async fn rejected(&self, _: &str) {
        let _ = self.0.force_refreshed_token(SCOPES).await;
    }

    fn calls(&self) -> Vec<Call> {
        vec![Call::awaited("token", "`AccessToken`, a `String`", self.0.clone(), async |it: &DefaultAuthenticator| {
            it.token(SCOPES).await
        })]
    }
}
