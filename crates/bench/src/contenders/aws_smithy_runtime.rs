//! aws-smithy-runtime: the lazy identity cache of the AWS SDK's clients. It has no login of its own; one post is behind it
//! here. Its components come from its test helpers, which is the shortest way without a whole generated client; clock and
//! sleep are the real ones.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::identity::http::Token;
use aws_smithy_runtime_api::client::identity::{
    Identity, IdentityFuture, ResolveCachedIdentity, ResolveIdentity, SharedIdentityCache, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;

use super::{About, Call, Contender, Failure, Place};

/// A cache with what a client would hand to it.
#[derive(Clone)]
pub struct AwsSmithyRuntime(Arc<Parts>);

struct Parts {
    cache: SharedIdentityCache,
    resolver: SharedIdentityResolver,
    components: RuntimeComponents,
    config: ConfigBag,
}

#[derive(Debug)]
struct Post {
    http: reqwest::Client,
    url: String,
}

impl ResolveIdentity for Post {
    fn resolve_identity<'a>(&'a self, _: &'a RuntimeComponents, _: &'a ConfigBag) -> IdentityFuture<'a> {
        IdentityFuture::new(async {
            let form = [("grant_type", "client_credentials"), ("client_id", "example-id"), ("scope", "api")];
            let answer = self.http.post(&self.url).form(&form).send().await?.error_for_status()?;
            let answer: serde_json::Value = answer.json().await?;
            let token = answer["access_token"].as_str().ok_or("no token")?;
            let end = SystemTime::now() + Duration::from_secs(answer["expires_in"].as_u64().ok_or("no life")?);
            Ok(Identity::new(Token::new(token, Some(end)), Some(end)))
        })
    }
}

impl Contender for AwsSmithyRuntime {
    const ABOUT: About = About {
        name: "aws-smithy-runtime",
        flow: "lazy identity cache before one post",
        checks: "the expiry, by the wall clock",
        // Less a random part, at most half.
        margin: Duration::from_secs(10),
        never_cold: None,
        rejection: Err("has no way to tell it that a call got 401"),
    };

    async fn build(place: Place<'_>) -> Result<Self, Failure> {
        let post = Post { http: reqwest::Client::new(), url: format!("{}/token", place.url) };
        let components = RuntimeComponentsBuilder::for_tests()
            .with_sleep_impl(Some(SharedAsyncSleep::new(TokioSleep::new())))
            .with_time_source(Some(SharedTimeSource::new(SystemTimeSource::new())))
            .build()?;
        Ok(Self(Arc::new(Parts {
            cache: IdentityCache::lazy().build(),
            resolver: SharedIdentityResolver::new(post),
            components,
            config: ConfigBag::base(),
        })))
    }

    async fn ask(&self) -> Result<String, Failure> {
        let parts = &*self.0;
        let identity = parts.cache.resolve_cached_identity(parts.resolver.clone(), &parts.components, &parts.config);
        Ok(identity.await?.data::<Token>().ok_or("no token")?.token().to_owned())
    }

    fn calls(&self) -> Vec<Call> {
        vec![Call::awaited("resolve_cached_identity", "`Identity`", self.0.clone(), async |parts: &Arc<Parts>| {
            let resolver = parts.resolver.clone();
            parts.cache.resolve_cached_identity(resolver, &parts.components, &parts.config).await
        })]
    }
}
