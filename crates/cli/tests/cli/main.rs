//! The program as a user runs it: real processes against the sandbox, or an issuer on loopback.
//!
//! What needs a tool that is not installed, such as curl, Python or strace, says so and proves nothing.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test may")]

mod accounts;
mod agent;
mod agent_limits;
mod browser;
mod completions;
mod environment;
mod failures;
mod herd;
#[cfg(feature = "keyring")]
mod keyring;
mod login;
mod metrics;
mod output;
#[cfg(feature = "redis")]
mod redis;
mod refusals;
mod run;
mod secrets;
mod store;
mod support;
mod terminal;
