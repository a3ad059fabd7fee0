//! Time and messages: one queue of events for all processes, the store and the issuer.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use super::calls::{Reply, call};
use super::checks::Checks;
use super::faults::Faults;
use super::issuer::Issuer;
use super::rng::Rng;
use super::stored::Stored;
use super::time::SECOND;
use crate::clock::{Clock, Now, Random};

/// The wall clock at the start, in seconds since 1970.
const START: u64 = 1_800_000_000;

/// What happens at some time.
type Action = Box<dyn FnOnce(&mut Sim) + Send>;

struct Event {
    at: u64,
    /// The order of events at one moment is drawn.
    tie: u64,
    action: Action,
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.tie) == (other.at, other.tie)
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.tie).cmp(&(other.at, other.tie))
    }
}

/// What the scheduler does to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// `SIGKILL`, and a start after this time.
    Crash(usize, u64),
    Start(usize),
    /// `SIGSTOP` for this time.
    Stall(usize, u64),
    Revoke(usize),
    /// A person consents.
    Consent(usize, Asked),
}

/// Whether a process has asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Yes,
    No,
}

/// What is known of a process.
pub(super) struct Machine {
    /// How far its wall clock is off, in nanoseconds.
    pub(super) offset: i64,
    /// The number of its starts.
    pub(super) start: u32,
    pub(super) is_alive: bool,
    /// Nothing of it runs before.
    pub(super) stalled_until: u64,
    /// The end of the last stall, or the last start.
    pub(super) awake_since: u64,
    /// The generation that it loaded last, for the log.
    pub(super) loaded: Option<u64>,
    /// There is something for it to do.
    pub(super) is_woken: bool,
}

/// Everything but the processes.
pub(super) struct Sim {
    /// Nanoseconds since the start.
    pub(super) now: u64,
    pub(super) rng: Rng,
    queue: BinaryHeap<Reverse<Event>>,
    pub(super) machines: Vec<Machine>,
    pub(super) commands: Vec<Command>,
    pub(super) store: Stored,
    pub(super) issuer: Issuer,
    pub(super) faults: Faults,
    pub(super) checks: Checks,
    log: Option<Vec<String>>,
}

/// The world as its inhabitants see it.
#[derive(Clone)]
pub(super) struct World(Arc<Mutex<Sim>>);

impl Sim {
    pub(super) fn new(rng: Rng, store: Stored, issuer: Issuer, faults: Faults, checks: Checks) -> Self {
        Self {
            now: 0,
            rng,
            queue: BinaryHeap::new(),
            machines: Vec::new(),
            commands: Vec::new(),
            store,
            issuer,
            faults,
            checks,
            log: None,
        }
    }

    pub(super) fn after(&mut self, wait: u64, action: impl FnOnce(&mut Sim) + Send + 'static) {
        let tie = self.rng.next();
        self.queue.push(Reverse(Event { at: self.now.saturating_add(wait), tie, action: Box::new(action) }));
    }

    /// Lets time pass until the next event, and performs it. Returns whether it is before `end`.
    pub(super) fn step(&mut self, end: u64) -> bool {
        let Some(Reverse(event)) = self.queue.pop().filter(|Reverse(event)| event.at < end) else { return false };
        self.now = event.at;
        (event.action)(self);
        true
    }

    pub(super) fn command(&mut self, after: u64, command: Command) {
        self.after(after, move |sim| sim.commands.push(command));
    }

    pub(super) fn keep_log(&mut self) {
        self.log = Some(Vec::new());
    }

    pub(super) fn log(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(log) = &mut self.log {
            log.push(format!("{:>9.3} {}", now as f64 / SECOND as f64, line()));
        }
    }

    pub(super) fn take_log(&mut self) -> Vec<String> {
        self.log.take().unwrap_or_default()
    }

    /// The time by a clock that is this far off.
    pub(super) fn wall(&self, offset: i64) -> std::time::SystemTime {
        UNIX_EPOCH + Duration::from_nanos((START * SECOND + self.now).saturating_add_signed(offset))
    }

    /// Delivers a result, and wakes the process that waits for it.
    pub(super) fn send<T>(&mut self, reply: &Reply<T>, result: T) {
        if let Some((process, waker)) = reply.put(result) {
            waker.wake();
            self.machines[process].is_woken = true;
        }
    }
}

impl World {
    pub(super) fn new(sim: Sim) -> Self {
        Self(Arc::new(Mutex::new(sim)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Sim> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clock and the randomness of a process.
#[derive(Clone)]
pub(super) struct Local {
    pub(super) world: World,
    pub(super) process: usize,
}

impl Clock for Local {
    fn now(&self) -> Now {
        let sim = self.world.lock();
        Now::new(Duration::from_nanos(sim.now), sim.wall(sim.machines[self.process].offset))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let until = self.world.lock().now.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        let local = self.clone();
        // Most are limits of calls, which are never polled.
        Box::pin(async move {
            let (call, reply) = call(local.process);
            {
                let mut sim = local.world.lock();
                let wait = until.saturating_sub(sim.now);
                sim.after(wait, move |sim| sim.send(&reply, ()));
            }
            call.await;
        })
    }
}

impl Random for Local {
    fn unit(&self) -> f64 {
        self.world.lock().rng.unit()
    }
}
