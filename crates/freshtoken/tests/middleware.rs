//! The middleware against servers on loopback: it does what the HTTP client does. `http` has the details.
#![cfg(feature = "middleware")]
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use freshtoken::{HttpError, TokenMiddleware, TokenPolicy, TokenSource, redirect_policy};
use reqwest::{Body, Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next};
use support::{Does, Issuer, Keyed, TestClock, acme, every_text, s};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

policy!(Bearer = TokenPolicy::new("acme"));

fn issuer() -> Issuer {
    Issuer::new(Does::issues(s(3600)))
}

fn bearer(issuer: &Issuer) -> TokenSource {
    TokenSource::builder(acme::<Bearer>(issuer), "password".to_owned()).clock(TestClock::new()).build()
}

fn keyed(issuer: &Issuer) -> TokenSource {
    TokenSource::builder(Keyed(issuer.clone()), "password".to_owned()).clock(TestClock::new()).build()
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(redirect_policy()).build().unwrap()
}

fn client(tokens: TokenSource) -> ClientWithMiddleware {
    ClientBuilder::new(http()).with(TokenMiddleware::new(tokens)).build()
}

async fn serve(response: impl Fn(&wiremock::Request) -> ResponseTemplate + Send + Sync + 'static) -> MockServer {
    let server = MockServer::builder().start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

fn status(code: u16) -> ResponseTemplate {
    ResponseTemplate::new(code)
}

fn header(request: &wiremock::Request, name: &str) -> String {
    let values = request.headers.get_all(name).iter().map(|value| value.to_str().unwrap());
    values.collect::<Vec<_>>().join(", ")
}

fn rejects_the_first_token(request: &wiremock::Request) -> ResponseTemplate {
    status(if header(request, "authorization") == "Bearer token-1" { 401 } else { 200 })
}

/// Method, `authorization` and body of all requests.
async fn arrived(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let line = |request: &wiremock::Request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        format!("{} {} {body}", request.method, header(request, "authorization")).trim_end().to_owned()
    };
    requests.iter().map(line).collect()
}

/// The message of a middleware error.
fn of_http(error: &Error) -> &HttpError {
    let Error::Middleware(error) = error else { panic!("{error:?}") };
    error.downcast_ref().unwrap()
}

/// Records the headers that it sees.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

#[async_trait::async_trait]
impl Middleware for Log {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        self.0.lock().unwrap().push(format!("{:?}", request.headers()));
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn a_call_carries_the_token_and_no_log_shows_it() {
    let server = serve(|_| status(200)).await;
    let (before, after) = (Log::default(), Log::default());
    let middleware = TokenMiddleware::new(keyed(&issuer()));
    let api = ClientBuilder::new(http()).with(before.clone()).with(middleware).with(after.clone()).build();
    api.get(server.uri()).header("x-access-token", "stale").send().await.unwrap();
    let requests = server.received_requests().await.unwrap();
    assert_eq!(["x-access-token", "x-app-key"].map(|name| header(&requests[0], name)), ["token-1", "app-key"]);
    assert!(!before.0.lock().unwrap()[0].contains("x-app-key"));
    let seen = after.0.lock().unwrap()[0].clone();
    assert!(seen.contains("x-app-key") && !seen.contains("app-key\")") && !seen.contains("token-1"), "{seen}");
    assert!(seen.matches("Sensitive").count() == 2, "{seen}");
}

#[tokio::test]
async fn a_401_renews_the_token_and_the_call_is_repeated_once() {
    let server = serve(rejects_the_first_token).await;
    let issuer = issuer();
    let api = client(bearer(&issuer));
    let response = api.post(server.uri()).body("the body").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(arrived(&server).await, ["POST Bearer token-1 the body", "POST Bearer token-2 the body"]);
    assert_eq!(issuer.seen(), ["login", "login"]);
}

#[tokio::test]
async fn the_second_401_is_returned_without_a_retry() {
    let server = serve(|_| status(401)).await;
    let issuer = issuer();
    let tokens = bearer(&issuer);
    let api = client(tokens.clone());
    for _ in 0..2 {
        assert_eq!(api.get(server.uri()).send().await.unwrap().status(), 401);
    }
    assert_eq!(arrived(&server).await, ["GET Bearer token-1", "GET Bearer token-2", "GET Bearer token-2"]);
    assert_eq!(issuer.seen(), ["login", "login"]);
    assert_eq!(tokens.status().counters.rejected, 3);
}

#[tokio::test]
async fn a_stream_is_not_sent_again() {
    let server = serve(rejects_the_first_token).await;
    let api = client(bearer(&issuer()));
    let call = || api.post(server.uri()).body(Body::wrap(Body::from("the body")));
    assert_eq!(call().send().await.unwrap().status(), 401);
    assert_eq!(call().send().await.unwrap().status(), 200);
    assert_eq!(arrived(&server).await, ["POST Bearer token-1 the body", "POST Bearer token-2 the body"]);
}

#[tokio::test]
async fn a_redirect_to_another_host_is_returned_to_the_caller() {
    let other = serve(|_| status(200)).await;
    let location = other.uri();
    let server = serve(move |_| status(302).insert_header("location", location.as_str())).await;
    let api = client(keyed(&issuer()));
    assert_eq!(api.get(server.uri()).send().await.unwrap().status(), 302);
    assert_eq!(arrived(&other).await, [""; 0]);
}

#[tokio::test]
async fn without_a_token_or_over_plain_http_nothing_is_sent() {
    let log = Log::default();
    let with_log = |tokens| ClientBuilder::new(http()).with(TokenMiddleware::new(tokens)).with(log.clone()).build();
    let issuer = issuer();
    let error = with_log(bearer(&issuer)).get("http://api.example.com/hunter2").send().await.unwrap_err();
    assert!(matches!(of_http(&error), HttpError::PlainHttp));
    assert!(!every_text(&error).contains("hunter2"));
    assert_eq!(issuer.seen(), [""; 0]);

    let refuses = Issuer::new(Does::Refuses);
    let error = with_log(bearer(&refuses)).get("https://api.example.com/hunter2").send().await.unwrap_err();
    assert!(matches!(of_http(&error), HttpError::Token(_)));
    assert!(!every_text(&error).contains("hunter2"));
    assert_eq!(log.0.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_client_error_loses_path_and_query() {
    // Bound, so that no other test gets the port, but not listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let api = client(bearer(&issuer()));
    let error = api.get(format!("http://{address}/hunter2?hunter2")).send().await.unwrap_err();
    assert!(matches!(&error, Error::Reqwest(error) if error.is_connect()), "{error:?}");
    assert!(error.to_string().contains(&format!("http://{address}/")) && !every_text(&error).contains("hunter2"));
}

#[test]
fn no_message_has_a_secret() {
    let middleware = TokenMiddleware::new(keyed(&issuer()));
    let api = ClientBuilder::new(http()).with(middleware.clone()).build();
    assert!(!format!("{middleware:?} {api:?}").contains("password"));
    assert_eq!(middleware.tokens().header_name(), "x-access-token");
}
