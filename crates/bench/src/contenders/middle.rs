//! middle: the authorizer of its README.

use std::time::Duration;

use middle::{Authorizer, BasicClientCredentialAuthorizer};

use super::{About, Call, Contender, Failure, Place};

/// An authorizer, with the task that renews its token.
#[derive(Clone)]
pub struct Middle(BasicClientCredentialAuthorizer);

impl Contender for Middle {
    const ABOUT: About = About {
        name: "middle",
        flow: "client credentials",
        checks: "the expiry, by the monotonic clock",
        margin: Duration::ZERO,
        never_cold: Some("its constructor waits for the first token"),
        rejection: Err("has no way to tell it that a call got 401"),
    };

    async fn build(place: Place<'_>) -> Result<Self, Failure> {
        let url = url::Url::parse(place.url)?.join("token")?;
        let builder = BasicClientCredentialAuthorizer::basic_builder("example-id", "example-secret", url);
        Ok(Self(builder.add_scope("api").build().await?))
    }

    async fn ask(&self) -> Result<String, Failure> {
        Ok(self.0.authorization_header()?.to_str()?.to_owned())
    }

    fn calls(&self) -> Vec<Call> {
        let authorizer = self.0.clone();
        vec![Call::plain("authorization_header", "`Arc<HeaderValue>`", move || authorizer.authorization_header())]
    }
}
