//! A `redis-server` of this run, on a free port of this machine.

use std::fmt;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long the server may take to start.
const START: Duration = Duration::from_secs(10);

/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(5);

/// How often it is asked whether it has started.
const LOOK: Duration = Duration::from_millis(20);

/// `redis-server` is not installed.
#[derive(Debug)]
pub struct NotInstalled;

impl fmt::Display for NotInstalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "`redis-server` is not installed: run `apt-get install redis-server` (Debian, Ubuntu) or `brew install redis` \
             (macOS), or choose `--store file`",
        )
    }
}

impl std::error::Error for NotInstalled {}

/// A running server. It is killed when this is dropped.
pub struct RedisServer {
    folder: PathBuf,
    port: u16,
    child: Child,
}

/// What a restart keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    Kept,
    Lost,
}

impl RedisServer {
    /// Starts a server that keeps its data in this folder.
    ///
    /// # Errors
    ///
    /// [`NotInstalled`], or what went wrong.
    pub fn start(folder: PathBuf) -> Result<Self, Box<dyn std::error::Error>> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let child = match launch(&folder, port) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(NotInstalled.into()),
            launched => launched?,
        };
        let server = Self { folder, port, child };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Returns the URL for a client.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub fn process(&self) -> &Child {
        &self.child
    }

    /// Kills the server, without a chance to save anything.
    ///
    /// # Errors
    ///
    /// If it cannot be killed.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Starts the server again after [`kill`](Self::kill).
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn start_again(&mut self, data: Data) -> Result<(), Box<dyn std::error::Error>> {
        if data == Data::Lost {
            fs::remove_dir_all(&self.folder)?;
        }
        self.child = launch(&self.folder, self.port)?;
        self.wait_until_ready()
    }

    /// Sends a command, such as `FLUSHALL`.
    ///
    /// # Errors
    ///
    /// If the server does not respond, or refuses it.
    pub fn command(&self, command: &str) -> Result<(), Box<dyn std::error::Error>> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)), COMMAND)?;
        stream.set_read_timeout(Some(COMMAND))?;
        write!(stream, "{command}\r\n")?;
        let mut reply = [0; 128];
        let length = stream.read(&mut reply)?;
        match reply[..length].first() {
            Some(b'+') => Ok(()),
            _ => Err(format!("redis-server: {}", String::from_utf8_lossy(&reply[..length]).trim()).into()),
        }
    }

    fn wait_until_ready(&self) -> Result<(), Box<dyn std::error::Error>> {
        let began = Instant::now();
        loop {
            match self.command("PING") {
                Ok(()) => return Ok(()),
                Err(_) if began.elapsed() < START => thread::sleep(LOOK),
                Err(error) => return Err(format!("redis-server does not start: {error}").into()),
            }
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        drop(self.kill());
    }
}

fn launch(folder: &Path, port: u16) -> io::Result<Child> {
    fs::create_dir_all(folder)?;
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(folder);
    // What it has acknowledged survives a kill.
    command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}
