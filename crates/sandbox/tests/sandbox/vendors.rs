//! Every vendor with a spec, called by a client that is built from the spec alone.

use std::fs;

use freshtoken_sandbox::{Clock, Error, PlayedVendor};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::client::SpecClient;
use crate::support::{Playing, body, foreign, play, repository, s, start, status_and_body, text};

const FOLDERS: [&str; 2] = ["specs", "crates/codegen/tests/fixtures/vendors"];

/// The access token in a response: at a pointer, at the first of several, or in a header.
fn access_token(place: &Value, headers: &HeaderMap, body: &Value) -> Option<String> {
    match place {
        Value::String(pointer) => body.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned),
        Value::Array(places) => places.iter().find_map(|place| access_token(place, headers, body)),
        _ => headers.get(place["header"].as_str()?)?.to_str().ok().map(ToOwned::to_owned),
    }
}

fn is_single_use(client: &SpecClient<'_>) -> bool {
    let word = &client.spec["x-token"]["refresh"]["single-use"];
    *word == true || word["default"] == true
}

async fn tokens(spec: &str, client: &SpecClient<'_>, action: &str, token: &str) -> Vec<(String, Value)> {
    let mut tokens = Vec::new();
    let mut requests = client.requests(action, token);
    if action == "refresh" && is_single_use(client) {
        requests.truncate(1);
    }
    for request in requests {
        let mut response = request.send().await.unwrap();
        if action == "login" {
            response = client.further(spec, response).await;
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = body(response).await;
        let reason = headers.get("x-sandbox-reason");
        assert!((200..300).contains(&status), "{action}: {status} {body} {reason:?}");
        assert_eq!(client.misfit(client.success(action), &body, ""), None, "{action}: {body}");
        let token = access_token(&client.spec["x-token"]["response"]["access-token"], &headers, &body);
        tokens.push((token.unwrap_or_else(|| panic!("{action}: {body}")), body));
    }
    assert!(!tokens.is_empty());
    tokens
}

/// Logs in, calls, refreshes at expiry and revokes, as far as the vendor supports it.
async fn whole_lifecycle(spec: &str, playing: &Playing) {
    let client = SpecClient::new(spec, playing);
    let has = |action: &str| client.x(&format!("/{action}/operation")).is_some();
    let call = async |token: &(String, Value)| client.call(&token.1, &token.0).send().await.unwrap().status().as_u16();
    let refresh_at = client.x("/response/refresh-token").unwrap_or("/none");
    let refresh_of = |body: &Value| body.pointer(refresh_at).and_then(Value::as_str).map(ToOwned::to_owned);

    let first = async || {
        if has("login") {
            return (tokens(spec, &client, "login", "").await, String::new());
        }
        let consent = playing.issuer.consent().unwrap();
        if !has("refresh") {
            // It is the token itself.
            return (vec![(consent, Value::Null)], String::new());
        }
        (tokens(spec, &client, "refresh", &consent).await, consent)
    };

    let (last, _) = first().await;
    for token in &last {
        assert_eq!(call(token).await, 200, "{token:?}");
    }
    playing.issuer.advance_clock(s(400 * 24 * 60 * 60));
    let expired = client.spec["x-token"]["use"]["expired"][0].as_u64().unwrap_or(401);
    assert_eq!(u64::from(call(&last[0]).await), expired, "it has expired");

    let (mut last, mut refresh) = first().await;
    let keeps = client.spec["x-token"]["refresh"]["keeps"] == true;
    if keeps {
        // It is prolonged just before it expires.
        playing.issuer.advance_clock(s(60 * 60 - 1));
        let request = client.requests("refresh", &refresh_of(&last[0].1).unwrap()).remove(0);
        assert!((200..300).contains(&status_and_body(request).await.0));
        playing.issuer.advance_clock(s(60 * 60 - 1));
        assert_eq!(call(&last[0]).await, 200);
    } else if has("refresh") {
        // A token that is renewed with itself must be valid.
        let is_own = client.x("/refresh/with") == Some("access");
        playing.issuer.advance_clock(if is_own { s(60) } else { s(24 * 60 * 60) });
        // A vendor that never replaces a refresh token need not repeat it.
        let own = is_own.then(|| last[0].0.clone());
        refresh = own.or_else(|| refresh_of(&last[0].1)).unwrap_or(refresh);
        last = tokens(spec, &client, "refresh", &refresh).await;
        assert_eq!(call(&last[0]).await, 200);
        if is_single_use(&client) && client.spec["x-token"]["refresh"]["grace"].is_null() {
            let (status, _) = status_and_body(client.requests("refresh", &refresh).remove(0)).await;
            assert!(status >= 400);
        }
    }
    if has("revoke") {
        let takes_refresh = client.spec["x-token"]["revoke"]["takes"] == "refresh";
        let token = if takes_refresh { refresh_of(&last[0].1).unwrap_or(refresh) } else { last[0].0.clone() };
        let mut revoker = SpecClient::new(spec, playing);
        revoker.access = takes_refresh.then(|| last[0].0.clone());
        let (status, body) = status_and_body(revoker.requests("revoke", &token).remove(0)).await;
        assert!((200..300).contains(&status), "revoke: {status} {body}");
        assert_eq!(call(&last[0]).await, 401, "it has been revoked");
    }
    assert_eq!(call(&("wrong".to_owned(), last[0].1.clone())).await, 401);
}

#[tokio::test]
async fn every_vendor_works_from_its_spec_alone() {
    let mut played = Vec::new();
    for folder in FOLDERS {
        let vendors = PlayedVendor::read_folder(repository(folder), &[]).unwrap();
        for vendor in vendors.into_iter().map(|vendor| vendor.clock(Clock::stopped(start()))) {
            let name = vendor.name().to_owned();
            let spec = fs::read_to_string(repository(&format!("{folder}/{name}.yaml"))).unwrap();
            // Give tokens a lifetime where the spec says that they never expire, and refresh tokens more than the day below.
            let vendor = vendor.lifetime(s(60 * 60)).refresh_lifetime(s(90 * 24 * 60 * 60));
            whole_lifecycle(&spec, &play(vendor).await).await;
            played.push(name);
        }
    }
    let others = ["3cx", "bearerish", "consentish", "github-app", "keycloakish", "stripish", "wechatish", "zoomish"];
    let all = ["voucherify", "wellnessliving", "zenoti"].into_iter().chain(others);
    assert!(all.clone().all(|name| played.iter().any(|played| played == name)), "{played:?}");
}

#[tokio::test]
async fn a_vendor_without_documented_failures_fails_with_a_success() {
    let playing = play(foreign("wechatish")).await;
    let login = |secret: &str| {
        let query = [("grant_type", "client_credential"), ("appid", "example-appid"), ("secret", secret)];
        playing.http.get(playing.url("/token")).query(&query)
    };
    let failed = json!({ "errcode": 40013, "errmsg": "invalid appid" });
    assert_eq!(status_and_body(login("wrong")).await, (200, failed));
    assert_eq!(status_and_body(login("example-secret")).await.1["access_token"], "example-AT-1");
}

#[tokio::test]
async fn a_bearer_scheme_carries_the_operation_s_token() {
    let playing = play(foreign("bearerish")).await;
    let login = json!({ "username": "example-username", "password": "example-password" });
    let login = playing.http.post(playing.url("/login")).bearer_auth("example-app").json(&login);
    let (status, tokens) = status_and_body(login).await;
    assert_eq!(status, 200, "{tokens}");
    let [access, refresh] = ["/access_token", "/refresh_token"].map(|pointer| text(&tokens, pointer));
    let status = async |request: RequestBuilder| status_and_body(request).await.0;
    let refreshing = || playing.http.post(playing.url("/refresh"));
    let me = |token: &str| playing.http.get(playing.url("/me")).bearer_auth(token);

    assert_eq!([status(me(&access)).await, status(me(&refresh)).await], [200, 401]);
    assert_eq!([status(refreshing()).await, status(refreshing().bearer_auth(&access)).await], [401, 401]);
    let (_, next) = status_and_body(refreshing().bearer_auth(&refresh)).await;
    let [access, refresh] = ["/access_token", "/refresh_token"].map(|pointer| text(&next, pointer));
    assert_eq!(status(playing.http.delete(playing.url("/logout")).bearer_auth(&refresh)).await, 204);
    assert_eq!([status(me(&access)).await, status(refreshing().bearer_auth(&refresh)).await], [401, 401]);
}

/// A vendor whose bearer schemes carry a credential, an access token and a refresh token (the latter in its second
/// alternative).
const BEARERS: &str = r##"
openapi: 3.0.3
x-token:
  login: { operation: login }
  refresh: { operation: refresh, security: jwt }
  revoke: { operation: revoke, token: token }
  response: { access-token: /token, refresh-token: /renewal }
paths:
  /login:
    post:
      operationId: login
      security: [{ app: [] }]
      responses: { "200": { content: { application/json: { schema: { $ref: "#/components/schemas/Answer" } } } } }
  /refresh:
    post:
      operationId: refresh
      security: [{}, { jwt: [] }]
      responses: { "200": { content: { application/json: { schema: { $ref: "#/components/schemas/Answer" } } } } }
  /revoke:
    post:
      operationId: revoke
      security: [{ jwt: [] }]
      parameters: [{ name: token, in: query, required: true, schema: { type: string, format: password } }]
      responses: { "204": {} }
  /app: { get: { operationId: app, security: [{ app: [] }], responses: { "204": {} } } }
components:
  securitySchemes: { app: { type: http, scheme: bearer }, jwt: { type: http, scheme: bearer } }
  schemas:
    Answer:
      type: object
      required: [token, renewal]
      properties: { token: { type: string, format: password }, renewal: { type: string, format: password } }
"##;

#[tokio::test]
async fn a_bearer_scheme_of_the_login_carries_a_credential() {
    let playing = play(PlayedVendor::parse("bearers", BEARERS).unwrap().clock(Clock::stopped(start()))).await;
    let send = async |method: Method, path: &str, bearer: &str| {
        status_and_body(playing.http.request(method, playing.url(path)).bearer_auth(bearer)).await
    };
    let (_, tokens) = send(Method::POST, "/login", "example-app").await;
    let [token, renewal] = ["/token", "/renewal"].map(|pointer| text(&tokens, pointer));
    assert_eq!(send(Method::GET, "/app", "example-app").await.0, 204);
    assert_eq!(send(Method::GET, "/app", &token).await.0, 401);
    assert_eq!(send(Method::POST, "/refresh", &token).await.0, 401);
    let (status, next) = send(Method::POST, "/refresh", &renewal).await;
    assert_eq!(status, 200, "{next}");
    let token = text(&next, "/token");
    let revoke = format!("/revoke?token={token}");
    assert_eq!(send(Method::POST, &revoke, "example-jwt").await.0, 401);
    assert_eq!(send(Method::POST, &revoke, &token).await.0, 204);
}

/// A vendor that returns `ok: false` instead of an error status, and only checks a key in the query.
const OK: &str = r##"
openapi: 3.0.3
x-token:
  login: { operation: login }
  revoke: { operation: revoke, token: token, ok: { at: /ok, is: true } }
  response: { access-token: /token, ok: { at: /ok, is: true } }
  use: { header: X-Key }
  errors: { code: /error }
paths:
  /login:
    get:
      operationId: login
      security: [{ key: [] }]
      responses: { "200": { content: { application/json: { schema: { $ref: "#/components/schemas/Answer" } } } } }
  /revoke:
    post:
      operationId: revoke
      security: [{ key: [] }]
      parameters: [{ name: token, in: query, required: true, schema: { type: string, format: password } }]
      responses: { "200": { content: { application/json: { schema: { $ref: "#/components/schemas/Answer" } } } } }
components:
  securitySchemes: { key: { type: apiKey, in: query, name: k } }
  schemas:
    Answer:
      type: object
      required: [ok]
      properties:
        ok: { type: boolean }
        error: { type: string, enum: [not_authed, bad_args] }
        token: { type: string, format: password }
"##;

#[tokio::test]
async fn a_member_can_mark_a_response_as_failed() {
    let playing = play(PlayedVendor::parse("okay", OK).unwrap().clock(Clock::stopped(start()))).await;
    let get = async |path: &str| status_and_body(playing.http.get(playing.url(path))).await;
    assert_eq!(get("/login?k=wrong").await, (200, json!({ "ok": false, "error": "not_authed" })));
    assert_eq!(get("/login").await.1["ok"], false);
    let token = json!({ "ok": true, "token": "example-access-token-1" });
    assert_eq!(get("/login?k=example-key").await, (200, token));
    let call = || playing.http.get(playing.url("/x")).header("X-Key", "example-access-token-1");
    assert_eq!(status_and_body(call()).await.0, 200, "a custom header has no prefix");
    let revoke = |query: &str| status_and_body(playing.post(&format!("/revoke?{query}")));
    assert_eq!(revoke("k=example-key").await.1["ok"], false);
    assert_eq!(revoke("k=example-key&token=example-access-token-1").await, (200, json!({ "ok": true })));
    assert_eq!(status_and_body(call()).await, (401, Value::Null));
}

#[tokio::test]
async fn a_spec_without_x_token_protects_nothing() {
    let block = OK.find("x-token").unwrap()..OK.find("paths").unwrap();
    let spec = OK.replace(&OK[block], "");
    let playing = play(PlayedVendor::parse("plain", &spec).unwrap()).await;
    let get = async |path: &str| status_and_body(playing.http.get(playing.url(path))).await;
    assert_eq!(get("/login?k=anything").await, (200, json!({ "ok": true })));
    assert_eq!(get("/login").await.0, 401);
    assert_eq!(get("/x").await, (404, Value::Null));
}

#[test]
fn an_unsupported_spec_is_rejected_with_a_reason() {
    let good = fs::read_to_string(repository("specs/voucherify.yaml")).unwrap();
    for (from, to, why) in [
        ("openapi: 3.0.3", "openapi: 3.1.0", "the spec is OpenAPI 3.1.0"),
        (
            "#/components/schemas/Scope\"",
            "#/components/schemas/Scopes\"",
            "`#/components/schemas/Scopes` does not resolve",
        ),
        ("appId: [], ", "appIds: [], ", "there is no scheme `appIds`"),
        ("in: header", "in: cookie", "the scheme `appId` is not supported"),
        ("operation: create_token", "operation: make_token", "there is no operation `make_token`"),
        (
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "a body of `multipart/form-data` is not supported",
        ),
        ("lifetime: 15m", "lifetime: 15", "`15` is not a duration"),
        (
            "x-token:\n",
            "x-token:\n  refresh: { operation: introspect_token }\n",
            "`x-token.refresh` has no `token`, and its operation",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        let error = PlayedVendor::parse("voucherify", &good.replace(from, to)).unwrap_err().to_string();
        assert!(error.starts_with("cannot simulate the spec of voucherify: ") && error.contains(why), "{error}");
    }
    assert!(matches!(PlayedVendor::parse("a/b", &good), Err(Error::Spec(..))));
    assert!(matches!(PlayedVendor::parse("_sandbox", &good), Err(Error::Spec(..))));
}

#[test]
fn an_unknown_vendor_is_reported_with_the_known_ones() {
    let error = PlayedVendor::read_folder(repository("specs"), &["zenotti".to_owned()]).unwrap_err().to_string();
    assert!(error.starts_with("unknown vendor `zenotti`; the vendors are: "), "{error}");
    assert!(error.contains("voucherify") && error.contains("wellnessliving") && error.contains("zenoti"), "{error}");
}

/// A vendor that has failures at 200, documents others, and uses the same member for code and message.
const SHOWN: &str = r##"
openapi: 3.0.3
x-token:
  login: { operation: login }
  refresh: { operation: refresh, token: refresh_token }
  revoke: { operation: revoke, token: token, ok: { at: /ok, is: true } }
  response: { access-token: /token, refresh-token: /renewal, error: /error, ok: { at: /ok, is: true } }
  errors: { code: /error, message: /error, relogin: [token_expired] }
paths:
  /login:
    post:
      operationId: login
      parameters: [{ name: secret, in: query, required: true, schema: { type: string, format: password } }]
      responses:
        "200":
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Answer" }
              examples:
                ok: { value: { ok: true, token: t, renewal: r } }
                odd: { value: { ok: false, error: fatal_error, more: [1] } }
                wrong: { value: { ok: false, error: invalid_secret, warning: twice } }
        "400": { content: { application/json: { schema: { $ref: "#/components/schemas/Answer" } } } }
        default: { content: { application/json: { schema: { $ref: "#/components/schemas/Answer" } } } }
  /refresh:
    post:
      operationId: refresh
      parameters: [{ name: refresh_token, in: query, required: true, schema: { type: string, format: password } }]
      responses:
        "200":
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Answer" }
              examples:
                ok: { value: { ok: true, error: "", token: t, renewal: r } }
                spent: { value: { ok: false, error: token_expired } }
        "400":
          content:
            application/json: { schema: { $ref: "#/components/schemas/Answer" }, example: { ok: false, error: invalid_request } }
  /revoke:
    post:
      operationId: revoke
      parameters: [{ name: token, in: query, required: true, schema: { type: string, format: password } }]
      responses:
        "200": { content: { application/json: { schema: { $ref: "#/components/schemas/Answer" } } } }
        "400": { content: { application/json: { schema: { $ref: "#/components/schemas/Answer" } } } }
        "401": { content: { application/json: { schema: { $ref: "#/components/schemas/Answer" } } } }
components:
  schemas:
    Answer:
      type: object
      required: [ok]
      properties:
        ok: { type: boolean }
        error: { type: string, example: some_error }
        token: { type: string, format: password }
        renewal: { type: string, format: password }
"##;

#[tokio::test]
async fn a_failure_example_at_200_is_returned_unchanged() {
    let playing = play(PlayedVendor::parse("shown", SHOWN).unwrap().clock(Clock::stopped(start()))).await;
    let post = async |path: &str| status_and_body(playing.post(path)).await;
    assert_eq!(post("/login?secret=example-secret").await.0, 200);
    let wrong = json!({ "ok": false, "error": "invalid_secret", "warning": "twice" });
    assert_eq!(post("/login?secret=wrong").await, (200, wrong), "the example whose code fits");
    let odd = json!({ "ok": false, "error": "fatal_error", "more": [1] });
    assert_eq!(post("/login").await, (200, odd), "it is preferred to a 400 without an example");
    assert_eq!(post("/refresh?refresh_token=x").await, (200, json!({ "ok": false, "error": "token_expired" })));
    let invalid = json!({ "ok": false, "error": "invalid_request" });
    assert_eq!(post("/refresh").await, (400, invalid), "a documented status with a fitting example comes first");
}

#[tokio::test]
async fn a_code_is_not_overwritten_with_prose() {
    let playing = play(PlayedVendor::parse("shown", SHOWN).unwrap().clock(Clock::stopped(start()))).await;
    assert_eq!(
        status_and_body(playing.post("/revoke")).await,
        (400, json!({ "ok": false, "error": "invalid_request" }))
    );
    let (status, body) = status_and_body(playing.http.get(playing.url("/protected"))).await;
    assert_eq!((status, &body["error"]), (401, &json!("some_error")), "a call is never refused with a 200");
}
