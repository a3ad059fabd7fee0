//! What a caller gets, when a fetch starts, and what a fetch does next.
//!
//! All of it is a function of state, clock and event: there is no lock, task or request here. `cell` and `fetch` ask, and
//! perform the effects. `request` decides what a fetch sends, `response` what becomes of it.
//!
//! A *fetch* is one round trip to the issuer, shared by every waiting caller: [`TokenState::start_fetch`], then an
//! [`Effect`] after each response of store and issuer, until [`Effect::Done`].

use std::sync::Arc;
use std::time::Duration;

use freshtoken_wire::Secret;

use crate::clock::{Deadline, Now, Random, system_time};
use crate::core::backoff::{Backoff, CONSENT_CHECK, Growth, Rejections, UNUSABLE_WAIT};
use crate::core::schedule::Schedule;
use crate::core::state::pending::Pending;
use crate::core::state::watch::Watch;
use crate::error::{Error, ErrorKind};
use crate::fingerprint::Fingerprint;
use crate::grant_error::GrantError;
use crate::status::{RejectionOutcome, State};
use crate::store::record::{Mark, MarkKind, Record, RefreshToken};
use crate::token::Token;
use crate::vendor::{RefreshTokens, TokenPolicy};

pub(crate) mod pending;
mod request;
mod response;
mod watch;

/// What a caller gets.
#[derive(Debug)]
pub(crate) enum Reply {
    Serve(Token),
    /// And a fetch starts in the background.
    ServeAndFetch(Token),
    /// For the fetch in progress.
    Wait,
    /// A fetch starts, and the caller waits for it.
    Fetch,
    Fail(Error),
}

/// What a fetch does next.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Load the record from the store.
    Load,
    /// Take the lease, or wait until it is free or the record has changed, then load again.
    Lease,
    /// Store what this process remembers, since the store holds something older, then load again.
    PutBack(Arc<Record>),
    /// Wait for the token to expire, then load again.
    Wait(Duration),
    /// Wait for a process that may be alive, then load again. Without the lease: another process may have waited for longer.
    Watch(Duration),
    LogIn,
    /// Store that the refresh token is about to be sent, then send it.
    MarkInUse(Arc<Record>),
    Refresh(Secret),
    /// Store what was issued, notify the callback, then serve it.
    Persist(Pending),
    /// Store what became of the refresh token, then do the other.
    UpdateRefreshToken(Pending, Box<Effect>),
    /// Finish the revocation of a process that is gone.
    FinishRevocation(Arc<Record>),
    /// Revoke a pair that was issued after another process had revoked the account's token.
    RevokePair(Arc<Record>),
    Done(Result<Token, Error>),
}

/// Whether a mark was stored.
#[derive(Debug)]
pub(crate) enum Marked {
    Yes(Arc<Record>),
    Conflict,
    StoreDown(Arc<dyn std::error::Error + Send + Sync>),
    /// It is in the store, but `on_change` failed, or took too long.
    NotPersisted(Arc<Record>, Arc<dyn std::error::Error + Send + Sync>),
}

/// How far a fetch is, and so what would be lost with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// There is none.
    Idle,
    /// Nothing would be lost.
    Started,
    /// A refresh token is on its way, or may be, or is marked and about to be.
    Refreshing,
    /// A new token is about to be stored.
    Persisting,
}

/// The state of one token.
pub(crate) struct TokenState {
    policy: &'static TokenPolicy,
    record: Option<Arc<Record>>,
    schedule: Schedule,
    /// The refresh token from the configuration. It is sent where the record has none that works, and once.
    start: Option<Box<RefreshToken>>,
    /// A person has consented again: the start token takes the place of a pair that works.
    replaces_pair: bool,
    /// A call with the token got 401.
    rejected: bool,
    /// The token is being revoked.
    suspended: bool,
    rejections: Rejections,
    /// Whether a callback is asked for credentials.
    has_callback: bool,
    /// Whether other processes may have a part in this.
    has_store: bool,
    /// The record in the store, as far as is known.
    stored: Option<Arc<Record>>,
    watch: Watch,
    /// The response to the last revocation could not be used.
    has_unusable_revocation: bool,
    progress: Progress,
    /// What was issued and isn't stored yet: no caller gets it before, unless the store is down.
    unstored: Option<Box<Pending>>,
    /// The refresh token that is on its way was sent before, and the response was lost.
    sends_again: bool,
    /// Why the access token that came with what is being stored can't be used.
    unusable: Option<Box<GrantError>>,
    backoff: Backoff,
    /// Only other credentials, or a person, help; or time.
    dead: bool,
    /// The credentials have changed since the fetch started.
    changed_in_fetch: bool,
    /// Why the last fetch failed.
    error: Option<Error>,
    /// Unusable responses in a row.
    unusable_responses: u32,
}

/// What callers get.
impl TokenState {
    pub(crate) fn new(
        policy: &'static TokenPolicy,
        record: Option<Record>,
        start: Option<RefreshToken>,
        has_callback: bool,
        has_store: bool,
        now: Now,
        random: &dyn Random,
    ) -> Self {
        let mut state = Self {
            policy,
            record: None,
            schedule: Schedule::NEVER,
            start: start.map(Box::new),
            replaces_pair: false,
            rejected: false,
            suspended: false,
            rejections: Rejections::new(),
            has_callback,
            has_store,
            stored: None,
            watch: Watch::new(now),
            has_unusable_revocation: false,
            progress: Progress::Idle,
            unstored: None,
            sends_again: false,
            unusable: None,
            backoff: Backoff::new(),
            dead: false,
            changed_in_fetch: false,
            error: None,
            unusable_responses: 0,
        };
        if let Some(record) = record {
            state.set_current(Arc::new(record), now, random);
        }
        state
    }

    pub(crate) fn state(&self, now: Now) -> State {
        let is_waiting = self.backoff.is_waiting(now);
        match self.token() {
            _ if self.dead && is_waiting => State::Dead,
            _ if self.error.is_some() && is_waiting => State::BackingOff,
            _ if self.has_lost_response() => State::Ambiguous,
            None => State::Empty,
            Some(_) if self.good_token(now).is_none() => State::Expired,
            Some(_) if self.schedule.is_due(now) => State::Due,
            Some(_) => State::Fresh,
        }
    }

    /// What a caller gets, in each state.
    pub(crate) fn ask(&self, now: Now) -> Reply {
        let is_fetching = self.is_fetching();
        match (self.state(now), self.good_token(now)) {
            (State::Fresh, Some(token)) => Reply::Serve(token.clone()),
            (State::Due, Some(token)) if is_fetching => Reply::Serve(token.clone()),
            (State::Due, Some(token)) => Reply::ServeAndFetch(token.clone()),
            (State::BackingOff | State::Dead, Some(token)) => Reply::Serve(token.clone()),
            (State::BackingOff | State::Dead, None) if !is_fetching => Reply::Fail(self.last_error(now)),
            // A lost response keeps no caller from a token that is still good. Without a login, there is nothing to do before
            // it has expired.
            (State::Ambiguous, Some(token)) if is_fetching || !self.policy.login => Reply::Serve(token.clone()),
            (State::Ambiguous, Some(token)) => Reply::ServeAndFetch(token.clone()),
            _ if is_fetching => Reply::Wait,
            _ => Reply::Fetch,
        }
    }

    /// The moment from which on [`TokenState::ask`] may return something else than the token that it returns now.
    pub(crate) fn ask_again_at(&self, now: Now) -> Deadline {
        let (stale, is_fetching) = (self.schedule.stale(), self.is_fetching());
        match self.state(now) {
            State::Fresh if !is_fetching => self.schedule.next(),
            State::BackingOff | State::Dead if !is_fetching => self.backoff.retry_at().earlier(stale),
            State::Ambiguous if !self.policy.login => stale,
            State::Due | State::Ambiguous if !is_fetching => Deadline::PAST,
            _ => stale,
        }
    }

    /// How long until there is something to do, even if no caller asks; `None`: nothing, as far as is known.
    pub(crate) fn next_renewal(&self, now: Now) -> Option<Duration> {
        self.token()?;
        let at = match self.state(now) {
            State::BackingOff | State::Dead => self.backoff.retry_at(),
            State::Ambiguous if !self.policy.login => self.schedule.stale(),
            _ => self.schedule.next(),
        };
        (!at.is_never()).then(|| at.remaining(now))
    }

    pub(crate) fn record(&self) -> Option<&Arc<Record>> {
        self.record.as_ref()
    }

    /// The token, if it may be served.
    pub(crate) fn good_token(&self, now: Now) -> Option<&Token> {
        let is_refused = self.rejected || self.suspended || self.replaces_pair || self.is_being_revoked();
        self.token().filter(|_| !is_refused && !self.schedule.is_stale(now))
    }

    /// A process has marked the token as about to be revoked.
    fn is_being_revoked(&self) -> bool {
        self.mark().map(|mark| mark.kind) == Some(MarkKind::Revoke)
    }

    /// The mark on the current record.
    fn mark(&self) -> Option<Mark> {
        self.record.as_ref()?.in_use
    }

    /// A single-use refresh token was sent, and its response won't come: the process that sent it is gone.
    fn has_lost_response(&self) -> bool {
        let is_expected =
            matches!(self.progress, Progress::Refreshing | Progress::Persisting) || self.unstored.is_some();
        !is_expected && matches!(self.mark().map(|mark| mark.kind), Some(MarkKind::First | MarkKind::Again))
    }

    /// Whether the response to a refresh was lost.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.mark().is_some()
    }

    fn token(&self) -> Option<&Token> {
        self.record.as_ref()?.token.as_ref()
    }

    pub(crate) fn is_fetching(&self) -> bool {
        self.progress != Progress::Idle
    }

    /// Whether the fetch can be aborted without losing anything.
    pub(crate) fn may_abort(&self) -> bool {
        let is_repeatable = self.progress == Progress::Refreshing && self.policy.refresh != RefreshTokens::SingleUse;
        self.progress == Progress::Started || is_repeatable
    }

    /// Why the last fetch failed, if none has worked since.
    pub(crate) fn last_error(&self, now: Now) -> Error {
        let error = self.error.clone().unwrap_or_else(|| self.failure(ErrorKind::Unavailable, "get a token"));
        error.after(self.backoff.retry_after(now))
    }

    pub(crate) fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    fn failure(&self, kind: ErrorKind, action: &'static str) -> Error {
        Error::new(kind, self.policy.vendor, action)
    }
}

/// What the program reports.
impl TokenState {
    /// A call with this generation of the token got 401.
    pub(crate) fn reject(&mut self, generation: u64, has_store: bool, now: Now) -> RejectionOutcome {
        let Some(token) = self.token().filter(|token| token.generation() == generation) else {
            return RejectionOutcome::Superseded;
        };
        // It has expired anyway, and its 401 says nothing about the next one: the call may have been slow.
        if self.schedule.may_have_expired(now) {
            return RejectionOutcome::Renewing;
        }
        let has_worked = token.is_accepted();
        let rejection = self.rejections.reject(has_worked, has_store, now);
        self.rejected |= rejection == RejectionOutcome::Renewing;
        rejection
    }

    /// Whether the next fetch only asks the store for a newer token.
    pub(crate) fn checks_store(&self) -> bool {
        self.rejections.checks_store()
    }

    /// The credentials have changed: past failures are forgotten, and so is a failure of the fetch in progress.
    pub(crate) fn credentials_changed(&mut self) {
        self.recover();
        self.changed_in_fetch = self.is_fetching();
    }

    /// A person has consented again. A token that was sent before changes nothing.
    pub(crate) fn new_consent(&mut self, start: RefreshToken) {
        self.start = Some(Box::new(start));
        self.replaces_pair = self.unused_start().is_some();
        if self.replaces_pair {
            self.credentials_changed();
        }
    }

    /// Whether the source has a refresh token that only a person could replace.
    pub(crate) fn holds_consent(&self) -> bool {
        let has_refresh_token = self.record.as_ref().is_some_and(|record| record.refresh.is_some());
        has_refresh_token || self.unused_start().is_some()
    }

    /// While a token is being revoked, it isn't served.
    pub(crate) fn suspend(&mut self) {
        self.suspended = true;
    }

    /// The revocation failed: the token is served again.
    pub(crate) fn resume(&mut self) {
        self.suspended = false;
    }

    /// Whether the token has expired on both clocks, so that there is nothing left to revoke.
    pub(crate) fn has_expired(&self, token: &Token, now: Now) -> bool {
        let is_current = self.token().is_some_and(|current| current.generation() == token.generation());
        if is_current {
            self.schedule.has_expired(now)
        } else {
            token.expires_at().is_some_and(|at| at <= system_time(now.wall))
        }
    }

    /// The response to a revocation can't be used. Returns whether that is the second time in a row.
    pub(crate) fn is_unusable_again(&mut self) -> bool {
        std::mem::replace(&mut self.has_unusable_revocation, true)
    }

    /// The record that takes the place of the current one, once it is revoked.
    pub(crate) fn revoked(&self, now: Now) -> Arc<Record> {
        let generation = self.next_generation(now);
        let record = self.record.as_deref().cloned().unwrap_or_else(|| Record::empty(0));
        Arc::new(record.revoked(generation))
    }

    /// The current record, marked as about to be revoked.
    pub(crate) fn marked_for_revocation(&self, now: Now) -> Arc<Record> {
        let mut record = self.next_record(now);
        record.in_use = Some(Mark::new(MarkKind::Revoke));
        Arc::new(record)
    }

    /// The current record without its mark.
    pub(crate) fn unmarked(&self, now: Now) -> Arc<Record> {
        Arc::new(Record { in_use: None, ..self.next_record(now) })
    }

    /// The store holds the current record with another mark, or none.
    pub(crate) fn mark_stored(&mut self, record: Arc<Record>) {
        self.stored = Some(record.clone());
        self.record = Some(record);
    }

    /// The token is revoked, and this record takes its place.
    pub(crate) fn forget(&mut self, revoked: Arc<Record>) {
        self.stored = Some(revoked.clone());
        self.record = Some(revoked);
        self.unstored = None;
        self.has_unusable_revocation = false;
        self.rejected = false;
        self.suspended = false;
        self.backoff.allow_at_once();
        self.schedule = Schedule::NEVER;
    }
}

/// What the parts share.
impl TokenState {
    /// The start token, unless it was sent before.
    fn unused_start(&self) -> Option<&RefreshToken> {
        let start = self.start.as_deref()?;
        let fingerprint = Fingerprint::of(&start.secret);
        let was_sent = self.record.as_ref().is_some_and(|record| record.starts.contains(&fingerprint));
        (!was_sent).then_some(start)
    }

    fn next_generation(&self, now: Now) -> u64 {
        let known = [&self.record, &self.stored].into_iter().flatten().map(|record| record.generation).max();
        next_generation(known.unwrap_or_default(), self.has_store, now)
    }

    /// The current record, one generation on, to be changed.
    fn next_record(&self, now: Now) -> Record {
        let record = self.record.as_deref().cloned().unwrap_or_else(|| Record::empty(0));
        Record { generation: self.next_generation(now), ..record }
    }

    /// Makes a record the current one, with all deadlines of its token.
    fn set_current(&mut self, record: Arc<Record>, now: Now, random: &dyn Random) {
        // A change of the refresh token alone doesn't make a rejected token good.
        let is_same_token = record.token.as_ref().map(Token::generation) == self.token().map(Token::generation);
        self.rejected &= is_same_token;
        self.suspended &= is_same_token;
        if !is_same_token {
            self.rejections.new_token();
        }
        self.schedule.update(self.record.as_deref(), &record, self.policy, now, random);
        self.record = Some(self.with_known_starts(record));
    }

    /// Adds the start tokens that this process knows to have been sent. The record of a process that started while the store was
    /// down has none, and could take the place of one that did.
    fn with_known_starts(&self, record: Arc<Record>) -> Arc<Record> {
        let known = self.record.iter().flat_map(|ours| &ours.starts);
        let missing: Vec<_> = known.filter(|start| !record.starts.contains(start)).cloned().collect();
        if missing.is_empty() {
            return record;
        }
        let mut record = Record::clone(&record);
        record.starts.extend(missing);
        Arc::new(record)
    }

    fn back_off(&mut self, growth: Growth, error: Error, retry_after: Option<Duration>, now: Now) -> Effect {
        self.dead = false;
        let wait = self.backoff.failed(growth, retry_after, now);
        self.done(Err(error.after(Some(wait))))
    }

    fn wait_while_unusable(&mut self, error: Error, now: Now) -> Effect {
        self.dead = true;
        let wait = self.backoff.wait(UNUSABLE_WAIT, now);
        self.done(Err(error.after(Some(wait))))
    }

    /// The credentials are refused. They are tried again after an hour; a callback is asked sooner for others.
    fn wait_for_credentials(&mut self, error: Error, now: Now) -> Effect {
        self.dead = true;
        let wait = self.backoff.wait_for_credentials(self.has_callback, now);
        self.done(Err(error.after(Some(wait))))
    }

    /// Only a person can help, by a new consent or another setting. Another process may learn of it first.
    fn wait_for_person(&mut self, error: Error, now: Now) -> Effect {
        self.dead = true;
        if self.has_store {
            self.backoff.wait(CONSENT_CHECK, now);
        } else {
            self.backoff.wait_forever();
        }
        self.done(Err(error.after(None)))
    }

    fn done(&mut self, result: Result<Token, Error>) -> Effect {
        match &result {
            Ok(_) => self.recover(),
            Err(_) if std::mem::take(&mut self.changed_in_fetch) => self.recover(),
            Err(error) => self.error = Some(error.clone()),
        }
        Effect::Done(result)
    }

    fn recover(&mut self) {
        self.backoff.reset();
        self.dead = false;
        self.error = None;
        self.unusable_responses = 0;
    }
}

/// The generation of the next write: above the one in the store and the one in memory, and with a store at least the time in
/// milliseconds. So it never repeats, even if the store loses its data.
pub(crate) fn next_generation(above: u64, has_store: bool, now: Now) -> u64 {
    let at_least = if has_store { now.wall / 1_000_000 } else { 0 };
    at_least.max(above.saturating_add(1))
}
