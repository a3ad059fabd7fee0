//! aws-smithy-runtime: the lazy identity cache of the AWS SDK's clients, in front of a single POST. The test helpers supply
//! its components, because there is no generated client here; clock and sleep are the real ones.

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

use super::{About, BoxError, Call, Contender, Target};

/// A cache and what a client passes to it.
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
            let response = self.http.post(&self.url).form(&form).send().await?.error_for_status()?;
            let response: serde_json::Value = response.json().await?;
            let token = response["access_token"].as_str().ok_or("no token")?;
            let expiry = SystemTime::now() + Duration::from_secs(response["expires_in"].as_u64().ok_or("no lifetime")?);
            Ok(Identity::new(Token::new(token, Some(expiry)), Some(expiry)))
        })
    }
}

impl Contender for AwsSmithyRuntime {
    const ABOUT: About = About {
        name: "aws-smithy-runtime",
        flow: "lazy identity cache in front of one POST",
        checks: Some("the expiry, by the wall clock"),
        // Minus a random part of up to a half.
        margin: Duration::from_secs(10),
        ..About::DEFAULT
    };

    async fn build(target: Target<'_>) -> Result<Self, BoxError> {
        let post = Post { http: reqwest::Client::new(), url: format!("{}/token", target.url) };
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

    async fn token(&self) -> Result<String, BoxError> {
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
