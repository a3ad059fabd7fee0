//! Units of the simulated time.

/// In nanoseconds.
pub(super) const SECOND: u64 = 1_000_000_000;
/// In nanoseconds.
pub(super) const MILLI: u64 = 1_000_000;
