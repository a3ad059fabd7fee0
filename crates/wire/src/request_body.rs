//! The body of a request, which is sent at most once and records whether sending has started.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Whether sending a request has started. Clones share the state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Departure(Arc<AtomicU8>);

/// No connection has taken the request.
const HELD: u8 = 0;
/// A connection has taken it: the head is written, or about to be written.
const LEFT: u8 = 1;
/// The caller gave up first: no connection may send it.
const GIVEN_UP: u8 = 2;

impl Departure {
    /// Marks the request as taken by a connection. Returns false if the caller has given up.
    fn begin(&self) -> bool {
        let before = self.0.compare_exchange(HELD, LEFT, Ordering::AcqRel, Ordering::Acquire);
        before != Err(GIVEN_UP)
    }

    /// Returns whether sending the request has started.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire) == LEFT
    }

    /// Gives up the request. Returns true if sending has not started, and therefore never will.
    pub(crate) fn give_up(&self) -> bool {
        let before = self.0.compare_exchange(HELD, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire);
        before != Err(LEFT)
    }
}

/// A body that can be sent only once, even if it is empty. For example, it cannot be sent again to the location of a 307.
///
/// With both HTTP/1 and HTTP/2, hyper asks whether the body is empty just before it writes the head of the request, and
/// polls the body after that. Either of them marks the start of sending.
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

    /// Hides the length, because a body of known length may be sent again.
    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_was_given_up_is_never_sent() {
        let departure = Departure::default();
        assert!(!departure.has_begun() && departure.give_up());
        let mut body = RequestBody::new("token".into(), departure.clone());
        let polled = Pin::new(&mut body).poll_frame(&mut Context::from_waker(std::task::Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Some(Err(_)))) && !departure.has_begun());
    }

    #[test]
    fn a_request_whose_sending_started_cannot_be_given_up() {
        let departure = Departure::default();
        let body = RequestBody::new("token".into(), departure.clone());
        assert!(!body.is_end_stream());
        assert!(departure.has_begun() && !departure.give_up());
    }
}
