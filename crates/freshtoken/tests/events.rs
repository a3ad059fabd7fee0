//! The `tracing` events. A separate test binary, because tracing caches per process whether an event has a subscriber.
#![allow(clippy::expect_used, clippy::unwrap_used)]

#[path = "support/server.rs"]
mod server;
mod support;

use std::sync::{Arc, Mutex};

use freshtoken::{RefreshTokens, TokenPolicy, TokenSource};
use server::{
    Response, Server, ask as ask_within_limit, voucherify_at, voucherify_token, wellnessliving_at, zenoti_at,
};
use support::{Does, Fixed, Issuer, TestClock, acme, ask, s, start};

policy!(RefreshesOnce = TokenPolicy::new("acme").refresh(RefreshTokens::SingleUse));

/// The events of this thread: level, message and fields.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Events {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("freshtoken")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Line(String, String);
        impl tracing::field::Visit for Line {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                match field.name() {
                    "message" => self.0 = format!("{value:?}"),
                    name => self.1.push_str(&format!(" {name}={value:?}")),
                }
            }
        }
        let mut line = Line(String::new(), String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(format!("{} {}{}", event.metadata().level(), line.0, line.1));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn events_have_the_documented_names_and_fields() {
    let events = Events::default();
    let _guard = tracing::subscriber::set_default(events.clone());
    let said = || std::mem::take(&mut *events.0.lock().unwrap());
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(900))), TestClock::new());
    let builder = TokenSource::builder(acme::<RefreshesOnce>(&issuer), "password".to_owned());
    let tokens = builder.clock(clock.clone()).random(Fixed(0.0)).build();
    let first = tokens.token().await.unwrap();
    assert_eq!(said(), ["DEBUG logging in", r#"INFO token issued grant="login" expires_in=900"#]);
    clock.advance(s(1_000));
    ask(&tokens).await.unwrap();
    assert_eq!(said(), ["DEBUG refreshing", r#"INFO token issued grant="refresh" expires_in=900"#]);
    tokens.rejected(&first);
    tokens.rejected(&tokens.token().await.unwrap());
    let rejected = |level: &str, rejection: &str| {
        format!(r#"{level} call got 401 vendor="acme" account="" rejection={rejection}"#)
    };
    assert_eq!(said(), [rejected("DEBUG", "Superseded"), rejected("INFO", "Renewing")]);
    issuer.does(Does::Fails);
    ask(&tokens).await.unwrap_err();
    assert_eq!(
        said(),
        [
            "DEBUG logging in",
            r#"WARN grant failed grant="login" error=down kind=Transient"#,
            "WARN backing off error=acme: cannot log in now (next try in 1 s)",
        ]
    );
}

/// The events about ignored fields while a source gets this response.
async fn ignored(body: &str, at: fn(&Server, &TestClock) -> TokenSource) -> Vec<String> {
    let events = Events::default();
    let _guard = tracing::subscriber::set_default(events.clone());
    let server = Server::new(Response::json(200, body));
    ask_within_limit(&at(&server, &TestClock::new())).await.unwrap();
    std::mem::take(&mut *events.0.lock().unwrap()).into_iter().filter(|event| event.contains("ignored")).collect()
}

#[tokio::test]
async fn unmatched_fields_are_traced_once_by_their_pointers() {
    let tokens = "WARN ignored token fields that do not fit the spec";
    let others = "INFO ignored response fields that do not fit the spec";
    assert_eq!(
        ignored(r#"{"access_token":"AT","expires_in":"never","token_type":7}"#, wellnessliving_at).await,
        [format!(r#"{tokens} pointers="/token_type, /expires_in""#)]
    );
    assert_eq!(
        ignored(r#"{"access_token":"AT","expires_in":3600}"#, wellnessliving_at).await,
        [format!(r#"{others} pointers="/token_type""#)]
    );
    assert_eq!(
        ignored(r#"{"credentials":{"access_token":"AT","token_id":17,"access_token_expiry":"hunter2"}}"#, zenoti_at)
            .await,
        [format!(r#"{tokens} pointers="/credentials/access_token_expiry, /credentials/token_id""#)]
    );
    let events = Events::default();
    let _guard = tracing::subscriber::set_default(events.clone());
    let good = voucherify_token("AT", start()).replace("\"a-client\"", "\"a-client\",\"unknown\":{\"hunter2\":1}");
    let server = Server::new(good);
    ask_within_limit(&voucherify_at(&server, &TestClock::new())).await.unwrap();
    assert!(!events.0.lock().unwrap().iter().any(|event| event.contains("ignored")), "an unknown field is no mismatch");
}
