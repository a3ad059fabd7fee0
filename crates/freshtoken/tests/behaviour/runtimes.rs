//! Tokio runtimes that end, stall or are missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use freshtoken::status::State;
use freshtoken::{ErrorKind, TokenSource};

use crate::support::{Does, Issuer, TestClock, acme, ask, s, settle};
use crate::{DAY, LogsIn, NeedsConsent, RefreshesOnce, runtime, source};

#[test]
fn a_source_outlives_its_runtime() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let first = runtime();
    let tokens = first.block_on(async {
        let tokens = source::<LogsIn>(&issuer, &clock);
        ask(&tokens).await.unwrap();
        tokens
    });
    drop(first);
    assert_eq!(tokens.try_header().unwrap(), "Bearer token-1");
    clock.advance(s(900));
    assert_eq!(runtime().block_on(ask(&tokens)).unwrap(), "token-2");
}

#[test]
fn a_fetch_aborted_with_its_runtime_is_restarted_by_the_next_caller() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    issuer.close();
    let first = runtime();
    first.block_on(async {
        assert!(tokens.try_header().is_none());
        settle().await;
    });
    assert!(tokens.status().is_renewing);
    drop(first);
    assert!(!tokens.status().is_renewing);
    issuer.open();
    assert_eq!(runtime().block_on(ask(&tokens)).unwrap(), "token-1");
    assert_eq!(issuer.seen(), ["login", "login"]);
}

#[test]
fn a_waiter_on_another_runtime_restarts_the_fetch() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    issuer.close();
    let (first, second) = (runtime(), runtime());
    first.block_on(async {
        assert!(tokens.try_header().is_none());
        settle().await;
    });
    second.block_on(async {
        let waiter = tokio::spawn({
            let tokens = tokens.clone();
            async move { ask(&tokens).await }
        });
        settle().await;
        std::thread::spawn(move || drop(first)).join().unwrap();
        issuer.open();
        assert_eq!(waiter.await.unwrap().unwrap(), "token-1");
    });
}

#[test]
fn a_single_use_refresh_aborted_with_its_runtime_is_never_repeated() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let tokens = source::<RefreshesOnce>(&issuer, &clock);
    let first = runtime();
    first.block_on(async {
        ask(&tokens).await.unwrap();
        clock.advance(s(DAY + 10));
        issuer.close();
        assert!(tokens.try_header().is_none());
        settle().await;
    });
    drop(first);
    assert_eq!(tokens.status().state, State::Ambiguous);
    issuer.open();
    assert_eq!(runtime().block_on(ask(&tokens)).unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["login", "refresh-1", "login"]);
}

#[test]
fn without_a_runtime_a_good_token_is_still_served() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    assert!(tokens.try_header().is_none());
    let mut caller = Box::pin(tokens.header());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(Err(error)) = caller.as_mut().poll(&mut context) else { panic!("it waits") };
    assert_eq!(error.kind(), ErrorKind::NoRuntime);
    assert_eq!(error.to_string(), "acme: cannot get a token: no tokio runtime is running; call from within one");
    runtime().block_on(ask(&tokens)).unwrap();
    clock.advance(s(700));
    assert_eq!(tokens.try_header().unwrap(), "Bearer token-1");
    assert_eq!(issuer.seen(), ["login"]);
}

#[test]
fn a_notification_lost_with_its_runtime_is_repeated_by_the_next_fetch() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let told = Arc::new(AtomicUsize::new(0));
    let tokens = TokenSource::builder(acme::<NeedsConsent>(&issuer), "id".to_owned())
        .clock(clock)
        .refresh_token("consented")
        .on_change({
            let told = told.clone();
            move |record| {
                let told = record.token().map_or(0, |_| told.fetch_add(1, Ordering::Relaxed) + 1);
                async move {
                    if told == 1 {
                        std::future::pending::<()>().await;
                    }
                }
            }
        })
        .build();
    let first = runtime();
    first.block_on(async {
        assert!(tokens.try_header().is_none());
        settle().await;
    });
    assert!(tokens.try_header().is_none());
    drop(first);
    assert_eq!(runtime().block_on(ask(&tokens)).unwrap(), "token-1");
    assert_eq!((issuer.seen(), told.load(Ordering::Relaxed)), (vec!["consented".to_owned()], 2));
}

#[test]
fn a_refresh_token_not_yet_sent_survives_its_runtime() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let told = Arc::new(AtomicUsize::new(0));
    let tokens = TokenSource::builder(acme::<NeedsConsent>(&issuer), "id".to_owned())
        .clock(clock)
        .refresh_token("consented")
        .on_change({
            let told = told.clone();
            move |_| {
                let told = told.fetch_add(1, Ordering::Relaxed) + 1;
                async move {
                    if told == 1 {
                        std::future::pending::<()>().await;
                    }
                }
            }
        })
        .build();
    let first = runtime();
    first.block_on(async {
        assert!(tokens.try_header().is_none());
        settle().await;
    });
    drop(first);
    assert!(issuer.seen().is_empty(), "it is notified before it is sent");
    assert_eq!(runtime().block_on(ask(&tokens)).unwrap(), "token-1");
    assert_eq!((issuer.seen(), told.load(Ordering::Relaxed)), (vec!["consented".to_owned()], 3));
}

#[test]
fn a_fetch_on_a_stalled_runtime_blocks_no_caller_forever() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    let idle = runtime();
    idle.block_on(async { assert!(tokens.try_header().is_none()) });
    runtime().block_on(async {
        let caller = tokio::spawn({
            let tokens = tokens.clone();
            async move { ask(&tokens).await }
        });
        settle().await;
        clock.advance(s(300));
        assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::NoRuntime);
    });
}
