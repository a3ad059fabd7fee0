//! A store for one account: a record, a lease, and a clock of its own.

use std::future::Future;
use std::time::Duration;

use super::calls::{Call, call};
use super::faults::{Op, Trouble};
use super::stored::Kept;
use super::time::{MILLI, SECOND};
use super::world::{Local, Sim};
use crate::core::flaw::Flaw;
use crate::store::entry::Entry;
use crate::store::record::{MarkKind, Record};
use crate::store::{Key, Loaded, Store, StoreError};

/// What becomes of the store's data.
impl Sim {
    fn changed(&mut self) {
        if !self.store.notifies {
            return;
        }
        for waiting in std::mem::take(&mut self.store.waiting) {
            let wait = self.rng.between(MILLI, 10 * MILLI);
            self.after(wait, move |sim| sim.send(&waiting, ()));
        }
    }

    pub(super) fn lose_everything(&mut self) {
        let now = self.now;
        self.store.losses.push(now);
        self.store.kept = None;
        self.store.previous = None;
        self.lose_lease();
        self.log(|| "STORE restarts empty".into());
        self.changed();
    }

    /// A fail-over loses the last write, and maybe the lease.
    pub(super) fn fail_over(&mut self) {
        let has_last_write = std::mem::take(&mut self.store.has_last_write);
        let is_lost =
            has_last_write && self.store.kept.as_ref().is_some_and(|kept| !self.store.has_replicas || !kept.is_seen);
        if is_lost {
            let previous = self.store.previous.take();
            if let Some(lost) = std::mem::replace(&mut self.store.kept, previous) {
                if matches!(lost.mark, Some(MarkKind::First | MarkKind::Again)) {
                    self.store.lost_marks.extend(lost.refresh);
                }
                self.log(|| format!("STORE fails over and loses: {}", lost.describe()));
            }
        }
        if self.rng.chance(50) {
            self.lose_lease();
        }
        self.changed();
    }

    pub(super) fn lose_lease(&mut self) {
        self.log(|| "STORE loses the lease".into());
        self.store.lease = None;
        self.store.holder = None;
        self.store.lease_lost_at = Some(self.now);
        self.changed();
    }

    fn compare_and_store(&mut self, writer: (usize, u32), expected: u64, generation: u64, text: &str) -> bool {
        let found = self.store.kept.as_ref().map_or(0, |kept| kept.generation);
        let mut kept = Kept::new(generation, text, writer);
        let hides = match kept.mark {
            Some(MarkKind::First | MarkKind::Again) => self.store.flaw == Flaw::NoMark,
            Some(MarkKind::PutBack) => self.store.flaw == Flaw::NoPutBackMark,
            _ => false,
        };
        if hides {
            let record = Record::from_json(text).unwrap();
            kept = Kept::new(generation, Record { in_use: None, ..record }.to_json().expose(), writer);
        }
        let is_stored = found == expected || self.store.flaw == Flaw::NoCompare;
        self.log(|| {
            let result = if is_stored { "stores" } else { "cannot store" };
            format!("P{} {result}: {} over ..{}", writer.0, kept.describe(), expected % 10_000_000)
        });
        if is_stored {
            self.store.previous = self.store.kept.replace(kept);
            self.store.has_last_write = true;
            self.changed();
        }
        is_stored
    }

    /// The process that holds the lease by the rules.
    pub(super) fn holder(&self) -> Option<usize> {
        let (process, _) = self.store.holder.filter(|(_, until)| *until > self.now)?;
        Some(process)
    }

    /// Whether a lease was lost so recently that its holder may not know.
    pub(super) fn has_lost_lease(&self) -> bool {
        self.store.lease_lost_at.is_some_and(|at| self.now < at + 10 * SECOND)
    }

    fn hold(&mut self, process: usize, owner: &str, ttl: Duration) {
        let until = self.now + ttl.as_nanos() as u64;
        self.store.lease = Some((owner.to_owned(), until));
        self.store.holder = Some((process, until));
    }

    fn holds(&self, owner: &str) -> bool {
        self.store.lease.as_ref().is_some_and(|(held_by, until)| held_by == owner && *until > self.now)
    }
}

/// The connection of a process to the store.
pub(super) struct Connection(pub(super) Local);

impl Connection {
    /// Sends a message to the store, which has an effect there, and waits for the reply.
    fn send<T: Send + 'static>(
        &self,
        op: Op,
        effect: impl Fn(&mut Sim) -> T + Send + 'static,
    ) -> Call<Result<T, StoreError>> {
        let process = self.0.process;
        let mut sim = self.0.world.lock();
        let trouble = sim.strike(process, op);
        let (there, back) = (sim.rng.between(MILLI / 2, 10 * MILLI), sim.rng.between(MILLI / 2, 10 * MILLI));
        let (call, reply) = call(process);
        if trouble != Trouble::None {
            sim.log(|| format!("P{process} {op:?}: {trouble:?}"));
        }
        let deliver = move |sim: &mut Sim, result: Result<T, StoreError>, back: u64| {
            sim.after(back, move |sim| sim.send(&reply, result));
        };
        let perform = move |sim: &mut Sim| {
            let is_down = sim.now < sim.store.down_until;
            if is_down { Err(StoreError::from("connection refused")) } else { Ok(effect(sim)) }
        };
        let is_reset = sim.rng.chance(50);
        let reset = || Err("connection reset".into());
        match trouble {
            Trouble::None => sim.after(there, move |sim| {
                let result = perform(sim);
                deliver(sim, result, back);
            }),
            Trouble::Slow(wait) => sim.after(there + wait, move |sim| {
                let result = perform(sim);
                deliver(sim, result, back);
            }),
            Trouble::SlowReply(wait) => sim.after(there, move |sim| {
                let result = perform(sim);
                deliver(sim, result, back + wait);
            }),
            Trouble::LostBefore if is_reset => deliver(&mut sim, reset(), there + back),
            Trouble::LostBefore => {}
            Trouble::LostAfter | Trouble::Fails => sim.after(there, move |sim| {
                let _ = perform(sim);
                if is_reset {
                    deliver(sim, reset(), back);
                }
            }),
            Trouble::Late(wait) => {
                sim.after(there + wait, move |sim| drop(perform(sim)));
                if is_reset {
                    deliver(&mut sim, reset(), there + back);
                }
            }
            Trouble::Twice(wait) => sim.after(there, move |sim| {
                let result = perform(sim);
                deliver(sim, result, back);
                sim.after(wait, move |sim| drop(perform(sim)));
            }),
        }
        call
    }

    /// This start of this process.
    fn itself(&self) -> (usize, u32) {
        (self.0.process, self.0.world.lock().machines[self.0.process].start)
    }

    fn log_change(&self, kept: Option<&Kept>) {
        let (sim, process) = (&mut *self.0.world.lock(), self.0.process);
        let generation = kept.map(|kept| kept.generation);
        if std::mem::replace(&mut sim.machines[process].loaded, generation) != generation {
            let found = || kept.map_or_else(|| "nothing".to_owned(), Kept::describe);
            sim.log(|| format!("P{process} finds: {}", found()));
        }
    }

    /// This process has learnt what is in the store.
    fn learn(&self, kept: Option<&Kept>) {
        let sim = &mut *self.0.world.lock();
        let Some(kept) = kept else { return };
        if let Some(there) = &mut sim.store.kept
            && there.generation == kept.generation
        {
            there.is_seen = true;
        }
        let (process, now) = (self.0.process, sim.now);
        if let Some(pair) = kept.pair {
            let start = sim.machines[process].start;
            sim.issuer.learn(pair, process, start, now);
        }
    }
}

impl Store for Connection {
    type Lease = String;

    async fn load(&self, _: &Key) -> Result<Loaded, StoreError> {
        let sent = self.0.world.lock().now;
        let load = |sim: &mut Sim| (sim.store.kept.clone(), sim.wall(sim.store.offset));
        let (kept, now) = self.send(Op::Load, load).await?;
        let itself = self.itself();
        // A process that was stopped meanwhile drops what it has loaded.
        let was_awake = self.0.world.lock().now < sent + 5 * SECOND;
        if was_awake && kept.as_ref().is_some_and(|kept| kept.writer != itself) {
            self.0.world.lock().issuer.loaded(itself);
        }
        self.log_change(kept.as_ref());
        self.learn(kept.as_ref());
        Ok(Loaded::from(kept.map(|kept| Entry::new(kept.generation, kept.text))).at(now))
    }

    async fn compare_and_store(&self, _: &Key, expected: u64, entry: Entry) -> Result<bool, StoreError> {
        let (itself, generation, text) = (self.itself(), entry.generation(), entry.text()?);
        let kept = Kept::new(generation, text.expose(), itself);
        let store = move |sim: &mut Sim| sim.compare_and_store(itself, expected, generation, text.expose());
        let is_stored = self.send(Op::Store, store).await?;
        if is_stored {
            self.learn(Some(&kept));
        }
        Ok(is_stored)
    }

    async fn try_lease(&self, _: &Key, owner: &str, ttl: Duration) -> Result<Option<String>, StoreError> {
        let process = self.0.process;
        let id = owner.to_owned();
        let take = move |sim: &mut Sim| {
            let is_held = sim.store.lease.as_ref().is_some_and(|(_, until)| *until > sim.now);
            if !is_held {
                sim.check_lease(process);
                sim.hold(process, &id, ttl);
                sim.log(|| format!("P{process} takes the lease"));
            }
            !is_held
        };
        Ok(self.send(Op::TryLease, take).await?.then(|| owner.to_owned()))
    }

    async fn renew_lease(&self, _: &Key, lease: &String, ttl: Duration) -> Result<bool, StoreError> {
        let (owner, process) = (lease.clone(), self.0.process);
        let renew = move |sim: &mut Sim| {
            let holds = sim.holds(&owner);
            if holds {
                sim.hold(process, &owner, ttl);
            }
            holds
        };
        self.send(Op::Renew, renew).await
    }

    async fn release_lease(&self, _: &Key, lease: String) -> Result<(), StoreError> {
        let process = self.0.process;
        let release = move |sim: &mut Sim| {
            let holds = sim.holds(&lease);
            if holds {
                sim.store.holder = None;
            }
            if holds || sim.store.flaw == Flaw::NoOwner {
                sim.store.lease = None;
                sim.log(|| format!("P{process} releases the lease"));
                sim.changed();
            }
        };
        self.send(Op::Release, release).await
    }

    fn changed(&self, _: &Key) -> impl Future<Output = ()> + Send {
        let local = self.0.clone();
        async move {
            let (call, reply) = call(local.process);
            {
                let mut sim = local.world.lock();
                if sim.store.notifies {
                    sim.store.waiting.push(reply);
                }
            }
            call.await;
        }
    }
}
