//! How connections are opened, used and lost, and what that means for a request.

#![allow(clippy::unwrap_used, reason = "a test helper may panic, as a test may")]

mod support;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use freshtoken_wire::{Error, ErrorKind, Http, Target, http_client_builder};
use support::{TOKEN, VendorError, create, failure, messages, origin, read_request, response, target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Starts a server that responds to the first request of each connection, and closes the connection when the second one
/// arrives. Returns its URL, and counts the connections and the requests that it dropped.
async fn closing_server() -> (String, Arc<[AtomicUsize; 2]>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = origin(listener.local_addr().unwrap());
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let counted = counts.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted[0].fetch_add(1, Ordering::SeqCst);
            let counted = counted.clone();
            tokio::spawn(async move {
                read_request(&mut stream).await;
                stream.write_all(&response(200, "", TOKEN)).await.unwrap();
                if stream.read(&mut [0]).await.is_ok_and(|read| read > 0) {
                    counted[1].fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    (url, counts)
}

#[tokio::test]
async fn each_token_request_uses_a_fresh_connection() {
    for http in [Http::default(), http_client_builder().build().unwrap().into()] {
        let (url, counts) = closing_server().await;
        let target = Target::new::<()>(&url, &http).unwrap();
        for _ in 0..6 {
            create(&target).await.unwrap();
        }
        assert_eq!(counts[0].load(Ordering::SeqCst), 6);
        assert_eq!(counts[1].load(Ordering::SeqCst), 0, "no connection carried a second request");
    }
}

#[tokio::test]
async fn a_client_with_a_connection_pool_can_lose_a_request() {
    let (url, counts) = closing_server().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let target = Target::new::<()>(&url, &http.into()).unwrap();
    create(&target).await.unwrap();
    let error = failure(&target).await;
    assert_eq!((error.kind(), error.is_ambiguous()), (ErrorKind::Interrupted, true));
    assert_eq!(counts[1].load(Ordering::SeqCst), 1);
}

/// A connection of a runtime that isn't running looks idle, but takes no request.
#[test]
fn a_request_that_no_connection_took_was_not_processed() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (served, idle) = (runtime(), runtime());
    let listener = served.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = origin(listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        served.block_on(async {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream).await;
            stream.write_all(&response(200, "", TOKEN)).await.unwrap();
            // Until the client closes the connection.
            stream.read(&mut [0]).await.unwrap()
        })
    });
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let target = Target::new::<()>(&url, &http.into()).unwrap();
    idle.block_on(create(&target)).unwrap();
    // A separate task returns the connection to the pool.
    idle.block_on(async {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    });
    let paused = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let error = paused.block_on(failure(&target));
    assert_eq!((error.kind(), error.is_ambiguous(), error.is_transient()), (ErrorKind::NotProcessed, false, true));
    assert!(error.to_string().ends_with("was not sent, or the server did not process it"), "{error}");
    // When its runtime runs again, the connection does not send the request that was given up.
    idle.block_on(async {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    });
    drop(idle);
    assert_eq!(thread.join().unwrap(), 0, "the server received no second request");
}

/// Returns an HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn go_away(last_stream: u32, code: u32, debug_data: &str) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[&last_stream.to_be_bytes(), &code.to_be_bytes(), debug_data.as_bytes()].concat())
}

/// Reads the preface, then frames up to the end of a request.
async fn read_http2_request(stream: &mut TcpStream) {
    stream.read_exact(&mut [0; 24]).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        if [DATA, HEADERS].contains(&head[3]) && head[4] & END_STREAM != 0 {
            return;
        }
    }
}

/// A server of HTTP/2 that reads one request of each connection, then sends this and closes.
async fn http2_server(bytes: Vec<u8>) -> (Target, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let http = http_client_builder().http2_prior_knowledge().build().unwrap();
    let target = Target::new::<()>(&origin(listener.local_addr().unwrap()), &http.into()).unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
            read_http2_request(&mut stream).await;
            stream.write_all(&bytes).await.unwrap();
            stream.shutdown().await.unwrap();
            // Until the client closes the connection.
            while stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
        }
    });
    (target, connections)
}

async fn http2_failure(bytes: Vec<u8>) -> Error<VendorError> {
    failure(&http2_server(bytes).await.0).await
}

#[tokio::test]
async fn each_http_2_token_request_uses_a_fresh_connection() {
    // `:status: 200` is entry 8 of HPACK's static table.
    let head = frame(HEADERS, END_HEADERS, 1, &[0x88]);
    let (target, connections) = http2_server([head, frame(DATA, END_STREAM, 1, TOKEN.as_bytes())].concat()).await;
    for _ in 0..3 {
        create(&target).await.unwrap();
    }
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_refused_http_2_stream_was_not_processed() {
    let error = http2_failure(frame(RST_STREAM, 0, 1, &7u32.to_be_bytes())).await;
    assert_eq!((error.kind(), error.is_ambiguous(), error.is_transient()), (ErrorKind::NotProcessed, false, true));
    // CANCEL does not mean that.
    let error = http2_failure(frame(RST_STREAM, 0, 1, &8u32.to_be_bytes())).await;
    assert_eq!((error.kind(), error.is_ambiguous()), (ErrorKind::Interrupted, true));
}

#[tokio::test]
async fn a_goaway_that_excludes_the_request_means_not_processed() {
    for code in [0, 2, 11] {
        let error = http2_failure(go_away(0, code, "")).await;
        assert_eq!((error.kind(), error.is_ambiguous()), (ErrorKind::NotProcessed, false), "{code}");
        let error = http2_failure(go_away(1, code, "")).await;
        assert_eq!((error.kind(), error.is_ambiguous()), (ErrorKind::Interrupted, true), "{code}");
    }
}

#[tokio::test]
async fn no_message_contains_the_debug_data_of_a_goaway() {
    for last_stream in [0, 1] {
        let error = http2_failure(go_away(last_stream, 11, "grant_type=hunter2")).await;
        assert!(!messages(&error).contains("hunter2"), "{error:?}");
    }
    let error = http2_failure(go_away(0, 11, "grant_type=hunter2")).await;
    assert!(format!("{error:#}").ends_with("connection error received: detected excessive load generating behavior"));
}

/// Runs one test of this file in a child process with these environment variables.
fn run_in_child_process(test: &str, variables: &[(&str, &str)]) {
    assert_passes(
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored"])
            .envs(variables.iter().copied()),
    );
}

fn assert_passes(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

#[test]
fn loopback_is_never_accessed_through_a_proxy() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    run_in_child_process("connects_to_loopback_in_the_child_process", &names.map(|name| (name, url.as_str())));
    proxy.set_nonblocking(true).unwrap();
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "the proxy received a connection");
}

#[tokio::test]
#[ignore = "runs in a child process with a proxy"]
async fn connects_to_loopback_in_the_child_process() {
    for http in [Http::default(), http_client_builder().build().unwrap().into()] {
        let (url, _) = closing_server().await;
        create(&Target::new::<()>(&url, &http).unwrap()).await.unwrap();
        let url = url.replace("127.0.0.1", "localhost");
        create(&Target::new::<()>(&url, &http).unwrap()).await.unwrap();
    }
}

#[test]
fn other_hosts_are_accessed_through_the_environment_proxy() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        use std::io::{BufRead, BufReader};
        let mut line = String::new();
        BufReader::new(proxy.accept().unwrap().0).read_line(&mut line).unwrap();
        line
    });
    run_in_child_process(
        "connects_to_another_host_in_the_child_process",
        &[("HTTP_PROXY", &url), ("NO_PROXY", "direct.example")],
    );
    assert_eq!(thread.join().unwrap(), "GET http://vendor.example/ HTTP/1.1\r\n");
}

#[tokio::test]
#[ignore = "runs in a child process with a proxy"]
async fn connects_to_another_host_in_the_child_process() {
    http_client_builder().build().unwrap().get("http://vendor.example").send().await.unwrap_err();
}

#[tokio::test]
async fn names_below_localhost_resolve_to_loopback() {
    let (url, _) = closing_server().await;
    let url = url.replace("127.0.0.1", "any.name.localhost");
    create(&target(&url)).await.unwrap();
    let client = http_client_builder().no_proxy().build().unwrap();
    assert_eq!(client.post(&url).body("a").send().await.unwrap().status(), 200);
}

#[cfg(feature = "rustls")]
#[test]
fn missing_certificates_are_a_transient_error() {
    run_in_child_process(
        "finds_no_certificates_in_the_child_process",
        &[("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent")],
    );
}

#[cfg(feature = "rustls")]
#[tokio::test]
#[ignore = "runs in a child process without certificates"]
async fn finds_no_certificates_in_the_child_process() {
    let error = Target::new::<()>("https://api.example.com", &Http::default()).unwrap_err();
    assert_eq!((error.kind(), error.is_transient(), error.is_ambiguous()), (ErrorKind::HttpClient, true, false));
    assert_eq!(
        error.to_string(),
        "endpoint: the HTTP client cannot be built: no CA certificates were found: install them or set SSL_CERT_FILE"
    );
    // Plain HTTP needs no certificates.
    let (url, _) = closing_server().await;
    create(&target(&url)).await.unwrap();
}

#[cfg(all(unix, feature = "rustls"))]
#[test]
fn missing_file_descriptors_are_a_transient_error() {
    let mut shell = Command::new("sh");
    let test = std::env::current_exe().unwrap();
    shell.args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""]).arg(test);
    assert_passes(shell.args(["--exact", "finds_no_file_descriptors_in_the_child_process", "--ignored"]));
}

#[cfg(all(unix, feature = "rustls"))]
#[tokio::test]
#[ignore = "runs in a child process with few file descriptors"]
async fn finds_no_file_descriptors_in_the_child_process() {
    let (url, _) = closing_server().await;
    let mut open = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        open.push(file);
    }
    let http = Http::default();
    let error = Target::new::<()>("https://api.example.com", &http).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::HttpClient, true));
    let error = failure(&Target::new::<()>(&url, &http).unwrap()).await;
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Connect, true));
    drop(open);
    assert!(Target::new::<()>("https://api.example.com", &http).is_ok());
    create(&Target::new::<()>(&url, &http).unwrap()).await.unwrap();
}
