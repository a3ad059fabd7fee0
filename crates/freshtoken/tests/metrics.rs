//! What dashboards and health checks see: events, the status, and the metrics of an exporter.
#![cfg(feature = "metrics")]
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use freshtoken::event::{Event, EventKind, Grant};
use freshtoken::store::{MemoryStore, Seal};
use freshtoken::{TokenPolicy, TokenSource, TokenSourceBuilder, TokenSources};
use metrics_exporter_prometheus::PrometheusBuilder;
use support::{Acme, Does, Fixed, Issuer, TestClock, acme, ask, s, start};

policy!(Early = TokenPolicy::new("acme"));
policy!(Consent = TokenPolicy::new("consent").login(false).refresh(freshtoken::RefreshTokens::SingleUse));

fn builder(issuer: &Issuer, clock: &TestClock) -> TokenSourceBuilder<Acme<Early>> {
    TokenSource::builder(acme::<Early>(issuer), "hunter2".to_owned()).clock(clock.clone()).random(Fixed(0.0))
}

#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    fn callback(&self) -> impl Fn(&Event) + Send + Sync + 'static {
        let events = self.0.clone();
        move |event| {
            let what = match &event.kind {
                EventKind::Renewed { grant, took, expires_in } => format!("{grant} {took:?} {expires_in:?}"),
                EventKind::Adopted => "adopted".to_owned(),
                EventKind::Failed(error) => format!("failed {:?}", error.kind()),
                EventKind::Refused(error) => format!("refused {:?}", error.kind()),
                EventKind::ConsentNeeded(_) => "consent needed".to_owned(),
                EventKind::StoreFailed(error) => format!("store failed: {error}"),
                _ => "unknown".to_owned(),
            };
            assert!(!format!("{event:?}").contains("hunter2"));
            events.lock().unwrap().push(format!("{}/{} {what}", event.vendor, event.account));
        }
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn each_outcome_of_a_fetch_is_one_event() {
    let (issuer, clock, events) = (Issuer::new(Does::issues(s(1000))), TestClock::new(), Events::default());
    let tokens = builder(&issuer, &clock).on_event(events.callback()).build();
    ask(&tokens).await.unwrap();
    ask(&tokens).await.unwrap();
    assert_eq!(events.seen(), ["acme/ login 0ns Some(1000s)"]);
    issuer.does(Does::Fails);
    clock.advance(s(1000));
    ask(&tokens).await.unwrap_err();
    ask(&tokens).await.unwrap_err();
    assert_eq!(events.seen(), ["acme/ failed Unavailable"]);
    issuer.does(Does::Refuses);
    clock.advance(s(10));
    ask(&tokens).await.unwrap_err();
    assert_eq!(events.seen(), ["acme/ refused Refused"]);

    let source = TokenSource::builder(acme::<Consent>(&issuer), "hunter2".to_owned()).clock(clock);
    ask(&source.on_event(events.callback()).build()).await.unwrap_err();
    assert_eq!(events.seen(), ["consent/ consent needed"]);
}

#[tokio::test]
async fn a_token_of_another_process_is_an_event_with_its_account() {
    let (issuer, clock, events) = (Issuer::new(Does::issues(s(1000))), TestClock::new(), Events::default());
    let store = Arc::new(MemoryStore::new());
    let source = || builder(&issuer, &clock).store(store.clone(), "tenant-17").seal(Seal::none());
    ask(&source().build()).await.unwrap();
    let second = source().on_event(events.callback()).build();
    ask(&second).await.unwrap();
    assert_eq!(events.seen(), ["acme/tenant-17 adopted"]);
    assert_eq!(second.status().last_success, Some(start()));
}

#[tokio::test]
async fn a_callback_may_ask_for_the_status_and_its_panic_costs_no_token() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(1000))), TestClock::new());
    let accounts = TokenSources::builder(acme::<Early>(&issuer)).clock(clock);
    let held = Arc::new(Mutex::new(None::<TokenSource>));
    let inner = held.clone();
    let accounts = accounts.on_event(move |_| {
        assert!(inner.lock().unwrap().as_ref().unwrap().status().is_renewing);
        panic!("a bug in the callback");
    });
    let tokens = accounts.build().get("tenant-17", || "hunter2".to_owned());
    *held.lock().unwrap() = Some(tokens.clone());
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
}

#[tokio::test]
async fn a_status_is_printed_on_one_line_and_serialized_without_secrets() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(3600))), TestClock::new());
    let tokens = builder(&issuer, &clock).build();
    assert_eq!(tokens.status().to_string(), "empty");
    tokens.warm_up().await.unwrap();
    assert_eq!(tokens.status().to_string(), "fresh until 2026-11-22T01:00:00Z, last success 2026-11-22T00:00:00Z");
    let rejected = builder(&issuer, &clock).build();
    rejected.rejected(&rejected.token().await.unwrap());
    assert_eq!(rejected.status().to_string(), "expired, last success 2026-11-22T00:00:00Z");
    issuer.does(Does::Fails);
    clock.advance(s(3600));
    assert_eq!(tokens.status().to_string(), "expired at 2026-11-22T01:00:00Z, last success 2026-11-22T00:00:00Z");
    tokens.warm_up().await.unwrap_err();
    assert_eq!(
        tokens.status().to_string(),
        "backing_off, token expired at 2026-11-22T01:00:00Z, last success 2026-11-22T00:00:00Z, last error: acme: cannot log in now \
         (next try in 1 s)"
    );
    let json = serde_json::to_value(tokens.status()).unwrap();
    assert_eq!(json["state"], "backing_off");
    assert_eq!(
        (&json["expires_at"], &json["refresh_expires_at"]),
        (&"2026-11-22T01:00:00Z".into(), &serde_json::Value::Null)
    );
    assert_eq!((&json["counters"]["logins"], &json["grant_time"]), (&2.into(), &0.0.into()));
    assert!(json["last_error"].as_str().unwrap().ends_with("down"), "{json}");
    assert!(!json.to_string().contains("hunter2") && !json.to_string().contains("token-1"));
}

#[tokio::test(flavor = "current_thread")]
async fn the_time_of_requests_is_counted() {
    let (issuer, clock, events) = (Issuer::new(Does::issues(s(3600))), TestClock::new(), Events::default());
    issuer.close();
    let tokens = builder(&issuer, &clock).on_event(events.callback()).build();
    let asking = tokio::spawn({
        let tokens = tokens.clone();
        async move { ask(&tokens).await }
    });
    support::settle().await;
    clock.advance(s(2));
    issuer.open();
    asking.await.unwrap().unwrap();
    assert_eq!(events.seen(), ["acme/ login 2s Some(3600s)"]);
    let status = tokens.status();
    assert_eq!((status.grant_time, status.longest_grant), (s(2), s(2)));
    assert_eq!(Grant::Refresh.as_str(), "refresh");
}

#[test]
fn an_exporter_gets_the_documented_metrics() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let exported = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        freshtoken::metrics::describe();
        // On this thread, which has the recorder.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (issuer, clock) = (Issuer::new(Does::issues(s(1000))), TestClock::new());
            let store = Arc::new(MemoryStore::new());
            let source = || builder(&issuer, &clock).store(store.clone(), "tenant-17").seal(Seal::none());
            let tokens = source().build();
            let header = tokens.header().await.unwrap();
            ask(&source().build()).await.unwrap();
            tokens.rejected(&header);
            issuer.does(Does::Fails);
            tokens.header().await.unwrap_err();
        });
    });
    let exported = exported.render();
    for line in [
        "# HELP freshtoken_grants_total Logins and refreshes sent.",
        r#"freshtoken_grants_total{vendor="acme",grant="login",outcome="ok"} 1"#,
        r#"freshtoken_grants_total{vendor="acme",grant="login",outcome="failed"} 1"#,
        r#"freshtoken_grant_duration_seconds_count{vendor="acme",grant="login",outcome="ok"} 1"#,
        r#"freshtoken_adopted_total{vendor="acme"} 1"#,
        r#"freshtoken_fetch_failures_total{vendor="acme",kind="failed"} 1"#,
        r#"freshtoken_rejected_calls_total{vendor="acme",outcome="renewing"} 1"#,
        r#"freshtoken_last_success_timestamp_seconds{vendor="acme"} 1795305600"#,
    ] {
        assert!(exported.lines().any(|known| known == line), "{line} in\n{exported}");
    }
    assert!(!exported.contains("tenant-17") && !exported.contains("hunter2"), "{exported}");
}
