//! The suite in `freshtoken::testing`: our stores pass it, and it names what a broken store breaks.
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test may")]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use freshtoken::store::{Entry, Key, Loaded, MemoryStore, Store, StoreError};
use freshtoken::testing::{Report, check_store};
use tokio::task::LocalSet;

#[tokio::test]
async fn a_memory_store_keeps_every_promise() {
    let store = Arc::new(MemoryStore::new());
    check_store(async || store.clone()).await.assert();
}

#[cfg(feature = "file")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_store_keeps_every_promise() {
    use freshtoken::store::FileStore;

    let dir = std::env::temp_dir().join(format!("freshtoken-conformance-{}", std::process::id()));
    let start = Instant::now();
    let report = check_store(async || FileStore::open(&dir).unwrap()).await;
    assert!(start.elapsed() < Duration::from_secs(30), "the suite took {:?}", start.elapsed());
    std::fs::remove_dir_all(&dir).unwrap();
    report.assert();
}

/// What a store gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    InventsRecords,
    LosesGenerations,
    EscapesQuotes,
    CutsLongTexts,
    IgnoresMissing,
    ComparesWithLess,
    ComparesWithGreater,
    FloatGenerations,
    ReadsThenWrites,
    Caches,
    JoinsFields,
    IgnoresCase,
    IgnoresScopes,
    KeepsFirstExpiry,
    OverflowsExpiry,
    MillisecondsAsSeconds,
    ClockGoesBack,
    ChangedPanicsLater,
    SharesLeases,
    QueuesForLeases,
    LeaseForAll,
    ReleasesNothing,
    ReleasesAny,
    LeasesForever,
    LeasesForAnInstant,
    RenewsNothing,
    RenewsFromTheStart,
    RevivesExpired,
    RenewsAny,
    Fails,
}

#[derive(Default)]
struct Database {
    records: HashMap<String, (u64, String, Option<Instant>)>,
    leases: HashMap<String, Held>,
    clock: u64,
}

struct Held {
    owner: String,
    start: Instant,
    until: Instant,
}

impl Held {
    fn is_live(&self) -> bool {
        self.until > Instant::now()
    }
}

/// A small database with one fault, and a handle to it.
struct Faulty {
    fault: Fault,
    database: Arc<Mutex<Database>>,
    cache: Mutex<HashMap<String, Option<Entry>>>,
    poisoned: Mutex<HashSet<String>>,
    calls: AtomicU64,
}

struct Lease {
    owner: String,
}

impl Faulty {
    fn name(&self, key: &Key) -> String {
        match self.fault {
            Fault::JoinsFields => format!("{}:{}:{}:{}", key.vendor, key.server, key.account, key.requested),
            Fault::IgnoresCase => {
                Key::new(key.vendor, &*key.server, key.account.to_lowercase(), &*key.requested).digest()
            }
            Fault::IgnoresScopes => Key::new(key.vendor, &*key.server, &*key.account, "").digest(),
            _ => key.digest(),
        }
    }

    fn stored_text(&self, text: &str) -> String {
        match self.fault {
            Fault::EscapesQuotes => text.replace('\'', "''"),
            Fault::CutsLongTexts => text.chars().take(4000).collect(),
            _ => text.to_owned(),
        }
    }

    fn matches(&self, stored: Option<u64>, expected: u64) -> bool {
        match (self.fault, stored) {
            (Fault::IgnoresMissing, None) => true,
            (Fault::ComparesWithLess, Some(stored)) => stored <= expected,
            (Fault::ComparesWithGreater, Some(stored)) => stored >= expected,
            (Fault::FloatGenerations, Some(stored)) => stored as f64 == expected as f64,
            (_, stored) => stored.unwrap_or(0) == expected,
        }
    }

    fn keep_until(&self, first: Option<Instant>, entry: &Entry) -> Option<Instant> {
        let until = Instant::now().checked_add(entry.keep_for()?);
        match self.fault {
            Fault::KeepsFirstExpiry => first.or(until),
            Fault::OverflowsExpiry => {
                Some(Instant::now() + Duration::from_secs(u64::from(entry.keep_for()?.as_secs() as u32)))
            }
            _ => until,
        }
    }

    fn read(&self, key: &Key) -> Option<Entry> {
        let database = self.database.lock().unwrap();
        let (generation, text, until) = database.records.get(&self.name(key))?;
        let generation = if self.fault == Fault::LosesGenerations { 1 } else { *generation };
        until.is_none_or(|until| until > Instant::now()).then(|| Entry::new(generation, text.as_str()))
    }

    fn now(&self) -> SystemTime {
        let now = SystemTime::now();
        match self.fault {
            Fault::MillisecondsAsSeconds => now + Duration::from_secs(1_000_000_000),
            Fault::ClockGoesBack => {
                let mut database = self.database.lock().unwrap();
                database.clock += 1;
                now - Duration::from_secs(database.clock)
            }
            _ => now,
        }
    }

    fn lease(&self, name: &str, owner: &str, ttl: Duration) -> Option<Lease> {
        let mut database = self.database.lock().unwrap();
        let is_held = database.leases.get(name).is_some_and(Held::is_live);
        if is_held && self.fault != Fault::SharesLeases {
            return None;
        }
        let start = Instant::now();
        let until = match self.fault {
            Fault::LeasesForever => start + Duration::from_secs(3600),
            Fault::LeasesForAnInstant => start,
            _ => start + ttl,
        };
        database.leases.insert(name.to_owned(), Held { owner: owner.to_owned(), start, until });
        Some(Lease { owner: owner.to_owned() })
    }
}

impl Store for Faulty {
    type Lease = Lease;

    async fn load(&self, key: &Key) -> Result<Loaded, StoreError> {
        if self.fault == Fault::Fails && self.calls.fetch_add(1, Ordering::Relaxed) % 3 == 2 {
            return Err("the connection is gone".into());
        }
        if self.poisoned.lock().unwrap().contains(&self.name(key)) {
            return Err("a watcher is gone".into());
        }
        if self.fault == Fault::InventsRecords {
            return Ok(Loaded::from(Some(self.read(key).unwrap_or_else(|| Entry::new(0, "")))).at(self.now()));
        }
        let entry = match self.fault {
            Fault::Caches => self.cache.lock().unwrap().entry(self.name(key)).or_insert_with(|| self.read(key)).clone(),
            _ => self.read(key),
        };
        Ok(Loaded::from(entry).at(self.now()))
    }

    async fn compare_and_store(&self, key: &Key, expected: u64, entry: Entry) -> Result<bool, StoreError> {
        let text = self.stored_text(entry.text()?.expose());
        let name = self.name(key);
        if self.fault == Fault::Caches {
            self.cache.lock().unwrap().remove(&name);
        }
        let stored = self.database.lock().unwrap().records.get(&name).map(|record| record.0);
        if !self.matches(stored, expected) {
            return Ok(false);
        }
        if self.fault == Fault::ReadsThenWrites {
            tokio::task::yield_now().await;
        }
        let mut database = self.database.lock().unwrap();
        let current = database.records.get(&name);
        if self.fault != Fault::ReadsThenWrites && current.map(|record| record.0) != stored {
            return Ok(false);
        }
        let until = self.keep_until(current.and_then(|record| record.2), &entry);
        database.records.insert(name, (entry.generation(), text, until));
        Ok(true)
    }

    async fn try_lease(&self, key: &Key, owner: &str, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let name = if self.fault == Fault::LeaseForAll { String::new() } else { self.name(key) };
        loop {
            if let Some(lease) = self.lease(&name, owner, ttl) {
                return Ok(Some(lease));
            }
            if self.fault != Fault::QueuesForLeases {
                return Ok(None);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn renew_lease(&self, key: &Key, lease: &Lease, ttl: Duration) -> Result<bool, StoreError> {
        let mut database = self.database.lock().unwrap();
        let Some(held) = database.leases.get_mut(&self.name(key)) else { return Ok(false) };
        let is_owner = held.owner == lease.owner || self.fault == Fault::RenewsAny;
        let is_live = held.is_live() || self.fault == Fault::RevivesExpired;
        if !is_owner || !is_live {
            return Ok(false);
        }
        match self.fault {
            Fault::RenewsNothing => {}
            Fault::RenewsFromTheStart => held.until = held.start + ttl,
            _ => held.until = Instant::now() + ttl,
        }
        Ok(true)
    }

    async fn release_lease(&self, key: &Key, lease: Lease) -> Result<(), StoreError> {
        let mut database = self.database.lock().unwrap();
        let name = self.name(key);
        let is_owner = database.leases.get(&name).is_some_and(|held| held.owner == lease.owner);
        if (is_owner || self.fault == Fault::ReleasesAny) && self.fault != Fault::ReleasesNothing {
            database.leases.remove(&name);
        }
        Ok(())
    }

    async fn changed(&self, key: &Key) {
        if self.fault == Fault::ChangedPanicsLater {
            self.poisoned.lock().unwrap().insert(self.name(key));
        }
        std::future::pending().await
    }
}

async fn check(fault: Fault) -> Report {
    let database = Arc::new(Mutex::new(Database::default()));
    check_store(async || Faulty {
        fault,
        database: database.clone(),
        cache: Mutex::default(),
        poisoned: Mutex::default(),
        calls: AtomicU64::new(0),
    })
    .await
}

fn names(report: &Report) -> Vec<&'static str> {
    report.broken().iter().map(|broken| broken.name).collect()
}

/// The promises that each fault breaks, and no others.
const NARROW: &[(Fault, &[&str])] = &[
    (Fault::None, &[]),
    (Fault::InventsRecords, &["nothing", "compare", "no-cache"]),
    (Fault::EscapesQuotes, &["any-text"]),
    (Fault::CutsLongTexts, &["large-record"]),
    (Fault::IgnoresMissing, &["compare"]),
    (Fault::ComparesWithLess, &["compare"]),
    (Fault::ComparesWithGreater, &["compare", "exact-generation", "one-winner"]),
    (Fault::FloatGenerations, &["exact-generation"]),
    (Fault::ReadsThenWrites, &["one-winner"]),
    (Fault::Caches, &["no-cache", "changed"]),
    (Fault::JoinsFields, &["separate-keys"]),
    (Fault::IgnoresCase, &["separate-keys"]),
    (Fault::IgnoresScopes, &["separate-keys", "lease-per-key"]),
    (Fault::KeepsFirstExpiry, &["keep-for"]),
    (Fault::OverflowsExpiry, &["keep-for"]),
    (Fault::MillisecondsAsSeconds, &["clock"]),
    (Fault::ClockGoesBack, &["clock"]),
    (Fault::ChangedPanicsLater, &["changed"]),
    (Fault::SharesLeases, &["exclusive-lease", "owner-check", "lease-expiry", "renewal"]),
    (Fault::ReleasesNothing, &["release"]),
    (Fault::ReleasesAny, &["owner-check"]),
    (Fault::LeasesForever, &["owner-check", "lease-expiry", "no-revival", "dropped-lease"]),
    (Fault::RenewsNothing, &["renewal"]),
    (Fault::RenewsFromTheStart, &["renewal"]),
    (Fault::RevivesExpired, &["no-revival"]),
    (Fault::RenewsAny, &["no-revival"]),
];

/// Faults that break nearly everything, and a promise that must be among them.
const WIDE: &[(Fault, &str)] = &[
    (Fault::LosesGenerations, "round-trip"),
    (Fault::QueuesForLeases, "exclusive-lease"),
    (Fault::LeaseForAll, "lease-per-key"),
    (Fault::LeasesForAnInstant, "lease-expiry"),
    (Fault::Fails, "compare"),
];

#[tokio::test]
async fn each_fault_is_named_by_its_promise() {
    let checks = LocalSet::new();
    let mut narrow: Vec<_> = NARROW.iter().map(|(fault, names)| (names, checks.spawn_local(check(*fault)))).collect();
    let mut wide: Vec<_> = WIDE.iter().map(|(fault, name)| (name, checks.spawn_local(check(*fault)))).collect();
    checks.await;
    let mut surprises = Vec::new();
    for ((expected, report), (fault, _)) in narrow.iter_mut().zip(NARROW) {
        let report = report.await.unwrap();
        if names(&report) != **expected {
            surprises.push(format!("{fault:?}, expected {expected:?}: {report}"));
        }
    }
    for ((expected, report), (fault, _)) in wide.iter_mut().zip(WIDE) {
        let report = report.await.unwrap();
        if !names(&report).contains(expected) {
            surprises.push(format!("{fault:?}, expected {expected}: {report}"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n\n"));
}

#[tokio::test]
async fn a_report_says_what_was_expected_and_what_happened() {
    let report = check(Fault::CutsLongTexts).await;
    let expected = "\
the store breaks a promise:
- large-record: a record may have 64 KiB
  expected: load of a record of 64 KiB: \"generation 7 with the same text\"
  found: \"generation 7 with a string of 4000 bytes instead of 65536, different from character 4000 on: None instead of Some('0')\"";
    assert_eq!(report.to_string(), expected);
    let panic = std::panic::catch_unwind(|| report.assert()).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), expected);
}
