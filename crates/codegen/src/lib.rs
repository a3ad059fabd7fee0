//! The generator: a typed crate per vendor from `specs/`.
//!
//! [`generator::Generator::generate`] runs four stages, each a folder, and then writes:
//!
//! 1. [`read`] parses the files in `specs/`,
//! 2. `lint` reports everything that is wrong with a spec,
//! 3. `lower` turns a spec into a model, with everything resolved and every name decided,
//! 4. `emit` turns a model into the files of a crate and the facade's adapter,
//! 5. [`workspace`] updates the facade's manifest and writes the files that have changed.
//!
//! [`pipeline`] runs the stages for all specs, in memory; only `generator`, `read::folder`, `repository::origin`, `workspace` and
//! `build_script` touch the disk.
//!
//! A module imports only from modules below it. From the bottom: [`read`], `lower`, [`repository`], `emit`, `lint`, [`workspace`],
//! [`pipeline`], [`generator`], [`commands`]. `lint` is above `lower` and `emit` because it asks them which names they would
//! generate.
//!
//! The emitted code is written as strings, laid out by `emit::layout`; only progenitor's part is made of tokens.
//! `benches/gen.rs` measures the time.

pub mod build_script;
pub mod commands;
pub mod diagnostic;
mod docs;
mod emit;
pub mod generator;
mod ident;
mod lint;
mod lower;
pub mod new;
pub mod pipeline;
mod program;
pub mod read;
mod report;
pub mod repository;
mod vendor;
pub mod workspace;
