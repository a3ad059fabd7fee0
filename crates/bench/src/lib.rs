//! What users would pick instead, side by side with freshtoken.
//!
//! Read in this order: `issuer` is what all of them get their tokens from; `contenders` holds a file per crate, each used
//! as its own docs say. Then what is measured, a file per section: `cached`, `login`, `behaviour`, `herd`, `accounts`,
//! `generator` and `build`, each beside what it can't be had for less. `results` writes it down, with a file per section as
//! well. The program is `main.rs`; `cargo xtask bench` runs it.
//!
//! Everything is a ratio within one run: rounds are interleaved, so that a noisy machine favours nobody.

pub mod accounts;
pub mod behaviour;
pub mod build;
pub mod cached;
pub mod contenders;
mod folder;
pub mod generator;
pub mod herd;
pub mod issuer;
pub mod login;
mod process;
pub mod results;
mod statistics;

/// What can be measured, in this order: a login before the herds, which leave a heap that no program has that logs in.
pub const SECTIONS: [&str; 7] = ["cached", "login", "behaviour", "herd", "accounts", "generator", "build"];
