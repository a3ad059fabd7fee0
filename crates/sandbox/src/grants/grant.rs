//! A login or a refresh: the tokens that it issues, and the response with them.

use std::time::{Duration, SystemTime};

use crate::clock::shift;
use crate::event::Outcome;
use crate::fault::FaultKind;
use crate::ledger::{AccessToken, Invalidation, Ledger, NewToken, Unusable};
use crate::refusal::{Reason, Refusal};
use crate::request::values::RequestValues;
use crate::response::message::Response;
use crate::response::success;
use crate::response::success::Issued;
use crate::spec::document::Document;
use crate::spec::duration::show;
use crate::spec::operation::Operation;
use crate::spec::schema::Kind;
use crate::spec::value::as_text;
use crate::spec::x_token::XToken;
use crate::spec::x_token::action::{Action, SingleUse};
use crate::spec::x_token::renewal::Renew;
use crate::state::State;
use crate::vendor::PlayedVendor;

/// How long ago the token of `FaultKind::ExpiredToken` expired.
const EXPIRED_AGO: Duration = Duration::from_secs(60);

/// The response to a request and what it did, or why it is refused.
pub(super) type ActionResult = Result<(Response, Outcome), Refusal>;

/// The response to a grant, the token in it, and that token's expiry according to the response.
struct GrantResponse {
    response: Response,
    token: u64,
    expires_at: Option<SystemTime>,
}

/// How a token comes about.
struct Issue {
    /// The refresh token, if it stays.
    kept: Option<String>,
    is_redundant: bool,
    /// How many refreshes led to it, since the last login.
    refreshes: u16,
}

impl Issue {
    const LOGIN: Self = Self { kept: None, is_redundant: false, refreshes: 0 };
}

/// One request that performs an action.
pub(super) struct Grant<'a> {
    pub(super) vendor: &'a PlayedVendor,
    pub(super) document: &'a Document,
    pub(super) token: &'a XToken,
    pub(super) operation: &'a Operation,
    pub(super) fault: Option<&'a FaultKind>,
    pub(super) now: SystemTime,
}

impl Grant<'_> {
    /// Issues a refresh token for an account, without an access token.
    pub(super) fn consent(&self, ledger: &mut Ledger, account: usize) -> String {
        let value = self.refresh_token(ledger.next_number());
        ledger.consent(value.clone(), account, self.refresh_expiry());
        value
    }

    pub(super) fn login(&self, state: &mut State, account: usize, values: &RequestValues) -> ActionResult {
        if let Some(response) = self.repeat_token(state, account) {
            return Ok(response);
        }
        self.limit(&state.ledger, account)?;
        self.room(|| state.ledger.live_tokens(self.now).0)?;
        let GrantResponse { response, token, expires_at } = self.issue(state, account, scope(values), Issue::LOGIN);
        state.counts.grants += 1;
        state.counts.logins += 1;
        Ok((response, Outcome::LoggedIn { token, expires_at }))
    }

    pub(super) fn refresh(
        &self,
        state: &mut State,
        refresh: &Action,
        account: Option<usize>,
        values: &RequestValues,
    ) -> ActionResult {
        let (key, value) = values.token_of(refresh);
        let refuse = |unusable: Unusable| Refusal::about(Reason::RefreshToken, key, unusable.text());
        let grace = refresh.grace.unwrap_or_default();
        let good = state.ledger.good(&value, self.now, grace).map_err(|unusable| {
            state.counts.double_spends += u64::from(unusable == Unusable::Ended(Invalidation::Spent));
            refuse(unusable)
        })?;
        if account.is_some_and(|account| account != good.account) {
            return Err(refuse(Unusable::Unknown));
        }
        if refresh.at_most.is_some_and(|most| good.refreshes >= most) {
            return Err(Refusal::about(Reason::RefreshToken, key, "has been renewed too often"));
        }
        if refresh.keeps {
            return self.prolong(state, &value);
        }
        if let Some(response) = self.repeat_token(state, good.account) {
            return Ok(response);
        }
        let is_single_use = self.vendor.is_single_use();
        let is_at_expiry = self.token.renew(is_single_use) == Renew::AtExpiry;
        let early = is_at_expiry && good.is_early;
        self.limit(&state.ledger, good.account)?;
        // A redundant token isn't live.
        if !early {
            let ended = || if is_at_expiry { state.ledger.live_tokens_of(good.account, self.now) } else { 0 };
            self.room(|| state.ledger.live_tokens(self.now).0.saturating_sub(ended()))?;
        }
        if is_single_use {
            state.ledger.spend(&value, self.now);
            state.counts.refresh_tokens_spent += 1;
        }
        if is_at_expiry {
            state.ledger.invalidate_all(Some(good.account), Invalidation::Replaced, self.now);
        }
        let kept = (!is_single_use).then_some(value);
        let scope = scope(values).or(good.scope);
        let GrantResponse { response, token, expires_at } =
            self.issue(state, good.account, scope, Issue { kept, is_redundant: early, refreshes: good.refreshes + 1 });
        state.counts.grants += 1;
        state.counts.refreshes += 1;
        state.counts.early_refreshes += u64::from(early);
        Ok((response, Outcome::Refreshed { token, early, expires_at }))
    }

    /// Prolongs the tokens of a refresh token, instead of issuing another.
    fn prolong(&self, state: &mut State, refresh_token: &str) -> ActionResult {
        let Self { vendor, document, token, .. } = *self;
        let login = token.login.as_ref().and_then(|login| document.operation(&login.operation));
        let lifetime =
            vendor.lifetime.or_else(|| success::access_lifetime(document, token, login.unwrap_or(self.operation)));
        let expires_at = lifetime.and_then(|lifetime| self.now.checked_add(lifetime));
        let prolonged = state.ledger.prolong(refresh_token, expires_at, self.now);
        let token = prolonged
            .ok_or_else(|| Refusal::new(Reason::RefreshToken, "the token has expired, and cannot be prolonged"))?;
        state.counts.grants += 1;
        state.counts.refreshes += 1;
        Ok((success::plain(document, self.operation), Outcome::Refreshed { token, early: false, expires_at }))
    }

    /// Checks that the account may get another token now.
    fn limit(&self, ledger: &Ledger, account: usize) -> Result<(), Refusal> {
        let Some((most, window)) = self.token.limits.grants else { return Ok(()) };
        match ledger.next_grant(account, most, window) {
            Some(next) if self.now < next => {
                let why = format!("the account has had {most} tokens in {}", show(window));
                Err(Refusal::new(Reason::TooManyGrants, &why))
            }
            _ => Ok(()),
        }
    }

    /// Checks that one more live token is allowed.
    fn room(&self, live: impl FnOnce() -> usize) -> Result<(), Refusal> {
        match self.vendor.live_tokens {
            Some(most) if live() >= most => {
                Err(Refusal::new(Reason::TooManyTokens, "the maximum number of live tokens is reached"))
            }
            _ => Ok(()),
        }
    }

    /// Returns the response of an operation that neither issues nor invalidates tokens: an introspection, or the spec's
    /// example.
    pub(super) fn other(&self, state: &State, account: Option<usize>, values: &RequestValues) -> Response {
        let Self { document, token, .. } = *self;
        let active = success::schema(document, self.operation).and_then(|schema| {
            schema
                .at(document, &format!("/{}", success::ACTIVE))
                .filter(|active| active.kind(document) == Some(Kind::Boolean))
        });
        let (Some(_), Some(grant)) = (active, token.login.as_ref().or(token.refresh.as_ref())) else {
            return success::plain(document, self.operation);
        };
        let its_own = token.response.access_token.pointers().first().and_then(|at| at.rsplit('/').next());
        let names = token.revoke.as_ref().and_then(|revoke| revoke.token.as_deref()).into_iter();
        let value = names.chain(its_own).chain(["token"]).find_map(|name| values.text(name)).unwrap_or_default();
        let live = state.ledger.live(&value, self.now).ok();
        let live = live.filter(|access| account.is_none_or(|account| account == access.account));
        let (issued, now) = match live {
            Some(access) => {
                let (issued, now) = self.by_vendor_clock(&issued(access, None, None));
                (Some(issued), now)
            }
            None => (None, self.now),
        };
        let grant = self.document.operation(&grant.operation).unwrap_or(self.operation);
        success::introspection(document, token, grant, self.operation, issued.as_ref(), now)
    }

    /// Issues a token. The refresh token is `kept`, or a new one if responses contain one.
    fn issue(
        &self,
        state: &mut State,
        account: usize,
        scope: Option<Vec<String>>,
        Issue { kept, is_redundant, refreshes }: Issue,
    ) -> GrantResponse {
        let Self { vendor, document, token, .. } = *self;
        let number = state.ledger.next_number();
        let lifetime = vendor.lifetime.or_else(|| success::access_lifetime(document, token, self.operation));
        let end = |lifetime| success::expiry(document, token, self.operation, self.now, lifetime);
        let expires_at = match self.fault {
            Some(FaultKind::ExpiredToken) => Some(self.now.checked_sub(EXPIRED_AGO).unwrap_or(self.now)),
            _ => lifetime.map(end),
        };
        let access_token = self.access_token(number);
        let has_refresh_tokens = token.refresh.is_some() && token.response.refresh_token.is_some();
        // If access token and refresh token have the same place in the response, they are one token, and every refresh
        // issues a new one.
        let is_one =
            token.response.refresh_token.as_ref().is_some_and(|at| token.response.access_token.pointers().contains(at));
        let kept = kept.filter(|_| !is_one);
        let is_kept = kept.is_some();
        let refresh_expires_at = match &kept {
            None if token.renews_with_access_token() => expires_at,
            Some(kept) => state.ledger.refresh_expires_at(kept),
            None => self.refresh_expiry(),
        };
        let new = || has_refresh_tokens.then(|| if is_one { access_token.clone() } else { self.refresh_token(number) });
        let refresh_token = kept.or_else(new);
        let new = NewToken {
            access_token,
            refresh_token: refresh_token.clone(),
            account,
            expires_at,
            refresh_expires_at,
            scope,
            is_redundant,
            refreshes,
        };
        let access = state.ledger.issue(new, self.now);
        if let Some(live) = token.limits.live {
            state.ledger.displace(account, live, self.now);
        }
        // Of a tenant that doesn't rotate them, a response doesn't repeat the refresh token.
        let is_repeated = is_kept && matches!(token.single_use(), SingleUse::Tenant(_));
        let refresh_token = refresh_token.filter(|_| !is_repeated);
        self.respond(&access, refresh_token, refresh_expires_at)
    }

    /// Returns the expiry of a refresh token that is issued now. `None` means never.
    fn refresh_expiry(&self) -> Option<SystemTime> {
        let lifetime = match self.vendor.refresh_lifetime {
            Some(lifetime) => Some(lifetime).filter(|lifetime| !lifetime.is_zero()),
            None => success::refresh_lifetime(self.document, self.token, self.operation),
        };
        self.now.checked_add(lifetime?)
    }

    fn access_token(&self, number: u64) -> String {
        let pointers = self.token.response.access_token.pointers().iter();
        let example = pointers.filter_map(|at| success::token_example(self.document, self.operation, at)).next();
        format!("{}-{number}", example.unwrap_or_else(|| "example-access-token".to_owned()))
    }

    fn refresh_token(&self, number: u64) -> String {
        let pointer = self.token.response.refresh_token.as_deref();
        let example = pointer.and_then(|pointer| success::token_example(self.document, self.operation, pointer));
        format!("{}-{number}", example.unwrap_or_else(|| "example-refresh-token".to_owned()))
    }

    /// Returns the newest live token again, if a fault or the vendor's settings say so.
    fn repeat_token(&self, state: &State, account: usize) -> Option<(Response, Outcome)> {
        let is_fault = self.fault == Some(&FaultKind::SameToken);
        if !is_fault && !self.vendor.repeats_live_token {
            return None;
        }
        let (access, refresh_token) = state.ledger.newest(account, self.now)?;
        // A remaining lifetime under one second would be written as 0.
        let soon = self.now.checked_add(Duration::from_secs(1));
        if !is_fault && access.expires_at.zip(soon).is_some_and(|(end, soon)| end < soon) {
            return None;
        }
        let refresh_expires_at = refresh_token.and_then(|token| state.ledger.refresh_expires_at(token));
        let GrantResponse { response, token, expires_at } =
            self.respond(access, refresh_token.map(ToOwned::to_owned), refresh_expires_at);
        Some((response, Outcome::Repeated { token, expires_at }))
    }

    /// Returns the response with a token, by the vendor's clock.
    fn respond(
        &self,
        access: &AccessToken,
        refresh_token: Option<String>,
        refresh_expires_at: Option<SystemTime>,
    ) -> GrantResponse {
        let Self { document, token, .. } = *self;
        let (issued, now) = self.by_vendor_clock(&issued(access, refresh_token, refresh_expires_at));
        let response = success::grant(document, token, self.operation, &issued, now);
        let left = success::stated_expiry(token, &response, now).map(|end| end.duration_since(now).unwrap_or_default());
        let expires_at = left.and_then(|left| self.now.checked_add(left));
        GrantResponse { response, token: access.number, expires_at }
    }

    /// Shifts the times by the error of the vendor's clock.
    fn by_vendor_clock(&self, issued: &Issued) -> (Issued, SystemTime) {
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

fn issued(access: &AccessToken, refresh_token: Option<String>, refresh_expires_at: Option<SystemTime>) -> Issued {
    Issued {
        access_token: access.value.clone(),
        expires_at: access.expires_at,
        refresh_token,
        refresh_expires_at,
        scope: access.scope.clone(),
    }
}

/// Returns the scopes that a request asks for.
fn scope(values: &RequestValues) -> Option<Vec<String>> {
    let field = values.fields.iter().find(|field| ["scope", "scopes"].contains(&field.key.as_str()))?;
    match &field.value {
        serde_json::Value::Array(items) => Some(items.iter().map(as_text).collect()),
        serde_json::Value::String(text) => Some(text.split_whitespace().map(ToOwned::to_owned).collect()),
        _ => None,
    }
}
