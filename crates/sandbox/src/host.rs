//! Checks which host a request is for: only names of this machine are served.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;

/// Why a request is rejected: the status and a reason.
pub(crate) type Refused = (u16, &'static str);

/// Checks the `Host` header of a request, and the host of its target if that is an absolute URL.
pub(crate) fn check<B>(request: &Request<B>) -> Result<(), Refused> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err((400, "there must be exactly one `Host`"));
    };
    let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    let host = host.ok_or((400, "the `Host` is not a valid host"))?;
    let all = [Some(&host), request.uri().authority()];
    if all.into_iter().flatten().all(is_loopback) {
        Ok(())
    } else {
        Err((421, "the `Host` is not loopback; use localhost or 127.0.0.1"))
    }
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_local = name == "localhost" || name.ends_with(".localhost");
    !authority.as_str().contains('@') && address.map_or(is_local, |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(target: &str, hosts: &[&str]) -> u16 {
        let builder = hosts.iter().fold(Request::builder().uri(target), |builder, host| builder.header(HOST, *host));
        check(&builder.body(()).unwrap()).map_or_else(|(status, _)| status, |()| 200)
    }

    #[test]
    fn only_loopback_names_are_hosts() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:8400",
            "127.8.9.10:1",
            "[::1]",
            "[::1]:8400",
            "localhost",
            "LocalHost:80",
            "localhost.",
            "zenoti.localhost:8400",
        ] {
            assert_eq!(status("/", &[host]), 200, "{host}");
            assert_eq!(status(&format!("http://{host}/x"), &[host]), 200, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8400",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example",
            "0.0.0.0",
            "[::]",
            "[::2]:8400",
            "192.168.0.1",
            "localhost@evil.example",
            "evil.example@localhost",
        ] {
            assert_eq!(status("/", &[host]), 421, "{host}");
            assert_eq!(status(&format!("http://{host}/x"), &["localhost"]), 421, "{host}");
        }
        for hosts in [&[][..], &["localhost", "localhost"], &[""], &["a b"]] {
            assert_eq!(status("/", hosts), 400, "{hosts:?}");
        }
    }
}
