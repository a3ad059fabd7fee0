//! One token, those who ask for it, and those who wait: what drives the state machine, with `flight`.
//!
//! A reader of a fresh token sees only the snapshot: no lock. Everyone else locks, asks the machine, and unlocks before
//! anything is awaited. A flight is a task of its own, so a caller that goes away doesn't cancel it; it goes down only
//! with its runtime, or with the last source where nothing is lost by it.

// Beside this file, also where `tests/driver` takes it in by its path.
#[path = "flight.rs"]
mod flight;

use std::cell::Cell;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use freshtoken_wire::Verdict;
use http::{HeaderName, HeaderValue};
use tokio::sync::Notify;
use tracing::{Instrument, debug, info, info_span, warn};

use self::flight::Journey;
use crate::clock::{AnyClock, Now, Random, Watched};
use crate::machine::{Machine, Rejection, Reply, State};
use crate::store::{AnyStore, Key, StoreError};
use crate::sync::{AtomicUsize, Mutex, MutexGuard, OnceLock, Ordering, RuntimeId, Task, lock, runtime_id, spawn};
use crate::token::RefreshToken;
use crate::vendor::Grants;
use crate::{Error, ErrorKind, Failure, Policy, Record, Secret, Takes, Token};

/// How long a callback may take, or a grant that doesn't end in time by itself.
const GRANT: Duration = Duration::from_secs(60);

/// How long the store may take to load or to store.
const STORE: Duration = Duration::from_secs(5);

/// How long a caller waits for a flight. It takes less, unless it is on a runtime that nobody drives any more.
const FLIGHT: Duration = Duration::from_secs(300);

/// How often a caller starts anew after a flight that went down with its runtime.
const LOST_FLIGHTS: usize = 5;

/// What is told of each change.
pub(crate) type OnChange = Arc<dyn Fn(Key, Arc<Record>) -> Persisting + Send + Sync>;

/// A callback at work.
pub(crate) type Persisting = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// What all slots of a source or a set of accounts have in common.
pub(crate) struct Shared {
    pub(crate) policy: &'static Policy,
    /// Which server; empty for a source without a store, and so are its scopes: nobody looks its key up.
    pub(crate) server: Arc<str>,
    pub(crate) header: HeaderName,
    /// None: what each knows by itself is all there is.
    pub(crate) store: Option<Arc<dyn AnyStore>>,
    pub(crate) clock: AnyClock,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) on_change: Option<OnChange>,
    pub(crate) keep_alive: bool,
    pub(crate) keep_answer: bool,
}

/// Laid out as it is written: what a look-up and a fresh header touch of it lies beside the reference count, mostly in one
/// cache line. Among a million sources each further line is a wait for memory.
#[repr(C)]
pub(crate) struct Slot {
    /// How many sources there are; with the last one goes what runs in the background.
    sources: AtomicUsize,
    /// The token while it may be given out without a look at the machine.
    snapshot: ArcSwapOption<Snapshot>,
    shared: Arc<Shared>,
    grants: Box<dyn Grants>,
    account: Arc<str>,
    scopes: Arc<str>,
    locked: Mutex<Locked>,
}

struct Snapshot {
    token: Token,
    /// From here on the machine decides.
    until: Watched,
}

struct Locked {
    machine: Machine,
    /// In a box, since of many accounts few have one.
    flight: Option<Box<Flight>>,
    /// How many flights there have been.
    flights: u64,
    keeper: Option<Task>,
    /// The last source is gone.
    is_abandoned: bool,
    counters: Counters,
}

/// A flight under way.
struct Flight {
    number: u64,
    landing: Arc<Landing>,
    runtime: Option<RuntimeId>,
    task: Option<Task>,
}

type Outcome = Result<Token, Error>;

/// A flight's end, and those who wait for it. Who goes away is forgotten.
#[derive(Default)]
struct Landing {
    /// None: it went down with its runtime.
    outcome: OnceLock<Option<Outcome>>,
    landed: Notify,
}

impl Landing {
    /// What a caller gets of the flight; None: it went down with its runtime.
    async fn wait<T: Given>(&self) -> Option<Result<T, Error>> {
        // From here on a landing wakes, so none can come unseen between the look and the wait.
        let landed = self.landed.notified();
        if self.outcome.get().is_none() {
            landed.await;
        }
        let outcome = self.outcome.get()?.as_ref()?;
        Some(outcome.as_ref().map(T::of).map_err(Error::clone))
    }

    fn tell(&self, outcome: Option<Outcome>) {
        let _ = self.outcome.set(outcome);
        self.landed.notify_waiters();
    }
}

/// What a source has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Logins sent.
    pub logins: u32,
    /// Refreshes sent.
    pub refreshes: u32,
    /// Logins and refreshes that failed.
    pub failures: u32,
    /// Tokens taken over from the store instead of the vendor.
    pub adopted: u32,
    /// Callers who waited for a flight that another one had started.
    pub joined: u32,
    /// 401s reported.
    pub rejected: u32,
    /// Requests to revoke.
    pub revokes: u32,
}

/// How a source is: for a health check. Nothing secret is in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// What is going on.
    pub state: State,
    /// Whether a caller would get a token at once.
    pub is_serving: bool,
    /// Whether a renewal is under way.
    pub is_renewing: bool,
    /// The generation of what is known; 0 before the first token.
    pub generation: u64,
    /// When the token ends, by this machine's clock.
    pub expires_at: Option<SystemTime>,
    /// When the refresh token ends, by this machine's clock.
    pub refresh_expires_at: Option<SystemTime>,
    /// Why the last flight failed, if none has worked since.
    pub last_error: Option<Error>,
    /// What the source has done so far.
    pub counters: Counters,
}

/// What a caller gets of a token. Not a closure: with one, a header takes a tenth longer.
pub(crate) trait Given: Sized {
    fn of(token: &Token) -> Self;

    /// [`Slot::get`]. Not generic, so that it isn't compiled again with each program.
    fn get(slot: &Arc<Slot>) -> Getting<'_, Self>;
}

/// A caller who waits.
pub(crate) type Getting<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

impl Given for Token {
    #[inline(always)]
    fn of(token: &Token) -> Self {
        token.clone()
    }

    fn get(slot: &Arc<Slot>) -> Getting<'_, Self> {
        Box::pin(slot.get())
    }
}

impl Given for HeaderValue {
    #[inline(always)]
    fn of(token: &Token) -> Self {
        token.header().clone()
    }

    fn get(slot: &Arc<Slot>) -> Getting<'_, Self> {
        Box::pin(slot.get())
    }
}

/// What a 401 means, and what comes next.
pub(crate) struct Rejected {
    pub(crate) rejection: Rejection,
    /// The next token may be the same: only the store is asked for a newer one.
    pub(crate) checks_store: bool,
}

/// What a caller gets, or has to wait for.
enum Asked {
    Token(Token),
    /// For this, which is on that runtime.
    Wait(Arc<Landing>, Option<RuntimeId>),
    Failed(Error),
}

impl Slot {
    pub(crate) fn new(
        shared: Arc<Shared>,
        grants: Box<dyn Grants>,
        account: Arc<str>,
        scopes: Arc<str>,
        record: Option<Record>,
        start: Option<RefreshToken>,
    ) -> Arc<Self> {
        let now = shared.clock.now();
        let machine = Machine::new(shared.policy, record, start, grants.asks(), now, &*shared.random);
        let slot = Self {
            snapshot: ArcSwapOption::empty(),
            locked: Mutex::new(Locked {
                machine,
                flight: None,
                flights: 0,
                keeper: None,
                is_abandoned: false,
                counters: Counters::default(),
            }),
            sources: AtomicUsize::new(0),
            shared,
            grants,
            account,
            scopes,
        };
        slot.publish(&lock(&slot.locked), now);
        Arc::new(slot)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    fn vendor(&self) -> &'static str {
        self.shared.policy.vendor
    }

    fn account(&self) -> &str {
        &self.account
    }

    /// Under which a store keeps its record.
    pub(crate) fn key(&self) -> Key {
        Key {
            vendor: self.vendor(),
            server: self.shared.server.clone(),
            account: self.account.clone(),
            scopes: self.scopes.clone(),
        }
    }

    /// What a caller gets of a fresh token: one load, one look at the clocks, one clone. Inlined always: a call more, and the
    /// way of a header through it, is a tenth of what it costs.
    #[inline(always)]
    pub(crate) fn fresh<T: Given>(&self) -> Option<T> {
        let snapshot = self.snapshot.load();
        let snapshot = snapshot.as_ref()?;
        (!self.shared.clock.has_passed(&snapshot.until)).then(|| T::of(&snapshot.token))
    }

    /// The token if there is a good one; has it renewed when that is due.
    pub(crate) fn try_token(self: &Arc<Self>) -> Option<Token> {
        self.fresh().or_else(|| match self.ask() {
            Asked::Token(token) => Some(token),
            _ => None,
        })
    }

    /// What a caller gets who has found nothing fresh.
    async fn get<T: Given>(self: &Arc<Self>) -> Result<T, Error> {
        if self.is_notifying() {
            let now = self.shared.clock.now();
            let token = lock(&self.locked).machine.good_token(now).map(T::of);
            return token.ok_or_else(|| self.error(ErrorKind::InCallback, "get a token"));
        }
        for _ in 0..LOST_FLIGHTS {
            match self.ask() {
                Asked::Token(token) => return Ok(T::of(&token)),
                Asked::Failed(error) => return Err(error),
                Asked::Wait(landing, runtime) => {
                    // A runtime that drives the caller drives its flight as well; thousands wait without a timer each.
                    let told = match runtime == runtime_id() {
                        true => Some(landing.wait().await),
                        false => self.within(FLIGHT, landing.wait()).await,
                    };
                    match told {
                        Some(Some(given)) => return given,
                        // It went down with its runtime.
                        Some(None) => {}
                        None => break,
                    }
                }
            }
        }
        Err(self.error(ErrorKind::NoRuntime, "get a token"))
    }

    fn ask(self: &Arc<Self>) -> Asked {
        let now = self.shared.clock.now();
        let mut locked = lock(&self.locked);
        match locked.machine.ask(now) {
            Reply::Serve(token) => Asked::Token(token),
            Reply::ServeAndFly(token) => {
                self.take_off(locked, now);
                Asked::Token(token)
            }
            Reply::Wait => match &mut locked.flight {
                Some(flight) => {
                    let wait = Asked::Wait(flight.landing.clone(), flight.runtime);
                    locked.counters.joined = locked.counters.joined.saturating_add(1);
                    // A subscriber may ask this very source something.
                    drop(locked);
                    debug!(vendor = self.vendor(), account = self.account(), "waiting for the fetch in progress");
                    wait
                }
                None => Asked::Failed(self.error(ErrorKind::NoRuntime, "get a token")),
            },
            Reply::Fly => match self.take_off(locked, now) {
                Some(landing) => Asked::Wait(landing, runtime_id()),
                None => Asked::Failed(self.error(ErrorKind::NoRuntime, "get a token")),
            },
            Reply::Fail(error) => Asked::Failed(error),
        }
    }

    /// Starts a flight on this runtime; None: there is none.
    fn take_off(self: &Arc<Self>, mut locked: MutexGuard<'_, Locked>, now: Now) -> Option<Arc<Landing>> {
        if locked.machine.may_repeat(now) {
            self.grants.forget_refusal();
        }
        let wait = locked.machine.take_off(now, &*self.shared.random);
        locked.flights += 1;
        let number = locked.flights;
        let runtime = runtime_id();
        let landing = Arc::new(Landing::default());
        locked.flight = Some(Box::new(Flight { number, landing: landing.clone(), runtime, task: None }));
        self.publish(&locked, now);
        // A runtime that is shutting down drops the task within `spawn`, and that locks.
        drop(locked);
        let journey = Journey::new(self.clone());
        let span = info_span!("token_fetch", vendor = self.vendor(), account = self.account());
        let task = spawn(journey.run(wait).instrument(span))?;
        let mut locked = lock(&self.locked);
        if let Some(flight) = &mut locked.flight
            && flight.number == number
        {
            flight.task = Some(task);
        }
        Some(landing)
    }

    /// Lets readers see what the machine has decided.
    fn publish(&self, locked: &Locked, now: Now) {
        let snapshot = locked.machine.good_token(now).map(|token| {
            Arc::new(Snapshot { token: token.clone(), until: Watched::new(locked.machine.look_again(now)) })
        });
        // Nothing after nothing is no news, and a store has to look after all readers.
        if snapshot.is_some() || self.snapshot.load().is_some() {
            self.snapshot.store(snapshot);
        }
    }

    /// What a 401 means for the token that is `seen` in it.
    pub(crate) fn rejected(&self, is_seen: impl Fn(&Token) -> bool) -> Rejected {
        let now = self.shared.clock.now();
        let mut locked = lock(&self.locked);
        locked.counters.rejected = locked.counters.rejected.saturating_add(1);
        let current = locked.machine.record().and_then(|record| record.token()).filter(|token| is_seen(token));
        let rejection = match current.map(Token::generation) {
            Some(generation) => locked.machine.reject(generation, self.shared.store.is_some(), now),
            None => Rejection::Superseded,
        };
        let checks_store = rejection == Rejection::Renewing && locked.machine.checks_store();
        self.publish(&locked, now);
        drop(locked);
        let (vendor, account) = (self.vendor(), self.account());
        match rejection {
            // Many calls may have carried the old token.
            Rejection::Superseded => debug!(vendor, account, ?rejection, "call got 401"),
            _ => info!(vendor, account, ?rejection, "call got 401"),
        }
        Rejected { rejection, checks_store }
    }

    /// A call with the token that is `seen` in it succeeded.
    pub(crate) fn accepted(&self, is_seen: impl Fn(&Token) -> bool) {
        if let Some(snapshot) = self.snapshot.load().as_ref().filter(|snapshot| is_seen(&snapshot.token)) {
            snapshot.token.accept();
            return;
        }
        let locked = lock(&self.locked);
        if let Some(token) = locked.machine.record().and_then(|record| record.token()).filter(|token| is_seen(token)) {
            token.accept();
        }
    }

    pub(crate) fn credentials_changed(&self) {
        self.grants.forget_refusal();
        let mut locked = lock(&self.locked);
        locked.machine.credentials_changed();
        self.publish(&locked, self.shared.clock.now());
    }

    pub(crate) fn new_consent(&self, refresh_token: Secret) {
        let Some(start) = RefreshToken::start(refresh_token) else { return };
        let mut locked = lock(&self.locked);
        locked.machine.new_consent(start);
        self.publish(&locked, self.shared.clock.now());
    }

    pub(crate) fn status(&self) -> Status {
        let now = self.shared.clock.now();
        let locked = lock(&self.locked);
        let machine = &locked.machine;
        let record = machine.record();
        Status {
            state: machine.state(now),
            is_serving: machine.good_token(now).is_some(),
            is_renewing: machine.is_flying(),
            generation: record.map_or(0, |record| record.generation()),
            expires_at: record.and_then(|record| record.token()).and_then(Token::expires_at),
            refresh_expires_at: record.and_then(|record| record.refresh_expires_at()),
            last_error: machine.error().map(|_| machine.last_error(now)),
            counters: locked.counters,
        }
    }

    /// Whether dropping the slot loses nothing that a login, or a store of the user's, wouldn't bring back, and interrupts
    /// nothing.
    pub(crate) fn is_disposable(&self) -> bool {
        let locked = lock(&self.locked);
        let may_lose = self.shared.store.is_some() || self.shared.policy.login || !locked.machine.holds_consent();
        !locked.machine.is_flying() && may_lose
    }

    /// Ends the token at the vendor and forgets it.
    pub(crate) async fn revoke(self: Arc<Self>) -> Result<(), Error> {
        const ACTION: &str = "revoke a token";
        let Some(takes) = self.shared.policy.revoke else {
            return Err(self.error(ErrorKind::Unsupported, ACTION));
        };
        let landing = lock(&self.locked).flight.as_ref().map(|flight| flight.landing.clone());
        if let Some(landing) = landing {
            let _ = self.within(FLIGHT, landing.wait::<Token>()).await;
        }
        let stored = self.load().await.unwrap_or_default();
        let (record, secret) = {
            let now = self.shared.clock.now();
            let mut locked = lock(&self.locked);
            locked.machine.learn(stored, now, &*self.shared.random);
            let Some(record) = locked.machine.record().cloned() else { return Ok(()) };
            let token = record.token().filter(|_| !locked.machine.has_ended(now));
            let secret = match takes {
                Takes::Access => token.map(|token| Secret::new(token.expose())),
                Takes::Refresh => record.refresh_token().cloned(),
            };
            locked.machine.suspend(true);
            locked.counters.revokes = locked.counters.revokes.saturating_add(u32::from(secret.is_some()));
            self.publish(&locked, now);
            (record, secret)
        };
        let answer = match &secret {
            Some(secret) => self.granted(async { self.grants.revoke(secret).await }).await,
            None => Ok(()),
        };
        let is_unusable_again;
        let empty = {
            let now = self.shared.clock.now();
            let mut locked = lock(&self.locked);
            let is_over = match &answer {
                Ok(()) => true,
                // It isn't there, or the vendor won't end it, however often one asks.
                Err(failure) if failure.is_bare => failure.is_gone,
                Err(failure) if failure.unusable => locked.machine.is_unusable_again(),
                Err(failure) => failure.verdict != Verdict::Transient,
            };
            is_unusable_again = is_over && answer.as_ref().is_err_and(|failure| failure.unusable);
            let is_current = locked.machine.record().is_some_and(|now| now.generation() == record.generation());
            let empty = (is_current && is_over).then(|| locked.machine.forget());
            if is_current {
                locked.machine.suspend(false);
            }
            self.publish(&locked, now);
            empty
        };
        if let Some(empty) = empty {
            if let Err(error) = self.compare_and_store(record.generation(), empty.clone()).await {
                warn!(vendor = self.vendor(), account = self.account(), %error, "cannot store the revocation");
            }
            let _ = self.tell(empty).await;
            info!(vendor = self.vendor(), account = self.account(), "token revoked");
        }
        match answer {
            Err(failure) if is_unusable_again => {
                Err(Error::caused(ErrorKind::Unusable, self.vendor(), ACTION, failure.cause))
            }
            Err(failure) if !failure.is_gone => Err(Error::of(failure, self.vendor(), ACTION)),
            _ => Ok(()),
        }
    }

    /// What a grant answers. It may panic, and hang.
    async fn granted<T>(&self, grant: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let lost = |why: &str| Err(Failure::transient(why));
        let limit = (!self.grants.are_timed()).then_some(GRANT);
        match self.within(limit, caught(grant)).await {
            Some(Some(answer)) => answer,
            Some(None) => lost("a callback or vendor of one's own panicked"),
            None => lost("the vendor took too long"),
        }
    }

    async fn load(&self) -> Result<Option<Arc<Record>>, StoreError> {
        let Some(store) = &self.shared.store else { return Ok(None) };
        self.stored(async { store.load(&self.key()).await }).await
    }

    async fn compare_and_store(&self, expected: u64, record: Arc<Record>) -> Result<bool, StoreError> {
        let Some(store) = &self.shared.store else { return Ok(true) };
        self.stored(async { store.compare_and_store(&self.key(), expected, record).await }).await
    }

    /// What the store answers. It may panic, also before there is a future, and hang.
    async fn stored<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        // In a box: most sources have no store, and the flight of each would be twice as large.
        match Box::pin(self.within(STORE, caught(answer))).await {
            Some(Some(answer)) => answer,
            Some(None) => Err("the store panicked".into()),
            None => Err("the store took too long".into()),
        }
    }

    /// What a future gives, if it doesn't take too long, where there is a limit.
    async fn within<T>(&self, limit: impl Into<Option<Duration>>, future: impl Future<Output = T>) -> Option<T> {
        let limit = limit.into();
        let (mut future, mut too_long) = (pin!(future), pin!(self.shared.clock.sleep(limit.unwrap_or_default())));
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if limit.is_none() => Poll::Pending,
            Poll::Pending => too_long.as_mut().poll(context).map(|()| None),
        })
        .await
    }

    /// Notifies the callback of a change, and says whether it succeeded in time.
    async fn tell(&self, record: Arc<Record>) -> Result<(), StoreError> {
        let Some(on_change) = &self.shared.on_change else { return Ok(()) };
        let told = caught(async { on_change(self.key(), record).await });
        let result = match self.within(GRANT, notifying(self.id(), told)).await {
            Some(Some(result)) => result,
            Some(None) => Err("on_change panicked".into()),
            None => Err("on_change took longer than a minute".into()),
        };
        if let Err(error) = &result {
            warn!(vendor = self.vendor(), account = self.account(), %error, "on_change failed");
        }
        result
    }

    /// Tells this slot apart from others that are alive.
    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether this is called by the slot's own callback, which would wait for itself.
    pub(crate) fn is_notifying(&self) -> bool {
        NOTIFYING.get() == self.id()
    }

    pub(crate) fn has_one_source(&self) -> bool {
        self.sources.load(Ordering::Acquire) == 1
    }

    /// There is a new source.
    pub(crate) fn add_source(&self) {
        self.sources.fetch_add(1, Ordering::Relaxed);
    }

    /// A source is gone. With the last one, so is what can be given up without losing anything.
    pub(crate) fn remove_source(&self) {
        if self.sources.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        let mut locked = lock(&self.locked);
        locked.is_abandoned = true;
        let keeper = locked.keeper.take();
        let may_abort = locked.machine.may_abort();
        let flight = locked.flight.as_mut().filter(|_| may_abort).and_then(|flight| flight.task.take());
        drop(locked);
        for task in keeper.into_iter().chain(flight) {
            task.abort();
        }
    }

    pub(crate) fn error(&self, kind: ErrorKind, action: &'static str) -> Error {
        Error::new(kind, self.vendor(), action)
    }

    /// Has the token renewed whenever that is due, whether anybody asks or not.
    pub(crate) fn keep_alive(self: &Arc<Self>) {
        let is_kept = |locked: &Locked| locked.keeper.as_ref().is_some_and(|keeper| !keeper.is_finished());
        if !self.shared.keep_alive || is_kept(&lock(&self.locked)) {
            return;
        }
        // A runtime that is shutting down drops the task within `spawn`; so no lock is held.
        let Some(task) = spawn(keep_alive(Arc::downgrade(self))) else { return };
        let mut locked = lock(&self.locked);
        if locked.is_abandoned {
            task.abort();
        } else {
            locked.keeper = Some(task);
        }
    }
}

/// Ends with the last source: it is aborted then. Without anything to wait for it ends too, and the next flight starts
/// another.
async fn keep_alive(slot: Weak<Slot>) {
    loop {
        let weak = &slot;
        let Some(slot) = weak.upgrade() else { return };
        let now = slot.shared.clock.now();
        let Some(wait) = lock(&slot.locked).machine.next_renewal(now) else { return };
        let clock = slot.shared.clock.clone();
        drop(slot);
        clock.sleep(wait.max(KEEPER_REST)).await;
        let Some(slot) = weak.upgrade() else { return };
        let _ = slot.ask();
        let landing = lock(&slot.locked).flight.as_ref().map(|flight| flight.landing.clone());
        drop(slot);
        if let Some(landing) = landing {
            let _ = landing.wait::<Token>().await;
        }
    }
}

thread_local! {
    /// The slot whose callback is being polled on this thread; 0: none.
    static NOTIFYING: Cell<usize> = const { Cell::new(0) };
}

/// Lets [`Slot::is_notifying`] recognise what the callback asks of its own slot.
async fn notifying<T>(slot: usize, callback: impl Future<Output = T>) -> T {
    let mut callback = pin!(callback);
    std::future::poll_fn(|context| {
        let outer = NOTIFYING.replace(slot);
        let poll = callback.as_mut().poll(context);
        NOTIFYING.set(outer);
        poll
    })
    .await
}

/// A keeper sleeps at least so long, whatever there seems to be to do.
const KEEPER_REST: Duration = Duration::from_millis(100);

/// What a future gives; None: it panicked. A user's callback, vendor or store is in it.
async fn caught<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        // It isn't polled again after a panic.
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}
