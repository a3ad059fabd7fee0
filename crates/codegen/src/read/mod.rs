//! Read, the first of the four stages: parses the files in `specs/`, each into a `Spec`, and its block `x-token`.
//!
//! This stage keeps the line of every node, so that the next one can report it. It refuses only what it can't represent, such as
//! broken YAML.

pub mod folder;
pub(crate) mod media_type;
pub(crate) mod spec;
pub(crate) mod x_token;
mod yaml;
