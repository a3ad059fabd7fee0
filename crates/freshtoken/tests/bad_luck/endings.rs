//! Stores, callbacks, runtimes and sources that end in the middle of something.

use super::*;

#[tokio::test]
async fn a_revoke_in_a_new_process_ends_the_token_that_the_store_holds() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    let store = Arc::new(freshtoken::store::MemoryStore::new());
    let source = || {
        let endpoint = voucherify::Endpoint::at(server.url()).unwrap();
        builder(endpoint, voucherify_credentials(), &clock).store(store.clone(), "acme").build()
    };
    ask(&source()).await.unwrap();
    server.does(Response::new(204));
    limit(source().revoke()).await.unwrap();
    assert_eq!(server.requests().last().unwrap().body, "access_token=token");
}

/// A store that panics, in one method before it returns a future.
struct Panics;

impl Store for Panics {
    type Lease = ();

    fn load(&self, _: &Key) -> impl Future<Output = Result<Loaded, StoreError>> + Send {
        assert!(self.is_sound(), "in the store");
        std::future::ready(Ok(Loaded::default()))
    }

    async fn compare_and_store(&self, _: &Key, _: u64, _: Entry) -> Result<bool, StoreError> {
        panic!("in the store");
    }

    async fn try_lease(&self, _: &Key, _: &str, _: Duration) -> Result<Option<()>, StoreError> {
        panic!("in the store");
    }

    async fn renew_lease(&self, _: &Key, (): &(), _: Duration) -> Result<bool, StoreError> {
        panic!("in the store");
    }

    async fn release_lease(&self, _: &Key, (): ()) -> Result<(), StoreError> {
        panic!("in the store");
    }
}

impl Panics {
    fn is_sound(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn a_panic_in_a_store_is_not_an_outage() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    let endpoint = voucherify::Endpoint::at(server.url()).unwrap();
    let tokens = builder(endpoint, voucherify_credentials(), &clock).store(Arc::new(Panics), "acme").build();
    assert_eq!(ask(&tokens).await.unwrap(), "token");
}

/// Anything that may hang has a timeout. A request has its own, and needs no second one.
#[tokio::test]
async fn a_hanging_callback_times_out_after_a_minute() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    server.close();
    let endpoint = || voucherify::Endpoint::at(server.url()).unwrap();
    let known = builder(endpoint(), voucherify_credentials(), &clock).build();
    assert!(known.try_header().is_none());
    server.arrived(1).await;
    assert_eq!(clock.sleepers(), 0);

    let hangs = CredentialSource::ask(std::future::pending);
    let asking = builder(endpoint(), hangs, &clock).build();
    assert!(asking.try_header().is_none());
    settle().await;
    assert_eq!(clock.sleepers(), 1);
    clock.advance(s(60));
    assert_eq!(ask(&asking).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(server.count(), 1);
    server.open();
    assert_eq!(ask(&known).await.unwrap(), "token");
}

#[tokio::test]
async fn a_panic_before_the_callback_future_withholds_no_token() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    let endpoint = || voucherify::Endpoint::at(server.url()).unwrap();
    let told = builder(endpoint(), voucherify_credentials(), &clock)
        .on_change(|record| {
            assert!(record.is_empty(), "in the callback");
            async {}
        })
        .build();
    assert_eq!(ask(&told).await.unwrap(), "token");

    let asks = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let credentials = CredentialSource::ask(move || {
        assert!(asks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0, "in the callback");
        async { Ok(voucherify_credentials()) }
    });
    let asking = builder(endpoint(), credentials, &clock).build();
    assert_eq!(ask(&asking).await.unwrap_err().kind(), ErrorKind::Unavailable);
    clock.advance(s(1));
    assert_eq!(ask(&asking).await.unwrap(), "token");
    assert_eq!(server.count(), 2);
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_request_aborted_with_its_runtime_is_repeated_on_another() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    let tokens = voucherify_at(&server, &clock);
    server.close();
    let first = runtime();
    first.block_on(async {
        assert!(tokens.try_header().is_none());
        server.arrived(1).await;
    });
    drop(first);
    assert!(!tokens.status().is_renewing);
    server.open();
    assert_eq!(runtime().block_on(ask(&tokens)).unwrap(), "token");
    assert_eq!(server.count(), 2);
}

#[test]
fn a_single_use_refresh_aborted_with_its_runtime_is_followed_by_a_login() {
    let clock = TestClock::new();
    let server = Server::new(zenoti_pair(1, clock.wall()));
    let tokens = zenoti_at(&server, &clock);
    let first = runtime();
    first.block_on(async {
        ask(&tokens).await.unwrap();
        clock.advance(s(DAY + 2));
        server.does(zenoti_pair(2, clock.wall()));
        server.close();
        assert!(tokens.try_header().is_none());
        server.arrived(2).await;
    });
    drop(first);
    assert_eq!(tokens.status().state, State::Ambiguous);
    server.open();
    assert_eq!(runtime().block_on(ask(&tokens)).unwrap(), "access-2");
    assert_eq!(server.zenoti_saw(), ["login", "refresh refresh-1", "login"]);
}

#[tokio::test]
async fn sources_dropped_during_a_fetch_leave_no_task_and_no_connection() {
    const SOURCES: usize = 1_000;
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    server.close();
    let metrics = Handle::current().metrics();
    // They share an HTTP client, which is dropped with the last of them. Only tasks of the crate and of reqwest run here.
    let endpoint = voucherify::Endpoint::at(server.url()).unwrap();
    let source = || builder(endpoint.clone(), voucherify_credentials(), &clock).build();
    let sources: Vec<TokenSource> = (0..SOURCES).map(|_| source()).collect();
    for source in &sources {
        assert!(source.try_header().is_none());
    }
    server.arrived(SOURCES).await;
    assert!(metrics.num_alive_tasks() >= SOURCES, "a fetch each");
    drop((sources, endpoint));
    limit(async {
        while metrics.num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!((clock.sleepers(), server.count()), (0, SOURCES));
}

#[tokio::test]
async fn a_single_use_refresh_completes_though_its_source_is_dropped() {
    let clock = TestClock::new();
    let server = Server::new(zenoti_pair(1, clock.wall()));
    let store = Arc::new(freshtoken::store::MemoryStore::new());
    let source = || {
        let endpoint = zenoti::Endpoint::at(server.url()).unwrap();
        builder(endpoint, zenoti_credentials(), &clock).store(store.clone(), "acme").build()
    };
    let tokens = source();
    ask(&tokens).await.unwrap();
    clock.advance(s(DAY + 2));
    server.does(zenoti_pair(2, clock.wall()));
    server.close();
    assert!(tokens.try_header().is_none());
    server.arrived(2).await;
    drop(tokens);
    settle().await;
    server.open();
    assert_eq!(ask(&source()).await.unwrap(), "access-2");
    assert_eq!(server.zenoti_saw(), ["login", "refresh refresh-1"]);
}

#[cfg(feature = "rustls")]
#[test]
fn missing_certificates_are_a_passing_fault() {
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "endings::no_certificate_is_found", "--ignored"]);
    let output = again.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

#[cfg(feature = "rustls")]
#[tokio::test]
#[ignore = "of a process without certificates"]
async fn no_certificate_is_found() {
    let clock = TestClock::new();
    let tokens = builder(voucherify::Endpoint::europe(), voucherify_credentials(), &clock).build();
    for wait in [1, 2, 4] {
        let error = ask(&tokens).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(wait))));
        assert_eq!(
            format!("{error:#}"),
            format!(
                "voucherify: cannot log in now (next try in {wait} s): endpoint: the HTTP client cannot be built: no CA \
                 certificates were found: install them or set SSL_CERT_FILE: builder error: unexpected error: No CA \
                 certificates were loaded from the system"
            )
        );
        clock.advance(s(wait));
    }
    // Plain HTTP needs no certificates.
    let server = Server::new(voucherify_token("token", clock.wall()));
    assert_eq!(ask(&voucherify_at(&server, &clock)).await.unwrap(), "token");
}
