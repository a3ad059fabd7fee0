//! Every way in which a request can fail, caused by a server that behaves that way.

#![allow(clippy::unwrap_used, reason = "a test helper may panic, as a test may")]

mod bodies;
mod messages;
mod statuses;
#[path = "../support/mod.rs"]
mod support;
mod tokens;
mod transport;

use std::time::Duration;

use freshtoken_wire::{
    BodyProblem, Call, Error, ErrorClass, ErrorKind, MAX_BODY, Target, Timestamp, http_client_builder,
};
use serde::Deserialize;
use support::{
    CREATE, TOKEN, Token, VendorError, careless_client, closed_port, create, failure, grant, messages, post, response,
    run, run_empty, server, server_returning, target,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Errors, calls and targets can be sent to other threads.
const _: () = {
    const fn can_cross_threads<T: Send + Sync + 'static>() {}
    can_cross_threads::<Error<VendorError>>();
    can_cross_threads::<Call>();
    can_cross_threads::<Target>();
};

async fn failing(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Error<VendorError> {
    let (target, _server) = server_returning(response(status, headers, body)).await;
    failure(&target).await
}

/// Returns the message, with a placeholder for the server's origin.
fn message(error: &Error<VendorError>) -> String {
    let message = error.to_string();
    let (before, after) = message.split_once("http://127.0.0.1:").unwrap();
    format!("{before}ORIGIN{}", after.trim_start_matches(|character: char| character.is_ascii_digit()))
}
