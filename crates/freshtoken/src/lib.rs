//! Tokens that keep themselves fresh.
//!
//! A [`TokenSource`] gives out a vendor's access token and sees to it that it is a good one: it logs in, refreshes and
//! revokes by the vendor's own rules, with one request for all who wait, and without a secret in any text.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use freshtoken::{TokenSource, zenoti};
//!
//! let credentials = zenoti::Credentials {
//!     account_name: "example-account".into(),
//!     user_name: "example-user".into(),
//!     password: std::env::var("ZENOTI_PASSWORD")?.into(),
//!     app_id: "00000000-0000-4000-8000-00000000000a".into(),
//!     app_secret: std::env::var("ZENOTI_APP_SECRET")?.into(),
//!     device_id: "example-device".into(),
//! };
//! let tokens = TokenSource::new(zenoti::Endpoint::production(), credentials);
//!
//! let header = tokens.header().await?; // waits only when there is no fresh token
//! if let Some(header) = tokens.try_header() { /* never waits */ }
//! tokens.rejected(&header); // a call with it got 401: the next caller gets another
//! # Ok(())
//! # }
//! ```
//!
//! Where the call is an HTTP call too, [`HttpClient`] does all of that. Each vendor is a module behind a feature of its
//! name; a vendor of one's own is one trait, [`Vendor`].
//!
//! # What a caller gets
//!
//! | [state](State) | a caller gets | and what happens |
//! | --- | --- | --- |
//! | empty, expired | waits | one fetch for all waiting callers; they share its token, or its error |
//! | fresh | the header, at once | nothing: one atomic load, one look at the clocks, no lock, no allocation |
//! | due | the header, at once | one fetch in the background |
//! | backing off | the header while it is good, else the last error with [`retry_after`](Error::retry_after) | nothing before that has passed |
//! | ambiguous | the header while it is good, else waits | the response to a single-use refresh was lost: a login takes its place. Without a login, that refresh token is sent once more after the token has expired |
//! | dead | the header while it is good, else an error that says what to change | nothing before [`credentials_changed`](TokenSource::credentials_changed), or an hour; a callback is asked sooner for other credentials |
//!
//! A *fetch* is one round trip to the issuer, shared by every waiting caller: it takes the [lease](Store::lease) of the
//! account, loads from the [`Store`], logs in or refreshes where there is no newer token, stores what was issued, notifies
//! [`on_change`](TokenSourceBuilder::on_change), and only then serves it. It is a task of its own, so that a caller that goes
//! away cancels nothing.
//!
//! When a token is renewed is the vendor's business, not the user's: see [`Policy`]. Early renewal happens in the last
//! quarter of a token's life, up to a twentieth of it sooner so that many don't meet; a token stops being given out 5 s
//! before its end, or, where it lives short, when half the time is over that was left for its renewal, but at the latest 1 s
//! before. Where it is renewed at its expiry, it is given out until 1 s before, and a refresh waits until 2 s after.
//! Failures are tried again after 1 s, 2 s, 4 s … 60 s and up to a quarter more by chance, or when the vendor says; responses
//! that make no sense, twice in a row, after ten minutes. A 4xx without a code of the vendor's, which a firewall or a proxy
//! may have sent, is tried again after 1 s, 2 s, 4 s … 10 min. A 401 of a call has the token renewed; if no call succeeds
//! with the new one, the next renewal for a 401 comes after 1 s, 2 s, 4 s … 1 h: see [`TokenSource::rejected`]. Two fetches are a second apart at least, unless a 401 asks for
//! one. A `Date` in the answer corrects an issuer's clock that is off; without one, a single-use refresh may come as early
//! or late as the clocks differ.
//!
//! # Responses that aren't as the spec says
//!
//! A token that arrived is never lost. Each field is read by itself, and one that doesn't fit counts as not sent: then the
//! vendor's documented lifetime is used, or the vendor's typed [answer](Token::answer) lacks it. Only a response without an
//! access token is a failure. Misfits are traced in one event per response, whose field `pointers` has their JSON Pointers,
//! at `WARN` where tokens or expiries are among them, and at `INFO` otherwise. No event has a value.
//!
//! # What is wiped from memory
//!
//! When they are dropped: tokens and their headers, [`Secret`]s, and the bodies of token requests and responses. The buffers
//! of the HTTP client and of TLS aren't, nor are query parameters and the smaller buffers that serde leaves behind as it
//! encodes a request's body.
//!
//! # Restarts
//!
//! A source begins with nothing and logs in. To begin where the last process ended, persist each record in
//! [`on_change`](TokenSourceBuilder::on_change) ([`Record::to_json`]) and start from it
//! ([`record`](TokenSourceBuilder::record)); for several processes at once, write a [`Store`].
//!
//! # Events
//!
//! Each fetch has a `tracing` span `token_fetch` with the fields `vendor` and `account`, and these events:
//!
//! | level | message | fields |
//! | --- | --- | --- |
//! | info | `token issued` | `grant` (`login` or `refresh`), `expires_in` (seconds; absent where it is unknown or never) |
//! | info | `adopted a token from the store` | |
//! | warn | `grant failed` | `grant`, `error`, `verdict` |
//! | warn | `backing off` | `error`, which says when the next try comes |
//! | warn | `continuing without a lease`, `cannot load from the store`, `cannot store, continuing in memory`, `cannot store the mark on a refresh token` | `error` |
//! | debug | `logging in`, `refreshing` | |
//!
//! These events have the fields `vendor` and `account` themselves:
//!
//! | level | message | fields |
//! | --- | --- | --- |
//! | info | `call got 401` | `rejection`; at debug where the token is superseded |
//! | info | `token revoked` | |
//! | warn | `on_change failed`, `cannot store the revocation` | `error` |
//! | debug | `waiting for the fetch in progress` | |
//!
//! # Where is what
//!
//! Read in this order: `source` is what users hold; `core` is what it does, from a fresh token (`core::fast_path`) to a fetch
//! (`core::fetch`) and its decisions (`core::state`). Around them: `vendor` (the trait, and the [`Policy`]), `token` and
//! `record` (what is known, as callers and stores see it), `status`, `store`, `environment` (credentials from variables),
//! `accounts` (many of them), `http_client` and `middleware`. `vendors` is generated from `specs/`, with the help of `adapter`;
//! nothing else knows a vendor.
//!
//! This crate isn't for a person's consent in a browser: start from the refresh token that it gave
//! ([`refresh_token`](TokenSourceBuilder::refresh_token)).
//!
//! # Features
//!
//! One for each vendor, and `vendors` for all of them; `middleware`, for those who use `reqwest-middleware`; `rustls` (default) or `native-tls`.
#![forbid(unsafe_code)]
// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod accounts;
mod adapter;
mod core;
mod credentials;
mod environment;
mod error;
mod failure;
mod fingerprint;
mod http_client;
mod http_error;
mod issued;
#[cfg(feature = "middleware")]
mod middleware;
mod record;
mod request;
mod source;
mod status;
mod store;
mod token;
mod vendor;
mod vendors;

/// The versions of which this crate's API has types: [`HttpClient`] and [`http_client_builder`] are reqwest's, headers are `http`'s.
pub use {::http, ::reqwest};

pub use crate::core::clock::{Clock, Now, Random};
pub use accounts::{Accounts, AccountsBuilder};
pub use credentials::CredentialSource;
pub use environment::{EnvError, FromEnv, Variable};
pub use error::{Error, ErrorKind};
pub use failure::Failure;
pub use freshtoken_wire::{
    CommaDelimited, ListError, PipeDelimited, Secret, SpaceDelimited, Timestamp, TimestampError, Verdict,
    http_client_builder,
};
pub use http_client::{HttpClient, redirect_policy};
pub use http_error::{HttpError, TransportError};
pub use issued::Issued;
#[cfg(feature = "middleware")]
pub use middleware::TokenMiddleware;
pub use record::{Record, RecordError};
pub use request::{RequestBuilder, Sendable};
pub use source::{Seen, TokenSource, TokenSourceBuilder};
pub use status::{Counters, Rejection, State, Status};
pub use store::{Key, Lease, Memory, Store, StoreError};
pub use token::Token;
pub use vendor::{Lifetime, Policy, Refresh, Renew, Takes, Vendor};
#[allow(unused_imports, reason = "without a vendor's feature there is none")]
pub use vendors::*;

/// What the README shows compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// What the repository's README shows compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct RepositoryReadme;
