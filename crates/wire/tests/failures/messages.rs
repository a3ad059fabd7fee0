//! What an error says, and for how long to wait.

use super::*;

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
