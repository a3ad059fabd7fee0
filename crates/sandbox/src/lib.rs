//! Plays any vendor's token endpoint on loopback, from its OpenAPI fragment.
//!
//! Nobody has a vendor's credentials at hand, and no vendor loses an answer on purpose. So here is one that anyone can
//! log in at, and that breaks when it is told to:
//!
//! ```
//! use std::time::Duration;
//!
//! use freshtoken_sandbox::{Clock, Fault, Sandbox, PlayedVendor};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! # let specs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs");
//! let clock = Clock::stopped(std::time::SystemTime::now()); // moves when it is moved
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
//! The program `freshtoken-sandbox` is the same for a person with `curl`, or for another program; see the README.
//!
//! # What it does
//!
//! A spec decides everything; nothing here knows a vendor. Each [`PlayedVendor`] is a folder of one server:
//!
//! - **An operation of the spec** is checked against it: method, path, media type, parameters, required fields, types,
//!   constants and listed values, how lists are written, security, and whether the credentials are [the right
//!   ones](Issuer::credentials). Who calls comes first: what the security scheme said is right before anyone looks at
//!   the rest. What breaks a rule gets the failure that the spec documents for such a thing, and a header
//!   `x-sandbox-reason` with what is wrong, which no vendor would tell. A field of a form without a value counts as
//!   none, as RFC 6749 has it. `pattern`, `minimum` and the like are documentation in these specs, and aren't checked;
//!   nor are fields beyond those of the spec.
//! - **A login, a refresh, a revocation** by `x-token` is done: tokens are issued in the shape of the spec's examples,
//!   live and expire, and a single-use refresh token is used once. The module `grants` says how the vendors' words on
//!   early refreshes, revocations and introspection were read.
//! - **Every other path** is the protected resource: 200 for a live token with the header and the prefix of
//!   `x-token.use`, else the vendor's 401. A path that is an operation's but for slashes, dots or the case of its
//!   letters is neither, but a 404.
//!
//! [`Fault`]s make something go wrong, [`Counts`] and [`Event`]s tell what happened, and a [`Clock`] of its own lets a
//! test wait for nothing. What a spec doesn't say is a setting of [`PlayedVendor`], such as how many tokens may be live.
//!
//! # What it isn't
//!
//! Not a check of a spec: one that can be played may still be refused by `cargo xtask gen`. What would go unchecked
//! here is refused: `anyOf`, `not`, a reference to anything but a component of its kind, a schema that is a kind of
//! itself, two parameters in one part of a path. So is an `x-token` keyword that is neither simulated nor listed in
//! `spec::x_token` as one that deliberately isn't: a client and its issuer must not agree because one of them skipped it.
//!
//! Not for anything but development: it listens on loopback alone, and its tokens can be guessed.
//!
//! It depends on no crate that is generated from the same specs, nor on the generator, so that a client and its issuer
//! can't share a mistake.
//!
//! # Where is what
//!
//! From the outside in: `sandbox` (the server), `connection` (one that can be torn), `server` (HTTP), `host` (is it for
//! this machine?), `control` (the
//! control endpoint), `issuer` (one vendor: a request's way through it). A request goes through `route`, `request` (is
//! it as the spec wants it?), `account` (whose credentials?), then `grants` or `calls` (what is done), with the
//! `ledger` of all tokens; `answer` makes what comes back, of a success or of a `refusal`; `faulty` has it go wrong.
//! `spec` is what a spec's text says. `sample` makes a `curl` command for a person, `environment` variables for a
//! program. The program of the same name (`main`) has a `log` and `signals` of its own.
#![forbid(unsafe_code)]

mod account;
mod clock;
mod connection;
mod control;
mod curl;
mod environment;
mod error;
mod event;
mod fault;
mod grants;
mod host;
mod issuer;
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

/// Reads a duration as the specs write them: `90s`, `15m`, `24h`, `30d`, and `250ms` too.
///
/// # Errors
///
/// What is wrong with it, for a person.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    spec::duration::duration(text)
}
