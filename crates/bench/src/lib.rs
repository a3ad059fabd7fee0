//! What users would pick instead, side by side with freshtoken.
//!
//! Read in this order: `issuer` is what all of them get their tokens from; `contenders` holds a file per crate, each used
//! as its own docs say; `cached`, `behaviour` and `herd` are what is measured, each beside what it can't be had for less;
//! `results` writes it down. The program is `main.rs`.
//!
//! Everything is a ratio within one run: rounds are interleaved, so that a noisy machine favours nobody.

pub mod behaviour;
pub mod cached;
pub mod contenders;
pub mod herd;
pub mod issuer;
pub mod results;
mod statistics;
