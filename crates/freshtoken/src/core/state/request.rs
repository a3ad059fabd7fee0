//! A fetch: from its start to the request.

use std::sync::Arc;
use std::time::Duration;

use super::{Effect, Marked, Progress, TokenState};
use crate::core::backoff::Growth;
use crate::core::clock::{Now, Random};
use crate::error::{Error, ErrorKind};
use crate::fingerprint::Fingerprint;
use crate::store::record::{Record, RefreshToken};
use crate::vendor::{RefreshTokens, Renewal};

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

    /// What an aborted fetch issued: it is stored before anything else.
    pub(crate) fn unstored(&mut self) -> Option<Arc<Record>> {
        let record = self.unstored.clone()?;
        self.progress = Progress::Persisting;
        Some(record)
    }

    /// Takes over what the store holds, if it is newer; `None`: nothing, or it can't be reached. Returns whether it is newer.
    pub(crate) fn adopt_if_newer(&mut self, stored: Option<Arc<Record>>, now: Now, random: &dyn Random) -> bool {
        let ours = self.record.as_ref().map(|record| record.generation);
        let newer = stored.filter(|stored| ours.is_none_or(|ours| stored.generation > ours));
        let is_newer = newer.is_some();
        if let Some(newer) = newer {
            self.set_current(newer, now, random);
        }
        is_newer
    }

    /// Another process has stored something meanwhile, and that is used: whatever is in the store is newer.
    pub(crate) fn yield_to_store(&mut self) {
        if let Some(record) = &mut self.record {
            *record = Arc::new(Record { generation: 0, refresh: None, ..(**record).clone() });
        }
        self.recover();
    }

    /// What the store holds.
    pub(crate) fn loaded(&mut self, stored: Option<Arc<Record>>, now: Now, random: &dyn Random) -> Effect {
        let mut may_serve = self.adopt_if_newer(stored, now, random);
        if self.rejections.store_checked() {
            // There is no newer token: a further 401 with this one is a permission problem.
            self.rejected = false;
            may_serve = true;
        }
        match may_serve.then(|| self.good_token(now).cloned()).flatten() {
            Some(token) => self.done(Ok(token)),
            None => match self.wait_for_expiry(now) {
                Some(wait) => Effect::Wait(wait),
                None => self.grant(now),
            },
        }
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
        let refresh = match self.next_refresh_token(now) {
            Some(RefreshSource::Record(refresh)) if self.may_send(now) => Some(refresh.clone()),
            Some(RefreshSource::Start) if self.may_send(now) => self.take_start(),
            _ => None,
        };
        match refresh {
            Some(refresh) if self.policy.refresh == RefreshTokens::SingleUse => {
                self.progress = Progress::Refreshing;
                self.sends_again = refresh.in_use;
                let mut record = self.next_record();
                record.refresh = Some(RefreshToken { in_use: true, ..refresh });
                Effect::MarkInUse(Arc::new(record))
            }
            Some(refresh) => {
                self.progress = Progress::Refreshing;
                Effect::Refresh(refresh.secret)
            }
            None if self.policy.login => Effect::LogIn,
            None => {
                let error = self.failure(ErrorKind::ConsentNeeded, "refresh");
                self.wait_for_person(error)
            }
        }
    }

    /// The refresh token to send at the next renewal: the record's, or else a start token that was never sent.
    fn next_refresh_token(&self, now: Now) -> Option<RefreshSource<'_>> {
        if self.policy.refresh == RefreshTokens::None {
            return None;
        }
        let own = self.record.as_ref().and_then(|record| record.refresh.as_ref());
        let has_expired = self.schedule.has_refresh_token_expired(now);
        let works = own.filter(|own| !own.in_use && !has_expired && !self.replaces_pair);
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

    /// Moves the start token into the record, which remembers it from here on.
    fn take_start(&mut self) -> Option<RefreshToken> {
        let start = self.unused_start()?.clone();
        let mut record = self.record.as_deref().cloned().unwrap_or_else(|| Record::empty(0));
        record.starts.push(Fingerprint::of(&start.secret));
        record.refresh = Some(start.clone());
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
                self.record = Some(record);
                if self.policy.login {
                    self.progress = Progress::Started;
                    return Effect::LogIn;
                }
                self.progress = Progress::Persisting;
                let failed = self.store_failed(cause, now);
                self.unmark(failed)
            }
            // A store that is down is no outage where a login can do.
            Marked::StoreDown(_) if self.policy.login => {
                self.progress = Progress::Started;
                Effect::LogIn
            }
            Marked::StoreDown(cause) => {
                self.progress = Progress::Started;
                self.store_failed(cause, now)
            }
        }
    }

    fn store_failed(&mut self, cause: Arc<dyn std::error::Error + Send + Sync>, now: Now) -> Effect {
        let error = Error::caused(ErrorKind::Store, self.policy.vendor, "refresh", cause);
        self.back_off(Growth::ToAMinute, error, None, now)
    }
}

/// Where the refresh token of a renewal comes from.
enum RefreshSource<'a> {
    Record(&'a RefreshToken),
    Start,
}
