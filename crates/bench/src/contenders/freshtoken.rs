//! freshtoken: a vendor of its own, as the README shows it.

use std::time::Duration;

use freshtoken::{TokenSource, voucherify};

use super::{About, Call, Contender, Failure, Place};

/// A token source.
#[derive(Clone)]
pub struct Freshtoken(TokenSource);

impl Contender for Freshtoken {
    const ABOUT: About = About {
        name: "freshtoken",
        flow: "`voucherify`, client credentials",
        checks: "the expiry, by the coarse monotonic clock and the wall clock",
        margin: Duration::ZERO,
        never_cold: None,
        rejection: Ok("`rejected`"),
    };

    async fn build(place: Place<'_>) -> Result<Self, Failure> {
        let credentials = voucherify::Credentials {
            scope: vec![voucherify::types::Scope::Api].into(),
            app_id: "example-id".into(),
            app_token: "example-secret".into(),
        };
        Ok(Self(TokenSource::new(voucherify::Endpoint::at(place.url)?, credentials)))
    }

    async fn ask(&self) -> Result<String, Failure> {
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
            Call::plain("try_header", "`HeaderValue`", move || tokens.try_header()),
            Call::awaited("header", "`HeaderValue`", self.0.clone(), async |tokens: &TokenSource| {
                tokens.header().await
            }),
            Call::awaited("token", "`Token`, which has the header", self.0.clone(), async |tokens: &TokenSource| {
                tokens.token().await
            }),
        ]
    }
}
