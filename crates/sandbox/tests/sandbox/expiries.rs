//! The format of expiries: that of the spec's example, and no expiry if the example has none.

use freshtoken_sandbox::{Clock, PlayedVendor};
use serde_json::{Value, json};

use crate::support::{Playing, play, s, start, status_and_body};

/// A vendor with a login and a reusable refresh token, whose response has these expiries.
fn vendor(expires_at: &str, refresh: &str, example: &Value) -> PlayedVendor {
    let spec = format!(
        r##"
openapi: 3.0.3
x-token:
  login: {{ operation: login }}
  refresh: {{ operation: renew, token: refresh_token }}
  response: {{ access-token: /access, refresh-token: /refresh, expires-at: {expires_at}, {refresh} }}
  lifetime: 1h
paths:
  /login:
    post: {{ operationId: login, responses: {{ $ref: "#/none" }} }}
  /renew:
    post: {{ operationId: renew, parameters: [{{ name: refresh_token, in: query, schema: {{ type: string, format: password }} }}], responses: {{ $ref: "#/none" }} }}
components:
  schemas:
    Token:
      type: object
      properties:
        access: {{ type: string, format: password }}
        refresh: {{ type: string, format: password }}
        end: {{ description: A date-time or a number. }}
        refresh_end: {{ description: A date-time or a number. }}
        refresh_life: {{ description: A number, or digits. }}
"##
    );
    let response = r##""200": { content: { application/json: { schema: { $ref: "#/components/schemas/Token" }, example: EXAMPLE } } }"##;
    let spec = spec.replace(r##"$ref: "#/none""##, &response.replace("EXAMPLE", &example.to_string()));
    PlayedVendor::parse("expiries", &spec).unwrap().clock(Clock::stopped(start()))
}

async fn login(playing: &Playing) -> Value {
    status_and_body(playing.post("/login")).await.1
}

#[tokio::test]
async fn an_expiry_has_the_format_of_its_example() {
    for (expires_at, example, expected) in [
        ("/end", json!("2030-01-16T05:24:12Z"), json!("2026-11-22T01:00:00Z")),
        ("/end", json!("Wed, 16 Jan 2030 05:24:12 GMT"), json!("Sun, 22 Nov 2026 01:00:00 GMT")),
        ("/end", json!("1894771452"), json!("1795309200")),
        ("/end", json!(1_894_771_452), json!(1_795_309_200)),
        ("{ at: /end, unit: ms }", json!(1_894_771_452_000_u64), json!(1_795_309_200_000_u64)),
        ("{ at: /end, unit: ms }", json!("1894771452000"), json!("1795309200000")),
        (
            r#"{ at: /end, format: "%m/%d/%Y %I:%M:%S %p %:z" }"#,
            json!("1/16/2030 5:24:12 AM +00:00"),
            json!("11/22/2026 1:00:00 AM +00:00"),
        ),
        (r#"{ at: /end, zone: utc, format: "%d.%m.%Y %H:%M" }"#, json!("16.01.2030 05:24"), json!("22.11.2026 01:00")),
    ] {
        let vendor = vendor(expires_at, "", &json!({ "access": "a", "refresh": "r", "end": example }));
        let token = login(&play(vendor).await).await;
        assert_eq!(token["end"], expected, "{example}");
    }
}

#[tokio::test]
async fn a_token_expires_when_its_response_says() {
    let end = r#"{ at: /end, format: "%d.%m.%Y %H:%M" }"#;
    let vendor = vendor(end, "", &json!({ "access": "a", "refresh": "r", "end": "16.01.2030 05:24" }));
    let playing = play(vendor.lifetime(s(100))).await;
    let token = login(&playing).await;
    assert_eq!(token["end"], "22.11.2026 00:01");
    let authorization = format!("Bearer {}", token["access"].as_str().unwrap());
    playing.issuer.advance_clock(s(59));
    assert_eq!(playing.call(&authorization).await, 200);
    playing.issuer.advance_clock(s(1));
    assert_eq!(playing.call(&authorization).await, 401);
}

#[tokio::test]
async fn a_refresh_token_without_a_real_expiry_never_expires() {
    let (life, end) = ("refresh-expires-in: /refresh_life", "refresh-expires-at: /refresh_end");
    for (refresh, name, none) in [
        (life, "refresh_life", json!(0)),
        (life, "refresh_life", json!(-1)),
        (life, "refresh_life", json!("never")),
        (end, "refresh_end", json!("0001-01-01T00:00:00Z")),
        (end, "refresh_end", json!("1970-01-01T00:00:00Z")),
        (end, "refresh_end", json!(0)),
    ] {
        let mut example = json!({ "access": "a", "refresh": "r", "end": 1_894_771_452 });
        example[name] = none.clone();
        let playing = play(vendor("/end", refresh, &example)).await;
        let token = login(&playing).await;
        assert_eq!(token[name], none);
        playing.issuer.advance_clock(s(400 * 24 * 60 * 60));
        let renew = format!("/renew?refresh_token={}", token["refresh"].as_str().unwrap());
        let (status, renewed) = status_and_body(playing.post(&renew)).await;
        assert_eq!((status, &renewed[name]), (200, &none));
    }
}

#[tokio::test]
async fn a_refresh_lifetime_can_be_set_and_unset() {
    let refresh = "refresh-expires-in: /refresh_life, refresh-expires-at: /refresh_end";
    let example =
        |life: u64, end: &str| json!({ "access": "a", "refresh": "r", "refresh_life": life, "refresh_end": end });
    let none = play(vendor("/end", refresh, &example(0, "0001-01-01T00:00:00Z")).refresh_lifetime(s(60))).await;
    let token = login(&none).await;
    assert_eq!([&token["refresh_life"], &token["refresh_end"]], [&json!(60), &json!("2026-11-22T00:01:00Z")]);
    none.issuer.advance_clock(s(60));
    let renew = format!("/renew?refresh_token={}", token["refresh"].as_str().unwrap());
    assert!(status_and_body(none.post(&renew)).await.0 >= 400, "it has expired");

    let some = play(vendor("/end", refresh, &example(60, "2030-01-16T05:24:12Z")).refresh_lifetime(s(0))).await;
    let token = login(&some).await;
    assert_eq!([&token["refresh_life"], &token["refresh_end"]], [&json!(0), &json!("1970-01-01T00:00:00Z")]);
}

#[test]
fn a_format_that_cannot_be_written_is_rejected() {
    let spec = r##"
openapi: 3.0.3
x-token: { login: { operation: login }, response: { access-token: /a, expires-at: { at: /e, format: "%é" } } }
paths: { /login: { post: { operationId: login } } }
"##;
    let error = PlayedVendor::parse("formats", spec).unwrap_err().to_string();
    assert!(error.contains("`format`"), "{error}");
}
