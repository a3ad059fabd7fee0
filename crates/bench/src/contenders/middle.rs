//! middle: the authorizer from its README.

use middle::{Authorizer, BasicClientCredentialAuthorizer};

use super::{About, BoxError, Call, Contender, Target};

/// An authorizer and the task that renews its token.
#[derive(Clone)]
pub struct Middle(BasicClientCredentialAuthorizer);

impl Contender for Middle {
    const ABOUT: About = About {
        name: "middle",
        flow: "client credentials",
        checks: Some("the expiry, by the monotonic clock"),
        fetches_when_built: true,
        ..About::DEFAULT
    };

    async fn build(target: Target<'_>) -> Result<Self, BoxError> {
        let url = url::Url::parse(target.url)?.join("token")?;
        let builder = BasicClientCredentialAuthorizer::basic_builder("example-id", "example-secret", url);
        Ok(Self(builder.add_scope("api").build().await?))
    }

    async fn token(&self) -> Result<String, BoxError> {
        Ok(self.0.authorization_header()?.to_str()?.to_owned())
    }

    fn calls(&self) -> Vec<Call> {
        let authorizer = self.0.clone();
        vec![Call::sync("authorization_header", "`Arc<HeaderValue>`", move || authorizer.authorization_header())]
    }
}
