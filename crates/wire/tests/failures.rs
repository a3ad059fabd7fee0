//! Every way in which a request can fail, from a server that does it.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test may")]

mod support;

use std::time::Duration;

use freshtoken_wire::{
    BodyProblem, Call, Error, ErrorKind, Http, MAX_BODY, Operation, Secret, Target, Timestamp, Verdict,
    http_client_builder,
};
use reqwest::header::HeaderValue;
use serde::Deserialize;
use support::{
    CREATE, TOKEN, Token, VendorError, answer, answering, careless_client, create, dead_end, failure, grant, operation,
    post, run, run_empty, server, target, texts,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn failing(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Error<VendorError> {
    let (target, _server) = answering(answer(status, headers, body)).await;
    failure(&target).await
}

/// The text, with the server's port taken out.
fn text(error: &Error<VendorError>) -> String {
    let text = error.to_string();
    let (before, after) = text.split_once("http://127.0.0.1:").unwrap();
    format!("{before}ORIGIN{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[tokio::test]
async fn a_failing_status_gives_all_that_the_vendor_said() {
    let body = r#"{"code":"invalid_client","message":"no such client hunter2","request":"body-id"}"#;
    let error = failing(401, "X-Vendor-Request: abc/1\r\n", body).await;
    assert_eq!(error.kind(), ErrorKind::Status);
    assert_eq!((error.operation(), error.status()), ("create_token", Some(401)));
    assert_eq!((error.code(), error.message()), (Some("invalid_client"), Some("no such client hunter2")));
    assert_eq!((error.request_id(), error.retry_after()), (Some("abc/1"), None));
    assert_eq!((error.verdict(), error.body_problem()), (Verdict::Permanent, None));
    assert_eq!(text(&error), "create_token: POST ORIGIN returned 401 (code invalid_client, request id abc/1)");
    assert!(!texts(&error).contains("hunter2"));
    assert_eq!(error.into_body().unwrap().code, "invalid_client");
}

#[tokio::test]
async fn the_request_id_comes_from_the_vendors_header_or_the_usual_one_or_the_body() {
    let body = r#"{"code":"c","request":"body-id"}"#;
    for (headers, id) in [
        ("x-request-id: usual\r\nx-vendor-request: own\r\n", "own"),
        ("x-request-id: usual\r\n", "usual"),
        ("", "body-id"),
    ] {
        assert_eq!(failing(400, headers, body).await.request_id(), Some(id));
    }
}

#[tokio::test]
async fn a_request_id_that_does_not_look_like_one_is_not_printed() {
    let long = "a".repeat(129);
    for id in ["a b", "a\"b", &long] {
        let error = failing(400, &format!("x-request-id: {id}\r\n"), "{}").await;
        assert_eq!(error.request_id(), Some(id));
        assert!(!texts(&error).contains(id), "{error}");
    }
    let longest = "a".repeat(128);
    let error = failing(400, &format!("x-request-id: {longest}\r\n"), "{}").await;
    assert!(error.to_string().contains(&longest));
}

#[tokio::test]
async fn a_code_that_the_spec_does_not_list_is_not_printed() {
    let error = failing(400, "", r#"{"code":"hunter2"}"#).await;
    assert_eq!(error.code(), Some("hunter2"));
    assert_eq!(text(&error), "create_token: POST ORIGIN returned 400 (code not listed in the spec: see Error::code)");
    assert!(!texts(&error).contains("hunter2"));
    assert!(failing(400, "", r#"{"code":"slow_down"}"#).await.to_string().ends_with("(code slow_down)"));
}

#[tokio::test]
async fn a_listed_code_decides_then_a_listed_status_then_the_status() {
    use Verdict::{Permanent, Relogin, Transient};
    for (status, code, verdict) in [
        (400, "x", Permanent),
        (404, "x", Permanent),
        (408, "x", Transient),
        (425, "x", Transient),
        (429, "x", Transient),
        (500, "x", Transient),
        (599, "x", Transient),
        (400, "unknown_error", Transient),
        (400, "invalid_grant", Relogin),
        (500, "invalid_grant", Relogin),
        (500, "invalid_client", Permanent),
        (423, "x", Transient),
        (503, "x", Permanent),
        (503, "unknown_error", Transient),
        (423, "invalid_client", Permanent),
    ] {
        let error = failing(status, "", format!(r#"{{"code":"{code}"}}"#)).await;
        assert_eq!(error.verdict(), verdict, "{status} {code}");
        assert_eq!(error.is_transient(), verdict == Transient);
        // Only what no list names may have taken effect all the same.
        assert_eq!(error.is_listed(), code != "x" || [423, 503].contains(&status), "{status} {code}");
        assert_eq!(error.is_ambiguous(), status >= 500 && !error.is_listed(), "{status} {code}");
        assert!(!error.is_unusable());
    }
}

#[tokio::test]
async fn a_failing_status_says_it_all_where_its_body_can_not() {
    let page = "<html>hunter2</html>";
    let large = vec![b' '; MAX_BODY + 1];
    let unexpected = BodyProblem::Unexpected { line: 0, column: 0 };
    for (body, problem, words) in [
        (&b""[..], BodyProblem::Empty, "is empty"),
        (b" \r\n", BodyProblem::Empty, "is empty"),
        (page.as_bytes(), BodyProblem::NotJson, "is not JSON"),
        (b"\x1f\x8b\x08 hunter2", BodyProblem::NotJson, "is not JSON"),
        (br#"{"kode":"hunter2"}"#, unexpected, "does not match the spec"),
        (&large, BodyProblem::TooLarge, "is larger than 64 KiB"),
    ] {
        let error = failing(502, "", body).await;
        assert_eq!((error.kind(), error.status()), (ErrorKind::Status, Some(502)));
        assert_eq!((error.body_problem(), error.is_transient()), (Some(problem), true));
        assert!(error.body().is_none());
        assert_eq!(text(&error), format!("create_token: POST ORIGIN returned 502; its body {words}"));
        assert!(!texts(&error).contains("hunter2"));
    }
}

#[tokio::test]
async fn a_success_whose_body_can_not_be_used_is_an_error_per_cause() {
    #[derive(Debug, Deserialize)]
    struct Expiring {
        #[serde(rename = "access_token")]
        _expiry: Timestamp,
    }
    for (body, problem, words) in [
        (&b""[..], BodyProblem::Empty, "is empty"),
        (b"\n", BodyProblem::Empty, "is empty"),
        (b"<html>hunter2</html>", BodyProblem::NotJson, "is not JSON"),
        (b"{\"access_token\":\"hunter2", BodyProblem::NotJson, "is not JSON"),
        (b"\xff\xfehunter2", BodyProblem::NotJson, "is not JSON"),
        (
            b"{\n\"access_token\":\"hunter2\"}",
            BodyProblem::Unexpected { line: 2, column: 24 },
            "does not match the spec (line 2, column 24)",
        ),
        (b"{\"access_token\":\"2026-11-22T11:00:00\"}", BodyProblem::NoOffset, "has a date-time without an offset"),
    ] {
        let (target, _server) = answering(answer(200, "", body)).await;
        let error = run::<Expiring>(&Call::new(&CREATE, &target), post(&target)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Body(problem));
        assert_eq!((error.body_problem(), error.status()), (Some(problem), Some(200)));
        assert_eq!(error.verdict(), Verdict::Transient);
        assert!(error.is_unusable() && error.is_ambiguous());
        assert_eq!(text(&error), format!("create_token: POST ORIGIN returned 200; its body {words}"));
        assert!(!texts(&error).contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_tolerated() {
    let (target, _server) = answering(answer(200, "", format!("\u{feff}{TOKEN}"))).await;
    assert!(create(&target).await.is_ok());
    assert_eq!(failing(400, "", "\u{feff}{\"code\":\"slow_down\"}").await.code(), Some("slow_down"));
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_cap_and_no_larger() {
    let fits = format!("{TOKEN}{}", " ".repeat(MAX_BODY - TOKEN.len()));
    let (target, _server) = answering(answer(200, "", &fits)).await;
    assert!(create(&target).await.is_ok());
    let error = failing(200, "", format!("{fits} ")).await;
    assert_eq!(error.kind(), ErrorKind::Body(BodyProblem::TooLarge));
}

#[tokio::test]
async fn the_cap_is_the_same_where_no_length_is_said() {
    for (spaces, fits) in [(MAX_BODY - TOKEN.len(), true), (MAX_BODY - TOKEN.len() + 1, false)] {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let body = format!("{head}{:x}\r\n{TOKEN}{}\r\n0\r\n\r\n", spaces + TOKEN.len(), " ".repeat(spaces));
        let (target, _server) = answering(body).await;
        let problem = create(&target).await.err().map(|error| error.kind());
        assert_eq!(problem, (!fits).then_some(ErrorKind::Body(BodyProblem::TooLarge)));
    }
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_not_waited_for() {
    // Nothing of the body is ever sent, and the connection stays open until the client ends it.
    let (target, server) = server(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 65537\r\n\r\n").await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    })
    .await;
    assert_eq!(failure(&target).await.kind(), ErrorKind::Body(BodyProblem::TooLarge));
    server.await.unwrap();
}

#[tokio::test]
async fn a_body_that_does_not_end_is_read_up_to_the_cap() {
    let (target, server) = server(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        // Until the client hangs up.
        while stream.write_all(b"4\r\n    \r\n".repeat(1024).as_slice()).await.is_ok() {}
    })
    .await;
    assert_eq!(failure(&target).await.kind(), ErrorKind::Body(BodyProblem::TooLarge));
    server.await.unwrap();
}

#[tokio::test]
async fn an_operation_whose_success_says_nothing_takes_any_2xx_with_any_body() {
    let large = vec![b' '; MAX_BODY + 1];
    for (status, body) in [(204, &b""[..]), (200, b""), (200, b"<html>"), (200, &large), (202, b"{}"), (202, &large)] {
        let (target, _server) = answering(answer(status, "", body)).await;
        assert!(run_empty(&target).await.is_ok(), "{status}, {} bytes", body.len());
    }
    for status in [300, 400, 500] {
        let (target, _server) = answering(answer(status, "", "")).await;
        assert_eq!(run_empty(&target).await.unwrap_err().status(), Some(status));
    }
}

#[tokio::test]
async fn a_success_that_the_spec_does_not_list_is_a_status() {
    let error = failing(202, "", TOKEN).await;
    assert_eq!((error.kind(), error.status(), error.is_transient()), (ErrorKind::Status, Some(202), true));
    assert!(error.is_unusable() && error.is_ambiguous());
    assert_eq!(text(&error), "create_token: POST ORIGIN returned 202");
    let error = failing(202, "", vec![b' '; MAX_BODY + 1]).await;
    assert_eq!((error.kind(), error.body_problem()), (ErrorKind::Status, Some(BodyProblem::TooLarge)));
}

#[tokio::test]
async fn a_success_that_carries_the_vendors_error_is_refused() {
    let refused = async |code: &str| {
        let headers = "retry-after: 7\r\nx-vendor-request: r1\r\n";
        failing(200, headers, format!(r#"{{"access_token":"t","error":"e","code":"{code}"}}"#)).await
    };
    let error = refused("invalid_client").await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::Refused, Some(200)));
    assert_eq!((error.code(), error.verdict()), (Some("invalid_client"), Verdict::Permanent));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(error.body().unwrap().code, "invalid_client");
    assert!(error.tokens().is_none());
    assert_eq!(
        text(&error),
        "create_token: POST ORIGIN returned 200 with an error in its body (code invalid_client, request id r1)"
    );
    assert!(!error.is_unusable() && !error.is_ambiguous(), "the vendor's list names it");
    let error = refused("hunter2").await;
    assert_eq!(error.verdict(), Verdict::Transient);
    assert!(error.is_unusable() && error.is_ambiguous());
    assert!(!texts(&error).contains("hunter2"));
}

#[tokio::test]
async fn a_success_without_an_access_token_is_an_error_without_tokens() {
    for (body, kind) in [
        (r#"{"access_token":"","refresh_token":"RT"}"#, ErrorKind::Refused),
        (r#"{"refresh_token":"RT"}"#, ErrorKind::Body(BodyProblem::Unexpected { line: 1, column: 22 })),
        (r#"{"access_token":7}"#, ErrorKind::Body(BodyProblem::Unexpected { line: 1, column: 17 })),
    ] {
        let (target, _server) = answering(answer(200, "", body)).await;
        for error in [failing(200, "", body).await, grant(&target).await.err().unwrap()] {
            assert_eq!(error.kind(), kind, "{body}");
            assert!(error.tokens().is_none() && error.is_unusable() && error.is_ambiguous(), "{body}");
        }
    }
}

/// A success whose typed body doesn't fit, but for its tokens.
const MISFIT: &str = r#"{"access_token":"AT","refresh_token":"R\/T","expires_in":"never","note":7}"#;

#[tokio::test]
async fn an_error_of_a_success_that_does_not_fit_holds_the_tokens() {
    let error = failing(200, "", MISFIT).await;
    assert_eq!(error.kind(), ErrorKind::Body(BodyProblem::Unexpected { line: 1, column: 73 }));
    let tokens = error.tokens().unwrap();
    assert_eq!((tokens.access_token.expose(), tokens.refresh_token.as_ref().unwrap().expose()), ("AT", "R/T"));
    assert_eq!((tokens.expires_in, &tokens.misfits[..]), (None, &["/expires_in"][..]));
    assert!(!texts(&error).contains("R/T"));
    assert!(error.map_body(drop).tokens().is_some());
    // Beside a token, what looks like a code is none.
    let error = failing(200, "", r#"{"access_token":"AT","note":7,"code":"invalid_client"}"#).await;
    assert_eq!((error.code(), error.verdict()), (None, Verdict::Transient));
    assert!(error.tokens().is_some());
}

#[tokio::test]
async fn the_facade_has_the_tokens_of_a_success_that_does_not_fit() {
    let (target, _server) = answering(answer(200, "date: Tue, 01 Jan 2030 00:00:00 GMT\r\n", MISFIT)).await;
    let granted = grant(&target).await.unwrap();
    assert_eq!(granted.tokens.access_token.expose(), "AT");
    assert_eq!(granted.tokens.refresh_token.unwrap().expose(), "R/T");
    assert_eq!(granted.misfits, ["/expires_in", "/note"]);
    assert!(granted.head.date().is_some());
    // The token is held once, and an optional field that doesn't fit counts as not sent.
    assert_eq!(granted.body, Some(Token { access_token: "".into(), note: None }));
}

#[tokio::test]
async fn the_facade_has_the_tokens_of_a_success_that_the_spec_does_not_list() {
    for (status, body, has_tokens) in [
        (201, TOKEN, true),
        (202, TOKEN, true),
        (202, r#"{"access_token":"t","error":"e"}"#, false),
        (400, TOKEN, false),
    ] {
        let (target, _server) = answering(answer(status, "", body)).await;
        assert_eq!(grant(&target).await.is_ok(), has_tokens, "{status} {body}");
        let error = failing(status, "", body).await;
        assert_eq!((error.kind(), error.status()), (ErrorKind::Status, Some(status)));
        assert_eq!(error.tokens().is_some(), has_tokens, "{status} {body}");
    }
}

#[tokio::test]
async fn a_code_is_found_though_the_body_is_not_as_the_spec_says() {
    for body in [
        &br#"{"error":"invalid_grant","message":7,"code":null}"#[..],
        br#"{"error":"invalid_grant","x":1e999,"code":[]}"#,
        b"{\"error\":\"invalid_grant\",\"message\":\"d\xe9j\xe0\"}",
        b"{\"error\":\"other\",\"error\":\"invalid_grant\"}",
    ] {
        let error = failing(400, "", body).await;
        assert_eq!((error.code(), error.verdict()), (Some("invalid_grant"), Verdict::Relogin));
        assert!(error.body().is_none());
        assert_eq!(error.body_problem(), Some(BodyProblem::Unexpected { line: 0, column: 0 }));
    }
}

#[tokio::test]
async fn a_byte_that_is_not_utf_8_costs_nothing() {
    let (target, _server) = answering(answer(200, "", b"{\"access_token\":\"t\",\"note\":\"d\xe9j\xe0\"}")).await;
    assert_eq!(create(&target).await.unwrap().note.as_deref(), Some("d\u{fffd}j\u{fffd}"));
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let second = MockServer::start().await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}/hunter2\r\n", second.uri());
        let error = failing(status, &location, "<html>").await;
        assert_eq!((error.kind(), error.status()), (ErrorKind::Redirect, Some(status)));
        assert_eq!((error.verdict(), error.body_problem()), (Verdict::Permanent, None));
        assert!(error.to_string().contains("never followed") && !texts(&error).contains("hunter2"), "{error}");
    }
    assert!(second.received_requests().await.unwrap().is_empty());
}

async fn following(status: u16, location: &str, body: bool) -> Error<VendorError> {
    let first = answer(status, &format!("location: {location}\r\n"), "");
    let (target, _server) = answering(first).await;
    let target = Target::new::<()>(target.base_url(), &careless_client().into()).unwrap();
    let request = if body { post(&target) } else { target.http().delete(target.base_url()) };
    run::<Token>(&Call::new(&CREATE, &target), request).await.unwrap_err()
}

#[tokio::test]
async fn a_client_that_follows_redirects_can_not_send_the_body_again() {
    let second = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string(TOKEN)).mount(&second).await;
    for status in [307, 308] {
        for body in [true, false] {
            let error = following(status, &second.uri(), body).await;
            assert_eq!((error.kind(), error.status()), (ErrorKind::Redirect, Some(status)));
        }
    }
    assert!(second.received_requests().await.unwrap().is_empty());

    let error = following(302, &second.uri(), true).await;
    assert_eq!((error.kind(), error.status(), error.is_transient()), (ErrorKind::Redirect, None, false));
    assert!(error.to_string().contains("http_client_builder()"), "{error}");
    assert_eq!(second.received_requests().await.unwrap()[0].body, b"");
}

#[tokio::test]
async fn a_redirect_followed_to_a_dead_end_is_no_failure_to_connect() {
    let error = following(302, &dead_end().await, true).await;
    assert_eq!((error.kind(), error.is_connect()), (ErrorKind::Redirect, false));
}

#[tokio::test]
async fn nothing_was_sent_where_nobody_listens() {
    let error = failure(&target(&dead_end().await)).await;
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(!error.is_ambiguous(), "nothing left");
    assert!(error.is_connect() && !error.is_timeout() && error.is_transient());
    assert_eq!(text(&error), "create_token: POST ORIGIN could not connect; nothing was sent");
    assert!(texts(&error).contains("Connection refused"), "{error:?}");
}

struct NeverResolves;

impl reqwest::dns::Resolve for NeverResolves {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_takes_too_long_is_a_failure_to_connect() {
    let http = http_client_builder().dns_resolver(NeverResolves).build().unwrap();
    let error = failure(&Target::new::<()>("http://localhost", &http.into()).unwrap()).await;
    assert_eq!((error.kind(), error.is_connect(), error.is_timeout()), (ErrorKind::Connect, true, false));
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
#[tokio::test]
async fn a_client_of_the_users_without_tls_says_so() {
    let target = Target::new::<()>("https://localhost", &careless_client().into()).unwrap();
    assert_eq!(failure(&target).await.kind(), ErrorKind::NoTls);
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_an_interruption() {
    for bytes in ["", "HTTP/1.1 200 OK\r\ncont", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", "hunter2\r\n\r\n"] {
        let (target, server) = answering(bytes).await;
        let error = failure(&target).await;
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{bytes:?}");
        assert!(error.is_ambiguous() && !error.is_unusable());
        assert!(!error.is_connect() && error.is_transient());
        assert_eq!(error.status(), bytes.contains("\n{").then_some(200));
        assert!(std::error::Error::source(&error).is_some());
        assert!(!texts(&error).contains("hunter2"), "{error:?}");
        assert!(server.await.unwrap().ends_with("grant_type=client_credentials"));
    }
}

#[tokio::test]
async fn a_failing_status_counts_even_if_its_body_breaks_off() {
    let (target, _server) = answering("HTTP/1.1 401 X\r\ncontent-length: 9\r\n\r\n{").await;
    let error = failure(&target).await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::Status, Some(401)));
    assert_eq!(error.body_problem(), Some(BodyProblem::Incomplete));
}

/// A server that sends this and then nothing more, while the clock runs as fast as it can.
async fn silent_after(bytes: &'static str) -> Error<VendorError> {
    let (target, _server) = server(move |mut stream| async move {
        stream.write_all(bytes.as_bytes()).await.unwrap();
        tokio::time::pause();
        std::future::pending().await
    })
    .await;
    failure(&target).await
}

#[tokio::test]
async fn an_answer_that_does_not_come_times_out() {
    let error = silent_after("").await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_ambiguous() && !error.is_unusable());
    assert!(error.is_timeout() && !error.is_connect() && error.is_transient());
    assert_eq!(text(&error), "create_token: POST ORIGIN timed out before the response was complete (30 s at most)");
}

#[tokio::test]
async fn the_time_out_covers_the_body() {
    let error = silent_after("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{").await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::Timeout, Some(200)));
}

#[tokio::test]
async fn the_time_out_of_the_users_client_is_not_used() {
    let (target, _server) = server(|mut stream| async move {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(5)).await;
        tokio::time::resume();
        stream.write_all(&answer(200, "", TOKEN)).await.unwrap();
    })
    .await;
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(1)).build().unwrap();
    let target = Target::new::<()>(target.base_url(), &http.into()).unwrap();
    assert_eq!(create(&target).await.unwrap().access_token.expose(), "t");
}

#[tokio::test]
async fn a_value_that_can_not_be_encoded_is_not_sent() {
    let target = target("http://localhost");
    let hidden = target.http().post("http://localhost").header("x-a", "hunter2\n");
    let scheme = target.http().post("ftp://hunter2");
    for request in [hidden, scheme] {
        let error = run::<Token>(&Call::new(&CREATE, &target), request).await.unwrap_err();
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::InvalidRequest, false));
        assert!(!texts(&error).contains("hunter2"), "{error:?}");
    }
    let result = Err(progenitor_client::Error::InvalidRequest("hunter2".into()).into());
    let error = Call::new(&CREATE, &target).finish_empty::<VendorError>(result).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(!texts(&error).contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn the_wait_is_measured_against_the_answers_date() {
    let date = "date: Sun, 22 Nov 2026 10:00:00 GMT\r\n";
    for (headers, seconds) in [
        ("retry-after: 120\r\n", Some(120)),
        ("retry-after: Sun, 22 Nov 2026 10:01:40 GMT\r\n", Some(100)),
        // 2026-11-22T10:00:30Z.
        ("x-rate-limit-retry: 1795341630\r\n", Some(30)),
        ("x-rate-limit-retry: 1795341630\r\nretry-after: 5\r\n", Some(5)),
        ("x-rate-limit-retry: 1795341630\r\nretry-after: soon\r\n", Some(30)),
        ("x-rate-limit-retry: soon\r\n", None),
        ("", None),
    ] {
        let error = failing(429, &format!("{date}{headers}"), "").await;
        assert_eq!(error.retry_after(), seconds.map(Duration::from_secs), "{headers}");
    }
}

#[tokio::test]
async fn the_date_of_a_success_is_kept() {
    let (target, _server) = answering(answer(200, "date: Thu, 01 Jan 1970 00:00:09 GMT\r\n", TOKEN)).await;
    let head = grant(&target).await.unwrap().head;
    assert_eq!(head.date(), Some(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(9)));
}

#[tokio::test]
async fn the_wait_has_fractions_and_dates_of_rfc_3339() {
    let date = "date: Sun, 22 Nov 2026 10:00:00 GMT\r\n";
    for (headers, seconds) in [
        ("retry-after: 292.052427053\r\n", 293),
        ("retry-after: 2026-11-22T10:01:40Z\r\n", 100),
        ("x-rate-limit-retry: 1795341630.5\r\n", 31),
        ("x-rate-limit-retry: 2026-11-22T11:00:30+01:00\r\n", 30),
    ] {
        let error = failing(429, &format!("{date}{headers}"), "").await;
        assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)), "{headers}");
    }
}

#[tokio::test]
async fn a_request_id_that_repeats_what_was_sent_is_withheld() {
    for id in ["grant_type=client_credentials", "req-client_credentials-1", "client_cred", "CLIENT_CREDENTIALS"] {
        let header = failing(400, &format!("x-request-id: {id}\r\n"), "{}").await;
        let body = failing(400, "", format!(r#"{{"code":"c","request":"{id}"}}"#)).await;
        for error in [header, body] {
            assert_eq!(error.request_id(), None, "{id}");
            assert!(!texts(&error).contains(id), "{error}");
        }
    }
    assert_eq!(failing(400, "x-request-id: 7f3a9c\r\n", "{}").await.request_id(), Some("7f3a9c"));
}

#[tokio::test]
async fn the_causes_are_on_one_line() {
    let error = failure(&target(&dead_end().await)).await;
    let line = format!("{error:#}");
    assert!(line.starts_with(&format!("{error}: error sending request: client error (Connect): ")), "{line}");
    assert!(line.contains("Connection refused") && !line.contains('\n'), "{line}");
    // What `main` prints of it.
    assert_eq!((format!("{error:?}"), format!("{error:#?}")), (line.clone(), line));
}

#[test]
fn an_error_and_a_call_can_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Error<VendorError>>();
    crosses::<Call>();
    crosses::<Target>();
}

#[tokio::test]
async fn an_error_can_change_its_body() {
    let error = failing(401, "retry-after: 1\r\n", r#"{"code":"invalid_client"}"#).await;
    let (text, debug) = (error.to_string(), format!("{error:?}"));
    let mapped = error.map_body(|body| body.code);
    assert_eq!((mapped.to_string(), format!("{mapped:?}")), (text, debug));
    assert_eq!(mapped.into_body().unwrap(), "invalid_client");
}

/// The first invariant: a secret that goes anywhere into a request, or comes back anywhere in an answer, is in no text.
#[tokio::test]
async fn no_text_holds_a_secret() {
    static REVOKE: Operation = operation("DELETE", HeaderValue::from_static("application/json"), None);
    const HEAD: &str = "content-type: application/json\r\nset-cookie: hunter2\r\nlocation: /hunter2\r\n\
                        x-request-id: hunter2 hunter2\r\nwww-authenticate: Basic realm=\"hunter2\"\r\n";
    let body = r#"{"code":"hunter2","message":"hunter2","request":"hunter2 2"}"#;
    let mut answers: Vec<Vec<u8>> = [200, 202, 307, 400, 503].map(|status| answer(status, HEAD, body)).into();
    answers.extend([200, 400].map(|status| answer(status, HEAD, "hunter2")));
    answers.push(b"HTTP/1.1 200 hunter2\r\nhunter2".into());
    answers.push(b"hunter2 / hunter2".into());
    answers.push(b"HTTP/1.1 400 hunter2\r\nContent-Length: hunter2\r\n\r\n".into());
    let mut servers = Vec::new();
    for bytes in answers {
        let (target, handle) = answering(bytes).await;
        servers.push((target.base_url().to_owned(), Some(handle)));
    }
    servers.push((dead_end().await, None));

    for (url, server) in servers {
        for http in [None, Some(careless_client())] {
            if http.is_some() && server.is_some() {
                continue; // Each server answers once; the user's client has the dead end.
            }
            let http = http.map(Http::from).unwrap_or_default();
            let target = Target::new::<()>(&format!("{url}/hunter2"), &http).unwrap();
            let mut call = Call::new(&REVOKE, &target);
            call.header::<()>("x-key", "hunter2").unwrap();
            call.authorization::<()>("Bearer", &Secret::from("hunter2")).unwrap();
            call.query("key", &Secret::from("hunter2"));
            assert!(!format!("{call:?} {call:#?} {target:?}").contains("hunter2"));
            let request = target.http().post(format!("{}/hunter2?a=hunter2", target.base_url())).body("hunter2");
            let error = run::<Token>(&call, request).await.unwrap_err();
            assert!(!texts(&error).contains("hunter2"), "{}", texts(&error));
            assert!(!format!("{call:?} {call:#?}").contains("hunter2"));
        }
        if let Some(server) = server {
            assert_eq!(server.await.unwrap().matches("hunter2").count(), 7, "the secret was sent");
        }
    }
}
