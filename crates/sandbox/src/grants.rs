//! The operations of `x-token`: login, refresh, revocation; and introspection.
//!
//! # How the vendors' words were read
//!
//! - Zenoti documents of a refresh: "Invoking this API will deactivate the existing access tokens". So if tokens are
//!   renewed at expiry, a refresh invalidates every live access token of its account.
//! - Zenoti documents of a refresh token that is used before the expiry: "it will become redundant and cannot be used
//!   for authentication". It doesn't say what "it" is, so the sandbox takes the interpretation that is hardest on a
//!   client: the response looks normal, the old token is invalidated, the refresh token is spent, and the new pair
//!   works neither for a call nor for a refresh. Only a login helps. A refresh is early until the access token's
//!   expiry, even if that token was revoked.
//! - A revocation that names no token but carries an access token as Bearer invalidates every access token of the
//!   account, as Zenoti's does: nothing else in the request says which one is meant.
//! - A revocation of an unknown or invalid token returns the 404 that the spec documents; if it documents none, it
//!   succeeds, as RFC 7009 requires. A token of another account counts as unknown, for an introspection too. A caller
//!   without credentials may name any token.
//! - Any other operation whose response has a boolean `active` is an introspection (RFC 7662). It takes the token from
//!   the same field as the revocation, from the field that responses use, or from `token`.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use crate::account::Accounts;
use crate::chain::Link;
use crate::clock::shift;
use crate::computed::Checker;
use crate::event::Outcome;
use crate::fault::{FaultKind, Purpose};
use crate::ledger::{AccessToken, Invalidation, Ledger, NewToken, Unusable};
use crate::refusal::{Reason, Refusal};
use crate::request::security::{Presented, credential_names};
use crate::request::values::RequestValues;
use crate::response::message::Response;
use crate::response::success;
use crate::response::success::Issued;
use crate::spec::document::{Document, is_named};
use crate::spec::duration::show;
use crate::spec::operation::Operation;
use crate::spec::schema::Kind;
use crate::spec::value::as_text;
use crate::spec::x_token::{Action, Lifetime, Renew, SingleUse, TokenKind, XToken};
use crate::state::State;
use crate::vendor::PlayedVendor;

/// How long ago the token of `FaultKind::ExpiredToken` expired.
const EXPIRED_AGO: Duration = Duration::from_secs(60);

/// The three actions of a vendor with an `x-token`.
pub(crate) struct Grants<'a> {
    vendor: &'a PlayedVendor,
    document: &'a Document,
    token: &'a XToken,
    accounts: &'a Accounts,
}

type ActionResult = Result<(Response, Outcome), Refusal>;

impl<'a> Grants<'a> {
    pub(crate) fn of(vendor: &'a PlayedVendor, accounts: &'a Accounts) -> Option<Self> {
        let document = &vendor.document;
        Some(Self { vendor, document, token: document.token.as_ref()?, accounts })
    }

    /// Returns the purpose of a request. If login and refresh are one operation, the body decides.
    pub(crate) fn purpose(&self, operation: &Operation, values: Option<&RequestValues>) -> Purpose {
        let is = |action: &Option<Action>| action.as_ref().is_some_and(|a| a.operation == operation.operation_id);
        let refreshes = |refresh: &Action| {
            let is_branch = |values: &RequestValues| {
                self.token.forms(refresh).iter().any(|refresh| match &refresh.body {
                    Some(body) => values.branch.as_ref() == Some(body),
                    None => refresh.token.as_ref().is_some_and(|token| values.text(token).is_some()),
                })
            };
            !is(&self.token.login) || values.is_some_and(is_branch)
        };
        match &self.token.refresh {
            Some(refresh) if is(&self.token.refresh) && refreshes(refresh) => Purpose::Refresh,
            _ if is(&self.token.login) => Purpose::Login,
            _ if self.token.login.as_ref().is_some_and(|login| Link::of(login, operation).is_some()) => Purpose::Login,
            _ if is(&self.token.revoke) => Purpose::Revoke,
            _ => Purpose::Other,
        }
    }

    /// Performs the action of a valid request.
    pub(crate) fn act(
        &self,
        state: &mut State,
        purpose: Purpose,
        operation: &Operation,
        values: &RequestValues,
        fault: Option<&FaultKind>,
        (base, now): (&str, SystemTime),
    ) -> ActionResult {
        let values = &self.checked(state, purpose, operation, &meant(purpose, values), base, now)?;
        let holders = self.accounts.holders(values)?;
        let carried = self.carried(state, values, now)?.map(|access| access.account);
        if let Some(refusal) = &values.refusal {
            return Err(refusal.clone());
        }
        let account = self.accounts.of(values, holders)?;
        if let (Some(carried), Some(account)) = (carried, account)
            && carried != account
        {
            return Err(not_live(Unusable::Unknown));
        }
        let link = self.token.login.as_ref().and_then(|login| Link::of(login, operation));
        let before = link.as_ref().map_or(Ok(None), |link| link.account(&state.handed, values))?;
        let account = carried.or(before).or(account);
        if let Some(link) = link.filter(|link| !link.is_last()) {
            let place = (base, state.ledger.next_number());
            let account = account.unwrap_or_default();
            let response = link.response(self.document, operation, place, account, &mut state.handed);
            return Ok((response, Outcome::Answered));
        }
        let grant = Grant { grants: self, operation, fault, now };
        match (purpose, &self.token.refresh, &self.token.revoke) {
            (Purpose::Login, ..) => grant.login(state, account.unwrap_or_default(), values),
            (Purpose::Refresh, Some(refresh), _) => grant.refresh(state, refresh, account, values),
            (Purpose::Revoke, _, Some(revoke)) => self.revoke(state, revoke, operation, account, values, now),
            _ => Ok((grant.other(state, account, values), Outcome::Answered)),
        }
    }

    /// Checks what the client computed, and returns the values with the credentials that are in it.
    fn checked(
        &self,
        state: &mut State,
        purpose: Purpose,
        operation: &Operation,
        values: &RequestValues,
        base: &str,
        now: SystemTime,
    ) -> Result<RequestValues, Refusal> {
        let is_first = self.token.login.as_ref().is_some_and(|login| login.operation == operation.operation_id);
        let action = match purpose {
            Purpose::Login if is_first => &self.token.login,
            Purpose::Refresh => &self.token.refresh,
            Purpose::Revoke => &self.token.revoke,
            _ => &None,
        };
        let forms = action.as_ref().map(|action| self.token.forms(action)).unwrap_or_default();
        let has_choice = forms.len() > 1;
        let forms: Vec<Action> = forms
            .into_iter()
            .filter(|form| !has_choice || values.refusal.is_some() || self.is_of_form(form, operation, values))
            .collect();
        if has_choice && forms.is_empty() {
            let why = "the credentials are not those of one alternative";
            return Err(Refusal::new(Reason::Unauthorized, why));
        }
        let mut check =
            |computes| Checker { accounts: self.accounts, computes, base, now, seen: &mut state.seen }.check(values);
        let mut checked = check(forms.first().map(|form| self.token.computes(form)).unwrap_or_default());
        for form in forms.iter().skip(1) {
            if checked.is_err() {
                checked = check(self.token.computes(form));
            }
        }
        checked
    }

    /// Whether a request has the body and the credentials of an alternative.
    fn is_of_form(&self, form: &Action, operation: &Operation, values: &RequestValues) -> bool {
        let securities = self.document.security(operation);
        let named = form.security.as_ref().and_then(|name| securities.iter().find(|sent| is_named(sent, name)));
        let schemes = named.or(securities.first()).into_iter().flat_map(|sent| sent.keys());
        let wanted = schemes.flat_map(|scheme| credential_names(self.document, operation, scheme));
        let wanted: HashSet<String> = wanted.collect();
        let presented = values.presented.iter().filter_map(|presented| match presented {
            Presented::Credential(name, _) => Some(name.clone()),
            // What may be either is one of the two by now.
            _ => None,
        });
        let is_body = form.body.is_none() || form.body == values.branch;
        is_body && wanted == presented.collect()
    }

    /// Issues a refresh token for an account, without an access token; or an access token, if a client starts from one.
    pub(crate) fn consent(&self, ledger: &mut Ledger, account: usize, now: SystemTime) -> Option<String> {
        if self.token.starts_from_token() {
            return Some(self.made(ledger, account, now));
        }
        let action = self.token.refresh.as_ref()?;
        let operation = self.document.operation(&action.operation)?;
        let value = self.refresh_token(operation, ledger.next_number());
        ledger.consent(value.clone(), account, self.refresh_expiry(operation, now));
        Some(value)
    }

    /// Issues an access token, as if a person had made it at the vendor.
    fn made(&self, ledger: &mut Ledger, account: usize, now: SystemTime) -> String {
        let lifetime = self.vendor.lifetime.or(match self.token.lifetime {
            Lifetime::For(lifetime) => Some(lifetime),
            Lifetime::Unknown | Lifetime::Unlimited => None,
        });
        let new = NewToken {
            access_token: format!("example-access-token-{}", ledger.next_number()),
            refresh_token: None,
            account,
            expires_at: lifetime.and_then(|lifetime| now.checked_add(lifetime)),
            refresh_expires_at: None,
            scope: None,
            is_redundant: false,
            refreshes: 0,
        };
        ledger.issue(new, now).value
    }

    /// Returns the expiry of a refresh token that is issued now. `None` means never.
    fn refresh_expiry(&self, operation: &Operation, now: SystemTime) -> Option<SystemTime> {
        let lifetime = match self.vendor.refresh_lifetime {
            Some(lifetime) => Some(lifetime).filter(|lifetime| !lifetime.is_zero()),
            None => success::refresh_lifetime(self.document, self.token, operation),
        };
        now.checked_add(lifetime?)
    }

    fn access_token(&self, operation: &Operation, number: u64) -> String {
        let pointers = self.token.response.access_token.pointers().iter();
        let example = pointers.filter_map(|at| success::token_example(self.document, operation, at)).next();
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
        values: &RequestValues,
        now: SystemTime,
    ) -> ActionResult {
        if revoke.token.is_none() && revoke.takes == TokenKind::Access {
            let tokens = state.ledger.invalidate_all(account, Invalidation::Revoked, now);
            state.counts.revocations += 1;
            return Ok((success::plain(self.document, operation), Outcome::Revoked { tokens }));
        }
        let (key, value) = taken(revoke, values);
        let is_its_own = account.is_none() || account == state.ledger.owner(&value);
        let ended = match revoke.takes {
            _ if !is_its_own => None,
            TokenKind::Access => state.ledger.invalidate_access(&value, Invalidation::Revoked, now).then_some(1),
            TokenKind::Refresh => state.ledger.revoke_refresh(&value, now),
        };
        match ended {
            Some(tokens) => {
                state.counts.revocations += 1;
                Ok((success::plain(self.document, operation), Outcome::Revoked { tokens }))
            }
            None if operation.responses.contains_key("404") => {
                Err(Refusal::about(Reason::UnknownToken, key, "is unknown or no longer valid"))
            }
            None => Ok((success::plain(self.document, operation), Outcome::Revoked { tokens: 0 })),
        }
    }

    /// Returns the access token that the operation's security carried, if any.
    fn carried<'b>(
        &self,
        state: &'b State,
        values: &RequestValues,
        now: SystemTime,
    ) -> Result<Option<&'b AccessToken>, Refusal> {
        let value = values.presented.iter().find_map(|presented| match presented {
            Presented::AccessToken(value) => Some(value),
            Presented::Credential(..) | Presented::RefreshToken(_) | Presented::CredentialOrRefreshToken(..) => None,
        });
        let Some(value) = value else { return Ok(None) };
        let live = state.ledger.live(value, now).map(Some);
        live.map_err(not_live)
    }
}

/// Returns the values of a request, in which a bearer scheme has carried a credential or a refresh token, as the purpose says.
fn meant(purpose: Purpose, values: &RequestValues) -> RequestValues {
    let mut values = values.clone();
    for presented in &mut values.presented {
        if let Presented::CredentialOrRefreshToken(name, value) = presented {
            let (name, value) = (std::mem::take(name), std::mem::take(value));
            *presented = match purpose {
                Purpose::Refresh => Presented::RefreshToken(value),
                _ => Presented::Credential(name, value),
            };
        }
    }
    values
}

/// Returns the token that a refresh or a revocation takes, and the name of its field.
fn taken<'a>(action: &'a Action, values: &RequestValues) -> (&'a str, String) {
    let carried = values.presented.iter().find_map(|presented| match presented {
        Presented::RefreshToken(value) => Some(value.clone()),
        Presented::Credential(..) | Presented::AccessToken(_) | Presented::CredentialOrRefreshToken(..) => None,
    });
    match &action.token {
        Some(key) => (key, values.text(key).unwrap_or_default()),
        None => ("authorization", carried.unwrap_or_default()),
    }
}

fn not_live(unusable: Unusable) -> Refusal {
    Refusal::new(Reason::AccessToken, &format!("the token {}", unusable.text()))
}

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
struct Grant<'a> {
    grants: &'a Grants<'a>,
    operation: &'a Operation,
    fault: Option<&'a FaultKind>,
    now: SystemTime,
}

impl Grant<'_> {
    fn login(&self, state: &mut State, account: usize, values: &RequestValues) -> ActionResult {
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

    fn refresh(
        &self,
        state: &mut State,
        refresh: &Action,
        account: Option<usize>,
        values: &RequestValues,
    ) -> ActionResult {
        let (key, value) = taken(refresh, values);
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
        let is_single_use = self.grants.vendor.is_single_use();
        let is_at_expiry = self.grants.token.renew(is_single_use) == Renew::AtExpiry;
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
        let Grants { vendor, document, token, .. } = self.grants;
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
        let Some((most, window)) = self.grants.token.limits.grants else { return Ok(()) };
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
        match self.grants.vendor.live_tokens {
            Some(most) if live() >= most => {
                Err(Refusal::new(Reason::TooManyTokens, "the maximum number of live tokens is reached"))
            }
            _ => Ok(()),
        }
    }

    /// Returns the response of an operation that neither issues nor invalidates tokens: an introspection, or the spec's
    /// example.
    fn other(&self, state: &State, account: Option<usize>, values: &RequestValues) -> Response {
        let Grants { document, token, .. } = self.grants;
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
        let grant = self.grants.document.operation(&grant.operation).unwrap_or(self.operation);
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
        let Grants { vendor, document, token, .. } = self.grants;
        let number = state.ledger.next_number();
        let lifetime = vendor.lifetime.or_else(|| success::access_lifetime(document, token, self.operation));
        let end = |lifetime| success::expiry(document, token, self.operation, self.now, lifetime);
        let expires_at = match self.fault {
            Some(FaultKind::ExpiredToken) => Some(self.now.checked_sub(EXPIRED_AGO).unwrap_or(self.now)),
            _ => lifetime.map(end),
        };
        let access_token = self.grants.access_token(self.operation, number);
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
            None => self.grants.refresh_expiry(self.operation, self.now),
        };
        let new = || {
            has_refresh_tokens
                .then(|| if is_one { access_token.clone() } else { self.grants.refresh_token(self.operation, number) })
        };
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

    /// Returns the newest live token again, if a fault or the vendor's settings say so.
    fn repeat_token(&self, state: &State, account: usize) -> Option<(Response, Outcome)> {
        let is_fault = self.fault == Some(&FaultKind::SameToken);
        if !is_fault && !self.grants.vendor.repeats_live_token {
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
        let Grants { document, token, .. } = self.grants;
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
