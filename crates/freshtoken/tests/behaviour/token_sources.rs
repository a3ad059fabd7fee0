//! Sets of accounts.

use std::sync::{Arc, Mutex};

use freshtoken::status::RejectionOutcome;
use freshtoken::{CredentialSource, TokenSources};

use crate::stores::Scoped;
use crate::support::{Does, Issuer, TestClock, acme, ask, s};
use crate::{DAY, LogsIn, NeedsConsent};

#[tokio::test]
async fn a_removed_account_leaves_nothing_behind() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let accounts = TokenSources::builder(acme::<LogsIn>(&issuer)).clock(clock.clone()).build();
    let old = accounts.get("one", || "alice's".to_owned());
    let token = old.token().await.unwrap();
    accounts.remove("one");
    clock.advance(s(900));
    ask(&old).await.unwrap();
    let new = accounts.get("one", || "bob's".to_owned());
    assert_eq!(ask(&new).await.unwrap(), "token-3");
    assert_eq!(new.rejected(&token), RejectionOutcome::Superseded, "of the same generation, but another token");
}

#[tokio::test]
async fn accounts_with_other_scopes_are_separate_sources() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(900))), TestClock::new());
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let accounts = TokenSources::builder(Scoped(acme::<LogsIn>(&issuer), "live"))
        .clock(clock.clone())
        .on_change({
            let told = told.clone();
            move |key, _| {
                told.lock().unwrap().push(format!("{} {} {}", key.server, key.account, key.requested));
                async {}
            }
        })
        .build();
    for (account, scopes) in [("one", "read"), ("one", "write"), ("other", "read"), ("one", "read")] {
        ask(&accounts.get(account, || scopes.to_owned())).await.unwrap();
    }
    assert_eq!(*told.lock().unwrap(), ["live one read", "live one write", "live other read"]);
    let asking = CredentialSource::ask(|| async { Ok("read".to_owned()) });
    ask(&accounts.get_scoped("one", "read", || asking)).await.unwrap();
    assert_eq!((accounts.len(), issuer.seen().len()), (3, 3));
    accounts.remove("one");
    assert_eq!(accounts.len(), 1);
}

#[tokio::test]
async fn a_set_evicts_idle_and_least_recently_used_accounts() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let accounts =
        TokenSources::builder(acme::<LogsIn>(&issuer)).at_most(10).idle(s(3_600)).clock(clock.clone()).build();
    let get = |name: usize| accounts.get(&format!("account {name}"), || "password".to_owned());
    let mut held = None;
    for name in 0..10 {
        clock.advance(s(2));
        let tokens = get(name);
        ask(&tokens).await.unwrap();
        if name == 1 {
            held = Some(tokens);
        }
    }
    clock.advance(s(2));
    get(0);
    get(10);
    // A tenth goes, and room for the new one: the least recently used, but not one that someone holds.
    let left = || {
        let mut left: Vec<String> = accounts.sources().into_iter().map(|(account, _)| account.to_string()).collect();
        left.sort();
        left
    };
    assert_eq!(accounts.len(), 10);
    assert!(!left().contains(&"account 2".to_owned()), "{:?}", left());
    assert!(left().contains(&"account 0".to_owned()) && left().contains(&"account 1".to_owned()));
    clock.advance(s(3_600));
    drop(held);
    get(0);
    accounts.evict_idle();
    assert_eq!(left(), ["account 0"]);
}

#[tokio::test]
async fn an_account_whose_refresh_token_would_be_lost_is_not_evicted() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let accounts = TokenSources::builder(acme::<NeedsConsent>(&issuer)).at_most(2).clock(clock.clone()).build();
    for name in ["one", "two", "three", "four"] {
        let tokens = accounts.get_or_start(name, || "id".to_owned(), || format!("consented {name}").into());
        ask(&tokens).await.unwrap();
        clock.advance(s(60));
    }
    assert_eq!(accounts.len(), 4, "no consent is thrown away");

    let logs_in = TokenSources::builder(acme::<LogsIn>(&issuer)).at_most(1).clock(clock.clone()).build();
    for name in ["one", "two", "one"] {
        ask(&logs_in.get(name, || "password".to_owned())).await.unwrap();
        clock.advance(s(60));
    }
    assert_eq!(logs_in.len(), 1);
    assert_eq!(issuer.seen().iter().filter(|request| *request == "login").count(), 3);
}
