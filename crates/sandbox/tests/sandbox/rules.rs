//! A request that breaks one rule of a spec, and what the vendor says to it.

use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{Playing, body, foreign, header, play, status_and_body, vendor, with_keys};

/// One rule broken: what is done, the status and the body it gets, and what the reason speaks of.
struct Broken {
    rule: &'static str,
    request: Box<dyn Fn(&Playing) -> RequestBuilder>,
    status: u16,
    body: Value,
    reason: &'static str,
}

fn broken(
    rule: &'static str,
    request: impl Fn(&Playing) -> RequestBuilder + 'static,
    status: u16,
    body: Value,
    reason: &'static str,
) -> Broken {
    Broken { rule, request: Box::new(request), status, body, reason }
}

async fn check(playing: &Playing, rules: Vec<Broken>) {
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

const FORM: &str = "application/x-www-form-urlencoded";

fn wellnessliving(body: impl Into<String>) -> impl Fn(&Playing) -> RequestBuilder {
    let body = body.into();
    move |playing| playing.post("/oauth2/token").header("content-type", FORM).body(body.clone())
}

#[tokio::test]
async fn wellnessliving_refuses_what_breaks_its_spec() {
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
            wellnessliving("client_id=example-client-id&grant_type=client_credentials"),
            400,
            invalid_request.clone(),
            "`client_secret` is missing",
        ),
        broken("empty body", wellnessliving(""), 400, invalid_request.clone(), "missing"),
        broken("not UTF-8", wellnessliving("client_id=%FF"), 400, invalid_request.clone(), "UTF-8"),
        broken(
            "wrong constant",
            wellnessliving(format!("{client}&grant_type=password")),
            400,
            json!({
                "error": "unsupported_grant_type",
                "error_description": "`grant_type` isn't \"client_credentials\"",
            }),
            "`grant_type` isn't \"client_credentials\"",
        ),
        broken(
            "a field twice",
            wellnessliving(format!("client_id=a&{good}")),
            400,
            invalid_request.clone(),
            "`client_id` is there 2 times",
        ),
        broken(
            "wrong delimiter",
            wellnessliving(format!("{good}&scope=a,b")),
            400,
            json!({ "error": "invalid_scope" }),
            "`scope` has commas",
        ),
        broken(
            "wrong id",
            wellnessliving("client_id=other&client_secret=example-client-secret&grant_type=client_credentials"),
            400,
            json!({ "error": "invalid_client" }),
            "`client_id` is wrong",
        ),
        broken(
            "wrong secret",
            wellnessliving("client_id=example-client-id&client_secret=other&grant_type=client_credentials"),
            400,
            json!({ "error": "invalid_client" }),
            "`client_secret` is wrong",
        ),
    ];
    check(&play(vendor("wellnessliving")).await, rules).await;
}

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

#[tokio::test]
async fn voucherify_refuses_what_breaks_its_spec() {
    let unauthorized = json!({
        "code": 401,
        "message": "An invented text about the key",
        "details": "An invented text with more about it",
        "request_id": "v-example-request-2",
    });
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
            json!({ "code": 400, "message": format!("`content-type` isn't {FORM}") }),
            "`content-type` isn't",
        ),
        broken(
            "content type, where neither 400 nor 415 is documented",
            |p| with_keys(p.post("/v1/oauth/token/revoke"), p).json(&json!({})),
            415,
            json!({ "code": 415, "message": format!("`content-type` isn't {FORM}") }),
            "`content-type` isn't",
        ),
        broken(
            "a token twice",
            |p| with_keys(p.post("/v1/oauth/introspect"), p).form(&[("access_token", "x"), ("access_token", "y")]),
            400,
            json!({ "code": 400, "message": "`access_token` is there 2 times" }),
            "2 times",
        ),
        broken(
            "a token without a value",
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
            "`X-App-Token` isn't visible ASCII",
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
            "`access_token` isn't known",
        ),
    ];
    check(&play(vendor("voucherify")).await, rules).await;
}

/// A login with one member changed, or taken away.
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
async fn zenoti_refuses_what_breaks_its_spec() {
    let other = || Some(json!("other"));
    let account = json!({ "error": { "code": 401, "message": "Invalid account" } });
    let app = json!({ "error": { "code": 4023, "message": "An invented text about the app" } });
    // Zenoti documents no 400, but its spec has an example of a failure at 200.
    let failure = json!({ "code": 401, "message": "An invented text about the account" });
    let failure = json!({ "credentials": null, "login_policy_evaluation": null, "error": failure });
    let unauthorized = |why: &str| json!({ "error": { "code": 401, "message": why } });
    let token = json!({ "error": { "code": 401, "message": "An invented text about the token" } });
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
        broken("number", zenoti("user_name", Some(json!(7))), 200, failure.clone(), "`user_name` isn't text"),
        broken("null", zenoti("password", Some(Value::Null)), 200, failure.clone(), "`password` isn't text"),
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
            unauthorized("`refresh_token` isn't known"),
            "`refresh_token` isn't known",
        ),
        broken(
            "a refresh without its token",
            |p| p.post("/v1/tokens").json(&json!({ "grant_type": "refresh_token" })),
            200,
            failure.clone(),
            "`refresh_token` is missing",
        ),
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
            "`authorization` isn't visible ASCII",
        ),
        broken(
            "a revocation with two tokens",
            |p| p.http.delete(p.url("/v1/tokens/sessions/revoke")).bearer_auth("x").header("authorization", "Bearer y"),
            401,
            token.clone(),
            "`authorization` is there several times",
        ),
        broken(
            "a revocation with an unknown token",
            |p| p.http.delete(p.url("/v1/tokens/sessions/revoke")).bearer_auth("x"),
            401,
            token,
            "isn't known",
        ),
    ];
    check(&play(vendor("zenoti")).await, rules).await;
}

#[tokio::test]
async fn a_path_that_the_spec_has_not_is_the_protected_resource() {
    let playing = play(vendor("voucherify")).await;
    let response = playing.post("/v1/oauth/tokens").send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), header(&response, "x-sandbox-reason")),
        (401, "`Authorization` is missing")
    );
    let elsewhere = playing.sandbox.address();
    let response = playing.http.get(format!("http://{elsewhere}/nobody/x")).send().await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(response.text().await.unwrap(), "No vendor is played here. There are: voucherify\n");
}

#[tokio::test]
async fn a_path_that_is_nearly_that_of_an_operation_is_neither_it_nor_the_protected_resource() {
    let playing = play(vendor("voucherify")).await;
    let token = status_and_body(crate::support::voucherify_login(&playing)).await.1["access_token"].take();
    for path in ["/v1/oauth/token/", "/v1//oauth/token", "/v1/oauth/Token", "//v1/oauth/token"] {
        let call = playing.http.get(playing.url(path)).bearer_auth(token.as_str().unwrap());
        let response = call.send().await.unwrap();
        let why = header(&response, "x-sandbox-reason").to_owned();
        assert_eq!(
            (response.status().as_u16(), why.as_str()),
            (404, "the path is nearly `/v1/oauth/token`; it has to be just that")
        );
        assert_eq!(body(response).await, Value::Null);
    }
    let playing = play(foreign("keycloakish")).await;
    let response = playing.post("/realms/any/logout/").send().await.unwrap();
    assert_eq!(
        header(&response, "x-sandbox-reason"),
        "the path is nearly `/realms/{realm}/logout`; it has to be just that"
    );
}

#[tokio::test]
async fn what_is_the_server_s_business_isnt_a_failure_at_success() {
    let playing = play(foreign("wechatish")).await;
    let response = playing.post("/token").send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, "GET"));
    assert_eq!(body(response).await, Value::Null);
}

#[tokio::test]
async fn an_optional_field_without_a_value_isnt_there() {
    let playing = play(vendor("wellnessliving")).await;
    let login = wellnessliving(
        "client_id=example-client-id&client_secret=example-client-secret&grant_type=client_credentials&scope=",
    );
    assert_eq!(status_and_body(login(&playing)).await.0, 200);
}

/// Form-encoded halves of HTTP Basic, headers that are numbers and flags, ranges of statuses: vendors that no crate is
/// for.
#[tokio::test]
async fn other_vendors_rules_are_checked_too() {
    fn zoomish(path: &str) -> impl Fn(&Playing) -> RequestBuilder + use<> {
        let path = path.to_owned();
        move |p| p.http.post(p.url(&path)).basic_auth("example-client-id%2B1", Some("example-client-secret%3A100%25"))
    }
    let account = "account_id=a%20b%26c%3Dd%2F%C3%BC%2B";
    let why = |code: Option<&str>, why: &str| match code {
        Some(code) => json!({ "error": code, "reason": why }),
        None => json!({ "reason": why }),
    };
    let rules = vec![
        broken(
            "a query that is missing",
            zoomish("/token?grant_type=account_credentials"),
            400,
            why(None, "`account_id` is missing"),
            "account_id",
        ),
        broken(
            "a number that isn't one",
            zoomish(&format!("/token?grant_type=account_credentials&{account}&tags=1&tags=x")),
            400,
            why(None, "`tags.1` isn't a whole number"),
            "tags",
        ),
        broken(
            "a value that isn't listed",
            zoomish(&format!("/token?grant_type=account_credentials&{account}&scopes=r%7Cx")),
            400,
            why(None, "`scopes.1` isn't one of the listed values"),
            "scopes",
        ),
        broken(
            "another delimiter",
            zoomish(&format!("/token?grant_type=account_credentials&{account}&scopes=r,w")),
            400,
            why(None, "`scopes` has commas; its items have `|` between them"),
            "scopes",
        ),
        broken(
            "Basic without form encoding",
            move |p| {
                let url = p.url(&format!("/token?grant_type=account_credentials&{account}"));
                p.http.post(url).basic_auth("example-client-id+1", Some("example-client-secret:100%"))
            },
            400,
            why(None, "`client_id` is wrong"),
            "`client_id` is wrong",
        ),
        broken(
            "no Basic",
            move |p| p.http.post(p.url(&format!("/token?grant_type=account_credentials&{account}"))).bearer_auth("x"),
            400,
            why(None, "`authorization` isn't `basic ...`"),
            "basic",
        ),
        broken(
            "an unknown refresh token",
            |p| {
                let form = [("grant_type", "refresh_token"), ("refresh_token", "x")];
                zoomish("/refresh")(p).form(&form)
            },
            400,
            why(Some("invalid_grant"), "`refresh_token` isn't known"),
            "refresh_token",
        ),
    ];
    check(&play(foreign("zoomish")).await, rules).await;

    let stripish = |name: &'static str, value: &'static str| {
        move |p: &Playing| {
            let body = json!({
                "customer": "cus_1",
                "scopes": [],
                "nested": { "kind": "thing", "deeper": { "version": 2, "name": "n" } },
            });
            let mut headers = vec![("Stripish-Version", "2020-08-27"), ("X-Count", "2"), ("X-Mode", "a b")];
            headers.retain(|(known, _)| *known != name);
            headers.push((name, value));
            let request = p.http.request(Method::POST, p.url("/ephemeral_keys")).json(&body);
            let request = request.basic_auth("example-api-key+1", Some(""));
            headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
        }
    };
    let message = |why: &str| json!({ "error": { "message": why } });
    let rules = vec![
        broken("a constant", stripish("X-Count", "3"), 400, message("`X-Count` isn't 2"), "X-Count"),
        broken(
            "a listed value",
            stripish("X-Mode", "b"),
            400,
            message("`X-Mode` isn't one of the listed values"),
            "X-Mode",
        ),
        broken("a flag", stripish("X-Flag", "yes"), 400, message("`X-Flag` isn't true or false"), "X-Flag"),
        broken("a number", stripish("X-Int", "1.5"), 400, message("`X-Int` isn't a whole number"), "X-Int"),
        broken(
            "an optional secret",
            stripish("X-Secret-Key", "other"),
            401,
            message("`x_secret_key` is wrong"),
            "x_secret_key",
        ),
    ];
    check(&play(foreign("stripish")).await, rules).await;
}
