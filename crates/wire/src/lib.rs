//! What all freshtoken vendor crates share: the types and the careful HTTP under a generated client of a token endpoint.
//!
//! A vendor crate such as `freshtoken-voucherify` is generated, and users depend on that one. What it re-exports from
//! here is for them: [`Secret`], the delimited lists, [`Timestamp`], [`Error`] and [`http_client_builder`]. The rest,
//! [`Call`] above all, is for generated code and may change with the generator.
//!
//! It isn't for anything that a single vendor does, and it knows nothing of tokens: no cache, no expiry, no refresh.
//! That is for a facade above the vendor crates.
//!
//! # How a request goes
//!
//! 1. [`Target::new`] checks the base URL and holds the HTTP client, which an endpoint and its clones share as [`Http`].
//! 2. [`Call::new`] stands for one request. The wrapper adds headers and credentials to it, and gives it to a progenitor
//!    client of its own, whose operations send by [`Call::exec`].
//! 3. `exec` sends the request and reads the answer, at most [`MAX_BODY`] bytes of it. By its status progenitor's operation
//!    knows a success, whose body it has read as its type: see [`answer`].
//! 4. [`Call::finish`] gives the typed body on, with the head of the answer, or makes an [`Error`] of what came: status
//!    first, body where it can be read.
//!
//! # Two promises
//!
//! - **No secret in any text.** No `Debug`, `Display` or error source of this crate holds a header value, a path, a
//!   query, a body or a vendor's message. An [`Error`] names operation, method and origin.
//! - **Token traffic is careful.** HTTPS only (loopback exempt), no redirects, no cookies, no retries, bodies capped,
//!   time-outs of its own ([`CONNECT_TIMEOUT`], [`TOTAL_TIMEOUT`]).
//!
//! TLS comes with the feature `rustls` (default) or `native-tls`; with neither, only loopback or an HTTP client of
//! one's own works.

pub mod answer;
mod call;
mod cause;
pub mod de;
mod delimited;
mod error;
mod error_body;
mod open_enum;
mod retry_after;
mod rules;
mod secret;
mod target;
pub mod text;
mod timestamp;

pub use call::{BasicEncoding, Call, Operation};
pub use delimited::{CommaDelimited, Delimited, ListError, PipeDelimited, SpaceDelimited};
pub use error::{BodyProblem, Error, ErrorKind};
pub use error_body::ErrorBody;
pub use rules::{RetryUnit, Rules, Verdict};
pub use secret::Secret;
#[doc(hidden)]
pub use target::is_loopback;
pub use target::{Http, Target, expand, http_client_builder, server_key};
pub use timestamp::{Timestamp, TimestampError};

use std::time::Duration;

/// The most that is read of an answer, in bytes. The largest token answers known have some 10 KiB.
pub const MAX_BODY: usize = 64 * 1024;

/// How long connecting may take, name lookup and TLS handshake included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take, from connecting to the last byte of the answer.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);

/// For [`open_enum!`] and generated code; not an API.
#[doc(hidden)]
pub mod private {
    pub use crate::open_enum::text;
    pub use serde;
    pub use serde_json;
}
