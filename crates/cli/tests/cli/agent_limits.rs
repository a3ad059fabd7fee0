//! The agent and clients that send what none should.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use crate::agent::{Agent, status};
use crate::support::Fixed;

#[test]
fn whatever_a_browser_or_a_proxy_sends_is_403() {
    let user = Fixed::token("invented-token").user();
    let agent = Agent::start(&user, &[]);
    for header in [
        "origin: null",
        "referer: http://evil.example/",
        "sec-fetch-site: cross-site",
        "x-forwarded-for: 10.0.0.1",
        "forwarded: for=10.0.0.1",
        "via: 1.1 proxy",
    ] {
        for line in ["GET /v1/accounts/voucherify/header", "POST /v1/accounts/voucherify/rejected", "GET /healthz"] {
            let response = agent.request(line, &[header], "");
            assert_eq!(status(&response), 403, "{line} {header}");
            assert!(!response.contains("invented-token"));
        }
    }
}

#[test]
fn broken_heads_are_refused_and_the_agent_lives() {
    let user = Fixed::token("invented-token").user();
    let agent = Agent::start(&user, &[]);
    let long = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "a".repeat(9 * 1024));
    for (request, expected) in [
        ("GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n", 403),
        ("GET /healthz HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\nconnection: close\r\n\r\n", 403),
        ("GET /healthz HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n", 403),
        ("GET http://localhost/healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", 400),
        ("GET /v1/accounts/voucherify/header HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", 403),
        (&long, 431),
        ("nonsense\r\n\r\n", 400),
    ] {
        assert_eq!(status(&agent.raw(request.as_bytes())), expected, "{request}");
        assert_eq!(status(&agent.get("/healthz")), 200);
    }
}

#[test]
fn hundreds_of_connections_and_a_slow_head_do_not_end_the_agent() {
    let user = Fixed::token("invented-token").user();
    let agent = Agent::start(&user, &[]);
    let mut slow = UnixStream::connect(&agent.socket).unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost:").unwrap();
    let idle: Vec<_> = (0..300).filter_map(|_| UnixStream::connect(&agent.socket).ok()).collect();
    assert!(idle.len() > 100);
    let mut rest = Vec::new();
    // The agent closes it when its time limit has passed.
    let _ = slow.read_to_end(&mut rest);
    drop(idle);
    while status(&agent.get("/healthz")) != 200 {
        std::thread::yield_now();
    }
}
