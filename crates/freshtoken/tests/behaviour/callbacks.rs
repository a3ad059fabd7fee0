//! The callbacks for credentials and for changed records.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use freshtoken::store::Record;
use freshtoken::{CredentialSource, ErrorKind, TokenSource};

use crate::support::{Does, Fixed, HasPolicy, Issuer, TestClock, acme, ask, every_text, s, settle};
use crate::{DAY, LogsIn, NeedsConsent, RefreshesOnce};

#[tokio::test]
async fn a_rotation_is_notified_before_the_new_token_is_served() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let persisted: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let tokens = TokenSource::builder(acme::<NeedsConsent>(&issuer), "id".to_owned())
        .clock(clock.clone())
        .refresh_token("consented")
        .on_change({
            let (persisted, gate) = (persisted.clone(), gate.clone());
            move |record| {
                let (persisted, gate) = (persisted.clone(), gate.clone());
                async move {
                    gate.acquire().await.unwrap().forget();
                    let refresh_token = record.refresh_token().map(|secret| secret.expose().to_owned());
                    persisted.lock().unwrap().push(refresh_token);
                }
            }
        })
        .build();
    let caller = tokio::spawn({
        let tokens = tokens.clone();
        async move { ask(&tokens).await }
    });
    settle().await;
    assert!(issuer.seen().is_empty(), "the refresh token is sent before it is persisted that it is in use");
    gate.add_permits(1);
    settle().await;
    assert_eq!(issuer.seen(), ["consented"]);
    assert!(!caller.is_finished(), "the token is served before it is persisted");
    assert!(tokens.try_header().is_none(), "the token is served before it is persisted");
    gate.add_permits(1);
    assert_eq!(caller.await.unwrap().unwrap(), "token-1");
    assert_eq!(*persisted.lock().unwrap(), [None, Some("refresh-1".to_owned())]);
}

#[tokio::test]
async fn persisted_records_never_send_a_refresh_token_twice() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let disk: Arc<Mutex<Option<freshtoken::Secret>>> = Arc::default();
    let start = || {
        let builder = TokenSource::builder(acme::<RefreshesOnce>(&issuer), "password".to_owned())
            .clock(clock.clone())
            .random(Fixed(0.0))
            .on_change({
                let disk = disk.clone();
                move |record| {
                    *disk.lock().unwrap() = Some(record.to_json());
                    async {}
                }
            });
        match disk.lock().unwrap().as_ref() {
            Some(json) => builder.record(Record::from_json(json.expose()).unwrap()).build(),
            None => builder.build(),
        }
    };
    assert_eq!(ask(&start()).await.unwrap(), "token-1");
    // A restart long before the token expires: nothing to do.
    clock.advance(s(3_600));
    assert_eq!(ask(&start()).await.unwrap(), "token-1");
    clock.advance(s(DAY));
    assert_eq!(ask(&start()).await.unwrap(), "token-2");
    // The process crashes during a refresh.
    clock.advance(s(DAY + 10));
    issuer.close();
    let before = start();
    assert!(before.try_header().is_none());
    settle().await;
    let after = start();
    issuer.open();
    assert_eq!(ask(&after).await.unwrap(), "token-4", "from a login");
    assert_eq!(issuer.seen(), ["login", "refresh-1", "refresh-2", "login"]);
}

#[tokio::test]
async fn a_panic_in_a_callback_withholds_no_token() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let told = TokenSource::builder(acme::<LogsIn>(&issuer), "password".to_owned())
        .clock(clock.clone())
        .on_change(|_| async { assert!(std::hint::black_box(false), "in the callback") })
        .build();
    assert_eq!(ask(&told).await.unwrap(), "token-1");

    let asks = AtomicUsize::new(0);
    let credentials = CredentialSource::ask(move || {
        let ask = asks.fetch_add(1, Ordering::Relaxed);
        async move { if ask == 0 { panic!("in the callback") } else { Ok("password".to_owned()) } }
    });
    let asking =
        TokenSource::builder(acme::<LogsIn>(&issuer), credentials).clock(clock.clone()).random(Fixed(0.0)).build();
    let error = ask(&asking).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    clock.advance(s(1));
    assert_eq!(ask(&asking).await.unwrap(), "token-2");
}

#[tokio::test]
async fn a_callback_is_called_at_each_login_and_may_fail() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let asks = Arc::new(AtomicUsize::new(0));
    let credentials = CredentialSource::ask({
        let asks = asks.clone();
        move || {
            let ask = asks.fetch_add(1, Ordering::Relaxed);
            async move { if ask == 1 { Err("the vault is sealed".into()) } else { Ok("password".to_owned()) } }
        }
    });
    let tokens =
        TokenSource::builder(acme::<LogsIn>(&issuer), credentials).clock(clock.clone()).random(Fixed(0.0)).build();
    ask(&tokens).await.unwrap();
    clock.advance(s(900));
    let error = ask(&tokens).await.unwrap_err();
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the vault is sealed");
    clock.advance(s(1));
    ask(&tokens).await.unwrap();
    assert_eq!(asks.load(Ordering::Relaxed), 3);
    assert_eq!(issuer.seen(), ["login", "login"]);
}

/// A source whose callback does as `persists` says, for the first time that it is called.
fn persisting<P: HasPolicy>(
    issuer: &Issuer,
    clock: &TestClock,
    persists: impl Fn() -> futures::Persists + Send + Sync + 'static,
) -> TokenSource {
    TokenSource::builder(acme::<P>(issuer), "password".to_owned())
        .clock(clock.clone())
        .random(Fixed(0.0))
        .refresh_token("consented")
        .on_change(move |_| persists())
        .build()
}

mod futures {
    pub type Persists = std::pin::Pin<Box<dyn Future<Output = Result<(), std::io::Error>> + Send>>;
}

#[tokio::test]
async fn a_refresh_token_with_an_unpersisted_mark_is_not_sent() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let is_full = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let disk = is_full.clone();
    let persists = move || -> futures::Persists {
        let is_full = disk.load(Ordering::Relaxed);
        Box::pin(async move { if is_full { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(()) } })
    };
    let tokens = persisting::<NeedsConsent>(&issuer, &clock, persists);
    let error = ask(&tokens).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Store, Some(s(1))));
    assert!(every_text(&error).contains("no storage space"), "{error:?}");
    assert!(issuer.seen().is_empty());
    clock.advance(s(1));
    is_full.store(false, Ordering::Relaxed);
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
    assert_eq!(issuer.seen(), ["consented"]);
}

#[tokio::test]
async fn persisting_a_mark_times_out_after_a_minute() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let tokens = persisting::<NeedsConsent>(&issuer, &clock, || Box::pin(std::future::pending()));
    let caller = tokio::spawn({
        let tokens = tokens.clone();
        async move { ask(&tokens).await }
    });
    for _ in 0..2 {
        settle().await;
        clock.advance(s(60));
    }
    assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::Store);
    assert!(issuer.seen().is_empty());
}

#[tokio::test]
async fn an_unpersisted_mark_is_followed_by_a_login() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let persists = || -> futures::Persists { Box::pin(async { panic!("the disk is full") }) };
    let tokens = persisting::<RefreshesOnce>(&issuer, &clock, persists);
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
    assert_eq!(issuer.seen(), ["login"]);
}

#[tokio::test]
async fn a_callback_does_not_wait_for_its_own_source() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let own: Arc<std::sync::OnceLock<TokenSource>> = Arc::default();
    let got: Arc<Mutex<Vec<String>>> = Arc::default();
    let tokens = TokenSource::builder(acme::<LogsIn>(&issuer), "password".to_owned())
        .clock(clock.clone())
        .random(Fixed(0.0))
        .on_change({
            let (own, got) = (own.clone(), got.clone());
            move |_| {
                let (own, got) = (own.clone(), got.clone());
                async move {
                    let tokens = own.get().unwrap();
                    let text = ask(tokens).await.unwrap_or_else(|error| format!("{:?}", error.kind()));
                    let revoked = format!("{:?}", tokens.revoke().await.unwrap_err().kind());
                    got.lock().unwrap().extend([text, revoked]);
                }
            }
        })
        .build();
    own.set(tokens.clone()).ok().unwrap();
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
    clock.advance(s(700));
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
    settle().await;
    assert_eq!(ask(&tokens).await.unwrap(), "token-2");
    assert_eq!(*got.lock().unwrap(), ["InCallback", "InCallback", "token-1", "InCallback"]);
}
