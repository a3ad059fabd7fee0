//! What the tasks of a replica share: what they report, and whether they end.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::time::sleep;

use super::message::Report;
use crate::callers::Calls;

/// How often a replica reports its calls. What a killed one did after its last report is not counted.
const REPORT: Duration = Duration::from_millis(500);

/// How long the last calls may take.
const LAST_CALLS: Duration = Duration::from_secs(15);

/// A longer pause of the process counts as a stop, and not as waiting.
const PAUSE: Duration = Duration::from_millis(700);

/// Writes reports to stdout.
pub struct Reporter(Mutex<io::Stdout>);

impl Reporter {
    pub fn new() -> Self {
        Self(Mutex::new(io::stdout()))
    }

    /// Writes one line. The pipe keeps it even if this process is killed right after.
    pub fn send(&self, report: &impl Serialize) {
        let Ok(mut line) = serde_json::to_string(report) else { return };
        line.push('\n');
        let mut stdout = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a parent, stdin ends, and so does this process.
        drop(stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()));
    }
}

/// What the tasks of a replica share.
pub struct Running {
    pub is_finishing: AtomicBool,
    /// The accounts that have had no token yet.
    pub without_token: AtomicUsize,
    pub calls: Arc<Calls>,
    pub frozen: Arc<Frozen>,
    pub reporter: Arc<Reporter>,
}

impl Running {
    pub fn is_finishing(&self) -> bool {
        self.is_finishing.load(Ordering::Acquire)
    }

    /// An account has its first token.
    pub fn first_token(&self) {
        if self.without_token.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.reporter.send(&Report::Ready);
        }
    }

    /// Reports the calls now and then. Completes when the last calls take too long.
    pub async fn report_calls(&self) {
        let mut since_finish = Duration::ZERO;
        while since_finish < LAST_CALLS {
            sleep(REPORT).await;
            self.send_calls();
            if self.is_finishing() {
                since_finish += REPORT;
            }
        }
    }

    pub fn send_calls(&self) {
        let calls = &self.calls;
        self.reporter.send(&Report::Calls {
            served: calls.served(),
            failed: calls.failed(),
            slowest_millis: u64::try_from(calls.longest().as_millis()).unwrap_or(u64::MAX),
            error: calls.failure(),
        });
    }
}

/// For how long this process was stopped in total, so that this time does not count as waiting.
#[derive(Default)]
pub struct Frozen(AtomicU64);

impl Frozen {
    pub fn total(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Acquire))
    }

    /// Measures in a thread, which runs whatever the runtime does.
    pub fn measure(self: Arc<Self>) {
        thread::spawn(move || {
            let mut last = Instant::now();
            loop {
                thread::sleep(Duration::from_millis(50));
                let now = Instant::now();
                let slept = now.duration_since(last);
                if slept > PAUSE {
                    self.0.fetch_add(u64::try_from(slept.as_millis()).unwrap_or(u64::MAX), Ordering::AcqRel);
                }
                last = now;
            }
        });
    }
}
