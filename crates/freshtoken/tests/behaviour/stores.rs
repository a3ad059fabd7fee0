//! Stores: generations, leases, outages, and what several processes share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use freshtoken::status::RejectionOutcome;
use freshtoken::store::{Entry, Key, Loaded, MemoryStore, Store, StoreError};
use freshtoken::{CredentialSource, ErrorKind, GrantError, IssuedTokens, TokenPolicy, TokenSource, Vendor};

use crate::support::{Acme, Does, Issuer, TestClock, acme, ask, s, settle};
use crate::{BASE, DAY, LogsIn, NeedsConsent, RefreshesOnce, runtime, sharing};

#[tokio::test]
async fn replicas_of_one_account_use_its_refresh_token_once() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(MemoryStore::new()));
    let replicas: Vec<TokenSource> = (0..20).map(|_| sharing::<RefreshesOnce>(&issuer, &clock, &store)).collect();
    for (day, wanted) in [(0, "token-1"), (1, "token-2"), (2, "token-3")] {
        let callers: Vec<_> =
            replicas.iter().cloned().map(|replica| tokio::spawn(async move { ask(&replica).await.unwrap() })).collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), wanted, "day {day}");
        }
        clock.advance(s(DAY + 10));
    }
    assert_eq!(issuer.seen(), ["login", "refresh-1", "refresh-2"]);
    assert_eq!(store.len(), 1);
}

/// A store that can be slow, unreachable, hanging or panicking.
#[derive(Default)]
pub struct FaultyStore {
    memory: MemoryStore,
    lends_nothing: Mutex<bool>,
    panics: Mutex<bool>,
    is_down: Mutex<bool>,
    keeps_lease: Mutex<bool>,
    pub hangs: Mutex<bool>,
    /// What happened, in order.
    log: Mutex<Vec<&'static str>>,
}

impl FaultyStore {
    async fn hang(&self) {
        if *self.hangs.lock().unwrap() {
            std::future::pending::<()>().await;
        }
    }

    fn say(&self, what: &'static str) -> Result<(), StoreError> {
        self.log.lock().unwrap().push(what);
        assert!(!*self.panics.lock().unwrap(), "in the store");
        if *self.is_down.lock().unwrap() { Err("the store is down".into()) } else { Ok(()) }
    }
}

impl Store for FaultyStore {
    type Lease = <MemoryStore as Store>::Lease;

    async fn load(&self, key: &Key) -> Result<Loaded, StoreError> {
        self.say("load")?;
        self.hang().await;
        self.memory.load(key).await
    }

    async fn compare_and_store(&self, key: &Key, expected: u64, entry: Entry) -> Result<bool, StoreError> {
        self.say("store begins")?;
        self.hang().await;
        settle().await;
        let stored = self.memory.compare_and_store(key, expected, entry).await;
        self.say("store ends")?;
        stored
    }

    async fn try_lease(&self, key: &Key, owner: &str, ttl: Duration) -> Result<Option<Self::Lease>, StoreError> {
        self.say("lease")?;
        if *self.lends_nothing.lock().unwrap() {
            return Err("no leases today".into());
        }
        if *self.keeps_lease.lock().unwrap() {
            return Ok(None);
        }
        self.memory.try_lease(key, owner, ttl).await
    }

    async fn renew_lease(&self, key: &Key, lease: &Self::Lease, ttl: Duration) -> Result<bool, StoreError> {
        self.memory.renew_lease(key, lease, ttl).await
    }

    async fn release_lease(&self, key: &Key, lease: Self::Lease) -> Result<(), StoreError> {
        self.memory.release_lease(key, lease).await
    }

    async fn changed(&self, key: &Key) {
        self.memory.changed(key).await;
    }
}

#[tokio::test]
async fn a_lease_waiter_reads_after_the_holder_has_stored() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(FaultyStore::default()));
    let (one, other) = (sharing::<LogsIn>(&issuer, &clock, &store), sharing::<LogsIn>(&issuer, &clock, &store));
    let (one, other) = tokio::join!(ask(&one), ask(&other));
    assert_eq!((one.unwrap(), other.unwrap()), ("token-1".to_owned(), "token-1".to_owned()));
    let log: Vec<&str> = store.log.lock().unwrap().iter().copied().filter(|event| *event != "lease").collect();
    assert_eq!(log, ["load", "load", "store begins", "load", "store ends", "load"], "the last load is the waiter's");
    assert_eq!(issuer.seen(), ["login"]);
}

#[tokio::test]
async fn a_lease_waiter_that_times_out_uses_a_stored_token() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(FaultyStore::default()));
    let (one, other) =
        (sharing::<RefreshesOnce>(&issuer, &clock, &store), sharing::<RefreshesOnce>(&issuer, &clock, &store));
    *store.keeps_lease.lock().unwrap() = true;
    let waiter = tokio::spawn(async move { ask(&other).await });
    settle().await;
    *store.keeps_lease.lock().unwrap() = false;
    ask(&one).await.unwrap();
    clock.advance(s(100));
    assert_eq!(waiter.await.unwrap().unwrap(), "token-1");
    assert_eq!(issuer.seen(), ["login"]);
}

#[tokio::test]
async fn an_unreachable_store_is_a_miss_and_no_outage() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(FaultyStore::default()));
    let tokens = sharing::<LogsIn>(&issuer, &clock, &store);
    *store.is_down.lock().unwrap() = true;
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
    clock.advance(s(900));
    assert_eq!(ask(&tokens).await.unwrap(), "token-2");
    *store.is_down.lock().unwrap() = false;
    clock.advance(s(900));
    assert_eq!(ask(&tokens).await.unwrap(), "token-3");
    assert_eq!(store.memory.len(), 1);
}

#[tokio::test]
async fn a_single_use_refresh_token_is_not_sent_while_the_store_is_down() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(FaultyStore::default()));
    let builder = TokenSource::builder(acme::<NeedsConsent>(&issuer), "id".to_owned());
    let tokens = builder.clock(clock.clone()).store(store.clone(), "one").refresh_token("consented").build();
    *store.is_down.lock().unwrap() = true;
    let error = ask(&tokens).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.is_transient() && error.retry_after().is_some());
    assert_eq!(issuer.seen(), Vec::<String>::new());
    *store.is_down.lock().unwrap() = false;
    clock.advance(s(2));
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
    assert_eq!(issuer.seen(), ["consented"]);

    let can_log_in = sharing::<RefreshesOnce>(&issuer, &clock, &store);
    ask(&can_log_in).await.unwrap();
    *store.is_down.lock().unwrap() = true;
    clock.advance(s(DAY + 10));
    ask(&can_log_in).await.unwrap();
    assert_eq!(issuer.seen(), ["login", "login"], "no outage if there is a login");
}

#[tokio::test]
async fn a_single_use_refresh_token_is_not_sent_without_a_lease() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(FaultyStore::default()));
    let tokens = sharing::<RefreshesOnce>(&issuer, &clock, &store);
    *store.lends_nothing.lock().unwrap() = true;
    assert_eq!(ask(&tokens).await.unwrap(), "token-1", "a login needs none");
    clock.advance(s(DAY + 10));
    ask(&tokens).await.unwrap();
    assert_eq!(issuer.seen(), ["login", "login"]);
}

#[tokio::test]
async fn a_panicking_store_counts_as_unreachable() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(FaultyStore::default()));
    let tokens = sharing::<LogsIn>(&issuer, &clock, &store);
    *store.panics.lock().unwrap() = true;
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
}

#[test]
fn a_rejected_token_stays_rejected_after_a_mark_by_another_process() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(MemoryStore::new()));
    let tokens = sharing::<RefreshesOnce>(&issuer, &clock, &store);
    let token = runtime().block_on(tokens.token()).unwrap();
    assert_eq!(tokens.rejected(&token), RejectionOutcome::Renewing);
    // Its clock is a day ahead: it considers the token expired, and crashes during a refresh.
    let (ahead, dying) = (TestClock::new(), runtime());
    ahead.advance(s(DAY + 10));
    issuer.close();
    dying.block_on(async {
        let other = sharing::<RefreshesOnce>(&issuer, &ahead, &store);
        assert!(other.try_header().is_none());
        settle().await;
        std::mem::forget(other);
    });
    drop(dying);
    issuer.open();
    assert_eq!(runtime().block_on(ask(&tokens)).unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["login", "refresh-1", "login"]);
}

#[tokio::test]
async fn a_new_consent_is_used_though_the_store_remembers_a_lost_one() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(MemoryStore::new()));
    let start = |refresh_token: &str| {
        let builder = TokenSource::builder(acme::<NeedsConsent>(&issuer), "id".to_owned());
        builder.clock(clock.clone()).refresh_token(refresh_token).store(store.clone(), "tenant").build()
    };
    issuer.does_once(Does::Loses);
    let replaced = start("consented");
    let asking = tokio::spawn(async move { ask(&replaced).await });
    settle().await;
    // The process ends, and its successor has another token in its configuration.
    asking.abort();
    settle().await;
    assert_eq!(ask(&start("consented anew")).await.unwrap(), "token-1");
    assert_eq!(issuer.seen(), ["consented", "consented anew"]);
}

#[tokio::test]
async fn a_revoke_in_a_new_process_ends_the_token_of_the_store() {
    let (issuer, clock, store) = (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(MemoryStore::new()));
    ask(&sharing::<LogsIn>(&issuer, &clock, &store)).await.unwrap();
    sharing::<LogsIn>(&issuer, &clock, &store).revoke().await.unwrap();
    assert_eq!(issuer.seen(), ["login", "revoke token-1"]);
    assert_eq!(ask(&sharing::<LogsIn>(&issuer, &clock, &store)).await.unwrap(), "token-2");
}

#[tokio::test]
async fn a_forgotten_token_is_served_by_no_process_and_nothing_is_sent() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(MemoryStore::new()));
    let [one, other] = [(); 2].map(|()| sharing::<LogsIn>(&issuer, &clock, &store));
    assert_eq!(ask(&one).await.unwrap(), "token-1");
    assert!(!other.status().is_serving);
    other.load_stored().await.unwrap();
    assert_eq!(other.try_token().unwrap().expose(), "token-1");
    one.forget().await.unwrap();
    other.load_stored().await.unwrap();
    assert!(!one.status().is_serving && !other.status().is_serving);
    assert_eq!(issuer.seen(), ["login"]);
    assert_eq!(ask(&other).await.unwrap(), "token-2");
}

#[test]
fn a_crash_during_a_refresh_leaves_a_mark_for_the_next_process() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(MemoryStore::new()));
    let dying = runtime();
    dying.block_on(async {
        let tokens = sharing::<RefreshesOnce>(&issuer, &clock, &store);
        ask(&tokens).await.unwrap();
        clock.advance(s(DAY + 10));
        issuer.close();
        assert!(tokens.try_header().is_none());
        settle().await;
        std::mem::forget(tokens);
    });
    drop(dying);
    issuer.open();
    let next = sharing::<RefreshesOnce>(&issuer, &clock, &store);
    assert_eq!(runtime().block_on(ask(&next)).unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["login", "refresh-1", "login"]);
}

#[tokio::test]
async fn a_store_separates_servers_accounts_and_scopes() {
    let (issuer, clock, store) = (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(MemoryStore::new()));
    let source = |server: &'static str, account: &str, scopes: &str| {
        let vendor = Scoped(acme::<LogsIn>(&issuer), server);
        let builder = TokenSource::builder(vendor, scopes.to_owned());
        builder.clock(clock.clone()).store(store.clone(), account).build()
    };
    let mut got = Vec::new();
    for (server, account, scopes) in [
        ("live", "one", "read"),
        ("live", "one", "write"),
        ("live", "other", "read"),
        ("trial", "one", "read"),
        ("live", "one", "read"),
    ] {
        got.push(ask(&source(server, account, scopes)).await.unwrap());
    }
    assert_eq!(got, ["token-1", "token-2", "token-3", "token-4", "token-1"]);
    assert_eq!(store.len(), 4);
}

/// An issuer whose credentials are the scopes, and its server's name.
pub struct Scoped(pub Acme<LogsIn>, pub &'static str);

impl Vendor for Scoped {
    type Credentials = String;
    const POLICY: TokenPolicy = BASE.scoped(true);

    fn server(&self) -> String {
        self.1.to_owned()
    }

    fn requested(credentials: &String) -> String {
        credentials.clone()
    }

    async fn login(&self, credentials: &CredentialSource<String>) -> Result<IssuedTokens, GrantError> {
        self.0.login(credentials).await
    }
}

#[tokio::test]
async fn a_newer_stored_record_overrules_the_start() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(MemoryStore::new()));
    let start = || {
        let builder = TokenSource::builder(acme::<NeedsConsent>(&issuer), "id".to_owned());
        builder.clock(clock.clone()).refresh_token("consented").store(store.clone(), "tenant").build()
    };
    ask(&start()).await.unwrap();
    clock.advance(s(DAY + 10));
    // The process restarts with the configured refresh token, which was used.
    assert_eq!(ask(&start()).await.unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["consented", "refresh-1"]);
}

#[tokio::test]
async fn a_token_that_expired_before_the_restart_is_refreshed() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(MemoryStore::new()));
    ask(&sharing::<RefreshesOnce>(&issuer, &clock, &store)).await.unwrap();
    clock.advance(s(DAY + 10));
    assert_eq!(ask(&sharing::<RefreshesOnce>(&issuer, &clock, &store)).await.unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["login", "refresh-1"]);
}
