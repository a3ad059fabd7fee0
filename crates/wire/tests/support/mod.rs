//! A hand-written equivalent of the generated code around `Call`, and misbehaving servers.

#![allow(dead_code)]

use std::net::SocketAddr;

use freshtoken_wire::response::{self, Granted, ResponseValue};
use freshtoken_wire::tokens::{In, Success, TokenFields};
use freshtoken_wire::{Call, Error, ErrorBody, ErrorFields, Http, Operation, RetryUnit, Rules, Secret, Target};
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub static CREATE: Operation = operation("POST", HeaderValue::from_static("application/json"), None);

pub const fn operation(method: &'static str, accept: HeaderValue, content_type: Option<HeaderValue>) -> Operation {
    let user_agent = HeaderValue::from_static("freshtoken-test/1.2.3");
    Operation { id: "create_token", method, accept: Some(accept), content_type, user_agent, success: SUCCESS }
}

const SUCCESS: Success<'static> = Success {
    tokens: Some(TokenFields {
        access_token: &["/access_token"],
        expires_in: &[In { at: "/expires_in", ..In::SECONDS }],
        refresh_token: Some("/refresh_token"),
        ..TokenFields::NONE
    }),
    error: Some("/error"),
    ok: None,
    properties: &["access_token", "expires_in", "refresh_token", "note"],
};

#[derive(Debug, Deserialize, PartialEq)]
pub struct Token {
    pub access_token: Secret,
    #[serde(default)]
    pub note: Option<String>,
}

pub const TOKEN: &str = r#"{"access_token":"t"}"#;

#[derive(Debug, Deserialize)]
pub struct VendorError {
    pub code: String,
    pub message: Option<String>,
}

impl ErrorBody for VendorError {
    const RULES: Rules = Rules {
        permanent: &["invalid_client", "503"],
        relogin: &["invalid_grant"],
        transient: &["unknown_error", "423", "both"],
        known_codes: &["slow_down"],
        retry_after: Some(("X-Rate-Limit-Retry", RetryUnit::Unix)),
        request_id: Some("X-Vendor-Request"),
    };

    const FIELDS: ErrorFields =
        ErrorFields { code: &["/code", "/error"], message: &["/message"], request_id: &["/request"] };

    fn decode(operation: &'static str, _: u16, body: &[u8]) -> Option<Self> {
        assert_eq!(operation, "create_token");
        serde_json::from_slice(body).ok()
    }
}

pub type Outcome<T> = Result<T, Error<VendorError>>;

pub fn target(base_url: &str) -> Target {
    Target::new::<()>(base_url, &Http::default()).unwrap()
}

/// Sends a request as progenitor's generated code does.
async fn send<T>(call: &Call, request: reqwest::RequestBuilder) -> Result<ResponseValue<T>, response::Error> {
    let response = call.exec(request.build()?).await?;
    match response.status().as_u16() {
        200 => ResponseValue::from_response(response).await,
        _ => Err(response::Error::UnexpectedResponse(response)),
    }
}

/// Calls an operation as the generated client does.
pub async fn run<T: DeserializeOwned>(call: &Call, request: reqwest::RequestBuilder) -> Outcome<T> {
    call.finish(send(call, request).await)
}

/// Calls an operation as the facade does.
pub async fn grant(target: &Target) -> Outcome<Granted<Token>> {
    let call = Call::new(&CREATE, target);
    let result = send(&call, post(target)).await;
    call.outcome(result).granted()
}

/// Calls an operation without a success body.
pub async fn run_empty(target: &Target) -> Outcome<()> {
    let call = Call::new(&CREATE, target);
    let result = async {
        let response = call.exec(post(target).build()?).await?;
        match response.status().as_u16() {
            200 | 204 => Ok(ResponseValue::empty(response)),
            _ => Err(response::Error::UnexpectedResponse(response)),
        }
    };
    call.finish_empty(result.await)
}

/// Returns a POST with a form body to `/token`.
pub fn post(target: &Target) -> reqwest::RequestBuilder {
    target
        .http()
        .post(format!("{}/token", target.base_url()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials")
}

pub async fn create(target: &Target) -> Outcome<Token> {
    run(&Call::new(&CREATE, target), post(target)).await
}

/// Returns the error of `create`, which must fail.
pub async fn failure(target: &Target) -> Error<VendorError> {
    create(target).await.unwrap_err()
}

/// Starts a server for one connection, which reads one request and then calls `act`. Its handle returns the request.
pub async fn server<F>(act: impl FnOnce(TcpStream) -> F + Send + 'static) -> (Target, JoinHandle<String>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = target(&origin(listener.local_addr().unwrap()));
    let handle = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await;
        act(stream).await;
        request
    });
    (target, handle)
}

/// Starts a server that responds to one request with these bytes, and closes the connection.
pub async fn server_returning(bytes: impl AsRef<[u8]> + Send + 'static) -> (Target, JoinHandle<String>) {
    server(|mut stream| async move {
        // The client may have closed the connection already, as it should for a body that is too large.
        let _ = stream.write_all(bytes.as_ref()).await;
        let _ = stream.shutdown().await;
    })
    .await
}

/// Returns a JSON response with these headers, each of which ends with a line break.
pub fn response(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Returns a custom client with reqwest's defaults, which follows redirects.
pub fn careless_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub fn origin(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// Returns the origin of a port without a listener. The port stays bound, so that no other test can use it.
pub async fn closed_port() -> String {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    std::mem::forget(socket);
    origin(address)
}

pub async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, length)| length.parse().unwrap());
            if body.len() >= length {
                return text.into_owned();
            }
        }
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the request ended early");
    }
}

/// Returns all messages of an error and its sources, in every format.
pub fn messages<B>(error: &Error<B>) -> String {
    let mut messages = format!("{error}\n{error:?}\n{error:#?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        messages.push_str(&format!("\n{cause}\n{cause:?}"));
        source = cause.source();
    }
    messages
}
