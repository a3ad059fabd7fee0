//! aliri_tokens: a watcher of a client-credentials source, as its docs spawn one, but for jitter and a cache in a file.

use std::time::Duration;

use aliri_clock::DurationSecs;
use aliri_tokens::backoff::ErrorBackoffConfig;
use aliri_tokens::jitter::NullJitter;
use aliri_tokens::sources::oauth2::ClientCredentialsTokenSource;
use aliri_tokens::sources::oauth2::dto::{ClientCredentials, ClientCredentialsWithAudience};
use aliri_tokens::{ClientId, ClientSecret, TokenLifetimeConfig, TokenWatcher};

use super::{About, Call, Contender, Failure, Place};

/// A watcher, with the task that renews its token.
#[derive(Clone)]
pub struct AliriTokens(TokenWatcher);

/// A token that lives shorter than this wants another configuration than the default, which renews none within 30 s.
const SHORT: Duration = Duration::from_secs(60);

impl Contender for AliriTokens {
    const ABOUT: About = About {
        name: "aliri_tokens",
        flow: "client credentials",
        checks: "nothing: its task is trusted to have renewed it, unless one asks for `token_status`",
        margin: Duration::ZERO,
        never_cold: Some("its constructor waits for the first token"),
        rejection: Err("has no way to tell it that a call got 401"),
    };

    async fn build(place: Place<'_>) -> Result<Self, Failure> {
        let credentials = ClientCredentials {
            client_id: ClientId::from_static("example-id"),
            client_secret: ClientSecret::from_static("example-secret"),
        };
        let credentials = ClientCredentialsWithAudience {
            credentials: credentials.into(),
            audience: aliri::jwt::Audience::from_static("example-audience"),
        };
        let lifetime = match place.life < SHORT {
            true => TokenLifetimeConfig::new(0.75, DurationSecs(1)),
            false => TokenLifetimeConfig::default(),
        };
        let url = reqwest_0_12::Url::parse(place.url)?.join("token")?;
        let source = ClientCredentialsTokenSource::new(reqwest_0_12::Client::new(), url, credentials, lifetime);
        // One instance alone has nobody to be spread from.
        Ok(Self(TokenWatcher::spawn_from_token_source(source, NullJitter, ErrorBackoffConfig::default()).await?))
    }

    async fn ask(&self) -> Result<String, Failure> {
        Ok(self.0.token().access_token().as_str().to_owned())
    }

    fn calls(&self) -> Vec<Call> {
        let (borrows, clones) = (self.0.clone(), self.0.clone());
        vec![
            Call::plain("token", "a borrow, under a read lock", move || {
                std::hint::black_box(borrows.token().access_token().as_str().len())
            }),
            Call::plain("token, kept", "`String`", move || clones.token().access_token().as_str().to_owned()),
        ]
    }
}
