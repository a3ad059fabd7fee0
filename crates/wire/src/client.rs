//! Builds HTTP clients with careful defaults and direct connections to loopback.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{ClientBuilder, NoProxy, Proxy, Url};

use crate::limits::{CONNECT_TIMEOUT, TOTAL_TIMEOUT};

/// Returns a builder of HTTP clients with careful defaults for token requests.
///
/// Use it to add a root certificate or a proxy. Without a client of your own, all endpoints of the process share one, which
/// reads the root certificates and the environment's proxies at its first request. The defaults are:
///
/// - No redirects, no `referer`, no retries and no compression; [`CONNECT_TIMEOUT`] and [`TOTAL_TIMEOUT`].
/// - **Each request opens a new connection**: idle connections are not kept
///   ([`pool_max_idle_per_host(0)`](ClientBuilder::pool_max_idle_per_host)). A server may close an idle connection just as
///   the next request arrives. Then it is unknown whether the server acted on the request, and a single-use refresh token
///   in it may be lost. Leave pooling off, and turn it off in a client that you build without this function.
/// - Proxies come from the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`), but are never used for
///   loopback: `localhost`, names below it, `127.0.0.0/8` and `::1`. These proxies take precedence over proxies that you
///   add. To replace them, call [`no_proxy`](ClientBuilder::no_proxy) before [`proxy`](ClientBuilder::proxy).
/// - `localhost` and the names below it resolve to loopback, whatever the system's resolver returns.
/// - TLS is rustls with the feature `rustls`, even if another crate turns on reqwest's `native-tls`.
pub fn http_client_builder() -> ClientBuilder {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        // Each would add a header if another crate enables its feature.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .pool_max_idle_per_host(0);
    with_transport(builder)
}

/// Makes the client use rustls if its feature is on, and connect to loopback directly, without the environment's proxies
/// and without DNS. The builder must not have proxies or a custom resolver yet.
#[doc(hidden)]
pub fn with_transport(builder: ClientBuilder) -> ClientBuilder {
    // reqwest prefers the platform's TLS as soon as any crate of the program turns on its feature `native-tls`.
    #[cfg(feature = "rustls")]
    let builder = builder.tls_backend_rustls();
    let proxies = environment_proxies(&|name| std::env::var(name).ok());
    proxies.into_iter().fold(builder.dns_resolver(Resolver), ClientBuilder::proxy)
}

/// Returns a builder of clients for plain `http://` to loopback, which need neither certificates nor proxies.
pub(crate) fn loopback_client_builder() -> ClientBuilder {
    let builder = http_client_builder().no_proxy();
    // Otherwise building the client would fail on systems without certificates.
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    let builder = builder.tls_certs_only([]);
    builder
}

/// Returns whether a URL's host is a loopback address or `localhost`, so that plain `http://` does not expose secrets. For a
/// client with its own name resolution.
#[doc(hidden)]
pub fn is_loopback_address(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost",
    }
}

/// Returns whether a URL's host is a loopback address, `localhost`, or a name below it (RFC 6761 section 6.3). For a client
/// that resolves names as [`with_transport`] does.
#[doc(hidden)]
pub fn is_loopback(url: &Url) -> bool {
    is_loopback_address(url) || is_localhost(url.host_str().unwrap_or_default())
}

fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// The system's resolver, except for `localhost` and the names below it, which the system may resolve to any address.
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        if is_localhost(&name.as_str().to_ascii_lowercase()) {
            // Port 0 stands for the port of the URL.
            let addresses = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
            let addresses = addresses.map(|address| SocketAddr::new(address, 0));
            return Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) });
        }
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            // Collected, because the iterator of `lookup_host` borrows the name.
            Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

/// The hosts that are never accessed through a proxy.
const DIRECT: &str = "localhost,127.0.0.0/8,::1";

/// Returns the proxies of the environment, read as reqwest does, except that they are not used for loopback. reqwest's
/// own system proxies don't support exceptions.
fn environment_proxies(var: &dyn Fn(&str) -> Option<String>) -> Vec<Proxy> {
    let first = |upper: &str, lower: &str| var(upper).or_else(|| var(lower)).filter(|value| !value.is_empty());
    // In a CGI program, HTTP_PROXY comes from a header of the request.
    let is_cgi = var("REQUEST_METHOD").is_some();
    let all = first("ALL_PROXY", "all_proxy");
    let http = first("HTTP_PROXY", "http_proxy").filter(|_| !is_cgi).or_else(|| all.clone());
    let https = first("HTTPS_PROXY", "https_proxy").or(all);
    let no_proxy = [first("NO_PROXY", "no_proxy").unwrap_or_default(), DIRECT.to_owned()].join(",");
    let proxies = [http.map(Proxy::http), https.map(Proxy::https)];
    // Invalid proxies are ignored, as reqwest does.
    proxies.into_iter().flatten().flatten().map(|proxy| proxy.no_proxy(NoProxy::from_string(&no_proxy))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn names_below_localhost_are_loopback_but_not_loopback_addresses() {
        for text in ["http://127.0.0.1", "http://127.9.8.7:81/a", "http://[::1]", "http://LOCALHOST"] {
            assert!(is_loopback(&url(text)) && is_loopback_address(&url(text)), "{text}");
        }
        assert!(is_loopback(&url("http://a.b.localhost")) && !is_loopback_address(&url("http://a.b.localhost")));
        for text in ["http://notlocalhost", "http://localhost.example.com", "http://0.0.0.0", "http://localhost."] {
            assert!(!is_loopback(&url(text)) && !is_loopback_address(&url(text)), "{text}");
        }
    }

    #[tokio::test]
    async fn localhost_is_resolved_without_the_system_resolver() {
        for name in ["localhost", "acme.localhost", "A.B.LocalHost"] {
            let addresses: Vec<_> = Resolver.resolve(name.parse().unwrap()).await.unwrap().collect();
            assert_eq!(addresses, ["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()], "{name}");
        }
    }

    #[test]
    fn proxies_come_from_the_same_variables_as_in_reqwest() {
        let count = |vars: &[(&str, &str)]| {
            environment_proxies(&|name| {
                vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
            .len()
        };
        let proxy = "http://proxy.example.com:8080";
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&[("HTTP_PROXY", "")]), 0);
        assert_eq!(count(&[("HTTP_PROXY", proxy)]), 1);
        assert_eq!(count(&[("http_proxy", proxy), ("https_proxy", proxy)]), 2);
        assert_eq!(count(&[("ALL_PROXY", proxy)]), 2);
        assert_eq!(count(&[("HTTP_PROXY", proxy), ("REQUEST_METHOD", "GET")]), 0);
    }
}
