//! Tokens in responses that do not match the spec.

use super::*;

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
