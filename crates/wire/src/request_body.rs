//! The body of a request: it is sent once, and it knows whether the request has begun to leave.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Whether a request has begun to leave. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Departure(Arc<AtomicU8>);

/// No connection has taken the request.
const HELD: u8 = 0;
/// A connection has taken it: its head is written, or about to be.
const LEFT: u8 = 1;
/// The caller gave up before: no connection may send it any more.
const GIVEN_UP: u8 = 2;

impl Departure {
    /// A connection takes the request. False if the caller has given up.
    fn begin(&self) -> bool {
        let before = self.0.compare_exchange(HELD, LEFT, Ordering::AcqRel, Ordering::Acquire);
        before != Err(GIVEN_UP)
    }

    /// Whether the request has begun to leave.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire) == LEFT
    }

    /// The caller gives up. True if the request has not left, and so never will.
    pub(crate) fn give_up(&self) -> bool {
        let before = self.0.compare_exchange(HELD, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire);
        before != Err(LEFT)
    }
}

/// A body of one use, an empty one too: nothing can send it again, to a 307's location for instance.
///
/// hyper asks whether it is empty just before it writes the request's head, with HTTP/1 and HTTP/2 alike, and polls it after
/// that. Either one counts as the departure.
pub(crate) struct RequestBody {
    inner: reqwest::Body,
    departure: Departure,
}

impl RequestBody {
    pub(crate) fn new(inner: reqwest::Body, departure: Departure) -> Self {
        Self { inner, departure }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !self.departure.begin() {
            return Poll::Ready(Some(Err("the request was given up".into())));
        }
        Pin::new(&mut self.inner).poll_frame(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.departure.begin();
        self.inner.is_end_stream()
    }

    /// Not the length: what knows it may be sent again.
    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_was_given_up_never_leaves() {
        let departure = Departure::default();
        assert!(!departure.has_begun() && departure.give_up());
        let mut body = RequestBody::new("token".into(), departure.clone());
        let polled = Pin::new(&mut body).poll_frame(&mut Context::from_waker(std::task::Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Some(Err(_)))) && !departure.has_begun());
    }

    #[test]
    fn a_request_that_has_left_cannot_be_given_up() {
        let departure = Departure::default();
        let body = RequestBody::new("token".into(), departure.clone());
        assert!(!body.is_end_stream());
        assert!(departure.has_begun() && !departure.give_up());
    }
}
