//! Redirects, connections and time-outs.

use super::*;

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
