//! The issuer fails, refuses or redirects.

use super::*;

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
