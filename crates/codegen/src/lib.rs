//! The generator: a typed crate per vendor from `specs/`.
//!
//! [`generate_crates`](commands::generate_crates) runs seven stages, a module each; only the last touches the disk:
//!
//! 1. `spec` parses a fragment,
//! 2. `lint` says everything that is wrong with it (`x_token` has the words of its own block),
//! 3. `lower` makes a `model` of it, and `openapi` what progenitor handles well,
//! 4. `progenitor` has progenitor make the operations; `types` and `client`, with `settings`, are the public face,
//! 5. `reading` says where responses have what, `error_body` what the vendor's failures mean, and `lifecycle` makes the
//!    adapter that the facade drives, with `environment` for its variables; `facade` lists the adapters,
//! 6. `package` puts the crate together, `shapes` its tests,
//! 7. `tree` writes what changed.
//!
//! What is generated is written as text, laid out by `code`; only progenitor's own is tokens.
//!
//! `generate` is the pipeline, `specs` reads its files, `new` has the fragment that a new vendor starts from, and `commands` are
//! what the program and `cargo xtask` call. `benches/gen.rs` measures it.

mod client;
mod code;
pub mod commands;
mod docs;
mod environment;
mod error_body;
pub mod facade;
pub mod generate;
mod ident;
mod lifecycle;
mod lint;
mod literal;
mod lower;
mod media_type;
mod model;
pub mod new;
mod openapi;
mod package;
pub mod problem;
mod progenitor;
mod reading;
mod settings;
mod shapes;
mod spec;
pub mod specs;
pub mod tree;
mod types;
pub mod vendor;
mod x_token;
