//! How HTTP clients are built: careful, and direct to this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{ClientBuilder, NoProxy, Proxy, Url};

use crate::limits::{CONNECT_TIMEOUT, TOTAL_TIMEOUT};

/// Returns a builder of HTTP clients for token requests, with everything careful already set. Add a root certificate or a
/// proxy to it.
///
/// - No redirects, no `referer`, no retries and no compression; [`CONNECT_TIMEOUT`] and [`TOTAL_TIMEOUT`].
/// - **Each request has a connection of its own**: idle connections are not kept
///   ([`pool_max_idle_per_host(0)`](ClientBuilder::pool_max_idle_per_host)). A server may close an idle connection just when
///   the next request arrives. Whether it acted on that request is unknown then, and a single-use refresh token that was in
///   it may be lost. Leave it off, and turn it off in a client that you build without this function.
/// - Proxies come from the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`), but never for this machine:
///   `localhost`, names below it, `127.0.0.0/8` and `::1`. The first proxy that fits is used, and these come first: to use
///   another one in their place, call [`no_proxy`](ClientBuilder::no_proxy) before [`proxy`](ClientBuilder::proxy).
/// - `localhost` and the names below it are this machine, whatever the system's resolver says.
pub fn http_client_builder() -> ClientBuilder {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        // Each adds a header, if some other crate enables its feature.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .pool_max_idle_per_host(0);
    with_direct_loopback(builder)
}

/// Makes a builder's client reach this machine directly: no proxy of the environment and no DNS for it. For a builder that
/// has neither proxies nor a resolver of its own.
#[doc(hidden)]
pub fn with_direct_loopback(builder: ClientBuilder) -> ClientBuilder {
    let proxies = environment_proxies(&|name| std::env::var(name).ok());
    proxies.into_iter().fold(builder.dns_resolver(Resolver), ClientBuilder::proxy)
}

/// A client for plain `http://` to this machine. It needs neither certificates nor proxies.
pub(crate) fn loopback_client_builder() -> ClientBuilder {
    let builder = http_client_builder().no_proxy();
    // Else it would look for the system's certificates, and fail where there are none.
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    let builder = builder.tls_certs_only([]);
    builder
}

/// Whether a URL's host is this machine for certain, so that plain `http://` shows a secret to nobody: an address of the
/// loopback interface, or `localhost`. For a client that resolves names in its own way.
#[doc(hidden)]
pub fn is_loopback_address(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost",
    }
}

/// As [`is_loopback_address`], or a name below `localhost` (RFC 6761 section 6.3). For a client that resolves those by
/// [`with_direct_loopback`].
#[doc(hidden)]
pub fn is_loopback(url: &Url) -> bool {
    is_loopback_address(url) || is_localhost(url.host_str().unwrap_or_default())
}

fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// The system's resolver, but for `localhost`: what it says of names below that can be any address.
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        if is_localhost(&name.as_str().to_ascii_lowercase()) {
            // The port is the URL's.
            let addresses = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
            let addresses = addresses.map(|address| SocketAddr::new(address, 0));
            return Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) });
        }
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            // Of a type of its own: what `lookup_host` gives borrows the name.
            Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

/// What no proxy is asked for.
const DIRECT: &str = "localhost,127.0.0.0/8,::1";

/// The proxies that the environment names, as reqwest reads it, but not for this machine. reqwest's own can't be told of an
/// exception.
fn environment_proxies(var: &dyn Fn(&str) -> Option<String>) -> Vec<Proxy> {
    let first = |upper: &str, lower: &str| var(upper).or_else(|| var(lower)).filter(|value| !value.is_empty());
    // In a CGI program, the client of the web server chooses HTTP_PROXY.
    let is_cgi = var("REQUEST_METHOD").is_some();
    let all = first("ALL_PROXY", "all_proxy");
    let http = first("HTTP_PROXY", "http_proxy").filter(|_| !is_cgi).or_else(|| all.clone());
    let https = first("HTTPS_PROXY", "https_proxy").or(all);
    let no_proxy = [first("NO_PROXY", "no_proxy").unwrap_or_default(), DIRECT.to_owned()].join(",");
    let proxies = [http.map(Proxy::http), https.map(Proxy::https)];
    // One that can't be used is ignored, as reqwest does.
    proxies.into_iter().flatten().flatten().map(|proxy| proxy.no_proxy(NoProxy::from_string(&no_proxy))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn names_below_localhost_are_loopback_only_where_we_resolve_them() {
        for text in ["http://127.0.0.1", "http://127.9.8.7:81/a", "http://[::1]", "http://LOCALHOST"] {
            assert!(is_loopback(&url(text)) && is_loopback_address(&url(text)), "{text}");
        }
        assert!(is_loopback(&url("http://a.b.localhost")) && !is_loopback_address(&url("http://a.b.localhost")));
        for text in ["http://notlocalhost", "http://localhost.example.com", "http://0.0.0.0", "http://localhost."] {
            assert!(!is_loopback(&url(text)) && !is_loopback_address(&url(text)), "{text}");
        }
    }

    #[tokio::test]
    async fn localhost_is_resolved_without_the_system() {
        for name in ["localhost", "acme.localhost", "A.B.LocalHost"] {
            let addresses: Vec<_> = Resolver.resolve(name.parse().unwrap()).await.unwrap().collect();
            assert_eq!(addresses, ["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()], "{name}");
        }
    }

    #[test]
    fn proxies_come_from_the_variables_that_reqwest_reads() {
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
