//! What scenarios can't tell: tasks, runtimes, stores and callbacks. `tests/README.md` says which behaviour is where.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use freshtoken::{
    Accounts, CredentialSource, ErrorKind, Failure, Issued, Key, Lease, Memory, Policy, Record, Refresh, Rejection,
    State, Store, StoreError, Takes, TokenSource,
};
use support::{Acme, Does, Fixed, Issuer, TestClock, acme, ask, s, settle};
use tokio::runtime::{Builder, Runtime};

const BASE: Policy = Policy::new("acme").revoke(Takes::Access);
policy!(LogsIn = BASE);
policy!(RefreshesOnce = BASE.refresh(Refresh::SingleUse));
policy!(NeedsConsent = BASE.login(false).refresh(Refresh::SingleUse));

const DAY: u64 = 24 * 60 * 60;

fn source<P: support::HasPolicy>(issuer: &Issuer, clock: &TestClock) -> TokenSource {
    TokenSource::builder(acme::<P>(issuer), "password".to_owned()).clock(clock.clone()).random(Fixed(0.0)).build()
}

fn sharing<P: support::HasPolicy>(issuer: &Issuer, clock: &TestClock, store: &Arc<impl Store>) -> TokenSource {
    let builder = TokenSource::builder(acme::<P>(issuer), "password".to_owned());
    builder.clock(clock.clone()).random(Fixed(0.0)).store(store.clone(), "tenant").build()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

#[tokio::test]
async fn a_dropped_caller_cancels_nothing() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    issuer.close();
    // It has no patience, as a call with a time-out of 50 ms.
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

/// Polls once.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn a_rotated_token_is_not_lost_with_its_caller() {
    let (issuer, clock, store) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(Memory::new()));
    let tokens = sharing::<RefreshesOnce>(&issuer, &clock, &store);
    ask(&tokens).await.unwrap();
    clock.advance(s(DAY + 10));
    issuer.close();
    let mut caller = Box::pin(tokens.header());
    assert!(futures_poll(&mut caller).await.is_none());
    settle().await;
    // The caller goes, and with it the only source.
    drop(caller);
    drop(tokens);
    issuer.open();
    settle().await;
    let next = sharing::<RefreshesOnce>(&issuer, &clock, &store);
    assert_eq!(ask(&next).await.unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["login", "refresh-1"]);
}

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
        assert_eq!(tokens.rejected(&old), Rejection::Superseded);
        assert_eq!(tokens.rejected(old.header()), Rejection::Superseded);
        assert_eq!(tokens.header().await.unwrap(), new.header());
    }
    assert_eq!(issuer.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn a_repeated_token_is_served_without_a_request_storm() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    ask(&tokens).await.unwrap();
    // A vendor that caches: what it answers lives for as long as what it answered before.
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
async fn replicas_of_one_account_use_its_refresh_token_once() {
    let (issuer, clock, store) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(Memory::new()));
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

/// A store that can be slow and can be down.
#[derive(Default)]
struct Moody {
    memory: Memory,
    lends_nothing: Mutex<bool>,
    panics: Mutex<bool>,
    is_down: Mutex<bool>,
    keeps_lease: Mutex<bool>,
    hangs: Mutex<bool>,
    /// What happened, in order.
    log: Mutex<Vec<&'static str>>,
}

impl Moody {
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

impl Store for Moody {
    async fn load(&self, key: &Key) -> Result<Option<Arc<Record>>, StoreError> {
        self.say("load")?;
        self.hang().await;
        self.memory.load(key).await
    }

    async fn compare_and_store(&self, key: &Key, expected: u64, record: Arc<Record>) -> Result<bool, StoreError> {
        self.say("store begins")?;
        self.hang().await;
        settle().await;
        let stored = self.memory.compare_and_store(key, expected, record).await;
        self.say("store ends")?;
        stored
    }

    async fn lease(&self, key: &Key, at_most: std::time::Duration) -> Result<Lease, StoreError> {
        self.say("lease")?;
        if *self.lends_nothing.lock().unwrap() {
            return Err("no leases today".into());
        }
        if *self.keeps_lease.lock().unwrap() {
            std::future::pending::<()>().await;
        }
        self.memory.lease(key, at_most).await
    }
}

#[tokio::test]
async fn a_lease_waiter_reads_after_the_holder_has_stored() {
    let (issuer, clock, store) = (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(Moody::default()));
    let (one, other) = (sharing::<LogsIn>(&issuer, &clock, &store), sharing::<LogsIn>(&issuer, &clock, &store));
    let (one, other) = tokio::join!(ask(&one), ask(&other));
    assert_eq!((one.unwrap(), other.unwrap()), ("token-1".to_owned(), "token-1".to_owned()));
    let log: Vec<&str> = store.log.lock().unwrap().iter().copied().filter(|event| *event != "lease").collect();
    assert_eq!(log, ["load", "store begins", "store ends", "load"]);
    assert_eq!(issuer.seen(), ["login"]);
}

#[tokio::test]
async fn a_lease_waiter_that_times_out_uses_a_stored_token() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(Moody::default()));
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
    let (issuer, clock, store) = (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(Moody::default()));
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
        (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(Moody::default()));
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
    assert_eq!(issuer.seen(), ["login", "login"], "no outage where a login can do");
}

#[tokio::test]
async fn a_single_use_refresh_token_is_not_sent_without_a_lease() {
    let (issuer, clock, store) =
        (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(Moody::default()));
    let tokens = sharing::<RefreshesOnce>(&issuer, &clock, &store);
    *store.lends_nothing.lock().unwrap() = true;
    assert_eq!(ask(&tokens).await.unwrap(), "token-1", "a login needs none");
    clock.advance(s(DAY + 10));
    ask(&tokens).await.unwrap();
    assert_eq!(issuer.seen(), ["login", "login"]);
}

#[tokio::test]
async fn a_panicking_store_counts_as_unreachable() {
    let (issuer, clock, store) = (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(Moody::default()));
    let tokens = sharing::<LogsIn>(&issuer, &clock, &store);
    *store.panics.lock().unwrap() = true;
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
}

#[tokio::test]
async fn the_memory_store_compares_generations() {
    let (issuer, clock, store) = (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(Moody::default()));
    type Told = (Key, Arc<Record>);
    let kept: Arc<Mutex<Option<Told>>> = Arc::default();
    let accounts = Accounts::builder(acme::<LogsIn>(&issuer))
        .clock(clock)
        .on_change({
            let kept = kept.clone();
            move |key, record| {
                *kept.lock().unwrap() = Some((key, record));
                async {}
            }
        })
        .build();
    ask(&accounts.get("one", || "password".to_owned())).await.unwrap();
    let (key, record) = kept.lock().unwrap().take().unwrap();
    assert_eq!(record.generation(), 1);
    for (expected, stores) in [(1, false), (0, true), (0, false), (2, false), (1, true)] {
        let stored = store.memory.compare_and_store(&key, expected, record.clone()).await.unwrap();
        assert_eq!(stored, stores, "{expected}");
    }
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
    assert!(issuer.seen().is_empty(), "it is told of before it is sent");
    assert_eq!(runtime().block_on(ask(&tokens)).unwrap(), "token-1");
    assert_eq!((issuer.seen(), told.load(Ordering::Relaxed)), (vec!["consented".to_owned()], 3));
}

#[test]
fn a_rejected_token_stays_rejected_after_a_mark_by_another_process() {
    let (issuer, clock, store) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(Memory::new()));
    let tokens = sharing::<RefreshesOnce>(&issuer, &clock, &store);
    let token = runtime().block_on(tokens.token()).unwrap();
    assert_eq!(tokens.rejected(&token), Rejection::Renewing);
    // Its clock is a day ahead: it believes that the token is over, and dies in mid-refresh.
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

/// A clock that lags behind its own sleep, as a coarse one does.
struct Coarse(TestClock);

impl freshtoken::Clock for Coarse {
    fn now(&self) -> freshtoken::Now {
        let behind = std::time::Duration::from_millis(10);
        freshtoken::Now::new(self.0.monotonic() - behind, self.0.wall() - behind)
    }

    fn sleep(&self, duration: std::time::Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        freshtoken::Clock::sleep(&self.0, duration)
    }
}

#[tokio::test]
async fn a_lagging_coarse_clock_costs_no_refresh_token() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let builder = TokenSource::builder(acme::<RefreshesOnce>(&issuer), "password".to_owned());
    let tokens = builder.clock(Coarse(clock.clone())).random(Fixed(0.0)).build();
    ask(&tokens).await.unwrap();
    clock.advance(s(DAY));
    let caller = tokio::spawn({
        let tokens = tokens.clone();
        async move { ask(&tokens).await }
    });
    settle().await;
    clock.advance(std::time::Duration::from_millis(2_010));
    assert_eq!(caller.await.unwrap().unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["login", "refresh-1"]);

    issuer.does(Does::Fails);
    clock.advance(s(DAY + 10));
    let wait = ask(&tokens).await.unwrap_err().retry_after().unwrap();
    issuer.does(Does::issues_pairs(s(DAY)));
    clock.advance(wait - std::time::Duration::from_millis(10));
    assert_eq!(ask(&tokens).await.unwrap(), "token-3");
}

#[tokio::test]
async fn a_new_consent_is_used_though_the_store_remembers_a_lost_one() {
    let (issuer, clock, store) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(Memory::new()));
    let start = |refresh_token: &str| {
        let builder = TokenSource::builder(acme::<NeedsConsent>(&issuer), "id".to_owned());
        builder.clock(clock.clone()).refresh_token(refresh_token).store(store.clone(), "tenant").build()
    };
    issuer.does_once(Does::Loses);
    assert_eq!(ask(&start("consented")).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(ask(&start("consented anew")).await.unwrap(), "token-1");
    assert_eq!(issuer.seen(), ["consented", "consented anew"]);
}

#[tokio::test]
async fn a_refused_refresh_is_followed_by_a_login_after_retry_after() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let tokens = source::<RefreshesOnce>(&issuer, &clock);
    ask(&tokens).await.unwrap();
    clock.advance(s(DAY + 10));
    issuer.does_once(Does::WantsLoginIn(s(30)));
    let error = ask(&tokens).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(30))));
    clock.advance(s(30));
    assert_eq!(ask(&tokens).await.unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["login", "refresh-1", "login"]);
}

#[tokio::test]
async fn credentials_changed_during_a_refused_fetch_are_tried() {
    let (issuer, clock) = (Issuer::new(Does::Refuses), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    issuer.close();
    assert!(tokens.try_header().is_none());
    settle().await;
    tokens.credentials_changed();
    issuer.open();
    settle().await;
    issuer.does(Does::issues(s(900)));
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
}

#[tokio::test]
async fn a_removed_account_leaves_nothing_behind() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let accounts = Accounts::builder(acme::<LogsIn>(&issuer)).clock(clock.clone()).build();
    let old = accounts.get("one", || "alice's".to_owned());
    let token = old.token().await.unwrap();
    accounts.remove("one");
    clock.advance(s(900));
    ask(&old).await.unwrap();
    let new = accounts.get("one", || "bob's".to_owned());
    assert_eq!(ask(&new).await.unwrap(), "token-3");
    assert_eq!(new.rejected(&token), Rejection::Superseded, "of the same generation, but another token");
}

#[tokio::test]
async fn an_empty_start_token_is_ignored_and_an_old_one_is_sent() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let builder = || TokenSource::builder(acme::<NeedsConsent>(&issuer), "id".to_owned()).clock(clock.clone());
    assert_eq!(ask(&builder().refresh_token("").build()).await.unwrap_err().kind(), ErrorKind::ConsentNeeded);
    let expired = || Issued::new("t").expires_at(clock.wall() - s(10));
    assert_eq!(ask(&builder().token(expired()).build()).await.unwrap_err().kind(), ErrorKind::ConsentNeeded);
    assert_eq!(issuer.seen(), Vec::<String>::new());
    let over = expired().refresh_token("over").refresh_expires_at(clock.wall() - s(1));
    assert_eq!(ask(&builder().token(over).build()).await.unwrap(), "token-1");
    assert_eq!(issuer.seen(), ["over"]);
    let good = Issued::new("good").expires_at(clock.wall() + s(600));
    assert_eq!(ask(&builder().token(good).refresh_token("consented").build()).await.unwrap(), "good");
}

#[tokio::test]
async fn a_source_with_a_start_token_renews_at_once() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let builder = TokenSource::builder(acme::<LogsIn>(&issuer), "password".to_owned());
    let stored = Issued::new("persisted").expires_at(clock.wall() + s(900));
    let _tokens = builder.clock(clock.clone()).random(Fixed(0.0)).token(stored).keep_alive().build();
    settle().await;
    clock.advance(s(675));
    settle().await;
    assert_eq!(issuer.seen(), ["login"]);
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

#[tokio::test]
async fn a_revoke_in_a_new_process_ends_the_token_of_the_store() {
    let (issuer, clock, store) = (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(Memory::new()));
    ask(&sharing::<LogsIn>(&issuer, &clock, &store)).await.unwrap();
    sharing::<LogsIn>(&issuer, &clock, &store).revoke().await.unwrap();
    assert_eq!(issuer.seen(), ["login", "revoke token-1"]);
    assert_eq!(ask(&sharing::<LogsIn>(&issuer, &clock, &store)).await.unwrap(), "token-2");
}

#[test]
fn a_crash_during_a_refresh_leaves_a_mark_for_the_next_process() {
    let (issuer, clock, store) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(Memory::new()));
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
    let (issuer, clock, store) = (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(Memory::new()));
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

/// An issuer whose credentials are the scopes, and the name of its server.
struct Scoped(Acme<LogsIn>, &'static str);

impl freshtoken::Vendor for Scoped {
    type Credentials = String;
    const POLICY: Policy = BASE.scoped(true);

    fn server(&self) -> String {
        self.1.to_owned()
    }

    fn scopes(credentials: &String) -> String {
        credentials.clone()
    }

    async fn login(&self, credentials: &CredentialSource<String>) -> Result<Issued, Failure> {
        self.0.login(credentials).await
    }
}

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
    assert!(!caller.is_finished(), "the token is given out before it is persisted");
    assert!(tokens.try_header().is_none(), "the token is given out before it is persisted");
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
    // A restart long before its end: nothing to do.
    clock.advance(s(3_600));
    assert_eq!(ask(&start()).await.unwrap(), "token-1");
    clock.advance(s(DAY));
    assert_eq!(ask(&start()).await.unwrap(), "token-2");
    // The process ends in mid-refresh.
    clock.advance(s(DAY + 10));
    issuer.close();
    let before = start();
    assert!(before.try_header().is_none());
    settle().await;
    let after = start();
    issuer.open();
    assert_eq!(ask(&after).await.unwrap(), "token-4", "by a login");
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

#[tokio::test]
async fn a_background_refresh_stops_with_the_last_source() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let builder = TokenSource::builder(acme::<LogsIn>(&issuer), "password".to_owned());
    let tokens = builder.clock(clock.clone()).random(Fixed(0.0)).keep_alive().build();
    ask(&tokens).await.unwrap();
    settle().await;
    for _ in 0..3 {
        clock.advance(s(675));
        settle().await;
    }
    assert_eq!(issuer.seen(), ["login"; 4]);
    assert_eq!(tokens.try_header().unwrap(), "Bearer token-4");
    drop(tokens);
    settle().await;
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test]
async fn a_stored_token_is_used_until_it_expires() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let stored = || Issued::new("persisted").expires_at(clock.wall() + s(600)).refresh_token("consented");
    let builder = || TokenSource::builder(acme::<NeedsConsent>(&issuer), "id".to_owned()).clock(clock.clone());
    let tokens = builder().token(stored()).build();
    assert_eq!(ask(&tokens).await.unwrap(), "persisted");
    let late = stored();
    clock.advance(s(610));
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
    let tokens = builder().token(late).build();
    assert_eq!(ask(&tokens).await.unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["consented", "consented"], "two sources that share no store");
}

#[tokio::test]
async fn a_newer_stored_record_overrules_the_start() {
    let (issuer, clock, store) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(Memory::new()));
    let start = || {
        let builder = TokenSource::builder(acme::<NeedsConsent>(&issuer), "id".to_owned());
        builder.clock(clock.clone()).refresh_token("consented").store(store.clone(), "tenant").build()
    };
    ask(&start()).await.unwrap();
    clock.advance(s(DAY + 10));
    // The process restarts with the refresh token of its configuration, which is spent.
    assert_eq!(ask(&start()).await.unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["consented", "refresh-1"]);
}

#[tokio::test]
async fn a_token_that_expired_before_the_restart_is_refreshed() {
    let (issuer, clock, store) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new(), Arc::new(Memory::new()));
    ask(&sharing::<RefreshesOnce>(&issuer, &clock, &store)).await.unwrap();
    clock.advance(s(DAY + 10));
    assert_eq!(ask(&sharing::<RefreshesOnce>(&issuer, &clock, &store)).await.unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["login", "refresh-1"]);
}

#[tokio::test]
async fn jitter_lengthens_a_backoff_and_advances_a_renewal() {
    let (issuer, clock) = (Issuer::new(Does::Fails), TestClock::new());
    let tokens = TokenSource::builder(acme::<LogsIn>(&issuer), "password".to_owned())
        .clock(clock.clone())
        .random(Fixed(0.999))
        .build();
    let wait = ask(&tokens).await.unwrap_err().retry_after().unwrap();
    assert!((1.24..1.25).contains(&wait.as_secs_f64()), "{wait:?}");
    clock.advance(wait);
    issuer.does(Does::issues(s(1_000)));
    ask(&tokens).await.unwrap();
    issuer.seen();
    clock.advance(s(700));
    ask(&tokens).await.unwrap();
    assert_eq!(issuer.seen().len(), 0);
    clock.advance(s(1));
    ask(&tokens).await.unwrap();
    settle().await;
    assert_eq!(issuer.seen().len(), 1);
}

#[tokio::test]
async fn a_hanging_vendor_or_store_blocks_no_caller() {
    let (issuer, clock, store) = (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(Moody::default()));
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
async fn accounts_with_other_scopes_are_separate_sources() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(900))), TestClock::new());
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let accounts = Accounts::builder(Scoped(acme::<LogsIn>(&issuer), "live"))
        .clock(clock.clone())
        .on_change({
            let told = told.clone();
            move |key, _| {
                told.lock().unwrap().push(format!("{} {} {}", key.server, key.account, key.scopes));
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
async fn a_set_evicts_idle_and_least_recently_used_accounts() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let accounts = Accounts::builder(acme::<LogsIn>(&issuer)).at_most(10).idle(s(3_600)).clock(clock.clone()).build();
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
    let accounts = Accounts::builder(acme::<NeedsConsent>(&issuer)).at_most(2).clock(clock.clone()).build();
    for name in ["one", "two", "three", "four"] {
        let tokens = accounts.get_or_start(name, || "id".to_owned(), || format!("consented {name}").into());
        ask(&tokens).await.unwrap();
        clock.advance(s(60));
    }
    assert_eq!(accounts.len(), 4, "no consent is thrown away");

    let logs_in = Accounts::builder(acme::<LogsIn>(&issuer)).at_most(1).clock(clock.clone()).build();
    for name in ["one", "two", "one"] {
        ask(&logs_in.get(name, || "password".to_owned())).await.unwrap();
        clock.advance(s(60));
    }
    assert_eq!(logs_in.len(), 1);
    assert_eq!(issuer.seen().iter().filter(|request| *request == "login").count(), 3);
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
    let (issuer, clock, store) = (Issuer::new(Does::issues(s(900))), TestClock::new(), Arc::new(Memory::new()));
    let (one, other) = (sharing::<LogsIn>(&issuer, &clock, &store), sharing::<LogsIn>(&issuer, &clock, &store));
    let first = one.token().await.unwrap();
    assert_eq!(one.rejected(&first), Rejection::Renewing);
    let second = one.token().await.unwrap();
    // Another process renews meanwhile.
    assert_eq!(ask(&other).await.unwrap(), "token-2");
    assert_eq!(other.rejected(&other.token().await.unwrap()), Rejection::Renewing);
    assert_eq!(ask(&other).await.unwrap(), "token-3");
    assert_eq!(one.rejected(&second), Rejection::Renewing, "the store may know more");
    assert_eq!(ask(&one).await.unwrap(), "token-3");
    assert_eq!(issuer.seen(), ["login"; 3]);

    // Now it doesn't.
    let third = one.token().await.unwrap();
    assert_eq!(one.rejected(&third), Rejection::Renewing);
    assert_eq!(ask(&one).await.unwrap(), "token-3");
    assert_eq!(one.rejected(&third), Rejection::PermissionProblem);
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

/// A source whose callback does as `persists` says, for the first time that it is called.
fn persisting<P: support::HasPolicy>(
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
    assert!(support::every_text(&error).contains("no storage space"), "{error:?}");
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

#[test]
fn every_test_named_in_the_readme_exists() {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    let overview = std::fs::read_to_string(format!("{tests}/README.md")).unwrap();
    let mut count = 0;
    for row in overview.lines().filter(|line| line.starts_with("| ")) {
        for (kind, rest) in row.rsplit("| ").next().unwrap().split(", ").filter_map(|test| test.split_once(" `")) {
            let name = rest.split('`').next().unwrap();
            let exists = match kind.trim() {
                "scenario" => std::fs::exists(format!("{tests}/scenarios/{name}.md")).unwrap(),
                "freshtoken-wire's tests of" => continue,
                kind => [format!("{tests}/{kind}.rs"), format!("{tests}/../../../{kind}")]
                    .iter()
                    .filter_map(|file| std::fs::read_to_string(file).ok())
                    .any(|text| text.contains(&format!("fn {name}("))),
            };
            assert!(exists, "{kind} `{name}`");
            count += 1;
        }
    }
    assert!(count > 25, "{count}");
}
