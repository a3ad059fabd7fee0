//! A database that several processes use.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use freshtoken::store::{Entry, Key, Loaded, Store, StoreError};

use crate::support::TestClock;

/// A store with leases that end by its own clock.
#[derive(Clone)]
pub(super) struct Database(Arc<Mutex<Tables>>);

pub(super) struct Tables {
    pub(super) clock: TestClock,
    /// Whether each load returns the time.
    pub(super) tells_time: bool,
    pub(super) entry: Option<Entry>,
    pub(super) lease: Option<(String, Duration)>,
    pub(super) is_down: bool,
    /// The next write succeeds, and its result is lost.
    pub(super) loses_result: bool,
    /// Renewals of the lease find it gone.
    pub(super) ends_leases: bool,
    pub(super) calls: Vec<&'static str>,
}

impl Database {
    pub(super) fn new(clock: &TestClock) -> Self {
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

    fn call(&self, name: &'static str) -> Result<MutexGuard<'_, Tables>, StoreError> {
        let mut tables = self.0.lock().unwrap();
        tables.calls.push(name);
        if tables.is_down { Err("the database is down".into()) } else { Ok(tables) }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Tables)) {
        change(&mut self.0.lock().unwrap());
    }

    /// The record, as a person who looks into the database sees it.
    pub(super) fn record(&self) -> serde_json::Value {
        let text = self.0.lock().unwrap().entry.as_ref().unwrap().text();
        serde_json::from_str(text.unwrap().expose()).unwrap()
    }

    pub(super) fn refresh_token(&self) -> String {
        self.record()["refresh"]["secret"].as_str().unwrap_or("none").to_owned()
    }

    /// The mark on the refresh token.
    pub(super) fn mark(&self) -> String {
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
