//! Events and the log: one line per request, in order, and without secrets.

use std::sync::{Arc, Mutex};

use freshtoken_sandbox::{Fault, Outcome, PlayedVendor, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Playing, client, foreign, s, start, status_and_body, text, vendor, zenoti_login, zenoti_refresh};

async fn logged(vendor: PlayedVendor) -> (Playing, Arc<Mutex<Vec<String>>>) {
    logged_by([vendor]).await
}

/// Starts these vendors. Returns the first of them, and the log of all.
async fn logged_by(vendors: impl IntoIterator<Item = PlayedVendor>) -> (Playing, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = lines.clone();
    let builder = Sandbox::builder(vendors).on_event(move |event| log.lock().unwrap().push(event.to_string()));
    let sandbox = builder.start().await.unwrap();
    let issuer = sandbox.issuers()[0].clone();
    (Playing { issuer, sandbox, http: client() }, lines)
}

#[tokio::test]
async fn a_line_per_request_says_what_happened() {
    let (playing, lines) = logged(vendor("zenoti").lifetime(s(60))).await;
    let (_, pair) = zenoti_login(&playing).await;
    let (access, refresh) = (text(&pair, "/credentials/access_token"), text(&pair, "/credentials/refresh_token"));
    playing.call(&format!("bearer {access}")).await;
    playing.issuer.advance_clock(s(60));
    playing.call(&format!("bearer {access}")).await;
    zenoti_refresh(&playing, &refresh).await;
    playing.issuer.inject(Fault::reset_before());
    assert!(playing.post("/v1/tokens").send().await.is_err());
    let lines = lines.lock().unwrap().clone();
    assert_eq!(
        lines,
        [
            "00:00:00.000 zenoti POST /v1/tokens 200  logged in, token 1",
            "00:00:00.000 zenoti GET /v1/business 200  accepted, token 1",
            "00:01:00.000 zenoti GET /v1/business 401  refused: the token has expired",
            "00:01:00.000 zenoti POST /v1/tokens 200  refreshed, token 2",
            "00:01:00.000 zenoti POST /v1/tokens reset  nothing done  [fault: a reset before the request took effect]",
        ]
    );
    let events = playing.issuer.events();
    assert_eq!(events.iter().map(ToString::to_string).collect::<Vec<_>>(), lines);
    let expires_at = Some(start() + s(120));
    assert_eq!(events[3].outcome, Outcome::Refreshed { token: 2, early: false, expires_at });
}

#[tokio::test]
async fn no_log_event_or_debug_output_contains_a_secret() {
    const SECRET: &str = "s3cr3t-of-the-caller";
    let (playing, lines) = logged(foreign("consentish")).await;
    let refresh = playing.issuer.consent().unwrap();
    let basic = |url: String| {
        playing.http.delete(url).basic_auth("example-client-id%2B1", Some("example-client-secret%3A100%25"))
    };
    // Valid and invalid secrets in every place of a request.
    let token_path = |token: &str| playing.url(&format!("/example-tenant/tokens/{token}"));
    let mut requests = vec![
        basic(token_path(&refresh)).header("X-Reason", "example-x-reason"),
        basic(token_path(SECRET)).header("X-Reason", SECRET),
        playing.http.delete(token_path(SECRET)).basic_auth(SECRET, Some(SECRET)),
        playing.http.put(token_path(SECRET)),
        playing.http.get(playing.url(&format!("/v1?token={SECRET}"))).header("X-Token", format!("Tok {SECRET}")),
        playing.http.get(playing.url("/v1/example-client-secret%3A100%25/x")),
        playing.http.get(playing.url(&format!("/v1/{SECRET}-of-another-system"))),
        playing.http.get(playing.url(&format!("/v1/{refresh}"))),
        playing.post(&format!("/example-tenant/renew?level={SECRET}")).bearer_auth(SECRET),
    ];
    for body in [json!({ "refresh_token": SECRET }), json!({ SECRET: SECRET }), json!(SECRET)] {
        let request = playing.post("/example-tenant/renew?level=1").json(&body);
        requests.push(request.basic_auth("example-client-id%2B1", Some("example-client-secret%3A100%25")));
    }
    let count = requests.len();
    for request in requests {
        status_and_body(request).await;
    }
    let lines = lines.lock().unwrap().join("\n");
    assert_eq!(lines.lines().count(), count);
    let events = serde_json::to_string(&playing.issuer.events()).unwrap();
    let debug = format!("{:?} {:?}", playing.sandbox, playing.issuer.events());
    for secret in [SECRET, refresh.as_str(), "example-client-secret"] {
        for text in [&lines, &events, &debug] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    assert!(lines.contains("GET /v1/***/x 401"), "{lines}");
    assert!(lines.contains("DELETE /{tenant}/tokens/{token} 204"), "{lines}");
}

/// Sends these bytes, and returns the response.
async fn exchange(playing: &Playing, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(playing.sandbox.address()).await.unwrap();
    stream.write_all(request).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await.unwrap();
    String::from_utf8(response).unwrap()
}

#[tokio::test]
async fn only_plain_words_of_a_call_path_are_logged() {
    let (playing, lines) = logged_by([vendor("zenoti"), vendor("voucherify")]).await;
    let voucherify = Playing { issuer: playing.sandbox.issuers()[1].clone(), http: client(), sandbox: playing.sandbox };
    let (_, token) = status_and_body(crate::support::voucherify_login(&voucherify)).await;
    let token = text(&token, "/access_token");
    let playing = Playing { issuer: voucherify.sandbox.issuers()[0].clone(), ..voucherify };
    lines.lock().unwrap().clear();
    let token_path = format!("/v1/{token}/x");
    for (path, logged) in [
        ("/", "/"),
        ("/v2/gift_cards/index.html", "/v2/gift_cards/index.html"),
        ("/v1/example-password", "/v1/***"),
        ("/v1/p=example-password/x", "/v1/***/x"),
        ("/v1/u:example-password", "/v1/***"),
        ("/v1/p-example-user", "/v1/***"),
        ("/v1/a%2Fexample-password", "/v1/***"),
        ("/v1/example%252Dpassword", "/v1/***"),
        ("/v1/%65xample-password", "/v1/***"),
        // A secret of another vendor.
        ("/v1/example-app-id", "/v1/***"),
        (token_path.as_str(), "/v1/***/x"),
        ("/v1/12345", "/v1/***"),
        ("/v1/s3cr3t", "/v1/***"),
        ("/v1/a-2", "/v1/***"),
        ("/v1/correcthorsebatterystaple", "/v1/***"),
    ] {
        status_and_body(playing.http.get(playing.url(path))).await;
        let line = lines.lock().unwrap().pop().unwrap();
        assert!(line.contains(&format!(" GET {logged} 401 ")), "{path}: {line}");
    }
    exchange(&playing, "GET /zenoti/v1/\u{9b}31m HTTP/1.1\r\nhost: localhost\r\n\r\n".as_bytes()).await;
    status_and_body(playing.http.request(Method::from_bytes(b"EXAMPLE-PASSWORD").unwrap(), playing.url("/v1"))).await;
    let lines = lines.lock().unwrap().clone();
    assert!(lines.iter().all(|line| line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())), "{lines:?}");
    assert!(lines.last().unwrap().contains(" zenoti ? /v1 401 "), "{lines:?}");
}

#[tokio::test]
async fn a_truncated_or_oversized_body_is_rejected_and_recorded() {
    let (playing, lines) = logged(vendor("zenoti")).await;
    let torn = |path: &str| {
        format!("POST /zenoti{path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{{\"grant_type\"")
    };
    let early = exchange(&playing, torn("/v1/tokens").as_bytes()).await;
    assert!(early.starts_with("HTTP/1.1 400 "), "{early}");
    assert!(early.contains("x-sandbox-reason: the body is truncated or malformed\r\n"), "{early}");
    let long = playing.post("/v1/tokens").body(" ".repeat(1024 * 1024 + 1)).send().await.unwrap();
    let reason = crate::support::header(&long, "x-sandbox-reason");
    assert_eq!((long.status().as_u16(), reason), (413, "the body is longer than 1 MiB"));
    exchange(&playing, torn("/v1/sessions").as_bytes()).await;
    assert_eq!(
        *lines.lock().unwrap(),
        [
            "00:00:00.000 zenoti POST /v1/tokens 400  refused: the body is truncated or malformed",
            "00:00:00.000 zenoti POST /v1/tokens 413  refused: the body is longer than 1 MiB",
            "00:00:00.000 zenoti POST /v1/sessions 400  refused: the body is truncated or malformed",
        ]
    );
    let counts = playing.issuer.counts();
    assert_eq!((counts.requests, counts.refused, counts.calls_refused), (2, 2, 1));
}

#[tokio::test]
async fn actions_of_the_control_endpoint_are_logged() {
    let (playing, lines) = logged(vendor("zenoti")).await;
    let control = |thing: &str| format!("{}/zenoti/{thing}", playing.sandbox.control_url());
    zenoti_login(&playing).await;
    lines.lock().unwrap().clear();
    for (thing, body) in [
        ("faults", json!({ "fault": "redirect", "to": "/s3cr3t" })),
        ("faults", json!({ "fault": "no such" })),
        ("clock", json!({ "advance": "1h" })),
        ("revoke", Value::Null),
        ("consent", Value::Null),
    ] {
        status_and_body(playing.http.post(control(thing)).json(&body)).await;
    }
    for thing in ["faults", "counts", "events"] {
        status_and_body(playing.http.get(control(thing))).await;
    }
    status_and_body(playing.http.delete(control("faults"))).await;
    assert_eq!(
        *lines.lock().unwrap(),
        [
            "00:00:00.000 zenoti POST /_sandbox/zenoti/faults 200  fault injected: a redirect",
            "01:00:00.000 zenoti POST /_sandbox/zenoti/clock 200  clock advanced by 1h",
            "01:00:00.000 zenoti POST /_sandbox/zenoti/revoke 200  access tokens revoked: 1",
            "01:00:00.000 zenoti POST /_sandbox/zenoti/consent 200  consent given, refresh token issued",
            "01:00:00.000 zenoti DELETE /_sandbox/zenoti/faults 200  faults cleared",
        ]
    );
}
