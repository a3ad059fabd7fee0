//! The responses of a vendor: bodies as the spec documents them, and the failure that fits a refusal.

pub(crate) mod challenge;
pub(crate) mod failure;
pub(crate) mod fill;
pub(crate) mod message;
pub(crate) mod pointer;
pub(crate) mod success;
pub(crate) mod time;
