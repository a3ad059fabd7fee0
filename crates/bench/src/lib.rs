//! Compares freshtoken with the crates that users would pick instead.
//!
//! - `issuer`: the local issuer that hands out all tokens.
//! - `contenders`: a file per crate, each used as its own documentation shows.
//! - `cached`, `login`, `accounts`, `behaviour`, `herd`, `fleet`, `build`: a file per section, which measures and fills a table.
//! - `report`: renders the sections as `RESULTS.md`.
//!
//! Rounds are interleaved, so that a noisy machine affects every contender alike.

pub mod accounts;
pub mod behaviour;
pub mod build;
pub mod cached;
pub mod contenders;
pub mod fleet;
pub mod herd;
pub mod issuer;
pub mod login;
mod process;
pub mod report;
mod statistics;

/// The sections in the order in which they run. The herd comes late because it leaves a large heap behind.
pub const SECTIONS: [&str; 7] = ["cached", "login", "accounts", "behaviour", "herd", "fleet", "build"];
