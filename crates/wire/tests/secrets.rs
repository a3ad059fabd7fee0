//! No message and no log line contains a secret, wherever it was in the request or in the response.

#![allow(clippy::unwrap_used, reason = "a test helper may panic, as a test may")]

mod support;

use std::cell::RefCell;

use freshtoken_wire::{Call, Http, MAX_BODY, Operation, Secret, Target};
use reqwest::header::HeaderValue;
use support::{Token, careless_client, closed_port, messages, operation, response, run, server_returning};

static REVOKE: Operation = operation("DELETE", HeaderValue::from_static("application/json"), None);

/// Each secret of these tests.
const SECRET: &str = "hunter2";

/// How often a request contains the secret: in its path and query, in two headers, in the API key, and in the body.
const SENT: usize = 7;

/// Response headers with the secret wherever a vendor could repeat it.
const HEAD: &str = "content-type: application/json\r\nset-cookie: hunter2\r\nlocation: /hunter2\r\nretry-after: hunter2\r\n\
                    x-request-id: hunter2 hunter2\r\nwww-authenticate: Basic realm=\"hunter2\"\r\n";

/// Returns responses with the secret in every part, among them some that are no HTTP.
fn responses() -> Vec<Vec<u8>> {
    let too_large = SECRET.repeat(MAX_BODY / SECRET.len() + 1);
    let bodies: [&[u8]; 8] = [
        br#"{"code":"hunter2","message":"hunter2","request":"hunter2 2"}"#,
        br#"{"error":"hunter2","error_description":"hunter2","list":["hunter2"]}"#,
        br#""hunter2""#,
        br#"{"hunter2":"hunter2"#,
        b"<html><body>hunter2</body></html>",
        b"hunter2\xff\xfe",
        b"",
        too_large.as_bytes(),
    ];
    let mut responses = Vec::new();
    for status in [200, 202, 301, 302, 303, 307, 308, 400, 401, 403, 404, 429, 500, 503] {
        responses.extend(bodies.map(|body| response(status, HEAD, body)));
    }
    responses.extend([
        b"".to_vec(),
        b"HTTP/1.1 200 hunter2\r\nhunter2".to_vec(),
        b"HTTP/1.1 400 hunter2\r\ncontent-length: 99\r\n\r\nhunter2".to_vec(),
        b"HTTP/1.1 400 hunter2\r\nContent-Length: hunter2\r\n\r\n".to_vec(),
        b"hunter2 / hunter2".to_vec(),
    ]);
    responses
}

/// Sends a request that is full of the secret, and returns everything that is printed about it.
async fn printed(url: &str, http: &Http) -> String {
    let target = Target::new::<()>(&format!("{url}/{SECRET}"), http).unwrap();
    let mut call = Call::new(&REVOKE, &target);
    call.header::<()>("x-key", SECRET).unwrap();
    call.authorization::<()>("Bearer", &Secret::from(SECRET)).unwrap();
    call.query("key", &Secret::from(SECRET));
    let mut printed = format!("{call:?} {call:#?} {target:?}");
    let request = target.http().post(format!("{}/{SECRET}?a={SECRET}", target.base_url())).body(SECRET);
    let error = run::<Token>(&call, request).await.unwrap_err();
    printed.push_str(&messages(&error));
    printed.push_str(&format!("{call:?} {call:#?}"));
    printed
}

#[tokio::test]
async fn nothing_printed_about_a_response_contains_a_secret() {
    for bytes in responses() {
        let (target, server) = server_returning(bytes.clone()).await;
        let printed = printed(target.base_url(), &Http::default()).await;
        assert!(!printed.contains(SECRET), "{printed}\nfor\n{}", String::from_utf8_lossy(&bytes));
        assert_eq!(server.await.unwrap().matches(SECRET).count(), SENT, "the secret was sent");
    }
}

#[tokio::test]
async fn nothing_printed_without_a_connection_contains_a_secret() {
    for http in [Http::default(), careless_client().into()] {
        let printed = printed(&closed_port().await, &http).await;
        assert!(!printed.contains(SECRET), "{printed}");
    }
}

thread_local! {
    /// What this thread has logged. Each test runs on its own thread, together with its HTTP client.
    static LOG: RefCell<String> = const { RefCell::new(String::new()) };
}

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LOG.with_borrow_mut(|log| log.push_str(&format!("{}: {}\n", record.target(), record.args())));
    }

    fn flush(&self) {}
}

#[tokio::test]
async fn no_log_line_contains_a_secret() {
    log::set_logger(&Logger).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    for bytes in responses() {
        let (target, _server) = server_returning(bytes).await;
        printed(target.base_url(), &Http::default()).await;
    }
    printed(&closed_port().await, &Http::default()).await;
    LOG.with_borrow(|log| {
        assert!(log.contains("reqwest"), "the client has logged something: {log}");
        assert!(!log.contains(SECRET), "{log}");
    });
}
