//! The tower layer under hyper-util and tonic: what arrives at servers on loopback, and what the caller gets.
#![cfg(feature = "tower")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/server.rs"]
mod server;
mod support;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use freshtoken::tower::{TokenLayer, TokenService};
use freshtoken::{ErrorKind, HttpError, TokenPolicy, TokenSource};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use server::{Response, Server};
use support::{Does, Fixed, Issuer, Keyed, TestClock, acme, every_text, s};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

policy!(Bearer = TokenPolicy::new("acme"));
policy!(InQuery = TokenPolicy::new("acme").query("auth"));

fn issuer() -> Issuer {
    Issuer::new(Does::issues(s(3600)))
}

fn bearer(issuer: &Issuer) -> TokenSource {
    let source = TokenSource::builder(acme::<Bearer>(issuer), "password".to_owned());
    source.clock(TestClock::new()).random(Fixed(0.0)).build()
}

type Hyper = Client<HttpConnector, Full<Bytes>>;

fn hyper() -> Hyper {
    Client::builder(TokioExecutor::new()).build_http()
}

fn post(url: &str) -> Request<Full<Bytes>> {
    Request::post(format!("{url}/orders")).header("x-mine", "1").body("the body".into()).unwrap()
}

/// Line, `authorization`, `x-mine` and body of all requests.
fn arrived(server: &Server) -> Vec<String> {
    let requests = server.requests();
    let header = |request: &server::Request, name| request.header(name).unwrap_or_default().to_owned();
    let line = |request: &server::Request| {
        [&request.line, &header(request, "authorization"), &header(request, "x-mine"), &request.body]
            .map(|text| text.as_str())
            .join(" ")
    };
    requests.iter().map(line).collect()
}

async fn status<S, R>(service: &mut S, request: Request<Full<Bytes>>) -> StatusCode
where
    S: Service<Request<Full<Bytes>>, Response = http::Response<R>, Error: std::fmt::Debug>,
{
    service.ready().await.unwrap().call(request).await.unwrap().status()
}

#[tokio::test]
async fn a_request_carries_all_headers_of_the_token_once() {
    let server = Server::new(Response::new(200));
    let tokens = TokenSource::builder(Keyed(issuer()), "password".to_owned()).clock(TestClock::new()).build();
    let layer = TokenLayer::new(tokens.clone()).allow_origin(server.url()).unwrap();
    let mut request = post(&server.url());
    request.headers_mut().insert("x-access-token", "stale".parse().unwrap());
    assert_eq!(status(&mut layer.layer(hyper()), request).await, 200);
    let requests = server.requests();
    assert_eq!(
        ["x-access-token", "x-app-key"].map(|name| requests[0].header(name)),
        [Some("token-1"), Some("app-key")]
    );
    assert_eq!(requests[0].names().filter(|name| *name == "x-access-token").count(), 1);
    let printed = format!("{layer:?} {:?}", layer.layer(hyper()));
    assert!(!printed.contains("token-1") && !printed.contains("password"), "{printed}");
}

#[tokio::test]
async fn a_401_renews_the_token_and_a_body_that_can_be_copied_is_sent_again() {
    let server = Server::new(Response::new(200));
    server.does_once(Response::new(401));
    let issuer = issuer();
    let layer = TokenLayer::new(bearer(&issuer)).retry().allow_origin(server.url()).unwrap();
    assert_eq!(status(&mut layer.layer(hyper()), post(&server.url())).await, 200);
    let sent = |token| format!("POST /orders Bearer token-{token} 1 the body");
    assert_eq!(arrived(&server), [sent(1), sent(2)]);
    assert_eq!(issuer.seen(), ["login", "login"]);
}

#[tokio::test]
async fn other_requests_are_sent_once_and_the_next_one_has_the_new_token() {
    let server = Server::new(Response::new(200));
    server.does_once(Response::new(401));
    let layer = TokenLayer::new(bearer(&issuer())).allow_origin(server.url()).unwrap();
    let mut service = layer.layer(hyper());
    assert_eq!(status(&mut service, post(&server.url())).await, 401);
    assert_eq!(status(&mut service, post(&server.url())).await, 200);
    let sent = |token| format!("POST /orders Bearer token-{token} 1 the body");
    assert_eq!(arrived(&server), [sent(1), sent(2)]);

    server.does_once(Response::new(401));
    let some = |body: &Full<Bytes>| Some(body.clone());
    let mut service: TokenService<Hyper, _> = layer.retry_with(some).layer(hyper());
    assert_eq!(status(&mut service, post(&server.url())).await, 200);
    assert_eq!(arrived(&server)[2..], [sent(2), sent(3)]);
}

#[tokio::test]
async fn a_permission_problem_is_returned_after_one_renewal() {
    let server = Server::new(Response::new(401));
    let issuer = issuer();
    let tokens = bearer(&issuer);
    let mut service = TokenLayer::new(tokens.clone()).retry().allow_origin(server.url()).unwrap().layer(hyper());
    for _ in 0..3 {
        assert_eq!(status(&mut service, post(&server.url())).await, 401);
    }
    assert_eq!((server.count(), issuer.seen().len()), (4, 2));
    server.does(Response::new(401).header("www-authenticate", r#"Bearer error="insufficient_scope""#));
    let before = tokens.status().counters.rejected;
    assert_eq!(status(&mut service, post(&server.url())).await, 401);
    assert_eq!(tokens.status().counters.rejected, before);
}

#[tokio::test]
async fn after_a_success_a_401_always_renews_the_token() {
    let server = Server::new(Response::new(200));
    let issuer = issuer();
    let mut service = TokenLayer::new(bearer(&issuer)).retry().allow_origin(server.url()).unwrap().layer(hyper());
    for _ in 0..2 {
        server.does_once(Response::new(401));
        assert_eq!(status(&mut service, post(&server.url())).await, 200);
    }
    assert_eq!(issuer.seen(), ["login"; 3]);
}

#[tokio::test]
async fn without_a_token_or_to_another_origin_nothing_is_sent() {
    let (server, other) = (Server::new(Response::new(200)), Server::new(Response::new(200)));
    let refuses = Issuer::new(Does::Refuses);
    let mut service = TokenLayer::new(bearer(&refuses)).retry().allow_origin(server.url()).unwrap().layer(hyper());
    let error = service.ready().await.unwrap().call(post(&server.url())).await.unwrap_err();
    assert_eq!(error.downcast_ref::<freshtoken::Error>().unwrap().kind(), ErrorKind::Refused);
    assert!(!every_text(&*error).contains("password"));
    let error = service.ready().await.unwrap().call(post(&other.url())).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(HttpError::ForeignOrigin(origin)) if *origin == other.url()));
    let error = service.ready().await.unwrap().call(post("http://api.example.com")).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(HttpError::PlainHttp)));
    assert_eq!((server.count(), other.count()), (0, 0));
}

#[tokio::test]
async fn the_layers_above_see_no_token() {
    let server = Server::new(Response::new(200));
    let seen = Arc::new(Mutex::new(String::new()));
    let log = seen.clone();
    let layer = TokenLayer::new(bearer(&issuer())).allow_origin(server.url()).unwrap();
    let mut service = ServiceBuilder::new()
        .map_request(move |request: Request<Full<Bytes>>| {
            log.lock().unwrap().push_str(&format!("{:?}", request.headers()));
            request
        })
        .layer(layer)
        .service(hyper());
    let response = service.ready().await.unwrap().call(post(&server.url())).await.unwrap();
    assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
    assert!(seen.lock().unwrap().contains("x-mine") && !seen.lock().unwrap().contains("authorization"));
}

/// A gRPC server that takes this token only, and its address.
async fn health(token: &'static str, seen: Arc<Mutex<Vec<String>>>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (reporter, service) = tonic_health::server::health_reporter();
    reporter.set_service_status("acme", tonic_health::ServingStatus::Serving).await;
    let check = move |request: tonic::Request<()>| {
        let header = request.metadata().get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned();
        seen.lock().unwrap().push(header.clone());
        if header == token { Ok(request) } else { Err(tonic::Status::unauthenticated("another token")) }
    };
    let service = tonic::service::interceptor::InterceptedService::new(service, check);
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
    address
}

#[tokio::test]
async fn unauthenticated_of_grpc_renews_the_token() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let address = health("Bearer token-2", seen.clone()).await;
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    let issuer = issuer();
    // The body of a tonic request is a stream, so it is sent once.
    let mut client = HealthClient::new(TokenLayer::new(bearer(&issuer)).layer(channel));
    let request = || HealthCheckRequest { service: "acme".to_owned() };
    assert_eq!(client.check(request()).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(client.check(request()).await.unwrap().into_inner().status, 1);
    assert_eq!(*seen.lock().unwrap(), ["Bearer token-1", "Bearer token-2"]);
    assert_eq!(issuer.seen(), ["login", "login"]);
}

#[tokio::test]
async fn a_token_goes_into_the_query_of_the_uri() {
    let server = Server::new(Response::new(200));
    let tokens =
        TokenSource::builder(acme::<InQuery>(&issuer()), "password".to_owned()).clock(TestClock::new()).build();
    let layer = TokenLayer::new(tokens).allow_origin(server.url()).unwrap();
    for path in ["/a?b=%20", "/a", ""] {
        let request = Request::get(format!("{}{path}", server.url())).body(Full::default()).unwrap();
        assert_eq!(status(&mut layer.layer(hyper()), request).await, 200);
    }
    let lines: Vec<String> = server.requests().iter().map(|request| request.line.clone()).collect();
    let expected = ["/a?b=%20&auth=token-1", "/a?auth=token-1", "/?auth=token-1"].map(|path| format!("GET {path}"));
    assert!(lines.iter().zip(&expected).all(|(line, expected)| line.starts_with(expected)), "{lines:?}");
    assert!(server.requests().iter().all(|request| request.header("authorization").is_none()));
}
