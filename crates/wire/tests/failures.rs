//! Every way in which a request can fail, caused by a server that behaves that way.

#![allow(clippy::unwrap_used, reason = "a test helper may panic, as a test may")]

mod support;

use std::time::Duration;

use freshtoken_wire::{
    BodyProblem, Call, Error, ErrorClass, ErrorKind, MAX_BODY, Target, Timestamp, http_client_builder,
};
use serde::Deserialize;
use support::{
    CREATE, TOKEN, Token, VendorError, careless_client, closed_port, create, failure, grant, messages, post, response,
    run, run_empty, server, server_returning, target,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Errors, calls and targets can be sent to other threads.
const _: () = {
    const fn can_cross_threads<T: Send + Sync + 'static>() {}
    can_cross_threads::<Error<VendorError>>();
    can_cross_threads::<Call>();
    can_cross_threads::<Target>();
};

async fn failing(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Error<VendorError> {
    let (target, _server) = server_returning(response(status, headers, body)).await;
    failure(&target).await
}

/// Returns the message, with a placeholder for the server's origin.
fn message(error: &Error<VendorError>) -> String {
    let message = error.to_string();
    let (before, after) = message.split_once("http://127.0.0.1:").unwrap();
    format!("{before}ORIGIN{}", after.trim_start_matches(|character: char| character.is_ascii_digit()))
}

#[tokio::test]
async fn a_failing_status_returns_all_details_of_the_vendor() {
    let body = r#"{"code":"invalid_client","message":"no such client hunter2","request":"body-id"}"#;
    let error = failing(401, "X-Vendor-Request: abc/1\r\n", body).await;
    assert_eq!(error.kind(), ErrorKind::Status);
    assert_eq!((error.operation(), error.status()), ("create_token", Some(401)));
    assert_eq!((error.code(), error.message()), (Some("invalid_client"), Some("no such client hunter2")));
    assert_eq!((error.request_id(), error.retry_after()), (Some("abc/1"), None));
    assert_eq!((error.class(), error.body_problem()), (ErrorClass::Permanent, None));
    assert_eq!(message(&error), "create_token: POST ORIGIN returned 401 (code invalid_client, request id abc/1)");
    assert!(!messages(&error).contains("hunter2"));
    assert_eq!(error.into_body().unwrap().code, "invalid_client");
}

#[tokio::test]
async fn the_request_id_comes_from_a_header_or_the_body() {
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
async fn an_unusual_request_id_is_not_printed() {
    let long = "a".repeat(129);
    for id in ["a b", "a\"b", &long] {
        let error = failing(400, &format!("x-request-id: {id}\r\n"), "{}").await;
        assert_eq!(error.request_id(), Some(id));
        assert!(!messages(&error).contains(id), "{error}");
    }
    let longest = "a".repeat(128);
    let error = failing(400, &format!("x-request-id: {longest}\r\n"), "{}").await;
    assert!(error.to_string().contains(&longest));
}

#[tokio::test]
async fn a_code_that_the_spec_does_not_list_is_not_printed() {
    let error = failing(400, "", r#"{"code":"hunter2"}"#).await;
    assert_eq!(error.code(), Some("hunter2"));
    assert_eq!(
        message(&error),
        "create_token: POST ORIGIN returned 400 (code not listed in the spec: see Error::code)"
    );
    assert!(!messages(&error).contains("hunter2"));
    assert!(failing(400, "", r#"{"code":"slow_down"}"#).await.to_string().ends_with("(code slow_down)"));
}

#[tokio::test]
async fn a_listed_code_takes_precedence_over_the_status() {
    use ErrorClass::{Permanent, Relogin, Transient};
    for (status, code, class) in [
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
        assert_eq!(error.class(), class, "{status} {code}");
        assert_eq!(error.is_transient(), class == Transient);
        // The vendor may have acted on the request only if no list explains the failure.
        assert_eq!(error.is_listed(), code != "x" || [423, 503].contains(&status), "{status} {code}");
        assert_eq!(error.is_ambiguous(), status >= 500 && !error.is_listed(), "{status} {code}");
        assert!(!error.is_unusable());
    }
}

#[tokio::test]
async fn a_failing_status_is_enough_without_a_usable_body() {
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
        assert_eq!(message(&error), format!("create_token: POST ORIGIN returned 502; its body {words}"));
        assert!(!messages(&error).contains("hunter2"));
    }
}

#[tokio::test]
async fn each_problem_of_a_success_body_has_its_own_error() {
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
        let (target, _server) = server_returning(response(200, "", body)).await;
        let error = run::<Expiring>(&Call::new(&CREATE, &target), post(&target)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Body(problem));
        assert_eq!((error.body_problem(), error.status()), (Some(problem), Some(200)));
        assert_eq!(error.class(), ErrorClass::Transient);
        assert!(error.is_unusable() && error.is_ambiguous());
        assert_eq!(message(&error), format!("create_token: POST ORIGIN returned 200; its body {words}"));
        assert!(!messages(&error).contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_ignored() {
    let (target, _server) = server_returning(response(200, "", format!("\u{feff}{TOKEN}"))).await;
    assert!(create(&target).await.is_ok());
    assert_eq!(failing(400, "", "\u{feff}{\"code\":\"slow_down\"}").await.code(), Some("slow_down"));
}

#[tokio::test]
async fn a_body_larger_than_the_limit_is_an_error() {
    let fits = format!("{TOKEN}{}", " ".repeat(MAX_BODY - TOKEN.len()));
    let (target, _server) = server_returning(response(200, "", &fits)).await;
    assert!(create(&target).await.is_ok());
    let error = failing(200, "", format!("{fits} ")).await;
    assert_eq!(error.kind(), ErrorKind::Body(BodyProblem::TooLarge));
}

#[tokio::test]
async fn a_chunked_body_has_the_same_limit() {
    for (spaces, fits) in [(MAX_BODY - TOKEN.len(), true), (MAX_BODY - TOKEN.len() + 1, false)] {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let body = format!("{head}{:x}\r\n{TOKEN}{}\r\n0\r\n\r\n", spaces + TOKEN.len(), " ".repeat(spaces));
        let (target, _server) = server_returning(body).await;
        let problem = create(&target).await.err().map(|error| error.kind());
        assert_eq!(problem, (!fits).then_some(ErrorKind::Body(BodyProblem::TooLarge)));
    }
}

#[tokio::test]
async fn a_body_with_too_large_a_content_length_is_not_read() {
    // The body is never sent, and the connection stays open until the client closes it.
    let (target, server) = server(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 65537\r\n\r\n").await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    })
    .await;
    assert_eq!(failure(&target).await.kind(), ErrorKind::Body(BodyProblem::TooLarge));
    server.await.unwrap();
}

#[tokio::test]
async fn an_endless_body_is_read_up_to_the_limit() {
    let (target, server) = server(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        // Until the client closes the connection.
        while stream.write_all(b"4\r\n    \r\n".repeat(1024).as_slice()).await.is_ok() {}
    })
    .await;
    assert_eq!(failure(&target).await.kind(), ErrorKind::Body(BodyProblem::TooLarge));
    server.await.unwrap();
}

#[tokio::test]
async fn an_operation_without_a_success_body_accepts_any_2xx() {
    let large = vec![b' '; MAX_BODY + 1];
    for (status, body) in [(204, &b""[..]), (200, b""), (200, b"<html>"), (200, &large), (202, b"{}"), (202, &large)] {
        let (target, _server) = server_returning(response(status, "", body)).await;
        assert!(run_empty(&target).await.is_ok(), "{status}, {} bytes", body.len());
    }
    for status in [300, 400, 500] {
        let (target, _server) = server_returning(response(status, "", "")).await;
        assert_eq!(run_empty(&target).await.unwrap_err().status(), Some(status));
    }
}

#[tokio::test]
async fn an_unlisted_success_is_a_status_error() {
    let error = failing(202, "", TOKEN).await;
    assert_eq!((error.kind(), error.status(), error.is_transient()), (ErrorKind::Status, Some(202), true));
    assert!(error.is_unusable() && error.is_ambiguous());
    assert_eq!(message(&error), "create_token: POST ORIGIN returned 202");
    let error = failing(202, "", vec![b' '; MAX_BODY + 1]).await;
    assert_eq!((error.kind(), error.body_problem()), (ErrorKind::Status, Some(BodyProblem::TooLarge)));
}

#[tokio::test]
async fn a_success_with_an_error_in_its_body_is_an_error() {
    let error_with = async |code: &str| {
        let headers = "retry-after: 7\r\nx-vendor-request: r1\r\n";
        failing(200, headers, format!(r#"{{"access_token":"t","error":"e","code":"{code}"}}"#)).await
    };
    let error = error_with("invalid_client").await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::ErrorInSuccess, Some(200)));
    assert_eq!((error.code(), error.class()), (Some("invalid_client"), ErrorClass::Permanent));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(error.body().unwrap().code, "invalid_client");
    assert!(error.tokens().is_none());
    assert_eq!(
        message(&error),
        "create_token: POST ORIGIN returned 200 with an error in its body (code invalid_client, request id r1)"
    );
    assert!(!error.is_unusable() && !error.is_ambiguous(), "a list of the vendor explains it");
    let error = error_with("hunter2").await;
    assert_eq!(error.class(), ErrorClass::Transient);
    assert!(error.is_unusable() && error.is_ambiguous());
    assert!(!messages(&error).contains("hunter2"));
}

#[tokio::test]
async fn a_success_without_an_access_token_is_an_error_without_tokens() {
    for (body, kind) in [
        (r#"{"access_token":"","refresh_token":"RT"}"#, ErrorKind::ErrorInSuccess),
        (r#"{"refresh_token":"RT"}"#, ErrorKind::Body(BodyProblem::Unexpected { line: 1, column: 22 })),
        (r#"{"access_token":7}"#, ErrorKind::Body(BodyProblem::Unexpected { line: 1, column: 17 })),
    ] {
        let (target, _server) = server_returning(response(200, "", body)).await;
        for error in [failing(200, "", body).await, grant(&target).await.err().unwrap()] {
            assert_eq!(error.kind(), kind, "{body}");
            assert!(error.tokens().is_none() && error.is_unusable() && error.is_ambiguous(), "{body}");
        }
    }
}

/// A success whose tokens match the spec, but whose other fields don't.
const MISFIT: &str = r#"{"access_token":"AT","refresh_token":"R\/T","expires_in":"never","note":7}"#;

#[tokio::test]
async fn the_error_for_a_mismatched_success_contains_the_tokens() {
    let error = failing(200, "", MISFIT).await;
    assert_eq!(error.kind(), ErrorKind::Body(BodyProblem::Unexpected { line: 1, column: 73 }));
    let tokens = error.tokens().unwrap();
    assert_eq!((tokens.access_token.expose(), tokens.refresh_token.as_ref().unwrap().expose()), ("AT", "R/T"));
    assert_eq!((tokens.expires_in, &tokens.misfits[..]), (None, &["/expires_in"][..]));
    assert!(!messages(&error).contains("R/T"));
    assert!(error.map_body(drop).tokens().is_some());
    // A response with a token is not a failure, so its `code` is not an error code.
    let error = failing(200, "", r#"{"access_token":"AT","note":7,"code":"invalid_client"}"#).await;
    assert_eq!((error.code(), error.class()), (None, ErrorClass::Transient));
    assert!(error.tokens().is_some());
}

#[tokio::test]
async fn the_facade_receives_the_tokens_of_a_mismatched_success() {
    let (target, _server) = server_returning(response(200, "date: Tue, 01 Jan 2030 00:00:00 GMT\r\n", MISFIT)).await;
    let granted = grant(&target).await.unwrap();
    assert_eq!(granted.tokens.access_token.expose(), "AT");
    assert_eq!(granted.tokens.refresh_token.unwrap().expose(), "R/T");
    assert_eq!(granted.misfits, ["/expires_in", "/note"]);
    assert!(granted.head.date().is_some());
    // There is only one copy of the token, and an optional field that doesn't match is absent.
    assert_eq!(granted.body, Some(Token { access_token: "".into(), note: None }));
}

#[tokio::test]
async fn the_facade_receives_the_tokens_of_an_unlisted_success() {
    for (status, body, has_tokens) in [
        (201, TOKEN, true),
        (202, TOKEN, true),
        (202, r#"{"access_token":"t","error":"e"}"#, false),
        (400, TOKEN, false),
    ] {
        let (target, _server) = server_returning(response(status, "", body)).await;
        assert_eq!(grant(&target).await.is_ok(), has_tokens, "{status} {body}");
        let error = failing(status, "", body).await;
        assert_eq!((error.kind(), error.status()), (ErrorKind::Status, Some(status)));
        assert_eq!(error.tokens().is_some(), has_tokens, "{status} {body}");
    }
}

#[tokio::test]
async fn a_code_is_found_in_a_body_that_does_not_match() {
    for body in [
        &br#"{"error":"invalid_grant","message":7,"code":null}"#[..],
        br#"{"error":"invalid_grant","x":1e999,"code":[]}"#,
        b"{\"error\":\"invalid_grant\",\"message\":\"d\xe9j\xe0\"}",
        b"{\"error\":\"other\",\"error\":\"invalid_grant\"}",
    ] {
        let error = failing(400, "", body).await;
        assert_eq!((error.code(), error.class()), (Some("invalid_grant"), ErrorClass::Relogin));
        assert!(error.body().is_none());
        assert_eq!(error.body_problem(), Some(BodyProblem::Unexpected { line: 0, column: 0 }));
    }
}

#[tokio::test]
async fn invalid_utf_8_is_replaced() {
    let (target, _server) =
        server_returning(response(200, "", b"{\"access_token\":\"t\",\"note\":\"d\xe9j\xe0\"}")).await;
    assert_eq!(create(&target).await.unwrap().note.as_deref(), Some("d\u{fffd}j\u{fffd}"));
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let second = MockServer::start().await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}/hunter2\r\n", second.uri());
        let error = failing(status, &location, "<html>").await;
        assert_eq!((error.kind(), error.status()), (ErrorKind::Redirect, Some(status)));
        assert_eq!((error.class(), error.body_problem()), (ErrorClass::Permanent, None));
        assert!(error.to_string().contains("never followed") && !messages(&error).contains("hunter2"), "{error}");
    }
    assert!(second.received_requests().await.unwrap().is_empty());
}

async fn following(status: u16, location: &str, body: bool) -> Error<VendorError> {
    let first = response(status, &format!("location: {location}\r\n"), "");
    let (target, _server) = server_returning(first).await;
    let target = Target::new::<()>(target.base_url(), &careless_client().into()).unwrap();
    let request = if body { post(&target) } else { target.http().delete(target.base_url()) };
    run::<Token>(&Call::new(&CREATE, &target), request).await.unwrap_err()
}

#[tokio::test]
async fn a_client_that_follows_redirects_cannot_resend_the_body() {
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
async fn a_redirect_to_a_closed_port_is_not_a_connect_error() {
    let error = following(302, &closed_port().await, true).await;
    assert_eq!((error.kind(), error.is_connect()), (ErrorKind::Redirect, false));
}

#[tokio::test]
async fn nothing_is_sent_to_a_closed_port() {
    let error = failure(&target(&closed_port().await)).await;
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(!error.is_ambiguous(), "nothing was sent");
    assert!(error.is_connect() && !error.is_timeout() && error.is_transient());
    assert_eq!(message(&error), "create_token: POST ORIGIN could not connect; nothing was sent");
    assert!(messages(&error).contains("Connection refused"), "{error:?}");
}

struct NeverResolves;

impl reqwest::dns::Resolve for NeverResolves {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_while_connecting_is_a_connect_error() {
    let http = http_client_builder().dns_resolver(NeverResolves).build().unwrap();
    let error = failure(&Target::new::<()>("http://localhost", &http.into()).unwrap()).await;
    assert_eq!((error.kind(), error.is_connect(), error.is_timeout()), (ErrorKind::Connect, true, false));
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
#[tokio::test]
async fn a_custom_client_without_tls_is_reported() {
    let target = Target::new::<()>("https://localhost", &careless_client().into()).unwrap();
    assert_eq!(failure(&target).await.kind(), ErrorKind::NoTls);
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_interrupted() {
    for bytes in ["", "HTTP/1.1 200 OK\r\ncont", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", "hunter2\r\n\r\n"] {
        let (target, server) = server_returning(bytes).await;
        let error = failure(&target).await;
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{bytes:?}");
        assert!(error.is_ambiguous() && !error.is_unusable());
        assert!(!error.is_connect() && error.is_transient());
        assert_eq!(error.status(), bytes.contains("\n{").then_some(200));
        assert!(std::error::Error::source(&error).is_some());
        assert!(!messages(&error).contains("hunter2"), "{error:?}");
        assert!(server.await.unwrap().ends_with("grant_type=client_credentials"));
    }
}

#[tokio::test]
async fn a_failing_status_is_reported_despite_an_incomplete_body() {
    let (target, _server) = server_returning("HTTP/1.1 401 X\r\ncontent-length: 9\r\n\r\n{").await;
    let error = failure(&target).await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::Status, Some(401)));
    assert_eq!(error.body_problem(), Some(BodyProblem::Incomplete));
}

/// Sends a request to a server that stops after these bytes, with a paused clock that advances automatically.
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
async fn a_missing_response_times_out() {
    let error = silent_after("").await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_ambiguous() && !error.is_unusable());
    assert!(error.is_timeout() && !error.is_connect() && error.is_transient());
    assert_eq!(message(&error), "create_token: POST ORIGIN timed out before the response was complete (30 s at most)");
}

#[tokio::test]
async fn the_timeout_includes_the_body() {
    let error = silent_after("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{").await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::Timeout, Some(200)));
}

#[tokio::test]
async fn the_timeout_of_a_custom_client_is_not_used() {
    let (target, _server) = server(|mut stream| async move {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(5)).await;
        tokio::time::resume();
        stream.write_all(&response(200, "", TOKEN)).await.unwrap();
    })
    .await;
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(1)).build().unwrap();
    let target = Target::new::<()>(target.base_url(), &http.into()).unwrap();
    assert_eq!(create(&target).await.unwrap().access_token.expose(), "t");
}

#[tokio::test]
async fn a_value_that_cannot_be_encoded_is_not_sent() {
    let target = target("http://localhost");
    let hidden = target.http().post("http://localhost").header("x-a", "hunter2\n");
    let scheme = target.http().post("ftp://hunter2");
    for request in [hidden, scheme] {
        let error = run::<Token>(&Call::new(&CREATE, &target), request).await.unwrap_err();
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::InvalidRequest, false));
        assert!(!messages(&error).contains("hunter2"), "{error:?}");
    }
    let result = Err(progenitor_client::Error::InvalidRequest("hunter2".into()).into());
    let error = Call::new(&CREATE, &target).finish_empty::<VendorError>(result).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(!messages(&error).contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn the_wait_is_relative_to_the_date_of_the_response() {
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
    let (target, _server) = server_returning(response(200, "date: Thu, 01 Jan 1970 00:00:09 GMT\r\n", TOKEN)).await;
    let head = grant(&target).await.unwrap().head;
    assert_eq!(head.date(), Some(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(9)));
}

#[tokio::test]
async fn the_wait_may_be_a_fraction_or_an_rfc_3339_date() {
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
            assert!(!messages(&error).contains(id), "{error}");
        }
    }
    assert_eq!(failing(400, "x-request-id: 7f3a9c\r\n", "{}").await.request_id(), Some("7f3a9c"));
}

#[tokio::test]
async fn an_error_and_its_causes_are_printed_on_one_line() {
    let error = failure(&target(&closed_port().await)).await;
    let line = format!("{error:#}");
    assert!(line.starts_with(&format!("{error}: error sending request: client error (Connect): ")), "{line}");
    assert!(line.contains("Connection refused") && !line.contains('\n'), "{line}");
    // A `main` that returns the error prints its `Debug`.
    assert_eq!((format!("{error:?}"), format!("{error:#?}")), (line.clone(), line));
}

#[tokio::test]
async fn the_body_of_an_error_can_be_mapped() {
    let error = failing(401, "retry-after: 1\r\n", r#"{"code":"invalid_client"}"#).await;
    let (text, debug) = (error.to_string(), format!("{error:?}"));
    let mapped = error.map_body(|body| body.code);
    assert_eq!((mapped.to_string(), format!("{mapped:?}")), (text, debug));
    assert_eq!(mapped.into_body().unwrap(), "invalid_client");
}
