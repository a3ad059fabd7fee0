//! What a spec says: the words of OpenAPI 3.0 that are used here, and `x-token`.
//!
//! It reads; it doesn't lint. A spec that can't be played is an error that says why.

pub(crate) mod document;
pub(crate) mod duration;
pub(crate) mod operation;
mod parse;
mod references;
pub(crate) mod resolve;
pub(crate) mod schema;
mod supported;
pub(crate) mod value;
pub(crate) mod x_token;
