//! A fetch: one round trip to the issuer, shared by every waiting caller (single-flight).
//!
//! It takes the lease, loads from the store, and performs the effects that the state asks for until it is done. It is a
//! separate task, so dropping a caller does not cancel it. It is aborted only with its runtime, or with the last source if
//! nothing would be lost.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use freshtoken_wire::Secret;
use tracing::{Instrument, debug, info, info_span, warn};

use crate::clock::{Deadline, Now, Random};
use crate::core::cell::{Completion, InFlight, Locked, TokenCell};
use crate::core::guard::{within, within_if_awake};
use crate::core::lease::{Keeper, keeping};
use crate::core::persist::{Attempt, ensure_stored, persist};
use crate::core::state::pending::{Outcome, Pending};
use crate::core::state::{Effect, Marked, TokenState};
use crate::error::Error;
use crate::event::{EventKind, Grant};
use crate::grant_error::{GrantError, GrantErrorKind};
use crate::issued_tokens::IssuedTokens;
use crate::status::Counters;
use crate::store::StoreError;
use crate::store::record::Record;
use crate::store::sealing::Sealing;
use crate::sync::{MutexGuard, lock, runtime_id, spawn};
use crate::token::Token;

/// How long a fetch waits for a lease that others hold. Then it continues without, and sends no single-use refresh token.
const LEASE_WAIT: Duration = Duration::from_secs(100);

/// The interval at which a process that waits for the lease looks again: the minimum, and the jitter on top of it. So it looks at
/// most 10 times a second.
const LOOK: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(150));

/// The limit of a request that sends a single-use refresh token which other processes wait for. See `QUIET` in `state::watch`.
const REQUEST: Duration = Duration::from_secs(20);

/// If a token of a longer lifetime has expired by the time it is stored, the process was stopped meanwhile.
const LONGEST_PERSIST: Duration = Duration::from_secs(20);

/// How often a fetch tries again when another process changes the record under it, even though it holds the lease.
const CONFLICTS: usize = 3;

/// How often a fetch tries to store a mark whose result is unknown. Between two tries, it loads to see what became of it.
const MARKS: usize = 3;

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
    let fetch = Fetch {
        cell: cell.clone(),
        is_done: false,
        grant: None,
        took: Duration::ZERO,
        lease: None,
        conflicts: 0,
        has_issued: false,
    };
    let span = info_span!("token_fetch", vendor = cell.vendor(), account = cell.account());
    let task = if cell.shared().store.is_some() {
        spawn(fetch.run_with_store(wait).instrument(span))?
    } else {
        spawn(fetch.run(wait).instrument(span))?
    };
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
    /// The last request to the vendor; `None`: the token came from an earlier fetch.
    grant: Option<Grant>,
    /// How long it took.
    took: Duration,
    /// `None`: there is no store, so no other process knows the token.
    lease: Option<Lease>,
    /// How often another process has changed the record under this fetch.
    conflicts: usize,
    /// A token was issued in this fetch, or before it, and it is stored.
    has_issued: bool,
}

/// The lease of a fetch.
struct Lease {
    keeper: Arc<Keeper>,
    /// Since when others have held it.
    waits_since: Option<Now>,
}

impl Fetch {
    async fn run_with_store(mut self, wait: Duration) {
        let cell = self.cell.clone();
        let keeper = Arc::new(Keeper::new(cell.clone()));
        self.lease = Some(Lease { keeper: keeper.clone(), waits_since: None });
        Box::pin(keeping(&keeper, self.run(wait))).await;
        keeper.release().await;
        ensure_stored(&cell);
    }

    async fn run(mut self, wait: Duration) {
        if !wait.is_zero() {
            self.cell.shared().clock.sleep(wait).await;
        }
        if let Some(cause) = self.missing_seal() {
            let effect = self.transition(|state, now, _| state.misconfigured(cause.into(), now));
            return if let Effect::Done(result) = effect {
                self.complete(result)
            };
        }
        let unstored = lock(self.cell.locked()).state.unstored();
        let mut attempt = if unstored.is_some() { Attempt::Again } else { Attempt::First };
        let mut effect = unstored.map_or(Effect::Load, Effect::Persist);
        let result = loop {
            if lock(self.cell.locked()).is_abandoned && matches!(effect, Effect::LogIn | Effect::MarkInUse(_)) {
                return;
            }
            effect = match effect {
                Effect::Load => self.load().await,
                Effect::Lease => self.take_lease().await,
                Effect::PutBack(record) => self.put_back(record).await,
                Effect::Wait(wait) => {
                    self.cell.shared().clock.sleep(wait).await;
                    Effect::Load
                }
                Effect::Watch(wait) => self.watch(wait).await,
                Effect::LogIn => {
                    debug!("logging in");
                    let sent = self.cell.now();
                    let result = self.cell.granted(async { self.cell.grants().login().await }).await;
                    let result = self.record_result(result, Grant::Login, sent);
                    self.transition(|state, now, _| state.logged_in(result, now))
                }
                Effect::MarkInUse(record) => {
                    let marked = self.mark(record).await;
                    self.transition(|state, now, _| state.marked(marked, now))
                }
                Effect::Refresh(secret) => self.refresh(secret).await,
                Effect::UpdateRefreshToken(pending, next) => {
                    let outcome = persist(&self.cell, &pending, Attempt::First).await;
                    if let Outcome::Stored(_) | Outcome::Unknown = &outcome {
                        let _ = self.cell.notify(pending.record.clone()).await;
                    }
                    self.transition(|state, now, random| {
                        state.refresh_token_updated(pending, outcome, *next, now, random)
                    })
                }
                Effect::Persist(pending) => {
                    let attempt = std::mem::replace(&mut attempt, Attempt::First);
                    self.persist(pending, attempt).await
                }
                Effect::FinishRevocation(record) => self.finish_revocation(record).await,
                Effect::RevokePair(record) => {
                    info!("revoking a token that was issued after a revocation");
                    let _ = self.cell.revoke_at_vendor(&record).await;
                    Effect::Load
                }
                Effect::Done(result) => break result,
            };
        };
        self.complete(result);
    }

    fn transition<T>(&self, event: impl FnOnce(&mut TokenState, Now, &dyn Random) -> T) -> T {
        let random = &*self.cell.shared().random;
        event(&mut lock(self.cell.locked()).state, self.cell.now(), random)
    }

    fn count(&self, counter: impl FnOnce(&mut Counters) -> &mut u32) {
        let mut locked = lock(self.cell.locked());
        let counter = counter(&mut locked.counters);
        *counter = counter.saturating_add(1);
    }

    fn count_grant(&self, grant: Grant) {
        let mut locked = lock(self.cell.locked());
        let counters = &mut locked.counters;
        let counter = match grant {
            Grant::Login => &mut counters.logins,
            Grant::Refresh => &mut counters.refreshes,
        };
        *counter = counter.saturating_add(1);
        locked.times.record_grant(self.took);
    }

    /// Counts and traces the vendor's response to a request that was sent at this time.
    fn record_result(
        &mut self,
        result: Result<IssuedTokens, GrantError>,
        grant: Grant,
        sent: Now,
    ) -> Result<IssuedTokens, GrantError> {
        self.grant = Some(grant);
        if !result.as_ref().is_err_and(|failure| failure.kind == GrantErrorKind::Unchanged) {
            self.took = Duration::from_nanos(self.cell.now().monotonic.saturating_sub(sent.monotonic));
            self.count_grant(grant);
            #[cfg(feature = "metrics")]
            crate::metrics::record_grant(
                self.cell.vendor(),
                grant.as_str(),
                if result.is_ok() { "ok" } else { "failed" },
                self.took,
            );
        }
        let grant = grant.as_str();
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

    /// Why the store may not be used, if it requires a choice that was not made.
    fn missing_seal(&self) -> Option<StoreError> {
        let shared = self.cell.shared();
        let is_required = shared.store.as_ref().is_some_and(|store| store.sealing() == Sealing::Required);
        (is_required && shared.seal.is_none()).then(|| {
            "the store is shared, and no seal is set: add `.seal(Seal::new(key))`, or `.seal(Seal::none())` to store plain tokens"
                .into()
        })
    }

    /// Whether no other process decides at the same time.
    fn has_lease(&self) -> bool {
        self.lease.as_ref().is_none_or(|lease| lease.keeper.may_send(self.cell.now()))
    }

    async fn load(&mut self) -> Effect {
        let has_lease = self.has_lease();
        let stored = match self.cell.load().await {
            Ok(stored) => stored,
            Err(error) => {
                warn!(%error, "cannot load from the store");
                return self.transition(|state, now, _| state.without_store(error.into(), now));
            }
        };
        let generation = |state: &TokenState| state.record().and_then(|record| record.token()).map(Token::generation);
        let (effect, is_new) = self.transition(|state, now, random| {
            let before = generation(state);
            let effect = state.loaded(stored, has_lease, now, random);
            (effect, generation(state) != before)
        });
        if is_new && matches!(effect, Effect::Done(Ok(_))) {
            self.count(|counters| &mut counters.adopted);
            info!("adopted a token from the store");
            self.cell.record_success();
            self.cell.emit(EventKind::Adopted);
        }
        effect
    }

    /// Takes the lease, or waits until there is something new to see.
    async fn take_lease(&mut self) -> Effect {
        let (Some(lease), Some(store)) = (&mut self.lease, &self.cell.shared().store) else { return Effect::Load };
        // Listen before looking, so that no change is missed in between.
        let key = self.cell.key();
        let mut changed = store.changed(&key);
        let has_changed = std::future::poll_fn(|context| Poll::Ready(changed.as_mut().poll(context).is_ready())).await;
        lease.keeper.abandon();
        let now = self.cell.now();
        let waits_since = *lease.waits_since.get_or_insert(now);
        let failed = match lease.keeper.try_take().await {
            Ok(true) => {
                lease.waits_since = None;
                return Effect::Load;
            }
            Ok(false) if !Deadline::after(waits_since, LEASE_WAIT).has_passed(now) => None,
            Ok(false) => Some(StoreError::from("timed out waiting for another process")),
            Err(error) => Some(error),
        };
        if let Some(error) = failed {
            warn!(%error, "continuing without a lease");
            return self.transition(|state, now, _| state.without_store(error.into(), now));
        }
        if waits_since == now {
            debug!("waiting for a lease that another process holds");
        }
        if !has_changed {
            let wait = LOOK.0 + LOOK.1.mul_f64(self.cell.shared().random.unit());
            within(&self.cell.shared().clock, wait, changed).await;
        }
        Effect::Load
    }

    /// Waits without the lease.
    async fn watch(&self, wait: Duration) -> Effect {
        if let Some(lease) = &self.lease {
            lease.keeper.release().await;
        }
        self.cell.shared().clock.sleep(wait).await;
        Effect::Load
    }

    /// Stores what this process remembers.
    async fn put_back(&mut self, record: Arc<Record>) -> Effect {
        self.conflicts += 1;
        let result = if self.conflicts > CONFLICTS {
            Err(StoreError::from("other processes keep changing the record"))
        } else {
            self.cell.put_back(record).await
        };
        match result {
            Ok(()) => Effect::Load,
            Err(error) => {
                warn!(%error, "cannot store, continuing in memory");
                self.transition(|state, now, _| state.without_store(error.into(), now))
            }
        }
    }

    /// Stores that the refresh token is about to be sent, and notifies the callback.
    async fn mark(&mut self, record: Arc<Record>) -> Marked {
        self.conflicts += 1;
        if self.conflicts > CONFLICTS {
            return Marked::StoreDown(StoreError::from("other processes keep changing the record").into());
        }
        let expected = lock(self.cell.locked()).state.stored_generation();
        for _ in 0..MARKS {
            let error = match self.cell.compare_and_store(expected, record.clone()).await {
                Ok(true) => return self.notify_mark(record).await,
                Ok(false) => return Marked::Conflict,
                Err(error) => error,
            };
            warn!(%error, "cannot store the mark on a refresh token");
            // It may have happened, or may happen later.
            match self.cell.load().await {
                Ok(Some(stored)) if stored.in_use == record.in_use => return self.notify_mark(record).await,
                Ok(stored) if stored.as_ref().map_or(0, |stored| stored.generation) == expected => {}
                Ok(_) => return Marked::Conflict,
                Err(error) => return Marked::StoreDown(error.into()),
            }
        }
        Marked::StoreDown(StoreError::from("the mark on a refresh token does not get into the store").into())
    }

    async fn notify_mark(&self, record: Arc<Record>) -> Marked {
        match self.cell.notify(record.clone()).await {
            Ok(()) => Marked::Yes(record),
            Err(error) => Marked::NotPersisted(record, error.into()),
        }
    }

    /// Sends the refresh token, unless the lease was lost since it was marked.
    async fn refresh(&mut self, secret: Secret) -> Effect {
        debug!("refreshing");
        let sent = self.cell.now();
        let refresh = self.cell.granted(async { self.cell.grants().refresh(&secret).await });
        let result = if self.lease.is_some() && self.cell.is_single_use() {
            // No wait between this look and the request.
            let may_send = self.has_lease();
            #[cfg(test)]
            let may_send = may_send || crate::core::flaw::has(crate::core::flaw::Flaw::NoCheck);
            if !may_send {
                warn!("nothing sent: the lease was lost");
                return self.transition(|state, _, _| state.not_sent());
            }
            let refreshed = within_if_awake(&self.cell.shared().clock, REQUEST, refresh).await;
            refreshed.unwrap_or_else(|| Err(GrantError::transient("the refresh took longer than 20 s")))
        } else {
            refresh.await
        };
        let result = self.record_result(result, Grant::Refresh, sent);
        self.transition(|state, now, _| state.refreshed(result, sent, now))
    }

    /// Stores what was issued, and notifies the callback.
    async fn persist(&mut self, pending: Pending, attempt: Attempt) -> Effect {
        let lifetime = pending.record.token().and_then(Token::lifetime);
        let (grant, expires_in) =
            (self.grant.map_or("earlier", Grant::as_str), lifetime.map(|lifetime| lifetime.as_secs()));
        info!(grant, expires_in, "token issued");
        let outcome = persist(&self.cell, &pending, attempt).await;
        if let (Outcome::Stored(_) | Outcome::Unknown, Some(grant)) = (&outcome, self.grant) {
            self.cell.record_success();
            self.cell.emit(EventKind::Renewed { grant, took: self.took, expires_in: lifetime });
        }
        match &outcome {
            // If this fails, the token is served anyway: the mark before it was persisted, so no refresh token is sent twice.
            Outcome::Stored(record) => drop(self.cell.notify(record.clone()).await),
            Outcome::Unknown => drop(self.cell.notify(pending.record.clone()).await),
            Outcome::Superseded(_) | Outcome::Revoked(_) => info!("dropped a token: the store holds a newer record"),
        }
        let may_repeat = !std::mem::replace(&mut self.has_issued, true)
            || lifetime.is_some_and(|lifetime| lifetime > LONGEST_PERSIST);
        self.transition(|state, now, random| match state.persisted(&pending, outcome, now, random) {
            // The token has expired already: an earlier fetch issued it, or this process was stopped in between. If tokens
            // expire faster than they are stored, the fetch must not go on forever, so it repeats only once for them.
            Effect::Done(Ok(_)) if may_repeat && state.good_token(now).is_none() => Effect::Load,
            effect => effect,
        })
    }

    /// Finishes the revocation of a process that is gone.
    async fn finish_revocation(&mut self, record: Arc<Record>) -> Effect {
        info!("finishing the revocation of another process");
        let result = self.cell.revoke_at_vendor(&record).await;
        if let Err(error) = result {
            warn!(%error, "cannot revoke the token");
        }
        let revoked = lock(self.cell.locked()).state.revoked(self.cell.now());
        match self.cell.compare_and_store(record.generation, revoked.clone()).await {
            Ok(true) => {
                let _ = self.cell.notify(revoked.clone()).await;
                lock(self.cell.locked()).state.forget(revoked);
                Effect::Load
            }
            Ok(false) => Effect::Load,
            Err(error) => self.transition(|state, now, _| state.without_store(error.into(), now)),
        }
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
            self.cell.emit(EventKind::of_error(error.clone()));
        }
        let in_flight = self.finish();
        self.is_done = true;
        if let Some(in_flight) = in_flight {
            in_flight.completion.complete(Some(result), self.cell.now());
        }
    }
}

/// The waiting callers learn that it was aborted, and start another fetch.
impl Drop for Fetch {
    fn drop(&mut self) {
        if !self.is_done
            && let Some(in_flight) = self.finish()
        {
            in_flight.completion.complete(None, self.cell.now());
        }
    }
}
