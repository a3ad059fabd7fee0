//! Ways to break the protocol on purpose, for the tests of the simulation: each must be found.

/// How a protocol can be broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flaw {
    #[default]
    None,
    /// No other process sees that a refresh token is about to be sent.
    NoMark,
    /// Whatever is in the store is overwritten.
    NoCompare,
    /// A lease is released by a process that has lost it.
    NoOwner,
    /// A request is sent after the lease was lost.
    NoCheck,
    /// A pair whose compare-and-store has an unknown result is given up.
    UnknownIsNotStored,
    /// A record from memory passes for one that is clean.
    NoPutBackMark,
}

thread_local! {
    pub(crate) static FLAW: std::cell::Cell<Flaw> = const { std::cell::Cell::new(Flaw::None) };
}

/// Whether the protocol is broken in this way, on this thread.
pub(crate) fn has(flaw: Flaw) -> bool {
    FLAW.get() == flaw
}
