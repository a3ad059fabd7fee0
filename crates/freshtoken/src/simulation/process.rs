//! The processes of a fleet, and the scheduler that runs them.

use std::time::Duration;

use freshtoken_wire::Secret;
use tokio::runtime::Runtime;

use super::checks::Checks;
use super::faults::{COUNTS, Faults, MANY, Op};
use super::issuer::{GRACE, Issuer, number};
use super::outcome::{Log, Outcome, Total};
use super::rng::Rng;
use super::rules::Called;
use super::store::Connection;
use super::stored::Stored;
use super::time::{MILLI, SECOND};
use super::vendor::Endpoint;
use super::world::{Asked, Command, Local, Machine, Sim, World};
use crate::clock::Clock;
use crate::core::flaw::{FLAW, Flaw};
use crate::source::TokenSource;

/// A process that runs.
struct Process {
    runtime: Runtime,
    source: TokenSource,
}

/// All processes, as they are configured.
struct Fleet {
    world: World,
    processes: Vec<Option<Process>>,
    start_token: Option<Secret>,
    renews_in_background: bool,
}

/// How many lifetimes the faults are spread over, and how many the fleet is watched after it has recovered.
const EXPIRIES: u64 = 10;
const CALM: u64 = 4;

/// Runs one seed.
pub(super) fn run(seed: u64, flaw: Flaw, log: Log) -> Outcome {
    FLAW.set(flaw);
    let mut fleet = Fleet::new(seed, flaw, log);
    fleet.run();
    fleet.processes.clear();
    FLAW.set(Flaw::None);
    let mut sim = fleet.world.lock();
    Outcome {
        violation: sim.checks.violation.take(),
        total: Total {
            faults: sim.faults.fired,
            tokens: sim.checks.tokens,
            errors: sim.checks.errors,
            requests: sim.issuer.requests.len() as u32,
            sent_again: sim.checks.sent_again,
            consents: sim.issuer.pairs.iter().filter(|pair| pair.is_consent).count() as u32,
        },
        log: sim.take_log(),
    }
}

impl Fleet {
    fn new(seed: u64, flaw: Flaw, log: Log) -> Self {
        let mut rng = Rng::new(seed);
        let count = rng.pick(&[2, 2, 3, 3, 4]);
        let lifetime = rng.pick(&[12, 20, 30, 45, 60]) * SECOND;
        let (has_login, is_at_expiry) = (rng.chance(40), rng.chance(50));
        let until = EXPIRIES * lifetime;
        let offset = {
            let spread = rng.pick(&[0, 500, 2_500]) * MILLI;
            move |rng: &mut Rng| rng.between(0, 2 * spread + 1) as i64 - spread as i64
        };
        let store_offset = offset(&mut rng);
        let store = Stored::new(&mut rng, flaw, store_offset);
        let grace = if rng.chance(30) { GRACE } else { 0 };
        let mut issuer = Issuer::new(has_login, is_at_expiry, grace, lifetime);
        let start_token = (!has_login || rng.chance(30)).then(|| issuer.consent(0));
        let renews_in_background = rng.chance(50);
        let has_revocation = rng.chance(20);
        let rare = if has_revocation { Some(Op::Revoke) } else { has_login.then_some(Op::Login) };
        let counts: &[_] = if flaw == Flaw::None { &COUNTS } else { &MANY };
        let faults = Faults::draw(&mut rng, counts, rare, until);
        let mut sim = Sim::new(rng, store, issuer, faults, Checks::new(count));
        if log == Log::Kept {
            sim.keep_log();
        }
        sim.log(|| {
            let login = if has_login { "with" } else { "without" };
            let renewal = if is_at_expiry { "at the expiry" } else { "early" };
            format!(
                "seed {seed}: {count} processes, {login} a login, renewal {renewal}, tokens of {} s, a grace of {} s",
                lifetime / SECOND,
                grace / SECOND
            )
        });
        for process in 0..count {
            let offset = offset(&mut sim.rng);
            sim.machines.push(Machine {
                offset,
                start: 0,
                is_alive: false,
                stalled_until: 0,
                awake_since: 0,
                loaded: None,
                is_woken: false,
            });
            let wait = sim.rng.pick(&[0, 0, 100 * MILLI, 5 * SECOND, lifetime]);
            sim.command(wait, Command::Start(process));
        }
        if has_revocation {
            sim.plan_revocations(count, until);
        }
        sim.plan_surprises(count, until);
        Self {
            world: World::new(sim),
            processes: (0..count).map(|_| None).collect(),
            start_token,
            renews_in_background,
        }
    }

    fn run(&mut self) {
        let mut end = u64::MAX;
        loop {
            let (commands, woken) = {
                let mut sim = self.world.lock();
                if !sim.step(end) {
                    sim.check_end();
                    return;
                }
                if sim.checks.violation.is_some() {
                    return;
                }
                if sim.now > sim.faults.over_at && sim.checks.recovered_by.is_none() {
                    let by = sim.faults.over_at + sim.recovers_within();
                    sim.checks.recovered_by = Some(by);
                    end = by + CALM * sim.issuer.lifetime + 5 * SECOND;
                    // A broken protocol shows while there are faults.
                    if sim.store.flaw != Flaw::None {
                        return;
                    }
                }
                (std::mem::take(&mut sim.commands), sim.machines.iter().any(|machine| machine.is_woken))
            };
            for command in commands {
                self.obey(command);
            }
            if woken {
                self.drive();
            }
        }
    }

    /// Lets the processes run that there is something to do for.
    fn drive(&mut self) {
        for (index, process) in self.processes.iter().enumerate() {
            let is_ready = {
                let mut sim = self.world.lock();
                let now = sim.now;
                let machine = &mut sim.machines[index];
                let is_ready = machine.is_woken && machine.stalled_until <= now;
                machine.is_woken &= !is_ready;
                is_ready
            };
            if let Some(process) = process
                && is_ready
            {
                process.runtime.block_on(async {
                    for _ in 0..2 {
                        tokio::task::yield_now().await;
                    }
                });
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Crash(process, wait) => self.crash(process, wait),
            Command::Start(process) => self.start(process),
            Command::Stall(process, wait) => {
                let mut sim = self.world.lock();
                sim.log(|| format!("P{process} STOPS for {} ms", wait / MILLI));
                let until = sim.now + wait;
                let machine = &mut sim.machines[process];
                machine.stalled_until = machine.stalled_until.max(until);
                sim.after(wait, move |sim| {
                    let now = sim.now;
                    let machine = &mut sim.machines[process];
                    machine.awake_since = now;
                    machine.is_woken = true;
                    sim.log(|| format!("P{process} CONTINUES"));
                });
            }
            Command::Revoke(process) => self.revoke(process),
            Command::Consent(process, asked) => {
                let mut sim = self.world.lock();
                let is_needed = asked == Asked::No || sim.needs_consent(process);
                if let Some(running) = self.processes[process].as_ref().filter(|_| is_needed) {
                    let now = sim.now;
                    let consent = sim.issuer.consent(now);
                    sim.log(|| format!("a person CONSENTS: {} for P{process}", consent.expose()));
                    drop(sim);
                    running.source.new_consent(consent);
                }
            }
        }
    }

    fn crash(&mut self, process: usize, wait: u64) {
        let Some(running) = self.processes[process].take() else { return };
        {
            let mut sim = self.world.lock();
            sim.log(|| format!("P{process} CRASHES"));
            sim.machines[process].is_alive = false;
            sim.command(wait, Command::Start(process));
        }
        drop(running);
    }

    fn start(&mut self, process: usize) {
        if self.processes[process].is_some() {
            return;
        }
        {
            let mut sim = self.world.lock();
            let now = sim.now;
            sim.log(|| format!("P{process} STARTS"));
            let machine = &mut sim.machines[process];
            machine.start += 1;
            machine.is_alive = true;
            machine.is_woken = true;
            machine.stalled_until = 0;
            machine.awake_since = now;
        }
        let (has_login, is_at_expiry) = {
            let sim = self.world.lock();
            (sim.issuer.has_login, sim.issuer.is_at_expiry)
        };
        let source = match (has_login, is_at_expiry) {
            (true, true) => self.source::<true, true>(process),
            (true, false) => self.source::<true, false>(process),
            (false, true) => self.source::<false, true>(process),
            (false, false) => self.source::<false, false>(process),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().event_interval(10_000).build().unwrap();
        let callers = self.world.lock().rng.between(1, 3);
        for _ in 0..callers {
            runtime.spawn(call(self.local(process), source.clone()));
        }
        self.processes[process] = Some(Process { runtime, source });
        self.drive();
    }

    fn local(&self, process: usize) -> Local {
        Local { world: self.world.clone(), process }
    }

    fn source<const HAS_LOGIN: bool, const IS_AT_EXPIRY: bool>(&self, process: usize) -> TokenSource {
        let local = self.local(process);
        let mut builder = TokenSource::builder(Endpoint::<HAS_LOGIN, IS_AT_EXPIRY>(local.clone()), ())
            .store(Connection(local.clone()), "account")
            .clock(local.clone())
            .random(local);
        if let Some(start) = &self.start_token {
            builder = builder.refresh_token(start.clone());
        }
        if self.renews_in_background {
            builder = builder.refresh_in_background();
        }
        builder.build()
    }

    fn revoke(&mut self, process: usize) {
        let Some(running) = &self.processes[process] else { return };
        let (local, source) = (self.local(process), running.source.clone());
        running.runtime.spawn(async move {
            let started = {
                let mut sim = local.world.lock();
                sim.log(|| format!("P{} is asked to REVOKE", local.process));
                sim.now
            };
            let result = source.revoke().await;
            local.world.lock().check_revocation(local.process, started, result);
        });
        self.world.lock().machines[process].is_woken = true;
        self.drive();
    }
}

impl Sim {
    fn plan_revocations(&mut self, processes: usize, until: u64) {
        let process = self.rng.between(0, processes as u64) as usize;
        let at = self.rng.between(0, until);
        self.command(at, Command::Revoke(process));
        if self.rng.chance(40) {
            let process = self.rng.between(0, processes as u64) as usize;
            let wait = self.rng.between(0, 2 * SECOND);
            self.command(at + wait, Command::Revoke(process));
        }
    }

    /// Some access tokens end before their expiry, and some people consent unasked.
    fn plan_surprises(&mut self, processes: usize, until: u64) {
        if self.rng.chance(30) {
            let at = self.rng.between(0, until);
            self.after(at, |sim| {
                sim.log(|| "ISSUER cancels the access token".into());
                sim.issuer.cancel();
            });
        }
        if self.rng.chance(10) {
            let (at, process) = (self.rng.between(0, until), self.rng.between(0, processes as u64) as usize);
            self.command(at, Command::Consent(process, Asked::No));
        }
    }

    /// How long a fleet takes to recover: a backoff of up to a minute, then the lease and the quiet time, which doubles with each
    /// lost response; a person who consents, and the processes that learn of it.
    fn recovers_within(&self) -> u64 {
        let quiet = if self.issuer.has_login { 0 } else { 40 << self.faults.issuer_troubles.min(4) };
        let person = if self.issuer.has_login { 0 } else { 60 };
        (75 + 15 + quiet + person) * SECOND
    }
}

/// A caller, which calls an API with each token.
async fn call(local: Local, source: TokenSource) {
    loop {
        let wait = local.world.lock().rng.between(200 * MILLI, 2 * SECOND);
        local.sleep(Duration::from_nanos(wait)).await;
        match source.token().await {
            Ok(token) => {
                let called = local.world.lock().check_token(local.process, number(token.expose()));
                match called {
                    Called::Accepted => source.accepted(&token),
                    Called::Rejected => drop(source.rejected(&token)),
                }
            }
            Err(error) => local.world.lock().check_error(local.process, &error),
        }
    }
}
