//! The HTTP client against servers on loopback: what arrives there, and what the caller gets.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use freshtoken::{HttpClient, HttpError, TokenPolicy, TokenSource, redirect_policy};
use http::HeaderValue;
use reqwest::{Body, Method, Request, Response, Url};
use support::{Does, Fixed, Issuer, Keyed, TestClock, acme, every_text, s, settle};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

policy!(Bearer = TokenPolicy::new("acme"));

fn issuer() -> Issuer {
    Issuer::new(Does::issues(s(3600)))
}

fn bearer(issuer: &Issuer) -> TokenSource {
    TokenSource::builder(acme::<Bearer>(issuer), "password".to_owned())
        .clock(TestClock::new())
        .random(Fixed(0.0))
        .build()
}

fn keyed(issuer: &Issuer) -> TokenSource {
    TokenSource::builder(Keyed(issuer.clone()), "password".to_owned()).clock(TestClock::new()).build()
}

/// A client of this server that ignores the proxies of the test environment.
fn client(server: &MockServer, tokens: TokenSource) -> HttpClient {
    client_of(server.uri(), tokens)
}

fn client_of(url: impl AsRef<str>, tokens: TokenSource) -> HttpClient {
    let client = HttpClient::from_builder(reqwest::Client::builder().no_proxy(), tokens).unwrap();
    client.allow_origin(url).unwrap()
}

/// A server that responds with `response(request)`.
async fn serve(response: impl Fn(&wiremock::Request) -> ResponseTemplate + Send + Sync + 'static) -> MockServer {
    let server = MockServer::builder().start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

fn status(code: u16) -> ResponseTemplate {
    ResponseTemplate::new(code)
}

fn redirect(code: u16, to: impl AsRef<str>) -> ResponseTemplate {
    status(code).insert_header("location", to.as_ref())
}

fn header(request: &wiremock::Request, name: &str) -> String {
    let values = request.headers.get_all(name).iter().map(|value| value.to_str().unwrap());
    values.collect::<Vec<_>>().join(", ")
}

/// 401 with the first `count` tokens.
fn rejects_tokens(count: u64) -> impl Fn(&wiremock::Request) -> ResponseTemplate + Send + Sync {
    move |request| {
        let token = header(request, "authorization");
        let rejected = (1..=count).any(|number| token == format!("Bearer token-{number}"));
        status(if rejected { 401 } else { 200 }).set_body_string(token)
    }
}

/// Method, path, `authorization` and body of all requests.
async fn arrived(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let line = |request: &wiremock::Request| {
        let token = header(request, "authorization");
        let body = String::from_utf8_lossy(&request.body).into_owned();
        format!("{} {} {token} {body}", request.method, request.url.path()).trim_end().to_owned()
    };
    requests.iter().map(line).collect()
}

#[tokio::test]
async fn a_call_carries_the_token_and_the_further_headers_each_once() {
    let server = serve(|_| status(200)).await;
    let issuer = issuer();
    let tokens = keyed(&issuer);
    let mut defaults = http::HeaderMap::new();
    defaults.insert("x-app-key", HeaderValue::from_static("stale"));
    let builder = reqwest::Client::builder().no_proxy().default_headers(defaults);
    let api = HttpClient::from_builder(builder, tokens).unwrap().allow_origin(server.uri()).unwrap();
    let call = api.get(server.uri()).header("x-access-token", "stale").header("x-access-token", "staler");
    assert_eq!(call.header("x-mine", "1").send().await.unwrap().status(), 200);
    let requests = server.received_requests().await.unwrap();
    let names = ["x-access-token", "x-app-key", "x-mine", "authorization"];
    assert_eq!(names.map(|name| header(&requests[0], name)), ["token-1", "app-key", "1", ""]);
}

#[tokio::test]
async fn each_method_is_sent_and_a_fresh_token_needs_no_request() {
    let server = serve(|_| status(200)).await;
    let issuer = issuer();
    let api = client(&server, bearer(&issuer));
    let url = server.uri();
    api.tokens().token().await.unwrap();
    assert_eq!(issuer.seen(), ["login"]);
    for call in [
        api.get(&url),
        api.post(&url),
        api.put(&url),
        api.patch(&url),
        api.delete(&url),
        api.head(&url),
        api.request(Method::OPTIONS, &url),
    ] {
        call.send().await.unwrap();
    }
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    assert_eq!(arrived(&server).await, methods.map(|method| format!("{method} / Bearer token-1")));
    assert_eq!(issuer.seen(), [""; 0]);
}

#[tokio::test]
async fn the_token_replaces_any_other_authorization() {
    let server = serve(|_| status(200)).await;
    let api = client(&server, bearer(&issuer()));
    let url = server.uri().replace("http://", "http://user:pass@");
    api.get(server.uri()).bearer_auth("stale").send().await.unwrap();
    api.get(&url).send().await.unwrap();
    let raw = Request::new(Method::GET, Url::parse(&url).unwrap());
    let response = api.execute(raw).await.unwrap();
    assert_eq!((response.url().username(), response.url().password()), ("", None));
    assert_eq!(arrived(&server).await, ["GET / Bearer token-1"; 3]);
}

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
async fn a_redirect_within_the_host_is_followed_with_all_headers() {
    let server = serve(|request| match request.url.path() {
        "/a" => redirect(307, "/b?c=d"),
        _ => status(200),
    })
    .await;
    let api = client(&server, keyed(&issuer()));
    let response = api.post(format!("{}/a", server.uri())).body("the body").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.url().path()), (200, "/b"));
    let requests = server.received_requests().await.unwrap();
    let sent: Vec<_> =
        requests.iter().map(|r| (header(r, "x-access-token"), header(r, "x-app-key"), r.body.len())).collect();
    assert_eq!(sent, vec![("token-1".to_owned(), "app-key".to_owned(), 8); 2]);
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_returned_to_the_caller() {
    let other = serve(|_| status(200)).await;
    let other_port = other.uri();
    let other_host = other_port.replace("127.0.0.1", "localhost");
    for target in [other_port, other_host] {
        let location = format!("{target}/b");
        let server = serve({
            let location = location.clone();
            move |_| redirect(302, &location)
        })
        .await;
        for tokens in [keyed(&issuer()), bearer(&issuer())] {
            // The user's builder cannot change it.
            let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::limited(5));
            let api = HttpClient::from_builder(builder, tokens).unwrap().allow_origin(server.uri()).unwrap();
            // Nor can the client that built the request.
            let call = reqwest::Client::new().get(server.uri());
            let response = api.send(call).await.unwrap();
            assert_eq!(response.status(), 302);
            assert_eq!(response.headers()["location"], location.as_str());
        }
        assert_eq!(server.received_requests().await.unwrap().len(), 2);
    }
    assert_eq!(arrived(&other).await, [""; 0]);
}

#[tokio::test]
async fn the_eleventh_redirect_and_a_loop_are_returned() {
    let server = serve(|request| match request.url.path() {
        "/circle" => redirect(302, "/circle"),
        path => redirect(302, format!("{path}x")),
    })
    .await;
    let api = client(&server, bearer(&issuer()));
    let response = api.get(format!("{}/", server.uri())).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.url().path()), (302, "/xxxxxxxxxx"));
    let response = api.get(format!("{}/circle", server.uri())).send().await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(server.received_requests().await.unwrap().len(), 12);
}

#[tokio::test]
async fn a_redirected_post_is_not_sent_again_after_a_401() {
    let server = serve(|request| match (request.method.as_str(), request.url.path()) {
        ("POST", "/orders") => redirect(303, "/orders/1"),
        _ if header(request, "authorization") == "Bearer token-1" => status(401),
        _ => status(200),
    })
    .await;
    let api = client(&server, bearer(&issuer()));
    let response = api.post(format!("{}/orders#f", server.uri())).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.url().path()), (401, "/orders/1"));
    assert_eq!(arrived(&server).await, ["POST /orders Bearer token-1", "GET /orders/1 Bearer token-1"]);
    // Without a redirect it is sent again, with or without a fragment.
    let server = serve(rejects_tokens(2)).await;
    let api = api.allow_origin(server.uri()).unwrap();
    assert_eq!(api.post(format!("{}/orders#f", server.uri())).send().await.unwrap().status(), 401);
    assert_eq!(api.tokens().status().counters.rejected, 2, "a permission problem by now");
    let server = serve(rejects_tokens(1)).await;
    let api = client(&server, bearer(&issuer()));
    assert_eq!(api.post(format!("{}/orders#f", server.uri())).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn plain_http_beyond_loopback_is_refused() {
    let server = serve(|_| status(200)).await;
    let issuer = issuer();
    let hosts = ["api.example.com", "localhost.example.com", "notlocalhost", "localhost."];
    let builder = hosts
        .iter()
        .fold(reqwest::Client::builder().no_proxy(), |builder, host| builder.resolve(host, *server.address()));
    let port = server.address().port();
    let api = HttpClient::from_builder(builder, bearer(&issuer)).unwrap();
    let api = api.allow_origin(format!("http://localhost:{port}")).unwrap();
    for host in hosts.iter().chain(&["192.168.0.1", "[2001:db8::1]", "127.0.0.1@api.example.com"]) {
        let error = api.get(format!("http://{host}:{port}/hunter2?hunter2")).send().await.unwrap_err();
        assert!(matches!(error, HttpError::PlainHttp), "{error:?}");
        assert!(
            !error.is_transient() && every_text(&error).contains("https://") && !every_text(&error).contains("hunter2")
        );
    }
    assert_eq!((issuer.seen(), arrived(&server).await.len()), (vec![], 0));
    assert_eq!(api.get(format!("http://localhost:{port}")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_call_to_an_origin_that_is_not_named_is_not_sent() {
    let (server, other) = (serve(|_| status(200)).await, serve(|_| status(200)).await);
    let issuer = issuer();
    let api = HttpClient::from_builder(reqwest::Client::builder().no_proxy(), bearer(&issuer)).unwrap();
    // Nothing is allowed by itself, not even the first host.
    let error = api.get(format!("{}/hunter2", server.uri())).send().await.unwrap_err();
    assert!(matches!(&error, HttpError::ForeignOrigin(origin) if *origin == server.uri()), "{error:?}");
    assert!(!error.is_transient() && !every_text(&error).contains("hunter2"), "{error}");
    assert!(every_text(&error).contains("name it with base_url or allow_origin"), "{error}");

    let api = api.base_url(format!("{}/v1", server.uri())).unwrap();
    let raw = Request::new(Method::GET, Url::parse(&other.uri()).unwrap());
    assert!(matches!(api.execute(raw).await, Err(HttpError::ForeignOrigin(_))));
    assert!(matches!(api.send(reqwest::Client::new().get(other.uri())).await, Err(HttpError::ForeignOrigin(_))));
    assert!(matches!(api.with_tokens(keyed(&issuer)).get(other.uri()).send().await, Err(HttpError::ForeignOrigin(_))));
    assert_eq!((issuer.seen(), arrived(&other).await.len()), (vec![], 0));

    for path in ["orders", "/orders?a=b"] {
        api.get(path).send().await.unwrap();
    }
    let call = api.get(format!("{}/file", other.uri())).allow_origin(other.uri());
    call.try_clone().unwrap().send().await.unwrap();
    api.send(call).await.unwrap();
    assert!(api.get(other.uri()).send().await.is_err(), "one call does not allow the next");
    assert_eq!(arrived(&server).await, ["GET /v1/orders Bearer token-1"; 2]);
    assert_eq!(arrived(&other).await, ["GET /file Bearer token-1"; 2]);
}

#[tokio::test]
async fn other_statuses_are_returned_unchanged() {
    let server = serve(|request| status(request.url.path()[1..].parse().unwrap()).set_body_string("as it is")).await;
    let issuer = issuer();
    let api = client(&server, bearer(&issuer));
    for code in [200, 304, 400, 403, 404, 407, 429, 500, 503] {
        let response = api.get(format!("{}/{code}", server.uri())).send().await.unwrap();
        assert_eq!(response.status(), code);
        assert_eq!(response.text().await.unwrap(), if code == 304 { "" } else { "as it is" });
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 9);
    assert_eq!((issuer.seen(), api.tokens().status().counters.rejected), (vec!["login".to_owned()], 0));
}

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
    let nobody = socket.local_addr().unwrap();
    let refused = api
        .get(format!("http://{nobody}/hunter2?hunter2"))
        .allow_origin(format!("http://{nobody}"))
        .send()
        .await
        .unwrap_err();
    assert!(matches!(&refused, HttpError::Http(error) if error.is_connect()) && refused.is_transient(), "{refused:?}");
    for (error, address) in [(late, address), (refused, nobody)] {
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
async fn accounts_share_connections_and_have_their_own_tokens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    // It accepts one connection only.
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut tokens = Vec::new();
        for _ in 0..2 {
            tokens.push(token_in(&read_head(&mut stream).await.unwrap()));
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
        tokens
    });
    let issuer = issuer();
    let one = client_of(&url, bearer(&issuer));
    let two = one.with_tokens(bearer(&issuer));
    for api in [one, two] {
        assert_eq!(api.get(&url).send().await.unwrap().status(), 200);
    }
    assert_eq!(server.await.unwrap(), ["token-1", "token-2"]);
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

/// A compile-time proof: users keep it in statics and move its futures into tasks.
#[tokio::test]
async fn a_client_and_its_calls_can_go_anywhere() {
    fn anywhere<T: Send + Sync + Clone + 'static>(_: &T) {}
    fn any_task<T: Future<Output = Result<Response, HttpError>> + Send>(_: T) {}
    let api = HttpClient::new(bearer(&issuer())).unwrap();
    anywhere(&api);
    any_task(api.get("https://a/").send());
    let _ = redirect_policy();
}

/// A request's head; `None`: the connection is closed. No request here has a body.
async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

fn token_in(head: &str) -> String {
    let (_, token) = head.split_once("authorization: Bearer ").unwrap();
    token.split_once("\r\n").unwrap().0.to_owned()
}

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

#[tokio::test]
async fn the_builder_send_carries_the_token() {
    let server = serve(rejects_tokens(1)).await;
    let issuer = issuer();
    let api = client(&server, bearer(&issuer));
    let call = api.get(server.uri());
    assert!(!format!("{call:?}").contains("127.0.0.1"));
    assert_eq!(call.send().await.unwrap().status(), 200);
    assert_eq!(arrived(&server).await, ["GET / Bearer token-1", "GET / Bearer token-2"]);
    assert_eq!(issuer.seen(), ["login", "login"]);
}

#[tokio::test]
async fn the_builder_has_the_methods_of_reqwest() {
    let server = serve(|_| status(200)).await;
    let api = client(&server, bearer(&issuer()));
    let url = format!("{}/a", server.uri());
    let headers = http::HeaderMap::from_iter([(http::header::ACCEPT, HeaderValue::from_static("text/plain"))]);
    let call =
        api.put(&url).query(&[("q", "a b")]).headers(headers).header("x-mine", "1").version(http::Version::HTTP_11);
    let copy = call.try_clone().unwrap();
    call.form(&[("k", "v w")]).send().await.unwrap();
    copy.json(&["v"]).timeout(s(20)).send().await.unwrap();
    assert!(api.post(&url).body(Body::wrap(Body::from("stream"))).try_clone().is_none());
    let requests = server.received_requests().await.unwrap();
    for (request, kind, body) in
        [(&requests[0], "application/x-www-form-urlencoded", "k=v+w"), (&requests[1], "application/json", r#"["v"]"#)]
    {
        assert_eq!((request.url.path(), request.url.query()), ("/a", Some("q=a+b")));
        let names = ["content-type", "accept", "x-mine", "authorization"];
        assert_eq!(names.map(|name| header(request, name)), [kind, "text/plain", "1", "Bearer token-1"]);
        assert_eq!(request.body, body.as_bytes());
    }
}

#[tokio::test]
async fn a_call_of_another_builder_is_sent_with_the_token() {
    let server = serve(|_| status(200)).await;
    let (api, other) = (client(&server, bearer(&issuer())), client(&server, bearer(&issuer())));
    let url = Url::parse(&server.uri()).unwrap();
    api.send(reqwest::Client::new().get(url.clone())).await.unwrap();
    api.send(other.get(url.clone())).await.unwrap();
    api.send(Request::new(Method::GET, url)).await.unwrap();
    assert_eq!(arrived(&server).await, ["GET / Bearer token-1"; 3]);
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

/// Runs one test of this file in a process with these variables.
fn in_a_process(test: &str, variables: &[(&str, &str)]) {
    let mut test_process = std::process::Command::new(std::env::current_exe().unwrap());
    let output = test_process.args(["--exact", test, "--ignored"]).envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

#[test]
fn calls_to_loopback_do_not_go_through_a_proxy() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    in_a_process("loopback_is_called_directly", &["HTTP_PROXY", "http_proxy", "ALL_PROXY"].map(|name| (name, &*url)));
    proxy.set_nonblocking(true).unwrap();
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nothing has reached the proxy");
}

#[tokio::test]
#[ignore = "of a process with a proxy"]
async fn loopback_is_called_directly() {
    let server = serve(|_| status(200)).await;
    let api = HttpClient::new(bearer(&issuer())).unwrap();
    for host in ["127.0.0.1", "localhost", "any.localhost"] {
        let url = server.uri().replace("127.0.0.1", host);
        assert_eq!(api.get(&url).allow_origin(&url).send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn localhost_names_are_this_machine_unless_the_builder_is_custom() {
    let server = serve(|_| status(200)).await;
    let url = server.uri().replace("127.0.0.1", "any.name.localhost");
    let api = HttpClient::new(bearer(&issuer())).unwrap().base_url(&url).unwrap();
    assert_eq!(api.get("").send().await.unwrap().status(), 200);
    // A custom builder may resolve them to any address.
    let issuer = issuer();
    let builder = reqwest::Client::builder().no_proxy().resolve("any.name.localhost", *server.address());
    let api = HttpClient::from_builder(builder, bearer(&issuer)).unwrap();
    assert!(matches!(api.get(&url).send().await.unwrap_err(), HttpError::PlainHttp));
    assert_eq!((issuer.seen(), arrived(&server).await.len()), (vec![], 1));
}

#[cfg(feature = "rustls")]
#[test]
fn a_client_without_certificates_says_so() {
    let missing = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(|name| (name, "/nonexistent"));
    in_a_process("no_certificate_is_found", &missing);
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
