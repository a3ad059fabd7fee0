//! Why a request is refused.

use freshtoken::http::StatusCode;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// Another user's process.
    Peer,
    Host,
    Browser,
    Proxy,
    Secret,
    /// The header `freshtoken-request` is missing.
    Header,
    /// The request has a query, or names another server.
    Target,
    Method,
    NotFound,
}

impl Denied {
    pub const COUNTED: [Self; 6] = [Self::Peer, Self::Host, Self::Browser, Self::Proxy, Self::Secret, Self::Header];

    /// Its name in metrics and responses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Host => "host",
            Self::Browser => "browser",
            Self::Proxy => "proxy",
            Self::Secret => "secret",
            Self::Header => "header",
            Self::Target => "target",
            Self::Method => "method",
            Self::NotFound => "not_found",
        }
    }

    pub fn status(self) -> StatusCode {
        match self {
            Self::Peer | Self::Host | Self::Browser | Self::Proxy | Self::Header => StatusCode::FORBIDDEN,
            Self::Secret => StatusCode::UNAUTHORIZED,
            Self::Target => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
        }
    }

    pub fn message(self) -> &'static str {
        match self {
            Self::Peer => "the agent serves the processes of its user only",
            Self::Host => "the Host header must name this machine with the agent's port",
            Self::Browser => "the agent does not serve pages in a browser",
            Self::Proxy => "the agent does not serve proxies; send the request directly",
            Self::Secret => "send the header line of the file agent.secret",
            Self::Header => "send the header `Freshtoken-Request: 1`",
            Self::Target => "send a path without a query",
            Self::Method => "the method is not allowed here",
            Self::NotFound => "there is no such path or account; GET /v1/accounts lists the accounts",
        }
    }
}
