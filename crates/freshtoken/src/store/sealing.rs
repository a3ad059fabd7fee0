//! Whether a store requires sealed records.

/// Whether a store accepts records that are not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// A source without a seal stores plain records.
    Optional,
    /// A source needs a [`Seal`](crate::store::Seal), be it [`Seal::none`](crate::store::Seal::none), which must be requested by
    /// name.
    Required,
}
