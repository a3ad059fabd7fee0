//! Fetches under every order of locks and tasks that shuttle tries: with `--cfg shuttle`, `sync` uses shuttle's.
//!
//! `RUSTFLAGS="--cfg shuttle" cargo test -p freshtoken --no-default-features --test driver --target-dir target/shuttle`
//!
//! A failure prints a schedule; `shuttle::replay` runs it again.
#![cfg(shuttle)]
#![allow(clippy::unwrap_used)]

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use freshtoken::clock::{Clock, Now};
use freshtoken::store::MemoryStore;
use freshtoken::{CredentialSource, GrantError, IssuedTokens, RefreshTokens, Secret, TokenPolicy, TokenSource, Vendor};
use shuttle::future::{block_on, spawn, yield_now};

/// The number of orders that each test tries.
const ORDERS: usize = 2_000;

/// A clock that does not run: a sleeper sleeps until a test moves the clock.
#[derive(Clone, Default)]
struct Clockwork(Arc<AtomicU64>);

impl Clock for Clockwork {
    fn now(&self) -> Now {
        let time = Duration::from_secs(1_000 + self.0.load(Ordering::SeqCst));
        Now::new(time, UNIX_EPOCH + time)
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }
}

#[derive(Clone, Default)]
struct Issuer {
    /// The requests that arrived.
    seen: Arc<Mutex<Vec<String>>>,
    /// The number of requests that were dropped before their response.
    given_up: Arc<AtomicU64>,
}

struct GivesUp(Arc<AtomicU64>);

impl Drop for GivesUp {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Issuer {
    async fn respond(&self, request: &str) -> Result<IssuedTokens, GrantError> {
        let number = {
            let mut seen = self.seen.lock().unwrap();
            seen.push(request.to_owned());
            seen.len()
        };
        let given_up = GivesUp(self.given_up.clone());
        yield_now().await;
        yield_now().await;
        std::mem::forget(given_up);
        let issued = IssuedTokens::new(format!("token-{number}")).expires_in(Duration::from_secs(900));
        Ok(issued.refresh_token(format!("refresh-{number}")))
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// Logs in.
struct Acme(Issuer);

impl Vendor for Acme {
    type Credentials = ();
    const POLICY: TokenPolicy = TokenPolicy::new("acme");

    fn server(&self) -> String {
        String::new()
    }

    async fn login(&self, _: &CredentialSource<()>) -> Result<IssuedTokens, GrantError> {
        self.0.respond("login").await
    }
}

/// Refreshes with single-use refresh tokens.
struct Once(Issuer);

impl Vendor for Once {
    type Credentials = ();
    const POLICY: TokenPolicy = TokenPolicy::new("once").refresh(RefreshTokens::SingleUse);

    fn server(&self) -> String {
        String::new()
    }

    async fn login(&self, _: &CredentialSource<()>) -> Result<IssuedTokens, GrantError> {
        self.0.respond("login").await
    }

    async fn refresh(&self, _: &CredentialSource<()>, refresh_token: &Secret) -> Result<IssuedTokens, GrantError> {
        self.0.respond(refresh_token.expose()).await
    }
}

fn acme(issuer: &Issuer, clock: &Clockwork) -> TokenSource {
    TokenSource::builder(Acme(issuer.clone()), ()).clock(clock.clone()).build()
}

fn explore(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let again = test.clone();
    shuttle::check_random(move || test(), ORDERS);
    shuttle::check_pct(move || again(), ORDERS, 3);
}

#[test]
fn callers_of_several_threads_share_one_fetch() {
    explore(|| {
        let (issuer, clock) = (Issuer::default(), Clockwork::default());
        let tokens = acme(&issuer, &clock);
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let tokens = tokens.clone();
                shuttle::thread::spawn(move || {
                    block_on(async move { tokens.token().await.unwrap().expose().to_owned() })
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), "token-1");
        }
        assert_eq!(issuer.seen(), ["login"]);
    });
}

#[test]
fn a_401_during_a_fetch_is_counted_once() {
    explore(|| {
        let (issuer, clock) = (Issuer::default(), Clockwork::default());
        let tokens = acme(&issuer, &clock);
        block_on(async {
            let old = tokens.token().await.unwrap();
            // Due: the next caller starts a fetch in the background, and a 401 arrives at any moment during it.
            clock.0.fetch_add(700, Ordering::SeqCst);
            let asks = spawn({
                let tokens = tokens.clone();
                async move { tokens.token().await.unwrap() }
            });
            let rejects = spawn({
                let (tokens, old) = (tokens.clone(), old.clone());
                async move {
                    tokens.rejected(&old);
                    // A caller after the 401 does not get the rejected token.
                    assert_ne!(tokens.token().await.unwrap().expose(), old.expose());
                }
            });
            asks.await.unwrap();
            rejects.await.unwrap();
            assert_eq!(tokens.token().await.unwrap().expose(), "token-2");
        });
        assert_eq!(issuer.seen(), ["login", "login"]);
    });
}

#[test]
fn a_caller_dropped_during_a_fetch_cancels_nothing() {
    explore(|| {
        let (issuer, clock) = (Issuer::default(), Clockwork::default());
        let tokens = acme(&issuer, &clock);
        block_on(async {
            let goes_away = spawn({
                let tokens = tokens.clone();
                async move { tokens.header().await.map(drop) }
            });
            let stays = spawn({
                let tokens = tokens.clone();
                async move { tokens.token().await.unwrap().expose().to_owned() }
            });
            yield_now().await;
            goes_away.abort();
            assert_eq!(stays.await.unwrap(), "token-1");
        });
        assert_eq!(issuer.seen(), ["login"]);
        assert_eq!(issuer.given_up.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_refresh_completes_and_is_stored_after_the_last_source_is_dropped() {
    explore(|| {
        let (issuer, clock, store) = (Issuer::default(), Clockwork::default(), Arc::new(MemoryStore::new()));
        let source = || {
            let builder = TokenSource::builder(Once(issuer.clone()), ());
            builder.clock(clock.clone()).store(store.clone(), "tenant").build()
        };
        block_on(async {
            let tokens = source();
            tokens.token().await.unwrap();
            clock.0.fetch_add(1_000, Ordering::SeqCst);
            let asks = spawn({
                let tokens = tokens.clone();
                async move { tokens.header().await.map(drop) }
            });
            yield_now().await;
            asks.abort();
            drop(tokens);
            let next = source().token().await.unwrap();
            let seen = issuer.seen();
            // Wherever the fetch was: a request that was sent completes, and none is sent twice.
            assert_eq!(seen[..2], ["login".to_owned(), "refresh-1".to_owned()]);
            assert_eq!((seen.len(), next.expose()), (2, "token-2"));
        });
        assert_eq!(issuer.given_up.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn dropping_the_last_source_cancels_a_login() {
    explore(|| {
        let (issuer, clock) = (Issuer::default(), Clockwork::default());
        let tokens = acme(&issuer, &clock);
        // The test ends only when all tasks have ended.
        block_on(async {
            let _ = tokens.try_header();
            yield_now().await;
            drop(tokens);
        });
        assert!(issuer.seen().len() <= 1);
    });
}

#[test]
fn two_sources_of_one_store_use_a_refresh_token_once() {
    explore(|| {
        let (issuer, clock, store) = (Issuer::default(), Clockwork::default(), Arc::new(MemoryStore::new()));
        let source = || {
            let builder = TokenSource::builder(Once(issuer.clone()), ());
            builder.clock(clock.clone()).store(store.clone(), "tenant").build()
        };
        let (one, other) = (source(), source());
        block_on(async {
            let ask = |tokens: &TokenSource| {
                let tokens = tokens.clone();
                spawn(async move { tokens.token().await.unwrap().expose().to_owned() })
            };
            let both = (ask(&one), ask(&other));
            assert_eq!((both.0.await.unwrap(), both.1.await.unwrap()), ("token-1".to_owned(), "token-1".to_owned()));
            clock.0.fetch_add(1_000, Ordering::SeqCst);
            let both = (ask(&one), ask(&other));
            assert_eq!((both.0.await.unwrap(), both.1.await.unwrap()), ("token-2".to_owned(), "token-2".to_owned()));
        });
        assert_eq!(issuer.seen(), ["login", "refresh-1"]);
    });
}
