//! The agent's paths.

use freshtoken::http::Method;

use crate::serve::denied::Denied;

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    Accounts,
    Header(String),
    Rejected(String),
    Status(String),
    Metrics,
    Health,
    Page,
}

impl Route {
    /// Returns the route of a method and a path.
    pub fn of(method: &Method, path: &str) -> Result<Self, Denied> {
        if method == Method::OPTIONS {
            return Err(Denied::Method);
        }
        let (route, allowed) = match path {
            "/" => (Self::Page, Method::GET),
            "/healthz" => (Self::Health, Method::GET),
            "/metrics" => (Self::Metrics, Method::GET),
            "/v1/accounts" => (Self::Accounts, Method::GET),
            _ => {
                let rest = path.strip_prefix("/v1/accounts/").and_then(|rest| rest.split_once('/'));
                match rest.ok_or(Denied::NotFound)? {
                    (account, "header") => (Self::Header(account.to_owned()), Method::GET),
                    (account, "rejected") => (Self::Rejected(account.to_owned()), Method::POST),
                    (account, "status") => (Self::Status(account.to_owned()), Method::GET),
                    _ => return Err(Denied::NotFound),
                }
            }
        };
        if *method == allowed { Ok(route) } else { Err(Denied::Method) }
    }

    /// Its name in metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Header(_) => "header",
            Self::Rejected(_) => "rejected",
            Self::Status(_) => "status",
            Self::Metrics => "metrics",
            Self::Health => "healthz",
            Self::Page => "page",
        }
    }

    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Header(account) | Self::Rejected(account) | Self::Status(account) => Some(account),
            _ => None,
        }
    }

    /// Whether the agent's secret is needed on loopback. A page and a health check have none of the tokens.
    pub fn needs_secret(&self) -> bool {
        !matches!(self, Self::Health | Self::Page)
    }

    /// Whether it returns or takes a token.
    pub fn has_token(&self) -> bool {
        matches!(self, Self::Header(_) | Self::Rejected(_))
    }
}
