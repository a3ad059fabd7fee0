//! The agent and clients that send what none should.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::agent::{Agent, body, status};
use crate::support::{Fixed, signal};

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
        // A body that never comes.
        ("GET /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\nconnection: close\r\n\r\n", 200),
        ("nonsense\r\n\r\n", 400),
    ] {
        assert_eq!(status(&agent.raw(request.as_bytes())), expected, "{request}");
        assert_eq!(status(&agent.get("/healthz")), 200);
    }
}

/// The start of a request.
const HALF: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n";

const REQUEST: &[u8] = b"GET /v1/accounts/voucherify/header HTTP/1.1\r\nhost: localhost\r\nfreshtoken-request: 1\r\nconnection: close\r\n\r\n";

/// Lets this process have as many connections as the system allows.
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

/// Connects, sends as many bytes as the agent takes at once, and reads nothing.
fn send(agent: &Agent, bytes: &[u8]) -> UnixStream {
    let mut stream = UnixStream::connect(&agent.socket).unwrap();
    stream.set_nonblocking(true).unwrap();
    // The agent may have closed the connection already.
    let _ = stream.write_all(bytes);
    stream
}

/// Clients that send nothing, half a request, half a body, or many requests whose responses they do not read.
fn bad_clients(agent: &Agent) -> Vec<UnixStream> {
    let body = b"POST /v1/accounts/voucherify/rejected HTTP/1.1\r\nhost: localhost\r\nfreshtoken-request: 1\r\ncontent-length: 9\r\n\r\na";
    let many = [HALF, b"\r\n"].concat().repeat(20_000);
    let mut clients: Vec<_> = (0..500).flat_map(|_| [send(agent, b""), send(agent, HALF)]).collect();
    clients.extend((0..10).map(|_| send(agent, body)));
    clients.extend((0..100).map(|_| send(agent, &many)));
    clients
}

/// How many files the agent has open, and its memory in KiB.
fn size(agent: &Agent) -> (usize, u64) {
    let files = std::fs::read_dir(format!("/proc/{}/fd", agent.id())).unwrap().count();
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.id())).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    (files, memory.trim().trim_end_matches(" kB").parse().unwrap())
}

#[test]
fn a_thousand_bad_clients_keep_no_program_out() {
    allow_many_files();
    let user = Fixed::token("invented-token").user();
    let agent = Agent::start(&user, &[]);
    assert_eq!(status(&agent.get("/healthz")), 200);
    let (files, memory) = size(&agent);
    let clients = bad_clients(&agent);
    for _ in 0..10 {
        assert_eq!(status(&agent.get("/v1/accounts/voucherify/header")), 200);
    }
    let (most_files, most_memory) = size(&agent);
    assert!(most_files < files + 100 && most_memory < memory + 20_000, "{most_files} files, {most_memory} KiB");
    drop(clients);
    // Every file is closed once the agent notices.
    while size(&agent).0 > files + 1 {
        assert_eq!(status(&agent.get("/healthz")), 200);
    }
}

#[test]
fn a_slow_head_ends_by_itself() {
    let user = Fixed::token("invented-token").user();
    let agent = Agent::start(&user, &[]);
    for mut slow in [send(&agent, b""), send(&agent, HALF)] {
        slow.set_nonblocking(false).unwrap();
        // The agent closes it when its time limit has passed.
        let _ = slow.read_to_end(&mut Vec::new());
    }
}

#[test]
fn open_connections_do_not_delay_the_end() {
    allow_many_files();
    let user = Fixed::token("invented-token").user();
    let mut agent = Agent::start(&user, &[]);
    let clients = bad_clients(&agent);
    assert_eq!(status(&agent.get("/healthz")), 200);
    let start = Instant::now();
    signal(agent.id(), "TERM");
    assert_eq!(agent.wait().code(), Some(0));
    // Half a body has five seconds, and a request thirty.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    drop(clients);
}

#[test]
fn a_request_that_is_under_way_completes_at_the_end() {
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    let mut agent = Agent::start(&user, &[]);
    let held = issuer.hold();
    let mut client = send(&agent, REQUEST);
    while issuer.count() == 0 {
        std::thread::yield_now();
    }
    signal(agent.id(), "TERM");
    // The socket is gone, so the agent ends.
    while agent.socket.exists() {
        std::thread::yield_now();
    }
    drop(held);
    let mut response = String::new();
    client.set_nonblocking(false).unwrap();
    client.read_to_string(&mut response).unwrap();
    assert_eq!((status(&response), body(&response)), (200, "Authorization: Bearer invented-token\n"));
    assert_eq!(agent.wait().code(), Some(0));
}

#[test]
fn more_clients_than_places_are_all_served_by_one_request() {
    allow_many_files();
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    let agent = Agent::start(&user, &[]);
    let held = issuer.hold();
    let mut clients: Vec<_> = (0..200).map(|_| send(&agent, REQUEST)).collect();
    // These do not wait for the response.
    clients.drain(..20);
    drop(held);
    for mut client in clients {
        let mut response = String::new();
        client.set_nonblocking(false).unwrap();
        client.read_to_string(&mut response).unwrap();
        assert_eq!((status(&response), body(&response)), (200, "Authorization: Bearer invented-token\n"));
    }
    assert_eq!(issuer.count(), 1);
}
