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
