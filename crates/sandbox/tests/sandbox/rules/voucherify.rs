//! Voucherify: two keys in headers, a form, an introspection.

use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

use crate::rules::{FORM, broken, check};
use crate::support::{Playing, play, vendor, with_keys};

fn voucherify(form: &'static str) -> impl Fn(&Playing) -> RequestBuilder {
    move |playing| with_keys(playing.post("/v1/oauth/token"), playing).header("content-type", FORM).body(form)
}

fn keyed(id: &'static str, token: &'static str) -> impl Fn(&Playing) -> RequestBuilder {
    move |playing| {
        let request = playing.post("/v1/oauth/token").form(&[("grant_type", "client_credentials"), ("scope", "api")]);
        let keys = [("x-app-id", id), ("x-app-token", token)];
        keys.into_iter()
            .filter(|(_, key)| !key.is_empty())
            .fold(request, |request, (name, key)| request.header(name, key))
    }
}

fn unauthorized() -> Value {
    json!({
        "code": 401,
        "message": "An invented text about the key",
        "details": "An invented text with more about it",
        "request_id": "v-example-request-2",
    })
}

#[tokio::test]
async fn voucherify_refuses_invalid_logins() {
    let unauthorized = unauthorized();
    let invalid_scope = json!({ "code": 400, "key": "invalid_scope", "message": "An invented text about the scope" });
    let missing = |why: &str| json!({ "code": 400, "key": "missing_parameters", "message": why });
    let invalid_grant_type = json!({
        "code": 400,
        "key": "invalid_grant_type",
        "message": "An invented text about the grant",
        "details": "An invented text with more about it",
        "request_id": "v-example-request-1",
        "resource_id": "example-resource-1",
        "resource_type": "voucher",
        "error": { "message": "An invented text that a user of the project wrote" },
    });
    let rules = vec![
        broken("method", |p| p.http.put(p.url("/v1/oauth/token")), 405, Value::Null, "POST"),
        broken("no keys", keyed("", ""), 401, unauthorized.clone(), "`X-App-Id` is missing"),
        broken("no token", keyed("example-app-id", ""), 401, unauthorized.clone(), "`X-App-Token` is missing"),
        broken("wrong id", keyed("other", "example-app-token"), 401, unauthorized.clone(), "`app_id` is wrong"),
        broken("wrong token", keyed("example-app-id", "other"), 401, unauthorized.clone(), "`app_token` is wrong"),
        broken("no scope", voucherify("grant_type=client_credentials"), 400, missing("`scope` is missing"), "`scope`"),
        broken("no grant", voucherify("scope=api"), 400, missing("`grant_type` is missing"), "`grant_type`"),
        broken(
            "commas",
            voucherify("grant_type=client_credentials&scope=api,vouchers"),
            400,
            invalid_scope.clone(),
            "commas",
        ),
        broken(
            "unknown scope",
            voucherify("grant_type=client_credentials&scope=api+nope"),
            400,
            invalid_scope.clone(),
            "scope.1",
        ),
        broken(
            "empty scope",
            voucherify("grant_type=client_credentials&scope="),
            400,
            missing("`scope` is missing"),
            "`scope` is missing",
        ),
        broken(
            "one field for each scope",
            voucherify("grant_type=client_credentials&scope=api&scope=vouchers"),
            400,
            invalid_scope.clone(),
            "`scope`",
        ),
        broken("grant", voucherify("grant_type=password&scope=api"), 400, invalid_grant_type, "`grant_type`"),
        broken(
            "content type",
            |p| with_keys(p.post("/v1/oauth/token"), p).json(&json!({})),
            400,
            json!({ "code": 400, "message": format!("`content-type` is not {FORM}") }),
            "`content-type` is not",
        ),
    ];
    check(&play(vendor("voucherify")).await, rules).await;
}

#[tokio::test]
async fn voucherify_refuses_invalid_tokens_and_keys() {
    let unauthorized = unauthorized();
    let rules = vec![
        broken(
            "content type, where neither 400 nor 415 is documented",
            |p| with_keys(p.post("/v1/oauth/token/revoke"), p).json(&json!({})),
            415,
            json!({ "code": 415, "message": format!("`content-type` is not {FORM}") }),
            "`content-type` is not",
        ),
        broken(
            "a repeated token",
            |p| with_keys(p.post("/v1/oauth/introspect"), p).form(&[("access_token", "x"), ("access_token", "y")]),
            400,
            json!({ "code": 400, "message": "`access_token` is present 2 times" }),
            "2 times",
        ),
        broken(
            "an empty token",
            |p| with_keys(p.post("/v1/oauth/introspect"), p).form(&[("access_token", "")]),
            400,
            json!({ "code": 400, "key": "missing_parameters", "message": "An invented text about what is missing" }),
            "`access_token` is missing",
        ),
        broken(
            "a wrong key and a wrong form",
            |p| keyed("example-app-id", "other")(p).form(&[("scope", "nope")]),
            401,
            unauthorized.clone(),
            "`app_token` is wrong",
        ),
        broken(
            "a key that isn't ASCII",
            |p| {
                let key = HeaderValue::from_bytes(b"example-app-t\xf6ken").unwrap();
                p.post("/v1/oauth/token").header("x-app-id", "example-app-id").header("x-app-token", key)
            },
            401,
            unauthorized.clone(),
            "`X-App-Token` is not visible ASCII",
        ),
        broken(
            "another name for the token to introspect",
            |p| with_keys(p.post("/v1/oauth/introspect"), p).form(&[("token", "x")]),
            400,
            json!({ "code": 400, "key": "missing_parameters", "message": "An invented text about what is missing" }),
            "`access_token` is missing",
        ),
        broken(
            "introspection without keys",
            |p| p.post("/v1/oauth/introspect").form(&[("access_token", "x")]),
            401,
            unauthorized.clone(),
            "`X-App-Id`",
        ),
        broken(
            "an unknown token to revoke",
            |p| with_keys(p.post("/v1/oauth/token/revoke"), p).form(&[("access_token", "x")]),
            404,
            Value::Null,
            "`access_token` is unknown",
        ),
    ];
    check(&play(vendor("voucherify")).await, rules).await;
}
