//! The store with Sentinel: `cargo test -p freshtoken-redis --features sentinel -- --ignored`.
#![cfg(feature = "sentinel")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test may")]

use std::fs;
use std::time::{Duration, Instant};

use freshtoken::store::{Entry, Key, Store};
use freshtoken_redis::RedisStore;

use self::support::Server;

mod support;

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn after_a_failover_the_new_primary_is_used() {
    let primary = Server::start(&["--requirepass", "hunter2", "--masterauth", "hunter2"]);
    let port = primary.port.to_string();
    let replica =
        Server::start(&["--requirepass", "hunter2", "--masterauth", "hunter2", "--replicaof", "127.0.0.1", &port]);
    let auth = ["-a", "hunter2", "--no-auth-warning"];
    let info = |server: &Server| server.cli(&[&auth[..], &["info", "replication"]].concat());
    wait_until("the replica is online", || info(&primary).contains("state=online"));

    let config = std::env::temp_dir().join(format!("freshtoken-sentinel-{}.conf", std::process::id()));
    let watched = format!("sentinel monitor main 127.0.0.1 {port} 1\nsentinel auth-pass main hunter2\n");
    fs::write(&config, watched + "sentinel down-after-milliseconds main 1000\n").unwrap();
    let sentinel = Server::start_with_config(&config, &["--sentinel"]);
    wait_until("the sentinel knows the replica", || {
        sentinel.cli(&["sentinel", "replicas", "main"]).contains(&replica.port.to_string())
    });

    let store = RedisStore::sentinel([sentinel.url()], "main", "redis://:hunter2@primary").await.unwrap();
    let key = Key::new("acme", "https://acme.example", "tenant-17", "");
    let store = store.wait_for_replicas(1);
    assert!(store.compare_and_store(&key, 0, Entry::new(1, "one")).await.unwrap());
    let error = RedisStore::sentinel([sentinel.url()], "other", "redis://primary").await.unwrap_err().to_string();
    assert!(error.contains("no sentinel knows a service of this name"), "{error}");

    drop(primary);
    wait_until("the replica takes over", || info(&replica).contains("role:master"));
    let store = store.wait_for_replicas(0);
    let start = Instant::now();
    let loaded = loop {
        match store.load(&key).await {
            Ok(loaded) => break loaded,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(30), "{error}"),
        }
    };
    assert_eq!(loaded.entry.unwrap().generation(), 1);
    assert!(store.compare_and_store(&key, 1, Entry::new(2, "two")).await.unwrap());
    let _ = fs::remove_file(config);
}
