//! Calls that fail, and their errors.

use freshtoken::{HttpClient, HttpError};
use http::HeaderValue;
use reqwest::{Method, Request, Url};
use tokio::net::TcpListener;

#[cfg(feature = "rustls")]
use crate::in_a_process;
use crate::support::{Does, Issuer, every_text, s, settle};
use crate::{arrived, bearer, client, client_of, issuer, keyed, serve, status};

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = serve(|_| status(200)).await;
    for (does, is_transient, wait) in [(Does::FailsFor(s(7)), true, s(7)), (Does::Refuses, false, s(3600))] {
        let api = client(&server, bearer(&Issuer::new(does)));
        let error = api.get(server.uri()).send().await.unwrap_err();
        assert!(matches!(&error, HttpError::Token(token) if token.is_transient() == is_transient), "{error:?}");
        assert_eq!((error.is_transient(), error.retry_after()), (is_transient, Some(wait)));
    }
    assert_eq!(arrived(&server).await, [""; 0]);
}

#[tokio::test]
async fn a_call_timeout_excludes_the_wait_for_a_token() {
    let server = serve(|_| status(200)).await;
    let issuer = issuer();
    issuer.close();
    let api = client(&server, bearer(&issuer));
    let call = api.get(server.uri()).timeout(s(20));
    let call = tokio::spawn(call.send());
    settle().await;
    assert_eq!(issuer.seen(), ["login"]);
    tokio::time::pause();
    tokio::time::advance(s(60)).await;
    tokio::time::resume();
    issuer.open();
    assert_eq!(call.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn a_dropped_call_leaves_the_token_to_the_next() {
    let server = serve(|_| status(200)).await;
    let issuer = issuer();
    issuer.close();
    let api = client(&server, bearer(&issuer));
    let call = tokio::spawn({
        let (api, url) = (api.clone(), server.uri());
        async move { tokio::time::timeout(s(0), api.get(url).send()).await.map(drop) }
    });
    assert!(call.await.unwrap().is_err());
    settle().await;
    issuer.open();
    assert_eq!(api.get(server.uri()).send().await.unwrap().status(), 200);
    assert_eq!(issuer.seen(), ["login"]);
    assert_eq!(arrived(&server).await, ["GET / Bearer token-1"]);
}

#[tokio::test]
async fn a_time_out_and_a_refused_connection_are_transient() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let api = client_of(format!("http://{address}"), bearer(&issuer()));
    let call = api.get(format!("http://{address}/hunter2?hunter2")).timeout(std::time::Duration::from_millis(1));
    let late = call.send().await.unwrap_err();
    assert!(matches!(&late, HttpError::Http(error) if error.is_timeout()) && late.is_transient(), "{late:?}");
    // Bound, so that no other test gets the port, but not listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = socket.local_addr().unwrap();
    let refused = api
        .get(format!("http://{closed}/hunter2?hunter2"))
        .allow_origin(format!("http://{closed}"))
        .send()
        .await
        .unwrap_err();
    assert!(matches!(&refused, HttpError::Http(error) if error.is_connect()) && refused.is_transient(), "{refused:?}");
    for (error, address) in [(late, address), (refused, closed)] {
        assert!(every_text(&error).contains(&format!("http://{address}/")), "where it was");
        assert!(!every_text(&error).contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_call_that_cannot_be_built_needs_no_token() {
    let issuer = issuer();
    let api = client_of("https://a", bearer(&issuer));
    for call in [api.get("hunter2"), api.get("https://:hunter2"), api.get("https://a/").header("x-mine", "hunter2\n")] {
        let error = call.send().await.unwrap_err();
        assert!(matches!(&error, HttpError::Http(error) if error.is_builder()) && !error.is_transient(), "{error:?}");
        assert!(!every_text(&error).contains("hunter2"), "{}", every_text(&error));
    }
    assert_eq!(issuer.seen(), [""; 0]);
    let error =
        api.execute(Request::new(Method::GET, Url::parse("ftp://hunter2@a/hunter2").unwrap())).await.unwrap_err();
    assert!(matches!(&error, HttpError::ForeignOrigin(origin) if origin == "ftp://a"), "{error:?}");
    assert!(!every_text(&error).contains("hunter2"), "{}", every_text(&error));
}

#[tokio::test]
async fn no_message_has_a_secret() {
    let server = serve(|_| status(418)).await;
    let mut defaults = http::HeaderMap::new();
    defaults.insert("x-mine", HeaderValue::from_static("app-key"));
    let builder = reqwest::Client::builder().no_proxy().default_headers(defaults);
    let api = HttpClient::from_builder(builder, keyed(&issuer())).unwrap().allow_origin(server.uri()).unwrap();
    let response = api.get(format!("{}/?app-key", server.uri())).send().await.unwrap();
    let of_status: HttpError = response.error_for_status().unwrap_err().into();
    assert!(of_status.to_string().contains("responded with an error status") && !of_status.is_transient());
    let texts = [format!("{api:?} {api:#?}"), every_text(&of_status)];
    for text in texts {
        for secret in ["token-1", "app-key", "password"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    // What a user might log of a request or a response.
    let call = api.post(server.uri()).build().unwrap();
    assert!(!format!("{call:?}").contains("token-1"));
}

#[tokio::test]
async fn no_error_message_quotes_a_response() {
    let server = serve(|_| status(200).set_body_string(r#""hunter2""#)).await;
    let api = client(&server, bearer(&issuer()));
    let response = api.get(server.uri()).send().await.unwrap();
    let error = HttpError::from(response.json::<u8>().await.unwrap_err());
    assert!(!every_text(&error).contains("hunter2"), "{}", every_text(&error));
    assert!(format!("{error:#}").ends_with(": not the expected JSON (line 1, column 9)"), "{error:#}");
    assert_eq!(format!("{error:?}"), format!("{error:#}"));
}

#[cfg(feature = "rustls")]
#[test]
fn a_client_without_certificates_says_so() {
    let missing = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(|name| (name, "/nonexistent"));
    in_a_process("failures::no_certificate_is_found", &missing);
}

#[cfg(feature = "rustls")]
#[tokio::test]
#[ignore = "of a process without certificates"]
async fn no_certificate_is_found() {
    let error = HttpClient::new(bearer(&issuer())).unwrap_err();
    assert!(matches!(error, HttpError::Client(_)) && error.is_transient());
    assert_eq!(
        error.to_string(),
        "the HTTP client cannot be built: no CA certificates were found: install them or set SSL_CERT_FILE"
    );
}
