//! Applies a fault to a response.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock::{http_date, shift};
use crate::exchange::Reply;
use crate::fault::{FaultKind, RetryAfter, has_body};
use crate::response::failure;
use crate::response::message::Response;
use crate::spec::document::Document;
use crate::spec::operation::Operation;
use crate::spec::x_token::errors::RetryUnit;

/// An error page as a CDN would send it; it deliberately says nothing.
const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sorry</title></head><body><h1>Sorry</h1></body></html>\n";

/// Returns the reply of a fault that applies before the vendor does anything.
pub(crate) fn instead(
    document: &Document,
    operation: Option<&Operation>,
    fault: &FaultKind,
    now: SystemTime,
) -> Option<Reply> {
    let at_status = |status| match operation {
        Some(operation) => failure::at_status(document, operation, status),
        None => Response::empty(status),
    };
    let response = match fault {
        FaultKind::TooManyRequests { retry_after, wait } => {
            let mut response = at_status(429);
            match retry_after {
                RetryAfter::Seconds => wait_headers(document, &mut response, *wait, now),
                RetryAfter::Date => {
                    wait_headers(document, &mut response, *wait, now);
                    let date = http_date(now.checked_add(*wait).unwrap_or(now));
                    response.headers.push(("retry-after".to_owned(), date));
                }
                RetryAfter::PlayedVendor => response.headers.extend(own_header(document, *wait, now)),
                RetryAfter::Nothing => {}
            }
            response
        }
        FaultKind::ServerError => at_status(500),
        FaultKind::Html { status } => Response::empty(*status).with_body("text/html; charset=utf-8", PAGE.into()),
        FaultKind::Redirect { to } => {
            let mut response = Response::empty(307);
            response.headers.push(("location".to_owned(), to.clone()));
            response
        }
        FaultKind::ResetBefore => return Some(Reply::Reset),
        FaultKind::Delay { .. }
        | FaultKind::ResetAfter
        | FaultKind::Truncated
        | FaultKind::Oversized { .. }
        | FaultKind::ExpiredToken
        | FaultKind::SameToken
        | FaultKind::ClockOff { .. } => return None,
    };
    Some(Reply::Response { response, date: now, is_truncated: false })
}

/// Changes the vendor's response.
pub(crate) fn afterwards(fault: Option<&FaultKind>, mut response: Response, date: SystemTime, method: &str) -> Reply {
    let has_body = has_body(response.status) && method != "HEAD";
    match fault {
        Some(FaultKind::ResetAfter) => return Reply::Reset,
        // An empty body can't be cut in half, but the connection still ends too early.
        Some(FaultKind::Truncated) if !has_body => return Reply::Reset,
        Some(FaultKind::Oversized { bytes }) if has_body && response.body.len() < *bytes => {
            response.body.resize(*bytes, b' ')
        }
        _ => {}
    }
    Reply::Response { response, date, is_truncated: fault == Some(&FaultKind::Truncated) }
}

/// Returns the time by the vendor's clock.
pub(crate) fn date(fault: Option<&FaultKind>, now: SystemTime) -> SystemTime {
    match fault {
        Some(FaultKind::ClockOff { seconds }) => shift(now, *seconds),
        _ => now,
    }
}

/// Adds `Retry-After` in seconds, and the vendor's own header.
pub(crate) fn wait_headers(document: &Document, response: &mut Response, wait: Duration, now: SystemTime) {
    let seconds = wait.as_millis().div_ceil(1_000);
    response.headers.push(("retry-after".to_owned(), seconds.to_string()));
    response.headers.extend(own_header(document, wait, now));
}

fn own_header(document: &Document, wait: Duration, now: SystemTime) -> Option<(String, String)> {
    let own = document.token.as_ref()?.errors.retry_after.as_ref()?;
    let seconds = wait.as_millis().div_ceil(1_000);
    // Counts from the second that `Date` names.
    let value = match own.unit {
        RetryUnit::Seconds => seconds,
        RetryUnit::Unix => u128::from(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()) + seconds,
    };
    Some((own.header.clone(), value.to_string()))
}
