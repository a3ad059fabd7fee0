//! One token, and what its callers share: the state behind a lock, the fast path beside it, and the fetch in progress.
//!
//! A reader of a fresh token sees only the fast path. Everyone else locks, asks the state, and unlocks before anything is
//! awaited.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use tokio::sync::Notify;
use tracing::{debug, info};

use crate::clock::{AnyClock, Deadline, Now, Random, system_time};
use crate::core::fast_path::FastPath;
use crate::core::state::{TokenState, next_generation};
use crate::core::times::Times;
use crate::error::{Error, ErrorKind};
use crate::event::OnEvent;
use crate::status::{Counters, RejectionOutcome, Status};
use crate::store::entry::ClockPair;
use crate::store::record::{Record, RefreshToken};
use crate::store::{AnyStore, Key, Seal, StoreError};
use crate::sync::{AtomicUsize, Mutex, OnceLock, Ordering, RuntimeId, Task, lock};
use crate::token::Token;
use crate::vendor::{Grants, RefreshTokens, TokenPolicy};

/// The callback for changed records.
pub(crate) type OnChange = Arc<dyn Fn(Key, Arc<Record>) -> Persisting + Send + Sync>;

/// A callback in progress.
pub(crate) type Persisting = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// What all cells of a source or a set of accounts have in common.
pub(crate) struct Shared {
    pub(crate) policy: &'static TokenPolicy,
    /// Which server. Without a store, there is no key to look up, so this and `requested` are empty.
    pub(crate) server: Arc<str>,
    /// The base URL of calls, if the endpoint says it.
    pub(crate) base_url: Option<Box<str>>,
    pub(crate) header: HeaderName,
    /// `None`: each cell keeps its own record.
    pub(crate) store: Option<Arc<dyn AnyStore>>,
    /// How records are sealed before they are stored; `None`: no choice was made.
    pub(crate) seal: Option<Seal>,
    pub(crate) clock: AnyClock,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) on_change: Option<OnChange>,
    pub(crate) on_event: Option<OnEvent>,
    pub(crate) refresh_in_background: bool,
    pub(crate) keep_response: bool,
}

/// `repr(C)` keeps what a fresh token touches next to the reference count, mostly in one cache line: among a million sources,
/// each further line is a wait for memory.
#[repr(C)]
pub(crate) struct TokenCell {
    /// The number of sources. Background work ends with the last one.
    sources: AtomicUsize,
    fast_path: FastPath,
    shared: Arc<Shared>,
    grants: Box<dyn Grants>,
    account: Arc<str>,
    requested: Arc<str>,
    locked: Mutex<Locked>,
}

/// What the lock guards.
pub(crate) struct Locked {
    pub(crate) state: TokenState,
    /// In a box, since few of many accounts have one.
    pub(crate) fetch: Option<Box<InFlight>>,
    /// How many fetches there have been.
    pub(crate) fetches: u64,
    pub(crate) background: Option<Task>,
    /// The last source is gone.
    pub(crate) is_abandoned: bool,
    pub(crate) counters: Counters,
    pub(crate) times: Times,
    /// In a box, since most sources have no store.
    pub(crate) store: Option<Box<StoreState>>,
}

/// What is known of the store.
#[derive(Default)]
pub(crate) struct StoreState {
    /// The last call failed.
    pub(crate) is_failing: bool,
    /// One moment by this machine's clock and by the store's, if it has one.
    pub(crate) clock: Option<ClockPair>,
    /// Looks at the record now and then.
    pub(crate) watcher: Option<Task>,
    /// Stores what could not be stored at once.
    pub(crate) retry: Option<Task>,
}

/// A fetch in progress.
pub(crate) struct InFlight {
    pub(crate) number: u64,
    pub(crate) completion: Arc<Completion>,
    pub(crate) runtime: Option<RuntimeId>,
    pub(crate) task: Option<Task>,
}

/// The end of a fetch, and the callers that wait for it.
#[derive(Default)]
pub(crate) struct Completion {
    end: OnceLock<End>,
    completed: Notify,
}

struct End {
    /// `None`: the fetch was aborted with its runtime.
    result: Option<Result<Token, Error>>,
    /// A caller that sees the result after this was stopped in between, and the token may have expired.
    late: Deadline,
}

/// The longest time in which a caller that was not stopped sees the result of a fetch.
const PROMPT: Duration = Duration::from_secs(1);

impl Completion {
    /// Returns the fetch's result, or `None` if it was aborted with its runtime.
    pub(crate) async fn wait(&self) -> Option<Result<Token, Error>> {
        // Register before looking, so that no completion is missed between the look and the wait.
        let completed = self.completed.notified();
        if self.end.get().is_none() {
            completed.await;
        }
        self.end.get()?.result.clone()
    }

    /// Whether the fetch ended so long ago that its token may have expired since.
    pub(crate) fn is_late(&self, now: Now) -> bool {
        self.end.get().is_some_and(|end| end.late.has_passed(now))
    }

    pub(crate) fn complete(&self, result: Option<Result<Token, Error>>, now: Now) {
        let _ = self.end.set(End { result, late: Deadline::after(now, PROMPT) });
        self.completed.notify_waiters();
    }
}

/// What a 401 means, and what comes next.
pub(crate) struct Rejected {
    pub(crate) rejection: RejectionOutcome,
    /// The next token may be the same: only the store is asked for a newer one.
    pub(crate) checks_store: bool,
}

impl TokenCell {
    pub(crate) fn new(
        shared: Arc<Shared>,
        grants: Box<dyn Grants>,
        account: Arc<str>,
        requested: Arc<str>,
        record: Option<Record>,
        start: Option<RefreshToken>,
    ) -> Arc<Self> {
        let now = shared.clock.now();
        let has_store = shared.store.is_some();
        let state = TokenState::new(shared.policy, record, start, grants.asks(), has_store, now, &*shared.random);
        let cell = Self {
            fast_path: FastPath::default(),
            locked: Mutex::new(Locked {
                state,
                fetch: None,
                fetches: 0,
                background: None,
                is_abandoned: false,
                counters: Counters::default(),
                times: Times::default(),
                store: has_store.then(Box::default),
            }),
            sources: AtomicUsize::new(0),
            shared,
            grants,
            account,
            requested,
        };
        cell.publish(&lock(&cell.locked), now);
        Arc::new(cell)
    }

    #[inline]
    pub(crate) fn fast_path(&self) -> &FastPath {
        &self.fast_path
    }

    #[inline]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn grants(&self) -> &dyn Grants {
        &*self.grants
    }

    pub(crate) fn locked(&self) -> &Mutex<Locked> {
        &self.locked
    }

    pub(crate) fn now(&self) -> Now {
        self.shared.clock.now()
    }

    pub(crate) fn vendor(&self) -> &'static str {
        self.shared.policy.vendor
    }

    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    pub(crate) fn account_name(&self) -> Arc<str> {
        self.account.clone()
    }

    /// A token has arrived.
    pub(crate) fn record_success(&self) {
        let now = system_time(self.now().wall);
        lock(&self.locked).times.record_success(now);
        #[cfg(feature = "metrics")]
        crate::metrics::record_success(self.vendor(), now);
    }

    /// Under which a store keeps its record.
    pub(crate) fn key(&self) -> Key {
        Key {
            vendor: self.vendor(),
            server: self.shared.server.clone(),
            account: self.account.clone(),
            requested: self.requested.clone(),
        }
    }

    pub(crate) fn seal(&self) -> &Seal {
        self.shared.seal.as_ref().unwrap_or(const { &Seal::none() })
    }

    pub(crate) fn is_single_use(&self) -> bool {
        self.shared.policy.refresh == RefreshTokens::SingleUse
    }

    /// The generation of the next write, above the one in the store.
    pub(crate) fn next_generation(&self, above: u64) -> u64 {
        next_generation(above, self.shared.store.is_some(), self.now())
    }

    /// Tells this cell apart from others that are alive.
    pub(crate) fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    pub(crate) fn error(&self, kind: ErrorKind, action: &'static str) -> Error {
        Error::new(kind, self.vendor(), action)
    }

    /// Lets readers see what the state has decided.
    pub(crate) fn publish(&self, locked: &Locked, now: Now) {
        let state = &locked.state;
        self.fast_path.publish(state.good_token(now).map(|token| (token.clone(), state.ask_again_at(now))));
    }

    /// What a 401 means for the token that `is_it` recognises.
    pub(crate) fn rejected(&self, is_it: impl Fn(&Token) -> bool) -> Rejected {
        let now = self.now();
        let mut locked = lock(&self.locked);
        locked.counters.rejected = locked.counters.rejected.saturating_add(1);
        let current = locked.state.record().and_then(|record| record.token()).filter(|token| is_it(token));
        let rejection = match current.map(Token::generation) {
            Some(generation) => locked.state.reject(generation, self.shared.store.is_some(), now),
            None => RejectionOutcome::Superseded,
        };
        let checks_store = rejection == RejectionOutcome::Renewing && locked.state.checks_store();
        self.publish(&locked, now);
        // A subscriber may ask this very source something.
        drop(locked);
        let (vendor, account) = (self.vendor(), self.account());
        #[cfg(feature = "metrics")]
        crate::metrics::record_rejected(vendor, rejection);
        match rejection {
            // Many calls may have carried the old token.
            RejectionOutcome::Superseded => debug!(vendor, account, ?rejection, "call got 401"),
            _ => info!(vendor, account, ?rejection, "call got 401"),
        }
        Rejected { rejection, checks_store }
    }

    /// A call with the token that `is_it` recognises succeeded.
    pub(crate) fn accepted(&self, is_it: impl Fn(&Token) -> bool) {
        let served = self.fast_path.find(&is_it);
        let current = || lock(&self.locked).state.record().and_then(|record| record.token()).cloned();
        if let Some(token) = served.or_else(|| current().filter(is_it)) {
            token.accept();
        }
    }

    pub(crate) fn credentials_changed(&self) {
        self.grants.forget_refusal();
        let mut locked = lock(&self.locked);
        locked.state.credentials_changed();
        self.publish(&locked, self.now());
    }

    pub(crate) fn new_consent(&self, refresh_token: freshtoken_wire::Secret) {
        let Some(start) = RefreshToken::start(refresh_token) else { return };
        let mut locked = lock(&self.locked);
        locked.state.new_consent(start);
        self.publish(&locked, self.now());
    }

    pub(crate) fn status(&self) -> Status {
        let now = self.now();
        let locked = lock(&self.locked);
        let state = &locked.state;
        let record = state.record();
        Status {
            state: state.state(now),
            is_serving: state.good_token(now).is_some(),
            is_renewing: state.is_fetching(),
            generation: record.map_or(0, |record| record.generation()),
            expires_at: record.and_then(|record| record.token()).and_then(Token::expires_at),
            refresh_expires_at: record.and_then(|record| record.refresh_expires_at()),
            last_success: locked.times.last_success(),
            grant_time: locked.times.grant_time(),
            longest_grant: locked.times.longest_grant(),
            is_store_failing: locked.store.as_ref().is_some_and(|store| store.is_failing),
            last_error: state.error().map(|_| state.last_error(now)),
            counters: locked.counters,
            now: system_time(now.wall),
        }
    }

    /// Whether dropping the cell loses nothing that a login or a store would not bring back, and interrupts nothing.
    pub(crate) fn is_disposable(&self) -> bool {
        let locked = lock(&self.locked);
        let may_lose = self.shared.store.is_some() || self.shared.policy.login || !locked.state.holds_consent();
        !locked.state.is_fetching() && !locked.state.has_unstored() && may_lose
    }

    pub(crate) fn has_one_source(&self) -> bool {
        self.sources.load(Ordering::Acquire) == 1
    }

    /// There is a new source.
    pub(crate) fn add_source(&self) {
        self.sources.fetch_add(1, Ordering::Relaxed);
    }

    /// A source is gone. With the last one, so is everything that can be aborted without losing anything.
    pub(crate) fn remove_source(&self) {
        if self.sources.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        let mut locked = lock(&self.locked);
        locked.is_abandoned = true;
        let background = locked.background.take();
        // What is still to be stored is stored, even if no source is left.
        let watcher = locked.store.as_mut().and_then(|store| store.watcher.take());
        let may_abort = locked.state.may_abort();
        let fetch = locked.fetch.as_mut().filter(|_| may_abort).and_then(|fetch| fetch.task.take());
        drop(locked);
        for task in background.into_iter().chain(watcher).chain(fetch) {
            task.abort();
        }
    }
}
