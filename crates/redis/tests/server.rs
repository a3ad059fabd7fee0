//! The store with a real server: `cargo test -p freshtoken-redis -- --ignored`, with redis-server installed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test may")]

use std::time::{Duration, Instant};

use freshtoken::store::{Entry, Key, Sealing, Store};
use freshtoken::testing::check_store;
use freshtoken_redis::RedisStore;

use self::support::Server;

mod support;

fn key() -> Key {
    Key::new("acme", "https://acme.example", "tenant-17", "")
}

fn record(kind: &str) -> String {
    format!("freshtoken:{{{}}}:{kind}", key().digest())
}

async fn write(store: &RedisStore, expected: u64, generation: u64) -> Result<bool, String> {
    let entry = Entry::new(generation, format!("hunter{generation}"));
    store.compare_and_store(&key(), expected, entry).await.map_err(|error| error.to_string())
}

async fn read(store: &RedisStore) -> Result<Option<u64>, String> {
    let loaded = store.load(&key()).await.map_err(|error| error.to_string())?;
    Ok(loaded.entry.map(|entry| entry.generation()))
}

const TTL: Duration = Duration::from_secs(10);

#[tokio::test]
#[ignore = "needs redis-server"]
async fn every_promise_is_kept() {
    let server = Server::start(&[]);
    let start = Instant::now();
    check_store(async || RedisStore::connect(server.url()).await.unwrap()).await.assert();
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_record_is_sealed_and_expires_only_with_its_tokens() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(server.url()).await.unwrap();
    assert_eq!(store.sealing(), Sealing::Required);
    let entry = Entry::new(1, "one").with_keep_for(Duration::from_secs(3600));
    assert!(store.compare_and_store(&key(), 0, entry).await.unwrap());
    let remaining: i64 = server.cli(&["pttl", &record("record")]).parse().unwrap();
    assert!((3_590_000..=3_600_000).contains(&remaining), "{remaining}");
    assert_eq!(write(&store, 1, 2).await, Ok(true));
    assert_eq!(server.cli(&["pttl", &record("record")]), "-1");
    let entry = Entry::new(3, "three").with_keep_for(Duration::MAX);
    assert!(store.compare_and_store(&key(), 2, entry).await.unwrap());
    assert_eq!(server.cli(&["hget", &record("record"), "generation"]), "3");

    let lease = store.try_lease(&key(), "owner", TTL).await.unwrap().unwrap();
    let remaining: i64 = server.cli(&["pttl", &record("lease")]).parse().unwrap();
    assert!((5_000..=10_000).contains(&remaining), "{remaining}");
    store.release_lease(&key(), lease).await.unwrap();
    assert_eq!(server.cli(&["keys", "*"]), record("record"));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn stores_with_different_prefixes_share_nothing() {
    let server = Server::start(&[]);
    let one = RedisStore::connect(server.url()).await.unwrap().prefix("one:");
    let other = RedisStore::connect(server.url()).await.unwrap().prefix("other:");
    assert_eq!(write(&one, 0, 1).await, Ok(true));
    assert_eq!(read(&other).await, Ok(None));
    let _lease = one.try_lease(&key(), "owner", TTL).await.unwrap().unwrap();
    assert!(other.try_lease(&key(), "owner", TTL).await.unwrap().is_some());
    assert!(one.try_lease(&key(), "owner", TTL).await.unwrap().is_none());
    assert!(server.cli(&["keys", "*"]).lines().all(|name| name.starts_with("one:{") || name.starts_with("other:{")));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_renewal_takes_six_round_trips() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(server.url()).await.unwrap();
    server.cli(&["config", "resetstat"]);
    read(&store).await.unwrap();
    let lease = store.try_lease(&key(), "owner", TTL).await.unwrap().unwrap();
    read(&store).await.unwrap();
    write(&store, 0, 1).await.unwrap();
    write(&store, 1, 2).await.unwrap();
    store.release_lease(&key(), lease).await.unwrap();
    let stats = server.cli(&["info", "commandstats"]);
    assert!(stats.contains("cmdstat_eval:calls=6,"), "{stats}");
    assert!(!stats.contains("cmdstat_ping") && !stats.contains("cmdstat_client"), "{stats}");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn after_a_restart_every_call_works() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = RedisStore::connect(server.url()).await.unwrap();
    assert_eq!(write(&store, 0, 1).await, Ok(true));
    // While nothing was called.
    server.kill();
    server.restart();
    assert_eq!(write(&store, 1, 2).await, Ok(true));
    server.kill();
    server.restart();
    assert_eq!(read(&store).await, Ok(Some(2)));

    server.kill();
    for _ in 0..3 {
        let start = Instant::now();
        let error = read(&store).await.unwrap_err();
        assert!(error.contains("cannot reach Redis"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    server.restart();
    assert_eq!(read(&store).await, Ok(Some(2)));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_server_that_hangs_fails_calls_within_their_limit() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(server.url()).await.unwrap();
    server.signal("STOP");
    for _ in 0..2 {
        let start = Instant::now();
        let error = write(&store, 0, 1).await.unwrap_err();
        assert!(error.contains("does not respond in time"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
    server.signal("CONT");
    // What timed out may have happened, and may happen later.
    let stored = read(&store).await.unwrap().unwrap_or(0);
    assert!(stored <= 1);
    assert!(write(&store, stored, 7).await.is_ok());
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn no_error_contains_a_password_or_a_record() {
    let server = Server::start(&["--requirepass", "hunter-right"]);
    let url = |password: &str| format!("redis://:{password}@127.0.0.1:{}", server.port);
    let mut errors = Vec::new();
    for (bad, expected) in [
        (&*url("hunter-wrong"), "Redis refuses the user or the password"),
        (&server.url(), "Redis reports NOAUTH"),
        ("redis://:hunter-x@127.0.0.1:1", "cannot reach Redis: Connection refused"),
        #[cfg(feature = "rustls")]
        (&url("hunter-x").replace("redis:", "rediss:"), "Redis"),
        ("redis://:hunter-x@127.0.0.1:99999", "cannot use the URL of Redis"),
        ("redis://user:hunter-x@[::bad/0", "cannot use the URL of Redis"),
        ("redis://:hunter-x@127.0.0.1/hunter", "cannot use the URL of Redis"),
        ("hunter://127.0.0.1", "cannot use the URL of Redis"),
    ] {
        let error = RedisStore::connect(bad).await.unwrap_err();
        errors.push((error.to_string(), expected));
        errors.push((format!("{error:?}"), expected));
    }
    let store = RedisStore::connect(url("hunter-right")).await.unwrap();
    assert_eq!(write(&store, 0, 1).await, Ok(true));
    assert_eq!(format!("{store:?}"), "RedisStore { prefix: \"freshtoken:\", replicas: 0 }");
    let cli = |args: &[&str]| server.cli(&[&["-a", "hunter-right", "--no-auth-warning"], args].concat());
    let record = record("record");
    let broken: [(&[&[&str]], &str); 4] = [
        (&[&["hset", &record, "generation", "hunter"]], "cannot understand the response"),
        (&[&["del", &record], &["hset", &record, "generation", "1"]], "cannot understand the response"),
        (&[&["set", &record, "hunter"]], "Redis reports WRONGTYPE: another program uses a key"),
        (&[&["del", &record], &["hset", &record, "hunter", "x"]], "Redis reports FOREIGN: another program uses a key"),
    ];
    for (commands, expected) in broken {
        commands.iter().for_each(|command| drop(cli(command)));
        errors.push((read(&store).await.unwrap_err(), expected));
        errors.extend(write(&store, 0, 3).await.err().map(|error| (error, expected)));
    }
    assert_eq!(cli(&["hget", &record, "hunter"]), "x", "another program's value is kept");
    cli(&["del", &record]);
    cli(&["config", "set", "maxmemory", "1"]);
    errors.push((write(&store, 0, 3).await.unwrap_err(), "Redis reports OOM"));
    cli(&["acl", "setuser", "default", "-eval"]);
    errors.push((write(&store, 0, 3).await.unwrap_err(), "Redis reports NOPERM: let the user run EVAL"));
    for (error, expected) in errors {
        assert!(error.contains(expected) && !error.contains("hunter"), "{expected}: {error}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_write_that_too_few_replicas_confirm_is_an_error() {
    let primary = Server::start(&[]);
    let store = RedisStore::connect(primary.url()).await.unwrap().wait_for_replicas(1);
    let error = write(&store, 0, 1).await.unwrap_err();
    assert!(error.contains("0 of 1 replicas"), "{error}");
    assert_eq!(read(&store).await, Ok(Some(1)), "it is unknown whether it was stored, and it was");
    assert_eq!(write(&store, 0, 9).await, Ok(false));

    let replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
    let start = Instant::now();
    while !primary.cli(&["info", "replication"]).contains("state=online") {
        assert!(start.elapsed() < Duration::from_secs(20));
    }
    assert_eq!(write(&store, 1, 2).await, Ok(true));
    assert_eq!(replica.cli(&["hget", &record("record"), "generation"]), "2");

    // A replica is told from a primary.
    let store = RedisStore::connect(replica.url()).await.unwrap();
    let error = write(&store, 2, 3).await.unwrap_err();
    assert!(error.contains("READONLY"), "{error}");
    replica.cli(&["replicaof", "no", "one"]);
    assert_eq!(write(&store, 2, 3).await, Ok(true));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_lazy_store_connects_when_the_server_is_there() {
    let mut server = Server::start(&[]);
    server.kill();
    assert!(RedisStore::connect(server.url()).await.is_err());
    let store = RedisStore::lazy(server.url()).unwrap();
    assert!(read(&store).await.is_err());
    server.restart();
    assert_eq!(read(&store).await, Ok(None));
}

#[test]
#[ignore = "needs redis-server"]
fn a_store_outlives_the_runtime_that_opened_its_connection() {
    let server = Server::start(&[]);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime().block_on(RedisStore::connect(server.url())).unwrap();
    for generation in 0..2 {
        assert_eq!(runtime().block_on(write(&store, generation, generation + 1)), Ok(true));
    }
}
