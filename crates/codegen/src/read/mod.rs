//! Read, the first of the four stages: the files in `specs/`, each parsed into a `Spec`, and its block `x-token`.
//!
//! This stage knows where everything is in the file, so that the next one can report lines. It judges only what can't be
//! represented, such as YAML that can't be parsed.

pub mod folder;
pub(crate) mod media_type;
pub(crate) mod spec;
pub(crate) mod x_token;
