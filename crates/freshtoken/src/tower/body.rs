//! How the body of a request is copied for a retry.

/// Copies the body of a request, or returns `None` if the request is sent once. Implemented by functions from `&B` to
/// `Option<B>`: see [`TokenLayer::retry_with`](crate::tower::TokenLayer::retry_with).
pub trait CloneBody<B> {
    #[doc(hidden)]
    fn clone_body(&self, body: &B) -> Option<B>;
}

/// Copies no body.
#[derive(Clone, Copy, Debug)]
pub struct SendOnce;

impl<B> CloneBody<B> for SendOnce {
    fn clone_body(&self, _: &B) -> Option<B> {
        None
    }
}

/// Clones every body.
#[derive(Clone, Copy, Debug)]
pub struct Cloned;

impl<B: Clone> CloneBody<B> for Cloned {
    fn clone_body(&self, body: &B) -> Option<B> {
        Some(body.clone())
    }
}

impl<B, F: Fn(&B) -> Option<B>> CloneBody<B> for F {
    fn clone_body(&self, body: &B) -> Option<B> {
        self(body)
    }
}
