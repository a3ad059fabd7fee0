//! freshtoken: a generated vendor, as the README shows.

use freshtoken::{TokenSource, voucherify};

use super::{About, BoxError, Call, Contender, Target};

/// A token source.
#[derive(Clone)]
pub struct Freshtoken(TokenSource);

impl Contender for Freshtoken {
    const ABOUT: About = About {
        name: "freshtoken",
        flow: "`voucherify`, client credentials",
        checks: Some("the expiry, by the coarse monotonic clock and the wall clock"),
        rejection: Some("`rejected`"),
        ..About::DEFAULT
    };

    async fn build(target: Target<'_>) -> Result<Self, BoxError> {
        Ok(Self(TokenSource::new(voucherify::Endpoint::at(target.url)?, credentials())))
    }

    async fn token(&self) -> Result<String, BoxError> {
        Ok(self.0.header().await?.to_str()?.to_owned())
    }

    async fn rejected(&self, token: &str) {
        if let Ok(header) = http::HeaderValue::from_str(token) {
            self.0.rejected(&header);
        }
    }

    fn calls(&self) -> Vec<Call> {
        let tokens = self.0.clone();
        vec![
            Call::sync("try_header", "`HeaderValue`", move || tokens.try_header()),
            Call::awaited("header", "`HeaderValue`", self.0.clone(), async |tokens: &TokenSource| {
                tokens.header().await
            }),
            Call::awaited("token", "`Token` with its header", self.0.clone(), async |tokens: &TokenSource| {
                tokens.token().await
            }),
        ]
    }
}

/// Invented credentials of the vendor.
pub fn credentials() -> voucherify::Credentials {
    voucherify::Credentials {
        scope: vec![voucherify::types::Scope::Api].into(),
        app_id: "example-id".into(),
        app_token: "example-secret".into(),
    }
}
