//! What the operations do: log in, refresh, revoke, introspect.
//!
//! # How the vendors' words were read
//!
//! - Zenoti on a refresh: "Invoking this API will deactivate the existing access tokens". So where tokens are renewed
//!   at their expiry, a refresh ends every live access token of its account.
//! - Zenoti on a refresh token used before the expiry: "it will become redundant and cannot be used for
//!   authentication". What "it" is isn't said, so the sandbox takes the reading that is hardest on a client: the answer
//!   looks like any other, the old token is dead, the refresh token is spent, and the new pair is good for nothing,
//!   neither for a call nor for a refresh. Only a login helps. Early is before the end of the access token's life,
//!   though it was revoked.
//! - A revocation that names no token but carries an access token as Bearer ends every one of the account, as Zenoti's
//!   does: nothing else in such a request says which one is meant.
//! - A revocation of a token that isn't known or has ended gets the 404 that the spec documents; without one it
//!   succeeds, as RFC 7009 wants. The token of another account than the caller's isn't known either, nor to an
//!   introspection. A caller without credentials may name any token.
//! - An operation that is none of the three and whose answer has a boolean `active` introspects (RFC 7662). It takes
//!   the token where the revocation does, or as the answers' own name for it, or as `token`.

use std::time::{Duration, SystemTime};

use crate::account::Accounts;
use crate::clock::shift;
use crate::event::Outcome;
use crate::fault::{FaultKind, Purpose};
use crate::ledger::{Access, End, Ledger, New, NotGood};
use crate::refusal::{Reason, Refusal};
use crate::request::given::Given;
use crate::request::security::Held;
use crate::response::message::Answer;
use crate::response::success;
use crate::response::success::Issued;
use crate::spec::document::Document;
use crate::spec::operation::Operation;
use crate::spec::schema::Kind;
use crate::spec::value::as_text;
use crate::spec::x_token::{Action, Renew, Takes, XToken};
use crate::state::State;
use crate::vendor::Vendor;

/// How long ago a token ended that arrives expired.
const AGO: Duration = Duration::from_secs(60);

/// The three actions of a vendor that has an `x-token`.
pub(crate) struct Grants<'a> {
    vendor: &'a Vendor,
    document: &'a Document,
    token: &'a XToken,
    accounts: &'a Accounts,
}

type Done = Result<(Answer, Outcome), Refusal>;

impl<'a> Grants<'a> {
    pub(crate) fn of(vendor: &'a Vendor, accounts: &'a Accounts) -> Option<Self> {
        let document = &vendor.document;
        Some(Self { vendor, document, token: document.token.as_ref()?, accounts })
    }

    /// What a request is for. Where a login and a refresh are one operation, its body tells.
    pub(crate) fn purpose(&self, operation: &Operation, given: Option<&Given>) -> Purpose {
        let is = |action: &Option<Action>| action.as_ref().is_some_and(|a| a.operation == operation.operation_id);
        let refreshes = |refresh: &Action| {
            let is_branch = |given: &Given| match &refresh.body {
                Some(body) => given.branch.as_ref() == Some(body),
                None => refresh.token.as_ref().is_some_and(|token| given.text(token).is_some()),
            };
            !is(&self.token.login) || given.is_some_and(is_branch)
        };
        match &self.token.refresh {
            Some(refresh) if is(&self.token.refresh) && refreshes(refresh) => Purpose::Refresh,
            _ if is(&self.token.login) => Purpose::Login,
            _ if is(&self.token.revoke) => Purpose::Revoke,
            _ => Purpose::Other,
        }
    }

    /// Does what a request wants that is as the spec wants it.
    pub(crate) fn act(
        &self,
        state: &mut State,
        purpose: Purpose,
        operation: &Operation,
        given: &Given,
        fault: Option<&FaultKind>,
        now: SystemTime,
    ) -> Done {
        let holders = self.accounts.holders(given)?;
        let carried = self.carried(state, given, now)?.map(|access| access.account);
        if let Some(refusal) = &given.refusal {
            return Err(refusal.clone());
        }
        let account = self.accounts.of(given, holders)?;
        if let (Some(carried), Some(account)) = (carried, account)
            && carried != account
        {
            return Err(not_live(NotGood::Unknown));
        }
        let account = carried.or(account);
        let grant = Grant { grants: self, operation, fault, now };
        match (purpose, &self.token.refresh, &self.token.revoke) {
            (Purpose::Login, ..) => grant.login(state, account.unwrap_or_default(), given),
            (Purpose::Refresh, Some(refresh), _) => grant.refresh(state, refresh, account, given),
            (Purpose::Revoke, _, Some(revoke)) => self.revoke(state, revoke, operation, account, given, now),
            _ => Ok((grant.other(state, account, given), Outcome::Answered)),
        }
    }

    /// A refresh token of an account, without an access token.
    pub(crate) fn consent(&self, ledger: &mut Ledger, account: usize, now: SystemTime) -> Option<String> {
        let action = self.token.refresh.as_ref()?;
        let operation = self.document.operation(&action.operation)?;
        let value = self.refresh_token(operation, ledger.next_number());
        ledger.consent(value.clone(), account, self.refresh_end(operation, now));
        Some(value)
    }

    /// When a refresh token ends that is issued now. None: never.
    fn refresh_end(&self, operation: &Operation, now: SystemTime) -> Option<SystemTime> {
        let life = match self.vendor.refresh_lifetime {
            Some(life) => Some(life).filter(|life| !life.is_zero()),
            None => success::refresh_life(self.document, self.token, operation),
        };
        now.checked_add(life?)
    }

    fn access_token(&self, operation: &Operation, number: u64) -> String {
        let example = success::token_example(self.document, operation, &self.token.response.access_token);
        format!("{}-{number}", example.unwrap_or_else(|| "example-access-token".to_owned()))
    }

    fn refresh_token(&self, operation: &Operation, number: u64) -> String {
        let pointer = self.token.response.refresh_token.as_deref();
        let example = pointer.and_then(|pointer| success::token_example(self.document, operation, pointer));
        format!("{}-{number}", example.unwrap_or_else(|| "example-refresh-token".to_owned()))
    }

    fn revoke(
        &self,
        state: &mut State,
        revoke: &Action,
        operation: &Operation,
        account: Option<usize>,
        given: &Given,
        now: SystemTime,
    ) -> Done {
        if revoke.token.is_none() && revoke.takes == Takes::Access {
            let tokens = state.ledger.end_all(account, End::Revoked, now);
            state.counts.revocations += 1;
            return Ok((success::plain(self.document, operation), Outcome::Revoked { tokens }));
        }
        let (key, value) = taken(revoke, given);
        let is_its_own = account.is_none() || account == state.ledger.owner(&value);
        let ended = match revoke.takes {
            _ if !is_its_own => None,
            Takes::Access => state.ledger.end_access(&value, End::Revoked, now).then_some(1),
            Takes::Refresh => state.ledger.revoke_refresh(&value, now),
        };
        match ended {
            Some(tokens) => {
                state.counts.revocations += 1;
                Ok((success::plain(self.document, operation), Outcome::Revoked { tokens }))
            }
            None if operation.responses.contains_key("404") => {
                Err(Refusal::about(Reason::UnknownToken, key, "isn't known, or has ended"))
            }
            None => Ok((success::plain(self.document, operation), Outcome::Revoked { tokens: 0 })),
        }
    }

    /// The access token that the operation's security carried, if that carries one.
    fn carried<'b>(&self, state: &'b State, given: &Given, now: SystemTime) -> Result<Option<&'b Access>, Refusal> {
        let value = given.held.iter().find_map(|held| match held {
            Held::AccessToken(value) => Some(value),
            Held::Credential(..) | Held::RefreshToken(_) => None,
        });
        let Some(value) = value else { return Ok(None) };
        let live = state.ledger.live(value, now).map(Some);
        live.map_err(not_live)
    }
}

/// The token that a refresh or a revocation takes, and where it stood.
fn taken<'a>(action: &'a Action, given: &Given) -> (&'a str, String) {
    let carried = given.held.iter().find_map(|held| match held {
        Held::RefreshToken(value) => Some(value.clone()),
        Held::Credential(..) | Held::AccessToken(_) => None,
    });
    match &action.token {
        Some(key) => (key, given.text(key).unwrap_or_default()),
        None => ("authorization", carried.unwrap_or_default()),
    }
}

fn not_live(not_good: NotGood) -> Refusal {
    Refusal::new(Reason::AccessToken, &format!("the token {}", not_good.text()))
}

/// A grant's answer: which token is in it, and when that expires by what is said.
struct Told {
    answer: Answer,
    token: u64,
    expires_at: Option<SystemTime>,
}

/// One request to do something.
struct Grant<'a> {
    grants: &'a Grants<'a>,
    operation: &'a Operation,
    fault: Option<&'a FaultKind>,
    now: SystemTime,
}

impl Grant<'_> {
    fn login(&self, state: &mut State, account: usize, given: &Given) -> Done {
        if let Some(answer) = self.same_again(state, account) {
            return Ok(answer);
        }
        self.room(|| state.ledger.live_tokens(self.now).0)?;
        let Told { answer, token, expires_at } = self.issue(state, account, scope(given), None, false);
        state.counts.grants += 1;
        state.counts.logins += 1;
        Ok((answer, Outcome::LoggedIn { token, expires_at }))
    }

    fn refresh(&self, state: &mut State, refresh: &Action, account: Option<usize>, given: &Given) -> Done {
        let (key, value) = taken(refresh, given);
        let refuse = |not_good: NotGood| Refusal::about(Reason::RefreshToken, key, not_good.text());
        let good = state.ledger.good(&value, self.now).map_err(|not_good| {
            state.counts.double_spends += u64::from(not_good == NotGood::Ended(End::Spent));
            refuse(not_good)
        })?;
        if account.is_some_and(|account| account != good.account) {
            return Err(refuse(NotGood::Unknown));
        }
        if let Some(answer) = self.same_again(state, good.account) {
            return Ok(answer);
        }
        let is_at_expiry = self.grants.token.renew() == Renew::AtExpiry;
        let early = is_at_expiry && good.is_early;
        // One that is redundant isn't live.
        if !early {
            let ended = || if is_at_expiry { state.ledger.live_tokens_of(good.account, self.now) } else { 0 };
            self.room(|| state.ledger.live_tokens(self.now).0.saturating_sub(ended()))?;
        }
        if refresh.single_use {
            state.ledger.spend(&value);
            state.counts.refresh_tokens_spent += 1;
        }
        if is_at_expiry {
            state.ledger.end_all(Some(good.account), End::Replaced, self.now);
        }
        let kept = (!refresh.single_use).then_some(value);
        let scope = scope(given).or(good.scope);
        let Told { answer, token, expires_at } = self.issue(state, good.account, scope, kept, early);
        state.counts.grants += 1;
        state.counts.refreshes += 1;
        state.counts.early_refreshes += u64::from(early);
        Ok((answer, Outcome::Refreshed { token, early, expires_at }))
    }

    /// Whether there may be a live token more.
    fn room(&self, live: impl FnOnce() -> usize) -> Result<(), Refusal> {
        match self.grants.vendor.live_tokens {
            Some(most) if live() >= most => {
                Err(Refusal::new(Reason::TooManyTokens, "there are as many live tokens as there may be"))
            }
            _ => Ok(()),
        }
    }

    /// The answer of an operation that issues and ends nothing: an introspection, by the vendor's idea of the time, or
    /// the spec's example.
    fn other(&self, state: &State, account: Option<usize>, given: &Given) -> Answer {
        let Grants { document, token, .. } = self.grants;
        let active = success::schema(document, self.operation).and_then(|schema| {
            schema
                .at(document, &format!("/{}", success::ACTIVE))
                .filter(|active| active.kind(document) == Some(Kind::Boolean))
        });
        let (Some(_), Some(grant)) = (active, token.login.as_ref().or(token.refresh.as_ref())) else {
            return success::plain(document, self.operation);
        };
        let its_own = token.response.access_token.rsplit('/').next();
        let names = token.revoke.as_ref().and_then(|revoke| revoke.token.as_deref()).into_iter();
        let value = names.chain(its_own).chain(["token"]).find_map(|name| given.text(name)).unwrap_or_default();
        let live = state.ledger.live(&value, self.now).ok();
        let live = live.filter(|access| account.is_none_or(|account| account == access.account));
        let (issued, now) = match live {
            Some(access) => {
                let (issued, now) = self.by_the_vendors_clock(&issued(access, None, None));
                (Some(issued), now)
            }
            None => (None, self.now),
        };
        let grant = self.grants.document.operation(&grant.operation).unwrap_or(self.operation);
        success::introspection(document, token, grant, self.operation, issued.as_ref(), now)
    }

    /// Issues a token, with a refresh token that is kept, or a new one where answers have one.
    fn issue(
        &self,
        state: &mut State,
        account: usize,
        scope: Option<Vec<String>>,
        kept: Option<String>,
        is_redundant: bool,
    ) -> Told {
        let Grants { vendor, document, token, .. } = self.grants;
        let number = state.ledger.next_number();
        let life = vendor.lifetime.or_else(|| success::access_life(document, token, self.operation));
        let end = |life| success::expiry(document, token, self.operation, self.now, life);
        let expires_at = match self.fault {
            Some(FaultKind::ExpiredToken) => Some(self.now.checked_sub(AGO).unwrap_or(self.now)),
            _ => life.map(end),
        };
        let access_token = self.grants.access_token(self.operation, number);
        let has_refresh_tokens = token.refresh.is_some() && token.response.refresh_token.is_some();
        // One that stands where the access token does is it, and each renewal gives another.
        let is_one = token.response.refresh_token.as_ref() == Some(&token.response.access_token);
        let kept = kept.filter(|_| !is_one);
        let refresh_expires_at = match &kept {
            Some(kept) => state.ledger.refresh_expires_at(kept),
            None => self.grants.refresh_end(self.operation, self.now),
        };
        let new = || {
            has_refresh_tokens
                .then(|| if is_one { access_token.clone() } else { self.grants.refresh_token(self.operation, number) })
        };
        let refresh_token = kept.or_else(new);
        let new = New {
            access_token,
            refresh_token: refresh_token.clone(),
            account,
            expires_at,
            refresh_expires_at,
            scope,
            is_redundant,
        };
        let access = state.ledger.issue(new, self.now);
        self.told(&access, refresh_token, refresh_expires_at)
    }

    /// The newest token once more, where that is the fault or the vendor does so.
    fn same_again(&self, state: &State, account: usize) -> Option<(Answer, Outcome)> {
        let is_fault = self.fault == Some(&FaultKind::SameToken);
        if !is_fault && !self.grants.vendor.repeats_live_token {
            return None;
        }
        let (access, refresh_token) = state.ledger.newest(account, self.now)?;
        // Less than a second would be told as 0.
        let soon = self.now.checked_add(Duration::from_secs(1));
        if !is_fault && access.expires_at.zip(soon).is_some_and(|(end, soon)| end < soon) {
            return None;
        }
        let refresh_expires_at = refresh_token.and_then(|token| state.ledger.refresh_expires_at(token));
        let Told { answer, token, expires_at } =
            self.told(access, refresh_token.map(ToOwned::to_owned), refresh_expires_at);
        Some((answer, Outcome::Repeated { token, expires_at }))
    }

    /// The answer, by the vendor's idea of the time.
    fn told(&self, access: &Access, refresh_token: Option<String>, refresh_expires_at: Option<SystemTime>) -> Told {
        let Grants { document, token, .. } = self.grants;
        let (issued, now) = self.by_the_vendors_clock(&issued(access, refresh_token, refresh_expires_at));
        let answer = success::grant(document, token, self.operation, &issued, now);
        let left = success::told_end(token, &answer, now).map(|end| end.duration_since(now).unwrap_or_default());
        let expires_at = left.and_then(|left| self.now.checked_add(left));
        Told { answer, token: access.number, expires_at }
    }

    /// What was issued, and the time, as a vendor tells them whose clock may be off.
    fn by_the_vendors_clock(&self, issued: &Issued) -> (Issued, SystemTime) {
        let off = |time: SystemTime| match self.fault {
            Some(FaultKind::ClockOff { seconds }) => shift(time, *seconds),
            _ => time,
        };
        let issued = Issued {
            expires_at: issued.expires_at.map(off),
            refresh_expires_at: issued.refresh_expires_at.map(off),
            ..issued.clone()
        };
        (issued, off(self.now))
    }
}

fn issued(access: &Access, refresh_token: Option<String>, refresh_expires_at: Option<SystemTime>) -> Issued {
    Issued {
        access_token: access.value.clone(),
        expires_at: access.expires_at,
        refresh_token,
        refresh_expires_at,
        scope: access.scope.clone(),
    }
}

/// The scopes that a request asks for.
fn scope(given: &Given) -> Option<Vec<String>> {
    let field = given.fields.iter().find(|field| ["scope", "scopes"].contains(&field.key.as_str()))?;
    match &field.value {
        serde_json::Value::Array(items) => Some(items.iter().map(as_text).collect()),
        serde_json::Value::String(text) => Some(text.split_whitespace().map(ToOwned::to_owned).collect()),
        _ => None,
    }
}
