//! What a spec says: the words of OpenAPI 3.0 that are used here, and `x-token`.
//!
//! It reads; it doesn't lint. A spec that can't be played is an error that says why.

mod document;
mod duration;
mod operation;
mod references;
mod schema;
mod supported;
mod x_token;

pub(crate) use document::Document;
pub(crate) use duration::{duration, show};
pub(crate) use operation::{MediaType, Operation, Parameter, Place, Response, SecurityScheme, essence, is_json};
pub(crate) use schema::{Additional, Branch, Kind, Schema, is_inside};
pub(crate) use x_token::{
    Action, At, BasicEncoding, Errors, Is, Lifetime, Pointers, Renew, RetryUnit, Takes, TimeUnit, XToken,
};
