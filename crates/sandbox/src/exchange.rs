//! A request to a vendor, and the reply.

use std::time::SystemTime;

use axum::http::HeaderMap;

use crate::response::message::Response;

/// A request to a vendor. The path does not include the vendor's name.
pub(crate) struct VendorRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// The reply to a request.
pub(crate) enum Reply {
    Response {
        response: Response,
        date: SystemTime,
        /// Whether half of the body is missing.
        is_truncated: bool,
    },
    /// The connection is reset.
    Reset,
}
