//! Statuses and codes.

use super::*;

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
    assert_eq!(message(&error), "create_token: POST ORIGIN returned 400 (code not listed in the spec, so not printed)");
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
