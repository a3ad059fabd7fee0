//! What the generator knows about the repository around the crates.

pub mod folders;
pub mod origin;
pub(crate) mod target;
pub(crate) mod workspace_keys;
