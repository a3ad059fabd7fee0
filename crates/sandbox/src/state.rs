//! The mutable state of a vendor, its requests and its replies.

use std::collections::{HashSet, VecDeque};
use std::time::SystemTime;

use axum::http::HeaderMap;

use crate::chain::Handed;
use crate::event::{Counts, Event};
use crate::fault::queue::FaultQueue;
use crate::ledger::Ledger;
use crate::response::message::Response;

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

/// A request to a vendor. The path does not include the vendor's name.
pub(crate) struct VendorRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// The reply to a request.
pub(crate) enum Reply {
    Response {
        response: Response,
        date: SystemTime,
        /// Whether half of the body is missing.
        is_truncated: bool,
    },
    /// The connection is reset.
    Reset,
}
