//! Who may ask the agent what: a function of the head of a request.
//!
//! A page in a browser may reach a loopback port, by its own name too (DNS rebinding), and can send any request that a form
//! can. So `Host` must be this machine, and whatever a browser or a proxy adds is refused.

use freshtoken::Secret;
use freshtoken::http::header::{AUTHORIZATION, HOST, HeaderName};
use freshtoken::http::request::Parts;
use freshtoken::http::{HeaderValue, Method};
use subtle::ConstantTimeEq;

use crate::serve::denied::Denied;
use crate::serve::routes::Route;

/// The header that a program sends and a URL alone cannot.
const REQUEST: &str = "freshtoken-request";

/// Whatever a browser or a page adds.
const BROWSER: [&str; 3] = ["origin", "referer", "sec-fetch-site"];

/// Whatever a proxy adds.
const PROXY: [&str; 3] = ["x-forwarded-for", "forwarded", "via"];

/// What a request must have.
pub struct Gate {
    /// The values of `Host` that are accepted, in lower case.
    pub hosts: Vec<String>,
    /// The value of `Authorization`. `None`: the socket's mode and the peer's user are enough.
    pub secret: Option<Secret>,
    /// Whether there is a page for a browser.
    pub page: Page,
}

/// Whether there is a page for a browser.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Page {
    Off,
    On,
}

impl Gate {
    /// Returns what the request is for, if it may have it.
    pub fn check(&self, head: &Parts) -> Result<Route, Denied> {
        self.check_host(head)?;
        let has = |name: &str| head.headers.contains_key(name);
        let route = Route::of(&head.method, head.uri.path());
        let is_page = matches!(route, Ok(Route::Page)) && self.page == Page::On;
        if BROWSER.iter().any(|name| has(name) && !(is_page && *name == "sec-fetch-site" && is_direct(head))) {
            return Err(Denied::Browser);
        }
        if PROXY.iter().any(|name| has(name)) {
            return Err(Denied::Proxy);
        }
        if head.uri.authority().is_some() || head.uri.query().is_some() {
            return Err(Denied::Target);
        }
        let route = route?;
        if route == Route::Page && self.page == Page::Off {
            return Err(Denied::NotFound);
        }
        if route.needs_secret() {
            self.check_secret(head)?;
        }
        if route.has_token() && single(head, HeaderName::from_static(REQUEST)).is_none_or(|value| value != "1") {
            return Err(Denied::Header);
        }
        Ok(route)
    }

    fn check_host(&self, head: &Parts) -> Result<(), Denied> {
        let host = single(head, HOST).and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase);
        match host {
            Some(host) if self.hosts.contains(&host) => Ok(()),
            _ => Err(Denied::Host),
        }
    }

    fn check_secret(&self, head: &Parts) -> Result<(), Denied> {
        let Some(secret) = &self.secret else { return Ok(()) };
        let sent = single(head, AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        if bool::from(sent.ct_eq(secret.expose().as_bytes())) { Ok(()) } else { Err(Denied::Secret) }
    }
}

/// The value of a header that the request has once.
fn single(head: &Parts, name: HeaderName) -> Option<&HeaderValue> {
    let mut values = head.headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Whether a person opened the page, or the page itself did.
fn is_direct(head: &Parts) -> bool {
    head.method == Method::GET
        && single(head, HeaderName::from_static("sec-fetch-site"))
            .is_some_and(|site| site == "none" || site == "same-origin")
}

#[cfg(test)]
mod tests {
    use freshtoken::http::Request;

    use super::*;

    fn gate() -> Gate {
        Gate {
            hosts: vec!["localhost:9470".into(), "127.0.0.1:9470".into(), "[::1]:9470".into()],
            secret: Some("Bearer invented-agent-secret".into()),
            page: Page::On,
        }
    }

    fn check(gate: &Gate, line: &str, headers: &[(&str, &str)]) -> Result<Route, Denied> {
        let (method, target) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        gate.check(&request.body(()).unwrap().into_parts().0)
    }

    const GOOD: [(&str, &str); 3] =
        [("host", "localhost:9470"), ("authorization", "Bearer invented-agent-secret"), ("freshtoken-request", "1")];

    fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
        GOOD.iter()
            .copied()
            .filter(|(name, _)| more.iter().all(|(other, _)| other != name))
            .chain(more.iter().copied())
            .collect()
    }

    #[test]
    fn a_program_of_this_machine_with_the_secret_gets_through() {
        for host in ["localhost:9470", "127.0.0.1:9470", "[::1]:9470", "LOCALHOST:9470"] {
            let route = check(&gate(), "GET /v1/accounts/shop/header", &with(&[("host", host)]));
            assert_eq!(route, Ok(Route::Header("shop".into())));
        }
        assert_eq!(check(&gate(), "GET /healthz", &GOOD[..1]), Ok(Route::Health));
    }

    #[test]
    fn another_host_or_none_or_two_are_refused() {
        let gate = gate();
        for host in
            ["evil.example:9470", "localhost", "localhost:1", "127.0.0.1.evil.example:9470", "localhost:9470@evil", ""]
        {
            assert_eq!(check(&gate, "GET /healthz", &[("host", host)]), Err(Denied::Host), "{host}");
        }
        assert_eq!(check(&gate, "GET /healthz", &[]), Err(Denied::Host));
        assert_eq!(check(&gate, "GET /healthz", &[GOOD[0], GOOD[0]]), Err(Denied::Host));
    }

    #[test]
    fn what_a_browser_or_a_proxy_adds_is_refused_everywhere() {
        let gate = gate();
        for line in
            ["GET /v1/accounts/shop/header", "POST /v1/accounts/shop/rejected", "GET /healthz", "GET /metrics", "GET /"]
        {
            for name in BROWSER {
                let denied = check(&gate, line, &with(&[(name, "cross-site")]));
                assert_eq!(denied, Err(Denied::Browser), "{line} {name}");
            }
            for name in PROXY {
                assert_eq!(check(&gate, line, &with(&[(name, "10.0.0.1")])), Err(Denied::Proxy), "{line} {name}");
            }
        }
        for (site, allowed) in [("none", true), ("same-origin", true), ("same-site", false)] {
            assert_eq!(check(&gate, "GET /", &[GOOD[0], ("sec-fetch-site", site)]).is_ok(), allowed, "{site}");
            assert_eq!(check(&gate, "GET /healthz", &[GOOD[0], ("sec-fetch-site", site)]), Err(Denied::Browser));
        }
    }

    #[test]
    fn a_wrong_secret_or_none_is_401_and_a_missing_header_403() {
        let gate = gate();
        for secret in ["Bearer invented-agent-secre", "Bearer invented-agent-secret2", "invented-agent-secret", ""] {
            let headers = with(&[("authorization", secret)]);
            assert_eq!(check(&gate, "GET /v1/accounts", &headers), Err(Denied::Secret), "{secret}");
        }
        assert_eq!(check(&gate, "GET /metrics", &GOOD[..1]), Err(Denied::Secret));
        assert_eq!(check(&gate, "GET /v1/accounts/shop/header", &GOOD[..2]), Err(Denied::Header));
        assert_eq!(check(&gate, "POST /v1/accounts/shop/rejected", &GOOD[..2]), Err(Denied::Header));
        assert!(check(&gate, "GET /v1/accounts/shop/status", &GOOD[..2]).is_ok(), "it has no token");
    }

    #[test]
    fn queries_other_servers_methods_and_paths_are_refused() {
        let gate = gate();
        for (line, denied) in [
            ("GET /v1/accounts/shop/header?a=b", Denied::Target),
            ("GET http://localhost:9470/healthz", Denied::Target),
            ("OPTIONS /v1/accounts/shop/header", Denied::Method),
            ("OPTIONS *", Denied::Method),
            ("POST /v1/accounts/shop/header", Denied::Method),
            ("GET /v1/accounts/shop/rejected", Denied::Method),
            ("GET /v1/accounts/shop", Denied::NotFound),
            ("GET /v2/accounts", Denied::NotFound),
        ] {
            assert_eq!(check(&gate, line, &GOOD), Err(denied), "{line}");
        }
        let off = Gate { page: Page::Off, ..gate };
        assert_eq!(check(&off, "GET /", &GOOD), Err(Denied::NotFound));
    }
}
