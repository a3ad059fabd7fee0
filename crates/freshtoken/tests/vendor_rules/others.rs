//! What is special at Auth0, Entra, Google, Keycloak, QuickBooks and Zoho.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use freshtoken::store::MemoryStore;
use freshtoken::{ErrorKind, TokenSource, Vendor, auth0, entra, google, keycloak, quickbooks, zoho};

use crate::server::{Response, Server, ask, builder, limit, unix};
use crate::support::{TestClock, s};

const HOUR: u64 = 60 * 60;

/// A source that starts from the refresh token `refresh-0`, as after a user's consent.
fn consented<V: Vendor>(endpoint: V, credentials: V::Credentials, clock: &TestClock) -> TokenSource {
    builder(endpoint, credentials, clock).refresh_token("refresh-0").build()
}

fn zoho_at(server: &Server, clock: &TestClock) -> TokenSource {
    let credentials =
        zoho::Credentials { client_id: "a-client".into(), client_secret: "a-client-secret".into(), redirect_uri: None };
    consented(zoho::Endpoint::at(server.url()).unwrap(), credentials, clock)
}

fn zoho_token(token: &str) -> Response {
    let body =
        r#"{"access_token":"TOKEN","api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":3600}"#;
    Response::json(200, body.replace("TOKEN", token))
}

#[tokio::test]
async fn zoho_names_the_base_url_of_calls_and_has_its_own_prefix() {
    let clock = TestClock::new();
    let server = Server::new(zoho_token("first"));
    let tokens = zoho_at(&server, &clock);
    assert_eq!(limit(tokens.header()).await.unwrap(), "Zoho-oauthtoken first");
    assert_eq!(limit(tokens.base_url()).await.unwrap().as_deref(), Some("https://www.zohoapis.eu"));
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /oauth/v2/token");
    let form = "client_id=a-client&client_secret=a-client-secret&grant_type=refresh_token&refresh_token=refresh-0";
    assert_eq!(request.body, form);
}

#[tokio::test]
async fn zoho_is_left_alone_for_ten_minutes_after_too_many_requests() {
    let clock = TestClock::new();
    let throttled = r#"{"error":"Access Denied","error_description":"too many requests","status":"failure"}"#;
    let server = Server::new(Response::json(200, throttled));
    let tokens = zoho_at(&server, &clock);
    let error = ask(&tokens).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(600))));
    clock.advance(s(599));
    assert_eq!(ask(&tokens).await.unwrap_err().retry_after(), Some(s(1)));
    assert_eq!(server.count(), 1);
    clock.advance(s(1));
    server.does(zoho_token("second"));
    assert_eq!(ask(&tokens).await.unwrap(), "second");
}

#[tokio::test]
async fn a_revoked_zoho_refresh_token_needs_a_new_consent() {
    let clock = TestClock::new();
    let server = Server::new(Response::json(200, r#"{"error":"invalid_code"}"#));
    let tokens = zoho_at(&server, &clock);
    assert_eq!(ask(&tokens).await.unwrap_err().kind(), ErrorKind::ConsentNeeded);
    clock.advance(s(24 * HOUR));
    ask(&tokens).await.unwrap_err();
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn zoho_lifetimes_are_in_seconds_or_milliseconds() {
    for lifetime in [r#""expires_in":3600"#, r#""expires_in_sec":3600,"expires_in":3600000"#] {
        let clock = TestClock::new();
        let server = Server::new(zoho_token("first").replace(r#""expires_in":3600"#, lifetime));
        let token = limit(zoho_at(&server, &clock).token()).await.unwrap();
        assert_eq!(token.expires_at(), Some(clock.wall() + s(HOUR)), "{lifetime}");
    }
}

#[tokio::test]
async fn zoho_revokes_the_refresh_token_even_if_it_was_revoked_before() {
    for status in [200, 400] {
        let clock = TestClock::new();
        let server = Server::new(zoho_token("first"));
        let tokens = zoho_at(&server, &clock);
        ask(&tokens).await.unwrap();
        server.does_once(Response::json(status, r#"{"status":"success"}"#));
        limit(tokens.revoke()).await.unwrap();
        assert_eq!(server.requests()[1].line, "POST /oauth/v2/token/revoke?token=refresh-0", "{status}");
    }
}

fn entra_at(server: &Server) -> (entra::Endpoint, entra::Credentials) {
    let credentials = entra::Credentials {
        client_id: "a-client".into(),
        resource: "https://graph.microsoft.com".into(),
        user_scope: None,
        authentication: entra::Authentication::Secret { client_secret: "a-client-secret".into() },
    };
    (entra::Endpoint::at(server.url()).unwrap().tenant("example.com"), credentials)
}

fn entra_token(token: &str, more: &str) -> Response {
    let body = format!(r#"{{"token_type":"Bearer","expires_in":7200,"access_token":"{token}"{more}}}"#);
    Response::json(200, body)
}

#[tokio::test]
async fn entra_adds_default_to_the_resource_and_renews_when_told() {
    let clock = TestClock::new();
    let server = Server::new(entra_token("first", r#","refresh_in":3600"#));
    let (endpoint, credentials) = entra_at(&server);
    let tokens = builder(endpoint, credentials, &clock).build();
    assert_eq!(ask(&tokens).await.unwrap(), "first");
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /example.com/oauth2/v2.0/token");
    assert!(request.body.ends_with("&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"), "{}", request.body);
    clock.advance(s(HOUR - 1));
    assert!(tokens.try_token().is_some() && !tokens.status().is_renewing);
    clock.advance(s(1));
    assert!(tokens.try_token().is_some() && tokens.status().is_renewing);
    server.arrived(2).await;
}

#[tokio::test]
async fn entra_finding_a_loop_costs_no_refresh_token() {
    let clock = TestClock::new();
    let refused = |code: u32| Response::json(400, format!(r#"{{"error":"invalid_grant","error_codes":[{code}]}}"#));
    let server = Server::new(refused(50_196));
    let (endpoint, credentials) = entra_at(&server);
    let tokens = consented(endpoint, credentials, &clock);
    let error = ask(&tokens).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    clock.advance(error.retry_after().unwrap());
    server.does(entra_token("first", r#","refresh_token":"refresh-1""#));
    assert_eq!(ask(&tokens).await.unwrap(), "first");
    assert!(server.requests().iter().all(|request| request.body.contains("refresh_token=refresh-0")));
}

#[tokio::test]
async fn quickbooks_authenticates_with_raw_basic_and_asks_for_the_absolute_end() {
    let clock = TestClock::new();
    let body = r#"{"token_type":"bearer","expires_in":3600,"refresh_token":"refresh-1","access_token":"first",
        "x_refresh_token_expires_in":8726400,"x_refresh_token_hard_expires_in":86400}"#;
    let server = Server::new(Response::json(200, body));
    let credentials = quickbooks::Credentials { client_id: "a+client".into(), client_secret: "a secret".into() };
    let tokens = consented(quickbooks::Endpoint::at(server.url()).unwrap(), credentials, &clock);
    assert_eq!(limit(tokens.header()).await.unwrap(), "Bearer first");
    let request = &server.requests()[0];
    assert_eq!(request.header("authorization"), Some("Basic YStjbGllbnQ6YSBzZWNyZXQ="));
    assert_eq!(request.header("x-include-refresh-token-hard-expires-in"), Some("true"));
    let refresh_expires_at = tokens.status().refresh_expires_at;
    assert_eq!(refresh_expires_at.map(unix), Some(unix(clock.wall()) + 86_400), "the earlier of the two");
}

fn google_at(server: &Server, clock: &TestClock, private_key: &str) -> TokenSource {
    let credentials = google::Credentials {
        private_key: private_key.into(),
        private_key_id: "a-key".into(),
        client_email: "robot@project.example".into(),
        scope: "https://www.googleapis.com/auth/cloud-platform".into(),
        subject: None,
    };
    builder(google::Endpoint::at(server.url()).unwrap(), credentials, clock).build()
}

#[tokio::test]
async fn a_transient_code_of_google_may_be_in_the_description() {
    let clock = TestClock::new();
    let failure = r#"{"error":"invalid_request","error_description":"server_error"}"#;
    let server = Server::new(Response::json(400, failure));
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap().serialize_pem();
    let tokens = google_at(&server, &clock, &key);
    let error = ask(&tokens).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    clock.advance(error.retry_after().unwrap());
    server.does(Response::json(200, r#"{"access_token":"first","expires_in":3600,"token_type":"Bearer"}"#));
    assert_eq!(ask(&tokens).await.unwrap(), "first");
    let [first, second] = server.requests().try_into().unwrap();
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=ey";
    assert!(first.body.starts_with(grant) && second.body.starts_with(grant), "{}", first.body);
}

#[tokio::test]
async fn a_google_key_that_cannot_be_read_is_named_and_nothing_is_sent() {
    let clock = TestClock::new();
    let server = Server::new(Response::new(500));
    let tokens = google_at(&server, &clock, "hunter2");
    let error = ask(&tokens).await.unwrap_err();
    assert_eq!((error.kind(), server.count()), (ErrorKind::Refused, 0));
    let message = format!("{error:#}");
    assert!(message.contains("private_key") && !message.contains("hunter2"), "{message}");
}

fn keycloak_at(server: &Server) -> keycloak::Endpoint {
    keycloak::Endpoint::at(format!("{}/auth", server.url())).unwrap().realm("acme")
}

fn keycloak_credentials(authentication: keycloak::Authentication) -> keycloak::Credentials {
    keycloak::Credentials { client_id: "a-client".into(), scope: None, authentication }
}

fn keycloak_secret() -> keycloak::Authentication {
    keycloak::Authentication::Secret { client_secret: "a-client-secret".into() }
}

fn keycloak_password() -> keycloak::Authentication {
    keycloak::Authentication::Password { client_secret: None, username: "ann".into(), password: "hunter2".into() }
}

/// The claims of the JWT at the end of a form.
fn claims(form: &str) -> serde_json::Value {
    let jwt = form.rsplit('=').next().unwrap();
    let claims = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

#[tokio::test]
async fn a_client_of_keycloak_logs_in_with_a_secret_a_jwt_or_a_password() {
    let clock = TestClock::new();
    let server = Server::new(Response::json(200, r#"{"access_token":"first","expires_in":300,"token_type":"Bearer"}"#));
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let assertion = keycloak::Authentication::Assertion { private_key: key.as_str().into(), key_id: None };
    for way in [keycloak_secret(), assertion, keycloak_password()] {
        ask(&builder(keycloak_at(&server), keycloak_credentials(way), &clock).build()).await.unwrap();
    }
    let [secret, assertion, password] = server.requests().try_into().unwrap();
    assert_eq!(secret.body, "grant_type=client_credentials&client_id=a-client&client_secret=a-client-secret");
    assert_eq!(password.body, "grant_type=password&client_id=a-client&username=ann&password=hunter2");
    let claims = claims(&assertion.body);
    assert_eq!((&claims["iss"], &claims["sub"]), (&"a-client".into(), &"a-client".into()));
    assert_eq!(claims["aud"], format!("{}/auth/realms/acme", server.url()));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
}

#[tokio::test]
async fn a_store_keeps_tokens_for_different_requests_apart() {
    let clock = TestClock::new();
    let server = Server::new(Response::new(500));
    let store = Arc::new(MemoryStore::new());
    let api = |audience: &str| auth0::Credentials { audience: Some(audience.into()), ..auth0_credentials() };
    let auth0 = |credentials: auth0::Credentials| {
        let endpoint = auth0::Endpoint::at(server.url()).unwrap();
        builder(endpoint, credentials, &clock).store(store.clone(), "one").build()
    };
    let keycloak = |way: keycloak::Authentication| {
        builder(keycloak_at(&server), keycloak_credentials(way), &clock).store(store.clone(), "one").build()
    };
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let jwt = |key_id: &str| keycloak::Authentication::Assertion {
        private_key: key.as_str().into(),
        key_id: Some(key_id.into()),
    };
    let sources = [
        ("of an audience", auth0(api("https://one.example"))),
        ("of another", auth0(api("https://other.example"))),
        ("of another client", auth0(auth0::Credentials { client_id: "b-client".into(), ..api("https://one.example") })),
        ("of a client", keycloak(keycloak_secret())),
        ("of a user", keycloak(keycloak_password())),
    ];
    for (token, tokens) in &sources {
        server.does(Response::json(
            200,
            format!(r#"{{"access_token":"{token}","expires_in":300,"token_type":"Bearer"}}"#),
        ));
        assert_eq!(ask(tokens).await.unwrap(), *token);
    }
    assert_eq!((store.len(), server.count()), (5, 5));

    // Another way to authenticate, or another key of the client, makes it no other token.
    for way in [jwt("a-key"), jwt("another-key"), keycloak_secret()] {
        assert_eq!(ask(&keycloak(way)).await.unwrap(), "of a client");
    }
    assert_eq!(ask(&auth0(api("https://one.example"))).await.unwrap(), "of an audience");
    assert_eq!(server.count(), 5);
}

#[tokio::test]
async fn an_offline_token_of_keycloak_does_not_expire() {
    for (lifetime, expires_in) in [(0, None), (1_800, Some(1_800))] {
        let clock = TestClock::new();
        let body = format!(
            r#"{{"access_token":"first","expires_in":300,"refresh_expires_in":{lifetime},"refresh_token":"refresh-1",
                "token_type":"Bearer","not-before-policy":0,"scope":"offline_access"}}"#
        );
        let server = Server::new(Response::json(200, body));
        let scope = Some(["offline_access".to_owned()].into());
        let credentials = keycloak::Credentials { scope, ..keycloak_credentials(keycloak_password()) };
        let tokens = builder(keycloak_at(&server), credentials, &clock).build();
        ask(&tokens).await.unwrap();
        assert_eq!(server.requests()[0].line, "POST /auth/realms/acme/protocol/openid-connect/token");
        let refresh_expires_at = tokens.status().refresh_expires_at;
        assert_eq!(refresh_expires_at, expires_in.map(|seconds| clock.wall() + s(seconds)), "{lifetime}");
    }
}

fn auth0_credentials() -> auth0::Credentials {
    auth0::Credentials {
        client_id: "a-client".into(),
        audience: Some("https://api.example.com/".into()),
        organization: None,
        resource: None,
        scope: None,
        authentication: auth0::Authentication::Secret { client_secret: "a-client-secret".into() },
    }
}

#[tokio::test]
async fn an_application_of_auth0_logs_in_with_a_jwt_for_its_domain() {
    let clock = TestClock::new();
    let server = Server::new(Response::json(200, r#"{"access_token":"first","expires_in":300,"token_type":"Bearer"}"#));
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap().serialize_pem();
    let authentication = auth0::Authentication::Assertion { private_key: key.as_str().into(), key_id: None };
    let credentials = auth0::Credentials { authentication, ..auth0_credentials() };
    ask(&builder(auth0::Endpoint::at(server.url()).unwrap(), credentials, &clock).build()).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&server.requests()[0].body).unwrap();
    assert!(body.get("client_secret").is_none() && body["audience"] == "https://api.example.com/", "{body}");
    let claims = claims(body["client_assertion"].as_str().unwrap());
    assert_eq!(claims["aud"], format!("{}/", server.url()));
    assert_eq!((&claims["iss"], &claims["sub"]), (&body["client_id"], &body["client_id"]));
}

#[tokio::test]
async fn auth0_says_when_to_retry_in_unix_seconds() {
    let clock = TestClock::new();
    let throttled = Response::json(429, r#"{"error":"too_many_requests"}"#).date(clock.wall());
    let server = Server::new(throttled.header("x-ratelimit-reset", (unix(clock.wall()) + 45).to_string()));
    let tokens = builder(auth0::Endpoint::at(server.url()).unwrap(), auth0_credentials(), &clock).build();
    let error = ask(&tokens).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(45))));
    assert_eq!(
        server.requests()[0].body,
        r#"{"grant_type":"client_credentials","client_id":"a-client","client_secret":"a-client-secret","audience":"https://api.example.com/"}"#
    );
}
