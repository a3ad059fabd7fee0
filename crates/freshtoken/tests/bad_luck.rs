//! Bad luck: everything that can go wrong between a token source and a server, and odd user input. Each case ends in a clear
//! error or the right token after the expected number of requests, and nothing hangs.
//!
//! `vendor_rules.rs` covers success, and Zenoti's lost refreshes.

#![cfg(all(feature = "voucherify", feature = "wellnessliving", feature = "zenoti"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test may")]

#[path = "support/server.rs"]
mod server;
mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use freshtoken::status::{RejectionOutcome, State};
use freshtoken::store::{Entry, Key, Loaded, MemoryStore, Store, StoreError};
use freshtoken::{
    CredentialSource, Error, ErrorKind, TokenSource, http_client_builder, voucherify, wellnessliving, zenoti,
};
use freshtoken_voucherify::{BodyProblem, ErrorKind as Cause};
use server::{
    Act, DAY, Response, Server, ask, builder, landed, limit, nobody, unix, voucherify_at, voucherify_credentials,
    voucherify_token, voucherify_token_with, wellnessliving_token, zenoti_at, zenoti_credentials, zenoti_pair,
};
use support::{TestClock, s, settle, start};
use tokio::runtime::{Builder, Handle, Runtime};

fn cause(error: &Error) -> &voucherify::Error {
    error.vendor_error().unwrap_or_else(|| panic!("no error of the vendor: {error:?}"))
}

/// A source whose first request gets this response, and any further one the token `good`.
fn unlucky(act: impl Into<Act>, clock: &TestClock) -> (Server, TokenSource) {
    let server = Server::new(voucherify_token("good", clock.wall()));
    server.does_once(act);
    let tokens = voucherify_at(&server, clock);
    (server, tokens)
}

/// A fault of the first request, the wait after it, and the vendor's error.
type Case<'a> = (&'a str, Act, u64, Option<(Cause, Option<u16>)>);

/// A transient failure: all callers get it without a request until the wait has elapsed, and then the good token.
async fn passes((case, act, wait, said): Case<'_>) {
    let clock = TestClock::new();
    let (server, tokens) = unlucky(act, &clock);
    for age in [0, wait - 1] {
        clock.advance(s(age));
        let error = ask(&tokens).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(wait - age))), "{case}");
        assert!(error.is_transient(), "{case}");
        let cause = error.vendor_error::<voucherify::Error>();
        assert_eq!(cause.map(|cause| (without_place(cause.kind()), cause.status())), said, "{case}: {error:?}");
        assert_eq!((tokens.status().state, server.connections()), (State::BackingOff, 1), "{case}");
    }
    clock.advance(s(1));
    assert_eq!(ask(&tokens).await.unwrap(), "good", "{case}");
    assert_eq!(server.connections(), 2, "{case}");
}

/// Omits the place in the body.
fn without_place(kind: Cause) -> Cause {
    match kind {
        Cause::Body(BodyProblem::Unexpected { .. }) => Cause::Body(BodyProblem::Unexpected { line: 0, column: 0 }),
        kind => kind,
    }
}

/// A permanent refusal: all callers get it, and no further request is sent for an hour or until the credentials change.
async fn stays(case: &str, act: Act, said: (Cause, Option<u16>)) -> Error {
    let clock = TestClock::new();
    let (server, tokens) = unlucky(act, &clock);
    let mut last = None;
    for age in [0, 1_800, 3_599] {
        clock.advance(s(age) - (clock.monotonic() - s(1_000)));
        let error = ask(&tokens).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Refused, Some(s(3_600 - age))), "{case}");
        assert_eq!((cause(&error).kind(), cause(&error).status()), said, "{case}");
        last = Some(error);
    }
    assert_eq!((tokens.status().state, server.connections()), (State::Dead, 1), "{case}");
    tokens.credentials_changed();
    server.does(voucherify_token("good", clock.wall()));
    assert_eq!(ask(&tokens).await.unwrap(), "good", "{case}");
    last.unwrap()
}

const OVER_64_KIB: usize = 64 * 1024 + 1;

#[tokio::test]
async fn a_throttled_source_waits_as_told() {
    let too_many = || Response::json(429, r#"{"code":429,"key":"too_many_requests","message":"Slow down"}"#);
    // The issuer's clock is five minutes fast, which changes nothing.
    let issuer = start() + s(300);
    let date = |wait: u64| httpdate::fmt_http_date(issuer + s(wait));
    let unix = |wait: u64| unix(issuer + s(wait)).to_string();
    let dated = || too_many().date(issuer);
    let cases = [
        ("seconds", too_many().header("retry-after", "42"), 42),
        ("a date", dated().header("retry-after", date(42)), 42),
        ("a date that is over", dated().header("retry-after", date(0)), 1),
        ("the vendor's header", dated().header("x-rate-limit-retry", unix(42)), 42),
        ("both", dated().header("retry-after", "7").header("x-rate-limit-retry", unix(42)), 7),
        ("both, one unreadable", dated().header("retry-after", "soon").header("x-rate-limit-retry", unix(42)), 42),
        ("neither", too_many(), 1),
        ("zero", too_many().header("retry-after", "0"), 1),
        ("negative", too_many().header("retry-after", "-42"), 1),
        ("no number", too_many().header("retry-after", "soon"), 1),
        ("more than anyone means", too_many().header("retry-after", "99999999999999999999"), DAY),
        ("plain text", Response::new(429).header("content-type", "text/plain").body("Slow down"), 1),
        ("no body", Response::new(429).header("retry-after", "42"), 42),
        ("at 503", Response::html(503, "<html>Down for the night</html>").header("retry-after", "42"), 42),
    ];
    for (case, response, wait) in cases {
        let status = if case == "at 503" { 503 } else { 429 };
        passes((case, response.into(), wait, Some((Cause::Status, Some(status))))).await;
    }
}

#[tokio::test]
async fn a_transient_failure_is_shared_and_retried_after_a_second() {
    let good = || voucherify_token("token", start());
    let page = "<html>Welcome to the hotel's network</html>";
    let large = vec![b' '; OVER_64_KIB];
    let body = |problem| Some((Cause::Body(problem), Some(200)));
    let unexpected = body(BodyProblem::Unexpected { line: 0, column: 0 });
    let cases: [Case<'_>; 17] = [
        ("500", Response::json(500, r#"{"code":500,"message":"Sorry"}"#).into(), 1, Some((Cause::Status, Some(500)))),
        ("500 without a body", Response::new(500).into(), 1, Some((Cause::Status, Some(500)))),
        ("a page at 503", Response::html(503, page).into(), 1, Some((Cause::Status, Some(503)))),
        ("too large at 502", Response::html(502, page).body(large.clone()).into(), 1, Some((Cause::Status, Some(502)))),
        ("cut off at 500", Act::Truncates(Response::html(500, page)), 1, Some((Cause::Status, Some(500)))),
        ("a page at 200", Response::html(200, page).into(), 1, body(BodyProblem::NotJson)),
        ("nothing at 200", Response::new(200).into(), 1, body(BodyProblem::Empty)),
        ("nothing at 204", Response::new(204).into(), 1, Some((Cause::Status, Some(204)))),
        ("compressed", Response::new(200).body([0x1f, 0x8b, 8, 0]).into(), 1, body(BodyProblem::NotJson)),
        ("too large", good().body(large.clone()).into(), 1, body(BodyProblem::TooLarge)),
        ("too large, unsaid", good().body(large).without_length().into(), 1, body(BodyProblem::TooLarge)),
        ("cut off", Act::Truncates(good()), 1, Some((Cause::Interrupted, Some(200)))),
        ("no response after the request", Act::Resets, 1, Some((Cause::Interrupted, None))),
        ("reset before the request is read", Act::ResetsUnread, 1, Some((Cause::Interrupted, None))),
        ("an empty token", good().replace(r#""token""#, r#""""#).into(), 1, Some((Cause::ErrorInSuccess, Some(200)))),
        ("no token", good().replace("access_token", "x").into(), 1, unexpected),
        ("an expired token", voucherify_token_with("token", "0", &unix(start() - s(60)).to_string()).into(), 1, None),
    ];
    for case in cases {
        passes(case).await;
    }
}

#[tokio::test]
async fn a_token_that_no_header_can_hold_is_a_failure() {
    for token in ["a\\nb", "a\\rb", "a\\u0000b", "a\\u007fb", "a\\tb", "a\\u00e9b", "a\\u2028b"] {
        let clock = TestClock::new();
        let response = voucherify_token(token, clock.wall());
        let (server, tokens) = unlucky(response, &clock);
        let error = ask(&tokens).await.unwrap_err();
        let text = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(text, "the access token has a character that a header cannot hold", "{token}");
        clock.advance(s(1));
        assert_eq!(ask(&tokens).await.unwrap(), "good");
        assert_eq!(server.count(), 2);
    }
}

#[tokio::test]
async fn two_unusable_responses_in_a_row_back_off_ten_minutes() {
    let expired = voucherify_token_with("token", "0", &unix(start() - s(60)).to_string());
    for response in
        [Response::html(200, "<html>Welcome</html>"), Response::new(204), Response::json(201, "{}"), expired]
    {
        let clock = TestClock::new();
        let server = Server::new(response);
        let tokens = voucherify_at(&server, &clock);
        assert_eq!(ask(&tokens).await.unwrap_err().kind(), ErrorKind::Unavailable);
        clock.advance(s(1));
        for _ in 0..3 {
            let error = ask(&tokens).await.unwrap_err();
            assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Unusable, false));
            clock.advance(s(199));
        }
        assert_eq!(server.count(), 2);
        server.does(voucherify_token("good", clock.wall()));
        clock.advance(s(3));
        assert_eq!(ask(&tokens).await.unwrap(), "good");
    }
}

#[tokio::test]
async fn a_revocation_with_an_undocumented_success_status_is_done() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    let tokens = voucherify_at(&server, &clock);
    ask(&tokens).await.unwrap();
    // The spec says 204.
    server.does_once(Response::json(200, "{}"));
    limit(tokens.revoke()).await.unwrap();
    assert_eq!(tokens.status().state, State::Empty);
}

#[tokio::test]
async fn a_4xx_without_a_code_passes() {
    for status in [400, 401, 403, 404, 405, 407, 413, 418, 421, 451] {
        for response in
            [Response::html(status, "<html>blocked</html>"), Response::new(status), Response::json(status, "{}")]
        {
            let clock = TestClock::new();
            let (server, tokens) = unlucky(response, &clock);
            for _ in 0..2 {
                let error = ask(&tokens).await.unwrap_err();
                assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unusable, Some(s(1))), "{status}");
                assert_eq!((cause(&error).kind(), cause(&error).status()), (Cause::Status, Some(status)));
            }
            assert_eq!(server.count(), 1);
            clock.advance(s(1));
            assert_eq!(ask(&tokens).await.unwrap(), "good", "{status}");
        }
    }
}

#[tokio::test]
async fn a_refusal_stays_until_the_credentials_change() {
    let said = |status| (Cause::Status, Some(status));
    let refusal = Response::json(400, r#"{"code":400,"key":"invalid_scope","message":"No","request_id":"r-1"}"#);
    let error = stays("a code", refusal.into(), said(400)).await;
    assert_eq!((cause(&error).code(), cause(&error).request_id()), (Some("invalid_scope"), Some("r-1")));
    assert!(matches!(cause(&error).body(), Some(voucherify::ErrorBody::ApiError(body)) if body.message == "No"));
    assert_eq!(
        error.to_string(),
        "voucherify: cannot log in: refused; change the credentials (code invalid_scope) (next try in 1 s)"
    );
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    for status in [300, 301, 302, 303, 304, 307, 308] {
        let elsewhere = Server::new(voucherify_token("stolen", start()));
        let redirect = Response::new(status).header("location", format!("{}/v1/oauth/token", elsewhere.url()));
        let (server, tokens) = unlucky(redirect, &TestClock::new());
        for _ in 0..3 {
            let error = ask(&tokens).await.unwrap_err();
            assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unusable, Some(s(600))));
            assert_eq!((cause(&error).kind(), cause(&error).status()), (Cause::Redirect, Some(status)));
        }
        assert_eq!(server.count(), 1);
        assert_eq!(elsewhere.connections(), 0, "{status}");
    }
}

#[tokio::test]
async fn neither_a_refresh_nor_a_revoke_is_redirected() {
    for status in [302, 307, 308] {
        let (clock, elsewhere) = (TestClock::new(), Server::new(zenoti_pair(9, start())));
        let redirect = Response::new(status).header("location", format!("{}/v1/tokens", elsewhere.url()));
        let server = Server::new(zenoti_pair(1, clock.wall()));
        let tokens = zenoti_at(&server, &clock);
        ask(&tokens).await.unwrap();
        server.does(redirect);
        clock.advance(s(DAY + 2));
        assert_eq!(ask(&tokens).await.unwrap_err().kind(), ErrorKind::Unusable);
        assert_eq!(
            server.zenoti_saw(),
            ["login", "refresh refresh-1", "login"],
            "the redirect of a refresh is ambiguous"
        );

        let server = Server::new(zenoti_pair(1, clock.wall()));
        let tokens = zenoti_at(&server, &clock);
        ask(&tokens).await.unwrap();
        server.does(Response::new(status).header("location", elsewhere.url()));
        assert_eq!(limit(tokens.revoke()).await.unwrap_err().kind(), ErrorKind::Unusable);
        assert_eq!(server.zenoti_saw(), ["login", "revoke Bearer access-1"]);
        assert_eq!(elsewhere.connections(), 0);
    }
}

#[tokio::test]
async fn any_expiry_of_voucherify_is_a_lifetime_or_ignored() {
    let at = |seconds: u64| (unix(start()) + seconds).to_string();
    let cases: [(&str, String, u64); 32] = [
        ("600", at(900), 600),
        ("3600", at(3_600), 3_600),
        ("\"3600\"", format!("\"{}\"", at(3_600)), 3_600),
        ("\" 600 \"", at(900), 600),
        ("600.0", format!("{}.0", at(900)), 600),
        ("6e2", at(900), 600),
        ("599.5", at(900), 599),
        ("\"599.5\"", at(900), 599),
        ("1", at(900), 1),
        ("600", "\"2026-11-22T00:05:00Z\"".to_owned(), 300),
        ("600", "\"Sun, 22 Nov 2026 00:05:00 GMT\"".to_owned(), 300),
        // An implausible expiry is unknown; if both are, the documented lifetime is used.
        ("1e18", at(600), 600),
        ("1000000000000000000", at(600), 600),
        ("9223372036854775807", "9223372036854775807".to_owned(), 900),
        ("600", format!("{}000", at(600)), 600),
        // It counts as not sent.
        ("0", at(600), 600),
        ("-1", at(600), 600),
        ("\"-900\"", at(600), 600),
        ("-9223372036854775808", at(600), 600),
        ("\"soon\"", at(600), 600),
        ("\"3600s\"", at(600), 600),
        ("\"\"", at(600), 600),
        ("null", at(600), 600),
        ("true", at(600), 600),
        ("[900]", at(600), 600),
        ("1e999", at(600), 600),
        ("600", "0".to_owned(), 600),
        ("600", "-5".to_owned(), 600),
        ("600", "1e300".to_owned(), 600),
        ("600", "null".to_owned(), 600),
        ("\"never\"", "{}".to_owned(), 900),
        ("0", "\"0001-01-01T00:00:00Z\"".to_owned(), 900),
    ];
    for (in_, at, lifetime) in cases {
        let clock = TestClock::new();
        let (server, tokens) = unlucky(voucherify_token_with("token", in_, &at).date(clock.wall()), &clock);
        let token = limit(tokens.token()).await.unwrap();
        let got = token.expires_at().unwrap().duration_since(clock.wall()).unwrap();
        assert_eq!((got.as_secs(), server.count()), (lifetime, 1), "{in_} and {at}");
    }
}

#[tokio::test]
async fn any_expiry_of_zenoti_is_a_lifetime_or_ignored() {
    let cases = [
        ("\"2026-11-22T11:19:18.7016839Z\"", 40_758),
        ("\"2026-11-22T02:00:00+01:00\"", 3_600),
        ("\"Sun, 22 Nov 2026 01:00:00 GMT\"", 3_600),
        ("1795309200", 3_600),
        // Missing, implausible or unreadable: the documented lifetime is used.
        ("null", DAY),
        ("\"9999-12-31T23:59:59Z\"", DAY),
        ("\"0001-01-01T00:00:00Z\"", DAY),
        ("\"2026-11-22T11:19:18.7016839\"", DAY),
        ("\"11/22/2026 11:19:18 AM\"", DAY),
        ("\"\"", DAY),
        ("\"2026-13-45T00:00:00Z\"", DAY),
    ];
    for (end, lifetime) in cases {
        let clock = TestClock::new();
        let server = Server::new(zenoti_pair(1, clock.wall()).replace("\"2026-11-23T00:00:00Z\"", end));
        let tokens = zenoti_at(&server, &clock);
        let token = limit(tokens.token()).await.unwrap();
        let got = token.expires_at().unwrap().duration_since(clock.wall()).unwrap();
        assert_eq!((got.as_secs(), server.count()), (lifetime, 1), "{end}");
    }
}

#[tokio::test]
async fn a_token_that_arrives_expired_is_a_failure() {
    let clock = TestClock::new();
    let voucherify = voucherify_token_with("token", "900", &unix(start()).to_string()).date(clock.wall());
    let zenoti = zenoti_pair(1, clock.wall()).replace("\"2026-11-23T00:00:00Z\"", "\"2026-11-22T00:00:00Z\"");
    for (response, at) in [(voucherify, voucherify_at as fn(&_, &_) -> _), (zenoti, zenoti_at)] {
        let server = Server::new(response);
        let error = ask(&at(&server, &clock)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(1))));
        let text = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(text, "the access token arrived expired");
    }
}

#[tokio::test]
async fn the_lifetime_is_right_though_the_issuer_clock_is_off() {
    type Case = (fn(SystemTime) -> Response, fn(&Server, &TestClock) -> TokenSource, u64);
    let voucherify: Case = (|now| voucherify_token("token", now), voucherify_at, 900);
    let zenoti: Case = (|now| zenoti_pair(1, now), zenoti_at, DAY);
    for (response, at, life) in [voucherify, zenoti] {
        for issuer in [start(), start() + s(600), start() - s(600)] {
            let clock = TestClock::new();
            let server = Server::new(response(issuer));
            let tokens = at(&server, &clock);
            assert_eq!(limit(tokens.token()).await.unwrap().expires_at(), Some(start() + s(life)));
            assert_eq!(server.count(), 1);
        }
    }
}

#[tokio::test]
async fn an_impatient_caller_loses_nothing() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    let tokens = voucherify_at(&server, &clock);
    server.close();
    tokio::select! {
        biased;
        _ = tokens.header() => panic!("it has a response"),
        () = server.arrived(1) => {}
    }
    assert!(tokens.try_header().is_none() && tokens.status().is_renewing);
    server.open();
    landed(&tokens).await;
    assert_eq!(tokens.try_header().unwrap(), "Bearer token");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_server_that_never_responds_times_out_after_thirty_seconds() {
    let clock = TestClock::new();
    let (server, tokens) = unlucky(Act::Hangs, &clock);
    let caller = tokio::spawn({
        let tokens = tokens.clone();
        async move { support::ask(&tokens).await }
    });
    server.arrived(1).await;
    thirty_seconds_pass().await;
    let error = limit(caller).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(1))));
    assert_eq!((cause(&error).kind(), cause(&error).status()), (Cause::Timeout, None));
    clock.advance(s(1));
    assert_eq!(ask(&tokens).await.unwrap(), "good");
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_refresh_without_a_response_is_followed_by_a_login() {
    let clock = TestClock::new();
    let server = Server::new(zenoti_pair(1, clock.wall()));
    let tokens = zenoti_at(&server, &clock);
    ask(&tokens).await.unwrap();
    clock.advance(s(DAY + 2));
    server.does(zenoti_pair(2, clock.wall()));
    server.does_once(Act::Hangs);
    let caller = tokio::spawn(async move { support::ask(&tokens).await });
    server.arrived(2).await;
    thirty_seconds_pass().await;
    assert_eq!(limit(caller).await.unwrap().unwrap(), "access-2");
    assert_eq!(server.zenoti_saw(), ["login", "refresh refresh-1", "login"]);
}

/// For HTTP timeouts, which the test's clock does not control.
async fn thirty_seconds_pass() {
    tokio::time::pause();
    tokio::time::advance(s(31)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_server_that_comes_up_late_is_found() {
    let (clock, address) = (TestClock::new(), nobody());
    let endpoint = voucherify::Endpoint::at(format!("http://{address}")).unwrap();
    let tokens = builder(endpoint, voucherify_credentials(), &clock).build();
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
        let error = ask(&tokens).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(wait))));
        assert!(cause(&error).is_connect(), "{error:?}");
        clock.advance(s(wait));
    }
    let server = Server::at(address, voucherify_token("token", clock.wall()));
    assert_eq!(ask(&tokens).await.unwrap(), "token");
    assert_eq!(server.connections(), 1);
    assert_eq!((tokens.status().state, tokens.status().counters.failures), (State::Fresh, 8));
}

#[tokio::test]
async fn the_same_token_after_a_401_stops_the_retries() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    let tokens = voucherify_at(&server, &clock);
    let header = limit(tokens.header()).await.unwrap();
    assert_eq!(tokens.rejected(&header), RejectionOutcome::Renewing);
    assert!(tokens.try_header().is_none());
    assert_eq!(limit(tokens.header()).await.unwrap(), header);
    for _ in 0..50 {
        assert_eq!(tokens.rejected(&header), RejectionOutcome::PermissionProblem);
        assert_eq!(limit(tokens.header()).await.unwrap(), header);
    }
    assert_eq!(server.count(), 2);
}

/// User input with bytes that have a meaning in a form, JSON, a header or a path.
const AWKWARD: &str = r#"a &=+%/?#"'\é€"#;

#[tokio::test]
async fn credentials_arrive_as_they_are_in_a_form() {
    let clock = TestClock::new();
    let server = Server::new(wellnessliving_token("token", clock.wall()));
    let credentials = wellnessliving::Credentials {
        client_id: AWKWARD.into(),
        client_secret: "a\u{a0}\u{2028}".into(),
        scope: Some(["read", "a&b+c"].map(str::to_owned).into()),
    };
    ask(&builder(wellnessliving::Endpoint::at(server.url()).unwrap(), credentials, &clock).build()).await.unwrap();
    assert_eq!(
        server.requests()[0].body,
        "client_id=a+%26%3D%2B%25%2F%3F%23%22%27%5C%C3%A9%E2%82%AC&client_secret=a%C2%A0%E2%80%A8\
         &grant_type=client_credentials&scope=read+a%26b%2Bc"
    );
}

#[tokio::test]
async fn credentials_arrive_as_they_are_in_json() {
    let clock = TestClock::new();
    let server = Server::new(zenoti_pair(1, clock.wall()));
    let credentials =
        zenoti::Credentials { password: AWKWARD.into(), user_name: "Ann \u{2028}".into(), ..zenoti_credentials() };
    ask(&builder(zenoti::Endpoint::at(server.url()).unwrap(), credentials, &clock).build()).await.unwrap();
    assert_eq!(
        server.requests()[0].body,
        concat!(
            "{\"account_name\":\"acme\",\"user_name\":\"Ann \u{2028}\",",
            r#""password":"a &=+%/?#\"'\\é€","#,
            r#""grant_type":"password","app_id":"an-app","app_secret":"an-app-secret","device_id":"a-device"}"#
        )
    );
}

#[tokio::test]
async fn a_refresh_token_and_a_token_to_revoke_arrive_as_they_are() {
    let clock = TestClock::new();
    let awkward = r#"a&=+%|$:#/"\\"#;
    let server = Server::new(zenoti_pair(1, clock.wall()).replace("access-1", r#"a&=+%|$:#/\"\\\\"#));
    let tokens = builder(zenoti::Endpoint::at(server.url()).unwrap(), zenoti_credentials(), &clock)
        .refresh_token(awkward)
        .build();
    assert_eq!(ask(&tokens).await.unwrap(), awkward);
    limit(tokens.revoke()).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests[0].body, r#"{"grant_type":"refresh_token","refresh_token":"a&=+%|$:#/\"\\\\"}"#);
    assert_eq!(requests[1].header("authorization"), Some(&*format!("Bearer {awkward}")));

    let server = Server::new(voucherify_token("a&=+%", clock.wall()));
    let tokens = voucherify_at(&server, &clock);
    ask(&tokens).await.unwrap();
    server.does(Response::new(204));
    limit(tokens.revoke()).await.unwrap();
    assert_eq!(server.requests()[1].body, "access_token=a%26%3D%2B%25");
}

fn voucherify_with(app_id: &str, app_token: &str, scopes: &[&str]) -> voucherify::Credentials {
    voucherify::Credentials {
        app_id: app_id.into(),
        app_token: app_token.into(),
        scope: scopes.iter().map(|scope| voucherify::types::Scope::from(*scope)).collect(),
    }
}

#[tokio::test]
async fn credentials_arrive_as_they_are_in_headers() {
    for (app_id, app_token) in [(r#"a &=+%/?#"'\"#, "~!*"), ("an-app", "an-app-token")] {
        let clock = TestClock::new();
        let server = Server::new(voucherify_token("token", clock.wall()));
        let credentials = voucherify_with(app_id, app_token, &["api", "brand-new"]);
        ask(&builder(voucherify::Endpoint::at(server.url()).unwrap(), credentials, &clock).build()).await.unwrap();
        let request = &server.requests()[0];
        assert_eq!(request.header("x-app-id"), Some(app_id));
        assert_eq!(request.header("x-app-token"), Some(app_token));
        assert_eq!(request.body, "grant_type=client_credentials&scope=api+brand-new");
    }
}

#[tokio::test]
async fn a_credential_that_cannot_be_sent_is_named() {
    let in_header = "a value with a line break, or with a character that isn't visible ASCII";
    let in_form = "a list that is empty, or a list item that is empty or holds the delimiter";
    let cases = [
        (voucherify_with("an-app", "é", &["api"]), "`x-app-token`", in_header),
        (voucherify_with("an-app", "t", &[]), "create_token", in_form),
        (voucherify_with("an-app", "t", &[""]), "create_token", in_form),
        (voucherify_with("an-app", "t", &["api vouchers"]), "create_token", in_form),
    ];
    for (credentials, name, why) in cases {
        let clock = TestClock::new();
        let server = Server::new(voucherify_token("token", clock.wall()));
        let tokens = builder(voucherify::Endpoint::at(server.url()).unwrap(), credentials, &clock).build();
        for _ in 0..3 {
            let error = ask(&tokens).await.unwrap_err();
            assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Refused, Some(s(3_600))));
            assert_eq!(cause(&error).kind(), Cause::InvalidRequest);
            let text = cause(&error).to_string();
            assert!(text.contains(name) && text.contains(why), "{text}");
            clock.advance(s(DAY));
        }
        assert_eq!(server.connections(), 0);
    }
}

#[tokio::test]
async fn an_empty_credential_is_named_and_nothing_is_sent() {
    let (server, clock) = (Server::new(zenoti_pair(1, start())), TestClock::new());
    let credentials = zenoti::Credentials { app_secret: "".into(), ..zenoti_credentials() };
    let tokens = builder(zenoti::Endpoint::at(server.url()).unwrap(), credentials, &clock).build();
    let error = ask(&tokens).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let text = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(text, "the credential `app_secret` is empty");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_credential_with_a_control_character_is_named() {
    for (app_id, app_token, name) in [
        ("an-app", "line\r\nx-admin: 1", "app_token"),
        ("line\nbreak", "t", "app_id"),
        ("an-app", "s\n", "app_token"),
        ("an-app", "nul\0", "app_token"),
        ("an-app", "tab\t", "app_token"),
    ] {
        let (server, clock) = (Server::new(voucherify_token("token", start())), TestClock::new());
        let credentials = voucherify_with(app_id, app_token, &["api"]);
        let tokens = builder(voucherify::Endpoint::at(server.url()).unwrap(), credentials, &clock).build();
        let error = ask(&tokens).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        let text = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(text, format!("the credential `{name}` has a line break or another control character"));
        assert_eq!(server.connections(), 0);
    }
}

#[tokio::test]
async fn a_key_shows_no_path() {
    let endpoint = voucherify::Endpoint::at("https://proxy.example/hunter2/").unwrap();
    let builder = TokenSource::builder(endpoint, voucherify_credentials());
    let tokens = builder.store(Arc::new(MemoryStore::new()), "one").build();
    let text = format!("{tokens:?}");
    assert!(text.contains("https://proxy.example") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_base_url_may_have_a_path_and_a_trailing_slash() {
    for (tail, line) in [
        ("", "POST /v1/oauth/token"),
        ("/", "POST /v1/oauth/token"),
        ("//", "POST /v1/oauth/token"),
        ("/proxy", "POST /proxy/v1/oauth/token"),
        ("/proxy/", "POST /proxy/v1/oauth/token"),
        ("/a%20b/c", "POST /a%20b/c/v1/oauth/token"),
    ] {
        let clock = TestClock::new();
        let server = Server::new(voucherify_token("token", clock.wall()));
        let endpoint = voucherify::Endpoint::at(server.url() + tail).unwrap();
        ask(&builder(endpoint, voucherify_credentials(), &clock).build()).await.unwrap();
        assert_eq!(server.requests()[0].line, line);
    }
}

#[tokio::test]
async fn a_base_url_to_which_no_secret_may_be_sent_is_a_clear_error() {
    let server = Server::new(voucherify_token("token", start()));
    let port = server.address().port();
    let cases = [
        (format!("http://api.example.com:{port}"), Cause::PlainHttp),
        (format!("http://127.0.0.1.example.com:{port}"), Cause::PlainHttp),
        (format!("http://localhost.example.com:{port}"), Cause::PlainHttp),
        (format!("http://0.0.0.0:{port}"), Cause::PlainHttp),
        (format!("http://user:pass@127.0.0.1:{port}"), Cause::BaseUrl),
        (format!("http://127.0.0.1:{port}?key=1"), Cause::BaseUrl),
        (format!("http://127.0.0.1:{port}#part"), Cause::BaseUrl),
        (format!("127.0.0.1:{port}"), Cause::BaseUrl),
        (format!("ftp://127.0.0.1:{port}"), Cause::BaseUrl),
        ("api.example.com".to_owned(), Cause::BaseUrl),
        ("/v1".to_owned(), Cause::BaseUrl),
        ("https://".to_owned(), Cause::BaseUrl),
        ("http://127.0.0.1:99999".to_owned(), Cause::BaseUrl),
        ("mailto:ann@example.com".to_owned(), Cause::BaseUrl),
        (" ".to_owned(), Cause::BaseUrl),
        (String::new(), Cause::BaseUrl),
    ];
    for (url, kind) in cases {
        let error = voucherify::Endpoint::at(&url).unwrap_err();
        assert_eq!(error.kind(), kind, "{url}");
        assert!(!error.to_string().contains("credentials or settings"), "{error}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_setting_that_cannot_work_is_named_and_nothing_is_sent() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", start()));
    // Only the default client resolves names below `localhost` itself.
    let url = server.url().replace("127.0.0.1", "acme.localhost");
    let endpoint = voucherify::Endpoint::at(&url).unwrap().http_client(http_client_builder().build().unwrap());
    let tokens = builder(endpoint, voucherify_credentials(), &clock).build();
    let error = ask(&tokens).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Settings, None));
    assert_eq!(error.to_string(), "voucherify: cannot log in: fix the endpoint's base URL");
    assert!(format!("{error:#}").contains("http:// is for loopback hosts only"), "{error:#}");
    assert_eq!((tokens.status().state, server.connections()), (State::Dead, 0));
}

#[tokio::test]
async fn a_revoke_in_a_new_process_ends_the_token_that_the_store_holds() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    let store = Arc::new(freshtoken::store::MemoryStore::new());
    let source = || {
        let endpoint = voucherify::Endpoint::at(server.url()).unwrap();
        builder(endpoint, voucherify_credentials(), &clock).store(store.clone(), "acme").build()
    };
    ask(&source()).await.unwrap();
    server.does(Response::new(204));
    limit(source().revoke()).await.unwrap();
    assert_eq!(server.requests().last().unwrap().body, "access_token=token");
}

/// A store that panics, in one method before it returns a future.
struct Panics;

impl Store for Panics {
    type Lease = ();

    fn load(&self, _: &Key) -> impl Future<Output = Result<Loaded, StoreError>> + Send {
        assert!(self.is_sound(), "in the store");
        std::future::ready(Ok(Loaded::default()))
    }

    async fn compare_and_store(&self, _: &Key, _: u64, _: Entry) -> Result<bool, StoreError> {
        panic!("in the store");
    }

    async fn try_lease(&self, _: &Key, _: &str, _: Duration) -> Result<Option<()>, StoreError> {
        panic!("in the store");
    }

    async fn renew_lease(&self, _: &Key, (): &(), _: Duration) -> Result<bool, StoreError> {
        panic!("in the store");
    }

    async fn release_lease(&self, _: &Key, (): ()) -> Result<(), StoreError> {
        panic!("in the store");
    }
}

impl Panics {
    fn is_sound(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn a_panic_in_a_store_is_not_an_outage() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    let endpoint = voucherify::Endpoint::at(server.url()).unwrap();
    let tokens = builder(endpoint, voucherify_credentials(), &clock).store(Arc::new(Panics), "acme").build();
    assert_eq!(ask(&tokens).await.unwrap(), "token");
}

/// Anything that may hang has a timeout. A request has its own, and needs no second one.
#[tokio::test]
async fn a_hanging_callback_times_out_after_a_minute() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    server.close();
    let endpoint = || voucherify::Endpoint::at(server.url()).unwrap();
    let known = builder(endpoint(), voucherify_credentials(), &clock).build();
    assert!(known.try_header().is_none());
    server.arrived(1).await;
    assert_eq!(clock.sleepers(), 0);

    let hangs = CredentialSource::ask(std::future::pending);
    let asking = builder(endpoint(), hangs, &clock).build();
    assert!(asking.try_header().is_none());
    settle().await;
    assert_eq!(clock.sleepers(), 1);
    clock.advance(s(60));
    assert_eq!(ask(&asking).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(server.count(), 1);
    server.open();
    assert_eq!(ask(&known).await.unwrap(), "token");
}

#[tokio::test]
async fn a_panic_before_the_callback_future_withholds_no_token() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    let endpoint = || voucherify::Endpoint::at(server.url()).unwrap();
    let told = builder(endpoint(), voucherify_credentials(), &clock)
        .on_change(|record| {
            assert!(record.is_empty(), "in the callback");
            async {}
        })
        .build();
    assert_eq!(ask(&told).await.unwrap(), "token");

    let asks = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let credentials = CredentialSource::ask(move || {
        assert!(asks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0, "in the callback");
        async { Ok(voucherify_credentials()) }
    });
    let asking = builder(endpoint(), credentials, &clock).build();
    assert_eq!(ask(&asking).await.unwrap_err().kind(), ErrorKind::Unavailable);
    clock.advance(s(1));
    assert_eq!(ask(&asking).await.unwrap(), "token");
    assert_eq!(server.count(), 2);
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_request_aborted_with_its_runtime_is_repeated_on_another() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    let tokens = voucherify_at(&server, &clock);
    server.close();
    let first = runtime();
    first.block_on(async {
        assert!(tokens.try_header().is_none());
        server.arrived(1).await;
    });
    drop(first);
    assert!(!tokens.status().is_renewing);
    server.open();
    assert_eq!(runtime().block_on(ask(&tokens)).unwrap(), "token");
    assert_eq!(server.count(), 2);
}

#[test]
fn a_single_use_refresh_aborted_with_its_runtime_is_followed_by_a_login() {
    let clock = TestClock::new();
    let server = Server::new(zenoti_pair(1, clock.wall()));
    let tokens = zenoti_at(&server, &clock);
    let first = runtime();
    first.block_on(async {
        ask(&tokens).await.unwrap();
        clock.advance(s(DAY + 2));
        server.does(zenoti_pair(2, clock.wall()));
        server.close();
        assert!(tokens.try_header().is_none());
        server.arrived(2).await;
    });
    drop(first);
    assert_eq!(tokens.status().state, State::Ambiguous);
    server.open();
    assert_eq!(runtime().block_on(ask(&tokens)).unwrap(), "access-2");
    assert_eq!(server.zenoti_saw(), ["login", "refresh refresh-1", "login"]);
}

#[tokio::test]
async fn sources_dropped_during_a_fetch_leave_no_task_and_no_connection() {
    const SOURCES: usize = 1_000;
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    server.close();
    let metrics = Handle::current().metrics();
    // They share an HTTP client, which is dropped with the last of them. Only tasks of the crate and of reqwest run here.
    let endpoint = voucherify::Endpoint::at(server.url()).unwrap();
    let source = || builder(endpoint.clone(), voucherify_credentials(), &clock).build();
    let sources: Vec<TokenSource> = (0..SOURCES).map(|_| source()).collect();
    for source in &sources {
        assert!(source.try_header().is_none());
    }
    server.arrived(SOURCES).await;
    assert!(metrics.num_alive_tasks() >= SOURCES, "a fetch each");
    drop((sources, endpoint));
    limit(async {
        while metrics.num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!((clock.sleepers(), server.count()), (0, SOURCES));
}

#[tokio::test]
async fn a_single_use_refresh_completes_though_its_source_is_dropped() {
    let clock = TestClock::new();
    let server = Server::new(zenoti_pair(1, clock.wall()));
    let store = Arc::new(freshtoken::store::MemoryStore::new());
    let source = || {
        let endpoint = zenoti::Endpoint::at(server.url()).unwrap();
        builder(endpoint, zenoti_credentials(), &clock).store(store.clone(), "acme").build()
    };
    let tokens = source();
    ask(&tokens).await.unwrap();
    clock.advance(s(DAY + 2));
    server.does(zenoti_pair(2, clock.wall()));
    server.close();
    assert!(tokens.try_header().is_none());
    server.arrived(2).await;
    drop(tokens);
    settle().await;
    server.open();
    assert_eq!(ask(&source()).await.unwrap(), "access-2");
    assert_eq!(server.zenoti_saw(), ["login", "refresh refresh-1"]);
}

#[cfg(feature = "rustls")]
#[test]
fn missing_certificates_are_a_passing_fault() {
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "no_certificate_is_found", "--ignored"]);
    let output = again.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

#[cfg(feature = "rustls")]
#[tokio::test]
#[ignore = "of a process without certificates"]
async fn no_certificate_is_found() {
    let clock = TestClock::new();
    let tokens = builder(voucherify::Endpoint::europe(), voucherify_credentials(), &clock).build();
    for wait in [1, 2, 4] {
        let error = ask(&tokens).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(wait))));
        assert_eq!(
            format!("{error:#}"),
            format!(
                "voucherify: cannot log in now (next try in {wait} s): endpoint: the HTTP client cannot be built: no CA \
                 certificates were found: install them or set SSL_CERT_FILE: builder error: unexpected error: No CA \
                 certificates were loaded from the system"
            )
        );
        clock.advance(s(wait));
    }
    // Plain HTTP needs no certificates.
    let server = Server::new(voucherify_token("token", clock.wall()));
    assert_eq!(ask(&voucherify_at(&server, &clock)).await.unwrap(), "token");
}
