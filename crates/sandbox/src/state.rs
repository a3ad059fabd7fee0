//! What changes at a vendor, and what a request to it and its reply are.

use std::collections::VecDeque;
use std::time::SystemTime;

use axum::http::HeaderMap;

use crate::event::{Counts, Event};
use crate::fault::queue::FaultQueue;
use crate::ledger::Ledger;
use crate::response::message::Response;

/// All that changes.
pub(crate) struct State {
    pub(crate) ledger: Ledger,
    pub(crate) counts: Counts,
    pub(crate) faults: FaultQueue,
    pub(crate) dice: fastrand::Rng,
    pub(crate) events: VecDeque<Event>,
}

/// A request to a vendor. The path is without the vendor's name.
pub(crate) struct VendorRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What comes back.
pub(crate) enum Reply {
    Response {
        response: Response,
        date: SystemTime,
        /// Half of the body is missing.
        is_truncated: bool,
    },
    /// The connection is reset.
    Reset,
}
