//! What the server does in addition to the vendors: hosts, time limits, headers of tokens and refusals.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use freshtoken_sandbox::{PlayedVendor, Sandbox};
use reqwest::RequestBuilder;
use reqwest::header::HOST;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{
    Playing, body, foreign, header, play, status_and_body, text, vendor, voucherify_login, wellnessliving_login,
    with_keys, zenoti_login,
};

#[tokio::test]
async fn a_request_for_another_host_is_rejected_and_logged() {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = lines.clone();
    let builder = Sandbox::builder([vendor("voucherify")]).on_event(move |event| {
        log.lock().unwrap().push(event.to_string().split_once(' ').unwrap().1.to_owned());
    });
    let sandbox = builder.start().await.unwrap();
    let playing = Playing { issuer: sandbox.issuers()[0].clone(), sandbox, http: crate::support::client() };
    let control = playing.http.get(playing.sandbox.control_url());
    for (request, status) in [
        (voucherify_login(&playing).header(HOST, "rebound.example"), 421),
        (playing.http.get(playing.url("/v1/x")).header(HOST, "rebound.example:8400"), 421),
        (control.try_clone().unwrap().header(HOST, "rebound.example"), 421),
        (control.try_clone().unwrap().header(HOST, "127.0.0.1.rebound.example"), 421),
        (control.try_clone().unwrap().header(HOST, ""), 400),
        (control.try_clone().unwrap().header(HOST, "sandbox.localhost:1"), 200),
        (control, 200),
    ] {
        assert_eq!(request.send().await.unwrap().status().as_u16(), status);
    }
    let why = "refused: the `Host` is not loopback; use localhost or 127.0.0.1";
    assert_eq!(
        *lines.lock().unwrap(),
        [
            format!("voucherify POST /v1/oauth/token 421  {why}"),
            format!("voucherify GET /v1/x 421  {why}"),
            format!("_sandbox GET /*** 421  {why}"),
            format!("_sandbox GET /*** 421  {why}"),
            "_sandbox GET /*** 400  refused: the `Host` is not a valid host".to_owned(),
        ]
    );
    assert_eq!(playing.issuer.counts().grants, 0);
}

#[tokio::test]
async fn a_slow_head_closes_the_connection() {
    let builder = Sandbox::builder([vendor("voucherify")]).head_timeout(Duration::from_millis(20));
    let sandbox = builder.start().await.unwrap();
    let whole = "GET /_sandbox HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for sent in ["", "GET /voucherify/v1 HTTP/1.1\r\nhost: localhost\r\n", whole] {
        let mut client = TcpStream::connect(sandbox.address()).await.unwrap();
        client.write_all(sent.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(60), client.read_to_end(&mut response)).await;
        end.expect("it is closed").unwrap();
    }
    assert_eq!(sandbox.issuers()[0].counts().calls_refused, 0);
}

#[tokio::test]
async fn responses_with_tokens_forbid_caching() {
    let playing = play(vendor("voucherify")).await;
    let granted = voucherify_login(&playing).send().await.unwrap();
    assert_eq!([header(&granted, "cache-control"), header(&granted, "pragma")], ["no-store", "no-cache"]);
    let token = text(&body(granted).await, "/access_token");
    let form = [("access_token", token.as_str())];
    let introspected = with_keys(playing.post("/v1/oauth/introspect"), &playing).form(&form).send().await.unwrap();
    assert_eq!(header(&introspected, "cache-control"), "no-store");
    let control = playing.http.get(playing.sandbox.control_url()).send().await.unwrap();
    assert_eq!(header(&control, "cache-control"), "no-store");
}

#[tokio::test]
async fn a_401_names_the_required_scheme() {
    let challenge = async |request: RequestBuilder| {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        header(&response, "www-authenticate").to_owned()
    };
    let zenoti = play(vendor("zenoti")).await;
    let call = |playing: &Playing| playing.http.get(playing.url("/v1/x"));
    assert_eq!(challenge(call(&zenoti)).await, r#"Bearer realm="zenoti""#);
    let wrong = call(&zenoti).bearer_auth("wrong");
    assert_eq!(challenge(wrong).await, r#"Bearer realm="zenoti", error="invalid_token""#);
    let revoke = zenoti.http.delete(zenoti.url("/v1/tokens/sessions/revoke"));
    assert_eq!(challenge(revoke).await, r#"Bearer realm="zenoti""#);
    let voucherify = play(vendor("voucherify")).await;
    let login = voucherify.post("/v1/oauth/token").form(&[("grant_type", "client_credentials")]);
    assert_eq!(challenge(login).await, r#"Bearer realm="voucherify""#);
    let keycloakish = play(foreign("keycloakish")).await;
    let login = keycloakish.post("/realms/my%20realm%2F%C3%BC/protocol/openid-connect/token");
    let login = login.form(&[("grant_type", "client_credentials")]);
    assert_eq!(challenge(login).await, r#"ApiKey realm="keycloakish", Basic realm="keycloakish""#);
    let consentish = play(foreign("consentish")).await;
    assert_eq!(challenge(call(&consentish)).await, r#"Bearer realm="consentish""#);
}

#[tokio::test]
async fn bearer_is_case_insensitive() {
    let playing = play(vendor("zenoti")).await;
    let token = text(&zenoti_login(&playing).await.1, "/credentials/access_token");
    for word in ["bearer", "Bearer", "BEARER"] {
        assert_eq!(playing.call(&format!("{word} {token}")).await, 200, "{word}");
    }
    assert_eq!(playing.call(&format!("Token {token}")).await, 401);
    assert_eq!(playing.call(&format!("Bearer{token}")).await, 401);
}

/// A client that may authenticate by Basic or in the body.
const EITHER: &str = r##"
openapi: 3.0.3
x-token:
  login: { operation: login }
  response: { access-token: /token }
paths:
  /login:
    post:
      operationId: login
      security: [{ client: [] }, {}]
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema:
              type: object
              properties: { scope: { type: string }, client_id: { type: string }, client_secret: { type: string } }
      responses: { "200": { content: { application/json: { schema: { $ref: "#/components/schemas/Answer" } } } } }
components:
  securitySchemes: { client: { type: http, scheme: basic } }
  schemas:
    Answer: { type: object, required: [token], properties: { token: { type: string, format: password } } }
"##;

#[tokio::test]
async fn a_client_does_not_authenticate_twice() {
    let reason = async |request: RequestBuilder| {
        let response = request.send().await.unwrap();
        (response.status().as_u16(), header(&response, "x-sandbox-reason").to_owned())
    };
    let twice = |name: &str| (400, format!("the client authenticates twice: by HTTP Basic, and by `{name}`"));
    let playing = play(PlayedVendor::parse("either", EITHER).unwrap()).await;
    let login = |form: &[(&str, &str)]| {
        let login = playing.post("/login").basic_auth("example-client-id%2B1", Some("example-client-secret%3A100%25"));
        login.form(form)
    };
    assert_eq!(reason(login(&[("scope", "a"), ("client_id", "example-client-id+1")])).await.0, 200);
    assert_eq!(reason(login(&[("client_secret", "")])).await.0, 200, "an empty field counts as absent");
    assert_eq!(reason(login(&[("client_secret", "example-client-secret:100%")])).await, twice("client_secret"));
    assert_eq!(reason(login(&[("client_assertion", "a")])).await, twice("client_assertion"));
    let query = login(&[("scope", "a")]).query(&[("client_secret", "x")]);
    assert_eq!(reason(query).await, twice("client_secret"));

    // The spec has no Basic, and requires the secret in the body.
    let playing = play(vendor("wellnessliving")).await;
    let login = wellnessliving_login(&playing).basic_auth("a", Some("b"));
    assert_eq!(reason(login).await, twice("client_secret"));
    // `other_secret` is a credential of its own.
    let playing = play(foreign("stripish")).await;
    let body = json!({ "customer": "cus_1", "scopes": [], "api_key": "x" });
    let login = playing.post("/ephemeral_keys").basic_auth("example-api-key+1", Some("")).json(&body);
    assert_eq!(reason(login).await, twice("api_key"));
    assert_eq!(status_and_body(playing.http.get(playing.url("/nothing"))).await.1, Value::Null);
}
