//! The real facade against the sandbox: different code reads the same specs.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use freshtoken::clock::Now;
use freshtoken::env::FromEnv;
use freshtoken::{ErrorKind, HttpClient, TokenSource, Vendor, voucherify, wellnessliving, zenoti};
use freshtoken_sandbox::{Clock, Fault, FaultScope, PlayedVendor, RetryAfter};

use crate::support::{Playing, play, s, start, vendor};

/// The sandbox's clock as the facade's clock, so that both advance together.
struct Shared(Clock);

impl freshtoken::clock::Clock for Shared {
    fn now(&self) -> Now {
        let now = self.0.now();
        Now::new(now.duration_since(start()).unwrap() + s(1_000), now)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let clock = self.0.clone();
        Box::pin(async move { clock.wait_until(clock.now() + duration).await })
    }
}

struct Even;

impl freshtoken::clock::Random for Even {
    fn unit(&self) -> f64 {
        0.0
    }
}

fn source<V: Vendor>(playing: &Playing, (endpoint, credentials): (V, V::Credentials)) -> TokenSource {
    TokenSource::builder(endpoint, credentials).clock(Shared(playing.issuer.clock().clone())).random(Even).build()
}

/// Reads the facade's configuration from the sandbox's variables.
fn from_environment<V: FromEnv>(playing: &Playing) -> (V, V::Credentials) {
    let environment: HashMap<String, String> = playing.issuer.environment().into_iter().collect();
    V::from_vars(&|name| environment.get(name).cloned()).unwrap()
}

fn zenoti_source(playing: &Playing) -> TokenSource {
    source(playing, from_environment::<zenoti::Endpoint>(playing))
}

fn wellnessliving_source(playing: &Playing) -> TokenSource {
    source(playing, from_environment::<wellnessliving::Endpoint>(playing))
}

/// Makes a call with the facade's HTTP client, and returns its status.
async fn call(playing: &Playing, tokens: &TokenSource) -> u16 {
    send(playing, &api(tokens)).await
}

fn api(tokens: &TokenSource) -> HttpClient {
    HttpClient::from_builder(reqwest::Client::builder().no_proxy(), tokens.clone()).unwrap()
}

async fn send(playing: &Playing, api: &HttpClient) -> u16 {
    api.get(playing.url("/v1/business")).allow_origin(playing.url("")).send().await.unwrap().status().as_u16()
}

/// Gets a token in each way that the vendor's spec has, renews it after its expiry, and revokes it.
async fn whole_lifecycle<V: FromEnv>() {
    let vendor = vendor(V::POLICY.vendor);
    let alternatives = vendor.alternatives();
    if alternatives.is_empty() {
        return lifecycle_with::<V>(vendor, V::POLICY.vendor).await;
    }
    for name in alternatives {
        let of = format!("{} with {name}", V::POLICY.vendor);
        lifecycle_with::<V>(vendor.clone().alternative(&name).unwrap(), &of).await;
    }
}

async fn lifecycle_with<V: FromEnv>(vendor: PlayedVendor, name: &str) {
    let playing = play(vendor).await;
    let (endpoint, credentials) = from_environment::<V>(&playing);
    let mut builder = TokenSource::builder(endpoint, credentials);
    if !V::POLICY.login {
        builder = builder.refresh_token(playing.issuer.consent().unwrap());
    }
    let tokens = builder.clock(Shared(playing.issuer.clock().clone())).random(Even).build();
    assert_eq!(call(&playing, &tokens).await, 200, "{name}");
    // Every token of the specs' examples has expired by then.
    playing.issuer.advance_clock(s(25 * 60 * 60));
    assert_eq!(call(&playing, &tokens).await, 200, "{name}");
    let counts = playing.issuer.counts();
    assert_eq!((counts.grants, counts.refused, counts.calls_refused), (2, 0, 0), "{name}");
    assert_eq!((counts.double_spends, counts.early_refreshes), (0, 0), "{name}");
    if V::POLICY.revoke.is_some() {
        tokens.revoke().await.unwrap();
        assert_eq!(playing.issuer.live_tokens(), 0, "{name}");
    }
}

#[tokio::test]
async fn every_vendor_gets_renews_and_revokes_a_token() {
    macro_rules! run {
        ($($vendor:ident)*) => { $(whole_lifecycle::<freshtoken::$vendor::Endpoint>().await;)* };
    }
    freshtoken::for_vendors!(run);
}

#[tokio::test]
async fn wellnessliving_logs_in_calls_and_renews_early() {
    let playing = play(vendor("wellnessliving")).await;
    let tokens = wellnessliving_source(&playing);
    assert_eq!(call(&playing, &tokens).await, 200);
    playing.issuer.advance_clock(s(3600 * 3 / 4));
    assert_eq!(call(&playing, &tokens).await, 200, "no wait is needed");
    while playing.issuer.counts().logins < 2 {
        tokio::task::yield_now().await;
    }
    let counts = playing.issuer.counts();
    assert_eq!((counts.requests, counts.logins, counts.calls_accepted, counts.calls_refused), (2, 2, 2, 0));
}

#[tokio::test]
async fn wrong_credentials_are_a_permanent_error() {
    let playing = play(vendor("wellnessliving")).await;
    let (endpoint, mut credentials) = from_environment::<wellnessliving::Endpoint>(&playing);
    credentials.client_secret = "wrong".into();
    let tokens = source(&playing, (endpoint, credentials));
    for _ in 0..3 {
        let error = tokens.header().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        playing.issuer.advance_clock(s(600));
    }
    assert_eq!(playing.issuer.counts().requests, 1);
}

#[tokio::test]
async fn voucherify_recovers_from_a_401_within_the_call() {
    let playing = play(vendor("voucherify").live_tokens(1)).await;
    let (endpoint, mut credentials) = from_environment::<voucherify::Endpoint>(&playing);
    credentials.scope = [voucherify::types::Scope::Api, voucherify::types::Scope::MetadataSchemas].into();
    let tokens = source(&playing, (endpoint, credentials));
    assert_eq!(call(&playing, &tokens).await, 200);
    assert_eq!(playing.issuer.revoke_all(), 1);
    assert_eq!(call(&playing, &tokens).await, 200);
    tokens.revoke().await.unwrap();
    assert_eq!(playing.issuer.live_tokens(), 0);
    let counts = playing.issuer.counts();
    assert_eq!((counts.logins, counts.revocations, counts.calls_accepted, counts.calls_refused), (2, 1, 2, 1));
}

#[tokio::test]
async fn zenoti_is_refreshed_at_expiry_and_never_before() {
    let playing = play(vendor("zenoti").lifetime(s(60))).await;
    let tokens = zenoti_source(&playing);
    let api = api(&tokens);
    assert_eq!(send(&playing, &api).await, 200);
    for _ in 0..3 {
        for _ in 0..58 {
            playing.issuer.advance_clock(s(1));
            assert_eq!(send(&playing, &api).await, 200);
        }
        // The expiry, plus the facade's margin for clocks that differ.
        playing.issuer.advance_clock(s(5));
        assert_eq!(send(&playing, &api).await, 200);
    }
    let counts = playing.issuer.counts();
    assert_eq!((counts.logins, counts.refreshes, counts.refresh_tokens_spent), (1, 3, 3));
    assert_eq!((counts.early_refreshes, counts.double_spends, counts.calls_refused), (0, 0, 0));
    tokens.revoke().await.unwrap();
    assert_eq!(playing.issuer.live_tokens(), 0);
}

#[tokio::test]
async fn a_lost_refresh_response_is_followed_by_a_login() {
    for fault in [
        Fault::reset_after(),
        Fault::truncated(),
        Fault::oversized(100_000),
        Fault::expired_token(),
        Fault::server_error(),
    ] {
        let playing = play(vendor("zenoti").lifetime(s(60))).await;
        let tokens = zenoti_source(&playing);
        assert_eq!(call(&playing, &tokens).await, 200);
        playing.issuer.inject(fault.clone().on(FaultScope::Refresh));
        playing.issuer.advance_clock(s(70));
        assert_eq!(call(&playing, &tokens).await, 200, "{fault}");
        let counts = playing.issuer.counts();
        assert_eq!(
            (counts.logins, counts.faults, counts.double_spends, counts.early_refreshes),
            (2, 1, 0, 0),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn the_source_waits_as_long_as_a_429_says() {
    for form in [RetryAfter::Seconds, RetryAfter::Date] {
        let playing = play(vendor("wellnessliving")).await;
        let tokens = wellnessliving_source(&playing);
        playing.issuer.inject(Fault::too_many_requests(form, s(45)));
        assert_eq!(tokens.header().await.unwrap_err().kind(), ErrorKind::Unavailable);
        playing.issuer.advance_clock(s(44));
        assert!(tokens.header().await.is_err());
        assert_eq!(playing.issuer.counts().requests, 1, "no request is made in the meantime");
        playing.issuer.advance_clock(s(2));
        assert!(tokens.header().await.is_ok());
    }
}

#[tokio::test]
async fn a_wrong_vendor_clock_does_no_harm() {
    for seconds in [-7_200, 7_200] {
        let playing = play(vendor("zenoti").lifetime(s(60))).await;
        let tokens = zenoti_source(&playing);
        playing.issuer.inject(Fault::clock_off(seconds).times(2));
        assert_eq!(call(&playing, &tokens).await, 200);
        playing.issuer.advance_clock(s(55));
        assert_eq!(call(&playing, &tokens).await, 200);
        playing.issuer.advance_clock(s(10));
        assert_eq!(call(&playing, &tokens).await, 200);
        let counts = playing.issuer.counts();
        assert_eq!((counts.logins, counts.refreshes, counts.early_refreshes, counts.calls_refused), (1, 1, 0, 0));
    }
}
