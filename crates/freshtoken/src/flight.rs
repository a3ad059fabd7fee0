//! A flight: one journey to the issuer for all who wait. It takes the lease, looks into the store, and does what the
//! machine says until it lands.

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info, warn};

use super::{Counters, Flight, Outcome, Slot, caught};
use crate::clock::{Now, Random};
use crate::machine::{Machine, Marked, Step};
use crate::store::{Lease, StoreError};
use crate::sync::lock;
use crate::{Failure, Issued, Record, Token};

/// How long a holder of a lease may take: a refresh, a login after it, callbacks, and the store in between.
const LEASE: Duration = Duration::from_secs(360);

/// How long a flight waits for a lease; then it does without.
const LEASE_WAIT: Duration = Duration::from_secs(100);

/// How often a flight tries again when another process changes the record under it, though it holds the lease.
const CONFLICTS: usize = 3;

/// One flight: what its task does.
pub(super) struct Journey {
    slot: Arc<Slot>,
    has_landed: bool,
    /// What the last request to the vendor was.
    grant: &'static str,
    /// The generation that the store holds.
    stored: u64,
    lease: Option<Lease>,
}

impl Journey {
    pub(super) fn new(slot: Arc<Slot>) -> Self {
        Self { slot, has_landed: false, grant: "earlier", stored: 0, lease: None }
    }

    pub(super) async fn run(mut self, wait: Duration) {
        if !wait.is_zero() {
            self.slot.shared.clock.sleep(wait).await;
        }
        self.lease().await;
        let unkept = lock(&self.slot.locked).machine.unkept();
        let mut step = match unkept {
            Some(record) => {
                self.load().await;
                Step::Keep(record)
            }
            None => Step::Load,
        };
        let mut conflicts = 0;
        let outcome = loop {
            if lock(&self.slot.locked).is_abandoned && matches!(step, Step::LogIn | Step::Mark(_)) {
                return;
            }
            step = match step {
                Step::Load => {
                    let stored = self.load().await;
                    let step = self.machine(|machine, now, random| machine.loaded(stored, now, random));
                    if let Step::Land(Ok(_)) = step {
                        self.count(|counters| &mut counters.adopted);
                        info!("adopted a token from the store");
                    }
                    step
                }
                Step::Wait(wait) => {
                    self.slot.shared.clock.sleep(wait).await;
                    Step::Load
                }
                Step::LogIn => {
                    debug!("logging in");
                    let answer = self.slot.granted(async { self.slot.grants.login().await }).await;
                    let answer = self.heard(answer, "login", |counters| &mut counters.logins);
                    self.machine(|machine, now, _| machine.logged_in(answer, now))
                }
                Step::Mark(record) => {
                    conflicts += 1;
                    let marked = if conflicts > CONFLICTS {
                        Marked::StoreDown("other processes keep changing the record".into_arc())
                    } else {
                        self.mark(record).await
                    };
                    let marked = match marked {
                        Marked::Yes(record) => match self.slot.tell(record.clone()).await {
                            Ok(()) => Marked::Yes(record),
                            Err(error) => Marked::NotPersisted(record, error.into()),
                        },
                        marked => marked,
                    };
                    self.machine(|machine, now, _| machine.marked(marked, now))
                }
                Step::Refresh(secret) => {
                    debug!("refreshing");
                    let answer = self.slot.granted(async { self.slot.grants.refresh(&secret).await }).await;
                    let answer = self.heard(answer, "refresh", |counters| &mut counters.refreshes);
                    self.machine(|machine, now, _| machine.refreshed(answer, now))
                }
                Step::Forget(record, next) => {
                    conflicts += 1;
                    let is_outrun = self.forget(record.clone()).await && conflicts <= CONFLICTS;
                    if !is_outrun {
                        let _ = self.slot.tell(record).await;
                    }
                    let machine = &mut lock(&self.slot.locked).machine;
                    machine.forgotten();
                    if is_outrun {
                        machine.yield_to_store();
                        Step::Load
                    } else {
                        *next
                    }
                }
                Step::Keep(record) => {
                    let expires_in = record.token().and_then(Token::life).map(|life| life.as_secs());
                    info!(grant = self.grant, expires_in, "token issued");
                    let record = self.store(record).await;
                    // The token is good all the same, and the mark before it is persisted: no refresh token is sent twice.
                    let _ = self.slot.tell(record.clone()).await;
                    self.machine(|machine, now, random| machine.kept(record, now, random))
                }
                Step::Land(outcome) => break outcome,
            };
        };
        self.land(outcome);
    }

    fn machine(&self, event: impl FnOnce(&mut Machine, Now, &dyn Random) -> Step) -> Step {
        let shared = &self.slot.shared;
        event(&mut lock(&self.slot.locked).machine, shared.clock.now(), &*shared.random)
    }

    fn count(&self, counter: impl FnOnce(&mut Counters) -> &mut u32) {
        let mut locked = lock(&self.slot.locked);
        let counter = counter(&mut locked.counters);
        *counter = counter.saturating_add(1);
    }

    /// Counts and traces what the vendor answered.
    fn heard(
        &mut self,
        answer: Result<Issued, Failure>,
        grant: &'static str,
        counter: impl FnOnce(&mut Counters) -> &mut u32,
    ) -> Result<Issued, Failure> {
        self.grant = grant;
        if !answer.as_ref().is_err_and(|failure| failure.is_unchanged) {
            self.count(counter);
        }
        match answer {
            Ok(mut issued) => {
                if !self.slot.shared.keep_answer {
                    issued.answer = None;
                }
                Ok(issued)
            }
            Err(failure) if failure.is_unchanged => {
                debug!(grant, "nothing sent: the credentials have not changed since they were refused");
                Err(failure)
            }
            Err(failure) => {
                self.count(|counters| &mut counters.failures);
                warn!(grant, error = %failure, verdict = ?failure.verdict, "grant failed");
                Err(failure)
            }
        }
    }

    async fn lease(&mut self) {
        let slot = &*self.slot;
        let Some(store) = &slot.shared.store else {
            // Nobody else knows the token, and there is one flight at a time.
            self.lease = Some(Lease::new(()));
            return;
        };
        let leased = caught(async { store.lease(&slot.key(), LEASE).await });
        match Box::pin(slot.within(LEASE_WAIT, leased)).await {
            Some(Some(Ok(lease))) => self.lease = Some(lease),
            Some(Some(Err(error))) => warn!(%error, "continuing without a lease"),
            Some(None) => warn!(error = "the store panicked", "continuing without a lease"),
            None => warn!(error = "timed out waiting for another process", "continuing without a lease"),
        }
    }

    async fn load(&mut self) -> Option<Arc<Record>> {
        match self.slot.load().await {
            Ok(record) => {
                self.stored = record.as_ref().map_or(0, |record| record.generation());
                record
            }
            Err(error) => {
                warn!(%error, "cannot load from the store");
                None
            }
        }
    }

    /// Stores that the refresh token is about to be sent.
    async fn mark(&mut self, record: Arc<Record>) -> Marked {
        if self.lease.is_none() {
            return Marked::StoreDown("there is no lease".into_arc());
        }
        let generation = record.generation();
        match self.slot.compare_and_store(self.stored, record.clone()).await {
            Ok(true) => {
                self.stored = generation;
                Marked::Yes(record)
            }
            Ok(false) => Marked::Conflict,
            Err(error) => {
                warn!(%error, "cannot store the mark on a refresh token");
                Marked::StoreDown(error.into())
            }
        }
    }

    /// Stores what became of the refresh token. It says whether another process, without a lease, was faster: then that
    /// counts.
    async fn forget(&mut self, record: Arc<Record>) -> bool {
        let generation = record.generation();
        match self.slot.compare_and_store(self.stored, record).await {
            Ok(true) => self.stored = generation,
            Ok(false) => return true,
            Err(error) => warn!(%error, "cannot store, continuing in memory"),
        }
        false
    }

    /// Stores what has happened already: if another process stored something meanwhile, as the next generation.
    async fn store(&mut self, mut record: Arc<Record>) -> Arc<Record> {
        for _ in 0..CONFLICTS {
            match self.slot.compare_and_store(self.stored, record.clone()).await {
                Ok(true) => {
                    self.stored = record.generation();
                    return record;
                }
                Ok(false) => {
                    self.load().await;
                    let generation = record.generation().max(self.stored.saturating_add(1));
                    record = Arc::new(Record { generation, ..(*record).clone() });
                }
                Err(error) => {
                    warn!(%error, "cannot store, continuing in memory");
                    return record;
                }
            }
        }
        warn!(error = "other processes keep changing the record", "cannot store, continuing in memory");
        record
    }

    /// Lets the others see that this flight is over. Those who wait are to be told without a lock held.
    fn touch_down(&self) -> Option<Box<Flight>> {
        let Slot { shared, locked, .. } = &*self.slot;
        let now = shared.clock.now();
        let mut locked = lock(locked);
        locked.machine.touch_down();
        self.slot.publish(&locked, now);
        locked.flight.take()
    }

    fn land(mut self, outcome: Outcome) {
        if let Err(error) = &outcome {
            warn!(%error, "backing off");
        }
        let flight = self.touch_down();
        self.has_landed = true;
        if outcome.is_ok() {
            self.slot.keep_alive();
        }
        if let Some(flight) = flight {
            flight.landing.tell(Some(outcome));
        }
    }
}

/// Those who wait are told that it is gone, and start another flight.
impl Drop for Journey {
    fn drop(&mut self) {
        if !self.has_landed
            && let Some(flight) = self.touch_down()
        {
            flight.landing.tell(None);
        }
    }
}

trait IntoArc {
    fn into_arc(self) -> Arc<dyn std::error::Error + Send + Sync>;
}

impl IntoArc for &str {
    fn into_arc(self) -> Arc<dyn std::error::Error + Send + Sync> {
        StoreError::from(self).into()
    }
}
