//! Bad luck: everything that can go wrong between a token source and a server, and odd user input. Each case ends in a clear
//! error or the right token after the expected number of requests, and nothing hangs.
//!
//! `vendor_rules` covers success, and Zenoti's lost refreshes.

#![cfg(all(feature = "voucherify", feature = "wellnessliving", feature = "zenoti"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test may")]

mod endings;
mod expiries;
mod failures;
mod input;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/mod.rs"]
mod support;
mod waits;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use freshtoken::status::{RejectionOutcome, State};
use freshtoken::store::{Entry, Key, Loaded, MemoryStore, Store, StoreError};
use freshtoken::{
    CredentialSource, Error, ErrorKind, TokenSource, http_client_builder, voucherify, wellnessliving, zenoti,
};
use freshtoken_voucherify::{BodyProblem, ErrorKind as Cause};
use server::{
    Act, DAY, Response, Server, ask, builder, landed, limit, reserved, unix, voucherify_at, voucherify_credentials,
    voucherify_token, voucherify_token_with, wellnessliving_token, zenoti_at, zenoti_credentials, zenoti_pair,
};
use support::{TestClock, s, settle, start};
use tokio::runtime::{Builder, Handle, Runtime};

fn cause(error: &Error) -> &voucherify::Error {
    error.vendor_error().unwrap_or_else(|| panic!("no error of the vendor: {error:?}"))
}

/// A source whose first request gets this response, and any further one the token `good`.
fn unlucky(act: impl Into<Act>, clock: &TestClock) -> (Server, TokenSource) {
    let server = Server::new(voucherify_token("good", clock.wall()));
    server.does_once(act);
    let tokens = voucherify_at(&server, clock);
    (server, tokens)
}

/// A fault of the first request, the wait after it, and the vendor's error.
type Case<'a> = (&'a str, Act, u64, Option<(Cause, Option<u16>)>);

/// A transient failure: all callers get it without a request until the wait has elapsed, and then the good token.
async fn passes((case, act, wait, said): Case<'_>) {
    let clock = TestClock::new();
    let (server, tokens) = unlucky(act, &clock);
    for age in [0, wait - 1] {
        clock.advance(s(age));
        let error = ask(&tokens).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(wait - age))), "{case}");
        assert!(error.is_transient(), "{case}");
        let cause = error.vendor_error::<voucherify::Error>();
        assert_eq!(cause.map(|cause| (without_place(cause.kind()), cause.status())), said, "{case}: {error:?}");
        assert_eq!((tokens.status().state, server.connections()), (State::BackingOff, 1), "{case}");
    }
    clock.advance(s(1));
    assert_eq!(ask(&tokens).await.unwrap(), "good", "{case}");
    assert_eq!(server.connections(), 2, "{case}");
}

/// Omits the place in the body.
fn without_place(kind: Cause) -> Cause {
    match kind {
        Cause::Body(BodyProblem::Unexpected { .. }) => Cause::Body(BodyProblem::Unexpected { line: 0, column: 0 }),
        kind => kind,
    }
}

/// A permanent refusal: all callers get it, and no further request is sent for an hour or until the credentials change.
async fn stays(case: &str, act: Act, said: (Cause, Option<u16>)) -> Error {
    let clock = TestClock::new();
    let (server, tokens) = unlucky(act, &clock);
    let mut last = None;
    for age in [0, 1_800, 3_599] {
        clock.advance(s(age) - (clock.monotonic() - s(1_000)));
        let error = ask(&tokens).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Refused, Some(s(3_600 - age))), "{case}");
        assert_eq!((cause(&error).kind(), cause(&error).status()), said, "{case}");
        last = Some(error);
    }
    assert_eq!((tokens.status().state, server.connections()), (State::Dead, 1), "{case}");
    tokens.credentials_changed();
    server.does(voucherify_token("good", clock.wall()));
    assert_eq!(ask(&tokens).await.unwrap(), "good", "{case}");
    last.unwrap()
}

const OVER_64_KIB: usize = 64 * 1024 + 1;
