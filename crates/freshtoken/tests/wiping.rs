//! The secrets that remain in this process's memory after a login, when everything is dropped.
#![cfg(all(target_os = "linux", feature = "zenoti"))]
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test may")]

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::FileExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use freshtoken::{TokenSource, zenoti};

const ACCESS: u8 = 1;
const REFRESH: u8 = 2;
const PASSWORD: u8 = 3;

/// A secret that is built at run time, so that the program's own data does not contain it.
fn secret(seed: u8) -> String {
    let letter = |index: u8| char::from(b'a' + index.wrapping_mul(7).wrapping_add(seed.wrapping_mul(11)) % 26);
    (0..40).map(letter).collect()
}

/// The vendor, in a separate process whose memory is not searched.
#[test]
#[ignore = "another test starts it"]
fn the_vendor() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("\nhttp://{}", listener.local_addr().unwrap());
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = [0; 4096];
    // The test's request arrives in one piece.
    let _ = stream.read(&mut request).unwrap();
    let (access, refresh) = (secret(ACCESS), secret(REFRESH));
    let body = format!(r#"{{"credentials":{{"access_token":"{access}","refresh_token":"{refresh}"}}}}"#);
    let head = format!("content-type: application/json\r\ncontent-length: {}", body.len());
    write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}").unwrap();
    // Until the client closes the connection.
    let _ = stream.read(&mut request);
}

struct Vendor {
    child: Child,
    /// Kept open, because the process writes to it until it exits.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Vendor {
    fn start() -> (Self, String) {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "the_vendor", "--ignored", "--nocapture"]).stdout(Stdio::piped());
        let mut child = again.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = stdout.by_ref().map(Result::unwrap).find(|line| line.starts_with("http://")).unwrap();
        (Self { child, _stdout: stdout }, url)
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Counts a secret in this process's memory. The pattern is masked, so that it does not find itself.
fn copies(seed: u8) -> usize {
    const MASK: u8 = 0x55;
    const STEP: usize = 1 << 16;
    let masked: Vec<u8> = secret(seed).bytes().map(|byte| byte ^ MASK).collect();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    let mut bytes = vec![0; STEP + masked.len() - 1];
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).unwrap());
        for at in (start..end).step_by(STEP) {
            let window = &mut bytes[..(end - at).min((STEP + masked.len() - 1) as u64) as usize];
            if memory.read_exact_at(window, at).is_ok() {
                let is_it = |bytes: &&[u8]| bytes.iter().zip(&masked).all(|(byte, masked)| byte ^ MASK == *masked);
                found += window.windows(masked.len()).filter(is_it).count();
            }
            window.fill(0);
        }
    }
    found
}

#[test]
fn dropping_everything_leaves_a_token_only_in_the_http_client_buffer() {
    let (_vendor, url) = Vendor::start();
    let credentials = zenoti::Credentials {
        account_name: "acme".into(),
        user_name: "ann".into(),
        password: secret(PASSWORD).into(),
        app_id: "an-app".into(),
        app_secret: "an-app-secret".into(),
        device_id: "a-device".into(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tokens = TokenSource::new(zenoti::Endpoint::at(url).unwrap(), credentials);
    runtime.block_on(tokens.header()).unwrap();
    assert!(copies(ACCESS) > 0, "the search finds an existing secret");
    drop((tokens, runtime));
    // The client read the response into its own buffer.
    assert!(copies(ACCESS) <= 1 && copies(REFRESH) <= 1);
    assert_eq!(copies(PASSWORD), 0);
}
