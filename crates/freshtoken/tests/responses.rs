//! Responses that do not match the spec, end to end: a token that arrived is never lost.
//!
//! Run it with `cargo test -p freshtoken --test responses`.

#![cfg(all(feature = "voucherify", feature = "wellnessliving", feature = "zenoti"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a helper of a test may fail as the test may")]

#[path = "support/server.rs"]
mod server;
mod support;

use std::sync::{Arc, Mutex};

use freshtoken::status::State;
use freshtoken::store::Record;
use freshtoken::{Secret, TokenSource, voucherify, wellnessliving, zenoti};
use server::{
    DAY, Response, Server, ask, builder, limit, unix, voucherify_at, wellnessliving_at, zenoti_at, zenoti_credentials,
    zenoti_error, zenoti_pair,
};
use support::{TestClock, start};

/// Nested too deeply for any JSON library.
fn deep() -> String {
    "[".repeat(5_000) + &"]".repeat(5_000)
}

/// Fields of Voucherify, WellnessLiving and Zenoti beside a good access token. `DEEP` is replaced by a deeply nested value.
const VOUCHERIFY: [&str; 12] = [
    r#"{"access_token":"AT"}"#,
    r#"{"access_token":"AT","expires_in":900}"#,
    r#"{"access_token":"AT","expires_in":900,"client_id":7,"scope":{},"token_type":[],"expires_at":"never"}"#,
    r#"{"access_token":"AT","expires_in":900,"token_type":7}"#,
    r#"{"access_token":"AT","expires_in":"never"}"#,
    r#"{"access_token":"AT","expires_in":0}"#,
    r#"{"access_token":"old","expires_in":900,"access_token":"AT"}"#,
    r#"{"access_token":"AT","expires_in":900,"client_id":1e999}"#,
    r#"{"access_token":"AT","expires_in":900,"client_id":"\ud800","\ud800":1}"#,
    r#"{"access_token":"AT","expires_in":900,"client_id":DEEP,"x":DEEP}"#,
    r#"{"access_token":"AT","expires_in":900,"token_type":"Bearer\n"}"#,
    r#"{"access_token":"\u0041\u0054","error":"e","code":400,"key":"invalid_scope"}"#,
];

const WELLNESSLIVING: [&str; 5] = [
    r#"{"access_token":"AT","expires_in":3600}"#,
    r#"{"access_token":"AT","expires_in":3600.5,"token_type":"Bearer"}"#,
    r#"{"access_token":"AT","expires_in":"3600","token_type":null}"#,
    r#"{"access_token":"AT","expires_in":[3600],"token_type":false,"scope":7}"#,
    r#"{"access_token":"AT","expires_in":3600,"token_type":"Bearer","token_type":"Bearer"}"#,
];

const ZENOTI: [&str; 6] = [
    r#"{"credentials":{"access_token":"AT","token_id":17},"error":null}"#,
    r#"{"credentials":{"access_token":"AT"},"login_policy_evaluation":{"allowlogin":"true"}}"#,
    r#"{"credentials":{"access_token":"AT","refresh_token":7,"access_token_expiry":{},"token_type":1e999}}"#,
    r#"{"credentials":{"access_token":"AT","user_type":DEEP},"error":{"code":null}}"#,
    r#"{"credentials":7,"credentials":{"access_token":"AT"},"error":""}"#,
    r#"[{"x":1}]"#,
];

async fn header_of(body: &str, at: fn(&Server, &TestClock) -> TokenSource) -> Option<String> {
    let body = body.replace("DEEP", &deep());
    let server = Server::new(Response::json(200, body));
    let tokens = at(&server, &TestClock::new());
    let header = limit(tokens.header()).await.ok()?;
    Some(header.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_token_arrives_whatever_other_field_does_not_fit() {
    for body in VOUCHERIFY {
        assert_eq!(header_of(body, voucherify_at).await.as_deref(), Some("Bearer AT"), "{body}");
    }
    for body in WELLNESSLIVING {
        assert_eq!(header_of(body, wellnessliving_at).await.as_deref(), Some("Bearer AT"), "{body}");
    }
    for body in &ZENOTI[..5] {
        assert_eq!(header_of(body, zenoti_at).await.as_deref(), Some("Bearer AT"), "{body}");
    }
}

#[tokio::test]
async fn only_a_missing_or_empty_access_token_makes_a_response_unusable() {
    for body in ["{}", r#"{"access_token":""}"#, r#"{"access_token":null}"#, r#"{"access_token":7}"#, "7", "null"] {
        assert_eq!(header_of(body, voucherify_at).await, None, "{body}");
        assert_eq!(header_of(body, wellnessliving_at).await, None, "{body}");
    }
    for body in [ZENOTI[5], r#"{"credentials":{}}"#, r#"{"credentials":{"access_token":"AT"},"error":{"code":1}}"#] {
        assert_eq!(header_of(body, zenoti_at).await, None, "{body}");
    }
}

#[tokio::test]
async fn a_token_of_a_success_that_the_spec_does_not_list_is_used() {
    for status in [201, 202] {
        let server = Server::new(Response::json(status, VOUCHERIFY[1]));
        assert_eq!(ask(&voucherify_at(&server, &TestClock::new())).await.unwrap(), "AT", "{status}");
    }
}

#[tokio::test]
async fn an_unreadable_lifetime_is_the_documented_one() {
    // Voucherify documents 900 s, Zenoti a day, and WellnessLiving nothing.
    let lifetime = async |body: &str, at: fn(&Server, &TestClock) -> TokenSource| {
        let (server, clock) = (Server::new(Response::json(200, body)), TestClock::new());
        let token = limit(at(&server, &clock).token()).await.unwrap();
        token.expires_at().map(|at| at.duration_since(clock.wall()).unwrap().as_secs())
    };
    for said in ["\"never\"", "0", "-1", "true", "{}"] {
        let body = format!(r#"{{"access_token":"AT","expires_in":{said}}}"#);
        assert_eq!(lifetime(&body, voucherify_at).await, Some(900), "{said}");
        assert_eq!(lifetime(&body, wellnessliving_at).await, None, "{said}");
    }
    for said in ["\"never\"", "0", "-1", "\"0001-01-01T00:00:00Z\"", "\"1970-01-01T00:00:00Z\"", "true"] {
        let body = format!(r#"{{"credentials":{{"access_token":"AT","access_token_expiry":{said}}}}}"#);
        assert_eq!(lifetime(&body, zenoti_at).await, Some(DAY), "{said}");
    }
    assert_eq!(lifetime(r#"{"access_token":"AT","expires_in":3600.5}"#, wellnessliving_at).await, Some(3600));
}

/// A Zenoti source after its first refresh with this response, and the records that it persists.
async fn refreshed(response: Response) -> (Server, TokenSource, Arc<Mutex<Vec<Arc<Record>>>>) {
    let clock = TestClock::new();
    let server = Server::new(response);
    let records: Arc<Mutex<Vec<Arc<Record>>>> = Arc::default();
    let persisted = records.clone();
    let tokens = builder(zenoti::Endpoint::at(server.url()).unwrap(), zenoti_credentials(), &clock)
        .refresh_token("spent")
        .on_change(move |record| {
            persisted.lock().unwrap().push(record.clone());
            async {}
        })
        .build();
    let _ = ask(&tokens).await;
    (server, tokens, records)
}

#[tokio::test]
async fn a_single_use_refresh_token_arrives_beside_a_misfit() {
    let pair = |more: &str| format!(r#"{{"credentials":{{"access_token":"AT","refresh_token":"RT",{more}}}}}"#);
    for more in [
        r#""token_type":7"#,
        r#""refresh_token_expiry":"never""#,
        r#""access_token_expiry":3600.5"#,
        r#""token_id":{},"app_id":[],"user_type":1e999"#,
        r#""refresh_token":"old","refresh_token":"RT""#,
        r#""refresh_token_expiry":"0001-01-01T00:00:00Z""#,
    ] {
        let (server, tokens, records) = refreshed(Response::json(200, pair(more))).await;
        assert_eq!(server.zenoti_saw(), ["refresh spent"], "{more}");
        assert_eq!(tokens.status().state, State::Fresh, "{more}");
        let last = records.lock().unwrap().last().cloned().unwrap();
        assert_eq!(last.refresh_token().map(Secret::expose), Some("RT"), "{more}");
        assert_eq!(last.refresh_expires_at(), None, "{more}");
    }
}

#[tokio::test]
async fn dates_of_http_and_digits_are_read_as_well_as_rfc_3339() {
    for said in ["\"2026-11-22T01:00:00Z\"", "\"Sun, 22 Nov 2026 01:00:00 GMT\"", "1795309200", "\"1795309200\""] {
        let pair = zenoti_pair(1, start()).replace("\"2026-11-23T00:00:00Z\"", said);
        let server = Server::new(pair);
        let token = limit(zenoti_at(&server, &TestClock::new()).token()).await.unwrap();
        assert_eq!(token.expires_at().map(unix), Some(unix(start()) + 3_600), "{said}");
    }
}

#[tokio::test]
async fn a_byte_that_is_not_utf_8_costs_no_token() {
    let body = b"{\"access_token\":\"AT\",\"expires_in\":900,\"client_id\":\"d\xe9j\xe0\"}";
    let server = Server::new(Response::new(200).body(*body));
    assert_eq!(ask(&voucherify_at(&server, &TestClock::new())).await.unwrap(), "AT");
}

#[tokio::test]
async fn a_refusal_is_understood_whatever_else_its_body_says() {
    let body = |message: &[u8]| [br#"{"code":400,"key":"invalid_scope","message":"#.as_slice(), message, b"}"].concat();
    for message in [b"7".as_slice(), b"\"d\xe9j\xe0\"", b"1e999", b"\"\\ud800\""] {
        let server = Server::new(Response::new(400).body(body(message)));
        let error = ask(&voucherify_at(&server, &TestClock::new())).await.unwrap_err();
        let cause = error.vendor_error::<voucherify::Error>().unwrap();
        assert_eq!((cause.code(), cause.status()), (Some("invalid_scope"), Some(400)));
    }
    let server = Server::new(Response::json(400, r#"{"error":"invalid_client","error_description":7}"#));
    let error = ask(&wellnessliving_at(&server, &TestClock::new())).await.unwrap_err();
    assert_eq!(error.vendor_error::<wellnessliving::Error>().unwrap().code(), Some("invalid_client"));
    let server = Server::new(zenoti_error(500, 4023).replace("\"no\"", "[1]"));
    let error = ask(&zenoti_at(&server, &TestClock::new())).await.unwrap_err();
    assert_eq!(error.vendor_error::<zenoti::Error>().unwrap().code(), Some("4023"));
}

#[tokio::test]
async fn the_typed_response_omits_misfits() {
    let body = r#"{"credentials":{"access_token":"AT","refresh_token":"R\/T","token_id":17,"app_id":"an-app"},
        "login_policy_evaluation":{"allowlogin":"true","policyaction":2}}"#;
    let server = Server::new(Response::json(200, body));
    let token = limit(zenoti_at(&server, &TestClock::new()).token()).await.unwrap();
    let response = token.response::<zenoti::LoginResponse>().unwrap();
    let held = response.credentials.as_ref().unwrap();
    assert_eq!((held.token_id.as_deref(), held.app_id.as_deref()), (None, Some("an-app")));
    assert!(held.access_token.is_empty() && held.refresh_token.as_ref().unwrap().is_empty());
    let policy = response.login_policy_evaluation.as_ref().unwrap();
    assert_eq!((policy.allowlogin, policy.policyaction), (None, Some(2)));

    // If a required field is missing, there is no typed response.
    let server = Server::new(Response::json(200, WELLNESSLIVING[0]));
    let token = limit(wellnessliving_at(&server, &TestClock::new()).token()).await.unwrap();
    assert!(token.response::<wellnessliving::LoginResponse>().is_none());
}
