//! What a source does, from a fresh token to the store and back. Read in this order:
//!
//! - `fast_path`: how a fresh token is served;
//! - `lookup`: what a caller gets otherwise;
//! - `fetch`: one round trip to the issuer for all waiting callers;
//! - `state`, with `schedule` and `backoff`: the decisions, as a function of state, clock and event;
//! - `lease` and `persist`: what a fetch does with the store;
//! - `revoke`, `background`: other tasks;
//! - `cell`, `guard`, `emit`: what they share.
//!
//! Below it are `clock`, `sync` and `limits`, which records and credentials use too.

pub(crate) mod background;
pub(crate) mod backoff;
pub(crate) mod cell;
mod emit;
pub(crate) mod fast_path;
pub(crate) mod fetch;
#[cfg(test)]
pub(crate) mod flaw;
pub(crate) mod guard;
pub(crate) mod lease;
pub(crate) mod lookup;
pub(crate) mod persist;
pub(crate) mod revoke;
pub(crate) mod schedule;
pub(crate) mod state;
pub(crate) mod times;
