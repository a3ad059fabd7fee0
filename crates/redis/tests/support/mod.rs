//! Servers for the tests: real ones, each in a directory of its own.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A `redis-server`, which is killed when this is dropped.
pub struct Server {
    process: Child,
    pub port: u16,
    dir: PathBuf,
    args: Vec<String>,
}

impl Server {
    pub fn start(args: &[&str]) -> Self {
        Self::start_with(&[&["--save", ""], args].concat())
    }

    /// With a file that the server changes.
    pub fn start_with_config(config: &Path, args: &[&str]) -> Self {
        Self::start_with(&[&[config.to_str().unwrap()], args].concat())
    }

    fn start_with(args: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("freshtoken-redis-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        fs::create_dir(&dir).unwrap();
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        // Another process may take the port before the server does.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(process) = spawn(port, &dir, &args) {
                return Self { process, port, dir, args };
            }
        }
        panic!("redis-server does not start; is it installed?");
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts the server again, with what it has on its disk.
    pub fn restart(&mut self) {
        self.process = spawn(self.port, &self.dir, &self.args).expect("the port is still free");
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.process.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Sends a command, by redis-cli, and returns what it prints.
    pub fn cli(&self, args: &[&str]) -> String {
        let output = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }
}

fn spawn(port: u16, dir: &Path, args: &[String]) -> Option<Child> {
    let mut process = Command::new("redis-server")
        .args(args)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-server is installed");
    let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut lines =
        lines.skip_while(|line| !line.contains("eady to accept connections") && !line.contains("Sentinel ID is"));
    if lines.next().is_none() {
        let _ = process.wait();
        return None;
    }
    // Else it would wait for someone to read its log.
    std::thread::spawn(move || lines.for_each(drop));
    Some(process)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}
