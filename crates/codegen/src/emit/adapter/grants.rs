//! The grants of a vendor: the requests that `x-token` names, each with an alternative of `one-of`.

use indexmap::IndexMap;

use crate::ident;
use crate::lower::model::{Model, Operation, SchemeKind};
use crate::read::x_token::compute::Compute;
use crate::read::x_token::requests::{Form, Parts};
use crate::read::x_token::{Takes, XToken};

/// A request that `x-token` names.
pub struct Grant<'a> {
    pub kind: GrantKind,
    /// The alternative of `one-of`.
    pub alternative: Option<&'a str>,
    pub operation: &'a Operation,
    /// The struct of its body.
    pub body: Option<&'a str>,
    /// The name on the wire of the property or parameter for the token.
    pub token: Option<&'a str>,
    /// The name of the property or parameter for the token of another grant with the same request. It is not sent.
    pub left_out: Option<&'a str>,
    /// What is computed, by the name of the credential that it replaces.
    pub computes: IndexMap<String, &'a Compute>,
    /// The credential with the client's certificate for TLS.
    pub certificate: Option<String>,
    /// Whether its response has the token.
    pub issues: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub enum GrantKind {
    Login,
    /// The further request of a login at this position.
    Then(usize),
    Refresh,
    Revoke,
}

impl Grant<'_> {
    /// Returns the variable with the token.
    pub fn token_variable(&self) -> &'static str {
        if self.kind == GrantKind::Revoke { "token" } else { "refresh_token" }
    }

    /// Whether it revokes a refresh token in its body or a parameter, while its bearer scheme sends the access token.
    pub fn is_authorized_by_access_token(&self, x_token: &XToken) -> bool {
        let takes_refresh = x_token.revoke.as_ref().is_some_and(|revoke| revoke.takes == Takes::Refresh);
        let bears = self.operation.security.iter().any(|scheme| matches!(scheme.kind, SchemeKind::Token(_)));
        self.kind == GrantKind::Revoke && takes_refresh && self.token.is_some() && bears
    }

    /// Whether its response has no token: the old one stays.
    pub fn keeps(&self, x_token: &XToken) -> bool {
        self.kind == GrantKind::Refresh && x_token.keeps_access_token()
    }

    /// Returns the credential that the bearer scheme of a login carries, where a refresh sends its token.
    pub fn bearer_credential(&self) -> Option<String> {
        let mut schemes = self.operation.security.iter().filter(|scheme| matches!(scheme.kind, SchemeKind::Token(_)));
        let scheme = schemes.next().filter(|_| self.kind == GrantKind::Login)?;
        Some(ident::snake(&scheme.name))
    }

    pub fn is_token(&self, name: &str) -> bool {
        self.token == Some(name)
    }
}

/// Returns the grants, with each alternative of `one-of`.
pub fn grants<'a>(model: &'a Model, x_token: &'a XToken) -> Result<Vec<Grant<'a>>, String> {
    let alternatives: Vec<Option<&'a str>> = x_token.alternatives().map(Some).collect();
    let alternatives = if alternatives.is_empty() { vec![None] } else { alternatives };
    let grants: Result<Vec<_>, String> =
        alternatives.into_iter().map(|alternative| grants_with(model, x_token, alternative)).collect();
    Ok(grants?.into_iter().flatten().collect())
}

/// Returns the grants with an alternative of `one-of`, or those without any.
fn grants_with<'a>(
    model: &'a Model,
    x_token: &'a XToken,
    alternative: Option<&'a str>,
) -> Result<Vec<Grant<'a>>, String> {
    let mut grants = Vec::new();
    let mut add = |kind, id: &str, parts: Parts<'a>, token: Option<&'a String>| {
        let operation = model.operation_with(&ident::snake(id), alternative);
        let operation = operation.ok_or_else(|| format!("there is no operation `{id}`"))?;
        let mut forms = x_token.forms(parts).into_iter();
        let form = forms.find(|form| form.alternative == alternative);
        let Form { body, computes, certificate, .. } = form.ok_or_else(|| format!("`{id}` has no such alternative"))?;
        let keeps = kind == GrantKind::Refresh && x_token.keeps_access_token();
        if kind != GrantKind::Revoke && !keeps && operation.success.ty.is_none() {
            return Err(format!("the success of `{id}` has no body"));
        }
        let body = operation.body.as_ref().map(|of| {
            let branches = model.branches(&of.component);
            let wanted = body.map(ident::pascal);
            let named = branches.iter().find(|branch| wanted.as_deref() == Some(**branch));
            *named.or(branches.first()).unwrap_or(&of.component.as_str())
        });
        let token = token.map(String::as_str);
        let certificate = certificate.map(ident::snake);
        let issues = match (kind, &x_token.login) {
            (GrantKind::Login, Some(login)) => login.then.is_empty(),
            (GrantKind::Then(index), Some(login)) => login.then.len() == index + 1,
            _ => kind != GrantKind::Revoke,
        };
        grants.push(Grant { kind, alternative, operation, body, token, left_out: None, computes, certificate, issues });
        Ok::<(), String>(())
    };
    if let Some(login) = &x_token.login {
        add(GrantKind::Login, &login.operation, login.parts(), None)?;
        for (index, then) in login.then.iter().enumerate() {
            add(GrantKind::Then(index), &then.operation, then.parts(), None)?;
        }
    }
    if let Some(refresh) = &x_token.refresh {
        add(GrantKind::Refresh, &refresh.operation, refresh.parts(), refresh.token.as_ref())?;
    }
    if let Some(revoke) = &x_token.revoke {
        add(GrantKind::Revoke, &revoke.operation, revoke.parts(), revoke.token.as_ref())?;
    }
    let shared = match &grants[..] {
        [login, refresh, ..] if login.operation.id == refresh.operation.id && login.body == refresh.body => {
            refresh.token.filter(|_| login.kind == GrantKind::Login && refresh.kind == GrantKind::Refresh)
        }
        _ => None,
    };
    if let Some(login) = grants.first_mut() {
        login.left_out = shared;
    }
    Ok(grants)
}
