//! A fetch: from the response to its completion.

use std::sync::Arc;

use super::pending::{Grant, Outcome, Pending};
use super::{Effect, Progress, TokenState};
use crate::clock::{Now, Random};
use crate::core::backoff::Growth;
use crate::error::{Error, ErrorKind};
use crate::grant_error::{GrantError, GrantErrorKind};
use crate::issued_tokens::IssuedTokens;
use crate::store::record::{Ended, KeepsOld, Record};
use crate::token::Token;
use crate::vendor::RefreshTokens;

impl TokenState {
    /// The result of a login.
    pub(crate) fn logged_in(&mut self, result: Result<IssuedTokens, GrantError>, now: Now) -> Effect {
        match result.and_then(|issued| self.next_issued(issued, KeepsOld::No, now)) {
            Ok(issued) => self.issued(issued, Grant::Login, now),
            Err(failure) => self.failed(failure, "log in", now),
        }
    }

    /// The result of a refresh that was sent at this moment.
    ///
    /// The refresh token of a single-use refresh stays marked until the response says that it wasn't used.
    pub(crate) fn refreshed(&mut self, result: Result<IssuedTokens, GrantError>, sent: Now, now: Now) -> Effect {
        let is_single_use = self.policy.refresh == RefreshTokens::SingleUse;
        let leaves_none = is_single_use && !self.policy.keeps_refresh_token;
        let keeps_old = if leaves_none { KeepsOld::No } else { KeepsOld::Yes };
        let result = result.map(|issued| self.with_kept_values(self.with_kept_token(issued)));
        let failure = match result.and_then(|issued| self.next_issued(issued, keeps_old, now)) {
            Ok((record, failure)) => {
                let record = record.refreshed(self.record.as_deref(), self.policy);
                return self.issued((record, failure), Grant::Refresh, now);
            }
            Err(failure) => failure,
        };
        // What becomes of the refresh token must get into the store, see `refresh_token_updated`.
        self.progress = Progress::Persisting;
        let is_lost = is_single_use && failure.is_ambiguous;
        if is_lost && failure.retry_after.is_none() && self.is_in_grace(sent, now) {
            return self.send_again(now);
        }
        if is_lost && !self.policy.login {
            return self.lost(failure, now);
        }
        // A vendor that does not list its code for a used refresh token refuses it by status alone. A login shows whether the
        // credentials are the cause.
        let is_spent = match failure.kind {
            GrantErrorKind::Relogin => true,
            // Without one, a refusal of a token that was sent before says that it was used then.
            GrantErrorKind::Unlisted => self.policy.login || self.sends_again,
            GrantErrorKind::Bare => self.policy.login,
            _ => false,
        };
        if !is_lost && !is_spent {
            let effect = self.failed(failure, "refresh", now);
            if !is_single_use {
                self.progress = Progress::Started;
                return effect;
            }
            return self.unmark(effect, now);
        }
        let next = match (self.policy.login, failure.retry_after) {
            (true, None) if is_lost => Effect::Load,
            (true, None) => Effect::LogIn,
            (true, Some(wait)) => {
                let error = Error::caused(ErrorKind::Unavailable, self.policy.vendor, "refresh", failure.cause);
                self.back_off(Growth::ToAMinute, error, Some(wait), now)
            }
            // A person may have consented again.
            (false, None) if self.unused_start().is_some() => Effect::Load,
            (false, _) => {
                let error = Error::caused(ErrorKind::ConsentNeeded, self.policy.vendor, "refresh", failure.cause);
                self.wait_for_person(error, now)
            }
        };
        let mut record = self.next_record(now);
        record.refresh = None;
        record.in_use = None;
        record.ended = (!self.policy.login).then_some(Ended::Refused);
        self.update_refresh_token(record, next)
    }

    /// The response to a single-use refresh was lost, and there is no login. The refresh token stays, marked: once the access
    /// token has expired, it is sent once more, since nothing is left to lose. Only the issuer's refusal ends in asking
    /// for consent.
    fn lost(&mut self, failure: GrantError, now: Now) -> Effect {
        self.progress = Progress::Started;
        // A process that waits for others shows them first that it is one of them.
        if self.has_store && failure.retry_after.is_none() {
            return Effect::Load;
        }
        let error = Error::caused(ErrorKind::Unavailable, self.policy.vendor, "refresh", failure.cause);
        self.back_off(Growth::ToTenMinutes, error, failure.retry_after, now)
    }

    /// The refresh token was not used: its mark is removed.
    pub(super) fn unmark(&mut self, next: Effect, now: Now) -> Effect {
        // An earlier request with it may have been acted on, even if this one was not.
        if std::mem::take(&mut self.sends_again) {
            self.progress = Progress::Started;
            self.watch.answered(self.record.as_ref().map_or(0, |record| record.generation));
            return next;
        }
        let mut record = self.next_record(now);
        record.in_use = None;
        self.update_refresh_token(record, next)
    }

    fn update_refresh_token(&mut self, record: Record, next: Effect) -> Effect {
        let record = Arc::new(record);
        self.record = Some(record.clone());
        let pending = Pending { record, base: self.stored.clone(), grant: Grant::Refresh };
        Effect::UpdateRefreshToken(pending, Box::new(next))
    }

    /// What became of the refresh token is in the store, or something newer is.
    pub(crate) fn refresh_token_updated(
        &mut self,
        pending: Pending,
        outcome: Outcome,
        next: Effect,
        now: Now,
        random: &dyn Random,
    ) -> Effect {
        self.progress = Progress::Started;
        match outcome {
            Outcome::Stored(record) => {
                self.unstored = None;
                self.stored = Some(record.clone());
                self.record = Some(record);
                next
            }
            Outcome::Superseded(newer) | Outcome::Revoked(newer) => {
                self.unstored = None;
                self.recover();
                self.set_current(newer, now, random);
                Effect::Load
            }
            Outcome::Unknown => {
                self.unstored = Some(Box::new(pending));
                next
            }
        }
    }

    /// Returns the current token for another lifetime, if the response to a refresh says that it stays.
    fn with_kept_token(&self, issued: IssuedTokens) -> IssuedTokens {
        match self.token().filter(|_| self.policy.keeps_access_token && issued.access_token.is_empty()) {
            Some(old) => old.renewed(issued),
            None => issued,
        }
    }

    /// Adds the kept values of the current token that the response to a refresh does not repeat.
    fn with_kept_values(&self, mut issued: IssuedTokens) -> IssuedTokens {
        let old = self.record.as_ref().and_then(|record| record.token.as_ref());
        for (name, value) in old.map(Token::all_kept).unwrap_or_default() {
            if !issued.kept.iter().any(|(kept, _)| kept == name) {
                issued.kept.push((name.clone(), value.clone()));
            }
        }
        issued
    }

    fn next_issued(
        &self,
        issued: IssuedTokens,
        keeps_old: KeepsOld,
        now: Now,
    ) -> Result<(Record, Option<GrantError>), GrantError> {
        Record::of(issued, self.record.as_deref(), keeps_old, self.policy, self.next_generation(now), now)
    }

    fn issued(&mut self, (record, failure): (Record, Option<GrantError>), grant: Grant, now: Now) -> Effect {
        let pending = Pending { record: Arc::new(record), base: self.stored.clone(), grant };
        self.unusable = failure.map(Box::new);
        self.progress = Progress::Persisting;
        self.unstored = Some(Box::new(pending.clone()));
        self.backoff.issued(now);
        Effect::Persist(pending)
    }

    /// The record is stored, or could not be. The token is served in both cases.
    pub(crate) fn persisted(&mut self, pending: &Pending, outcome: Outcome, now: Now, random: &dyn Random) -> Effect {
        if self.rejected {
            self.rejections.renewed(now);
        }
        let record = match outcome {
            Outcome::Stored(record) => {
                self.unstored = None;
                self.stored = Some(record.clone());
                record
            }
            // It stays to be stored.
            Outcome::Unknown => pending.record.clone(),
            Outcome::Superseded(newer) => {
                self.unstored = None;
                self.stored = Some(newer.clone());
                // Ours is served if it is the better one, but it is not stored, nor remembered as something to put back.
                let ours = Record { generation: 0, pair: 0, refresh: None, ..(*pending.record).clone() };
                self.set_current(newer, now, random);
                if self.good_token(now).is_none() && ours.token.is_some() {
                    self.set_current(Arc::new(ours), now, random);
                }
                return match self.good_token(now).cloned() {
                    Some(token) => self.done(Ok(token)),
                    None => Effect::Load,
                };
            }
            Outcome::Revoked(revoked) => {
                self.unstored = None;
                self.stored = Some(revoked.clone());
                self.set_current(revoked, now, random);
                return Effect::RevokePair(pending.record.clone());
            }
        };
        self.set_current(record, now, random);
        match (self.unusable.take(), self.token().cloned()) {
            (None, Some(token)) => self.done(Ok(token)),
            (failure, _) => {
                let failure = failure.map(|failure| *failure);
                let failure = failure.unwrap_or_else(|| GrantError::unusable("there is no token in the record"));
                self.failed(failure, "get a token", now)
            }
        }
    }

    /// What could not be stored at once is stored by now, or something newer is.
    pub(crate) fn stored_late(&mut self, pending: &Pending, outcome: Outcome, now: Now, random: &dyn Random) {
        if self.unstored.as_ref().is_none_or(|unstored| !Arc::ptr_eq(&unstored.record, &pending.record)) {
            return;
        }
        match outcome {
            Outcome::Stored(record) | Outcome::Superseded(record) | Outcome::Revoked(record) => {
                self.unstored = None;
                self.stored = Some(record.clone());
                self.set_current(record, now, random);
            }
            Outcome::Unknown => {}
        }
    }

    fn failed(&mut self, failure: GrantError, action: &'static str, now: Now) -> Effect {
        self.unusable_responses =
            if failure.kind == GrantErrorKind::Unusable { self.unusable_responses + 1 } else { 0 };
        let error = |kind| Error::caused(kind, self.policy.vendor, action, failure.cause.clone());
        match failure.kind {
            GrantErrorKind::Unchanged => {
                let error = self.error.clone().unwrap_or_else(|| self.failure(ErrorKind::Refused, action));
                self.wait_for_credentials(error, now)
            }
            GrantErrorKind::Bare => {
                self.back_off(Growth::ToTenMinutes, error(ErrorKind::Unusable), failure.retry_after, now)
            }
            GrantErrorKind::Transient | GrantErrorKind::Unusable if self.unusable_responses < 2 => {
                self.back_off(Growth::ToAMinute, error(ErrorKind::Unavailable), failure.retry_after, now)
            }
            GrantErrorKind::Transient | GrantErrorKind::Unusable | GrantErrorKind::Redirect => {
                self.wait_while_unusable(error(ErrorKind::Unusable), now)
            }
            GrantErrorKind::Permanent | GrantErrorKind::Unlisted | GrantErrorKind::Relogin => {
                let error = error(ErrorKind::Refused);
                if error.kind() == ErrorKind::Settings {
                    return self.wait_for_person(error, now);
                }
                self.backoff.refused(now);
                self.wait_for_credentials(error, now)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::vendor::TokenPolicy;

    static CONSENT: TokenPolicy = TokenPolicy::new("acme").login(false).refresh(RefreshTokens::SingleUse);

    struct Even;

    impl Random for Even {
        fn unit(&self) -> f64 {
            0.5
        }
    }

    /// The record after a refresh was refused with a code that the vendor's spec does not list.
    fn refused(sends_again: bool) -> Arc<Record> {
        let now = Now::new(Duration::ZERO, UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let issued = IssuedTokens::new("access").refresh_token("refresh");
        let (record, _) = Record::of(issued, None, KeepsOld::No, &CONSENT, 1, now).unwrap();
        let mut state = TokenState::new(&CONSENT, Some(record), None, false, false, now, &Even);
        state.sends_again = sends_again;
        match state.refreshed(Err(GrantError::new(GrantErrorKind::Unlisted, "17")), now, now) {
            Effect::UpdateRefreshToken(pending, _) => pending.record,
            _ => state.record().unwrap().clone(),
        }
    }

    #[test]
    fn an_unlisted_refusal_after_a_lost_response_ends_the_refresh_token() {
        let record = refused(true);
        assert!(record.refresh.is_none() && record.ended == Some(Ended::Refused));
    }

    #[test]
    fn an_unlisted_refusal_keeps_a_refresh_token_that_was_not_sent_before() {
        let record = refused(false);
        assert!(record.refresh.is_some() && record.ended.is_none());
    }
}
