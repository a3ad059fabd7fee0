//! Requests that break one rule of a spec, and the vendor's response to each.

mod others;
mod voucherify;
mod wellnessliving;
mod zenoti;

use reqwest::RequestBuilder;
use serde_json::Value;

use crate::support::{Playing, body, foreign, header, play, status_and_body, vendor};

pub const FORM: &str = "application/x-www-form-urlencoded";

/// A broken rule: the request, the status and body of its response, and a part of the reason.
pub struct Broken {
    rule: &'static str,
    request: Box<dyn Fn(&Playing) -> RequestBuilder>,
    status: u16,
    body: Value,
    reason: &'static str,
}

pub fn broken(
    rule: &'static str,
    request: impl Fn(&Playing) -> RequestBuilder + 'static,
    status: u16,
    body: Value,
    reason: &'static str,
) -> Broken {
    Broken { rule, request: Box::new(request), status, body, reason }
}

pub async fn check(playing: &Playing, rules: Vec<Broken>) {
    let count = rules.len() as u64;
    for Broken { rule, request, status, body: wanted, reason } in rules {
        let response = request(playing).send().await.unwrap();
        let why = header(&response, "x-sandbox-reason").to_owned();
        assert_eq!(response.status(), status, "{rule}: {why}");
        assert!(why.contains(reason), "{rule}: {why}");
        assert_eq!(body(response).await, wanted, "{rule}: {why}");
    }
    let counts = playing.issuer.counts();
    assert_eq!((counts.requests, counts.refused, counts.grants), (count, count, 0));
}

#[tokio::test]
async fn a_path_outside_the_spec_is_the_protected_resource() {
    let playing = play(vendor("voucherify")).await;
    let response = playing.post("/v1/oauth/tokens").send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), header(&response, "x-sandbox-reason")),
        (401, "`Authorization` is missing")
    );
    let elsewhere = playing.sandbox.address();
    let response = playing.http.get(format!("http://{elsewhere}/unknown/x")).send().await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(response.text().await.unwrap(), "no vendor has this path; the vendors are: voucherify\n");
}

#[tokio::test]
async fn a_path_that_almost_matches_an_operation_is_a_404() {
    let playing = play(vendor("voucherify")).await;
    let token = status_and_body(crate::support::voucherify_login(&playing)).await.1["access_token"].take();
    for path in ["/v1/oauth/token/", "/v1//oauth/token", "/v1/oauth/Token", "//v1/oauth/token"] {
        let call = playing.http.get(playing.url(path)).bearer_auth(token.as_str().unwrap());
        let response = call.send().await.unwrap();
        let why = header(&response, "x-sandbox-reason").to_owned();
        assert_eq!(
            (response.status().as_u16(), why.as_str()),
            (404, "the path differs from `/v1/oauth/token` in slashes, dots or case")
        );
        assert_eq!(body(response).await, Value::Null);
    }
    let playing = play(foreign("keycloakish")).await;
    let response = playing.post("/realms/any/logout/").send().await.unwrap();
    assert_eq!(
        header(&response, "x-sandbox-reason"),
        "the path differs from `/realms/{realm}/logout` in slashes, dots or case"
    );
}

#[tokio::test]
async fn a_server_error_is_never_a_success() {
    let playing = play(foreign("wechatish")).await;
    let response = playing.post("/token").send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, "GET"));
    assert_eq!(body(response).await, Value::Null);
}

#[tokio::test]
async fn an_empty_optional_field_counts_as_absent() {
    let playing = play(vendor("wellnessliving")).await;
    let login = wellnessliving::login(
        "client_id=example-client-id&client_secret=example-client-secret&grant_type=client_credentials&scope=",
    );
    assert_eq!(status_and_body(login(&playing)).await.0, 200);
}
