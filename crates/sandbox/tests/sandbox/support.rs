//! Shared by the tests: the repository's specs, stopped clocks and an HTTP client.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use freshtoken_sandbox::{Clock, Issuer, PlayedVendor, Sandbox};
use reqwest::{Client, RequestBuilder, Response, redirect};
use serde_json::Value;

pub fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// 2026-11-22T00:00:00Z.
pub fn start() -> SystemTime {
    UNIX_EPOCH + s(1_795_305_600)
}

/// Returns the path of a file in the repository.
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Returns a vendor with a spec in `specs/`, with a stopped clock.
pub fn vendor(name: &str) -> PlayedVendor {
    PlayedVendor::read(repository(&format!("specs/{name}.yaml"))).unwrap().clock(Clock::stopped(start()))
}

/// Returns one of the vendors of the generator's tests, with a stopped clock.
pub fn foreign(name: &str) -> PlayedVendor {
    let file = repository(&format!("crates/codegen/tests/fixtures/vendors/{name}.yaml"));
    PlayedVendor::read(file).unwrap().clock(Clock::stopped(start()))
}

/// A running vendor. The sandbox stops when this is dropped.
pub struct Playing {
    pub issuer: Issuer,
    pub sandbox: Sandbox,
    pub http: Client,
}

pub async fn play(vendor: PlayedVendor) -> Playing {
    let sandbox = Sandbox::start([vendor]).await.unwrap();
    let issuer = sandbox.issuers()[0].clone();
    Playing { issuer, sandbox, http: client() }
}

/// Uses no proxy and follows no redirects.
pub fn client() -> Client {
    Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap()
}

impl Playing {
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.url())
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(self.url(path))
    }

    /// Returns the status of a call with this `Authorization`.
    pub async fn call(&self, authorization: &str) -> u16 {
        let call = self.http.get(self.url("/v1/business")).header("authorization", authorization);
        call.send().await.unwrap().status().as_u16()
    }
}

/// A Zenoti with the tokens of a login.
pub struct Zenoti {
    pub playing: Playing,
    pub access: String,
    pub refresh: String,
}

pub async fn zenoti(vendor: PlayedVendor) -> Zenoti {
    let playing = play(vendor).await;
    let (status, pair) = zenoti_login(&playing).await;
    assert_eq!(status, 200);
    Zenoti {
        access: text(&pair, "/credentials/access_token"),
        refresh: text(&pair, "/credentials/refresh_token"),
        playing,
    }
}

pub async fn zenoti_login(playing: &Playing) -> (u16, Value) {
    let mut body: Value =
        playing.issuer.credentials().iter().map(|(n, v)| (n.clone(), Value::from(v.as_str()))).collect();
    body["grant_type"] = "password".into();
    status_and_body(playing.post("/v1/tokens").json(&body)).await
}

pub async fn zenoti_refresh(playing: &Playing, token: &str) -> (u16, Value) {
    let body = serde_json::json!({ "grant_type": "refresh_token", "refresh_token": token });
    status_and_body(playing.post("/v1/tokens").json(&body)).await
}

/// The login of Voucherify.
pub fn voucherify_login(playing: &Playing) -> RequestBuilder {
    let form = [("grant_type", "client_credentials"), ("scope", "api")];
    with_keys(playing.post("/v1/oauth/token"), playing).form(&form)
}

pub fn with_keys(request: RequestBuilder, playing: &Playing) -> RequestBuilder {
    let credentials = playing.issuer.credentials();
    request.header("x-app-id", &credentials["app_id"]).header("x-app-token", &credentials["app_token"])
}

/// The login of WellnessLiving.
pub fn wellnessliving_login(playing: &Playing) -> RequestBuilder {
    let credentials = playing.issuer.credentials();
    let form = [
        ("client_id", credentials["client_id"].as_str()),
        ("client_secret", credentials["client_secret"].as_str()),
        ("grant_type", "client_credentials"),
    ];
    playing.post("/oauth2/token").form(&form)
}

/// Returns status and body; an empty body is null.
pub async fn status_and_body(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), body(response).await)
}

pub async fn body(response: Response) -> Value {
    let text = response.text().await.unwrap();
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

pub fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}")).to_owned()
}

pub fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}
