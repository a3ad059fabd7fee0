//! What a response says about the token that its request carried.

use http::header::WWW_AUTHENTICATE;
use http::{Response, StatusCode};

use crate::http_client::call::has_insufficient_scope;

/// `UNAUTHENTICATED`, as gRPC encodes it.
const UNAUTHENTICATED: &[u8] = b"16";

/// What became of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Rejected,
    /// The response says nothing about it.
    Unknown,
}

impl Verdict {
    pub(super) fn of<R>(response: &Response<R>) -> Self {
        let (status, headers) = (response.status(), response.headers());
        if status == StatusCode::UNAUTHORIZED {
            let lacks_scope = headers.get_all(WWW_AUTHENTICATE).iter().any(has_insufficient_scope);
            return if lacks_scope { Self::Unknown } else { Self::Rejected };
        }
        if !status.is_success() {
            return Self::Unknown;
        }
        match headers.get("grpc-status").map(|status| status.as_bytes()) {
            Some(UNAUTHENTICATED) => Self::Rejected,
            Some(b"0") | None => Self::Accepted,
            Some(_) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_http_or_grpc_tells_what_became_of_the_token() {
        for (status, name, value, verdict) in [
            (200, "x-any", "1", Verdict::Accepted),
            (401, "x-any", "1", Verdict::Rejected),
            (401, "www-authenticate", "Bearer error=\"invalid_token\"", Verdict::Rejected),
            (401, "www-authenticate", "Bearer error=\"insufficient_scope\"", Verdict::Unknown),
            (403, "x-any", "1", Verdict::Unknown),
            (200, "grpc-status", "0", Verdict::Accepted),
            (200, "grpc-status", "16", Verdict::Rejected),
            (200, "grpc-status", "7", Verdict::Unknown),
        ] {
            let response = Response::builder().status(status).header(name, value).body(()).unwrap();
            assert_eq!(Verdict::of(&response), verdict, "{status} {name} {value}");
        }
    }
}
