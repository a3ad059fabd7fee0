//! The servers that a call goes to: redirects, origins and proxies.

use freshtoken::{HttpClient, HttpError};
use reqwest::{Method, Request, Url};
use wiremock::ResponseTemplate;

use crate::support::every_text;
use crate::{arrived, bearer, client, header, in_a_process, issuer, keyed, rejects_tokens, serve, status};

fn redirect(code: u16, to: impl AsRef<str>) -> ResponseTemplate {
    status(code).insert_header("location", to.as_ref())
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
    // Nothing is allowed by default, not even the first host.
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

#[test]
fn calls_to_loopback_do_not_go_through_a_proxy() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    in_a_process(
        "redirects::loopback_is_called_directly",
        &["HTTP_PROXY", "http_proxy", "ALL_PROXY"].map(|name| (name, &*url)),
    );
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
