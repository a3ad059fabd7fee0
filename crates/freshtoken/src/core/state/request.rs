//! A fetch: from its start to the request.

use std::sync::Arc;
use std::time::Duration;

use super::pending::Pending;
use super::{Effect, Marked, Progress, TokenState};
use crate::clock::{Deadline, Now, Random};
use crate::core::backoff::Growth;
use crate::error::{Error, ErrorKind};
use crate::fingerprint::Fingerprint;
use crate::limits;
use crate::store::record::{Mark, MarkKind, Record, RefreshToken};
use crate::vendor::{RefreshTokens, Renewal};

/// How often a process looks at the record while it waits for one that may be alive.
const LOOK: Duration = Duration::from_secs(1);

/// A longer wait for a process that may be alive ends the fetch: its callers get an error that says how long it is.
const LONGEST_QUIET_IN_A_FETCH: Duration = Duration::from_secs(60);

/// A second request with a refresh token is sent only if this much of the vendor's grace period is left: it takes a while to
/// arrive.
const GRACE_MARGIN: Duration = Duration::from_secs(5);

impl TokenState {
    /// A fetch starts. After this wait it may look into the store; whether it has to wait for the expiry depends on what it
    /// finds there.
    pub(crate) fn start_fetch(&mut self, now: Now, random: &dyn Random) -> Duration {
        self.progress = Progress::Started;
        self.changed_in_fetch = false;
        self.backoff.start(random.unit());
        if self.unstored.is_some() || self.rejected { Duration::ZERO } else { self.backoff.least_interval(now) }
    }

    /// The fetch has completed, or was aborted with its runtime.
    ///
    /// What was issued and isn't stored yet stays in [`TokenState::unstored`], for the next fetch.
    pub(crate) fn finish_fetch(&mut self) {
        // A refresh token that is marked stays so: it may have been sent, and its response is lost with the fetch.
        self.progress = Progress::Idle;
    }

    /// Whether refused credentials may be sent again.
    pub(crate) fn may_repeat(&self, now: Now) -> bool {
        self.backoff.may_repeat(now)
    }

    /// What was issued and isn't stored yet: it is stored before anything else.
    pub(crate) fn unstored(&mut self) -> Option<Pending> {
        let pending = self.unstored.as_deref().cloned()?;
        self.progress = Progress::Persisting;
        Some(pending)
    }

    /// Whether there is anything to store.
    pub(crate) fn has_unstored(&self) -> bool {
        self.unstored.is_some()
    }

    /// What is still to be stored.
    pub(crate) fn peek_unstored(&self) -> Option<Pending> {
        self.unstored.as_deref().cloned()
    }

    /// The generation in the store, as far as is known.
    pub(crate) fn stored_generation(&self) -> u64 {
        self.stored.as_ref().map_or(0, |stored| stored.generation)
    }

    /// Takes over what the store holds, if it is newer. Returns whether it is newer.
    pub(crate) fn adopt_if_newer(&mut self, stored: Option<Arc<Record>>, now: Now, random: &dyn Random) -> bool {
        let newer = stored.filter(|stored| self.record.as_ref().is_none_or(|ours| stored.is_newer_than(ours)));
        let is_newer = newer.is_some();
        if let Some(newer) = newer {
            self.set_current(newer, now, random);
        }
        is_newer
    }

    /// What the store holds. Only the holder of the lease decides on a request.
    pub(crate) fn loaded(
        &mut self,
        stored: Option<Arc<Record>>,
        has_lease: bool,
        now: Now,
        random: &dyn Random,
    ) -> Effect {
        if let Some(record) = self.looked(stored.clone(), now) {
            return Effect::PutBack(record);
        }
        let is_newer = self.adopt_if_newer(stored, now, random);
        // A token that is never renewed early may be good again: a revocation has failed since the fetch started.
        let mut may_serve = is_newer || (self.policy.renew == Renewal::AtExpiry && !self.logs_in_early());
        if self.rejections.store_checked() {
            // There is no newer token: a further 401 with this one is a permission problem.
            self.rejected = false;
            may_serve = true;
        }
        match may_serve.then(|| self.good_token(now).cloned()).flatten() {
            Some(token) => self.done(Ok(token)),
            None if has_lease => self.decide(now),
            None => Effect::Lease,
        }
    }

    /// This process has looked at the record. Returns what it remembers, if that is newer: the store has lost its last write, or
    /// all of its data.
    ///
    /// It is stored as a new generation, so that no compare-and-store from before the loss can match it. It is marked, since
    /// this process does not know whether the refresh token has been sent since.
    pub(crate) fn looked(&mut self, stored: Option<Arc<Record>>, now: Now) -> Option<Arc<Record>> {
        self.watch.saw(stored.as_ref().map_or(0, |stored| stored.generation), now);
        self.stored = stored;
        // A record that the source starts from has no generation: whatever is in the store is newer.
        let ours = self.record.as_ref().filter(|ours| self.has_store && ours.generation > 0)?;
        if self.stored.as_ref().is_some_and(|stored| !ours.is_newer_than(stored)) {
            return None;
        }
        let mut record = self.next_record(now);
        if self.policy.refresh == RefreshTokens::SingleUse && record.refresh.is_some() {
            record.in_use = Some(Mark::new(MarkKind::PutBack));
        }
        Some(Arc::new(record))
    }

    /// The store holds what this process remembers.
    pub(crate) fn put_back(&mut self, record: Arc<Record>, now: Now, random: &dyn Random) {
        self.stored = Some(record.clone());
        self.unstored = None;
        self.set_current(record, now, random);
    }

    /// The store fails, so what other processes know is unknown. That is no outage where a login can do.
    pub(crate) fn without_store(&mut self, cause: Arc<dyn std::error::Error + Send + Sync>, now: Now) -> Effect {
        self.progress = Progress::Started;
        let is_single_use = self.policy.refresh == RefreshTokens::SingleUse;
        if self.policy.login && is_single_use {
            return Effect::LogIn;
        }
        let needs_store = is_single_use || self.next_refresh_token(now).is_none();
        if needs_store && !self.policy.login { self.store_failed(cause, now) } else { self.grant(now) }
    }

    /// A setting is missing, and nothing is sent without it.
    pub(crate) fn misconfigured(&mut self, cause: Arc<dyn std::error::Error + Send + Sync>, now: Now) -> Effect {
        let error = Error::caused(ErrorKind::Settings, self.policy.vendor, "get a token", cause);
        self.wait_for_person(error, now)
    }

    /// What the holder of the lease does.
    fn decide(&mut self, now: Now) -> Effect {
        if self.is_being_revoked()
            && let Some(record) = self.record.clone()
        {
            return Effect::FinishRevocation(record);
        }
        if let Some(wait) = self.wait_for_expiry(now) {
            return Effect::Wait(wait);
        }
        if self.may_be_good_again(now) {
            return Effect::Watch(LOOK);
        }
        if let Some(record) = self.record.as_deref().filter(|_| self.has_store && self.sends_lost_token(now)) {
            // There is nothing to do before the token has expired.
            if let Some(token) = self.good_token(now).cloned() {
                return self.done(Ok(token));
            }
            let wait = self.watch.remaining(record, now).max(self.remaining(now));
            if wait > LONGEST_QUIET_IN_A_FETCH {
                let error = self.failure(ErrorKind::Unavailable, "refresh");
                let wait = self.backoff.wait(wait, now);
                return self.done(Err(error.after(Some(wait))));
            }
            if !wait.is_zero() {
                return Effect::Watch(wait.min(LOOK));
            }
        }
        self.grant(now)
    }

    /// Whether the token is only being revoked, by this process. If that fails, it is good again, and a refresh before its expiry
    /// would have spoiled it. A revocation holds the lease, but may have lost it.
    fn may_be_good_again(&self, now: Now) -> bool {
        let is_early = self.token().is_some() && !self.schedule.has_definitely_expired(now);
        self.suspended && is_early && self.policy.renew == Renewal::AtExpiry && !self.policy.login
    }

    /// Whether a lost response is followed by a login while the token is still good.
    fn logs_in_early(&self) -> bool {
        self.policy.login && self.has_lost_response()
    }

    /// Whether the next request sends a refresh token whose response was lost.
    fn sends_lost_token(&self, now: Now) -> bool {
        self.mark().is_some() && matches!(self.next_refresh_token(now), Some(RefreshSource::Record(_)))
    }

    /// How long until the access token has definitely expired. One that a call got a 401 with counts as expired.
    fn remaining(&self, now: Now) -> Duration {
        let is_over = self.token().is_none() || self.rejected || self.replaces_pair;
        if is_over { Duration::ZERO } else { self.schedule.until_definitely_expired(now) }
    }

    /// How long a refresh has to wait for the expiry of the record that was just loaded, or `None` if it need not.
    fn wait_for_expiry(&self, now: Now) -> Option<Duration> {
        let waits = self.policy.renew == Renewal::AtExpiry
            && self.token().is_some()
            && self.next_refresh_token(now).is_some()
            && !self.rejected
            && !self.replaces_pair;
        waits.then(|| self.schedule.wait_for_expiry(now)).flatten()
    }

    /// The request to make.
    fn grant(&mut self, now: Now) -> Effect {
        if let Some(wait) = self.wait_for_limit(now) {
            let error = Error::caused(ErrorKind::Unavailable, self.policy.vendor, "get a token", limit_reached());
            let wait = self.backoff.wait(wait, now);
            return self.done(Err(error.after(Some(wait))));
        }
        let refresh = match self.next_refresh_token(now) {
            Some(RefreshSource::Record(refresh)) if self.may_send(now) => Some(refresh.clone()),
            Some(RefreshSource::Start) if self.may_send(now) => self.take_start(),
            _ => None,
        };
        match refresh {
            Some(refresh) if self.policy.refresh == RefreshTokens::SingleUse => {
                self.progress = Progress::Refreshing;
                let mut record = self.next_record(now);
                self.sends_again = record.in_use.is_some();
                record.refresh = Some(refresh);
                record.in_use = Some(self.next_mark());
                Effect::MarkInUse(Arc::new(record))
            }
            Some(refresh) => {
                self.progress = Progress::Refreshing;
                Effect::Refresh(refresh.secret)
            }
            None if self.policy.login => Effect::LogIn,
            None => {
                let error = self.failure(ErrorKind::ConsentNeeded, "refresh");
                self.wait_for_person(error, now)
            }
        }
    }

    /// Returns for how long a limit of the vendor forbids another token.
    ///
    /// Above the limit of grants, a request is refused. Above the limit of live tokens, a new token ends an older one, which does
    /// not matter if none of them works.
    fn wait_for_limit(&self, now: Now) -> Option<Duration> {
        let record = self.record.as_ref()?;
        let mut wait = limits::wait_for_grant(record.grants(), self.policy, now);
        if let Some(token) = self.good_token(now) {
            wait = wait.max(limits::wait_for_room(record.grants(), token.lifetime(), self.policy, now));
        }
        (!wait.is_zero()).then_some(wait)
    }

    /// The refresh token to send at the next renewal: the record's, or else a start token that was never sent.
    fn next_refresh_token(&self, now: Now) -> Option<RefreshSource<'_>> {
        if self.policy.refresh == RefreshTokens::None {
            return None;
        }
        let own = self.record.as_ref().and_then(|record| record.refresh.as_ref());
        let is_in_use = self.mark().is_some();
        let has_expired = self.schedule.has_refresh_token_expired(now);
        let works = own.filter(|_| !is_in_use && !has_expired && !self.replaces_pair);
        // Only a login makes up for a refresh token that isn't sent. Without one, the issuer decides about one that seems to
        // have expired, and one whose response was lost is sent once more.
        let may_work = own.filter(|_| !self.policy.login);
        let start = || self.unused_start().map(|_| RefreshSource::Start);
        works.map(RefreshSource::Record).or_else(start).or(may_work.map(RefreshSource::Record))
    }

    /// Whether a refresh token may be sent now.
    ///
    /// A vendor that wants it at the expiry spoils the pair if it comes early. Where the clocks disagree, or a call got 401
    /// before the expiry, a login is safe.
    fn may_send(&self, now: Now) -> bool {
        let has_expired = self.token().is_none() || self.schedule.has_definitely_expired(now);
        let is_early = self.policy.renew == Renewal::AtExpiry && !has_expired;
        !is_early || !self.policy.login || self.replaces_pair
    }

    /// The lease was lost before the request: nothing was sent, and the mark counts as any other process's.
    pub(crate) fn not_sent(&mut self) -> Effect {
        self.progress = Progress::Started;
        Effect::Load
    }

    /// Moves the start token into the record, which remembers it from here on.
    fn take_start(&mut self) -> Option<RefreshToken> {
        let start = self.unused_start()?.clone();
        let mut record = self.record.as_deref().cloned().unwrap_or_else(|| Record::empty(0));
        record.starts.push(Fingerprint::of(&start.secret));
        record.refresh = Some(start.clone());
        record.in_use = None;
        self.schedule.forget_refresh_expiry();
        self.record = Some(Arc::new(record));
        self.replaces_pair = false;
        Some(start)
    }

    /// Whether the mark of [`Effect::MarkInUse`] is in the store. Only then is the refresh token sent.
    pub(crate) fn marked(&mut self, marked: Marked, now: Now) -> Effect {
        match marked {
            Marked::Yes(record) => {
                self.progress = Progress::Refreshing;
                let secret = record.refresh.as_ref().map(|refresh| refresh.secret.clone());
                // It is about to be sent, and the store may lose the record that says so.
                self.start.take_if(|start| Some(&start.secret) == secret.as_ref());
                self.stored = Some(record.clone());
                self.record = Some(record);
                match secret {
                    Some(secret) => Effect::Refresh(secret),
                    None => self.grant(now),
                }
            }
            // Another process was faster.
            Marked::Conflict => {
                self.progress = Progress::Started;
                Effect::Load
            }
            Marked::NotPersisted(record, cause) => {
                self.stored = Some(record.clone());
                self.record = Some(record);
                if self.policy.login {
                    self.progress = Progress::Started;
                    return Effect::LogIn;
                }
                self.progress = Progress::Persisting;
                let failed = self.store_failed(cause, now);
                self.unmark(failed, now)
            }
            Marked::StoreDown(cause) => self.without_store(cause, now),
        }
    }

    /// Whether the vendor takes a refresh token once more that was sent at this moment.
    ///
    /// It counts from the moment at which it acted on the first request, which is then or later.
    pub(super) fn is_in_grace(&self, sent: Now, now: Now) -> bool {
        let grace = self.policy.grace.filter(|_| !self.sends_again);
        grace.is_some_and(|grace| !Deadline::after(sent, grace - GRACE_MARGIN.min(grace / 2)).has_passed(now))
    }

    /// Sends the refresh token whose response was lost once more. It is marked again, so that other processes leave it alone for
    /// another quiet time; if one of them has changed the record since, nothing is sent.
    pub(super) fn send_again(&mut self, now: Now) -> Effect {
        self.progress = Progress::Refreshing;
        self.sends_again = true;
        // The two requests count as one that was lost.
        let in_use = Some(Mark::again(self.mark().map_or(0, |mark| mark.losses)));
        Effect::MarkInUse(Arc::new(Record { in_use, ..self.next_record(now) }))
    }

    /// The mark of the next request with the record's refresh token.
    fn next_mark(&self) -> Mark {
        match self.record.as_deref().filter(|record| record.in_use.is_some()) {
            Some(record) => Mark::again(self.watch.losses(record)),
            None => Mark::new(MarkKind::First),
        }
    }

    fn store_failed(&mut self, cause: Arc<dyn std::error::Error + Send + Sync>, now: Now) -> Effect {
        let error = Error::caused(ErrorKind::Store, self.policy.vendor, "refresh", cause);
        self.back_off(Growth::ToAMinute, error, None, now)
    }
}

fn limit_reached() -> Arc<dyn std::error::Error + Send + Sync> {
    let message = "the vendor issues no more tokens to this account for now, and another request could block it";
    Box::<dyn std::error::Error + Send + Sync>::from(message).into()
}

/// Where the refresh token of a renewal comes from.
enum RefreshSource<'a> {
    Record(&'a RefreshToken),
    Start,
}
