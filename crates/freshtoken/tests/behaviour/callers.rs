//! Callers, their 401s and revocations: what they share, and what happens when one is dropped.

use std::sync::Arc;

use freshtoken::status::{RejectionOutcome, State};
use freshtoken::store::MemoryStore;
use freshtoken::{ErrorKind, TokenSource};

use crate::stores::FaultyStore;
use crate::support::{Does, Issuer, TestClock, ask, s, settle};
use crate::{DAY, LogsIn, RefreshesOnce, futures_poll, sharing, source};

#[tokio::test]
async fn a_dropped_caller_cancels_nothing() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    issuer.close();
    // The caller is impatient, like a call with a timeout of 50 ms.
    let mut caller = Box::pin(tokens.header());
    assert!(futures_poll(&mut caller).await.is_none());
    settle().await;
    drop(caller);
    issuer.open();
    settle().await;
    assert_eq!(tokens.try_header().unwrap(), "Bearer token-1");
    assert_eq!(issuer.seen(), ["login"]);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_does_not_inherit_the_timeout_of_its_caller() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    issuer.close();
    for _ in 0..3 {
        let impatient = tokio::time::timeout(std::time::Duration::from_millis(50), tokens.header());
        assert!(impatient.await.is_err());
    }
    issuer.open();
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
    assert_eq!(issuer.seen(), ["login"]);
}

#[tokio::test]
async fn a_rotated_token_is_not_lost_with_its_caller() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(MemoryStore::new()));
    let tokens = sharing::<RefreshesOnce>(&issuer, &clock, &store);
    ask(&tokens).await.unwrap();
    clock.advance(s(DAY + 10));
    issuer.close();
    let mut caller = Box::pin(tokens.header());
    assert!(futures_poll(&mut caller).await.is_none());
    settle().await;
    // The caller and the only source are dropped.
    drop(caller);
    drop(tokens);
    issuer.open();
    settle().await;
    let next = sharing::<RefreshesOnce>(&issuer, &clock, &store);
    assert_eq!(ask(&next).await.unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["login", "refresh-1"]);
}

#[tokio::test]
async fn sources_dropped_during_a_fetch_leave_no_task() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    issuer.close();
    let metrics = tokio::runtime::Handle::current().metrics();
    let sources: Vec<TokenSource> = (0..1_000).map(|_| source::<LogsIn>(&issuer, &clock)).collect();
    for source in &sources {
        assert!(source.try_header().is_none());
    }
    settle().await;
    assert_eq!(metrics.num_alive_tasks(), 1_000);
    drop(sources);
    settle().await;
    assert_eq!(metrics.num_alive_tasks(), 0);
    assert_eq!(clock.sleepers(), 0);
}

#[tokio::test]
async fn a_herd_of_ten_thousand_is_one_request() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    issuer.close();
    let callers: Vec<_> = (0..10_000)
        .map(|_| {
            let tokens = tokens.clone();
            tokio::spawn(async move { ask(&tokens).await })
        })
        .collect();
    settle().await;
    issuer.open();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap(), "token-1");
    }
    assert_eq!(issuer.seen(), ["login"]);
    assert_eq!(tokens.status().counters.joined, 9_999);
}

#[tokio::test]
async fn fifty_late_401s_with_an_old_token_cause_no_request() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    let old = tokens.token().await.unwrap();
    clock.advance(s(900));
    let new = tokens.token().await.unwrap();
    issuer.seen();
    for _ in 0..50 {
        assert_eq!(tokens.rejected(&old), RejectionOutcome::Superseded);
        assert_eq!(tokens.rejected(old.header()), RejectionOutcome::Superseded);
        assert_eq!(tokens.header().await.unwrap(), new.header());
    }
    assert_eq!(issuer.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn a_repeated_token_is_served_without_a_request_storm() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    ask(&tokens).await.unwrap();
    // A vendor that caches: its response has the expiry of the previous one.
    let mut requests = 0;
    for second in 675..895 {
        clock.advance(if second == 675 { s(675) } else { s(1) });
        issuer.does(Does::issues(s(900 - second)));
        ask(&tokens).await.unwrap();
        settle().await;
        requests += issuer.seen().len();
    }
    assert!(requests <= 12, "{requests} requests");
    issuer.does(Does::issues(s(900)));
    clock.advance(s(10));
    ask(&tokens).await.unwrap();
    assert_eq!(issuer.seen(), ["login"]);
}

#[tokio::test]
async fn a_caller_during_a_revocation_gets_a_lasting_new_token() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    ask(&tokens).await.unwrap();
    clock.advance(s(10));
    issuer.close();
    let revoke = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.revoke().await }
    });
    settle().await;
    let asks = tokio::spawn({
        let tokens = tokens.clone();
        async move { ask(&tokens).await }
    });
    settle().await;
    issuer.open();
    revoke.await.unwrap().unwrap();
    assert_eq!(asks.await.unwrap().unwrap(), "token-2");
    assert_eq!((tokens.status().state, tokens.try_header().is_some()), (State::Fresh, true));
    assert_eq!(issuer.seen(), ["login", "revoke token-1", "login"]);
}

#[tokio::test]
async fn a_hanging_vendor_or_store_blocks_no_caller() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(FaultyStore::default()));
    let tokens = sharing::<LogsIn>(&issuer, &clock, &store);
    issuer.close();
    let caller = tokio::spawn({
        let tokens = tokens.clone();
        async move { ask(&tokens).await }
    });
    settle().await;
    clock.advance(s(60));
    assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);

    issuer.open();
    clock.advance(s(2));
    *store.hangs.lock().unwrap() = true;
    let caller = tokio::spawn(async move { ask(&tokens).await });
    for _ in 0..2 {
        settle().await;
        clock.advance(s(5));
    }
    assert_eq!(caller.await.unwrap().unwrap(), "token-1");
}

#[tokio::test]
async fn the_status_needs_no_request() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    assert_eq!(tokens.status().state, State::Empty);
    ask(&tokens).await.unwrap();
    let status = tokens.status();
    assert_eq!((status.state, status.is_serving, status.generation), (State::Fresh, true, 1));
    assert_eq!(status.expires_at, Some(clock.wall() + s(900)));
    issuer.does(Does::Fails);
    clock.advance(s(895));
    ask(&tokens).await.unwrap_err();
    let status = tokens.status();
    assert_eq!((status.state, status.is_serving), (State::BackingOff, false));
    assert_eq!(status.last_error.unwrap().to_string(), "acme: cannot log in now (next try in 1 s)");
    assert_eq!((status.counters.logins, status.counters.failures), (2, 1));
}

#[tokio::test]
async fn dropping_a_revocation_does_not_cancel_it() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    ask(&tokens).await.unwrap();
    issuer.close();
    let mut revoke = Box::pin(tokens.revoke());
    assert!(futures_poll(&mut revoke).await.is_none());
    settle().await;
    assert!(tokens.status().state == State::Expired, "a token that is being revoked isn't given out");
    drop(revoke);
    issuer.open();
    settle().await;
    assert_eq!(tokens.status().state, State::Empty);
    assert_eq!(issuer.seen(), ["login", "revoke token-1"]);
}

#[tokio::test]
async fn a_permission_problem_is_reported_only_after_a_store_lookup() {
    let (issuer, clock, store) = (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(MemoryStore::new()));
    let (one, other) = (sharing::<LogsIn>(&issuer, &clock, &store), sharing::<LogsIn>(&issuer, &clock, &store));
    let first = one.token().await.unwrap();
    assert_eq!(one.rejected(&first), RejectionOutcome::Renewing);
    let second = one.token().await.unwrap();
    // Another process renews meanwhile.
    assert_eq!(ask(&other).await.unwrap(), "token-2");
    assert_eq!(other.rejected(&other.token().await.unwrap()), RejectionOutcome::Renewing);
    assert_eq!(ask(&other).await.unwrap(), "token-3");
    assert_eq!(one.rejected(&second), RejectionOutcome::Renewing, "the store may know more");
    assert_eq!(ask(&one).await.unwrap(), "token-3");
    assert_eq!(issuer.seen(), ["login"; 3]);

    // Now it does not.
    let third = one.token().await.unwrap();
    assert_eq!(one.rejected(&third), RejectionOutcome::Renewing);
    assert_eq!(ask(&one).await.unwrap(), "token-3");
    assert_eq!(one.rejected(&third), RejectionOutcome::PermissionProblem);
    assert_eq!(ask(&one).await.unwrap(), "token-3");
    assert!(issuer.seen().is_empty());
}

#[tokio::test]
async fn a_permanent_401_costs_at_most_forty_logins_a_day() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(DAY))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    for _ in 0..DAY {
        let token = tokens.token().await.unwrap();
        tokens.rejected(&token);
        clock.advance(s(1));
    }
    let logins = issuer.seen().len();
    assert!((30..=40).contains(&logins), "{logins}");
}

#[tokio::test]
async fn two_unusable_revocations_in_a_row_end_it() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    ask(&tokens).await.unwrap();
    issuer.does(Does::SendsGarbage);
    assert_eq!(tokens.revoke().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(ask(&tokens).await.unwrap(), "token-1", "it is still there");
    assert_eq!(tokens.revoke().await.unwrap_err().kind(), ErrorKind::Unusable);
    issuer.does(Does::issues(s(900)));
    assert_eq!(ask(&tokens).await.unwrap(), "token-2");
}
