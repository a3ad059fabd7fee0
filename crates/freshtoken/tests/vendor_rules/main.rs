//! The vendors' rules, through a token source against a server on loopback: what arrives there, and when. The first three
//! vendors are here, the others in `others`.
//!
//! `adapters.rs` covers a single grant; `scenarios/` covers the rules of a policy without a vendor.

#![cfg(feature = "vendors")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test may")]

mod others;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/mod.rs"]
mod support;

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use freshtoken::status::{RejectionOutcome, State};
use freshtoken::{ErrorKind, TokenSource, voucherify, wellnessliving, zenoti};
use server::{
    Act, DAY, Response, Server, ask, builder, landed, limit, reserved, unix, voucherify_at, voucherify_token,
    voucherify_token_with, wellnessliving_at, wellnessliving_credentials, wellnessliving_token, zenoti_at,
    zenoti_credentials, zenoti_error, zenoti_pair,
};
use support::{TestClock, s, settle};

const MINUTES: Duration = s(5 * 60);

/// How far the issuer's clock is off.
#[derive(Clone, Copy, Debug)]
enum Issuer {
    Right,
    Fast,
    Slow,
}

impl Issuer {
    fn now(self, clock: &TestClock) -> SystemTime {
        match self {
            Self::Right => clock.wall(),
            Self::Fast => clock.wall() + MINUTES,
            Self::Slow => clock.wall() - MINUTES,
        }
    }
}

/// The token that is served now, without a request.
fn held(tokens: &TokenSource) -> String {
    tokens.try_token().unwrap().expose().to_owned()
}

#[tokio::test]
async fn vendors_with_a_login_renew_at_three_quarters() {
    type At = fn(&Server, &TestClock) -> TokenSource;
    type Token = fn(&str, SystemTime) -> Response;
    let vendors: [(At, Token, u64); 2] =
        [(wellnessliving_at, wellnessliving_token, 3_600), (voucherify_at, voucherify_token, 900)];
    for (at, token, life) in vendors {
        let clock = TestClock::new();
        let server = Server::new(token("first", clock.wall()));
        let tokens = at(&server, &clock);
        assert_eq!(ask(&tokens).await.unwrap(), "first");

        clock.advance(s(life * 3 / 4 - 1));
        assert_eq!((held(&tokens), tokens.status().is_renewing), ("first".to_owned(), false));

        clock.advance(s(1));
        server.does(token("second", clock.wall()));
        server.close();
        assert_eq!(held(&tokens), "first", "no caller waits for a renewal in the background");
        server.arrived(2).await;
        assert_eq!(ask(&tokens).await.unwrap(), "first", "nor while it is in progress");
        server.open();
        landed(&tokens).await;
        assert_eq!(held(&tokens), "second");
        assert_eq!(tokens.token().await.unwrap().expires_at(), Some(clock.wall() + s(life)));

        let requests = server.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!((&requests[0].line, &requests[0].body), (&requests[1].line, &requests[1].body));
    }
}

#[tokio::test]
async fn voucherify_tokens_expire_at_the_earlier_of_two_expiries() {
    use Issuer::{Fast, Right, Slow};
    // The issuer's expiry, whether its response has a `Date`, and the resulting lifetime.
    let cases: [(Issuer, bool, u64, u64, u64); 11] = [
        (Right, true, 900, 900, 900),
        (Right, true, 900, 600, 600),
        (Right, true, 600, 900, 600),
        (Right, false, 900, 600, 600),
        (Fast, true, 900, 900, 900),
        (Fast, true, 900, 600, 600),
        (Slow, true, 900, 900, 900),
        (Slow, true, 900, 1_200, 900),
        // Without a `Date`, the source cannot know that the issuer's clock is off. If it is fast, `expires_in` is used; if
        // slow, the token is renewed too early, and never too late.
        (Fast, false, 900, 900, 900),
        (Slow, false, 900, 900, 600),
        (Slow, false, 600, 1_200, 600),
    ];
    for (issuer, has_date, expires_in, expires_at, life) in cases {
        let clock = TestClock::new();
        let now = issuer.now(&clock);
        let token = voucherify_token_with("token", &expires_in.to_string(), &(unix(now) + expires_at).to_string());
        let server = Server::new(if has_date { token.date(now) } else { token });
        let tokens = voucherify_at(&server, &clock);

        let token = limit(tokens.token()).await.unwrap();

        let case = format!("{issuer:?}, a date: {has_date}, in {expires_in} s, at {expires_at} s");
        assert_eq!(token.expires_at(), Some(clock.wall() + s(life)), "{case}");
        clock.advance(s(life - 6));
        assert!(tokens.try_token().is_some(), "{case}");
        landed(&tokens).await;
    }
}

#[tokio::test]
async fn zenoti_refreshes_at_expiry_and_never_before() {
    for issuer in [Issuer::Right, Issuer::Fast, Issuer::Slow] {
        let clock = TestClock::new();
        let server = Server::new(zenoti_pair(1, issuer.now(&clock)));
        let tokens = zenoti_at(&server, &clock);
        ask(&tokens).await.unwrap();

        // It is served until one second before it expires, and nothing happens in the background.
        let mut age = 0;
        for at in [DAY / 2, DAY * 3 / 4, DAY - 60, DAY - 2] {
            clock.advance(s(at - age));
            age = at;
            let status = tokens.status();
            assert_eq!((held(&tokens), status.state), ("access-1".to_owned(), State::Fresh), "{issuer:?} at {at}");
            assert!(!tokens.status().is_renewing, "{issuer:?} at {at}");
        }

        // From then on a caller waits until two seconds after the expiry, by this machine's clock.
        clock.advance(s(1));
        assert!(tokens.try_header().is_none());
        for milliseconds in [0, 999, 1, 1_999] {
            clock.advance(Duration::from_millis(milliseconds));
            settle().await;
            assert_eq!((clock.sleepers(), server.count()), (1, 1), "{issuer:?}");
        }
        clock.advance(Duration::from_millis(1));
        server.does(zenoti_pair(2, issuer.now(&clock)));
        assert_eq!(ask(&tokens).await.unwrap(), "access-2");
        assert_eq!(server.zenoti_saw(), ["login", "refresh refresh-1"], "{issuer:?}");
    }
}

#[tokio::test]
async fn zenoti_refresh_tokens_are_sent_once_for_all_callers() {
    let clock = TestClock::new();
    let server = Server::new(zenoti_pair(1, clock.wall()));
    let tokens = zenoti_at(&server, &clock);
    for day in 1..=5 {
        server.does(zenoti_pair(day, clock.wall()));
        let callers: Vec<_> = (0..50)
            .map(|_| {
                let tokens = tokens.clone();
                tokio::spawn(async move { ask(&tokens).await })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap().unwrap(), format!("access-{day}"));
        }
        clock.advance(s(DAY + 2));
    }
    let saw = server.zenoti_saw();
    assert_eq!(saw[0], "login");
    assert_eq!(saw[1..], ["refresh refresh-1", "refresh refresh-2", "refresh refresh-3", "refresh refresh-4"]);
}

/// A source with its first pair, just before its first refresh, and the server's next response.
async fn at_its_first_refresh(responses: impl Into<Act>) -> (Server, TestClock, TokenSource) {
    let clock = TestClock::new();
    let server = Server::new(zenoti_pair(1, clock.wall()));
    let tokens = zenoti_at(&server, &clock);
    ask(&tokens).await.unwrap();
    clock.advance(s(DAY + 2));
    server.does(zenoti_pair(2, clock.wall()));
    server.does_once(responses);
    (server, clock, tokens)
}

#[tokio::test]
async fn zenoti_logs_in_after_a_used_or_lost_refresh_token() {
    let pair = zenoti_pair(7, support::start() + s(DAY + 2));
    let expired = zenoti_pair(7, support::start()).date(support::start() + s(DAY + 2));
    let responses: [(&str, Act); 11] = [
        ("spent", zenoti_error(401, 401).into()),
        ("refused by the status alone", Response::new(400).into()),
        ("no response after the request", Act::Resets),
        ("no request", Act::ResetsUnread),
        ("half a response", Act::Truncates(pair.clone())),
        ("a failure", zenoti_error(500, 500).into()),
        ("a proxy's failure", Response::html(502, "<html>Bad gateway</html>").into()),
        ("an error in a success", zenoti_error(200, 401).into()),
        ("a page", Response::html(200, "<html>Welcome</html>").into()),
        ("no token", Response::json(200, r#"{"credentials":null,"error":null}"#).into()),
        ("a token that is over", expired.replace("2026-11-23T", "2026-11-21T").into()),
    ];
    for (case, response) in responses {
        let is_read = !matches!(response, Act::ResetsUnread);
        let (server, clock, tokens) = at_its_first_refresh(response).await;
        assert_eq!(ask(&tokens).await.unwrap(), "access-2", "{case}");
        let saw = if is_read { vec!["login", "refresh refresh-1", "login"] } else { vec!["login", "login"] };
        assert_eq!(server.zenoti_saw(), saw, "{case}");
        assert_eq!(server.connections(), 3, "{case}");

        // The login's pair is refreshed from here on.
        clock.advance(s(DAY + 2));
        server.does(zenoti_pair(3, clock.wall()));
        assert_eq!(ask(&tokens).await.unwrap(), "access-3", "{case}");
        assert_eq!(server.zenoti_saw().last().unwrap(), "refresh refresh-2", "{case}");
    }
}

#[tokio::test]
async fn zenoti_keeps_a_refresh_token_that_was_not_used() {
    for status in [408, 425, 429] {
        let (server, clock, tokens) = at_its_first_refresh(Response::new(status).header("retry-after", "30")).await;
        let error = ask(&tokens).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(30))));
        clock.advance(s(29));
        assert_eq!(ask(&tokens).await.unwrap_err().retry_after(), Some(s(1)));
        clock.advance(s(1));
        assert_eq!(ask(&tokens).await.unwrap(), "access-2");
        assert_eq!(server.zenoti_saw(), ["login", "refresh refresh-1", "refresh refresh-1"], "{status}");
    }
}

#[tokio::test]
async fn zenoti_keeps_a_refresh_token_without_a_connection() {
    let (clock, address) = (TestClock::new(), reserved());
    let endpoint = zenoti::Endpoint::at(format!("http://{address}")).unwrap();
    let tokens = builder(endpoint, zenoti_credentials(), &clock).refresh_token("refresh-0").build();
    let error = ask(&tokens).await.unwrap_err();
    assert!(error.vendor_error::<zenoti::Error>().unwrap().is_connect(), "{error:?}");
    let server = Server::at(address, zenoti_pair(1, clock.wall()));
    clock.advance(error.retry_after().unwrap());
    assert_eq!(ask(&tokens).await.unwrap(), "access-1");
    assert_eq!(server.zenoti_saw(), ["refresh refresh-0"]);
}

#[tokio::test]
async fn zenoti_obeys_retry_after_before_a_login() {
    let (server, clock, tokens) = at_its_first_refresh(Response::new(503).header("retry-after", "30")).await;
    assert_eq!(ask(&tokens).await.unwrap_err().retry_after(), Some(s(30)));
    clock.advance(s(29));
    ask(&tokens).await.unwrap_err();
    assert_eq!(server.count(), 2);
    clock.advance(s(1));
    assert_eq!(ask(&tokens).await.unwrap(), "access-2");
    assert_eq!(server.zenoti_saw(), ["login", "refresh refresh-1", "login"]);
}

#[tokio::test]
async fn zenoti_logs_in_once_its_refresh_token_has_expired() {
    for issuer in [Issuer::Right, Issuer::Fast, Issuer::Slow] {
        for (idle, saw) in [(90 * DAY - 1, "refresh refresh-1"), (90 * DAY, "login")] {
            let clock = TestClock::new();
            let server = Server::new(zenoti_pair(1, issuer.now(&clock)));
            let tokens = zenoti_at(&server, &clock);
            ask(&tokens).await.unwrap();
            assert_eq!(tokens.status().refresh_expires_at, Some(clock.wall() + s(90 * DAY)));
            clock.advance(s(idle));
            server.does(zenoti_pair(2, issuer.now(&clock)));
            assert_eq!(ask(&tokens).await.unwrap(), "access-2");
            assert_eq!(server.zenoti_saw(), ["login", saw], "{issuer:?}");
        }
    }
}

#[tokio::test]
async fn zenoti_logs_in_after_a_401_before_expiry() {
    let clock = TestClock::new();
    let server = Server::new(zenoti_pair(1, clock.wall()));
    let tokens = zenoti_at(&server, &clock);
    let token = limit(tokens.token()).await.unwrap();
    clock.advance(s(60));
    server.does(zenoti_pair(2, clock.wall()));
    assert_eq!(tokens.rejected(&token), RejectionOutcome::Renewing);
    assert_eq!(ask(&tokens).await.unwrap(), "access-2");
    assert_eq!(server.zenoti_saw(), ["login", "login"]);
}

#[tokio::test]
async fn a_listed_permanent_error_is_not_retried() {
    // By status alone, 500 would be retried, and 400 at a refresh would cause a login. The codes say otherwise.
    let clock = TestClock::new();
    let server = Server::new(zenoti_error(500, 4023));
    let tokens = zenoti_at(&server, &clock);
    for age in [0, 1_800] {
        clock.advance(s(age));
        let error = ask(&tokens).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Refused, Some(s(3_600 - age))));
        let cause = error.vendor_error::<zenoti::Error>().unwrap();
        assert_eq!((cause.status(), cause.code()), (Some(500), Some("4023")));
    }
    assert_eq!((server.count(), tokens.status().state), (1, State::Dead));
    server.does(zenoti_pair(1, clock.wall()));
    tokens.credentials_changed();
    assert_eq!(ask(&tokens).await.unwrap(), "access-1");
    assert_eq!(server.count(), 2);

    let server = Server::new(Response::json(400, r#"{"error":"invalid_client"}"#));
    let tokens = wellnessliving_at(&server, &clock);
    for age in [0, 1_800] {
        clock.advance(s(age));
        let error = ask(&tokens).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Refused, Some(s(3_600 - age))));
        let cause = error.vendor_error::<wellnessliving::Error>().unwrap();
        assert_eq!((cause.status(), cause.code()), (Some(400), Some("invalid_client")));
    }
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn zenoti_revokes_with_the_live_token_and_logs_in_then() {
    let clock = TestClock::new();
    let server = Server::new(zenoti_pair(1, clock.wall()));
    let tokens = zenoti_at(&server, &clock);
    ask(&tokens).await.unwrap();
    server.does_once(Response::new(200));
    limit(tokens.revoke()).await.unwrap();
    assert_eq!(tokens.status().state, State::Empty);
    assert!(server.requests()[1].body.is_empty());
    server.does(zenoti_pair(2, clock.wall()));
    clock.advance(s(1));
    assert_eq!(ask(&tokens).await.unwrap(), "access-2");
    assert_eq!(server.zenoti_saw(), ["login", "revoke Bearer access-1", "login"]);
}

#[tokio::test]
async fn voucherify_revokes_with_a_form_and_logs_in_then() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("first", clock.wall()));
    let tokens = voucherify_at(&server, &clock);
    ask(&tokens).await.unwrap();
    server.does_once(Response::new(204));
    limit(tokens.revoke()).await.unwrap();
    let revoke = &server.requests()[1];
    assert_eq!((revoke.line.as_str(), revoke.body.as_str()), ("POST /v1/oauth/token/revoke", "access_token=first"));
    assert_eq!((revoke.header("x-app-id"), revoke.header("x-app-token")), (Some("an-app"), Some("an-app-token")));
    assert_eq!(revoke.header("authorization"), None);
    server.does(voucherify_token("second", clock.wall()));
    clock.advance(s(1));
    assert_eq!(ask(&tokens).await.unwrap(), "second");
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_token_unknown_to_voucherify_is_forgotten_at_revocation() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("first", clock.wall()));
    let tokens = voucherify_at(&server, &clock);
    ask(&tokens).await.unwrap();
    server.does_once(Response::new(404));
    limit(tokens.revoke()).await.unwrap();
    assert_eq!(tokens.status().state, State::Empty);
    server.does(voucherify_token("second", clock.wall()));
    clock.advance(s(1));
    assert_eq!(ask(&tokens).await.unwrap(), "second");
}

#[tokio::test]
async fn after_a_failed_revocation_the_token_is_still_served() {
    for failure in [Act::from(Response::new(503).header("retry-after", "7")), Act::Resets] {
        let clock = TestClock::new();
        let server = Server::new(voucherify_token("first", clock.wall()));
        let tokens = voucherify_at(&server, &clock);
        ask(&tokens).await.unwrap();
        server.does_once(failure);
        assert_eq!(limit(tokens.revoke()).await.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(held(&tokens), "first");
        server.does_once(Response::new(204));
        limit(tokens.revoke()).await.unwrap();
        assert_eq!((server.count(), tokens.status().state), (3, State::Empty));
    }
}

#[tokio::test]
async fn a_failed_revocation_does_not_unreject_a_token() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("first", clock.wall()));
    let tokens = voucherify_at(&server, &clock);
    let token = limit(tokens.token()).await.unwrap();
    tokens.rejected(&token);
    server.does_once(Response::new(503));
    limit(tokens.revoke()).await.unwrap_err();
    assert!(tokens.try_token().is_none(), "the rejected token is served again");
    landed(&tokens).await;
}

#[tokio::test]
async fn wellnessliving_has_nothing_to_revoke_with() {
    let clock = TestClock::new();
    let server = Server::new(wellnessliving_token("first", clock.wall()));
    let tokens = wellnessliving_at(&server, &clock);
    ask(&tokens).await.unwrap();
    assert_eq!(limit(tokens.revoke()).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!((held(&tokens), server.count()), ("first".to_owned(), 1));
}

#[tokio::test]
async fn a_token_has_the_vendor_prefix_and_its_typed_response() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("a-token", clock.wall()));
    let tokens = voucherify_at(&server, &clock);
    assert_eq!(limit(tokens.header()).await.unwrap(), "Bearer a-token");
    let token = tokens.try_token().unwrap();
    let response = token.response::<voucherify::LoginResponse>().unwrap();
    assert_eq!((response.client_id.as_str(), response.access_token.is_empty()), ("a-client", true));
    assert_eq!(token.scopes(), ["vouchers"]);
    assert!(token.response::<zenoti::LoginResponse>().is_none(), "it is another vendor's");

    let server = Server::new(wellnessliving_token("a-token", clock.wall()));
    let tokens = wellnessliving_at(&server, &clock);
    assert_eq!(limit(tokens.header()).await.unwrap(), "Bearer a-token");
    let token = tokens.try_token().unwrap();
    let response = token.response::<wellnessliving::LoginResponse>().unwrap();
    assert_eq!((response.expires_in, response.access_token.is_empty()), (3_600, true));

    let server = Server::new(zenoti_pair(1, clock.wall()));
    let tokens = zenoti_at(&server, &clock);
    assert_eq!(limit(tokens.header()).await.unwrap(), "bearer access-1");
    let token = tokens.try_token().unwrap();
    let response = token.response::<zenoti::LoginResponse>().unwrap().credentials.as_ref().unwrap();
    assert_eq!((response.token_id.as_deref(), response.user_type.as_ref()), (Some("id-1"), Some(&"Employee".into())));
    assert!(response.access_token.is_empty() && response.refresh_token.as_ref().unwrap().is_empty());
    for tokens in [&tokens, &tokens.clone()] {
        assert_eq!(tokens.header_name(), http::header::AUTHORIZATION);
        assert!(tokens.try_header().unwrap().is_sensitive());
    }
}

#[tokio::test]
async fn requests_have_exactly_the_headers_the_vendor_asks_for() {
    let clock = TestClock::new();
    let names = |server: &Server| -> Vec<HashSet<String>> {
        server.requests().iter().map(|request| request.names().map(str::to_owned).collect()).collect()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<HashSet<_>>();

    let server = Server::new(wellnessliving_token("token", clock.wall()));
    let endpoint = wellnessliving::Endpoint::at(server.url()).unwrap();
    ask(&builder(endpoint, wellnessliving_credentials(), &clock).build()).await.unwrap();
    let form = ["accept", "accept-encoding", "content-length", "content-type", "host", "user-agent"];
    assert_eq!(names(&server), [set(&form)]);

    let server = Server::new(voucherify_token("token", clock.wall()));
    ask(&voucherify_at(&server, &clock)).await.unwrap();
    assert_eq!(names(&server), [set(&[&form[..], &["x-app-id", "x-app-token"]].concat())]);

    let server = Server::new(zenoti_pair(1, clock.wall()));
    let tokens = zenoti_at(&server, &clock);
    ask(&tokens).await.unwrap();
    limit(tokens.revoke()).await.unwrap();
    assert_eq!(
        names(&server),
        [set(&form), set(&["accept", "accept-encoding", "authorization", "host", "user-agent"])]
    );
}
