//! One HTTP client for all sources without a custom one: its memory, its TLS sessions and its speed.
//!
//! A process has one such client, so each test is a process of its own.
#![cfg(feature = "rustls")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/server.rs"]
mod server;
mod support;

use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use freshtoken::{TokenSource, http_client_builder, voucherify};
use server::{limit, voucherify_credentials, voucherify_token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{HandshakeKind, ServerConfig};

/// The most that a source may take, its token, credentials and endpoint included.
const MOST: i64 = 3 * 1_024;

/// The variable with the URL of the issuer.
const URL: &str = "TEST_ISSUER_URL";

/// An issuer with TLS, whose certificate is the only one that a child process trusts.
struct Issuer {
    url: String,
    certificate: PathBuf,
    handshakes: mpsc::Receiver<HandshakeKind>,
}

impl Issuer {
    fn start(name: &str) -> Self {
        let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.pem", std::process::id()));
        // With as many certificates as a system has, which are read when a client is built.
        let others =
            (0..100).map(|i| rcgen::generate_simple_self_signed([format!("ca-{i}.example")]).unwrap().cert.pem());
        std::fs::write(&certificate, others.chain([key.cert.pem()]).collect::<String>()).unwrap();
        let private = PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![key.cert.der().clone()], private).unwrap();
        let acceptor = TlsAcceptor::from(std::sync::Arc::new(config));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let (sender, handshakes) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(serve(acceptor.clone(), stream, sender.clone()));
                }
            });
        });
        Self { url, certificate, handshakes }
    }

    /// Runs one test of this file in a process of its own, and returns what it prints.
    fn run(&self, test: &str) -> String {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", test, "--ignored", "--nocapture"]);
        child.env("SSL_CERT_FILE", &self.certificate).env_remove("SSL_CERT_DIR").env(URL, &self.url);
        let output = child.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && printed.contains("1 passed"), "{output:?}");
        printed
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.certificate);
    }
}

/// One connection: the handshake, and a token for each request.
async fn serve(acceptor: TlsAcceptor, stream: tokio::net::TcpStream, handshakes: mpsc::Sender<HandshakeKind>) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    handshakes.send(stream.get_ref().1.handshake_kind().unwrap()).unwrap();
    let response = voucherify_token("a-token", std::time::SystemTime::now());
    let mut request = Vec::new();
    while stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
        if String::from_utf8_lossy(&request).contains("grant_type=client_credentials") {
            request.clear();
            stream.write_all(&response.bytes()).await.unwrap();
            stream.flush().await.unwrap();
        }
    }
}

fn source() -> TokenSource {
    let endpoint = voucherify::Endpoint::at(std::env::var(URL).unwrap()).unwrap();
    TokenSource::new(endpoint, voucherify_credentials())
}

#[test]
fn a_second_source_resumes_the_tls_session_of_the_first() {
    let issuer = Issuer::start("resumes");
    issuer.run("three_sources_log_in");
    let kinds: Vec<_> = issuer.handshakes.try_iter().collect();
    assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed], "no connection is kept");
}

#[test]
#[ignore = "in a process of its own"]
fn three_sources_log_in() {
    // Each on a runtime that stops before the next login.
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(limit(source().header())).unwrap();
    }
}

#[test]
fn a_source_takes_at_most_three_kibibytes() {
    let issuer = Issuer::start("memory");
    println!("{}", issuer.run("a_source_is_measured"));
}

#[test]
#[ignore = "in a process of its own"]
fn a_source_is_measured() {
    const SOURCES: usize = 50;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let log_in = || {
        let tokens = source();
        runtime.block_on(limit(tokens.header())).unwrap();
        // The task of its connection ends.
        while runtime.metrics().num_alive_tasks() > 0 {
            runtime.block_on(tokio::task::yield_now());
        }
        tokens
    };
    // Builds the client, and fills the cache of sessions.
    let first: Vec<_> = (0..8).map(|_| log_in()).collect();
    let mut sources = Vec::with_capacity(SOURCES);
    let used = measure(|| sources.extend((0..SOURCES).map(|_| log_in())));
    let each = used.bytes_current / SOURCES as i64;
    println!("{each} bytes for each source with its token, endpoint and credentials");
    assert!(each <= MOST, "{each} bytes");
    drop((first, sources));
}

/// `cargo test --release -p freshtoken --test shared_client -- --ignored --nocapture the_first_login_is_timed`
#[test]
#[ignore = "a measurement"]
fn the_first_login_is_timed() {
    let issuer = Issuer::start("speed");
    println!("{}", issuer.run("logins_are_timed"));
}

#[test]
#[ignore = "in a process of its own"]
fn logins_are_timed() {
    const ROUNDS: usize = 200;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let timed = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        run();
        let took = start.elapsed();
        while runtime.metrics().num_alive_tasks() > 0 {
            runtime.block_on(tokio::task::yield_now());
        }
        took
    };
    let mut log_in = || drop(runtime.block_on(limit(source().header())).unwrap());
    let first = timed(&mut log_in);
    let http = http_client_builder().build().unwrap();
    let url = format!("{}/v1/oauth/token", std::env::var(URL).unwrap());
    let mut post = || {
        let request = http.post(&url).header("x-app-id", "an-app").header("x-app-token", "an-app-token");
        let form = [("grant_type", "client_credentials"), ("scope", "vouchers")];
        let body = runtime.block_on(async { request.form(&form).send().await.unwrap().bytes().await.unwrap() });
        assert!(body.starts_with(b"{"));
    };
    timed(&mut post);
    let (mut posts, mut logins): (Vec<Duration>, Vec<Duration>) = Default::default();
    for _ in 0..ROUNDS {
        posts.push(timed(&mut post));
        logins.push(timed(&mut log_in));
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[ROUNDS / 2]
    };
    let (post, login) = (median(&mut posts), median(&mut logins));
    println!(
        "first source {first:.0?}; a later source's first login {login:.0?}, a bare POST with a warm client {post:.0?}: {:.2}",
        login.as_secs_f64() / post.as_secs_f64()
    );
}
