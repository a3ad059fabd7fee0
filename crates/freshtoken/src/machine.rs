//! The states of a slot: what a caller gets, when a flight starts, and what a flight does next.
//!
//! All of it is a function of state, clock and event; there is no lock, task or request in here. `slot` asks it, and
//! `flight` does as it says.
//!
//! A *flight* is one journey to the issuer for all who wait: [`Machine::take_off`], then a [`Step`] after each answer of
//! store and issuer, until [`Step::Land`].

use std::sync::Arc;
use std::time::Duration;

use freshtoken_wire::Verdict;

use crate::clock::{Deadline, Now, Random};
use crate::fingerprint::Fingerprint;
use crate::token::{KeepsOld, RefreshToken};
use crate::{Error, ErrorKind, Failure, Issued, Policy, Record, Refresh, Renew, Secret, Token};

/// How long before its end a token isn't given out any more, so that a call arrives in time; less where its life is short.
const MARGIN: Duration = Duration::from_secs(5);

/// The least margin, and the one where nothing can be done before the expiry anyway; at most half a token's life. An
/// issuer's `Date` cuts off up to a second.
const LEAST_MARGIN: Duration = Duration::from_secs(1);

/// How long after its end a token surely is expired by the issuer's clock, so that refreshing it isn't early.
const GUARD: Duration = Duration::from_secs(2);

/// By how much who slept until a moment may come early by the coarse clock, a tick of which is 1 to 10 ms.
const TICK: Duration = Duration::from_millis(50);

/// By which part of its life, at most, a renewal is earlier than the policy says, so that tokens of one moment aren't
/// renewed at one moment.
const JITTER: f64 = 0.05;

/// By which part of itself, at most, a back-off is longer.
const BACK_OFF_JITTER: f64 = 0.25;

/// Between two flights: so much at least, whatever lives the issuer gives its tokens.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

/// The wait after a first failure; it doubles with each further one in a row.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);

/// The longest wait that isn't the vendor's own wish.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

/// The longest wait after a response that may not be the vendor's, and before a refresh token whose response was lost is
/// sent once more.
const LONGEST_CAREFUL_BACK_OFF: Duration = Duration::from_secs(10 * 60);

/// The longest wait that a vendor may wish for: nobody means more.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// How long nothing is tried again after answers that make no sense, or a redirect. No vendor has refused anything then:
/// something may answer in its place, and go away.
const UNUSABLE: Duration = Duration::from_secs(10 * 60);

/// The wait between the first renewal for a 401 and the next one, where no call succeeds with the new token. It doubles with
/// each further one, up to [`LONGEST_REJECTION_WAIT`]: a permanent 401 costs at most 40 logins a day.
const FIRST_REJECTION_WAIT: Duration = Duration::from_secs(1);

/// See [`FIRST_REJECTION_WAIT`].
const LONGEST_REJECTION_WAIT: Duration = Duration::from_secs(60 * 60);

/// How long refused credentials are not sent again.
const REFUSED: Duration = Duration::from_secs(60 * 60);

/// The wait after a first refusal before a callback is asked again whether the credentials have changed. It doubles with each
/// further one, up to [`REFUSED`].
const FIRST_CREDENTIALS_CHECK: Duration = Duration::from_secs(60);

/// What is going on with a token: for a health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// There has been no token yet, or it was revoked: the next caller waits for one.
    Empty,
    /// The token is good.
    Fresh,
    /// The token is good, and the next caller has it renewed in the background.
    Due,
    /// The token has ended or was rejected: the next caller waits for another.
    Expired,
    /// The last try failed, and the next isn't due yet. A token that is still good is given out.
    BackingOff,
    /// A single-use refresh token was sent, and the response was lost: the next caller has the source log in. Where the
    /// vendor has no login, a token that is still good is served until it expires; then the refresh token is sent once
    /// more.
    Ambiguous,
    /// Only other credentials, or a person's consent, help; or, after [`ErrorKind::Unusable`], ten minutes. A token that is
    /// still good is given out until its end.
    Dead,
}

/// What a caller gets.
#[derive(Debug)]
pub(crate) enum Reply {
    Serve(Token),
    /// And a flight starts in the background.
    ServeAndFly(Token),
    /// For the flight that is under way.
    Wait,
    /// A flight starts, and the caller waits for it.
    Fly,
    Fail(Error),
}

/// What a call's 401 means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// A newer token is there or under way: get it and try again.
    Superseded,
    /// The token won't be given out again: the next caller has it renewed. Get that one and try again.
    Renewing,
    /// It replaced a rejected one, and no call has succeeded with it: a third one would not help. The account lacks a
    /// permission, or the call is wrong. See [`TokenSource::rejected`](crate::TokenSource::rejected).
    PermissionProblem,
}

/// What a flight does next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Look into the store.
    Load,
    /// Wait for the token to expire, then look into the store again.
    Wait(Duration),
    LogIn,
    /// Store that the refresh token is about to be used, then send it.
    Mark(Arc<Record>),
    Refresh(Secret),
    /// Store what was issued, tell of it, then land.
    Keep(Arc<Record>),
    /// Store that the refresh token is gone, then do the other.
    Forget(Arc<Record>, Box<Step>),
    Land(Result<Token, Error>),
}

/// Whether the store is asked before a 401 counts as a permission problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StoreCheck {
    None,
    /// The next flight only loads.
    Wanted,
    /// The store has no newer token.
    Done,
}

/// How far a flight is: what would be lost with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// There is none.
    Ground,
    /// Nothing would.
    Up,
    /// A refresh token is on its way, or may be, or is about to be and is marked so.
    Refreshing,
    /// A new token is about to be stored.
    Keeping,
}

pub(crate) struct Machine {
    policy: &'static Policy,
    record: Option<Arc<Record>>,
    /// The refresh token from the configuration. It is sent where the record has none that works, and once.
    start: Option<Box<RefreshToken>>,
    /// A person has consented anew: the start token takes the place of a pair that works.
    replaces_pair: bool,
    /// When the token is renewed in the background.
    due: Deadline,
    /// When it isn't given out any more.
    stale: Deadline,
    /// When it ends.
    end: Deadline,
    /// When the refresh token expires.
    refresh_end: Deadline,
    /// A call with it got 401.
    rejected: bool,
    /// It is being revoked.
    suspended: bool,
    /// Renewals for a 401 in a row, without a call that succeeded in between.
    rejections: u32,
    /// Until then, a 401 with a token that never worked is a permission problem.
    rejection_wait: Deadline,
    /// Whether the store knows a newer token than one that is about to be a permission problem.
    store_check: StoreCheck,
    /// Whether a callback is asked for credentials.
    asks: bool,
    /// The response to the last revocation couldn't be used.
    has_unusable_revocation: bool,
    /// In a row.
    refusals: u32,
    /// When refused credentials may be sent again.
    repeat_at: Deadline,
    flight: Progress,
    /// What was issued and isn't stored yet: nobody gets it before.
    keeping: Option<Arc<Record>>,
    /// The refresh token that is on its way was sent before, and the response was lost.
    sends_again: bool,
    /// Why the access token that came with what is being stored can't be used.
    unusable: Option<Failure>,
    dead: bool,
    /// The credentials have changed since the flight took off.
    changed_in_flight: bool,
    /// Why the last flight failed.
    error: Option<Error>,
    /// In a row.
    failures: u32,
    /// What chance adds to the next back-off, from 0 to 1.
    luck: f64,
    unusable_answers: u32,
    retry_at: Deadline,
    /// When the next flight may start, whatever asks for it.
    earliest: Deadline,
}

impl Machine {
    pub(crate) fn new(
        policy: &'static Policy,
        record: Option<Record>,
        start: Option<RefreshToken>,
        asks: bool,
        now: Now,
        random: &dyn Random,
    ) -> Self {
        let mut machine = Self {
            policy,
            record: None,
            start: start.map(Box::new),
            replaces_pair: false,
            due: Deadline::NEVER,
            stale: Deadline::NEVER,
            end: Deadline::NEVER,
            refresh_end: Deadline::NEVER,
            rejected: false,
            suspended: false,
            rejections: 0,
            rejection_wait: Deadline::PAST,
            store_check: StoreCheck::None,
            asks,
            has_unusable_revocation: false,
            refusals: 0,
            repeat_at: Deadline::PAST,
            flight: Progress::Ground,
            keeping: None,
            sends_again: false,
            unusable: None,
            dead: false,
            changed_in_flight: false,
            error: None,
            failures: 0,
            luck: 0.0,
            unusable_answers: 0,
            retry_at: Deadline::PAST,
            earliest: Deadline::PAST,
        };
        if let Some(record) = record {
            machine.hold(Arc::new(record), now, random);
        }
        machine
    }

    pub(crate) fn state(&self, now: Now) -> State {
        match self.token() {
            _ if self.dead && !self.retry_at.has_passed(now) => State::Dead,
            _ if self.error.is_some() && !self.retry_at.has_passed(now) => State::BackingOff,
            _ if self.has_lost_answer() => State::Ambiguous,
            None => State::Empty,
            Some(_) if self.good_token(now).is_none() => State::Expired,
            Some(_) if self.due.has_passed(now) => State::Due,
            Some(_) => State::Fresh,
        }
    }

    /// What a caller gets, in each state.
    pub(crate) fn ask(&self, now: Now) -> Reply {
        let is_flying = self.is_flying();
        match (self.state(now), self.good_token(now)) {
            (State::Fresh, Some(token)) => Reply::Serve(token.clone()),
            (State::Due, Some(token)) if is_flying => Reply::Serve(token.clone()),
            (State::Due, Some(token)) => Reply::ServeAndFly(token.clone()),
            (State::BackingOff | State::Dead, Some(token)) => Reply::Serve(token.clone()),
            (State::BackingOff | State::Dead, None) if !is_flying => Reply::Fail(self.last_error(now)),
            // A lost answer keeps nobody from using a token that is still good. Without a login, there is nothing to do before
            // it has expired.
            (State::Ambiguous, Some(token)) if is_flying || !self.policy.login => Reply::Serve(token.clone()),
            (State::Ambiguous, Some(token)) => Reply::ServeAndFly(token.clone()),
            _ if is_flying => Reply::Wait,
            _ => Reply::Fly,
        }
    }

    /// The moment from which on [`Machine::ask`] may have another answer than the token that it gives now.
    pub(crate) fn look_again(&self, now: Now) -> Deadline {
        match self.state(now) {
            State::Fresh if !self.is_flying() => self.due.or(self.stale),
            State::BackingOff | State::Dead if !self.is_flying() => self.retry_at.or(self.stale),
            State::Ambiguous if !self.policy.login => self.stale,
            State::Due | State::Ambiguous if !self.is_flying() => Deadline::PAST,
            _ => self.stale,
        }
    }

    /// When there will be something to do, without anyone asking; None: nothing, as it looks now.
    pub(crate) fn next_renewal(&self, now: Now) -> Option<Duration> {
        let at = match self.state(now) {
            State::Empty => return None,
            State::BackingOff | State::Dead => self.retry_at,
            State::Ambiguous if !self.policy.login => self.stale,
            _ => self.due.or(self.stale),
        };
        (!at.is_never()).then(|| at.remaining(now))
    }

    pub(crate) fn record(&self) -> Option<&Arc<Record>> {
        self.record.as_ref()
    }

    /// The token, if it may be given out.
    pub(crate) fn good_token(&self, now: Now) -> Option<&Token> {
        let is_refused = self.rejected || self.suspended || self.replaces_pair;
        self.token().filter(|_| !is_refused && !self.stale.has_passed(now))
    }

    /// A single-use refresh token was sent, and its answer won't come: the one who sent it is gone.
    fn has_lost_answer(&self) -> bool {
        let refresh = self.record.as_ref().and_then(|record| record.refresh.as_ref());
        let is_expected = matches!(self.flight, Progress::Refreshing | Progress::Keeping) || self.keeping.is_some();
        !is_expected && refresh.is_some_and(|refresh| refresh.in_use)
    }

    fn token(&self) -> Option<&Token> {
        self.record.as_ref()?.token.as_ref()
    }

    pub(crate) fn is_flying(&self) -> bool {
        self.flight != Progress::Ground
    }

    /// Whether the flight can be given up without losing anything.
    pub(crate) fn may_abort(&self) -> bool {
        let repeatable = self.flight == Progress::Refreshing && self.policy.refresh != Refresh::SingleUse;
        self.flight == Progress::Up || repeatable
    }

    /// Why the last flight failed, if none has worked since.
    pub(crate) fn last_error(&self, now: Now) -> Error {
        let error = self.error.clone().unwrap_or_else(|| self.failure(ErrorKind::Unavailable, "get a token"));
        error.after((!self.retry_at.is_never()).then(|| self.retry_at.remaining(now) + TICK))
    }

    pub(crate) fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// A call with this generation of the token got 401.
    pub(crate) fn reject(&mut self, generation: u64, has_store: bool, now: Now) -> Rejection {
        let Some(token) = self.token().filter(|token| token.generation() == generation) else {
            return Rejection::Superseded;
        };
        // It has expired anyway, and its 401 says nothing of the next one: a call may have been under way for long.
        if self.end.has_passed(now) {
            return Rejection::Renewing;
        }
        if token.is_accepted() {
            self.rejections = 0;
        } else if !self.rejection_wait.has_passed(now) {
            // A new token would not help, unless another process has stored one.
            if !has_store || self.store_check == StoreCheck::Done {
                return Rejection::PermissionProblem;
            }
            self.store_check = StoreCheck::Wanted;
        }
        self.rejected = true;
        Rejection::Renewing
    }

    /// Whether the next flight only looks whether the store has a newer token.
    pub(crate) fn checks_store(&self) -> bool {
        self.store_check == StoreCheck::Wanted
    }

    /// The credentials have changed, or so the user says: what they failed with is forgotten, and what a flight under way
    /// may fail with.
    pub(crate) fn credentials_changed(&mut self) {
        self.recover();
        self.changed_in_flight = self.is_flying();
    }

    fn recover(&mut self) {
        self.refusals = 0;
        self.repeat_at = Deadline::PAST;
        self.dead = false;
        self.error = None;
        self.failures = 0;
        self.unusable_answers = 0;
        self.retry_at = Deadline::PAST;
    }

    /// A flight starts; after this wait it may look into the store. What else it has to wait for depends on what it finds
    /// there: see [`Step::Wait`].
    pub(crate) fn take_off(&mut self, now: Now, random: &dyn Random) -> Duration {
        self.flight = Progress::Up;
        self.changed_in_flight = false;
        self.luck = random.unit();
        if self.keeping.is_some() {
            return Duration::ZERO;
        }
        if self.rejected { Duration::ZERO } else { self.earliest.remaining(now) }
    }

    /// How long a refresh has to wait for the expiry of the record that was just loaded, or `None` where it needn't.
    ///
    /// Only for the guard: if one of the clocks is off by more, a login takes the refresh's place, see `grant`.
    fn wait_for_expiry(&self, now: Now) -> Option<Duration> {
        let until_sure = self.end.plus(GUARD).remaining_on_both(now);
        let waits = self.policy.renew == Renew::AtExpiry
            && self.token().is_some()
            && self.next_refresh_token(now).is_some()
            && !self.rejected
            && !self.replaces_pair
            && !self.is_surely_expired(now)
            && until_sure <= GUARD + LEAST_MARGIN;
        waits.then_some(until_sure)
    }

    /// Whether the token has expired by the issuer's clock too, as far as can be known.
    fn is_surely_expired(&self, now: Now) -> bool {
        self.token().is_none() || self.end.plus(GUARD - TICK).has_surely_passed(now)
    }

    /// What the store holds; None: nothing, or it can't be asked. It says whether that is news.
    pub(crate) fn learn(&mut self, stored: Option<Arc<Record>>, now: Now, random: &dyn Random) -> bool {
        let ours = self.record.as_ref().map(|record| record.generation);
        let newer = stored.filter(|stored| ours.is_none_or(|ours| stored.generation > ours));
        let is_news = newer.is_some();
        if let Some(newer) = newer {
            self.hold(newer, now, random);
        }
        is_news
    }

    /// Another process has stored something meanwhile, and it counts: what is in the store is news, whatever its
    /// generation.
    pub(crate) fn yield_to_store(&mut self) {
        if let Some(record) = &mut self.record {
            *record = Arc::new(Record { generation: 0, refresh: None, ..(**record).clone() });
        }
        self.recover();
    }

    /// What the store holds, for a flight.
    pub(crate) fn loaded(&mut self, stored: Option<Arc<Record>>, now: Now, random: &dyn Random) -> Step {
        let mut is_news = self.learn(stored, now, random);
        if self.store_check == StoreCheck::Wanted {
            // There is no newer token: a further 401 with this one is a permission problem.
            self.store_check = StoreCheck::Done;
            self.rejected = false;
            is_news = true;
        }
        match is_news.then(|| self.good_token(now).cloned()).flatten() {
            Some(token) => self.land(Ok(token)),
            None => match self.wait_for_expiry(now) {
                Some(wait) => Step::Wait(wait),
                None => self.grant(now),
            },
        }
    }

    /// The grant to make.
    fn grant(&mut self, now: Now) -> Step {
        let refresh = match self.next_refresh_token(now) {
            Some(RefreshSource::Record(refresh)) if self.may_send(now) => Some(refresh.clone()),
            Some(RefreshSource::Start) if self.may_send(now) => self.take_start(),
            _ => None,
        };
        match refresh {
            Some(refresh) if self.policy.refresh == Refresh::SingleUse => {
                self.flight = Progress::Refreshing;
                self.sends_again = refresh.in_use;
                let mut record = self.next_record();
                record.refresh = Some(RefreshToken { in_use: true, ..refresh });
                Step::Mark(Arc::new(record))
            }
            Some(refresh) => {
                self.flight = Progress::Refreshing;
                Step::Refresh(refresh.secret)
            }
            None if self.policy.login => Step::LogIn,
            None => {
                let error = self.failure(ErrorKind::ConsentNeeded, "refresh");
                self.die(error, None, now)
            }
        }
    }

    /// The refresh token to send at the next renewal: the record's, or else a start token that was never sent.
    fn next_refresh_token(&self, now: Now) -> Option<RefreshSource<'_>> {
        if self.policy.refresh == Refresh::None {
            return None;
        }
        let own = self.record.as_ref().and_then(|record| record.refresh.as_ref());
        let is_over = self.refresh_end.has_surely_passed(now);
        let works = own.filter(|own| !own.in_use && !is_over && !self.replaces_pair);
        // Only a login makes up for a refresh token that isn't sent. Without one, the issuer decides about one that seems to
        // have expired, and one whose response was lost is sent once more.
        let may_work = own.filter(|_| !self.policy.login);
        let start = || self.unused_start().map(|_| RefreshSource::Start);
        works.map(RefreshSource::Record).or_else(start).or(may_work.map(RefreshSource::Record))
    }

    /// Whether a refresh token may be sent now.
    ///
    /// Refreshed early at a vendor that wants it at the expiry, it would be lost, and the live token with it. Where the clocks
    /// disagree, or a call got 401 before the expiry, a login is safe.
    fn may_send(&self, now: Now) -> bool {
        let is_early = self.policy.renew == Renew::AtExpiry && !self.is_surely_expired(now);
        !is_early || !self.policy.login || self.replaces_pair
    }

    /// The start token, unless it was sent before.
    fn unused_start(&self) -> Option<&RefreshToken> {
        let start = self.start.as_deref()?;
        let fingerprint = Fingerprint::of(&start.secret);
        let was_sent = self.record.as_ref().is_some_and(|record| record.starts.contains(&fingerprint));
        (!was_sent).then_some(start)
    }

    /// Makes the start token the record's, which remembers it from here on.
    fn take_start(&mut self) -> Option<RefreshToken> {
        let start = self.unused_start()?.clone();
        let mut record = self.record.as_deref().cloned().unwrap_or_else(|| Record::empty(0));
        record.starts.push(Fingerprint::of(&start.secret));
        record.refresh = Some(start.clone());
        self.refresh_end = Deadline::NEVER;
        self.record = Some(Arc::new(record));
        self.replaces_pair = false;
        Some(start)
    }

    /// A person has consented anew. A token that was sent before changes nothing.
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

    /// Whether the mark of [`Step::Mark`] is in the store. Only then is the refresh token sent.
    pub(crate) fn marked(&mut self, marked: Marked, now: Now) -> Step {
        match marked {
            Marked::Yes(record) => {
                self.flight = Progress::Refreshing;
                let secret = record.refresh.as_ref().map(|refresh| refresh.secret.clone());
                self.record = Some(record);
                match secret {
                    Some(secret) => Step::Refresh(secret),
                    None => self.grant(now),
                }
            }
            // Another one was faster.
            Marked::Conflict => {
                self.flight = Progress::Up;
                Step::Load
            }
            Marked::NotPersisted(record, cause) => {
                self.record = Some(record);
                if self.policy.login {
                    self.flight = Progress::Up;
                    return Step::LogIn;
                }
                self.flight = Progress::Keeping;
                let error = Error::caused(ErrorKind::Store, self.policy.vendor, "refresh", cause);
                let step = self.back_off(error, None, now);
                self.unmark(step)
            }
            // A store that is down is no outage where a login can do.
            Marked::StoreDown(_) if self.policy.login => {
                self.flight = Progress::Up;
                Step::LogIn
            }
            Marked::StoreDown(cause) => {
                self.flight = Progress::Up;
                let error = Error::caused(ErrorKind::Store, self.policy.vendor, "refresh", cause);
                self.back_off(error, None, now)
            }
        }
    }

    /// What a login answered.
    pub(crate) fn logged_in(&mut self, answer: Result<Issued, Failure>, now: Now) -> Step {
        match answer.and_then(|issued| self.next_issued(issued, KeepsOld::No, now)) {
            Ok(issued) => self.issued(issued, now),
            Err(failure) => self.failed(failure, "log in", now),
        }
    }

    /// What a refresh answered.
    ///
    /// The refresh token of a single-use refresh stays marked as in use until the answer says that it wasn't used.
    pub(crate) fn refreshed(&mut self, answer: Result<Issued, Failure>, now: Now) -> Step {
        let is_single_use = self.policy.refresh == Refresh::SingleUse;
        let keeps_old = if is_single_use { KeepsOld::No } else { KeepsOld::Yes };
        let failure = match answer.and_then(|issued| self.next_issued(issued, keeps_old, now)) {
            Ok(issued) => return self.issued(issued, now),
            Err(failure) => failure,
        };
        // What the store says of the refresh token must not be lost, see `forgotten`.
        self.flight = Progress::Keeping;
        let is_lost = is_single_use && failure.ambiguous;
        if is_lost && !self.policy.login {
            return self.lost(failure, now);
        }
        // A vendor that doesn't list what it says of a spent token refuses it by the status alone. The login tells
        // whether it is the credentials.
        let is_spent = failure.verdict == Verdict::Relogin
            || (failure.verdict == Verdict::Permanent && failure.refused && self.policy.login);
        if !is_lost && !is_spent {
            let step = self.failed(failure, "refresh", now);
            if !is_single_use {
                self.flight = Progress::Up;
                return step;
            }
            return self.unmark(step);
        }
        let next = match (self.policy.login, failure.retry_after) {
            (true, None) if is_lost => Step::Load,
            (true, None) => Step::LogIn,
            (true, Some(wait)) => {
                let error = Error::caused(ErrorKind::Unavailable, self.policy.vendor, "refresh", failure.cause);
                self.back_off(error, Some(wait), now)
            }
            // A person may have consented anew.
            (false, None) if self.unused_start().is_some() => Step::Load,
            (false, _) => {
                let error = Error::caused(ErrorKind::ConsentNeeded, self.policy.vendor, "refresh", failure.cause);
                self.die(error, None, now)
            }
        };
        let mut record = self.next_record();
        record.refresh = None;
        let record = Arc::new(record);
        self.record = Some(record.clone());
        Step::Forget(record, Box::new(next))
    }

    /// The response to a single-use refresh was lost, and there is no login. The refresh token stays, marked: once the access
    /// token has expired, it is sent once more, since nothing is left to lose. Only the issuer's refusal ends in asking
    /// for consent.
    fn lost(&mut self, failure: Failure, now: Now) -> Step {
        self.flight = Progress::Up;
        let error = Error::caused(ErrorKind::Unavailable, self.policy.vendor, "refresh", failure.cause);
        self.back_off_to(LONGEST_CAREFUL_BACK_OFF, error, failure.retry_after, now)
    }

    /// The refresh token wasn't spent: the mark on it goes.
    fn unmark(&mut self, next: Step) -> Step {
        // An earlier request with it may have been acted on, though this one was not.
        if std::mem::take(&mut self.sends_again) {
            self.flight = Progress::Up;
            return next;
        }
        let mut record = self.next_record();
        if let Some(refresh) = &mut record.refresh {
            refresh.in_use = false;
        }
        let record = Arc::new(record);
        self.record = Some(record.clone());
        Step::Forget(record, Box::new(next))
    }

    /// It is in the store that the refresh token is gone, or isn't in use.
    pub(crate) fn forgotten(&mut self) {
        self.flight = Progress::Up;
    }

    fn next_generation(&self) -> u64 {
        self.record.as_ref().map_or(1, |record| record.generation.saturating_add(1))
    }

    /// What is known, one generation on, to be changed.
    fn next_record(&self) -> Record {
        let mut record = self.record.as_deref().cloned().unwrap_or_else(|| Record::empty(0));
        record.generation = self.next_generation();
        record
    }

    fn next_issued(&self, issued: Issued, keeps_old: KeepsOld, now: Now) -> Result<(Record, Option<Failure>), Failure> {
        Record::of(issued, self.record.as_deref(), keeps_old, self.policy, self.next_generation(), now)
    }

    fn issued(&mut self, (record, failure): (Record, Option<Failure>), now: Now) -> Step {
        let record = Arc::new(record);
        self.unusable = failure;
        self.flight = Progress::Keeping;
        self.keeping = Some(record.clone());
        self.earliest = Deadline::after(now, LEAST_INTERVAL);
        Step::Keep(record)
    }

    /// What a flight issued that went down before it was stored: it is to be stored before anything else.
    pub(crate) fn unkept(&mut self) -> Option<Arc<Record>> {
        let record = self.keeping.clone()?;
        self.flight = Progress::Keeping;
        Some(record)
    }

    /// Takes a record over, with all deadlines of its token.
    pub(crate) fn hold(&mut self, record: Arc<Record>, now: Now, random: &dyn Random) {
        // A change of the refresh token alone doesn't make a rejected token good.
        let is_same_token = record.token.as_ref().map(Token::generation) == self.token().map(Token::generation);
        self.rejected &= is_same_token;
        self.suspended &= is_same_token;
        if !is_same_token {
            self.store_check = StoreCheck::None;
        }
        (self.due, self.stale, self.end) =
            match record.token.as_ref().and_then(|token| deadlines(token, self.policy, now, random)) {
                Some(deadlines) => deadlines,
                None => (Deadline::NEVER, Deadline::NEVER, Deadline::NEVER),
            };
        // Of a refresh token that is known already, the deadline stays: a wall clock that was set since says nothing of it.
        let secret = |record: &Record| record.refresh.as_ref().map(|refresh| refresh.secret.clone());
        if self.record.as_deref().and_then(secret) != secret(&record) || self.refresh_end.is_never() {
            let expires_at = record.refresh.as_ref().and_then(|refresh| refresh.expires_at);
            self.refresh_end = expires_at.map_or(Deadline::NEVER, |at| Deadline::at_wall(at, now));
        }
        self.record = Some(record);
    }

    /// The record is stored, or couldn't be: the token is good all the same.
    pub(crate) fn kept(&mut self, record: Arc<Record>, now: Now, random: &dyn Random) -> Step {
        self.keeping = None;
        if self.rejected {
            let wait = FIRST_REJECTION_WAIT.saturating_mul(1 << self.rejections.min(16)).min(LONGEST_REJECTION_WAIT);
            self.rejections = self.rejections.saturating_add(1);
            self.rejection_wait = Deadline::after(now, wait);
        }
        self.hold(record, now, random);
        match (self.unusable.take(), self.token().cloned()) {
            (None, Some(token)) => self.land(Ok(token)),
            (failure, _) => {
                let failure = failure.unwrap_or_else(|| Failure::unusable("there is no token in the record"));
                self.failed(failure, "get a token", now)
            }
        }
    }

    fn failed(&mut self, failure: Failure, action: &'static str, now: Now) -> Step {
        self.unusable_answers = if failure.unusable { self.unusable_answers + 1 } else { 0 };
        let retry_after = failure.retry_after;
        if failure.is_unchanged {
            let error = self.error.clone().unwrap_or_else(|| self.failure(ErrorKind::Refused, action));
            return self.refuse(error, now);
        }
        let error = |kind| Error::caused(kind, self.policy.vendor, action, failure.cause.clone());
        match failure.verdict {
            _ if failure.is_bare => {
                self.back_off_to(LONGEST_CAREFUL_BACK_OFF, error(ErrorKind::Unusable), retry_after, now)
            }
            Verdict::Transient if self.unusable_answers < 2 => {
                self.back_off(error(ErrorKind::Unavailable), retry_after, now)
            }
            Verdict::Transient => self.die(error(ErrorKind::Unusable), Some(UNUSABLE), now),
            _ if failure.is_redirect => self.die(error(ErrorKind::Unusable), Some(UNUSABLE), now),
            _ => {
                let error = error(ErrorKind::Refused);
                self.repeat_at = Deadline::after(now, REFUSED.saturating_sub(TICK));
                self.refuse(error, now)
            }
        }
    }

    /// The credentials are refused. The next try comes after an hour; a callback is asked sooner whether they have changed.
    fn refuse(&mut self, error: Error, now: Now) -> Step {
        let check = FIRST_CREDENTIALS_CHECK.saturating_mul(1 << self.refusals.min(16));
        let until_repeat = self.repeat_at.remaining(now) + TICK;
        let wait = if self.asks { check.min(until_repeat) } else { until_repeat };
        self.refusals = self.refusals.saturating_add(1);
        self.die(error, Some(wait), now)
    }

    /// Whether refused credentials may be sent again.
    pub(crate) fn may_repeat(&self, now: Now) -> bool {
        self.repeat_at.has_passed(now)
    }

    fn back_off(&mut self, error: Error, retry_after: Option<Duration>, now: Now) -> Step {
        self.back_off_to(LONGEST_BACK_OFF, error, retry_after, now)
    }

    fn back_off_to(&mut self, longest: Duration, error: Error, retry_after: Option<Duration>, now: Now) -> Step {
        self.dead = false;
        let doublings = self.failures.min(16);
        self.failures = self.failures.saturating_add(1);
        let own = FIRST_BACK_OFF.saturating_mul(1 << doublings).min(longest);
        let wished = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        let wait = own.max(wished) + own.mul_f64(BACK_OFF_JITTER * self.luck);
        // Who sleeps as long as told finds it over, by the coarse clock as well.
        self.retry_at = Deadline::after(now, wait.saturating_sub(TICK));
        self.land(Err(error.after(Some(wait))))
    }

    /// Nothing is tried again before so long; None: never.
    fn die(&mut self, error: Error, wait: Option<Duration>, now: Now) -> Step {
        self.dead = true;
        self.retry_at = wait.map_or(Deadline::NEVER, |wait| Deadline::after(now, wait.saturating_sub(TICK)));
        self.land(Err(error.after(wait)))
    }

    fn land(&mut self, result: Result<Token, Error>) -> Step {
        match &result {
            Ok(_) => self.recover(),
            Err(_) if std::mem::take(&mut self.changed_in_flight) => self.recover(),
            Err(error) => self.error = Some(error.clone()),
        }
        Step::Land(result)
    }

    /// The flight is over: it has landed, or it went down with its runtime.
    ///
    /// What was issued and isn't stored yet stays in [`Machine::unkept`], for the next flight.
    pub(crate) fn touch_down(&mut self) {
        // A refresh token that is marked as in use stays so: it may have left, and its answer is lost with the flight.
        self.flight = Progress::Ground;
    }

    /// While it is being revoked, a token isn't given out.
    pub(crate) fn suspend(&mut self, is_suspended: bool) {
        self.suspended = is_suspended;
    }

    /// Whether the token is over by both clocks, so that there is nothing left to revoke.
    pub(crate) fn has_ended(&self, now: Now) -> bool {
        self.end.has_surely_passed(now)
    }

    /// A response to a revocation can't be used. Says whether that is the second time in a row.
    pub(crate) fn is_unusable_again(&mut self) -> bool {
        std::mem::replace(&mut self.has_unusable_revocation, true)
    }

    /// The token is revoked. Gives the empty record that takes its place.
    pub(crate) fn forget(&mut self) -> Arc<Record> {
        let generation = self.next_generation();
        let empty = Arc::new(
            self.record.as_ref().map_or_else(|| Record::empty(generation), |record| record.revoked(generation)),
        );
        self.record = Some(empty.clone());
        self.has_unusable_revocation = false;
        self.rejected = false;
        self.earliest = Deadline::PAST;
        (self.due, self.stale, self.end) = (Deadline::NEVER, Deadline::NEVER, Deadline::NEVER);
        empty
    }

    fn failure(&self, kind: ErrorKind, action: &'static str) -> Error {
        Error::new(kind, self.policy.vendor, action)
    }
}

/// Where the refresh token of a renewal comes from.
enum RefreshSource<'a> {
    Record(&'a RefreshToken),
    Start,
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

/// When a token is due, stale and at its end; None: nobody knows its end.
fn deadlines(token: &Token, policy: &Policy, now: Now, random: &dyn Random) -> Option<(Deadline, Deadline, Deadline)> {
    let (life, age) = (token.life()?, token.age(now));
    // A token from a store may have been due, or at its end, for long: how long matters to a refresh that must not be
    // early.
    let at_age = |then: Duration| match then.checked_sub(age) {
        Some(wait) => Deadline::after(now, wait),
        None => Deadline::before(now, age - then),
    };
    let due = match policy.renew {
        Renew::AtExpiry => None,
        Renew::Early(part) => Some(life.mul_f64((part - JITTER * random.unit()).clamp(0.0, 1.0))),
        Renew::Before(margin) => {
            let early = margin.min(life / 2);
            Some(life - early.mul_f64(1.0 + JITTER * random.unit()).min(life))
        }
    };
    // Half of what is left when it is due is for the renewal, or nobody would be served meanwhile with a short-lived token.
    let margin = match due {
        None => LEAST_MARGIN,
        Some(due) => MARGIN.min(life.saturating_sub(due) / 2).max(LEAST_MARGIN),
    };
    let stale = at_age(life - margin.min(life / 2));
    Some((due.map_or(Deadline::NEVER, at_age), stale, at_age(life)))
}
