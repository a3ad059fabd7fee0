//! The process that sent a request.

/// The process at the other end, if the system says which.
#[derive(Clone, Copy, Default)]
pub struct Peer {
    pub uid: Option<u32>,
    pub pid: Option<i32>,
}
