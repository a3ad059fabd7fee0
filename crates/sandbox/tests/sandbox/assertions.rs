//! Signed JWTs: what a vendor accepts, and what it refuses.

use std::fs;

use freshtoken_sandbox::{Clock, PlayedVendor};
use serde_json::{Value, json};

use crate::client::SpecClient;
use crate::support::{Playing, foreign, play, repository, s, start, status_and_body};

async fn log_in(playing: &Playing, vendor: &str, claims: Value) -> u16 {
    let spec = fs::read_to_string(repository(&format!("crates/codegen/tests/fixtures/vendors/{vendor}.yaml"))).unwrap();
    let mut client = SpecClient::new(&spec, playing);
    client.claims = claims.as_object().unwrap().clone();
    status_and_body(client.requests("login", "").remove(0)).await.0
}

#[tokio::test]
async fn an_assertion_logs_in_with_every_kind_of_key() {
    for (vendor, status) in [("assertish", 200), ("appish", 201)] {
        let playing = play(foreign(vendor)).await;
        assert_eq!(log_in(&playing, vendor, json!({})).await, status, "{vendor}");
    }
}

#[tokio::test]
async fn an_assertion_with_a_wrong_claim_is_refused() {
    let playing = play(foreign("assertish")).await;
    for claims in [
        json!({ "iss": "somebody" }),
        json!({ "aud": "https://elsewhere.example/token" }),
        json!({ "exp": 1 }),
        json!({ "exp": 99_999_999_999_i64 }),
        json!({ "iat": 99_999_999_999_i64 }),
        json!({ "jti": "not-a-uuid" }),
        json!({ "ver": 3 }),
        json!({ "act": "somebody" }),
    ] {
        let status = log_in(&playing, "assertish", claims.clone()).await;
        assert!(status >= 400, "{claims}: {status}");
    }
}

#[tokio::test]
async fn an_assertion_is_good_for_one_request() {
    let playing = play(foreign("assertish")).await;
    let id = json!({ "jti": "00000000-0000-4000-8000-00000000000c" });
    assert_eq!(log_in(&playing, "assertish", id.clone()).await, 200);
    assert!(log_in(&playing, "assertish", id).await >= 400);
}

#[tokio::test]
async fn a_vendor_whose_clock_was_advanced_accepts_the_clock_of_this_machine() {
    let playing = play(foreign("assertish").clock(Clock::stopped(start()))).await;
    playing.issuer.advance_clock(s(400 * 24 * 60 * 60));
    assert_eq!(log_in(&playing, "assertish", json!({})).await, 200);
}

#[tokio::test]
async fn an_unknown_keyword_of_compute_is_an_error() {
    let spec = fs::read_to_string(repository("crates/codegen/tests/fixtures/vendors/appish.yaml")).unwrap();
    for (from, to) in [("algorithm:", "algoritm:"), ("{ now: 10m }", "{ now: 10m, around: now }")] {
        assert!(PlayedVendor::parse("appish", &spec.replace(from, to)).is_err(), "{to}");
    }
}

#[tokio::test]
async fn a_request_has_the_body_and_the_credentials_of_one_alternative() {
    let playing = play(foreign("choosish")).await;
    let post = |body: &str| {
        let request =
            playing.http.post(playing.url("/token")).header("content-type", "application/x-www-form-urlencoded");
        request.body(format!("client_id=example-client-id%2B1&{body}"))
    };
    let basic = |body: &str| post(body).basic_auth("example-client-id%2B1", Some("example-client-secret%3A100%25"));
    let secret = "grant_type=client_credentials";
    let password = "grant_type=password&username=example-username&password=example-password";
    for request in [basic(secret), post(password)] {
        assert_eq!(status_and_body(request).await.0, 200);
    }
    for request in [post(secret), basic(password), post(&password.replace("example-p", "another-p"))] {
        assert!(status_and_body(request).await.0 >= 400);
    }
    let names: Vec<String> = playing.issuer.environment().into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"CHOOSISH_CLIENT_SECRET".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("PASSWORD") || name.contains("PRIVATE_KEY")), "{names:?}");
}

#[tokio::test]
async fn a_further_request_of_a_login_has_the_values_of_the_response_before() {
    let playing = play(foreign("thenish")).await;
    let redeem = |path: &str, code: &str| {
        let request = playing.http.post(playing.url(path)).header("content-type", "application/x-www-form-urlencoded");
        request.body(format!("code={code}"))
    };
    assert!(status_and_body(redeem("/ticket/7", "example-code")).await.0 >= 400, "no login has begun");
    let login = playing.http.post(playing.url("/code")).header("content-type", "application/json");
    let login = login.basic_auth("example-client-id%2B1", Some("example-client-secret%3A100%25"));
    let (status, body) = status_and_body(login.body(r#"{"grant":"code","username":"example-username"}"#)).await;
    assert_eq!(status, 200, "{body}");
    let code = body["data"][0]["code"].as_str().unwrap();
    assert!(status_and_body(redeem("/ticket/8", code)).await.0 >= 400, "another nonce");
    let (status, body) = status_and_body(redeem("/ticket/7", code)).await;
    assert_eq!((status, body["rest_url"].as_str()), (200, Some(playing.issuer.url())), "{body}");
}
