//! Metrics of every source, through the facade of the crate [`metrics`](https://docs.rs/metrics).
//!
//! Install an exporter, such as `metrics-exporter-prometheus`, and call [`describe`] once: `examples/observability.rs`. Without
//! an exporter, nothing is recorded.
//!
//! | name | type | labels | meaning |
//! | --- | --- | --- | --- |
//! | `freshtoken_grants_total` | counter | `vendor`, `grant`, `outcome` | logins and refreshes sent |
//! | `freshtoken_grant_duration_seconds` | histogram | `vendor`, `grant`, `outcome` | how long they took |
//! | `freshtoken_adopted_total` | counter | `vendor` | tokens adopted from the store |
//! | `freshtoken_fetch_failures_total` | counter | `vendor`, `kind` | fetches that ended without a token |
//! | `freshtoken_rejected_calls_total` | counter | `vendor`, `outcome` | 401s reported |
//! | `freshtoken_store_failures_total` | counter | `vendor` | calls of the store that failed or took too long |
//! | `freshtoken_last_success_timestamp_seconds` | gauge | `vendor` | when the last token arrived, in Unix seconds |
//!
//! Values of the labels:
//!
//! - `vendor`: the vendor's name, such as `zenoti`.
//! - `grant`: `login` or `refresh`.
//! - `outcome` of a grant: `ok` or `failed`. Of a 401, a [`RejectionOutcome`]: `superseded`, `renewing` or
//!   `permission_problem`.
//! - `kind`: `refused` (change the credentials or a setting), `consent_needed` (ask the person), or `failed` (the source tries
//!   again).
//!
//! No label names an account, because each value of a label is a time series of its own. For a few accounts, export
//! [`Status`](crate::status::Status) instead.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::event::EventKind;
use crate::status::RejectionOutcome;

const GRANTS: &str = "freshtoken_grants_total";
const GRANT_DURATION: &str = "freshtoken_grant_duration_seconds";
const ADOPTED: &str = "freshtoken_adopted_total";
const FETCH_FAILURES: &str = "freshtoken_fetch_failures_total";
const REJECTED_CALLS: &str = "freshtoken_rejected_calls_total";
const STORE_FAILURES: &str = "freshtoken_store_failures_total";
const LAST_SUCCESS: &str = "freshtoken_last_success_timestamp_seconds";

/// Gives the exporter the help text and the unit of each metric. Call it once, after the exporter is installed.
///
/// ```
/// freshtoken::metrics::describe();
/// ```
pub fn describe() {
    describe_counter!(GRANTS, "Logins and refreshes sent.");
    describe_histogram!(GRANT_DURATION, Unit::Seconds, "How long logins and refreshes took.");
    describe_counter!(ADOPTED, "Tokens adopted from the store.");
    describe_counter!(FETCH_FAILURES, "Fetches that ended without a token.");
    describe_counter!(REJECTED_CALLS, "401s reported.");
    describe_counter!(STORE_FAILURES, "Calls of the store that failed or took too long.");
    describe_gauge!(LAST_SUCCESS, Unit::Seconds, "When the last token arrived.");
}

pub(crate) fn record_grant(vendor: &'static str, grant: &'static str, outcome: &'static str, took: Duration) {
    counter!(GRANTS, "vendor" => vendor, "grant" => grant, "outcome" => outcome).increment(1);
    histogram!(GRANT_DURATION, "vendor" => vendor, "grant" => grant, "outcome" => outcome).record(took.as_secs_f64());
}

pub(crate) fn record_success(vendor: &'static str, at: SystemTime) {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    gauge!(LAST_SUCCESS, "vendor" => vendor).set(seconds);
}

pub(crate) fn record_rejected(vendor: &'static str, outcome: RejectionOutcome) {
    let outcome = match outcome {
        RejectionOutcome::Superseded => "superseded",
        RejectionOutcome::Renewing => "renewing",
        RejectionOutcome::PermissionProblem => "permission_problem",
    };
    counter!(REJECTED_CALLS, "vendor" => vendor, "outcome" => outcome).increment(1);
}

pub(crate) fn record_event(vendor: &'static str, event: &EventKind) {
    let failed = |kind: &'static str| counter!(FETCH_FAILURES, "vendor" => vendor, "kind" => kind).increment(1);
    match event {
        EventKind::Renewed { .. } => {}
        EventKind::Adopted => counter!(ADOPTED, "vendor" => vendor).increment(1),
        EventKind::Failed(_) => failed("failed"),
        EventKind::Refused(_) => failed("refused"),
        EventKind::ConsentNeeded(_) => failed("consent_needed"),
        EventKind::StoreFailed(_) => counter!(STORE_FAILURES, "vendor" => vendor).increment(1),
    }
}
