//! The mutable state of a vendor.

use std::collections::{HashSet, VecDeque};

use crate::chain::Handed;
use crate::event::{Counts, Event};
use crate::fault::queue::FaultQueue;
use crate::ledger::Ledger;

/// Everything that changes.
pub(crate) struct State {
    pub(crate) ledger: Ledger,
    pub(crate) counts: Counts,
    pub(crate) faults: FaultQueue,
    pub(crate) dice: fastrand::Rng,
    pub(crate) events: VecDeque<Event>,
    /// The UUIDs of all JWTs: each is good for one.
    pub(crate) seen: HashSet<String>,
    /// What the responses to the first requests of logins had.
    pub(crate) handed: Handed,
}
