//! Access tokens that keep themselves fresh.
//!
//! A [`TokenSource`] logs in to a vendor's token endpoint, refreshes and revokes by that vendor's rules, and serves a valid
//! access token. All waiting callers share one request (single-flight), and no message contains a secret.
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
//! let header = tokens.header().await?; // waits only if there is no fresh token
//! if let Some(header) = tokens.try_header() { /* never waits */ }
//! tokens.rejected(&header); // a call with it got 401: the next caller gets another token
//! # Ok(())
//! # }
//! ```
//!
//! If your call is an HTTP call too, [`HttpClient`] does all of this for you. Each vendor is a module behind a feature of the
//! same name.
//!
//! # How to
//!
//! | task | start here |
//! | --- | --- |
//! | call an API | [`HttpClient`], or `TokenMiddleware` with the feature `middleware` |
//! | call an API with a plain `reqwest::Client` | `examples/reqwest_call.rs` |
//! | call an API with a client that progenitor generated | `examples/progenitor_call` |
//! | call an API with `hyper-util`, `tonic` or another tower service | the module `tower`, with the feature `tower`; `examples/hyper_call.rs`, `examples/tonic_call.rs` |
//! | read credentials from the environment | [`TokenSource::from_env`] |
//! | continue after a restart | [`on_change`](TokenSourceBuilder::on_change) and [`record`](TokenSourceBuilder::record); `examples/restart.rs` |
//! | start from a person's consent | [`refresh_token`](TokenSourceBuilder::refresh_token), and [`new_consent`](TokenSource::new_consent) for a later one |
//! | serve many accounts | [`TokenSources`]; `examples/service.rs` |
//! | run several replicas | [`store`](TokenSourceBuilder::store) with a `FileStore`, a `RedisStore`, or your own [`Store`](store::Store): [`_guide::replicas`] |
//! | write a health check | [`TokenSource::status`], which is printable and serializable, and [`TokenSources::sources`] for all accounts |
//! | show or serve what a store has, without a request | [`TokenSource::load_stored`] |
//! | write a readiness probe | [`TokenSource::warm_up`]; `examples/observability.rs` |
//! | be notified of renewals and failures | [`on_event`](TokenSourceBuilder::on_event) |
//! | collect metrics | the module `metrics`, with the feature `metrics`; [`Status::counters`](status::Status::counters); the [events](#events) |
//! | rotate credentials | [`CredentialSource::ask`], or [`TokenSource::credentials_changed`] |
//! | revoke a token, or forget it on this side only | [`TokenSource::revoke`], [`TokenSource::forget`] |
//! | call from blocking code | the module `blocking`, with the feature `blocking`; `examples/blocking.rs` |
//! | add your own vendor | [`Vendor`]; `examples/own_vendor.rs` |
//! | store records in your own database | [`Store`](store::Store), and the module `testing`, with the feature `testing`, to check it |
//! | call from a shell or another language | the program `freshtoken`: [`_guide::shells`] |
//! | test without a vendor | the sandbox, `cargo run -p freshtoken-sandbox -- zenoti`: each example's header has the command |
//! | test with a movable clock | [`Clock`](clock::Clock); `examples/own_clock.rs` |
//!
//! # What a caller gets
//!
//! | [state](status::State) | a caller gets | what happens |
//! | --- | --- | --- |
//! | empty, expired | waits | one fetch for all waiting callers, which share its token or its error |
//! | fresh | the header, at once | nothing: one atomic load and one look at the clocks, no lock, no allocation |
//! | due | the header, at once | one fetch in the background |
//! | backing off | the header while it is valid, else the last error with [`retry_after`](Error::retry_after) | nothing until then |
//! | ambiguous | the header while it is valid, else waits | the response to a single-use refresh was lost, so the source logs in. Without a login, it sends that refresh token once more after the access token has expired |
//! | dead | the header while it is valid, else an error that says what to change | nothing before [`credentials_changed`](TokenSource::credentials_changed), or for an hour; a callback is called sooner for other credentials |
//!
//! A *fetch* is one round trip to the issuer, shared by every waiting caller (single-flight). With a [`Store`](store::Store), it
//! loads the record, takes the account's lease and loads again. If there is no newer token, it logs in or refreshes. It
//! stores the new token, notifies [`on_change`](TokenSourceBuilder::on_change), and only then serves the token. It is a
//! separate task, so a caller that is dropped cancels nothing.
//!
//! # Timing
//!
//! The vendor's [`TokenPolicy`] decides when a token is renewed, not the user.
//!
//! - **Early renewal** starts at 75 % of the lifetime, minus up to 5 % jitter. A token is no longer served 5 s before it
//!   expires. For short-lived tokens that margin shrinks to half the renewal window, but not below 1 s; for tokens that live
//!   less than 2 s, it is half the lifetime.
//! - **Renewal at expiry**: the token is served until 1 s before it expires, and a refresh waits until 2 s after.
//! - **Failures** are retried after 1 s, 2 s, 4 s … 60 s, plus up to 25 % jitter. If the vendor asks for a longer wait, up to a
//!   day, that is used. After two unusable responses in a row, the source waits ten minutes.
//! - **A 4xx without a vendor code** may come from a firewall or a proxy. It is retried after 1 s, 2 s, 4 s … 10 min.
//! - **A 401 of a call** causes a renewal. If no call succeeds with the new token, the next renewal after a 401 comes after 1
//!   s, 2 s, 4 s … 1 h: see [`TokenSource::rejected`].
//! - **Two fetches** are at least one second apart, unless a 401 asks for one.
//! - **Clock skew**: the `Date` header of a response corrects the issuer's absolute expiries. Without one, a single-use
//!   refresh may be as early or late as the clocks differ.
//!
//! # Responses that do not match the spec
//!
//! A token that arrived is never lost. Each field is read independently, and a field that does not match counts as not sent.
//! The vendor's documented lifetime is then used, or the vendor's typed [response](Token::response) lacks the field. Only a
//! response without an access token is a failure. One event per response reports the mismatches. Its field `pointers` holds
//! their JSON Pointers, and its level is `WARN` if a token or an expiry is affected, and `INFO` otherwise. No event contains
//! a value.
//!
//! # What is wiped from memory
//!
//! Tokens and their headers, [`Secret`]s, and the bodies of token requests and responses are wiped when they are dropped. Not
//! wiped are the buffers of the HTTP client and of TLS, query parameters, and the smaller buffers that serde leaves behind
//! when it encodes a request's body.
//!
//! # Restarts
//!
//! A source starts without a token and logs in. To continue where the last process stopped, persist each record in
//! [`on_change`](TokenSourceBuilder::on_change) ([`Record::to_json`](store::Record::to_json)) and start from it
//! ([`record`](TokenSourceBuilder::record)). For several processes at once, use a [`store`]: see [`_guide::replicas`].
//!
//! # Events
//!
//! Each fetch has a `tracing` span `token_fetch` with the fields `vendor` and `account`, and these events:
//!
//! | level | message | fields |
//! | --- | --- | --- |
//! | info | `token issued` | `grant` (`login` or `refresh`), `expires_in` (seconds; absent if unknown or unlimited) |
//! | info | `adopted a token from the store` | |
//! | warn | `grant failed` | `grant`, `error`, `kind` |
//! | warn | `backing off` | `error`, which says when the next try is due |
//! | info | `dropped a token: the store holds a newer record`, `finishing the revocation of another process`, `revoking a token that was issued after a revocation` | |
//! | warn | `continuing without a lease`, `cannot load from the store`, `cannot store, continuing in memory`, `cannot store the mark on a refresh token`, `cannot renew the lease`, `cannot release the lease, which ends by itself` | `error` |
//! | warn | `lost the lease to another process`, `nothing sent: the lease was lost` | |
//! | debug | `logging in`, `refreshing`, `waiting for a lease that another process holds` | |
//!
//! These events have the fields `vendor` and `account` themselves:
//!
//! | level | message | fields |
//! | --- | --- | --- |
//! | info | `call got 401` | `rejection`; at debug if the token is superseded |
//! | info | `token revoked`, `put back a record that the store had lost` | |
//! | warn | `on_change failed`, `cannot store the revocation` | `error` |
//! | warn | `on_event panicked` | |
//! | debug | `waiting for the fetch in progress` | |
//!
//! # Reading the code
//!
//! Read in this order: `source` is what users hold, and `builder` creates it. `core` is what it does, from a fresh token
//! (`core::fast_path`) to a fetch (`core::fetch`) and its decisions (`core::state`). Around them are `vendor` (the trait and
//! the [`TokenPolicy`]), `token` and `store::record` (the known tokens, as callers and stores see them), `status`, `store`,
//! `env` (credentials from variables), `token_sources` (sources of many accounts), `http_client`, `middleware`, `tower` and
//! `blocking`. `vendors` is generated from `specs/` and uses [`adapter`], as generated crates of other repositories do. Nothing
//! else knows a vendor.
//!
//! This crate does not ask a person for consent in a browser. Start from the refresh token that your consent page received
//! ([`refresh_token`](TokenSourceBuilder::refresh_token)).
//!
//! # Features
//!
//! One per vendor, and `vendors` for all of them; `rustls` (default) or `native-tls`; `file` (default) for `store::FileStore`;
//! `seal` (default) for `store::Seal` with keys; `testing` for a suite that checks a store; `middleware` for
//! `reqwest-middleware`; `blocking` for programs without a runtime; `tower` for `hyper-util`, `tonic` and other tower services;
//! `metrics` for the facade of the crate `metrics`.
//!
//! `wasm32-unknown-unknown` is not supported, because of reqwest: there, it sends with the browser's `fetch`, which follows
//! redirects, and reqwest 0.13 cannot turn that off. A redirect would send the credentials to another host. Its futures are not
//! `Send` either, as [`Vendor`] requires.
#![forbid(unsafe_code)]
// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod _guide;
pub mod adapter;
mod base_url;
#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
mod cause;
pub mod clock;
mod core;
mod credentials;
pub mod env;
mod error;
pub mod event;
mod fingerprint;
mod grant_error;
mod http_client;
mod http_error;
mod issued_tokens;
mod limits;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "middleware")]
mod middleware;
mod request;
#[cfg(test)]
mod simulation;
mod source;
pub mod status;
pub mod store;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod token;
mod token_sources;
#[cfg(feature = "tower")]
pub mod tower;
mod used_token;
mod vendor;
mod vendors;

/// The versions whose types appear in this crate's API: reqwest's in [`HttpClient`] and [`http_client_builder`], and `http`'s
/// headers.
pub use {::http, ::reqwest};

pub use builder::TokenSourceBuilder;
pub use credentials::CredentialSource;
pub use error::{Error, ErrorKind};
pub use freshtoken_wire::{Secret, http_client_builder};
pub use grant_error::GrantError;
pub use http_client::HttpClient;
pub use http_client::call::redirect_policy;
pub use http_error::{HttpError, TransportError};
pub use issued_tokens::IssuedTokens;
#[cfg(feature = "middleware")]
pub use middleware::TokenMiddleware;
pub use request::{RequestBuilder, Sendable};
pub use source::TokenSource;
pub use token::Token;
pub use token_sources::{TokenSources, TokenSourcesBuilder};
pub use used_token::UsedToken;
pub use vendor::{Lifetime, RefreshTokens, Renewal, TokenKind, TokenPolicy, Vendor};
#[allow(unused_imports, reason = "without a vendor's feature there is none")]
pub use vendors::*;

/// Formats of values in requests and responses: lists in one string, and points in time.
pub mod formats {
    pub use freshtoken_wire::{CommaDelimited, ListError, PipeDelimited, SpaceDelimited, Timestamp, TimestampError};
}

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Compiles the examples of the repository's README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct RepositoryReadme;
