//! gcp_auth: a service account, whose key names its token endpoint.

use std::sync::Arc;
use std::time::Duration;

use gcp_auth::{CustomServiceAccount, TokenProvider};

use super::{About, Call, Contender, Failure, Place, service_account};

/// A provider.
#[derive(Clone)]
pub struct GcpAuth(Arc<dyn TokenProvider>);

const SCOPES: &[&str] = &["api"];

impl Contender for GcpAuth {
    const ABOUT: About = About {
        name: "gcp_auth",
        flow: "service account",
        checks: "the expiry, by the wall clock",
        margin: Duration::from_secs(20),
        never_cold: None,
        rejection: Err("has no way to tell it that a call got 401"),
    };

    async fn build(place: Place<'_>) -> Result<Self, Failure> {
        Ok(Self(Arc::new(CustomServiceAccount::from_json(&service_account::key(place.url)?)?)))
    }

    async fn ask(&self) -> Result<String, Failure> {
        Ok(self.0.token(SCOPES).await?.as_str().to_owned())
    }

    fn calls(&self) -> Vec<Call> {
        vec![Call::awaited("token", "`Arc<Token>`", self.clone(), async |it: &Self| it.0.token(SCOPES).await)]
    }
}
