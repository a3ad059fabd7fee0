//! The blocking API: what arrives at the issuer and the server, and which threads may wait.
#![cfg(feature = "blocking")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/server.rs"]
mod server;
mod support;

use std::io::Read;
use std::sync::{Arc, Barrier};
use std::thread;

use freshtoken::blocking::{HttpClient, TokenSource};
use freshtoken::{ErrorKind, HttpError, TokenPolicy};
use server::{Act, Response, Server};
use support::{Does, Fixed, Issuer, TestClock, acme, every_text, s};

policy!(Early = TokenPolicy::new("acme"));

struct Test {
    issuer: Issuer,
    clock: TestClock,
    tokens: TokenSource,
}

fn test(does: Does) -> Test {
    let (issuer, clock) = (Issuer::new(does), TestClock::new());
    let source = freshtoken::TokenSource::builder(acme::<Early>(&issuer), "password".to_owned());
    let tokens = source.clock(clock.clone()).random(Fixed(0.0)).build().into();
    Test { issuer, clock, tokens }
}

/// Waits until the issuer has seen this, which the background thread does.
fn seen(issuer: &Issuer, expected: &[&str]) {
    let mut seen = Vec::new();
    let start = std::time::Instant::now();
    while seen.len() < expected.len() && start.elapsed() < s(20) {
        seen.extend(issuer.seen());
        thread::yield_now();
    }
    assert_eq!(seen, expected);
}

fn text(header: &http::HeaderValue) -> &str {
    header.to_str().unwrap()
}

#[test]
fn fifty_threads_share_one_login() {
    let Test { issuer, tokens, .. } = test(Does::issues(s(3600)));
    issuer.close();
    let barrier = Arc::new(Barrier::new(51));
    let threads: Vec<_> = (0..50)
        .map(|_| {
            let (tokens, barrier) = (tokens.clone(), barrier.clone());
            thread::spawn(move || {
                barrier.wait();
                tokens.header().unwrap()
            })
        })
        .collect();
    barrier.wait();
    seen(&issuer, &["login"]);
    assert!(tokens.try_header().is_none());
    issuer.open();
    for thread in threads {
        assert_eq!(text(&thread.join().unwrap()), "Bearer token-1");
    }
    assert_eq!((issuer.seen().len(), text(&tokens.try_header().unwrap())), (0, "Bearer token-1"));
}

#[test]
fn a_due_token_is_served_and_renewed_in_the_background() {
    let Test { issuer, clock, tokens } = test(Does::issues(s(1000)));
    tokens.warm_up().unwrap();
    seen(&issuer, &["login"]);
    clock.advance(s(760));
    assert_eq!(text(&tokens.try_header().unwrap()), "Bearer token-1");
    seen(&issuer, &["login"]);
    while tokens.status().is_renewing {
        thread::yield_now();
    }
    assert_eq!(text(&tokens.header().unwrap()), "Bearer token-2");
}

#[test]
fn a_token_is_renewed_without_callers_if_asked_for() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(1000))), TestClock::new());
    let source = freshtoken::TokenSource::builder(acme::<Early>(&issuer), "password".to_owned());
    let source = source.clock(clock.clone()).random(Fixed(0.0)).refresh_in_background();
    let record = freshtoken::IssuedTokens::new("token-0").expires_in(s(1000));
    let tokens = TokenSource::from(source.token(record).build());
    while clock.sleepers() == 0 {
        thread::yield_now();
    }
    clock.advance(s(760));
    seen(&issuer, &["login"]);
    drop(tokens);
}

#[test]
fn a_refusal_is_the_same_error_as_in_async_code() {
    let Test { tokens, .. } = test(Does::Refuses);
    let error = tokens.header().unwrap_err();
    assert_eq!((error.kind(), tokens.status().counters.logins), (ErrorKind::Refused, 1));
    assert!(!every_text(&error).contains("password"));
}

#[test]
fn a_rejected_token_is_replaced_and_a_revocation_is_refused_without_an_operation() {
    let Test { issuer, tokens, .. } = test(Does::issues(s(3600)));
    let header = tokens.header().unwrap();
    tokens.accepted(&header);
    tokens.rejected(&header);
    assert_eq!(text(&tokens.header().unwrap()), "Bearer token-2");
    assert_eq!(tokens.revoke().unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(issuer.seen(), ["login", "login"]);
}

#[tokio::test]
async fn async_code_gets_an_error_instead_of_a_stopped_thread() {
    let Test { issuer, tokens, .. } = test(Does::issues(s(3600)));
    issuer.close();
    let error = tokens.header().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AsyncContext);
    assert_eq!(
        error.to_string(),
        "acme: cannot get a token here: async code must not block; await the async TokenSource instead"
    );
    assert_eq!(tokens.revoke().unwrap_err().kind(), ErrorKind::AsyncContext);
    let api = HttpClient::new(tokens.clone()).unwrap().base_url("http://localhost").unwrap();
    assert!(matches!(api.get("").send(), Err(HttpError::AsyncContext)));
    issuer.open();
    assert_eq!(text(&tokens.as_async().header().await.unwrap()), "Bearer token-1");
    // A fresh token needs no waiting, and nothing here panics when it is dropped.
    assert_eq!(text(&tokens.header().unwrap()), "Bearer token-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_of_a_runtime_that_may_block_may_wait() {
    let Test { tokens, .. } = test(Does::issues(s(3600)));
    let header = |tokens: &TokenSource| text(&tokens.header().unwrap()).to_owned();
    let blocking = tokens.clone();
    assert_eq!(tokio::task::spawn_blocking(move || header(&blocking)).await.unwrap(), "Bearer token-1");
    tokens.rejected(&tokens.header().unwrap());
    assert_eq!(tokio::task::block_in_place(|| header(&tokens)), "Bearer token-2");
}

#[test]
fn a_source_outlives_the_runtimes_of_its_callers() {
    let Test { tokens, .. } = test(Does::issues(s(3600)));
    for number in 1..=2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // Entered, but not async.
        let _entered = runtime.enter();
        assert_eq!(text(&tokens.header().unwrap()), format!("Bearer token-{number}"));
        tokens.rejected(&tokens.header().unwrap());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn one_thread_serves_all_sources() {
    for _ in 0..10 {
        test(Does::issues(s(3600))).tokens.header().unwrap();
    }
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    assert_eq!(names.filter(|name| name == "freshtoken\n").count(), 1);
}

fn api(server: &Server, tokens: TokenSource) -> HttpClient {
    HttpClient::new(tokens).unwrap().base_url(format!("{}/v1", server.url())).unwrap()
}

#[test]
fn a_401_renews_the_token_and_the_call_is_repeated_once() {
    let server = Server::new(Response::json(200, r#"{"a":1}"#));
    server.does_once(Response::new(401));
    let Test { issuer, tokens, .. } = test(Does::issues(s(3600)));
    let api = api(&server, tokens);
    let response = api.post("orders").query(&[("q", "1")]).json(&[1, 2]).send().unwrap().error_for_status().unwrap();
    assert_eq!((response.status().as_u16(), response.content_length()), (200, Some(7)));
    assert_eq!(response.json::<serde_json::Value>().unwrap()["a"], 1);
    let requests = server.requests();
    let arrived = requests
        .iter()
        .map(|request| format!("{} {} {:?}", request.line, request.body, request.header("authorization").unwrap()));
    let arrived: Vec<_> = arrived.collect();
    assert_eq!(
        arrived,
        [r#"POST /v1/orders?q=1 [1,2] "Bearer token-1""#, r#"POST /v1/orders?q=1 [1,2] "Bearer token-2""#]
    );
    assert_eq!(issuer.seen(), ["login", "login"]);
}

#[test]
fn a_body_is_read_as_a_stream_text_or_bytes() {
    let long = "a token bucket ".repeat(20_000);
    let server = Server::new(Response::new(200).body(long.clone()));
    let api = api(&server, test(Does::issues(s(3600))).tokens);
    let mut streamed = String::new();
    api.get("").send().unwrap().read_to_string(&mut streamed).unwrap();
    assert!(streamed == long);
    assert!(api.get("").send().unwrap().text().unwrap() == long);
    assert!(api.get("").send().unwrap().bytes().unwrap() == long.as_bytes());
}

#[test]
fn a_broken_body_is_an_error_and_not_a_short_read() {
    let server = Server::new(Act::Truncates(Response::new(200).body("a body that breaks off")));
    let api = api(&server, test(Does::issues(s(3600))).tokens);
    let mut read = Vec::new();
    let error = api.get("").send().unwrap().read_to_end(&mut read).unwrap_err();
    assert!(error.get_ref().unwrap().is::<HttpError>(), "{error:?}");
    assert!(matches!(api.get("").send().unwrap().text(), Err(HttpError::Http(_))));
}

#[test]
fn the_token_goes_to_named_origins_only() {
    let (server, other) = (Server::new(Response::new(200)), Server::new(Response::new(200)));
    let api = api(&server, test(Does::issues(s(3600))).tokens);
    assert!(matches!(api.get(other.url()).send(), Err(HttpError::ForeignOrigin(_))));
    api.get(other.url()).allow_origin(other.url()).send().unwrap();
    assert_eq!((server.requests().len(), other.requests().len()), (0, 1));
}
