//! A call that gets a 401.

use std::sync::{Arc, Mutex};

use freshtoken::{HttpError, TokenSource};
use reqwest::Body;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use wiremock::Mock;
use wiremock::matchers::any;

use crate::support::{Does, TestClock, acme, s, settle};
use crate::{
    Bearer, arrived, bearer, client, client_of, header, issuer, read_head, rejects_tokens, serve, status, token_in,
};

#[tokio::test]
async fn a_401_renews_the_token_and_the_call_is_repeated_once() {
    let server = serve(rejects_tokens(1)).await;
    let issuer = issuer();
    let api = client(&server, bearer(&issuer));
    api.tokens().token().await.unwrap();
    let call = api.post(format!("{}/orders", server.uri())).header("x-mine", "1").body("the body");
    let response = call.send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (200, "Bearer token-2"));
    assert_eq!(
        arrived(&server).await,
        ["POST /orders Bearer token-1 the body", "POST /orders Bearer token-2 the body"]
    );
    assert_eq!(header(&server.received_requests().await.unwrap()[1], "x-mine"), "1");
    assert_eq!(issuer.seen(), ["login", "login"]);
}

#[tokio::test]
async fn the_second_401_is_returned_and_reported() {
    let server = serve(|_| status(401).set_body_string("no")).await;
    let issuer = issuer();
    let api = client(&server, bearer(&issuer));
    let response = api.get(server.uri()).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (401, "no"));
    assert_eq!(arrived(&server).await, ["GET / Bearer token-1", "GET / Bearer token-2"]);
    assert_eq!(issuer.seen(), ["login", "login"]);
    assert_eq!(api.tokens().status().counters.rejected, 2);
}

#[tokio::test]
async fn a_call_is_retried_only_once() {
    let clock = TestClock::new();
    // So slow that the new token is no longer new when its 401 arrives.
    let server = serve({
        let clock = clock.clone();
        move |request| {
            clock.advance(s(61));
            rejects_tokens(2)(request)
        }
    })
    .await;
    let issuer = issuer();
    let tokens = TokenSource::builder(acme::<Bearer>(&issuer), "password".to_owned()).clock(clock).build();
    let api = client(&server, tokens);
    assert_eq!(api.get(server.uri()).send().await.unwrap().status(), 401);
    assert_eq!(arrived(&server).await, ["GET / Bearer token-1", "GET / Bearer token-2"]);
    assert_eq!(issuer.seen(), ["login", "login"]);
    // It was reported anyway.
    assert!(api.tokens().try_token().is_none());
}

#[tokio::test]
async fn a_401_with_a_just_renewed_token_is_a_permission_problem() {
    let server = serve(|_| status(401)).await;
    let issuer = issuer();
    let api = client(&server, bearer(&issuer));
    api.get(server.uri()).send().await.unwrap();
    server.reset().await;
    issuer.seen();
    Mock::given(any()).respond_with(status(401).set_body_string("no")).mount(&server).await;
    let response = api.get(server.uri()).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (401, "no"));
    assert_eq!(arrived(&server).await, ["GET / Bearer token-2"]);
    assert_eq!(issuer.seen(), [""; 0]);
}

#[tokio::test]
async fn fifty_401s_with_one_token_cause_one_login() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let server = tokio::spawn({
        let seen = seen.clone();
        async move {
            // No call gets a response before all have arrived with the first token.
            let mut streams = Vec::new();
            for _ in 0..50 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let token = token_in(&read_head(&mut stream).await.unwrap());
                seen.lock().unwrap().push(token);
                streams.push(stream);
            }
            for mut stream in streams {
                let seen = seen.clone();
                tokio::spawn(async move {
                    stream.write_all(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                    while let Some(head) = read_head(&mut stream).await {
                        seen.lock().unwrap().push(token_in(&head));
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                    }
                });
            }
        }
    });
    let issuer = issuer();
    let api = client_of(&url, bearer(&issuer));
    api.tokens().token().await.unwrap();
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let (api, url) = (api.clone(), url.clone());
            tokio::spawn(async move { api.get(url).send().await.unwrap().status().as_u16() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    server.await.unwrap();
    let tokens = seen.lock().unwrap();
    let expected = [["token-1"; 50], ["token-2"; 50]].concat();
    assert_eq!(*tokens, expected);
    assert_eq!(issuer.seen(), ["login", "login"]);
}

#[tokio::test]
async fn a_stream_is_not_sent_again_but_its_401_is_reported() {
    let server = serve(rejects_tokens(1)).await;
    let issuer = issuer();
    let api = client(&server, bearer(&issuer));
    let stream = || Body::wrap(Body::from("the body"));
    let response = api.post(server.uri()).body(stream()).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (401, "Bearer token-1"));
    assert_eq!(issuer.seen(), ["login"]);
    // The next call gets the new token.
    assert_eq!(api.post(server.uri()).body(stream()).send().await.unwrap().status(), 200);
    assert_eq!(arrived(&server).await, ["POST / Bearer token-1 the body", "POST / Bearer token-2 the body"]);
}

#[tokio::test]
async fn a_401_without_a_new_token_is_the_token_error() {
    let server = serve(rejects_tokens(1)).await;
    let issuer = issuer();
    let api = client(&server, bearer(&issuer));
    api.tokens().token().await.unwrap();
    issuer.does(Does::Fails);
    let error = api.get(server.uri()).send().await.unwrap_err();
    assert!(matches!(error, HttpError::Token(_)) && error.is_transient(), "{error:?}");
    assert_eq!(arrived(&server).await, ["GET / Bearer token-1"]);
}

#[tokio::test]
async fn the_connection_of_a_401_carries_the_next_try() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await.unwrap();
        let response = b"HTTP/1.1 401 No\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n";
        stream.write_all(response).await.unwrap();
        let (mut stream, is_same) = tokio::select! {
            biased;
            accepted = listener.accept() => {
                let (mut stream, _) = accepted.unwrap();
                read_head(&mut stream).await.unwrap();
                (stream, false)
            }
            Some(_) = read_head(&mut stream) => (stream, true),
        };
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        is_same
    });
    let issuer = issuer();
    let api = client_of(&url, bearer(&issuer));
    api.tokens().token().await.unwrap();
    issuer.seen();
    issuer.close();
    let call = tokio::spawn({
        let api = api.clone();
        async move { api.get(url).send().await.unwrap().status().as_u16() }
    });
    while issuer.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    settle().await;
    issuer.open();
    assert_eq!(call.await.unwrap(), 200);
    assert!(server.await.unwrap(), "the same connection");
}

#[tokio::test]
async fn an_endless_401_body_blocks_no_caller() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await.unwrap();
        stream.write_all(b"HTTP/1.1 401 No\r\ncontent-length: 1000000\r\n\r\n").await.unwrap();
        let (mut next, _) = listener.accept().await.unwrap();
        read_head(&mut next).await.unwrap();
        next.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        // Still open.
        drop(stream);
    });
    let api = client_of(&url, bearer(&issuer()));
    assert_eq!(api.get(url).send().await.unwrap().status(), 200);
}

/// A request's head; `None`: the connection is closed. No request here has a body.

#[tokio::test]
async fn a_401_after_a_success_is_renewed_however_soon_it_comes() {
    let issuer = issuer();
    let revoked: Arc<Mutex<u64>> = Arc::default();
    let server = serve({
        let revoked = revoked.clone();
        move |request| rejects_tokens(*revoked.lock().unwrap())(request)
    })
    .await;
    let api = client(&server, bearer(&issuer));
    for count in 0..4 {
        *revoked.lock().unwrap() = count;
        let response = api.get(server.uri()).send().await.unwrap();
        assert_eq!(response.status(), 200, "with {count} tokens revoked");
    }
    assert_eq!(issuer.seen(), ["login"; 4]);
}

#[tokio::test]
async fn a_401_for_a_missing_scope_is_returned_at_once() {
    let issuer = issuer();
    let server = serve(|_| {
        status(401).insert_header("www-authenticate", r#"Bearer realm="a", error="insufficient_scope", scope="b""#)
    })
    .await;
    let api = client(&server, bearer(&issuer));
    for _ in 0..2 {
        assert_eq!(api.get(server.uri()).send().await.unwrap().status(), 401);
    }
    assert_eq!(issuer.seen(), ["login"]);
    assert_eq!(arrived(&server).await.len(), 2);
}

#[tokio::test]
async fn a_401_is_returned_if_the_store_has_no_newer_token() {
    let issuer = issuer();
    let server = serve(rejects_tokens(9)).await;
    let tokens = TokenSource::builder(acme::<Bearer>(&issuer), "password".to_owned())
        .clock(TestClock::new())
        .store(Arc::new(freshtoken::store::MemoryStore::new()), "account")
        .build();
    let api = client(&server, tokens);
    for _ in 0..3 {
        assert_eq!(api.get(server.uri()).send().await.unwrap().status(), 401);
    }
    assert_eq!(issuer.seen(), ["login"; 2]);
    assert_eq!(arrived(&server).await.len(), 4, "only the first call is sent twice");
}
