//! A sandbox or an issuer of fixed responses, a directory, and processes of the built program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use freshtoken_sandbox::{Issuer, PlayedVendor, Sandbox};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_freshtoken");

/// A new directory, which is removed at the end.
pub struct Dir(pub PathBuf);

impl Dir {
    pub fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("freshtoken-cli-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir(&dir).unwrap();
        Self(dir)
    }

    pub fn write(&self, name: &str, mode: u32, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A user with a state directory of their own.
pub struct User {
    pub dir: Dir,
    pub variables: Vec<(String, String)>,
}

impl User {
    pub fn new(variables: Vec<(String, String)>) -> Self {
        Self { dir: Dir::new(), variables }
    }

    pub fn state(&self) -> PathBuf {
        self.dir.0.join("state")
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Returns a command of the program with this user's environment and nothing else.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.other_command(PROGRAM, arguments)
    }

    pub fn other_command(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program.as_ref());
        command.args(arguments).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", &self.dir.0).env("FRESHTOKEN_STATE_DIR", self.state());
        command.envs(self.variables.iter().cloned());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// Runs a program that must succeed, and returns what it prints.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.err);
        ran.out
    }

    /// Runs a shell with the program as `freshtoken`.
    pub fn sh(&self, script: &str) -> Ran {
        let mut command = self.other_command("/bin/sh", &["-c", script]);
        let path = format!("{}:{}", Path::new(PROGRAM).parent().unwrap().display(), std::env::var("PATH").unwrap());
        Ran::of(command.env("PATH", path).output().unwrap())
    }
}

/// Whether a tool is installed. If it is not, the test says so.
pub fn has(tool: &str) -> bool {
    let found = Command::new("/bin/sh").args(["-c", &format!("command -v {tool}")]).stdout(Stdio::null()).status();
    let has = found.is_ok_and(|status| status.success());
    if !has {
        println!("skipped: {tool} is not installed");
    }
    has
}

/// Sends a signal to a process. Not every system has `kill` as a program.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("/bin/sh").args(["-c", &format!("kill -s {name} {process}")]).status().unwrap();
    assert!(sent.success());
}

/// What a process left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A vendor in the sandbox, and a user with its variables.
pub async fn sandbox(vendor: &str) -> (Sandbox, Issuer, User) {
    sandbox_with(vendor, |vendor| vendor).await
}

pub async fn sandbox_with(vendor: &str, set: impl FnOnce(PlayedVendor) -> PlayedVendor) -> (Sandbox, Issuer, User) {
    let spec = format!("{}/../../specs/{vendor}.yaml", env!("CARGO_MANIFEST_DIR"));
    let played = set(PlayedVendor::read(spec).unwrap());
    let sandbox = Sandbox::start([played]).await.unwrap();
    let issuer = sandbox.issuer(vendor).unwrap().clone();
    let user = User::new(issuer.environment());
    (sandbox, issuer, user)
}

/// An issuer with a fixed response, for what the sandbox does not send.
pub struct Fixed {
    pub url: String,
    pub requests: Arc<AtomicUsize>,
    response: Arc<Mutex<String>>,
    /// The body of the last request that had one.
    body: Arc<Mutex<Vec<u8>>>,
}

impl Fixed {
    /// Responds to each login with this token.
    pub fn token(token: &str) -> Self {
        let body = serde_json::json!({ "access_token": token, "token_type": "Bearer", "expires_in": 900 });
        Self::response("200 OK\r\ncontent-type: application/json", &body.to_string())
    }

    pub fn response(head: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fixed = Self { url, requests: Arc::default(), response: Arc::default(), body: Arc::default() };
        fixed.set(head, body);
        let (requests, response, last) = (fixed.requests.clone(), fixed.response.clone(), fixed.body.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, response, last) = (requests.clone(), response.clone(), last.clone());
                std::thread::spawn(move || respond(stream, &requests, &response, &last));
            }
        });
        fixed
    }

    pub fn set(&self, head: &str, body: &str) {
        let length = body.len();
        *self.response.lock().unwrap() =
            format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    }

    pub fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Sends no response until the guard is dropped.
    pub fn hold(&self) -> MutexGuard<'_, String> {
        self.response.lock().unwrap()
    }

    pub fn last_body(&self) -> String {
        String::from_utf8(self.body.lock().unwrap().clone()).unwrap()
    }

    /// Returns a user with credentials for it, as for Voucherify.
    pub fn user(&self) -> User {
        let variables = [
            ("VOUCHERIFY_URL", self.url.as_str()),
            ("VOUCHERIFY_APP_ID", "invented-app-id"),
            ("VOUCHERIFY_APP_TOKEN", "invented-app-token"),
            ("VOUCHERIFY_SCOPE", "vouchers"),
        ];
        User::new(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

fn respond(mut stream: TcpStream, requests: &AtomicUsize, response: &Mutex<String>, last: &Mutex<Vec<u8>>) {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    if !body.is_empty() {
        *last.lock().unwrap() = body;
    }
    requests.fetch_add(1, Ordering::SeqCst);
    let response = response.lock().unwrap().clone();
    let _ = stream.write_all(response.as_bytes());
}
