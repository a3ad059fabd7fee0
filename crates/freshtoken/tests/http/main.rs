//! The HTTP client against servers on loopback: what arrives there, and what the caller gets.
#![allow(clippy::unwrap_used)]

mod failures;
mod places;
mod redirects;
mod rejections;
#[path = "../support/mod.rs"]
mod support;

use freshtoken::{HttpClient, HttpError, TokenPolicy, TokenSource, redirect_policy};
use http::HeaderValue;
use reqwest::{Body, Method, Request, Response, Url};
use support::{Does, Fixed, Issuer, Keyed, TestClock, acme, s};
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

/// Runs one test of this program in a process with these variables.
fn in_a_process(test: &str, variables: &[(&str, &str)]) {
    let mut test_process = std::process::Command::new(std::env::current_exe().unwrap());
    let output = test_process.args(["--exact", test, "--ignored"]).envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

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
