//! What the checks remember of a run, and what they have found.

/// What the callers of a process got last.
#[derive(Clone, Default)]
pub(super) struct Served {
    pub(super) pair: Option<usize>,
    pub(super) at: u64,
    pub(super) needs_consent: bool,
}

#[derive(Default)]
pub(super) struct Checks {
    /// The first one.
    pub(super) violation: Option<String>,
    pub(super) served: Vec<Served>,
    /// From when to when revocations took that succeeded.
    pub(super) revocations: Vec<(u64, u64)>,
    pub(super) is_person_asked: bool,
    /// From here on, every caller gets a token.
    pub(super) recovered_by: Option<u64>,
    /// All processes have served one token since.
    pub(super) has_agreed: bool,
    /// Tokens served, and refresh tokens that were sent once more or refused.
    pub(super) tokens: u32,
    pub(super) sent_again: u32,
    pub(super) errors: u32,
}

impl Checks {
    pub(super) fn new(processes: usize) -> Self {
        Self { served: vec![Served::default(); processes], ..Self::default() }
    }
}
