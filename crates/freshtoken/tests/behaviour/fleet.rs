//! Several processes share one token, and the store, the network or a process fails. A process is a runtime of its own, and
//! killing it drops the runtime.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use freshtoken::status::State;
use freshtoken::store::{Entry, Key, Loaded, Record, Store, StoreError};
use freshtoken::{ErrorKind, TokenSource};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::support::{Does, Fixed, HasPolicy, Issuer, TestClock, acme, ask, s, settle};
use crate::{DAY, LogsIn, NeedsConsent, RefreshesOnce, runtime};

/// A database that several processes use, with leases that end by its own clock.
#[derive(Clone)]
struct Database(Arc<Mutex<Tables>>);

struct Tables {
    clock: TestClock,
    /// Whether each load returns the time.
    tells_time: bool,
    entry: Option<Entry>,
    lease: Option<(String, Duration)>,
    is_down: bool,
    /// The next write succeeds, and its result is lost.
    loses_result: bool,
    /// Renewals of the lease find it gone.
    ends_leases: bool,
    calls: Vec<&'static str>,
}

impl Database {
    fn new(clock: &TestClock) -> Self {
        Self(Arc::new(Mutex::new(Tables {
            clock: clock.clone(),
            tells_time: false,
            entry: None,
            lease: None,
            is_down: false,
            loses_result: false,
            ends_leases: false,
            calls: Vec::new(),
        })))
    }

    fn call(&self, name: &'static str) -> Result<std::sync::MutexGuard<'_, Tables>, StoreError> {
        let mut tables = self.0.lock().unwrap();
        tables.calls.push(name);
        if tables.is_down { Err("the database is down".into()) } else { Ok(tables) }
    }

    fn change(&self, change: impl FnOnce(&mut Tables)) {
        change(&mut self.0.lock().unwrap());
    }

    /// The record, as a person who looks into the database sees it.
    fn record(&self) -> serde_json::Value {
        let text = self.0.lock().unwrap().entry.as_ref().unwrap().text();
        serde_json::from_str(text.unwrap().expose()).unwrap()
    }

    fn refresh_token(&self) -> String {
        self.record()["refresh"]["secret"].as_str().unwrap_or("none").to_owned()
    }

    /// The mark on the refresh token.
    fn mark(&self) -> String {
        self.record()["in_use"]["kind"].as_str().unwrap_or("none").to_owned()
    }
}

impl Store for Database {
    type Lease = String;

    async fn load(&self, _: &Key) -> Result<Loaded, StoreError> {
        let tables = self.call("load")?;
        let loaded =
            Loaded::from(tables.entry.as_ref().map(|entry| Entry::new(entry.generation(), entry.text().unwrap())));
        Ok(if tables.tells_time { loaded.at(tables.clock.wall()) } else { loaded })
    }

    async fn compare_and_store(&self, _: &Key, expected: u64, entry: Entry) -> Result<bool, StoreError> {
        let mut tables = self.call("store")?;
        let is_expected = tables.entry.as_ref().map_or(0, Entry::generation) == expected;
        if is_expected {
            tables.entry = Some(entry);
        }
        if std::mem::take(&mut tables.loses_result) { Err("the connection broke".into()) } else { Ok(is_expected) }
    }

    async fn try_lease(&self, _: &Key, owner: &str, ttl: Duration) -> Result<Option<String>, StoreError> {
        let mut tables = self.call("lease")?;
        let now = tables.clock.monotonic();
        if tables.lease.as_ref().is_some_and(|(_, until)| *until > now) {
            return Ok(None);
        }
        tables.lease = Some((owner.to_owned(), now + ttl));
        Ok(Some(owner.to_owned()))
    }

    async fn renew_lease(&self, _: &Key, lease: &String, ttl: Duration) -> Result<bool, StoreError> {
        let mut tables = self.call("renew")?;
        let (now, ends_leases) = (tables.clock.monotonic(), tables.ends_leases);
        let held = tables.lease.as_mut().filter(|(owner, until)| owner == lease && *until > now && !ends_leases);
        Ok(held.map(|(_, until)| *until = now + ttl).is_some())
    }

    async fn release_lease(&self, _: &Key, lease: String) -> Result<(), StoreError> {
        let mut tables = self.call("release")?;
        if tables.lease.as_ref().is_some_and(|(owner, _)| *owner == lease) {
            tables.lease = None;
        }
        Ok(())
    }
}

/// A fleet with one clock, one issuer and one database.
struct Fleet {
    issuer: Issuer,
    clock: TestClock,
    database: Database,
}

/// One process of it.
struct Process {
    runtime: Runtime,
    tokens: TokenSource,
}

impl Fleet {
    fn new() -> Self {
        let clock = TestClock::new();
        Self { issuer: Issuer::new(Does::issues_pairs(s(DAY))), database: Database::new(&clock), clock }
    }

    fn process<P: HasPolicy>(&self) -> Process {
        self.process_with::<P>(&self.clock, "consented")
    }

    fn process_with<P: HasPolicy>(&self, clock: &TestClock, start: &str) -> Process {
        let builder = TokenSource::builder(acme::<P>(&self.issuer), "password".to_owned()).refresh_token(start);
        let tokens = builder.clock(clock.clone()).random(Fixed(0.5)).store(self.database.clone(), "tenant").build();
        Process { runtime: runtime(), tokens }
    }

    /// Lets time pass for these processes, in steps of half a second for the last minute.
    fn pass(&self, time: Duration, processes: &[&Process]) {
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(left.saturating_sub(s(60)).max(Duration::from_millis(500)));
            self.clock.advance(step);
            left -= step;
            for process in processes {
                process.runtime.block_on(settle());
            }
        }
    }
}

impl Process {
    /// A caller asks, and waits if it has to.
    fn ask(&self) -> JoinHandle<Result<String, freshtoken::Error>> {
        let tokens = self.tokens.clone();
        let asking = self.runtime.spawn(async move { ask(&tokens).await });
        self.runtime.block_on(settle());
        asking
    }

    fn gets(&self) -> String {
        self.got(self.ask())
    }

    /// What a caller got.
    fn got(&self, asking: JoinHandle<Result<String, freshtoken::Error>>) -> String {
        assert!(asking.is_finished(), "the caller still waits");
        match self.runtime.block_on(asking).unwrap() {
            Ok(token) => token,
            Err(error) => format!("{:?}", error.kind()),
        }
    }

    fn kill(self) {
        drop(self.runtime);
    }
}

#[test]
fn a_holder_killed_before_the_mark_delays_others_by_its_lease() {
    let fleet = Fleet::new();
    let (dying, other) = (fleet.process::<RefreshesOnce>(), fleet.process::<RefreshesOnce>());
    assert_eq!(dying.gets(), "token-1");
    // It holds the lease, and waits for the expiry.
    fleet.pass(s(DAY - 1), &[&dying]);
    let _waiting = dying.ask();
    dying.kill();
    let asking = other.ask();
    assert!(!asking.is_finished());
    fleet.pass(s(11), &[&other]);
    assert_eq!(other.got(asking), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "refresh-1"]);
}

#[test]
fn a_holder_killed_after_the_mark_is_followed_by_a_login() {
    let fleet = Fleet::new();
    let (dying, other) = (fleet.process::<RefreshesOnce>(), fleet.process::<RefreshesOnce>());
    assert_eq!(dying.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.issuer.close();
    let _asking = dying.ask();
    assert_eq!(fleet.database.mark(), "first");
    dying.kill();
    fleet.issuer.open();
    let asking = other.ask();
    fleet.pass(s(11), &[&other]);
    assert_eq!(other.got(asking), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "refresh-1", "login"]);
}

#[test]
fn a_holder_killed_after_the_mark_is_followed_by_one_more_try() {
    let fleet = Fleet::new();
    let (dying, other) = (fleet.process::<NeedsConsent>(), fleet.process::<NeedsConsent>());
    assert_eq!(dying.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.issuer.close();
    let _asking = dying.ask();
    dying.kill();
    fleet.issuer.open();
    let asking = other.ask();
    fleet.pass(s(39), &[&other]);
    assert!(!asking.is_finished(), "the holder may be alive");
    fleet.pass(s(12), &[&other]);
    assert_eq!(other.got(asking), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "refresh-1", "refresh-1"]);
}

#[test]
fn a_young_process_keeps_no_other_from_sending_a_lost_refresh_token_again() {
    let fleet = Fleet::new();
    let (dying, watching) = (fleet.process::<NeedsConsent>(), fleet.process::<NeedsConsent>());
    assert_eq!(dying.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.issuer.close();
    let _asking = dying.ask();
    dying.kill();
    fleet.issuer.open();
    let asking = watching.ask();
    fleet.pass(s(8), &[&watching]);
    // It is the first to see that the lease has ended, and has 40 s to wait.
    let young = fleet.process::<NeedsConsent>();
    let _asking = young.ask();
    fleet.pass(s(34), &[&young, &watching]);
    assert_eq!(watching.got(asking), "token-2");
}

#[test]
fn a_holder_that_lost_its_lease_sends_nothing() {
    let fleet = Fleet::new();
    let holder = fleet.process::<RefreshesOnce>();
    assert_eq!(holder.gets(), "token-1");
    fleet.pass(s(DAY - 1), &[&holder]);
    let asking = holder.ask();
    // The process stops while it waits for the expiry. Meanwhile its lease ends, and another process takes it.
    fleet.database.change(|tables| tables.lease = Some(("another".to_owned(), s(1_000_000))));
    fleet.clock.advance(s(9));
    holder.runtime.block_on(settle());
    assert!(!asking.is_finished());
    assert_eq!(fleet.issuer.seen(), ["consented"]);
    fleet.database.change(|tables| tables.lease = None);
    fleet.pass(s(1), &[&holder]);
    assert_eq!(holder.got(asking), "token-2");
    assert_eq!(fleet.issuer.seen(), ["refresh-1"]);
}

#[test]
fn a_pair_that_arrives_after_the_lease_is_lost_is_stored_over_another_mark() {
    let fleet = Fleet::new();
    let (slow, other) = (fleet.process::<NeedsConsent>(), fleet.process::<NeedsConsent>());
    assert_eq!(slow.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.issuer.close();
    let asking = slow.ask();
    // It stands still for 15 s. Another process takes the lease, and watches the record.
    let waiting = other.ask();
    fleet.pass(s(15), &[&other]);
    assert!(!waiting.is_finished());
    fleet.issuer.open();
    fleet.pass(s(1), &[&slow, &other]);
    assert_eq!(slow.got(asking), "token-2");
    fleet.pass(s(2), &[&slow, &other]);
    assert_eq!(other.got(waiting), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "refresh-1"]);
}

#[test]
fn an_outage_of_the_store_keeps_no_caller_from_a_live_token() {
    let fleet = Fleet::new();
    let (logs_in, consents) = (fleet.process::<LogsIn>(), fleet.process_with::<NeedsConsent>(&fleet.clock, "other"));
    assert_eq!(logs_in.gets(), "token-1");
    fleet.database.change(|tables| tables.is_down = true);
    fleet.pass(s(16), &[&logs_in]);
    assert_eq!(logs_in.gets(), "token-1");
    fleet.pass(s(DAY), &[&logs_in]);
    assert_eq!(logs_in.gets(), "token-2", "with a login");
    let status = logs_in.tokens.status();
    assert!(status.is_store_failing && status.counters.store_failures > 0);
    assert_eq!(consents.gets(), "Store", "without a login");
    assert_eq!(fleet.issuer.seen(), ["login", "login"]);
}

#[test]
fn a_pair_that_could_not_be_stored_is_stored_soon_after_the_store_is_back() {
    let fleet = Fleet::new();
    let process = fleet.process::<RefreshesOnce>();
    assert_eq!(process.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.issuer.close();
    let asking = process.ask();
    fleet.database.change(|tables| tables.is_down = true);
    fleet.issuer.open();
    process.runtime.block_on(settle());
    assert_eq!(process.got(asking), "token-2");
    fleet.pass(s(20), &[&process]);
    assert_eq!((fleet.database.mark(), fleet.database.refresh_token()), ("first".into(), "refresh-1".into()));
    fleet.database.change(|tables| tables.is_down = false);
    fleet.pass(s(2), &[&process]);
    assert_eq!((fleet.database.mark(), fleet.database.refresh_token()), ("none".into(), "refresh-2".into()));
    assert_eq!(fleet.process::<RefreshesOnce>().gets(), "token-2");
}

#[test]
fn a_store_that_restarts_empty_gets_the_newest_record_back_with_a_mark() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process::<NeedsConsent>(), fleet.process::<NeedsConsent>());
    assert_eq!(one.gets(), "token-1");
    assert_eq!(other.gets(), "token-1");
    fleet.database.change(|tables| tables.entry = None);
    fleet.pass(s(16), &[&one, &other]);
    assert_eq!((fleet.database.mark(), fleet.database.refresh_token()), ("put-back".into(), "refresh-1".into()));
    assert_eq!(fleet.process::<NeedsConsent>().gets(), "token-1", "the token is served as long as it is good");
    fleet.pass(s(DAY), &[]);
    let next = fleet.process::<NeedsConsent>();
    let asking = next.ask();
    fleet.pass(s(39), &[&next]);
    assert!(!asking.is_finished(), "nobody knows whether the refresh token was sent");
    fleet.pass(s(2), &[&next]);
    assert_eq!(next.got(asking), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "refresh-1"]);
}

#[test]
fn after_a_store_lost_its_data_a_vendor_with_a_login_is_logged_in_to() {
    let fleet = Fleet::new();
    let process = fleet.process::<RefreshesOnce>();
    assert_eq!(process.gets(), "token-1");
    fleet.database.change(|tables| tables.entry = None);
    fleet.pass(s(DAY + 3), &[&process]);
    assert_eq!(process.gets(), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "login"], "refresh-1 may have been sent by another process");
}

#[test]
fn two_first_starts_send_one_start_token_once() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process::<NeedsConsent>(), fleet.process::<NeedsConsent>());
    fleet.issuer.close();
    let (first, second) = (one.ask(), other.ask());
    fleet.issuer.open();
    fleet.pass(s(1), &[&one, &other]);
    assert_eq!((one.got(first), other.got(second)), ("token-1".to_owned(), "token-1".to_owned()));
    assert_eq!(fleet.issuer.seen(), ["consented"]);
}

#[test]
fn expiries_are_kept_by_the_clock_of_the_store() {
    let fleet = Fleet::new();
    fleet.database.change(|tables| tables.tells_time = true);
    assert_eq!(fleet.process::<RefreshesOnce>().gets(), "token-1");
    let an_hour_ahead = TestClock::new();
    an_hour_ahead.suspend(s(3600));
    let late = fleet.process_with::<RefreshesOnce>(&an_hour_ahead, "consented");
    assert_eq!(late.gets(), "token-1");
    let lifetime = |clock: &TestClock, at: SystemTime| at.duration_since(clock.wall()).unwrap();
    assert_eq!(lifetime(&an_hour_ahead, late.tokens.status().expires_at.unwrap()), s(DAY));
}

#[test]
fn a_mark_whose_result_is_lost_is_recognised_by_its_id() {
    let fleet = Fleet::new();
    let process = fleet.process::<NeedsConsent>();
    assert_eq!(process.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.database.change(|tables| tables.loses_result = true);
    assert_eq!(process.gets(), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "refresh-1"]);
    assert_eq!(fleet.database.mark(), "none");
}

#[test]
fn a_pair_whose_result_is_lost_is_recognised() {
    let fleet = Fleet::new();
    let process = fleet.process::<NeedsConsent>();
    assert_eq!(process.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.issuer.close();
    let asking = process.ask();
    fleet.database.change(|tables| tables.loses_result = true);
    fleet.issuer.open();
    process.runtime.block_on(settle());
    assert_eq!(process.got(asking), "token-2");
    fleet.pass(s(5), &[&process]);
    assert_eq!((fleet.database.mark(), fleet.database.refresh_token()), ("none".into(), "refresh-2".into()));
}

#[test]
fn a_revocation_is_for_all_processes_and_for_good() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process::<NeedsConsent>(), fleet.process::<NeedsConsent>());
    assert_eq!((one.gets(), other.gets()), ("token-1".to_owned(), "token-1".to_owned()));
    one.runtime.block_on(one.tokens.revoke()).unwrap();
    assert_eq!(fleet.database.record()["ended"], "revoked");
    fleet.pass(s(16), &[&one, &other]);
    assert_eq!(fleet.database.record()["ended"], "revoked", "an older memory does not put the pair back");
    assert_eq!(other.gets(), "ConsentNeeded");
    assert_eq!(fleet.issuer.seen(), ["consented", "revoke token-1"]);
}

#[test]
fn a_revocation_whose_process_is_killed_is_finished_by_the_next() {
    let fleet = Fleet::new();
    let dying = fleet.process::<RefreshesOnce>();
    assert_eq!(dying.gets(), "token-1");
    fleet.issuer.close();
    let tokens = dying.tokens.clone();
    dying.runtime.spawn(async move { tokens.revoke().await });
    dying.runtime.block_on(settle());
    assert_eq!(fleet.database.mark(), "revoke");
    dying.kill();
    fleet.issuer.open();
    let next = fleet.process::<RefreshesOnce>();
    let asking = next.ask();
    fleet.pass(s(11), &[&next]);
    assert_eq!(next.got(asking), "token-2", "the start token was sent before");
    assert_eq!(fleet.issuer.seen(), ["consented", "revoke token-1", "revoke token-1", "login"]);
}

#[test]
fn a_revocation_that_cannot_be_stored_is_not_reported_as_done() {
    let fleet = Fleet::new();
    let process = fleet.process::<RefreshesOnce>();
    assert_eq!(process.gets(), "token-1");
    fleet.database.change(|tables| tables.is_down = true);
    let error = process.runtime.block_on(process.tokens.revoke()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert_eq!(fleet.issuer.seen(), ["consented"], "nothing was sent");
    assert_eq!(process.gets(), "token-1");
}

#[test]
fn two_revocations_are_one_after_the_other() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process::<RefreshesOnce>(), fleet.process::<RefreshesOnce>());
    assert_eq!((one.gets(), other.gets()), ("token-1".to_owned(), "token-1".to_owned()));
    let revoke = |process: &Process| {
        let tokens = process.tokens.clone();
        let revoking = process.runtime.spawn(async move { tokens.revoke().await });
        process.runtime.block_on(settle());
        revoking
    };
    fleet.issuer.close();
    let (first, second) = (revoke(&one), revoke(&other));
    fleet.issuer.open();
    fleet.pass(s(1), &[&one, &other]);
    assert!(one.runtime.block_on(first).unwrap().is_ok() && other.runtime.block_on(second).unwrap().is_ok());
    assert_eq!(fleet.issuer.seen(), ["consented", "revoke token-1"]);
}

#[test]
fn a_refusal_is_no_end_while_another_process_has_a_pair() {
    let fleet = Fleet::new();
    let process = fleet.process::<NeedsConsent>();
    assert_eq!(process.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.issuer.does_once(Does::WantsLogin);
    assert_eq!(process.gets(), "ConsentNeeded");
    // A person consents, and another process gets the token.
    assert_eq!(fleet.process_with::<NeedsConsent>(&fleet.clock, "consented anew").gets(), "token-2");
    fleet.pass(s(16), &[&process]);
    assert_eq!(process.gets(), "token-2");
    assert_eq!(process.tokens.status().state, State::Fresh);
}

#[test]
fn a_process_with_a_401_uses_the_newer_token_of_the_store() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process::<RefreshesOnce>(), fleet.process::<RefreshesOnce>());
    assert_eq!((one.gets(), other.gets()), ("token-1".to_owned(), "token-1".to_owned()));
    for wanted in ["token-2", "token-3"] {
        let token = one.tokens.try_token().unwrap();
        one.tokens.accepted(token.header());
        one.tokens.rejected(&token);
        assert_eq!(one.gets(), wanted);
        let token = other.tokens.try_token().unwrap();
        other.tokens.rejected(&token);
        assert_eq!(other.gets(), wanted, "without a request");
        fleet.pass(s(61), &[&one, &other]);
    }
    assert_eq!(fleet.issuer.seen(), ["consented", "login", "login"]);
}

#[test]
fn many_waiting_processes_are_served_at_once_and_look_ten_times_a_second_at_most() {
    let fleet = Fleet::new();
    let processes: Vec<Process> = (0..64).map(|_| fleet.process::<LogsIn>()).collect();
    fleet.issuer.close();
    let waiting: Vec<_> = processes.iter().map(Process::ask).collect();
    fleet.database.change(|tables| tables.calls.clear());
    for _ in 0..20 {
        fleet.clock.advance(Duration::from_millis(50));
        processes.iter().for_each(|process| process.runtime.block_on(settle()));
    }
    let loads = |tables: &Tables| tables.calls.iter().filter(|call| **call == "load").count();
    fleet.database.change(|tables| assert!(loads(tables) <= 63 * 10, "{} loads in a second", loads(tables)));
    fleet.issuer.open();
    processes[0].runtime.block_on(settle());
    fleet.database.change(|tables| tables.calls.clear());
    for _ in 0..5 {
        fleet.clock.advance(Duration::from_millis(50));
        processes.iter().for_each(|process| process.runtime.block_on(settle()));
    }
    for (process, asking) in processes.iter().zip(waiting) {
        assert_eq!(process.got(asking), "token-1");
    }
    fleet.database.change(|tables| assert!(!tables.calls.contains(&"lease"), "{:?}", tables.calls));
    assert_eq!(fleet.issuer.seen(), ["login"]);
}

#[test]
fn a_fetch_makes_at_most_six_calls_of_the_store() {
    let fleet = Fleet::new();
    let process = fleet.process::<RefreshesOnce>();
    assert_eq!(process.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.database.change(|tables| tables.calls.clear());
    assert_eq!(process.gets(), "token-2");
    fleet.database.change(|tables| {
        assert_eq!(tables.calls, ["load", "lease", "load", "store", "store", "release"]);
    });
}

#[test]
fn an_unreadable_record_is_kept_and_is_no_outage_with_a_login() {
    let fleet = Fleet::new();
    fleet.database.change(|tables| tables.entry = Some(Entry::new(7, "something else")));
    assert_eq!(fleet.process::<LogsIn>().gets(), "token-1");
    assert_eq!(fleet.process::<NeedsConsent>().gets(), "Store");
    fleet
        .database
        .change(|tables| assert_eq!(tables.entry.as_ref().unwrap().text().unwrap().expose(), "something else"));
    assert!(Record::from_json("something else").is_err());
}
