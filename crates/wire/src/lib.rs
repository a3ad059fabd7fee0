//! The shared runtime of all freshtoken vendor crates: types for token requests and responses, and a careful HTTP layer
//! under the generated clients.
//!
//! Users depend on a generated vendor crate, such as `freshtoken-voucherify`. The items that it re-exports from here are
//! for users: [`Secret`], the delimited lists, [`Timestamp`], [`Error`] and [`http_client_builder`]. All other items,
//! such as [`Call`], are for generated code and may change with the generator.
//!
//! This crate has no code for a single vendor. It reads tokens from responses ([`tokens`]), but does not cache, expire or
//! refresh them: the facade above the vendor crates does that.
//!
//! # How a request works
//!
//! 1. [`Target::new`] checks the base URL and holds the HTTP client. An endpoint and its clones share the client as
//!    [`Http`].
//! 2. [`Call::new`] creates one request. The generated client adds headers and credentials to it, and passes it to a
//!    progenitor client, whose operations send it with [`Call::exec`].
//! 3. `exec` sends the request and reads at most [`MAX_BODY`] bytes of the response. progenitor's operation decides by the
//!    status whether it is a success: see [`response`].
//! 4. [`Call::finish`] decodes the typed body strictly, or returns an [`Error`]. [`Call::outcome`] keeps the response of a
//!    login or a refresh: [`Outcome::typed`] is strict too, and [`Outcome::granted`] returns the tokens even if the rest
//!    of the response does not match the spec.
//!
//! # Two promises
//!
//! - **No message contains a secret.** No `Debug`, `Display` or error source of this crate contains a header value, a path, a
//!   query, a body or a vendor's message. Messages of other libraries are shown only if they are known. An [`Error`] names
//!   the operation, the method and the origin.
//! - **Token traffic is handled carefully.** HTTPS only (except loopback), a new connection for each request, no redirects,
//!   no cookies, no retries, a size limit for bodies, no proxy for loopback, and timeouts ([`CONNECT_TIMEOUT`],
//!   [`TOTAL_TIMEOUT`]).
//!
//! # What is wiped from memory
//!
//! These are zeroed when they are dropped: every [`Secret`], the headers made from one, the body of a request, and the body
//! of a response.
//!
//! These are not: the buffers of the HTTP client and of TLS; query and header parameters that aren't secrets by their
//! schema; the smaller buffers that serde leaves behind while it encodes a request body; and a token with escapes in its
//! JSON, while a vendor crate decodes the typed response. The facade does not decode tokens that way.
//!
//! # Features
//!
//! TLS comes with the feature `rustls` (default) or `native-tls`. With neither, only loopback or a custom HTTP client works.
//! Without the feature `client` (default), there are no requests, only the types and the reader of responses. The features
//! `uuid` and `jwt` add what some vendors' requests compute ([`compute`]); a vendor's crate turns on what it needs.
#![cfg_attr(not(feature = "client"), allow(dead_code, reason = "the generator uses what remains"))]
// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "client")]
mod body;
#[cfg(feature = "client")]
mod body_problem;
#[cfg(feature = "client")]
mod call;
#[cfg(feature = "client")]
mod cause;
#[cfg(feature = "client")]
mod certificate;
#[cfg(feature = "client")]
mod client;
pub mod compute;
mod dates;
pub mod de;
mod delimited;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod error_body;
mod json;
#[cfg(feature = "client")]
mod lenient;
mod limits;
mod open_enum;
#[cfg(feature = "client")]
mod outcome;
#[cfg(feature = "client")]
mod request_body;
#[cfg(feature = "client")]
pub mod response;
#[cfg(feature = "client")]
mod retry_after;
#[cfg(feature = "client")]
mod rules;
mod secret;
#[cfg(feature = "client")]
mod sent_request;
#[cfg(feature = "client")]
mod target;
mod timestamp;
pub mod tokens;

#[cfg(feature = "client")]
pub use body_problem::BodyProblem;
#[cfg(feature = "client")]
pub use call::{BasicEncoding, Call, Operation};
#[cfg(feature = "client")]
#[doc(hidden)]
pub use cause::{Cause, lacks_certificates, write_chain};
#[cfg(feature = "client")]
pub use client::http_client_builder;
#[cfg(feature = "client")]
#[doc(hidden)]
pub use client::{is_loopback, is_loopback_address, with_transport};
pub use dates::{FormatProblem, check_format};
pub use delimited::{CommaDelimited, Delimited, ListError, PipeDelimited, SpaceDelimited};
#[cfg(feature = "client")]
pub use error::{Error, ErrorKind};
#[cfg(feature = "client")]
pub use error_body::{ErrorBody, ErrorFields};
pub use limits::{CONNECT_TIMEOUT, MAX_BODY, TOTAL_TIMEOUT};
#[cfg(feature = "client")]
pub use outcome::Outcome;
#[cfg(feature = "client")]
pub use rules::{ErrorClass, RetryUnit, Rules};
pub use secret::Secret;
#[cfg(feature = "client")]
#[doc(hidden)]
pub use target::NO_CERTIFICATES;
#[cfg(feature = "client")]
pub use target::{Http, Target, check, expand, received_base_url, server_key};
pub use timestamp::{Timestamp, TimestampError};
pub use tokens::Tokens;

/// For [`open_enum!`] and generated code; not an API.
#[doc(hidden)]
pub mod private {
    pub use serde;
    pub use serde_json;
}
