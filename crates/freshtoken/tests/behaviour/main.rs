//! Behaviour that a scenario cannot express: tasks, runtimes, stores and callbacks. `tests/README.md` says which test proves
//! what.
#![allow(clippy::unwrap_used)]

mod callbacks;
mod callers;
mod fleet;
mod renewals;
mod runtimes;
mod stores;
#[path = "../support/mod.rs"]
mod support;
mod token_sources;

use std::sync::Arc;

use freshtoken::store::Store;
use freshtoken::{RefreshTokens, TokenKind, TokenPolicy, TokenSource};
use support::{Fixed, Issuer, TestClock, acme};
use tokio::runtime::{Builder, Runtime};

const BASE: TokenPolicy = TokenPolicy::new("acme").revoke(TokenKind::Access);
policy!(LogsIn = BASE);
policy!(RefreshesOnce = BASE.refresh(RefreshTokens::SingleUse));
policy!(NeedsConsent = BASE.login(false).refresh(RefreshTokens::SingleUse));

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

#[test]
fn every_test_named_in_the_readme_exists() {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    let read = |path: &str| std::fs::read_to_string(format!("{tests}/{path}")).unwrap();
    let overview = ["README.md", "../src/_guide/replicas.md", "../src/_guide/what_happens_when.md"].map(read).concat();
    let mut count = 0;
    for row in overview.lines().filter(|line| line.starts_with("| ")) {
        for (kind, rest) in row.rsplit("| ").next().unwrap().split(", ").filter_map(|test| test.split_once(" `")) {
            let name = rest.split('`').next().unwrap();
            let exists = match kind.trim() {
                "scenario" => std::fs::exists(format!("{tests}/scenarios/{name}.md")).unwrap(),
                "freshtoken-wire's tests of" => continue,
                folder @ ("behaviour" | "bad_luck" | "http" | "secrets") => {
                    files_in(&format!("{tests}/{folder}")).iter().any(|file| has_test(file, name))
                }
                kind => [format!("{tests}/{kind}.rs"), format!("{tests}/../../../{kind}")]
                    .iter()
                    .any(|file| has_test(file, name)),
            };
            assert!(exists, "{kind} `{name}`");
            count += 1;
        }
    }
    assert!(count > 25, "{count}");
}

fn files_in(folder: &str) -> Vec<String> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = paths.flat_map(|path| {
        let name = path.to_str().unwrap().to_owned();
        if path.is_dir() { files_in(&name) } else { vec![name] }
    });
    found.collect()
}

fn has_test(file: &str, name: &str) -> bool {
    std::fs::read_to_string(file).is_ok_and(|text| text.contains(&format!("fn {name}(")))
}
