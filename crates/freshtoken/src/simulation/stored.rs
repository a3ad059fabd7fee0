//! What the simulated store keeps.

use super::calls::Reply;
use super::issuer::number;
use super::rng::Rng;
use crate::core::flaw::Flaw;
use crate::store::record::{Ended, MarkKind, Record};

/// A record in the store, as the checks see it.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) generation: u64,
    pub(super) text: String,
    /// The number of the pair.
    pub(super) pair: Option<usize>,
    /// The number of the refresh token.
    pub(super) refresh: Option<usize>,
    pub(super) mark: Option<MarkKind>,
    pub(super) ended: Option<Ended>,
    /// The start of the process that wrote it.
    pub(super) writer: (usize, u32),
    /// A process has learnt that it is there.
    pub(super) is_seen: bool,
}

/// What a store keeps.
#[derive(Default)]
pub(super) struct Stored {
    pub(super) flaw: Flaw,
    pub(super) offset: i64,
    /// Whether it wakes waiting processes.
    pub(super) notifies: bool,
    /// Whether a fail-over loses only what no process has learnt of.
    pub(super) has_replicas: bool,
    pub(super) kept: Option<Kept>,
    /// What was there before the last write.
    pub(super) previous: Option<Kept>,
    /// Whether there was a write since the last fail-over. The next fail-over loses that write.
    pub(super) has_last_write: bool,
    pub(super) lease: Option<(String, u64)>,
    /// The process that rightfully holds the lease, and until when.
    pub(super) holder: Option<(usize, u64)>,
    /// When the lease was lost last.
    pub(super) lease_lost_at: Option<u64>,
    pub(super) down_until: u64,
    /// Everything was lost, at these times.
    pub(super) losses: Vec<u64>,
    /// Refresh tokens whose mark was lost by a fail-over.
    pub(super) lost_marks: Vec<usize>,
    pub(super) waiting: Vec<Reply<()>>,
}

impl Stored {
    pub(super) fn new(rng: &mut Rng, flaw: Flaw, offset: i64) -> Self {
        Self { flaw, offset, notifies: rng.chance(50), has_replicas: rng.chance(50), ..Self::default() }
    }
}

impl Kept {
    pub(super) fn new(generation: u64, text: &str, writer: (usize, u32)) -> Self {
        let record = Record::from_json(text).unwrap();
        let refresh = record.refresh.as_ref().map(|refresh| number(refresh.secret.expose()));
        let access = record.token.as_ref().map(|token| number(token.expose()));
        Self {
            generation,
            text: text.to_owned(),
            pair: refresh.max(access),
            refresh,
            mark: record.in_use.map(|mark| mark.kind),
            ended: record.ended,
            writer,
            is_seen: false,
        }
    }

    pub(super) fn describe(&self) -> String {
        let pair = self.pair.map_or_else(|| "no pair".to_owned(), |pair| format!("pair {pair}"));
        let refresh = if self.refresh.is_none() { " without refresh token" } else { "" };
        let mark = self.mark.map(|mark| format!(", mark {mark:?}")).unwrap_or_default();
        let ended = self.ended.map(|ended| format!(", {ended:?}")).unwrap_or_default();
        format!("{pair}{refresh}{mark}{ended}, generation ..{}", self.generation % 10_000_000)
    }
}
