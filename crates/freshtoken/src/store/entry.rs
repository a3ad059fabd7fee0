//! A record as a store keeps it: a generation and an opaque string.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use freshtoken_wire::Secret;

use crate::store::error::{StoreError, UnreadableRecord};
use crate::store::key::Key;
use crate::store::record::Record;
use crate::store::seal::Seal;

/// A record as a store keeps it: its generation, and a string that only a source reads. `Debug` prints no token.
///
/// The string is the JSON of [`Record::to_json`], or what a [`Seal`] makes of it. It contains the tokens, so keep it as a secret
/// even if it is sealed.
#[derive(Clone)]
pub struct Entry {
    generation: u64,
    keep_for: Option<Duration>,
    content: Content,
}

#[derive(Clone)]
enum Content {
    /// What a store has read.
    Text(Secret),
    /// What a source stores. A store in memory keeps it as it is.
    Record(Arc<Written>),
}

struct Written {
    record: Arc<Record>,
    /// The record with the expiries by the store's clock, where it has one.
    shifted: Option<Record>,
    seal: Seal,
    key: Key,
}

/// One moment by the store's clock, between two by this machine's.
///
/// A converted expiry is never earlier than the real one: a refresh that comes too early can cost the pair, one that comes too
/// late costs nothing. The token keeps by how much its expiry may be too late, and is not served in that time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockPair {
    /// When the store was asked, by this machine's clock.
    pub(crate) sent: SystemTime,
    /// When it has responded, by this machine's clock.
    pub(crate) received: SystemTime,
    /// By the store's.
    pub(crate) there: SystemTime,
}

impl ClockPair {
    fn uncertainty(&self) -> Duration {
        self.received.duration_since(self.sent).unwrap_or_default()
    }
}

impl Entry {
    /// Creates an entry from what a store has read.
    pub fn new(generation: u64, text: impl Into<Secret>) -> Self {
        Self { generation, keep_for: None, content: Content::Text(text.into()) }
    }

    /// Returns the number that the next [`compare_and_store`](crate::store::Store::compare_and_store) expects. It grows with
    /// each write, and fits into a signed 64-bit column.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the string to store.
    ///
    /// # Errors
    ///
    /// If it cannot be sealed, because the system has no random numbers. Nothing is to be stored then.
    pub fn text(&self) -> Result<Secret, StoreError> {
        match &self.content {
            Content::Text(text) => Ok(text.clone()),
            Content::Record(written) => {
                let json = written.shifted.as_ref().unwrap_or(&written.record).to_json();
                written.seal.seal(&written.key, self.generation, json)
            }
        }
    }

    /// Returns for how long the entry is needed, from now on. `None`: until it is replaced. A store may delete it after that,
    /// or keep it.
    ///
    /// An entry with a refresh token is needed until a week after that has expired, and without a limit if its expiry is
    /// unknown.
    pub fn keep_for(&self) -> Option<Duration> {
        self.keep_for
    }

    /// Sets [`Entry::keep_for`], to test a store.
    pub fn with_keep_for(self, keep_for: Duration) -> Self {
        Self { keep_for: Some(keep_for), ..self }
    }

    /// The entry of a record. `now` is the time by this machine's clock.
    pub(crate) fn of(record: Arc<Record>, key: Key, seal: Seal, clock: Option<ClockPair>, now: SystemTime) -> Self {
        let shifted = clock.map(|clock| record.shifted(clock.sent, clock.there, clock.uncertainty()));
        Self {
            generation: record.generation,
            keep_for: record.keep_for(now),
            content: Content::Record(Arc::new(Written { record, shifted, seal, key })),
        }
    }

    /// The record, with its expiries by this machine's clock.
    ///
    /// # Errors
    ///
    /// If the string is not a record of this key and generation, or no key of the seal opens it.
    pub(crate) fn open(&self, key: &Key, seal: &Seal, clock: Option<ClockPair>) -> Result<Arc<Record>, StoreError> {
        match &self.content {
            Content::Record(written) => Ok(written.record.clone()),
            Content::Text(text) => self.read(text, key, seal, clock).map_err(|why| {
                let unreadable = UnreadableRecord { generation: self.generation, why };
                unreadable.into()
            }),
        }
    }

    fn read(&self, text: &Secret, key: &Key, seal: &Seal, clock: Option<ClockPair>) -> Result<Arc<Record>, StoreError> {
        let record = Record::from_json(seal.open(key, self.generation, text)?.expose())?;
        if record.generation != self.generation {
            return Err(
                "the record in the store is of another generation than its entry; it was not written by this crate"
                    .into(),
            );
        }
        Ok(Arc::new(match clock {
            Some(clock) => record.shifted(clock.there, clock.received, clock.uncertainty()),
            None => record,
        }))
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("generation", &self.generation).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::clock::Now;
    use crate::issued_tokens::IssuedTokens;
    use crate::store::record::KeepsOld;
    use crate::vendor::TokenPolicy;

    /// A load may take seconds, so the clocks can be compared only that exactly.
    #[test]
    fn an_expiry_is_not_earlier_for_a_process_whose_load_was_slow() {
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds);
        let issued = IssuedTokens::new("hunter2").expires_in(Duration::from_secs(900));
        let now = Now::new(Duration::ZERO, at(0));
        let (record, _) = Record::of(issued, None, KeepsOld::No, &TokenPolicy::new("acme"), 7, now).unwrap();
        let (key, seal) = (Key::new("acme", "https://acme.example", "", ""), Seal::none());
        // Both clocks show the same. The store looked at its own at the end of the first round trip, and at the start of the
        // second.
        let slow = |sent, received, there| ClockPair { sent: at(sent), received: at(received), there: at(there) };
        let entry = Entry::of(Arc::new(record), key.clone(), seal.clone(), Some(slow(0, 4, 4)), at(4));
        let stored = Entry::new(entry.generation(), entry.text().unwrap());
        let opened = stored.open(&key, &seal, Some(slow(10, 14, 10))).unwrap();
        let expires_at = opened.token().unwrap().expires_at().unwrap();
        assert!((at(900)..=at(908)).contains(&expires_at), "{expires_at:?}");
        // It may be as late as both loads took, and says so to the processes that serve it.
        assert_eq!(opened.token().unwrap().late_by(), Duration::from_secs(8));
    }
}
