//! A suite that checks a store of your own (feature `testing`).
//!
//! [`check_store`] tries every promise of [`Store`], and the [`Report`] names those that are broken:
//!
//! ```
//! # use std::sync::Arc;
//! # use freshtoken::store::MemoryStore as MyStore;
//! use freshtoken::testing::check_store;
//!
//! # #[tokio::main]
//! # async fn main() {
//! let database = Arc::new(MyStore::new());
//! check_store(async || database.clone()).await.assert();
//! # }
//! ```

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use self::subject::{Failure, Subject};
use crate::store::Store;

mod leases;
mod records;
mod subject;

/// Checks every promise of a store. `open` is called twice, for two handles to one database: two connections, or two clones of
/// an `Arc` where the store is the database.
///
/// Call it on a tokio runtime, of several threads if your store blocks. It takes about two seconds, because leases have to
/// expire. Its records have random keys, and a minute as [`Entry::keep_for`](crate::store::Entry::keep_for). It cannot check
/// that a store is durable, or that it reconnects.
pub async fn check_store<S: Store>(open: impl AsyncFn() -> S) -> Report {
    let subject = Subject::new(open().await, open().await);
    let mut broken = Vec::new();
    for (promise, check) in quick_checks(&subject) {
        broken.extend(check.await.err().map(|failure| BrokenPromise::new(promise, failure)));
    }
    let (promises, checks): (Vec<_>, Vec<_>) = waiting_checks(&subject).into_iter().unzip();
    for (promise, result) in promises.into_iter().zip(join(checks).await) {
        broken.extend(result.err().map(|failure| BrokenPromise::new(promise, failure)));
    }
    Report { broken }
}

/// A promise: its name, and what it says.
type Promise = (&'static str, &'static str);

type Check<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>>;

fn quick_checks<S: Store>(subject: &Subject<S>) -> Vec<(Promise, Check<'_>)> {
    vec![
        (("nothing", "a key without a record has none"), Box::pin(records::nothing(subject))),
        (
            ("round-trip", "a load returns the text and the generation that were stored"),
            Box::pin(records::round_trip(subject)),
        ),
        (
            ("any-text", "a text may have quotes, line breaks and any other character"),
            Box::pin(records::any_text(subject)),
        ),
        (("large-record", "a record may have 64 KiB"), Box::pin(records::large(subject))),
        (
            ("compare", "a record is stored only if the stored generation is the expected one"),
            Box::pin(records::compare(subject)),
        ),
        (
            ("exact-generation", "a generation is stored exactly, also above 2^53"),
            Box::pin(records::exact_generation(subject)),
        ),
        (("one-winner", "of several stores at once, one takes effect"), Box::pin(records::one_winner(subject))),
        (("no-cache", "a load returns what was stored last, by any process"), Box::pin(records::no_cache(subject))),
        (("separate-keys", "keys that differ in any field are separate"), Box::pin(records::separate_keys(subject))),
        (("clock", "the time of a load is that of a clock that runs"), Box::pin(records::clock(subject))),
        (("changed", "waiting for a change does no harm"), Box::pin(records::changed(subject))),
    ]
}

/// Checks that wait until something expires.
fn waiting_checks<S: Store>(subject: &Subject<S>) -> Vec<(Promise, Check<'_>)> {
    vec![
        (("keep-for", "a record stays for as long as it is needed"), Box::pin(records::keep_for(subject))),
        (
            ("exclusive-lease", "a lease has one holder, and `try_lease` returns `None` to others at once"),
            Box::pin(leases::exclusive(subject)),
        ),
        (
            ("lease-per-key", "each key has a lease of its own, which locks no record"),
            Box::pin(leases::per_key(subject)),
        ),
        (("release", "a released lease is free at once"), Box::pin(leases::release(subject))),
        (
            ("owner-check", "a former holder does not release the lease of another"),
            Box::pin(leases::owner_check(subject)),
        ),
        (("lease-expiry", "a lease lasts for its `ttl`, and then it is free"), Box::pin(leases::expiry(subject))),
        (("renewal", "a renewal extends a lease from the moment of the renewal"), Box::pin(leases::renewal(subject))),
        (("no-revival", "a lease that has expired or was taken is not renewed"), Box::pin(leases::no_revival(subject))),
        (("dropped-lease", "a lease that is dropped is free after its `ttl`"), Box::pin(leases::dropped(subject))),
    ]
}

/// Runs the checks that wait at once.
async fn join(mut checks: Vec<Check<'_>>) -> Vec<Result<(), Failure>> {
    let mut results: Vec<_> = checks.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (check, result) in checks.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(output) = check.as_mut().poll(context)
            {
                *result = Some(output);
            }
        }
        if results.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}

/// What [`check_store`] found. `Display` lists every broken promise, with what was expected and what happened.
#[derive(Clone, Debug)]
#[must_use = "call `assert`, or look at `broken`"]
pub struct Report {
    broken: Vec<BrokenPromise>,
}

impl Report {
    /// Panics if a promise is broken, with the list of all that are.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.broken.is_empty(), "{self}");
    }

    /// Returns the broken promises.
    pub fn broken(&self) -> &[BrokenPromise] {
        &self.broken
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.broken.len() {
            0 => return f.write_str("the store keeps every promise"),
            1 => f.write_str("the store breaks a promise:")?,
            count => write!(f, "the store breaks {count} promises:")?,
        }
        self.broken.iter().try_for_each(|broken| write!(f, "\n{broken}"))
    }
}

/// A promise of [`Store`] that a store does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokenPromise {
    /// The name of the promise, such as `no-cache`.
    pub name: &'static str,
    /// What it says.
    pub promise: &'static str,
    /// What the suite did, and expected.
    pub expected: String,
    /// What happened.
    pub found: String,
}

impl BrokenPromise {
    fn new((name, promise): Promise, failure: Failure) -> Self {
        let (expected, found) = match failure {
            Failure::Mismatch { expected, found } => (expected, found),
            Failure::TooSlow => (
                "operations that are faster than 2.4 s".into(),
                "what should last for 2.4 s expired before the next operation was done".into(),
            ),
        };
        Self { name, promise, expected, found }
    }
}

impl fmt::Display for BrokenPromise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, promise, expected, found } = self;
        write!(f, "- {name}: {promise}\n  expected: {expected}\n  found: {found}")
    }
}
