//! The store with a Redis Cluster: `cargo test -p freshtoken-redis --features cluster -- --ignored`.
#![cfg(feature = "cluster")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test may")]

use std::process::Command;
use std::time::{Duration, Instant};

use freshtoken::store::{Entry, Key, Store};
use freshtoken::testing::check_store;
use freshtoken_redis::RedisStore;

use self::support::Server;

mod support;

/// Three primaries without replicas.
fn start() -> Vec<Server> {
    let nodes: Vec<_> = (0..3).map(|_| Server::start(&["--cluster-enabled", "yes"])).collect();
    let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
    let status = Command::new("redis-cli").args(["--cluster", "create"]).args(addresses).arg("--cluster-yes").output();
    assert!(status.unwrap().status.success());
    let start = Instant::now();
    while !nodes.iter().all(|node| node.cli(&["cluster", "info"]).contains("cluster_state:ok")) {
        assert!(start.elapsed() < Duration::from_secs(30));
    }
    nodes
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_cluster_keeps_every_promise() {
    let nodes = start();
    check_store(async || RedisStore::cluster(nodes.iter().map(Server::url)).await.unwrap()).await.assert();

    // One of its nodes is no cluster, and the error says what to use.
    let store = RedisStore::connect(nodes[0].url()).await.unwrap();
    let key = |account: &str| Key::new("acme", "https://acme.example", account, "");
    let mut errors = Vec::new();
    for account in ["a", "b", "c", "d", "e", "f"] {
        errors.extend(store.load(&key(account)).await.err().map(|error| error.to_string()));
    }
    assert!(!errors.is_empty() && errors.iter().all(|error| error.contains("RedisStore::cluster")), "{errors:?}");

    let store = RedisStore::cluster([nodes[0].url()]).await.unwrap().wait_for_replicas(1);
    for account in ["a", "b", "c", "d", "e", "f"] {
        let error = store.compare_and_store(&key(account), 0, Entry::new(1, "one")).await.unwrap_err().to_string();
        assert!(error.contains("0 of 1 replicas"), "{error}");
        assert_eq!(store.load(&key(account)).await.unwrap().entry.unwrap().generation(), 1);
    }
}
