//! `cargo xtask soak`: thousands of expiries under every fault that a fleet must survive.
//!
//! Nothing is simulated but the issuer, and no clock is faster than real time: leases and quiet times are what they are in
//! production. Many accounts with short-lived tokens make many expiries instead.

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use fastrand::Rng;
use tokio::time::{MissedTickBehavior, interval};

use super::chaos::Chaos;
use super::fleet::{Fleet, Plan};
use super::happening::Happening;
use super::message::{AccountKind, Callers, Command, Report};
use super::report::{Row, table};
use super::store::StoreKind;
use super::trace::Trace;
use super::verdict::Verdict;
use crate::terminal::print_line;

/// How often the soak looks what is due.
const TICK: Duration = Duration::from_millis(50);

/// How long a consent may take to be used before another is given: the replica that received it may have been killed.
const CONSENT: Duration = Duration::from_secs(10);

/// For how long an account has had no token when a person consents although the issuer has not refused.
const WITHOUT_TOKEN: Duration = Duration::from_secs(60);

/// How large a soak is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    accounts: usize,
    lifetime: Duration,
    /// It ends with so many expiries,
    expiries: u64,
    /// or after this time.
    length: Duration,
    /// How long nothing goes wrong at the end, so that everything recovers.
    settle: Duration,
    /// How often a line about the progress is printed.
    progress: Duration,
}

impl Size {
    /// Returns the size for so many expiries.
    pub fn whole(expiries: u64) -> Self {
        Self {
            accounts: 200,
            lifetime: Duration::from_secs(10),
            expiries,
            // Ten times as long as it takes without faults.
            length: Duration::from_secs(600 + expiries * 6 / 10),
            settle: Duration::from_secs(75),
            progress: Duration::from_secs(30),
        }
    }

    /// Returns the size for a check that takes less than a minute.
    pub fn short() -> Self {
        Self {
            accounts: 40,
            lifetime: Duration::from_secs(4),
            expiries: u64::MAX,
            length: Duration::from_secs(40),
            settle: Duration::from_secs(8),
            progress: Duration::from_secs(10),
        }
    }
}

/// The options of the run.
pub struct Options {
    pub store: StoreKind,
    pub size: Size,
    pub seed: u64,
    pub specs: PathBuf,
}

/// The number of processes.
const REPLICAS: usize = 8;

/// Runs the soak. Returns whether everything held.
///
/// # Errors
///
/// If it cannot start, or `redis-server` does not start again.
pub async fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let Size { accounts, lifetime, .. } = options.size;
    let kinds = [AccountKind::WithLogin, AccountKind::WithoutLogin];
    let plan = Plan {
        replicas: REPLICAS,
        accounts: (0..accounts).map(|account| kinds[account % 2]).collect(),
        lifetime,
        callers: Callers::Watching,
        store: options.store,
        specs: &options.specs,
    };
    let fleet = Fleet::create(&plan).await?;
    print_line(&format!(
        "{}: {REPLICAS} processes, {accounts} accounts (half of them without a login), tokens of {} s, seed {}",
        fleet.vendor,
        lifetime.as_secs(),
        options.seed
    ));
    let mut soak = Soak {
        fleet,
        began: Instant::now(),
        chaos: Chaos::new(Rng::with_seed(options.seed), accounts, REPLICAS),
        traces: (0..accounts).map(|_| Trace::default()).collect(),
        consents: vec![None; accounts],
        store: options.store,
    };
    soak.run(&options.size).await
}

struct Soak {
    fleet: Fleet,
    began: Instant,
    chaos: Chaos,
    /// What happened to each account lately.
    traces: Vec<Trace>,
    /// When a person last consented again, until that consent has been used.
    consents: Vec<Option<Duration>>,
    store: StoreKind,
}

impl Soak {
    async fn run(&mut self, size: &Size) -> Result<bool, Box<dyn Error>> {
        for replica in 0..REPLICAS {
            self.fleet.start(replica)?;
        }
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next_progress = size.progress;
        let mut ends_at: Option<Duration> = None;
        while ends_at.is_none_or(|end| self.began.elapsed() < end) {
            tokio::select! {
                Some(happening) = self.fleet.happenings.recv() => self.happened(&happening),
                _ = ticks.tick() => {
                    let now = self.began.elapsed();
                    if ends_at.is_none() {
                        self.fleet.shelter(now);
                        self.chaos.cause(now, &mut self.fleet)?;
                        let is_over = self.expiries() >= size.expiries || now >= size.length;
                        ends_at = is_over.then_some(now + size.settle);
                    }
                    self.chaos.repair(now, &mut self.fleet)?;
                    if now >= next_progress {
                        next_progress = now + size.progress;
                        let (expiries, faults) = (self.expiries(), self.chaos.describe());
                        print_line(&format!("{:6.0} s  {expiries} expiries; {faults}", now.as_secs_f64()));
                    }
                }
            }
        }
        let ended_at = SystemTime::now();
        let (last, is_complete) = self.fleet.finish().await;
        for happening in &last {
            self.happened(happening);
        }
        let verdict = Verdict {
            fleet: &self.fleet,
            traces: &self.traces,
            store: self.store,
            loses_data: self.chaos.has_lost_data(),
            began_at: ended_at - self.began.elapsed(),
            ended_at,
        };
        let mut rows = verdict.rows();
        if !is_complete {
            rows.push(Row::count("replicas that did not end", 1, false, ""));
        }
        print_line(&format!("\ninjected: {}\n", self.chaos.describe()));
        let (lines, all_hold) = table(&rows, self.began.elapsed());
        lines.iter().for_each(|line| print_line(line));
        Ok(all_hold)
    }

    fn expiries(&self) -> u64 {
        self.fleet.tally.sum_all(|account| account.expiries)
    }

    fn happened(&mut self, happening: &Happening) {
        let now = self.began.elapsed();
        Trace::record(&mut self.traces, now, happening);
        self.fleet.record(happening);
        if let Some(account) = happening.account() {
            self.chaos.arrived(now, account, self.fleet.tally.accounts[account].arrived);
        }
        match happening {
            Happening::Report { replica, report: Report::ConsentNeeded { account } } => {
                self.consent(now, *replica, *account);
            }
            Happening::Report { report: Report::Issued { account, .. }, .. } => self.consents[*account] = None,
            Happening::Report { replica, report: Report::Ready } => self.chaos.ready(*replica),
            Happening::Gone { replica } => self.chaos.gone(now, *replica, &self.fleet),
            _ => {}
        }
    }

    /// A person consents again, as this replica asks for it.
    fn consent(&mut self, now: Duration, replica: usize, account: usize) {
        let last = self.consents[account];
        if last.is_some_and(|last| now < last + CONSENT) || self.chaos.is_recovering(now) {
            return;
        }
        // A replica may not know yet that another one has a token: it looks every 15 s. A store that has lost everything may take
        // longer to get it back.
        let tally = &self.fleet.tally.accounts[account];
        let expiry = tally.arrived.and_then(|token| token.expires_at);
        let has_no_token = expiry.is_none_or(|expiry| expiry + WITHOUT_TOKEN < SystemTime::now());
        if last.is_none() && !tally.is_refused && !has_no_token {
            return;
        }
        let Some(refresh_token) = self.fleet.issuers[account].consent() else { return };
        // An unused one is not counted again.
        self.fleet.tally.accounts[account].consents += u64::from(last.is_none());
        self.consents[account] = Some(now);
        self.fleet.replicas.send(replica, &Command::Consent { account, refresh_token });
    }
}
