//! Zenoti: JSON with two kinds of grant, and failures at 200.

use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

use crate::rules::{broken, check};
use crate::support::{Playing, play, vendor};

/// A login with one member changed or removed.
fn zenoti(name: &'static str, value: Option<Value>) -> impl Fn(&Playing) -> RequestBuilder {
    move |playing| {
        let mut body = json!({
            "account_name": "example-account",
            "user_name": "example-user",
            "password": "example-password",
            "grant_type": "password",
            "app_id": "00000000-0000-4000-8000-00000000000A",
            "app_secret": "example-app-secret",
            "device_id": "example-device",
        });
        match &value {
            Some(value) => body[name] = value.clone(),
            None => drop(body.as_object_mut().unwrap().remove(name)),
        }
        playing.post("/v1/tokens").json(&body)
    }
}

#[tokio::test]
async fn zenoti_refuses_invalid_grants() {
    let other = || Some(json!("other"));
    let account = json!({ "error": { "code": 401, "message": "Invalid account" } });
    let app = json!({ "error": { "code": 4023, "message": "An invented text about the app" } });
    // Zenoti documents no 400, but its spec has an example of a failure at 200.
    let failure = json!({ "code": 401, "message": "An invented text about the account" });
    let failure = json!({ "credentials": null, "login_policy_evaluation": null, "error": failure });
    let unauthorized = |why: &str| json!({ "error": { "code": 401, "message": why } });
    let rules = vec![
        broken("method", |p| p.http.get(p.url("/v1/tokens")), 405, Value::Null, "POST"),
        broken(
            "content type",
            |p| p.post("/v1/tokens").form(&[("grant_type", "password")]),
            200,
            failure.clone(),
            "content-type",
        ),
        broken(
            "no JSON",
            |p| p.post("/v1/tokens").header("content-type", "application/json").body("{"),
            200,
            failure.clone(),
            "JSON",
        ),
        broken("no object", |p| p.post("/v1/tokens").json(&json!([])), 200, failure.clone(), "grant_type"),
        broken("missing", zenoti("device_id", None), 200, failure.clone(), "`device_id` is missing"),
        broken("no grant", zenoti("grant_type", None), 200, failure.clone(), "`grant_type` is missing"),
        broken("grant", zenoti("grant_type", other()), 200, failure.clone(), "grant_type"),
        broken("number", zenoti("user_name", Some(json!(7))), 200, failure.clone(), "`user_name` is not a string"),
        broken("null", zenoti("password", Some(Value::Null)), 200, failure.clone(), "`password` is not a string"),
        broken("wrong account", zenoti("account_name", other()), 401, account, "`account_name` is wrong"),
        broken(
            "wrong user",
            zenoti("user_name", other()),
            401,
            unauthorized("`user_name` is wrong"),
            "`user_name` is wrong",
        ),
        broken(
            "wrong password",
            zenoti("password", other()),
            401,
            unauthorized("`password` is wrong"),
            "`password` is wrong",
        ),
        broken("wrong app", zenoti("app_id", other()), 500, app.clone(), "`app_id` is wrong"),
        broken("wrong app's secret", zenoti("app_secret", other()), 500, app, "`app_secret` is wrong"),
        broken(
            "an unknown refresh token",
            |p| p.post("/v1/tokens").json(&json!({ "grant_type": "refresh_token", "refresh_token": "x" })),
            401,
            unauthorized("`refresh_token` is unknown"),
            "`refresh_token` is unknown",
        ),
        broken(
            "a refresh without its token",
            |p| p.post("/v1/tokens").json(&json!({ "grant_type": "refresh_token" })),
            200,
            failure.clone(),
            "`refresh_token` is missing",
        ),
    ];
    check(&play(vendor("zenoti")).await, rules).await;
}

#[tokio::test]
async fn zenoti_refuses_invalid_revocations() {
    let token = json!({ "error": { "code": 401, "message": "An invented text about the token" } });
    let rules = vec![
        broken(
            "a revocation without a token",
            |p| p.http.delete(p.url("/v1/tokens/sessions/revoke")),
            401,
            token.clone(),
            "`authorization` is missing",
        ),
        broken(
            "a revocation with a token that isn't ASCII",
            |p| {
                let token = HeaderValue::from_bytes(b"Bearer t\xf6ken").unwrap();
                p.http.delete(p.url("/v1/tokens/sessions/revoke")).header("authorization", token)
            },
            401,
            token.clone(),
            "`authorization` is not visible ASCII",
        ),
        broken(
            "a revocation with two tokens",
            |p| p.http.delete(p.url("/v1/tokens/sessions/revoke")).bearer_auth("x").header("authorization", "Bearer y"),
            401,
            token.clone(),
            "`authorization` is present more than once",
        ),
        broken(
            "a revocation with an unknown token",
            |p| p.http.delete(p.url("/v1/tokens/sessions/revoke")).bearer_auth("x"),
            401,
            token,
            "is unknown",
        ),
    ];
    check(&play(vendor("zenoti")).await, rules).await;
}
