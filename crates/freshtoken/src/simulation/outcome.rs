//! What came of a run.

/// Whether a run keeps a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Log {
    Kept,
    Dropped,
}

/// What came of a run.
pub(super) struct Outcome {
    pub(super) violation: Option<String>,
    pub(super) log: Vec<String>,
    pub(super) total: Total,
}

/// What happened, to see that the runs are worth it.
#[derive(Clone, Copy, Debug, Default)]
#[allow(dead_code, reason = "they are printed")]
pub(super) struct Total {
    pub(super) faults: u32,
    pub(super) tokens: u32,
    pub(super) errors: u32,
    pub(super) requests: u32,
    pub(super) sent_again: u32,
    pub(super) consents: u32,
}

impl Total {
    pub(super) fn add(&mut self, other: Self) {
        self.faults += other.faults;
        self.tokens += other.tokens;
        self.errors += other.errors;
        self.requests += other.requests;
        self.sent_again += other.sent_again;
        self.consents += other.consents;
    }
}
