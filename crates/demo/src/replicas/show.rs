//! `cargo xtask demo --replicas`: replicas of one service share one token, and are killed at random moments.

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use console::style;
use fastrand::Rng;
use tokio::time::{MissedTickBehavior, interval};

use super::fleet::{Fleet, Plan};
use super::happening::Happening;
use super::message::{AccountKind, Callers, Report};
use super::process::Status;
use super::report::{Row, plural, table};
use super::store::StoreKind;
use super::story::{self, Adoptions, Renewal};
use crate::terminal::{Tone, print_line};

/// The callers of each replica.
const CALLERS: u32 = 10;

/// The lifetime of access tokens. At-expiry, a token is replaced 2 s after it expires.
const LIFETIME: Duration = Duration::from_secs(5);

/// In a short run, so that there is more than one expiry.
const SHORT_LIFETIME: Duration = Duration::from_secs(2);

/// How long before the end the last replica is killed, so that the others show what they do.
const LAST_KILL: Duration = Duration::from_secs(7);

/// How often the story looks what is due.
const TICK: Duration = Duration::from_millis(50);

/// How long before its expiry a token is no longer served.
const BEFORE_EXPIRY: Duration = Duration::from_secs(1);

/// A call may take as long as a token is not served around its expiry (3 s), plus a lease (10 s) and the request after it.
const SLOWEST_CALL: Duration = Duration::from_secs(16);

/// The options of the run.
pub struct Options {
    pub replicas: usize,
    pub store: StoreKind,
    pub seed: u64,
    pub length: Duration,
    pub specs: PathBuf,
}

/// Runs the demo. Returns whether everything held.
///
/// # Errors
///
/// If it cannot start.
pub async fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let lifetime = if options.length < Duration::from_secs(20) { SHORT_LIFETIME } else { LIFETIME };
    let plan = Plan {
        replicas: options.replicas,
        accounts: vec![AccountKind::WithLogin],
        lifetime,
        callers: Callers::Calling(CALLERS),
        store: options.store,
        specs: &options.specs,
    };
    let fleet = Fleet::create(&plan).await?;
    let place = match options.store {
        StoreKind::File => "a directory",
        StoreKind::Redis => "a redis-server",
    };
    let vendor = style(fleet.vendor).bold();
    print_line(&format!("{vendor}: {} with {CALLERS} callers each", plural(options.replicas as u64, "replica")));
    print_line(&format!("They share one token in {place}. It expires after {} s, and its", lifetime.as_secs()));
    print_line(&format!("refresh token works once. Replicas are killed at random (seed {}).\n", options.seed));
    let mut show = Show {
        fleet,
        began: Instant::now(),
        rng: Rng::with_seed(options.seed),
        adoptions: Adoptions::default(),
        restarts: Vec::new(),
        next_kill: Duration::ZERO,
        kills: 0,
        is_loss_open: false,
        is_ambush_over: false,
        is_holder_gone: false,
    };
    show.run(options.length).await
}

struct Show {
    fleet: Fleet,
    began: Instant,
    rng: Rng,
    adoptions: Adoptions,
    /// Which replica is started again, and when.
    restarts: Vec<(Duration, usize)>,
    next_kill: Duration,
    kills: u64,
    /// Whether a killed replica has spent the refresh token, and there is no token after it yet.
    is_loss_open: bool,
    /// Whether a replica was killed in the middle of a refresh.
    is_ambush_over: bool,
    /// Whether a replica was killed while there was no token. It may have held the lease.
    is_holder_gone: bool,
}

impl Show {
    async fn run(&mut self, length: Duration) -> Result<bool, Box<dyn Error>> {
        for replica in 0..self.fleet.tally.replicas() {
            self.fleet.start(replica)?;
        }
        self.next_kill = length / 8 + self.between_kills(length);
        let mut is_ambush_set = false;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.began.elapsed() < length {
            tokio::select! {
                Some(happening) = self.fleet.happenings.recv() => self.happened(&happening),
                _ = ticks.tick() => {
                    let now = self.began.elapsed();
                    if now > length / 4 && !is_ambush_set {
                        self.fleet.ambush(0);
                        is_ambush_set = true;
                    }
                    if now > self.next_kill && now + LAST_KILL.min(length / 3) < length && self.may_kill() {
                        self.kill();
                        self.next_kill = now + self.between_kills(length);
                    }
                    self.restart(now)?;
                    if self.adoptions.is_due(now) {
                        self.print_adoptions();
                    }
                }
            }
        }
        let (last, is_complete) = self.fleet.finish().await;
        for happening in &last {
            self.happened(happening);
        }
        self.print_adoptions();
        print_line("");
        let (lines, all_hold) = table(&self.rows(is_complete), self.began.elapsed());
        lines.iter().for_each(|line| print_line(line));
        Ok(all_hold)
    }

    fn between_kills(&mut self, length: Duration) -> Duration {
        (length / 8).mul_f64(0.6 + 0.8 * self.rng.f64())
    }

    /// Whether the token is served.
    fn has_token(&self) -> bool {
        let expiry = self.fleet.tally.accounts[0].arrived.and_then(|token| token.expires_at);
        expiry.is_some_and(|expiry| SystemTime::now() + BEFORE_EXPIRY < expiry)
    }

    /// Whether a replica may be killed at random. A call waits for the lease of one killed replica, so while there is no token, one
    /// dies at most; the first time, that is the one in the middle of its refresh.
    fn may_kill(&self) -> bool {
        self.has_token() || (self.is_ambush_over && !self.is_holder_gone)
    }

    /// Kills a random replica.
    fn kill(&mut self) {
        self.is_holder_gone |= !self.has_token();
        let running = self.fleet.with_status(Status::Running);
        // Somebody has to go on.
        if running.len() > 1 {
            let victim = running[self.rng.usize(..running.len())];
            self.fleet.replicas.kill(victim);
        }
    }

    /// Starts the replicas again whose time has come.
    fn restart(&mut self, now: Duration) -> Result<(), Box<dyn Error>> {
        let due: Vec<usize> = self.restarts.iter().filter(|(at, _)| *at <= now).map(|(_, replica)| *replica).collect();
        self.restarts.retain(|(at, _)| *at > now);
        for replica in due {
            self.fleet.start_again(replica)?;
            self.print(&story::replica(replica), Tone::Plain, "started again");
        }
        Ok(())
    }

    fn happened(&mut self, happening: &Happening) {
        let account = &self.fleet.tally.accounts[0];
        let before = account.arrived;
        let was_holder = match happening {
            Happening::Gone { replica } => self.fleet.tally.held_by(*replica).next().is_some(),
            _ => false,
        };
        self.fleet.record(happening);
        match happening {
            Happening::Request { .. } => {}
            Happening::Report { replica, report } => match report {
                Report::Issued { grant, .. } => {
                    self.is_holder_gone = false;
                    self.print_adoptions();
                    if let Some(token) = self.fleet.tally.accounts[0].arrived {
                        let is_after_loss = std::mem::take(&mut self.is_loss_open);
                        let text = Renewal { grant: *grant, token, before, is_after_loss }.text();
                        self.print(&story::replica(*replica), Tone::Good, &text);
                    }
                }
                Report::Failed { error, .. } => self.print(&story::replica(*replica), Tone::Bad, error),
                Report::Adopted { .. } => self.adoptions.add(*replica, self.began.elapsed()),
                _ => {}
            },
            Happening::Gone { replica } => self.gone(*replica, was_holder),
        }
    }

    fn gone(&mut self, replica: usize, was_holder: bool) {
        // Those that end by themselves are still there.
        if self.fleet.replicas.status(replica) != Status::Gone {
            return;
        }
        self.print_adoptions();
        self.kills += 1;
        self.is_loss_open |= was_holder;
        self.is_ambush_over |= was_holder;
        self.is_holder_gone |= was_holder;
        let text = if was_holder { "killed in the middle of a refresh, which spends the token" } else { "killed" };
        self.print(&story::replica(replica), Tone::Bad, text);
        let wait = Duration::from_millis(self.rng.u64(1_000..1_800));
        self.restarts.push((self.began.elapsed() + wait, replica));
    }

    fn print(&self, who: &str, tone: Tone, text: &str) {
        print_line(&story::line(self.began.elapsed(), who, tone, text));
    }

    fn print_adoptions(&mut self) {
        let token = self.fleet.tally.accounts[0].arrived.map(|token| token.number);
        if let Some((who, text)) = self.adoptions.take(token) {
            self.print(&who, Tone::Plain, &text);
        }
    }

    fn rows(&self, is_complete: bool) -> Vec<Row> {
        let (account, counts) = (&self.fleet.tally.accounts[0], self.fleet.issuers[0].counts());
        let (expiries, holders) = (account.expiries, account.killed_holders);
        let allowed = 1 + expiries + holders;
        let calls = self.fleet.tally.calls();
        let error = calls.error.map(|error| format!("; the first: {error}")).unwrap_or_default();
        let limit = format!("at most 1 + {expiries} expiries + {holders} killed");
        let mut rows = vec![
            Row::count("replicas killed", self.kills, self.kills > 0, format!("{holders} in the middle of a request")),
            Row::count("expiries", expiries, expiries > 0, ""),
            Row::count("requests to the issuer", counts.requests, counts.requests <= allowed, limit),
            Row::count("refresh tokens spent twice", counts.double_spends, counts.double_spends == 0, ""),
            Row::count("refreshed early", counts.early_refreshes, counts.early_refreshes == 0, ""),
            Row::count(
                "callers that saw an error",
                calls.failed,
                calls.failed == 0 && calls.served > 0,
                format!("of {} calls{error}", calls.served + calls.failed),
            ),
            Row::time("slowest call", calls.slowest, SLOWEST_CALL),
        ];
        if !is_complete {
            rows.push(Row::count("replicas that did not end", 1, false, ""));
        }
        rows
    }
}
