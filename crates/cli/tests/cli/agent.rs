//! The agent: what it serves, and to whom.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use crate::support::{Fixed, Ran, User, has, sandbox, signal};

/// A running agent. It is ended at the end.
pub struct Agent {
    child: Child,
    pub socket: PathBuf,
    /// `None`: it listens at the socket.
    pub port: Option<u16>,
}

impl Agent {
    /// Starts an agent at the socket, and waits until it serves.
    pub fn start(user: &User, arguments: &[&str]) -> Self {
        let mut command = user.command(&[&["serve"], arguments].concat());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("serving") {
            line.clear();
            assert_ne!(std::io::BufRead::read_line(&mut stderr, &mut line).unwrap(), 0, "it ended");
        }
        let port = line.rsplit_once("127.0.0.1:").map(|(_, port)| port.trim().parse().unwrap());
        // Its log must not block it.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Self { child, socket: user.state().join("agent.sock"), port }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Sends bytes, and returns all that comes back until the connection is closed.
    pub fn raw(&self, request: &[u8]) -> String {
        let mut response = Vec::new();
        match self.port {
            Some(port) => exchange(TcpStream::connect(("127.0.0.1", port)).unwrap(), request, &mut response),
            None => exchange(UnixStream::connect(&self.socket).unwrap(), request, &mut response),
        }
        String::from_utf8(response).unwrap()
    }

    /// Sends a request with the headers that every program sends, and more of them.
    pub fn request(&self, line: &str, more: &[&str], body: &str) -> String {
        let host = self.port.map_or_else(|| "localhost".to_owned(), |port| format!("127.0.0.1:{port}"));
        let mut head = format!(
            "{line} HTTP/1.1\r\nhost: {host}\r\nfreshtoken-request: 1\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        for header in more {
            head += &format!("{header}\r\n");
        }
        self.raw(format!("{head}\r\n{body}").as_bytes())
    }

    pub fn get(&self, path: &str) -> String {
        self.request(&format!("GET {path}"), &[], "")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn exchange(mut stream: impl Read + Write, request: &[u8], response: &mut Vec<u8>) {
    // A server that refuses early may have closed the connection.
    let _ = stream.write_all(request);
    let _ = stream.read_to_end(response);
}

pub fn status(response: &str) -> u16 {
    response.split(' ').nth(1).unwrap_or_default().parse().unwrap_or_default()
}

pub fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").unwrap().1
}

fn json(response: &str) -> serde_json::Value {
    serde_json::from_str(body(response)).unwrap()
}

const HEADER: &str = "/v1/accounts/voucherify/header";

#[test]
fn a_program_gets_the_header_or_everything_as_json() {
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    let agent = Agent::start(&user, &[]);
    let response = agent.get(HEADER);
    assert_eq!((status(&response), body(&response)), (200, "Authorization: Bearer invented-token\n"));
    assert!(
        response.contains("cache-control: no-store") && !response.to_lowercase().contains("access-control"),
        "{response}"
    );
    let response = agent.request(&format!("GET {HEADER}"), &["accept: application/json"], "");
    assert_eq!(json(&response)["access_token"], "invented-token");
    let response = agent.get("/v1/accounts");
    assert_eq!(body(&response), "{\"accounts\":[{\"name\":\"voucherify\",\"vendor\":\"voucherify\"}]}\n");
    let response = agent.get("/v1/accounts/voucherify/status");
    assert_eq!((&json(&response)["state"], &json(&response)["counters"]["logins"]), (&"fresh".into(), &1.into()));
    assert_eq!(body(&agent.get("/healthz")), "ok\n");
    assert_eq!(user.ok(&["token", "voucherify"]), "invented-token\n", "the commands use the same store");
    assert_eq!(issuer.count(), 1);
    for (line, code) in [
        ("GET /v1/accounts/other/header", 404),
        ("GET /", 404),
        ("POST /v1/accounts/voucherify/header", 405),
        ("OPTIONS /v1/accounts/voucherify/header", 405),
        ("GET /v1/accounts/voucherify/header?a=b", 400),
    ] {
        let response = agent.request(line, &[], "");
        assert_eq!(status(&response), code, "{line}");
        assert_eq!(response.contains("GET /v1/accounts lists the accounts"), code == 404, "{response}");
    }
}

#[test]
fn the_socket_and_its_directory_are_the_user_s_alone() {
    let user = Fixed::token("invented-token").user();
    let agent = Agent::start(&user, &[]);
    let socket = std::fs::symlink_metadata(&agent.socket).unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!((socket.mode() & 0o777, std::fs::metadata(user.state()).unwrap().mode() & 0o777), (0o600, 0o700));
    signal(agent.id(), "TERM");
    let mut agent = agent;
    assert_eq!(agent.child.wait().unwrap().code(), Some(0));
    assert!(!agent.socket.exists(), "it removes its socket");
}

#[test]
fn another_user_gets_nothing_unless_it_is_named() {
    let user = Fixed::token("invented-token").user();
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return println!("skipped: only root can become another user");
    }
    if !has("setpriv") || !has("curl") {
        return;
    }
    let dir = user.dir.0.join("shared");
    std::fs::set_permissions(&user.dir.0, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let socket = dir.join("agent.sock");
    let path = socket.to_str().unwrap();
    let as_nobody = || {
        let script =
            format!("curl -sS --noproxy '*' --unix-socket {path} -H 'Freshtoken-Request: 1' http://localhost{HEADER}");
        let arguments = ["--reuid", "65534", "--clear-groups", "/bin/sh", "-c", &script];
        Ran::of(user.other_command("setpriv", &arguments).output().unwrap())
    };
    let agent = Agent::start(&user, &["--socket", path, "--allow-uid", "65534"]);
    let ran = as_nobody();
    assert_eq!(ran.out, "Authorization: Bearer invented-token\n", "{}", ran.err);
    drop(agent);
    let agent = Agent::start(&user, &["--socket", path, "--allow-uid", "12345"]);
    assert_eq!(as_nobody().out, "");
    drop(agent);
    let ran = user.run(&["serve", "--socket", user.state().join("a.sock").to_str().unwrap(), "--allow-uid", "65534"]);
    assert!(ran.code == Some(2) && ran.err.contains("a separate directory"), "{}", ran.err);
    let ran = user.run(&["serve", "--socket", user.dir.0.join("agent.lock").to_str().unwrap()]);
    assert!(ran.code == Some(2) && ran.err.contains("is the name of the agent's lock"), "{}", ran.err);
}

#[test]
fn of_twenty_agents_after_a_kill_exactly_one_serves() {
    let user = Fixed::token("invented-token").user();
    let mut first = Agent::start(&user, &[]);
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    assert!(first.socket.exists(), "a dead socket is left");
    let start = || user.command(&["serve"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut agents: Vec<Child> = (0..20).map(|_| start()).collect();
    // All but one end by themselves.
    let is_alive = |agent: &mut Child| agent.try_wait().unwrap().is_none();
    while agents.iter_mut().filter_map(|agent| is_alive(agent).then_some(())).count() > 1 {
        std::thread::yield_now();
    }
    while UnixStream::connect(&first.socket).is_err() {
        std::thread::yield_now();
    }
    assert_eq!(body(&first.get(HEADER)), "Authorization: Bearer invented-token\n");
    for mut agent in agents {
        if is_alive(&mut agent) {
            agent.kill().unwrap();
            agent.wait().unwrap();
        } else {
            let ran = Ran::of(agent.wait_with_output().unwrap());
            assert!(ran.code == Some(1) && ran.err.contains("another agent serves"), "{}", ran.err);
        }
    }
}

#[test]
fn a_second_agent_says_where_the_first_one_serves() {
    let user = Fixed::token("invented-token").user();
    let second = |arguments: &[&str]| {
        let ran = user.run(&[&["serve"], arguments].concat());
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        ran.err
    };
    let agent = Agent::start(&user, &["--listen", "127.0.0.1:0"]);
    let address = format!("another agent serves at http://127.0.0.1:{};", agent.port.unwrap());
    for arguments in [&[][..], &["--listen", "127.0.0.1:0"]] {
        let err = second(arguments);
        assert!(err.contains(&address) && err.contains("`--socket`"), "{err}");
    }
    drop(agent);
    let agent = Agent::start(&user, &[]);
    let address = format!("another agent serves at {};", agent.socket.display());
    let err = second(&["--listen", "127.0.0.1:0"]);
    assert!(err.contains(&address), "{err}");
}

#[test]
fn a_directory_that_others_can_reach_is_refused_for_a_socket() {
    let user = Fixed::token("unused").user();
    let dir = user.dir.0.join("loose");
    std::fs::create_dir(&dir).unwrap();
    std::fs::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let ran = user.run(&["serve", "--socket", dir.join("agent.sock").to_str().unwrap()]);
    let expected = format!("others can access it; run `chmod 700 {}`", dir.display());
    assert!(ran.code == Some(2) && ran.err.contains(&expected), "{ran:?}");
}

#[test]
fn loopback_needs_the_secret_of_this_start() {
    let user = Fixed::token("invented-token").user();
    let secret = || std::fs::read_to_string(user.state().join("agent.secret")).unwrap().trim_end().to_owned();
    let agent = Agent::start(&user, &["--listen", "127.0.0.1:0"]);
    let first = secret();
    let bare = std::fs::read_to_string(user.state().join("agent.bearer")).unwrap();
    assert_eq!(format!("Authorization: Bearer {bare}"), first);
    for file in ["agent.secret", "agent.bearer"] {
        assert_eq!(std::fs::metadata(user.state().join(file)).unwrap().mode() & 0o777, 0o600);
    }
    let get = |agent: &Agent, more: &[&str]| agent.request(&format!("GET {HEADER}"), more, "");
    assert_eq!(body(&get(&agent, &[&first])), "Authorization: Bearer invented-token\n");
    assert_eq!(status(&get(&agent, &[])), 401);
    assert_eq!(status(&get(&agent, &[&format!("{first}x")])), 401);
    assert_eq!(status(&agent.request("GET /metrics", &[], "")), 401);
    assert_eq!(status(&agent.request("GET /healthz", &[], "")), 200);
    // The kernel's table of IPv4 ports, in hexadecimal digits.
    let ports = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let port = format!(":{:04X} 00000000:0000 0A", agent.port.unwrap());
    let listens: Vec<&str> = ports.lines().filter(|line| line.contains(&port)).collect();
    assert!(listens.len() == 1 && listens[0].contains("0100007F:"), "on 127.0.0.1 alone: {listens:?}");
    drop(agent);
    let agent = Agent::start(&user, &["--listen", "127.0.0.1:0"]);
    assert_ne!(secret(), first);
    assert_eq!(status(&get(&agent, &[&first])), 401, "the last start's");
    for address in ["0.0.0.0:1", "192.0.2.1:80", "localhost:80"] {
        let ran = user.run(&["serve", "--listen", address]);
        assert_eq!(ran.code, Some(2), "{address}: {}", ran.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reported_401_causes_one_renewal_for_all_clients() {
    let (_sandbox, issuer, user) = sandbox("voucherify").await;
    let agent = Agent::start(&user, &[]);
    let header = body(&agent.get(HEADER)).to_owned();
    let rejected = |header: &str| {
        let response = agent.request("POST /v1/accounts/voucherify/rejected", &[], header);
        assert_eq!(status(&response), 200, "{response}");
        json(&response)["result"].as_str().unwrap().to_owned()
    };
    issuer.revoke_all();
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                assert!(["renewing", "superseded"].contains(&rejected(&header).as_str()));
                assert_ne!(body(&agent.get(HEADER)), header);
            });
        }
    });
    assert_eq!(issuer.counts().logins, 2);
    assert_eq!(rejected(&header), "superseded", "a late report");
    assert_eq!(issuer.counts().logins, 2);
    let second = body(&agent.get(HEADER)).to_owned();
    assert_eq!(rejected(&second), "renewing", "the store is asked for a newer one");
    assert_eq!(body(&agent.get(HEADER)), second);
    assert_eq!(rejected(&second), "permission_problem", "a second 401 in a row");
    assert_eq!(issuer.counts().logins, 2);
    for (body, code) in [("", 400), ("X-Other: a\n", 400), (&"a".repeat(17_000), 413)] {
        let response = agent.request("POST /v1/accounts/voucherify/rejected", &[], body);
        assert_eq!(status(&response), code, "{response}");
    }
}

#[test]
fn an_issuer_that_is_down_is_503_with_the_seconds_and_no_401_or_403() {
    let issuer = Fixed::response("503 Service Unavailable\r\ncontent-type: application/json", "{}");
    let user = issuer.user();
    let agent = Agent::start(&user, &[]);
    let response = agent.get(HEADER);
    assert_eq!((status(&response), &json(&response)["error"]), (503, &"try_later".into()));
    let seconds = json(&response)["retry_after"].as_u64().unwrap();
    assert!(response.contains(&format!("retry-after: {seconds}\r\n")), "{response}");
    assert_eq!(status(&agent.get("/healthz")), 200);
    let metrics = agent.get("/metrics");
    assert!(metrics.contains("freshtoken_grants_total{vendor=\"voucherify\",account=\"voucherify\",grant=\"login\",outcome=\"transient\"} 1\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_are_502() {
    let (_sandbox, _issuer, mut user) = sandbox("zenoti").await;
    user.set("ZENOTI_PASSWORD", "hunter2");
    let agent = Agent::start(&user, &[]);
    let response = agent.get("/v1/accounts/zenoti/header");
    assert_eq!((status(&response), &json(&response)["error"]), (502, &"refused".into()));
    assert!(!response.contains("hunter2"));
}

#[test]
fn metrics_count_what_happened_and_have_no_token() {
    let user = Fixed::token("invented-token").user();
    let agent = Agent::start(&user, &["--page"]);
    agent.get(HEADER);
    agent.request("GET /healthz", &["origin: http://evil.example"], "");
    let metrics = agent.get("/metrics");
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    for line in [
        "freshtoken_token_state{vendor=\"voucherify\",account=\"voucherify\",state=\"fresh\"} 1",
        "freshtoken_token_serving{vendor=\"voucherify\",account=\"voucherify\"} 1",
        "freshtoken_grants_total{vendor=\"voucherify\",account=\"voucherify\",grant=\"login\",outcome=\"ok\"} 1",
        "freshtoken_agent_requests_total{route=\"header\",status=\"200\"} 1",
        "freshtoken_agent_denied_total{reason=\"browser\"} 1",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} in {metrics}");
    }
    let page = agent.request("GET /", &["sec-fetch-site: none"], "");
    assert!(
        status(&page) == 200 && page.contains("frame-ancestors 'none'") && page.contains(">fresh</strong>"),
        "{page}"
    );
    assert!(!page.contains("<script"), "{page}");
    for text in [metrics, page] {
        assert!(!text.contains("invented"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_another_process_revokes_is_not_served() {
    let (_sandbox, _issuer, user) = sandbox("voucherify").await;
    let agent = Agent::start(&user, &[]);
    let first = body(&agent.get(HEADER)).to_owned();
    user.ok(&["revoke", "voucherify"]);
    assert_ne!(body(&agent.get(HEADER)), first);
}

#[test]
fn with_keep_fresh_a_token_is_there_before_a_program_asks() {
    let issuer = Fixed::response("503 Service Unavailable\r\ncontent-type: application/json", "{}");
    let mut user = issuer.user();
    let config = user.dir.write("config.toml", 0o600, "version = 1\n[serve]\nkeep_fresh = true\n");
    user.set("FRESHTOKEN_CONFIG", config.to_str().unwrap());
    let mut agent = Agent::start(&user, &[]);
    while issuer.count() == 0 {
        std::thread::yield_now();
    }
    let body = r#"{"access_token":"invented-token","token_type":"Bearer","expires_in":900}"#;
    issuer.set("200 OK\r\ncontent-type: application/json", body);
    while !agent.get("/v1/accounts/voucherify/status").contains("\"state\":\"fresh\"") {}
    assert_eq!(issuer.count(), 2, "it tries again by itself");
    signal(agent.id(), "TERM");
    assert_eq!(agent.child.wait().unwrap().code(), Some(0));
}

/// How long a client without a proxy's knowledge may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn python_and_curl_reach_the_agent_and_no_proxy_sees_it() {
    if !has("python3") || !has("curl") {
        return;
    }
    let issuer = Fixed::token("invented-token");
    let mut user = issuer.user();
    let proxy = Fixed::response("200 OK", "");
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy"] {
        user.set(name, &proxy.url);
    }
    // The vendor and the API are reached directly, by a name that the agent does not have.
    user.set("no_proxy", "localhost");
    let api = issuer.url.replace("127.0.0.1", "localhost");
    user.set("VOUCHERIFY_URL", &api);
    let agent = Agent::start(&user, &[]);
    let socket = agent.socket.clone();
    let socket = socket.to_str().unwrap();
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = user.other_command(program, arguments);
        command.env("FRESHTOKEN_SOCKET", socket).env("API_URL", &api).env("FRESHTOKEN_ACCOUNT", "voucherify");
        command.env("HOME", std::env::var_os("HOME").unwrap_or_default());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let start = std::time::Instant::now();
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert!(start.elapsed() < PATIENCE);
        ran
    };
    let ran = run("python3", &[&format!("{examples}/header.py")]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "200\n"), "{}", ran.err);
    if run("python3", &["-c", "import requests"]).code == Some(0) {
        let ran = run("python3", &[&format!("{examples}/call_with_requests.py")]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), "200\n"), "{}", ran.err);
    } else {
        println!("skipped: requests is not installed");
    }
    let url = format!("http://localhost{HEADER}");
    let ran = run("curl", &["-fsS", "--unix-socket", socket, "-H", "Freshtoken-Request: 1", "--noproxy", "*", &url]);
    assert_eq!(ran.out, "Authorization: Bearer invented-token\n", "{}", ran.err);
    drop(agent);
    let ran = run("python3", &[&format!("{examples}/header.py")]);
    assert_eq!((ran.code, ran.err), (Some(1), format!("no agent at {socket}: start `freshtoken serve`\n")));
    let agent = Agent::start(&user, &["--listen", "127.0.0.1:0"]);
    let secret = format!("@{}", user.state().join("agent.secret").display());
    let url = format!("http://127.0.0.1:{}{HEADER}", agent.port.unwrap());
    let ran = run("curl", &["-fsS", "--noproxy", "*", "-H", &secret, "-H", "Freshtoken-Request: 1", &url]);
    assert_eq!(ran.out, "Authorization: Bearer invented-token\n", "{}", ran.err);
    assert_eq!(proxy.count(), 0);
}
