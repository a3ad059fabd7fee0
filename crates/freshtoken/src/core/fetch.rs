//! A fetch: one round trip to the issuer, shared by every waiting caller (single-flight).
//!
//! It takes the lease, loads from the store, and performs the effects that the state asks for until it is done. It is a
//! separate task, so dropping a caller does not cancel it. It is aborted only with its runtime, or with the last source if
//! nothing would be lost.

use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument, debug, info, info_span, warn};

use crate::core::cell::{Completion, InFlight, Locked, TokenCell};
use crate::core::clock::{Now, Random};
use crate::core::guard::{caught, within};
use crate::core::state::{Effect, Marked, TokenState};
use crate::core::sync::{MutexGuard, lock, runtime_id, spawn};
use crate::error::Error;
use crate::grant_error::{GrantError, GrantErrorKind};
use crate::issued_tokens::IssuedTokens;
use crate::status::Counters;
use crate::store::record::Record;
use crate::store::{Lease, StoreError};
use crate::token::Token;

/// How long a holder of a lease may take: a refresh, a login after it, callbacks, and the store in between.
const LEASE: Duration = Duration::from_secs(360);

/// How long a fetch waits for a lease. Then it continues without.
const LEASE_WAIT: Duration = Duration::from_secs(100);

/// How often a fetch tries again when another process changes the record under it, even though it holds the lease.
const CONFLICTS: usize = 3;

/// Starts a fetch on this runtime; `None`: there is none.
pub(crate) fn start(cell: &Arc<TokenCell>, mut locked: MutexGuard<'_, Locked>, now: Now) -> Option<Arc<Completion>> {
    if locked.state.may_repeat(now) {
        cell.grants().forget_refusal();
    }
    let wait = locked.state.start_fetch(now, &*cell.shared().random);
    locked.fetches += 1;
    let number = locked.fetches;
    let completion = Arc::new(Completion::default());
    let in_flight = InFlight { number, completion: completion.clone(), runtime: runtime_id(), task: None };
    locked.fetch = Some(Box::new(in_flight));
    cell.publish(&locked, now);
    // A runtime that is shutting down drops the task within `spawn`, and that locks.
    drop(locked);
    let fetch = Fetch { cell: cell.clone(), is_done: false, grant: "earlier", stored: 0, lease: None };
    let span = info_span!("token_fetch", vendor = cell.vendor(), account = cell.account());
    let task = spawn(fetch.run(wait).instrument(span))?;
    let mut locked = lock(cell.locked());
    if let Some(fetch) = &mut locked.fetch
        && fetch.number == number
    {
        fetch.task = Some(task);
    }
    Some(completion)
}

/// What the task of a fetch does.
struct Fetch {
    cell: Arc<TokenCell>,
    is_done: bool,
    /// The last request to the vendor.
    grant: &'static str,
    /// The generation in the store.
    stored: u64,
    lease: Option<Lease>,
}

impl Fetch {
    async fn run(mut self, wait: Duration) {
        if !wait.is_zero() {
            self.cell.shared().clock.sleep(wait).await;
        }
        self.lease().await;
        let unstored = lock(self.cell.locked()).state.unstored();
        let mut effect = match unstored {
            Some(record) => {
                self.load().await;
                Effect::Persist(record)
            }
            None => Effect::Load,
        };
        let mut conflicts = 0;
        let result = loop {
            if lock(self.cell.locked()).is_abandoned && matches!(effect, Effect::LogIn | Effect::MarkInUse(_)) {
                return;
            }
            effect = match effect {
                Effect::Load => self.adopt().await,
                Effect::Wait(wait) => {
                    self.cell.shared().clock.sleep(wait).await;
                    Effect::Load
                }
                Effect::LogIn => {
                    debug!("logging in");
                    let result = self.cell.granted(async { self.cell.grants().login().await }).await;
                    let result = self.record_result(result, "login", |counters| &mut counters.logins);
                    self.transition(|state, now, _| state.logged_in(result, now))
                }
                Effect::MarkInUse(record) => {
                    conflicts += 1;
                    let marked = if conflicts > CONFLICTS {
                        Marked::StoreDown(StoreError::from("other processes keep changing the record").into())
                    } else {
                        self.mark(record).await
                    };
                    self.transition(|state, now, _| state.marked(marked, now))
                }
                Effect::Refresh(secret) => {
                    debug!("refreshing");
                    let result = self.cell.granted(async { self.cell.grants().refresh(&secret).await }).await;
                    let result = self.record_result(result, "refresh", |counters| &mut counters.refreshes);
                    self.transition(|state, now, _| state.refreshed(result, now))
                }
                Effect::UpdateRefreshToken(record, next) => {
                    conflicts += 1;
                    self.update_refresh_token(record, *next, conflicts <= CONFLICTS).await
                }
                Effect::Persist(record) => {
                    let expires_in = record.token().and_then(Token::lifetime).map(|lifetime| lifetime.as_secs());
                    info!(grant = self.grant, expires_in, "token issued");
                    let record = self.store(record).await;
                    // If this fails, the token is served anyway: the mark before it was persisted, so no refresh token is
                    // sent twice.
                    let _ = self.cell.notify(record.clone()).await;
                    self.transition(|state, now, random| state.persisted(record, now, random))
                }
                Effect::Done(result) => break result,
            };
        };
        self.complete(result);
    }

    fn transition(&self, event: impl FnOnce(&mut TokenState, Now, &dyn Random) -> Effect) -> Effect {
        let random = &*self.cell.shared().random;
        event(&mut lock(self.cell.locked()).state, self.cell.now(), random)
    }

    fn count(&self, counter: impl FnOnce(&mut Counters) -> &mut u32) {
        let mut locked = lock(self.cell.locked());
        let counter = counter(&mut locked.counters);
        *counter = counter.saturating_add(1);
    }

    /// Counts and traces the vendor's response.
    fn record_result(
        &mut self,
        result: Result<IssuedTokens, GrantError>,
        grant: &'static str,
        counter: impl FnOnce(&mut Counters) -> &mut u32,
    ) -> Result<IssuedTokens, GrantError> {
        self.grant = grant;
        if !result.as_ref().is_err_and(|failure| failure.kind == GrantErrorKind::Unchanged) {
            self.count(counter);
        }
        match result {
            Ok(mut issued) => {
                if !self.cell.shared().keep_response {
                    issued.response = None;
                }
                Ok(issued)
            }
            Err(failure) if failure.kind == GrantErrorKind::Unchanged => {
                debug!(grant, "nothing sent: the credentials have not changed since they were refused");
                Err(failure)
            }
            Err(failure) => {
                self.count(|counters| &mut counters.failures);
                warn!(grant, error = %failure, kind = ?failure.kind, "grant failed");
                Err(failure)
            }
        }
    }

    async fn lease(&mut self) {
        let Some(store) = &self.cell.shared().store else {
            // No other process knows the token, and there is one fetch at a time.
            self.lease = Some(Lease::new(()));
            return;
        };
        let leased = caught(async { store.lease(&self.cell.key(), LEASE).await });
        match Box::pin(within(&self.cell.shared().clock, LEASE_WAIT, leased)).await {
            Some(Some(Ok(lease))) => self.lease = Some(lease),
            Some(Some(Err(error))) => warn!(%error, "continuing without a lease"),
            Some(None) => warn!(error = "the store panicked", "continuing without a lease"),
            None => warn!(error = "timed out waiting for another process", "continuing without a lease"),
        }
    }

    async fn adopt(&mut self) -> Effect {
        let stored = self.load().await;
        let effect = self.transition(|state, now, random| state.loaded(stored, now, random));
        if let Effect::Done(Ok(_)) = effect {
            self.count(|counters| &mut counters.adopted);
            info!("adopted a token from the store");
        }
        effect
    }

    async fn load(&mut self) -> Option<Arc<Record>> {
        match self.cell.load().await {
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

    /// Stores that the refresh token is about to be sent, and notifies the callback.
    async fn mark(&mut self, record: Arc<Record>) -> Marked {
        if self.lease.is_none() {
            return Marked::StoreDown(StoreError::from("there is no lease").into());
        }
        match self.cell.compare_and_store(self.stored, record.clone()).await {
            Ok(true) => self.stored = record.generation(),
            Ok(false) => return Marked::Conflict,
            Err(error) => {
                warn!(%error, "cannot store the mark on a refresh token");
                return Marked::StoreDown(error.into());
            }
        }
        match self.cell.notify(record.clone()).await {
            Ok(()) => Marked::Yes(record),
            Err(error) => Marked::NotPersisted(record, error.into()),
        }
    }

    /// Stores what became of the refresh token. If another process without a lease was faster, its record is used.
    async fn update_refresh_token(&mut self, record: Arc<Record>, next: Effect, may_yield: bool) -> Effect {
        let is_outrun = match self.cell.compare_and_store(self.stored, record.clone()).await {
            Ok(true) => {
                self.stored = record.generation();
                false
            }
            Ok(false) => may_yield,
            Err(error) => {
                warn!(%error, "cannot store, continuing in memory");
                false
            }
        };
        if !is_outrun {
            let _ = self.cell.notify(record).await;
        }
        let state = &mut lock(self.cell.locked()).state;
        state.refresh_token_updated();
        if is_outrun {
            state.yield_to_store();
            Effect::Load
        } else {
            next
        }
    }

    /// Stores what has happened already: if another process stored something meanwhile, as the next generation.
    async fn store(&mut self, mut record: Arc<Record>) -> Arc<Record> {
        for _ in 0..CONFLICTS {
            match self.cell.compare_and_store(self.stored, record.clone()).await {
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

    /// Ends the fetch. The waiting callers are to be woken without a lock held.
    fn finish(&self) -> Option<Box<InFlight>> {
        let now = self.cell.now();
        let mut locked = lock(self.cell.locked());
        locked.state.finish_fetch();
        self.cell.publish(&locked, now);
        locked.fetch.take()
    }

    fn complete(mut self, result: Result<Token, Error>) {
        if let Err(error) = &result {
            warn!(%error, "backing off");
        }
        let in_flight = self.finish();
        self.is_done = true;
        if let Some(in_flight) = in_flight {
            in_flight.completion.complete(Some(result));
        }
    }
}

/// The waiting callers learn that it was aborted, and start another fetch.
impl Drop for Fetch {
    fn drop(&mut self) {
        if !self.is_done
            && let Some(in_flight) = self.finish()
        {
            in_flight.completion.complete(None);
        }
    }
}
