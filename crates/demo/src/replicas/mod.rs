//! Replicas: real processes that share tokens in a store, and are killed at random moments.
//!
//! The parent has the sandbox, the store and the clock. It starts this program again as a `replica`, with a setup on stdin, and
//! reads `message`s from its stdout. A `fleet` is all of that for one run, and a `tally` counts.
//!
//! - `show` is `cargo xtask demo --replicas`: one account, told as a `story`, with a `report` at the end.
//! - `soak` is `cargo xtask soak`: many accounts, which a `watch` in each replica asks for all the time. `chaos` causes
//!   every fault, `verdict` says what held, and a `trace` explains what did not.
//!
//! The processes (`process`) and the `redis_server` are children of this one and end with it.

mod chaos;
mod fleet;
mod happening;
mod message;
pub mod process;
pub mod redis_server;
pub mod replica;
mod report;
mod running;
pub mod show;
pub mod soak;
pub mod store;
mod story;
mod tally;
mod trace;
mod vendor;
mod verdict;
mod watch;
