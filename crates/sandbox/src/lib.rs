//! Simulates any vendor's token endpoint on loopback, from its OpenAPI fragment.
//!
//! A test can't use a vendor's real credentials, and no vendor loses a response on purpose. The sandbox is an issuer that
//! anyone can log in to, and that fails on demand:
//!
//! ```
//! use std::time::Duration;
//!
//! use freshtoken_sandbox::{Clock, Fault, PlayedVendor, Sandbox};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! # let specs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs");
//! let clock = Clock::stopped(std::time::SystemTime::now()); // only moves when you move it
//! let zenoti = PlayedVendor::read(format!("{specs}/zenoti.yaml"))?.lifetime(Duration::from_secs(60)).clock(clock);
//! let sandbox = Sandbox::start([zenoti]).await?;
//!
//! let zenoti = sandbox.issuer("zenoti")?;
//! zenoti.url(); // the base URL for a client: http://127.0.0.1:…/zenoti
//! zenoti.credentials()["password"].as_str(); // what to log in with
//!
//! zenoti.inject(Fault::reset_after()); // the next grant takes effect, but its response is lost
//! zenoti.advance_clock(Duration::from_secs(60)); // every token has expired
//! assert_eq!(zenoti.counts().double_spends, 0);
//! sandbox.shutdown().await;
//! # Ok::<(), freshtoken_sandbox::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The program `freshtoken-sandbox` does the same for `curl` or for a client in another language; see the README.
//!
//! # What it does
//!
//! The specs decide everything; no code here is specific to a vendor. One server simulates several vendors, and each
//! [`PlayedVendor`] has its own path prefix:
//!
//! - **An operation of the spec** is checked against the spec: method, path, media type, parameters, required fields,
//!   types, constants and enums, list encodings, security, and whether the credentials are
//!   [correct](Issuer::credentials). Authentication comes first: the rest of a request is only checked once the
//!   credentials in its security scheme are correct. An invalid request gets the failure that the spec documents for it,
//!   and a header `x-sandbox-reason` with an explanation that no vendor would give. An empty form field counts as absent,
//!   as RFC 6749 requires. `pattern`, `minimum` and similar keywords are documentation in these specs and aren't
//!   checked. Fields that the spec doesn't list are ignored.
//! - **Login, refresh and revocation**, as `x-token` declares them, are simulated: tokens have the form of the spec's
//!   examples, they expire, and a single-use refresh token works once. The module `grants` describes how the sandbox
//!   interprets what vendors document about early refreshes, revocations and introspection.
//! - **Every other path** is the protected resource. It returns 200 for a live token with the header and prefix of
//!   `x-token.use`, and the vendor's 401 otherwise. A path that differs from an operation's path only in slashes, dots
//!   or case is a 404.
//!
//! [`Fault`]s make requests fail, [`Counts`] and [`Event`]s report what happened, and a [`Clock`] that you move lets
//! tests run without waiting. What a spec doesn't say, such as the maximum number of live tokens, is a setting of
//! [`PlayedVendor`].
//!
//! # What it is not
//!
//! It isn't a linter: `cargo xtask gen` may reject a spec that the sandbox accepts. But the sandbox rejects what it can't
//! check: `anyOf`, `not`, a reference that isn't to a component of the right kind, a schema that contains itself through
//! `oneOf` or `allOf`, and two parameters in one path segment. It also rejects an `x-token` keyword that it neither
//! simulates nor lists in `spec::x_token` as deliberately not simulated. Otherwise client and issuer could agree only
//! because one of them ignored the keyword.
//!
//! It is for development only: it listens on loopback, and its tokens can be guessed.
//!
//! It depends neither on the generator nor on the generated crates, so client and issuer can't share a mistake.
//!
//! # Modules
//!
//! From the outside in:
//!
//! | module | contents |
//! | --- | --- |
//! | `sandbox` | the server |
//! | `connection` | accepts connections, and resets them for faults |
//! | `server`, `host` | HTTP, and the check that a request is for this machine |
//! | `control` | the control endpoint |
//! | `issuer`, `state` | one vendor: how it handles a request, and what changes |
//! | `exchange` | a request and its reply, without HTTP |
//! | `route`, `request` | which operation a request is for, and whether it follows the spec |
//! | `account` | whose credentials it has |
//! | `grants`, `chain`, `resource` | what it does: login, refresh, revocation; a login of several requests; the protected resource |
//! | `computed`, `keys` | whether what a client computes and signs is right |
//! | `ledger` | every token that was issued |
//! | `response`, `refusal` | what the vendor sends back, and why a request is refused |
//! | `fault` | what goes wrong, when, and what it does to a response |
//! | `spec` | reads a spec |
//! | `curl`, `environment` | a `curl` command for a person, environment variables for a program |
//!
//! The program (`main`) has its own modules `log` and `signals`.
#![forbid(unsafe_code)]

mod account;
mod chain;
mod clock;
mod computed;
mod connection;
mod control;
mod curl;
mod environment;
mod error;
mod event;
mod exchange;
mod fault;
mod grants;
mod host;
mod issuer;
mod keys;
mod ledger;
mod refusal;
mod request;
mod resource;
mod response;
mod route;
mod sandbox;
mod server;
mod spec;
mod state;
mod vendor;

use std::time::Duration;

pub use account::Credentials;
pub use clock::Clock;
pub use error::Error;
pub use event::{Counts, Event, Outcome};
pub use fault::{Fault, FaultKind, FaultScope, RetryAfter};
pub use issuer::Issuer;
pub use sandbox::{Sandbox, SandboxBuilder};
pub use vendor::PlayedVendor;

/// Parses a duration as specs write it, such as `90s`, `15m`, `24h`, `30d` or `250ms`.
///
/// # Errors
///
/// A message that says how to write it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    spec::duration::duration(text)
}
