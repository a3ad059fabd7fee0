//! The replicas' processes: started, killed, stopped and continued.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command as Program, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::mpsc::UnboundedSender;

use super::happening::Happening;
use super::message::{Command, Setup};

/// The hidden subcommand that makes a process of this program a replica.
pub const SUBCOMMAND: &str = "replica";

/// The processes, shared with the callback of the sandbox, which kills one in the middle of a request.
#[derive(Clone)]
pub struct Replicas(Arc<Mutex<Vec<Slot>>>);

struct Slot {
    process: Option<Process>,
    is_stopped: bool,
}

struct Process {
    child: Child,
    /// Closing it ends the process.
    stdin: ChildStdin,
}

/// The state of a replica's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Running,
    Stopped,
    Gone,
}

impl Replicas {
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Mutex::new((0..count).map(|_| Slot { process: None, is_stopped: false }).collect())))
    }

    /// Starts a replica. Its reports go to `happenings`.
    ///
    /// # Errors
    ///
    /// If there is no new process.
    pub fn start(
        &self,
        replica: usize,
        setup: &Setup,
        happenings: &UnboundedSender<Happening>,
    ) -> Result<(), Box<dyn Error>> {
        let mut program = Program::new(std::env::current_exe()?);
        program.arg(SUBCOMMAND).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Requests to this machine must not take another way.
        program.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        let mut child = program.spawn()?;
        let mut stdin = child.stdin.take().ok_or("a process without stdin")?;
        let stdout = child.stdout.take().ok_or("a process without stdout")?;
        let line = serde_json::to_string(setup)?;
        writeln!(stdin, "{line}")?;
        let happenings = happenings.clone();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let Some(report) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else { break };
                drop(happenings.send(Happening::Report { replica, report }));
            }
            drop(happenings.send(Happening::Gone { replica }));
        });
        self.slots()[replica] = Slot { process: Some(Process { child, stdin }), is_stopped: false };
        Ok(())
    }

    /// Kills a replica with `SIGKILL`. Returns whether it was alive.
    pub fn kill(&self, replica: usize) -> bool {
        let Some(mut process) = self.slots()[replica].process.take() else { return false };
        let is_killed = process.child.kill().is_ok();
        drop(process.child.wait());
        is_killed
    }

    /// Stops a replica with `SIGSTOP`. Returns whether it was running.
    pub fn stop(&self, replica: usize) -> bool {
        let slot = &mut self.slots()[replica];
        let Some(process) = &slot.process else { return false };
        slot.is_stopped = signal(&process.child, Signal::Stop);
        slot.is_stopped
    }

    /// Continues a stopped replica.
    pub fn resume(&self, replica: usize) {
        let slot = &mut self.slots()[replica];
        if let Some(process) = &slot.process {
            signal(&process.child, Signal::Continue);
        }
        slot.is_stopped = false;
    }

    pub fn status(&self, replica: usize) -> Status {
        match &self.slots()[replica] {
            Slot { process: None, .. } => Status::Gone,
            Slot { is_stopped: true, .. } => Status::Stopped,
            _ => Status::Running,
        }
    }

    /// Sends a command. A replica that is gone does not receive it.
    pub fn send(&self, replica: usize, command: &Command) {
        let Ok(line) = serde_json::to_string(command) else { return };
        if let Some(process) = &mut self.slots()[replica].process {
            drop(writeln!(process.stdin, "{line}"));
        }
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Vec<Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No process outlives the run.
impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A signal that stops or continues a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Stop,
    Continue,
}

/// Sends a signal. Returns whether it was sent.
#[cfg(unix)]
pub fn signal(child: &Child, signal: Signal) -> bool {
    use rustix::process::{Pid, Signal as Number, kill_process};

    let number = match signal {
        Signal::Stop => Number::STOP,
        Signal::Continue => Number::CONT,
    };
    kill_process(Pid::from_child(child), number).is_ok()
}

/// There are no such signals here.
#[cfg(not(unix))]
pub fn signal(_: &Child, _: Signal) -> bool {
    false
}
