//! A login of several requests: each must have the values that the response before it had.

use std::collections::HashMap;

use serde_json::Value;

use crate::refusal::{Reason, Refusal};
use crate::request::security::Presented;
use crate::request::values::RequestValues;
use crate::response::message::Response;
use crate::response::success;
use crate::spec::document::Document;
use crate::spec::name::snake;
use crate::spec::operation::Operation;
use crate::spec::value::as_text;
use crate::spec::x_token::action::Action;

/// The values that responses had, by the names of what takes them, each with its account.
pub(crate) type Handed = HashMap<(String, String), usize>;

/// A request of such a login.
pub(crate) struct Link<'a> {
    /// What the request takes of the response before; none for the first one.
    takes: Option<&'a Action>,
    /// The request after it; none for the last one.
    next: Option<&'a Action>,
}

impl<'a> Link<'a> {
    /// Returns the request of an operation; none if a login is one request.
    pub(crate) fn of(login: &'a Action, operation: &Operation) -> Option<Self> {
        let is_this = |action: &Action| action.operation == operation.operation_id;
        if login.then.is_empty() {
            None
        } else if is_this(login) {
            Some(Self { takes: None, next: login.then.first() })
        } else {
            let index = login.then.iter().position(is_this)?;
            Some(Self { takes: login.then.get(index), next: login.then.get(index + 1) })
        }
    }

    /// Whether its response has the token.
    pub(crate) fn is_last(&self) -> bool {
        self.next.is_none()
    }

    /// Returns the account whose values a request has; none for the first request.
    pub(crate) fn account(&self, handed: &Handed, values: &RequestValues) -> Result<Option<usize>, Refusal> {
        let mut account = None;
        for name in self.takes.iter().flat_map(|action| action.from.keys()) {
            let snake = snake(name);
            let field = values.fields.iter().find(|field| field.name == snake).map(|field| as_text(&field.value));
            let presented = values.presented.iter().find_map(|presented| match presented {
                Presented::Credential(known, value) if *known == snake => Some(value.clone()),
                _ => None,
            });
            let known = handed.get(&(snake, field.or(presented).unwrap_or_default()));
            if known.is_none() || account.is_some_and(|account| Some(&account) != known) {
                return Err(Refusal::about(Reason::Credential, name, "is not that of the response before"));
            }
            account = known.copied();
        }
        Ok(account)
    }

    /// Returns the response to a request that isn't the last: the example, with values that only the next request has.
    pub(crate) fn response(
        &self,
        document: &Document,
        operation: &Operation,
        (url, number): (&str, u64),
        account: usize,
        handed: &mut Handed,
    ) -> Response {
        let mut hand = |pointer: &str, old: Value| {
            let next = self.next?;
            if next.server.as_deref() == Some(pointer) {
                return Some(Value::from(url));
            }
            let (name, _) = next.from.iter().find(|(_, at)| *at == pointer)?;
            let new = match old {
                Value::Number(_) | Value::Bool(_) => old,
                _ => Value::from(format!("example-{}-{number}", snake(name).replace('_', "-"))),
            };
            handed.insert((snake(name), as_text(&new)), account);
            Some(new)
        };
        let places = self.next.iter().flat_map(|next| next.from.values().chain(&next.server));
        success::with_values(document, operation, places.map(String::as_str), &mut hand)
    }
}
