//! Where the token of a client may go: the origins that its user has named.
//!
//! An origin is the scheme, the host and the port. Redirects are not checked here: none leaves the requested origin.

use std::borrow::Cow;

use freshtoken_wire::ErrorKind;
use reqwest::Url;

use crate::http_error::HttpError;

/// The base URL and the allowed origins of a client.
#[derive(Clone, Default)]
pub(crate) struct Origins {
    /// Without a trailing slash.
    base: Option<String>,
    /// As `Origin::ascii_serialization` returns them.
    allowed: Vec<String>,
}

impl Origins {
    pub(crate) fn set_base(&mut self, url: &str) -> Result<(), HttpError> {
        self.allow(url)?;
        self.base = Some(checked(url)?.as_str().trim_end_matches('/').to_owned());
        Ok(())
    }

    pub(crate) fn allow(&mut self, url: &str) -> Result<(), HttpError> {
        let origin = checked(url)?.origin().ascii_serialization();
        if !self.allowed.contains(&origin) {
            self.allowed.push(origin);
        }
        Ok(())
    }

    /// Joins a path to the base URL. Anything else is returned unchanged.
    pub(crate) fn join<'a>(&self, url: &'a str) -> Cow<'a, str> {
        match &self.base {
            Some(base) if !is_absolute(url) => match url.trim_start_matches('/') {
                query if query.starts_with(['?', '#']) => [base, query].concat().into(),
                "" => base.clone().into(),
                path => [base, "/", path].concat().into(),
            },
            _ => url.into(),
        }
    }

    /// Checks that the token may go to this URL. `allowed` is one more URL of an allowed origin.
    pub(crate) fn check(&self, url: &Url, allowed: Option<&str>) -> Result<(), HttpError> {
        let origin = url.origin().ascii_serialization();
        if self.allowed.contains(&origin) {
            return Ok(());
        }
        match allowed {
            Some(allowed) if checked(allowed)?.origin().ascii_serialization() == origin => Ok(()),
            _ => Err(HttpError::ForeignOrigin(origin)),
        }
    }
}

/// Whether a URL names a host. Else a path such as `orders:1` would count as a URL of the scheme `orders`.
fn is_absolute(url: &str) -> bool {
    let names_host = |url: Url| matches!(url.scheme(), "http" | "https") || url.has_host();
    Url::parse(url).is_ok_and(names_host) || url.split(['/', '?', '#']).next().is_some_and(is_scheme)
}

/// Whether the first segment of a path is the `https:` of a URL, which may be invalid: it is not to become a path.
fn is_scheme(segment: &str) -> bool {
    segment.eq_ignore_ascii_case("https:") || segment.eq_ignore_ascii_case("http:")
}

fn checked(url: &str) -> Result<Url, HttpError> {
    freshtoken_wire::check::<()>(url).map_err(|error| match error.kind() {
        ErrorKind::PlainHttp => HttpError::PlainHttp,
        _ => HttpError::BaseUrl,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(base: &str) -> Origins {
        let mut origins = Origins::default();
        origins.set_base(base).unwrap();
        origins
    }

    #[test]
    fn a_path_is_always_below_the_base_url() {
        for base in ["https://api.example.com/v1", "https://api.example.com/v1/"] {
            for (given, joined) in [
                ("orders", "https://api.example.com/v1/orders"),
                ("/orders?a=b", "https://api.example.com/v1/orders?a=b"),
                ("?a=b", "https://api.example.com/v1?a=b"),
                ("", "https://api.example.com/v1"),
                ("orders:1", "https://api.example.com/v1/orders:1"),
                ("//evil.example.com", "https://api.example.com/v1/evil.example.com"),
                ("https:evil.example.com", "https:evil.example.com"),
                ("https://", "https://"),
                ("ftp://evil.example.com", "ftp://evil.example.com"),
            ] {
                assert_eq!(origins(base).join(given), joined, "{given}");
            }
        }
        assert_eq!(Origins::default().join("orders"), "orders");
    }

    #[test]
    fn only_named_origins_are_allowed() {
        let url = |text: &str| Url::parse(text).unwrap();
        let mut origins = origins("https://api.example.com/v1");
        origins.allow("http://localhost:8080/any").unwrap();
        for allowed in ["https://API.example.com:443/v2", "http://localhost:8080"] {
            origins.check(&url(allowed), None).unwrap();
        }
        for foreign in [
            "https://api.example.com:8443",
            "http://api.example.com",
            "https://api.example.com.",
            "https://api.example.com.evil.example",
            "https://api.example.com@evil.example",
            "https:evil.example",
            "http://localhost:8081",
            "data:,a",
        ] {
            assert!(matches!(origins.check(&url(foreign), None), Err(HttpError::ForeignOrigin(_))), "{foreign}");
        }
        origins.check(&url("https://evil.example/b"), Some("https://evil.example/a")).unwrap();
        assert!(origins.check(&url("data:,a"), Some("https://evil.example")).is_err());
    }

    #[test]
    fn a_base_url_without_a_host_or_with_secrets_is_refused() {
        for url in ["orders", "ftp://a", "https://u:hunter2@a", "https://a?hunter2", "data:,a"] {
            assert!(matches!(Origins::default().set_base(url), Err(HttpError::BaseUrl)), "{url}");
        }
        assert!(matches!(Origins::default().allow("http://api.example.com"), Err(HttpError::PlainHttp)));
    }
}
