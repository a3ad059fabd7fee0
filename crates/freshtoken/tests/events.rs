//! The `tracing` events. A separate test binary, because tracing caches per process whether an event has a subscriber.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use freshtoken::{Policy, Refresh, TokenSource};
use support::{Does, Fixed, Issuer, TestClock, acme, ask, s};

policy!(RefreshesOnce = Policy::new("acme").refresh(Refresh::SingleUse));

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
            r#"WARN grant failed grant="login" error=down verdict=Transient"#,
            "WARN backing off error=acme: cannot log in now (next try in 1 s)",
        ]
    );
}
