//! What goes wrong in a soak, and when: chosen by a seed.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use freshtoken_sandbox::{Fault, FaultScope};

use super::fleet::Fleet;
use super::happening::IssuedToken;
use super::process::{Signal, Status, signal};
use super::redis_server::{Data, RedisServer};

/// When the first fault happens, even if an account has no token by then.
const START: Duration = Duration::from_secs(20);

/// The time between two faults.
const BETWEEN: (f64, f64) = (0.3, 2.0);

/// How long a process is stopped: longer than its lease, and shorter than the quiet time.
const STOP: (f64, f64) = (11.0, 16.0);

/// How long Redis does not respond. Where more than 5 s pass between two looks at the record, the quiet time starts again.
const OUTAGE: (f64, f64) = (1.0, 3.0);

/// How long no replica is killed after Redis is back: they store what they have only in memory.
const AFTER_OUTAGE: Duration = Duration::from_secs(4);

/// How long after Redis has lost its data no replica is killed and no person asked: the others put back their records.
const AFTER_LOSS: Duration = Duration::from_secs(20);

/// The least time between two outages, so that replicas are killed in between.
const BETWEEN_OUTAGES: Duration = Duration::from_secs(12);

/// When Redis loses its data for the first time, so that even a short run has a loss.
const FIRST_LOSS: Duration = Duration::from_secs(25);

/// How long after a replica has ended the others know the pairs that it has stored.
const KNOWN_AFTER: Duration = Duration::from_secs(2);

/// The longest time from the expiry of a token to its replacement, if nothing is lost.
const RENEWAL: Duration = Duration::from_secs(5);

/// How long an account is left alone after a loss: by then, each replica has had a token.
const AFTER_RECOVERY: Duration = Duration::from_secs(20);

/// The least time between two losses. After each, accounts without a login wait for the quiet time.
const BETWEEN_LOSSES: Duration = Duration::from_secs(150);

/// What is done some time after a fault.
enum Repair {
    Start(usize),
    Resume(usize),
    StartRedis(Data),
    ResumeRedis,
}

pub struct Chaos {
    rng: Rng,
    health: Vec<Health>,
    next: Duration,
    repairs: Vec<(Duration, Repair)>,
    counts: BTreeMap<&'static str, u64>,
    no_kill_before: Duration,
    no_outage_before: Duration,
    no_loss_before: Duration,
    /// When a replica last ended.
    gone_at: Duration,
    /// When Redis last lost its data.
    lost_at: Option<Duration>,
    is_redis_down: bool,
    /// Whether each of the first replicas remembers a token of every account. Otherwise, after a loss, it would send its start
    /// token again. That is documented, and not what is tested.
    is_ready: Vec<bool>,
}

/// Whether an account has lost something lately.
#[derive(Clone, Copy, Default)]
struct Health {
    /// The newest token that has arrived in a replica.
    token: Option<IssuedToken>,
    settled_at: Duration,
}

/// A fault: of a process, of a response of the issuer, or of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Kill,
    KillHolder,
    Stop,
    LoseResponse,
    Delay,
    RedisKill,
    RedisLoss,
    RedisFlush,
    RedisStop,
    RedisPause,
}

impl Chaos {
    pub fn new(rng: Rng, accounts: usize, replicas: usize) -> Self {
        Self {
            rng,
            health: vec![Health::default(); accounts],
            next: Duration::ZERO,
            repairs: Vec::new(),
            counts: BTreeMap::new(),
            no_kill_before: Duration::ZERO,
            no_outage_before: Duration::ZERO,
            no_loss_before: FIRST_LOSS,
            gone_at: Duration::ZERO,
            lost_at: None,
            is_redis_down: false,
            is_ready: vec![false; replicas],
        }
    }

    /// Returns the faults so far, for a person.
    pub fn describe(&self) -> String {
        let counts: Vec<String> = self.counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
        if counts.is_empty() { "no faults yet".to_owned() } else { counts.join(", ") }
    }

    /// Whether the store has lost its data.
    pub fn has_lost_data(&self) -> bool {
        self.lost_at.is_some()
    }

    /// Whether replicas may still miss records that others put back.
    pub fn is_recovering(&self, now: Duration) -> bool {
        self.lost_at.is_some_and(|lost_at| now < lost_at + AFTER_LOSS)
    }

    /// Causes the next fault if it is due.
    ///
    /// # Errors
    ///
    /// If Redis does not respond although it runs.
    pub fn cause(&mut self, now: Duration, fleet: &mut Fleet) -> Result<(), Box<dyn Error>> {
        if now < self.next || (now < START && !self.are_ready()) {
            return Ok(());
        }
        self.next = now + self.between(BETWEEN);
        let kind = self.choose(now, fleet);
        let account = self.rng.usize(..self.health.len());
        // After two losses in a row, the documented wait is longer than what is measured here.
        let is_settled = self.has_recovered(now, account)
            && fleet.tally.accounts[account].is_well()
            && fleet.issuers[account].faults().is_empty();
        match kind {
            Kind::Kill => {
                let replica = self.running(fleet);
                if let Some(replica) = replica.filter(|replica| self.may_kill(now, *replica, fleet)) {
                    fleet.replicas.kill(replica);
                    self.count("replica killed");
                }
            }
            Kind::KillHolder | Kind::LoseResponse if !is_settled => {}
            Kind::KillHolder => {
                fleet.ambush(account);
                self.count("kill in a refresh");
            }
            Kind::Stop => {
                // One that was just started would remember nothing when it continues.
                let replica = self.running(fleet).filter(|replica| self.is_ready[*replica]);
                if let Some(replica) = replica
                    && fleet.replicas.stop(replica)
                {
                    let until = now + self.between(STOP);
                    self.repairs.push((until, Repair::Resume(replica)));
                    self.count("replica stopped");
                }
            }
            Kind::LoseResponse => {
                fleet.issuers[account].inject(Fault::reset_after().on(FaultScope::Refresh));
                self.count("response lost");
            }
            Kind::Delay => {
                let delay = self.between((0.5, 4.0));
                fleet.issuers[account].inject(Fault::delay(delay).on(FaultScope::Grants));
                self.count("response delayed");
            }
            _ => {
                if let Some(redis) = &mut fleet.store.redis {
                    self.cause_in_redis(kind, now, redis)?;
                }
            }
        }
        Ok(())
    }

    fn cause_in_redis(&mut self, kind: Kind, now: Duration, redis: &mut RedisServer) -> Result<(), Box<dyn Error>> {
        let outage = self.between(OUTAGE);
        let until = now + outage;
        match kind {
            Kind::RedisKill | Kind::RedisLoss => {
                let (data, name) = match kind {
                    Kind::RedisKill => (Data::Kept, "redis killed"),
                    _ => (Data::Lost, "redis restarted empty"),
                };
                redis.kill()?;
                self.repairs.push((until, Repair::StartRedis(data)));
                self.count(name);
            }
            Kind::RedisStop => {
                signal(redis.process(), Signal::Stop);
                self.repairs.push((until, Repair::ResumeRedis));
                self.count("redis stopped");
            }
            Kind::RedisPause => {
                redis.command(&format!("CLIENT PAUSE {} ALL", outage.as_millis()))?;
                self.repairs.push((until, Repair::ResumeRedis));
                self.count("redis paused");
            }
            _ => {
                redis.command("FLUSHALL")?;
                self.lost_data(now);
                self.count("redis flushed");
                return Ok(());
            }
        }
        self.is_redis_down = true;
        if kind == Kind::RedisLoss {
            self.lost_data(until);
        }
        Ok(())
    }

    fn lost_data(&mut self, at: Duration) {
        self.lost_at = Some(at);
        self.no_kill_before = at + AFTER_LOSS;
        self.no_loss_before = at + BETWEEN_LOSSES;
    }

    /// Whether every pair is known to a replica that runs, so that Redis may lose it. Otherwise it would be lost with the replica,
    /// which no store can rule out.
    fn may_lose_data(&self, now: Duration, fleet: &Fleet) -> bool {
        let all_run = fleet.with_status(Status::Running).len() == fleet.tally.replicas();
        self.are_ready() && all_run && now >= self.gone_at + KNOWN_AFTER
    }

    fn choose(&mut self, now: Duration, fleet: &Fleet) -> Kind {
        let has_redis = fleet.store.redis.is_some() && !self.is_redis_down;
        let is_loss_due = has_redis && now >= self.no_loss_before;
        if is_loss_due && self.may_lose_data(now, fleet) {
            return if self.lost_at.is_some() && self.rng.bool() { Kind::RedisLoss } else { Kind::RedisFlush };
        }
        let mut kinds = vec![(Kind::LoseResponse, 2), (Kind::Delay, 4)];
        // Before a loss, all replicas run for a while.
        if !is_loss_due {
            kinds.push((Kind::Stop, 2));
            if !self.is_redis_down && now >= self.no_kill_before {
                kinds.extend([(Kind::Kill, 5), (Kind::KillHolder, 3)]);
            }
        }
        if has_redis && now >= self.no_outage_before {
            kinds.extend([(Kind::RedisKill, 2), (Kind::RedisStop, 2), (Kind::RedisPause, 2)]);
        }
        let mut roll = self.rng.u32(..kinds.iter().map(|(_, weight)| weight).sum::<u32>());
        for (kind, weight) in kinds {
            match roll.checked_sub(weight) {
                Some(rest) => roll = rest,
                None => return kind,
            }
        }
        Kind::Delay
    }

    /// Undoes what is due.
    ///
    /// # Errors
    ///
    /// If a process does not start.
    pub fn repair(&mut self, now: Duration, fleet: &mut Fleet) -> Result<(), Box<dyn Error>> {
        let (due, later) = std::mem::take(&mut self.repairs).into_iter().partition(|(at, _)| *at <= now);
        self.repairs = later;
        for (_, repair) in due {
            match repair {
                Repair::Start(replica) => {
                    self.is_ready[replica] = true;
                    fleet.start_again(replica)?;
                }
                Repair::Resume(replica) => fleet.replicas.resume(replica),
                Repair::StartRedis(data) => {
                    if let Some(redis) = &mut fleet.store.redis {
                        redis.start_again(data)?;
                    }
                    self.redis_is_back(now);
                }
                Repair::ResumeRedis => {
                    if let Some(redis) = &fleet.store.redis {
                        signal(redis.process(), Signal::Continue);
                    }
                    self.redis_is_back(now);
                }
            }
        }
        Ok(())
    }

    /// This replica has had a token of every account since it was started.
    pub fn ready(&mut self, replica: usize) {
        self.is_ready[replica] = true;
    }

    /// Takes note of the newest token of an account that has arrived in a replica.
    pub fn arrived(&mut self, now: Duration, account: usize, token: Option<IssuedToken>) {
        let health = &mut self.health[account];
        let old = std::mem::replace(&mut health.token, token);
        let is_late =
            |old: IssuedToken, new: IssuedToken| old.expires_at.is_some_and(|expiry| new.at > expiry + RENEWAL);
        if old.zip(token).is_some_and(|(old, new)| is_late(old, new)) {
            health.settled_at = now + AFTER_RECOVERY;
        }
    }

    /// Whether nothing of the account was lost lately; a request may be on its way.
    fn has_recovered(&self, now: Duration, account: usize) -> bool {
        let health = self.health[account];
        let expiry = health.token.and_then(|token| token.expires_at);
        now >= health.settled_at && expiry.is_some_and(|expiry| SystemTime::now() < expiry + RENEWAL)
    }

    /// Whether no account would lose two responses in a row.
    fn may_kill(&self, now: Duration, replica: usize, fleet: &Fleet) -> bool {
        fleet.tally.held_by(replica).all(|account| self.has_recovered(now, account))
    }

    fn are_ready(&self) -> bool {
        self.is_ready.iter().all(|is_ready| *is_ready)
    }

    fn redis_is_back(&mut self, now: Duration) {
        self.is_redis_down = false;
        self.no_outage_before = now + BETWEEN_OUTAGES;
        self.no_kill_before = self.no_kill_before.max(now + AFTER_OUTAGE);
    }

    /// A killed replica is started again after a while.
    pub fn gone(&mut self, now: Duration, replica: usize, fleet: &Fleet) {
        self.gone_at = now;
        // Those that end by themselves are still there.
        if fleet.replicas.status(replica) == Status::Gone {
            let wait = self.between((0.3, 2.0));
            self.repairs.push((now + wait, Repair::Start(replica)));
        }
    }

    /// Returns a running replica, if others run too.
    fn running(&mut self, fleet: &Fleet) -> Option<usize> {
        let mut running = fleet.with_status(Status::Running);
        let most = running.len();
        running.retain(|replica| !fleet.is_sheltered(*replica));
        (most > fleet.tally.replicas() / 2).then(|| running[self.rng.usize(..running.len())])
    }

    fn between(&mut self, (least, most): (f64, f64)) -> Duration {
        Duration::from_secs_f64(least + (most - least) * self.rng.f64())
    }

    fn count(&mut self, name: &'static str) {
        *self.counts.entry(name).or_default() += 1;
    }
}
