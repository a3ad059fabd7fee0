//! The generated adapters against a server on loopback: what they send, and how they read its responses.
//!
//! Run it with `cargo test -p freshtoken --all-features`.

#![cfg(all(feature = "voucherify", feature = "wellnessliving", feature = "zenoti"))]
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test may")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use freshtoken::env::FromEnv;
use freshtoken::{
    CredentialSource, HttpClient, IssuedTokens, Lifetime, RefreshTokens, Renewal, Secret, TokenKind, TokenPolicy,
    TokenSource, Vendor, voucherify, wellnessliving, zenoti,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// A server with one response.
async fn server(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

fn json(body: &str) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_raw(body, "application/json")
        .insert_header("date", "Tue, 01 Jan 2030 00:00:00 GMT")
}

/// The one request that arrived: its line, these headers, its body.
async fn arrived(server: &MockServer, headers: &[&str]) -> String {
    let requests = server.received_requests().await.unwrap();
    let [request]: [Request; 1] = requests.try_into().unwrap();
    let headers: String = headers
        .iter()
        .map(|name| format!("{name}: {}\n", request.headers.get(*name).unwrap().to_str().unwrap()))
        .collect();
    let body = String::from_utf8(request.body).unwrap();
    format!("{} {}\n{headers}{body}", request.method, request.url.path())
}

fn at(seconds: u64) -> Option<std::time::SystemTime> {
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// 2030-01-01T00:00:00Z.
const DATE: u64 = 1_893_456_000;

fn no_secret(issued: &IssuedTokens) {
    assert!(!format!("{issued:?}").contains("hunter"), "{issued:?}");
}

fn voucherify_credentials() -> voucherify::Credentials {
    voucherify::Credentials {
        app_id: "an-app".into(),
        app_token: "hunter2".into(),
        scope: [voucherify::types::Scope::Vouchers, voucherify::types::Scope::Api].into(),
    }
}

#[tokio::test]
async fn voucherify_logs_in_with_its_api_key_and_scopes() {
    let body = r#"{ "access_token": "hunter:1", "client_id": "c", "expires_at": 1893456900, "expires_in": 900,
        "scope": "vouchers  api", "token_type": "Bearer" }"#;
    let server = server(json(body)).await;
    let endpoint = voucherify::Endpoint::at(server.uri()).unwrap();

    let issued = endpoint.login(&voucherify_credentials().into()).await.unwrap();

    assert_eq!(
        arrived(&server, &["x-app-id", "x-app-token"]).await,
        "POST /v1/oauth/token\nx-app-id: an-app\nx-app-token: hunter2\ngrant_type=client_credentials&scope=vouchers+api"
    );
    assert_eq!(issued.access_token.expose(), "hunter:1");
    assert_eq!(issued.token_type.as_deref(), Some("Bearer"));
    assert_eq!(issued.expires_in, Some(Duration::from_secs(900)));
    assert_eq!((issued.expires_at, issued.date), (at(DATE + 900), at(DATE)));
    assert_eq!(issued.scopes, ["vouchers", "api"]);
    assert!(issued.refresh_token.is_none() && issued.extra_headers.is_empty());
    no_secret(&issued);
    let response = issued.response.unwrap().downcast::<voucherify::LoginResponse>().unwrap();
    assert_eq!(response.client_id, "c");
    assert!(response.access_token.is_empty(), "the token is held once");
}

#[tokio::test]
async fn calls_go_to_the_server_that_issues_the_tokens_if_the_spec_says_so() {
    let server = server(json(r#"{"access_token":"hunter2","token_type":"Bearer","expires_in":900}"#)).await;
    let endpoint = voucherify::Endpoint::at(format!("{}/", server.uri())).unwrap();
    let tokens = TokenSource::new(endpoint, voucherify_credentials());
    assert_eq!(tokens.base_url().await.unwrap(), Some(server.uri()));
    let api = HttpClient::new(tokens).unwrap();
    api.get("/v1/vouchers").send().await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let paths: Vec<&str> = requests.iter().map(|request| request.url.path()).collect();
    assert_eq!(paths, ["/v1/oauth/token", "/v1/vouchers"]);
    // The API of this vendor is on another host than its logins.
    assert_eq!(wellnessliving::Endpoint::at("https://example.com").unwrap().base_url(), None);
}

#[tokio::test]
async fn voucherify_revokes_the_token_that_it_is_handed() {
    let server = server(ResponseTemplate::new(204)).await;
    let endpoint = voucherify::Endpoint::at(server.uri()).unwrap();
    endpoint.revoke(&voucherify_credentials().into(), &Secret::new("hunter:1")).await.unwrap();
    assert_eq!(
        arrived(&server, &["x-app-token"]).await,
        "POST /v1/oauth/token/revoke\nx-app-token: hunter2\naccess_token=hunter%3A1"
    );
}

#[test]
fn the_store_key_has_voucherifys_scopes_and_server() {
    assert_eq!(<voucherify::Endpoint as Vendor>::requested(&voucherify_credentials()), r#"scope="vouchers api""#);
    assert_eq!(voucherify::Endpoint::asia().server(), "https://as1.api.voucherify.io");
    assert_eq!(voucherify::Endpoint::at("https://example.com/A/").unwrap().server(), "https://example.com/A");
    assert!(!format!("{:?}", voucherify_credentials()).contains("hunter2"));
}

fn wellnessliving_credentials() -> wellnessliving::Credentials {
    wellnessliving::Credentials { client_id: "a-client".into(), client_secret: "hunter2".into(), scope: None }
}

#[tokio::test]
async fn wellnessliving_logs_in_with_a_form() {
    let server = server(json(r#"{ "access_token": "hunter:1", "expires_in": "-5", "token_type": "" }"#)).await;
    let endpoint = wellnessliving::Endpoint::at(server.uri()).unwrap();

    let issued = endpoint.login(&wellnessliving_credentials().into()).await.unwrap();

    assert_eq!(
        arrived(&server, &[]).await,
        "POST /oauth2/token\nclient_id=a-client&client_secret=hunter2&grant_type=client_credentials"
    );
    assert_eq!(issued.access_token.expose(), "hunter:1");
    assert_eq!(issued.token_type, None, "an empty one is ignored");
    assert_eq!(issued.expires_in, None, "one below zero counts as not sent");
    assert_eq!((issued.expires_at, issued.date), (None, None), "a lifetime alone needs no date");
}

#[tokio::test]
async fn a_failed_login_keeps_the_vendors_typed_error_and_no_secret() {
    let refusal = ResponseTemplate::new(400).set_body_raw(r#"{ "error": "invalid_client" }"#, "application/json");
    let server = server(refusal).await;
    let endpoint = wellnessliving::Endpoint::at(server.uri()).unwrap();
    let failure = endpoint.login(&wellnessliving_credentials().into()).await.unwrap_err();
    assert!(failure.to_string().contains("invalid_client"), "{failure}");
    assert!(!format!("{failure:?} {failure}").contains("hunter2"));
}

#[tokio::test]
async fn an_operation_that_the_vendor_lacks_is_a_failure() {
    let endpoint = wellnessliving::Endpoint::uat();
    let source = wellnessliving_credentials().into();
    let refreshed = endpoint.refresh(&source, &Secret::new("hunter:r")).await.unwrap_err();
    let revoked = endpoint.revoke(&source, &Secret::new("hunter:1")).await.unwrap_err();
    assert!(refreshed.to_string().contains("refresh") && revoked.to_string().contains("revoke"));
}

fn zenoti_credentials() -> zenoti::Credentials {
    zenoti::Credentials {
        account_name: "acme".into(),
        user_name: "ann".into(),
        password: "hunter2".into(),
        app_id: "an-app".into(),
        app_secret: "hunter3".into(),
        device_id: "a-device".into(),
    }
}

/// Credentials that are never asked for.
fn no_credentials() -> CredentialSource<zenoti::Credentials> {
    CredentialSource::ask(|| async { panic!("nothing needs them") })
}

const PAIR: &str = r#"{ "credentials": { "access_token": "hunter:1", "access_token_expiry": "2030-01-02T00:00:00.0000000Z",
    "refresh_token": "hunter:r", "refresh_token_expiry": "2030-04-01T00:00:00Z", "token_type": "bearer", "token_id": "id" },
    "error": null }"#;

#[tokio::test]
async fn zenoti_logs_in_with_a_password() {
    let server = server(json(PAIR)).await;
    let endpoint = zenoti::Endpoint::at(server.uri()).unwrap();

    let issued = endpoint.login(&zenoti_credentials().into()).await.unwrap();

    assert_eq!(
        arrived(&server, &[]).await,
        "POST /v1/tokens\n{\"account_name\":\"acme\",\"user_name\":\"ann\",\"password\":\"hunter2\",\
         \"grant_type\":\"password\",\"app_id\":\"an-app\",\"app_secret\":\"hunter3\",\"device_id\":\"a-device\"}"
    );
    assert_eq!(issued.access_token.expose(), "hunter:1");
    assert_eq!(issued.token_type.as_deref(), Some("bearer"));
    assert_eq!((issued.expires_in, issued.expires_at), (None, at(DATE + 86_400)));
    assert_eq!(issued.refresh_token.as_ref().unwrap().expose(), "hunter:r");
    assert_eq!(issued.refresh_expires_at, at(DATE + 90 * 86_400));
    no_secret(&issued);
    let response = issued.response.unwrap().downcast::<zenoti::LoginResponse>().unwrap();
    let held = response.credentials.as_ref().unwrap();
    assert_eq!(held.token_id.as_deref(), Some("id"));
    assert!(held.access_token.is_empty() && held.refresh_token.as_ref().unwrap().is_empty());
}

#[tokio::test]
async fn zenoti_refreshes_without_asking_for_a_password() {
    let server = server(json(&PAIR.replace("\"hunter:r\"", "\"\""))).await;
    let endpoint = zenoti::Endpoint::at(server.uri()).unwrap();
    let issued = endpoint.refresh(&no_credentials(), &Secret::new("hunter:r")).await.unwrap();
    assert_eq!(
        arrived(&server, &[]).await,
        "POST /v1/tokens\n{\"grant_type\":\"refresh_token\",\"refresh_token\":\"hunter:r\"}"
    );
    assert!(issued.refresh_token.is_none(), "an empty one is ignored");
}

#[tokio::test]
async fn zenoti_revokes_with_the_live_token() {
    let server = server(ResponseTemplate::new(200)).await;
    let endpoint = zenoti::Endpoint::at(server.uri()).unwrap();
    endpoint.revoke(&no_credentials(), &Secret::new("hunter:1")).await.unwrap();
    assert_eq!(
        arrived(&server, &["authorization"]).await,
        "DELETE /v1/tokens/sessions/revoke\nauthorization: Bearer hunter:1\n"
    );
}

#[tokio::test]
async fn a_2xx_response_with_an_error_is_a_failure() {
    let server = server(json(r#"{ "credentials": null, "error": { "code": 4023, "message": "no" } }"#)).await;
    let endpoint = zenoti::Endpoint::at(server.uri()).unwrap();
    let failure = endpoint.login(&zenoti_credentials().into()).await.unwrap_err();
    assert!(failure.to_string().contains("4023"), "{failure}");
}

/// A hand-written server that counts connections and responds to each request with a token.
async fn counting() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                // A test's request arrives in one piece.
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    let body = r#"{"access_token":"hunter:1","expires_in":60,"token_type":"Bearer"}"#;
                    let head =
                        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
                    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
                }
            });
        }
    });
    (url, connections)
}

#[tokio::test]
async fn each_login_opens_its_own_connection() {
    let (url, connections) = counting().await;
    let endpoint = wellnessliving::Endpoint::at(url).unwrap();
    let credentials = wellnessliving_credentials().into();
    for endpoint in [endpoint.clone(), endpoint.clone(), endpoint] {
        endpoint.login(&credentials).await.unwrap();
    }
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[test]
fn each_policy_is_what_the_spec_says() {
    fn policy<V: Vendor>() -> TokenPolicy {
        V::POLICY
    }
    let zenoti = TokenPolicy::new("zenoti")
        .refresh(RefreshTokens::SingleUse)
        .revoke(TokenKind::Access)
        .renew(Renewal::AtExpiry)
        .lifetime(Lifetime::For(Duration::from_secs(24 * 60 * 60)))
        .scoped(true);
    assert_eq!(policy::<zenoti::Endpoint>(), zenoti);
    let voucherify = TokenPolicy::new("voucherify")
        .revoke(TokenKind::Access)
        .lifetime(Lifetime::For(Duration::from_secs(900)))
        .scoped(true);
    assert_eq!(policy::<voucherify::Endpoint>(), voucherify);
    assert_eq!(policy::<wellnessliving::Endpoint>(), TokenPolicy::new("wellnessliving").scoped(true));
}

/// Looks up a vendor's variables in a table.
fn variables<'a>(table: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    |name| table.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

const VOUCHERIFYS: [(&str, &str); 3] = [
    ("VOUCHERIFY_APP_ID", "an-app"),
    ("VOUCHERIFY_APP_TOKEN", "hunter2"),
    ("VOUCHERIFY_SCOPE", "vouchers client_redeem"),
];

#[test]
fn credentials_and_server_come_from_variables() {
    let (endpoint, credentials) = voucherify::Endpoint::from_vars(&variables(&VOUCHERIFYS)).unwrap();
    assert_eq!(endpoint.server(), "https://api.voucherify.io");
    assert_eq!((credentials.app_id.expose(), credentials.app_token.expose()), ("an-app", "hunter2"));
    let scopes = [voucherify::types::Scope::Vouchers, voucherify::types::Scope::ClientRedeem];
    assert_eq!(credentials.scope, scopes.into());

    let (endpoint, _) = voucherify::Endpoint::from_vars(&|name| match name {
        "VOUCHERIFY_SERVER" => Some("asia".to_owned()),
        name => variables(&VOUCHERIFYS)(name),
    })
    .unwrap();
    assert_eq!(endpoint.server(), "https://as1.api.voucherify.io");

    let (endpoint, _) = voucherify::Endpoint::from_vars(&|name| match name {
        "VOUCHERIFY_URL" => Some("https://one.example".to_owned()),
        name => variables(&VOUCHERIFYS)(name),
    })
    .unwrap();
    assert_eq!(endpoint.server(), "https://one.example");
}

#[test]
fn all_missing_or_empty_variables_are_named_at_once() {
    let vars = [("ZENOTI_ACCOUNT_NAME", "one"), ("ZENOTI_PASSWORD", ""), ("ZENOTI_DEVICE_ID", "two")];
    let error = TokenSource::from_vars::<zenoti::Endpoint>(&variables(&vars)).unwrap_err();
    let expected = "set ZENOTI_USER_NAME, ZENOTI_PASSWORD, ZENOTI_APP_ID and ZENOTI_APP_SECRET in the environment";
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.variables().len(), 4);
}

#[test]
fn an_unknown_server_gets_a_list_of_the_known_ones() {
    let vars = |name: &str| match name {
        "VOUCHERIFY_SERVER" => Some("mars".to_owned()),
        name => variables(&VOUCHERIFYS)(name),
    };
    let error = voucherify::Endpoint::from_vars(&vars).unwrap_err();
    let expected = "the environment variable VOUCHERIFY_SERVER names no server of the vendor; set it to europe, united_states or asia";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_source_from_variables_starts_from_their_refresh_token() {
    let server = server(json(PAIR)).await;
    let url = server.uri();
    let vars = [
        ("ZENOTI_URL", url.as_str()),
        ("ZENOTI_ACCOUNT_NAME", "one"),
        ("ZENOTI_USER_NAME", "two"),
        ("ZENOTI_PASSWORD", "hunter2"),
        ("ZENOTI_APP_ID", "three"),
        ("ZENOTI_APP_SECRET", "hunter3"),
        ("ZENOTI_DEVICE_ID", "four"),
        ("ZENOTI_REFRESH_TOKEN", "hunter4"),
    ];
    let tokens = TokenSource::from_vars::<zenoti::Endpoint>(&variables(&vars)).unwrap();
    tokens.header().await.unwrap();
    let body = arrived(&server, &[]).await;
    assert!(body.contains("hunter4") && !body.contains("hunter2"), "{body}");
}

#[test]
fn each_variable_has_a_line_of_help() {
    let lines: Vec<String> = voucherify::Endpoint::VARIABLES.iter().map(ToString::to_string).collect();
    let expected = [
        "VOUCHERIFY_APP_ID: The id of an API key of the project, sent together with its token.",
        "VOUCHERIFY_APP_TOKEN: The secret token of an API key of the project, sent together with its id.",
        "VOUCHERIFY_SCOPE: The scopes of the token, at least one, separated by spaces.",
        "VOUCHERIFY_URL: (optional) A custom base URL.",
        "VOUCHERIFY_SERVER: (optional) One of europe, united_states, asia [default: europe].",
    ];
    assert_eq!(lines, expected);
}
