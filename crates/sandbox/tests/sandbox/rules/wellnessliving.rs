//! WellnessLiving: a form with client credentials.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::rules::{FORM, broken, check};
use crate::support::{Playing, play, vendor};

pub fn login(body: impl Into<String>) -> impl Fn(&Playing) -> RequestBuilder {
    let body = body.into();
    move |playing| playing.post("/oauth2/token").header("content-type", FORM).body(body.clone())
}

#[tokio::test]
async fn wellnessliving_refuses_invalid_logins() {
    let client = "client_id=example-client-id&client_secret=example-client-secret";
    let good = format!("{client}&grant_type=client_credentials");
    let no_type = good.clone();
    let invalid_request =
        json!({ "error": "invalid_request", "error_description": "An invented description of what is missing" });
    let rules = vec![
        broken("method", |p| p.http.get(p.url("/oauth2/token")), 405, Value::Null, "POST"),
        broken("content type", move |p| p.post("/oauth2/token").json(&json!({})), 405, Value::Null, "content-type"),
        broken(
            "no content type",
            move |p| p.post("/oauth2/token").body(no_type.clone()),
            405,
            Value::Null,
            "content-type",
        ),
        broken(
            "missing field",
            login("client_id=example-client-id&grant_type=client_credentials"),
            400,
            invalid_request.clone(),
            "`client_secret` is missing",
        ),
        broken("empty body", login(""), 400, invalid_request.clone(), "missing"),
        broken("not UTF-8", login("client_id=%FF"), 400, invalid_request.clone(), "UTF-8"),
        broken(
            "wrong constant",
            login(format!("{client}&grant_type=password")),
            400,
            json!({
                "error": "unsupported_grant_type",
                "error_description": "`grant_type` is not \"client_credentials\"",
            }),
            "`grant_type` is not \"client_credentials\"",
        ),
        broken(
            "a repeated field",
            login(format!("client_id=a&{good}")),
            400,
            invalid_request.clone(),
            "`client_id` is present 2 times",
        ),
        broken(
            "wrong delimiter",
            login(format!("{good}&scope=a,b")),
            400,
            json!({ "error": "invalid_scope" }),
            "`scope` has commas",
        ),
        broken(
            "wrong id",
            login("client_id=other&client_secret=example-client-secret&grant_type=client_credentials"),
            400,
            json!({ "error": "invalid_client" }),
            "`client_id` is wrong",
        ),
        broken(
            "wrong secret",
            login("client_id=example-client-id&client_secret=other&grant_type=client_credentials"),
            400,
            json!({ "error": "invalid_client" }),
            "`client_secret` is wrong",
        ),
    ];
    check(&play(vendor("wellnessliving")).await, rules).await;
}
