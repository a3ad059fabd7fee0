//! Reads a spec: the parts of OpenAPI 3.0 that the sandbox uses, and `x-token`.
//!
//! It reads; it doesn't lint. A spec that can't be simulated is an error with a reason.

pub(crate) mod document;
pub(crate) mod duration;
pub(crate) mod name;
pub(crate) mod operation;
mod parse;
mod references;
pub(crate) mod resolve;
pub(crate) mod schema;
mod supported;
pub(crate) mod value;
pub(crate) mod x_token;
