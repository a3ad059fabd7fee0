//! What all freshtoken vendor crates share: the types and the careful HTTP under a generated client of a token endpoint.
//!
//! A vendor crate such as `freshtoken-voucherify` is generated, and users depend on that one. What it re-exports from
//! here is for them: [`Secret`], the delimited lists, [`Timestamp`], [`Error`] and [`http_client_builder`]. The rest,
//! [`Call`] above all, is for generated code and may change with the generator.
//!
//! It isn't for anything that a single vendor does. It reads tokens from responses ([`tokens`]), but has no cache, no expiry
//! and no refresh: that is for a facade above the vendor crates.
//!
//! # How a request goes
//!
//! 1. [`Target::new`] checks the base URL and holds the HTTP client, which an endpoint and its clones share as [`Http`].
//! 2. [`Call::new`] stands for one request. The wrapper adds headers and credentials to it, and gives it to a progenitor
//!    client of its own, whose operations send by [`Call::exec`].
//! 3. `exec` sends the request and reads the response, at most [`MAX_BODY`] bytes of it. Progenitor's operation tells by the
//!    status whether it is a success: see [`answer`].
//! 4. [`Call::finish`] decodes the typed body strictly, or makes an [`Error`] of what came. [`Call::answered`] keeps the
//!    response of a login or a refresh: [`Answered::typed`] is strict too, and [`Answered::granted`] returns the tokens
//!    whatever else is wrong with it.
//!
//! # Two promises
//!
//! - **No secret in any text.** No `Debug`, `Display` or error source of this crate holds a header value, a path, a
//!   query, a body or a vendor's message. Of other libraries' messages, only known ones are shown. An [`Error`] names operation, method and origin.
//! - **Token traffic is careful.** HTTPS only (loopback exempt), a fresh connection for each request, no redirects, no
//!   cookies, no retries, bodies capped, no proxy for loopback, time-outs of its own ([`CONNECT_TIMEOUT`], [`TOTAL_TIMEOUT`]).
//!
//! # What is wiped from memory
//!
//! When they are dropped: every [`Secret`], the headers made of one, the body of a request, and the body of a response.
//! Not wiped are the buffers of the HTTP client and of TLS, query parameters and header parameters that aren't secrets by
//! their schema, the smaller buffers that serde leaves behind as it encodes a request's body, and a token with escapes in
//! its JSON while the typed response of a vendor's crate is decoded. The facade decodes no token that way.
//!
//! TLS comes with the feature `rustls` (default) or `native-tls`; with neither, only loopback or an HTTP client of
//! one's own works. Without the feature `client` (default) there are no requests, only the types and the reader of
//! responses.
#![cfg_attr(not(feature = "client"), allow(dead_code, reason = "the generator uses the rest"))]
// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "client")]
pub mod answer;
#[cfg(feature = "client")]
mod body;
#[cfg(feature = "client")]
mod body_problem;
#[cfg(feature = "client")]
mod call;
#[cfg(feature = "client")]
mod cause;
#[cfg(feature = "client")]
mod client;
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
pub use client::{is_loopback, is_loopback_address, with_direct_loopback};
pub use dates::{FormatProblem, check_format};
pub use delimited::{CommaDelimited, Delimited, ListError, PipeDelimited, SpaceDelimited};
#[cfg(feature = "client")]
pub use error::{Error, ErrorKind};
#[cfg(feature = "client")]
pub use error_body::{ErrorBody, ErrorFields};
pub use limits::{CONNECT_TIMEOUT, MAX_BODY, TOTAL_TIMEOUT};
#[cfg(feature = "client")]
pub use outcome::Answered;
#[cfg(feature = "client")]
pub use rules::{RetryUnit, Rules, Verdict};
pub use secret::Secret;
#[cfg(feature = "client")]
#[doc(hidden)]
pub use target::NO_CERTIFICATES;
#[cfg(feature = "client")]
pub use target::{Http, Target, check, expand, server_key};
pub use timestamp::{Timestamp, TimestampError};
pub use tokens::Tokens;

/// For [`open_enum!`] and generated code; not an API.
#[doc(hidden)]
pub mod private {
    pub use crate::open_enum::text;
    pub use serde;
    pub use serde_json;
}
