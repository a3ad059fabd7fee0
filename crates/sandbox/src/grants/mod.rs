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

mod grant;

use std::collections::HashSet;
use std::time::SystemTime;

use crate::account::Accounts;
use crate::chain::Link;
use crate::computed::Checker;
use crate::event::Outcome;
use crate::fault::{FaultKind, Purpose};
use crate::grants::grant::{ActionResult, Grant};
use crate::ledger::{AccessToken, Invalidation, Ledger, NewToken, Unusable};
use crate::refusal::{Reason, Refusal};
use crate::request::security::{Presented, credential_names};
use crate::request::values::RequestValues;
use crate::response::success;
use crate::spec::document::{Document, is_named};
use crate::spec::operation::Operation;
use crate::spec::x_token::XToken;
use crate::spec::x_token::action::{Action, TokenKind};
use crate::spec::x_token::renewal::Lifetime;
use crate::state::State;
use crate::vendor::PlayedVendor;

/// The three actions of a vendor with an `x-token`.
pub(crate) struct Grants<'a> {
    vendor: &'a PlayedVendor,
    document: &'a Document,
    token: &'a XToken,
    accounts: &'a Accounts,
}

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
        operation: &'a Operation,
        values: &RequestValues,
        fault: Option<&'a FaultKind>,
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
        let grant = self.grant(operation, fault, now);
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
        Some(self.grant(operation, None, now).consent(ledger, account))
    }

    fn grant(&self, operation: &'a Operation, fault: Option<&'a FaultKind>, now: SystemTime) -> Grant<'a> {
        let Self { vendor, document, token, .. } = *self;
        Grant { vendor, document, token, operation, fault, now }
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
        let (key, value) = values.token_of(revoke);
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

fn not_live(unusable: Unusable) -> Refusal {
    Refusal::new(Reason::AccessToken, &format!("the token {}", unusable.text()))
}
