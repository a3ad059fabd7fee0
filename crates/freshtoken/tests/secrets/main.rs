//! No secret reaches any message: no `Debug`, no `Display`, no error or its sources, no event
//! or log. Every secret here is marked, and all messages are searched for the mark.
//!
//! `freshtoken-wire` has the same test for one request, and the generator gives every secret of a spec the type `Secret`.

#![cfg(all(feature = "voucherify", feature = "wellnessliving", feature = "zenoti"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test may")]

#[path = "../support/server.rs"]
mod server;
#[path = "../support/mod.rs"]
mod support;
mod texts;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use freshtoken::store::{Entry, Key, Loaded, MemoryStore, Record, Store, StoreError};
use freshtoken::{
    CredentialSource, GrantError, IssuedTokens, Secret, TokenSource, TokenSources, Vendor, voucherify, wellnessliving,
    zenoti,
};
use server::{
    Act, DAY, Response, Server, builder, landed, limit, reserved, voucherify_token, voucherify_token_with,
    wellnessliving_token, zenoti_error, zenoti_pair,
};
use support::{TestClock, s, start};
use texts::{LOG, Log, MARK, Texts, leak};

#[test]
fn a_leaking_message_is_found() {
    let token = IssuedTokens::new("a MARKED token");
    let mut texts = Texts::default();
    texts.debug(&token);
    assert_eq!(leak(&texts.0), None);
    for leaking in [
        format!("a token {}", token.access_token.expose()),
        format!("{:?}", GrantError::transient(token.access_token.expose().to_owned())),
        "authorization: Basic TUFSS0VEOg==".to_owned(),
        "authorization: Basic OjpNQVJLRUQ=".to_owned(),
        "authorization: Basic Ok1BUktFRDo6".to_owned(),
        format!("{:?}", b"a MARKED token"),
        "https://marked.example.com".to_owned(),
    ] {
        assert!(leak(&leaking).is_some(), "{leaking}");
    }
}

#[test]
fn events_and_logs_are_searched() {
    Log::start();
    let token = "what is traced, for one";
    let span = tracing::info_span!("a_span", token);
    tracing::trace!(parent: &span, error = &GrantError::transient("what is traced, for two").to_string(), "traced");
    log::trace!("what is logged, for three");
    let text = LOG.0.lock().unwrap().clone();
    for part in ["what is traced, for one", "what is traced, for two", "what is logged, for three"] {
        assert!(text.contains(part), "{text}");
    }
}

fn voucherify_credentials() -> voucherify::Credentials {
    voucherify::Credentials {
        app_id: "MARKED-app-id".into(),
        app_token: "MARKED-app-token&=+%".into(),
        scope: [voucherify::types::Scope::Api].into(),
    }
}

fn wellnessliving_credentials() -> wellnessliving::Credentials {
    wellnessliving::Credentials {
        client_id: "a-client".into(),
        client_secret: "MARKED-client-secret".into(),
        scope: Some(["read".to_owned()].into()),
    }
}

fn zenoti_credentials() -> zenoti::Credentials {
    zenoti::Credentials {
        password: "MARKED-password".into(),
        app_secret: "MARKED-app-secret".into(),
        ..server::zenoti_credentials()
    }
}

fn zenoti_marked(number: u64, clock: &TestClock) -> Response {
    zenoti_pair(number, clock.wall())
        .replace(&format!("access-{number}"), "MARKED-access")
        .replace(&format!("refresh-{number}"), &format!("MARKED-refresh-{number}"))
}

/// A source per vendor at a server.
fn sources(server: &Server, clock: &TestClock) -> [TokenSource; 3] {
    let url = server.url();
    [
        builder(voucherify::Endpoint::at(&url).unwrap(), voucherify_credentials(), clock).build(),
        builder(wellnessliving::Endpoint::at(&url).unwrap(), wellnessliving_credentials(), clock).build(),
        builder(zenoti::Endpoint::at(&url).unwrap(), zenoti_credentials(), clock).build(),
    ]
}

#[tokio::test]
async fn no_message_of_a_working_source_has_a_secret() {
    Log::start();
    let (clock, mut texts) = (TestClock::new(), Texts::default());
    let responses: [fn(&TestClock) -> Response; 3] = [
        |clock| voucherify_token("MARKED-access", clock.wall()),
        |clock| wellnessliving_token("MARKED-access", clock.wall()),
        |clock| zenoti_marked(1, clock),
    ];
    for (index, response) in responses.into_iter().enumerate() {
        let server = Server::new(response(&clock));
        let [voucherify, wellnessliving, zenoti] = sources(&server, &clock);
        let tokens = [voucherify, wellnessliving, zenoti][index].clone();
        texts.status(&tokens);
        texts.source(&tokens).await;
        // Renewed or refreshed, then rejected, then revoked.
        for _ in 0..2 {
            clock.advance(s(DAY + 2));
            server.does(response(&clock));
            texts.source(&tokens).await;
        }
        let token = tokens.try_token().unwrap();
        texts.debug(&tokens.rejected(&token));
        texts.status(&tokens);
        texts.source(&tokens).await;
        texts.debug(&tokens.rejected(token.header()));
        server.does(Response::new(if index == 0 { 204 } else { 200 }));
        if let Err(error) = limit(tokens.revoke()).await {
            texts.error(&error);
        }
        texts.status(&tokens);
    }
    texts.have_no_secret();
    let traced = LOG.0.lock().unwrap().clone();
    for line in ["token_fetch vendor=\"voucherify\"", "token issued", "call got 401", "token revoked"] {
        assert!(traced.contains(line), "not traced: {line}");
    }
}

#[tokio::test]
async fn no_message_of_a_failure_has_a_secret() {
    Log::start();
    let clock = TestClock::new();
    let json = |status| {
        let words = r#""MARKED""#;
        let body = format!(
            r#"{{"error":{words},"error_description":{words},"code":{status},"key":{words},"message":{words},
                "details":{words},"request_id":"MARKED id",
                "credentials":{{"access_token":{words},"access_token_expiry":{words},"token_type":{words}}}}}"#
        );
        Response::json(status, body).header("x-trace", "MARKED").header("retry-after", "MARKED")
    };
    let page = |status| Response::html(status, "<html>MARKED</html>").header("set-cookie", "session=MARKED");
    let mut acts: Vec<Act> = vec![
        Act::Resets,
        Act::ResetsUnread,
        Act::Truncates(voucherify_token("MARKED-access", clock.wall())),
        Response::new(200).body(MARK.repeat(16 * 1024)).into(),
        Response::new(200).body([b"\xffMARKED".as_slice()].concat()).into(),
        Response::new(307).header("location", "http://127.0.0.1:9/MARKED?token=MARKED").into(),
        Response::json(200, r#""MARKED""#).into(),
        Response::json(200, r#"{"MARKED":"MARKED"#).into(),
        voucherify_token_with("MARKED-access", "\"MARKED\"", "\"MARKED\"").into(),
        voucherify_token_with("MARKED-access", "0", "0").into(),
        voucherify_token("MARKED\\r\\nx: y", clock.wall()).into(),
        zenoti_marked(1, &clock).replace("2026-11-23T", "MARKEDT").into(),
        zenoti_marked(1, &clock).replace("2026-11-23T", "2020-11-23T").into(),
        zenoti_marked(1, &clock).replace("\"error\":null", "\"error\":{\"code\":\"MARKED\"}").into(),
        zenoti_error(500, 4023).replace("no", "MARKED").into(),
    ];
    for status in [200, 400, 401, 403, 404, 429, 500, 503] {
        acts.extend([json(status).into(), page(status).into()]);
    }
    for act in acts {
        let mut texts = Texts::default();
        let server = Server::new(act);
        for tokens in sources(&server, &clock) {
            // A second failure in a row may be another one.
            for _ in 0..2 {
                texts.source(&tokens).await;
                clock.advance(s(60));
            }
        }
        texts.have_no_secret();
    }
}

#[tokio::test]
async fn no_message_of_a_failed_refresh_or_revocation_has_a_secret() {
    Log::start();
    let acts = || -> Vec<Act> {
        vec![
            Act::Resets,
            zenoti_error(401, 401).replace("no", "MARKED").into(),
            zenoti_error(500, 4023).replace("no", "MARKED").into(),
            Response::html(503, "MARKED").into(),
            Response::html(200, "MARKED").into(),
            Response::new(429).header("retry-after", "MARKED").into(),
        ]
    };
    for act in acts() {
        let (clock, mut texts) = (TestClock::new(), Texts::default());
        let server = Server::new(zenoti_marked(1, &clock));
        let [voucherify, _, tokens] = sources(&server, &clock);
        texts.source(&tokens).await;
        server.does_once(act.clone());
        if let Err(error) = limit(tokens.revoke()).await {
            texts.error(&error);
        }
        clock.advance(s(1));
        texts.source(&tokens).await;
        clock.advance(s(DAY + 2));
        server.does(act.clone());
        texts.source(&tokens).await;
        landed(&tokens).await;

        server.does(voucherify_token("MARKED-access", clock.wall()));
        texts.source(&voucherify).await;
        server.does(act);
        if let Err(error) = limit(voucherify.revoke()).await {
            texts.error(&error);
        }
        texts.status(&voucherify);
        texts.have_no_secret();
    }
}

#[tokio::test]
async fn no_message_about_an_unsent_request_has_a_secret() {
    Log::start();
    let (clock, mut texts) = (TestClock::new(), Texts::default());
    let host = reserved();
    for url in [
        format!("http://{host}"),
        format!("http://MARKED:MARKED@{host}"),
        format!("http://{host}?key=MARKED"),
        format!("http://{host}#MARKED"),
        "http://api.example.com/".to_owned(),
        "MARKED@".to_owned(),
        "http://127.0.0.1:99999/?MARKED".to_owned(),
    ] {
        match voucherify::Endpoint::at(url) {
            Ok(endpoint) => {
                texts.debug(&endpoint);
                texts.source(&builder(endpoint, voucherify_credentials(), &clock).build()).await;
            }
            Err(error) => texts.error(&error),
        }
    }
    let url = format!("http://{host}");
    let broken = voucherify::Credentials { app_token: "MARKED\r\nx: y".into(), ..voucherify_credentials() };
    texts.source(&builder(voucherify::Endpoint::at(&url).unwrap(), broken, &clock).build()).await;
    let panics = CredentialSource::ask(|| async { panic!("in the callback, where MARKED is") });
    texts.source(&builder(zenoti::Endpoint::at(&url).unwrap(), panics, &clock).build()).await;
    let start =
        builder(zenoti::Endpoint::at(&url).unwrap(), zenoti_credentials(), &clock).refresh_token("MARKED-refresh");
    texts.source(&start.build()).await;
    texts.have_no_secret();
}

/// A store that fails at each step in turn, with an error without a secret.
#[derive(Debug, Default)]
struct Fails(MemoryStore, Mutex<Option<&'static str>>);

impl Fails {
    fn at(&self, step: &'static str) -> Result<(), StoreError> {
        if *self.1.lock().unwrap() == Some(step) { Err(format!("the store fails to {step}").into()) } else { Ok(()) }
    }
}

impl Store for Fails {
    type Lease = <MemoryStore as Store>::Lease;

    async fn load(&self, key: &Key) -> Result<Loaded, StoreError> {
        self.at("load")?;
        self.0.load(key).await
    }

    async fn compare_and_store(&self, key: &Key, expected: u64, entry: Entry) -> Result<bool, StoreError> {
        self.at("store")?;
        self.0.compare_and_store(key, expected, entry).await
    }

    async fn try_lease(&self, key: &Key, owner: &str, ttl: Duration) -> Result<Option<Self::Lease>, StoreError> {
        self.at("lease")?;
        self.0.try_lease(key, owner, ttl).await
    }

    async fn renew_lease(&self, key: &Key, lease: &Self::Lease, ttl: Duration) -> Result<bool, StoreError> {
        self.0.renew_lease(key, lease, ttl).await
    }

    async fn release_lease(&self, key: &Key, lease: Self::Lease) -> Result<(), StoreError> {
        self.0.release_lease(key, lease).await
    }
}

#[tokio::test]
async fn no_message_about_a_store_has_a_secret() {
    Log::start();
    for fails_to in ["load", "store", "lease"] {
        let (clock, mut texts, store) = (TestClock::new(), Texts::default(), Arc::new(Fails::default()));
        let records: Arc<Mutex<Vec<Arc<Record>>>> = Arc::default();
        let server = Server::new(zenoti_marked(1, &clock));
        let kept = records.clone();
        let tokens = builder(zenoti::Endpoint::at(server.url()).unwrap(), zenoti_credentials(), &clock)
            .store(store.clone(), "an account")
            .on_change(move |record| {
                kept.lock().unwrap().push(record);
                async {}
            })
            .build();
        texts.source(&tokens).await;
        *store.1.lock().unwrap() = Some(fails_to);
        clock.advance(s(DAY + 2));
        server.does(zenoti_marked(2, &clock));
        texts.source(&tokens).await;
        server.does(Response::new(200));
        if let Err(error) = limit(tokens.revoke()).await {
            texts.error(&error);
        }
        texts.status(&tokens);
        texts.debug(&store);
        let records = records.lock().unwrap();
        assert!(records[0].refresh_token().unwrap().expose().contains(MARK));
        texts.debug(&records);
        texts.have_no_secret();
    }
}

#[tokio::test]
async fn no_debug_output_has_a_secret() {
    Log::start();
    let mut texts = Texts::default();
    texts.debug(&Secret::new("MARKED"));
    texts.debug(&voucherify_credentials());
    texts.debug(&wellnessliving_credentials());
    texts.debug(&zenoti_credentials());
    texts.debug(&voucherify::Endpoint::at("https://example.com/MARKED").unwrap());
    texts.debug(&CredentialSource::from(zenoti_credentials()));
    texts.debug(&CredentialSource::<zenoti::Credentials>::ask(|| async { Ok(zenoti_credentials()) }));
    texts.debug(&<zenoti::Endpoint as Vendor>::POLICY);
    texts.debug(&MemoryStore::new());
    texts.debug(&Entry::new(1, "MARKED"));
    let issued = IssuedTokens::new("MARKED-access")
        .token_type("MARKED")
        .refresh_token("MARKED-refresh")
        .scopes(["MARKED"])
        .extra_header(http::HeaderName::from_static("x-site"), "MARKED-site")
        .response("MARKED".to_owned());
    texts.debug(&issued);
    for failure in [
        GrantError::transient("down"),
        GrantError::permanent("wrong").retry_after(s(1)),
        GrantError::refused("401").not_sent(),
        GrantError::relogin("spent"),
        GrantError::unusable("no token"),
    ] {
        texts.display(&failure);
    }

    let clock = TestClock::new();
    let server = Server::new(zenoti_marked(1, &clock));
    let accounts = TokenSources::builder(zenoti::Endpoint::at(server.url()).unwrap())
        .clock(clock.clone())
        .keep_responses()
        .build();
    let tokens = accounts.get_or_start("an account", zenoti_credentials, || "MARKED-refresh".into());
    texts.source(&tokens).await;
    texts.debug(&accounts);
    texts.debug(&accounts.sources());
    let started = builder(zenoti::Endpoint::at(server.url()).unwrap(), zenoti_credentials(), &clock)
        .token(issued.expires_at(start() + s(60)))
        .build();
    assert!(started.try_token().unwrap().expose().contains(MARK));
    texts.source(&started).await;
    texts.have_no_secret();
}
