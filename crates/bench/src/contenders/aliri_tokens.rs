//! aliri_tokens: a watcher of a client-credentials source, without its documentation's jitter and file cache.

use std::time::Duration;

use aliri_clock::DurationSecs;
use aliri_tokens::backoff::ErrorBackoffConfig;
use aliri_tokens::jitter::NullJitter;
use aliri_tokens::sources::oauth2::ClientCredentialsTokenSource;
use aliri_tokens::sources::oauth2::dto::{ClientCredentials, ClientCredentialsWithAudience};
use aliri_tokens::{ClientId, ClientSecret, TokenLifetimeConfig, TokenWatcher};

use super::{About, BoxError, Call, Contender, Target};

/// A watcher and the task that renews its token.
#[derive(Clone)]
pub struct AliriTokens(TokenWatcher);

/// Tokens with a shorter lifetime need another configuration: the default one renews no token within 30 s.
const SHORT: Duration = Duration::from_secs(60);

impl Contender for AliriTokens {
    const ABOUT: About =
        About { name: "aliri_tokens", flow: "client credentials", fetches_when_built: true, ..About::DEFAULT };

    async fn build(target: Target<'_>) -> Result<Self, BoxError> {
        let credentials = ClientCredentials {
            client_id: ClientId::from_static("example-id"),
            client_secret: ClientSecret::from_static("example-secret"),
        };
        let credentials = ClientCredentialsWithAudience {
            credentials: credentials.into(),
            audience: aliri::jwt::Audience::from_static("example-audience"),
        };
        let lifetime = if target.lifetime < SHORT {
            TokenLifetimeConfig::new(0.75, DurationSecs(1))
        } else {
            TokenLifetimeConfig::default()
        };
        let url = reqwest_0_12::Url::parse(target.url)?.join("token")?;
        let source = ClientCredentialsTokenSource::new(reqwest_0_12::Client::new(), url, credentials, lifetime);
        Ok(Self(TokenWatcher::spawn_from_token_source(source, NullJitter, ErrorBackoffConfig::default()).await?))
    }

    async fn token(&self) -> Result<String, BoxError> {
        Ok(self.0.token().access_token().as_str().to_owned())
    }

    fn calls(&self) -> Vec<Call> {
        let (borrows, clones) = (self.0.clone(), self.0.clone());
        vec![
            Call::sync("token", "a borrow, under a read lock", move || {
                std::hint::black_box(borrows.token().access_token().as_str().len())
            }),
            Call::sync("token, cloned", "`String`", move || clones.token().access_token().as_str().to_owned()),
        ]
    }
}
