//! gcp_auth: a service account. The key file names the token endpoint.

use std::sync::Arc;
use std::time::Duration;

use gcp_auth::{CustomServiceAccount, TokenProvider};

use super::{About, BoxError, Call, Contender, Target, service_account};

/// A provider.
#[derive(Clone)]
pub struct GcpAuth(Arc<dyn TokenProvider>);

const SCOPES: &[&str] = &["api"];

impl Contender for GcpAuth {
    const ABOUT: About = About {
        name: "gcp_auth",
        flow: "service account",
        checks: Some("the expiry, by the wall clock"),
        margin: Duration::from_secs(20),
        ..About::DEFAULT
    };

    async fn build(target: Target<'_>) -> Result<Self, BoxError> {
        Ok(Self(Arc::new(CustomServiceAccount::from_json(&service_account::key(target.url)?)?)))
    }

    async fn token(&self) -> Result<String, BoxError> {
        Ok(self.0.token(SCOPES).await?.as_str().to_owned())
    }

    fn calls(&self) -> Vec<Call> {
        vec![Call::awaited("token", "`Arc<Token>`", self.clone(), async |source: &Self| source.0.token(SCOPES).await)]
    }
}
